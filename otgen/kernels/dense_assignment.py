"""Points of one mass, as many on either side, where all costs are listed: an assignment of some to the others (:mod:`.assignment`).

One call goes over a whole stack of problems, and leaves those that are no such, or lose digits so, to :mod:`.dense_simplex`.
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats
from .assignment import assigned
from .dense_reduced import reduced_costs, spread_out, taken_entries
from .dense_stack import Layout
from .double_double import _shares, _total
from .jit import jit

SOLVED, LEFT = 0, 3  # how it ended; the numbers between are the simplex's
_DEAR = 2.0**12  # prices above this many mean costs of an assignment: by paths alone they are at most their sum


def may_assign(a: Floats, b: Floats, where: Layout) -> bool:
    """Whether there may be a problem for here: one that is alone shows by its sizes, and by its first two weights, at little cost."""
    if len(where.starts) > 2:
        return where.square
    n = len(a)
    return n == len(b) > 1 and a.item(0) == a.item(1) and b.item(0) == b.item(1)


@jit
def _with_mass(weights):
    """Which points have mass, where it is the same for all that have any, and for the first two; else none."""
    if len(weights) < 2 or weights[0] != weights[1]:
        return np.empty(0, np.int64)
    index, count, mass = np.empty(len(weights), np.int64), 0, 0.0
    for i in range(len(weights)):
        if weights[i] > 0.0:
            if count > 0 and weights[i] != mass:
                return index[:0]
            index[count], mass = i, weights[i]
            count += 1
    return index[:count]


@jit
def _take_digits(levels, reduced, column_of, f, g):
    """Whether some price is so far above what pairs of an assignment cost that it takes digits from them: bids may raise it to costs of pairs that none needs."""
    dearest, paid = 0.0, 0.0
    for i in range(len(f)):
        j = column_of[i]
        dearest = max(dearest, -levels[j])
        paid += abs(reduced[i, j] + (f[i] + g[j]))
    return dearest * len(f) > _DEAR * paid


@jit
def _match(a, rows, columns, reduced, f, g, out_rows, out_columns, high, low):
    """Points of one mass, by an assignment: its pairs, and what it adds to potentials; how many paths that took, or -1 where pivots keep more digits."""
    n = len(rows)
    column_of, levels = np.empty(n, np.int64), np.empty(n)
    paths = assigned(reduced, column_of, levels)
    if _take_digits(levels, reduced, column_of, f, g):
        return -1
    _shares(taken_entries(a, rows), *_total(a), high[:n], low[:n])
    for i in range(n):
        out_rows[i], out_columns[i] = rows[i], columns[column_of[i]]
        f[i] += reduced[i, column_of[i]] - levels[column_of[i]]
        g[i] += levels[i]
    return paths


@jit
def _assign(costs, a, b, out_rows, out_columns, high, low, f, g):
    """One problem; returns the number of paths, -1 where it is left to pivots, and of entries of the plan."""
    rows, columns = _with_mass(a), _with_mass(b)
    if len(a) != len(b) or len(rows) != len(columns) or len(rows) == 0:
        return -1, 0
    reduced = np.empty((len(rows), len(columns)))
    f_here, g_here = reduced_costs(costs, rows, columns, reduced)
    paths = _match(a, rows, columns, reduced, f_here, g_here, out_rows, out_columns, high, low)
    if paths >= 0:
        spread_out(costs, rows, f_here, columns, g_here, f, False)
        spread_out(costs, columns, g_here, rows, f_here, g, True)
    return paths, len(rows)


@jit
def assign_all(costs, a, b, starts, indices, flows, f, g, counts, ends, first, last):
    """Problems ``first`` to ``last`` of a stack: the claims and the ends of those that are assignments."""
    for k in range(first, last):
        i, j, e = starts[k, 0], starts[k, 1], starts[k, 2]
        i_end, j_end, e_end = starts[k + 1, 0], starts[k + 1, 1], starts[k + 1, 2]
        one, other = slice(i, i_end), slice(j, j_end)
        entries = slice(i + j, i_end + j_end)
        paths, counts[k] = _assign(
            costs[e:e_end].reshape(i_end - i, j_end - j), a[one], b[other],
            indices[0, entries], indices[1, entries], flows[0, entries], flows[1, entries], f[one], g[other],
        )  # fmt: skip
        if paths >= 0:
            ends[k, 0], ends[k, 1] = SOLVED, paths
