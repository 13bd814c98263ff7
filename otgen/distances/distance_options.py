"""What may be handed on to a distance that is chosen by its name, for those who check types."""

from __future__ import annotations

from typing import Any, TypedDict

from ..inputs.types import Design
from ..model.cost import Metric
from ..model.problem import Relative
from ..solvers import Solver, SolverName
from .entropic import Relaxation


class DistanceOptions(TypedDict, total=False):
    """Options of the distances that have names, of which each takes its own."""

    p: float
    metric: Metric
    epsilon: float | Relative
    relax: Relaxation
    penalty: Any
    mass: float
    solver: SolverName | Solver | None
    tol: float
    max_iter: int
    n_projections: int
    directions: Design
    n_starts: int
    exact: bool | None
    throw: bool
    normalize: bool


class PairOptions(DistanceOptions, total=False):
    """The same where no draws but those of a sliced distance are made, whose seed stands among them."""

    rng: Any


ParamsByName = PairOptions | dict[str, float | Relative]  # the latter is what dict(p=1) is to who checks types


class TestOptions(DistanceOptions, total=False):
    """The same beside the discrepancy under a kernel."""

    bandwidth: float
