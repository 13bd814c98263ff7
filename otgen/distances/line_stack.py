"""Stacks of exact problems on the line: sorted, walked and proven in compiled code, everything else when it is asked for, the long way.

One problem is a stack of one, so that its numbers are the same alone and among others, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels import dense_values, line_stack
from ..kernels.dense_stack import Layout
from ..model.cost import Minkowski
from ..model.cost.metrics import TABLE, entry_of
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import Units
from ..proofs import way_back
from ..solvers import Line
from .answer import Answer
from .result import Result
from .small_stack import Deferred, Terms
from .solve import attempted


@lru_cache(maxsize=256)
def power_of(metric: Any, p: float) -> float | None:
    """The power of ``|x - y|`` that a metric's cost is on the line; None where it is none, and for p below 1."""
    entry = entry_of(metric) if isinstance(metric, Minkowski) or metric in TABLE else None
    if entry is None or not p >= 1 or (entry.only_p_one and p != 1):
        return None
    power = entry.line_power(p)
    return None if power is None else float(power)


@dataclass(frozen=True, eq=False)
class LineStack:
    """B problems on the line, proven.

    ``numbers`` (B, 6) are those of :mod:`otgen.kernels.line_stack`, ``values`` (B, 7) those of :mod:`otgen.kernels.dense_values`, costs NaN where
    there is none; ``good`` (B,) says which ended as they should.
    """

    numbers: Floats
    values: Floats
    good: Any
    terms: Terms

    @classmethod
    def of_points(
        cls, x: Floats, y: Floats, a: Floats | None, b: Floats | None, power: float, where: Layout, terms: Terms
    ) -> LineStack:
        """Between clouds (N,) and (M,), in any order; weights (N,), (M,) or None."""
        (x, a), (y, b) = (line_stack.in_order(z, w, where.starts[:, k]) for k, (z, w) in enumerate(((x, a), (y, b))))
        numbers, proven = line_stack.prove(x, y, a, b, power, where)
        values = _values(numbers, terms, power)
        return cls(numbers, values, proven & np.isfinite(values[:, 0]) & np.isfinite(values[:, 6]), terms)

    @property
    def narrow(self) -> Any:
        """Which intervals, (B,), are optimal whatever pairs cost: all that are good."""
        return self.good

    @property
    def missed(self) -> Floats:
        """By how much marginals are missed: (B,)."""
        return np.zeros(len(self.numbers))

    @property
    def iterations(self) -> Indices:
        """None: (B,)."""
        return np.zeros(len(self.numbers), np.int64)

    def result(self, k: int, pose: Callable[[], Problem], seconds: float) -> Result | None:
        """The result of the k-th problem, which ``pose`` poses the long way; None where it ended oddly."""
        if not self.good[k]:
            return None
        value, lower, upper, *of_cost, mass = self.values[k].tolist()
        later, finite = Deferred(partial(_answer, pose)), math.isfinite(self.terms.p)
        costs = of_cost if finite else [None] * 3
        return Result(
            *(value, lower, upper),
            *costs,
            status=Status.OPTIMAL,
            certificate="monotone" if finite else "cut",
            solver="Line",
            iterations=0,
            marginal_error=0.0,
            mass=mass,
            seconds=seconds,
            p=self.terms.p,
            of_samples=True,
            makers=later.makers(self.terms.alike, dual=finite),
        )


def _values(numbers: Floats, terms: Terms, power: float) -> Floats:
    """Values, costs and masses, of numbers perhaps in a unit of their own, a distance to this power."""
    largest = math.isinf(terms.p)
    laid_out = np.zeros((len(numbers), 7))
    laid_out[:, :3], laid_out[:, 5:] = numbers[:, :3], numbers[:, 4:]
    out = dense_values.tell(laid_out, 1.0 if largest else terms.p, terms.given, root=True, normalize=terms.normalize)
    if largest:
        out[:, 3:6] = np.nan
    for k in np.flatnonzero(numbers[:, 3]).tolist():
        back = Units(0, terms.p, root=True, unit=float(numbers[k, 3]), degree=1 if power == terms.p else 2)
        for c, outward in enumerate((0, -1, 1)):
            number = float(numbers[k, c])
            out[k, c], out[k, 3 + c] = back.value(number, outward), back.cost(number, outward)
    return out


def _answer(pose: Callable[[], Problem]) -> Answer:
    """What :func:`otgen.distances.solve.run` answers."""
    problem = pose()
    scaled, solution, certificate = attempted(problem, Line(), progress=False)
    return Answer(problem, scaled, certificate, way_back(certificate, Units.of(scaled, root=True)), solution.claim)
