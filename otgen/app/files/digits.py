"""Written numbers beside the doubles they are read as: which ones are other numbers, and matter."""

from __future__ import annotations

import decimal
from collections.abc import Iterable

import numpy as np

from ...inputs.types import Floats
from ...inputs.whole import EXACT

_PRECISE = decimal.Context(prec=5000)
_MATTERS = 1e-9  # of how far a column spreads: what OPTIMAL promises


def may_matter(values: Floats) -> bool:
    """Whether a rounding of the largest number matters: it is 2^53 or beyond, or large beside how far they spread, as seconds since 1970 are."""
    values = values[np.isfinite(values)]
    if not values.size:
        return False
    top, spread = float(np.abs(values).max()), float(np.ptp(values / 2)) * 2
    return top >= EXACT or top * 2.0**-53 > _MATTERS * spread > 0


def lost(cells: Iterable[str | decimal.Decimal | None]) -> str | None:
    """The first number that is another one as a double, to the digits it is written with: what a double was written as is none.

    Examples
    --------
    >>> lost(["9007199254740994.0", "1.000000000000000056e-01", "9007199254740993.0"])
    '9007199254740993.0'
    """
    return next((str(cell) for cell in cells if cell is not None and not _is_double(decimal.Decimal(cell))), None)


def _is_double(number: decimal.Decimal) -> bool:
    """Whether it is its double to half of the last digit."""
    held = decimal.Decimal(float(number))
    if not held.is_finite():
        return True  # refused as what is not finite
    unit = decimal.Decimal((0, (1,), int(number.as_tuple().exponent)))
    return 2 * _PRECISE.subtract(held, number).copy_abs() <= unit
