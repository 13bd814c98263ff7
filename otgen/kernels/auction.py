"""Bounds of an assignment from short lists of candidates, by an auction whose increments shrink: Bertsekas, "The auction algorithm", 1988.

Rows bid for columns; a column's price only rises. Whatever the prices are, ``sum_i min_j (c_ij + p_j) - sum_j p_j`` is at most what any
assignment costs, and the assignment reached costs no less: where increments are epsilon they differ by n epsilon, but for what the
lists leave out. Lists ascend, and no pair that is not listed is cheaper than the last one listed, so that few of the others must be looked at.
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats, Indices
from .jit import jit

_BIDS = 60  # bids a row between two increments: then there may be no assignment within the lists
_FIRST = (
    16.0  # the first increment, as a multiple of the cost that decides: prices reach far beyond what neighbours cost
)
_SHRINK = 0.25
_LOST = 1e-11  # of the numbers that a sum of up to 2 ** 15 terms is made of, costs off by a few units: more than rounding takes


@jit
def _candidates(neighbours, costs, place, rows, out_columns, out_costs, counts):
    """Of each row's neighbours in the pool those that are columns: ``place`` (N,) numbers these, and is negative elsewhere."""
    for i in range(len(rows)):
        count = 0
        for k in range(neighbours.shape[1]):
            j = place[neighbours[rows[i], k]]
            if j >= 0:
                out_columns[i, count] = j
                out_costs[i, count] = costs[rows[i], k]
                count += 1
        counts[i] = count


@jit
def _best(columns, costs, count, last, prices, least):
    """The cheapest column, its cost with its price, and the same of the next one; ``last`` is what no other pair is below, ``least`` no price."""
    best, next_best, at = np.inf, np.inf, -1
    for k in range(count):
        if costs[k] + least >= next_best:
            return at, best, next_best
        value = costs[k] + prices[columns[k]]
        if value < best:
            best, next_best, at = value, best, columns[k]
        elif value < next_best:
            next_best = value
    return at, best, min(next_best, max(best, last + least))


@jit
def _round(columns, costs, counts, last, prices, mates, epsilon):
    """Bid until every row has a column, or for too long; returns whether all have."""
    n = len(counts)
    owners, waiting = np.full(n, -1), np.empty(n, np.int64)
    least = prices.min()
    for i in range(n):
        mates[i], waiting[i] = -1, n - 1 - i
    size, left = n, _BIDS * n
    while size > 0 and left > 0:
        left -= 1
        i = waiting[size - 1]
        at, best, next_best = _best(columns[i], costs[i], counts[i], last[i], prices, least)
        if at < 0:
            return False
        size -= 1
        prices[at] += next_best - best + epsilon
        if owners[at] >= 0:
            mates[owners[at]] = -1
            waiting[size] = owners[at]
            size += 1
        owners[at], mates[i] = i, at
    return size == 0


@jit
def _cost(x, y, p):
    """``|x - y| ** p``."""
    square = 0.0
    for axis in range(len(x)):
        square += (x[axis] - y[axis]) ** 2
    return square if p == 2.0 else square ** (p / 2.0)


@jit
def _unlisted(x, others, last, prices, p, reached):
    """The least of a cost and a price over all columns, where over those that are listed it is ``reached``."""
    for j in range(len(prices)):
        if last + prices[j] < reached:
            reached = min(reached, _cost(x, others[j], p) + prices[j])
    return reached


@jit
def _bounds(columns, costs, counts, last, prices, mates):
    """What any assignment of listed pairs costs at least, what this one does, and the rows' terms (n,) of the first: means over the rows."""
    n = len(counts)
    lower, upper, terms = 0.0, 0.0, np.empty(n)
    for i in range(n):
        reached, paid = np.inf, np.inf
        for k in range(counts[i]):
            reached = min(reached, costs[i, k] + prices[columns[i, k]])
            if columns[i, k] == mates[i]:
                paid = costs[i, k]
        terms[i] = reached
        lower += reached - prices[i]
        upper += paid
    return lower / n, upper / n, terms


@jit
def _proven(terms, x, y, last, prices, p):
    """What any assignment costs at least, and the size that the sum is made of: means over the rows."""
    lower, size = 0.0, 0.0
    for i in range(len(terms)):
        reached = _unlisted(x[i], y, last[i], prices, p, terms[i])
        lower += reached - prices[i]
        size += abs(reached) + abs(prices[i])
    return lower / len(terms), size / len(terms)


@jit
def _points_of(points, which):
    out = np.empty((len(which), points.shape[1]))
    for k in range(len(which)):
        for axis in range(points.shape[1]):
            out[k, axis] = points[which[k], axis]
    return out


@jit
def _decide(points, neighbours, all_costs, place, rows, others, p, low, high, least):
    n, width = len(rows), neighbours.shape[1]
    columns, costs, counts = np.empty((n, width), np.int32), np.empty((n, width)), np.empty(n, np.int64)
    _candidates(neighbours, all_costs, place, rows, columns, costs, counts)
    last, prices, mates = np.empty(n), np.zeros(n), np.empty(n, np.int64)
    for i in range(n):
        last[i] = all_costs[rows[i], width - 1]
    x, y = _points_of(points, rows), _points_of(points, others)
    epsilon, lower, upper = _FIRST * high, 0.0, np.inf
    while epsilon > least * high:
        epsilon *= _SHRINK
        if not _round(columns, costs, counts, last, prices, mates, epsilon):
            return lower, upper
        below, above, terms = _bounds(columns, costs, counts, last, prices, mates)
        upper = min(upper, above * (1.0 + _LOST))
        if upper < low:
            return lower, upper
        if below > high:
            below, size = _proven(terms, x, y, last, prices, p)
            lower = max(lower, below - _LOST * size)
            if lower > high:
                return lower, upper
    return lower, upper


def bounds(
    points: Floats,
    neighbours: Indices,
    costs: Floats,
    sources: Indices,
    targets: Indices,
    p: float,
    low: float,
    high: float,
    least: float,
) -> tuple[float, float]:
    """Proven bounds of the least mean cost ``|x - y| ** p`` of an assignment between as many sources as targets, both (n,), of N points (N, d).

    ``neighbours`` (N, k) are the nearest points of the pool to each, ascending in their ``costs`` (N, k); no other point is nearer. It stops where
    the cost is below ``low`` or above ``high``, or known to the share ``least`` of that; below it is bounded by 0 where that would not decide.
    """
    place = np.full(len(neighbours), -1)
    place[targets] = np.arange(len(targets))
    return _decide(points, neighbours, costs, place, sources, targets, p, low, high, least)
