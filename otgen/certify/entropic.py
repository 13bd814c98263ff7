"""Proofs for entropic transport, from any pair of potentials.

Lower. The dual is concave and unconstrained: every (f, g) gives
``a.f + b.g - epsilon (sum_ij a_i b_j exp((f_i + g_j - c_ij)/epsilon) - 1) <= min <P, C> + epsilon KL(P, a (x) b)``.
Upper. The rounded Gibbs plan is feasible (up to rounding), so its own objective is an upper bound. A marginal residual
of mass t is repaired by mixing in a coupling R of the residuals: by convexity the objective grows by at most
``t (max c + epsilon log 1/(min a min b))``.
The same plan bounds the unregularised cost from above, and ``(f, min_i c_ij - f_i)`` from below: ``exact_bounds``.
"""

from __future__ import annotations

import math

import numpy as np

from ..kernels.accurate import UNIT, dot
from ..plan import EntropicPlan
from ..problem import Problem
from ..validation import Floats
from .certificate import Certificate, above, below
from .dual import certify_dual


def certify_entropic(problem: Problem, plan: EntropicPlan, potentials: tuple[Floats, Floats]) -> Certificate:
    """Prove intervals for the entropic value and for the unregularised cost.

    Parameters
    ----------
    problem : Problem
        Scaled, with ``epsilon > 0``, its cost in float64.
    plan : EntropicPlan
        The rounded plan.
    potentials : (ndarray, ndarray)
        (n,) and (m,), float64.

    Returns
    -------
    Certificate
        Of kind ``entropic``: ``objective`` and bounds of the entropic value, ``cost`` of the plan and ``exact_bounds``.
    """
    f, g = potentials
    a, b, epsilon = problem.source.probabilities, problem.target.probabilities, problem.epsilon
    sums = _Sums(problem, plan)
    inside_a, inside_b = np.where(a > 0, f, 0.0), np.where(b > 0, g, 0.0)
    dual = dot(a, inside_a) + dot(b, inside_b) - epsilon * (sums.gibbs_mass - 1.0)
    size = dot(a, np.abs(inside_a)) + dot(b, np.abs(inside_b))
    relative, absolute = problem.cost.rounding
    highest = max(map(abs, problem.cost.range()))
    argument = (relative + 2 * UNIT) * highest + absolute + 4 * UNIT * (np.abs(inside_a).max() + np.abs(inside_b).max())
    terms = (sum(problem.shape) + 16) * UNIT
    slip = 6 * UNIT * size + max(sums.gibbs_mass, 1.0) * (argument + epsilon * terms)
    lower = below(dual, 1.01 * slip)

    depth = -math.log(a[a > 0].min()) - math.log(b[b > 0].min())  # of the smallest entry of a (x) b
    residual = sums.residual + 2 * terms
    repair = residual * (highest - min(0.0, problem.cost.range()[0]) + epsilon * depth)
    objective = sums.cost + epsilon * sums.divergence
    grain = terms * (highest + epsilon * depth) + relative * sums.cost + absolute + epsilon * terms
    if problem.cost.forbids:  # a rank-one repair might use forbidden pairs, so no finite upper bound is claimed
        repair = residual = math.inf
    upper = above(objective, 1.01 * (repair + grain))
    exact = certify_dual(problem, None, potentials)
    hard_upper = (
        math.inf
        if problem.cost.forbids
        else above(sums.cost, 1.01 * (residual * highest + (relative + terms) * sums.size + absolute))
    )
    return Certificate(
        "entropic",
        sums.cost,
        lower,
        upper,
        max(abs(objective), size),
        sums.marginal_error,
        potentials,
        objective,
        (exact.lower, hard_upper),
    )


class _Sums:
    """Everything that takes a pass over all pairs, in blocks: costs, divergence and marginals of the plan."""

    def __init__(self, problem: Problem, plan: EntropicPlan) -> None:
        a, b = problem.source.probabilities, problem.target.probabilities
        self.gibbs_mass = self.cost = self.size = self.divergence = 0.0
        rows_sum, columns_sum = np.empty(len(a)), np.zeros(len(b))
        for rows, costs in problem.cost.blocks():
            self.gibbs_mass += float(a[rows] @ plan.gibbs_block(rows, costs) @ b)
            block = plan.block(rows, costs)
            rows_sum[rows] = block.sum(axis=1)
            columns_sum += block.sum(axis=0)
            costs = np.where(block > 0, costs, 0.0)
            self.cost += float((block * costs).sum())
            self.size += float((block * np.abs(costs)).sum())
            ratio = np.divide(block, a[rows, None] * b, out=np.ones_like(block), where=block > 0)
            self.divergence += float((block * np.log(ratio)).sum())
        errors = np.abs(rows_sum - a).sum(), np.abs(columns_sum - b).sum()
        self.marginal_error, self.residual = float(max(errors)), float(sum(errors))
        self.divergence += 1.0 - float(rows_sum.sum())  # KL of measures: + mass of a (x) b - mass of P
