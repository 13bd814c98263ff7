"""Solvers: frozen configuration. Pass one as ``solver=`` to any front door; your own returns a :class:`Solution`."""

from ..model.claim import Claim, Flows
from .auto import Auto
from .base import ExactName as ExactName
from .base import MatrixName as MatrixName
from .base import Solution, Solver
from .base import SolverName as SolverName
from .bottleneck import Bottleneck
from .circle import Circle
from .epsilon_schedules import Annealing, Fixed, Schedule
from .line import Line
from .linprog import LinearProgram
from .simplex import Simplex
from .sinkhorn import Sinkhorn

__all__ = [
    "Annealing",
    "Auto",
    "Bottleneck",
    "Circle",
    "Claim",
    "Fixed",
    "Flows",
    "Line",
    "LinearProgram",
    "Schedule",
    "Simplex",
    "Sinkhorn",
    "Solution",
    "Solver",
]
