"""The choice of a solver, and its reasons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..model.claim import Claim
from ..model.problem import Problem
from .base import Enough, Progress, Solution, Solver, checked_call, silent
from .bottleneck import Bottleneck
from .circle import Circle
from .cost_model import Expected, bottleneck, on_circle, on_line, simplex, sinkhorn
from .line import Line
from .simplex import Simplex
from .sinkhorn import Sinkhorn

_FEW_PAIRS = 2**16  # on a circle the simplex takes as long for these, and leaves narrower intervals where p > 1

_EXPECTED: dict[type[Any], Callable[[Problem], Expected]] = {
    Line: on_line,
    Circle: on_circle,
    Simplex: simplex,
    Bottleneck: bottleneck,
    Sinkhorn: sinkhorn,
}


@dataclass(frozen=True)
class Auto:
    """Pick a solver by what the problem is.

    ===========================================  ==============================================
    problem                                      solver
    ===========================================  ==============================================
    epsilon > 0                                  `Sinkhorn`
    one coordinate on a line, any p up to inf    `Line`
    one coordinate on a circle: p = 1, or many   `Circle`
    p = inf with more coordinates, or a circle   `Bottleneck`
    anything else                                `Simplex`
    ===========================================  ==============================================

    A callable metric and ``"cosine"`` have no line. Many on a circle are more than 2**16 pairs.

    Examples
    --------
    >>> import otgen
    >>> print(otgen.solvers.Auto().explain(otgen.Problem.from_points([0.0], [1.0])))
    Line: the points have one coordinate, so sorting solves the problem. Expect under 0.1 s and 160 MB.
    """

    def choose(self, problem: Problem) -> tuple[Solver, str]:
        """The solver and the reason."""
        checked_call(problem, silent, None)
        if problem.epsilon:
            return Sinkhorn(), "epsilon > 0 asks for entropic transport."
        if problem.on_line:
            return Line(), "the points have one coordinate, so sorting solves the problem."
        if problem.on_circle and (problem.p == 1 or (math.prod(problem.shape) > _FEW_PAIRS and not problem.bottleneck)):
            return Circle(), "the points lie on a circle, where sorting solves the problem but for a shift."
        if problem.bottleneck:
            return Bottleneck(), "p = inf asks for the longest pair, which is found by bisection."
        return Simplex(), "exact transport; pairs are priced as they are needed, so memory grows with n + m, not n m."

    def expected(self, problem: Problem) -> Expected:
        """Seconds and bytes that the solve will take: on two cores and clouds as in the benchmarks, to within a factor of 3."""
        solver, _ = self.choose(problem)
        return _EXPECTED[type(solver)](problem)

    def explain(self, problem: Problem) -> str:
        """Which solver would run, why, and what it will take; for `Sinkhorn`, what a hundred iterations take."""
        solver, reason = self.choose(problem)
        unit = " for 100 iterations" if problem.epsilon else ""
        return f"{type(solver).__name__}: {reason} Expect {self.expected(problem)}{unit}."

    def solve(
        self, problem: Problem, progress: Progress = silent, init: Claim | None = None, enough: Enough | None = None
    ) -> Solution:
        """Solve by the solver chosen, which `Simplex` alone may end before it is done; on a circle a start would save nothing."""
        checked_call(problem, progress, init)
        solver, _ = self.choose(problem)
        if isinstance(solver, Circle):
            return solver.solve(problem, progress)
        if isinstance(solver, Simplex):
            return solver.solve(problem, progress, init, enough)
        return solver.solve(problem, progress, init)
