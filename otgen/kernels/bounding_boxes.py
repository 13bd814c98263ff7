"""Lower bounds on reduced costs between boxes of points, so that searches for minima skip most pairs.

``CELL`` consecutive points make a cell: a box (centre, half widths) and an affine majorant of its potentials,
``g_j <= offset + slope . (y_j - centre)``. A cost ``phi(y - x)`` with phi convex lies above its tangents, so with
z the difference of two centres, h and h' the half widths, s and t the slopes, and o and o' the offsets,

    c_ij - f_i - g_j >= phi(z) - sum_k |dphi_k(z) - s_k| h_k - sum_k |dphi_k(z) + t_k| h'_k - o - o'.

Without slopes a bound would be no better than the variation of a potential over its cell, which for optimal potentials is as
large as the cost's own; with them only cells that hold nearly tight pairs remain.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats
from .cost_entries import is_general
from .ground_cost import CELL
from .jit import jit

NOTHING = -1e300  # stands for the potential of a cell that has none
SAFE = 1e-9  # of all that is added up: cells are skipped only where rounding cannot matter


class Cells(NamedTuple):
    """Boxes around consecutive points and majorants of their potentials: (d, cells) thrice, then (cells,)."""

    centre: Floats
    half: Floats
    slope: Floats
    offset: Floats


NO_CELLS = Cells(np.empty((0, 0)), np.empty((0, 0)), np.empty((0, 0)), np.empty(0))


@jit
def _slope(points, first, k, rest):
    """Least-squares slope of ``rest`` over coordinate k."""
    count = rest.shape[0]
    mean = mean_rest = 0.0
    for j in range(count):
        mean += points[k, first + j]
        mean_rest += rest[j]
    mean /= count
    mean_rest /= count
    up = down = 0.0
    for j in range(count):
        t = points[k, first + j] - mean
        up += t * (rest[j] - mean_rest)
        down += t * t
    return up / down if down > 0.0 else 0.0


@jit
def _fit(points, values, first, stop, centre, slope, scratch):
    """Slopes, fitted one coordinate after the other, twice; returns the offset of the majorant that has them."""
    rest = scratch[: stop - first]
    slope[:] = 0.0
    finite, highest = True, -np.inf
    for j in range(rest.shape[0]):
        rest[j] = values[first + j]
        finite &= abs(rest[j]) < np.inf
        highest = max(highest, rest[j])
    if not finite:  # infinite values have no slope
        return max(highest, NOTHING)
    for _ in range(2):
        for k in range(points.shape[0]):
            s = _slope(points, first, k, rest)
            slope[k] += s
            for j in range(rest.shape[0]):
                rest[j] -= s * (points[k, first + j] - centre[k])
    highest = -np.inf
    for j in range(rest.shape[0]):
        over = values[first + j]
        for k in range(points.shape[0]):
            over -= slope[k] * (points[k, first + j] - centre[k])
        highest = max(highest, over)
    return highest


@jit
def _enclose(points, first, stop, centre, half):
    """Centre and half widths of the box around points (d, n), ``first`` to ``stop``."""
    for k in range(points.shape[0]):
        low = high = points[k, first]
        for j in range(first + 1, stop):
            low, high = min(low, points[k, j]), max(high, points[k, j])
        centre[k] = (low + high) / 2
        half[k] = max(high - centre[k], centre[k] - low)


@jit
def _cells(points, values, centre, half, slope, offset):
    d = points.shape[0]
    at, width, steep, rest = np.empty(d), np.empty(d), np.empty(d), np.empty(CELL)
    for c in range(offset.shape[0]):
        first = c * CELL
        stop = min(first + CELL, points.shape[1])
        _enclose(points, first, stop, at, width)
        offset[c] = _fit(points, values, first, stop, at, steep, rest)
        for k in range(d):
            centre[k, c], half[k, c], slope[k, c] = at[k], width[k], steep[k]


def cells_of(points: Floats, values: Floats) -> Cells:
    """The cells of points (d, n) with potentials (n,)."""
    d, n = points.shape
    count = -(-n // CELL)
    cells = Cells(np.empty((d, count)), np.empty((d, count)), np.empty((d, count)), np.empty(count))
    _cells(points, values, *cells)
    return cells


@jit
def _largest(centre, at, c):
    """The largest difference of a coordinate of two centres."""
    largest = 0.0
    for k in range(at.shape[0]):
        largest = max(largest, abs(centre[k, c] - at[k]))
    return largest


@jit
def bounds(cells, inner, outer, factor, at, width, slope, out, steep, where):
    """Lower bounds of ``c_ij - g_j - slope . (x_i - at)`` between rows in a box and every cell, into ``out``.

    ``at``, ``width`` (d,) is the box of the rows; ``steep`` and ``where`` are scratch, (cells,).
    """
    count, d = out.shape[0], at.shape[0]
    out[:] = 0.0
    for k in range(d):
        x, centre = at[k], cells.centre[k]
        if inner == 2.0:
            for c in range(count):
                out[c] += (centre[c] - x) * (centre[c] - x)
        elif inner == 1.0:
            for c in range(count):
                out[c] += abs(centre[c] - x)
        elif inner == np.inf:
            for c in range(count):
                t = abs(centre[c] - x)
                if k == 0 or t > out[c]:
                    out[c] = t
                    where[c] = k
        else:
            for c in range(count):
                largest = _largest(cells.centre, at, c)
                out[c] += (abs(centre[c] - x) / largest) ** inner if largest > 0.0 else 0.0
    if is_general(inner):
        for c in range(count):
            largest, order = _largest(cells.centre, at, c), inner * outer
            if largest > 0.0:
                base, rest = largest * out[c] ** (1.0 / inner), out[c] ** ((1.0 - inner) / inner)
                steep[c] = factor * outer * base ** (order - 1.0) * rest
                out[c] = factor * base**order
            else:
                steep[c] = 0.0
    elif outer == 1.0:
        for c in range(count):
            steep[c] = factor
            out[c] *= factor
    elif outer == 0.5:
        for c in range(count):
            root = math.sqrt(out[c])
            steep[c] = factor * 0.5 / root if root > 0.0 else 0.0
            out[c] = factor * root
    else:
        for c in range(count):
            steep[c] = factor * outer * out[c] ** (outer - 1.0) if out[c] > 0.0 else 0.0
            out[c] = factor * out[c] ** outer
    for c in range(count):
        out[c] -= SAFE * abs(out[c]) + cells.offset[c] + SAFE * abs(cells.offset[c])
    for k in range(d):
        x, y, t = at[k], width[k], slope[k]
        centre, half, slopes = cells.centre[k], cells.half[k], cells.slope[k]
        for c in range(count):
            z = centre[c] - x
            if inner == 2.0:
                s = 2.0 * z
            elif inner == 1.0:
                s = 1.0 if z > 0.0 else -1.0 if z < 0.0 else 0.0
            elif inner == np.inf:
                s = (1.0 if z > 0.0 else -1.0 if z < 0.0 else 0.0) if where[c] == k else 0.0
            else:
                s = inner * (abs(z) / _largest(cells.centre, at, c)) ** (inner - 1.0) if z != 0.0 else 0.0
                s = s if z > 0.0 else -s
            s *= steep[c]
            lost = abs(s - slopes[c]) * half[c] + abs(s + t) * y
            out[c] -= lost + SAFE * lost + SAFE * (abs(slopes[c]) * half[c] + abs(t) * y)


@jit
def around(xs, bars, first, stop, at, width, slope, rest):
    """Box and majorant of rows ``first`` to ``stop`` with values ``bars``: the majorant's offset is returned."""
    _enclose(xs, first, stop, at, width)
    return _fit(xs, bars, first, stop, at, slope, rest)
