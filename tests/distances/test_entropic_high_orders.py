"""Entropic transport at high orders: epsilon is judged by what pairs cost, not by the power of a diagonal that no pair spans."""

import mpmath
import numpy as np
import pytest
from entropic_truth import DIGITS, costs, matrix_truth
from mpmath import mpf

import otgen

CASES = [
    (20, "euclidean", 2),
    (50, "euclidean", 12),
    (50, "cityblock", 2),
    (100, "chebyshev", 12),
    (300, "euclidean", 2),
]


def clouds(p, d):
    """Points whose distances are at most about 1, and weights."""
    rng = np.random.default_rng(round(p))
    x, y = rng.normal(size=(3, d)), rng.normal(size=(4, d))
    farthest = float(np.linalg.norm(x[:, None] - y, axis=-1).max())
    return x / farthest, y / farthest, rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))


def assert_narrow(found, truth):
    """The interval holds the truth, and is narrow."""
    with mpmath.workdps(DIGITS):
        assert mpf(found.lower) <= truth.upper
        assert truth.lower <= mpf(found.upper)
    assert found.status is otgen.Status.CONVERGED
    assert found.upper - found.lower < 1e-4 * abs(found.value)


@pytest.mark.parametrize(("p", "metric", "d"), CASES)
@pytest.mark.parametrize("share", [0.3, 3.0])
def test_the_truth_is_within_a_narrow_interval(p, metric, d, share):
    """Most were refused, and p = 50 in the plane was known to [v, 1e9 v], called CONVERGED."""
    x, y, a, b = clouds(p, d)
    options = dict(epsilon=otgen.Relative(share), p=p, metric=metric, tol=1e-9)
    alone = otgen.sinkhorn(x, y, a, b, **options)
    truth = matrix_truth(costs(x, y, metric, p), a, b, alone.epsilon)
    for found in (alone, *otgen.sinkhorn_batch([x, x], [y, y], [a, a], [b, b], **options)):
        assert_narrow(found, truth)
    plain = otgen.sinkhorn(x, y, a, b, **(options | dict(epsilon=alone.epsilon)))
    assert plain.value == pytest.approx(alone.value, rel=1e-12)


@pytest.mark.parametrize("metric", [otgen.Circular(2.0), "great_circle"])
def test_other_spaces(metric):
    """Beside the powers of listed distances."""
    x, y, a, b = clouds(40, 2)
    distances = otgen.Problem.from_points(x, y, p=1, metric=metric).cost.block()
    found = otgen.sinkhorn(x, y, a, b, epsilon=otgen.Relative(0.05), p=40, metric=metric)
    listed = otgen.transport(distances**40, a, b, epsilon=found.epsilon)
    assert found.value == pytest.approx(listed.value, rel=1e-5)
    assert found.upper - found.lower < 1e-4 * found.value


def test_points_are_measured_as_often_as_they_are_restricted():
    """A divergence takes its own terms at the same epsilon."""
    x, y, a, b = clouds(30, 5)
    found = otgen.sinkhorn_divergence(x, y, a, b, epsilon=otgen.Relative(0.1), p=30)
    across = otgen.sinkhorn(x, y, a, b, epsilon=found.epsilon, p=30).value
    own = [otgen.sinkhorn(z, z, w, w, epsilon=found.epsilon, p=30).value for z, w in ((x, a), (y, b))]
    assert found.value == pytest.approx(across - sum(own) / 2, rel=1e-5)


def test_what_is_beyond_rounding_is_still_refused():
    x, y, a, b = clouds(50, 2)
    with pytest.raises(otgen.InvalidInput, match="epsilon must be at least 1e-12 of the largest cost"):
        otgen.sinkhorn(x, y, a, b, epsilon=1e-13, p=50)
