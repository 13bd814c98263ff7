"""The network simplex alone: trees stay trees, flows stay whole, and optima are those of an assignment solver."""

import numpy as np
import pytest
import scipy.optimize

from otgen.kernels import network_simplex, tree_pieces
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
    _, _, done, _ = network_simplex.pivot(tree, tails, heads, flat, n, 0, limit)
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


def entering(reduced, start, block):
    """The worst arc of the first block that has a bad one, from ``start`` on and round: which, and where the next search begins."""
    arcs = len(reduced)
    for first in range(0, arcs, block):
        at = (start + np.arange(first, min(first + block, arcs))) % arcs
        worst = at[reduced[at].argmin()]
        if reduced[worst] < 0:
            return worst, (at[-1] + 1) % arcs
    return -1, start


@pytest.mark.parametrize("arcs", [1, 63, 64, 65, 200, 1000])
@pytest.mark.parametrize("block", [64, 70, 300])
@pytest.mark.parametrize("bad", [0, 1, 9])
def test_the_arc_that_enters_is_the_worst_of_its_block(arcs, block, bad):
    rng, n, m = np.random.default_rng((arcs, block, bad)), 7, 5
    none = np.empty(0, np.int32)
    tree = network_simplex.greedy(none, none, np.empty(0, np.int64), np.full(n, m), np.full(m, n))
    cost = rng.random(arcs)
    tree.potential[:] = rng.random(n + m + 1)
    tails, heads = (rng.integers(0, size, arcs).astype(np.int32) for size in (n, m))
    cost += tree.potential[tails] - tree.potential[n + heads]
    cost[rng.integers(0, arcs, bad)] -= 1.5
    reduced = cost - tree.potential[tails] + tree.potential[n + heads]
    for start in {0, arcs // 3, arcs - 1}:
        found, least, at = network_simplex._enter(tree, tails, heads, cost, n, start, block)
        assert (found, at) == entering(reduced, start, block)
        assert least == (reduced[found] if found >= 0 else 0.0)


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


def few_arcs(n, m, whole, rng):
    """Sparse lists of arcs with a tree to start from: masses without ties, or units with many."""
    tails, heads = np.nonzero(rng.random((n, m)) < 8.0 / m)
    cost = rng.integers(0, 5, len(tails)).astype(float) if whole else rng.random(len(tails))
    supply, demand = (np.full(n, m), np.full(m, n)) if whole else (rng.integers(10**6, 10**9, k) for k in (n, m))
    supply[0] += max(0, demand.sum() - supply.sum())
    demand[0] += max(0, supply.sum() - demand.sum())
    tails, heads = tails.astype(np.int32), heads.astype(np.int32)
    return network_simplex.greedy(tails, heads, np.argsort(cost, kind="stable"), supply, demand), tails, heads, cost


def pivoted(problem, n, artificial, limits):
    tree, tails, heads, cost = problem
    network_simplex.update_potentials(tree, cost, artificial, n)
    pivots, start, done = 0, 0, False
    for limit in limits:
        count, start, done, _ = network_simplex.pivot(tree, tails, heads, cost, n, start, limit)
        pivots += count
    network_simplex.update_potentials(tree, cost, artificial, n)
    return pivots, start, done


def pivoted_in_pieces(problem, n, artificial, limits, most):
    tree, tails, heads, cost = problem
    pieces = tree_pieces.cut(tree, cost, artificial, n, most)
    pivots, start, done = 0, 0, False
    for limit in limits:
        count, start, done = tree_pieces.pivot(tree, pieces, tails, heads, cost, artificial, n, start, limit)
        pivots += count
        check_pieces(tree, pieces)
    network_simplex.update_order(tree)
    network_simplex.update_potentials(tree, cost, artificial, n)
    return pivots, start, done


def check_pieces(tree, pieces):
    """Every node is in one piece, and every node but its top hangs in a piece from a node of the same one."""
    count = pieces.clock[2]
    listed = [pieces.members[pieces.first[c] : pieces.last[c]] for c in range(count)]
    assert sorted(np.concatenate(listed).tolist()) == list(range(len(tree.parent)))
    for c, nodes in enumerate(listed):
        assert (pieces.of[nodes] == c).all()
        assert pieces.top[c] in nodes
        below = nodes[nodes != pieces.top[c]]
        assert (pieces.of[tree.parent[below]] == c).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("most", [1, 4, 30, 1000])
def test_pieces_make_the_pivots_of_moved_subtrees(seed, whole, most):
    n, m = 60 + 17 * seed, 110 - 20 * seed
    one, other = (few_arcs(n, m, whole, np.random.default_rng(seed)) for _ in range(2))
    limits = [1, 10, 100, 10**6]
    assert pivoted_in_pieces(other, n, 4.0, limits, most) == pivoted(one, n, 4.0, limits)
    check_tree(other[0], n)
    for mine, theirs in zip(other[0], one[0], strict=True):
        if mine is not other[0].after and mine is not other[0].before:  # siblings may stand in another order
            np.testing.assert_array_equal(mine, theirs)


def test_pieces_of_a_star_are_small():
    n = 500
    heads, tails = np.zeros(n, np.int32), np.arange(n, dtype=np.int32)
    cost = np.linspace(0, 1, n)
    tree = network_simplex.greedy(tails, heads, np.arange(n), np.ones(n, np.int64), np.array([n]))
    pieces = tree_pieces.cut(tree, cost, 3.0, n, 8)
    check_pieces(tree, pieces)
    count = pieces.clock[2]
    assert (pieces.last[:count] - pieces.first[:count]).max() <= 16


def test_a_sample_of_pivots_tells_how_many_nodes_they_move():
    """Where the whole tree hangs on one arc, a pivot moves half of it or all; where leaves change sides, two nodes."""
    n = 64
    tails, heads = np.arange(n, dtype=np.int32).repeat(2), np.arange(n, dtype=np.int32).repeat(2)
    heads[1::2] = np.roll(heads[::2], 1)
    cost = np.where(np.arange(2 * n) % 2 == 0, 0.0, -1.0)
    tree = network_simplex.greedy(tails, heads, np.arange(0, 2 * n, 2), np.ones(n, np.int64), np.ones(n, np.int64))
    network_simplex.update_potentials(tree, cost, 0.0, n)
    count, _, _, moved = network_simplex.pivot(tree, tails, heads, cost, n, 0, 1)
    assert count == 1
    assert moved == 2.0
