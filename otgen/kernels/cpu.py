"""The kernels in numba: same names, same parameters and same results as in ``reference``.

Each works on tiles of one row by ``TILE`` columns. ``_fill`` writes a tile of costs into a buffer that stays in the
first-level cache; what a kernel then does with it (minimum, sum of exponentials, top k) is a plain loop over it.
"""

from __future__ import annotations

import math

import numpy as np

from .cells import around, bounds, cells_of
from .compiling import jit
from .ground import CELL, Array, Ground
from .reference import Indices
from .rows import over_rows

TILE = 512


@jit
def _power(values, count, exponent, factor):
    if exponent == 0.5:
        for j in range(count):
            values[j] = math.sqrt(values[j])
    elif exponent == 2.0:
        for j in range(count):
            values[j] = values[j] * values[j]
    elif exponent != 1.0:
        for j in range(count):
            values[j] = values[j] ** exponent
    if factor != 1.0:
        for j in range(count):
            values[j] = factor * values[j]


@jit
def _sum_squares(x, yt, i, start, stop, out):
    d = x.shape[1]
    k = 0
    while k + 8 <= d:
        x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        x4, x5, x6, x7 = x[i, k + 4], x[i, k + 5], x[i, k + 6], x[i, k + 7]
        y0, y1, y2, y3 = yt[k, start:stop], yt[k + 1, start:stop], yt[k + 2, start:stop], yt[k + 3, start:stop]
        y4, y5, y6, y7 = yt[k + 4, start:stop], yt[k + 5, start:stop], yt[k + 6, start:stop], yt[k + 7, start:stop]
        for j in range(stop - start):
            t0, t1, t2, t3 = x0 - y0[j], x1 - y1[j], x2 - y2[j], x3 - y3[j]
            t4, t5, t6, t7 = x4 - y4[j], x5 - y5[j], x6 - y6[j], x7 - y7[j]
            out[j] += ((t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3)) + ((t4 * t4 + t5 * t5) + (t6 * t6 + t7 * t7))
        k += 8
    while k + 4 <= d:
        x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        y0, y1, y2, y3 = yt[k, start:stop], yt[k + 1, start:stop], yt[k + 2, start:stop], yt[k + 3, start:stop]
        for j in range(stop - start):
            t0, t1, t2, t3 = x0 - y0[j], x1 - y1[j], x2 - y2[j], x3 - y3[j]
            out[j] += (t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3)
        k += 4
    while k < d:
        x0, y0 = x[i, k], yt[k, start:stop]
        for j in range(stop - start):
            t0 = x0 - y0[j]
            out[j] += t0 * t0
        k += 1


@jit
def _fill(ground, i, start, stop, out):
    """Costs of row ``i`` against columns ``start:stop``, into ``out[: stop - start]``."""
    count = stop - start
    inner = ground.inner
    if inner == 0.0:
        out[:count] = ground.matrix[i, start:stop]
        return
    x, yt = ground.x, ground.yt
    out[:count] = 0
    if inner == 2.0:
        _sum_squares(x, yt, i, start, stop, out)
    else:
        for k in range(x.shape[1]):
            xk, y = x[i, k], yt[k, start:stop]
            if inner == 1.0:
                for j in range(count):
                    out[j] += abs(xk - y[j])
            elif inner == np.inf:
                for j in range(count):
                    out[j] = max(out[j], abs(xk - y[j]))
            else:
                for j in range(count):
                    out[j] += abs(xk - y[j]) ** inner
    _power(out, count, ground.outer, ground.factor)


@jit
def _cost_block(ground, out, first, last):
    for i in range(first, last):
        _fill(ground, i, 0, out.shape[1], out[i])


@jit
def _one(ground, i, j):
    """The cost of one pair, by the same formula; for listed pairs, where there is no row to share."""
    inner = ground.inner
    if inner == 0.0:
        return ground.matrix[i, j]
    total = ground.x.dtype.type(0)
    for k in range(ground.x.shape[1]):
        t = abs(ground.x[i, k] - ground.yt[k, j])
        if inner == 2.0:
            total += t * t
        elif inner == 1.0:
            total += t
        elif inner == np.inf:
            total = max(total, t)
        else:
            total += t**inner
    if ground.outer == 0.5:
        total = math.sqrt(total)
    elif ground.outer == 2.0:
        total = total * total
    elif ground.outer != 1.0:
        total = total**ground.outer
    return ground.factor * total


@jit
def _cost_pairs(ground, rows, columns, out, first, last):
    for k in range(first, last):
        out[k] = _one(ground, rows[k], columns[k])


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
    if ground.inner == 2.0 and ground.outer == 1.0 and ground.factor == 1.0 and (d == 2 or d == 3):
        at = np.uint64(start)
        zero, one, two = np.uint64(0), np.uint64(1), np.uint64(2)
        x0, x1 = x[i, 0], x[i, 1]
        if d == 2:
            for j in range(np.uint64(count)):
                t0, t1 = x0 - yt[zero, at + j], x1 - yt[one, at + j]
                tile[j] = t0 * t0 + t1 * t1 - g[at + j]
        else:
            x2 = x[i, 2]
            for j in range(np.uint64(count)):
                t0, t1, t2 = x0 - yt[zero, at + j], x1 - yt[one, at + j], x2 - yt[two, at + j]
                tile[j] = t0 * t0 + t1 * t1 + t2 * t2 - g[at + j]
    else:
        _fill(ground, i, start, start + count, tile)
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


@jit
def _softmin(ground, potential, epsilon, out, first, last):
    m = potential.shape[0]
    tile = np.empty(TILE, out.dtype)
    scale = out.dtype.type(1.0 / epsilon)
    for i in range(first, last):
        top = out.dtype.type(-np.inf)
        total = out.dtype.type(0)
        for start in range(0, m, TILE):
            stop = min(start + TILE, m)
            _fill(ground, i, start, stop, tile)
            highest, h = out.dtype.type(-np.inf), potential[start:stop]
            for j in range(stop - start):
                tile[j] = (h[j] - tile[j]) * scale
                highest = max(highest, tile[j])
            if highest == -np.inf:
                continue
            if highest > top:
                total *= math.exp(top - highest)
                top = highest
            for j in range(stop - start):
                total += math.exp(tile[j] - top)
        out[i] = -epsilon * (top + math.log(total)) if total > 0 else np.inf


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


@jit
def _gibbs(ground, f, g, epsilon, vectors, out, first, last):
    m = g.shape[0]
    tile = np.empty(TILE, out.dtype)
    for i in range(first, last):
        out[i, :] = 0
        for start in range(0, m, TILE):
            stop = min(start + TILE, m)
            _fill(ground, i, start, stop, tile)
            for j in range(stop - start):
                weight = math.exp((f[i] + g[start + j] - tile[j]) / epsilon)
                for k in range(out.shape[1]):
                    out[i, k] += weight * vectors[start + j, k]


def cost_block(ground: Ground) -> Array:
    """All costs, ``c_ij``: (n, m)."""
    out = np.empty(ground.shape, ground.dtype)
    over_rows(len(out), ground.work(), lambda s, t: _cost_block(ground, out, s, t))
    return out


def cost_pairs(ground: Ground, rows: Indices, columns: Indices) -> Array:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    out = np.empty(len(rows), ground.dtype)
    rows, columns = np.ascontiguousarray(rows, np.int64), np.ascontiguousarray(columns, np.int64)
    over_rows(len(out), 5 + ground.x.shape[1], lambda s, t: _cost_pairs(ground, rows, columns, out, s, t))
    return out


def ctransform(ground: Ground, potential: Array) -> tuple[Array, Indices]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    n = ground.shape[0]
    out, argmin = np.empty(n, ground.dtype), np.zeros(n, np.int64)
    if ground.celled:
        cells = cells_of(ground.yt, potential)
        over_rows(n, ground.work(), lambda s, t: _celled_ctransform(ground, cells, potential, out, argmin, s, t), CELL)
    else:
        over_rows(n, ground.work(), lambda s, t: _ctransform(ground, potential, out, argmin, s, t))
    return out, argmin


def softmin(ground: Ground, potential: Array, epsilon: float) -> Array:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    out = np.empty(ground.shape[0], ground.dtype)
    over_rows(len(out), 5 * ground.work(), lambda s, t: _softmin(ground, potential, epsilon, out, s, t))
    return out


def nearest(ground: Ground, potential: Array, count: int, below: Array | float = np.inf) -> tuple[Indices, Array]:
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


def gibbs(ground: Ground, f: Array, g: Array, epsilon: float, vectors: Array) -> Array:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    out = np.empty((ground.shape[0], vectors.shape[1]), ground.dtype)
    over_rows(len(out), 10 * ground.work(), lambda s, t: _gibbs(ground, f, g, epsilon, vectors, out, s, t))
    return out
