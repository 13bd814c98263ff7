"""The kernels in numba: same names, same parameters and same results as in ``reference``.

Each works on tiles of one row by ``TILE`` columns. ``fill`` writes a tile of costs into a buffer that stays in the
first-level cache; what a kernel then does with it (minimum, top k) is a plain loop over it. Sums of exponentials have a
file of their own, :mod:`.gibbs` and :mod:`.sweeps`.
"""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Floats, Indices
from .bounding_boxes import around, bounds, cells_of
from .cost_entries import fill, one
from .gibbs import gibbs, gibbs_cost, gibbs_slope, softmin
from .ground_cost import CELL, GroundCost, own
from .jit import jit
from .parallel import over_rows
from .sinkhorn_pass import sweep, symmetric

__all__ = [
    "cost_block",
    "cost_pairs",
    "cost_sums",
    "ctransform",
    "gibbs",
    "gibbs_cost",
    "gibbs_slope",
    "nearest",
    "softmin",
    "sweep",
    "symmetric",
]

TILE = 512


@jit
def _cost_block(ground, out, first, last):
    for i in range(first, last):
        fill(ground, i, 0, out.shape[1], out[i])


@jit
def _cost_pairs(ground, rows, columns, out, first, last):
    for k in range(first, last):
        out[k] = one(ground, rows[k], columns[k])


@jit(sums=True)
def _cost_sums(ground, weights, out, first, last):
    m, kind = weights.shape[0], ground.matrix.dtype.type
    tile = np.empty(TILE, ground.matrix.dtype)
    for i in range(first, last):
        out[i] = 0.0
        for start in range(0, m, TILE):
            stop = min(start + TILE, m)
            fill(ground, i, start, stop, tile)
            at, part = np.uint64(start), kind(0)
            for j in range(np.uint64(stop - start)):
                part += weights[at + j] * tile[j] if tile[j] < np.inf else kind(0)
            out[i] += part


@jit
def _within(bounds, bar, out):
    """The cells whose bound is at most ``bar``: how many, listed in ``out``."""
    count = 0
    for c in range(bounds.shape[0]):
        if bounds[c] <= bar:
            out[count] = c
            count += 1
    return count


@jit
def _least(bounds):
    least = 0
    for c in range(bounds.shape[0]):
        if bounds[c] < bounds[least]:
            least = c
    return least


@jit
def _tilt(x, i, at, slope):
    total = 0.0
    for k in range(at.shape[0]):
        total += slope[k] * (x[i, k] - at[k])
    return total


@jit(inline=True)
def _reduced(ground, i, g, start, tile):
    """Reduced costs ``c_ij - g_j`` of as many columns as the tile holds, from ``start`` on; returns how many those are.

    Unsigned, because an index that may be negative keeps a loop from being done several entries at a time.
    """
    count = min(tile.shape[0], g.shape[0] - start)
    x, yt, d = ground.x, ground.yt, ground.x.shape[1]
    squared, root = ground.outer == 1.0, ground.outer == 0.5
    if ground.inner == 2.0 and (squared or root) and ground.factor == 1.0 and (d == 2 or d == 3):
        at = np.uint64(start)
        zero, one, two = np.uint64(0), np.uint64(1), np.uint64(2)
        x0, x1 = x[i, 0], x[i, 1]
        if d == 2:
            for j in range(np.uint64(count)):
                t0, t1 = x0 - yt[zero, at + j], x1 - yt[one, at + j]
                c = t0 * t0 + t1 * t1
                tile[j] = (math.sqrt(c) if root else c) - g[at + j]
        else:
            x2 = x[i, 2]
            for j in range(np.uint64(count)):
                t0, t1, t2 = x0 - yt[zero, at + j], x1 - yt[one, at + j], x2 - yt[two, at + j]
                c = t0 * t0 + t1 * t1 + t2 * t2
                tile[j] = (math.sqrt(c) if root else c) - g[at + j]
    else:
        fill(ground, i, start, start + count, tile)
        at = np.uint64(start)
        for j in range(np.uint64(count)):
            tile[j] -= g[at + j]
    return count


@jit(inline=True)
def _cell_minimum(ground, i, potential, start, best, where, tile):
    """The least reduced cost among columns ``start`` and on, if below ``best``; ties go to the lower column."""
    count = _reduced(ground, i, potential, start, tile)
    hits = 0
    for j in range(np.uint64(count)):
        hits += tile[j] <= best
    if hits == 0:
        return best, where
    a, b, c, d = np.inf, np.inf, np.inf, np.inf  # four minima side by side: none waits for another
    for j in range(0, count - 3, 4):
        a, b = min(a, tile[j]), min(b, tile[j + 1])
        c, d = min(c, tile[j + 2]), min(d, tile[j + 3])
    for j in range(count - count % 4, count):
        a = min(a, tile[j])
    lowest = min(min(a, b), min(c, d))
    if lowest < best or (lowest == best and start < where):
        j = 0
        while tile[j] != lowest:
            j += 1
        return lowest, start + j
    return best, where


@jit
def _ctransform(ground, potential, out, argmin, first, last):
    m = potential.shape[0]
    tile = np.empty(TILE, out.dtype)
    for i in range(first, last):
        best, where = np.inf, 0
        for start in range(0, m, TILE):
            best, where = _cell_minimum(ground, i, potential, start, best, where, tile)
        out[i] = best
        argmin[i] = where


@jit
def _celled_ctransform(ground, cells, potential, out, argmin, first, last):
    count, d = cells.offset.shape[0], ground.x.shape[1]
    tile, rest, near = np.empty(CELL), np.empty(CELL), np.empty(count, np.int64)
    bound, steep, where = np.empty(count), np.empty(count), np.empty(count, np.int64)
    at, width, slope = np.empty(d), np.empty(d), np.empty(d)
    for start in range(first, last, CELL):
        stop = min(start + CELL, last)
        out[start:stop] = np.inf
        for first_look in (True, False):
            top = around(ground.x.T, out, start, stop, at, width, slope, rest)
            bounds(cells, ground.inner, ground.outer, ground.factor, at, width, slope, bound, steep, where)
            if first_look:
                near[0], listed = _least(bound), 1
            else:
                listed = _within(bound, top, near)
            for i in range(start, stop):
                best, found = out[i], argmin[i]
                tilt = _tilt(ground.x, i, at, slope)
                for k in range(listed):
                    if bound[near[k]] + tilt <= best:
                        best, found = _cell_minimum(ground, i, potential, near[k] * CELL, best, found, tile)
                out[i], argmin[i] = best, found


@jit(inline=True)
def _cell_nearest(ground, i, potential, start, columns, values, tile):
    """Columns ``start`` and on that belong to the nearest of row i so far, put in their place."""
    count = np.uint64(_reduced(ground, i, potential, start, tile))
    last = values.shape[1] - 1
    bar, hits = values[i, last], 0
    for j in range(count):
        hits += tile[j] < bar
    if hits == 0:
        return
    for j in range(count):
        if tile[j] < bar:
            k = last
            while k > 0 and values[i, k - 1] > tile[j]:
                values[i, k] = values[i, k - 1]
                columns[i, k] = columns[i, k - 1]
                k -= 1
            values[i, k] = tile[j]
            columns[i, k] = start + np.int64(j)
            bar = values[i, last]


@jit
def _nearest(ground, potential, columns, values, first, last):
    tile = np.empty(TILE, values.dtype)
    for i in range(first, last):
        for start in range(0, potential.shape[0], TILE):
            _cell_nearest(ground, i, potential, start, columns, values, tile)


@jit
def _celled_nearest(ground, cells, potential, columns, values, first, last):
    count, d = cells.offset.shape[0], ground.x.shape[1]
    tile, rest, near = np.empty(CELL), np.empty(CELL), np.empty(count, np.int64)
    bound, steep, where = np.empty(count), np.empty(count), np.empty(count, np.int64)
    at, width, slope = np.empty(d), np.empty(d), np.empty(d)
    for start in range(first, last, CELL):
        stop = min(start + CELL, last)
        seen = -1
        for first_look in (True, False):
            top = around(ground.x.T, values[:, -1], start, stop, at, width, slope, rest)
            if first_look and top < np.inf:  # all rows come with a bar: that is as good as a first look
                continue
            bounds(cells, ground.inner, ground.outer, ground.factor, at, width, slope, bound, steep, where)
            if first_look:
                near[0], listed = _least(bound), 1
            else:
                listed = _within(bound, top, near)
            for i in range(start, stop):
                tilt = _tilt(ground.x, i, at, slope)
                for k in range(listed):
                    if near[k] != seen and bound[near[k]] + tilt < values[i, -1]:
                        _cell_nearest(ground, i, potential, near[k] * CELL, columns, values, tile)
            seen = near[0] if first_look else -1


def cost_block(ground: GroundCost) -> Floats:
    """All costs, ``c_ij``: (n, m)."""
    out = np.empty(ground.shape, ground.dtype)
    over_rows(len(out), ground.work(), lambda s, t: _cost_block(ground, out, s, t))
    return out


def cost_pairs(ground: GroundCost, rows: Indices, columns: Indices) -> Floats:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    out = np.empty(len(rows), ground.dtype)
    rows, columns = np.ascontiguousarray(rows, np.int64), np.ascontiguousarray(columns, np.int64)
    over_rows(len(out), 5 + ground.x.shape[1], lambda s, t: _cost_pairs(ground, rows, columns, out, s, t))
    return out


def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij`` over the finite costs: (n,)."""
    out = np.empty(ground.shape[0])
    across = own(weights, ground.dtype)
    over_rows(len(out), ground.work(), lambda s, t: _cost_sums(ground, across, out, s, t))
    return out.astype(ground.dtype)


def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Indices]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    n = ground.shape[0]
    out, argmin = np.empty(n, ground.dtype), np.zeros(n, np.int64)
    if ground.celled:
        cells = cells_of(ground.yt, potential)
        over_rows(n, ground.work(), lambda s, t: _celled_ctransform(ground, cells, potential, out, argmin, s, t), CELL)
    else:
        over_rows(n, ground.work(), lambda s, t: _ctransform(ground, potential, out, argmin, s, t))
    return out, argmin


def nearest(
    ground: GroundCost, potential: Floats, count: int, below: Floats | float = np.inf
) -> tuple[Indices, Floats]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    n = ground.shape[0]
    columns, values = np.full((n, count), -1), np.empty((n, count), ground.dtype)
    values[:] = np.reshape(below, (-1, 1))
    if ground.celled:
        cells = cells_of(ground.yt, potential)
        over_rows(
            n, 2 * ground.work(), lambda s, t: _celled_nearest(ground, cells, potential, columns, values, s, t), CELL
        )
    else:
        over_rows(n, 2 * ground.work(), lambda s, t: _nearest(ground, potential, columns, values, s, t))
    values[columns < 0] = np.inf
    return columns, values
