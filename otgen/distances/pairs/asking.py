"""Questions about pairs, put side by side: each says which interval is to be narrowed next, and workers narrow some of them at once.

So many questions are open at a time, however many workers there are, and what is found in one step is seen from the next one on. So answers,
their intervals, and the solves that they take do not depend on workers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ...kernels.parallel import shared_among, threads
from .intervals import Finding, Intervals

T = TypeVar("T")
_OPEN = 16  # questions at a time: workers beyond are idle; with more, fewer potentials are there when they might have settled a pair


class Request(NamedTuple):
    """A pair, and what is asked of it: whether it is at most ``low``, or at least ``high``."""

    i: int
    j: int
    low: float
    high: float


Question = Generator[Request, None, T]


def answers(pairs: Intervals, questions: Iterable[Question[T]], n_jobs: int | None) -> Iterator[tuple[int, T]]:
    """The number and the answer of each question, as they come."""
    waiting, live = enumerate(questions), list[tuple[int, Question[T], Request]]()
    done: list[tuple[int, T]] = []

    def ask(number: int, question: Question[T]) -> Iterator[tuple[int, Question[T], Request]]:
        try:
            yield number, question, next(question)
        except StopIteration as end:
            done.append((number, end.value))

    with _workers(n_jobs) as narrowed:
        while True:
            for number, question in waiting:
                live += ask(number, question)
                if len(live) == _OPEN:
                    break
            yield from done
            done.clear()
            if not live:
                return
            step, later = _parted(pairs, [request for _, _, request in live])
            for finding in narrowed(pairs, step):
                pairs.keep(finding)
            live = [
                entry
                for one, waits in zip(live, later, strict=True)
                for entry in ([one] if waits else ask(one[0], one[1]))
            ]


def _parted(pairs: Intervals, requests: list[Request]) -> tuple[list[Request], list[bool]]:
    """Those that go now, each pair once, and which of all wait: for a set that is being solved, since its potentials may settle them."""
    step: dict[tuple[int, int], Request] = {}
    later, busy = list[bool](), set[tuple[int, int]]()
    for request in requests:
        place = pairs.place_of(request.i, request.j)
        sets = {(0, place[0]), (0 if pairs.alone else 1, place[1])} if pairs.leaves_potentials(*request) else set()
        waits = place not in step and not busy.isdisjoint(sets)
        later.append(waits)
        if not waits:
            busy |= sets
            step.setdefault(place, request)
    return list(step.values()), later


Narrowed = Callable[[Intervals, list[Request]], Iterable[Finding]]


@contextlib.contextmanager
def _workers(n_jobs: int | None) -> Generator[Narrowed]:
    """What finds out what is asked of some pairs, on one thread or several."""
    count = n_jobs or 1
    if count < 0:
        count = max(1, threads() + 1 + count)
    if count == 1:
        yield _one_by_one
        return
    pool = ThreadPoolExecutor(count)
    try:
        yield partial(_by_threads, pool, count)
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(pairs: Intervals, requests: list[Request]) -> list[Finding]:
    return [pairs.found(*request) for request in requests]


def _by_threads(pool: ThreadPoolExecutor, count: int, pairs: Intervals, requests: list[Request]) -> Iterator[Finding]:
    sharing = min(count, len(requests))

    def found(request: Any) -> Finding:
        with shared_among(sharing):
            return pairs.found(*request)

    return pool.map(found, requests)
