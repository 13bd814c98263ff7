"""Planted errors: a library function that is a little off, to see which checks notice."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from typing import Any

import numpy as np
import torch


class Crooked:
    """A result or a plan whose numbers are a little off."""

    def __init__(self, honest: Any, scale: float) -> None:
        self._honest, self._scale = honest, scale

    def __getattr__(self, name: str) -> Any:
        return crooked(getattr(self._honest, name), self._scale)


def crooked(value: Any, scale: float = 1.02) -> Any:
    """A value like the given one, a little off: numbers, arrays, tensors, and what holds them; functions stay functions."""
    if isinstance(value, bool | str | None.__class__):
        return value
    if isinstance(value, int | float | np.floating):
        return value * scale + 0.003
    if isinstance(value, np.ndarray):
        return value * scale + 0.003 if np.issubdtype(value.dtype, np.floating) else value[::-1].copy()
    if isinstance(value, torch.Tensor):
        return value * scale + 0.003 if value.is_floating_point() else value.flip(0)
    if isinstance(value, tuple):
        parts = [crooked(part, scale) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [crooked(part, scale) for part in value]
    if isinstance(value, dict):
        return {key: crooked(part, scale) for key, part in value.items()}
    if callable(value) and not dataclasses.is_dataclass(value) and not isinstance(value, torch.nn.Module):
        return lambda *arguments, **options: crooked(value(*arguments, **options), scale)
    return Crooked(value, scale)


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


def plant(monkeypatch: Any, target: str, scale: float = 1.02) -> None:
    """Replace a function or method by one whose answers are a little off."""
    owner, name = located(target)
    honest = getattr(owner, name)

    @functools.wraps(honest)
    def off(*arguments: Any, **options: Any) -> Any:
        return crooked(honest(*arguments, **options), scale)

    monkeypatch.setattr(owner, name, off)


def plant_skipped(monkeypatch: Any, target: str) -> None:
    """Replace a function that acts on its arguments by one that does nothing."""
    owner, name = located(target)
    monkeypatch.setattr(owner, name, lambda *arguments, **options: None)
