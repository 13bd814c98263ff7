"""Entropic transport against others: POT, closed forms, finite differences, exact transport as epsilon falls, brute force."""

import math

import numpy as np
import ot
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import norm

import otgen
from otgen import InvalidInput
from otgen.kernels.overrelaxation import next_omega, window
from otgen.model.units import scaled
from otgen.solvers import Annealing, Fixed, Sinkhorn
from otgen.solvers.sinkhorn_iteration import CostPass, Potentials, iterate

METRICS = ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3)]


def clouds(seed, n=25, m=30, d=2):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, d)), rng.random((m, d)) + 0.2, a / a.sum(), b / b.sum()


def costs(x, y, p=2.0):
    return ((x[:, None] - y) ** 2).sum(-1) ** (p / 2)


def pot_value(x, y, a, b, epsilon, p=2.0):
    """Value of the converged plan of POT, in our convention: KL against a (x) b."""
    C = costs(x, y, p)
    P = ot.bregman.sinkhorn_log(a, b, C, epsilon, numItermax=100_000, stopThr=1e-14)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.where(P > 0, P * np.log(P / (a[:, None] * b)), 0.0).sum()
    return (P * C).sum() + epsilon * entropy


class TestAgainstOthers:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize(("epsilon", "p"), [(1.0, 2.0), (0.1, 2.0), (0.05, 1.0), (0.05, 3.0)])
    def test_pot(self, seed, epsilon, p):
        x, y, a, b = clouds(seed)
        ours = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, p=p, tol=1e-10)
        assert ours.value == pytest.approx(pot_value(x, y, a, b, epsilon, p), abs=1e-8)

    @pytest.mark.parametrize("d", [1, 2, 3, 5, 16, 64])
    def test_every_way_of_computing_agrees_with_the_matrix(self, d):
        x, y, a, b = clouds(0, 700, 650, d)
        epsilon = 0.02 * d
        points = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, tol=1e-9)
        matrix = otgen.transport(costs(x, y), a, b, epsilon=epsilon)
        assert points.value == pytest.approx(matrix.value, rel=1e-9)
        assert matrix.lower <= points.value <= points.upper

    def test_gaussians_in_closed_form(self):
        half, A, B = 0.5, 1.0, 4.0  # half of epsilon; variances
        D = math.sqrt(4 * A * B + half**2)
        q = (np.arange(2000) + 0.5) / 2000
        x, y = norm.ppf(q) * math.sqrt(A), norm.ppf(q) * math.sqrt(B)
        value = otgen.sinkhorn(x, y, epsilon=2 * half).value
        expected = A + B - D + half * (1 - math.log(2 * half)) + half * math.log(D + half)
        assert value == pytest.approx(expected, rel=5e-3)

    def test_epsilon_to_zero_is_exact_transport(self):
        x, y, a, b = clouds(1)
        exact = otgen.wasserstein(x, y, a, b).cost
        errors = []
        for epsilon in (1e-1, 1e-2, 1e-3, 1e-4):
            result = otgen.sinkhorn(x, y, a, b, epsilon=epsilon)
            assert result.exact_bounds[0] <= exact <= result.exact_bounds[1]
            errors.append(abs(result.value - exact))
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] <= 1e-4 * math.log(30)

    def test_a_small_epsilon_is_reached_not_faked(self):
        x, y, a, b = clouds(2, 300, 300)
        result = otgen.sinkhorn(x, y, a, b, epsilon=otgen.Relative(1e-4), max_iter=100_000)
        f, g = result.potentials
        P = a[:, None] * b * np.exp((f[:, None] + g - costs(x, y)) / result.epsilon)
        assert max(np.abs(P.sum(1) - a).sum(), np.abs(P.sum(0) - b).sum()) <= 1.01e-6


class TestInvariance:
    @given(st.integers(0, 2**32 - 1))
    def test_scale_shift_permutation(self, seed):
        x, y, a, b = clouds(seed, 12, 14)
        value = otgen.sinkhorn(x, y, a, b, epsilon=0.1, tol=1e-11).value
        order = np.random.default_rng(seed).permutation(12)
        permuted = otgen.sinkhorn(x[order], y, a[order], b, epsilon=0.1, tol=1e-11).value
        shifted = otgen.sinkhorn(x + 3, y + 3, a, b, epsilon=0.1, tol=1e-11).value
        scaled = otgen.sinkhorn(1e3 * x, 1e3 * y, a, b, epsilon=1e5, tol=1e-11).value
        assert permuted == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert shifted == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert scaled == pytest.approx(1e6 * value, rel=1e-9, abs=1e-6)

    def test_translation_to_1e8_in_single_precision(self):
        x, y = (np.round(z * 64).astype(np.float32) * 16 for z in clouds(0)[:2])  # exact at 1e8
        here = otgen.sinkhorn(x, y, epsilon=300.0)
        there = otgen.sinkhorn(x + np.float32(2**27), y + np.float32(2**27), epsilon=300.0)
        assert there.value == pytest.approx(here.value, rel=1e-6)

    @pytest.mark.parametrize("schedule", [Annealing(), Annealing(0.2), Fixed()])
    def test_the_way_there_does_not_matter(self, schedule):
        x, y, a, b = clouds(3, 600, 500)
        solver = Sinkhorn(tol=1e-9, schedule=schedule)
        value = otgen.sinkhorn(x, y, a, b, epsilon=0.01, solver=solver).value
        assert value == pytest.approx(otgen.sinkhorn(x, y, a, b, epsilon=0.01).value, rel=1e-9)

    def test_points_without_mass_change_nothing_and_get_potentials(self):
        x, y, a, b = clouds(4)
        more = otgen.sinkhorn(np.vstack([x, [[9.0, 9.0]]]), y, np.append(a, 0.0), b, epsilon=0.1, tol=1e-10)
        plain = otgen.sinkhorn(x, y, a, b, epsilon=0.1, tol=1e-10)
        assert more.value == pytest.approx(plain.value, rel=1e-12)
        f, g = more.potentials
        softmin = -0.1 * logsumexp((g - ((np.array([9.0, 9.0]) - y) ** 2).sum(1)) / 0.1, b=b)
        assert f[-1] == pytest.approx(softmin, rel=1e-6)


def moved(function, at, step=1e-5):
    """Central differences of a function of an array."""
    out = np.empty_like(at)
    for index in np.ndindex(at.shape):
        plus, minus = at.copy(), at.copy()
        plus[index] += step
        minus[index] -= step
        out[index] = (function(plus) - function(minus)) / (2 * step)
    return out


class TestGradients:
    @pytest.mark.parametrize("metric", METRICS)
    @pytest.mark.parametrize("p", [1.0, 2.0, 2.5])
    def test_of_the_value_in_the_points(self, metric, p):
        x, y, a, b = clouds(0, 5, 6)
        options = dict(epsilon=0.2, p=p, metric=metric, tol=1e-12)
        found = otgen.sinkhorn(x, y, a, b, **options).gradients()
        np.testing.assert_allclose(found.x, moved(lambda z: otgen.sinkhorn(z, y, a, b, **options).value, x), atol=1e-6)
        np.testing.assert_allclose(found.y, moved(lambda z: otgen.sinkhorn(x, z, a, b, **options).value, y), atol=1e-6)
        assert found.residual <= 1e-12

    def test_of_a_cost_of_directions(self):
        x, y, a, b = clouds(1, 5, 6, 3)
        options = dict(epsilon=0.2, p=1, metric="cosine", tol=1e-12)
        found = otgen.sinkhorn(x, y, a, b, **options).gradients()
        np.testing.assert_allclose(found.x, moved(lambda z: otgen.sinkhorn(z, y, a, b, **options).value, x), atol=1e-6)

    @pytest.mark.parametrize("relax", [None, 0.5, (0.5, 0.5)])
    def test_of_the_divergence(self, relax):
        x, y, a, b = clouds(2, 5, 6)
        options = dict(epsilon=0.2, tol=1e-12, relax=relax)
        found = otgen.sinkhorn_divergence(x, y, a, b, **options).gradients()
        numbers = moved(lambda z: otgen.sinkhorn_divergence(z, y, a, b, **options).value, x)
        np.testing.assert_allclose(found.x, numbers, atol=1e-6)
        tangent = np.array([1.0, -1.0, 0.5, -0.5, 0.0]) * 1e-4
        ahead, behind = (otgen.sinkhorn_divergence(x, y, a + sign * tangent, b, **options).value for sign in (1, -1))
        assert found.a @ tangent == pytest.approx((ahead - behind) / 2, abs=1e-9)

    @pytest.mark.parametrize("call", [otgen.sinkhorn, otgen.sinkhorn_divergence])
    def test_of_weights_that_change_their_total_where_that_is_free(self, call):
        x, y, a, b = clouds(3, 5, 6)
        options = dict(epsilon=0.2, tol=1e-12, relax=0.5)
        found = call(x, y, a, 2 * b, **options).gradients()
        np.testing.assert_allclose(found.a, moved(lambda z: call(x, y, z, 2 * b, **options).value, a), atol=1e-6)
        np.testing.assert_allclose(found.b, moved(lambda z: call(x, y, a, z, **options).value, 2 * b), atol=1e-6)

    def test_of_a_cost_matrix_is_the_plan(self):
        x, y, a, b = clouds(4, 5, 6)
        C = costs(x, y)
        result = otgen.transport(C, a, b, epsilon=0.2, solver=Sinkhorn(tol=1e-12))
        solver = Sinkhorn(tol=1e-12)
        numbers = moved(lambda z: otgen.transport(z, a, b, epsilon=0.2, solver=solver).value, C)
        np.testing.assert_allclose(result.plan.todense(), numbers, atol=1e-6)

    def test_touching_points_have_the_zero_subgradient(self):
        x = np.array([[0.0, 0.0], [1.0, 0.0]])
        found = otgen.sinkhorn(x, x, epsilon=0.5, p=1).gradients()
        assert np.isfinite(found.x).all()
        assert otgen.sinkhorn_divergence(x, x, epsilon=0.5, p=1).gradients().x == pytest.approx(0.0, abs=1e-6)


def brute_force(C, a, b, epsilon, relax):
    """The relaxed problem by alternating exact minimisation over potentials, in plain numpy."""
    f, g = np.zeros(len(a)), np.zeros(len(b))
    one, other = (1.0 if math.isinf(rho) else rho / (rho + epsilon) for rho in relax)
    for _ in range(20_000):
        f = -one * epsilon * np.log(np.exp((g - C) / epsilon) @ b)
        g = -other * epsilon * np.log(np.exp((f[:, None] - C) / epsilon).T @ a)
    P = a[:, None] * b * np.exp((f[:, None] + g - C) / epsilon)

    def kl(p, q):
        return (p * np.log(p / q)).sum() - p.sum() + q.sum()

    value = (P * C).sum() + epsilon * kl(P, a[:, None] * b)
    for rho, sums, weights in zip(relax, (P.sum(1), P.sum(0)), (a, b)):
        value += 0.0 if math.isinf(rho) else rho * kl(sums, weights)
    return value, P


def plain_sweeps(C, a, b, epsilon, rho, tol):
    """The dual value after as many damped sweeps as the tolerance takes, at most 5000, and their number."""
    f, g, damping, count = np.zeros(len(a)), np.zeros(len(b)), rho / (rho + epsilon), 0
    error, P = math.inf, np.zeros(C.shape)
    while error > tol and count < 5000:
        f = -damping * epsilon * logsumexp((g - C) / epsilon + np.log(b), axis=1)
        g = -damping * epsilon * logsumexp((f[:, None] - C) / epsilon + np.log(a)[:, None], axis=0)
        P = a[:, None] * b * np.exp((f[:, None] + g - C) / epsilon)
        error = abs(P.sum(1) - a * np.exp(-f / rho)).sum() / max(a.sum(), b.sum())
        count += 1
    gain = -rho * (a @ np.expm1(-f / rho) + b @ np.expm1(-g / rho))
    return gain - epsilon * (P.sum() - a.sum() * b.sum()), count


class TestRelaxed:
    @pytest.mark.parametrize("relax", [(0.3, 0.3), (1.0, 0.1), (0.2, math.inf), (math.inf, 0.2), (100.0, 100.0)])
    def test_against_plain_numpy(self, relax):
        x, y, a, b = clouds(0, 8, 9)
        a, b = 2 * a, b if math.isinf(max(relax)) else 0.7 * b
        value, P = brute_force(costs(x, y), a, b, 0.1, relax)
        result = otgen.sinkhorn(x, y, a, b, epsilon=0.1, relax=relax, tol=1e-11)
        assert result.value == pytest.approx(value, rel=1e-9)
        assert result.lower <= value + 1e-12
        assert value - 1e-12 <= result.upper
        assert result.upper - result.lower <= 1e-8 * value
        assert result.exact_bounds is None
        np.testing.assert_allclose(result.plan.todense(), P, atol=1e-8)
        assert result.cost == pytest.approx((P * costs(x, y)).sum(), rel=1e-8)

    def test_against_pot(self):
        x, y, a, b = clouds(1, 20, 25)
        P = ot.unbalanced.sinkhorn_unbalanced(
            a, b, costs(x, y), 0.1, 0.5, method="sinkhorn_stabilized", reg_type="kl", numItermax=100_000, stopThr=1e-14
        )
        ours = otgen.transport(costs(x, y), a, b, epsilon=0.1, relax=0.5, solver=Sinkhorn(tol=1e-11))
        np.testing.assert_allclose(ours.plan.todense(), P, atol=1e-8)

    @given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from([0.01, 1.0]), st.sampled_from([0.05, 5.0]))
    def test_bounds_hold_at_any_limit(self, seed, limit, epsilon, rho):
        x, y, a, b = clouds(seed, 7, 9)
        rough = otgen.sinkhorn(x, y, a, 1.5 * b, epsilon=epsilon, relax=rho, max_iter=limit, throw=False)
        fine = otgen.sinkhorn(x, y, a, 1.5 * b, epsilon=epsilon, relax=rho, tol=1e-12, max_iter=100_000)
        assert rough.lower <= fine.value + 1e-12
        assert fine.value - 1e-12 <= rough.upper

    def test_strong_is_balanced_and_weak_is_free(self):
        x, y, a, b = clouds(2)
        balanced = otgen.sinkhorn(x, y, a, b, epsilon=0.1).value
        strong = otgen.sinkhorn(x, y, a, b, epsilon=0.1, relax=1e6).value
        assert strong == pytest.approx(balanced, rel=1e-4)
        free = 0.1 * (1 - a @ np.exp(-costs(x, y) / 0.1) @ b)  # only the entropic term counts
        assert otgen.sinkhorn(x, y, a, b, epsilon=0.1, relax=1e-7).value == pytest.approx(free, rel=1e-5)

    def test_divergence_of_unequal_masses_is_positive_and_zero_on_equal_clouds(self):
        x, y, a, b = clouds(3)
        assert otgen.sinkhorn_divergence(x, x, a, a, epsilon=0.1, relax=0.5).value == pytest.approx(0, abs=1e-6)
        result = otgen.sinkhorn_divergence(x, y, a, 2 * b, epsilon=0.1, relax=0.5)
        assert 0 < result.lower <= result.value <= result.upper

    @pytest.mark.parametrize("rho", [0.3, 2.0])
    def test_divergence_of_another_mass(self, rho):
        x, y, a, _ = clouds(4, 8, 8)
        a, epsilon = 3 * a, 0.1
        across, *own = (brute_force(costs(u, v), a, a, epsilon, (rho, rho))[0] for u, v in ((x, y), (x, x), (y, y)))
        result = otgen.sinkhorn_divergence(x, y, a, a, epsilon=epsilon, relax=rho, tol=1e-10)
        assert result.value == pytest.approx(across - sum(own) / 2, abs=1e-8)
        assert result.lower <= result.value <= result.upper

    @pytest.mark.parametrize("relax", [(0.5, math.inf), (0.5, 5.0), (None, 1.0)])
    def test_two_strengths_are_no_divergence(self, relax):
        """Between equal measures the difference would not be 0."""
        call = otgen.sinkhorn_divergence, otgen.sinkhorn_divergence_batch
        for function, x in zip(call, ([0.0, 1.0], [[0.0, 1.0]])):
            with pytest.raises(InvalidInput, match="relax must be one number for both sides of a debiased cost"):
                function(x, x, epsilon=1.0, relax=relax)

    @given(
        far=st.floats(1.0, 1e5),
        epsilon=st.floats(-3, 0.5),
        rho=st.floats(-1.5, 1),
        mass=st.floats(-2, 2),
        seed=st.integers(0, 99),
    )
    def test_outliers_end_like_others(self, far, epsilon, rho, mass, seed):
        """Points that are left where they are, to any distance: no more iterations than plain sweeps in logarithms need, and the same value."""
        rng = np.random.default_rng(seed)
        x, y = rng.random((4, 1)), rng.random((3, 1))
        x[0] += far
        a, b, epsilon, rho = rng.random(4) + 0.1, 10**mass * (rng.random(3) + 0.1), 10**epsilon, 10**rho
        if epsilon < 1e-11 * far**2:
            return
        result = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, relax=rho, tol=1e-8, throw=False)
        value, count = plain_sweeps(costs(x, y), a, b, epsilon, rho, 1e-8)
        assert result.status is otgen.Status.CONVERGED or count >= 5000
        assert result.iterations <= count + 200
        assert result.value == pytest.approx(value, rel=1e-5) or count >= 5000

    @pytest.mark.parametrize("bad", [0, -1, "strong", (1, 2, 3), math.nan])
    def test_bad_strengths(self, bad):
        with pytest.raises(InvalidInput, match="relax"):
            otgen.sinkhorn([0.0], [1.0], epsilon=1, relax=bad)

    def test_needs_epsilon(self):
        with pytest.raises(InvalidInput, match="relax must stand beside epsilon > 0"):
            otgen.transport([[1.0]], relax=1.0)


class TestOverRelaxation:
    def test_plain_until_the_rate_is_known(self):
        assert next_omega(np.array([1.0, 0.5]), 2, 1.0) == 1.0
        assert next_omega(np.array([1.0, 0.1, 0.01]), 3, 1.0) == 1.0
        assert next_omega(np.array([1.0, 0.9, 0.81]), 3, 1.0) == pytest.approx(2 / (1 + math.sqrt(0.1)))

    def test_back_to_plain_where_errors_grow(self):
        assert next_omega(np.ones(2 * window(1.5) + 1), 2 * window(1.5) + 1, 1.5) == 1.0

    def test_a_slow_problem_takes_far_fewer_sweeps(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((15, 2)), rng.random((15, 2)) + 0.3
        assert otgen.sinkhorn(x, y, epsilon=1e-3).iterations < 3000  # plain sweeps: more than 10 000


class TestAgainstOtt:
    """Run where OTT-JAX is installed; it is not pinned, to keep JAX out of every install."""

    @pytest.mark.parametrize("seed", range(5))
    def test_value_and_potentials(self, seed):
        jax = pytest.importorskip("jax", reason="OTT-JAX is not pinned: JAX would come with every install")
        ott = pytest.importorskip("ott", reason="OTT-JAX is not pinned: JAX would come with every install")
        from ott.geometry import pointcloud
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import sinkhorn

        assert ott is not None
        jax.config.update("jax_enable_x64", True)
        rng = np.random.default_rng(seed)
        x, y, a, b = rng.random((40, 3)), rng.random((30, 3)), rng.random(40), rng.random(30)
        a, b, epsilon = a / a.sum(), b / b.sum(), 0.05
        problem = linear_problem.LinearProblem(pointcloud.PointCloud(x, y, epsilon=epsilon), a=a, b=b)
        theirs = sinkhorn.Sinkhorn(threshold=1e-12, max_iterations=100_000)(problem)
        ours = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, tol=1e-12)
        plan = np.asarray(theirs.matrix)
        np.testing.assert_allclose(ours.plan.todense(), plan, atol=1e-9)
        kl = float((plan * np.log(plan / np.outer(a, b))).sum() - plan.sum() + 1.0)
        value = float((plan * ((x[:, None] - y) ** 2).sum(-1)).sum()) + epsilon * kl
        assert ours.value == pytest.approx(value, abs=1e-8)


def test_single_precision_keeps_its_patience_at_a_later_stage():
    """Its first error is unknown: counted from the first sweep of all stages, patience had run out before it began."""
    rng = np.random.default_rng(0)
    x, y = rng.random((600, 2)), rng.random((600, 2)) + 0.1
    problem = scaled(otgen.Problem.from_points(x, y, epsilon=0.02))
    at = Potentials(np.zeros(600), np.zeros(600), count=50)
    way = CostPass(problem.cost.astype(np.float32), problem.marginals, problem.epsilon, 1e-3)
    assert iterate(way, at, 1e-3, 1000, lambda message: None)
    assert at.count > 51


class TestPointsThatCoincide:
    """They are one place while potentials are found: many times fewer pairs, and the same answer."""

    @pytest.mark.parametrize("relax", [None, (0.3, 0.5)])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_the_value_is_that_of_the_places(self, relax, weighted):
        rng = np.random.default_rng(0)
        one, other = rng.random((2, 9, 3))
        at, to = rng.integers(0, 9, 400), rng.integers(0, 9, 300)
        a, b = (rng.dirichlet(np.ones(n)) if weighted else np.full(n, 1 / n) for n in (400, 300))
        options = dict(epsilon=0.05, tol=1e-9, relax=relax)
        result = otgen.sinkhorn(one[at], other[to], a, b, **options)
        places = otgen.sinkhorn(one, other, np.bincount(at, a, 9), np.bincount(to, b, 9), **options)
        assert result.value == pytest.approx(places.value, rel=1e-8)
        assert result.marginal_error <= 1e-9
        assert result.lower <= places.upper
        assert places.lower <= result.upper
        for mine, few, where in zip(result.potentials, places.potentials, (at, to)):
            np.testing.assert_allclose(mine, few[where], atol=1e-7)
        options |= dict(relax=relax and relax[0])
        divergence = otgen.sinkhorn_divergence(one[at], other[to], a, b, **options)
        assert divergence.value == pytest.approx(
            otgen.sinkhorn_divergence(one, other, np.bincount(at, a, 9), np.bincount(to, b, 9), **options).value,
            abs=1e-8,
        )

    def test_a_start_is_taken_from_one_of_them(self):
        rng = np.random.default_rng(1)
        x, y = rng.integers(0, 5, (300, 2)) / 5, rng.integers(0, 5, (280, 2)) / 7
        a = np.where(rng.random(300) < 0.2, 0.0, 1.0)
        first = otgen.sinkhorn(x, y, a / a.sum(), epsilon=0.01)
        assert otgen.sinkhorn(x, y, a / a.sum(), epsilon=0.01, init=first).iterations < first.iterations


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 1e3]), st.integers(1, 20))
def test_no_bound_of_a_cost_is_below_all_costs(seed, epsilon, max_iter):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(5, 2)) * rng.choice([1, 100])
    result = otgen.sinkhorn(x, y, epsilon=epsilon, max_iter=max_iter, throw=False)
    assert 0 <= result.exact_bounds[0] <= otgen.wasserstein(x, y).cost_upper


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_share_of_a_mean_cost_beyond_all_floats_is_refused(size):
    x, y = size * np.eye(3), size * np.ones((2, 3))
    with pytest.raises(otgen.InvalidInput, match="the mean cost must be within the range of floats"):
        otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.1))
    assert otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.1), p=1).value == pytest.approx(
        size * otgen.sinkhorn(x / size, y / size, epsilon=otgen.Relative(0.1), p=1).value, rel=1e-9
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: otgen.sinkhorn([0.0], [1.0], epsilon="5%"), r"received '5%'; pass otgen\.Relative\(0\.05\)"),
        (lambda: otgen.transport(np.ones(2), np.ones(2), np.eye(2)), "one row a source, and pass weights after it"),
        (
            lambda: otgen.wasserstein(np.ones(2), np.ones(2), np.eye(2)),
            r"or call otgen\.transport\(C, a, b\) for a cost",
        ),
        (lambda: otgen.wasserstein(np.ones(2), np.ones(2), np.ones(3)), "pass as many, or None for uniform ones"),
    ],
)
def test_calls_as_other_libraries_have_them_are_told_what_they_are_here(call, said):
    with pytest.raises(otgen.InvalidInput, match=said):
        call()


def test_what_helps_beside_an_outlier():
    """Iterations do not: costs of 1e12 round off more than a small tolerance beside epsilon. The value is known to the usual one."""
    x, y = np.random.default_rng(0).normal(size=(2, 3, 2))
    x[0] = 1e6, 0.0
    with pytest.raises(
        otgen.NotConverged, match="leave out points that lie far from all others, or raise epsilon or tol"
    ):
        otgen.sinkhorn(x, y, epsilon=4.1, relax=(np.inf, 1.0), tol=1e-14)
    assert otgen.sinkhorn(x, y, epsilon=4.1, relax=(np.inf, 1.0)).status is otgen.Status.CONVERGED
    assert otgen.sinkhorn(x[1:], y, epsilon=4.1, relax=(np.inf, 1.0)).status is otgen.Status.CONVERGED
    with pytest.raises(otgen.NotConverged, match="raise max_iter"):
        otgen.sinkhorn(x[1:], y, epsilon=0.01, max_iter=1)
    with pytest.raises(
        otgen.InvalidInput, match="leave out points that lie far from all others, raise it, or use otgen"
    ):
        otgen.sinkhorn(x, y, epsilon=0.01, relax=1.0)
