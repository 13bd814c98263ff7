"""What coincides stays where it is, under a metric with p = 1: against POT, which knows nothing of it."""

from fractions import Fraction

import numpy as np
import ot
import pytest
from proving import assert_coupling, assert_feasible

import otgen
from otgen.kernels.double_double import shares
from otgen.kernels.whole_masses import whole_masses
from otgen.model.units import scaled
from otgen.solvers import Simplex
from otgen.solvers.common_mass import Masses, common_mass, extended

METRICS = ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Circular(16.0)]
N, M = 700, 640  # more pairs than are all listed at once


def tied(seed, d=2, side=24, n=N, m=M):
    """Points of a small grid, many twice and many on both sides, with weights that tie."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(0, side, (k, d)).astype(float) for k in (n, m))
    return x, y, rng.integers(0, 5, n) * 1.0, rng.integers(0, 5, m) * 1.0


def costs_of(x, y, metric):
    return otgen.Problem.from_points(x, y, metric=metric, p=1).cost.block()


def masses(a, b):
    return [Masses(*side) for side in zip(whole_masses(a, b), (shares(a), shares(b)))]


def assert_solved(x, y, a, b, result, metric="euclidean"):
    """The value is POT's, the plan has the marginals, the potentials prove it for every pair, and both sides agree where they meet."""
    costs = costs_of(x, y, metric)
    a, b = (np.full(len(z), 1 / len(z)) if w is None else w / w.sum() for w, z in ((a, x), (b, y)))
    assert result.status is otgen.Status.OPTIMAL
    assert result.cost == pytest.approx(ot.emd2(a, b, costs, numItermax=10**7), rel=1e-9, abs=1e-15)
    assert_coupling(result.plan, a, b, tolerance=1e-14)
    assert_feasible(result.potentials, costs, tolerance=1e-13 * (1 + costs.max()))
    f, g = result.potentials
    moved = result.plan.matrix.tocoo()
    tight = costs[moved.row, moved.col] - f[moved.row] - g[moved.col]
    assert np.abs(tight).max() <= 1e-12 * (1 + costs.max())


@pytest.mark.parametrize("metric", METRICS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_grids_with_ties_unequal_weights_and_duplicates(metric, seed):
    x, y, a, b = tied(seed)
    result = otgen.wasserstein(x, y, a, b, p=1, metric=metric, solver="simplex", normalize=True)
    assert_solved(x, y, a, b, result, metric)


@pytest.mark.parametrize("d", [3, 20])
def test_more_dimensions_and_uniform_weights(d):
    rng = np.random.default_rng(d)
    x = rng.integers(0, 9, (N, d)).astype(float)
    y = np.concatenate([x[rng.permutation(N)[:400]], rng.integers(0, 9, (M - 400, d))])
    result = otgen.wasserstein(x, y, p=1, solver="simplex")
    assert_solved(x, y, None, None, result)


def test_degrees_on_the_sphere():
    rng = np.random.default_rng(0)
    x, y = (np.radians(rng.integers(-8, 9, (n, 2)) * 10.0) for n in (N, M))
    assert_solved(x, y, None, None, otgen.wasserstein(x, y, p=1, metric="great_circle"), "great_circle")


@pytest.mark.parametrize("weighted", [False, True])
def test_equal_measures_cost_nothing_and_take_no_pivot(weighted):
    """Points of one side split in two, both in another order: all of it stays."""
    rng = np.random.default_rng(0)
    x, a = rng.random((600, 2)), rng.integers(1, 9, 600) / 8 if weighted else np.ones(600)
    order = rng.permutation(1200)
    y, b = np.tile(x, (2, 1))[order], np.tile(a / 2, 2)[order]
    result = otgen.wasserstein(x, y, a, b, p=1)
    assert (result.value, result.lower, result.iterations) == (0.0, 0.0, 0)
    assert result.upper < 1e-26  # what pairs of doubles may lose in the marginals
    assert_coupling(result.plan, a, b, tolerance=1e-15)
    assert result.marginal_error < 1e-25
    assert_feasible(result.potentials, costs_of(x, y, "euclidean"))


def test_one_grain_moves_and_nothing_else():
    """Of a field of 30 x 30 pixels one gives an eighth of its mass to the pixel three to the right and four up."""
    x = np.stack(np.meshgrid(np.arange(30.0), np.arange(30.0)), -1).reshape(-1, 2)
    a, b = np.full(900, 1.0), np.full(900, 1.0)
    at, to = 5 * 30 + 5, 9 * 30 + 8
    b[at] -= 0.125
    b[to] += 0.125
    result = otgen.wasserstein(x, x, a, b, p=1)
    truth = Fraction(5) / 8 / 900
    assert Fraction(result.lower) <= truth <= Fraction(result.upper)
    assert result.upper - result.lower < 1e-14
    moved = result.plan.matrix.tocoo()
    assert [(row, column) for row, column in zip(moved.row, moved.col) if row != column] == [(at, to)]
    assert_solved(x, x, a, b, result)


def test_costs_that_are_no_metric_move_what_coincides():
    """Three places in a row: by squares it is cheaper to move all by one than half of it by two."""
    x = np.tile([[0.0, 0.0], [1.0, 0.0]], (N, 1))
    y = np.tile([[1.0, 0.0], [2.0, 0.0]], (N, 1))
    for options in ({"p": 1, "metric": "sqeuclidean"}, {"p": 2}):
        assert otgen.wasserstein(x, y, **options).cost == pytest.approx(1.0, rel=1e-12)
        cost = otgen.Problem.from_points(x[:2], y[:2], **options).cost
        assert not len(common_mass(cost, *masses(np.ones(2), np.ones(2))).rows)
    assert otgen.wasserstein(x, y, p=1).cost == pytest.approx(1.0, rel=1e-12)
    stays = otgen.wasserstein(x, y, p=1).plan.matrix.tocoo()
    assert float(stays.data[(x[stays.row] == y[stays.col]).all(axis=1)].sum()) == pytest.approx(0.5, rel=1e-12)


def test_a_callable_is_not_taken_for_a_metric():
    x, y, a, b = tied(0, n=60, m=60)
    cost = otgen.Problem.from_points(x, y, p=1, metric=lambda u, v: ((u[:, None] - v) ** 2).sum(axis=2)).cost
    assert not len(common_mass(cost, *masses(a + 1, b + 1)).rows)


@pytest.mark.parametrize("seed", range(20))
def test_what_stays_and_what_is_left_add_up_exactly(seed):
    rng = np.random.default_rng(seed)
    x = np.unique(rng.integers(0, 6, (30, 2)), axis=0) * 1.0
    y = np.unique(rng.integers(0, 6, (30, 2)), axis=0) * 1.0
    a, b = 10.0 ** rng.integers(-9, 1, len(x)), 10.0 ** rng.integers(-9, 1, len(y))
    sides = masses(a, b)
    found = common_mass(otgen.Problem.from_points(x, y, p=1).cost, *sides)
    assert (x[found.rows] == y[found.columns]).all()
    staying = [Fraction(high) + Fraction(low) for high, low in zip(*(z.tolist() for z in found.flow))]
    for side, places, kept, left in zip(
        sides, (found.rows, found.columns), (found.sources, found.targets), found.left, strict=True
    ):
        exact = [Fraction(high) + Fraction(low) for high, low in zip(*(z.tolist() for z in side.real))]
        for place, amount in zip(places, staying):
            exact[place] -= amount
        rest = [Fraction(high) + Fraction(low) for high, low in zip(*(z.tolist() for z in left.real))]
        assert all(abs(exact[k] - rest[at]) < Fraction(2) ** -100 for at, k in enumerate(kept))
        assert min(rest) >= 0
        assert (left.whole > 0).all()
    assert not set(map(tuple, x[found.sources])) & set(map(tuple, y[found.targets]))  # none is left on both sides


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_extended_potentials_are_feasible_and_opposite_where_points_meet(metric):
    x, y, _, _ = tied(5, n=200, m=180)
    cost = otgen.Problem.from_points(x, y, p=1, metric=metric).cost
    rows, columns = np.flatnonzero(x[:, 0] % 2 == 0)[:30], np.flatnonzero(y[:, 0] % 2 == 1)[:40]  # these do not meet
    moving = otgen.wasserstein(x[rows], y[columns], p=1, metric=metric).potentials
    f, g = np.full(200, -np.inf), np.full(180, -np.inf)
    f[rows], g[columns] = moving
    f, g = extended(cost, f, g)
    assert (f[rows] == moving[0]).all()
    assert (g[columns] == moving[1]).all()
    costs = cost.block()
    assert_feasible((f, g), costs, tolerance=1e-13)
    assert np.abs((f[:, None] + g)[costs == 0]).max() <= 1e-13
    assert f.max() == moving[0].max()


def test_masses_that_differ_by_less_than_a_unit_are_left_to_the_tree():
    """Totals a few roundings apart: both sides have the same whole units nearly everywhere, and not the same mass."""
    rng = np.random.default_rng(0)
    x, w = rng.random((800, 2)), rng.random(800)
    a, b = w / w.sum(), w / np.nextafter(w.sum(), np.inf, dtype=np.float64)
    order = rng.permutation(800)
    result = otgen.wasserstein(x, x[order], a, b[order], p=1)
    assert result.status is otgen.Status.OPTIMAL
    assert result.upper < 1e-12


@pytest.mark.parametrize("form", ["result", "plan", "potentials"])
def test_a_start_from_a_nearby_answer_leads_to_the_same_one(form):
    x, y, a, b = tied(7)
    first = otgen.wasserstein(x, y, a, b, p=1, normalize=True)
    near = a + 0.001 * (np.arange(N) % 3)
    start = {"result": first, "plan": first.plan, "potentials": first.potentials}[form]
    again = otgen.wasserstein(x, y, near, b, p=1, normalize=True, init=start)
    assert_solved(x, y, near, b, again)
    assert again.iterations < otgen.wasserstein(x, y, near, b, p=1, normalize=True).iterations


def test_bounds_hold_at_a_limit():
    x, y, a, b = tied(9)
    truth = otgen.wasserstein(x, y, a, b, p=1, normalize=True)
    stopped = otgen.wasserstein(x, y, a, b, p=1, normalize=True, solver=Simplex(max_iter=30), throw=False)
    assert stopped.status is otgen.Status.MAX_ITER
    assert stopped.lower <= truth.upper
    assert truth.lower <= stopped.upper


def test_the_claim_is_of_the_whole_problem():
    """Flows and potentials of all points, of which the proof knows no more than of any other's."""
    x, y, a, b = tied(11)
    problem = scaled(otgen.Problem.from_points(x, y, a, b, p=1, normalize=True))
    claim = Simplex().solve(problem).claim
    assert (len(claim.potentials[0]), len(claim.potentials[1])) == (N, M)
    flow = np.bincount(claim.flows.rows, claim.flows.high, N)
    np.testing.assert_allclose(flow, a / a.sum(), rtol=0, atol=1e-15)
