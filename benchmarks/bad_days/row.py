"""A row of the table: an input, what is true of it and how that is known, and who is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Call = Callable[[], Any]


@dataclass(frozen=True)
class Truth:
    """What is right, and how that is known.

    ``value`` is the number, or makes it; None where the problem is malformed, so that an error is the only right answer. A claim is right within
    ``relative`` of it and ``absolute``.
    """

    value: float | Callable[[], float] | None
    known: str
    relative: float = 1e-6
    absolute: float = 0.0

    @cached_property
    def number(self) -> float | None:
        """The value itself."""
        return self.value() if callable(self.value) else self.value

    def holds(self, claim: float, number: float) -> bool:
        """Whether a claim is right."""
        return claim == number or (
            math.isfinite(number) and abs(claim - number) <= self.relative * abs(number) + self.absolute
        )


def malformed(why: str) -> Truth:
    """There is no such problem."""
    return Truth(None, why)


@dataclass(frozen=True)
class Row:
    """One bad day.

    ``ask`` makes the input and returns calls by who is asked: the library's name first, then its function. Ours is ``"otgen"``. ``seen`` names the
    reports, where there are any; ``needs`` an extra that ours wants; ``slow`` keeps the row out of the fast tests, and ``timed``, of an answer in seconds,
    out of all.
    """

    name: str
    input: str
    truth: Truth
    ask: Callable[[], Mapping[str, Call]]
    seen: str = ""
    needs: str = ""
    slow: bool = False
    timed: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of one call.

    ``kind`` is one of ``number``, ``nothing`` (None, or what is no number), ``refused`` (an error that the library raises itself), ``stray`` (an error
    that fell out of it), ``crash``, ``hang`` and ``memory``. ``said`` is the error's first words, or the signal.
    """

    kind: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    said: str = ""
    warned: bool = False


# From best to worst, as the page counts them.
RIGHT, REFUSED, NOTHING, WARNED, WRONG = "right", "refused", "says nothing", "wrong, warned", "wrong number"
CRASH, HANG, MEMORY = "crash", "hang", "out of memory"
VERDICTS = (RIGHT, REFUSED, NOTHING, WARNED, WRONG, CRASH, HANG, MEMORY)


def verdict(truth: Truth, outcome: Outcome) -> str:
    """In one or two words. NaN says nothing: it is no wrong number. An interval that misses the truth is a wrong number whatever the value."""
    plain = {"refused": REFUSED, "stray": NOTHING, "nothing": NOTHING, "crash": CRASH, "hang": HANG, "memory": MEMORY}
    if outcome.kind != "number":
        return plain[outcome.kind]
    assert outcome.value is not None
    if math.isnan(outcome.value):
        return NOTHING
    number = truth.number
    if number is not None and truth.holds(outcome.value, number) and _inside(truth, outcome, number):
        return RIGHT
    return WARNED if outcome.warned else WRONG


def _inside(truth: Truth, outcome: Outcome, number: float) -> bool:
    if outcome.lower is None or outcome.upper is None:
        return True
    rounding = 4e-15 * abs(number) if math.isfinite(number) else 0.0  # of the truth, where it is computed
    room = max(rounding, truth.absolute, truth.relative * abs(number) if truth.relative > 1e-6 else 0.0)
    return outcome.lower - room <= number <= outcome.upper + room
