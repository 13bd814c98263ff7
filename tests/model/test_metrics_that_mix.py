"""Callables whose distance of two points depends on what else is in their blocks: what they make of a problem is none, so they are refused."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import otgen

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(30, 3)) * [1, 10, 100], rng.normal(size=(40, 3)) * [1, 10, 100] + 1

MIXING = {
    "scaled by the spread of the block": lambda x, y: cdist(x, y, "seuclidean"),
    "divided by the largest distance": lambda x, y: cdist(x, y) / max(cdist(x, y).max(), 1e-300),
    "ranks": lambda x, y: cdist(x, y).ravel().argsort().argsort().reshape(len(x), len(y)),
    "less the mean of a block": lambda x, y: cdist(x - x.mean(0), y - x.mean(0) * 2),
    "distance to the nearest": lambda x, y: cdist(x, y) - cdist(x, y).min(1, keepdims=True),
}

DOORS = {
    "exact": lambda metric: otgen.wasserstein(X, Y, p=1, metric=metric),
    "bottleneck": lambda metric: otgen.wasserstein(X, Y, p=np.inf, metric=metric),
    "entropic": lambda metric: otgen.sinkhorn(X, Y, epsilon=1.0, p=1, metric=metric),
    "divergence": lambda metric: otgen.sinkhorn_divergence(X, Y, epsilon=1.0, p=1, metric=metric),
    "partial": lambda metric: otgen.partial_wasserstein(X, Y, penalty=1.0, p=1, metric=metric),
    "batch": lambda metric: otgen.wasserstein_batch([X, X], [Y, Y], p=1, metric=metric),
    "pairwise": lambda metric: otgen.pairwise([X, Y, Y + 1], p=1, metric=metric),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", MIXING)
def test_metrics_that_mix_their_points_are_refused(kind, door):
    with pytest.raises(otgen.InvalidInput, match="whatever other points are in their blocks"):
        DOORS[door](MIXING[kind])


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize(
    "metric",
    [
        lambda x, y: cdist(x, y, "seuclidean", V=[1.0, 100.0, 10000.0]),
        lambda x, y: cdist(x, y) / 300,
        lambda x, y: np.sqrt(
            np.maximum((x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T, 0)
        ),  # rounded by blocks
        lambda x, y: cdist(np.float32(x), np.float32(y)).astype("f4"),
    ],
)
def test_metrics_of_two_points_are_taken(metric, offset):
    found = otgen.wasserstein(X + offset, Y + offset, p=1, metric=metric)
    listed = otgen.transport(metric(X + offset, Y + offset))
    assert found.value == pytest.approx(listed.value, rel=1e-6)
