"""Divergences of files: estimated from samples, or exact for masses over the same atoms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import divergences
from ..errors import InvalidInput
from ..inputs import arrays
from ..inputs.types import Floats
from . import compared, files
from .files import Samples
from .measuring import read_sets
from .words import counted, spoken

_OF_SAMPLES: dict[str, Callable[..., Any]] = {
    "kl": divergences.kl_samples,
    "js": divergences.js_samples,
    "tv": divergences.tv_samples,
}


@dataclass(frozen=True)
class Found:
    """An estimate and what it is of."""

    name: str
    value: float
    error: float
    note: str
    compared: str

    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        error = f"{self.error:.2g}" + (f" ({self.note})" if self.note else "")
        return [("compared", self.compared), ("value", f"{self.value:.12g}"), ("error", error)]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which knows no infinity: an infinite value is null, and ``infinite`` says so."""
        finite = math.isfinite(self.value)
        return {
            "divergence": self.name,
            "value": self.value if finite else None,
            "infinite": not finite,
            "error": self.error,
            "note": self.note,
            "compared": self.compared,
        }


def check(kind: str, *, masses: bool) -> None:
    """Refuse what is not estimated from samples."""
    if not masses and kind not in _OF_SAMPLES:
        raise InvalidInput(
            f"--kind must be {', '.join(_OF_SAMPLES)} for files of samples; received {kind}; choose one of these, or add --masses"
        )


def estimate(kind: str, paths: list[Path], columns: str | None, key: str | None, *, masses: bool, seed: int) -> Found:
    """The divergence of two files."""
    if masses:
        return _of_masses(kind, [_masses(path, columns, key) for path in paths])
    first, other = read_sets(paths, columns, None, key)
    options = {} if kind == "kl" else {"rng": seed}
    try:
        found = _OF_SAMPLES[kind](first.points, other.points, **options)
    except InvalidInput as fault:
        raise InvalidInput(spoken(str(fault), (first.name, other.name))) from None
    told = "; ".join([compared.told(first, other), *compared.notes([first, other])])
    return Found(kind, found.value, found.error, found.note, told)


def _masses(path: Path, columns: str | None, key: str | None) -> Samples:
    (one,) = read_sets([path], columns, None, key)
    if one.dim != 1:
        raise InvalidInput(f"{one.name} must hold one column of masses; received {one.dim}; choose one with --columns")
    return one


def _of_masses(kind: str, sets: list[Samples]) -> Found:
    first, other = sets
    if len(first) != len(other):
        raise InvalidInput(
            f"{first.name} and {other.name} must hold masses of the same atoms; received {len(first)} and {len(other)}; add zeros"
        )
    other = files.aligned(first.labels, other, f"those of {first.name}")
    found = getattr(divergences, kind)(*(_shares(one) for one in (first, other)))
    matched, ours = compared.masses(first, other.labels)
    theirs = compared.masses(other, first.labels)[1]
    told = "; ".join([f"masses of {counted(len(first), 'atom')}, {matched or 'by position'}", *ours, *theirs])
    return Found(kind, found.value, found.error, found.note, told)


def _shares(one: Samples) -> Floats:
    """Masses divided by their sum."""
    found, _ = arrays.weights(one.points.ravel(), len(one), f"the masses of {one.name}", f"the atoms of {one.name}")
    return found / found.sum()
