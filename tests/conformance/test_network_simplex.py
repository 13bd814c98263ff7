"""The network simplex alone: trees stay trees, flows stay whole, and optima are those of an assignment solver."""

import numpy as np
import pytest
import scipy.optimize

from otgen.kernels import network_simplex
from otgen.kernels.double_double import shares


def dense(n, m):
    tails, heads = np.divmod(np.arange(n * m), m)
    return tails.astype(np.int32), heads.astype(np.int32)


def solved(cost, supply, demand, limit=10**6, artificial=1e3):
    n, m = len(supply), len(demand)
    tails, heads = dense(n, m)
    flat = cost.ravel()
    tree = network_simplex.greedy(tails, heads, np.argsort(flat, kind="stable"), supply, demand)
    network_simplex.update_potentials(tree, flat, artificial, n)
    _, _, done = network_simplex.pivot(tree, tails, heads, flat, n, 0, limit)
    network_simplex.update_potentials(tree, flat, artificial, n)
    return tree, tails, heads, done


def check_tree(tree, n):
    """The thread visits every node once, parents before children, depths right, and arcs without flow point up."""
    top = len(tree.parent) - 1
    u, seen = top, []
    while True:
        seen.append(u)
        assert tree.before[tree.after[u]] == u
        if u != top:
            assert tree.depth[u] == tree.depth[tree.parent[u]] + 1
            assert tree.parent[u] in seen
            assert tree.flow[u] > 0 or (tree.flow[u] == 0 and u < n)
        u = tree.after[u]
        if u == top:
            break
    assert sorted(seen) == list(range(top + 1))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("ties", [False, True])
def test_assignments(seed, ties):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 20))
    cost = rng.integers(0, 4, (n, n)).astype(float) if ties else rng.random((n, n))
    tree, *_, done = solved(cost, np.ones(n, np.int64), np.ones(n, np.int64))
    assert done
    check_tree(tree, n)
    arcs = tree.arc[:-1][(tree.arc[:-1] >= 0) & (tree.flow[:-1] > 0)]
    rows, columns = scipy.optimize.linear_sum_assignment(cost)
    assert cost.ravel()[arcs].sum() == pytest.approx(cost[rows, columns].sum(), rel=1e-12)
    reduced = cost - tree.potential[:n, None] + tree.potential[n:-1]
    assert reduced.min() >= -1e-12


@pytest.mark.parametrize("limit", [1, 3, 10, 30])
def test_every_pivot_leaves_a_strongly_feasible_tree(limit):
    rng = np.random.default_rng(limit)
    supply, demand = rng.integers(1, 5, 12), rng.integers(1, 5, 12)
    demand[0] += max(0, supply.sum() - demand.sum())
    supply[0] += max(0, demand.sum() - supply.sum())
    cost = rng.random((12, 12))
    start, *_ = solved(cost, supply, demand, limit=0)
    check_tree(start, 12)
    tree, _tails, heads, _ = solved(cost, supply, demand, limit=limit)
    check_tree(tree, 12)
    received = np.zeros(12, np.int64)
    for u in range(24):
        if tree.arc[u] >= 0:
            received[heads[tree.arc[u]]] += tree.flow[u]
    missing = np.zeros(12, np.int64)
    artificial = tree.arc[12:24] < 0
    missing[artificial] = tree.flow[12:24][artificial]
    assert (received + missing == demand).all()


def test_flows_for_the_real_masses():
    rng = np.random.default_rng(0)
    cost, a, b = rng.random((5, 7)), rng.random(5), rng.random(7)
    units = [np.rint(z / z.sum() * 2**40).astype(np.int64) for z in (a, b)]
    units[0][0] += units[1].sum() - units[0].sum()
    tree, tails, heads, _ = solved(cost, *units)
    high, low = network_simplex.flows(tree, shares(a), shares(b))
    keep = tree.arc >= 0
    flow = (high + low)[keep]
    np.testing.assert_allclose(np.bincount(tails[tree.arc[keep]], flow, 5), a / a.sum(), atol=1e-15)
    np.testing.assert_allclose(np.bincount(heads[tree.arc[keep]], flow, 7), b / b.sum(), atol=1e-15)


def test_what_no_arc_serves_takes_the_detour():
    tree = network_simplex.greedy(
        *(np.zeros(1, np.int32),) * 2, np.zeros(1, np.int64), np.array([2, 1]), np.array([1, 2])
    )
    sources, targets = network_simplex.unserved(tree, 2)
    assert sources.tolist() == [0, 1]
    assert targets.tolist() == [1]
