"""Two short proofs on the line, where sorting solves the problem.

``monotone``: for a convex cost h(x - y) the potentials that are tight along the staircase of the sorted coupling are
feasible for all pairs (the cost is Monge: ``c(x, y) + c(x', y') <= c(x, y') + c(x', y)`` for x <= x', y <= y'), and plan
and potentials have the same value in real arithmetic. So the coupling's cost is the optimum; what remains is rounding.

``cut``: let the coupling's largest distance be t, between sorted points i and j, with x_i >= y_j say. The sources
from i on have more mass than the targets after j (the step at (i, j) carries mass), yet every target closer than t to
one of them comes after j. So no plan has all distances below t.

The points are sorted here, from the problem as posed; breakpoints are decided exactly. Where pairs of doubles cannot decide a tie, it
is charged with the mass that it may misplace, and where that would be seen in the interval, whole numbers decide.

Powers are taken in a unit. High ones are those of ``distance / largest``, with the largest distance L that is travelled as
the unit: quotients err by 3 u, so their powers by a factor within ``exp(3 p u)``; and whatever p is,
``s (1 - u)^p <= W_p^p / L^p <= (1 + u)^p`` for the share s of the mass that travels L, which is known to one rounding.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels import monotone
from ..kernels.double_double import UNIT
from ..model.plan import MonotonePlan
from ..model.problem import Problem
from ..model.units import STEEP
from .certificate import Certificate, above, below

_FAINT = 1e-200  # mean powers below may have lost digits to underflow
_SEEN = 1e-11  # of the scale: a charge above would be seen in the interval
_QUICK = 10_000  # points whose staircase in whole numbers takes no time to speak of
_LOST = 2.0**-1000  # distances below, of points that have lost digits to a power of two


class _Mean(NamedTuple):
    """A mean of ``(distance / unit) ** power``: the charge for misplaced mass, the roundings of a sum, the largest
    distance and the share that travels it.
    """

    cost: float
    charge: float
    terms: float
    largest: float
    share: float


def prove_monotone(problem: Problem) -> Certificate:
    """Prove an interval for the mean of ``|x - y| ** power`` under the optimal coupling of points on the line."""
    return monotone_mean(problem.monotone, problem.line_power, lossless=problem.cost.lossless)


def monotone_mean(plan: MonotonePlan, power: float, *, lossless: bool = True) -> Certificate:
    """The same of a coupling in order; ``lossless`` unless points were divided by what cost the smallest ones digits."""
    found = None if power > STEEP else _mean(plan, power, 1.0)
    if found is None or not _FAINT < found.cost < 1 / _FAINT or math.isinf(found.charge):
        return _steep(plan, power, _largest(plan) if found is None else found.largest, lossless)
    farthest = float(_powered(_span(plan), power))
    scale = max(found.cost, 1e-7 * farthest)
    if found.charge > _SEEN * (found.cost if len(plan.x) + len(plan.y) < _QUICK else scale):
        found = _exact_mean(plan, power, 1.0)
    cost = found.cost
    margin = 1.01 * (2 * power + 8 + found.terms) * UNIT * cost + found.charge + 1e-300
    return Certificate("monotone", cost, below(cost, margin), above(cost, margin), scale, 0.0, plan)


def _steep(plan: MonotonePlan, power: float, largest: float, lossless: bool) -> Certificate:
    """The same in the unit of the largest distance, for powers that would under- or overflow, and for equal measures."""
    found = _mean(plan, power, largest)
    if found.charge > _SEEN * found.cost:
        found = _exact_mean(plan, power, None)
    unit = found.largest
    if not lossless and unit < _LOST and _span(plan) > 0:
        return Certificate("monotone", (unit / _LOST) ** power, 0.0, 1.0, math.inf, 0.0, plan, unit=_LOST)
    if unit == 0:
        return Certificate("monotone", 0.0, 0.0, 0.0, 0.0, 0.0, plan)
    cost, rounding = found.cost, 1.01 * (3 * power + 8 + found.terms) * UNIT
    down, up = (math.exp(min(sign * rounding, 700.0)) for sign in (-1, 1))
    lower = min(cost, max(below(cost * down, found.charge), found.share * (1 - 8 * UNIT)))
    upper = max(cost, min(above(cost * up, found.charge), 1.0))
    slope = (
        (upper - lower) / math.log(upper / lower) if 0 < lower < upper else cost
    )  # of the logarithm, which is p times the value's
    return Certificate("monotone", cost, lower, upper, power * slope, 0.0, plan, unit=unit)


def _span(plan: MonotonePlan) -> float:
    """How far apart points with mass may lie."""
    (low_x, high_x), (low_y, high_y) = (
        _ends(z, weights) for z, weights in ((plan.x_sorted, plan.a), (plan.y_sorted, plan.b))
    )
    return float(max(abs(high_x - low_y), abs(high_y - low_x)))


def _ends(points: Floats, weights: Floats | None) -> Floats:
    """The first and the last of sorted points (n,) that has mass."""
    if weights is None or (weights[0] > 0 and weights[-1] > 0):
        return points[[0, -1]]
    return points[np.flatnonzero(weights)[[0, -1]]]


def _is_paired(plan: MonotonePlan) -> bool:
    return plan.a is None and plan.b is None and len(plan.x) == len(plan.y)


def _largest(plan: MonotonePlan) -> float:
    """The largest distance that is travelled."""
    return float(np.abs(plan.x_sorted - plan.y_sorted).max()) if _is_paired(plan) else plan.largest


def _mean(plan: MonotonePlan, power: float, unit: float) -> _Mean:
    """The mean power in doubles."""
    if _is_paired(plan):
        return _paired(plan.x_sorted, plan.y_sorted, power, unit)
    both, unit = plan.masses, unit or 1.0
    walked = monotone.walk(both, plan.x_sorted, plan.y_sorted, power, unit)
    misplaced = (len(plan.x) + len(plan.y)) * both.tie / both.total
    sure = not walked.unsure and not _may_lose_a_point(plan) and (not walked.tied or _ties_are_exact(plan))
    reach = walked.largest if sure else _span(plan)
    charge = max(misplaced * _powered(reach / unit, power), 2.0**-1070 if reach > 0 else 0.0)
    return _Mean(walked.cost, charge, 24, walked.largest, max(walked.share - misplaced, 0.0))


def _ties_are_exact(plan: MonotonePlan) -> bool:
    """Whether pairs of doubles hold all cumulative sums exactly, so that breakpoints that agree there do agree."""
    both = plan.masses
    if plan.a is None and plan.b is None:  # whole numbers
        return True
    return both.ratio == (1.0, 0.0) and _least_weight(plan) > 2.0**-48 * both.total


def _may_lose_a_point(plan: MonotonePlan) -> bool:
    """Whether some point weighs so little that sums do not tell it from a rounding of the quotient of the totals."""
    both = plan.masses
    weighed = plan.a is not None or plan.b is not None
    return weighed and both.ratio != (1.0, 0.0) and _least_weight(plan) <= 4 * both.tie


def _least_weight(plan: MonotonePlan) -> float:
    return min(float(z[z > 0].min()) for z in (plan.masses.a, plan.masses.b))


def _exact_mean(plan: MonotonePlan, power: float, unit: float | None) -> _Mean:
    """The mean power with breakpoints decided and shares computed in whole numbers; a unit of None is the largest distance."""
    steps = monotone.exact_steps(plan.masses.a, plan.masses.b)
    distances = np.abs(plan.x_sorted[steps.rows] - plan.y_sorted[steps.columns])
    largest = float(distances.max())
    cost = math.fsum(steps.shares * _powered(distances / (unit or largest or 1.0), power))
    share = float(steps.shares[distances.argmax()]) - 2.0**-1074  # shares below all normal floats have few digits
    return _Mean(cost, 2.0**-1070 + len(distances) * 2.0**-1073, 8, largest, max(share, 0.0))


def _powered(base: Any, power: float) -> Any:
    """``base ** power``; infinite where that is beyond all floats."""
    with np.errstate(over="ignore", under="ignore"):
        return np.float64(base) ** power if np.ndim(base) == 0 else base**power


def _paired(x: Floats, y: Floats, power: float, unit: float) -> _Mean:
    """Mean of the powers of sorted differences; numpy's pairwise sum errs by less than (24 + log2 n) u."""
    distances = np.abs(x - y)
    largest, terms = float(distances.max()), min(len(x), 24 + math.log2(len(x)))
    if unit not in (0.0, 1.0):
        distances /= unit
    if power == 2:
        distances *= distances
    elif power != 1:
        distances = _powered(distances, power)
    return _Mean(float(distances.mean()), 0.0, terms, largest, (1 - 2 * UNIT) / len(x))


def prove_line_cut(problem: Problem) -> Certificate:
    """Prove the largest distance under the best coupling of points on the line, ``W_inf``; exact up to one rounding."""
    return monotone_largest(problem.monotone)


def monotone_largest(plan: MonotonePlan) -> Certificate:
    """The same of a coupling in order."""
    x, y = plan.x_sorted, plan.y_sorted
    walked = monotone.walk(plan.masses, x, y, 1.0)
    largest = walked.largest
    faint = min(float(z[z > 0].min()) / float(z.sum()) for z in (plan.masses.a, plan.masses.b))
    told_apart = not walked.unsure and faint >= 2.0**-80 and (not walked.tied or _ties_are_exact(plan))
    if not told_apart:  # by pairs of doubles
        steps = monotone.exact_steps(plan.masses.a, plan.masses.b)
        largest = float(np.abs(x[steps.rows] - y[steps.columns]).max())
    margin = UNIT * largest
    return Certificate("cut", largest, below(largest, margin), above(largest, margin), largest, 0.0, plan)
