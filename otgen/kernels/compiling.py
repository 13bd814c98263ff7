"""One decorator for every compiled kernel: no GIL, no fastmath, cached on disk where the disk lets it."""

from __future__ import annotations

import numba


def jit(function):
    """Compile lazily; fall back to an uncached kernel where no cache folder can be written."""
    options = dict(nogil=True, error_model="numpy", boundscheck=False)
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no writable place for its cache
        return numba.njit(**options)(function)
