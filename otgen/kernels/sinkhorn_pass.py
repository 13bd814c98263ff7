"""One Sinkhorn iteration in one pass over the pairs, at one exponential a pair.

A sweep takes rows four at a time: their exponentials, the row sums, and, while they are still in cache, their contribution to
the column sums, already with the new row potential, since ``exp((f_new - f)/epsilon)`` is one number a row.

Exponentials are relative to the potentials at hand. Where those are so far off that a row's sum leaves the range in which
lost small terms cannot matter, the row is done again relative to its largest term.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..inputs.types import Floats
from .bounding_boxes import NO_CELLS, around, bounds, cells_of
from .cost_entries import fill
from .exponential import exp2
from .gibbs import LOG2E, TILE, exponents, in_bits, row_work
from .ground_cost import CELL, PRODUCT, GroundCost, own
from .jit import jit
from .parallel import over_rows

LANES = 8  # column sums are kept so many times over, whatever the number of threads: the sum is always the same
PANEL = 128  # rows after which column sums in single precision move to double
LOW, HIGH = 2.0**-60, 2.0**100  # row sums between these are good as they are
LOW_CELLED = 2.0**-8  # the same where terms below 2 ** -cut are left out
_PIECE = 100_000_000  # nanoseconds of work after which a sweep listens for an interrupt
_EVEN = np.arange(LANES + 1) / LANES  # where lanes begin, as shares of the rows
_TRIANGLE = 1.0 - np.sqrt(1.0 - _EVEN)  # the same if later rows have less to do


@jit(inline=True, sums=True)
def _four_rows(x, yt, i, row, column, weights, start, stop, at, e, sums):
    """Exponentials of rows i to i + 3 for the squared distance in one to three dimensions; adds to ``sums``."""
    d, kind = x.shape[1], x.dtype.type
    zero, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    r0, r1, r2, r3 = row[i], row[i + 1], row[i + 2], row[i + 3]
    x0, x1, x2, x3 = x[i, 0], x[i + 1, 0], x[i + 2, 0], x[i + 3, 0]
    s0 = s1 = s2 = s3 = kind(0)
    k, to = np.uint64(start), np.uint64(at)
    if d == 1:
        for j in range(np.uint64(stop - start)):
            h, w, u = column[k + j], weights[k + j], yt[zero, k + j]
            e0 = exp2((r0 + h) - (x0 - u) * (x0 - u))
            e1 = exp2((r1 + h) - (x1 - u) * (x1 - u))
            e2 = exp2((r2 + h) - (x2 - u) * (x2 - u))
            e3 = exp2((r3 + h) - (x3 - u) * (x3 - u))
            e[zero, to + j], e[one, to + j], e[two, to + j], e[three, to + j] = e0, e1, e2, e3
            s0 += w * e0
            s1 += w * e1
            s2 += w * e2
            s3 += w * e3
    else:
        y0, y1, y2, y3 = x[i, 1], x[i + 1, 1], x[i + 2, 1], x[i + 3, 1]
        if d == 2:
            for j in range(np.uint64(stop - start)):
                h, w, u, v = column[k + j], weights[k + j], yt[zero, k + j], yt[one, k + j]
                e0 = exp2((r0 + h) - (x0 - u) * (x0 - u) - (y0 - v) * (y0 - v))
                e1 = exp2((r1 + h) - (x1 - u) * (x1 - u) - (y1 - v) * (y1 - v))
                e2 = exp2((r2 + h) - (x2 - u) * (x2 - u) - (y2 - v) * (y2 - v))
                e3 = exp2((r3 + h) - (x3 - u) * (x3 - u) - (y3 - v) * (y3 - v))
                e[zero, to + j], e[one, to + j], e[two, to + j], e[three, to + j] = e0, e1, e2, e3
                s0 += w * e0
                s1 += w * e1
                s2 += w * e2
                s3 += w * e3
        else:
            z0, z1, z2, z3 = x[i, 2], x[i + 1, 2], x[i + 2, 2], x[i + 3, 2]
            for j in range(np.uint64(stop - start)):
                h, w = column[k + j], weights[k + j]
                u, v, q = yt[zero, k + j], yt[one, k + j], yt[two, k + j]
                e0 = exp2((r0 + h) - (x0 - u) * (x0 - u) - (y0 - v) * (y0 - v) - (z0 - q) * (z0 - q))
                e1 = exp2((r1 + h) - (x1 - u) * (x1 - u) - (y1 - v) * (y1 - v) - (z1 - q) * (z1 - q))
                e2 = exp2((r2 + h) - (x2 - u) * (x2 - u) - (y2 - v) * (y2 - v) - (z2 - q) * (z2 - q))
                e3 = exp2((r3 + h) - (x3 - u) * (x3 - u) - (y3 - v) * (y3 - v) - (z3 - q) * (z3 - q))
                e[zero, to + j], e[one, to + j], e[two, to + j], e[three, to + j] = e0, e1, e2, e3
                s0 += w * e0
                s1 += w * e1
                s2 += w * e2
                s3 += w * e3
    sums[0] += s0
    sums[1] += s1
    sums[2] += s2
    sums[3] += s3


@jit(inline=True, sums=True)
def _four_products(x, yt, i, start, width, at, e):
    """Inner products of rows i to i + 3 with ``width`` columns, into ``e``."""
    d = x.shape[1]
    zero, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    at, start = np.uint64(at), np.uint64(start)
    for q in range(4):
        for j in range(np.uint64(width)):
            e[np.uint64(q), at + j] = 0
    k = 0
    while k + 4 <= d:
        a0, a1, a2, a3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        b0, b1, b2, b3 = x[i + 1, k], x[i + 1, k + 1], x[i + 1, k + 2], x[i + 1, k + 3]
        c0, c1, c2, c3 = x[i + 2, k], x[i + 2, k + 1], x[i + 2, k + 2], x[i + 2, k + 3]
        d0, d1, d2, d3 = x[i + 3, k], x[i + 3, k + 1], x[i + 3, k + 2], x[i + 3, k + 3]
        k0, k1, k2, k3 = np.uint64(k), np.uint64(k + 1), np.uint64(k + 2), np.uint64(k + 3)
        for j in range(np.uint64(width)):
            y0, y1, y2, y3 = yt[k0, start + j], yt[k1, start + j], yt[k2, start + j], yt[k3, start + j]
            e[zero, at + j] = (((e[zero, at + j] + a0 * y0) + a1 * y1) + a2 * y2) + a3 * y3
            e[one, at + j] = (((e[one, at + j] + b0 * y0) + b1 * y1) + b2 * y2) + b3 * y3
            e[two, at + j] = (((e[two, at + j] + c0 * y0) + c1 * y1) + c2 * y2) + c3 * y3
            e[three, at + j] = (((e[three, at + j] + d0 * y0) + d1 * y1) + d2 * y2) + d3 * y3
        k += 4
    while k < d:
        a0, b0, c0, d0, k0 = x[i, k], x[i + 1, k], x[i + 2, k], x[i + 3, k], np.uint64(k)
        for j in range(np.uint64(width)):
            y0 = yt[k0, start + j]
            e[zero, at + j] += a0 * y0
            e[one, at + j] += b0 * y0
            e[two, at + j] += c0 * y0
            e[three, at + j] += d0 * y0
        k += 1


@jit(inline=True, sums=True)
def _raised_row(row, column, weights, scale, start, e):
    """Costs ``e`` of one row, of columns from ``start`` on, become exponentials; returns their weighted sum."""
    total, at = e.dtype.type(0), np.uint64(start)
    for j in range(np.uint64(e.shape[0])):
        raised = exp2((row + column[at + j]) - scale * e[j])
        e[j] = raised
        total += weights[at + j] * raised
    return total


@jit(sums=True)
def _row_group(ground, i, count, row, column, weights, scale, runs, listed, e, sums):
    """Exponentials and sums of up to four rows over the columns in ``runs``, close together in ``e``; returns how many."""
    fused = ground.inner == 2.0 and ground.outer == 1.0 and ground.factor == 1.0 and ground.x.shape[1] <= 3
    sums[:] = 0.0
    at = 0
    for k in range(listed):
        for start in range(runs[k, 0], runs[k, 1], TILE):
            stop = min(start + TILE, runs[k, 1])
            if fused and count == 4:
                _four_rows(ground.x, ground.yt, i, row, column, weights, start, stop, at, e, sums)
            else:
                together = count == 4 and ground.inner == PRODUCT
                if together:
                    _four_products(ground.x, ground.yt, i, start, stop - start, at, e)
                for q in range(count):
                    part = e[q, at : at + stop - start]
                    if not together:
                        fill(ground, i + q, start, stop, part)
                    sums[q] += _raised_row(row[i + q], column, weights, scale, start, part)
            at += stop - start
    return at


@jit(sums=True)
def _careful_row(ground, i, row, column, weights, scale, e):
    """All exponentials of one row, relative to the largest; returns the base-2 logarithms of their sum and of the largest."""
    m = column.shape[0]
    exponents(ground, i, row, column, scale, 0, m, e)
    top, total = -np.inf, 0.0
    for j in range(m):
        if weights[j] > 0:
            top = max(top, e[j])
    if top == -np.inf:
        e[:] = 0
        return -np.inf, 0.0
    shift = e.dtype.type(top)
    for j in range(m):
        e[j] = exp2(e[j] - shift)
        total += weights[j] * e[j]
    return top + math.log2(total), top


@jit(sums=True)
def _spread(e, factors, count, runs, listed, panel):
    """Column sums: what up to four rows, each times its factor, contribute."""
    at = np.uint64(0)
    zero, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
    for k in range(listed):
        start = np.uint64(runs[k, 0])
        width = np.uint64(runs[k, 1] - runs[k, 0])
        if count == 4:
            for j in range(width):
                panel[start + j] += (f0 * e[zero, at + j] + f1 * e[one, at + j]) + (
                    f2 * e[two, at + j] + f3 * e[three, at + j]
                )
        else:
            for q in range(count):
                for j in range(width):
                    panel[start + j] += factors[q] * e[q, at + j]
        at += width


@jit
def _runs(near, listed, m, runs):
    """Cells listed in ascending order as runs of columns."""
    count = 0
    for k in range(listed):
        start = near[k] * CELL
        stop = min(start + CELL, m)
        if count > 0 and runs[count - 1, 1] == start:
            runs[count - 1, 1] = stop
        else:
            runs[count, 0], runs[count, 1] = start, stop
            count += 1
    return count


@jit(sums=True)
def _rows(ground, i, count, row, column, heights, weights, scale, power, floor, low, runs, listed, work, log_rows):
    """A group of rows: sums, factors, and their part of the column sums."""
    e, whole, sums, factors, panel = work
    _row_group(ground, i, count, row, column, weights, scale, runs, listed, e, sums)
    for q in range(count):
        if low < sums[q] < HIGH:
            log_rows[i + q] = math.log2(sums[q])
            factors[q] = heights[i + q] * 2.0 ** (-power * max(log_rows[i + q], floor))
            continue
        log_rows[i + q], top = _careful_row(ground, i + q, row[i + q], column, weights, scale, whole)
        factors[q] = 0.0
        e[q, :] = 0
        if log_rows[i + q] == -np.inf:  # nothing there, and nothing to spread
            continue
        factor = panel.dtype.type(heights[i + q] * 2.0 ** (top - power * max(log_rows[i + q], floor)))
        for j in range(panel.shape[0]):
            panel[j] += factor * whole[j]
    _spread(e, factors, count, runs, listed, panel)


@jit
def _workspace(m, kind):
    return np.empty((4, m), kind), np.empty(m, kind), np.empty(4), np.zeros(4, kind), np.zeros(m, kind)


@jit
def _flush_panel(panel, columns):
    for j in range(panel.shape[0]):
        columns[j] += panel[j]
    panel[:] = 0


@jit
def _sweep(ground, row, column, heights, weights, scale, power, floor, log_rows, columns, starts, first, last):
    m = column.shape[0]
    runs = np.array([[0, m]])
    work = _workspace(m, column.dtype)
    for lane in range(first, last):
        for i in range(starts[lane, 0], starts[lane, 1], 4):
            count = min(4, starts[lane, 1] - i)
            _rows(ground, i, count, row, column, heights, weights, scale, power, floor, LOW, runs, 1, work, log_rows)
            if (i - starts[lane, 0]) % PANEL == PANEL - 4:
                _flush_panel(work[4], columns[lane])
        _flush_panel(work[4], columns[lane])


@jit
def _celled_sweep(
    ground, bars, cells, cut, row, column, heights, weights, scale, power, floor, log_rows, columns, starts, first, last
):
    m, count, d = column.shape[0], cells.offset.shape[0], ground.x.shape[1]
    xs = bars[1]
    near, runs, rest = np.empty(count, np.int64), np.empty((count, 2), np.int64), np.empty(CELL)
    bound, steep, where = np.empty(count), np.empty(count), np.empty(count, np.int64)
    at, width, slope = np.empty(d), np.empty(d), np.empty(d)
    work = _workspace(m, column.dtype)
    for lane in range(first, last):
        for start in range(starts[lane, 0], starts[lane, 1], CELL):
            stop = min(start + CELL, starts[lane, 1])
            top = around(xs, bars[0], start, stop, at, width, slope, rest)
            bounds(cells, ground.inner, ground.outer, ground.factor * scale, at, width, slope, bound, steep, where)
            listed = 0
            for c in range(count):
                if bound[c] <= top + cut:
                    near[listed] = c
                    listed += 1
            listed = _runs(near, listed, m, runs)
            for i in range(start, stop, 4):
                _rows(
                    ground,
                    i,
                    min(4, stop - i),
                    row,
                    column,
                    heights,
                    weights,
                    scale,
                    power,
                    floor,
                    LOW_CELLED,
                    runs,
                    listed,
                    work,
                    log_rows,
                )
            if (start - starts[lane, 0]) % PANEL == PANEL - CELL:
                _flush_panel(work[4], columns[lane])
        _flush_panel(work[4], columns[lane])


@jit(sums=True)
def _half_sweep(ground, bars, cells, cut, row, heights, weights, scale, sums, columns, starts, first, last):
    m, count, d = row.shape[0], max(cells.offset.shape[0], 1), ground.x.shape[1]
    celled = cells.offset.shape[0] > 0
    near, runs, rest = np.empty(count, np.int64), np.empty((count, 2), np.int64), np.empty(CELL)
    bound, steep, where = np.empty(count), np.empty(count), np.empty(count, np.int64)
    at, width, slope = np.empty(d), np.empty(d), np.empty(d)
    own_cell = np.empty((1, 2), np.int64)
    e, _, part, factors, panel = _workspace(m, row.dtype)
    for lane in range(first, last):
        for start in range(starts[lane, 0], starts[lane, 1], CELL):
            stop = min(start + CELL, starts[lane, 1])
            own_cell[0, 0], own_cell[0, 1] = start, stop
            listed = 1 if stop < m else 0
            runs[0, 0], runs[0, 1] = stop, m
            if celled:
                top = around(bars[1], bars[0], start, stop, at, width, slope, rest)
                bounds(cells, ground.inner, ground.outer, ground.factor * scale, at, width, slope, bound, steep, where)
                listed = 0
                for c in range(start // CELL + 1, count):
                    if bound[c] <= top + cut:
                        near[listed] = c
                        listed += 1
                listed = _runs(near, listed, m, runs)
            for i in range(start, stop, 4):
                rows = min(4, stop - i)
                _row_group(ground, i, rows, row, row, weights, scale, own_cell, 1, e, part)
                for q in range(rows):
                    sums[i + q] = part[q]
                    factors[q] = heights[i + q]
                _row_group(ground, i, rows, row, row, weights, scale, runs, listed, e, part)
                for q in range(rows):
                    sums[i + q] += part[q]
                _spread(e, factors, rows, runs, listed, panel)
            if (start - starts[lane, 0]) % PANEL == PANEL - CELL:
                _flush_panel(panel, columns[lane])
        _flush_panel(panel, columns[lane])


def sweep(
    ground: GroundCost,
    f: Floats,
    g: Floats,
    a: Floats,
    b: Floats,
    epsilon: float,
    power: float = 1.0,
    floor: float = -math.inf,
    cut: float = math.inf,
) -> tuple[Floats, Floats]:
    """Row sums of a Gibbs matrix, and its column sums after the rows have been divided by a power of theirs.

    With ``K_ij = exp((f_i + g_j - c_ij)/epsilon)`` and positive weights a (n,), b (m,): ``r_i = log sum_j b_j K_ij`` (n,) and
    ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))`` (m,), float64 both. Where the ground is celled, terms below
    ``2 ** -cut`` may be left out.
    """
    (n, m), kind = ground.shape, ground.dtype
    bits, scale = in_bits(ground, epsilon)
    row64, column64 = (np.asarray(z, np.float64) * (LOG2E / epsilon) for z in (f, g))
    row, column, weights = own(row64, kind), own(column64, kind), own(b, kind)
    log_rows, columns = np.empty(n), np.zeros((LANES, m))
    rest = (own(a, np.dtype(np.float64)), weights, kind.type(scale), power, floor * LOG2E, log_rows, columns)
    if ground.celled and cut < math.inf:
        bars = row64, own(bits.x.T, np.dtype(np.float64))
        cells = cells_of(own(bits.yt, np.dtype(np.float64)), column64)

        def kernel(starts: Floats, first: int, last: int) -> None:
            _celled_sweep(bits, bars, cells, cut, row, column, *rest, starts, first, last)
    else:

        def kernel(starts: Floats, first: int, last: int) -> None:
            _sweep(bits, row, column, *rest, starts, first, last)

    _over_lanes(n, row_work(ground), kernel)
    with np.errstate(over="ignore"):
        return log_rows / LOG2E, columns.sum(axis=0)


def _over_lanes(n: int, work: int, kernel: Any, shares: Floats = _EVEN) -> None:
    """``kernel(starts, first, last)`` for every lane, a share of the rows each, in pieces that are short in time."""
    ends = np.minimum(np.ceil(shares * n / CELL).astype(np.int64) * CELL, n)
    share = int(np.diff(ends).max())
    pieces = max(1, n * work // (LANES * _PIECE))
    piece = -(-share // (pieces * CELL)) * CELL
    for offset in range(0, share, piece):
        edges = np.minimum(np.stack([ends[:-1] + offset, ends[:-1] + offset + piece], axis=1), ends[1:, None])
        over_rows(LANES, n * work // (LANES * pieces), lambda s, t, edges=edges: kernel(edges, s, t))


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: float, cut: float = math.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)`` (n,), float64, for a symmetric cost: each pair is computed once.

    Where the ground is celled, terms below ``2 ** -cut`` may be left out; a sum too small for that to be harmless is -inf.
    """
    (n, _), kind = ground.shape, ground.dtype
    bits, scale = in_bits(ground, epsilon)
    row64 = np.asarray(f, np.float64) * (LOG2E / epsilon)
    row, weights = own(row64, kind), own(a, kind)
    sums, columns = np.empty(n), np.zeros((LANES, n))
    celled = ground.celled and cut < math.inf
    bars = row64, own(bits.x.T, np.dtype(np.float64))
    cells = cells_of(own(bits.yt, np.dtype(np.float64)), row64) if celled else NO_CELLS
    heights = own(a, np.dtype(np.float64))

    def kernel(starts: Floats, first: int, last: int) -> None:
        _half_sweep(bits, bars, cells, cut, row, heights, weights, kind.type(scale), sums, columns, starts, first, last)

    _over_lanes(n, row_work(ground) // 2 + 1, kernel, _TRIANGLE)
    sums += columns.sum(axis=0)
    low = LOW_CELLED if celled else LOW
    with np.errstate(divide="ignore"):
        return np.log(np.where((sums > low) & (sums < HIGH), sums, 0.0))
