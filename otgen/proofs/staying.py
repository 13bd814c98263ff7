"""Where nothing has to move: a plan between points that coincide, whose masses balance exactly, costs exactly 0."""

from __future__ import annotations

from dataclasses import replace

from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate
from .steep import balanced


def prove_staying(problem: Problem, found: Certificate) -> Certificate:
    """What was proven of a plan of cost 0, or [0, 0] where the points that it connects are the same ones.

    Rounding of the plan's masses leaves ``upper > 0``, and its root at a high order is wide. But points that pairs of the plan connect are one
    place; if it holds as much on one side as on the other, in exact arithmetic, some plan leaves all of it there.

    Parameters
    ----------
    problem : Problem
        As posed, not scaled: points that differ must not have become equal.
    found : Certificate
        Of kind ``dual``.
    """
    plan = found.plan
    if found.cost > 0 or found.upper == 0 or not isinstance(plan, SparsePlan):
        return found
    used = plan.values > 0
    rows, columns = plan.rows[used], plan.columns[used]
    same = problem.cost.coincide(rows, columns)
    if same is None or not same.all() or not balanced(problem, rows, columns):
        return found
    return replace(found, cost=0.0, lower=0.0, upper=0.0)
