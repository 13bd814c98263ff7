"""Functions with arguments of many kinds: right calls, of which one argument or two are replaced by whatever may be."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable
from typing import Any

import junk
import numpy as np
import torch

from .calls import enter
from .draws import Draw, Numbers
from .forms import given
from .judges import CONSISTENT, EITHER, Trial, demand

_TABLES = {
    "": junk.DIVERGENCES | junk.LAWS,
    "nn": junk.LOSSES | junk.OBJECTIVES | junk.CRITICS,
    "otgen": junk.DISTANCES,
}
_HOMES = {  # words of the tables, and the public names that they are
    **{f"{name} of {what}": f"divergences.{name}" for name in ("kl", "js", "tv", "hellinger", "chi2") for what in ("masses", "laws", "Gaussians")},
    "f_divergence": "divergences.f_divergence", "f_divergence of laws": "divergences.f_divergence",
    "kl_samples": "divergences.kl_samples", "kl_samples by a classifier": "divergences.kl_samples", "js_samples": "divergences.js_samples",
    "tv_samples": "divergences.tv_samples", "Gaussian": "divergences.Gaussian", "Mixture": "divergences.Mixture", "Mixture.rvs": "divergences.Mixture.rvs",
    "unbalanced coupling.pair": "nn.coupling.pair", "FlowPrior": "nn.objectives.vae.FlowPrior.log_density",
    "FlowPrior.sample": "nn.objectives.vae.FlowPrior.sample",
}  # fmt: skip
_OTHERS = {
    "W_inf": "wasserstein", "entropic transport": "transport", "Simplex": "solvers.Simplex", "LinearProgram": "solvers.LinearProgram",
    "Sinkhorn": "solvers.Sinkhorn", "Annealing": "solvers.Annealing", "Plan.barycenters": "Result.plan", "EntropicPlan.barycenters": "Result.plan",
}  # fmt: skip
_RARE = {
    "critics.fit": 0.02,
    "kl_samples by a classifier": 0.1,
    "f_divergence of laws": 0.1,
    "js_samples": 0.2,
    "tv_samples": 0.2,
}
_SLOW = (" of laws", "on_the_line", "line_pair", "semi_discrete", "Funnels.w1", "elliptical", "isotropic")


def home(table: str, word: str) -> str:
    """The public name behind a word of the tables."""
    if word in _HOMES:
        return _HOMES[word]
    if table == "nn":
        parts = word.split(".")
        if parts[0] in ("gan", "wgan", "vae", "adversarial", "vqvae", "minibatch"):
            return f"nn.objectives.{word}"
        return f"nn.critics.{parts[-1]}" if word in junk.CRITICS else f"nn.{word}"
    if word in junk.LAWS:
        return f"laws.{word}"
    return _OTHERS.get(word, word.partition(" ")[0])


def _maker(function: Callable[..., Any], base: dict[str, Any]) -> Callable[[Draw], Trial]:
    def make(draw: Draw) -> Trial:
        arguments = dict(base)
        for _ in range(draw.one(0, 1, 1, 2)):
            if arguments:
                name = draw.one(*arguments)
                arguments[name] = replaced(draw, arguments[name])

        def ask() -> Any:
            with contextlib.redirect_stdout(io.StringIO()):
                return _or_no_file(lambda: function(**arguments))

        return Trial(ask, _no_nan(arguments), EITHER, _told(arguments), _whose(arguments))

    return make


def _told(arguments: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value)[:200] for name, value in arguments.items()}


def _whose(arguments: dict[str, Any]) -> str:
    """A network of the caller's may refuse what it is fed in torch's words."""
    return "torch" if any(isinstance(value, torch.nn.Module) for value in arguments.values()) else ""


def _or_no_file(call: Callable[[], Any]) -> Any:
    """What is asked; that a file is not there is said by Python, as the docs tell."""
    try:
        return call()
    except OSError as fault:
        return fault.errno


def replaced(draw: Draw, value: Any) -> Any:
    """Another argument of the same kind in any form, another number, or junk."""
    if draw.chance(0.12):
        return junk.value(draw.one(*junk.JUNK))
    if isinstance(value, torch.Tensor):
        return _tensor(draw, value)
    if isinstance(value, bool):
        return draw.one(True, False, 1, None)
    if isinstance(value, int | float):
        return draw.one(
            0,
            1,
            2,
            7,
            -1,
            0.5,
            1e-300,
            1e300,
            math.nan,
            math.inf,
            2**63,
            True,
            np.float32(0.5),
            np.array(2),
            "2",
            value,
            value * 2,
        )
    if isinstance(value, np.ndarray | list):
        shape = value.shape if isinstance(value, np.ndarray) else np.shape(np.array(value, dtype=object))
        size = draw.size() if draw.chance(0.5) else shape[0] if shape else 1
        numbers = Numbers.drawn(draw)(draw, (size, *shape[1:]) if draw.chance(0.85) else (size, draw.whole(0, 3)))
        if draw.chance(0.3):
            with np.errstate(all="ignore"):
                numbers = np.abs(numbers)
        return given(draw, numbers).thing
    return value


def _tensor(draw: Draw, value: torch.Tensor) -> torch.Tensor:
    shape = tuple(value.shape)
    if draw.chance(0.5) and shape:
        shape = (draw.size(12), *shape[1:])
    if draw.chance(0.15):
        shape = (*shape, draw.whole(0, 3)) if draw.chance(0.5) else shape[:-1]
    held = torch.from_numpy(np.array(Numbers.drawn(draw)(draw, shape)))
    held = held.to(
        draw.one(
            torch.float64,
            torch.float64,
            torch.float32,
            torch.float16,
            torch.bfloat16,
            torch.int32,
            torch.bool,
            torch.complex64,
        )
    )
    if draw.chance(0.08) and held.is_floating_point() and held.numel():
        held.view(-1)[0] = draw.one(math.nan, math.inf, -math.inf)
    if held.ndim >= 2 and draw.chance(0.2):
        held = held.transpose(0, 1).contiguous().transpose(0, 1)
    if held.ndim and draw.chance(0.1):
        held = held[:1].expand(held.shape)
    return held.requires_grad_() if held.is_floating_point() and draw.chance(0.4) else held


def _no_nan(arguments: dict[str, Any]) -> Callable[[Any], str]:
    """Of finite numbers no NaN is made."""
    finite = all(_finite(value) for value in arguments.values())

    def judge(answer: Any) -> str:
        parts = answer if isinstance(answer, tuple) else (answer,)
        for part in parts:
            if finite and isinstance(part, torch.Tensor | float | np.ndarray):
                demand(not _holds_nan(part), "NaN of finite numbers:", repr(answer)[:200])
        return CONSISTENT

    return judge


def _finite(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return (
            value.device.type == "cpu"
            and value.layout == torch.strided
            and value.is_floating_point()
            and bool(torch.isfinite(value).all())
        )
    if isinstance(value, int | float):
        return abs(value) < 1e300
    return isinstance(value, str | bool) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and bool(np.isfinite(value).all())
    )


def _holds_nan(part: Any) -> bool:
    return bool(torch.isnan(part).any()) if isinstance(part, torch.Tensor) else bool(np.isnan(part).any())


for table, entries in _TABLES.items():
    for word, (function, base) in entries.items():
        share = _RARE.get(word, 0.04 if any(end in word for end in _SLOW) else 0.12)
        enter(f"swapped {word}", _maker(function, base), (home(table, word),), share)
