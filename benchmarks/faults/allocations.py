"""numpy's allocator, made to fail at the k-th place: by its own C interface (NEP 49), compiled here.

A handler belongs to a context, so that of threads it is the caller's alone.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Generator
from typing import Any

import numba
from numba import types
from numpy._core import _multiarray_umath

_NEVER = 2**62
_SET_HANDLER = 304  # in numpy's table of functions
_VOID, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_COUNTS = types.CPointer(types.int64)  # allocations so far, and the first and the last that fail


def _of_c(name: str, returns: Any, *takes: Any) -> Any:
    function = ctypes.CDLL(None)[name]
    function.restype, function.argtypes = returns, takes
    return function


_malloc = _of_c("malloc", _VOID, _SIZE)
_calloc = _of_c("calloc", _VOID, _SIZE, _SIZE)
_realloc = _of_c("realloc", _VOID, _VOID, _SIZE)
_free = _of_c("free", None, _VOID)


@numba.cfunc(types.voidptr(_COUNTS, types.uintp))
def _allocate(counts: Any, size: Any) -> Any:
    counts[0] += 1
    return _malloc(_NEVER) if counts[1] <= counts[0] <= counts[2] else _malloc(size)


@numba.cfunc(types.voidptr(_COUNTS, types.uintp, types.uintp))
def _allocate_zeros(counts: Any, number: Any, size: Any) -> Any:
    counts[0] += 1
    return _malloc(_NEVER) if counts[1] <= counts[0] <= counts[2] else _calloc(number, size)


@numba.cfunc(types.voidptr(_COUNTS, types.voidptr, types.uintp))
def _reallocate(counts: Any, place: Any, size: Any) -> Any:
    counts[0] += 1
    return _malloc(_NEVER) if counts[1] <= counts[0] <= counts[2] else _realloc(place, size)


@numba.cfunc(types.void(_COUNTS, types.voidptr, types.uintp))
def _release(counts: Any, place: Any, size: Any) -> None:
    _free(place)


class _Handler(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("context", _VOID),
        ("malloc", _VOID), ("calloc", _VOID), ("realloc", _VOID), ("free", _VOID),
    ]  # fmt: skip


_counts = (ctypes.c_int64 * 3)(0, _NEVER, _NEVER)  # no array: what ends the fault must not allocate
_functions = (_allocate.address, _allocate_zeros.address, _reallocate.address, _release.address)
_handler = _Handler(b"failing", 1, ctypes.addressof(_counts), *_functions)
_python = ctypes.pythonapi
_python.PyCapsule_GetPointer.restype, _python.PyCapsule_GetPointer.argtypes = _VOID, (ctypes.py_object, ctypes.c_char_p)
_python.PyCapsule_New.restype, _python.PyCapsule_New.argtypes = ctypes.py_object, (_VOID, ctypes.c_char_p, _VOID)
_table = ctypes.cast(
    _python.PyCapsule_GetPointer(_multiarray_umath._ARRAY_API, None),  # pyright: ignore[reportAttributeAccessIssue]
    ctypes.POINTER(_VOID),
)
_set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(_table[_SET_HANDLER])
_name = b"mem_handler"  # the capsule keeps its address alone
_capsule = _python.PyCapsule_New(ctypes.addressof(_handler), _name, None)


@contextlib.contextmanager
def failing(first: int = _NEVER, last: int = _NEVER) -> Generator[Any]:
    """Within this, numpy's allocations from the ``first`` to the ``last`` are refused; the first entry of what is handed over counts them."""
    before = _set_handler(_capsule)
    try:
        _counts[:] = 0, first, last
        yield _counts
    finally:
        _counts[1:] = _NEVER, _NEVER
        _set_handler(before)
