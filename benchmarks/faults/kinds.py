"""What a fault is, a run of it, and what came of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# How a run may end. The first is that of an undisturbed run, bit by bit.
RIGHT, OURS, MEMORY, STOPPED, SYSTEM = "right", "error of ours", "MemoryError", "interrupted", "error of the system"
STRAY, WRONG, CRASH, HANG = "stray error", "wrong bits", "crash", "hang"
BAD = (STRAY, WRONG, CRASH, HANG)


@dataclass(frozen=True)
class Plan:
    """One run: what is called, and what is done to it, in words and numbers; all of it a function of the run's number."""

    call: str
    told: str
    given: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    ``end`` is one of the words above, ``said`` the first words of an error, ``spoiled`` what was not as before afterwards: global modes, files,
    random generators, the bits of the next call.
    """

    end: str
    said: str = ""
    spoiled: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it ended well, and left all as it was."""
        return self.end not in BAD and not self.spoiled


@dataclass(frozen=True)
class Reference:
    """An undisturbed call in a process of its own: the digest of its bits, and its time."""

    digest: str
    seconds: float


@dataclass(frozen=True)
class Kind:
    """A kind of fault: ``plan`` draws a run, ``carry_out`` does it in a process of its own, in a folder that is new and empty.

    ``ends`` are the ends that are documented for it, beside the right bits; others fail.
    """

    name: str
    title: str
    told: str
    ends: tuple[str, ...]
    plan: Callable[[np.random.Generator, int], Plan]
    carry_out: Callable[[Plan, Path, Mapping[str, Reference]], Outcome]
    seconds: float = 300.0

    def drawn(self, number: int) -> Plan:
        """The plan of a run."""
        return self.plan(np.random.default_rng([int.from_bytes(self.name.encode(), "big") % 2**32, number]), number)
