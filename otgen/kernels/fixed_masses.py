"""Cumulative masses in fixed point, two words of 62 bits each: exact additions, and comparisons that need no branch.

The unit of the high word is the largest power of two of which the total has fewer than 2 ** 62. A mass loses less than 2 ** -121 of the total,
and of two sums nearly all are told apart by their high words. Which side ends first cannot be foreseen by a processor, and a wrong guess costs
it more than the sum: so the next pair is reached by adding the sign of a difference.
"""

from __future__ import annotations

import math

import numpy as np

from .double_double import scale_pair
from .jit import jit

_BITS = 62
_MASK = 2**_BITS - 1
_WORD = 2.0**_BITS
REST = 2.0**-_BITS  # the unit of the low word


@jit
def unit_of(total):
    """The power of two that masses are multiplied by."""
    return math.ldexp(1.0, _BITS - math.frexp(total)[1])


@jit
def accumulate(masses, ratio, scale, backward, high, low, highs, lows):
    """From the sum ``high, low`` on, the sums of masses times a ``ratio``, from the first or the last one on."""
    count = len(masses)
    for k in range(count):  # several at a time, as long as the order in memory is theirs
        value, rest = scale_pair(masses[k] * scale, ratio[0], ratio[1])
        whole, floor = np.floor(value), np.floor(rest)
        more = np.int64((value - whole) * _WORD) + np.int64((rest - floor) * _WORD)
        highs[k] = np.int64(whole) + np.int64(floor) + (more >> _BITS)
        lows[k] = more & _MASK
    if backward:
        reverse(highs, count)
        reverse(lows, count)
    for k in range(count):
        low += lows[k]
        high += highs[k] + (low >> _BITS)
        low &= _MASK
        highs[k], lows[k] = high, low
    return high, low


@jit
def reverse(array, count):
    """Turn the first ``count`` entries round."""
    for k in range(count // 2):
        array[k], array[count - 1 - k] = array[count - 1 - k], array[k]


@jit
def merge(of_x, of_y, i, j, steps, k):
    """Fill in steps from the k-th on: where each ends, and how far apart its points lie; until a side ends, or sums are close.

    ``of_x``, ``of_y`` and ``steps`` are each two words and a number of points.
    """
    (a_high, a_low, x), (b_high, b_low, y), (highs, lows, gaps) = of_x, of_y, steps
    while i < len(x) and j < len(y):
        # Which are not negative, and so never count from the end.
        row, column, step = np.uintp(i), np.uintp(j), np.uintp(k)
        high, low = b_high[column], b_low[column]
        ahead = a_high[row] - high
        if -1 <= ahead <= 1:
            break
        sign = ahead >> 63  # -1 where the row ends first, else 0
        highs[step] = high + (ahead & sign)
        lows[step] = low + ((a_low[row] - low) & sign)
        gaps[step] = x[row] - y[column]
        k += 1
        i -= sign
        j += 1 + sign
    return i, j, k
