"""Intervals as text: read back as fractions, they hold what they held."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from otgen.inputs.numerals import interval, width, within

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE)
def test_an_interval_is_rounded_outwards_and_its_ends_differ(one, other):
    lower, upper = sorted((one, other))
    text = interval(lower, upper)
    if lower == upper:
        assert text == f"exactly {lower!r}"
        return
    low, high = text.strip("[]").split(", ")
    assert low != high
    if math.isfinite(upper - lower):
        assert Fraction(low) <= Fraction(lower) < Fraction(upper) <= Fraction(high)
        assert Fraction(high) - Fraction(low) <= Fraction(12, 10) * (Fraction(upper) - Fraction(lower))


@given(FINITE, st.integers(1, 3))
def test_neighbouring_doubles_are_told_apart(value, steps):
    upper = value
    for _ in range(steps):
        upper = math.nextafter(upper, math.inf)
    if math.isfinite(upper):
        low, high = interval(value, upper).strip("[]").split(", ")
        assert Fraction(low) <= Fraction(value) < Fraction(upper) <= Fraction(high)


@given(FINITE, st.floats(0, 1), st.floats(1e-300, 1e300))
def test_a_value_lies_within_its_interval_as_printed(lower, share, size):
    upper = lower + size
    value = min(max(lower + share * size, lower), upper)
    if math.isfinite(upper - lower) and upper > lower:
        low, high = interval(lower, upper).strip("[]").split(", ")
        assert Fraction(low) <= Fraction(within(value, lower, upper)) <= Fraction(high)


def test_what_has_no_width():
    assert within(0.1, None, None) == "0.1"
    assert interval(1.25, math.inf) == "[1.25, inf]"
    assert width(math.inf, math.inf, None) == "0.0e+00"
