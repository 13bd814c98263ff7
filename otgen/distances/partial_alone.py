"""Partial transport where one side has no points at all, an empty persistence diagram: all of the other stays, each unit at its price."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes
from ..inputs.types import Floats
from ..kernels.double_double import UNIT, dot_in_unit
from ..model.cost import Metric
from ..model.measure import Measure
from ..model.plan import SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import Units, powered, stretched
from ..proofs import above, below
from .gradients import Gradients
from .makers import Makers
from .result import Result
from .solve import too_far_apart

Prices = Callable[[int], tuple[Floats, Floats]]  # of both sides, where one has so many points and the other none

_EMPTY = np.empty(0)
_NO_PLACES = np.empty(0, np.int64)


def is_empty(points: Any) -> bool:
    """Whether something is a cloud of no points: an empty list, or an array (0, d) or (0,)."""
    shape = scalars.shape_said(points)
    if isinstance(points, list | tuple):
        return not len(points)
    return isinstance(shape, tuple) and len(shape) in (1, 2) and shape[0] == 0


@dataclass(frozen=True, eq=False)
class Alone:
    """A measure (k,) of which all stays at ``prices`` (k,); None where there is none on either side. ``turned``: it is that of the targets.

    ``empty`` is the shape of the other cloud; ``amount`` says whether a mass, 0, was asked for.
    """

    measure: Measure | None
    prices: Floats
    empty: tuple[int, ...]
    turned: bool
    amount: bool
    p: float

    @classmethod
    def of(
        cls, x: Any, y: Any, a: Any, b: Any, prices: Prices, mass: float | None, *, p: float, metric: Metric
    ) -> Alone:
        """From two clouds, one of them empty, and what is asked.

        Raises
        ------
        InvalidInput
            As for other clouds.
        """
        turned = is_empty(x)
        cloud, weights, name = (y, b, "b") if turned else (x, a, "a")
        empty, none, others = (x, a, "a") if turned else (y, b, "b")
        if none is not None and not is_empty(none):
            raise InvalidInput(
                f"{others} must have shape (0,), one weight for each of no points; received {scalars.told(none)}; leave it out"
            )
        if mass:
            raise InvalidInput(
                f"mass must be 0 where one side has no points; received {scalars.told(mass)}; leave it out"
            )
        shape = tuple(getattr(empty, "shape", (0,)))
        if is_empty(cloud):
            if weights is not None and not is_empty(weights):
                raise InvalidInput(
                    f"{name} must have shape (0,), one weight for each of no points; received {scalars.told(weights)}; leave it out"
                )
            return cls(None, _EMPTY, shape, turned, mass is not None, p)
        arrays.checked(cloud, "y" if turned else "x")
        pair = (None, weights) if turned else (weights, None)
        problem = Problem.from_points(cloud, cloud, *pair, p=p, metric=metric)  # what is malformed is told
        if len(shape) == 2 and shape[1] not in (0, problem.source.dim):
            sizes.same_dimension(*((shape[1], problem.source.dim) if turned else (problem.source.dim, shape[1])))
        measure = problem.target if turned else problem.source
        price = prices(len(measure))[turned]
        if np.isinf(price[measure.weights > 0]).any():
            raise InvalidInput(
                f"penalty must be finite where mass has to stay; received inf for a mass in {name}, of which the other side can take none; pass a "
                f"finite penalty"
            )
        return cls(measure, np.where(np.isinf(price), 0.0, price), shape, turned, mass is not None, p)

    def result(self, began: float) -> Result:
        """What staying costs, rounded a few times."""
        number, back = self._paid
        margin = 8 * UNIT * number
        ends = tuple(zip((number, below(number, margin), above(number, margin)), (0, -1, 1), strict=True))
        values = [back.value(*end) for end in ends]
        if not math.isfinite(values[0]):
            raise too_far_apart("penalty and weights")
        return Result(
            *values,
            *(back.cost(*end) for end in ends),
            status=Status.OPTIMAL,
            certificate="dual",
            solver="none",
            iterations=0,
            marginal_error=0.0,
            mass=0.0,
            seconds=time.perf_counter() - began,
            p=self.p,
            of_samples=True,
            makers=Makers(
                plan=self.plan, potentials=self.potentials, gradients=self.gradients, unmatched=self.unmatched
            ),
        )

    @property
    def _weights(self) -> Floats:
        return _EMPTY if self.measure is None else np.asarray(self.measure.weights, np.float64)

    @property
    def _paid(self) -> tuple[float, Units]:
        """What staying costs, and in what units, which are about the value: at high orders the cost may be no float where that is one."""
        number, exponent = dot_in_unit(self.prices, self._weights)
        shift = math.floor(exponent / self.p)
        return float(stretched(number, exponent - shift * self.p)), Units(shift, self.p, root=True)

    def _pair(self, here: Floats, there: Floats = _EMPTY) -> tuple[Any, Any]:
        """What belongs to the points, and what to none, in the order of the sides and the caller's library."""
        mine, none = (z if self.measure is None else self.measure.origin.back(z) for z in (here, there))
        return (none, mine) if self.turned else (mine, none)

    def plan(self) -> SparsePlan:
        """A plan that moves nothing."""
        k = len(self._weights)
        return SparsePlan(_NO_PLACES, _NO_PLACES, _EMPTY, (0, k) if self.turned else (k, 0))

    def unmatched(self) -> tuple[Any, Any]:
        """All that there is."""
        return self._pair(self._weights.copy())

    def potentials(self) -> tuple[Any, Any]:
        """The prices: derivatives of the cost in the masses."""
        return self._pair(self.prices.copy())

    def gradients(self, of: Literal["cost", "value"] = "cost") -> Gradients:
        """In the points 0, since nothing moves; in the masses the prices, of the root times its slope."""
        number, back = self._paid
        cost, factor = back.cost(number), 1.0
        if of == "value" and self.p != 1:
            factor = powered(cost, 1 / self.p - 1) / self.p if cost > 0 else 0.0
        points = _EMPTY if self.measure is None else np.zeros_like(self.measure.shaped(self.measure.float64()))
        x, y = self._pair(points, np.zeros(self.empty))
        return Gradients(x, y, *self._pair(factor * self.prices), mass=0.0 if self.amount else None)
