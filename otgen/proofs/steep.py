"""Proofs where costs travelled are small beside others, as at high orders: everything in the unit of the largest distance travelled.

Upper. The plan's cost is ``unit ** p`` times a sum of powers of numbers up to 1. What rounding has left of its marginals is repaired within
the plan: along pairs that carry more than what is missed everywhere, mass can be moved from any point to any other that these pairs
connect, and no pair gets longer. That needs points that are connected to carry as much on one side as on the other, in exact arithmetic.

Lower. The dual value, where powers have not swallowed it; and no point travels less than to its nearest.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from ..inputs.types import Indices
from ..kernels.double_double import UNIT, dots
from ..model.cost import CloudCost
from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate, above, below
from .dual import marginal_errors

_LEAST = 2.0**-1020  # of distances that powers are taken in the unit of: lengths are divided by it
_FAINT = 2.0**-960  # lighter points may have lost digits to where exponents end
_ROOM = 600.0  # of the logarithms of floats, which end at 709
_TINY = 2.0**-1020  # more than sums of products lose there
_OFF = 16 * UNIT  # quotients of lengths, and sums of powers, which themselves may be off by 8 units


class Parts(NamedTuple):
    """How many parts all points are in, and in which each source is (n,), and each target (m,)."""

    number: int
    rows: Indices
    columns: Indices


def prove_steep(problem: Problem, plain: Certificate) -> Certificate:
    """What is proven of a plan between points that moves something, in the unit of its longest pair; else what was proven before."""
    plan = plain.plan
    # Of the cost itself, not of potentials beside which it vanishes.
    tight = plain.upper - plain.lower <= 1e-10 * plain.cost
    if tight or not isinstance(plan, SparsePlan) or problem.cost.entry is None:
        return plain
    distance = problem.cost.clouds.distances
    used = plan.values > 0
    lengths = distance.pairs(plan.rows[used], plan.columns[used]).astype(np.float64)
    unit = float(lengths.max(initial=0.0))
    if unit <= _LEAST:
        return plain
    missed = sum(marginal_errors(problem, plan))
    sturdy = plan.values[used] > 2 * missed
    repaired = not missed > 0 or balanced(problem, plan.rows[used][sturdy], plan.columns[used][sturdy])
    if (
        not repaired
    ):  # what is missed may have to go anywhere; the value and the lower end are the plan's own all the same
        if not 0 < plain.upper < math.inf:
            return plain
        unit *= _stretch(plain.upper, unit, problem.p)
    relative, absolute = distance.rounding
    share = relative + absolute / unit + _OFF  # of the unit: how far off a length may be
    if share > 1:
        return plain
    powers = (lengths / unit + share) ** problem.p  # rounded upwards
    spent = float(dots(plan.values[used], powers))
    upper = above(spent, _OFF * spent + _TINY)
    if not repaired:
        upper = max(upper, _in_unit(plain.upper, unit, problem.p, 1))
    elif missed > 0:
        upper = above(upper, 1.01 * missed * float(powers[sturdy].sum()))
    value = min(float(dots(plan.values[used], (lengths / unit) ** problem.p)), upper)
    nearest = _nearest_share(problem, distance, unit, share)
    dual = _in_unit(plain.lower, unit, problem.p, -1) if plain.lower > 0 else 0.0
    lower = min(max(dual, nearest), value)
    return Certificate(
        "dual", value, lower, upper, max(value, lower), plain.marginal_error, plan, plain.potentials, unit=unit
    )


def balanced(problem: Problem, rows: Indices, columns: Indices) -> bool:
    """Whether points that pairs connect carry as much on one side as on the other, exactly."""
    parts = connected_parts(problem.shape, rows, columns)
    return parts.number == 1 or carry_alike(problem, parts)


def carry_alike(problem: Problem, parts: Parts) -> bool:
    """Whether each part carries as much on one side as on the other, exactly."""
    (n, m), (count, of_rows, of_columns) = problem.shape, parts
    a, b = problem.source, problem.target
    if a.uniform and b.uniform:
        one, other = (np.bincount(part, minlength=count) for part in (of_rows, of_columns))
        return bool((one * m == other * n).all())
    sums = [[Fraction(0)] * count for _ in range(2)]
    for side, weights, at in zip(sums, (a.weights, b.weights), (of_rows, of_columns)):
        for k, weight in zip(at.tolist(), np.asarray(weights, np.float64).tolist(), strict=True):
            side[k] += Fraction(weight)
    total, others = sum(sums[0]), sum(sums[1])
    return all(mine * others == theirs * total for mine, theirs in zip(*sums, strict=True))


def connected_parts(shape: tuple[int, int], rows: Indices, columns: Indices) -> Parts:
    """The parts that pairs leave of all points."""
    n, m = shape
    graph = scipy.sparse.coo_array((np.ones(len(rows)), (rows, n + columns)), shape=(n + m, n + m))
    count, part = connected_components(graph, directed=False)
    return Parts(int(count), part[:n], part[n:])


def _in_unit(bound: float, unit: float, p: float, way: int) -> float:
    """A bound of the cost in the unit's p-th power, rounded upwards (1) or downwards (-1)."""
    cost, power = math.log(bound), p * math.log(unit)
    rounding = 4 * UNIT * (abs(cost) + abs(power) + 1)
    # A plan's value is far below that, and upper ends are brought there.
    return math.exp(min(cost - power + way * rounding, 700.0))


def _stretch(upper: float, unit: float, p: float) -> float:
    """How much longer a unit must be for an upper bound to be a float in its p-th power."""
    return math.exp(max(0.0, math.log(upper) - p * math.log(unit) - _ROOM) / p)


def _nearest_share(problem: Problem, distance: CloudCost, unit: float, share: float) -> float:
    """What it costs, in the unit's p-th power, to send every point to its nearest of the other side; the dearer of both sides."""
    best, (n, m) = 0.0, problem.shape
    for side, cost, count in ((problem.source, distance, m), (problem.target, distance.T, n)):
        nearest = cost.ctransform(np.zeros(count))[0] / unit - share
        powers = np.clip(nearest, 0.0, 1.0) ** problem.p
        total = float(dots(np.where(side.probabilities > _FAINT, side.probabilities, 0.0), powers))
        best = max(best, below(total, _OFF * total + _TINY))
    return best
