"""Where costs of short pairs vanish beside those of long ones: solved again in the unit of the longest pair travelled, until it gets no shorter.

That is so at high orders, and at any order where points move little, or where some lie far from the others on both sides; and in cost
matrices where a huge number stands for a pair that must not be used. There is no unit in those, but the plan says which pairs no optimum has.
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
    best = _without_dear_pairs(first, solver, progress)
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


def _without_dear_pairs(first: Attempt, solver: Solver, progress: Progress) -> Attempt:
    """The best of attempts with a cost matrix, each from the plan of the one before, beside which dearer pairs need not be told apart."""
    best = first
    while not best.problem.cost.of_points and _is_solved(best) and _is_imprecise(best):
        solution = solver.solve(best.problem, progress, Claim(flows=best.solution.claim.flows))
        solution = replace(solution, iterations=solution.iterations + best.solution.iterations)
        again = Attempt(best.problem, solution, prove(best.problem, solution.claim))
        if not again.certificate.width < best.certificate.width / 2:
            return best._replace(solution=replace(best.solution, iterations=solution.iterations))
        best = again
    return best


def _may_improve(attempt: Attempt) -> bool:
    """Whether the interval is wide, in the unit of a plan between points."""
    entry = attempt.problem.cost.entry
    scalable = entry is not None and entry.scales
    return _is_solved(attempt) and scalable and attempt.certificate.unit is not None and _is_wide(attempt)


def _is_solved(attempt: Attempt) -> bool:
    """Whether there is a plan to go on from; where one point stands alone on a side there is but one, which is proven as it is."""
    solved = attempt.solution.status is Status.OPTIMAL and isinstance(attempt.certificate.plan, SparsePlan)
    return solved and 1 not in attempt.problem.shape


def _is_imprecise(attempt: Attempt) -> bool:
    """Whether the interval is so wide that `OPTIMAL` may not be said of it."""
    return not keeps_promise(attempt.problem, attempt.certificate, root=False)


def _is_wide(attempt: Attempt) -> bool:
    found = attempt.certificate
    if found.optimal or attempt.problem.p > STEEP:
        return not found.optimal
    return found.width > _WIDE * found.cost or not keeps_promise(attempt.problem, found, root=True)
