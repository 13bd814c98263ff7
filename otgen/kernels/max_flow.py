"""Flow through the pairs of a dense matrix that are not beyond a threshold, in whole numbers.

One phase of Dinic's algorithm at a time: levels by breadth first search, then a blocking flow. Every pair at most
``t`` apart may carry any amount, from its row to its column; ``flow`` is held by column, (m, n), because it is read
column by column. (Y. Dinitz, "Algorithm for solution of a problem of maximum flow in networks", 1970.)
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats, Indices
from .jit import jit


@jit
def _levels(distances, t, supply, demand, flow, rows, columns):
    """Distance in arcs of rows and columns from the rows that have supply, -1 where not reached; whether demand is."""
    n, m = distances.shape
    queue, unseen = np.empty(n, np.int64), np.arange(m)
    rows[:], columns[:] = -1, -1
    head, tail, left, limit = 0, 0, m, np.iinfo(np.int64).max
    for i in range(n):
        if supply[i] > 0:
            rows[i] = 0
            queue[tail] = i
            tail += 1
    while head < tail and rows[queue[head]] < limit:
        i = queue[head]
        head += 1
        kept = 0
        for at in range(left):
            j = unseen[at]
            if distances[i, j] > t:
                unseen[kept] = j
                kept += 1
                continue
            columns[j] = rows[i] + 1
            if demand[j] > 0:
                limit = columns[j]
            for k in range(n):
                if flow[j, k] > 0 and rows[k] < 0:
                    rows[k] = columns[j] + 1
                    queue[tail] = k
                    tail += 1
        left = kept
    return limit < np.iinfo(np.int64).max


@jit
def _augment(supply, demand, flow, through, over, depth):
    """As much as fits along rows ``through[0..depth]`` and columns ``over[0..depth]``."""
    start, end = through[0], over[depth]
    amount = min(supply[start], demand[end])
    for k in range(depth):
        amount = min(amount, flow[over[k], through[k + 1]])
    supply[start] -= amount
    demand[end] -= amount
    for k in range(depth + 1):
        flow[over[k], through[k]] += amount
        if k < depth:
            flow[over[k], through[k + 1]] -= amount


@jit
def _blocking(distances, t, supply, demand, flow, rows, columns):
    n, m = distances.shape
    next_column, next_row = np.zeros(n, np.int64), np.zeros(m, np.int64)
    through, over = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    for start in range(n):
        while supply[start] > 0 and rows[start] == 0:
            through[0], depth, forward = start, 0, True
            while depth >= 0:
                if forward:
                    i = through[depth]
                    j = next_column[i]
                    while j < m and not (columns[j] == rows[i] + 1 and distances[i, j] <= t):
                        j += 1
                    next_column[i] = j
                    if j == m:  # nothing beyond this row: back to the column that led here
                        rows[i] = -1
                        depth -= 1
                        if depth >= 0:
                            next_row[over[depth]] += 1
                            forward = False
                        continue
                    over[depth] = j
                j = over[depth]
                if demand[j] > 0:
                    _augment(supply, demand, flow, through, over, depth)
                    break
                k = next_row[j]
                while k < n and not (rows[k] == columns[j] + 1 and flow[j, k] > 0):
                    k += 1
                next_row[j] = k
                forward = k < n
                if forward:
                    depth += 1
                    through[depth] = k
                else:
                    columns[j] = -1
                    next_column[through[depth]] += 1
                    forward = True


@jit
def _phase(distances, t, supply, demand, flow, rows, columns):
    found = _levels(distances, t, supply, demand, flow, rows, columns)
    if found:
        _blocking(distances, t, supply, demand, flow, rows, columns)
    return found


@jit
def _route(distances, t, carries, start, wanted, parent, child, seen):
    n, m = distances.shape
    queue, unseen = np.empty(n, np.int64), np.arange(m)
    seen[:] = False
    seen[start], queue[0] = True, start
    head, tail, left = 0, 1, m
    while head < tail:
        i = queue[head]
        head += 1
        kept = 0
        for at in range(left):
            j = unseen[at]
            if distances[i, j] > t:
                unseen[kept] = j
                kept += 1
                continue
            parent[j] = i
            if wanted[j]:
                return j
            for k in range(n):
                if carries[j, k] and not seen[k]:
                    seen[k], child[k] = True, j
                    queue[tail] = k
                    tail += 1
        left = kept
    return -1


def phase(
    distances: Floats, t: float, supply: Indices, demand: Indices, flow: Indices, rows: Indices, columns: Indices
) -> bool:
    """One phase, in place; False once no more can flow: the rows with level >= 0 are then the source side of a minimal cut.

    ``distances`` (n, m); ``supply`` (n,) and ``demand`` (m,) are what is left; ``flow`` (m, n); ``rows`` (n,) and
    ``columns`` (m,) receive the levels.
    """
    return bool(_phase(distances, t, supply, demand, flow, rows, columns))


def route(
    distances: Floats, t: float, carries: np.ndarray, start: int, wanted: np.ndarray
) -> tuple[list[int], list[int], np.ndarray]:
    """A shortest path from a row to a wanted column: its rows and its columns, in turn; both empty if there is none.

    ``carries`` (m, n) says where flow can be taken back, ``wanted`` (m,) where a path may end. The third is which rows
    were reached, (n,).
    """
    n, m = distances.shape
    parent, child, seen = np.zeros(m, np.int64), np.full(n, -1), np.zeros(n, np.bool_)
    j = int(_route(distances, t, carries, start, wanted, parent, child, seen))
    rows: list[int] = []
    columns: list[int] = []
    while j >= 0:
        columns.append(j)
        rows.append(int(parent[j]))
        j = int(child[rows[-1]])
    return rows[::-1], columns[::-1], seen
