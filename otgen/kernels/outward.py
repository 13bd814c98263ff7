"""Bounds past what a conversion of units rounds, for numbers and compiled code."""

from __future__ import annotations

import math
import sys

from .double_double import UNIT

LEAST = 2.0**-1074  # the least float above 0
LEAST_NORMAL = 2.0**-1022  # with all digits
_LARGEST = sys.float_info.max


def moved_outward(out, before, units, outward):
    """``out``, which was ``before`` in other units, moved down (``outward`` -1), up (1) or not at all (0) past ``units`` roundings and
    one of the least floats: of ``before`` itself nothing has underflowed.

    Past the range of floats, and past 0, it is the bound that is still true.
    """
    if outward == 0 or before == 0 or math.isinf(before):
        return out
    if math.isinf(out) and math.isfinite(before):
        return out if (out > 0) == (outward > 0) else math.copysign(_LARGEST, out)
    if units == 0 and abs(out) > 1e-300:
        return out
    moved = out + outward * ((units + 1) * UNIT * abs(out) + LEAST)
    return 0.0 if moved * before < 0 else moved
