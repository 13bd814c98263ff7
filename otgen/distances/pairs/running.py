"""Tiles measured one after the other, or by joblib's workers, with an estimate of the time that is left."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any, TypeVar

from ...errors import InvalidInput, OtgenError, require
from ...inputs import scalars
from ...kernels.parallel import shared_among

T = TypeVar("T")
_MOST = 100_000  # workers, more than any cluster has; joblib ends at five times as many
_AT_ONCE = 8  # tasks a worker that are handed out together: what a run that is stopped may lose


def checked_jobs(n_jobs: Any) -> int | None:
    """A number of workers as joblib has it: negative ones count from that of the cores; None leaves it to ``joblib.parallel_config``."""
    if n_jobs is None:
        return None
    number = scalars.whole(n_jobs)
    if not number:
        raise InvalidInput(
            f"n_jobs must be a whole number other than 0, or None; received {scalars.told(n_jobs)}; pass -1 for one worker a core"
        )
    if abs(number) > _MOST:
        raise InvalidInput(
            f"n_jobs must be at most {_MOST}; received {scalars.told(n_jobs)}; pass -1 for one worker a core"
        )
    return number


def outcomes(tasks: Iterable[Callable[[], T]], count: int, n_jobs: int | None, *, ordered: bool = False) -> Iterator[T]:
    """What each of ``count`` tasks returns, as they come, or in their order; kernels of a worker keep to its share of the cores.

    Without a number of workers, joblib is used where it has been imported, since only then can there be a configuration of it. A backend that
    returns results in lists alone, as Ray's does, is handed a few tasks a worker at a time.
    """
    if n_jobs == 1 or (n_jobs is None and sys.modules.get("joblib") is None):
        yield from (task() for task in tasks)
        return
    joblib: Any = require("joblib")
    backend, _ = joblib.parallel.get_active_backend(prefer="threads")
    streams = backend.supports_return_generator
    kind = "list" if not streams else "generator" if ordered else "generator_unordered"
    with joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as=kind) as pool:
        workers = backend.effective_n_jobs(pool.n_jobs)  # of a cluster, on all of its machines
        calls = (joblib.delayed(_run)(task, min(count, workers)) for task in tasks)
        try:
            if streams:
                yield from pool(calls)
                return
            while some := list(itertools.islice(calls, _AT_ONCE * workers if workers > 1 else 1)):
                yield from pool(some)
        except BrokenExecutor as fault:
            raise OtgenError(
                "workers must live until all pairs are measured; received the end of one, killed or short of memory; use fewer workers, "
                "and a checkpoint, from which the next call goes on"
            ) from fault


def _run(task: Callable[[], T], workers: int) -> T:
    with shared_among(workers):
        return task()


class Progress:
    """How far the work is, told after each tile: pairs, and the seconds that are left at the pace so far.

    Parameters
    ----------
    pairs, work : int, float
        Of all tiles.
    done : int, float
        What of it was there at the start.
    tell : callable
        Receives each message.

    Examples
    --------
    >>> Progress(6, 60.0, print).add(2, 20.0)  # doctest: +ELLIPSIS
    2 of 6 pairs, 33 %, ... left
    """

    def __init__(self, pairs: int, work: float, tell: Callable[[str], Any]) -> None:
        self.pairs, self.work, self.tell = pairs, work, tell
        self.done, self.worked, self.before, self.began = 0, 0.0, 0.0, time.perf_counter()

    def found(self, pairs: int, work: float) -> None:
        """Pairs that a checkpoint has."""
        self.done, self.worked, self.before = self.done + pairs, self.worked + work, self.before + work

    def add(self, pairs: int, work: float) -> None:
        """Pairs that have been measured."""
        self.done, self.worked = self.done + pairs, self.worked + work
        spent = time.perf_counter() - self.began
        left = spent * (self.work - self.worked) / (self.worked - self.before)
        share = 100 * self.worked / self.work
        self.tell(f"{self.done} of {self.pairs} pairs, {share:.0f} %, {duration(left)} left")


def duration(seconds: float) -> str:
    """Seconds in words.

    Examples
    --------
    >>> duration(0.3), duration(100), duration(9000)
    ('0.3 s', '1 min 40 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
