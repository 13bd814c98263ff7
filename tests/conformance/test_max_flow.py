"""Flows in whole numbers against the smallest cut of all, and weights as the fractions that they are."""

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest

from otgen.kernels import integer_masses, max_flow


def maximal(network, supply, demand, flow):
    """Phases until nothing more flows, in place; which rows are reached."""
    reached, others, excess = np.empty_like(supply), np.empty_like(demand), np.zeros_like(demand)
    while max_flow.phase(network, supply, demand, flow, excess, reached, others):
        pass
    assert not excess.any()
    return reached


def least_cut(near, supply, demand):
    """Over all subsets of sources."""
    n = len(supply)
    return min(
        sum(supply[i] for i in range(n) if i not in s) + demand[near[list(s)].any(axis=0)].sum()
        for k in range(n + 1)
        for s in combinations(range(n), k)
    )


@pytest.mark.parametrize("seed", range(30))
def test_flow_is_maximal_and_goes_on(seed):
    """Flow through ever more pairs, each time from the last, against the least cut."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, 7, 2))
    costs, supply, demand = rng.random((n, m)), rng.integers(0, 9, n), rng.integers(0, 9, m)
    rows, columns = np.unravel_index(np.argsort(costs, axis=None), costs.shape)
    left, open_, carried = supply.copy(), demand.copy(), np.zeros((n, m), np.int64)
    for count in (0, n * m // 4, n * m // 2, n * m):
        pairs = rows[:count], columns[:count]
        network = max_flow.network(*pairs, (n, m))
        flow = np.zeros(count, np.int64)
        flow[network.where] = carried[pairs]
        reached = maximal(network, left, open_, flow) >= 0
        carried[pairs] = flow[network.where]
        near = np.zeros((n, m), bool)
        near[pairs] = True
        assert carried.sum() == least_cut(near, supply, demand)
        assert (carried.sum(axis=1) == supply - left).all()
        assert (carried.sum(axis=0) == demand - open_).all()
        assert (carried >= 0).all()
        assert supply[~reached].sum() + demand[near[reached].any(axis=0)].sum() == carried.sum()


def test_a_network_lists_every_pair_twice():
    rows, columns = np.array([2, 0, 2, 1]), np.array([1, 0, 0, 1])
    network = max_flow.network(rows, columns, (3, 2))
    assert [network.columns[a:b].tolist() for a, b in pairwise(network.starts)] == [[0], [1], [1, 0]]
    assert [network.rows[a:b].tolist() for a, b in pairwise(network.ends)] == [[0, 2], [2, 1]]
    assert (network.rows[network.where] == rows).all()
    assert network.rows[network.at].tolist() == [0, 1, 2, 2]  # every row finds itself again


def test_shares_are_exact():
    one, other = integer_masses.equal_totals(np.array([0.1, 0.2]), np.array([1.0, 2.0, 3.0]))
    assert sum(one) == sum(other)
    assert Fraction(one[0], sum(one)) == Fraction(0.1) / (Fraction(0.1) + Fraction(0.2))
    assert integer_masses.equal_totals(np.full(6, 1 / 6), np.full(4, 0.25)) == ([2] * 6, [3] * 4)
