"""The kernels in numba: same names, same parameters and same results as in ``reference``.

Each works on tiles of one row by ``TILE`` columns. ``_fill`` writes a tile of costs into a buffer that stays in the
first-level cache; what a kernel then does with it (minimum, sum of exponentials, top k) is a plain loop over it.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import jit
from .ground import CELL, Array, Ground
from .reference import Indices
from .rows import over_rows

TILE = 512
SAFE = 1 - 1e-9  # cells are skipped only where their bound leaves room for any rounding of costs
ROUNDING = 1e-12


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
def _sum_squares(x, yt, i, start, count, out):
    d = x.shape[1]
    k = 0
    while k + 8 <= d:
        x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        x4, x5, x6, x7 = x[i, k + 4], x[i, k + 5], x[i, k + 6], x[i, k + 7]
        for j in range(count):
            t0, t1 = x0 - yt[k, start + j], x1 - yt[k + 1, start + j]
            t2, t3 = x2 - yt[k + 2, start + j], x3 - yt[k + 3, start + j]
            t4, t5 = x4 - yt[k + 4, start + j], x5 - yt[k + 5, start + j]
            t6, t7 = x6 - yt[k + 6, start + j], x7 - yt[k + 7, start + j]
            out[j] += ((t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3)) + ((t4 * t4 + t5 * t5) + (t6 * t6 + t7 * t7))
        k += 8
    while k + 4 <= d:
        x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        for j in range(count):
            t0 = x0 - yt[k, start + j]
            t1 = x1 - yt[k + 1, start + j]
            t2 = x2 - yt[k + 2, start + j]
            t3 = x3 - yt[k + 3, start + j]
            out[j] += (t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3)
        k += 4
    while k < d:
        x0 = x[i, k]
        for j in range(count):
            t0 = x0 - yt[k, start + j]
            out[j] += t0 * t0
        k += 1


@jit
def _fill(ground, i, start, stop, out):
    """Costs of row ``i`` against columns ``start:stop``, into ``out[: stop - start]``."""
    count = stop - start
    inner = ground.inner
    if inner == 0.0:
        for j in range(count):
            out[j] = ground.matrix[i, start + j]
        return
    x, yt = ground.x, ground.yt
    out[:count] = 0
    if inner == 2.0:
        _sum_squares(x, yt, i, start, count, out)
    else:
        for k in range(x.shape[1]):
            xk = x[i, k]
            if inner == 1.0:
                for j in range(count):
                    out[j] += abs(xk - yt[k, start + j])
            elif inner == np.inf:
                for j in range(count):
                    out[j] = max(out[j], abs(xk - yt[k, start + j]))
            else:
                for j in range(count):
                    out[j] += abs(xk - yt[k, start + j]) ** inner
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
def _tops(potential, cells, out):
    """The largest potential of every cell of columns."""
    for c in range(cells):
        stop = min((c + 1) * CELL, potential.shape[0])
        out[c] = potential[c * CELL]
        for j in range(c * CELL + 1, stop):
            out[c] = max(out[c], potential[j])


@jit
def _bounds(ground, i, tops, out):
    """Lower bounds of ``c_ij - g_j`` over the cells, in rounding's reach of it; returns the cell of the least."""
    cells = tops.shape[0]
    x, low, high, inner = ground.x, ground.low, ground.high, ground.inner
    out[:cells] = 0
    for k in range(x.shape[1]):
        xk = x[i, k]
        if inner == 2.0:
            for c in range(cells):
                t = max(max(low[k, c] - xk, xk - high[k, c]), 0.0)
                out[c] += t * t
        elif inner == 1.0:
            for c in range(cells):
                out[c] += max(max(low[k, c] - xk, xk - high[k, c]), 0.0)
        elif inner == np.inf:
            for c in range(cells):
                out[c] = max(out[c], max(low[k, c] - xk, xk - high[k, c]))
        else:
            for c in range(cells):
                out[c] += max(max(low[k, c] - xk, xk - high[k, c]), 0.0) ** inner
    _power(out, cells, ground.outer, ground.factor)
    least = 0
    for c in range(cells):
        out[c] = out[c] * SAFE - tops[c]
        out[c] -= abs(out[c]) * ROUNDING
    for c in range(cells):
        if out[c] < out[least]:
            least = c
    return least


@jit
def _cell_minimum(ground, i, potential, start, best, where, tile):
    """The least reduced cost among columns ``start`` and on, if below ``best``; ties go to the lower column."""
    stop = min(start + tile.shape[0], potential.shape[0])
    _fill(ground, i, start, stop, tile)
    count = stop - start
    for j in range(count):
        tile[j] = tile[j] - potential[start + j]
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
    cells = ground.low.shape[1]
    tile = np.empty(TILE if cells == 0 else CELL, out.dtype)
    tops, bounds = np.empty(cells, out.dtype), np.empty(cells, out.dtype)
    _tops(potential, cells, tops)
    for i in range(first, last):
        best, where = np.inf, 0
        if cells == 0:
            for start in range(0, m, TILE):
                best, where = _cell_minimum(ground, i, potential, start, best, where, tile)
        else:
            near = _bounds(ground, i, tops, bounds)
            best, where = _cell_minimum(ground, i, potential, near * CELL, best, where, tile)
            for c in range(cells):
                if bounds[c] <= best and c != near:
                    best, where = _cell_minimum(ground, i, potential, c * CELL, best, where, tile)
        out[i] = best
        argmin[i] = where


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
            highest = out.dtype.type(-np.inf)
            for j in range(stop - start):
                tile[j] = (potential[start + j] - tile[j]) * scale
                highest = max(highest, tile[j])
            if highest == -np.inf:
                continue
            if highest > top:
                total *= math.exp(top - highest)
                top = highest
            for j in range(stop - start):
                total += math.exp(tile[j] - top)
        out[i] = -epsilon * (top + math.log(total)) if total > 0 else np.inf


@jit
def _keep(values, columns, value, column):
    """Insert into an ascending list of fixed length, dropping its last entry."""
    k = values.shape[0] - 1
    while k > 0 and values[k - 1] > value:
        values[k] = values[k - 1]
        columns[k] = columns[k - 1]
        k -= 1
    values[k] = value
    columns[k] = column


@jit
def _cell_nearest(ground, i, potential, start, columns, values, tile):
    """Columns ``start`` and on that belong to the nearest so far, put in their place."""
    stop = min(start + tile.shape[0], potential.shape[0])
    _fill(ground, i, start, stop, tile)
    for j in range(stop - start):
        tile[j] = tile[j] - potential[start + j]
    bar = values[-1]
    for j in range(stop - start):
        if tile[j] < bar:
            _keep(values, columns, tile[j], start + j)
            bar = values[-1]


@jit
def _nearest(ground, potential, columns, values, first, last):
    m = potential.shape[0]
    cells = ground.low.shape[1]
    tile = np.empty(TILE if cells == 0 else CELL, values.dtype)
    tops, bounds = np.empty(cells, values.dtype), np.empty(cells, values.dtype)
    _tops(potential, cells, tops)
    for i in range(first, last):
        values[i, :] = np.inf
        columns[i, :] = 0
        if cells == 0:
            for start in range(0, m, TILE):
                _cell_nearest(ground, i, potential, start, columns[i], values[i], tile)
        else:
            near = _bounds(ground, i, tops, bounds)
            _cell_nearest(ground, i, potential, near * CELL, columns[i], values[i], tile)
            for c in range(cells):
                if bounds[c] < values[i, -1] and c != near:
                    _cell_nearest(ground, i, potential, c * CELL, columns[i], values[i], tile)


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
    out, argmin = np.empty(n, ground.dtype), np.empty(n, np.int64)
    over_rows(n, ground.work(), lambda s, t: _ctransform(ground, potential, out, argmin, s, t))
    return out, argmin


def softmin(ground: Ground, potential: Array, epsilon: float) -> Array:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    out = np.empty(ground.shape[0], ground.dtype)
    over_rows(len(out), 5 * ground.work(), lambda s, t: _softmin(ground, potential, epsilon, out, s, t))
    return out


def nearest(ground: Ground, potential: Array, count: int) -> tuple[Indices, Array]:
    """The ``count`` smallest reduced costs ``c_ij - g_j`` of every row, ascending: (n, count) columns, (n, count)."""
    n = ground.shape[0]
    columns, values = np.empty((n, count), np.int64), np.empty((n, count), ground.dtype)
    over_rows(n, 2 * ground.work(), lambda s, t: _nearest(ground, potential, columns, values, s, t))
    return columns, values


def gibbs(ground: Ground, f: Array, g: Array, epsilon: float, vectors: Array) -> Array:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    out = np.empty((ground.shape[0], vectors.shape[1]), ground.dtype)
    over_rows(len(out), 10 * ground.work(), lambda s, t: _gibbs(ground, f, g, epsilon, vectors, out, s, t))
    return out
