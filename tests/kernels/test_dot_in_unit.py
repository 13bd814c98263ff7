"""Sums of products whose factors lie further apart than floats, against rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otgen.kernels.double_double import dot_in_unit

NUMBERS = st.floats(-1e308, 1e308)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8))
def test_against_rationals(pairs):
    left, right = np.array(pairs, float).reshape(-1, 2).T
    number, exponent = dot_in_unit(left, right)
    products = [Fraction(one) * Fraction(other) for one, other in pairs]
    size = max(map(abs, products), default=Fraction(0))
    assert abs(Fraction(number) * Fraction(2) ** exponent - sum(products)) <= size * Fraction(2) ** -50


@pytest.mark.parametrize("pairs", [[], [(0.0, 1e300)], [(1e300, 0.0), (0.0, 5e-324)]])
def test_of_nothing(pairs):
    assert dot_in_unit(*np.array(pairs, float).reshape(-1, 2).T)[0] == 0.0
