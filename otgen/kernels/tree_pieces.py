"""Pivots that move no subtree: potentials relative to pieces of the tree.

A pivot shifts the potentials of a subtree by one number. Between clouds in space subtrees of all sizes are shifted about equally often, on
average a tenth of the tree, so that pivots, of which there are a few per point, took time quadratic in the number of points. Here the tree is cut into connected
pieces of a bounded number of nodes. Within a piece potentials are known up to an ``offset``, which follows from those of the pieces above:
a piece hangs from another one by the arc of its ``top``, which is tight. A pivot cuts one piece in two, turns round the path between
the arc that enters and the one that leaves, and is done; the search for the next arc asks for offsets, and finds out those of the
pieces that it meets, and of what is above them. Now and then the pieces are made anew.

What follows a node in preorder, and depths, are unknown meanwhile: :func:`.network_simplex.update_order` finds them again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from .jit import jit
from .network_simplex import (
    SEARCHED,
    TOGETHER,
    TOLERANCE,
    UNBOUNDED,
    Nodes,
    Tree,
    _leaving_behind,
    _push,
    _thread,
    _update_potentials,
    block_size,
)

_PIECE = 128  # nodes: a piece has at most twice as many
_RENEWED = 0.05  # pivots a node after which pieces are made anew
_BLOCK = 0.3  # of the arcs that are looked at where subtrees are moved: each takes several times as long here


class Pieces(NamedTuple):
    """Pieces of a tree, each an array over nodes or over pieces, of which there are no more than nodes.

    ``of`` says which piece a node belongs to; ``members`` lists nodes piece by piece, from ``first`` to ``last``, of which ``top`` is the
    uppermost; ``offset`` is to be added to the potentials in the tree, if ``known`` says that it is as of ``clock[1]``. ``marks`` of nodes are
    as of ``clock[0]``. ``clock[2]`` is the number of pieces, ``clock[3]`` that of pivots since they were made,
    ``clock[4]`` that of the nodes a piece should have.
    """

    of: Nodes
    members: Nodes
    first: Nodes
    last: Nodes
    top: Nodes
    offset: Floats
    known: Nodes
    marks: Nodes
    stack: Nodes
    clock: Indices


@jit
def _make(tree, pieces, cost, artificial, n):
    """Cut the tree from its leaves up: a node is the top of a piece if that has enough nodes, or its parent's would have too many."""
    root = tree.parent.shape[0] - 1
    of, sizes, most = pieces.of, pieces.stack, pieces.clock[4]
    _thread(tree)
    _update_potentials(tree, cost, artificial, n)
    for u in range(root + 1):
        sizes[u], of[u], pieces.marks[u], pieces.known[u] = 1, 0, 0, 0
    u = np.int64(tree.before[root])
    while u != root:
        p = tree.parent[u]
        if p == root or sizes[u] >= most or sizes[p] + sizes[u] > 2 * most:
            of[u] = -1
        else:
            sizes[p] += sizes[u]
        u = np.int64(tree.before[u])
    count, u = 1, np.int64(tree.after[root])
    pieces.top[0], pieces.last[0] = root, 1
    while u != root:
        if of[u] < 0:
            pieces.top[count], pieces.last[count], of[u] = u, 0, count
            count += 1
        else:
            of[u] = of[tree.parent[u]]
        pieces.last[of[u]] += 1
        u = np.int64(tree.after[u])
    total = 0
    for c in range(count):
        pieces.first[c] = total
        total += pieces.last[c]
        pieces.last[c] = pieces.first[c]
    for u in range(root + 1):
        c = of[u]
        pieces.members[pieces.last[c]] = u
        pieces.last[c] += 1
    pieces.offset[0] = 0.0
    pieces.clock[0], pieces.clock[1], pieces.clock[2], pieces.clock[3] = 0, 0, count, 0


@jit(inline=True)
def _find_offset(tree, pieces, cost, artificial, n, piece):
    """The offset of a piece and of those above it that are not known: by the arc of its top, whose reduced cost is 0."""
    root, now, count = tree.parent.shape[0] - 1, pieces.clock[1], 0
    c = np.uint64(piece)
    while pieces.known[c] != now:
        if pieces.top[c] == root:
            pieces.offset[c], pieces.known[c] = 0.0, now
            break
        pieces.stack[count] = c
        count += 1
        c = np.uint64(pieces.of[tree.parent[pieces.top[c]]])
    above = pieces.offset[c]
    while count > 0:
        count -= 1
        c = np.uint64(pieces.stack[count])
        u = np.uint64(pieces.top[c])
        step = cost[tree.arc[u]] if tree.arc[u] >= 0 else artificial
        above += tree.potential[tree.parent[u]] + (step if u < n else -step) - tree.potential[u]
        pieces.offset[c], pieces.known[c] = above, now


@jit(inline=True)
def _improves(tree, pieces, tails, heads, cost, targets, first, count, best):
    """As in :mod:`.network_simplex`, where all offsets are known."""
    hits = 0
    for k in range(count):
        e = first + k
        i, j = np.uint64(tails[e]), targets + np.uint64(heads[e])
        fall = tree.potential[i] + pieces.offset[np.uint64(pieces.of[i])]
        rise = tree.potential[j] + pieces.offset[np.uint64(pieces.of[j])]
        hits += cost[e] - fall + rise < best
    return hits > 0


@jit(inline=True)
def _unknown(pieces, tails, heads, targets, first, count):
    """How many ends of ``count`` arcs from ``first`` on lie in pieces whose offset is not known."""
    hits, now = 0, pieces.clock[1]
    for k in range(count):
        e = first + k
        one, other = pieces.of[np.uint64(tails[e])], pieces.of[targets + np.uint64(heads[e])]
        hits += pieces.known[np.uint64(one)] != now
        hits += pieces.known[np.uint64(other)] != now
    return hits


@jit
def _enter(tree, pieces, tails, heads, cost, artificial, n, start, block):
    """The worst arc of the first block that has a bad one, searching on from ``start``; -1 if there is none."""
    arcs, now, targets = tails.shape[0], pieces.clock[1], np.uint64(n)
    best, found, left = 0.0, -1, block
    e, unseen = start, arcs
    while unseen > 0:
        count = min(TOGETHER, left, arcs - e, unseen)
        if _unknown(pieces, tails, heads, targets, np.uint64(e), np.uint64(count)):
            for k in range(e, e + count):
                for c in (pieces.of[tails[k]], pieces.of[n + heads[k]]):
                    if pieces.known[c] != now:
                        _find_offset(tree, pieces, cost, artificial, n, c)
        if _improves(tree, pieces, tails, heads, cost, targets, np.uint64(e), np.uint64(count), best):
            for k in range(e, e + count):
                i, j = tails[k], n + heads[k]
                potential_i = tree.potential[i] + pieces.offset[pieces.of[i]]
                potential_j = tree.potential[j] + pieces.offset[pieces.of[j]]
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
    return found, e


@jit
def _meeting(tree, pieces, i, j):
    """The lowest node above both, by two walks up in turn."""
    root, marks = tree.parent.shape[0] - 1, pieces.marks
    pieces.clock[0] += 2
    one = pieces.clock[0]
    other = one + 1
    marks[i], marks[j] = one, other
    while True:
        if i != root:
            i = np.uint64(tree.parent[i])
            if marks[i] == other:
                return i
            marks[i] = one
        if j != root:
            j = np.uint64(tree.parent[j])
            if marks[j] == one:
                return j
            marks[j] = other


@jit
def _leaving(tree, i, j, join, n):
    """As in :mod:`.network_simplex`, where the cycle is known."""
    least, out, u = UNBOUNDED, i, i
    while u != join:
        if u < n and tree.flow[u] < least:
            least, out = tree.flow[u], u
        u = np.uint64(tree.parent[u])
    return _leaving_behind(tree, j, join, n, out, least)


@jit
def _split(tree, pieces, out):
    """Make a piece of what hangs below ``out`` in its own, unless it is the top already."""
    c = np.uint64(pieces.of[out])
    if pieces.top[c] == out:
        return
    marks, members = pieces.marks, pieces.members
    pieces.clock[0] += 2
    below = pieces.clock[0]
    rest = below + 1
    marks[out], marks[pieces.top[c]] = below, rest
    at, stop, new = np.int64(pieces.first[c]), np.int64(pieces.last[c]), pieces.clock[2]
    while at < stop:
        u = v = np.uint64(members[at])
        while marks[v] < below:
            v = np.uint64(tree.parent[v])
        side = marks[v]
        v = u
        while marks[v] < below:
            marks[v] = side
            v = np.uint64(tree.parent[v])
        if side == rest:
            at += 1
        else:
            stop -= 1
            members[at], members[stop] = members[stop], u
            pieces.of[u] = new
    pieces.first[new], pieces.last[new], pieces.top[new], pieces.known[new] = stop, pieces.last[c], out, 0
    pieces.last[c] = stop
    pieces.clock[2] += 1


@jit
def _turn(tree, pieces, inner, outer, out, arc, amount):
    """Hang what is below ``out`` from ``outer`` by its node ``inner``: along the path between them parents become children."""
    u, parent, piece = inner, outer, np.uint64(tree.parent.shape[0])  # no piece has that number
    while True:
        old_parent, old_arc, old_flow = np.uint64(tree.parent[u]), tree.arc[u], tree.flow[u]
        tree.parent[u], tree.arc[u], tree.flow[u] = parent, arc, amount
        if pieces.of[u] != piece:
            piece = np.uint64(pieces.of[u])
            pieces.top[piece] = u
        if u == out:
            return
        u, parent, arc, amount = old_parent, u, old_arc, old_flow


@jit
def _pivot(tree, pieces, tails, heads, cost, artificial, n, start, block, renewed, limit):
    """At most ``limit`` pivots; returns their number, where to search on, and whether none is left."""
    searched, longest = 0, SEARCHED * block
    for done in range(limit):
        if searched > longest:
            return done, start, False
        if pieces.clock[3] == renewed:
            _make(tree, pieces, cost, artificial, n)
        pieces.clock[1] += 1
        before = start
        e, start = _enter(tree, pieces, tails, heads, cost, artificial, n, start, block)
        if e < 0:
            return done, start, True
        searched += start - before if start > before else start - before + tails.shape[0]
        i, j = np.uint64(tails[e]), np.uint64(n + heads[e])
        join = _meeting(tree, pieces, i, j)
        out, amount, first = _leaving(tree, i, j, join, n)
        _push(tree, i, j, n, join, amount)
        _split(tree, pieces, out)
        inner, outer = (i, j) if first else (j, i)
        _turn(tree, pieces, inner, outer, out, e, amount)
        pieces.clock[3] += 1
    return limit, start, False


def cut(tree: Tree, cost: Floats, artificial: float, n: int, most: int = _PIECE) -> Pieces:
    """Pieces of a tree whose arcs have these costs, of ``most`` nodes or up to twice as many."""
    size = len(tree.parent)
    whole = [np.empty(size, np.int32) for _ in range(8)]
    pieces = Pieces(*whole[:5], np.empty(size), *whole[5:], np.array([0, 0, 0, 0, most]))
    _make(tree, pieces, cost, artificial, n)
    return pieces


def pivot(
    tree: Tree,
    pieces: Pieces,
    tails: Nodes,
    heads: Nodes,
    cost: Floats,
    artificial: float,
    n: int,
    start: int,
    limit: int,
) -> tuple[int, int, bool]:
    """Up to ``limit`` pivots, in place: (how many, where to search on, whether the tree is optimal for these arcs)."""
    renewed = max(int(_RENEWED * len(tree.parent)), int(pieces.clock[4]))
    block = block_size(tails, _BLOCK)
    return _pivot(tree, pieces, tails, heads, cost, artificial, n, start, block, renewed, limit)
