"""A network simplex for bipartite transport: spanning tree, whole flows, block search.

Nodes are the n sources, then the m targets, then a root. Every arc runs from a source to a target and has no capacity, so only tree
arcs carry flow, and flow is kept with the node whose parent arc it is: a source's parent arc runs up to its parent, a
target's runs down from it. Flows are whole numbers: ties are ties, and with a strongly feasible tree (every tree arc
without flow points to the root, that is, belongs to a source) degenerate pivots cannot cycle (Cunningham, "A network
simplex method", Math. Programming 11, 1976).

Potentials are kept as ``potential``: f_i for a source, -g_j for a target, so that a pivot shifts a whole subtree by one
number. The reduced cost of arc (i, j) is ``cost - potential_i + potential_j``, and 0 on the tree.

What no listed arc serves goes through the root, by arcs that exist only while they are in the tree and cost ``artificial``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..inputs.types import Floats, Indices
from .double_double import Pairs, pair_add
from .jit import jit

Nodes = npt.NDArray[np.int32]
UNBOUNDED = 2**63 - 1
SEARCHED = 4096  # blocks of arcs in one call at most, so that Ctrl-C is heard
TOLERANCE = 2.0**-47  # of the numbers that a reduced cost is made of
TOGETHER = 64  # arcs that are looked at together, before one by one
_SAMPLED = 16  # of so many pivots one tells how many nodes it moves


class Tree(NamedTuple):
    """A rooted spanning tree of n + m + 1 nodes, each an array over nodes.

    ``parent`` (-1 at the root), ``arc`` to the parent (an index into the list of arcs, -1 for an artificial arc to the root),
    ``flow`` on it, ``potential``, ``depth``; ``after`` and ``before`` thread all nodes in preorder, in a ring from
    the root to the root. The subtree of a node is what follows it for as long as the depth is greater than its own.
    """

    parent: Nodes
    arc: Indices
    flow: Indices
    potential: Floats
    depth: Nodes
    after: Nodes
    before: Nodes


@jit
def _greedy(tails, heads, order, supply, demand, parent, arc, flow):
    """Serve pairs in the given order; whoever is satisfied hangs below the partner, what is left over below the root."""
    n, m = supply.shape[0], demand.shape[0]
    for at in range(order.shape[0]):
        e = order[at]
        i, j = tails[e], heads[e]
        if supply[i] == 0 or demand[j] == 0:
            continue
        amount = min(supply[i], demand[j])
        supply[i] -= amount
        demand[j] -= amount
        if demand[j] == 0:  # in a tie the source keeps nothing and still hangs below the root: that arc points up
            parent[n + j], arc[n + j], flow[n + j] = i, e, amount
        else:
            parent[i], arc[i], flow[i] = n + j, e, amount
    for i in range(n):
        if arc[i] < 0:
            flow[i] = supply[i]
    for j in range(m):
        if arc[n + j] < 0:
            flow[n + j] = demand[j]


@jit
def _thread(tree):
    """Preorder and depths from parents; the root is the last node."""
    top = tree.parent.shape[0] - 1
    child, sibling = np.empty(top + 1, np.int64), np.empty(top + 1, np.int64)
    for u in range(top + 1):
        child[u] = -1
    for u in range(top - 1, -1, -1):
        sibling[u] = child[tree.parent[u]]
        child[tree.parent[u]] = u
    tree.depth[top] = 0
    u, last = top, top
    while True:
        if child[u] >= 0:
            u = child[u]
        else:
            while u != top and sibling[u] < 0:
                u = tree.parent[u]
            if u == top:
                break
            u = sibling[u]
        tree.depth[u] = tree.depth[tree.parent[u]] + 1
        tree.after[last], tree.before[u] = u, last
        last = u
    tree.after[last], tree.before[top] = top, last


@jit
def _update_potentials(tree, cost, artificial, n):
    """Potentials from the tree's arcs alone, free of what many pivots have added up in rounding."""
    top = tree.parent.shape[0] - 1
    tree.potential[top] = 0.0
    u = tree.after[top]
    while u != top:
        c = cost[tree.arc[u]] if tree.arc[u] >= 0 else artificial
        tree.potential[u] = tree.potential[tree.parent[u]] + (c if u < n else -c)
        u = tree.after[u]


@jit
def _leaving(tree, i, j, n):
    """The arc that blocks first when flow is pushed along i -> j, as its lower node; how much; which side it is on.

    Seen from the apex in the direction of the cycle, it is the last of those that block: so the tree stays strongly
    feasible.
    """
    least, out = UNBOUNDED, i
    u, v = i, j
    while u != v:
        if tree.depth[u] >= tree.depth[v]:
            if u < n and tree.flow[u] < least:
                least, out = tree.flow[u], u
            u = np.uint64(tree.parent[u])
        else:
            v = np.uint64(tree.parent[v])
    out, least, first = _leaving_behind(tree, j, u, n, out, least)
    return out, least, first, u


@jit(inline=True)
def _leaving_behind(tree, j, join, n, out, least):
    """The same where the way to the source lets ``least`` through, at ``out``, and that from the target on is still to be looked at."""
    first = True
    while j != join:
        if j >= n and tree.flow[j] <= least:
            least, out, first = tree.flow[j], j, False
        j = np.uint64(tree.parent[j])
    return out, least, first


@jit
def _push(tree, i, j, n, join, amount):
    if amount > 0:
        for u, by in ((i, -amount), (j, amount)):
            while u != join:
                tree.flow[u] += by if u < n else -by
                u = np.uint64(tree.parent[u])


@jit
def _join(tree, u, v):
    tree.after[u], tree.before[v] = v, u


@jit
def _move(tree, u, floor, by, deeper):
    """Shift level and depth of u and of what follows it deeper than ``floor``; returns the last of them."""
    while True:
        tree.potential[u] += by
        tree.depth[u] += deeper
        following = np.uint64(tree.after[u])
        if tree.depth[following] <= floor:
            return u
        u = following


@jit
def _rehang(tree, inner, outer, out, arc, amount, by):
    """Cut the subtree of ``out``, turn it round so that ``inner`` is its root, hang it below ``outer``, shift its level.

    Along the path from ``inner`` up to ``out`` every node becomes a child of the one before. In preorder the new subtree
    is: all of the first node's; then of each next node what stood before the part already moved, and what stood after.
    """
    entry = np.uint64(tree.before[out])
    u, parent, depth = inner, outer, np.int64(tree.depth[outer] + 1)
    first = tail = rest = inner  # of the part already moved: where it began, its end in the new order, what came after
    while True:
        old_parent, old_arc, old_flow = np.uint64(tree.parent[u]), tree.arc[u], tree.flow[u]
        floor = np.int64(tree.depth[u])
        tree.parent[u], tree.arc[u], tree.flow[u] = parent, arc, amount
        deeper = depth - floor
        if u == inner:
            last = _move(tree, u, floor, by, deeper)
            rest = np.uint64(tree.after[last])
        else:
            last = u
            tree.potential[u] += by
            tree.depth[u] += deeper
            while tree.after[last] != first:
                last = np.uint64(tree.after[last])
                tree.potential[last] += by
                tree.depth[last] += deeper
            _join(tree, tail, u)
            if tree.depth[rest] > floor:
                _join(tree, last, rest)
                last = _move(tree, rest, floor, by, deeper)
                rest = np.uint64(tree.after[last])
        first, tail = u, last
        if u == out:
            break
        parent, arc, amount, depth, u = u, old_arc, old_flow, depth + 1, old_parent
    _join(tree, entry, rest)
    following = np.uint64(tree.after[outer])
    _join(tree, outer, inner)
    _join(tree, tail, following)


@jit(inline=True)
def _improves(tree, tails, heads, cost, targets, first, count, best):
    """How many of ``count`` arcs from ``first`` on have a reduced cost below ``best``; all unsigned, so that several are looked at at a time."""
    hits = 0
    for k in range(count):
        e = first + k
        rise = tree.potential[targets + np.uint64(heads[e])]
        hits += cost[e] - tree.potential[np.uint64(tails[e])] + rise < best
    return hits > 0


@jit
def _enter(tree, tails, heads, cost, n, start, block):
    """The worst arc of the first block that has a bad one, searching on from ``start``; -1 if there is none."""
    arcs, targets = tails.shape[0], np.uint64(n)
    best, found, left = 0.0, -1, block
    e, unseen = start, arcs
    while unseen > 0:
        count = min(TOGETHER, left, arcs - e, unseen)
        if _improves(tree, tails, heads, cost, targets, np.uint64(e), np.uint64(count), best):
            for k in range(e, e + count):
                potential_i, potential_j = tree.potential[tails[k]], tree.potential[n + heads[k]]
                c = cost[k]
                reduced = c - potential_i + potential_j
                if reduced < best and reduced < -TOLERANCE * (abs(c) + abs(potential_i) + abs(potential_j)):
                    best, found = reduced, k
        unseen -= count
        left -= count
        e += count
        if e == arcs:
            e = 0
        if left == 0:
            if found >= 0:
                break
            left = block
    return found, best, e


@jit
def _below(tree, u):
    """How many nodes hang below ``u``, itself among them."""
    count, following = 1, np.uint64(tree.after[u])
    while tree.depth[following] > tree.depth[u]:
        count += 1
        following = np.uint64(tree.after[following])
    return count


@jit
def _pivot(tree, tails, heads, cost, n, start, block, limit):
    """At most ``limit`` pivots; returns their number, where to search on, whether none is left, and how many nodes samples of them moved."""
    moved, searched, most = 0, 0, SEARCHED * block
    for done in range(limit):
        if searched > most:
            return done, start, False, moved
        before = start
        e, reduced, start = _enter(tree, tails, heads, cost, n, start, block)
        if e < 0:
            return done, start, True, moved
        searched += start - before if start > before else start - before + tails.shape[0]
        i, j = np.uint64(tails[e]), np.uint64(n + heads[e])
        out, amount, first, join = _leaving(tree, i, j, n)
        _push(tree, i, j, n, join, amount)
        if done % _SAMPLED == 0:
            moved += _below(tree, out)
        inner, outer, by = (i, j, reduced) if first else (j, i, -reduced)
        _rehang(tree, inner, outer, out, e, amount, by)
    return limit, start, False, moved


@jit
def _flows(tree, n, a_high, a_low, b_high, b_low, high, low):
    """Flow on each node's parent arc for masses in pairs: supplies added up from the leaves."""
    size = tree.parent.shape[0]
    order = np.empty(size, np.int64)
    top = size - 1
    high[top], low[top] = 0.0, 0.0
    u = top
    for k in range(size):
        order[k] = u
        if u == top:
            u = tree.after[u]
            continue
        if u < n:
            high[u], low[u] = a_high[u], a_low[u]
        else:
            high[u], low[u] = -b_high[u - n], -b_low[u - n]
        u = tree.after[u]
    for k in range(size - 1, 0, -1):
        u = order[k]
        v = tree.parent[u]
        high[v], low[v] = pair_add(high[v], low[v], high[u], low[u])
    for k in range(size):
        u = order[k]
        if u >= n:
            high[u], low[u] = -high[u], -low[u]
    high[top], low[top] = 0.0, 0.0


def greedy(tails: Nodes, heads: Nodes, order: Indices, supply: Indices, demand: Indices) -> Tree:
    """A strongly feasible tree that serves arcs in an ``order``; supplies (n,) and demands (m,) positive, equal in total.

    Its potentials are still to be set by :func:`update_potentials`.
    """
    size = len(supply) + len(demand) + 1
    parent, arc, flow = np.full(size, size - 1, np.int32), np.full(size, -1, np.int64), np.zeros(size, np.int64)
    parent[-1] = -1
    _greedy(tails, heads, order, supply.copy(), demand.copy(), parent, arc, flow)
    tree = Tree(parent, arc, flow, np.zeros(size), *(np.zeros(size, np.int32) for _ in range(3)))
    _thread(tree)
    return tree


def update_order(tree: Tree) -> None:
    """Set preorder and depths of the tree from its parents."""
    _thread(tree)


def update_potentials(tree: Tree, cost: Floats, artificial: float, n: int) -> None:
    """Set the potentials of the tree from the costs of its arcs."""
    _update_potentials(tree, cost, artificial, n)


def pivot(
    tree: Tree, tails: Nodes, heads: Nodes, cost: Floats, n: int, start: int, limit: int
) -> tuple[int, int, bool, float]:
    """Up to ``limit`` pivots, in place: (how many, where to search on, whether the tree is optimal for these arcs, nodes that a pivot moves)."""
    count, start, optimal, moved = _pivot(tree, tails, heads, cost, n, start, block_size(tails), limit)
    return count, start, optimal, moved / max(1, -(-count // _SAMPLED))


def block_size(tails: Nodes, share: float = 1.0) -> int:
    """How many arcs are looked at before the worst of them enters: about the root of their number."""
    return max(int(share * len(tails) ** 0.5), 64)


def branches(tree: Tree) -> int:
    """How many nodes hang below the root."""
    return int((tree.parent == len(tree.parent) - 1).sum())


def unserved(tree: Tree, n: int) -> tuple[Indices, Indices]:
    """Sources and targets whose mass still takes an artificial arc to the root."""
    nodes = np.flatnonzero((tree.arc[:-1] < 0) & (tree.flow[:-1] > 0))
    return nodes[nodes < n], nodes[nodes >= n] - n


def flows(tree: Tree, a: Pairs, b: Pairs) -> Pairs:
    """Flow on each node's parent arc for the real masses (n,), (m,) of equal total: (n + m + 1,), all as pairs (high, low)."""
    size = len(tree.parent)
    high, low = np.empty(size), np.empty(size)
    _flows(tree, len(a[0]), *a, *b, high, low)
    return high, low
