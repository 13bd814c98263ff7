"""Numbers as text, with as many digits as they have."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

_PLAIN = range(-5, 17)  # powers of ten that are written out


def interval(lower: float, upper: float) -> str:
    """A proven interval, rounded outwards to two digits of its width and five of its ends: it holds what it held, and its ends differ.

    Examples
    --------
    >>> interval(1.0, 1.5)
    '[1.0000, 1.5000]'
    >>> interval(0.0, 2e-154), interval(5.0, 5.0)
    ('[0, 2.0000e-154]', 'exactly 5.0')
    """
    if lower == upper:
        return f"exactly {lower!r}"
    ends = (_rounded(lower, upper, lower, ROUND_FLOOR), _rounded(lower, upper, upper, ROUND_CEILING))
    return f"[{ends[0]}, {ends[1]}]"


def width(lower: float, upper: float, certificate: str | None) -> str:
    """How wide an interval is, and what proves it.

    Examples
    --------
    >>> width(1.0, 1.5, "dual"), width(float("inf"), float("inf"), None)
    ('5.0e-01 (dual)', '0.0e+00')
    """
    size = 0.0 if lower == upper else upper - lower
    return f"{size:.1e}" + (f" ({certificate})" if certificate else "")


def within(value: float, lower: float | None, upper: float | None) -> str:
    """A value to the digits of its interval's ends; to twelve where it has none.

    Examples
    --------
    >>> within(1.41421356237309, 1.41, 1.42), within(2.0, None, None)
    ('1.4142', '2')
    """
    if lower is None or upper is None or lower == upper or not math.isfinite(value):
        return f"{value:.12g}"
    return _rounded(lower, upper, value, ROUND_HALF_EVEN)


def _rounded(lower: float, upper: float, value: float, rounding: str) -> str:
    """A number rounded to two digits of the width of an interval and five of its larger end."""
    if not (math.isfinite(value) and math.isfinite(upper - lower)):
        return f"{value:.12g}"
    with localcontext() as context:
        context.prec = 800  # every double is exact in so many digits
        width, largest = Decimal(upper) - Decimal(lower), max(abs(Decimal(lower)), abs(Decimal(upper)))
        step = Decimal(1).scaleb(min(width.adjusted() - 1, largest.adjusted() - 4))
        rounded = (Decimal(value) / step).to_integral_value(rounding) * step
        if rounded == 0:
            return "0"
        plain = rounded.adjusted() in _PLAIN and step.adjusted() > -24
        digits = max(rounded.adjusted() - step.adjusted(), 0)
        return format(rounded, f".{max(-step.adjusted(), 0)}f" if plain else f".{digits}e")
