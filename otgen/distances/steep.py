"""Where costs of short pairs vanish beside those of long ones: solved again in the unit of the longest pair travelled, until it gets no shorter.

That is so at high orders, and at any order where points move little, or where some lie far from the others on both sides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ..model import units
from ..model.claim import Claim
from ..model.plan import SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import STEEP
from ..proofs import Certificate, keeps_promise, prove
from ..solvers import Solution, Solver
from ..solvers.base import Progress

_WIDE = 1e-8  # of the cost, at moderate orders: below that another solve is not worth it, unless `OPTIMAL` is at stake
_SHORTER = 0.999  # of the distance before: with less to gain another solve is not worth it


class Attempt(NamedTuple):
    """A scaled problem, what a solver says of it, and what that proves."""

    problem: Problem
    solution: Solution
    certificate: Certificate

    def distance(self, cost: float) -> float:
        """A cost of the certificate as a distance, in units that all attempts share."""
        length = (self.certificate.unit or 1.0) * max(cost, 0.0) ** (1 / self.problem.p)
        return self.problem.cost.scale.times(length)

    @property
    def width(self) -> float:
        """Of the interval, as distances."""
        return self.distance(self.certificate.upper) - self.distance(self.certificate.lower)


def resolved(first: Attempt, solver: Solver, progress: Progress) -> Attempt:
    """The best of the attempts, each in the unit of the longest pair of the one before; the first where it is good enough."""
    best = first
    while _may_improve(best):
        assert best.certificate.unit
        problem = units.in_unit(best.problem, best.certificate.unit)
        solution = solver.solve(problem, progress, Claim(flows=best.solution.claim.flows))
        solution = replace(solution, iterations=solution.iterations + best.solution.iterations)
        again = Attempt(problem, solution, prove(problem, solution.claim))
        if not again.distance(again.certificate.cost) < _SHORTER * best.distance(best.certificate.cost):
            kept = min(again, best, key=lambda attempt: attempt.width)
            return kept._replace(solution=replace(kept.solution, iterations=solution.iterations))
        best = again
    return best


def _may_improve(attempt: Attempt) -> bool:
    """Whether the interval is wide, in the unit of a plan between points."""
    solved = attempt.solution.status is Status.OPTIMAL and isinstance(attempt.certificate.plan, SparsePlan)
    entry, one_plan = attempt.problem.cost.entry, 1 in attempt.problem.shape  # which is proven as it is
    scalable = entry is not None and entry.scales and not one_plan
    return solved and scalable and attempt.certificate.unit is not None and _is_wide(attempt)


def _is_wide(attempt: Attempt) -> bool:
    found = attempt.certificate
    if found.optimal or attempt.problem.p > STEEP:
        return not found.optimal
    return found.upper - found.lower > _WIDE * found.cost or not keeps_promise(attempt.problem, found, root=True)
