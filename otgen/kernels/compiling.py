"""One decorator for every compiled kernel: no GIL, no fastmath, cached on disk where the disk lets it."""

from __future__ import annotations

import numba


def jit(function=None, *, inline=False):
    """Compile lazily; fall back to an uncached kernel where no cache folder can be written.

    ``inline`` is for what is called in an inner loop: a call costs a hundred nanoseconds where arrays are passed.
    """
    if function is None:
        return lambda body: jit(body, inline=inline)
    options = dict(nogil=True, error_model="numpy", boundscheck=False, forceinline=inline)
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no writable place for its cache
        return numba.njit(**options)(function)
