"""One decorator for every compiled kernel: no GIL, few variants, kept on disk where the disk lets it."""

from __future__ import annotations

from typing import Any

import numba

from . import compiling as compiling  # listens from the first kernel on
from .kernel_cache import KernelCache
from .parts import Parts


def jit(function: Any = None, *, inline: bool = False, sums: bool = False) -> Any:
    """Compile lazily.

    ``inline`` is for what is called in an inner loop: a call costs a hundred nanoseconds where arrays are passed.
    ``sums`` lets the compiler fuse multiply and add and choose the order of a sum, which it needs to add several entries
    at a time; infinities and NaN keep their meaning.
    """
    if function is None:
        return lambda body: jit(body, inline=inline, sums=sums)
    kernel: Any = numba.njit(
        nogil=True,
        error_model="numpy",
        boundscheck=False,
        forceinline=inline,
        fastmath={"contract", "reassoc"} if sums else False,
        no_cfunc_wrapper=True,
    )(function)
    if kernel is not function:  # as it is where NUMBA_DISABLE_JIT is set
        kernel._cache = KernelCache(function)
        parts = Parts(kernel)
        kernel.get_call_template, kernel.get_overload = parts.template, parts.key
    return kernel
