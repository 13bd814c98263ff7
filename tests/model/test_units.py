"""Powers of two: exact ways in and back, and no other file that knows them."""

import ast
import math
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from syntax import nodes

import otgen
from otgen import Problem
from otgen.model.boxes import Box
from otgen.model.units import (
    ONE,
    PowerOfTwo,
    Units,
    _stretched_number,
    mean_cost,
    moderate,
    of_box,
    powered,
    scaled,
    stretched,
)

FOLDER = Path(otgen.__file__).parent
POWERS = {"ldexp", "frexp"}
ELSEWHERE = {
    "inputs/whole.py",  # whole numbers become floats there, before there is a problem
    "divergences/affine.py",  # laws are moved and stretched there, and no cost is
    "divergences/density.py",  # no problem either: whether the scale of a law is one, by which nothing is rounded
    "divergences/samples.py",  # no transport problem: neighbours are looked for in a unit in which squares do not overflow
}


def names_of(path):
    return {node.attr for node in nodes(path, POWERS) if isinstance(node, ast.Attribute)}


def test_no_other_file_takes_powers_of_two_out_or_puts_them_in():
    found = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*.py")
        if "kernels" not in path.parts and POWERS & names_of(path)
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


@pytest.mark.parametrize("inner", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("extents", [[5.0], [3.9, 3.9, 3.9], [0.0, 7.9, 1.1], [1.0] * 50])
def test_the_diagonal_of_a_box_in_any_norm(inner, extents):
    """Of the two factors, for the longest side and for the diagonal beside it, each may be twice what is needed."""
    high = np.array(extents) * 2.0**200
    by = of_box(Box(np.zeros_like(high), high, np.zeros_like(high), high), inner, 2.0)
    assert 0.25 <= np.linalg.norm(high * 2.0**-by.exponent, inner) < 1


@pytest.mark.parametrize("largest", [1.0, -1.0])
def test_a_box_as_wide_as_floats_are(largest):
    ends = np.array([largest * np.finfo(float).max])
    by = of_box(Box(-ends, ends, -ends, ends), 2.0, 1.0)
    assert by == PowerOfTwo(1026)
    assert of_box(Box(ends, ends, ends, ends), 2.0, 1.0) == ONE


class TestPowers:
    def test_arithmetic(self):
        one, other = PowerOfTwo(7), PowerOfTwo(3)
        assert (one * other, one / other, one**3) == (PowerOfTwo(10), PowerOfTwo(4), PowerOfTwo(21))
        assert (one.root(2), one.root(0), other.root(1)) == (PowerOfTwo(3), ONE, other)

    @pytest.mark.parametrize("exponent", [-901, -900, -2, -1, 1, 2, 900, 901])
    def test_small_and_large(self, exponent):
        assert PowerOfTwo(exponent).divide(3.0) == math.ldexp(3.0, -exponent)
        assert PowerOfTwo(exponent).multiply(3.0) == math.ldexp(3.0, exponent)
        assert PowerOfTwo(exponent).shrinks == (exponent > 0)

    def test_how_far_a_number_may_be_divided(self):
        for exponent, number, reached in ((-1060, 1.0, -999), (-5, 2.0**1020, 0), (7, 1.0, 7), (-5, 1.0, -5)):
            assert PowerOfTwo(exponent).within_reach(number) == PowerOfTwo(reached)

    def test_one_leaves_numbers_alone(self):
        values = np.ones(3)
        assert ONE.divide(values) is values


def test_what_is_moderate():
    """Powers up to 2 to the 120th, either way, are; distances of 0 and others far away are told apart."""
    assert moderate(np.array([0.0, 2.0**58, 2.0**-58]), 2.0)
    assert not moderate(np.array([1.0, 2.0**59]), 2.0)
    assert not moderate(np.array([1.0, 2.0**-61]), 2.0)
    assert moderate(np.array([2.0**38, 2.0**-40]), 3.0)
    assert not moderate(np.array([2.0**39]), 3.0)
    assert moderate(np.array([2.0**58]), 1.0)
    assert not moderate(np.array([2.0**59]), 1.0)
    assert not moderate(np.array([1.0, math.inf]), 2.0)


@pytest.mark.parametrize("power", [0.5, -0.5, 3.0, 2.25, -7.75])
def test_stretching_by_any_power(power):
    with mpmath.workdps(30):
        truth = mpmath.mpf(3) * mpmath.mpf(2) ** power
        assert abs(stretched(3.0, power) / truth - 1) < 1e-15
        assert abs(_stretched_number(3.0, power) / truth - 1) < 1e-15
    assert (_stretched_number(-3.0, 1e300), _stretched_number(3.0, -1e300)) == (-math.inf, 0.0)
    assert (powered(1e200, 2.0), powered(3.0, 2.0)) == (math.inf, 9.0)


@pytest.mark.parametrize(
    ("number", "power"), [(1.2e308, 0.5), (1.5e308, -0.5), (1.5e308, -1.25), (5e-324, 0.75), (5e-324, 2100.5)]
)
def test_stretching_the_largest_and_the_least_floats(number, power):
    """Nothing overflows on the way, as the second did, and no digits are lost there."""
    with mpmath.workdps(30):
        truth = float(mpmath.mpf(number) * mpmath.mpf(2) ** power)
    for found in (_stretched_number(number, power), stretched(np.array([number]), power)[0]):
        assert found == pytest.approx(truth, rel=1e-12, abs=5e-324)


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


NUMBERS = [0.0, 1.0, 1 / 3, 0.7e-200, 1.3e150]
SHIFTS = [0, 1, -3, 40, -75]
ORDERS = [1.0, 1.1, 1.5, 2.0, 3.7, 9.3]
MASSES = [1.0, 0.1, 7.3, 1e30]
OWN = [None, 0.6, 1.9]
ROUNDING = mpmath.mpf(2) ** -53


def assert_either_side(least, most, low, high):
    """What is rounded outwards holds the least and the most that it may stand for, and little else."""
    assert low <= least
    assert most <= high
    assert high - low <= 1e-12 * most + 1e-290  # beside what underflows


class TestOutward:
    """Numbers in the caller's units, against 40 digits; a unit of a proof's own is off by one rounding."""

    @pytest.mark.parametrize("p", ORDERS)
    def test_costs(self, p):
        for number, shift, mass, unit in product(NUMBERS, SHIFTS, MASSES, OWN):
            back = Units(shift, p, mass=mass, unit=unit)
            with mpmath.workdps(40):
                size = mpmath.mpf(number) * mass * mpmath.mpf(2) ** (shift * mpmath.mpf(p))
                least, most = (1 if unit is None else (unit * (1 + e)) ** mpmath.mpf(p) for e in (-ROUNDING, ROUNDING))
                assert_either_side(size * least, size * most, back.cost(number, -1), back.cost(number, 1))

    @pytest.mark.parametrize("p", ORDERS)
    def test_distances_whose_powers_are_costs(self, p):
        for number, shift, mass, unit in product(NUMBERS, SHIFTS, MASSES, OWN):
            back = Units(shift, p, mass=mass, root=True, unit=unit)
            with mpmath.workdps(40):
                size = (mpmath.mpf(number) * mass) ** (1 / mpmath.mpf(p)) * mpmath.mpf(2) ** shift
                least, most = (1 if unit is None else unit * (1 + e) for e in (-ROUNDING, ROUNDING))
                assert_either_side(size * least, size * most, back.value(number, -1), back.value(number, 1))

    @pytest.mark.parametrize("outward", [-1, 1])
    def test_squares_are_their_own_values(self, outward):
        """And a unit of distances counts twice in them."""
        for number, shift, mass, unit in product(NUMBERS, (-40, -2, 0, 4, 40), MASSES, OWN):
            back = Units(shift, 1.0, mass=mass, root=True, unit=unit, degree=2)
            assert back.value(number, outward) == max(back.cost(number, outward), 0.0)
            with mpmath.workdps(40):
                size = mpmath.mpf(number) * mass * mpmath.mpf(2) ** shift
                least, most = (1 if unit is None else (unit * (1 + e)) ** 2 for e in (-ROUNDING, ROUNDING))
                assert_either_side(size * least, size * most, back.cost(number, -1), back.cost(number, 1))

    @pytest.mark.parametrize("outward", [-1, 0, 1])
    def test_what_is_exact_is_left_alone(self, outward):
        assert Units(5, 2.0).cost(3.0, outward) == 3072.0
        assert Units(-2, 1.5).cost(3.0, outward) == 0.375
        assert Units(3, 1.0, root=True).value(3.0, outward) == 24.0
        assert Units(5, math.inf).distance(3.0, outward) == 96.0

    def test_as_near_as_can_be_unless_one_side_is_asked_for(self):
        for back in (
            Units(5, 1.1),
            Units(5, 1.1, root=True),
            Units(5, 1.1, unit=1.3),
            Units(5, 1.1, root=True, unit=1.3),
        ):
            assert back.value(1 / 3) == back.value(1 / 3, 0)
            assert back.cost(1 / 3) == back.cost(1 / 3, 0)
            assert back.distance(1 / 3) == 32 / 3

    @pytest.mark.parametrize("p", [60.0, 200.0, 540.0])
    def test_a_unit_at_high_orders(self, p):
        """What it is off by counts p times."""
        back = Units(0, p, unit=1.9 if p < 500 else 0.6)
        with mpmath.workdps(40):
            least, most = (((back.unit * (1 + e)) ** mpmath.mpf(p)) * mpmath.mpf(1 / 3) for e in (-ROUNDING, ROUNDING))
            assert_either_side(least, most, back.cost(1 / 3, -1), back.cost(1 / 3, 1))

    @pytest.mark.parametrize("p", [2.700000000000216, 2.7000000000087425])
    def test_a_unit_whose_power_of_two_is_rounded(self, p):
        """1060 p is off by nearly half a unit in its last place, down or up."""
        back = Units(-1060, p, unit=0.75, mass=1e300)
        with mpmath.workdps(40):
            size = mpmath.mpf(1e300) ** 2 * (mpmath.mpf(0.75) * mpmath.mpf(2) ** -1060) ** mpmath.mpf(p)
            low, high = back.cost(1e300, -1), back.cost(1e300, 1)
            assert low <= size <= high <= (1 + 2e-12) * low

    def test_nothing_is_0_in_any_unit(self):
        assert Units(0, 8.0, unit=1e300).cost(0.0, 1) == 0.0
        assert Units(-1060, math.inf).distance(1 / 3) == math.ldexp(1 / 3, -1060)

    def test_beyond_the_range_of_floats(self):
        largest = np.finfo(float).max
        for back in (Units(600, 2.0), Units(600, 2.0, unit=1.5), Units(600, 2.0, mass=3.0)):
            assert (back.cost(1.0, -1), back.cost(1.0, 1)) == (largest, math.inf)
            assert back.cost(-1.0 if back.unit is None else 0.0, -1) in (-math.inf, 0.0)
        for back in (Units(-600, 2.0), Units(-600, 2.0, unit=1.5), Units(-600, 2.0, mass=3.0)):
            assert back.cost(1.0, -1) <= 0 < back.cost(1.0, 1) < 1e-300
        assert Units(0, 2.0, unit=1e-200).cost(math.inf, 1) == math.inf

    def test_derivatives(self):
        back = Units(5, 2.0, points_shift=3)
        assert (back.slopes(1.0), back.cotangent_of_points(1.0), back.cotangent_of_cost(1.0)) == (
            2.0**7,
            2.0**-3,
            2.0**-5,
        )
        assert (back.potentials(1.0, 2.0), back.potentials_in(1.0)) == (2.0**12, 2.0**-10)


@pytest.mark.parametrize("factor", [1e100, 1e-100])
def test_epsilon_and_relaxation_are_scaled_as_costs_are(factor):
    x, y = np.random.default_rng(0).random((2, 5, 2)) * factor
    posed = replace(Problem.from_points(x, y, p=1.5), epsilon=factor**1.5, relax=(2 * factor**1.5, math.inf))
    inside = scaled(posed)
    ratio = inside.cost.block()[0, 0] / posed.cost.block()[0, 0]
    np.testing.assert_allclose(
        [inside.epsilon, inside.relax[0]], [ratio * factor**1.5, 2 * ratio * factor**1.5], rtol=1e-12
    )
    assert inside.relax[1] == math.inf


@pytest.mark.parametrize(("factor", "epsilon"), [(1e100, 5e-324), (1e-100, 1e300)])
def test_an_epsilon_that_is_none_beside_the_costs_is_refused(factor, epsilon):
    x, y = np.random.default_rng(0).random((2, 5, 2)) * factor
    with pytest.raises(otgen.InvalidInput, match="epsilon must be comparable with the costs"):
        scaled(replace(Problem.from_points(x, y), epsilon=epsilon))


@pytest.mark.parametrize("exponent", [0, 700, -700, 1021])
@pytest.mark.parametrize("travelled", [1.0, 2.0**-30, 0.0])
def test_high_powers_on_the_line_are_of_distances_about_1(exponent, travelled):
    """As far as coordinates stay in the range of floats."""
    x = np.ldexp(np.array([0.0, 1.0, 3.0]), exponent)
    y = x + np.ldexp(np.array([0.0, travelled, 0.0]), exponent)
    posed = Problem.from_points(x, y, p=8.5)
    inside = scaled(posed)
    assert 0.5 <= inside.monotone.largest < 1 or travelled == 0
    by = (inside.cost.scale / posed.cost.scale).exponent
    np.testing.assert_array_equal(np.ldexp(inside.monotone.x, by), x)
    assert travelled or by == (0 if exponent <= 700 else exponent + 2 - 1000)


@pytest.mark.parametrize(("p", "epsilon"), [(8.0, 0.0), (math.inf, 0.0), (9.0, 1e300)])
def test_other_problems_on_the_line_are_scaled_by_their_extent(p, epsilon):
    x, y = np.array([0.0, 2.0**150]), np.array([2.0**100, 2.0**150])
    inside = scaled(replace(Problem.from_points(x, y, p=p), epsilon=epsilon))
    assert 0.25 <= np.abs(inside.cost.x).max() < 1


@pytest.mark.parametrize("factor", [1e60, 1.0, 1e-60])
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_mean_cost(factor, p):
    x, y = np.random.default_rng(0).random((2, 5, 2)) * factor
    problem = Problem.from_points(x, y, [1.0, 0, 2, 3, 2], [1.0, 1, 2, 1, 3], p=p)
    truth = np.average(np.linalg.norm(x[:, None] - y, axis=-1) ** p, weights=np.outer([1, 0, 2, 3, 2], [1, 1, 2, 1, 3]))
    assert mean_cost(problem) == pytest.approx(truth, rel=1e-13)


@pytest.mark.parametrize(("factor", "side"), [(1e160, "above"), (1e-170, "below")])
def test_a_mean_cost_beyond_floats_is_refused(factor, side):
    x, y = np.random.default_rng(0).random((2, 5, 2)) * factor
    with pytest.raises(otgen.InvalidInput, match=f"with one {side} that"):
        mean_cost(Problem.from_points(x, y, p=2))


@pytest.mark.parametrize("factor", [1e100, 1e-100])
def test_in_the_units_of_a_problem_that_is_scaled(factor):
    x, y = np.random.default_rng(0).random((2, 5, 2)) * factor
    posed = replace(Problem.from_points(x, y), epsilon=factor**2)
    inside = scaled(posed)
    assert Units.of(inside).cost(mean_cost(inside)) == pytest.approx(mean_cost(posed), rel=1e-12)
    assert scaled(inside).epsilon == inside.epsilon
    assert (Units.of(inside).mass, Units.of(inside).root) == (1.0, False)


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_points_whose_powers_are_moderate_are_left_alone(p):
    for exponent in (256 // max(int(p), 2) - 1, -256 // max(int(p), 2) - 1):
        high = np.array([2.0**exponent])
        kept, moved = (of_box(Box(0 * z, z, 0 * z, z), math.inf, p) for z in (high * 0.49, high))
        assert (kept == ONE, moved == ONE) == ((True, False) if exponent > 0 else (False, True))


@pytest.mark.parametrize(
    ("p", "factor", "remedy"),
    [
        (2, 1e160, "divide points by"),
        (8, 1e-60, "divide points by"),
        (8.5, 1e60, "divide points by about the largest distance, or use otgen.wasserstein"),
    ],
)
def test_the_remedy_for_a_mean_cost_beyond_floats(p, factor, remedy):
    x, y = np.random.default_rng(0).random((2, 5, 2)) * factor
    with pytest.raises(otgen.InvalidInput, match=f"; {remedy}"):
        mean_cost(Problem.from_points(x, y, p=p))


@pytest.mark.parametrize("size", [2.0**-9, 2.0**-600, 5e-324, 2.0**600])
def test_a_mean_cost_that_is_no_float_is_refused(size):
    """Where squares of lengths vanish too it was 0 in silence."""
    x, y = np.zeros((2, 3)), np.tile(size * np.array([1.0, 0.1, 0.0]), (3, 1))
    with pytest.raises(otgen.InvalidInput, match=f"with one {'above' if size > 1 else 'below'} that"):
        mean_cost(Problem.from_points(x, y, p=700))


def test_a_mean_cost_of_which_the_power_of_the_diagonal_is_no_float():
    x, y = np.zeros((2, 3)), np.tile([1.0, 0.1, 0.0], (3, 1))
    assert mean_cost(Problem.from_points(x, y, p=700)) == pytest.approx(1.01**350, rel=1e-12)


def test_nothing_to_pay_is_a_mean_cost_of_0():
    assert mean_cost(Problem.from_matrix(np.zeros((2, 3)))) == 0.0
    assert mean_cost(Problem.from_points(np.ones((2, 2)), np.ones((3, 2)))) == 0.0


@given(
    number=st.floats(5e-324, 1.0),
    p=st.sampled_from([1, 2, 2.5, 9, 100]),
    shift=st.integers(-1100, 1000),
    mass=st.sampled_from([1.0, 1e-300, 1e-160, 1e160, 1e300]),
    unit=st.sampled_from([None, 5e-324, 1e-160, 1.5]),
    root=st.booleans(),
)
@example(number=1e-300, p=100, shift=0, mass=1.0, unit=5e-324, root=True)
@example(number=1e-200, p=1, shift=1000, mass=1e-200, unit=None, root=True)
@example(number=1.0, p=1, shift=-530, mass=1e300, unit=1e-160, root=False)
@example(number=1.0, p=1, shift=-600, mass=1e300, unit=1e-160, root=False)
def test_ends_hold_whatever_underflows_on_the_way(number, p, shift, mass, unit, root):
    """An upper end of 0 was told of what is not 0, and 0 as the value of 1e-99."""
    with mpmath.workdps(60):
        cost = (
            mpmath.mpf(number)
            * mpmath.mpf(unit or 1.0) ** p
            * mpmath.mpf(2) ** (mpmath.mpf(shift) * p)
            * mpmath.mpf(mass)
        )
        truth = {"cost": cost, "value": cost ** (1 / mpmath.mpf(p)) if root else cost}
        back = Units(shift, p, mass=mass, root=root, unit=unit)
        for name, exact in truth.items():
            low, middle, high = (getattr(back, name)(number, outward) for outward in (-1, 0, 1))
            assert low <= exact <= high
            assert low <= middle <= high
            assert high > 0
            if 1e-290 < exact < 1e290:
                assert middle == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize("p", [20, 100])
def test_roots_below_the_least_float_on_the_line(p):
    found = otgen.wasserstein([0.0, 5e-324], [0.0, 0.0], [1.0, 1e-100], p=p, normalize=True)
    assert (found.lower, found.upper) == (0, 5e-324)


def test_prices_whose_products_underflow():
    found = otgen.partial_wasserstein([[1.0, 2.0]], np.empty((0, 2)), [1e-200], penalty=1e-200, p=1)
    assert found.lower <= 0 < found.upper


@pytest.mark.parametrize("size", [0.1, 0.25, 0.5, 1.0, 100.0])
@pytest.mark.parametrize("p", [300, 700])
def test_a_remedy_at_high_orders_is_not_what_was_passed(size, p):
    """It was to use otgen.Relative, which had been; and where all powers vanish epsilon became 0.05 itself, in silence. What is said helps."""
    x, y = size * np.random.default_rng(2).normal(size=(2, 10, 2))
    farthest = float(np.linalg.norm(x[:, None] - y, axis=-1).max())
    if abs(p * np.log10(farthest)) < 280:  # the mean cost is a share of the largest
        found = otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.05), p=p)
        assert found.lower <= found.value <= found.upper <= 1.0001 * found.lower
    else:
        with pytest.raises(otgen.InvalidInput, match="; divide points by about the largest distance, or"):
            otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.05), p=p)
    assert 0 < otgen.sinkhorn(x / farthest, y / farthest, epsilon=otgen.Relative(0.05), p=p).value < 1
    assert otgen.sinkhorn(x[:1], x[:1], epsilon=otgen.Relative(0.05), p=p).value == 0
