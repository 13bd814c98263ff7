"""The shortest proof: where one side has a single point there is one plan, so what it costs is the optimum.

The potentials ``f = t`` and ``g_j = c_j - t`` are tight on all pairs, and their dual value is that cost for any t.
"""

from __future__ import annotations

import numpy as np

from ..kernels.double_double import UNIT, dot, shares
from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate, above, below

_UNDERFLOW = 2.0**-1000  # more than any operation loses where numbers run out of exponents


def certify_only(problem: Problem, plan: SparsePlan) -> Certificate | None:
    """Prove an interval for ``min <P, C>`` between one point and many, if the plan is the one that there is; else None."""
    if 1 not in problem.shape or problem.cost.forbids or plan.low is None:
        return None
    turned = problem.shape[0] != 1
    side, cost = (problem.source, problem.cost.T) if turned else (problem.target, problem.cost)
    one, many = (plan.columns, plan.rows) if turned else (plan.rows, plan.columns)
    high, low = shares(side.weights)
    used = np.flatnonzero(high)
    wanted = ((many, used), (plan.values, high[used]), (plan.low, low[used]))
    if plan.shape != problem.shape or one.any() or not all(np.array_equal(*pair) for pair in wanted):
        return None
    costs = cost.block()[0].astype(np.float64, copy=False)
    sizes = np.abs(costs)
    value, size, largest = dot(high, costs) + dot(low, costs), dot(high, sizes), float(sizes.max())
    relative, absolute = cost.rounding
    lost = len(costs) * _UNDERFLOW
    margin = 1.01 * ((relative + 4 * UNIT) * size + absolute) + (lost * max(largest, 1.0) if largest else 0.0)
    f, g = np.array([value / 2]), costs - value / 2
    return Certificate(
        "dual",
        value,
        below(value, margin),
        above(value, margin),
        max(size, 1e-7 * largest),
        (len(costs) + 8) * 2.0**-100 + lost,
        (g, f) if turned else (f, g),
    )
