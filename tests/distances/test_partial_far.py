"""Partial transport where points lie far beyond what leaving them costs, and at high orders: a pair that costs more than that counts no further."""

import numpy as np
import pytest
from hypothesis import given
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
