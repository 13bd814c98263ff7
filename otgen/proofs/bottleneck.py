"""The proof of W_inf: a plan that uses only pairs at most t apart, and a cut just below t.

A set S of sources that has more mass than all targets closer than t to one of S must send something at least as far as
t. Masses are added and compared as the whole numbers that their floats stand for. The least such t is a minimum of maxima of
distances, so that distances off by a factor 1 + r leave it off by no more.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..kernels import Indices
from ..kernels.integer_masses import whole
from ..model.cost import CallableCost, Cost, PointCost, row_blocks
from ..model.plan import BottleneckPlan
from ..model.problem import Problem
from .certificate import Certificate, above, below


def certify_bottleneck(problem: Problem, plan: BottleneckPlan) -> Certificate:
    """Prove an interval for the largest distance under the best coupling, from a plan and the cut it comes with.

    Parameters
    ----------
    problem : Problem
        Scaled, between points, with p = inf.
    plan : BottleneckPlan
        A wrong one proves nothing: its side of the interval is then infinite, or 0.
    """
    assert isinstance(problem.cost, PointCost | CallableCost)
    distances = replace(problem.cost, p=1.0)
    longest = float(distances.pairs(plan.rows, plan.columns).max())
    relative, absolute = distances.rounding
    margin = relative * longest + absolute if longest else 0.0
    upper = above(longest, margin) if _couples(problem, plan) else math.inf
    lower = max(0.0, below(longest, margin)) if _cuts(problem, distances, plan.cut, longest) else 0.0
    return Certificate("cut", longest, lower, upper, longest, 0.0)


def _couples(problem: Problem, plan: BottleneckPlan) -> bool:
    """Whether the plan's whole numbers have exactly the marginals of the problem."""
    total = sum(plan.units)
    sides = ((plan.rows, problem.source.weights), (plan.columns, problem.target.weights))
    for indices, weights in sides:
        masses, sums = whole(weights), [0] * len(weights)
        for index, amount in zip(indices.tolist(), plan.units):
            sums[index] += amount
        mass = sum(masses)
        if any(amount < 0 for amount in plan.units) or any(s * mass != w * total for s, w in zip(sums, masses)):
            return False
    return True


def _cuts(problem: Problem, distances: Cost, cut: Indices, t: float) -> bool:
    """Whether the sources in ``cut`` have more mass than all targets closer than t to one of them."""
    if t == 0.0:
        return True
    m = problem.shape[1]
    reached = np.zeros(m, bool)
    part = distances.restricted(cut, np.arange(m))
    for rows in row_blocks(slice(None), *part.shape):
        reached |= (part.block(rows) < t).any(axis=0)
    a, b = whole(problem.source.weights), whole(problem.target.weights)
    inside, near = sum(a[i] for i in cut.tolist()), sum(b[j] for j in np.flatnonzero(reached).tolist())
    return inside * sum(b) > near * sum(a)
