"""What a distance must be: its axioms, its invariances, its known values, its proof."""

import math

import numpy as np
import ot
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from proving import assert_coupling, assert_feasible, assert_proven, exact_transport, fractions
from strategies import METRICS, ORDERS, clouds, distance, known

import otgen
from otgen import InvalidInput, Status
from otgen.solvers import Line, LinearProgram, Simplex, Sinkhorn

metrics = st.sampled_from(METRICS)
orders = st.sampled_from(ORDERS)


def w(x, y, a=None, b=None, **options):
    return otgen.wasserstein(x, y, a, b, **options).value


@given(known())
def test_known_values(problem):
    result = problem.solve()
    scale = max(problem.value, 1e-3 if problem.value == 0 else 0)
    assert result.value == pytest.approx(problem.value, rel=1e-11, abs=1e-11)
    assert result.lower <= problem.value * (1 + 1e-14) + 1e-300
    assert problem.value * (1 - 1e-14) <= result.upper
    assert result.cost_upper - result.cost_lower <= 1e-10 * max(scale**problem.p, result.cost_upper, 1.0)
    assert result.status is Status.OPTIMAL


@given(known())
def test_every_exact_solver_agrees(problem):
    values = [problem.solve(solver=solver).value for solver in (Simplex(), LinearProgram())]
    assert values == pytest.approx([problem.value] * 2, rel=1e-7, abs=1e-7)


class TestAxioms:
    @given(clouds(), metrics, orders)
    def test_identity(self, cloud, metric, p):
        x, a = cloud
        result = otgen.wasserstein(x, x, a, a, metric=metric, p=p)
        assert result.value == pytest.approx(0, abs=1e-12)
        assert result.lower == 0

    @given(clouds(dim=2), clouds(dim=2), metrics, orders)
    def test_symmetry(self, first, second, metric, p):
        (x, a), (y, b) = first, second
        options = dict(metric=metric, p=p, normalize=True)
        assert w(x, y, a, b, **options) == pytest.approx(w(y, x, b, a, **options), rel=1e-12, abs=1e-12)

    @given(clouds(dim=2), clouds(dim=2), clouds(dim=2), metrics, orders)
    def test_triangle(self, first, second, third, metric, p):
        (x, a), (y, b), (z, c) = first, second, third
        options = dict(metric=metric, p=p, normalize=True)
        assert w(x, z, a, c, **options) <= w(x, y, a, b, **options) + w(y, z, b, c, **options) + 1e-12

    @given(clouds(dim=1), clouds(dim=1), clouds(dim=1), st.sampled_from([*ORDERS, math.inf]))
    def test_triangle_on_the_line(self, first, second, third, p):
        (x, a), (y, b), (z, c) = first, second, third
        options = dict(p=p, normalize=True)
        assert w(x, z, a, c, **options) <= w(x, y, a, b, **options) + w(y, z, b, c, **options) + 1e-12

    @given(clouds(), metrics, orders)
    def test_positivity(self, cloud, metric, p):
        x, a = cloud
        y = x.copy()
        y[0] += 0.5
        assert otgen.wasserstein(x, y, a, a, metric=metric, p=p).lower > 0

    @given(clouds(dim=1, weighted=False), st.sampled_from([*ORDERS, math.inf]))
    def test_identity_and_symmetry_on_the_line(self, cloud, p):
        x, _ = cloud
        assert w(x, x[::-1], p=p) == 0
        assert w(x, x[:1], p=p) == pytest.approx(w(x[:1], x, p=p), rel=1e-14)

    @given(clouds(dim=2), clouds(dim=2), metrics, orders, st.sampled_from([0.25, 3.0, -2.0, 1e-120, 1e120]))
    def test_homogeneity(self, first, second, metric, p, s):
        (x, a), (y, b) = first, second
        options = dict(metric=metric, p=p, normalize=True)
        assert w(s * x, s * y, a, b, **options) == pytest.approx(abs(s) * w(x, y, a, b, **options), rel=1e-10)

    @given(clouds(dim=2), clouds(dim=2), metrics, orders)
    def test_translation_and_permutation(self, first, second, metric, p):
        (x, a), (y, b) = first, second
        a = np.ones(len(x)) if a is None else a
        order = np.random.default_rng(0).permutation(len(x))
        options = dict(metric=metric, p=p, normalize=True)
        expected = w(x, y, a, b, **options)
        assert w(x[order] + 1024, y + 1024, a[order], b, **options) == pytest.approx(expected, rel=1e-12, abs=1e-12)

    @given(clouds(dim=2), clouds(dim=2), metrics, orders)
    def test_splitting_an_atom(self, first, second, metric, p):
        (x, a), (y, b) = first, second
        a = np.ones(len(x)) if a is None else a
        split = np.r_[a, a[0] / 4]
        split[0] -= a[0] / 4  # eighths: exactly representable
        options = dict(metric=metric, p=p, normalize=True)
        expected = w(x, y, a, b, **options)
        assert w(np.vstack([x, x[:1]]), y, split, b, **options) == pytest.approx(expected, rel=1e-12, abs=1e-12)


class TestUniformLaws:
    """U[0, 1] against U[e, e + 1] ("Lecture 9: generative models with adversaries", section 9.1): W_p = e for every p."""

    @given(st.integers(0, 48), st.sampled_from([1, 1.5, 2, 3, 10, math.inf]))
    def test_by_samples_on_a_grid(self, e, p):
        grid = (np.arange(32) + 0.5) / 32
        assert w(grid, grid + e / 16, p=p) == pytest.approx(e / 16, rel=1e-14, abs=0)

    @given(st.integers(0, 48), st.sampled_from([1, 1.5, 2, 3]))
    def test_by_quantiles(self, e, p):
        law, moved = scipy.stats.uniform(0, 1), scipy.stats.uniform(e / 16, 1)
        levels = (np.arange(200) + 0.5) / 200
        by_quantiles = (np.abs(law.ppf(levels) - moved.ppf(levels)) ** p).mean() ** (1 / p)
        assert w(law.ppf(levels), moved.ppf(levels), p=p) == pytest.approx(by_quantiles, rel=1e-13, abs=1e-300)
        assert by_quantiles == pytest.approx(e / 16, rel=1e-13)


class TestProof:
    @given(st.integers(0, 2**32 - 1), st.booleans())
    def test_against_rationals(self, seed, ties):
        rng = np.random.default_rng(seed)
        n, m = rng.integers(1, 6, 2)
        C = rng.integers(0, 4, (n, m)) / 4 if ties else rng.random((n, m)) - 0.3
        a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
        b *= a.sum() / b.sum()
        truth = exact_transport(fractions(C), a.tolist(), b.tolist())
        result = otgen.transport(C, a / a.sum(), b / b.sum())
        exact = exact_transport(fractions(C), (a / a.sum()).tolist(), (b / b.sum()).tolist())
        assert_proven(result, exact * sum(map(__import__("fractions").Fraction, (a / a.sum()).tolist())), scale=1.0)
        assert float(truth) == pytest.approx(result.value, abs=1e-12)

    @given(st.integers(0, 2**32 - 1))
    def test_lines_against_rationals(self, seed):
        rng = np.random.default_rng(seed)
        x, y = rng.integers(-64, 64, rng.integers(1, 8)) / 8, rng.integers(-64, 64, rng.integers(1, 8)) / 8
        a, b = rng.random(len(x)), rng.random(len(y))
        for p in (1, 2):
            truth = exact_transport(fractions(np.abs(x[:, None] - y) ** p), a.tolist(), b.tolist())
            result = otgen.wasserstein(x, y, a, b, p=1 if p == 1 else 2, normalize=True)
            assert result.cost_lower <= truth <= result.cost_upper
            assert result.cost_upper - result.cost_lower <= 1e-13 * max(float(truth), 1e-3)

    @pytest.mark.parametrize("metric", [*METRICS, "sqeuclidean", "cosine", lambda x, y: np.abs(x[:, None] - y).sum(-1)])
    @pytest.mark.parametrize("p", [1, 2, 2.5])
    def test_plan_and_potentials(self, metric, p):
        if metric in ("sqeuclidean", "cosine") and p != 1:
            return
        rng = np.random.default_rng(0)
        x, y, a, b = rng.random((25, 3)), rng.random((30, 3)) + 0.2, rng.random(25), rng.random(30)
        result = otgen.wasserstein(x, y, a, b, p=p, metric=metric, normalize=True)
        costs = otgen.Problem.from_points(x, y, p=p, metric=metric).cost.block()
        assert result.status is Status.OPTIMAL
        assert_coupling(result.plan, a, b)
        assert_feasible(result.potentials, costs, 1e-14)
        assert (result.plan.todense() * costs).sum() == pytest.approx(result.cost, rel=1e-12)
        f, g = result.potentials
        assert f @ a / a.sum() + g @ b / b.sum() == pytest.approx(result.cost, rel=1e-11)
        judge = otgen.wasserstein(x, y, a, b, p=p, metric=metric, normalize=True, solver="linprog")
        assert judge.value == pytest.approx(result.value, rel=1e-8)

    def test_cosine_is_what_scipy_computes(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(9, 4)), rng.normal(size=(8, 4))
        expected = scipy.spatial.distance.cdist(x, y, "cosine")
        np.testing.assert_allclose(
            otgen.Problem.from_points(x, y, p=1, metric="cosine").cost.block(), expected, atol=1e-14
        )


class TestAgainstPeers:
    @pytest.mark.parametrize("seed", range(5))
    def test_pot(self, seed):
        rng = np.random.default_rng(seed)
        n, m, d = rng.integers(20, 120, 3)
        x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 1
        a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
        assert otgen.wasserstein(x, y, a, b).cost == pytest.approx(ot.emd2(a, b, ot.dist(x, y)), rel=1e-9)

    @pytest.mark.parametrize("n", [10, 150])
    def test_scipy_assignment(self, n):
        rng = np.random.default_rng(n)
        C = rng.random((n, n))
        rows, columns = scipy.optimize.linear_sum_assignment(C)
        result = otgen.transport(C)
        assert result.value == pytest.approx(C[rows, columns].mean(), rel=1e-12)
        assert result.plan.permutation.tolist() == columns.tolist()

    @pytest.mark.parametrize("p", [1, 2, 3.5])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_pot_on_the_line(self, p, weighted):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=300), rng.normal(size=300 if not weighted else 200) * 2
        a, b = (rng.dirichlet(np.ones(len(z))) for z in (x, y)) if weighted else (None, None)
        assert otgen.wasserstein(x, y, a, b, p=p).cost == pytest.approx(ot.wasserstein_1d(x, y, a, b, p=p), rel=1e-10)

    def test_scipy_on_the_line(self):
        rng = np.random.default_rng(0)
        x, y, a, b = rng.normal(size=50), rng.normal(size=70), rng.random(50), rng.random(70)
        expected = scipy.stats.wasserstein_distance(x, y, a, b)
        assert w(x, y, a, b, p=1, normalize=True) == pytest.approx(expected, rel=1e-12)

    def test_line_against_simplex(self):
        rng = np.random.default_rng(0)
        x, y, a, b = rng.normal(size=60), rng.normal(size=50), rng.random(60), rng.random(50)
        for p in (1, 1.5, 2, 4):
            one, other = (otgen.wasserstein(x, y, a, b, p=p, normalize=True, solver=s) for s in (Line(), Simplex()))
            assert one.value == pytest.approx(other.value, rel=1e-12)
            costs = np.abs(x[:, None] - y) ** p
            assert_feasible(one.potentials, costs)
            assert_coupling(one.plan, a, b)
            f, g = one.potentials
            assert f @ a / a.sum() + g @ b / b.sum() == pytest.approx(one.cost, rel=1e-10)

    def test_bottleneck_against_thresholds(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            n = int(rng.integers(2, 9))
            x, y = rng.normal(size=n), rng.normal(size=n)
            distances = np.abs(x[:, None] - y)
            t = math.nan
            for t in np.sort(distances.ravel()):
                rows, columns = scipy.optimize.linear_sum_assignment(distances > t)
                if not (distances > t)[rows, columns].any():
                    break
            assert w(x, y, p=math.inf) == t

    def test_sinkhorn_against_pot(self):
        rng = np.random.default_rng(0)
        x, y, a, b = rng.random((20, 2)), rng.random((30, 2)), rng.dirichlet(np.ones(20)), rng.dirichlet(np.ones(30))
        M = ot.dist(x, y)
        plan = ot.bregman.sinkhorn_log(a, b, M, 0.05, stopThr=1e-13, numItermax=100_000)
        value = (plan * M).sum() + 0.05 * (plan * np.log(plan / (a[:, None] * b))).sum()
        result = otgen.sinkhorn(x, y, a, b, epsilon=0.05, tol=1e-12)
        assert result.value == pytest.approx(value, abs=1e-8)
        assert result.lower <= value + 1e-12 <= result.upper + 2e-12
        np.testing.assert_allclose(result.plan.todense(), plan, atol=1e-10)
        assert_coupling(result.plan, a, b)

    def test_sliced_against_pot(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((40, 3)), rng.random((40, 3)) + 0.5
        directions = rng.normal(size=(3, 500))
        directions /= np.linalg.norm(directions, axis=0)
        peer = ot.sliced_wasserstein_distance(x, y, projections=directions)
        result = otgen.sliced_wasserstein(x, y, n_projections=5000, rng=1)
        spread = abs(ot.sliced_wasserstein_distance(x, y, n_projections=5000, seed=2) - peer)
        assert abs(result.value - peer) <= 6 * result.standard_error + spread
        assert 0 < result.standard_error < 0.05 * result.value


class TestSliced:
    @given(clouds(dim=3), clouds(dim=3), orders)
    def test_it_averages_lines(self, first, second, p):
        (x, a), (y, b) = first, second
        result = otgen.sliced_wasserstein(x, y, a, b, p=p, n_projections=7, rng=3, normalize=True)
        directions = np.random.default_rng(3).standard_normal((7, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        costs = [otgen.wasserstein(x @ t, y @ t, a, b, p=p, normalize=True).cost for t in directions]
        assert result.value == pytest.approx(np.mean(costs) ** (1 / p), rel=1e-9, abs=1e-12)
        assert (result.lower, result.upper, result.plan) == (None, None, None)

    def test_one_dimension_is_exact(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=20), rng.normal(size=30)
        assert otgen.sliced_wasserstein(x, y, rng=0).value == pytest.approx(w(x, y), rel=1e-12)

    def test_standard_error_covers(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((30, 4)), rng.random((30, 4)) + rng.random(4)
        runs = [otgen.sliced_wasserstein(x, y, n_projections=50, rng=k) for k in range(200)]
        spread = np.std([r.value for r in runs])
        assert np.mean([r.standard_error for r in runs]) == pytest.approx(spread, rel=0.2)


class TestEntropic:
    @given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.sampled_from([0.01, 0.1, 1.0]))
    def test_bounds_hold_at_any_limit(self, seed, limit, epsilon):
        rng = np.random.default_rng(seed)
        x, y, a = rng.random((7, 2)), rng.random((9, 2)), rng.random(7)
        rough = otgen.sinkhorn(x, y, a, epsilon=epsilon, max_iter=limit, throw=False)
        fine = otgen.sinkhorn(x, y, a, epsilon=epsilon, tol=1e-13, max_iter=200_000)
        exact = otgen.wasserstein(x, y, a)
        assert rough.lower <= fine.value + 1e-12
        assert fine.value - 1e-12 <= rough.upper
        assert rough.exact_bounds[0] <= exact.cost_upper
        assert exact.cost_lower <= rough.exact_bounds[1]
        assert fine.upper - fine.lower <= 1e-9

    def test_relative_epsilon_and_what_it_came_to(self):
        x, y = np.random.default_rng(0).random((2, 9, 2))
        result = otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.1))
        assert result.epsilon == pytest.approx(0.1 * ((x[:, None] - y) ** 2).sum(-1).mean())
        assert result.value == pytest.approx(otgen.sinkhorn(x, y, epsilon=result.epsilon).value, rel=1e-12)

    def test_warm_start(self):
        x, y = np.random.default_rng(0).random((2, 40, 2))
        first = otgen.sinkhorn(x, y, epsilon=0.01)
        again = otgen.sinkhorn(x, y, epsilon=0.01, init=first)
        assert again.iterations <= 2 < first.iterations
        with pytest.raises(InvalidInput, match="init must be a pair of shapes"):
            otgen.sinkhorn(x, y, epsilon=0.01, init=(np.zeros(3), np.zeros(40)))

    def test_gaussians_in_closed_form(self):
        """Entropic 1-D Gaussians, cost |x - y|^2 and epsilon = 2 l: A + B - D + l (1 - log 2l) + l log(D + l)."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        A, B, strength = 1.0, 4.0, 0.5
        D = math.sqrt(4 * A * B + strength**2)
        truth = A + B - D + strength * (1 - math.log(2 * strength)) + strength * math.log(D + strength)
        keep = weights > 1e-14
        nodes, weights = nodes[keep], weights[keep]
        result = otgen.sinkhorn(
            math.sqrt(A) * nodes, math.sqrt(B) * nodes, weights, weights, epsilon=2 * strength, tol=1e-10
        )
        assert truth == pytest.approx(2.22436, abs=1e-5)
        assert result.value == pytest.approx(truth, abs=1e-6)

    @pytest.mark.parametrize("epsilon", [0.01, 0.1])
    def test_transport_of_a_matrix_is_the_same(self, epsilon):
        rng = np.random.default_rng(0)
        x, y = rng.random((12, 2)), rng.random((9, 2))
        C = ((x[:, None] - y) ** 2).sum(-1)
        one = otgen.sinkhorn(x, y, epsilon=epsilon, tol=1e-7, max_iter=10**5)
        other = otgen.transport(C, epsilon=epsilon, solver=Sinkhorn(tol=1e-7, max_iter=10**5))
        assert one.value == pytest.approx(other.value, rel=1e-8)
        assert otgen.transport(3 * C, [2] * 12, epsilon=3 * epsilon, throw=False).value == pytest.approx(
            72 * one.value, rel=1e-4
        )

    def test_divergence_of_equal_clouds_and_its_limits(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((15, 2)), rng.random((15, 2)) + 0.3
        assert otgen.sinkhorn_divergence(x, x[::-1], epsilon=0.1, tol=1e-10).value == pytest.approx(0, abs=1e-9)
        small = otgen.sinkhorn_divergence(x, y, epsilon=1e-3, max_iter=3000, throw=False)
        assert small.value == pytest.approx(otgen.wasserstein(x, y).cost, rel=2e-2)
        large = otgen.sinkhorn_divergence(x, y, epsilon=1e4, p=1)
        pairs = [np.sqrt(((s[:, None] - t) ** 2).sum(-1)).mean() for s, t in ((x, y), (x, x), (y, y))]
        assert large.value == pytest.approx(pairs[0] - (pairs[1] + pairs[2]) / 2, rel=1e-3)
        assert large.lower <= large.value <= large.upper


def test_distance_helper_knows_its_metrics():
    assert [distance(m, [3, -4]) for m in METRICS[:3]] == [5, 7, 4]
