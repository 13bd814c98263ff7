"""The cheapest assignment of columns to as many rows, all of one mass: bids of rows, then shortest augmenting paths.

Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38, 1987. Each minimum
is taken over a whole row, several numbers at a time. No path is kept: the row that gave a column its distance is known by that very number.
Where such bids leave many rows without a column, prices come from auctions of falling increments instead: Bertsekas, "The auction algorithm:
a distributed relaxation method for the assignment problem", Annals of Operations Research 14, 1988.

A row that bids raises a price by what its second choice costs more, be that 1e16 times the rest. Where no other row wants that column, the digits
that its price takes from the column's other costs are not needed; where one does, potentials are too coarse, and it is for the caller to see.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from .jit import jit
from .lesser import lesser

_BIDS = 3  # for each row without a column, before paths are searched for: more gain less than they take
_FEW = 48  # rows without a column, and a tenth of all, from which paths are at once
_INCREMENTS = (
    0.3,
    0.05,
    0.008,
)  # of auctions, beside a typical cost; the first where more than a third of the rows are left
_AUCTIONED = 32  # bids for each row in an auction, at most
_SPREAD = 4.0  # mean of the costs beside a typical one: beyond, one increment does not fit all


class Search(NamedTuple):
    """What a search for a path has met: columns not reached yet, and the rows looked at, in order."""

    distances: Floats  # (n,), inf where a column is done with
    levels: Floats  # (n,), -inf there
    rows: Indices
    columns: Indices  # of those rows, so far
    reached: Floats  # the distances of those columns
    heights: Floats  # what those rows add


@jit
def assigned(reduced, column_of, levels):
    """Write each row's column and the columns' potentials v, both (n,): ``reduced_ij - v_j`` is least there. Returns how many paths that took.

    Of costs (n, n) of at least 0, with a 0 in each row for all but rounding.
    """
    n = reduced.shape[0]
    numbers, row_of, free = np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64)
    for j in range(n):
        numbers[j], row_of[j], column_of[j], levels[j] = j, -1, -1, 0.0
    count = _take_zeros(reduced, column_of, row_of, free)
    count = _bid(reduced, numbers, column_of, row_of, levels, free, count)
    if 10 * count > 10 * _FEW + n:
        typical, mean = _sampled(reduced)
        many = 3 * count > n
        if typical > 0 and (many or mean < _SPREAD * typical):
            _auction(reduced, numbers, row_of, levels, 0 if many else 1, typical)
            count = _take_cheapest(reduced, numbers, column_of, row_of, levels, free)
            count = _bid(reduced, numbers, column_of, row_of, levels, free, count)
    floats, indices = np.empty((4, n)), np.empty((2, n), np.int64)
    search = Search(floats[0], floats[1], indices[0], indices[1], floats[2], floats[3])
    for k in range(count):
        at, last = _nearest_free(reduced, numbers, free[k], row_of, levels, search)
        end = search.distances[at]
        _augment(reduced, at, last, column_of, row_of, levels, search)
        for step in range(1, last + 1):
            levels[search.columns[step]] += search.reached[step] - end
    return count


@jit
def _take_zeros(reduced, column_of, row_of, free):
    """Give rows free columns that cost them nothing; the rows that are left over are listed, and counted."""
    n, count = reduced.shape[0], 0
    for i in range(n):
        for j in range(n):
            if reduced[i, j] <= 0.0 and row_of[j] < 0:
                row_of[j], column_of[i] = i, j
                break
        if column_of[i] < 0:
            free[count] = i
            count += 1
    return count


@jit
def _first_equal(values, least, numbers):
    """Where the first entry is that equals the least."""
    at = np.inf
    for j in range(np.uint64(values.shape[0])):
        at = lesser(numbers[j] if values[j] == least else np.inf, at)
    return np.int64(at)


@jit
def _two_best(row, levels, numbers, left):
    """The cheapest column of a row, what it costs, and what the next one does; ``left`` holds what all cost."""
    least, second = np.inf, np.inf
    for j in range(np.uint64(row.shape[0])):
        left[j] = row[j] - levels[j]
        least = lesser(left[j], least)
    at = _first_equal(left, least, numbers)
    left[at] = np.inf
    for j in range(np.uint64(row.shape[0])):
        second = lesser(left[j], second)
    return at, least, second


@jit
def _bid(reduced, numbers, column_of, row_of, levels, free, count):
    """Rows take their cheapest column, whose price rises until the next is as good; who loses one bids in turn. The rows left over are listed, and counted."""
    left = np.empty(reduced.shape[0])
    bids, kept = _BIDS * count, 0
    for k in range(count):
        i = free[k]
        while i >= 0:
            at, least, second = _two_best(reduced[i], levels, numbers, left)
            if least == second and row_of[at] >= 0:
                at = _first_equal(left, second, numbers)
            levels[at] -= second - least
            loser = row_of[at]
            row_of[at], column_of[i] = i, at
            i, bids = loser, bids - 1
            if loser >= 0:
                column_of[loser] = -1
                if bids < 0 or least == second:
                    free[kept] = loser
                    kept, i = kept + 1, -1
    return kept


@jit
def _sampled(reduced):
    """A typical cost, by a power mean that few large ones do not reach, and the mean, both of one cost a row."""
    n, typical, mean = reduced.shape[0], 0.0, 0.0
    for i in range(n):
        cost = max(reduced[i, (7919 * i + 1) % n], 0.0)
        typical += math.sqrt(math.sqrt(math.sqrt(cost)))
        mean += cost
    return (typical / n) ** 8, mean / n


@jit
def _auction(reduced, numbers, row_of, levels, first, typical):
    """Write prices at which rows bid for columns until each has one within an increment of its cheapest, or bids are too many."""
    n = reduced.shape[0]
    left = np.empty(n)
    for step in range(first, len(_INCREMENTS)):
        increment = _INCREMENTS[step] * typical
        for j in range(n):
            row_of[j] = -1
        bids = _AUCTIONED * n
        for k in range(n):
            i = k
            while i >= 0 and bids > 0:
                at, least, second = _two_best(reduced[i], levels, numbers, left)
                levels[at] -= (second - least) + increment
                i, row_of[at] = row_of[at], i
                bids -= 1


@jit
def _take_cheapest(reduced, numbers, column_of, row_of, levels, free):
    """Give rows their cheapest columns, first come, first served; the rows that are left over are listed, and counted."""
    n, count = reduced.shape[0], 0
    left = np.empty(n)
    for j in range(n):
        row_of[j], column_of[j] = -1, -1
    for i in range(n):
        at, _, _ = _two_best(reduced[i], levels, numbers, left)
        if row_of[at] < 0:
            row_of[at], column_of[i] = i, at
        else:
            free[count] = i
            count += 1
    return count


@jit
def _nearest_free(reduced, numbers, source, row_of, levels, search):
    """The nearest column without a row, by Dijkstra's algorithm from a row without a column, and the number of the last row looked at."""
    distances, open_levels, rows, columns, reached, heights = search
    for j in range(levels.shape[0]):
        distances[j], open_levels[j] = np.inf, levels[j]
    i, height, step = source, 0.0, 0
    while True:
        rows[step], heights[step] = i, height
        row, least = reduced[i], np.inf
        for j in range(np.uint64(row.shape[0])):
            distances[j] = lesser((row[j] - open_levels[j]) + height, distances[j])
            least = lesser(distances[j], least)
        at = _first_equal(distances, least, numbers)
        if row_of[at] < 0:
            return at, step
        i, step = row_of[at], step + 1
        height = least - (reduced[i, at] - levels[at])
        columns[step], reached[step] = at, least
        distances[at], open_levels[at] = np.inf, -np.inf


@jit
def _augment(reduced, at, last, column_of, row_of, levels, search):
    """Along the path to a free column each row takes the next column. Backwards: each row was looked at before the next, so that none is asked twice."""
    end, k = search.distances[at], last
    while True:
        while k > 0 and (reduced[search.rows[k], at] - levels[at]) + search.heights[k] != end:
            k -= 1
        i = search.rows[k]
        row_of[at], column_of[i] = i, at
        if k == 0:
            return
        at, end, k = search.columns[k], search.reached[k], k - 1
