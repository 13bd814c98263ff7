"""Pivots in spanning trees of few nodes: of each node a row of bits tells which nodes hang below it, itself among them.

A pivot changes the rows of the nodes on its cycle alone, 64 nodes at a time, and potentials are shifted several at a time, so that no subtree is
walked. The tree is that of :mod:`.network_simplex`, by parents; depths and the order of its thread are not kept meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .jit import jit
from .network_simplex import UNBOUNDED, _leaving_behind

WORD = 64

Words = npt.NDArray[np.uint64]


class Below(NamedTuple):
    """``bits`` (nodes, words) of each node's subtree; ``cut`` and ``held`` (words,) are what a pivot works with."""

    bits: Words
    cut: Words
    held: Words


@jit
def words_for(nodes):
    """How many words have a bit for each node."""
    return (nodes + WORD - 1) // WORD


@jit
def hung(tree):
    """Who hangs below whom, of a tree whose thread is in order."""
    size, words = tree.parent.shape[0], words_for(tree.parent.shape[0])
    bits = np.empty((size + 2, words), np.uint64)
    for u in range(size):
        for w in range(words):
            bits[u, w] = np.uint64(0)
        bits[u, u // WORD] = np.uint64(1) << np.uint64(u % WORD)
    u = np.int64(tree.before[size - 1])
    while u != size - 1:
        parent = np.int64(tree.parent[u])
        for w in range(words):
            bits[parent, w] |= bits[u, w]
        u = np.int64(tree.before[u])
    return Below(bits[:size], bits[size], bits[size + 1])


@jit
def _leaving(tree, below, i, j, n):
    """:func:`.network_simplex._leaving`, with the apex found by bits."""
    least, out, u = UNBOUNDED, np.uint64(i), np.uint64(i)
    word, place = j // WORD, np.uint64(j % WORD)
    while (below.bits[u, word] >> place) & np.uint64(1) == np.uint64(0):
        if u < n and tree.flow[u] < least:
            least, out = tree.flow[u], u
        u = np.uint64(tree.parent[u])
    out, least, first = _leaving_behind(tree, np.uint64(j), u, n, out, least)
    return np.int64(out), least, first, np.int64(u)


@jit
def _turn(tree, below, inner, outer, out, arc, amount, carried, n):
    """Along the path from ``inner`` up to ``out`` every node becomes a child of the one before, the first one of ``outer``."""
    u, parent = inner, outer
    for w in range(np.uint64(below.cut.shape[0])):
        below.cut[w], below.held[w] = below.bits[out, w], np.uint64(0)
    while True:
        old_parent, old_arc = np.int64(tree.parent[u]), tree.arc[u]
        old_flow = tree.flow[u] + (carried if u < n else -carried)
        tree.parent[u], tree.arc[u], tree.flow[u] = parent, arc, amount
        for w in range(np.uint64(below.cut.shape[0])):
            old_bits = below.bits[u, w]
            below.bits[u, w] = below.cut[w] & ~below.held[w]
            below.held[w] = old_bits
        if u == out:
            return old_parent
        u, parent, arc, amount = old_parent, u, old_arc, old_flow


@jit(inline=True)
def _pass_on(tree, below, u, apex, amount, n):
    """From ``u`` up to the apex: arcs of sources carry so much more, those of targets less; nodes that are cut leave subtrees, or join them."""
    while u != apex:
        tree.flow[u] += amount if u < n else -amount
        for w in range(np.uint64(below.cut.shape[0])):
            below.bits[u, w] ^= below.cut[w]
        u = np.int64(tree.parent[u])


@jit
def _shift(potential, cut, by):
    """Add a number to the potentials of the nodes that moved."""
    for w in range(np.uint64(cut.shape[0])):
        bits = cut[w]
        if bits != np.uint64(0):
            start = w * np.uint64(WORD)
            for k in range(np.uint64(WORD)):
                potential[start + k] += by if (bits >> k) & np.uint64(1) != np.uint64(0) else 0.0


@jit
def pivot(tree, below, i, j, n, arc, by):
    """Source i sends target j as much as their cycle lets through, and the arc that blocks it leaves; ``by`` is what the pair's cost is reduced to.

    Potentials have a place for each bit.
    """
    out, amount, first, apex = _leaving(tree, below, i, n + j, n)
    inner, outer = (i, n + j) if first else (n + j, i)
    # By arcs of sources on the side that is cut; arcs of targets run the other way.
    carried = -amount if first else amount
    _pass_on(tree, below, _turn(tree, below, inner, outer, out, arc, amount, carried, n), apex, carried, n)
    _pass_on(tree, below, outer, apex, -carried, n)
    _shift(tree.potential, below.cut, by if first else -by)
