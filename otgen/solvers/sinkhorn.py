"""Entropic transport: alternating soft c-transforms in the log domain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from .. import validation
from ..errors import InvalidInput
from ..plan import EntropicPlan, rounded
from ..problem import Problem
from ..result import Result, Status
from ..validation import Floats
from .base import Progress, Solution, silent
from .simplex import Simplex


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
        object.__setattr__(self, "factor", validation.real(self.factor, "factor"))
        if not 0 < self.factor < 1:
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
        object.__setattr__(self, "tol", validation.positive(self.tol, "tol", "use a marginal error such as 1e-6"))
        validation.count(self.max_iter, "max_iter")
        if not callable(getattr(self.schedule, "epsilons", None)):
            raise InvalidInput(f"schedule must have a method epsilons, such as Annealing(); received {self.schedule!r}")

    def solve(self, problem: Problem, progress: Progress = silent, init: Any = None) -> Solution:
        """Solve a scaled problem; raises `InvalidInput` without an entropic term."""
        if not problem.epsilon or problem.bottleneck:
            raise InvalidInput(
                f"solver='sinkhorn' needs epsilon > 0 and finite p; received {problem!r}; use otgen.wasserstein"
            )
        exact = Simplex().solve(replace(problem, epsilon=0.0)) if problem.cost.forbids else None
        if exact is not None and exact.status is Status.INFEASIBLE:
            return Solution(exact.problem, None, exact.potentials, exact.status, 0, "Sinkhorn")
        largest = max(map(abs, problem.cost.range()))
        if problem.epsilon < 1e-12 * largest:
            raise InvalidInput(
                f"epsilon must be at least 1e-12 of the largest cost: below, rounding decides; received {problem.epsilon / largest:.1e} "
                f"of it; use otgen.wasserstein or otgen.transport"
            )
        iteration = _Iteration(problem, init)
        largest = largest or problem.epsilon
        stages = [problem.epsilon] if init is not None else self.schedule.epsilons(problem.epsilon, largest)
        converged = False
        for epsilon in stages:
            tolerance = self.tol if epsilon == stages[-1] else 0.01
            converged = iteration.run(epsilon, tolerance, self.max_iter, progress)
        if not converged:
            iteration.settle(problem.epsilon)
        f, g = (
            np.where(np.isfinite(z), z, 0.0) for z in (iteration.f, iteration.g)
        )  # infinite where nothing is served
        a, b = problem.source.probabilities, problem.target.probabilities
        plan = EntropicPlan(problem.cost, f, g, problem.epsilon, a, b)
        plan = plan if problem.cost.forbids else rounded(plan)
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
        self.count, self.symmetric = 0, problem.symmetric
        if init is None:
            self.f, self.g = np.zeros(problem.shape[0]), np.zeros(problem.shape[1])
            return
        shift = problem.cost.shift * problem.p
        try:
            given = init.potentials if isinstance(init, Result) else init
            f, g = (np.asarray(z, dtype=np.float64) * 2.0**-shift for z in given)
        except (TypeError, ValueError):
            raise InvalidInput(
                f"init must be a Result with potentials or a pair (f, g); received {type(init).__name__}"
            ) from None
        if (f.shape, g.shape) != ((problem.shape[0],), (problem.shape[1],)):
            raise InvalidInput(f"init must be potentials of shapes {problem.shape}; received {f.shape} and {g.shape}")
        if not (np.isfinite(f).all() and np.isfinite(g).all()):
            raise InvalidInput("init must be finite; received NaN or infinity; leave it out")
        self.f, self.g = f, g

    def settle(self, epsilon: float) -> None:
        """One column update at the epsilon asked for: potentials of another one would say nothing about this problem."""
        self.f = self.cost.softmin(_with_log(self.g, self.log_b, epsilon), epsilon)
        self.g = self.cost_T.softmin(_with_log(self.f, self.log_a, epsilon), epsilon)

    def run(self, epsilon: float, tolerance: float, limit: int, progress: Progress) -> bool:
        """Iterate at one epsilon until the row error is below the tolerance; False if the limit came first."""
        if self.symmetric:
            return self._run_symmetric(epsilon, tolerance, limit, progress)
        f = self.cost.softmin(_with_log(self.g, self.log_b, epsilon), epsilon)
        while self.count < limit:
            self.count += 1
            self.f = f
            self.g = self.cost_T.softmin(_with_log(self.f, self.log_a, epsilon), epsilon)
            f = self.cost.softmin(_with_log(self.g, self.log_b, epsilon), epsilon)
            error = _row_error(self.a, self.f, f, epsilon)
            progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {error:.2e}")
            if error <= tolerance:
                return True
        return False

    def _run_symmetric(self, epsilon: float, tolerance: float, limit: int, progress: Progress) -> bool:
        """One measure against itself: f = g, and half a step at a time, which converges in a few iterations."""
        while self.count < limit:
            self.count += 1
            f = self.cost.softmin(_with_log(self.f, self.log_a, epsilon), epsilon)
            error = _row_error(self.a, self.f, f, epsilon)
            progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {error:.2e}")
            if error <= tolerance:
                return True
            self.f = self.g = (self.f + f) / 2
        return False


def _with_log(potential: Floats, log_weights: Floats, epsilon: float) -> Floats:
    """``potential + epsilon log weights``; -inf where there is no weight, whatever the potential."""
    return np.where(
        log_weights == -np.inf, -np.inf, potential + epsilon * np.where(log_weights == -np.inf, 0.0, log_weights)
    )


def _row_error(a: Floats, old: Floats, new: Floats, epsilon: float) -> float:
    """``sum_i |a_i exp((f_i - f_i^new)/epsilon) - a_i|``: the rows of the plan have exactly these sums."""
    with np.errstate(over="ignore", invalid="ignore"):
        change = np.expm1((old - new) / epsilon)
    return float(np.sum(a * np.abs(change), where=a > 0))
