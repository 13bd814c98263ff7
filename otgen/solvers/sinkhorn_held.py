"""Sinkhorn's iteration on problems so small that their costs are listed and their exponentials kept: from the first epsilon to the last
in compiled code, one problem or many at once.

The same driver decides, see :mod:`otgen.kernels.overrelaxation`; :mod:`otgen.kernels.sinkhorn_small` computes the passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels import matrix_ground, sinkhorn_small, stacks
from ..kernels.sinkhorn_small import Outcome, Stack
from ..model.cost import Cost
from ..model.marginals import Marginals
from .base import Progress, silent
from .epsilon_schedules import Schedule, checked_stages

ROUGH = 1e-3  # marginal error at which the next epsilon begins: what is missing between two clusters must show


@dataclass(frozen=True, eq=False)
class HeldProblem:
    """B problems: costs (B, n, m), what their marginals are to be, weights (B, n) and (B, m), and epsilon (B,).

    Points without mass are allowed. ``largest`` (B,) bounds the costs. ``symmetric``: both sides are the same measures, and f = g.
    """

    costs: Floats
    goal: Marginals
    epsilon: Floats
    largest: Floats
    symmetric: bool = False

    @property
    def stack(self) -> Stack:
        """As kernels take it."""
        return Stack(self.costs, self.goal.a, self.goal.b, np.array(self.goal.relax))


def suits(cost: Cost) -> bool:
    """Whether a problem of that cost is small; the kernels run on the host only."""
    return cost.device == "cpu" and sinkhorn_small.suits(cost.shape)


def solve(
    problem: HeldProblem,
    schedule: Schedule,
    tolerance: float,
    limit: int,
    start: tuple[Floats, Floats] | None = None,
    progress: Progress = silent,
) -> Outcome:
    """Potentials (B, n), (B, m) of all points, centred, iterations and errors; from the potentials ``start`` without a schedule."""
    (size, n, m), goal = problem.costs.shape, problem.goal
    f, g = (np.zeros((size, n)), np.zeros((size, m))) if start is None else start
    if problem.symmetric:
        out = sinkhorn_small.iterate_symmetric(problem.stack, problem.epsilon, tolerance, limit, f, progress=progress)
    else:
        kept = problem.epsilon[:, None], np.zeros(size, np.int64)
        stages, ends = kept if start is not None else _epsilon_table(schedule, problem.epsilon, problem.largest)
        out = sinkhorn_small.iterate(problem.stack, stages, ends, ROUGH, tolerance, limit, f, g, progress=progress)
    f, g = _extended_potentials(problem, *_settled_potentials(problem, out))
    return out._replace(f=f, g=g) if min(goal.relax) < np.inf else _centred_potentials(goal, out, f, g)


def _centred_potentials(goal: Marginals, out: Outcome, f: Floats, g: Floats) -> Outcome:
    f, g = goal.centred(f, g)
    return out._replace(f=f, g=g)


def _epsilon_table(schedule: Schedule, epsilon: Floats, largest: Floats) -> tuple[Floats, Indices]:
    """The epsilons of every problem as a row, (B, s), NaN behind the last, and where that is: (B,)."""
    lists = [checked_stages(schedule, e, top or e) for e, top in zip(epsilon.tolist(), largest.tolist(), strict=True)]
    ends = np.array([len(stages) - 1 for stages in lists])
    table = np.full((len(lists), int(ends.max()) + 1), np.nan)
    for row, stages in zip(table, lists, strict=True):
        row[: len(stages)] = stages
    return table, ends


def _settled_potentials(problem: HeldProblem, out: Outcome) -> tuple[Floats, Floats]:
    """Potentials; where the limit came first, one side updated once more: it meets its marginal then, and the dual value says something."""
    late = np.flatnonzero(~out.done)
    if not len(late):
        return out.f, out.g
    f, g, goal = out.f.copy(), out.g.copy(), problem.goal
    epsilon = problem.epsilon[late]
    one, other = goal.damping(epsilon[:, None])
    with np.errstate(divide="ignore"):
        log_a, log_b = np.log(goal.a[late]), np.log(goal.b[late])
    if np.all(one == 1.0) and np.all(other < 1.0):
        soft = _softmin_of_stack(problem.costs[late], g[late] + epsilon[:, None] * log_b, epsilon)
        f[late] = np.where(goal.a[late] > 0, soft, f[late])
    else:
        soft = other * _softmin_of_stack(
            _turned_costs(problem.costs[late]), f[late] + epsilon[:, None] * log_a, epsilon
        )
        g[late] = np.where(goal.b[late] > 0, soft, g[late])
    return f, g


def _extended_potentials(problem: HeldProblem, f: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Potentials, those of points without mass as a soft minimum gives them; 0 where nothing is served."""
    goal, epsilon = problem.goal, problem.epsilon
    if goal.a.all() and goal.b.all():
        return f, g
    one, other = goal.damping(epsilon[:, None])
    with np.errstate(divide="ignore"):
        of_rows, of_columns = epsilon[:, None] * np.log(goal.a), epsilon[:, None] * np.log(goal.b)
    soft_f = one * _softmin_of_stack(problem.costs, g + of_columns, epsilon)
    soft_g = other * _softmin_of_stack(_turned_costs(problem.costs), f + of_rows, epsilon)
    f, g = np.where(goal.a == 0, soft_f, f), np.where(goal.b == 0, soft_g, g)
    return np.where(np.isfinite(f), f, 0.0), np.where(np.isfinite(g), g, 0.0)


def _softmin_of_stack(costs: Floats, h: Floats, epsilon: Floats) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)`` of costs (B, n, m): (B, n)."""
    return stacks.softmin(matrix_ground(costs), h, epsilon)


def _turned_costs(costs: Floats) -> Floats:
    return costs.transpose(0, 2, 1)
