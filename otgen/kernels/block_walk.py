"""What the staircase of two sorted sequences of masses costs, block by block: cumulative masses in fixed point, then what each step adds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .double_double import two_sum
from .fixed_masses import REST, accumulate, merge, reverse, unit_of
from .jit import jit

PART = 16  # terms in a plain sum: they err by 16 units of rounding at most
_BLOCK = 256  # points


@jit
def power(distance, p):
    """``distance ** p``."""
    if p == 1.0:
        return distance
    if p == 2.0:
        return distance * distance
    return distance**p


class _Sums(NamedTuple):
    """What a walk has added up: cost, in two doubles and a part of so many terms; the largest distance, its flow; where it stands; what it is unsure of."""

    total: float
    rounding: float
    part: float
    count: int
    largest: float
    share: float
    high: int
    low: int
    unsure: bool


@jit
def _add_steps(steps, size, tie, p, unit, sums):
    """The first ``size`` steps, as :func:`.monotone._walk_pairs` adds them up."""
    highs, lows, gaps = steps
    total, rounding, part, count, largest, share, ph, pl, unsure = sums
    for step in range(size):
        k = np.uintp(step)
        flow = np.float64(highs[k] - ph) + np.float64(lows[k] - pl) * REST
        if flow <= tie:
            unsure = unsure or flow > 0.0
            continue
        ph, pl = highs[k], lows[k]
        distance = abs(gaps[k])
        if distance > largest:
            largest, share = distance, flow
        part += flow * power(distance if unit == 1.0 else distance / unit, p)
        count += 1
        if count == PART:
            total, error = two_sum(total, part)
            rounding += error
            part, count = 0.0, 0
    return _Sums(total, rounding, part, count, largest, share, ph, pl, unsure)


@jit
def _block(size):
    return np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)


@jit
def _first(block, size):
    return block[0][:size], block[1][:size], block[2][:size]


@jit
def _fill(block, masses, points, ratio, scale, before, backward, high, low):
    """The next points and the sums of their masses, ``before`` of which are served."""
    highs, lows, places = block
    count = len(places)
    start = len(points) - before - count if backward else before
    places[:] = points[start : start + count]
    if backward:
        reverse(places, count)
    return accumulate(masses[start : start + count], ratio, scale, backward, high, low, highs, lows)


@jit
def walk_blocks(masses, x, y, p, unit, rows, backward):
    """As :func:`.monotone.walk_cost`, of the first ``rows``, or of the last ones, from the end on; blocks of cumulative masses in fixed point."""
    n, m = masses.a.shape[0], masses.b.shape[0]
    scale = unit_of(masses.total)
    tie = masses.tie * scale
    left, right, steps = _block(min(_BLOCK, n)), _block(min(_BLOCK, m)), _block(min(_BLOCK, n) + min(_BLOCK, m))
    of_x, of_y = _first(left, 0), _first(right, 0)
    sums, tied, unsure = _Sums(0.0, 0.0, 0.0, 0, -1.0, 0.0, 0, 0, False), False, False
    i, j, served, filled = 0, 0, 0, 0  # places in blocks, and how many rows and targets stand before these end
    a_high, a_low, b_high, b_low = 0, 0, 0, 0
    while True:
        if i == len(of_x[2]):
            if served == rows:
                break
            i, of_x = 0, _first(left, min(_BLOCK, rows - served))
            a_high, a_low = _fill(of_x, masses.a, x, (1.0, 0.0), scale, served, backward, a_high, a_low)
            served += len(of_x[2])
        if j == len(of_y[2]):
            if filled == m:
                break
            j, of_y = 0, _first(right, min(_BLOCK, m - filled))
            b_high, b_low = _fill(of_y, masses.b, y, masses.ratio, scale, filled, backward, b_high, b_low)
            filled += len(of_y[2])
        k = 0
        while i < len(of_x[2]) and j < len(of_y[2]):
            i, j, k = merge(of_x, of_y, i, j, steps, k)
            if i == len(of_x[2]) or j == len(of_y[2]):
                break
            ahead = np.float64(of_x[0][i] - of_y[0][j]) + np.float64(of_x[1][i] - of_y[1][j]) * REST
            row_ends, column_ends = ahead < 0.0, ahead > 0.0
            if abs(ahead) <= tie:
                last_row, last_column = served - len(of_x[2]) + i == n - 1, filled - len(of_y[2]) + j == m - 1
                row_ends, column_ends = last_column or not last_row, last_row or not last_column
                if not (last_row or last_column):
                    tied, unsure = True, unsure or ahead != 0.0
            steps[0][k], steps[1][k] = (of_x[0][i], of_x[1][i]) if row_ends else (of_y[0][j], of_y[1][j])
            steps[2][k] = of_x[2][i] - of_y[2][j]
            i, j, k = i + int(row_ends), j + int(column_ends), k + 1
        sums = _add_steps(steps, k, tie, p, unit, sums)
    cost = sums.total + (sums.rounding + sums.part)
    return cost / scale, sums.largest, sums.share / scale, tied, unsure or sums.unsure
