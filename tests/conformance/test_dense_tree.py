"""Pivots that know subtrees by bits, beside those that walk them: the same tree, to the last bit, on either side of a word's end."""

import numpy as np
import pytest

from otgen.kernels import dense_tree, network_simplex
from otgen.kernels.dense_simplex import _start
from otgen.kernels.network_simplex import Tree


def walked(tree, i, j, n, arc, by):
    """The pivot, node by node."""
    i, j = np.uint64(i), np.uint64(n + j)
    out, amount, first, join = network_simplex._leaving(tree, i, j, n)
    network_simplex._push(tree, i, j, n, join, amount)
    inner, outer = (i, j) if first else (j, i)
    network_simplex._rehang(tree, inner, outer, out, arc, amount, by if first else -by)


def subtrees(parent):
    """Who hangs below whom, (N, N), by walks up from every node."""
    below = np.zeros((len(parent), len(parent)), bool)
    for u in range(len(parent)):
        at = u
        while at >= 0:
            below[at, u] = True
            at = parent[at]
    return below


def as_bits(bits, size):
    return np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, :size].astype(bool)


def copied(tree):
    return Tree(*(part.copy() for part in tree))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (30, 33), (31, 33), (64, 64), (20, 150)])
def test_pivots_are_those_that_walk(shape, ties):
    (n, m), rng = shape, np.random.default_rng(shape)
    costs = rng.random(shape)
    supply, demand = (
        np.full(k, n * m // k) if ties else 1 + rng.multinomial(9 * n * m - k, np.full(k, 1 / k)) for k in shape
    )
    tree = _start(costs, supply, demand)
    network_simplex._update_potentials(tree, costs.ravel(), 0.0, n)
    beside, below = copied(tree), dense_tree.hung(tree)
    for _ in range(60):
        i, j = (int(rng.integers(k)) for k in shape)
        if n + j == tree.parent[i] or i == tree.parent[n + j]:
            continue  # in the tree
        by = float(costs[i, j] - tree.potential[i] + tree.potential[n + j])
        dense_tree.pivot(tree, below, i, j, n, i * m + j, by)
        walked(beside, i, j, n, i * m + j, by)
        for name in ("parent", "arc", "flow", "potential"):
            np.testing.assert_array_equal(getattr(tree, name), getattr(beside, name), name)
        np.testing.assert_array_equal(as_bits(below.bits, len(tree.parent)), subtrees(tree.parent))
