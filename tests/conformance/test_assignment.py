"""Assignments of rows to columns: as cheap as another solver's, with potentials that show it, whatever the ties and the range of costs."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

import otgen
from otgen.kernels import dense_simplex, dense_stack
from otgen.kernels.assignment import Search, _augment, assigned
from otgen.kernels.jit import jit


@jit
def _solve(reduced):
    """Called by compiled code alone, or stepped through as it is."""
    column_of, levels = np.empty(reduced.shape[0], np.int64), np.empty(reduced.shape[0])
    return assigned(reduced, column_of, levels), column_of, levels


def less_minima(costs):
    out = costs - costs.min(axis=0)
    return out - out.min(axis=1, keepdims=True)


def holds(costs):
    reduced = less_minima(costs)
    paths, column_of, levels = _solve(reduced)
    rows = np.arange(len(costs))
    assert sorted(column_of) == list(rows)
    least = reduced[linear_sum_assignment(reduced)].sum()
    size = max(np.abs(reduced).max(), np.abs(levels).max())
    assert reduced[rows, column_of].sum() <= least + 1e-13 * len(rows) * size
    left = reduced - levels
    assert (left[rows, column_of] - left.min(axis=1)).max() <= 1e-14 * len(rows) * size
    return paths


@given(st.integers(1, 9).flatmap(lambda n: arrays(float, (n, n), elements=st.integers(0, 3).map(float))))
def test_ties(costs):
    holds(costs)


@given(st.integers(1, 9).flatmap(lambda n: arrays(float, (n, n), elements=st.floats(0.0, 1e9, allow_subnormal=False))))
def test_any_costs(costs):
    holds(costs)


@pytest.mark.parametrize("n", [2, 17, 40])
@pytest.mark.parametrize("d", [1, 2, 30])
def test_costs_of_points(n, d):
    rng = np.random.default_rng(n)
    x, y = rng.random((n, d)), rng.random((n, d))
    holds(((x[:, None] - y) ** 2).sum(axis=2))


def test_all_rows_want_one_column():
    """Bids run out, and a search for each row but one goes on over all columns that are taken."""
    rows = np.arange(30.0)
    assert holds(np.multiply.outer(rows + 1, rows + 1)) > 0


@pytest.mark.parametrize("n", [64, 150])
@pytest.mark.parametrize(
    "costs",
    [
        lambda at: np.multiply.outer(at + 1, at + 1),
        lambda at: np.minimum.outer(at, at),
        lambda at: np.subtract.outer(at, at + 3.5 * len(at)) ** 2,
        lambda at: np.maximum.outer(at, 0.9 * len(at) + 0 * at) + 1e9 * (np.add.outer(at, at) == 4),
        lambda at: np.random.default_rng(0).random((len(at), 1)) * np.exp(3 * np.random.default_rng(1).random(len(at))),
    ],
)
def test_auctions_where_many_rows_want_the_same(costs, n):
    """Bids alone leave more than a third of the rows."""
    holds(costs(np.arange(float(n))))


@settings(max_examples=15)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_points_without_mass_stay_out(n, seed, more):
    """As many points of one mass on either side, among others without: the assignment of those."""
    rng = np.random.default_rng(seed)
    costs = rng.random((n + more, n + more))
    a, b = rng.permutation([3.0] * n + [0.0] * more), rng.permutation([0.5] * n + [0.0] * more)
    claims, ends = dense_simplex.solve(costs.ravel(), a, b, dense_stack.single(*costs.shape))
    live = costs[np.ix_(a > 0, b > 0)]
    rows, columns, high, low = claims.plan()
    assert ends[0, 0] == dense_simplex.SOLVED
    assert len(rows) == n
    assert (high + low == 1 / n).all()
    np.testing.assert_allclose(costs[rows, columns].sum(), live[linear_sum_assignment(live)].sum(), rtol=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_pairs_far_dearer_take_no_digits_from_the_rest(seed):
    """Where a row has one cheap column its price rises by all that the others cost more: nobody else is to have it then."""
    rng = np.random.default_rng(seed)
    costs = rng.random((8, 8))
    dear = rng.random((8, 8)) < 0.6
    np.fill_diagonal(dear, False)
    costs[dear] += 10.0 ** rng.integers(12, 17)
    result = otgen.transport(costs)
    np.testing.assert_allclose(result.value, costs[linear_sum_assignment(costs)].mean(), rtol=1e-15)


@pytest.mark.parametrize("n", [5, 6])
@pytest.mark.parametrize("seed", range(4))
def test_bids_for_pairs_that_none_needs_take_no_digits(n, seed):
    """The last row has one cheap column, and bids all that the others cost more: a billion times what any pair of the answer costs."""
    rng = np.random.default_rng(seed)
    costs = np.maximum(0.0, np.subtract.outer(np.arange(n), np.arange(n))) + 1e-9 * rng.random((n, n))
    exact = [[Fraction(c) for c in row] for row in costs.tolist()]
    truth = min(sum(exact[i][at[i]] for i in range(n)) for at in permutations(range(n))) / n
    result = otgen.transport(costs)
    assert result.status is otgen.Status.OPTIMAL
    assert result.lower <= truth <= result.upper
    assert result.upper - result.lower <= 1e-13 * truth


class Counted:
    """A matrix that counts how often it is read."""

    def __init__(self, values):
        self.values, self.reads = values, 0

    def __getitem__(self, at):
        self.reads += 1
        return self.values[at]


@pytest.mark.parametrize("n", [10, 100])
def test_a_path_is_walked_back_once(n):
    """Row k has column k, and hands column k + 1 its distance; the last row's is column 0, which is free."""
    numbers = np.arange(n, dtype=float)
    costs = Counted(np.where(np.roll(np.eye(n), 1, axis=1), 1.0, np.inf))
    rows = np.arange(n)
    distances = np.full(n, np.inf)
    distances[0] = n
    search = Search(distances, np.zeros(n), rows, rows, numbers, numbers)
    column_of, row_of = np.arange(n), np.arange(n)
    getattr(_augment, "py_func", _augment)(costs, 0, n - 1, column_of, row_of, np.zeros(n), search)
    assert (column_of == np.roll(rows, -1)).all()
    assert (row_of[column_of] == rows).all()
    assert costs.reads <= 2 * n
