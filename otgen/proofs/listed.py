"""An upper bound of an entropic value from a plan that is listed, dense or sparse, whoever made it.

A pair that is listed twice counts once, with the sum: entropy does not add up over parts. The plan P >= 0 is scaled down to S, rows
then columns, until no marginal is exceeded; a rest ``R = r s' / t`` of mass t fills what is missing.
Relative entropy is jointly convex: ``sum (S + R) log((S + R)/ab) <= sum S log(S/((1-t) ab)) + sum R log(R/(t ab))``.
(Altschuler, Weed, Rigollet, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration", 2017.)

Rounding. S is what it is; what sums of n + m numbers hide of its marginals is taken away, which lowers entropy where a marginal is exceeded, and
filled in, a unit at no more than ``2 max |c| + epsilon (1 - log min a - log min b)``. The logarithms of S, a and b, times S, are within twice that.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import rel_entr

from ..inputs.types import Floats, Indices
from ..kernels.double_double import UNIT
from ..kernels.dual_margins import TOO_LARGE
from ..model.claim import Flows
from ..model.problem import Problem
from .certificate import above


def listed_upper(problem: Problem, flows: Flows) -> tuple[float, float]:
    """An upper bound of ``min <P, C> + epsilon KL(P, a (x) b)``, and what the repaired plan costs; infinite where it may use forbidden pairs."""
    (a, b), (n, m), cost, epsilon = problem.masses, problem.shape, problem.cost, problem.epsilon
    if cost.forbids:
        return math.inf, math.nan
    held = (a[flows.rows] > 0) & (b[flows.columns] > 0)
    pairs, where = np.unique(flows.rows[held] * m + flows.columns[held], return_inverse=True)
    rows, columns = np.divmod(pairs, m)
    values = np.minimum(np.bincount(where, flows.high[held]), TOO_LARGE)  # sums of such are floats
    values = _within(values, rows, a)
    values = _within(values, columns, b)
    r, s = (np.maximum(w - np.bincount(i, values, len(w)), 0.0) for w, i in ((a, rows), (b, columns)))
    t = min(float(r.sum()), float(s.sum()))
    share = min(t, 1.0 - UNIT)  # of R in the mixture, where S may be next to nothing
    kept = values > 0
    rows, columns, values = rows[kept], columns[kept], values[kept]
    costs = cost.pairs(rows, columns).astype(np.float64)
    logarithms = np.log(values) - np.log(a[rows]) - np.log(b[columns]) - math.log1p(-share)
    with np.errstate(over="ignore"):
        terms = values * (costs + epsilon * logarithms)
    value = math.fsum(terms) if np.isfinite(terms).all() else math.inf  # an epsilon whose products are no floats
    spent = float(values @ costs)
    if t > 0:
        r, s = r / r.sum(), s / s.sum()
        rest = t * float(r @ cost.sums(s))
        value += rest + epsilon * t * float(rel_entr(r, a).sum() + rel_entr(s, b).sum())
        spent += rest
    relative, absolute = cost.rounding
    highest = float(cost.highest)
    depth = -sum(math.log(w[w > 0].min()) for w in (a, b))
    roundings = 16 * (n + m + 8) * UNIT
    return above(value, 2 * relative * highest + absolute + roundings * (highest + epsilon * (depth + 2))), spent


def _within(values: Floats, index: Indices, weights: Floats) -> Floats:
    """Values scaled down where their sums exceed the weights."""
    sums = np.bincount(index, values, len(weights))
    return values * (weights[index] / np.maximum(sums, weights)[index])
