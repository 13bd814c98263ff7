"""Numbers as text, with as many digits as they have, and rows of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

_OF_WIDTH, _OF_ENDS = 2, 5  # digits
_PLAIN, _PLACES = range(-4, 16), range(-6, 24)  # powers of ten, and places after the point, that are written out
_EXACT = Context(prec=1500)  # more digits than a difference of two doubles has


def interval(lower: float, upper: float, digits: int = _OF_ENDS) -> str:
    """A proven interval in the fewest digits, rounded outwards: it holds what it held, and its ends differ.

    Two digits of its width are kept, and five, or as many as are asked for, of each end. Ends that the width decides on have as many
    places as each other.

    Examples
    --------
    >>> interval(1.0, 1.5), interval(1.4142135623730945, 1.4142135623730954)
    ('[1.0, 1.5]', '[1.41421356237309447, 1.41421356237309537]')
    >>> interval(0.0, 2e-154), interval(1e-9, 4.123456), interval(5.0, 5.0)
    ('[0, 2e-154]', '[1e-9, 4.1235]', 'exactly 5')
    """
    if lower == upper:
        return "infinite" if lower == math.inf else f"exactly {number(lower)}"
    places = [_place(end, lower, upper, digits) for end in (lower, upper)]
    low, high = (
        _at(Decimal(float(end)), place, rounding)
        for end, place, rounding in zip((lower, upper), places, (ROUND_FLOOR, ROUND_CEILING))
    )
    common = min(_needed(low), _needed(high)) if places[0] == places[1] else None
    return f"[{_text(low, common)}, {_text(high, common)}]"


def lies(lower: float, upper: float, digits: int = _OF_ENDS) -> str:
    """Where a number lies, to follow a verb.

    Examples
    --------
    >>> f"the truth {lies(1.0, 1.5)}", f"the truth {lies(5.0, 5.0)}"
    ('the truth lies within [1.0, 1.5]', 'the truth is exactly 5')
    """
    return ("is " if lower == upper else "lies within ") + interval(lower, upper, digits)


def proven(lower: float, upper: float, whose: str = "") -> tuple[str, str]:
    """An interval as a row of a table: its name, and the interval with what it is an interval of.

    Examples
    --------
    >>> proven(1.0, 1.5, "of these samples"), proven(5.0, 5.0)
    (('proven within', '[1.0, 1.5], of these samples'), ('proven', 'exactly 5'))
    """
    name = "proven" if lower == upper else "proven within"
    return name, interval(lower, upper) + (f", {whose}" if whose else "")


def width(lower: float, upper: float, certificate: str | None = None) -> str:
    """How wide an interval is, and what proves it.

    Examples
    --------
    >>> width(1.0, 1.5, "dual"), width(5.0, 5.0)
    ('0.5 (dual)', '0')
    """
    size = 0.0 if lower == upper else upper - lower
    return number(float(f"{size:.1e}")) + (f" ({certificate})" if certificate else "")


def number(value: float, digits: int = 17) -> str:
    """A number alone: the shortest text that is read back as it, of at most so many digits.

    Examples
    --------
    >>> number(5.0), number(0.1), number(1 / 3, 5), number(1e300), number(float("inf"))
    ('5', '0.1', '0.33333', '1e+300', 'inf')
    """
    if not math.isfinite(value):
        return str(float(value))
    shortest = Decimal(repr(float(value)))
    return _text(_at(shortest, _last_power(shortest, digits), ROUND_HALF_EVEN))


def within(value: float, lower: float | None, upper: float | None) -> str:
    """A value to the digits of its interval, within which it lies as printed; to twelve where it has none.

    Examples
    --------
    >>> within(1.41421356237309, 1.41, 1.42), within(2.0, None, None), within(0.1, 0.1, 0.1)
    ('1.4142', '2', '0.1')
    """
    if lower is None or upper is None or not math.isfinite(value) or -lower == upper == math.inf:
        return number(value, 12)
    if lower == upper:
        return number(value)
    exact, larger = Decimal(float(value)), max((end for end in (lower, upper) if math.isfinite(end)), key=abs)
    rounded = _at(exact, _place(larger, lower, upper), ROUND_HALF_EVEN)
    if not lower <= rounded <= upper:  # the digits of the smaller end are finer
        rounded = _at(exact, _place(value, lower, upper), ROUND_HALF_EVEN)
    return _text(rounded)


def beside_error(value: float, error: float | None) -> str:
    """A value to two digits of its standard error; to twelve where it has none.

    Examples
    --------
    >>> beside_error(0.16488131, 0.0044), beside_error(2.0, 0.0)
    ('0.1649', '2')
    """
    if not error or not (math.isfinite(error) and math.isfinite(value)):
        return number(value, 12)
    return _text(_at(Decimal(float(value)), _last_power(Decimal(float(f"{error:.1e}")), _OF_WIDTH), ROUND_HALF_EVEN))


def _place(value: float, lower: float, upper: float, digits: int = _OF_ENDS) -> int:
    """The power of ten to which a number of an interval is rounded."""
    own = _last_power(Decimal(float(value)), digits) if math.isfinite(value) else 0
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return own
    return min(own, _last_power(_EXACT.subtract(Decimal(float(upper)), Decimal(float(lower))), _OF_WIDTH))


def _last_power(number: Decimal, digits: int) -> int:
    """The power of ten of the last of so many digits."""
    return number.adjusted() - digits + 1


def _at(number: Decimal, power: int, rounding: str) -> Decimal:
    """Rounded to a multiple of a power of ten."""
    if not number.is_finite():
        return number
    return number.scaleb(-power, _EXACT).to_integral_value(rounding).scaleb(power, _EXACT)


def _needed(number: Decimal) -> int:
    """The power of ten of the last digit that is not 0."""
    return int(number.normalize(_EXACT).as_tuple().exponent) if number and number.is_finite() else 0


def _text(number: Decimal, power: int | None = None) -> str:
    """All digits of a decimal, to that of a power of ten; without zeros at its end where none is said."""
    if not number or not number.is_finite():
        return "0" if not number else str(float(number))
    power = _needed(number) if power is None else power
    number = number.quantize(Decimal((0, (1,), power)), context=_EXACT)
    plain = number.adjusted() in _PLAIN and -power in _PLACES
    return f"{number:f}" if plain else f"{number:e}"


def in_rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """A title and rows of a name and a text.

    Examples
    --------
    >>> print(in_rows("Sizes", [("n", "3"), ("columns", "2")]))
    Sizes
      n        3
      columns  2
    """
    width = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows)])
