"""Data frames and labelled arrays: what has one name belongs together, and another order is refused, as scikit-learn does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from ..errors import InvalidInput

Names: TypeAlias = Sequence[Any]


def column_names(value: Any) -> Names | None:
    """What the columns of a table (pandas, polars, pyarrow and their likes), or of an xarray's last dimension, are called; else None.

    Labels of any kind are names: years, moments, and tuples of several levels.

    Examples
    --------
    >>> column_names(np.zeros((2, 2))) is None
    True
    """
    found = _labels(value) if _dims(value) else _names(value)
    return tuple(found) if found else None


def are_named(names: Names | None) -> bool:
    """Whether there are names other than 0, 1, 2, ..., which tables have where nobody gave them any.

    Examples
    --------
    >>> are_named(None), are_named((0, 1)), are_named((1, 0)), are_named(("a", "b"))
    (False, False, True, True)
    """
    return names is not None and list(names) != list(range(len(names)))


def differ(ours: Names | None, theirs: Names | None) -> bool:
    """Whether two sides are called otherwise, or stand in another order; what has no names goes by position.

    Examples
    --------
    >>> differ((0, 1), (1, 0)), differ((0, 1), ("a", "b")), differ((2020, 2021), (2021, 2020))
    (True, False, True)
    """
    if ours is None or theirs is None or list(ours) == list(theirs):
        return False
    return (are_named(ours) and are_named(theirs)) or (len(ours) == len(theirs) and set(ours) == set(theirs))


def same_columns(one: Any, other: Any, names: tuple[str, str] = ("x", "y")) -> None:
    """Refuse two tables, or labelled arrays, whose columns are called otherwise, or stand in another order.

    Raises
    ------
    InvalidInput
        Naming what has no partner, or the order, of columns or of dimensions.
    """
    _same_axes(_dims(one), _dims(other), names)
    ours, theirs = column_names(one), column_names(other)
    if not differ(ours, theirs):
        return
    dims = _dims(other)
    remedy = f"{names[1]}.sel({dims[1]}={list(ours or ())})" if dims else f"{names[1]}[list({names[0]}.columns)]"
    if hasattr(other, "column_names"):  # of pyarrow, whose columns are arrays
        remedy = f"{names[1]}.select({list(ours or ())})"
    refuse_other(ours or (), theirs or (), names, f"pass {remedy}")


def refuse_other(ours: Names, theirs: Names, names: tuple[str, str], remedy: str) -> NoReturn:
    """Raise `InvalidInput` for columns that differ, with a remedy for those in another order."""
    rule = f"{names[0]} and {names[1]} must have the same columns in the same order"
    alone = [repr(name) for mine, others in ((ours, theirs), (theirs, ours)) for name in mine if name not in others]
    if alone:
        raise InvalidInput(f"{rule}; received {', '.join(alone)} on one side only; select those that both have")
    told = [", ".join(map(str, side)) for side in (ours, theirs)]
    raise InvalidInput(f"{rule}; received {told[0]} and {told[1]}; {remedy}")


def row_names(value: Any) -> Names | None:
    """What the rows of a pandas table, the entries of a series, or those along an xarray's first dimension are called; None where they have no names.

    Examples
    --------
    >>> row_names([0.0, 1.0]) is None
    True
    """
    if hasattr(value, "coords") and getattr(value, "dims", ()):
        return np.asarray(value.coords[value.dims[0]]).tolist() if value.dims[0] in value.coords else None
    index = getattr(value, "index", None) if hasattr(value, "iloc") else None
    if index is None or callable(index):
        return None
    if all(hasattr(index, name) for name in ("start", "stop", "step")):  # a range of pandas'
        return range(index.start, index.stop, index.step)
    return tuple(index.tolist())


def same_names(axes: Mapping[str, Names | None]) -> None:
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
    first, ours = next((one for one in named if are_named(one[1])), ("", ()))
    for axis, names in named:
        if ours and differ(ours, names):
            k = next((k for k, pair in enumerate(zip(ours, names)) if pair[0] != pair[1]), min(len(ours), len(names)))
            told = [repr(side[k]) if k < len(side) else "nothing" for side in (ours, names)]
            raise InvalidInput(
                f"{first} and {axis} must have the same names in the same order; received {told[0]} and {told[1]} in place {k}; "
                f"bring both into one order with .loc, or pass arrays"
            )


def weighed_rows(cloud: Any, weights: Any, names: tuple[str, str]) -> None:
    """Refuse weights whose entries are called otherwise than the rows of their points, or stand in another order.

    Raises
    ------
    InvalidInput
        Naming the first entry that differs.

    Examples
    --------
    >>> weighed_rows([0.0, 1.0], [0.5, 0.5], ("x", "a"))
    """
    if weights is not None and (called := row_names(weights)) is not None:
        same_names({f"the rows of {names[0]}": row_names(cloud), names[1]: called})


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
