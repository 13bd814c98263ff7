"""Where nothing has to move: of places that carry as much on one side as on the other, exactly, all may stay, at a cost of exactly 0."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..inputs.types import Indices
from ..kernels import monotone
from ..model.cost import Cost
from ..model.partial import Partial
from ..model.plan import Plan, SparsePlan
from ..model.problem import Problem
from .certificate import Certificate
from .dual import least_value, marginal_errors
from .exact_flow import carrying, exact_weights
from .steep import Parts, carry_alike

_NOISE = 1e-15  # of all mass: what rounding leaves of masses that balance, and may put anywhere


def prove_staying(problem: Problem, found: Certificate) -> Certificate:
    """What was proven, or [0, 0] where both sides carry as much at every place, in exact arithmetic.

    Rounding of a plan's masses leaves ``upper > 0``, and its root at a high order is wide. Where nothing is known of places, as of listed costs and
    callable metrics, pairs of the plan must carry exactly the masses, and cost 0.

    Parameters
    ----------
    problem : Problem
        As posed, not scaled: points that differ must not have become equal.
    found : Certificate
        Of kind ``dual``.
    """
    if not found.lower <= 0 < found.upper:
        return found
    places, proven = _places(problem.cost), replace(found, cost=0.0, lower=0.0, upper=0.0)
    if places is None:
        return proven if _costs_0(problem, found.plan) else found
    if not carry_alike(problem, places):
        return found
    return proven if _stays(problem.cost, found.plan) else _staying(problem, places, proven)


def _stays(cost: Cost, plan: Plan | None) -> bool:
    """Whether a plan moves nothing from its place, or there is none."""
    if not isinstance(plan, SparsePlan):
        return True
    used = plan.values > 0
    same = cost.coincide(plan.rows[used], plan.columns[used])
    return same is not None and bool(same.all())


def _staying(problem: Problem, places: Parts, found: Certificate) -> Certificate:
    """With a plan that leaves all where it is: of faint points another may move what rounding has left of the others."""
    orders = [np.argsort(part, kind="stable") for part in (places.rows, places.columns)]
    masses = [
        np.asarray(side.weights, np.float64)[order] for side, order in zip((problem.source, problem.target), orders)
    ]
    steps = monotone.exact_steps(*masses)
    plan = SparsePlan(orders[0][steps.rows], orders[1][steps.columns], steps.shares, problem.shape)
    return replace(found, plan=plan, marginal_error=max(marginal_errors(problem, plan)))


def _costs_0(problem: Problem, plan: Plan | None) -> bool:
    """Whether pairs that cost 0, where none costs less, carry exactly the masses; no pair but these is known to cost nothing."""
    if not isinstance(plan, SparsePlan):
        return False
    cost, used = problem.cost, plan.values > 0
    rows, columns = plan.rows[used], plan.columns[used]
    lengths = cost.clouds.distances if cost.of_points else cost  # powers underflow
    beside_dummies = lengths.shape != cost.shape  # which is for `prove_staying_in_part`
    if beside_dummies or least_value(cost) < 0 or lengths.pairs(rows, columns).any():
        return False
    one, other = (exact_weights(side) for side in (problem.source, problem.target))
    totals = sum(one), sum(other)
    masses = [mass * totals[1] for mass in one], [mass * totals[0] for mass in other]
    return carrying(rows, columns, *masses) is not None


def prove_staying_in_part(wanted: Partial, found: Certificate) -> Certificate:
    """The same of partial transport, whose plan has a dummy point on either side: what a place has more of on one side must stay there for nothing.

    Parameters
    ----------
    wanted : Partial
        What is asked, of the points as posed.
    found : Certificate
        Of the balanced problem with dummies.
    """
    if not found.lower <= 0 < found.upper:
        return found
    places = _places(wanted.problem.cost)
    stays = _costs_0_in_part(wanted, found.plan) if places is None else _costs_nothing(wanted, places)
    return replace(found, cost=0.0, lower=0.0, upper=0.0) if stays else found


def _places(cost: Cost) -> Parts | None:
    """Points that are at one place as one part; None where a metric that is not in the table might tell these apart."""
    if cost.entry is None:
        return None
    clouds, (n, _) = cost.clouds, cost.shape
    points = np.concatenate([cost.entry.places(clouds.x), cost.entry.places(clouds.y)])
    _, part = np.unique(points, axis=0, return_inverse=True)
    part = part.ravel()
    return Parts(int(part.max()) + 1, part[:n], part[n:])


def _costs_0_in_part(wanted: Partial, plan: Plan | None) -> bool:
    """Whether pairs that cost 0, where none costs less, and what stays for nothing carry exactly the masses."""
    masses = wanted.exact_masses
    if not isinstance(plan, SparsePlan) or masses is None:
        return False
    used = plan.values > _NOISE
    rows, columns = plan.rows[used], plan.columns[used]
    carry = carrying(rows, columns, *masses)
    return carry is not None and wanted.within(rows[carry], columns[carry]).reach == 0


def _costs_nothing(wanted: Partial, places: Parts) -> bool:
    """Whether all that is asked can be moved within places, and the rest stay where its price is 0; exactly."""
    count, *parts = places
    masses = wanted.exact_weights
    held = [_sums(mass, part, count) for mass, part in zip(masses, parts)]
    free = [
        _sums([z if price == 0 else Fraction(0) for z, price in zip(mass, prices.tolist())], part, count)
        for mass, part, prices in zip(masses, parts, wanted.prices)
    ]
    movable = sum((min(one, other) for one, other in zip(*held)), Fraction(0))
    if wanted.amount is not None:
        asked = min(Fraction(wanted.amount), *wanted.totals)
        if asked > movable or (asked < movable and any(bool(side.any()) for side in wanted.prices)):
            return False
    return all(one - other <= kept and other - one <= left for one, other, kept, left in zip(*held, *free))


def _sums(masses: list[Fraction], part: Indices, count: int) -> list[Fraction]:
    sums = [Fraction(0)] * count
    for mass, k in zip(masses, part.tolist(), strict=True):
        sums[k] += mass
    return sums
