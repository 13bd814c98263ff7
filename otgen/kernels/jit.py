"""One decorator for every compiled kernel: no GIL, cached on disk where the disk lets it."""

from __future__ import annotations

import numba


def jit(function=None, *, inline=False, sums=False):
    """Compile lazily; fall back to an uncached kernel where no cache folder can be written.

    ``inline`` is for what is called in an inner loop: a call costs a hundred nanoseconds where arrays are passed.
    ``sums`` lets the compiler fuse multiply and add and choose the order of a sum, which it needs to add several entries
    at a time; infinities and NaN keep their meaning.
    """
    if function is None:
        return lambda body: jit(body, inline=inline, sums=sums)
    fastmath = {"contract", "reassoc"} if sums else False
    options = dict(nogil=True, error_model="numpy", boundscheck=False, forceinline=inline, fastmath=fastmath)
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no writable place for its cache
        return numba.njit(**options)(function)
