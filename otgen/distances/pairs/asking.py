"""Questions about pairs, put side by side: each says which interval is to be narrowed next, and workers narrow some of them at once.

So many questions are open at a time, however many workers there are, and what is found in one step is seen from the next one on. So answers,
their intervals, and the solves that they take do not depend on workers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple, TypeVar

from ...kernels.parallel import each, shared_among, threads
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

    workers = _number_of(n_jobs)
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
        for finding in _narrowed(pairs, step, workers):
            pairs.keep(finding)
        live = [
            entry for one, waits in zip(live, later, strict=True) for entry in ([one] if waits else ask(one[0], one[1]))
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


def _number_of(n_jobs: int | None) -> int:
    count = n_jobs or 1
    return count if count > 0 else max(1, threads() + 1 + count)


def _narrowed(pairs: Intervals, requests: list[Request], workers: int) -> list[Finding]:
    """What is asked of some pairs, on one thread or several."""
    sharing = min(workers, len(requests))
    if sharing == 1:
        return [pairs.found(*request) for request in requests]

    def found(request: Request) -> Finding:
        with shared_among(sharing):
            return pairs.found(*request)

    return each(found, requests, sharing)
