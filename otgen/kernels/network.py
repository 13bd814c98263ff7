"""A network simplex for bipartite transport: spanning tree, whole flows, block search.

Nodes are the n sources, then the m targets. Every arc runs from a source to a target and has no capacity, so only tree
arcs carry flow, and flow is kept with the node whose parent arc it is: a source's parent arc runs up to its parent, a
target's runs down from it. Flows are whole numbers: ties are ties, and with a strongly feasible tree (every tree arc
without flow points to the root, that is, belongs to a source) degenerate pivots cannot cycle (Cunningham, "A network
simplex method", Math. Programming 11, 1976).

Potentials are kept as ``level``: f_i for a source, -g_j for a target, so that a pivot shifts a whole subtree by one
number. The reduced cost of arc (i, j) is ``cost - level_i + level_j``, and 0 on the tree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .accurate import Doubles, pair_add, pair_divide, total_pair
from .compiling import jit
from .reference import Indices

Nodes = npt.NDArray[np.int32]


class Tree(NamedTuple):
    """A rooted spanning tree of n + m nodes, each an array over nodes; -1 is none.

    ``parent``, ``arc`` to the parent (an index into the list of arcs), ``flow`` on it, ``level`` (potential), ``depth``;
    children form a doubly linked list: ``child`` the first, ``after`` and ``before`` its siblings.
    """

    parent: Nodes
    arc: Indices
    flow: Indices
    level: Doubles
    depth: Nodes
    child: Nodes
    after: Nodes
    before: Nodes


class Start(NamedTuple):
    """A greedy basis: ``parent``, ``arc`` and ``flow`` per node, and the arcs that had to be added to connect it."""

    parent: Nodes
    arc: Indices
    flow: Indices
    tails: Nodes
    heads: Nodes


@jit
def _find(group, u):
    while group[u] != u:
        group[u] = group[group[u]]
        u = group[u]
    return u


@jit
def _adopt(parent, arc, flow, group, u, v, which, amount):
    """Hang component root u below v."""
    parent[u] = v
    arc[u] = which
    flow[u] = amount
    group[_find(group, u)] = _find(group, v)


@jit
def _greedy(tails, heads, order, supply, demand, parent, arc, flow):
    """Serve pairs in the given order; whoever is satisfied hangs below the partner. Then join what is left over."""
    n, m = supply.shape[0], demand.shape[0]
    group = np.arange(n + m)
    parent[:] = -1
    for at in range(order.shape[0]):
        e = order[at]
        i, j = tails[e], heads[e]
        if supply[i] == 0 or demand[j] == 0:
            continue
        amount = min(supply[i], demand[j])
        supply[i] -= amount
        demand[j] -= amount
        if demand[j] == 0:  # in a tie the source stays a root, with nothing left: arcs without flow must point up
            _adopt(parent, arc, flow, group, n + j, i, e, amount)
        else:
            _adopt(parent, arc, flow, group, i, n + j, e, amount)
    for at in range(order.shape[0]):
        e = order[at]
        i, j = tails[e], n + heads[e]
        if supply[i] == 0 and parent[i] < 0 and _find(group, i) != _find(group, j):
            _adopt(parent, arc, flow, group, i, j, e, 0)
    return _join(parent, arc, flow, group, supply, demand, tails.shape[0])


@jit
def _join(parent, arc, flow, group, supply, demand, arcs):
    """Connect the components that remain by the staircase of their leftovers; new arcs are numbered from ``arcs`` on."""
    n, m = supply.shape[0], demand.shape[0]
    roots = 0
    for u in range(n + m):
        roots += parent[u] < 0
    tails, heads = np.empty(roots, np.int32), np.empty(roots, np.int32)
    count, i, j = 0, 0, 0
    last = -1
    while True:
        while i < n and (parent[i] >= 0 or supply[i] == 0):
            i += 1
        while j < m and (parent[n + j] >= 0 or demand[j] == 0):
            j += 1
        if i == n or j == m:
            break
        amount = min(supply[i], demand[j])
        supply[i] -= amount
        demand[j] -= amount
        tails[count], heads[count] = i, j
        if demand[j] == 0:
            _adopt(parent, arc, flow, group, n + j, i, arcs + count, amount)
        else:
            _adopt(parent, arc, flow, group, i, n + j, arcs + count, amount)
        count += 1
    for j in range(m):  # any target will do for sources that have nothing left
        if parent[n + j] >= 0:
            last = j
            break
    top = _find(group, n + last)
    for i in range(n):
        if parent[i] < 0 and _find(group, i) != top:
            tails[count], heads[count] = i, last
            _adopt(parent, arc, flow, group, i, n + last, arcs + count, 0)
            top = _find(group, n + last)
            count += 1
    return tails[:count], heads[:count]


@jit
def _link(tree, u, v):
    """Make u the first child of v."""
    first = tree.child[v]
    tree.parent[u] = v
    tree.before[u] = -1
    tree.after[u] = first
    if first >= 0:
        tree.before[first] = u
    tree.child[v] = u


@jit
def _unlink(tree, u):
    left, right = tree.before[u], tree.after[u]
    if left >= 0:
        tree.after[left] = right
    else:
        tree.child[tree.parent[u]] = right
    if right >= 0:
        tree.before[right] = left


@jit
def _following(tree, u, top):
    """The node after u in a walk of the subtree of ``top``; -1 at its end."""
    if tree.child[u] >= 0:
        return tree.child[u]
    while u != top and tree.after[u] < 0:
        u = tree.parent[u]
    return -1 if u == top else tree.after[u]


@jit
def _root(tree):
    u = 0
    while tree.parent[u] >= 0:
        u = tree.parent[u]
    return u


@jit
def _connect(tree):
    """Child lists and depths from parents."""
    size = tree.parent.shape[0]
    tree.child[:] = -1
    tree.after[:] = -1
    tree.before[:] = -1
    for u in range(size - 1, -1, -1):
        if tree.parent[u] >= 0:
            _link(tree, u, tree.parent[u])
    u = _root(tree)
    top = u
    tree.depth[u] = 0
    while u >= 0:
        if u != top:
            tree.depth[u] = tree.depth[tree.parent[u]] + 1
        u = _following(tree, u, top)


@jit
def _relevel(tree, cost, n):
    """Potentials from the tree's arcs alone, free of what many pivots have added up in rounding."""
    top = _root(tree)
    tree.level[top] = 0.0
    u = _following(tree, top, top)
    while u >= 0:
        c = cost[tree.arc[u]]
        tree.level[u] = tree.level[tree.parent[u]] + (c if u < n else -c)
        u = _following(tree, u, top)


@jit
def _leaving(tree, i, j, n):
    """The arc that blocks first when flow is pushed along i -> j, as its lower node; how much; which side it is on.

    Seen from the apex in the direction of the cycle, it is the last of those that block: so the tree stays strongly
    feasible.
    """
    least, out, first = np.iinfo(np.int64).max, -1, True
    u, v = i, j
    while u != v:
        if tree.depth[u] >= tree.depth[v]:
            if u < n and tree.flow[u] < least:
                least, out, first = tree.flow[u], u, True
            u = tree.parent[u]
        else:
            v = tree.parent[v]
    join = u
    v = j
    while v != join:
        if v >= n and tree.flow[v] <= least:
            least, out, first = tree.flow[v], v, False
        v = tree.parent[v]
    return out, least, first, join


@jit
def _push(tree, i, j, n, join, amount):
    if amount > 0:
        while i != join:
            tree.flow[i] += -amount if i < n else amount
            i = tree.parent[i]
        while j != join:
            tree.flow[j] += amount if j < n else -amount
            j = tree.parent[j]


@jit
def _rehang(tree, inner, outer, out, arc, amount):
    """Cut the subtree at ``out``, turn it round so that ``inner`` is its root, and hang it below ``outer``."""
    u, parent = inner, outer
    while True:
        old_parent, old_arc, old_flow = tree.parent[u], tree.arc[u], tree.flow[u]
        _unlink(tree, u)
        _link(tree, u, parent)
        tree.arc[u], tree.flow[u] = arc, amount
        if u == out:
            return
        parent, arc, amount, u = u, old_arc, old_flow, old_parent


@jit
def _shift(tree, top, by):
    u = top
    while u >= 0:
        tree.level[u] += by
        tree.depth[u] = tree.depth[tree.parent[u]] + 1
        u = _following(tree, u, top)


@jit
def _enter(tree, tails, heads, cost, n, start, block, tolerance):
    """The worst arc of the first block that has a bad one, searching on from ``start``; -1 if there is none."""
    arcs = tails.shape[0]
    best, found, left = 0.0, -1, block
    e = start
    for _ in range(arcs):
        level_i, level_j = tree.level[tails[e]], tree.level[n + heads[e]]
        c = cost[e]
        reduced = c - level_i + level_j
        if reduced < best and reduced < -tolerance * (abs(c) + abs(level_i) + abs(level_j)):
            best, found = reduced, e
        e += 1
        if e == arcs:
            e = 0
        left -= 1
        if left == 0:
            if found >= 0:
                break
            left = block
    return found, best, e


@jit
def _pivot(tree, tails, heads, cost, n, start, block, tolerance, limit):
    """At most ``limit`` pivots; returns their number, where to search on, and whether none is left."""
    for done in range(limit):
        e, reduced, start = _enter(tree, tails, heads, cost, n, start, block, tolerance)
        if e < 0:
            return done, start, True
        i, j = tails[e], n + heads[e]
        out, amount, first, join = _leaving(tree, i, j, n)
        _push(tree, i, j, n, join, amount)
        if first:
            _rehang(tree, i, j, out, e, amount)
            _shift(tree, i, reduced)
        else:
            _rehang(tree, j, i, out, e, amount)
            _shift(tree, j, -reduced)
    return limit, start, False


@jit
def _flows(tree, n, a, a_high, a_low, b, b_high, b_low, high, low):
    """Flow on each node's parent arc for masses a / sum a and b / sum b, as pairs: supplies added up from the leaves."""
    size = tree.parent.shape[0]
    order = np.empty(size, np.int64)
    top = _root(tree)
    u, count = top, 0
    while u >= 0:
        order[count] = u
        count += 1
        if u < n:
            high[u], low[u] = pair_divide(a[u], a_high, a_low)
        else:
            q, e = pair_divide(b[u - n], b_high, b_low)
            high[u], low[u] = -q, -e
        u = _following(tree, u, top)
    for k in range(size - 1, 0, -1):
        u = order[k]
        v = tree.parent[u]
        high[v], low[v] = pair_add(high[v], low[v], high[u], low[u])
    for k in range(size):
        u = order[k]
        if u >= n:
            high[u], low[u] = -high[u], -low[u]
    high[top], low[top] = 0.0, 0.0


def greedy(tails: Nodes, heads: Nodes, cost: Doubles, supply: Indices, demand: Indices) -> Start:
    """A strongly feasible basis that serves cheap arcs first; supplies (n,) and demands (m,) positive, equal in total."""
    size = len(supply) + len(demand)
    parent, arc, flow = np.empty(size, np.int32), np.full(size, -1, np.int64), np.zeros(size, np.int64)
    order = np.argsort(cost, kind="stable")
    more = _greedy(tails, heads, order, supply.copy(), demand.copy(), parent, arc, flow)
    return Start(parent, arc, flow, *more)


def plant(start: Start) -> Tree:
    """The tree of a basis, its potentials still to be set by :func:`relevel`."""
    size = len(start.parent)
    empty = [np.full(size, -1, np.int32) for _ in range(4)]
    tree = Tree(start.parent.copy(), start.arc.copy(), start.flow.copy(), np.zeros(size), *empty)
    _connect(tree)
    return tree


def relevel(tree: Tree, cost: Doubles, n: int) -> None:
    """Set the potentials of the tree from the costs of its arcs."""
    _relevel(tree, cost, n)


def pivot(
    tree: Tree, tails: Nodes, heads: Nodes, cost: Doubles, n: int, start: int, limit: int
) -> tuple[int, int, bool]:
    """Up to ``limit`` pivots, in place: (how many, where to search on, whether the tree is optimal for these arcs)."""
    block = max(int(len(tails) ** 0.5), 64)
    return _pivot(tree, tails, heads, cost, n, start, block, 2.0**-47, limit)


def flows(tree: Tree, a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """Flow on each node's parent arc for the real weights, (n + m,) as pairs (high, low); unit total mass."""
    size = len(a) + len(b)
    high, low = np.empty(size), np.empty(size)
    _flows(tree, len(a), a, *total_pair(a), b, *total_pair(b), high, low)
    return high, low
