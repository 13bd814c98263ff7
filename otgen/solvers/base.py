"""What every solver is: frozen configuration in, parts of a result out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..inputs.types import Floats
from ..model.plan import Plan
from ..model.problem import Problem
from ..model.status import Status

Progress = Callable[[str], None]


def silent(message: str) -> None:
    """A progress report that goes nowhere."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver hands over; nothing in it is proven yet.

    ``problem`` is the problem that plan and potentials belong to: the one given, perhaps divided by another power of two.
    ``potentials`` are None where the plan needs none for its proof: on the line, and where it is the only one.
    """

    problem: Problem
    plan: Plan | None
    potentials: tuple[Floats, Floats] | None
    status: Status
    iterations: int
    name: str


class Solver(Protocol):
    """Solves a scaled problem; see :class:`otgen.solvers.Simplex` for one."""

    def solve(self, problem: Problem, progress: Progress = ..., init: Any = ...) -> Solution:
        """Solve ``problem``, telling ``progress`` now and then how far it is."""
        ...
