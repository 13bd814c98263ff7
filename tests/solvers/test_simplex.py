"""The simplex at sizes where it goes through coarser levels, against POT; and what it reports on the way."""

import math
import re
from fractions import Fraction

import numpy as np
import ot
import pytest
from proving import assert_coupling, assert_feasible, assert_proven

import otgen
from otgen.kernels import tree_pieces
from otgen.model.cost import Cost
from otgen.model.units import scaled
from otgen.proofs import prove
from otgen.solvers import Claim, Flows, Simplex, multiscale, restricted_problem

N, M = 700, 640


def clouds(d=2):
    rng = np.random.default_rng(d)
    return rng.random((N, d)), rng.normal(0.5, 0.2, (M, d)), rng.dirichlet(np.ones(N)), rng.dirichlet(np.ones(M))


@pytest.mark.parametrize("d", [1, 2, 3, 12])
@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_points_through_levels(d, p):
    x, y, a, b = clouds(d)
    result = otgen.wasserstein(x, y, a, b, p=p, solver="simplex")
    truth = ot.emd2(a, b, ot.dist(x, y, metric="euclidean") ** p, numItermax=10**7)
    assert result.cost == pytest.approx(truth, rel=1e-9)
    assert result.status is otgen.Status.OPTIMAL


def test_matrices_through_levels():
    rng = np.random.default_rng(0)
    x, y, a, b = clouds()
    for costs in (ot.dist(x, y), rng.random((N, M)), rng.integers(0, 5, (N, M)).astype(float)):
        result = otgen.transport(costs, a, b)
        assert result.value == pytest.approx(ot.emd2(a, b, costs, numItermax=10**7), rel=1e-9)
        assert result.status is otgen.Status.OPTIMAL


def test_callables_are_asked_about_given_points_only():
    x, y, a, b = clouds()
    known = {tuple(z) for z in np.vstack([x, y])}

    def metric(u, v):
        assert all(tuple(z) in known for z in (*u, *v))
        return np.abs(u[:, None] - v[None]).sum(axis=2)

    result = otgen.wasserstein(x, y, a, b, p=1, metric=metric)
    assert result.cost == pytest.approx(otgen.wasserstein(x, y, a, b, p=1, metric="cityblock").cost, rel=1e-12)


def test_levels_keep_the_mass():
    problem = otgen.Problem.from_matrix(np.random.default_rng(0).random((N, M)))
    supply, demand = np.arange(1, N + 1), np.arange(1, M + 1)
    for level in multiscale.levels(problem.cost, supply, demand, 30):
        assert (level.supply.sum(), level.demand.sum()) == (supply.sum(), demand.sum())
        assert level.cost.shape == (len(level.supply), len(level.demand))


def test_progress_tells_a_gap_that_holds():
    """What the tree's plan may still cost too much, told on the way, against the optimum found at the end."""
    messages = []
    problem = scaled(otgen.Problem.from_points(*clouds()))
    Simplex().solve(problem, messages.append)
    gaps = [float(re.search(r"gap (\S+) of the cost", message)[1]) for message in messages]
    assert gaps[0] == np.inf
    assert min(gaps) < 1e-2


@pytest.mark.parametrize(("metric", "p"), [("euclidean", 2), ("cityblock", 1)])
@pytest.mark.parametrize("turned", [False, True])
def test_one_point_against_many_has_a_single_plan(metric, p, turned):
    """Weights over thirty orders of magnitude, some zero, in rational arithmetic."""
    rng = np.random.default_rng(3)
    one, many = rng.integers(-8, 8, (1, 3)) / 8, rng.integers(-8, 8, (300, 3)) / 8
    weights = rng.permutation(np.concatenate([[0.0, 0.0], 10.0 ** -rng.integers(0, 30, 298)]))
    weights /= weights.sum()
    sides = (many, one, weights, [1.0]) if turned else (one, many, [1.0], weights)
    result = otgen.solve(otgen.Problem.from_points(*sides, p=p, metric=metric), "simplex")
    costs = [sum(abs(Fraction(u) - Fraction(v)) ** p for u, v in zip(one[0], z)) for z in many]
    shares = [Fraction(w) for w in weights]
    assert_proven(result, sum(w * c for w, c in zip(shares, costs)) / sum(shares))
    assert_coupling(result.plan, *((weights, [1.0]) if turned else ([1.0], weights)), tolerance=1e-15)
    assert len(result.plan.values) == (weights > 0).sum()
    assert_feasible(result.potentials, np.array(costs, float).reshape(result.plan.shape), tolerance=1e-14)


def test_an_empty_claim_proves_only_what_needs_no_claim():
    """Between one point and many the plan is known; any claim of another is charged for what it moves elsewhere."""
    problem = otgen.Problem.from_points([[0.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]], [1.0], [0.25, 0.75], p=1)
    found, potentials = prove(problem, Claim()), (np.zeros(1), np.array([1.0, 3.0]))
    assert found.lower <= 2.5 <= found.upper < 2.5 + 1e-12
    rows = np.array([0, 0])
    for columns, flows in (([0, 1], [0.5, 0.5]), ([0, 0], [0.25, 0.75])):
        found = prove(problem, Claim(Flows(rows, np.array(columns), np.array(flows)), potentials))
        assert found.marginal_error > 0.2
        unit = found.unit or 1.0  # of distances
        assert found.lower <= 2.5 / unit <= found.upper
    honest = Flows(rows, np.array([0, 1]), np.array([0.25, 0.75]))
    assert prove(problem, Claim(honest, potentials)).upper < 2.5 + 1e-12
    with pytest.raises(otgen.InvalidInput, match="must hold flows, potentials or both"):
        prove(otgen.Problem.from_points(np.eye(2), np.eye(2)), Claim())


@pytest.mark.parametrize(
    ("far", "near", "masses", "p", "metric", "truth"),
    [
        (1.0, 1e-170, (0.0, 1.0), 1, "euclidean", Fraction(1e-170)),
        (1.0, 1e-160, (0.0, 1.0), 1, "euclidean", Fraction(1e-160)),
        (1.0, 5e-4, (0.0, 1.0), 1, otgen.Minkowski(100), Fraction(5e-4)),
        (
            1.0,
            5e-4,
            (1e-9, 1.0 - 1e-9),
            1,
            otgen.Minkowski(100),
            Fraction(1e-9) + Fraction(5e-4) * Fraction(1.0 - 1e-9),
        ),
        (1e70, 0.0, (1e-320, 1e10), 1, "euclidean", Fraction(1e70) * Fraction(1e-320) / Fraction(1e10)),
        (1e70, 0.0, (1e-320, 3.0), 1, "euclidean", Fraction(1e70) * Fraction(1e-320) / Fraction(3.0)),
        (1e-200, 0.0, (0.5, 0.5), 2, "euclidean", Fraction(1e-200) ** 2 / 2),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_bounds_hold_where_numbers_run_out_of_exponents(far, near, masses, p, metric, truth, turned):
    one, many, whole = [[0.0, 0.0]], [[far, 0.0], [0.0, near]], [float(sum(masses))]
    sides = (many, one, masses, whole) if turned else (one, many, whole, masses)
    result = otgen.solve(otgen.Problem.from_points(*sides, p=p, metric=metric, normalize=True))
    assert Fraction(result.lower) <= truth * (1 + Fraction(1, 2**45))
    assert truth * (1 - Fraction(1, 2**45)) <= Fraction(result.upper)


def test_bounds_hold_where_a_high_power_underflows():
    """Coordinates of 5e-4 beside a box of 10 are nothing to the power of 100: said by the interval, not by the value."""
    x = np.array([[0.0, 0.0], [10.0, 0.0]])
    result = otgen.wasserstein(x, x + [0.0, 5e-4], p=1, metric=otgen.Minkowski(100), throw=False)
    assert result.lower <= 5e-4 <= result.upper


def test_one_point_under_costs_that_forbid():
    costs = np.array([[1.0, np.inf, 2.0]])
    assert otgen.transport(costs, [4.0], [1.0, 0.0, 3.0]).value == 7.0
    with pytest.raises(otgen.Infeasible):
        otgen.transport(costs, [5.0], [1.0, 1.0, 3.0])


@pytest.mark.parametrize("weighted", [False, True])
def test_many_points_that_nearly_coincide(weighted, monkeypatch):
    """The cheapest pairs of all rows are those of the same few columns: there was a round of pricing for every few rows, now some fifteen."""
    rounds, price = [], Cost.price
    monkeypatch.setattr(Cost, "price", lambda *given, **named: rounds.append(1) or price(*given, **named))
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(1100), 2) if weighted else (None, None)
    x, y = rng.random((2, 1100, 16)) * 1e-12
    result = otgen.wasserstein(x, y + 1.0, a, b)
    assert result.value == pytest.approx(4.0, rel=1e-11)
    assert result.iterations < 5000
    assert 0 < len(rounds) < 60


@pytest.mark.parametrize("weighted", [False, True])
def test_points_that_coincide_are_one_place(weighted):
    """Ten places a side, seven hundred points: some twenty pivots, where one per point and more were needed."""
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 10, 3))
    x, y = one[rng.integers(0, 10, 700)], other[rng.integers(0, 10, 700)]
    a, b = rng.dirichlet(np.ones(700), 2) if weighted else (None, None)
    result = otgen.wasserstein(x, y, a, b, p=2)
    assert result.iterations < 100
    assert result.marginal_error < 1e-25
    assert_coupling(result.plan, *(np.full(700, 1 / 700) if w is None else w for w in (a, b)), tolerance=1e-15)
    truth = ot.emd2([] if a is None else a, [] if b is None else b, ot.dist(x, y), numItermax=10**7)
    assert result.cost == pytest.approx(truth, rel=1e-9)
    assert (result.plan.permutation is None) == weighted
    f, _ = result.potentials
    assert all(len(np.unique(f[(x == place).all(axis=1)])) == 1 for place in one)


def test_a_light_point_beside_heavy_ones_keeps_its_share():
    x = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    a, b = np.array([0.5, 1e-17, 0.25, 0.25]), np.full(3, 1 / 3)
    result = otgen.wasserstein(x, x[:3] + 1.0, a, b, normalize=True)
    assert result.plan.marginals()[0][1] == pytest.approx(1e-17, rel=1e-12)
    assert result.marginal_error < 1e-28


def discs(side, rng, count=3):
    """A square image (side, side) of bright discs on a dim ground, as points and weights."""
    u, v = np.mgrid[:side, :side] / side
    centres, radii = rng.uniform(0.2, 0.8, (count, 2)), rng.uniform(0.08, 0.2, count)
    image = sum(((u - x) ** 2 + (v - y) ** 2 < r**2) for (x, y), r in zip(centres, radii)) > 0
    return np.stack([u.ravel(), v.ravel()], axis=1), np.where(image, 1.0, 0.1).ravel()


def test_flat_regions_take_few_rounds_of_pricing():
    """A source between two flat regions improves with every target of one of them: six a round took 136 rounds, with seed 6."""
    rounds = []
    for seed in (0, 6):
        rng, messages = np.random.default_rng(seed), []
        (x, a), (y, b) = discs(32, rng), discs(32, rng)
        problem = scaled(otgen.Problem.from_points(x, y, a, b, p=1, normalize=True))
        solution = Simplex().solve(problem, messages.append)
        rounds.append(len(messages))
        found = prove(problem, solution.claim)
        assert found.upper - found.lower < 1e-12
    assert max(rounds) < 90


def test_where_most_sources_have_more_to_bring_in_none_is_looked_at_whole(monkeypatch):
    """As between uniform clouds after the first pivots: a quarter of all costs were computed for it, and no round was saved."""
    rng, looked = np.random.default_rng(0), []
    x, y, (a, b) = rng.random((1000, 2)), rng.random((1000, 2)), rng.dirichlet(np.ones(1000), 2)
    problem = restricted_problem.RestrictedProblem
    improving = problem._improving
    monkeypatch.setattr(
        problem, "_improving", lambda self, rows, *rest: looked.append(len(rows)) or improving(self, rows, *rest)
    )
    otgen.wasserstein(x, y, a, b)
    assert sum(looked) < 100


@pytest.fixture(scope="module")
def large():
    """Clouds so large that pivots come to move thousands of nodes each, and their distance where subtrees are moved all the same."""
    rng, n = np.random.default_rng(0), 20_000
    clouds = rng.random((n, 2)), rng.normal(0.5, 0.2, (n, 2)), *rng.dirichlet(np.ones(n), 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restricted_problem, "_MOVED", math.inf)  # no input of this size would
        return clouds, otgen.wasserstein(*clouds)


@pytest.mark.by_day(1)
@pytest.mark.nightly
def test_pivots_that_would_move_much_move_nothing(large, monkeypatch):
    clouds, truth = large
    cut, sizes = tree_pieces.cut, []
    monkeypatch.setattr(tree_pieces, "cut", lambda tree, *rest: sizes.append(len(tree.parent)) or cut(tree, *rest))
    result = otgen.wasserstein(*clouds)
    assert set(sizes) == {40_001}
    assert result.status is otgen.Status.OPTIMAL
    assert result.upper - result.lower <= 1e-13 * result.value
    assert result.value == pytest.approx(truth.value, rel=1e-13)


@pytest.mark.nightly
def test_a_limit_on_pivots_holds_where_the_tree_is_in_pieces(large):
    clouds, truth = large
    stopped = otgen.wasserstein(*clouds, solver=Simplex(max_iter=truth.iterations), throw=False)
    assert stopped.status is otgen.Status.MAX_ITER  # in pieces there are more pivots, which are cheaper
    assert stopped.lower <= truth.upper
    assert stopped.upper >= truth.lower


@pytest.mark.parametrize("p", [1, 2, 9])
def test_the_value_is_that_of_a_plan_where_masses_below_a_whole_unit_meet(p):
    """A source of 1e-174 gave a target beside it the 1e-30 that it wants, so that nothing seemed to travel."""
    x, y = [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    found = otgen.wasserstein(x, y, [1e-30, 1e-148, 1e-174], [1e-174, 1e-60, 1.0], p=p, normalize=True)
    assert found.value == pytest.approx(1e-60 ** (1 / p), rel=1e-9)
    assert found.lower <= 1e-60 ** (1 / p) <= found.upper


@pytest.mark.parametrize(
    ("costs", "a", "b"),
    [
        ([[np.inf, np.inf], [0, 1.0]], [1e-30, 1.0], [0.5, 0.5 + 1e-30]),
        ([[0, np.inf, np.inf], [0, 0, 1.0]], [1e-30, 1.0], [1e-31, 0.5, 0.5]),
        ([[0, np.inf], [np.inf, 0.0]], [1e-60, 1.0], [1.0, 1e-60]),
    ],
)
def test_mass_below_a_unit_with_nowhere_to_go_has_no_finite_end(costs, a, b):
    assert otgen.transport(costs, a, b, throw=False).upper == np.inf
