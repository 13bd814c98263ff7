"""What every solver is: frozen configuration in, parts of a result out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from ..errors import InvalidInput
from ..inputs import scalars
from ..model.claim import Claim
from ..model.problem import Problem
from ..model.status import Status

ExactName = Literal["auto", "line", "circle", "simplex", "bottleneck", "linprog"]
MatrixName = Literal["auto", "simplex", "linprog"]  # of exact transport between what need not be points
SolverName = ExactName | Literal["sinkhorn"]
Progress = Callable[[str], None]


class Enough(NamedTuple):
    """What tells a solver that goes by rounds that it may stop, in the units of the problem that it was given.

    ``seems`` is asked of a lower and an upper bound of the cost as the solver reckons them; only where it says yes ``proves`` is asked of the
    claim that they are of, since a proof takes as long as a round. The solver stops where that says yes too.
    """

    seems: Callable[[float, float], bool]
    proves: Callable[[Claim], bool]


def silent(message: str) -> None:
    """A progress report that goes nowhere."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver hands over: a claim in the units of the problem that it was given, and how it came to it. Nothing is proven yet.

    Parameters
    ----------
    claim : Claim
        What it says the answer is.
    status : Status
        How it ended, in its own opinion.
    iterations : int
        Pivots, sweeps or halvings.
    name : str
        Of the solver; ``Result.solver`` shows it.

    Examples
    --------
    A solver of your own, which leaves everything where it is. What it hands over is proven like all else:

    >>> import numpy as np, otgen
    >>> from otgen.solvers import Claim, Flows, Solution
    >>> class Staying:
    ...     def solve(self, problem, progress=None, init=None):
    ...         at = np.arange(len(problem.source))
    ...         return Solution(Claim(Flows(at, at, problem.source.probabilities)), otgen.Status.OPTIMAL, 0, "Staying")
    >>> otgen.transport([[0.0, 1.0], [1.0, 0.0]], solver=Staying()).value
    0.0
    >>> otgen.transport([[1.0, 0.0], [0.0, 1.0]], solver=Staying()).status.name
    'IMPRECISE'
    """

    claim: Claim
    status: Status
    iterations: int
    name: str


class Solver(Protocol):
    """Solves a scaled problem: any object with this method, see :class:`Solution` for one."""

    def solve(self, problem: Problem, progress: Progress = ..., init: Claim | None = ...) -> Solution:
        """Solve ``problem``, telling ``progress`` now and then how far it is; perhaps from what is claimed of a nearby one."""
        ...


def checked_iterations(max_iter: int | None) -> None:
    """Raise where a limit on iterations is no whole number from 0 on; None means none."""
    if max_iter is not None:
        scalars.count(max_iter, "max_iter", least=0)


def checked_call(problem: Problem, progress: Progress, init: Claim | None) -> None:
    """Raise for what is no problem to solve, no function to tell progress to, or nothing to start from."""
    made = "make one with Problem.from_points or from_matrix"
    scalars.instance(problem, Problem, "problem", "an otgen.Problem", made)
    if not callable(progress):
        raise InvalidInput(
            f"progress must be a function of a message; received {scalars.told(progress)}; leave it out for silence"
        )
    if init is not None:
        scalars.instance(init, Claim, "init", "an otgen.solvers.Claim", "pass that of a solution, or None")


def refuse_start(init: Claim | None, solver: str) -> None:
    """Raise if something is given to start from to a solver that cannot."""
    if init is not None:
        raise InvalidInput(
            f"init must be None for a solver that starts from nothing; received one for {solver}; leave it out, or use Simplex or Sinkhorn"
        )
