"""Threads that nobody waits for to start: the one way in which this library starts them."""

from __future__ import annotations

import _thread
from collections.abc import Callable


def begin(work: Callable[[], object], lock: _thread.LockType) -> None:
    """Start a thread that holds ``lock`` while it works, which may be later, or never; RuntimeError or MemoryError where the system gives none.

    Notes
    -----
    ``Thread.start`` waits for a sign of life, for ever where memory is short: a thread that finds none for its first instruction never
    gives it. Here nobody waits for a start: who takes the lock waits for the end of what has begun. The lock is the caller's, so that no interrupt
    comes between a thread and the means to wait for it.
    """
    _thread.start_new_thread(_holding, (lock, work))


def _holding(lock: _thread.LockType, work: Callable[[], object]) -> None:
    with lock:
        work()
