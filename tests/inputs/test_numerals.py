"""Intervals as text: read back as fractions, they hold what they held, and no digit of them is idle."""

import math
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from otgen.inputs.numerals import beside_error, interval, lies, number, proven, width, within

FINITE = st.floats(allow_nan=False, allow_infinity=False)
LARGEST, LEAST = 1.7976931348623157e308, 5e-324


def ends(text):
    """Both ends as they are printed."""
    assert text[0] == "["
    assert text[-1] == "]"
    low, high = text[1:-1].split(", ")
    return low, high


def last_place(text):
    """The power of ten of the last digit that is not 0 of a number as printed."""
    return Decimal(text).normalize().as_tuple().exponent


def idle_zeros(text):
    """How many zeros end it that say nothing of its size."""
    digits = text.partition("e")[0]
    return len(digits) - len(digits.rstrip("0")) if "." in digits else 0


@st.composite
def intervals(draw):
    """Pairs of doubles: any, or a number and one that is near it by any power of ten, or by a few roundings."""
    one = draw(FINITE)
    kind = draw(st.sampled_from(("any", "near", "next")))
    if kind == "any":
        other = draw(FINITE)
    elif kind == "near":
        other = one + one * 10.0 ** draw(st.integers(-16, 3)) * draw(st.floats(1, 10))
    else:
        other = one
        for _ in range(draw(st.integers(0, 4))):
            other = math.nextafter(other, math.inf)
    if not math.isfinite(other):
        other = one
    return min(one, other), max(one, other)


@given(intervals())
@example((-LARGEST, LARGEST))
@example((LARGEST, LARGEST))
@example((0.0, LEAST))
@example((LEAST, 1.0))
@example((-1.0, -LEAST))
@example((0.1, 0.30000000000000004))
def test_an_interval_is_rounded_outwards_in_the_fewest_digits(pair):
    """Its ends differ, hold the true ones, and are at most a fifth farther apart; with a digit less they would say less than promised."""
    lower, upper = pair
    text = interval(lower, upper)
    if lower == upper:
        assert text.startswith("exactly ")
        assert float(text.removeprefix("exactly ")) == lower
        return
    printed = ends(text)
    low, high = map(Fraction, printed)
    size = Fraction(upper) - Fraction(lower)
    assert low <= Fraction(lower) < Fraction(upper) <= high
    assert low != high
    assert high - low <= Fraction(12, 10) * size
    assert 0 in map(idle_zeros, printed)
    for shown, true in zip(printed, pair):
        needed = min(size / 10, abs(Fraction(true)) / 10**4)
        assert shown == "0" or Fraction(10) ** (last_place(shown) + 1) > needed
        assert (Fraction(shown) == 0) == (true == 0)


@given(FINITE)
@example(1.25)
def test_an_end_may_be_infinite(value):
    low, high = ends(interval(value, math.inf))
    assert Fraction(low) <= Fraction(value)
    assert high == "inf"
    low, high = ends(interval(-math.inf, value))
    assert low == "-inf"
    assert Fraction(high) >= Fraction(value)
    assert interval(-math.inf, math.inf) == "[-inf, inf]"
    assert interval(math.inf, math.inf) == "infinite"


@given(intervals(), st.floats(0, 1))
@example((1.2e-10, 4.5), 0.0)
def test_a_value_lies_within_its_interval_as_printed(pair, share):
    lower, upper = pair
    value = min(max(lower * (1 - share) + share * upper, lower), upper)
    if lower < upper:
        low, high = ends(interval(lower, upper))
        assert Fraction(low) <= Fraction(within(value, lower, upper)) <= Fraction(high)
    else:
        assert float(within(value, lower, upper)) == value


@given(FINITE)
def test_a_number_alone_is_read_back(value):
    assert float(number(value)) == value
    assert "np." not in number(value)
    assert len(number(value, 5)) <= 12


@given(st.floats(-1e300, 1e300), st.floats(1e-300, 1e300))
def test_a_value_has_two_digits_of_its_standard_error(value, error):
    shown = Fraction(beside_error(value, error))
    assert abs(shown - Fraction(value)) <= Fraction(error) / 10


def test_words():
    assert interval(0.07745486480906778, 0.07745486480906840) == "[0.07745486480906778, 0.07745486480906840]"
    assert interval(0.94394597412, 1.414213555, 9) == "[0.943945974, 1.41421356]"
    assert within(0.1, None, None) == "0.1"
    assert within(0.1, -math.inf, math.inf) == "0.1"
    assert within(0.1 + 0.2, 0.1 + 0.2, 0.1 + 0.2) == "0.30000000000000004"
    assert interval(1.25, math.inf) == "[1.25, inf]"
    assert width(math.inf, math.inf) == "0"
    assert width(0.0, 5e-324) == "5e-324"
    assert lies(2.0, 2.0) == "is exactly 2"
    assert proven(0.0, 2.0, "of these samples") == ("proven within", "[0, 2], of these samples")
    assert beside_error(2.0, None) == "2"
