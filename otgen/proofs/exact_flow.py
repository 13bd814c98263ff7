"""What flows along the pairs of a plan, in exact arithmetic: of pairs without a cycle there is one flow, found leaf by leaf."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..inputs.types import Floats, Indices
from ..model.cost.searches import Mask
from ..model.measure import Measure
from ..model.plan import SparsePlan
from ..model.problem import Problem


def exact_flows(rows: Indices, columns: Indices, a: Sequence[Fraction], b: Sequence[Fraction]) -> list[Fraction] | None:
    """What flows along pairs (k,), where that has exactly the marginals a (n,) and b (m,); along the last where one is listed twice.

    None where nothing does, and where pairs form a cycle, so that there may be several flows.

    Examples
    --------
    >>> import numpy as np
    >>> half, third = Fraction(1, 2), Fraction(1, 3)
    >>> [str(flow) for flow in exact_flows(np.array([0, 1, 1]), np.array([0, 0, 1]), [third, 1 - third], [half, half])]
    ['1/3', '1/6', '1/2']
    >>> exact_flows(np.array([0, 1]), np.array([0, 1]), [third, 1 - third], [half, half]) is None
    True
    """
    n = len(a)
    left, out = [*a, *b], [Fraction(0)] * len(rows)
    pairs: list[dict[int, int]] = [{} for _ in left]  # of each point, by its neighbour
    for k, (i, j) in enumerate(zip(rows.tolist(), (columns + n).tolist(), strict=True)):
        pairs[i][j] = pairs[j][i] = k
    leaves = [point for point, of in enumerate(pairs) if len(of) == 1]
    while leaves:
        leaf = leaves.pop()
        if not pairs[leaf]:  # the last of its tree
            continue
        other, pair = pairs[leaf].popitem()
        if left[leaf] < 0:
            return None
        out[pair] = left[leaf]
        left[other] -= left[leaf]
        left[leaf] = Fraction(0)
        del pairs[other][leaf]
        if len(pairs[other]) == 1:
            leaves.append(other)
    return None if any(left) or any(pairs) else out


def carrying(rows: Indices, columns: Indices, a: Sequence[Fraction], b: Sequence[Fraction]) -> Mask | None:
    """Which of the pairs of :func:`exact_flows` carry something; None where that is None."""
    flows = exact_flows(rows, columns, a, b)
    return None if flows is None else np.array([flow > 0 for flow in flows], bool)


def exact_cost(problem: Problem, plan: SparsePlan) -> Fraction | None:
    """What the plan along the same pairs costs that has exactly the masses, of costs that are listed; None where there is none that is known."""
    used = plan.values > 0
    rows, columns = plan.rows[used], plan.columns[used]
    one, other = (exact_weights(side) for side in (problem.source, problem.target))
    totals = sum(one), sum(other)
    flows = exact_flows(rows, columns, [mass * totals[1] for mass in one], [mass * totals[0] for mass in other])
    if flows is None:
        return None
    costs = map(Fraction, problem.cost.pairs(rows, columns).tolist())
    return sum((flow * cost for flow, cost in zip(flows, costs, strict=True)), Fraction(0)) / (totals[0] * totals[1])


def exact_dual_value(problem: Problem, f: Floats, g: Floats) -> Fraction | None:
    """``a.f + b.g`` of the points that carry mass, whose potentials are all finite; else None."""
    out = Fraction(0)
    for side, z in zip((problem.source, problem.target), (f, g)):
        carried = side.probabilities > 0
        if not np.isfinite(z[carried]).all():
            return None
        weights = exact_weights(side)
        worth = sum((weights[k] * Fraction(float(z[k])) for k in np.flatnonzero(carried)), Fraction(0))
        out += worth / sum(weights)
    return out


def exact_weights(side: Measure) -> list[Fraction]:
    """Weights as rationals, equal ones where none were given."""
    if side.uniform:
        return [Fraction(1)] * len(side)
    return [Fraction(weight) for weight in np.asarray(side.weights, np.float64).tolist()]
