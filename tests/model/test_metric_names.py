"""What is said of metrics that other libraries call otherwise, and of callables that take two points where blocks are meant."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
from hypothesis import given
from hypothesis import strategies as st

import otgen

RNG = np.random.default_rng(0)
X, Y = RNG.random((5, 2)), RNG.random((5, 2))
SCALAR = {
    "frobenius": lambda x, y: np.linalg.norm(x - y),
    "sum": lambda x, y: np.abs(x - y).sum(),
    "rows": lambda x, y: np.abs(x - y).sum(-1),
    "coordinates": lambda x, y: abs(x[0] - y[0]) + abs(x[1] - y[1]),
    "python": math.dist,
    "constant": lambda x, y: 1.0,
}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("manhattan", "'cityblock'"),
        ("l1", "'cityblock'"),
        ("L2", "'euclidean'"),
        ("linf", "'chebyshev'"),
        ("Haversine", "'great_circle'"),
        ("minkowski", r"otgen.Minkowski\(q\)"),
        ("canberra", r"a callable, such as lambda x, y: cdist\(x, y, 'canberra'\) of scipy.spatial.distance"),
        ("Euclidean", "did you mean 'euclidean'"),
    ],
)
def test_names_from_elsewhere_are_told_ours(theirs, ours):
    with pytest.raises(otgen.InvalidInput, match=f"received {theirs!r}; .*{ours}"):
        otgen.wasserstein(X, Y, metric=theirs)


def test_losses_tell_them_too():
    nn, torch = (
        pytest.importorskip("otgen.nn", reason="otgen.nn needs torch"),
        pytest.importorskip("torch", reason="otgen.nn needs torch"),
    )
    with pytest.raises(otgen.InvalidInput, match="received 'manhattan'; pass 'cityblock'"):
        nn.wasserstein_loss(torch.zeros(2, 1), torch.ones(2, 1), metric="manhattan")


@pytest.mark.parametrize("other", [Y, Y[:3], Y[:1]])
@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize(
    "call", [otgen.wasserstein, lambda x, y, **o: otgen.sinkhorn_divergence(x, y, epsilon=0.1, **o)]
)
def test_a_metric_of_two_points_is_told_of_blocks(call, name, other):
    with pytest.raises(otgen.InvalidInput, match=r"blocks of points, \(k, d\) and \(l, d\).*cdist\(x, y, f\)"):
        call(X, other, metric=SCALAR[name])


@pytest.mark.parametrize("name", SCALAR)
def test_the_remedy_works(name):
    remedy = otgen.wasserstein(X, Y[:3], metric=lambda x, y: scipy.spatial.distance.cdist(x, y, SCALAR[name]))
    listed = otgen.transport([[float(SCALAR[name](x, y)) ** 2 for y in Y[:3]] for x in X])
    assert remedy.value == pytest.approx(listed.value**0.5, rel=1e-9)


def test_what_scipy_has_is_built_in():
    with pytest.raises(otgen.InvalidInput, match="pass metric='cityblock', which is built in"):
        otgen.wasserstein(X, Y, metric=scipy.spatial.distance.cityblock)
    with pytest.raises(otgen.InvalidInput, match="pass metric='cosine' and p=1"):
        otgen.wasserstein(X, Y, metric=scipy.spatial.distance.cosine)


def test_what_fails_in_a_callable_is_its_own():
    with pytest.raises(ZeroDivisionError) as fault:
        otgen.wasserstein(X, Y, metric=lambda x, y: 1 / 0)
    assert "it must return the distances" in fault.value.__notes__[0]
    with pytest.raises(ValueError, match="broadcast") as fault:
        otgen.wasserstein(X[:3, 0], Y[:2, 0], metric=lambda x, y: np.abs(x - y))
    assert "the distances (3, 2) of all their pairs" in fault.value.__notes__[0]
    with pytest.raises(otgen.InvalidInput, match="must return shape"):
        otgen.wasserstein(X, Y, metric=lambda x, y: np.abs(x - y))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))
def test_blocks_are_never_taken_for_points(n, m, d):
    """A metric of blocks passes at any sizes, also where blocks are single points of one coordinate."""
    x, y = RNG.random((n, d)), RNG.random((m, d))
    found = otgen.wasserstein(x, y, p=1, metric=lambda s, t: np.abs(s[:, None] - t[None]).sum(-1))
    assert found.value == pytest.approx(otgen.wasserstein(x, y, p=1, metric="cityblock").value, rel=1e-9)
