"""The network simplex where all costs are listed and are few: a row is priced at the speed of memory, so none is ever left out.

Tree and pivots are those of :mod:`.network_simplex`; pairs are numbered row by row. One call solves a whole stack of problems, laid
out one behind the other (:mod:`.dense_stack`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs.types import Floats, Indices
from .dense_assignment import LEFT, SOLVED, assign_all, may_assign
from .dense_reduced import reduced_costs, spread_out, taken_entries
from .dense_stack import Claims, Layout
from .dense_tree import WORD, hung, pivot, words_for
from .double_double import NOTHING, _shares, _total
from .jit import jit
from .lesser import lesser
from .network_simplex import TOLERANCE, Tree, _flows, _thread, _update_potentials
from .whole_masses import to_whole

LARGEST = 2**18  # pairs of a problem that is solved here: from there on pricing few of them is quicker
ASSIGNED = 2**20  # of a problem of one mass, as many points on either side: up to there to look at all pairs is quicker
# Points a side: a tree is walked, and a row is read, as often as there are points, and no Ctrl-C is answered meanwhile.
LONGEST = 2**12
# How it ended: ODD where masses are too small to be whole numbers, or pricing few of many pairs is quicker.
STOPPED, ODD = 1, 2
UNLIMITED = 2**62
_PRICED = 3  # times the square root of the number of pairs is what is priced between two pivots
_STRETCH = np.uint64(64)  # columns of a row: a minimum over them is found by looking through no more


def fits(n: Any, m: Any) -> Any:
    """Whether problems of n sources and m targets are solved here; of numbers, or of arrays of them."""
    return (n * m <= LARGEST) & (n <= LONGEST) & (m <= LONGEST)


def is_assigned(n: int, m: int) -> bool:
    """Whether points of one mass are solved here, beside what is anyway."""
    return n == m and n * m <= ASSIGNED


@jit
def _least_in_row(reduced, i, levels):
    """``min_j c_ij + level_j``, and where the stretch of columns begins that has it."""
    m = np.uint64(reduced.shape[1])
    best, begin, start = np.inf, np.uint64(0), np.uint64(0)
    while start + _STRETCH <= m:
        least = np.inf
        for k in range(_STRETCH):
            least = lesser(reduced[i, start + k] + levels[start + k], least)
        if least < best:
            best, begin = least, start
        start += _STRETCH
    least = np.inf
    for j in range(start, m):
        least = lesser(reduced[i, j] + levels[j], least)
    return (least, start) if least < best else (best, begin)


@jit
def _first_at(reduced, i, levels, least, begin):
    """The first column of a row, from one on, that has the least."""
    for j in range(begin, np.uint64(reduced.shape[1])):
        if reduced[i, j] + levels[j] == least:
            return np.int64(j)
    return -1


@jit
def _by_regret(reduced, levels, gains):
    """Rows, first those to which their second choice among the columns costs most beside the first; ``levels`` are 0."""
    n = reduced.shape[0]
    order = np.empty(n, np.int64)
    for i in range(n):
        least, begin = _least_in_row(reduced, i, levels)
        j = _first_at(reduced, i, levels, least, begin)
        levels[j] = np.inf
        order[i], gains[i] = i, least - _least_in_row(reduced, i, levels)[0]
        levels[j] = 0.0
    gap = n // 2
    while gap > 0:  # Shell's sort
        for k in range(gap, n):
            i, at = order[k], k
            while at >= gap and gains[order[at - gap]] > gains[i]:
                order[at] = order[at - gap]
                at -= gap
            order[at] = i
        gap //= 2
    return order


@jit
def _serve_pair(i, j, m, supply, demand, tree):
    """As much as i has and j wants; whoever is satisfied hangs below the other. In a tie the source stays below the root: its arc points up."""
    n, amount = supply.shape[0], min(supply[i], demand[j])
    supply[i] -= amount
    demand[j] -= amount
    if demand[j] == 0:
        tree.parent[n + j], tree.arc[n + j], tree.flow[n + j] = i, i * m + j, amount
    else:
        tree.parent[i], tree.arc[i], tree.flow[i] = n + j, i * m + j, amount


@jit
def _start(reduced, supply, demand):
    """A strongly feasible tree, potentials still to be set: row by row the cheapest column that still wants mass."""
    n, m = reduced.shape
    top = n + m
    size = top + 1
    nodes, arcs = np.empty((4, size), np.int32), np.empty((2, size), np.int64)
    tree = Tree(nodes[0], arcs[0], arcs[1], np.empty(WORD * words_for(size)), nodes[1], nodes[2], nodes[3])
    for u in range(size):
        tree.parent[u], tree.arc[u], tree.flow[u] = top, -1, 0
    for u in range(len(tree.potential)):
        tree.potential[u] = 0.0
    tree.parent[top] = -1
    levels = tree.potential[n:top]  # for now: infinite where nothing is wanted any more
    for i in _by_regret(reduced, levels, tree.potential[:n]):
        while supply[i] > 0:
            j = _first_at(reduced, i, levels, *_least_in_row(reduced, i, levels))
            _serve_pair(i, j, m, supply, demand, tree)
            if demand[j] == 0:
                levels[j] = np.inf
    _join(tree, reduced)
    _thread(tree)
    return tree


@jit
def _topmost(leader, u):
    """The node below the root that a node hangs from, with the way there made shorter."""
    while leader[u] != u:
        leader[u] = leader[leader[u]]
        u = leader[u]
    return u


@jit
def _join(tree, reduced):
    """Make one tree of what hangs below the root, sources all of them, by pairs that carry nothing: so artificial arcs have no say."""
    (n, m), top = reduced.shape, tree.parent.shape[0] - 1
    leader = np.empty(top, np.int64)
    for u in range(top):
        leader[u] = tree.parent[u] if tree.parent[u] != top else u
    for i in range(n):
        if tree.parent[i] == top:
            best, at = np.inf, -1
            for j in range(m):
                if reduced[i, j] < best and _topmost(leader, n + j) != i:
                    best, at = reduced[i, j], j
            if at >= 0:
                tree.parent[i], tree.arc[i], leader[i] = n + at, i * m + at, n + at


@jit
def _bad_cost(cost, here, there):
    """The reduced cost of a pair, 0 where it is none that rounding could not have made."""
    found = cost - here + there
    return found if found < -TOLERANCE * (abs(cost) + abs(here) + abs(there)) else 0.0


@jit
def _worst_pair(reduced, i, here, levels):
    """The worst pair of a row, -1 where none is bad, and its reduced cost."""
    worst, at = 0.0, -1
    for j in range(reduced.shape[1]):
        found = _bad_cost(reduced[i, j], here, levels[j])
        if found < worst:
            worst, at = found, j
    return at, worst


@jit
def _worst_row(tree, reduced, row, rows, levels):
    """Of ``rows`` rows the one with the lowest reduced cost, -1 where none is negative, what :func:`_least_in_row` says of it, and the next row."""
    n = reduced.shape[0]
    worst, at, least, begin = 0.0, -1, 0.0, np.uint64(0)
    for _ in range(rows):
        found, start = _least_in_row(reduced, row, levels)
        if found - tree.potential[row] < worst:
            worst, at, least, begin = found - tree.potential[row], row, found, start
        row = row + 1 if row + 1 < n else 0
    return at, least, begin, row


@jit
def _enter(tree, reduced, row, rows):
    """The worst pair of the first ``rows`` rows with a bad one, from ``row`` on: (i, j), its reduced cost, and where to go on; -1 if none is left."""
    n, m = reduced.shape
    levels = tree.potential[n : n + m]
    for _ in range(0, n, rows):
        i, least, begin, row = _worst_row(tree, reduced, row, rows, levels)
        if i >= 0:
            j = _first_at(reduced, i, levels, least, begin)
            found = _bad_cost(reduced[i, j], tree.potential[i], levels[j])
            if found < 0.0:
                return i, j, found, row
            for back in range(rows):  # what looked worst is rounding: row by row, then
                i = (row - 1 - back) % n
                j, found = _worst_pair(reduced, i, tree.potential[i], levels)
                if j >= 0:
                    return i, j, found, row
    return -1, -1, 0.0, row


@jit
def _pivots(tree, reduced, limit):
    """Pivot until no pair is bad, at most ``limit`` times; how often, and whether none is left."""
    n, m = reduced.shape
    below, row = hung(tree), 0
    rows = min(n, max(1, int(_PRICED * np.sqrt(n / m))))
    for done in range(limit):
        i, j, found, row = _enter(tree, reduced, row, rows)
        if i < 0:
            return done, True
        pivot(tree, below, i, j, n, i * m + j, found)
    return limit, _enter(tree, reduced, row, rows)[0] < 0


@jit
def _listed(tree, a, b, rows, columns, out_rows, out_columns, high, low):
    """The plan of the tree for the masses as received: its entries, of total 1; returns their number."""
    n, m = len(rows), len(columns)
    shares_a, shares_b = np.empty((2, n)), np.empty((2, m))
    _shares(taken_entries(a, rows), *_total(a), shares_a[0], shares_a[1])
    _shares(taken_entries(b, columns), *_total(b), shares_b[0], shares_b[1])
    flow, rest = np.empty(n + m + 1), np.empty(n + m + 1)
    _flows(tree, n, shares_a[0], shares_a[1], shares_b[0], shares_b[1], flow, rest)
    count = 0
    for u in range(n + m):
        e = tree.arc[u]
        if e >= 0 and flow[u] > NOTHING:
            out_rows[count], out_columns[count] = rows[e // m], columns[e % m]
            high[count], low[count] = flow[u], rest[u]
            count += 1
    return count


@jit
def _whole_entries(units, index):
    """Entries of whole numbers."""
    out = np.empty(len(index), np.int64)
    for k in range(len(index)):
        out[k] = units[index[k]]
    return out


@jit
def _has_units(masses, units):
    """Where there are units, and whether that is wherever there is mass."""
    count, lost = 0, False
    out = np.empty(len(units), np.int64)
    for i in range(len(units)):
        lost |= units[i] == 0 and masses[i] > 0.0
        if units[i] > 0:
            out[count] = i
            count += 1
    return out[:count], lost


@jit
def _move(tree, reduced, limit, f, g):
    """Pivot, and add to potentials what that changes of them; how often, and whether that is the end."""
    n, m = reduced.shape
    flat = reduced.reshape(n * m)
    _update_potentials(tree, flat, 0.0, n)
    pivots, done = _pivots(tree, reduced, limit)
    if pivots > 0:
        _thread(tree)
        _update_potentials(tree, flat, 0.0, n)
    for i in range(n):
        f[i] += tree.potential[i]
    for j in range(m):
        g[j] -= tree.potential[n + j]
    return pivots, done


@jit
def _solve(costs, a, b, limit, out_rows, out_columns, high, low, f, g):
    """One problem; returns how it ended, the number of pivots, and of entries of the plan."""
    supply, demand = np.empty(len(a), np.int64), np.empty(len(b), np.int64)
    to_whole(a, b, supply, demand)
    (rows, lost), (columns, more) = _has_units(a, supply), _has_units(b, demand)
    if lost or more or len(rows) * len(columns) > LARGEST:
        return ODD, 0, 0
    reduced = np.empty((len(rows), len(columns)))
    f_here, g_here = reduced_costs(costs, rows, columns, reduced)
    tree = _start(reduced, _whole_entries(supply, rows), _whole_entries(demand, columns))
    pivots, done = _move(tree, reduced, limit, f_here, g_here)
    count = _listed(tree, a, b, rows, columns, out_rows, out_columns, high, low)
    spread_out(costs, rows, f_here, columns, g_here, f, False)
    spread_out(costs, columns, g_here, rows, f_here, g, True)
    return SOLVED if done else STOPPED, pivots, count


@jit
def _solve_all(costs, a, b, limit, starts, indices, flows, f, g, counts, ends, first, last):
    for k in range(first, last):
        if ends[k, 0] != LEFT:
            continue
        i, j, e = starts[k, 0], starts[k, 1], starts[k, 2]
        i_end, j_end, e_end = starts[k + 1, 0], starts[k + 1, 1], starts[k + 1, 2]
        one, other = slice(i, i_end), slice(j, j_end)
        entries = slice(i + j, i_end + j_end)
        ends[k, 0], ends[k, 1], counts[k] = _solve(
            costs[e:e_end].reshape(i_end - i, j_end - j), a[one], b[other], limit,
            indices[0, entries], indices[1, entries], flows[0, entries], flows[1, entries], f[one], g[other],
        )  # fmt: skip


def solve(costs: Floats, a: Floats, b: Floats, where: Layout, limit: int = UNLIMITED) -> tuple[Claims, Indices]:
    """Claims of a stack of problems, of costs (E,), weights (N,) and (M,), finite; how each ended, and after how many pivots or paths: (B, 2).

    Weights are non-negative, of equal totals or else divided by them. Where all points have one mass, and there are as many on either side, it is an
    assignment that is looked for: a kernel of its own, so that whoever needs one of the two does not compile the other.
    """
    size, (sources, targets, _) = len(where.starts) - 1, where.starts[-1]
    indices, flows = np.empty((2, sources + targets), np.int64), np.empty((2, sources + targets))
    out = Claims(indices, flows, np.empty(sources), np.empty(targets), np.empty(size, np.int64))
    ends = np.empty((size, 2), np.int64)
    ends[:, 0] = LEFT
    if limit == UNLIMITED and may_assign(a, b, where):
        where.over(100, lambda s, t: assign_all(costs, a, b, where.starts, *out, ends, s, t))
    if size > 1 or ends.item(0) == LEFT:
        where.over(100, lambda s, t: _solve_all(costs, a, b, limit, where.starts, *out, ends, s, t))
    return out, ends
