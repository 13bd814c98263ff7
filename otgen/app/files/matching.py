"""Sample sets side by side: coordinates of one name belong together, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import InvalidInput
from .names import option
from .samples import Samples
from .tables import told_left_out


def matched(sets: Sequence[Samples]) -> list[Samples]:
    """The sets with the coordinates of each in the order of the first.

    Raises
    ------
    InvalidInput
        Where two sets have names and these differ, or the numbers of coordinates do.

    Examples
    --------
    >>> first = Samples("a.csv", np.array([[1.0, 10.0]]), columns=("height", "weight"))
    >>> second = Samples("b.csv", np.array([[10.0, 1.0]]), columns=("weight", "height"))
    >>> matched([first, second])[1].points
    array([[ 1., 10.]])
    """
    named = next((one for one in sets if one.columns is not None), sets[0])
    for other in sets:
        _same_names(named, other)
    for other in sets[1:]:
        if other.dim != sets[0].dim:
            raise InvalidInput(
                f"{sets[0].name} and {other.name} must have the same number of coordinates; received {sets[0].dim} and "
                f"{other.dim}; choose columns with --columns, or slice the arrays"
            )
    return [_in_order(other, named.columns) for other in sets]


def aligned(names: Sequence[str] | None, masses: Samples, whose: str) -> Samples:
    """Masses in the order of ``names``, which are those of ``whose``; as they are where either has no names.

    Raises
    ------
    InvalidInput
        Where the rows of ``masses`` have other names, or several of one name.

    Examples
    --------
    >>> masses = Samples("a.csv", np.array([3.0, 1.0]), labels=("north", "south"))
    >>> aligned(["south", "north"], masses, "the rows of c.csv").points
    array([1., 3.])
    """
    labels = masses.labels
    if names is None or labels is None or tuple(names) == labels or len(names) != len(labels):
        return masses
    if sorted(names) != sorted(labels):
        if _is_numbering(names) or _is_numbering(labels):  # on one side only
            return masses
        alone = next((name for name in labels if name not in names), labels[0])
        raise InvalidInput(
            f"the rows of {masses.name} must be called like {whose}; received {alone!r} without a partner; use the same names, or "
            "leave them out to go by position"
        )
    if len(set(labels)) < len(labels):
        raise InvalidInput(
            f"the rows of {masses.name} must have different names, or the order of {whose}; received several of one name; rename them"
        )
    where = {name: k for k, name in enumerate(labels)}
    return replace(masses, points=masses.points[[where[name] for name in names]], labels=tuple(names))


def _is_numbering(names: Sequence[str]) -> bool:
    """Whether they count the rows, from 0 or from 1."""
    return any(list(names) == [str(k) for k in range(start, start + len(names))] for start in (0, 1))


def _same_names(first: Samples, other: Samples) -> None:
    if first.columns is None or other.columns is None or set(first.columns) == set(other.columns):
        return
    ours = [name for name in first.columns if name not in other.columns]
    theirs = [name for name in other.columns if name not in first.columns]
    alone = " and ".join(
        f"{', '.join(map(repr, names))} of {one.name}{_why(names, another)}"
        for one, another, names in ((first, other, ours), (other, first, theirs))
        if names
    )
    common = [name for name in first.columns if name in other.columns]
    remedy = f"compare what they share with {option(common)}" if common else "rename the columns"
    raise InvalidInput(
        f"{first.name} and {other.name} must have coordinates of the same names; received {alone} without a partner; {remedy}"
    )


def _why(names: list[str], another: Samples) -> str:
    """That a name is there in the other file, but was left out."""
    out = {name: another.left_out[name] for name in names if name in another.left_out}
    return f" (left out of {another.name}: {told_left_out(out)})" if out else ""


def _in_order(samples: Samples, columns: tuple[str, ...] | None) -> Samples:
    if columns is None or samples.columns is None or samples.columns == columns:
        return samples
    order = [samples.columns.index(name) for name in columns]
    return replace(samples, points=np.ascontiguousarray(samples.points[:, order]), columns=columns)
