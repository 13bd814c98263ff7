"""The textbook linear program, through HiGHS: slow, readable and independent, the judge in tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from ..errors import InvalidInput, TooLarge
from ..model.claim import Claim, Flows
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import PowerOfTwo
from .base import Progress, Solution, checked_call, checked_iterations, refuse_start, silent

_PAIRS = 4_000_000


@dataclass(frozen=True)
class LinearProgram:
    """``min sum P_ij C_ij`` subject to ``P 1 = a, P' 1 = b, P >= 0``, by HiGHS' dual simplex.

    Runs inside HiGHS, which Ctrl-C does not interrupt. ``max_iter`` limits its simplex iterations.

    Examples
    --------
    >>> import otgen
    >>> otgen.transport([[0.0, 1.0], [1.0, 0.0]], solver=otgen.solvers.LinearProgram()).value
    0.0
    """

    max_iter: int | None = None

    def __post_init__(self) -> None:
        checked_iterations(self.max_iter)

    def solve(self, problem: Problem, progress: Progress = silent, init: Claim | None = None) -> Solution:
        """Solve; raises `TooLarge` above four million pairs, where HiGHS would need tens of gigabytes."""
        checked_call(problem, progress, init)
        n, m = problem.shape
        if problem.epsilon or problem.bottleneck:
            raise InvalidInput(
                f"solver='linprog' must get epsilon=0 and finite p; received {problem!r}; use solver='auto'"
            )
        refuse_start(init, "LinearProgram")
        if n * m > _PAIRS:
            raise TooLarge(
                f"solver='linprog' must get at most {_PAIRS:.0e} pairs, which it lists; received {n} x {m}, about {n * m * 1.5e-6:.0f} GB; use solver='simplex'"
            )
        rows, columns, costs = _allowed_pairs(problem)
        if not len(costs):
            return Solution(Claim(ray=(np.ones(n), -np.ones(m))), Status.INFEASIBLE, 0, "LinearProgram")
        lines = np.concatenate([rows, n + columns])
        variables = np.tile(np.arange(len(costs)), 2)
        incidence = scipy.sparse.csr_array((np.ones(len(lines)), (lines, variables)), shape=(n + m, len(costs)))
        masses = np.concatenate([problem.source.probabilities, problem.target.probabilities])
        masses = PowerOfTwo.above(n + m).multiply(masses)  # HiGHS' tolerances are absolute, 1e-7 by default
        price = PowerOfTwo.above(float(np.abs(costs).max()))
        options: dict[str, Any] = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
        if self.max_iter is not None:
            options["maxiter"] = self.max_iter
        found: Any = scipy.optimize.linprog(
            price.divide(costs), A_eq=incidence, b_eq=masses, method="highs-ds", options=options
        )
        status = {0: Status.OPTIMAL, 1: Status.MAX_ITER, 2: Status.INFEASIBLE}.get(found.status, Status.IMPRECISE)
        if status is Status.INFEASIBLE:
            ray = _infeasibility_ray(incidence, masses, options)
            return Solution(Claim(ray=(ray[:n], ray[n:])), status, int(found.nit), "LinearProgram")
        if found.x is None:
            return Solution(Claim(potentials=(np.zeros(n), np.zeros(m))), status, int(found.nit), "LinearProgram")
        flows = PowerOfTwo.above(n + m).divide(np.maximum(found.x, 0.0))
        keep = flows > 0
        plan = Flows(rows[keep], columns[keep], flows[keep])
        duals = price.multiply(np.asarray(found.eqlin.marginals))
        return Solution(Claim(plan, (duals[:n], duals[n:])), status, int(found.nit), "LinearProgram")


def _infeasibility_ray(incidence: Any, masses: Any, options: dict[str, Any]) -> Any:
    """Duals of the least mass that must stay behind, in whole numbers: why no plan serves all of it."""
    left = scipy.sparse.hstack([incidence, scipy.sparse.eye_array(len(masses))], format="csr")
    price = np.concatenate([np.zeros(incidence.shape[1]), np.ones(len(masses))])
    found: Any = scipy.optimize.linprog(price, A_eq=left, b_eq=masses, method="highs-ds", options=options)
    return np.rint(found.eqlin.marginals)


def _allowed_pairs(problem: Problem) -> tuple[Any, Any, Any]:
    """The pairs that are not forbidden, and their costs."""
    parts: list[tuple[Any, Any, Any]] = []
    for rows, costs in problem.cost.blocks():
        i, j = np.nonzero(np.isfinite(costs))
        parts.append((i + rows.start, j, costs[i, j]))
    rows, columns, costs = (np.concatenate(side) for side in zip(*parts))
    return rows, columns, costs
