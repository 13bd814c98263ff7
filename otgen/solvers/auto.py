"""The choice of a solver, and its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..problem import Problem
from .base import Progress, Solution, Solver, silent
from .line import Line
from .simplex import Simplex
from .sinkhorn import Sinkhorn


@dataclass(frozen=True)
class Auto:
    """Pick a solver by what the problem is.

    ===========================================  ==============================================
    problem                                      solver
    ===========================================  ==============================================
    epsilon > 0                                  `Sinkhorn`
    points with one coordinate, any p up to inf  `Line`
    p = inf with more coordinates                none yet: an error that names `Line`
    anything else                                `Simplex`
    ===========================================  ==============================================

    Examples
    --------
    >>> import otgen
    >>> print(otgen.solvers.Auto().explain(otgen.Problem.from_points([0.0], [1.0])))
    Line: the points have one coordinate, so sorting solves the problem.
    """

    def choose(self, problem: Problem) -> tuple[Solver, str]:
        """The solver and the reason."""
        if problem.epsilon:
            return Sinkhorn(), "epsilon > 0 asks for entropic transport."
        if problem.on_line:
            return Line(), "the points have one coordinate, so sorting solves the problem."
        if problem.bottleneck:
            raise InvalidInput(
                f"p=inf is solved on the line only, by solvers.Line; received points with {problem.source.dim} coordinates; "
                f"use a large finite p, or project"
            )
        return Simplex(), "exact transport; pairs are priced as they are needed, so memory grows with n + m, not n m."

    def explain(self, problem: Problem) -> str:
        """Which solver would run, and why."""
        solver, reason = self.choose(problem)
        return f"{type(solver).__name__}: {reason}"

    def solve(self, problem: Problem, progress: Progress = silent, init: Any = None) -> Solution:
        """Solve by the solver chosen."""
        return self.choose(problem)[0].solve(problem, progress, init)
