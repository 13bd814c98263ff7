"""Rows in chunks, on two threads or one, with the same bits.

Compiled kernels hold no GIL, so plain threads serve. A chunk is short enough (well under half a second) for Ctrl-C
to be answered between two of them, and every row is computed on its own: the split never shows in the result.
"""

from __future__ import annotations

import _thread
import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from .._threads import begin
from ..errors import InvalidInput

S, T = TypeVar("S"), TypeVar("T")
_CHUNK = 50_000_000  # nanoseconds of work in a chunk, as GroundCost.work estimates it
_SPLIT = 2_000_000  # less work than this is not worth a thread
_SHARED: ContextVar[int] = ContextVar("workers that share the cores", default=1)


@contextlib.contextmanager
def shared_among(workers: int) -> Generator[None]:
    """Leave kernels their share of the cores, where so many workers run them side by side; ``OTGEN_NUM_THREADS`` goes before.

    Examples
    --------
    >>> with shared_among(10_000):
    ...     threads()
    1
    """
    before = _SHARED.get()
    try:
        _SHARED.set(workers)
        yield
    finally:
        _SHARED.set(before)


def threads() -> int:
    """How many threads kernels use: ``OTGEN_NUM_THREADS``, else the cores this process may run on, or a worker's share of them."""
    wanted = os.environ.get("OTGEN_NUM_THREADS")
    if wanted:
        if not wanted.isdigit() or int(wanted) < 1:
            raise InvalidInput(
                f"OTGEN_NUM_THREADS must be a whole number of at least 1; received {wanted!r}; correct or unset it"
            )
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // max(1, _SHARED.get()))


def over_rows(count: int, work: int, kernel: Callable[[int, int], object], multiple: int = 1) -> None:
    """Call ``kernel(start, stop)`` over ``range(count)``; ``work`` is the cost of one row in nanoseconds.

    Every start is a multiple of ``multiple``, for kernels that take rows so many at a time.
    """
    if count == 1:
        kernel(0, 1)
        return
    worth = count * work // _SPLIT
    workers = min(threads(), worth) if worth > 1 else 1
    size = max(1, min(-(-count // workers), _CHUNK // max(work, 1)))
    size = -(-size // multiple) * multiple
    chunks = [(start, min(start + size, count)) for start in range(0, count, size)]
    if workers == 1 or len(chunks) == 1:
        for chunk in chunks:
            kernel(*chunk)
        return
    each(lambda chunk: kernel(*chunk), chunks, workers)


def each(work: Callable[[S], T], items: Sequence[S], workers: int) -> list[T]:
    """What ``work`` makes of each item, in their order: on so many threads, this one among them, or on as many as the system gives.

    On each of them context variables, numpy's error state among them, are as in a new thread. The first error of any stops all.

    Notes
    -----
    A helper that comes late, or never, finds nothing left to do. Items are taken by ``list.pop``, which no interrupt can cut in two.

    Examples
    --------
    >>> each(lambda number: number**2, [1, 2, 3], 2)
    [1, 4, 9]
    """
    left, locks = list(range(len(items)))[::-1], list[_thread.LockType]()
    found: list[Any] = [None] * len(items)
    faults: list[BaseException | None] = [
        None
    ]  # a place that is there already, since there may be no memory for another one

    def run() -> None:
        while left:
            try:
                k = left.pop()
            except IndexError:  # another one took the last
                return
            found[k] = work(items[k])

    def help_out() -> None:
        try:
            run()
        except BaseException as error:
            left.clear()
            if faults[0] is None:
                faults[0] = error

    try:
        with contextlib.suppress(RuntimeError, MemoryError):  # no more threads, where memory or processes are short
            for _ in range(min(workers, len(items)) - 1):
                locks.append(_thread.allocate_lock())
                begin(help_out, locks[-1])
        Context().run(run)
        _wait_for(locks)
    except BaseException:
        left.clear()
        _wait_for(locks)
        raise
    if (fault := faults.pop()) is not None:
        try:
            raise fault
        finally:
            del fault  # its traceback holds this frame
    return found


def _wait_for(locks: Sequence[_thread.LockType]) -> None:
    for lock in locks:
        with lock:
            pass
