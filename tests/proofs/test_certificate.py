"""Bounds beside a value, in exact arithmetic."""

import math
from fractions import Fraction

import pytest

from otgen.proofs import Certificate, above, below

VALUES = [0.0, 1.0, -1.0, 1 / 3, 1e16, -1e300, 5e-324]
MARGINS = [5e-324, 1e-17, 2.0**-53, 1 / 3, 1.0, 1e17]


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("value", VALUES)
def test_a_margin_is_kept_in_full(value, margin):
    """Rounding takes nothing of it, and adds no more than two units in the last place."""
    low, high, exact, wide = below(value, margin), above(value, margin), Fraction(value), Fraction(margin)
    assert Fraction(low) < exact - wide
    assert exact + wide < Fraction(high)
    assert exact - wide - Fraction(low) <= 2 * Fraction(math.ulp(low))
    assert Fraction(high) - exact - wide <= 2 * Fraction(math.ulp(high))


@pytest.mark.parametrize("value", VALUES)
def test_without_a_margin_a_value_is_exact(value):
    assert below(value, 0.0) == value == above(value, 0.0)


@pytest.mark.parametrize(("value", "margin"), [(math.nan, 0.0), (math.nan, 1.0), (1.0, math.nan), (math.inf, math.inf)])
def test_of_what_is_nan_nothing_is_known(value, margin):
    assert below(value, margin) == -math.inf
    assert above(value, -margin) == math.inf


@pytest.mark.parametrize(
    ("lower", "upper", "held"),
    [
        (1.0, 1.0 + 1e-11, True),
        (1.0, 1.0 + 3e-10, False),
        (1.0, math.inf, False),
        (0.0, 5e-281, True),
        (0.0, 1e-200, False),
    ],
)
def test_optimal_is_as_narrow_as_rounding_lets_an_interval_be(lower, upper, held):
    assert Certificate("dual", lower, lower, upper, 2 * lower, 0.0).optimal is held
