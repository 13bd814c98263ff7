"""When a solve may stop: as soon as its proven interval settles what was asked, in the caller's units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..inputs import scalars
from ..model.claim import Claim
from ..model.problem import Problem
from ..model.units import Units
from ..proofs import Certificate, prove, way_back
from ..solvers.base import Enough

Question = Callable[[float, float], bool]


@dataclass(frozen=True)
class Outside:
    """Whether an interval leaves (low, high): proven to be at most ``low``, or at least ``high``.

    Examples
    --------
    >>> beyond = Outside(2.0, 3.0)
    >>> beyond(1.0, 2.0), beyond(1.0, 2.5), beyond(3.0, 9.0)
    (True, False, True)
    """

    low: float
    high: float

    def __call__(self, lower: float, upper: float) -> bool:
        """Of the bounds of a value."""
        return upper <= self.low or lower >= self.high


def question(enough: Any) -> Question:
    """What a caller has asked: a pair (low, high), or a callable of (lower, upper).

    Raises
    ------
    InvalidInput
        For anything else, and for a pair that is no interval.
    """
    if callable(enough):
        return lambda lower, upper: scalars.flag(enough(lower, upper), "enough(lower, upper)")
    try:
        ends = tuple(enough)
    except (TypeError, RuntimeError):  # the latter of nested tensors
        ends = ()
    low, high = (scalars.real(end, "enough") for end in ends) if len(ends) == 2 else (math.nan, math.nan)
    if not low <= high:
        raise InvalidInput(
            f"enough must be a pair (low, high) with low <= high, or a callable of (lower, upper); received {scalars.told(enough)}; "
            f"pass (r, r) to learn on which side of r the value lies"
        )
    return Outside(low, high)


@dataclass(eq=False)
class Asked:
    """A question about the value of a scaled problem, to which ``back`` is the way, and the last claim that was proven to answer it."""

    question: Question
    scaled: Problem
    back: Units
    proven: tuple[Claim, Certificate] | None = None

    @classmethod
    def of(cls, question: Question, scaled: Problem, *, mass: float, root: bool) -> Asked:
        """In the caller's units, for a mass, of the root where the value is one."""
        return cls(question, scaled, Units.of(scaled, mass, root=root))

    @property
    def enough(self) -> Enough:
        """What a solver is told."""
        return Enough(self._seems, self._proves)

    def certificate(self, claim: Claim) -> Certificate:
        """What a claim proves; known already where it was the last one."""
        if self.proven is not None and self.proven[0] is claim:
            return self.proven[1]
        return prove(self.scaled, claim)

    def _seems(self, lower: float, upper: float) -> bool:
        ends = (self.back.value(end) if math.isfinite(end) else end for end in (lower, upper))
        return self.question(*ends)

    def _proves(self, claim: Claim) -> bool:
        found = prove(self.scaled, claim)
        self.proven = claim, found
        told = way_back(found, self.back)
        return self.question(told.value(found.lower, -1), told.value(found.upper, 1))
