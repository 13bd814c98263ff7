"""Partial transport where masses, prices and powers of distances lie further apart than floats have digits: against rational arithmetic."""

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from chosen import few
from hypothesis import given
from hypothesis import strategies as st
from partial_truth import INF, assert_holds, rational_of_any_range

import otgen
from otgen import Status, partial_wasserstein, transport

FAR = [[0.0, 0.0], [1e12, 0.0]]


@pytest.mark.parametrize("p", [2, 8, 80, 300, 700])
@pytest.mark.parametrize("light", [1e-19, 1e-100, 1e-250, 5e-324])
@pytest.mark.parametrize("price", [1e14, 1e300])
def test_a_light_mass_that_stays_is_paid_for(p, light, price):
    """At p = 700 the value was 0 in [0, 0.96] for 1e-250 at a price of 1e14, and an error of numpy leaked at a price of 1e300."""
    found = partial_wasserstein(FAR, [[0.0, 0.0]], [1.0, light], [1.0], p=p, penalty=price)
    assert_holds(found, Fraction(light) * Fraction(price), p)
    assert found.status is Status.OPTIMAL
    assert found.solver == "Simplex in whole numbers"
    assert found.unmatched[0].tolist() == pytest.approx([0.0, light], rel=1e-15, abs=1e-307)


@pytest.mark.parametrize("p", [1, 2, 80, 700])
@pytest.mark.parametrize("price", [None, 1e14])
def test_a_mass_that_leaves_out_a_light_point(p, price):
    """An error of numpy leaked."""
    found = partial_wasserstein(
        FAR, [[0.0, 0.0], [1e3, 0.0]], [1, 1e-250], [0.5, 0.6], p=p, mass=1.0, **({"penalty": price} if price else {})
    )
    costs = [[Fraction(0), Fraction(10) ** (3 * p)], [Fraction(10) ** (12 * p), Fraction(10**12 - 1000) ** p]]
    assert_holds(found, rational_of_any_range(costs, [1, 1e-250], [0.5, 0.6], *[[price or 0.0] * 2] * 2, mass=1.0), p)


def number(rng, reach):
    return rng.choice([1.0, 3.0, 5.0]) * 10.0 ** rng.uniform(-reach, reach)


def drawn(seed, p):
    """Points on an axis, masses and prices, each about 1 or of any size, and perhaps a mass; and what all pairs cost, exactly."""
    rng = random.Random(seed)
    n, m = rng.randint(1, 3), rng.randint(1, 3)
    weights, prices, one_scale = (rng.choice([0, reach]) for reach in (290, 290, 1))
    a, b = ([number(rng, weights) for _ in range(k)] for k in (n, m))
    lam, mu = ([number(rng, prices) for _ in range(k)] for k in (n, m))
    scale = number(rng, 150 if p < 50 else 40)
    x, y = ([rng.randint(-4, 4) / 2 * (scale if one_scale else number(rng, 20)) for _ in range(k)] for k in (n, m))
    if rng.random() < 0.2:
        mu[0], b[0] = INF, min(b[0], a[-1])
    mass = None if rng.random() < 0.6 or INF in mu else rng.choice([0.0, 1e-200, 0.25, 1.0]) * min(sum(a), sum(b))
    costs = [[abs(Fraction(s) - Fraction(t)) ** p for t in y] for s in x]
    return (x, y, a, b, lam, mu, mass), costs


@few(25)
@given(seed=st.integers(0, 2**32 - 1), p=st.sampled_from([1, 2, 8, 50, 80, 300, 700]), line=st.booleans())
def test_points_against_exact_rationals(seed, p, line):
    (x, y, a, b, lam, mu, mass), costs = drawn(seed, p)
    if not line:
        x, y = ([[z, 0.0] for z in side] for side in (x, y))
    try:
        found = partial_wasserstein(x, y, a, b, p=p, penalty=(lam, mu), mass=mass)
    except otgen.InvalidInput as error:
        if "largest float" in str(error):
            assert rational_of_any_range(costs, a, b, lam, mu, mass) > Fraction(10) ** (307 * p)
        return
    assert_holds(found, rational_of_any_range(costs, a, b, lam, mu, mass), p)


@few(25)
@given(seed=st.integers(0, 2**32 - 1), low=st.sampled_from([1, -1]))
def test_listed_costs_against_exact_rationals(seed, low):
    (x, y, a, b, lam, mu, mass), _ = drawn(seed, 1)
    rng = random.Random(seed)
    C = np.array([[number(rng, 150) for _ in y] for _ in x])
    C[0, 0] *= low
    costs = [[Fraction(z) for z in row] for row in C.tolist()]
    try:
        found = transport(C, a, b, penalty=(lam, mu), mass=mass)
    except otgen.InvalidInput as error:
        if "largest float" in str(error):
            assert abs(rational_of_any_range(costs, a, b, lam, mu, mass)) > Fraction(10) ** 307
        return
    assert_holds(found, rational_of_any_range(costs, a, b, lam, mu, mass))


@pytest.mark.parametrize("p", [1, 2, 80])
@pytest.mark.parametrize("metric", ["euclidean", "cityblock", lambda x, y: np.abs(x - y.T)])
def test_short_and_long_distances_together(p, metric):
    """Squares of distances so far apart vanish in any unit of both."""
    x, y, a, b = [0.0, 1e-170, -1e150], [3e-170, 1e-169, 0.0], [1.0, 2.0, 1e-300], [0.5, 2.5, 1e-300]
    costs = [[abs(Fraction(s) - Fraction(t)) ** p for t in y] for s in x]
    found = partial_wasserstein(x, y, a, b, p=p, metric=metric, mass=2.75)
    assert_holds(found, rational_of_any_range(costs, a, b, [0.0] * 3, [0.0] * 3, 2.75), p)


def exactly(x, y, a, b, p, penalty):
    """Of points on an axis, in exact arithmetic."""
    costs = [[abs(Fraction(s) - Fraction(t)) ** p for t in y] for s in x]
    return rational_of_any_range(costs, a, b, *penalty)


@pytest.mark.parametrize(
    ("x", "y", "a", "b", "p", "penalty"),
    [
        ([1.4e84], [-2.8e84], [1.2e-171], [5.4e-234], 700, ([3.4e273], [3.6e-299])),
        ([0.0, -7.5e71, 0.0], [-5e-4], [7.7e-199, 8.3e-136, 7.1e183], [6.9e-142], 80, ([6.7e-291, 7.2e277, 1.3e-114], [6e-140])),
    ],
)  # fmt: skip
def test_what_stays_whatever_moves_is_paid_for_with_all_digits(x, y, a, b, p, penalty):
    """Products that vanished beside other masses or prices were missing, or rounded to few digits, in intervals called OPTIMAL that missed the truth."""
    found = partial_wasserstein(x, y, a, b, p=p, penalty=penalty)
    assert_holds(found, exactly(x, y, a, b, p, penalty), p)


def test_masses_equal_but_for_rounding_where_some_may_stay():
    """Both totals counted as one, so that a mass of 1e-20 had to move at 1e30, though it may stay for nothing."""
    C, a, b = np.array([[1e30], [0.0]]), [1e-20, 1.0], [1.0]
    found = transport(C, a, b, penalty=(0.0, INF))
    assert (found.value, found.upper) == (0.0, 0.0)
    assert transport(C, a, b, penalty=INF).value == pytest.approx(1e10)


def test_masses_below_twofold_precision_of_many_points():
    """Dummies were off by what twofold precision drops, so that no plan carried exactly the masses: 0 in [0, 1.3e12], which no plan costs."""
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 70, 2))
    x[0] += 1e6
    a, b = np.full(70, 1e-60), np.full(70, 1e-60)
    a[:2], b[0] = [1e-80, 1.0], 1.0
    y[0] = x[1]
    found = partial_wasserstein(
        x, y, a, b, p=80, mass=1.0
    )  # moves the large masses, which are at one place, and next to nothing
    assert (found.value, found.upper) == (0.0, 0.0)
    found = partial_wasserstein(x, y, a, b, p=80, mass=float(a.sum()), penalty=0.0)
    assert found.upper < 1e6


@pytest.mark.parametrize("p", [2, 80, 700])
@pytest.mark.parametrize("count", [2, 100])
def test_where_nothing_moves(p, count):
    """Of [0, 2.8] at p = 700 the value was 0."""
    x = np.arange(2.0 * count).reshape(count, 2)
    found = partial_wasserstein(x, x + 1e3, np.full(count, 0.5), np.ones(count), p=p, mass=0.0, penalty=(1e-9, 3.0))
    assert_holds(found, count * (Fraction(1e-9) / 2 + 3), p)


@pytest.mark.parametrize("p", [1, 2, 80, 700])
def test_beside_no_points(p):
    """Products that vanished beside other masses were missing, and at high orders the value was refused where only the cost is no float."""
    masses, prices = [1e-136, 1e184], [1e277, 1e-114]
    found = partial_wasserstein([], [0.0, 1.0], None, masses, p=p, penalty=(0.0, prices))
    assert_holds(found, sum(Fraction(z) * Fraction(c) for z, c in zip(masses, prices)), p)
    if p > 1:
        for price, mass in ((1e280, 1e284), (1e-280, 1e-284)):
            found = partial_wasserstein([], [0.0], None, [mass], p=p, penalty=price)
            assert_holds(found, Fraction(price) * Fraction(mass), p)


def test_derivatives_beyond_all_floats_are_no_nan():
    """Where all moves potentials were added in units in which they are infinite; and 0 was multiplied by a slope that is."""
    found = partial_wasserstein([1e17, -1e17, 5e16], [0.0], [0.0, 0.5, 1.5], [2.0], p=80, mass=2.0)
    assert not any(np.isnan(side).any() for side in found.potentials)
    found = partial_wasserstein(
        [-2e-109, 1e-109], [-2e-109], [1e-244, 1e293], [1e293], p=50, penalty=([0.0, 1e168], 1e-186)
    )
    gradients = found.gradients("value")
    assert not any(np.isnan(z).any() for z in (gradients.x, gradients.y, gradients.a, gradients.b))


def test_derivatives_of_few_points_add_up():
    """Of a cost that is of degree 1 in both masses."""
    a, b, prices = np.array([1.0, 1e-30, 2.0]), np.array([1e-25, 2.5]), ([1e20, 1e31, 3.0], [2e25, 5.0])
    found = partial_wasserstein([0.0, 3.0, 4.0], [1.0, 2.0], a, b, p=8, penalty=prices)
    assert_holds(found, exactly([0.0, 3.0, 4.0], [1.0, 2.0], a, b, 8, prices), 8)
    assert found.potentials[0] @ a + found.potentials[1] @ b == pytest.approx(found.cost, rel=1e-12)
    assert math.isclose(sum(found.plan.values) * found.mass + sum(found.unmatched[0]), a.sum(), rel_tol=1e-15)
