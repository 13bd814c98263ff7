"""Data frames: columns of one name belong together, and a frame in another order is refused, as scikit-learn does."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidInput


def column_names(value: Any) -> tuple[str, ...] | None:
    """What the columns of a table are called (pandas, polars, pyarrow and their likes); None for arrays and numbered columns.

    Examples
    --------
    >>> column_names(np.zeros((2, 2))) is None
    True
    """
    found = _names(value)
    return tuple(found) if found and all(isinstance(name, str) for name in found) else None


def same_columns(one: Any, other: Any, names: tuple[str, str] = ("x", "y")) -> None:
    """Refuse two tables whose columns are called otherwise, or stand in another order.

    Raises
    ------
    InvalidInput
        Naming what has no partner, or the order.
    """
    ours, theirs = column_names(one), column_names(other)
    if ours is None or theirs is None or ours == theirs:
        return
    rule = f"{names[0]} and {names[1]} must have the same columns in the same order"
    alone = [repr(name) for mine, others in ((ours, theirs), (theirs, ours)) for name in mine if name not in others]
    if alone:
        raise InvalidInput(f"{rule}; received {', '.join(alone)} on one side only; select those that both have")
    raise InvalidInput(
        f"{rule}; received {', '.join(ours)} and {', '.join(theirs)}; pass {names[1]}[list({names[0]}.columns)]"
    )


def columns_of(value: Any) -> list[np.ndarray] | None:
    """The columns of a table one by one, each with its own dtype; None for what is no table.

    Examples
    --------
    >>> columns_of([[0.0, 1.0]]) is None
    True
    """
    names = _names(value)
    return None if names is None else [np.asarray(value[name]) for name in names]


def _names(value: Any) -> list[Any] | None:
    """What the columns of a table are called, be it by numbers."""
    if not any(hasattr(value, name) for name in ("__dataframe__", "__arrow_c_stream__", "iloc")):
        return None
    names = getattr(value, "column_names", None)
    names = getattr(value, "columns", None) if names is None else names
    return None if names is None else list(names)
