"""Entries of a cost, a stretch of a row or a pair at a time: what every other kernel on the processor is made of."""

from __future__ import annotations

import math

import numpy as np

from .ground_cost import CIRCULAR, GREAT_CIRCLE, PRODUCT
from .jit import jit


@jit
def power(values, count, exponent, factor):
    """The first ``count`` of values (k,) to a power, times a factor, in place."""
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
def sum_squares(x, yt, i, start, stop, out):
    """Add the squared distances of row i to columns ``start:stop`` to ``out``."""
    # Unsigned: else rows are not read several at a time.
    d, at, count = x.shape[1], np.uint64(start), np.uint64(stop - start)
    k = 0
    while k + 8 <= d:
        x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        x4, x5, x6, x7 = x[i, k + 4], x[i, k + 5], x[i, k + 6], x[i, k + 7]
        for j in range(count):
            c = at + j
            t0, t1, t2, t3 = x0 - yt[k, c], x1 - yt[k + 1, c], x2 - yt[k + 2, c], x3 - yt[k + 3, c]
            t4, t5, t6, t7 = x4 - yt[k + 4, c], x5 - yt[k + 5, c], x6 - yt[k + 6, c], x7 - yt[k + 7, c]
            out[j] += ((t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3)) + ((t4 * t4 + t5 * t5) + (t6 * t6 + t7 * t7))
        k += 8
    while k + 4 <= d:
        x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        for j in range(count):
            c = at + j
            t0, t1, t2, t3 = x0 - yt[k, c], x1 - yt[k + 1, c], x2 - yt[k + 2, c], x3 - yt[k + 3, c]
            out[j] += (t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3)
        k += 4
    while k < d:
        x0 = x[i, k]
        for j in range(count):
            t0 = x0 - yt[k, at + j]
            out[j] += t0 * t0
        k += 1


@jit
def is_general(inner):
    """Whether an inner power is none of those that have their own formula."""
    return 0.0 < inner < np.inf and inner != 1.0 and inner != 2.0


@jit
def factor_of(ground):
    """What the power of a sum is multiplied by."""
    return ground.factor if ground.inner not in (CIRCULAR, GREAT_CIRCLE) else ground.x.dtype.type(1)


@jit
def near_way(x, y, period):
    """``x - y`` of two coordinates in (-period/2, period/2], the near way round: in [-period/2, period/2], rounded once.

    Taking the period from more than half of it is exact; what the difference has lost is added then, so that no error is as large as the period's.
    """
    difference = x - y
    if abs(difference) <= 0.5 * period:
        return difference
    back = difference - x
    lost = (x - (difference - back)) - (y + back)
    return (difference - math.copysign(period, difference)) + lost


@jit
def haversine(a, b, c, d):
    """``h`` and ``1 - h`` of latitude a, longitude b and latitude c, longitude d: squared sine and cosine of half their angle."""
    difference, middle, turn = math.sin((a - c) / 2), math.sin((a + c) / 2), math.sin((b - d) / 2)
    s, m, t = difference * difference, middle * middle, turn * turn
    p, q, r = math.cos((a - c) / 2), math.cos((a + c) / 2), math.cos((b - d) / 2)
    return s * (r * r) + (q * q) * t, (p * p) * (r * r) + m * t


@jit
def angle(ground, i, j):
    """The angle between two points on the sphere, in the ground's unit."""
    h, rest = haversine(ground.x[i, 0], ground.x[i, 1], ground.yt[0, j], ground.yt[1, j])
    return 2.0 * math.atan2(math.sqrt(h), math.sqrt(rest)) / ground.x.dtype.type(ground.factor)


@jit
def minkowski(x, yt, i, j, inner, outer):
    """``(sum_k |x_ik - y_kj| ** inner) ** outer`` with the largest difference taken out: no power but the last can leave the range."""
    largest = total = x.dtype.type(0)
    for k in range(x.shape[1]):
        largest = max(largest, abs(x[i, k] - yt[k, j]))
    if largest == 0:
        return total
    for k in range(x.shape[1]):
        total += (abs(x[i, k] - yt[k, j]) / largest) ** inner
    return (largest * total ** (1.0 / inner)) ** (inner * outer)


@jit
def fill_powers(x, yt, i, start, stop, inner, outer, factor, out):
    """:func:`fill` of a cost that is a power of a sum of powers of differences."""
    count = stop - start
    if is_general(inner):
        for j in range(count):
            out[j] = factor * minkowski(x, yt, i, start + j, inner, outer)
        return
    for j in range(count):
        out[j] = 0.0
    if inner == 2.0:
        sum_squares(x, yt, i, start, stop, out)
    else:
        for k in range(x.shape[1]):
            xk, y = x[i, k], yt[k, start:stop]
            if inner == 1.0:
                for j in range(count):
                    out[j] += abs(xk - y[j])
            else:
                for j in range(count):
                    out[j] = max(out[j], abs(xk - y[j]))
    power(out, count, outer, factor)


@jit
def fill(ground, i, start, stop, out):
    """Costs of row ``i`` against columns ``start:stop``, into ``out[: stop - start]``."""
    count = stop - start
    inner = ground.inner
    if inner == 0.0:
        at = np.uint64(start)
        for j in range(np.uint64(count)):  # unsigned: else it is copied one by one
            out[j] = ground.matrix[i, at + j]
        return
    x, yt = ground.x, ground.yt
    if inner > 0.0:
        fill_powers(x, yt, i, start, stop, inner, ground.outer, ground.factor, out)
        return
    if inner == GREAT_CIRCLE:
        for j in range(count):
            out[j] = angle(ground, i, start + j)
    elif inner == CIRCULAR and x.shape[1] == 1:  # no square, which would underflow
        for j in range(count):
            out[j] = abs(near_way(x[i, 0], yt[0, start + j], ground.factor))
        power(out, count, 2.0 * ground.outer, factor_of(ground))
        return
    else:
        out[:count] = 0
        for k in range(x.shape[1]):
            xk, y = x[i, k], yt[k, start:stop]
            if inner == PRODUCT:
                for j in range(count):
                    out[j] += xk * y[j]
            else:
                for j in range(count):
                    t = near_way(xk, y[j], ground.factor)
                    out[j] += t * t
    power(out, count, ground.outer, factor_of(ground))


@jit
def one(ground, i, j):
    """The cost of one pair, by the same formula; for listed pairs, where there is no row to share."""
    inner = ground.inner
    if inner == 0.0:
        return ground.matrix[i, j]
    if is_general(inner):
        return ground.factor * minkowski(ground.x, ground.yt, i, j, inner, ground.outer)
    total = ground.x.dtype.type(0)
    if inner == CIRCULAR and ground.x.shape[1] == 1:
        length = abs(near_way(ground.x[i, 0], ground.yt[0, j], ground.factor))
        return (
            length
            if ground.outer == 0.5
            else length * length
            if ground.outer == 1.0
            else length ** (2.0 * ground.outer)
        )
    if inner == GREAT_CIRCLE:
        total += angle(ground, i, j)
    for k in range(ground.x.shape[1] if inner != GREAT_CIRCLE else 0):
        t = abs(ground.x[i, k] - ground.yt[k, j])
        if inner == PRODUCT:
            total += ground.x[i, k] * ground.yt[k, j]
        elif inner == CIRCULAR:
            t = near_way(ground.x[i, k], ground.yt[k, j], ground.factor)
            total += t * t
        elif inner == 2.0:
            total += t * t
        elif inner == 1.0:
            total += t
        else:
            total = max(total, t)
    if ground.outer == 0.5:
        total = math.sqrt(total)
    elif ground.outer == 2.0:
        total = total * total
    elif ground.outer != 1.0:
        total = total**ground.outer
    return factor_of(ground) * total
