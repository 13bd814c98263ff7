"""The shortest proof: where one side has a single point there is one plan, so what it costs is the optimum.

The potentials ``f = t`` and ``g_j = c_j - t`` are tight on all pairs, and their dual value is that cost for any t.
"""

from __future__ import annotations

import numpy as np

from ..kernels.accurate import UNIT, dot, shares
from ..plan import OnlyPlan
from ..problem import Problem
from .certificate import Certificate, above, below


def certify_only(problem: Problem, plan: OnlyPlan) -> Certificate:
    """Prove an interval for ``min <P, C>`` between one point and many, none of whose pairs is forbidden.

    Raises
    ------
    ValueError
        If the plan does not give every point its share: the proof would be void.
    """
    turned = plan.shape[0] != 1
    side, cost = (problem.source, problem.cost.T) if turned else (problem.target, problem.cost)
    high, low = shares(side.weights)
    used = np.flatnonzero(high)
    rest = np.zeros(len(used)) if plan.low is None else plan.low
    if not (np.array_equal(plan.values, high[used]) and np.array_equal(rest, low[used])):
        raise ValueError("a proof by the only plan needs that plan")
    costs = cost.block()[0].astype(np.float64, copy=False)
    value, size = dot(high, costs) + dot(low, costs), dot(high, np.abs(costs))
    relative, absolute = cost.rounding
    margin = 1.01 * ((relative + 4 * UNIT) * size + absolute)
    one, many = np.array([value / 2]), costs - value / 2
    return Certificate(
        "dual",
        value,
        below(value, margin),
        above(value, margin),
        size,
        (len(costs) + 8) * 2.0**-100,
        (many, one) if turned else (one, many),
    )
