"""The claim of order infinity on the line, spelt out: the sorted coupling in whole numbers, and the cut that its longest pair gives."""

from __future__ import annotations

import numpy as np

from ..kernels.integer_masses import equal_totals
from ..model.claim import Claim, Flows
from ..model.problem import Problem


def line_claim(problem: Problem) -> Claim:
    """Flows as whole numbers along the staircase of the sorted points, and the sources from the longest pair on."""
    plan = problem.monotone
    one, other = plan.orders
    supply, demand = equal_totals(problem.source.weights[one], problem.target.weights[other])
    rows, columns, units = [], [], []
    i = j = 0
    left, wanted = supply[0], demand[0]
    while True:
        amount = min(left, wanted)
        if amount:
            rows.append(i)
            columns.append(j)
            units.append(amount)
        left, wanted = left - amount, wanted - amount
        if not left:
            if i + 1 == len(supply):
                break
            i += 1
            left = supply[i]
        if not wanted:
            if j + 1 == len(demand):
                break
            j += 1
            wanted = demand[j]
    at, to = np.array(rows), np.array(columns)
    gaps = plan.x_sorted[at] - plan.y_sorted[to]
    k = int(np.abs(gaps).argmax())
    cut = np.arange(at[k], len(supply)) if gaps[k] >= 0 else np.arange(at[k] + 1)
    total = sum(supply)
    flows = Flows(one[at], other[to], np.array([unit / total for unit in units]))
    return Claim(flows, units=tuple(units), cut=np.sort(one[cut]))
