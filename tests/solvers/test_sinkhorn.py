"""What the entropic solver says of its options."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.model.cost.points import PointCost
from otgen.solvers import Annealing, Fixed, Sinkhorn
from otgen.solvers.sinkhorn import _Work
from otgen.solvers.sinkhorn_iteration import CostPass, SymmetricPass, iterate


def clouds(seed, n):
    return np.random.default_rng(seed).random((2, n, 2))


@given(seed=st.integers(0, 99), limit=st.integers(1, 300), epsilon=st.sampled_from([1.0, 0.01, 1e-3]))
def test_the_limit_is_that_of_all_epsilons_together(seed, limit, epsilon):
    x, y = clouds(seed, 12)
    result = otgen.sinkhorn(x, y, epsilon=epsilon, max_iter=limit, throw=False)
    assert result.iterations <= limit
    if result.status is otgen.Status.MAX_ITER:
        assert result.iterations == limit


@given(seed=st.integers(0, 99), tol=st.floats(-9, -2).map(lambda z: 10**z), n=st.sampled_from([5, 12, 300]))
def test_marginals_meet_the_tolerance(seed, tol, n):
    """As they are summed from the potentials, by plain numpy."""
    x, y = clouds(seed, n)
    result = otgen.sinkhorn(x, y, epsilon=0.05, tol=tol)
    f, g = result.potentials
    plan = np.exp((f[:, None] + g - ((x[:, None] - y) ** 2).sum(-1)) / 0.05) / n**2
    error = max(np.abs(plan.sum(k) - 1 / n).sum() for k in (0, 1))
    assert error <= tol * (1 + 1e-6) + 1e-13
    assert result.marginal_error == pytest.approx(error, rel=1e-3, abs=1e-13)


def test_large_problems_are_solved_in_single_precision_as_far_as_that_goes(monkeypatch):
    """Symmetric ones too, which a divergence consists of in the main."""
    ways = []
    monkeypatch.setattr("otgen.solvers.sinkhorn.iterate", lambda way, *rest: ways.append(way) or iterate(way, *rest))
    x, y = clouds(0, 520)
    result = otgen.sinkhorn_divergence(x, y, epsilon=0.05, tol=1e-9)
    told = [(type(way), way.cost.dtype) for way in ways if way.cost.shape == (520, 520)]
    for kind, times in ((CostPass, 1), (SymmetricPass, 2)):
        dtypes = [dtype for one, dtype in told if one is kind]
        assert dtypes == [np.float32, np.float64] * times
    assert result.marginal_error <= 1e-9


def test_no_epsilon_but_the_last_from_potentials_to_start_from():
    asked = []

    class Told:
        def epsilons(self, last, largest_cost):
            asked.append((last, largest_cost))
            return [4 * last, last]

    x, y = np.random.default_rng(0).normal(size=(2, 9, 2))
    solver = Sinkhorn(schedule=Told())
    first = otgen.sinkhorn(x, y, epsilon=0.1, solver=solver)
    assert len(asked) == 1
    largest = ((x[:, None] - y) ** 2).sum(-1).max()
    assert largest * (1 - 1e-12) <= 0.1 * asked[0][1] / asked[0][0] <= 4 * largest, "a bound of the largest cost"
    again = otgen.sinkhorn(x, y, epsilon=0.1, solver=solver, init=first)
    assert len(asked) == 1
    assert again.iterations <= 2 < first.iterations


def test_at_the_limit_a_narrow_interval_is_an_answer_too():
    """Of clouds that lie 3000 apart, whose marginals hardly matter to the value; nearer ones have to meet them."""
    x, y = np.random.default_rng(0).normal(size=(2, 9, 2))
    far, near = (otgen.sinkhorn(x, y + by, epsilon=0.5, max_iter=9, throw=False) for by in (3000, 3))
    assert (far.status.name, near.status.name) == ("CONVERGED", "MAX_ITER")
    assert far.marginal_error > 1e-3
    assert far.gap <= 1e-6 * far.value


def test_annealing_where_plain_iterations_are_slow_and_where_they_are_fast():
    def iterations(n, epsilon):
        x, y = clouds(0, n)
        solvers = (Sinkhorn(max_iter=50_000, schedule=schedule) for schedule in (Annealing(), Fixed()))
        return [otgen.sinkhorn(x, y, epsilon=epsilon, solver=solver).iterations for solver in solvers]

    annealed, plain = iterations(20, 3e-4)
    assert annealed * 10 < plain
    annealed, plain = iterations(20, 0.01)
    assert annealed > plain


@pytest.mark.parametrize("fraction", [1e-12, 0.5e-12])
def test_the_least_epsilon(fraction):
    x, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    if fraction >= 1e-12:
        assert otgen.sinkhorn(x, y, epsilon=fraction).value == pytest.approx(0, abs=1e-11)
    else:
        with pytest.raises(otgen.InvalidInput, match="at least 1e-12 of the largest cost"):
            otgen.sinkhorn(x, y, epsilon=fraction)


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5, 2.0])
def test_factors_of_annealing(factor):
    with pytest.raises(otgen.InvalidInput, match="factor must lie"):
        Annealing(factor)


@given(st.floats(0.05, 0.95), st.floats(-6, 0), st.floats(0, 6))
def test_stages_of_annealing(factor, last, largest):
    last, largest = 10**last, 10**largest
    stages = Annealing(factor).epsilons(last, largest)
    assert stages[-1] == last
    assert all(one > other for one, other in pairwise(stages))
    np.testing.assert_allclose(stages[:-1], largest * factor ** np.arange(len(stages) - 1), rtol=1e-9)
    assert last >= largest * factor ** len(stages) * (1 - 1e-9)


def test_inner_products_serve_one_epsilon_after_the_other(monkeypatch):
    """They were made anew for each, which took a tenth of a solve; single precision gives them back before double precision makes its own."""
    made, products = [], PointCost._products

    def counted(self):
        held = [other for other in made if other is not self and "ground" in vars(other.passes)]
        assert not held
        made.append(self)
        return products(self)

    monkeypatch.setattr(PointCost, "_products", counted)
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 600, 16))
    result = otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.01))
    assert result.upper - result.lower < 1e-3 * result.value
    assert [np.dtype(cost.dtype).itemsize for cost in made] == [4, 8, 8]  # the proof makes its own
    assert not any("ground" in vars(cost.passes) for cost in made)


class TestSamplesGoFirst:
    """In many dimensions, where merged points are too coarse; of few points here, so that plain numpy can sum."""

    @pytest.fixture(autouse=True)
    def drawn(self, monkeypatch):
        """The numbers of points that were drawn."""
        drawn, begin = [], _Work._between_few

        def told(self, rows, columns, a, b):
            drawn.append((len(rows), len(columns)))
            np.testing.assert_allclose([a.sum(), b.sum()], [self.a.sum(), self.b.sum()], rtol=1e-14)
            return begin(self, rows, columns, a, b)

        monkeypatch.setattr("otgen.solvers.sinkhorn._SAMPLED", 300)
        monkeypatch.setattr("otgen.solvers.sinkhorn_held.suits", lambda cost: min(cost.shape) < 300)
        monkeypatch.setattr(_Work, "_between_few", told)
        return drawn

    @pytest.mark.parametrize("relax", [None, 2.0, (3.0, np.inf)])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_they_change_nothing_but_the_start(self, drawn, relax, weighted):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(400, 8)), rng.normal(size=(500, 8)) + 0.5
        a, b = (rng.dirichlet(np.ones(len(z))) for z in (x, y)) if weighted else (None, None)
        epsilon = otgen.Relative(0.02)
        found = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, relax=relax, tol=1e-9)
        assert drawn == [(100, 125)]
        plain = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, relax=relax, solver=Sinkhorn(1e-9, schedule=Fixed()))
        assert len(drawn) == 1
        assert found.value == pytest.approx(plain.value, rel=1e-8)
        np.testing.assert_allclose(found.plan.todense(), plain.plan.todense(), atol=1e-9)

    def test_matrices_too_and_plans_with_pairs_that_are_forbidden_not(self, drawn):
        costs = np.random.default_rng(0).random((320, 300))
        assert otgen.transport(costs, epsilon=0.02).marginal_error <= 1e-6
        assert drawn == [(80, 75)]
        costs[0, 0] = np.inf
        assert otgen.transport(costs, epsilon=0.02).marginal_error <= 1e-6
        assert len(drawn) == 1

    @pytest.mark.parametrize("limit", [1, 2, 15])
    def test_their_iterations_count(self, drawn, limit):
        x, y = np.random.default_rng(0).normal(size=(2, 400, 8))
        found = otgen.sinkhorn(x, y + 1, epsilon=otgen.Relative(0.01), max_iter=limit, throw=False)
        assert drawn == [(100, 100)]
        assert found.iterations <= limit
        assert found.lower <= found.upper < np.inf

    def test_points_that_lie_near_each_other_are_merged_instead(self, drawn):
        x, y = clouds(0, 400)
        assert otgen.sinkhorn(x, y, epsilon=0.05).status.name == "CONVERGED"
        assert not drawn
