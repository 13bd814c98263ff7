"""Problems whose points do not all count, solved among problems of their own size: as if padding had never been there, to the last bit.

Axes of an array behind the first, that of problems, are told by letters: ``x`` and ``y`` for the points of either side, ``k`` for the
entries of plans, of which there are as many as points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InvalidInput

Solve = Callable[..., Any]


def solved(solve: Solve, counted: np.ndarray | None, given: str, found: str, *arrays: np.ndarray) -> Any:
    """``solve(*arrays)``, where only points count that are ``counted`` (B, n + m), None for all.

    Parameters
    ----------
    solve : callable
        Of arrays (B, ...); returns one array (B, ...) or several.
    counted : ndarray of bool or None
        Those of x, then those of y.
    given, found : str
        Axes of what goes in and what comes out, one word an array: ``"x y x y -"``. Indices come as ``x`` and ``y`` of plans:
        ``kx``, ``ky``.
    *arrays : ndarray
        What goes in.

    Returns
    -------
    tuple of ndarray, or ndarray
        What ``solve`` returns, 0 at padding.
    """
    if counted is None:
        return solve(*arrays)
    first = arrays[0]
    n = first.shape[1]
    kept = {"x": counted[:, :n], "y": counted[:, n:]}
    sizes = np.stack([side.sum(1) for side in kept.values()], 1)
    refuse_empty(sizes.min(1), "a mask")
    places = {name: np.argsort(~side, axis=1, kind="stable") for name, side in kept.items()}
    whole = {"x": n, "y": counted.shape[1] - n, "k": counted.shape[1]}
    out: list[np.ndarray] | None = None
    for size in np.unique(sizes, axis=0):
        some = np.flatnonzero((sizes == size).all(1))
        at = {name: places[name][some, :count] for name, count in zip("xy", size)}
        parts = solve(*(_taken(z[some], axes, at) for z, axes in zip(arrays, given.split(), strict=True)))
        several = isinstance(parts, tuple)
        parts = list(parts) if several else [parts]
        if out is None:
            out = [_room(z, axes, len(first), whole) for z, axes in zip(parts, found.split(), strict=True)]
        for target, part, axes in zip(out, parts, found.split(), strict=True):
            _put(target, part, axes, some, at)
    if out is None:
        return solve(*arrays)  # no problems
    return tuple(out) if " " in found else out[0]


def refuse_empty(counts: np.ndarray, name: str) -> None:
    """Raise where none of the points of a cloud counts; counts are (B,)."""
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        raise InvalidInput(
            f"{name} must leave a point that counts; received none in problem {empty[0]} of {len(counts)}; leave that one out"
        )


def _taken(array: np.ndarray, axes: str, at: dict[str, np.ndarray]) -> np.ndarray:
    """What counts of an array of problems of one size."""
    if axes == "-":
        return array
    if axes == "xy":
        return np.take_along_axis(np.take_along_axis(array, at["x"][:, :, None], 1), at["y"][:, None, :], 2)
    index = at[axes]
    return np.take_along_axis(array, index.reshape(*index.shape, *(1,) * (array.ndim - 2)), 1)


def _room(part: np.ndarray, axes: str, size: int, whole: dict[str, int]) -> np.ndarray:
    """Zeros for all problems, of the full size."""
    rest = part.shape[1:] if axes == "-" else (whole[axes[0]], *part.shape[2:])
    return np.zeros((size, *rest), part.dtype)


def _put(target: np.ndarray, part: np.ndarray, axes: str, some: np.ndarray, at: dict[str, np.ndarray]) -> None:
    """An answer of problems ``some``, where it belongs."""
    if axes == "-":
        target[some] = part
    elif axes[0] == "k":
        if len(axes) > 1:
            part = np.take_along_axis(at[axes[1]], part, 1)
            target[some] = part[:, :1]  # padding that is no pair far away
        target[some, : part.shape[1]] = part
    else:
        target[some[:, None], at[axes]] = part
