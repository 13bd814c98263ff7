"""A clock that jumps: forwards by years, backwards, that stands still, or that runs backwards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import numpy as np

from .calls import CALLS
from .kinds import Kind, Outcome, Plan, Reference
from .trial import disturbed

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time")
_JUMPS = ("stands still", "jumps ahead", "jumps back", "runs backwards", "jumps both ways")
_CALLS = tuple(CALLS)


def plan(rng: np.random.Generator, number: int) -> Plan:
    """The jump comes after some calls of the clock."""
    jump = number % len(_JUMPS)
    size = 10.0 ** rng.uniform(0, 10)
    told = f"the clock {_JUMPS[jump]}" + (f" by {size:.2g} s" if jump in (1, 2, 4) else "")
    return Plan(_CALLS[number % len(_CALLS)], told, {"jump": jump, "size": size, "after": int(rng.integers(0, 6))})


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """Python's clocks are replaced where modules look them up."""
    return disturbed(plan.call, place, references[plan.call], _jumping(plan))


@contextlib.contextmanager
def _jumping(plan: Plan) -> Generator[None]:
    kept = {name: getattr(time, name) for name in _CLOCKS}
    rng, asked = np.random.default_rng(int(plan.given["size"])), [0]

    def told(clock: Callable[[], float], began: float) -> Callable[[], float]:
        def now() -> float:
            asked[0] += 1
            true = clock()
            if asked[0] <= plan.given["after"]:
                return true
            size = plan.given["size"]
            sign = float(rng.choice([-1.0, 1.0]))
            return (began, true + size, true - size, 2 * began - true, true + sign * size)[int(plan.given["jump"])]

        return now

    for name, clock in kept.items():
        setattr(time, name, told(clock, clock()))
    try:
        yield
    finally:
        for name, clock in kept.items():
            setattr(time, name, clock)


KIND = Kind(
    "clocks",
    "A clock that jumps",
    "All of Python's clocks jump ahead or back by up to 300 years, stand still, or run backwards, from a random call of them on. Right is the answer.",
    (),
    plan,
    carry_out,
)
