"""Where nothing has to move: a plan between points that coincide, whose masses balance exactly, costs exactly 0."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..inputs.types import Indices
from ..model.measure import Measure
from ..model.partial import Partial
from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate
from .dual import least_value
from .exact_flow import carrying
from .steep import balanced, connected_parts

_NOISE = 1e-15  # of all mass: what rounding leaves of the masses of places that balance, and may put anywhere


def prove_staying(problem: Problem, found: Certificate) -> Certificate:
    """What was proven of a plan of cost 0, or [0, 0] where the points that it connects are the same ones.

    Rounding of the plan's masses leaves ``upper > 0``, and its root at a high order is wide. But points that pairs of the plan connect are one
    place; if it holds as much on one side as on the other, in exact arithmetic, some plan leaves all of it there.

    Parameters
    ----------
    problem : Problem
        As posed, not scaled: points that differ must not have become equal.
    found : Certificate
        Of kind ``dual``.

    Where nothing is known of places, as of listed costs and callable metrics, pairs of the plan must carry exactly the masses, and cost 0.
    """
    plan = found.plan
    if found.cost > 0 or found.upper == 0 or not isinstance(plan, SparsePlan):
        return found
    used = plan.values > 0
    rows, columns = plan.rows[used], plan.columns[used]
    same = problem.cost.coincide(rows, columns)
    stays = _costs_0(problem, rows, columns) if same is None else same.all() and balanced(problem, rows, columns)
    return replace(found, cost=0.0, lower=0.0, upper=0.0) if stays else found


def _costs_0(problem: Problem, rows: Indices, columns: Indices) -> bool:
    """Whether pairs that cost 0, where none costs less, carry exactly the masses; no pair but these is known to cost nothing."""
    cost = problem.cost
    lengths = cost.clouds.distances if cost.of_points else cost  # powers underflow
    beside_dummies = lengths.shape != cost.shape  # which is for `prove_staying_in_part`
    if beside_dummies or least_value(cost) < 0 or lengths.pairs(rows, columns).any():
        return False
    one, other = (_exact_weights(side) for side in (problem.source, problem.target))
    totals = sum(one), sum(other)
    masses = [mass * totals[1] for mass in one], [mass * totals[0] for mass in other]
    return carrying(rows, columns, *masses) is not None


def _exact_weights(side: Measure) -> list[Fraction]:
    """Weights as rationals, equal ones where none were given."""
    if side.uniform:
        return [Fraction(1)] * len(side)
    return [Fraction(weight) for weight in np.asarray(side.weights, np.float64).tolist()]


def prove_staying_in_part(wanted: Partial, found: Certificate) -> Certificate:
    """The same of partial transport, whose plan has a dummy point on either side: what a place has more of on one side must stay there for nothing.

    Parameters
    ----------
    wanted : Partial
        What is asked, of the points as posed.
    found : Certificate
        Of the balanced problem with dummies.
    """
    plan = found.plan
    little = found.cost <= _NOISE * found.scale and found.upper > 0
    if not little or not isinstance(plan, SparsePlan) or wanted.left_out is not None:
        return found
    n, m = wanted.problem.shape
    used = (plan.values > _NOISE) & (plan.rows < n) & (plan.columns < m)
    rows, columns = plan.rows[used], plan.columns[used]
    same = wanted.problem.cost.coincide(rows, columns)
    stays = _costs_0_in_part(wanted, plan) if same is None else same.all() and _costs_nothing(wanted, rows, columns)
    return replace(found, cost=0.0, lower=0.0, upper=0.0) if stays else found


def _costs_0_in_part(wanted: Partial, plan: SparsePlan) -> bool:
    """Whether pairs that cost 0, where none costs less, and what stays for nothing carry exactly the masses."""
    used = plan.values > _NOISE
    rows, columns = plan.rows[used], plan.columns[used]
    masses = wanted.exact_masses
    if not wanted.gains_nothing or plan.shape == wanted.problem.shape or masses is None:
        return False
    carry = carrying(rows, columns, *masses)
    return carry is not None and wanted.within(rows[carry], columns[carry]).reach == 0


def _costs_nothing(wanted: Partial, rows: Indices, columns: Indices) -> bool:
    """Whether all that is asked can be moved between points that pairs connect, and the rest stay where its price is 0; exactly."""
    count, *parts = connected_parts(wanted.problem.shape, rows, columns)
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
