"""The lesser of two numbers, such that a minimum over many is taken several at a time."""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic, overload


def lesser(a, b):
    """The lesser of two numbers that are none of NaN; compiled, a minimum over many is taken eight at a time."""
    return min(a, b)


@intrinsic
def _lesser_of(typingctx, a, b):
    def build(context, builder, signature, arguments):
        flags = ("nnan", "nsz")
        smaller = builder.fcmp_ordered("<", *arguments, flags=flags)
        return builder.select(smaller, *arguments, flags=flags)

    return types.float64(types.float64, types.float64), build


@overload(lesser, jit_options={"forceinline": True})
def _lesser(a, b):
    def compiled(a, b):
        return _lesser_of(a, b)

    return compiled
