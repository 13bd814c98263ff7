"""Powers of two: exact ways in and back, and no other file that knows them."""

import ast
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import Problem
from otgen.model.boxes import Box
from otgen.model.units import ONE, PowerOfTwo, Units, of_box, scaled

FOLDER = Path(otgen.__file__).parent
ELSEWHERE = {
    "inputs/whole.py",  # whole numbers become floats there, before there is a problem
    "divergences/samples.py",  # no transport problem: neighbours are looked for in a unit in which squares do not overflow
}


def names_of(path):
    return {node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)}


def test_no_other_file_takes_powers_of_two_out_or_puts_them_in():
    found = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*.py")
        if "kernels" not in path.parts and {"ldexp", "frexp"} & names_of(path)
    }
    assert found == ELSEWHERE | {"model/units.py"}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_above(number):
    power = Fraction(2) ** PowerOfTwo.above(number).exponent
    assert number == 0 or power / 2 <= abs(Fraction(number)) < power


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-2200, 2200))
def test_dividing_rounds_once(number, exponent):
    """Where the quotient does not underflow it is exact, and infinite only where it is beyond the range of floats."""
    found, exact = float(PowerOfTwo(exponent).divide(number)), Fraction(number) / Fraction(2) ** exponent
    try:
        expected = float(exact)
    except OverflowError:
        expected = math.copysign(math.inf, number)
    assert found == expected
    assert PowerOfTwo(-exponent).times(number) == expected


@pytest.mark.parametrize("scale", [1.0, 1e150, 1e-150, 1e300, 5e-324])
def test_the_diagonal_of_a_box(scale):
    x, y = np.array([[0.0, 0.0], [1.0, 2.0]]) * scale, np.array([[4.0, 6.0]]) * scale
    by = of_box(Box.around(x, y), 2.0, 2.0)
    assert (by == ONE) == (scale == 1.0)
    if scale != 1.0:
        assert 0.25 <= np.hypot(*by.divide(Box.around(x, y).extents)) < 1


@pytest.mark.parametrize(("metric", "p"), [("euclidean", 2), ("sqeuclidean", 1), (otgen.Minkowski(3), 1.5)])
@pytest.mark.parametrize("factor", [1e100, 1e-100])
def test_there_and_back(metric, p, factor):
    """Costs, distances, potentials and derivatives of a scaled problem, in the units of the problem as posed."""
    x, y = np.random.default_rng(0).random((2, 5, 3)) * factor
    posed = Problem.from_points(x, y, p=p, metric=metric)
    inside = scaled(posed)
    assert 2.0**-20 < inside.cost.highest < 2.0**20
    back = Units.of(inside)
    one, other = posed.cost.block(), inside.cost.block()
    np.testing.assert_allclose([back.cost(c) for c in other.ravel()], one.ravel(), rtol=1e-12)
    np.testing.assert_allclose(back.potentials(other), one, rtol=1e-12)
    np.testing.assert_allclose(back.potentials_in(one), other, rtol=1e-12)
    slopes = [cost.entry.slope(cost.x, cost.y, p) for cost in (posed.cost, inside.cost)]
    np.testing.assert_allclose(back.slopes(slopes[1]), slopes[0], rtol=1e-12)
    np.testing.assert_array_equal(inside.cost.x * 2.0 ** inside.cost.scale.root(inside.cost.degree).exponent, x)
