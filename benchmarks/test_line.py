"""One dimension against POT: on the line, n = 1e6, the floor is 5 times as fast with weights, 10 times without; on a circle there is none."""

import numpy as np
import ot
import pytest
from peers import beside

import otgen

N = 10**6


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "uniform"])
def test_line(benchmark, p, weighted):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=N), rng.normal(size=N)
    a, b = (z / z.sum() for z in rng.random((2, N))) if weighted else (None, None)
    ratio = beside(benchmark, lambda: otgen.wasserstein(x, y, a, b, p=p), lambda: ot.wasserstein_1d(x, y, a, b, p=p), 9)
    assert ratio > (5 if weighted else 10)


def test_ten_million(benchmark):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=10**7), rng.normal(size=10**7)
    result = benchmark.pedantic(lambda: otgen.wasserstein(x, y), rounds=3, iterations=1)
    assert result.status is otgen.Status.OPTIMAL


@pytest.mark.parametrize("n", [10**4, N])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "uniform"])
def test_circle(benchmark, n, p, weighted):
    """POT takes points of [0, 1) and proves nothing; at p = 2 it bisects to a tolerance of 1e-6."""
    rng = np.random.default_rng(0)
    x, y = rng.vonmises(0, 1, n), rng.vonmises(1, 2, n)
    a, b = (z / z.sum() for z in rng.random((2, n))) if weighted else (None, None)
    turns = [z / (2 * np.pi) % 1 for z in (x, y)]
    beside(
        benchmark,
        lambda: otgen.wasserstein(x, y, a, b, p=p, metric=otgen.Circular(2 * np.pi)),
        lambda: ot.wasserstein_circle(*turns, a, b, p=p),
        3 if n == N else 9,
    )


@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "uniform"])
def test_sliced(benchmark, weighted):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10**4, 64)), rng.normal(size=(10**4, 64)) + 0.1
    a, b = (z / z.sum() for z in rng.random((2, 10**4))) if weighted else (None, None)
    beside(
        benchmark,
        lambda: otgen.sliced_wasserstein(x, y, a, b, n_projections=200, rng=0),
        lambda: ot.sliced_wasserstein_distance(x, y, a, b, n_projections=200, seed=0),
    )
