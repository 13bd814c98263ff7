"""One dimension: sorting is solving."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs.types import Floats
from ..kernels import monotone as stairs
from ..kernels.sorting import sort_with
from ..model.cost import PointCost
from ..model.measure import Measure
from ..model.plan import MonotonePlan
from ..model.problem import Problem
from ..model.status import Status
from .base import Progress, Solution, silent


@dataclass(frozen=True)
class Line:
    """Optimal transport on the line for the cost ``|x - y| ** p``, any p in [1, inf], in O((n + m) log (n + m)).

    Sorting cannot be interrupted; at 10 million points it takes about a second.

    Examples
    --------
    >>> import otgen
    >>> otgen.wasserstein([0, 1, 2], [1, 2, 3], p=1, solver=otgen.solvers.Line()).value
    1.0
    """

    def solve(self, problem: Problem, progress: Progress = silent, init: Any = None) -> Solution:
        """Sort both clouds; raises `InvalidInput` off the line or with an entropic term."""
        if not problem.on_line or problem.epsilon or not isinstance(problem.cost, PointCost):
            raise InvalidInput(
                f"solver='line' needs points with one coordinate and no epsilon; received {problem!r}; use solver='auto'"
            )
        plan = sort_both(problem.cost.x[:, 0], problem.cost.y[:, 0], problem.source, problem.target)
        if problem.p > 8 and not problem.bottleneck:
            problem, plan = _magnified(problem, plan)
        return Solution(problem, plan, None, Status.OPTIMAL, 0, "Line")


def sort_both(x: Floats, y: Floats, source: Measure, target: Measure) -> MonotonePlan:
    """Both clouds in order, each on its own thread; where weights do not matter, values are sorted alone."""
    plain = source.uniform and target.uniform

    def arranged(side: tuple[Floats, Measure]) -> tuple[Floats, Floats | None, Any]:
        values, measure = side
        if plain:
            return np.sort(values), None, None
        ordered = sort_with(values, measure.weights)
        return ordered.values, None if measure.uniform else ordered.weights, ordered.order

    sides = ((x, source), (y, target))
    if len(x) + len(y) < 20_000:
        one, other = map(arranged, sides)
    else:
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(arranged, sides)
    return MonotonePlan(x, y, one[0], other[0], one[1], other[1], one[2], other[2], (source.total, target.total))


def _magnified(problem: Problem, plan: MonotonePlan) -> tuple[Problem, MonotonePlan]:
    """The problem in the unit of the largest distance that is travelled: high powers of anything less would underflow."""
    largest = stairs.walk(plan.masses, plan.x_sorted, plan.y_sorted, 1.0).largest
    exponent = math.frexp(largest)[1] if largest > 0 else 0
    cost = problem.cost
    assert isinstance(cost, PointCost)
    moved = {name: np.ldexp(getattr(plan, name), -exponent) for name in ("x", "y", "x_sorted", "y_sorted")}
    return replace(problem, cost=cost.shrunk(exponent)), replace(plan, **moved)
