"""What a comparison compared, in words and for JSON: sizes, coordinates, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    unnamed = tuple(one.name for one in (first, other) if one.columns is None)
    return f"{len(first)} x {len(other)} points, {coordinates(first.dim, first.columns or other.columns, unnamed)}"


def coordinates(dim: int, columns: tuple[str, ...] | None, unnamed: Sequence[str]) -> str:
    """What is compared: how many coordinates, what they are called, and the files in which they have no names.

    Examples
    --------
    >>> coordinates(2, ("u", "v"), ["a.npy"]), coordinates(1, None, [])
    ('2 coordinates: u, v, by position in a.npy', '1 coordinate')
    """
    if columns is None:
        return counted(dim, "coordinate") + (" by position" if dim > 1 else "")
    by_position = f", by position in {listed(tuple(dict.fromkeys(unnamed)), 3)}" if unnamed else ""
    return f"{counted(dim, 'coordinate')}: {listed(columns)}{by_position}"


def notes(sets: Sequence[Samples]) -> list[str]:
    """What was left out or assumed of each file, one sentence a file."""
    return [f"{one.name}: {said}" for one in sets for said in said_of(one)]


def masses(one: Samples, labels: Sequence[str] | None) -> tuple[str, list[str]]:
    """How masses were matched with what has ``labels``, and what was left out or assumed of them; what names them is not left out.

    Examples
    --------
    >>> import numpy as np
    >>> one = Samples("a.csv", np.ones(2), left_out={"atom": "text"}, labels=("u", "v"))
    >>> masses(one, ["u", "v"]), masses(one, None)
    (('by name', []), ('by position', ['a.csv: left out atom (text)']))
    """
    by_name = one.labels is not None and labels is not None and one.labels == tuple(labels)
    said = list(one.notes) if by_name else said_of(one)
    how = "by name" if by_name else "" if one.labels is None and labels is None else "by position"
    return how, [f"{one.name}: {sentence}" for sentence in said]


def said_of(one: Samples) -> list[str]:
    """What was left out or assumed of a file."""
    return [*([f"left out {told_left_out(one.left_out)}"] if one.left_out else []), *one.notes]


def grouped(notes: Mapping[str, Sequence[str]]) -> list[str]:
    """What was said of files, each sentence once.

    Examples
    --------
    >>> grouped({"a.csv": ["left out id"], "b.csv": ["left out id"], "c.csv": []})
    ['a.csv, b.csv: left out id']
    """
    names: dict[str, list[str]] = {}
    for name, said in notes.items():
        for sentence in said:
            names.setdefault(sentence, []).append(name)
    return [f"{listed(tuple(files), 3)}: {sentence}" for sentence, files in names.items()]


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
