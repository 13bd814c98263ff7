"""The shortest proof: where one side has a single point there is one plan, so what it costs is the optimum.

The potentials ``f = t`` and ``g_j = c_j - t`` are tight on all pairs, and their dual value is that cost for any t.
"""

from __future__ import annotations

import numpy as np

from ..kernels.double_double import UNIT, dot, shares
from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate, above, below
from .dual import least_value

_UNDERFLOW = 2.0**-1000  # more than any operation loses where numbers run out of exponents


def prove_unique_plan(problem: Problem) -> Certificate:
    """Prove an interval for ``min <P, C>`` between one point and many, by the plan that there is."""
    turned = problem.shape[0] != 1
    side, cost = (problem.source, problem.cost.T) if turned else (problem.target, problem.cost)
    high, low = shares(side.weights)
    used = np.flatnonzero(high)
    one, many = np.zeros_like(used), used
    plan = SparsePlan(*((many, one) if turned else (one, many)), high[used], problem.shape, low[used])
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
        max(below(value, margin), least_value(cost)),
        above(value, margin),
        max(size, 1e-7 * largest),
        (len(costs) + 8) * 2.0**-100 + lost,
        plan,
        (g, f) if turned else (f, g),
    )
