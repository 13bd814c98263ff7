"""Flow in whole numbers through listed pairs of rows and columns, each of which may carry any amount.

One phase of Dinic's algorithm at a time: levels by breadth first search, then a blocking flow. More pairs can only let more
through, so that a flow through some goes on through more. (Y. Dinitz, "Algorithm for solution of a problem of maximum flow in
networks", 1970.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Indices
from .jit import jit


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
def _levels(network, supply, demand, flow, rows, columns):
    """Distance in arcs of rows and columns from the rows that have supply, -1 where not reached; whether demand is."""
    n = rows.shape[0]
    queue = np.empty(n, np.int64)
    rows[:], columns[:] = -1, -1
    head, tail, limit = 0, 0, np.iinfo(np.int64).max
    for i in range(n):
        if supply[i] > 0:
            rows[i] = 0
            queue[tail] = i
            tail += 1
    while head < tail and rows[queue[head]] < limit:
        i = queue[head]
        head += 1
        for place in range(network.starts[i], network.starts[i + 1]):
            j = network.columns[place]
            if columns[j] >= 0:
                continue
            columns[j] = rows[i] + 1
            if demand[j] > 0:
                limit = columns[j]
            for back in range(network.ends[j], network.ends[j + 1]):
                k = network.rows[back]
                if flow[back] > 0 and rows[k] < 0:
                    rows[k] = columns[j] + 1
                    queue[tail] = k
                    tail += 1
    return limit < np.iinfo(np.int64).max


@jit
def _augment(supply, demand, flow, start, end, over, back, depth):
    """As much as fits from row ``start`` to column ``end`` along pairs ``over[0..depth]``, and ``back`` between them."""
    amount = min(supply[start], demand[end])
    for k in range(depth):
        amount = min(amount, flow[back[k]])
    supply[start] -= amount
    demand[end] -= amount
    for k in range(depth + 1):
        flow[over[k]] += amount
        if k < depth:
            flow[back[k]] -= amount


@jit
def _blocking(network, supply, demand, flow, rows, columns):
    """Paths along levels, depth first, until none is left."""
    n = rows.shape[0]
    forth, back = network.starts[:-1].copy(), network.ends[:-1].copy()
    through, reached = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    over, under = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    for start in range(n):
        while supply[start] > 0 and rows[start] == 0:
            through[0], depth, forward = start, 0, True
            while depth >= 0:
                if forward:
                    i = through[depth]
                    place, stop = forth[i], network.starts[i + 1]
                    while place < stop and columns[network.columns[place]] != rows[i] + 1:
                        place += 1
                    forth[i] = place
                    if place == stop:  # nothing beyond this row: back to the column that led here
                        rows[i] = -1
                        depth -= 1
                        if depth >= 0:
                            back[reached[depth]] += 1
                            forward = False
                        continue
                    reached[depth], over[depth] = network.columns[place], network.at[place]
                j = reached[depth]
                if demand[j] > 0:
                    _augment(supply, demand, flow, start, j, over, under, depth)
                    break
                place, stop = back[j], network.ends[j + 1]
                while place < stop and not (flow[place] > 0 and rows[network.rows[place]] == columns[j] + 1):
                    place += 1
                back[j] = place
                forward = place < stop
                if forward:
                    under[depth] = place
                    depth += 1
                    through[depth] = network.rows[place]
                else:
                    columns[j] = -1
                    forth[through[depth]] += 1
                    forward = True


@jit
def _phase(network, supply, demand, flow, rows, columns):
    found = _levels(network, supply, demand, flow, rows, columns)
    if found:
        _blocking(network, supply, demand, flow, rows, columns)
    return found


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


def phase(network: Network, supply: Indices, demand: Indices, flow: Indices, rows: Indices, columns: Indices) -> bool:
    """One phase, in place; False once no more can flow: the rows with level >= 0 are then the source side of a minimal cut.

    ``supply`` (n,) and ``demand`` (m,) are what is left; ``flow`` (pairs,) by column; ``rows`` (n,) and ``columns`` (m,) receive the levels.
    """
    return bool(_phase(network, supply, demand, flow, rows, columns))
