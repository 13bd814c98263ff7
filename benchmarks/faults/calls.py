"""The calls that faults are done to: small, deterministic, and each with its own way through the library."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import otgen
from otgen import nn
from otgen.lab import training

RNG = np.random.default_rng(0)
X, Y = RNG.random((700, 3)), RNG.random((800, 3)) + 0.2
COSTS = RNG.integers(0, 90, (120, 140))
SETS = [RNG.normal(size=(n, 2)) for n in RNG.integers(12, 40, 16)]
INPUTS: list[np.ndarray] = [X, Y, COSTS, *SETS]
Call = Callable[[Path], Any]


def _interval(found: Any) -> tuple[Any, ...]:
    return found.value, found.lower, found.upper


def _solve(place: Path) -> Any:
    found = otgen.wasserstein(X, Y)
    return _interval(found), found.potentials


def _transport(place: Path) -> Any:
    found = otgen.transport(COSTS, normalize=True)
    return _interval(found), found.plan.values


def _sinkhorn(place: Path) -> Any:
    found = otgen.sinkhorn(X[:300], Y[:250], epsilon=otgen.Relative(0.05))
    return _interval(found), found.potentials, found.gradients()


def _partial(place: Path) -> Any:
    return _interval(otgen.partial_wasserstein(X[:300], Y[:250], penalty=0.1))


def _line(place: Path) -> Any:
    return _interval(otgen.wasserstein(X[:, 0], Y[:, 0], p=1))


def _batch(place: Path) -> Any:
    found = otgen.wasserstein_batch(SETS[:8] * 10, SETS[8:] * 10)
    return found.value, found.lower, found.upper


def _pairwise(place: Path) -> Any:
    return tuple(otgen.pairwise(SETS, bounds=True))


def _neighbors(place: Path) -> Any:
    found = otgen.neighbors(SETS, k=2)
    return found.indices, found.value


def _sliced(place: Path) -> Any:
    found = otgen.sliced_wasserstein(X, Y, rng=0)
    return found.value, found.standard_error


def _two_sample(place: Path) -> Any:
    return otgen.two_sample_test(X[:30], Y[:30], rng=0).p_value


def _loss(place: Path) -> Any:
    x = torch.tensor(X[:60], requires_grad=True)
    loss = nn.SinkhornLoss(epsilon=otgen.Relative(0.05))(x, torch.tensor(Y[:60]))
    loss.backward()
    return loss, x.grad


def _fit(place: Path) -> Any:
    found = nn.critics.fit(X[:300], Y[:300], steps=15, batch_size=64, rng=0)
    return found.estimate, found.lower, found.batch_lower, found.history


def _train(place: Path) -> Any:
    """A run that goes on where it stopped, if it did."""
    folder = place / "run"
    stopped = (folder / "checkpoint.safetensors").exists()
    found = training.train("sliced", "ring", steps=12, batch_size=32, folder=folder, resume=stopped)
    return {key: value for key, value in found.scores.items() if key != "seconds"}, found.snapshots


CALLS: dict[str, Call] = {
    "solve": _solve,
    "transport": _transport,
    "sinkhorn": _sinkhorn,
    "partial": _partial,
    "line": _line,
    "batch": _batch,
    "pairwise": _pairwise,
    "neighbors": _neighbors,
    "sliced": _sliced,
    "two_sample": _two_sample,
    "loss": _loss,
    "fit": _fit,
    "train": _train,
}


def digest(found: Any) -> str:
    """Of all bits of what a call returns."""
    whole = hashlib.sha256()
    _feed(whole, found)
    return whole.hexdigest()


def _feed(whole: Any, found: Any) -> None:
    if isinstance(found, Mapping):
        found = [part for key, value in sorted(found.items()) for part in (str(key), value)]
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu().numpy()
    if isinstance(found, np.ndarray | np.generic):
        whole.update(f"{found.dtype}{found.shape}".encode() + np.ascontiguousarray(found).tobytes())
    elif isinstance(found, float):
        whole.update(struct.pack("d", found))
    elif isinstance(found, bytes | str | int | None):
        whole.update(repr(found).encode())
    else:
        for part in found if isinstance(found, list | tuple) else vars(found).values():
            _feed(whole, part)
        whole.update(b";")
