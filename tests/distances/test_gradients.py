"""Gradients of the exact cost against differences, autograd, and the one-sided inequalities that define them."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import InvalidInput

METRICS = ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3)]
CASES = [(m, p) for m in METRICS for p in (1, 1.5, 2, 3)] + [("sqeuclidean", 1), ("cosine", 1)]


def clouds(seed, n=6, m=7, d=3):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) + 0.2, rng.random(m) + 0.2
    return rng.random((n, d)), rng.random((m, d)) + 0.3, a / a.sum(), b / b.sum()


@pytest.mark.parametrize(("metric", "p"), CASES)
@pytest.mark.parametrize("of", ["cost", "value"])
@pytest.mark.parametrize("scale", [1.0, 1e100])
def test_points_against_differences(metric, p, of, scale):
    x, y, a, b = clouds(0)
    x, y = x * scale, y * scale
    options = dict(metric=metric, p=p)

    def f(x, y):
        return getattr(otgen.wasserstein(x, y, a, b, **options), of)

    found = otgen.wasserstein(x, y, a, b, **options).gradients(of=of)
    if scale > 1 and of == "cost" and p == 3:
        return  # third powers of 1e100: finite, but their differences drown
    for z, gradient, at in ((x, found.x, 0), (y, found.y, 1)):
        for i, k in ((0, 0), (3, 2)):
            step = np.zeros_like(z)
            step[i, k] = 1e-6 * scale
            arguments = [(x + step, y), (x - step, y)] if at == 0 else [(x, y + step), (x, y - step)]
            slope = (f(*arguments[0]) - f(*arguments[1])) / (2e-6 * scale)
            assert gradient[i, k] == pytest.approx(slope, rel=1e-4, abs=1e-6 * abs(gradient).max())


def test_points_against_autograd():
    x, y, a, b = clouds(1)
    result = otgen.wasserstein(x, y, a, b, p=3)
    plan = torch.tensor(result.plan.todense())
    points = [torch.tensor(z, requires_grad=True) for z in (x, y)]
    (plan * torch.cdist(*points, compute_mode="donot_use_mm_for_euclid_dist") ** 3).sum().backward()
    found = result.gradients()
    np.testing.assert_allclose(found.x, points[0].grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(found.y, points[1].grad.numpy(), rtol=1e-10)


@given(st.integers(0, 2**32 - 1))
def test_points_give_an_upper_bound(seed):
    """The plan stays feasible: for W_2^2, cost(x + h) <= cost(x) + <gradient, h> + |h|^2 weighted by a."""
    x, y, a, b = clouds(seed)
    h = np.random.default_rng(seed).normal(size=x.shape) * 0.1
    result = otgen.wasserstein(x, y, a, b)
    moved = otgen.wasserstein(x + h, y, a, b)
    assert moved.cost_lower <= result.cost_upper + (result.gradients().x * h).sum() + (a[:, None] * h**2).sum() + 1e-12


@given(st.integers(0, 2**32 - 1))
def test_weights_give_a_lower_bound(seed):
    """The cost is convex in the weights: cost(a') >= cost(a) + <f, a' - a>."""
    x, y, a, b = clouds(seed)
    other = np.random.default_rng(seed).random(6)
    other /= other.sum()
    result, moved = otgen.wasserstein(x, y, a, b), otgen.wasserstein(x, y, other, b)
    assert moved.cost_upper >= result.cost_lower + result.gradients().a @ (other - a) - 1e-12


def test_lines_and_coincident_points():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=8), rng.normal(size=8)
    line = otgen.wasserstein(x, y, p=1.5)
    plane = otgen.wasserstein(x, y, p=1.5, solver="simplex")
    np.testing.assert_allclose(line.gradients().x, plane.gradients().x, rtol=1e-12)
    for p in (1, 1.5, 2):
        same = otgen.wasserstein(np.zeros((3, 2)), np.zeros((3, 2)), p=p).gradients(of="value")
        assert (same.x == 0).all()
        assert (same.y == 0).all()


def test_matrices_have_gradients_in_the_weights():
    result = otgen.transport(np.random.default_rng(0).random((4, 5)), np.full(4, 0.5), np.full(5, 0.4))
    found = result.gradients()
    assert found.x is None
    assert found.a.shape == (4,)


def test_what_has_none():
    x, y, *_ = clouds(0)
    with pytest.raises(InvalidInput, match="of must be one of"):
        otgen.sinkhorn(x, y, epsilon=1).gradients(of="cost")
    with pytest.raises(InvalidInput, match="finite p"):
        otgen.wasserstein(x[:, 0], y[:, 0], p=np.inf).gradients()
    with pytest.raises(InvalidInput, match="of must be one of"):
        otgen.wasserstein(x, y).gradients(of="plan")
    with pytest.raises(InvalidInput, match="built-in metric"):
        otgen.wasserstein(x, y, metric=lambda s, t: np.abs(s[:, None] - t).sum(-1)).gradients()


@pytest.mark.parametrize(("ours", "theirs"), list(itertools.product(["(n,)", "(n, 1)"], repeat=2)))
def test_gradients_have_the_shapes_of_the_points(ours, theirs):
    x, y = (z if shape == "(n,)" else z[:, None] for z, shape in ((np.arange(3.0), ours), (np.arange(4.0), theirs)))
    results = [
        otgen.wasserstein(x, y),
        otgen.sinkhorn(x, y, epsilon=0.5),
        otgen.sinkhorn_divergence(x, y, epsilon=0.5),
        otgen.wasserstein_batch([x], [y])[0],
        otgen.sinkhorn_batch([x], [y], epsilon=0.5)[0],
        otgen.sinkhorn_divergence_batch([x], [y], epsilon=0.5)[0],
    ]
    flat = otgen.wasserstein(x.reshape(-1, 1), y.reshape(-1, 1)).gradients()
    np.testing.assert_array_equal(results[0].gradients().x.ravel(), flat.x.ravel())
    for result in results:
        found = result.gradients("value")
        assert (found.x.shape, found.y.shape) == (x.shape, y.shape)
    for result in (results[1], results[4]):
        found = result.vjp(f=np.array([1.0, 0.0, -1.0]))
        assert (found.x.shape, found.y.shape) == (x.shape, y.shape)


class TestOfDistances:
    """Derivatives of ``cost ** (1/p)``, which powers must not carry out of the range of floats on the way."""

    @pytest.mark.parametrize("p", [1, 1.5, 2, 3])
    def test_a_distance_of_one_is_no_cost(self, p):
        """Where value and cost are the same number their derivatives are not: ``dW = dC / p`` at W = 1."""
        for x, y in (
            (np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 0.0]])),
            (np.array([0.0, 3.0]), np.array([1.0, 4.0])),
        ):
            result = otgen.wasserstein(x, y, p=p)
            assert result.value == result.cost == 1.0
            assert np.asarray(result.gradients(of="value").x).sum() == pytest.approx(-1.0, rel=1e-12)
            assert np.asarray(result.gradients(of="cost").x).sum() == pytest.approx(-p, rel=1e-12)

    @given(
        st.integers(0, 2**32 - 1),
        st.sampled_from([1.0, 1.5, 2.0, 7.0, 80.0, 300.0, 700.0]),
        st.sampled_from([1.0, 1.5, 2.0, 37.0, 1000.0, 1e17, np.inf]),
        st.integers(-100, 100),
        st.integers(1, 3),
        st.booleans(),
    )
    def test_what_euler_and_duality_say(self, seed, p, q, exponent, d, weighted):
        """A distance is homogeneous: ``<x, dW/dx> + <y, dW/dy> = W``; moved alike, no cloud is nearer; ``a.f + b.g = W / p``."""
        rng = np.random.default_rng(seed)
        scale, n, m = 10.0**exponent, int(rng.integers(1, 5)), int(rng.integers(1, 5))
        x, y = scale * rng.normal(size=(n, d)), scale * rng.normal(size=(m, d)) * 10.0 ** rng.integers(-3, 3)
        a, b = (rng.dirichlet(np.ones(k)) if weighted else None for k in (n, m))
        result = otgen.wasserstein(x, y, a, b, p=p, metric=otgen.Minkowski(q))
        found = result.gradients(of="value")
        assert all(np.isfinite(z).all() for z in (found.x, found.y))
        size = (abs(found.x) * abs(x)).sum() + (abs(found.y) * abs(y)).sum()
        assert (found.x * x).sum() + (found.y * y).sum() == pytest.approx(result.value, rel=1e-8, abs=1e-8 * size)
        np.testing.assert_allclose(found.x.sum(axis=0) + found.y.sum(axis=0), 0.0, atol=1e-9)
        assert (found.a is None) == (found.b is None)
        if p < 100:
            assert found.a is not None
        if found.a is not None:  # at high orders they may leave the range of floats
            assert np.isfinite(found.a).all()
            assert np.isfinite(found.b).all()
            gains = [z.mean() if w is None else z @ w for z, w in ((found.a, a), (found.b, b))]
            most = max(abs(found.a).max(), abs(found.b).max())
            assert sum(gains) == pytest.approx(result.value / p, rel=1e-6, abs=1e-10 * most)

    @pytest.mark.parametrize("p", [200.0, 400.0, 700.0])
    @pytest.mark.parametrize("n", [6, 3000])
    def test_potentials_on_the_line_are_numbers(self, p, n):
        """Far points and small moves: in the unit of the moves, powers of other distances are infinite."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=n)
        y = x + 1e-3 * rng.normal(size=n)
        result = otgen.wasserstein(x, y, p=p)
        f, g = result.potentials
        assert np.isfinite(f).all()
        assert np.isfinite(g).all()
        few = slice(0, 50)
        with np.errstate(under="ignore", over="ignore"):
            costs = np.abs(x[few, None] - y[None, few]) ** p
        assert (f[few, None] + g[None, few] <= costs * (1 + 1e-9) + 1e-300).all()

    @pytest.mark.parametrize("p", [80.0, 700.0])
    @pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
    def test_a_translation_pulls_every_point_alike(self, p, scale):
        x = scale * np.random.default_rng(0).normal(size=(6, 2))
        found = otgen.wasserstein(x, x + scale * np.array([3.0, 4.0]), p=p).gradients(of="value")
        np.testing.assert_allclose(found.x, np.tile([-0.1, -4 / 30], (6, 1)), rtol=1e-9)


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e170, 1e300])
@pytest.mark.parametrize("of", ["wasserstein", "sinkhorn"])
def test_directions_of_the_least_and_the_longest_vectors(size, of):
    """Under the cosine only directions count, so that gradients go with the inverse of lengths: they were NaN, or 0."""
    x, y = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 2.0]])
    ask = {
        "wasserstein": otgen.wasserstein,
        "sinkhorn": lambda *z, **options: otgen.sinkhorn(*z, epsilon=0.1, **options),
    }[of]
    at_one, found = (ask(s * x, s * y, p=1, metric="cosine").gradients() for s in (1.0, size))
    np.testing.assert_allclose(found.x * size, at_one.x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.y * size, at_one.y, rtol=1e-9, atol=1e-12)
