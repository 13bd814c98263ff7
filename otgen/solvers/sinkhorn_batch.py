"""Many small entropic problems at once: what :class:`Sinkhorn` does with one, without a word of Python in between."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels import sinkhorn_small
from ..model.cost import StackCost
from ..model.marginals import Marginals
from .sinkhorn import ROUGH, Sinkhorn, stages_of


class StackSolution(NamedTuple):
    """Potentials f (B, n) and g (B, m), iterations (B,), and whether the marginals meet the tolerance (B,)."""

    f: Floats
    g: Floats
    iterations: Indices
    done: np.ndarray


def solve_stack(
    solver: Sinkhorn,
    cost: StackCost,
    a: Floats,
    b: Floats,
    epsilon: Floats,
    relax: tuple[float, float],
    *,
    symmetric: bool = False,
) -> StackSolution:
    """Solve B problems with masses a (B, n), b (B, m) at ``epsilon`` (B,); points without mass are allowed.

    ``symmetric`` says that both sides are the same measures: then f = g.
    """
    stack = sinkhorn_small.Stack(cost.matrix, a, b, np.array(relax))
    f, g = np.zeros(a.shape), np.zeros(b.shape)
    if symmetric:
        out = sinkhorn_small.iterate_symmetric(stack, epsilon, solver.tol, solver.max_iter, f)
    else:
        stages, ends = _table(solver, epsilon, cost.range()[1])
        out = sinkhorn_small.iterate(stack, stages, ends, ROUGH, solver.tol, solver.max_iter, f, g)
    goal = Marginals(a, b, relax)
    f, g = goal.centred(*_everywhere(cost, goal, epsilon, out.f, out.g))
    return StackSolution(f, g, out.count, out.done)


def _table(solver: Sinkhorn, epsilon: Floats, largest: Floats) -> tuple[Floats, Indices]:
    """The epsilons of every problem as a row, (B, s), NaN behind the last, and where that is: (B,)."""
    lists = [stages_of(solver.schedule, e, top or e) for e, top in zip(epsilon.tolist(), largest.tolist())]
    ends = np.array([len(stages) - 1 for stages in lists])
    table = np.full((len(lists), int(ends.max()) + 1), np.nan)
    for row, stages in zip(table, lists):
        row[: len(stages)] = stages
    return table, ends


def _everywhere(cost: StackCost, goal: Marginals, epsilon: Floats, f: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Potentials, those of points without mass as a soft minimum gives them."""
    if goal.a.all() and goal.b.all():
        return f, g
    strength = epsilon[:, None]
    one, other = goal.damping(strength)
    with np.errstate(divide="ignore"):
        of_rows, of_columns = strength * np.log(goal.a), strength * np.log(goal.b)
    soft_f, soft_g = one * cost.softmin(g + of_columns, epsilon), other * cost.T.softmin(f + of_rows, epsilon)
    return np.where(goal.a == 0, soft_f, f), np.where(goal.b == 0, soft_g, g)
