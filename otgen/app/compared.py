"""What a comparison compared, in words and for JSON: sizes, coordinates, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .files import Samples, told_left_out
from .words import counted, listed


def told(first: Samples, other: Samples) -> str:
    """Sizes and coordinates of two matched sets.

    Examples
    --------
    >>> import numpy as np
    >>> x = Samples("a.csv", np.zeros((2, 2)), columns=("u", "v"))
    >>> told(x, x), told(x, Samples("b.npy", np.zeros((3, 2))))
    ('2 x 2 points, 2 coordinates: u, v', '2 x 3 points, 2 coordinates: u, v, by position in b.npy')
    """
    named = [one for one in (first, other) if one.columns is not None]
    unnamed = [one.name for one in (first, other) if one.columns is None]
    if not named:
        names = " by position" if first.dim > 1 else ""
    else:
        names = f": {listed(named[0].columns or ())}" + (f", by position in {unnamed[0]}" if unnamed else "")
    return f"{len(first)} x {len(other)} points, {counted(first.dim, 'coordinate')}{names}"


def notes(sets: Sequence[Samples]) -> list[str]:
    """What was left out or assumed of each file, one sentence a file."""
    said = [f"{one.name}: left out {told_left_out(one.left_out)}" for one in sets if one.left_out]
    return [*said, *(f"{one.name}: {note}" for one in sets for note in one.notes)]


def to_dict(first: Samples, other: Samples) -> dict[str, Any]:
    """The same for JSON."""
    columns = first.columns or other.columns
    return {
        "files": [first.name, other.name],
        "points": [len(first), len(other)],
        "coordinates": first.dim,
        "names": list(columns) if columns else None,
        "matched_by": "name" if first.columns and other.columns else "position",
        "weighted": [one.weights is not None for one in (first, other)],
        "left_out": {one.name: one.left_out for one in (first, other) if one.left_out},
        "notes": notes((first, other)),
    }
