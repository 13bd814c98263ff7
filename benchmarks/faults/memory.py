"""Memory that is refused: by the system's limit on the process, and by an allocation of numpy's that fails."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Generator, Mapping
from pathlib import Path

import numpy as np

from .allocations import failing
from .calls import CALLS
from .kinds import MEMORY, OURS, Kind, Outcome, Plan, Reference
from .trial import disturbed

_CALLS = tuple(CALLS)
_MOST = 48 << 20  # bytes that a limit leaves at most


def plan(rng: np.random.Generator, number: int) -> Plan:
    """Two runs in three let an allocation fail, once or from there on; the others set a limit."""
    call = _CALLS[number % len(_CALLS)]
    if number % 3 == 2:
        room = int(_MOST ** rng.uniform(0.5, 1.0))
        return Plan(call, f"a limit {room >> 10} kiB above what is held", {"room": room})
    share, lasting = rng.random(), number % 3
    return Plan(
        call,
        f"allocation {share:.0%} of the way {'and all after it fail' if lasting else 'fails'}",
        {"share": share, "lasting": lasting},
    )


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """The place of a failing allocation is counted out by an undisturbed call."""
    if "room" in plan.given:
        fault = _limited(int(plan.given["room"]))
    else:
        (place / "before").mkdir()
        with failing() as counts:
            CALLS[plan.call](place / "before")
            first = 1 + int(plan.given["share"] * counts[0])
        fault = failing(first, 2**62 if plan.given["lasting"] else first)
    return disturbed(plan.call, place, references[plan.call], fault)


@contextlib.contextmanager
def _limited(room: int) -> Generator[None]:
    """Address space, which counts what is mapped whether it is touched or not."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


KIND = Kind(
    "memory",
    "Memory refused",
    "An allocation of numpy's fails, once or with all after it, at any place of the call; or the process may take no more than some kB to 48 MB. "
    "Right is an error of ours or MemoryError, or the answer where it could be had without.",
    (OURS, MEMORY),
    plan,
    carry_out,
)
