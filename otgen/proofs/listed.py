"""An upper bound of an entropic value from a plan that is listed, dense or sparse, whoever made it.

A pair that is listed twice counts once, with the sum: entropy does not add up over parts. The plan P >= 0 is scaled down, rows
then columns, until no marginal is exceeded; a rest ``r s' / t`` of mass t fills what is missing.
Relative entropy is jointly convex: ``sum (S + R) log((S + R)/ab) <= sum S log(S/((1-t) ab)) + sum R log(R/(t ab))``.
(Altschuler, Weed, Rigollet, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration", 2017.)
"""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from ..model.claim import Flows
from ..model.problem import Problem


def listed_upper(problem: Problem, flows: Flows) -> tuple[float, float]:
    """An upper bound of ``min <P, C> + epsilon KL(P, a (x) b)``, and what the repaired plan costs; infinite where it may use forbidden pairs."""
    (a, b), (n, m), cost = problem.masses, problem.shape, problem.cost
    rows, columns = flows.rows, flows.columns
    held = (a[rows] > 0) & (b[columns] > 0)
    rows, columns, values = rows[held], columns[held], flows.high[held]
    pairs, where = np.unique(rows * m + columns, return_inverse=True)
    repeats = len(rows) - len(pairs)
    if repeats:
        rows, columns = np.divmod(pairs, m)
        values = np.bincount(where, values).astype(np.float64, copy=False)
    costs = cost.pairs(rows, columns).astype(np.float64, copy=False)
    if cost.forbids:
        return math.inf, math.nan
    values = values * _shrinking_factors(rows, values, a)[rows]
    values = values * _shrinking_factors(columns, values, b)[columns]
    r, s = (np.maximum(w - np.bincount(i, values, len(w)), 0.0) for w, i in ((a, rows), (b, columns)))
    t = max(float(r.sum()), float(s.sum()))
    kept = values > 0
    rows, columns, values, costs = rows[kept], columns[kept], values[kept], costs[kept]
    share = min(max(t, 2.0**-60), 0.5)
    logarithms = np.log(values) - np.log(a[rows]) - np.log(b[columns])
    terms = values * (costs + problem.epsilon * (logarithms - math.log1p(-share)))
    value = math.fsum(terms)
    spent = float(values @ costs)
    if t > 0:
        r, s = r / r.sum() if r.any() else a, s / s.sum() if s.any() else b
        rest = t * float(r @ cost.sums(s))
        value += rest + problem.epsilon * t * (
            _relative_entropy(r, a) + _relative_entropy(s, b) + max(math.log(t) - math.log(share), 0.0)
        )
        spent += rest
    relative, absolute = cost.rounding
    low, high = cost.range()
    reach = max(abs(low), abs(high))
    depth = -math.log(min(float(w[w > 0].min()) for w in (a, b))) + 60.0
    sizes = (
        float(values @ (np.abs(costs) + problem.epsilon * (np.abs(logarithms) + 1.0)))
        + (t + 1e-15) * (reach + problem.epsilon * depth)
        + problem.epsilon
    )
    rounding_bound = (
        (n + m + repeats + 64) * UNIT * sizes * 4
        + relative * reach
        + absolute
        + 64 * (n + m) * UNIT * (reach + 4 * problem.epsilon * depth)
    )
    return value + rounding_bound, spent


def _shrinking_factors(index: np.ndarray, values: Floats, weights: Floats) -> Floats:
    """Factors in [0, 1] that bring sums down to the weights, rounded down."""
    sums = np.bincount(index, values, len(weights))
    with np.errstate(over="ignore"):  # a sum that is hardly a number is below its weight
        return np.minimum(1.0, weights * (1 - 4 * UNIT) / np.where(sums > 0, sums, 1.0))


def _relative_entropy(part: Floats, weights: Floats) -> float:
    """``sum p log(p / w)`` over positive p."""
    used = (part > 0) & (weights > 0)
    return float((part[used] * np.log(part[used] / weights[used])).sum())
