"""Which balanced problem partial transport becomes: where dummies stand, what they carry, and what they cost."""

import math
from dataclasses import replace

import numpy as np
import pytest

from otgen import Problem
from otgen.model.cost import MatrixCost, PaddedCost, PointCost, SparseCost
from otgen.model.partial import Partial
from otgen.model.units import PowerOfTwo

INF = math.inf


def posed(C, a, b, prices, amount=None):
    problem = Problem.from_matrix(C, a, b, normalize=True)
    return Partial(
        problem, tuple(np.broadcast_to(np.asarray(z, float), k) for z, k in zip(prices, problem.shape)), amount
    ).posed


C = [[1.0, 5.0], [2.0, 3.0]]


class TestDummies:
    def test_a_price_below_some_cost(self):
        found = posed(C, [2, 1], [1, 1], (2.0, 2.0))
        assert found.problem.cost.matrix.tolist() == [[1, 5, 2], [2, 3, 2], [2, 2, 0]]
        assert found.problem.source.weights.tolist() == [2, 1, 2]
        assert found.problem.target.weights.tolist() == [1, 1, 3]
        assert (found.mass, found.rounded) == (5.0, 0.0)

    def test_a_price_above_all_costs_moves_the_lighter_side(self):
        found = posed(C, [2, 1], [1, 1], (2.0, 4.0))
        assert found.problem.source.weights.tolist() == [2, 1, 0]
        assert found.problem.target.weights.tolist() == [1, 1, 1]
        assert found.mass == 3.0

    def test_an_amount(self):
        found = posed(C, [2, 1], [1, 1], (0.0, 0.0), 1.5)
        assert found.problem.source.weights.tolist() == [2, 1, 0.5]
        assert found.problem.target.weights.tolist() == [1, 1, 1.5]
        assert (found.problem.cost.matrix[:-1, -1] == 0).all()

    def test_the_corner_is_dearer_than_any_detour(self):
        for low, lam, mu in ((-7.0, 3.0, 2.0), (0.0, 0.0, 0.0), (1.0, 5.0, 9.0)):
            matrix = posed([[low, 1.0]], [1], [1, 1], (lam, mu), 0.5).problem.cost.matrix
            assert matrix[-1, -1] > lam + mu - low

    @pytest.mark.parametrize(
        ("a", "b", "prices", "amount"),
        [
            ([2, 1], [1, 2], (INF, INF), None),
            ([2, 1], [1, 2], (0.0, INF), None),
            ([2, 1], [1, 2], (4.0, 4.0), None),
            ([2, 1], [1, 2], (0.0, 0.0), 3.0),
            ([0.1] * 2, [0.2, 1e-18], (0.0, INF), None),
        ],
    )
    def test_none_where_all_moves_from_equal_totals(self, a, b, prices, amount):
        assert posed(C, a, b, prices, amount).problem.shape == (2, 2)

    def test_infinite_prices_are_met_by_finite_ones(self):
        matrix = posed(C, [2, 1], [1, 1], ([INF, 1.0], [1.0, 1.0])).problem.cost.matrix
        assert np.isfinite(matrix).all()
        assert matrix[0, -1] >= 1.0 + 5.0 - 1.0
        forbidding = posed([[1.0, INF]], [1], [1, 1], (INF, 1.0)).problem.cost.matrix
        assert forbidding[0].tolist() == [1.0, INF, INF]

    def test_what_was_rounded_is_told(self):
        assert posed(C, [0.1, 0.2], [0.3, 0.7], (1.0, 1.0)).rounded <= 2.0**-52
        assert 0 < posed(C, None, [1.0, 1.0], (1.0, 1.0)).rounded <= 2.0**-52

    def test_huge_weights_leave_room_for_the_dummies(self):
        found = posed(C, [1e299, 1e298], [1e298, 1e298], (1.0, 1.0))
        assert found.mass == pytest.approx(1.3e299)
        assert found.problem.source.probabilities.sum() == pytest.approx(1.0)


class TestPadding:
    def test_each_kind_of_cost(self):
        x, y = np.zeros((2, 1)), np.ones((3, 1))
        column, row = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])
        expected = [[1, 1, 1, 1], [1, 1, 1, 2], [3, 4, 5, 0]]
        import scipy.sparse

        for inner, kind in (
            (PointCost(x, y), PaddedCost),
            (MatrixCost(np.ones((2, 3))), MatrixCost),
            (SparseCost(scipy.sparse.csr_array(np.ones((2, 3)))), SparseCost),
        ):
            found = inner.padded(column, row, 0.0)
            assert type(found) is kind
            assert found.block().tolist() == expected

    def test_prices_far_above_the_costs_take_the_unit(self):
        cost = PaddedCost(
            PointCost(np.zeros((2, 1)), np.full((2, 1), 2.0**-300)), np.full(2, 1.0), np.full(2, 1.0), 0.0, (2, 2)
        )
        scaled = cost.scaled()
        assert 2.0**-2 <= scaled.range()[1] <= 2.0**2
        assert (scaled.block()[:2, 2] == scaled.block()[2, 0]).all()


@pytest.mark.parametrize("reach", [1.0, 1e30, 1e130, 1e200])
@pytest.mark.parametrize("p", [1.0, 2.0, 7.0])
@pytest.mark.parametrize("n", [13, 300])
def test_pairs_count_as_the_cap_at_most(reach, p, n):
    """Where costs are beyond what cells of points can reckon with, too."""
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(n + 3, 2))
    x[1] *= reach
    y[2] *= reach
    cost = replace(PointCost(x, y, "euclidean", p).padded(rng.random(n), rng.random(n + 3), 0.0), cap=2.5)
    entries = np.full(cost.shape, np.nan)
    with np.errstate(over="ignore"):
        entries[:-1, :-1] = np.minimum(np.hypot(*np.moveaxis(x[:, None] - y, -1, 0)) ** p, 2.5)
    entries[:-1, -1], entries[-1, :-1], entries[-1, -1] = cost.column, cost.row, 0.0
    np.testing.assert_allclose(cost.block(), entries, rtol=1e-14)
    rows, columns = rng.integers(0, cost.shape, (500, 2)).T
    np.testing.assert_allclose(cost.pairs(rows, columns), entries[rows, columns], rtol=1e-14)
    assert cost.range()[1] == 2.5
    f, g = rng.normal(size=n + 1) * 0.1, rng.normal(size=n + 4) * 0.1
    np.testing.assert_allclose(cost.ctransform(g)[0], (entries - g).min(axis=1), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(cost.column_minima(f), (entries.T - f).min(axis=1), rtol=1e-13, atol=1e-13)
    assert (cost.divided(PowerOfTwo(2)).cap, replace(cost, cap=math.inf).range()[1] > 2.5) == (2.5 * 4.0**-p, True)


@pytest.mark.parametrize("cap", [2.0, np.inf])
@pytest.mark.parametrize("d", [1, 3, 12])
def test_a_dummy_beside_no_points(cap, d):
    """A part of a solver may hold a dummy alone on a side: an error of numpy leaked, of a box around nothing."""
    x, y = np.random.default_rng(0).random((2, 3, d))
    cost = PointCost(x, y).padded(np.arange(3.0), np.arange(3.0) + 5, 9.0, cap)
    for part, listed in (
        (cost.restricted(np.array([3]), np.array([0, 2, 3])), [[5.0, 7.0, 9.0]]),
        (cost.restricted(np.array([1, 2, 3]), np.array([3])), [[1.0], [2.0], [9.0]]),
        (cost.restricted(np.array([3]), np.array([3])), [[9.0]]),
    ):
        assert part.block().tolist() == listed
        potential = np.zeros(len(listed[0]))
        assert part.ctransform(potential)[0].tolist() == [min(row) for row in listed]
        assert part.range()[1] == max(map(max, listed))
        assert part.rounding == (0.0, 2.0**-1073)
