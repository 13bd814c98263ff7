"""Parts of the proof for entropic transport: what counts as a potential, which plan is judged, what the product plan knows."""

import math

import numpy as np
import pytest

import otgen
from otgen.kernels.double_double import UNIT
from otgen.model.claim import Claim
from otgen.model.cost import Cost
from otgen.model.marginals import Marginals
from otgen.model.plan import EntropicPlan
from otgen.model.units import scaled
from otgen.proofs import prove
from otgen.proofs.entropic import _beside_product, _least_logarithm, entropic_bounds

COSTS = np.array([[0.0, 2.0], [3.0, 0.5]])
FORBIDDEN = np.array([[0.0, math.inf], [3.0, 0.5]])
EVEN = np.array([0.5, 0.5])


def posed(costs=COSTS, epsilon=0.5, relax=(math.inf, math.inf), a=None, b=None):
    plain = otgen.Problem.from_matrix(costs, a, b, epsilon=epsilon)
    return otgen.Problem(plain.source, plain.target, plain.cost, epsilon, relax=relax)


def proven(problem, f, g):
    return prove(problem, Claim(potentials=(np.array(f), np.array(g))))


@pytest.mark.parametrize("useless", [math.nan, math.inf, -math.inf])
def test_potentials_that_are_no_numbers_count_as_0(useless):
    found, zero = (proven(posed(), [z, 0.25], [0.0, 0.5]) for z in (useless, 0.0))
    assert (found.lower, found.upper) == (zero.lower, zero.upper)


def test_the_plan_meets_its_marginals_unless_pairs_are_forbidden():
    plan = proven(posed(), [1.0, -0.25], [0.0, 0.5]).plan
    for sums in plan.marginals():
        np.testing.assert_allclose(sums, EVEN, atol=1e-15)
    bare = proven(posed(FORBIDDEN), [1.0, -0.25], [0.0, 0.5])
    assert (bare.plan.u, bare.plan.v, bare.plan.r, bare.upper) == (1.0, 1.0, 0.0, math.inf)
    half = proven(posed(FORBIDDEN, relax=(math.inf, 1.0)), [1.0, -0.25], [0.0, 0.5])
    np.testing.assert_allclose(half.plan.marginals()[0], EVEN, atol=1e-15)
    assert half.upper < math.inf


def test_a_kernel_beyond_all_floats_proves_no_more_than_that_costs_are_not_negative():
    found = proven(posed(FORBIDDEN), [1e6, 1e6], [0.0, 0.0])
    assert (found.objective, found.lower, found.upper, found.scale) == (0.0, 0.0, math.inf, math.inf)


@pytest.mark.parametrize(("a", "b"), [([1.0, 0.0], [0.25, 0.75]), ([0.25, 0.75], [1.0, 0.0]), ([1.0, 0.0], [0.0, 1.0])])
def test_points_without_mass_take_no_part(a, b):
    found = proven(posed(a=a, b=b), [0.25, 0.5], [0.0, 1.0])
    only = COSTS[np.ix_(np.flatnonzero(a), np.flatnonzero(b))]
    paid = np.outer([z for z in a if z], [z for z in b if z]).ravel() @ only.ravel()
    assert found.lower <= paid <= found.upper < math.inf  # one point on a side leaves one plan
    assert found.cost == pytest.approx(paid, rel=1e-14)


def test_the_exact_cost_is_bounded_where_it_is_asked_for():
    plan = EntropicPlan(posed().cost, np.zeros(2), np.zeros(2), 0.5, EVEN, EVEN)
    assert entropic_bounds(plan, (math.inf, math.inf), exact=False).exact is None
    assert entropic_bounds(plan, (math.inf, math.inf), exact=True).exact is not None


@pytest.mark.parametrize(("low", "lower"), [(0.0, 0.0), (0.5, 0.0), (2.0, 0.0)])
def test_without_negative_costs_the_exact_cost_is_not_negative(low, lower):
    found = proven(posed(COSTS + low), [60.0, -60.0], [0.0, 0.0])
    assert found.exact_bounds[0] == lower


def test_negative_costs_may_come_to_less_than_0():
    found = proven(posed(COSTS - 1.0), [60.0, -60.0], [0.0, 0.0])  # the best plan costs -0.75
    assert -math.inf < found.exact_bounds[0] <= -0.75


@pytest.mark.parametrize("mass", [0.25, 1.0, 1.5, 4.0])
def test_depth_of_the_smallest_pair(mass):
    a, b = np.array([0.75, 0.25, 0.0]) * mass, np.array([0.0, 0.125, 0.875])
    plan = EntropicPlan(posed(np.zeros((3, 3))).cost, np.zeros(3), np.zeros(3), 1.0, a, b)
    expected = math.log(max(mass, 1.0) / (0.25 * mass * 0.125))
    assert _least_logarithm(plan, Marginals(a, b)) == pytest.approx(expected, rel=1e-14)


def beside(costs, epsilon, relax, dual, a=EVEN):
    """What the product plan knows beside nothing."""
    plan = EntropicPlan(otgen.Problem.from_matrix(costs).cost, np.zeros_like(a), np.zeros(2), epsilon, a, EVEN)
    return _beside_product(plan, Marginals(a, EVEN, relax), -math.inf, math.inf, dual)


@pytest.mark.parametrize("rho", [math.inf, 1.0, 1e24])
def test_the_product_plan_where_epsilon_is_far_above_all_costs(rho):
    mean, epsilon, size = COSTS.mean(), 1e20, 4
    lower, upper, dual = beside(COSTS, epsilon, (rho, rho), -5.0)
    needed = size * UNIT * 3.0
    assert needed <= mean - lower <= 50 * needed
    missed = 0.0 if math.isinf(rho) else 2 * rho * (size + 1) ** 2 * UNIT**2 / 2  # of masses that are 1 to rounding
    assert needed + missed <= upper - mean <= 50 * (needed + missed)
    assert dual == pytest.approx(mean, rel=1e-15)


def test_the_product_plan_brings_the_value_nearer():
    mean, saved = COSTS.mean(), 9.0 / (8 * 100.0)  # by Hoeffding's lemma
    assert beside(COSTS, 100.0, (math.inf, math.inf), -5.0)[2] == pytest.approx(mean - saved, rel=1e-12)
    assert beside(COSTS, 100.0, (math.inf, math.inf), 5.0)[2] == mean


def test_the_product_plan_of_costs_in_single_precision():
    x, y = np.array([[0.1, 0.7], [0.3, 0.2]]), np.array([[1.1, 0.4], [0.9, 1.3]])
    cost = otgen.Problem.from_points(x, y, p=2).cost.astype(np.float32)
    mean, needed = ((x[:, None] - y) ** 2).sum(2).mean(), cost.exponent_error
    plan = EntropicPlan(cost, np.zeros(2), np.zeros(2), 1e20, EVEN, EVEN)
    lower, upper, _ = _beside_product(plan, Marginals(EVEN, EVEN), -math.inf, math.inf, mean)
    assert needed <= mean - lower <= 50 * needed
    assert needed <= upper - mean <= 50 * needed


def test_of_a_stack_the_product_plan_bounds_those_whose_masses_are_1():
    points = np.array([[[0.0], [1.0]], [[0.0], [1.0]]])
    cost = otgen.Problem.from_points(points[0], points[0]).cost.clouds.between(points, points)
    weights, relax = np.array([EVEN, 2 * EVEN]), (1.0, 1.0)
    plan = EntropicPlan(cost, np.zeros((2, 2)), np.zeros((2, 2)), np.full(2, 1e20), weights, weights)
    nothing = np.full(2, math.inf)
    lower, upper, dual = _beside_product(plan, Marginals(weights, weights, relax), -nothing, nothing, np.full(2, 9.0))
    np.testing.assert_allclose(lower, [0.5, -math.inf], rtol=1e-13)
    np.testing.assert_allclose(upper, [0.5, math.inf], rtol=1e-13)
    np.testing.assert_allclose(dual, [0.5, 9.0], rtol=1e-13)


def test_the_product_plan_of_many_points():
    costs, n = np.tile(1e3 * COSTS, (50, 1)), 100
    lower, upper, _ = beside(costs, 1e20, (math.inf, math.inf), 0.0, np.full(n, 1 / n))
    needed = (n + 2) * UNIT * 3e3
    assert needed <= costs.mean() - lower <= 50 * needed
    assert needed <= upper - costs.mean() <= 50 * needed


@pytest.mark.parametrize("empty", [False, True])
def test_a_proof_looks_at_all_pairs_five_times(empty, monkeypatch):
    """Sums for scaling rows and columns, sums of what that leaves, those of the Gibbs plan, its cost, and minima for the exact cost."""
    rng, passes = np.random.default_rng(0), []
    x, y, a, b = rng.random((40, 3)), rng.random((50, 3)), rng.random(40), rng.random(50)
    a[0] *= not empty
    problem = scaled(otgen.Problem.from_points(x, y, a, b, p=2, epsilon=0.1, normalize=True))
    for name in ("sweep", "gibbs_cost", "column_minima", "softmin", "sums"):
        plain = getattr(Cost, name)
        monkeypatch.setattr(
            Cost,
            name,
            lambda self, *args, name=name, plain=plain, **more: passes.append(name) or plain(self, *args, **more),
        )
    found = prove(problem, Claim(potentials=(rng.random(40), rng.random(50))))
    assert np.isfinite(found.upper - found.lower)
    assert sorted(passes).count("sweep") == 3 + empty
    assert len(passes) - passes.count("sums") == 5 + empty
