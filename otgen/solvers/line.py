"""One dimension: sorting is solving, and sorting is the proof."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidInput
from ..model.claim import Claim
from ..model.problem import Problem
from ..model.status import Status
from .base import Progress, Solution, checked_call, refuse_start, silent


@dataclass(frozen=True)
class Line:
    """Optimal transport on the line for the cost ``|x - y| ** p``, any p in [1, inf], in O((n + m) log (n + m)).

    The claim is empty: the sorted order is the answer, and whoever proves it sorts the points as posed.
    Sorting cannot be interrupted.

    Examples
    --------
    >>> import otgen
    >>> otgen.wasserstein([0, 1, 2], [1, 2, 3], p=1, solver=otgen.solvers.Line()).value
    1.0
    """

    def solve(self, problem: Problem, progress: Progress = silent, init: Claim | None = None) -> Solution:
        """Nothing is left to do; raises `InvalidInput` off the line or with an entropic term."""
        checked_call(problem, progress, init)
        if not problem.on_line or problem.epsilon:
            raise InvalidInput(
                f"solver='line' must get points with one coordinate and no epsilon; received {problem!r}; use solver='auto'"
            )
        refuse_start(init, "Line")
        return Solution(Claim(), Status.OPTIMAL, 0, "Line")
