"""Moments and durations, ``datetime64`` and ``timedelta64``: whole numbers of a unit that two clouds have in common."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInput


def is_moments(array: np.ndarray) -> bool:
    """Whether an array holds moments or durations."""
    return array.dtype.kind in "mM"


def counted(x: np.ndarray, y: np.ndarray, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray, str]:
    """Two clouds of moments, or of durations, as whole numbers (int64) of the finer of their units, and that unit.

    Raises
    ------
    InvalidInput
        Where only one cloud is of moments, for NaT, for units without a ratio (months and days, or none at all), and for moments that
        64 bits of the finer unit do not reach.

    Examples
    --------
    >>> counted(np.array(["2024-01-01"], "M8[D]"), np.array(["2024-01-01T01"], "M8[h]"), ("x", "y"))
    (array([473352]), array([473353]), 'h')
    """
    both = f"{names[0]} and {names[1]}"
    if x.dtype.kind != y.dtype.kind:
        raise InvalidInput(
            f"{both} must both be moments, durations or numbers; received dtypes {x.dtype} and {y.dtype}; convert one of them"
        )
    for name, z in zip(names, (x, y)):
        _refuse_missing(z, name)
    try:
        unit = np.datetime_data(np.promote_types(x.dtype, y.dtype))[0]
    except (TypeError, OverflowError):
        raise InvalidInput(
            f"{both} must have units of which one is a multiple of the other; received dtypes {x.dtype} and {y.dtype}; "
            f"convert one of them with .astype"
        ) from None
    if "generic" in (np.datetime_data(x.dtype)[0], np.datetime_data(y.dtype)[0]):
        raise InvalidInput(
            f"{both} must have a unit of time; received dtypes {x.dtype} and {y.dtype}; give one, such as .astype('m8[s]')"
        )
    wanted = np.dtype(f"{x.dtype.kind}8[{unit}]")
    one, other = (_counted(z, wanted, name) for z, name in zip((x, y), names))
    return one, other, unit


def _refuse_missing(moments: np.ndarray, name: str) -> None:
    missing = np.isnat(moments).reshape(len(moments), -1).any(axis=1)
    if missing.any():
        raise InvalidInput(
            f"{name} must be finite; received NaT in row {int(missing.argmax())} ({int(missing.sum())} such {'row' if missing.sum() == 1 else 'rows'}); drop or impute them"
        )


def _counted(moments: np.ndarray, wanted: np.dtype, name: str) -> np.ndarray:
    """The same in another unit, as whole numbers."""
    found = moments.astype(wanted)
    if (found.astype(moments.dtype) != moments).any():  # what overflows comes back as another moment
        raise InvalidInput(
            f"{name} must lie within the 64 bits of the finer of the two units; received dtype {moments.dtype} beside {wanted}; "
            f"convert the other cloud to {moments.dtype}"
        )
    return found.view(np.int64)
