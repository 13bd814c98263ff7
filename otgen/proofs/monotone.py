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
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels import monotone
from ..kernels.double_double import UNIT
from ..kernels.outward import LEAST, LEAST_NORMAL
from ..model.plan import MonotonePlan
from ..model.problem import Problem
from ..model.units import STEEP
from .certificate import Certificate, above, below

_FAINT = 1e-200  # mean powers below may have lost digits to underflow
_SEEN = 1e-11  # of the scale: a charge above would be seen in the interval
_SLICED = 1e-9  # of a slice's cost: a charge above would be seen beside other slices'
_QUICK = 10_000  # points whose staircase in whole numbers takes no time to speak of
_STRAIGHT = 0.499  # of a period: points within lie no nearer the other way round
_LOST = 2.0**-1000  # distances below, of points that have lost digits to a power of two
_ROOM = 700.0  # of the logarithms of floats, which end at 709
_FINEST = 2.0**-1000  # of the largest distance: no unit is smaller, so that quotients are floats


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
    found = monotone_mean(problem.monotone, problem.line_power, lossless=problem.cost.lossless)
    return replace(found, degree=max(1, problem.cost.degree))


def monotone_mean(plan: MonotonePlan, power: float, *, lossless: bool = True) -> Certificate:
    """The same of a coupling in order; ``lossless`` unless points were divided by what cost the smallest ones digits."""
    found = None if power > STEEP else _mean(plan, power, 1.0)
    if found is None or not _FAINT < found.cost < 1 / _FAINT or math.isinf(found.charge):
        return _steep(plan, power, lossless)
    farthest = float(_powered(_span(plan), power))
    scale = max(found.cost, 1e-7 * farthest)
    if found.charge > _SEEN * (found.cost if len(plan.x) + len(plan.y) < _QUICK else scale):
        found = _exact_mean(plan, power, 1.0)
    cost = found.cost
    margin = 1.01 * (2 * power + 8 + found.terms) * UNIT * cost + found.charge
    return Certificate("monotone", cost, max(below(cost, margin), 0.0), above(cost, margin), scale, 0.0, plan)


def are_plain(costs: Floats, charges: Floats, power: float) -> Any:
    """Which mean powers, (k,), walked in doubles, with charges (k,) for misplaced mass, are those of `monotone_mean` to nine digits for sure."""
    return (power <= STEEP) & (costs > _FAINT) & (costs < 1 / _FAINT) & (charges <= _SLICED * costs)


def prove_straight(problem: Problem, plain: Certificate) -> Certificate:
    """What is proven on a circle where all points lie within half of it: there nobody goes round. Else, and where that is narrow, what was proven before."""
    entry, period = problem.cost.entry, problem.cost.period
    if entry is None or period is None or plain.upper - plain.lower <= 1e-10 * plain.cost:
        return plain
    before = [entry.places(z)[:, 0] for z in (problem.cost.clouds.x, problem.cost.clouds.y)]
    after = [np.where(z < 0, z + period, z) for z in before]  # those beside half a period from 0
    exact = all((turned - np.where(z < 0, period, 0.0) == z).all() for turned, z in zip(after, before, strict=True))
    for x, y in (before, after) if exact else (before,):
        if max(x.max(), y.max()) - min(x.min(), y.min()) <= _STRAIGHT * period:
            plan = MonotonePlan.between(x, y, problem.source, problem.target)
            return monotone_mean(plan, problem.p, lossless=problem.cost.lossless)
    return plain


def _steep(plan: MonotonePlan, power: float, lossless: bool) -> Certificate:
    """The same in the unit of the largest distance, for powers that would under- or overflow, and for equal measures."""
    found = _mean(plan, power, _largest(plan))
    rounding = 1.01 * (3 * power + 8 + found.terms) * UNIT
    down = math.exp(-rounding)
    if found.charge > _SEEN * min(found.cost, max(found.cost * down, found.share)):
        found = _exact_mean(plan, power, None)
        if found.charge > _SEEN * found.cost and rounding < _ROOM / 2 and lossless and found.largest > 0:
            return _by_logarithms(plan, power)
    cost, unit = found.cost, found.largest
    if not lossless and unit < _LOST:
        return Certificate("monotone", (unit / _LOST) ** power, 0.0, 1.0, math.inf, 0.0, plan, unit=_LOST)
    if unit == 0:
        return Certificate("monotone", 0.0, 0.0, 0.0, 0.0, 0.0, plan)
    up = above(cost / down, found.charge) if rounding < _ROOM else 1.0
    lower = min(cost, max(below(cost * down, found.charge), found.share * (1 - 8 * UNIT), 0.0))
    upper = max(cost, min(up, 1.0))
    return _of_interval(plan, power, unit, (cost or upper, lower, upper))  # no plan costs nothing


def _by_logarithms(plan: MonotonePlan, power: float) -> Certificate:
    """The same where shares, or their products with powers, are below all normal floats: by logarithms, in the unit of the dearest step alone."""
    steps, distances = _exact_distances(plan)
    moved = distances > 0
    logs, distances = steps.logs[moved], distances[moved]
    with np.errstate(under="ignore"):
        unit = max(float((distances * np.exp(logs / power)).max()), _FINEST * float(distances.max()), LEAST_NORMAL)
        roots = np.log(distances / unit)
        terms = logs + power * roots
        errors = UNIT * (3 * np.abs(logs) + power * (4 + 4 * np.abs(roots)) + 16)  # of exponents, powers and sums
        cost, lower, upper = (math.fsum(np.exp(terms + way * errors)) for way in (0, -1, 1))
    lost = len(terms) * LEAST
    return _of_interval(plan, power, unit, (cost, max(below(lower, lost), 0.0), above(upper, lost)))


def _of_interval(plan: MonotonePlan, power: float, unit: float, interval: tuple[float, float, float]) -> Certificate:
    """A mean power in a unit with both ends, compared with p times what its logarithm grows by: as the distance is."""
    cost, lower, upper = interval
    slope = (upper - lower) / math.log(upper / lower) if 0 < lower < upper else lower
    return Certificate("monotone", cost, lower, upper, power * slope, 0.0, plan, unit=unit)


def _span(plan: MonotonePlan) -> float:
    """How far apart points with mass may lie."""
    (low_x, high_x), (low_y, high_y) = (
        _ends(z, weights) for z, weights in ((plan.x_sorted, plan.a), (plan.y_sorted, plan.b))
    )
    return float(max(abs(high_x - low_y), abs(high_y - low_x)))


def _ends(points: Floats, weights: Floats | None) -> Floats:
    """The first and the last of sorted points (n,) that has mass."""
    if weights is None or min(weights[0], weights[-1]) > 0:
        return points[[0, -1]]
    weighed = weights > 0
    return points[[weighed.argmax(), -1 - weighed[::-1].argmax()]]


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
    reach = walked.largest if _meets_are_sure(plan, walked) else _span(plan)
    charge = max(misplaced * _powered(reach / unit, power), 2.0**-1070 if reach > 0 else 0.0)
    return _Mean(walked.cost, charge, 24, walked.largest, walked.share - misplaced)


def _meets_are_sure(plan: MonotonePlan, walked: monotone.Walked) -> bool:
    """Whether the points that met share mass, and no others do: sums pass over no point, and breakpoints that agree there do agree."""
    both, lightest = plan.masses, plan.masses.lightest
    told_apart = not walked.unsure and lightest > 4 * both.tie
    # a pair has 106 bits, of which sums of such weights take 102
    sums_are_exact = both.ratio == (1.0, 0.0) and lightest > 2.0**-48 * both.total
    return told_apart and (not walked.tied or sums_are_exact)


def _exact_mean(plan: MonotonePlan, power: float, unit: float | None) -> _Mean:
    """The mean power with breakpoints decided and shares computed in whole numbers; a unit of None is the largest distance."""
    steps, distances = _exact_distances(plan)
    largest = float(distances.max())
    powers = _powered(distances / (unit or largest or 1.0), power)
    # Shares, powers and their products below all normal floats have few digits.
    lost = 2 * LEAST * (float(powers.sum()) + len(powers))
    share = float(steps.shares[distances == largest].max()) - LEAST
    return _Mean(math.fsum(steps.shares * powers), lost, 8, largest, share)


def _exact_distances(plan: MonotonePlan) -> tuple[monotone.ExactSteps, Floats]:
    """The staircase in whole numbers, and how far each of its steps (k,) goes."""
    steps = monotone.exact_steps(plan.masses.a, plan.masses.b)
    return steps, np.abs(plan.x_sorted[steps.rows] - plan.y_sorted[steps.columns])


def _powered(base: Any, power: float) -> Any:
    """``base ** power``; infinite where that is beyond all floats."""
    with np.errstate(over="ignore", under="ignore"):
        return np.power(base, power)


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
    return _Mean(float(distances.mean()), 0.0, terms, largest, 1 / len(x))


def prove_line_cut(problem: Problem) -> Certificate:
    """Prove the largest distance under the best coupling of points on the line, ``W_inf``; exact up to one rounding."""
    return monotone_largest(problem.monotone, lossless=problem.cost.lossless)


def monotone_largest(plan: MonotonePlan, *, lossless: bool = True) -> Certificate:
    """The same of a coupling in order; points that were divided by what cost them digits have moved by half of the least float each."""
    walked = monotone.walk(plan.masses, plan.x_sorted, plan.y_sorted, 1.0)
    largest = walked.largest if _meets_are_sure(plan, walked) else _exact_mean(plan, 1.0, 1.0).largest
    margin = UNIT * largest + (0.0 if lossless else LEAST)
    return Certificate("cut", largest, max(below(largest, margin), 0.0), above(largest, margin), largest, 0.0, plan)
