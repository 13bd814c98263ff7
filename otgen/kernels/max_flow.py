"""Flow in whole numbers through listed pairs of rows and columns, each of which may carry any amount.

Pushing and raising, a phase at a time: heights by a breadth first search from the columns that have demand, then pushes downhill until nothing
that is left can go anywhere, or heights have been raised for so long that they are found anew. More pairs can only let more through, so that a
flow through some goes on through more. (Goldberg and Tarjan, "A new approach to the maximum-flow problem", 1988; heights found anew now and then:
Cherkassky and Goldberg, "On implementing the push-relabel method for the maximum flow problem", 1997.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Indices
from .jit import jit

NEVER = 2**62  # a height
_RENEWED = 0.5  # looks at a pair after which heights are found anew


class Network(NamedTuple):
    """Pairs by row and by column, in either case in the order given.

    Row i has ``columns[starts[i] : starts[i + 1]]``, column j has ``rows[ends[j] : ends[j + 1]]``. Flow is held by column; ``at`` says where
    there a pair of a row is, ``where`` the same of the pairs as given.
    """

    starts: Indices
    columns: Indices
    at: Indices
    ends: Indices
    rows: Indices
    where: Indices


@jit
def _grouped(keys, others, starts, members, where):
    """Counting sort of pairs by key: ``starts`` (keys + 1), members of every key, and where each pair has got to."""
    starts[:] = 0
    for key in keys:
        starts[key + 1] += 1
    for k in range(starts.shape[0] - 1):
        starts[k + 1] += starts[k]
    free = starts.copy()
    for k in range(keys.shape[0]):
        place = free[keys[k]]
        members[place], where[k] = others[k], place
        free[keys[k]] += 1


@jit
def _follow(rows, starts, where, at):
    """``where`` by row."""
    free = starts.copy()
    for k in range(rows.shape[0]):
        at[free[rows[k]]] = where[k]
        free[rows[k]] += 1


@jit
def _reach(network, supply, flow, rows, columns):
    """Say by 0 which rows and columns can be reached from rows that have supply, by -1 which cannot."""
    n = rows.shape[0]
    queue = np.empty(n, np.int64)
    rows[:], columns[:] = -1, -1
    head, tail = 0, 0
    for i in range(n):
        if supply[i] > 0:
            rows[i] = 0
            queue[tail] = i
            tail += 1
    while head < tail:
        i = queue[head]
        head += 1
        for place in range(network.starts[i], network.starts[i + 1]):
            j = np.int64(network.columns[place])
            if columns[j] == 0:
                continue
            columns[j] = 0
            for back in range(network.ends[j], network.ends[j + 1]):
                k = np.int64(network.rows[back])
                if flow[back] > 0 and rows[k] < 0:
                    rows[k] = 0
                    queue[tail] = k
                    tail += 1


@jit
def _heights(network, demand, flow, rows, columns):
    """How many arcs away the nearest column with demand is, ``NEVER`` where none can be reached: breadth first, against the arcs."""
    queue = np.empty(columns.shape[0], np.int64)
    head, tail = 0, 0
    rows[:], columns[:] = NEVER, NEVER
    for j in range(columns.shape[0]):
        if demand[j] > 0:
            columns[j] = 0
            queue[tail] = j
            tail += 1
    while head < tail:
        j = queue[head]
        head += 1
        for place in range(network.ends[j], network.ends[j + 1]):
            i = np.int64(network.rows[place])
            if rows[i] < NEVER:
                continue
            rows[i] = columns[j] + 1
            for forth in range(network.starts[i], network.starts[i + 1]):
                k = np.int64(network.columns[forth])
                if columns[k] == NEVER and flow[network.at[forth]] > 0:
                    columns[k] = rows[i] + 1
                    queue[tail] = k
                    tail += 1


@jit
def _discharge_row(network, supply, demand, flow, excess, rows, columns, forth, i, most):
    """Push what row ``i`` has left to columns one lower, and raise it where there are no more; how many pairs were looked at."""
    looked = 0
    while rows[i] < most:
        for place in range(forth[i], network.starts[i + 1]):
            looked += 1
            j = np.int64(network.columns[place])
            if columns[j] == rows[i] - 1:
                amount = min(supply[i], demand[j]) if demand[j] > 0 else supply[i]
                if demand[j] > 0:
                    demand[j] -= amount
                else:
                    excess[j] += amount
                supply[i] -= amount
                flow[network.at[place]] += amount
                if supply[i] == 0:
                    forth[i] = place
                    return looked
        least = NEVER
        for place in range(network.starts[i], network.starts[i + 1]):
            least = min(least, columns[network.columns[place]])
        looked += network.starts[i + 1] - network.starts[i]
        rows[i], forth[i] = least + 1, network.starts[i]
    return looked


@jit
def _discharge_column(network, supply, flow, excess, rows, columns, back, j, most):
    """Give back what column ``j`` has too much, to rows one lower, and raise it where there are no more; how many pairs were looked at."""
    looked = 0
    while columns[j] < most:
        for place in range(back[j], network.ends[j + 1]):
            looked += 1
            i = np.int64(network.rows[place])
            if flow[place] > 0 and rows[i] == columns[j] - 1:
                amount = min(excess[j], flow[place])
                excess[j] -= amount
                supply[i] += amount
                flow[place] -= amount
                if excess[j] == 0:
                    back[j] = place
                    return looked
        least = NEVER
        for place in range(network.ends[j], network.ends[j + 1]):
            if flow[place] > 0:
                least = min(least, rows[network.rows[place]])
        looked += network.ends[j + 1] - network.ends[j]
        columns[j], back[j] = least + 1, network.ends[j]
    return looked


@jit
def _push(network, supply, demand, flow, excess, rows, columns):
    """Pushes, rows and columns in turn, until nothing that is left can go anywhere, or heights are out of date; whether there were any."""
    n, m = rows.shape[0], columns.shape[0]
    _heights(network, demand, flow, rows, columns)
    forth, back = network.starts[:-1].copy(), network.ends[:-1].copy()
    most, looked, pushed = n + m, 0, False
    while looked <= _RENEWED * network.columns.shape[0]:
        before = looked
        for i in range(n):
            if supply[i] > 0 and rows[i] < most:
                looked += _discharge_row(network, supply, demand, flow, excess, rows, columns, forth, i, most)
        for j in range(m):
            if excess[j] > 0 and columns[j] < most:
                looked += _discharge_column(network, supply, flow, excess, rows, columns, back, j, most)
        if looked == before:
            break
        pushed = True
    return pushed


@jit
def _give_back(network, supply, flow, excess):
    """What columns have too much of goes back to the rows that it came from."""
    for j in range(excess.shape[0]):
        for place in range(network.ends[j], network.ends[j + 1]):
            amount = min(excess[j], flow[place])
            if amount > 0:
                excess[j] -= amount
                flow[place] -= amount
                supply[network.rows[place]] += amount


@jit
def _phase(network, supply, demand, flow, excess, rows, columns):
    if _push(network, supply, demand, flow, excess, rows, columns):
        return True
    _give_back(network, supply, flow, excess)
    _reach(network, supply, flow, rows, columns)
    return False


def network(rows: Indices, columns: Indices, shape: tuple[int, int]) -> Network:
    """The network of pairs, (k,) rows and (k,) columns, of ``shape`` (n, m)."""
    size, (n, m) = len(rows), shape
    rows, columns = np.ascontiguousarray(rows, np.int32), np.ascontiguousarray(columns, np.int32)
    starts, ends, where = np.empty(n + 1, np.int64), np.empty(m + 1, np.int64), np.empty(size, np.int32)
    by_row, by_column, at = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    _grouped(rows, columns, starts, by_row, where)
    _grouped(columns, rows, ends, by_column, where)
    _follow(rows, starts, where, at)
    return Network(starts, by_row, at, ends, by_column, where)


def phase(
    network: Network, supply: Indices, demand: Indices, flow: Indices, excess: Indices, rows: Indices, columns: Indices
) -> bool:
    """One phase, in place; False once no more can flow: then ``rows`` (n,) and ``columns`` (m,) are 0 on the source side of a minimal cut, else -1.

    ``supply`` (n,) and ``demand`` (m,) are what is left, ``flow`` (pairs,) is by column. ``excess`` (m,), zeros at first and at the end, is what columns
    hold between phases.
    """
    return bool(_phase(network, supply, demand, flow, excess, rows, columns))
