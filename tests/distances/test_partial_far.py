"""Partial transport where points lie far beyond what leaving them costs, and at high orders: a pair that costs more than that counts no further."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.sparse
from hypothesis import example, given
from hypothesis import strategies as st
from partial_truth import rational_of_any_masses
from scipy.spatial.distance import cdist

import otgen
from otgen import Status, partial_wasserstein

METRICS = ["euclidean", "cityblock", "chebyshev"]


@given(
    seed=st.integers(0, 2**32 - 1),
    p=st.sampled_from([1, 2, 7, 30, 90, 300, 700]),
    metric=st.sampled_from(METRICS),
    outlier=st.sampled_from([0.0, 1e6, 1e40, 1e150, 1e300]),
)
def test_against_exact_rationals(seed, p, metric, outlier):
    """Prices of at most 1: a pair at more than 3 ** (1/p) need not be known."""
    rng = np.random.default_rng(seed)
    n, m, d = (int(k) for k in rng.integers(1, 5, 3))
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    apart = np.minimum(cdist(x, y, metric), 3 ** (1 / p))
    if outlier:
        x[0] += outlier
        apart[0] = 3 ** (1 / p)
    a, b = rng.integers(1, 6, n), rng.integers(1, 6, m)
    prices = [(1 - 0.01 * rng.random(k)) ** p for k in (n, m)]
    truth = float(rational_of_any_masses(apart**p, a, b, *prices))
    found = partial_wasserstein(x, y, a, b, p=p, metric=metric, penalty=prices)
    assert found.lower <= truth ** (1 / p) * (1 + 1e-12)
    assert found.upper >= truth ** (1 / p) * (1 - 1e-12)
    assert found.gap <= 1e-9 * found.value
    assert found.status is Status.OPTIMAL


@pytest.mark.parametrize("outlier", [1e6, 1e100, 1e140, 1e200])
@pytest.mark.parametrize(
    ("n", "d", "p", "metric"), [(300, 2, 2, "euclidean"), (280, 1, 1, "cityblock"), (290, 3, 2, otgen.Minkowski(3))]
)
def test_far_points_stay_and_change_nothing_else(n, d, p, metric, outlier):
    """Cells of points, whose bounds are no floats there, once said what is proven to be too large."""
    rng = np.random.default_rng(0)
    x, y, a, b = rng.normal(size=(n, d)), rng.normal(size=(n + 7, d)), np.full(n, 1.0), np.full(n + 7, 1.0)
    near = partial_wasserstein(np.delete(x, 3, 0), np.delete(y, 5, 0), a[1:], b[1:], p=p, metric=metric, penalty=0.25)
    x[3] += outlier
    y[5] -= outlier
    found = partial_wasserstein(x, y, a, b, p=p, metric=metric, penalty=0.25)
    assert found.status is near.status is Status.OPTIMAL
    assert found.cost_lower <= near.cost_upper + 0.5
    assert found.cost_upper >= near.cost_lower + 0.5
    assert (found.unmatched[0][3], found.unmatched[1][5]) == (1.0, 1.0)
    assert found.cost_upper - found.cost_lower < 1e-9 * found.cost
    y[5] = x[3]  # at one place they meet
    met = partial_wasserstein(x, y, a, b, p=p, metric=metric, penalty=0.25)
    assert met.cost_lower <= near.cost_upper
    assert met.cost_upper >= near.cost_lower


@pytest.mark.parametrize("p", [2, 40, 100, 300, 500, 700])
def test_a_high_order_tends_to_the_price(p):
    """The value was 0 in [0, 4] from p = 500 on, of a plan that moved what should have stayed."""
    x, y = np.random.default_rng(0).normal(size=(2, 6, 2))
    found = partial_wasserstein(x, y, p=p, penalty=1.0)
    shares = found.plan.todense()
    moved, shares = cdist(x, y)[shares > 0], shares[shares > 0]
    assert moved.max() < 2 ** (1 / p) * (1 + 1e-12), (
        "a pair that costs more than leaving both of its ends is never used"
    )
    paid = sum(side.sum() for side in found.unmatched)
    cost = paid + found.mass * shares @ moved**p
    assert found.lower <= cost ** (1 / p) <= found.upper
    assert found.status is Status.OPTIMAL


def asked(kind, rng, a, b, size):
    """Prices of sources and of targets, and a mass, of which at least one leaves no limit of its own to what a pair may cost."""
    lam, mu = (size * rng.random(k) for k in (len(a), len(b)))
    some = rng.choice([0.25, 0.5, 1.0]) * min(a.sum(), b.sum())
    return {
        "mass": (np.zeros(len(a)), np.zeros(len(b)), some),
        "mass and prices": (lam, mu, some),
        "mass and huge prices": (lam * 1e60, mu * 1e90, some),
        "huge prices": (np.full(len(a), 1e200), np.full(len(b), 1e250), None),
        "one huge price": (np.where(np.arange(len(a)) == 0, 1e200, lam), mu, None),
        "all of the lighter side": (lam, mu, min(a.sum(), b.sum())),
    }[kind]


KINDS = ["mass", "mass and prices", "mass and huge prices", "huge prices", "one huge price", "all of the lighter side"]


@given(
    seed=st.integers(0, 2**32 - 1),
    p=st.sampled_from([1, 2, 7, 30, 90, 300, 700]),
    metric=st.sampled_from(METRICS),
    kind=st.sampled_from(KINDS),
    masses=st.sampled_from(["whole", "any", "equal"]),
)
def test_where_prices_set_no_limit_against_exact_rationals(seed, p, metric, kind, masses):
    """The value was 0 in [0, 4.2] at p = 500, which no plan costs, and that of all moved, called proven, beside one price of 1e200."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, 5, 2))
    x, y = rng.random((n, 2)), rng.random((m, 2))
    draws = {"whole": lambda k: rng.integers(1, 6, k).astype(float), "any": rng.random, "equal": np.ones}
    a, b = draws[masses](n), draws[masses](m)
    apart = cdist(x, y, metric)
    costs = [
        [Fraction(distance) ** p for distance in row] for row in apart.tolist()
    ]  # those of 0.1 ** 700 are no floats
    lam, mu, mass = asked(kind, rng, a, b, float(np.quantile(apart, 0.3)) ** p)
    cost = rational_of_any_masses(costs, a, b, lam, mu, mass)
    truth = math.exp((math.log(cost.numerator) - math.log(cost.denominator)) / p)
    found = partial_wasserstein(x, y, a, b, p=p, metric=metric, penalty=(lam, mu), mass=mass)
    assert found.lower <= truth * (1 + 1e-12)
    assert found.upper >= truth * (1 - 1e-12)
    assert found.gap <= 1e-9 * found.value


@example(0, "mass", 1e100, -1)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(KINDS),
    far=st.sampled_from([1e10, 1e100, 1e300]),
    low=st.sampled_from([0, -1]),
)
def test_listed_costs_far_beyond_what_is_needed(seed, kind, far, low):
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, 5, 2))
    a, b = rng.integers(1, 6, n).astype(float), rng.integers(1, 6, m).astype(float)
    C = rng.random((n, m)) + low
    C[rng.random((n, m)) < 0.3] *= -far if low else far
    lam, mu, mass = asked(kind, rng, a, b, 1.0)
    truth = float(rational_of_any_masses(C, a, b, lam, mu, mass))
    found = otgen.transport(C, a, b, penalty=(lam, mu), mass=mass)
    assert found.lower <= truth + 1e-12 * abs(truth)
    assert found.upper >= truth - 1e-12 * abs(truth)
    if a.sum() != b.sum():  # else all may move, and there are no dummies
        assert found.upper - found.lower <= 1e-9 * abs(truth)


@pytest.mark.parametrize("far", [1e30, 1e300])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_pair_dearer_than_leaving_both_its_ends_is_never_used(far, sparse):
    """transport([[1e300]], penalty=1) was 2 in [0, 5.7e271]."""
    for C in ([[far]], [[far, 1.0], [3.0, far / 2]]):
        cost = scipy.sparse.csr_array(np.array(C)) if sparse else C
        truth = {1: 2.0, 2: 1.5}[len(C)]
        found = otgen.transport(cost, penalty=1.0)
        assert found.lower <= truth <= found.upper
        assert found.upper - found.lower < 1e-13
        assert found.status is Status.OPTIMAL


def test_a_plan_that_only_rounding_makes_one_sets_no_limit():
    """0.1 + 0.2 is more than 0.3 by 5.6e-17, which has to go far."""
    a, b = [0.1, 0.2], [0.3, 1.0]
    C = [[1.0, 1e30], [1.0, 1e30]]
    truth = float(rational_of_any_masses(C, a, b, [1e40, 1e40], [0.0, 0.0]))
    found = otgen.transport(C, a, b, penalty=(1e40, 0.0))
    assert truth > 1e13
    assert found.lower <= truth <= found.upper


def test_a_callable_whose_powers_are_beyond_all_floats():
    x, y = np.random.default_rng(0).random((2, 6, 2))
    found = partial_wasserstein(x, y, p=300, metric=cdist, mass=0.5)
    known = partial_wasserstein(x, y, p=300, mass=0.5)
    assert found.status is Status.OPTIMAL
    assert found.value == pytest.approx(known.value, rel=1e-12)


@pytest.mark.parametrize("high", [1e12, 1e100, 1e300])
@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("mass", [None, 2.5])
def test_a_price_that_is_never_paid(high, p, mass):
    """Of one point or of some, so that others stay for it: costs vanished beside such prices, and all was proven to move, at more than the least cost."""
    rng = np.random.default_rng(7)
    x, y, a, b = rng.integers(0, 9, (4, 2)), rng.integers(0, 9, (3, 2)), [1, 2, 1, 1], [2, 1, 1]
    lam, mu = np.array([0.0, high, 1.0, high / 1e6 if high > 1e20 else 3.0]), np.full(3, 1.5)
    truth = rational_of_any_masses(cdist(x, y) ** p, a, b, lam, mu, mass)
    found = partial_wasserstein(x, y, a, b, p=p, penalty=(lam, mu), mass=mass)
    assert found.cost_lower <= float(truth) * (1 + 1e-12)
    assert found.cost_upper >= float(truth) * (1 - 1e-12)
    assert found.cost_upper - found.cost_lower <= 1e-9 * float(truth)
    assert found.cost == pytest.approx(float(truth), rel=1e-9)
    turned = partial_wasserstein(y, x, b, a, p=p, penalty=(mu, lam), mass=mass)
    assert turned.cost == pytest.approx(found.cost, rel=1e-9)


def test_a_price_that_must_be_paid():
    """Of more mass than the other side takes a part stays, whatever it costs."""
    found = partial_wasserstein([0.0, 1.0, 2.0], [3.0], [1, 1, 1], [1.5], p=1, penalty=([0.0, 1e300, 1e300], 1.0))
    assert found.lower <= 5e299 <= found.upper
    assert found.gap < 1e288
    listed = otgen.transport([[1e-3, -1.0], [0.0, np.inf]], [1, 1], [1, 1], penalty=(1e300, 0.0))
    assert listed.upper >= -1.0
    assert listed.lower <= -1.0


def test_one_of_three_equal_points_stays():
    """Found as [2, 2] for 4/3: all were said to move."""
    found = partial_wasserstein([0.0, 1.0, 2.0], [3.0], p=1, penalty=([0.0, 1e5, 1e300], 1.0))
    assert found.lower <= 4 / 3 <= found.upper
    assert found.value == pytest.approx(4 / 3, rel=1e-9)
    assert found.unmatched[0] == pytest.approx([1 / 3, 0, 0])


@pytest.mark.parametrize("p", [1, 1.5, 2.5, 3])
def test_the_least_price_of_all(p):
    """Of 5e-324, which a rounded factor took for another number: [9.06e-229, 9.06e-229] for 1.14e-228."""
    found = partial_wasserstein([[1.0], [0.0]], [[0.0], [0.0]], [1e-9, 2e-9], [1e-9, 1e-9], p=p, penalty=5e-324)
    with mpmath.workdps(50):
        truth = (mpmath.mpf(5e-324) * mpmath.mpf(1e-9)) ** (1 / mpmath.mpf(p))
        assert found.lower <= truth <= found.upper


@pytest.mark.parametrize("p", [2, 300, 700])
@pytest.mark.parametrize("asked", [{}, {"mass": 1.0}])
def test_what_moves_and_what_stays_on_the_sphere(p, asked):
    """At high orders angles were divided twice, until prices vanished, and what stays was not told."""
    x, y = np.array([[0.0, 1.5], [1.5, 0.0], [0.0, 0.1], [0.2, 1.4]]), np.array([[1.5, 1.5]])
    found = partial_wasserstein(x, y, np.ones(4), [4.0], p=p, metric="great_circle", penalty=0.7**p, **asked)
    flows = found.plan.todense() * found.mass
    np.testing.assert_allclose(flows.sum(axis=1) + found.unmatched[0], 1.0)
    np.testing.assert_allclose(flows.sum(axis=0) + found.unmatched[1], 4.0)


@pytest.mark.parametrize("price", [5e-324, 1e-300, 1e-200])
def test_points_so_far_beyond_prices_that_units_end(price):
    """Points divided until prices were about 1 were no floats."""
    x, y = np.array([[2.0, 1e3], [-1e69, 5.0]]), np.array([[1e174, 2e175]])
    found = partial_wasserstein(x, y, [1.0, 2.0], [3.0], p=2, penalty=price)
    with mpmath.workdps(50):
        assert found.lower <= mpmath.sqrt(6 * mpmath.mpf(price)) <= found.upper
    if price > 1e-250:
        assert found.gap <= 1e-9 * found.value


def test_totals_beyond_all_floats_are_refused_without_a_warning():
    x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 9.0]])
    with pytest.raises(otgen.InvalidInput, match="below the largest float"):
        partial_wasserstein(x, y, [1e-4, 1e-3], [1e-90, 1e265], p=1, metric="cosine", penalty=1e300)


def test_what_stays_at_a_price_that_has_few_digits_in_other_units():
    """Of far more mass than can move, at 1e-104 a unit: lower ends and upper ones were 6e-11 of the cost too low."""
    x, y, price = np.array([[0.3, 0.04]]), np.array([[0.03, 0.02], [0.9, 0.7]]), 1.1492198056629536e-104
    a, b = [1.0], [3.9624333808358354e110, 2.2202609426654124e57]
    found = partial_wasserstein(x, y, a, b, p=700, metric="great_circle", penalty=(1.0, price))
    with mpmath.workdps(50):
        paid = mpmath.mpf(price) * (mpmath.mpf(b[0]) + mpmath.mpf(b[1]) - 1)
        assert found.cost_lower <= paid + mpmath.mpf(0.28) ** 700
        assert found.cost_upper >= paid
