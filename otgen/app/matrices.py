"""Transport for a cost matrix from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..distances.exact import transport
from ..distances.result import Result
from ..errors import InvalidInput, MassMismatch
from ..inputs import arrays
from ..inputs.types import Floats
from ..solvers import Sinkhorn
from . import compared, files
from .files import Samples
from .loading import kernels_loaded
from .measuring import Options
from .words import spoken


@dataclass(frozen=True)
class Solved:
    """A result, and what it is of."""

    result: Result
    compared: str


@dataclass(frozen=True)
class Matrix(Options):
    """A listed cost and its options, as ``otgen transport`` takes them."""

    def check(self) -> None:
        """Raise what is wrong with the options, on a matrix of one entry."""
        self.check_together()
        self.tried()._run(np.array([[1.0]]), None, None)

    def __call__(self, costs: Samples, a: Samples | None, b: Samples | None) -> Solved:
        """Solve, whatever the status."""
        (n, m), names = costs.points.shape, tuple(one.name if one else "" for one in (a, b))
        a, b = (
            _called(costs.labels, a, f"the rows of {costs.name}"),
            _called(costs.columns, b, f"the columns of {costs.name}"),
        )
        sides = [None if one is None else one.points.ravel() for one in (a, b)]
        for side, size, name, of in zip(sides, (n, m), names, ("rows", "columns")):
            arrays.weights(side, size, name, f"the {of} of {costs.name}")
        told = names[0] or "rows", names[1] or "columns"
        try:
            result = kernels_loaded(lambda: self._run(costs.points, *sides), lambda one: one.seconds)
        except MassMismatch as fault:
            raise self.unequal(fault, told) from None
        except InvalidInput as fault:
            raise type(fault)(spoken(str(fault), told)) from None
        matched = [
            (of, *compared.masses(one, own))
            for of, one, own in (("rows", a, costs.labels), ("columns", b, costs.columns))
            if one
        ]
        sizes = ", ".join([f"{n} x {m} costs of {costs.name}", *(f"{of} {how}" for of, how, _ in matched if how)])
        notes = [*compared.notes([costs]), *(note for *_, said in matched for note in said)]
        return Solved(result, "; ".join([sizes, *notes]))

    def _run(self, matrix: Floats, a: Any, b: Any) -> Result:
        if self.partial:
            return transport(matrix, a, b, penalty=self.penalty, mass=self.mass, solver=self.solver, throw=False)
        limits = self.given("tol", "max_iter")
        solver = Sinkhorn(**limits) if limits else self.solver
        return transport(
            matrix, a, b, epsilon=self.epsilon or 0, relax=self.relax, solver=solver, normalize=self.normalize, throw=False
        )  # fmt: skip


def _all_numbers(cost: Path, key: str | None) -> Samples:
    """The costs; a column of them cannot be left out, so none is offered."""
    try:
        return files.read(cost, key=key)
    except InvalidInput as fault:
        raise InvalidInput(
            str(fault).replace(
                "fill or drop those rows, or choose others with --columns", "fill them; inf forbids a pair"
            )
        ) from None


def _called(names: tuple[str, ...] | None, masses: Samples | None, whose: str) -> Samples | None:
    return None if masses is None else files.aligned(names, masses, whose)


def read(cost: Path, a: Path | None, b: Path | None, key: str | None) -> tuple[Samples, Samples | None, Samples | None]:
    """The costs and the masses."""
    if sum(str(path) == "-" for path in (cost, a, b)) > 1:
        raise InvalidInput("- must stand for one of the files only; received it twice; save one of them")
    files.check_choices([cost], key=key)
    costs = _all_numbers(cost, key)
    if costs.points.ndim != 2:
        raise InvalidInput(
            f"{costs.name} must hold a matrix of costs; received shape {costs.points.shape}; save it with rows and columns"
        )
    arrays.cost_matrix(costs.points, costs.name)
    masses = [None if path is None else files.read(path) for path in (a, b)]
    for one in masses:
        if one is not None and one.dim != 1:
            raise InvalidInput(f"{one.name} must hold one column of masses; received {one.dim}; drop the others")
    return costs, masses[0], masses[1]
