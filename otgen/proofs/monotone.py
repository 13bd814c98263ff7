"""Two short proofs on the line, where sorting solves the problem.

``monotone``: for a convex cost h(x - y) the potentials that are tight along the staircase of the sorted coupling are
feasible for all pairs (the cost is Monge: ``c(x, y) + c(x', y') <= c(x, y') + c(x', y)`` for x <= x', y <= y'), and plan
and potentials have the same value in real arithmetic. So the coupling's cost is the optimum; what remains is rounding.

``cut``: let the coupling's largest distance be t, between sorted points i and j, with x_i >= y_j say. The sources
from i on have more mass than the targets after j (the step at (i, j) carries mass), yet every target closer than t to
one of them comes after j. So no plan has all distances below t.

The points are sorted here, from the problem as posed; breakpoints are decided exactly; ties decided within the rounding of the cumulative sums are
charged with the mass that they may misplace.
"""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Floats
from ..kernels import monotone
from ..kernels.double_double import UNIT
from ..model.problem import Problem
from .certificate import Certificate, above, below


def prove_monotone(problem: Problem) -> Certificate:
    """Prove an interval for the mean of ``|x - y| ** power`` under the optimal coupling of points on the line."""
    plan, power = problem.monotone, problem.line_power
    x, y = plan.x_sorted, plan.y_sorted
    span = float(max(abs(x[-1] - y[0]), abs(y[-1] - x[0])))
    farthest = min(span**power, 1e200) if span > 1 else span**power
    if plan.a is None and plan.b is None and len(x) == len(y):
        cost, charge, terms = _paired(x, y, power), 0.0, min(len(x), 24 + math.log2(len(x)))
    else:
        both = plan.masses
        cost, terms = monotone.walk(both, x, y, power).cost, 24
        charge = (len(x) + len(y)) * both.tie / both.total * farthest
    margin = 1.01 * (2 * power + 8 + terms) * UNIT * cost + charge + (1e-300 if span else 0.0)
    scale = max(cost, 1e-7 * farthest)
    return Certificate("monotone", cost, below(cost, margin), above(cost, margin), scale, 0.0, plan)


def _paired(x: Floats, y: Floats, power: float) -> float:
    """Mean of the powers of sorted differences; numpy's pairwise sum errs by less than (24 + log2 n) u."""
    distances = np.abs(x - y)
    if power == 2:
        distances *= distances
    elif power != 1:
        distances **= power
    return float(distances.mean())


def prove_line_cut(problem: Problem) -> Certificate:
    """Prove the largest distance under the best coupling of points on the line, ``W_inf``; exact up to one rounding."""
    plan = problem.monotone
    x, y = plan.x_sorted, plan.y_sorted
    walked = monotone.walk(plan.masses, x, y, 1.0)
    largest = walked.largest
    faint = min(float(z[z > 0].min()) / float(z.sum()) for z in (plan.masses.a, plan.masses.b))
    if walked.unsure or faint < 2.0**-80:  # beyond what pairs of doubles can tell apart
        rows, columns = monotone.exact_steps(plan.masses.a, plan.masses.b)
        largest = float(np.abs(x[rows] - y[columns]).max())
    margin = UNIT * largest
    return Certificate("cut", largest, below(largest, margin), above(largest, margin), largest, 0.0, plan)
