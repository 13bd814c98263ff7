"""What a collection of clouds looks like beside the tables that scikit-learn passes around."""

from __future__ import annotations

from inspect import ismodule
from typing import Any

from ..model.measure import Measure


def is_table(sets: Any) -> bool:
    """Whether ``sets`` is to scikit-learn a table, one row a sample, and not a collection of clouds.

    Collections are arrays of three axes, one-dimensional arrays of objects, lists of arrays, of measures, or of lists of different
    lengths, and what is neither array nor list, such as a path; lists of equally long lists of numbers are tables.

    Examples
    --------
    >>> import numpy as np
    >>> is_table([[0.0, 1.0], [2.0, 3.0]]), is_table([np.zeros(2), np.zeros(3)]), is_table([[0.0, 1.0], [2.0]])
    (True, False, False)
    """
    if isinstance(sets, list | tuple):
        return len(sets) > 0 and not any(_is_cloud(one) for one in sets) and len({_length(one) for one in sets}) < 2
    arrayed = any(hasattr(sets, name) for name in ("ndim", "__array__", "__dataframe__")) and not ismodule(sets)
    return arrayed and getattr(sets, "ndim", 2) < 3 and not holds_objects(sets)


def holds_objects(sets: Any) -> bool:
    """Whether ``sets`` has one axis, of entries that are objects, as numpy's arrays and pandas' columns may."""
    return getattr(sets, "ndim", 0) == 1 and getattr(getattr(sets, "dtype", None), "kind", "") == "O"


def _is_cloud(entry: Any) -> bool:
    """Whether an entry of a list is an array, a measure, or a list of points."""
    if isinstance(entry, Measure) or hasattr(entry, "ndim"):
        return getattr(entry, "ndim", 1) > 0
    return isinstance(entry, list | tuple) and any(isinstance(point, list | tuple) for point in entry)


def _length(entry: Any) -> int | None:
    return len(entry) if isinstance(entry, list | tuple) else None
