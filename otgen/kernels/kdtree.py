"""Points put in an order in which neighbours in memory are neighbours in space.

The order is that of a kd-tree's leaves: split at the widest coordinate, always so that the left part holds a power of
two times the leaf size. Any run of ``4 ** k`` leaves, counted from the start, is then a cell of the tree: consecutive
points can be merged level by level, and boxes around consecutive points are small.
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats, Indices
from .ground_cost import own
from .jit import jit

LEAF = 4


@jit
def _select(values, order, first, last, nth):
    """Quickselect: ``order[nth]`` gets the entry that sorting ``order[first:last]`` by values would put there."""
    while last - first > 1:
        middle = (first + last) // 2
        a, b, c = values[order[first]], values[order[middle]], values[order[last - 1]]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = first, last - 1
        while i <= j:
            while values[order[i]] < pivot:
                i += 1
            while values[order[j]] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if nth <= j:
            last = j + 1
        elif nth >= i:
            first = i
        else:
            return


@jit
def _widest(columns, order, first, last):
    best, where = -1.0, 0
    for k in range(columns.shape[0]):
        low = high = columns[k, order[first]]
        for at in range(first + 1, last):
            value = columns[k, order[at]]
            low, high = min(low, value), max(high, value)
        if high - low > best:
            best, where = high - low, k
    return where


@jit
def _arrange(columns, order, leaf):
    firsts, lasts = np.empty(128, np.int64), np.empty(128, np.int64)
    firsts[0], lasts[0], depth = 0, order.shape[0], 1
    while depth > 0:
        depth -= 1
        first, last = firsts[depth], lasts[depth]
        if last - first <= leaf:
            continue
        half = leaf
        while 2 * half < last - first:
            half *= 2
        _select(columns[_widest(columns, order, first, last)], order, first, last, first + half)
        firsts[depth], lasts[depth] = first, first + half
        firsts[depth + 1], lasts[depth + 1] = first + half, last
        depth += 2


def kd_order(points: Floats) -> Indices:
    """Positions (n,) that put points (n, d) in the order of a kd-tree's leaves."""
    order = np.arange(len(points))
    _arrange(own(points.T, np.dtype(np.float64)), order, LEAF)
    return order
