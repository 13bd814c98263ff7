"""Entropic transport: alternating soft c-transforms in the log domain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .. import validation
from ..errors import InvalidInput
from ..plan import EntropicPlan, rounded
from ..problem import Problem
from ..result import Result, Status
from ..validation import Floats
from .base import Progress, Solution, silent


class Schedule(Protocol):
    """The epsilons to pass through on the way to the last one."""

    def epsilons(self, last: float, largest_cost: float) -> Sequence[float]:
        """A descending sequence that ends with ``last``."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Only the epsilon asked for.

    Examples
    --------
    >>> Fixed().epsilons(0.1, 1.0)
    [0.1]
    """

    def epsilons(self, last: float, largest_cost: float) -> Sequence[float]:
        """Just ``last``."""
        return [last]


@dataclass(frozen=True)
class Annealing:
    """From the largest cost down by a constant factor: far fewer iterations at a small epsilon.

    Parameters
    ----------
    factor : float
        In (0, 1); each epsilon over the one before.

    Examples
    --------
    >>> Annealing(0.5).epsilons(0.2, 1.0)
    [1.0, 0.5, 0.25, 0.2]
    """

    factor: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < validation.real(self.factor, "factor") < 1:
            raise InvalidInput(f"factor must lie in (0, 1); received {self.factor!r}")

    def epsilons(self, last: float, largest_cost: float) -> Sequence[float]:
        """``largest_cost`` times powers of the factor, as long as above ``last``; then ``last``."""
        steps = math.ceil(math.log(last / largest_cost) / math.log(self.factor)) if last < largest_cost else 0
        return [largest_cost * self.factor**k for k in range(steps)] + [last]


@dataclass(frozen=True)
class Sinkhorn:
    """``min <P, C> + epsilon KL(P, a (x) b)`` by Sinkhorn's iteration on potentials, stable for any epsilon.

    Parameters
    ----------
    tol : float
        Stop when the larger L1 marginal error is below it (unit mass). Columns are met exactly by the last half step.
    max_iter : int
        Limit on iterations (row and column update), all epsilons together.
    schedule : Schedule
        Which epsilons to pass through; :class:`Annealing` unless said otherwise.

    Notes
    -----
    Iterates in float64 whatever the input's dtype; memory is O(n + m) for points. The plan is rounded onto the exact
    marginals before it is certified.

    References
    ----------
    Cuturi, "Sinkhorn distances", 2013; in the form of Peyre and Cuturi, "Computational optimal transport", 2019,
    equations (4.43) and (4.44).

    Examples
    --------
    >>> import otgen
    >>> round(otgen.sinkhorn([0.0, 1.0], [0.0, 1.0], epsilon=10.0).value, 4)
    0.4875
    """

    tol: float = 1e-6
    max_iter: int = 10_000
    schedule: Schedule = field(default_factory=Annealing)

    def __post_init__(self) -> None:
        validation.positive(self.tol, "tol", "use a marginal error such as 1e-6")
        validation.count(self.max_iter, "max_iter")

    def solve(self, problem: Problem, progress: Progress = silent, init: Any = None) -> Solution:
        """Solve a scaled problem; raises `InvalidInput` without an entropic term."""
        if not problem.epsilon or problem.bottleneck:
            raise InvalidInput(
                f"solver='sinkhorn' needs epsilon > 0 and finite p; received {problem!r}; use otgen.wasserstein"
            )
        iteration = _Iteration(problem, init)
        largest = max(map(abs, problem.cost.range())) or problem.epsilon
        stages = [problem.epsilon] if init is not None else self.schedule.epsilons(problem.epsilon, largest)
        converged = False
        for epsilon in stages:
            tolerance = self.tol if epsilon == stages[-1] else 0.01
            converged = iteration.run(epsilon, tolerance, self.max_iter, progress)
        f, g = iteration.f, iteration.g
        a, b = problem.source.probabilities, problem.target.probabilities
        plan = rounded(EntropicPlan(problem.cost, f, g, problem.epsilon, a, b))
        return Solution(
            problem, plan, (f, g), Status.CONVERGED if converged else Status.MAX_ITER, iteration.count, "Sinkhorn"
        )


class _Iteration:
    """Potentials on their way; the row error comes with every update, since the new f tells the old row sums."""

    def __init__(self, problem: Problem, init: Any) -> None:
        self.cost, self.cost_T = problem.cost, problem.cost.T
        self.a = problem.source.probabilities
        with np.errstate(divide="ignore"):
            self.log_a, self.log_b = np.log(self.a), np.log(problem.target.probabilities)
        self.count = 0
        if init is None:
            self.f, self.g = np.zeros(problem.shape[0]), np.zeros(problem.shape[1])
            return
        shift = problem.cost.shift * problem.p
        f, g = (
            np.asarray(z, dtype=np.float64) * 2.0**-shift
            for z in (init.potentials if isinstance(init, Result) else init)
        )
        if (f.shape, g.shape) != ((problem.shape[0],), (problem.shape[1],)):
            raise InvalidInput(f"init must be potentials of shapes {problem.shape}; received {f.shape} and {g.shape}")
        self.f, self.g = f, g

    def run(self, epsilon: float, tolerance: float, limit: int, progress: Progress) -> bool:
        """Iterate at one epsilon until the row error is below the tolerance; False if the limit came first."""
        f = self.cost.softmin(self.g + epsilon * self.log_b, epsilon)
        while self.count < limit:
            self.count += 1
            self.f = f
            self.g = self.cost_T.softmin(self.f + epsilon * self.log_a, epsilon)
            f = self.cost.softmin(self.g + epsilon * self.log_b, epsilon)
            error = _row_error(self.a, self.f, f, epsilon)
            progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {error:.2e}")
            if error <= tolerance:
                return True
        return False


def _row_error(a: Floats, old: Floats, new: Floats, epsilon: float) -> float:
    """``sum_i |a_i exp((f_i - f_i^new)/epsilon) - a_i|``: the rows of the plan have exactly these sums."""
    with np.errstate(over="ignore", invalid="ignore"):
        change = np.expm1((old - new) / epsilon)
    return float(np.sum(a * np.abs(change), where=a > 0))
