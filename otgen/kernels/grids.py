"""Minima over all pairs of two grids, one axis at a time.

Where a cost is a sum of costs along the axes, ``min_j sum_k c_k(x_k, y_jk) - g_j`` is a chain of products of matrices in the (min, +)
semiring, each of which takes the minimum over one axis: n times the length of an axis is all that has to be looked at. (Distance
transforms of images: Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012. Their lower
envelopes look at less, but where parabolas nearly tie the rounding of where they meet decides; here every value is a rounded sum, and the
least of these.)
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats, Indices
from .jit import jit
from .parallel import over_rows

_TILE = 1024


@jit
def _min_plus(costs, table, out, where, first, last):
    inner, width = table.shape
    for i in range(first, last):
        for start in range(0, width, _TILE):
            stop = min(start + _TILE, width)
            least, at = out[i, start:stop], where[i, start:stop]
            for j in range(inner):
                cost, line = costs[i, j], table[j, start:stop]
                for k in range(stop - start):
                    value = cost + line[k]
                    less = value < least[k]
                    least[k] = value if less else least[k]
                    at[k] = j if less else at[k]


def min_plus(costs: Floats, table: Floats) -> tuple[Floats, Indices]:
    """``min_j costs_ij + table_jk`` of (s, t) and (t, w), and its first arg min: (s, w), (s, w)."""
    shape = len(costs), table.shape[1]
    out, where = np.full(shape, np.inf), np.zeros(shape, np.int64)
    over_rows(shape[0], max(table.size // 2, 1), lambda s, t: _min_plus(costs, table, out, where, s, t))
    return out, where


@jit
def _lay(nodes, g, table, owner):
    for j in range(nodes.shape[0]):
        if -g[j] < table[nodes[j]]:
            table[nodes[j]], owner[nodes[j]] = -g[j], j


def lay(nodes: Indices, g: Floats, size: int) -> tuple[Floats, Indices]:
    """The least ``-g_j`` of those at each of ``size`` nodes, inf where there is none, and the first such j, 0 where there is none."""
    table, owner = np.full(size, np.inf), np.zeros(size, np.int64)
    _lay(nodes, np.ascontiguousarray(g, np.float64), table, owner)
    return table, owner
