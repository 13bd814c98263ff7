"""Partial transport where some pairs or prices cost far more than any that are used: solved again, with none counted as more than a plan shows to be needed.

Why that changes no optimum is said in :mod:`otgen.model.partial`; that the plan has exactly the masses is shown here, in rational arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ..model.partial import Partial
from ..model.plan import SparsePlan
from ..proofs import carrying
from ..solvers import Auto, Simplex, Solver
from .solve import attempted
from .steep import Attempt

_NARROW = 1e-12  # of the cost: an interval no wider cannot be narrowed by that
_FAINT = 2.0**-256  # of a largest cost: it is far from 1, as reaches make it
_LESS = 2.0**10  # times less than the largest cost: where all counts as at most that, another solve is worth it


def confined(wanted: Partial, chosen: Solver, *, progress: bool) -> tuple[Partial, Attempt]:
    """What was asked, perhaps with a reach, and what was solved and proven of it."""
    attempt = attempted(wanted.posed.problem, chosen, progress=progress)
    while (nearer := _nearer(wanted, attempt)) is not None:
        start = attempt.certificate.plan if isinstance(chosen, Auto | Simplex) else None
        again = attempted(nearer.posed.problem, chosen, progress=progress, init=start)
        iterations = attempt.solution.iterations + again.solution.iterations
        wanted, attempt = nearer, again._replace(solution=replace(again.solution, iterations=iterations))
    return wanted, attempt


def _nearer(wanted: Partial, attempt: Attempt) -> Partial | None:
    """The same with a reach that makes the largest cost much smaller; None where the plan shows none, or where that is not needed."""
    found, plan, highest = attempt.certificate, attempt.certificate.plan, float(attempt.problem.cost.highest)
    width = found.upper - found.lower + 2 * wanted.posed.rounded * highest
    if width <= _NARROW * abs(found.cost) or not isinstance(plan, SparsePlan):
        return None
    masses, used = wanted.exact_masses, plan.values > 0
    rows, columns = plan.rows[used], plan.columns[used]
    if wanted.amount == 0 or plan.shape == wanted.problem.shape or masses is None:
        return None
    carry = carrying(rows, columns, *masses)
    if carry is None:
        return None
    nearer, cost = wanted.within(rows[carry], columns[carry]), attempt.problem.cost
    farthest = cost.scale.times(highest ** (1 / cost.p))
    faint = highest < _FAINT and wanted.reach == math.inf
    gains = nearer.reach * (nearer.turns * _LESS) ** (1 / cost.p) < farthest
    return nearer if 0 < nearer.reach < math.inf and (gains or faint) else None
