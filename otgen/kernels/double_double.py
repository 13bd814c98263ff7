"""Sums and dot products with almost twice the working precision.

Error-free transformations (Knuth's two-sum; Dekker's split product) in the compensated sums of Ogita, Rump and Oishi,
"Accurate sum and dot product", SIAM J. Sci. Comput. 26 (2005): the result is as if computed in twofold precision and
then rounded, ``|error| <= u |s| + gamma_n^2 sum |x_i|``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from ..inputs.types import Floats, Indices
from .ground_cost import own
from .jit import jit

Pairs = tuple[Floats, Floats]  # high and low parts, of one shape

UNIT = 2.0**-53  # unit roundoff of float64
NOTHING = 2.0**-95  # of a total mass of 1: what pairs of doubles lose
_FEW_EXPONENTS, _RAISED = 2.0**-900, 2.0**900
_SMALL = 512  # below this, Python's exact fsum is as quick as a compiled kernel, and that need not be loaded
_LOWEST = -2200  # exponents of products lie above


@jit
def two_sum(a, b):
    """``(s, e)`` with ``s = fl(a + b)`` and ``s + e = a + b`` exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a, b):
    """``(p, e)`` with ``p = fl(a b)`` and ``p + e = a b`` exactly, for operands below 1e150. Compiled it is three operations, one of them fused."""
    p = a * b
    t = 134217729.0 * a
    a1 = t - (t - a)
    a2 = a - a1
    t = 134217729.0 * b
    b1 = t - (t - b)
    b2 = b - b1
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


@intrinsic
def _fused(typingctx, a, b, c):
    """``a b + c`` with one rounding."""

    def build(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), build


@overload(two_product, jit_options={"forceinline": True})
def _two_product(a, b):
    def compiled(a, b):
        p = a * b
        return p, _fused(a, b, -p)

    return compiled


@jit
def pair_add(high, low, more_high, more_low):
    """The sum of two pairs, to about 2 ** -104 of the larger."""
    s, e = two_sum(high, more_high)
    return two_sum(s, e + (low + more_low))


@jit
def pair_grow(high, low, value):
    """A pair plus a double of the same sign: as `pair_add`, with the shorter last sum that no cancellation allows."""
    s, e = two_sum(high, value)
    e += low
    total = s + e
    return total, e - (total - s)


@jit
def scale_pair(value, high, low):
    """``value * (high + low)`` as a pair; a high part of 1 comes with a low one so small that one product will do."""
    if high == 1.0:
        return value, value * low
    p, e = two_product(value, high)
    return two_sum(p, e + value * low)


@jit
def _zeros(size):
    """As numpy's, which takes three more kernels to compile."""
    out = np.empty(size)
    for i in range(size):
        out[i] = 0.0
    return out


@jit
def _total(values):
    """Sixteen sums side by side: they fill two vector registers, and none waits for another."""
    n = values.shape[0]
    highs, lows = _zeros(16), _zeros(16)
    for start in range(0, n - 15, 16):
        for lane in range(16):
            highs[lane], lows[lane] = pair_add(highs[lane], lows[lane], values[start + lane], 0.0)
    for i in range(n - n % 16, n):
        lane = i % 16
        highs[lane], lows[lane] = pair_add(highs[lane], lows[lane], values[i], 0.0)
    width = 8
    while width:
        for lane in range(width):
            highs[lane], lows[lane] = pair_add(highs[lane], lows[lane], highs[lane + width], lows[lane + width])
        width //= 2
    return highs[0], lows[0]


@jit
def _dot(left, right):
    """Eight sums side by side: they fill a vector register, and none waits for another."""
    n = left.shape[0]
    highs, lows = _zeros(8), _zeros(8)
    for start in range(0, n - 7, 8):
        for lane in range(8):
            product, rounding = two_product(left[start + lane], right[start + lane])
            highs[lane], error = two_sum(highs[lane], product)
            lows[lane] += error + rounding
    for i in range(n - n % 8, n):
        product, rounding = two_product(left[i], right[i])
        highs[0], error = two_sum(highs[0], product)
        lows[0] += error + rounding
    high, low = 0.0, 0.0
    for lane in range(8):
        high, low = pair_add(high, low, highs[lane], lows[lane])
    return high + low


def total(values: Floats) -> float:
    """The sum of the entries, (n,), in twofold precision."""
    if len(values) < _SMALL:
        return math.fsum(values)
    return _total(own(values, np.dtype(np.float64)))[0]


def dot(left: Floats, right: Floats) -> float:
    """``sum_i left_i right_i``, (n,) each with entries below 1e150, in twofold precision; NaN where larger ones go beyond all floats."""
    if len(left) < _SMALL:
        try:
            return math.sumprod(left.tolist(), right.tolist()) if hasattr(math, "sumprod") else _fsumprod(left, right)
        except (OverflowError, ValueError):
            return math.nan
    return _dot(own(left, np.dtype(np.float64)), own(right, np.dtype(np.float64)))


def dot_in_unit(left: Floats, right: Floats) -> tuple[float, int]:
    """:func:`dot` of entries of any size, as a number and the power of two that it is times; what underflows beside the largest product is lost."""
    (left, exponents), (right, more) = np.frexp(left), np.frexp(right)
    exponents = exponents + more
    top = int(exponents.max(where=(left != 0) & (right != 0), initial=_LOWEST))
    return dot(np.ldexp(left, np.minimum(exponents - top, 0)), right), top


@jit
def _dots(left, right, out):
    for k in range(out.shape[0]):
        out[k] = _dot(left[k], right[k])


def dots(left: Floats, right: Floats) -> Any:
    """:func:`dot` along the last axis: a number, or (B,) for (B, n)."""
    if left.ndim == 1:
        return dot(left, right)
    out, kind = np.empty(len(left)), np.dtype(np.float64)
    _dots(own(left, kind), own(right, kind), out)
    return out


def _fsumprod(left: Floats, right: Floats) -> float:
    """Products split exactly (each half has 26 bits), then summed exactly."""
    with np.errstate(over="ignore", invalid="ignore"):  # NaN then, or what fsum raises, as of math.sumprod
        return math.fsum(np.concatenate(list(_split_products(left, right))))


def _split_products(left: Floats, right: Floats) -> list[Floats]:
    parts = []
    for array in (left, right):
        t = 134217729.0 * array
        high = t - (t - array)
        parts.append((high, array - high))
    return [one * other for one in parts[0] for other in parts[1]]


def total_pair(values: Floats) -> tuple[float, float]:
    """The sum of the entries as an unevaluated pair of doubles (high, low)."""
    high, low = _total(own(values, np.dtype(np.float64)))
    return high, low


@jit
def pair_divide(value, high, low):
    """``value / (high + low)`` as a pair, of a value no larger."""
    if high < _FEW_EXPONENTS:  # a remainder would underflow
        value, high, low = value * _RAISED, high * _RAISED, low * _RAISED
    q = value / high
    p, e = two_product(q, high)
    return two_sum(q, ((value - p) - e - q * low) / high)


@jit
def _nearest_units(values, high, low, units, out):
    for i in range(values.shape[0]):
        q, e = pair_divide(values[i], high, low)
        whole = math.floor(q * units)
        out[i] = np.int64(whole) + np.int64(np.rint((q * units - whole) + e * units))


@jit
def _shares(values, high, low, out_high, out_low):
    for i in range(values.shape[0]):
        out_high[i], out_low[i] = pair_divide(values[i], high, low)


def shares(weights: Floats) -> Pairs:
    """``weights / sum(weights)`` (n,) as pairs of doubles (high, low)."""
    high, low = np.empty(len(weights)), np.empty(len(weights))
    _shares(own(weights, np.dtype(np.float64)), *total_pair(weights), high, low)
    return high, low


@jit
def add_up(index, high, low, out_high, out_low):
    """Add pairs (k,), each to the entry of the output (n,) that its index names."""
    for k in range(index.shape[0]):
        i = index[k]
        out_high[i], out_low[i] = pair_add(out_high[i], out_low[i], high[k], low[k])


@jit
def marginal_misses(index, high, low, weights, total_high, total_low):
    """Bound on ``sum_i |sum of the plan's entries (high + low) at i - weights_i / total|``, as :func:`marginal_residual` has it."""
    size = weights.shape[0]
    if size == 1:  # one long chain of sums otherwise
        sum_high, sum_low = _total(high)
        rest = (sum_high - 1.0) + (sum_low + _total(low)[0])
        return abs(rest) * (1.0 + 8 * UNIT) + (len(index) + 8) * 2.0**-100 * (1.0 + sum_high)
    sums, rests, entries = _zeros(size), _zeros(size), _zeros(size)
    add_up(index, high, low, sums, rests)
    for k in range(len(index)):
        entries[index[k]] += 1.0
    most, missed = 1.0, 0.0
    for i in range(size):
        most = max(most, entries[i])
    ceiling = (most + 8) * 2.0**-100
    for i in range(size):
        p, e = pair_divide(weights[i], total_high, total_low)
        rest, rounding = pair_add(sums[i], rests[i], -p, -e)
        missed += abs(rest + rounding) + ceiling * (p + abs(sums[i]))
    return missed * (1.0 + (size + 16) * UNIT)


def marginal_residual(index: Indices, high: Floats, low: Floats, weights: Floats) -> float:
    """Bound on ``sum_i |sum of the plan's entries (high + low) at i - weights_i / sum(weights)|``.

    Pairs of doubles carry 2 ** -104 relative error an operation; the bound covers as many as a point has entries.
    """
    kind = np.dtype(np.float64)
    return marginal_misses(index, own(high, kind), own(low, kind), own(weights, kind), *total_pair(weights))
