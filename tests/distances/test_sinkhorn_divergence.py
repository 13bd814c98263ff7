"""The sign of debiased costs: where the kernel is positive definite it is known, elsewhere nothing is clipped."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen

# Costs whose exp(-c / epsilon) is a positive definite kernel for every epsilon (Schoenberg, 1938).
DEFINITE = [("euclidean", 1), ("euclidean", 1.5), ("euclidean", 2), ("cityblock", 1), ("sqeuclidean", 1)]


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(-8, 8, (n, d)) / 8, rng.integers(-8, 8, (m, d)) / 8
    return x, y, rng.random(n) + 0.01, rng.random(m) + 0.01


@given(
    problem=st.builds(clouds, st.integers(0, 2**32 - 1), *[st.integers(1, 6)] * 2, st.integers(1, 4)),
    cost=st.sampled_from(DEFINITE),
    epsilon=st.floats(-1.5, 3).map(lambda z: 10**z),
    relax=st.sampled_from([None, 0.05, 1.0, 50.0]),
    mass=st.floats(-1, 1).map(lambda z: 10**z),
)
def test_not_negative_where_the_kernel_is_positive_definite(problem, cost, epsilon, relax, mass):
    """Also of other masses, where relaxed; the weights are those of different laws, or of the same points."""
    x, y, a, b = problem
    a, b = (a / a.sum(), b / b.sum()) if relax is None else (a, mass * b)
    options = dict(metric=cost[0], p=cost[1], epsilon=epsilon, relax=relax, tol=1e-9, max_iter=100_000)
    result = otgen.sinkhorn_divergence(x, y, a, b, **options)
    largest = (
        max(float(np.abs(x[:, None] - y).sum(-1).max()) ** 2, epsilon, relax or 0.0) * max(a.sum(), b.sum(), 1.0) ** 2
    )
    assert result.value >= -1e-8 * largest
    assert result.upper >= 0
    same = otgen.sinkhorn_divergence(x, x[::-1], a, a[::-1], **options)
    assert same.value == pytest.approx(0, abs=1e-8 * largest)
    assert same.lower <= 0 <= same.upper


def test_negative_on_a_circle():
    """Two pairs of opposite points, a quarter of a turn apart: at large epsilon means over all pairs are left, 1/16 - (0 + 1/4)/2."""
    x, y = np.array([0.0, 0.5]), np.array([0.25, 0.75])
    result = otgen.sinkhorn_divergence(x, y, epsilon=1e4, metric=otgen.Circular(1.0), tol=1e-12)
    assert result.value == pytest.approx(1 / 16 - 1 / 8, rel=1e-4)
    assert result.upper < 0


@pytest.mark.parametrize("options", [dict(), dict(relax=1.0), dict(p=1, metric="cosine")])
def test_it_is_exactly_zero_between_a_measure_and_itself(options):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(20, 2)), rng.dirichlet(np.ones(20))
    for found in (
        otgen.sinkhorn_divergence(x, x.copy(), w, w.copy(), epsilon=0.1, **options),
        otgen.sinkhorn_divergence_batch([x, x + 1], [x, x], [w, w], [w, w], epsilon=0.1, **options)[0],
    ):
        assert (found.value, found.lower, found.upper) == (0.0, 0.0, 0.0)
        assert not found.gradients().x.any()
        assert not found.potentials[0].any()
    assert otgen.sinkhorn_divergence(x, x, w, epsilon=0.1, **options).lower > 0
    if not options:
        assert np.diag(otgen.pairwise([x, x + 1], distance="sinkhorn_divergence", epsilon=0.1)).tolist() == [0.0, 0.0]


def test_a_callable_metric_has_derivatives_in_the_weights_alone():
    x, y = np.random.default_rng(0).normal(size=(2, 6, 2))
    found = otgen.sinkhorn_divergence(x, y, epsilon=0.5, metric=lambda u, v: np.abs(u[:, None] - v).sum(-1))
    plain = otgen.sinkhorn_divergence(x, y, epsilon=0.5, metric="cityblock")
    assert found.gradients().x is None
    assert found.gradients().a == pytest.approx(plain.gradients().a, abs=1e-4)


def test_totals_beyond_floats_are_refused():
    with np.errstate(all="raise"), pytest.raises(otgen.InvalidInput, match="must have totals whose difference"):
        otgen.sinkhorn_divergence([0.0, 1.0], [0.0, 2.0], [1e200, 1e200], [1.0, 1.0], epsilon=1.0, relax=1.0)


class TestNearlyEqual:
    """Terms that cancel: gradients are right to the tolerance asked for all the same."""

    @staticmethod
    def clouds(apart, n=30):
        rng = np.random.default_rng(0)
        y = rng.uniform(size=(n, 2))
        return y + apart * rng.normal(size=(n, 2)), y

    @pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-4])
    @pytest.mark.parametrize("tol", [1e-3, 1e-6])
    @pytest.mark.parametrize("relax", [None, 0.5])
    def test_gradients_are_right_to_the_tolerance(self, apart, tol, relax):
        x, y = self.clouds(apart)
        found = otgen.sinkhorn_divergence(x, y, epsilon=0.02, tol=tol, relax=relax).gradients()
        truth = otgen.sinkhorn_divergence(x, y, epsilon=0.02, tol=1e-13, relax=relax).gradients()
        for one, other in ((found.x, truth.x), (found.y, truth.y)):
            assert np.linalg.norm(one - other) < 10 * tol * np.linalg.norm(other)

    def test_a_shift_is_what_the_gradient_says(self):
        """Of a cloud moved by v the divergence is |v|^2, and its gradient 2 v / n: known without solving anything."""
        _, y = self.clouds(0.0)
        v = np.array([3e-5, -4e-5])
        found = otgen.sinkhorn_divergence(y + v, y, epsilon=0.05)
        slope = found.gradients().x
        np.testing.assert_allclose(slope, np.tile(2 * v / 30, (30, 1)), rtol=1e-5)
        assert found.lower <= v @ v <= found.upper

    @pytest.mark.parametrize(("epsilon", "n"), [(1e-6, 20), (1e-3, 20), (1e-6, 70), (1e-2, 270)])
    def test_the_interval_is_narrow_in_many_dimensions(self, epsilon, n):
        """Rounding was charged times the largest cost over epsilon: [-0.9, 0.9] for 1.6e-4. A shift is known as above."""
        rng = np.random.default_rng(0)
        y, v = rng.integers(-8, 9, (n, 160)) / 4, np.full(160, 2.0**-10)
        found = otgen.sinkhorn_divergence(y + v, y, epsilon=epsilon)
        assert found.lower <= v @ v <= found.upper
        assert found.upper - found.lower < 0.05 * (v @ v)
        assert found.status is otgen.Status.CONVERGED

    def test_in_a_batch_as_alone_and_in_a_pickle(self):
        x, y = self.clouds(1e-3)
        alone = otgen.sinkhorn_divergence(x, y, epsilon=0.02).gradients().x
        batch = otgen.sinkhorn_divergence_batch(x[None], y[None], epsilon=0.02)
        np.testing.assert_allclose(batch[0].gradients().x, alone, rtol=1e-4, atol=1e-9)
        again = pickle.loads(pickle.dumps(otgen.sinkhorn_divergence(x, y, epsilon=0.02)))
        np.testing.assert_array_equal(again.gradients().x, alone)

    @pytest.mark.parametrize("library", ["numpy", "torch"])
    @pytest.mark.parametrize("relax", [None, 1.0])
    def test_terms_are_subtracted_before_they_are_rounded(self, relax, library):
        """In single precision, the same numbers in double precision beside them: off by a rounding, and no more."""
        x, y = (z.astype(np.float32) for z in self.clouds(1e-3))
        options = dict(epsilon=0.1, tol=1e-10, max_iter=20_000, relax=relax)
        right = otgen.sinkhorn_divergence(x.astype(float), y.astype(float), **options)
        if library == "torch":
            torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
            x, y = torch.tensor(x), torch.tensor(y)
        found = otgen.sinkhorn_divergence(x, y, **options)
        pairs = [(getattr(found.gradients(), name), getattr(right.gradients(), name)) for name in "xyab"]
        for mine, theirs in [*pairs, *zip(found.potentials, right.potentials, strict=True)]:
            assert str(mine.dtype).endswith("float32")
            np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-7 * np.abs(theirs).max())

    def test_a_limit_that_is_too_low_is_said(self):
        x, y = self.clouds(1e-3)
        found = otgen.sinkhorn_divergence(x, y, epsilon=0.01, tol=1e-2, max_iter=60)
        with pytest.warns(UserWarning, match="may be off by"):
            found.gradients()
