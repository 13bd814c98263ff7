"""Data frames and labelled arrays: what has one name belongs together, and another order is refused, as scikit-learn does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InvalidInput


def column_names(value: Any) -> tuple[str, ...] | None:
    """What the columns of a table (pandas, polars, pyarrow and their likes), or of an xarray's last dimension, are called; else None.

    Numbered columns have no names.

    Examples
    --------
    >>> column_names(np.zeros((2, 2))) is None
    True
    """
    found = _labels(value) if _dims(value) else _names(value)
    return tuple(found) if found and all(isinstance(name, str) for name in found) else None


def same_columns(one: Any, other: Any, names: tuple[str, str] = ("x", "y")) -> None:
    """Refuse two tables, or labelled arrays, whose columns are called otherwise, or stand in another order.

    Raises
    ------
    InvalidInput
        Naming what has no partner, or the order, of columns or of dimensions.
    """
    _same_axes(_dims(one), _dims(other), names)
    ours, theirs = column_names(one), column_names(other)
    if ours is None or theirs is None or ours == theirs:
        return
    rule = f"{names[0]} and {names[1]} must have the same columns in the same order"
    alone = [repr(name) for mine, others in ((ours, theirs), (theirs, ours)) for name in mine if name not in others]
    if alone:
        raise InvalidInput(f"{rule}; received {', '.join(alone)} on one side only; select those that both have")
    dims = _dims(other)
    remedy = f"{names[1]}.sel({dims[1]}={list(ours)})" if dims else f"{names[1]}[list({names[0]}.columns)]"
    if hasattr(other, "column_names"):  # of pyarrow, whose columns are arrays
        remedy = f"{names[1]}.select({list(ours)})"
    raise InvalidInput(f"{rule}; received {', '.join(ours)} and {', '.join(theirs)}; pass {remedy}")


def row_names(value: Any) -> tuple[str, ...] | None:
    """What the rows of a pandas table, or the entries of a series, are called; None where they are numbered, or have no names.

    Examples
    --------
    >>> row_names([0.0, 1.0]) is None
    True
    """
    index = getattr(value, "index", None) if hasattr(value, "iloc") else None
    if index is None or callable(index) or not all(isinstance(name, str) for name in index):
        return None
    return tuple(index)


def same_names(axes: Mapping[str, tuple[str, ...] | None]) -> None:
    """Refuse axes, told with the names along them, that belong together and are named otherwise or in another order.

    Raises
    ------
    InvalidInput
        Naming the first axis that differs from the first one with names.

    Examples
    --------
    >>> same_names({"C": ("a", "b"), "a": None, "b": ("a", "b")})
    """
    named = [(axis, names) for axis, names in axes.items() if names]
    for axis, names in named[1:]:
        first, ours = named[0]
        if names != ours:
            k = next((k for k, pair in enumerate(zip(ours, names)) if pair[0] != pair[1]), min(len(ours), len(names)))
            told = [repr(side[k]) if k < len(side) else "nothing" for side in (ours, names)]
            raise InvalidInput(
                f"{first} and {axis} must have the same names in the same order; received {told[0]} and {told[1]} in place {k}; "
                f"bring both into one order with .loc, or pass arrays"
            )


def columns_of(value: Any) -> list[np.ndarray] | None:
    """The columns of a table one by one, each with its own dtype; None for what is no table.

    Examples
    --------
    >>> columns_of([[0.0, 1.0]]) is None
    True
    """
    names = _names(value)
    if names is None:
        return None
    if hasattr(value, "iloc"):  # by place, since two columns may have one name
        return [np.asarray(value.iloc[:, k]) for k in range(len(names))]
    return [np.asarray(value.column(k) if hasattr(value, "column") else value[name]) for k, name in enumerate(names)]


def _same_axes(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None, names: tuple[str, str]) -> None:
    """Refuse two labelled arrays of which one has its points where the other has its coordinates."""
    if ours and theirs and (ours[0] == theirs[1] or ours[1] == theirs[0]):
        raise InvalidInput(
            f"{names[0]} and {names[1]} must have their dimensions in the same order, points before coordinates; received {', '.join(ours)} and "
            f"{', '.join(theirs)}; transpose one of them"
        )


def _dims(value: Any) -> tuple[str, str] | None:
    """What the two dimensions of an xarray are called; None for all else."""
    dims = getattr(value, "dims", None) if hasattr(value, "coords") else None
    both = isinstance(dims, tuple) and len(dims) == 2 and all(isinstance(dim, str) for dim in dims)
    return dims if both else None


def _labels(value: Any) -> list[Any]:
    """The labels of an xarray's last dimension."""
    dim = value.dims[1]
    return np.asarray(value.coords[dim]).tolist() if dim in value.coords else []


def _names(value: Any) -> list[Any] | None:
    """What the columns of a table are called, be it by numbers."""
    if not any(hasattr(value, name) for name in ("__dataframe__", "__arrow_c_stream__", "iloc")):
        return None
    names = getattr(value, "column_names", None)
    names = getattr(value, "columns", None) if names is None else names
    return None if names is None else list(names)
