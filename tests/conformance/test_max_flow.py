"""Flows in whole numbers against the smallest cut of all, and weights as the fractions that they are."""

from fractions import Fraction
from itertools import combinations

import numpy as np

from otgen.kernels import integer_masses, max_flow


def test_flow_is_maximal():
    """Dinic's flow against the smallest cut over all subsets of sources."""
    rng = np.random.default_rng(6)
    for _ in range(30):
        n, m = rng.integers(1, 7, 2)
        costs, supply, demand = rng.random((n, m)), rng.integers(0, 9, n), rng.integers(0, 9, m)
        left, open_, flow = supply.copy(), demand.copy(), np.zeros((m, n), np.int64)
        rows, columns = np.empty(n, np.int64), np.empty(m, np.int64)
        while max_flow.phase(costs, 0.4, left, open_, flow, rows, columns):
            pass
        near = costs <= 0.4
        cuts = [
            sum(supply[i] for i in range(n) if i not in s) + demand[near[list(s)].any(axis=0)].sum()
            for k in range(n + 1)
            for s in combinations(range(n), k)
        ]
        assert flow.sum() == min(cuts)
        assert (flow.sum(axis=0) == supply - left).all()
        assert (flow.T[~near] == 0).all()


def test_shares_are_exact():
    one, other = integer_masses.equal_totals(np.array([0.1, 0.2]), np.array([1.0, 2.0, 3.0]))
    assert sum(one) == sum(other)
    assert Fraction(one[0], sum(one)) == Fraction(0.1) / (Fraction(0.1) + Fraction(0.2))
    assert integer_masses.equal_totals(np.full(6, 1 / 6), np.full(4, 0.25)) == ([2] * 6, [3] * 4)


def test_routes_go_back_along_what_flows():
    """Row 0 reaches only column 0, which row 1 fills; column 1 is open and within reach of row 1."""
    costs = np.array([[0.0, 1.0], [0.0, 0.0]])
    carries = np.array([[False, True], [False, False]])
    rows, columns, seen = max_flow.route(costs, 0.5, carries, 0, np.array([False, True]))
    assert (rows, columns) == ([0, 1], [0, 1])
    assert seen.all()
    rows, columns, seen = max_flow.route(costs, 0.5, np.zeros((2, 2), bool), 0, np.array([False, True]))
    assert (rows, columns) == ([], [])
    assert seen.tolist() == [True, False]
