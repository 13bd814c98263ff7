"""What the staircase of two sorted sequences of masses costs, by cumulative masses in one word of 62 bits each.

Half the work of :mod:`.block_walk`, for where no proof is wanted: breakpoints lie where they should but for half a unit a mass, and nobody looks for
ties. A breakpoint that is moved changes the cost by what its two steps' distances differ by: that is charged, and where a step is so short that its ends may
come in another order, the distances around it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .block_walk import PART, power
from .double_double import two_sum
from .fixed_masses import unit_of
from .jit import jit

_BLOCK = 512  # points
_ROUNDED = 2.0**10  # units that products with a ratio lose altogether, which are 2**-53 of them
_ENDLESS = 2**63 - 1  # where the last point of a side ends


@jit
def _accumulate(masses, scale, ratio, total, ends):
    """From ``total`` on, the sums of masses times a scale and a ratio, a pair, each as a whole number."""
    high, low = ratio
    count = len(masses)
    for k in range(count):
        value = masses[k] * scale
        product = value * high
        whole = np.floor(product)
        ends[k] = np.int64(whole) + np.int64(np.rint((product - whole) + value * low))
    for k in range(count):
        total += ends[k]
        ends[k] = total
    return total


@jit
def _merge(of_x, of_y, i, j, ends, gaps):
    """Fill in steps: where each ends, and how far apart its points lie; until a side ends."""
    (a, x), (b, y) = of_x, of_y
    k = 0
    while i < len(x) and j < len(y):
        # Which are not negative, and so never count from the end.
        row, column, step = np.uintp(i), np.uintp(j), np.uintp(k)
        end = b[column]
        sign = (a[row] - end) >> 63  # -1 where the row ends first, else 0
        ends[step] = end + ((a[row] - end) & sign)
        gaps[step] = abs(x[row] - y[column])
        k += 1
        i -= sign
        j += 1 + sign
    return i, j, k


class _Sums(NamedTuple):
    """Where the last step ended, the cost in two doubles, how much powers of distances have varied, the last of them, and whether that step was short."""

    reached: int
    total: float
    rounding: float
    varied: float
    last: float
    short: bool


@jit
def _add_steps(ends, gaps, count, p, shortest, sums):
    """Flows times powers of distances, in short plain sums that are added up accurately."""
    reached, total, rounding, varied, last, short = sums
    around = power(3.0, p)
    for start in range(0, count, PART):
        part = 0.0
        for step in range(start, min(start + PART, count)):
            k = np.uintp(step)
            flow, cost = ends[k] - reached, power(gaps[k], p)
            part += np.float64(flow) * cost
            varied += abs(cost - last)
            if short or flow < shortest:
                varied += around * (last + cost)
                short = flow < shortest
            reached, last = ends[k], cost
        total, error = two_sum(total, part)
        rounding += error
    return _Sums(reached, total, rounding, varied, last, short)


@jit
def _next(masses, points, at, scale, ratio, total, ends):
    """The next block of a side, from point ``at`` on: sums, points, and the sum so far. After the last one that point again, which never ends."""
    size = min(_BLOCK, len(points) - at)
    if size == 0:
        ends[0] = _ENDLESS
        return ends[:1], points[at - 1 : at], total
    total = _accumulate(masses[at : at + size], scale, ratio, total, ends)
    return ends[:size], points[at : at + size], total


@jit
def walk_lightly(masses, x, y, p):
    """The sum of ``flow * distance ** p``, and what misplaced flows may change of it."""
    n, m = len(x), len(y)
    scale, ratio = unit_of(masses.total), masses.ratio
    of_a, of_b = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    ends, gaps = np.empty(2 * _BLOCK, np.int64), np.empty(2 * _BLOCK)
    a, xs, a_total = _next(masses.a, x, 0, scale, (1.0, 0.0), 0, of_a)
    b, ys, b_total = _next(masses.b, y, 0, scale, ratio, 0, of_b)
    i, j, above, beyond = 0, 0, len(a), len(b)
    misplaced = 0.5 * (n + m) + _ROUNDED  # units, by all masses before a breakpoint
    shortest, sums = np.int64(2.0 * misplaced), _Sums(0, 0.0, 0.0, 0.0, power(abs(x[0] - y[0]), p), False)
    while True:
        i, j, count = _merge((a, xs), (b, ys), i, j, ends, gaps)
        sums = _add_steps(ends, gaps, count, p, shortest, sums)
        if i == len(a):
            if above == n and (b[0] == _ENDLESS or (beyond == m and j == len(b))):
                break
            i = 0
            a, xs, a_total = _next(masses.a, x, above, scale, (1.0, 0.0), a_total, of_a)
            above = min(above + _BLOCK, n)
        if j == len(b):
            if beyond == m and a[0] == _ENDLESS:
                break
            j = 0
            b, ys, b_total = _next(masses.b, y, beyond, scale, ratio, b_total, of_b)
            beyond = min(beyond + _BLOCK, m)
    return (sums.total + sums.rounding) / scale, misplaced / scale * (sums.varied + sums.last)
