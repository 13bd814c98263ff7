"""Planted errors: a library function that is wrong in a known way, to see which comparisons notice."""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from otgen.errors import OtgenError
from otgen.lab.theorems import Sides
from otgen.lab.theorems.check import Check, generator

Error = Callable[[Any], Any]

# What becomes of every number that a function returns, from the mildest error on.
ERRORS: dict[str, Error] = {
    "slight": lambda z: z * 1.02 + 0.003,
    "fifth": lambda z: z * 1.2,
    "large": lambda z: z * 1.5 + 0.3,
    "small": lambda z: z * 0.5 - 0.3,
    "zero": lambda z: z * 0.0,
    "cubed": lambda z: z * z * z,
    "negated": lambda z: -z,
    "finite": lambda z: (
        torch.nan_to_num(z, posinf=9.0) if isinstance(z, torch.Tensor) else np.nan_to_num(z, posinf=9.0)
    ),
}


class Plant(NamedTuple):
    """A function by its dotted name, and what is wrong with it.

    The error is one of ERRORS, "drifting" (2 % more at every call), "swapped" (the first two arguments), "skipped" (nothing is
    done, and None returned), "noisy" (a network with a little noise on its outputs) or "mute" (a network that says 0).
    """

    target: str
    error: str = "slight"


class Crooked:
    """A result or a plan whose numbers are wrong."""

    def __init__(self, honest: Any, error: Error) -> None:
        self._honest, self._error = honest, error

    def __getattr__(self, name: str) -> Any:
        return crooked(getattr(self._honest, name), self._error)


def crooked(value: Any, error: Error = ERRORS["slight"]) -> Any:
    """A value with wrong numbers: numbers, arrays, tensors, and what holds them; functions stay functions."""
    if isinstance(value, bool | str | None.__class__):
        return value
    if isinstance(value, int | float | np.floating):
        return error(value)
    if isinstance(value, np.ndarray):
        return error(value) if np.issubdtype(value.dtype, np.floating) else value[::-1].copy()
    if isinstance(value, torch.Tensor):
        return error(value) if value.is_floating_point() else value.flip(0)
    if isinstance(value, tuple):
        parts = [crooked(part, error) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [crooked(part, error) for part in value]
    if isinstance(value, dict):
        return {key: crooked(part, error) for key, part in value.items()}
    if callable(value) and not dataclasses.is_dataclass(value) and not isinstance(value, torch.nn.Module):
        return lambda *arguments, **options: crooked(value(*arguments, **options), error)
    return Crooked(value, error)


class Spoiled(torch.nn.Module):
    """A network whose outputs are scaled, with noise of size 1e-6 on them."""

    def __init__(self, network: torch.nn.Module, scale: float) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.network(x)
        return self.scale * (y + 1e-6 * torch.randn_like(y))


def located(target: str) -> tuple[Any, str]:
    """The object and attribute that a dotted name stands for."""
    parts = target.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:split]))
        except ImportError:
            continue
        for name in parts[split:-1]:
            owner = getattr(owner, name)
        return owner, parts[-1]
    raise LookupError(target)


def plant(monkeypatch: Any, target: str, error: str = "slight") -> None:
    """Replace a function or method by one that is wrong."""
    owner, name = located(target)
    honest, calls = getattr(owner, name), itertools.count()

    @functools.wraps(honest)
    def wrong(*arguments: Any, **options: Any) -> Any:
        if error == "skipped":
            return None
        if error == "swapped":
            return honest(arguments[1], arguments[0], *arguments[2:], **options)
        if error in ("noisy", "mute"):
            return Spoiled(honest(*arguments, **options), 1.0 if error == "noisy" else 0.0)
        if error == "drifting":
            scale = 1.0 + 0.02 * next(calls)
            return crooked(honest(*arguments, **options), lambda z: z * scale)
        return crooked(honest(*arguments, **options), ERRORS[error])

    monkeypatch.setattr(owner, name, wrong)


Key = tuple[str, int]


def numbered(comparisons: Iterable[Sides]) -> Iterator[tuple[Key, Sides]]:
    """Comparisons, each with its words and how many of the same words came before."""
    seen: collections.Counter[str] = collections.Counter()
    for one in comparisons:
        yield (one.what, seen[one.what]), one
        seen[one.what] += 1


def found(check: Check) -> Iterator[tuple[Key, Sides]]:
    """The comparisons of a check as they come, until one cannot be computed."""
    try:
        yield from numbered(check.run(generator(check, 0)))
    except (OtgenError, ArithmeticError, ValueError, RuntimeError, TypeError):
        return


def reds(check: Check, patch: Any, planted: Plant) -> set[Key]:
    """The comparisons of a check that do not stand once an error is planted."""
    with patch.context() as own, np.errstate(all="ignore"):
        plant(own, *planted)
        return {key for key, one in found(check) if not one.stands}
