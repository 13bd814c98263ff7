"""``2 ** t`` for the inner loops: a polynomial and a shift of the exponent, so that a whole vector register is done at once.

With n the nearest integer to t and r = t - n in [-1/2, 1/2], ``2 ** t = p(r) 2 ** n``. The polynomials are best approximations
of ``2 ** r`` with p(0) = 1 (Remez exchange): off by 3e-9 relative at degree 6 and 2e-17 at degree 11, below what
rounding adds. Below the range of normal numbers the result is 0, above it the largest power of two; NaN stays NaN.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

_SINGLE = tuple(
    np.float32(c)
    for c in (
        1.0,
        0.6931472149680279,
        0.24022652782887738,
        0.05550310551013797,
        0.009617692972993063,
        0.0013406643902351759,
        0.00015594678161326619,
    )
)
_DOUBLE = (
    1.0,
    0.6931471805599457,
    0.240226506959101,
    0.055504108664790395,
    0.009618129107607002,
    0.0013333558153439965,
    0.00015403530441572132,
    1.5252727385193868e-05,
    1.3215442675329822e-06,
    1.0180647659234139e-07,
    7.072570412814424e-09,
    4.078071929588337e-10,
)


@intrinsic
def _scaled(typingctx, value, exponent):
    """``value * 2 ** exponent`` by adding to the bits of its exponent, for an int32 that keeps the result normal."""

    def build(context, builder, signature, arguments):
        number, power = arguments
        kind = context.get_value_type(signature.return_type)
        bits, place = (ir.IntType(32), 23) if signature.return_type == types.float32 else (ir.IntType(64), 52)
        wide = power if bits.width == 32 else builder.sext(power, bits)
        return builder.bitcast(builder.add(builder.bitcast(number, bits), builder.shl(wide, bits(place))), kind)

    return value(value, types.int32), build


def exp2(t):
    """``2 ** t`` for one float32 or float64: the polynomial where compiled, numpy's where kernels are stepped through."""
    return np.exp2(np.minimum(t, np.float32(127.0) if t.dtype == np.float32 else 1023.0))


@overload(exp2, jit_options={"fastmath": {"contract"}, "forceinline": True})
def _exp2(t):
    return _exp2_single if t == types.float32 else _exp2_double


def _exp2_single(t):
    c0, c1, c2, c3, c4, c5, c6 = _SINGLE
    bounded = min(t, np.float32(127.0))
    n = np.rint(bounded)
    r = bounded - n
    p = (((((c6 * r + c5) * r + c4) * r + c3) * r + c2) * r + c1) * r + c0
    return np.float32(0.0) if t < np.float32(-126.0) else _scaled(p, np.int32(n))


def _exp2_double(t):
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 = _DOUBLE
    bounded = min(t, 1023.0)
    n = np.rint(bounded)
    r = bounded - n
    p = (((((c11 * r + c10) * r + c9) * r + c8) * r + c7) * r + c6) * r + c5
    p = ((((p * r + c4) * r + c3) * r + c2) * r + c1) * r + c0
    return 0.0 if t < -1022.0 else _scaled(p, np.int32(n))
