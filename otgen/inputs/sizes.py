"""Sizes that things say of themselves, judged before any of their entries is read."""

from __future__ import annotations

import math
from numbers import Number
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .scalars import shape_said


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape that something says it has, of a list that of its first entries; None where it says nothing.

    Examples
    --------
    >>> shape_of(np.zeros((2, 3))), shape_of([[0.0, 1.0]]), shape_of("points")
    ((2, 3), (1, 2), None)
    """
    if isinstance(value, list | tuple):
        inner = shape_of(value[0]) if value else ()
        return None if inner is None else (len(value), *inner)
    shape = shape_said(value)
    if isinstance(shape, tuple) and not isinstance(value, type):
        return tuple(shape)
    return () if isinstance(value, Number | np.generic) else None


def count_of(value: Any) -> int | None:
    """How many points a cloud, (n, d) or (n,), says that it has."""
    shape = shape_of(value)
    return shape[0] if shape is not None and len(shape) in (1, 2) else None


def dimension_of(value: Any) -> int | None:
    """How many coordinates the points of a cloud, (n, d) or (n,), say that they have."""
    shape = shape_of(value)
    return None if shape is None or len(shape) not in (1, 2) else (shape[1] or None) if len(shape) == 2 else 1


def same_dimension(one: int | None, other: int | None, names: tuple[str, str] = ("x", "y")) -> None:
    """Raise `InvalidInput` unless two clouds have equally many coordinates, where both numbers are known."""
    if one is not None and other is not None and one != other:
        raise InvalidInput(
            f"{names[0]} and {names[1]} must have the same number of coordinates; received {one} and {other}; project or pad one"
        )


def as_many(weights: Any, things: Any, name: str, of: str, *, axis: int = 0) -> None:
    """Raise for weights of another number than that of the things along an axis, where both say their shapes."""
    shape, own = shape_of(weights), shape_of(things)
    if shape is not None and own is not None and axis < len(own) <= 2 and 0 not in own:
        refuse_count(shape, own[axis], name, of)


def of_clouds(x: Any, y: Any, a: Any, b: Any) -> tuple[int, int] | None:
    """Numbers of points, (n, m), as far as two clouds say them; raises where these, or their weights, say sizes that do not belong together."""
    as_many(a, x, "a", "the points of x")
    as_many(b, y, "b", "the points of y")
    same_dimension(dimension_of(x), dimension_of(y))
    n, m = count_of(x), count_of(y)
    return None if n is None or m is None else (n, m)


def of_costs(C: Any, a: Any, b: Any) -> tuple[int, int] | None:
    """The same of a cost matrix."""
    as_many(a, C, "a", "the rows of C")
    as_many(b, C, "b", "the columns of C", axis=1)
    shape = shape_of(C)
    return (shape[0], shape[1]) if shape is not None and len(shape) == 2 else None


def refuse_count(shape: tuple[int, ...], size: int, name: str, of: str) -> None:
    """Raise unless a shape is that of ``size`` weights."""
    if shape != (size,):
        raise InvalidInput(
            f"{name} must have shape ({size},), one weight for each of {of}; received shape {shape}; {_one_each(shape, size, name)}"
        )


def _one_each(shape: tuple[int, ...], size: int, name: str) -> str:
    """What to pass in place of weights of another shape."""
    if len(shape) > 1 and math.prod(shape) == size:
        return f"flatten it with {name}.ravel()"
    return f"pass as many, or {'call otgen.transport(C, a, b) for a cost matrix' if len(shape) == 2 else 'None for uniform ones'}"
