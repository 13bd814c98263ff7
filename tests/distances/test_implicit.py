"""Derivatives through an entropic optimum, against differences of solves."""

from __future__ import annotations

import numpy as np
import pytest

import otgen
from otgen.distances import implicit
from otgen.model.cost import point_cost
from otgen.model.marginals import Marginals
from otgen.model.plan import EntropicPlan
from otgen.solvers import Sinkhorn

N, M, K = 6, 5, 2
H = 1e-5


def data(seed: int = 0, d: int = 2):
    rng = np.random.default_rng(seed)
    a, b = rng.random(N), rng.random(M)
    return rng, rng.random((N, d)) + 0.5, rng.random((M, d)) + 0.5, a / a.sum(), b / b.sum()


def loss(result: otgen.Result, f, g, plan) -> float:
    """Linear in potentials and in the plan as it is before it is rounded."""
    own = result.plan
    gibbs = EntropicPlan(own.cost, own.f, own.g, own.epsilon, own.a, own.b)
    return float(f @ result.potentials[0] + g @ result.potentials[1] + (plan[0] * (gibbs @ plan[1])).sum())


def cotangents(rng):
    return rng.normal(size=N), rng.normal(size=M), (rng.normal(size=(N, K)), rng.normal(size=(M, K)))


class TestAgainstDifferences:
    @pytest.mark.parametrize("relax", [None, 0.5, (0.5, None), (None, 2.0), (0.3, 3.0)])
    @pytest.mark.parametrize(
        ("metric", "p"),
        [
            ("euclidean", 2),
            ("euclidean", 1),
            ("cityblock", 1.5),
            (otgen.Minkowski(3), 2),
            ("sqeuclidean", 1),
            ("cosine", 1),
        ],
    )
    @pytest.mark.parametrize("scale", [1.0, 1000.0])
    def test_in_points_and_weights(self, relax, metric, p, scale):
        rng, x, y, a, b = data()
        x, y = scale * x, scale * y
        unit = 1.0 if metric == "cosine" else scale**2 if metric == "sqeuclidean" else scale**p
        stretched = (
            None if relax is None else tuple(z and z * unit for z in np.atleast_1d(relax)) * (2 - (np.ndim(relax)))
        )
        options = dict(epsilon=0.1 * unit, tol=1e-14, relax=stretched, p=p, metric=metric, throw=False, normalize=True)
        given = cotangents(rng)

        def value(t):
            result = otgen.sinkhorn(x + t * dx, y + t * dy, a + t * da, b + t * db, **options)
            return loss(result, *given)

        dx, dy, da, db = (
            scale * rng.normal(size=x.shape),
            scale * rng.normal(size=y.shape),
            rng.normal(size=N),
            rng.normal(size=M),
        )
        if relax is None:
            da, db = da - da.mean(), db - db.mean()
        found = otgen.sinkhorn(x, y, a, b, **options).vjp(*given)
        slope = (found.x * dx).sum() + (found.y * dy).sum() + found.a @ da + found.b @ db
        assert slope == pytest.approx((value(H) - value(-H)) / (2 * H), rel=1e-6, abs=1e-6 * unit)
        assert found.residual < 1e-10

    def test_in_a_cost_matrix(self):
        rng, _, _, a, b = data()
        C, D, given = rng.random((N, M)), rng.normal(size=(N, M)), cotangents(rng)
        options = dict(epsilon=0.1, solver=Sinkhorn(tol=1e-14), throw=False)

        def value(t):
            return loss(otgen.transport(C + t * D, a, b, **options), *given)

        found = otgen.transport(C, a, b, **options).vjp(*given)
        assert found.x is None
        assert (found.C * D).sum() == pytest.approx((value(H) - value(-H)) / (2 * H), rel=1e-7)

    def test_forbidden_pairs_stay_without_mass(self):
        rng, _, _, a, b = data()
        C, given = rng.random((N, M)), cotangents(rng)
        C[0, 1] = C[3, 2] = np.inf
        options = dict(epsilon=0.1, solver=Sinkhorn(tol=1e-14), throw=False)
        D = np.where(np.isinf(C), 0.0, rng.normal(size=(N, M)))

        def value(t):
            return loss(otgen.transport(C + t * D, a, b, **options), *given)

        found = otgen.transport(C, a, b, **options).vjp(*given)
        assert found.C[0, 1] == found.C[3, 2] == 0.0
        assert (found.C * D).sum() == pytest.approx((value(H) - value(-H)) / (2 * H), rel=1e-7)

    @pytest.mark.parametrize("relax", [None, 0.5])
    def test_of_potentials_of_points_without_mass(self, relax):
        rng, x, y, a, b = data()
        a[2], b[0] = 0.0, 0.0
        given = cotangents(rng)
        options = dict(epsilon=0.1, tol=1e-14, relax=relax, throw=False, normalize=True)

        def value(t):
            return loss(otgen.sinkhorn(x + t * dx, y + t * dy, a, b, **options), *given)

        dx, dy = rng.normal(size=x.shape), rng.normal(size=y.shape)
        found = otgen.sinkhorn(x, y, a, b, **options).vjp(*given)
        slope = (found.x * dx).sum() + (found.y * dy).sum()
        assert slope == pytest.approx((value(H) - value(-H)) / (2 * H), rel=1e-6)


class TestMatrixFree:
    @pytest.mark.parametrize("relax", [None, 0.5])
    def test_equals_the_kept_kernel(self, monkeypatch, relax):
        rng, x, y, a, b = data()
        given = cotangents(rng)
        result = otgen.sinkhorn(x, y, a, b, epsilon=0.1, relax=relax, tol=1e-12)
        kept = result.vjp(*given)
        monkeypatch.setattr(implicit, "_KEPT", 0)  # the same problem is kept and not kept only if told so
        free = result.vjp(*given)
        for name in ("x", "y", "a", "b"):
            np.testing.assert_allclose(getattr(free, name), getattr(kept, name), atol=1e-9)

    def test_several_hundred_points_at_a_small_epsilon(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((400, 2)), rng.random((300, 2))
        result = otgen.sinkhorn(x, y, epsilon=0.003, tol=1e-9)
        found = result.vjp(plan=(rng.normal(size=(400, 2)), y))
        assert found.residual < 1e-8
        assert np.isfinite(found.x).all()


class TestGauge:
    def test_potentials_of_both_sides_weigh_the_same(self):
        _, x, y, a, b = data()
        f, g = otgen.sinkhorn(x, y, a, b, epsilon=0.05).potentials
        assert a @ f == pytest.approx(b @ g, abs=1e-14)

    def test_a_constant_that_moves_across_changes_nothing(self):
        """A loss of f_i + g_j only: its derivative is that of the transport's value."""
        _, x, y, a, b = data()
        result = otgen.sinkhorn(x, y, a, b, epsilon=0.05, tol=1e-13)
        found = result.vjp(f=a, g=b)
        np.testing.assert_allclose(found.x, result.gradients().x, atol=1e-10)


class TestUse:
    def test_comes_back_as_torch(self):
        torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
        rng, x, y, _, _ = data()
        given = cotangents(rng)
        result = otgen.sinkhorn(torch.from_numpy(x), torch.from_numpy(y), epsilon=0.1)
        found = result.vjp(torch.from_numpy(given[0]))
        assert isinstance(found.x, torch.Tensor)
        np.testing.assert_array_equal(found.x.numpy(), otgen.sinkhorn(x, y, epsilon=0.1).vjp(given[0]).x)

    def test_nothing_given_is_nothing(self):
        _, x, y, _, _ = data()
        found = otgen.sinkhorn(x, y, epsilon=0.1).vjp()
        assert not found.x.any()
        assert not found.a.any()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((np.zeros(4),), "f must have shape"),
            ((None, np.full(M, np.nan)), "g must be finite"),
            ((None, None, (np.zeros((N, 2)), np.zeros((M, 3)))), "plan must be two arrays"),
        ],
    )
    def test_bad_input_is_refused_in_words(self, arguments, message):
        _, x, y, _, _ = data()
        with pytest.raises(otgen.InvalidInput, match=message):
            otgen.sinkhorn(x, y, epsilon=0.1).vjp(*arguments)

    @pytest.mark.parametrize("call", [otgen.wasserstein, lambda x, y: otgen.sinkhorn_divergence(x, y, epsilon=0.1)])
    def test_only_one_entropic_problem_has_one(self, call):
        _, x, y, _, _ = data()
        with pytest.raises(otgen.InvalidInput, match=r"otgen\.sinkhorn"):
            call(x, y).vjp()


@pytest.mark.parametrize("gap", [2.5, 30.0])
@pytest.mark.parametrize("each", [1, 3])
def test_parts_that_exchange_next_to_nothing(gap, each):
    """The Hessian of the whole is that of its parts alone; of one point each, ``|x - y|^2 / 2``, it is 1."""
    epsilon = 0.1
    rng = np.random.default_rng(each)
    x, y, *along = (rng.random((2 * each, 2)) / 2 for _ in range(4))
    x[each:] += gap
    y[each:] += gap

    def product(x, y, of_x, of_y):
        k = len(x)
        result = otgen.sinkhorn(x, y, epsilon=epsilon, tol=1e-13)
        goal = Marginals(np.full(k, 1 / k), np.full(k, 1 / k))
        cost = point_cost(x, y, "euclidean", 2)
        return implicit.hessian_product(cost, goal, epsilon, *result.potentials, (of_x, of_y, np.zeros(k), np.zeros(k)))

    (of_x, of_y, _, _), residual = product(x, y, *along)
    assert residual < 1e-10
    for part in (slice(each), slice(each, None)):
        alone, _ = product(x[part], y[part], *(z[part] for z in along))
        np.testing.assert_allclose(of_x[part], alone[0] / 2, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(of_y[part], alone[1] / 2, rtol=1e-8, atol=1e-10)
        if each == 1:
            np.testing.assert_allclose(alone[0], 2 * (along[0][part] - along[1][part]), rtol=1e-12)


def test_what_is_left_open_between_such_parts_is_told():
    """A potential of one part against that of the other is as good as unknown."""
    x = np.array([0.0, 1.0, 30.0, 31.0])
    found = otgen.sinkhorn(x, x + 0.1, epsilon=0.5).vjp(f=np.array([1.0, 1.0, 0.0, 0.0]))
    assert np.isfinite(found.x).all()
    assert found.residual > 0.1
