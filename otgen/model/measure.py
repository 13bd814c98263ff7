"""A discrete measure: points, or only their number, and weights."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..inputs import arrays, scalars, sizes, tables
from ..inputs.origin import Origin
from ..inputs.reading import refuse_bytes
from ..inputs.types import Floats
from ..kernels.double_double import total_pair


@dataclass(frozen=True, eq=False)
class Measure:
    """A finite measure on points: ``sum_i a_i delta(x_i)``.

    Parameters
    ----------
    points : array_like or int
        (n, d) points, or (n,) on a line; or their number, where a cost matrix says the rest. Whole numbers that are no doubles, and
        moments, are taken by :meth:`Problem.from_points`, which moves two clouds alike.
    weights : array_like, optional
        (n,), non-negative, not all zero, of any total up to 1e300. None means uniform, of total 1.
    name : str
        How errors call the points.
    weights_name : str
        How errors call the weights.
    allow_gpu : bool
        Whether points may live on a GPU; the host then holds a copy, and weights may live on either side.

    Raises
    ------
    InvalidInput
        If either is malformed.

    Examples
    --------
    >>> Measure([0.0, 1.0], [1, 3]).probabilities
    array([0.25, 0.75])
    """

    points: Any
    weights: Any = None
    name: str = "points"
    weights_name: str = "weights"
    allow_gpu: InitVar[bool] = False
    origin: Origin = field(init=False, repr=False)
    weights_origin: Origin | None = field(init=False, repr=False)
    uniform: bool = field(init=False, repr=False)
    on_line: bool = field(init=False, repr=False)
    columns: tables.Names | None = field(init=False, repr=False)

    def __post_init__(self, allow_gpu: bool) -> None:
        sizes.as_many(self.weights, self.points, self.weights_name, self._weighed)
        tables.weighed_rows(self.points, self.weights, (self.name, self.weights_name))
        checked, origin, on_line = self._cloud(allow_gpu)
        weights, weights_origin = arrays.weights(
            self.weights, len(checked), self.weights_name, self._weighed, allow_gpu=origin.device != "cpu"
        )
        for name, value in (
            ("columns", tables.column_names(self.points)),
            ("points", checked),
            ("weights", weights),
            ("origin", origin),
            ("on_line", on_line),
            ("weights_origin", weights_origin),
            ("uniform", weights_origin is None or _are_equal(weights)),
        ):
            object.__setattr__(self, name, value)

    def _cloud(self, allow_gpu: bool) -> arrays.Cloud:
        """The points once they are checked; no coordinates where only their number is known."""
        if isinstance(self.points, arrays.Cloud):
            return self.points
        if isinstance(self.points, int):
            count = scalars.count(self.points, self.name)
            refuse_bytes(8 * count, (count,), self.name)
            return arrays.Cloud(np.empty((count, 0)), Origin())
        return arrays.cloud(self.points, self.name, allow_gpu=allow_gpu)

    @property
    def _weighed(self) -> str:
        """What the weights are of, in words."""
        return f"the {self.name}" if isinstance(self.points, int) else f"the points of {self.name}"

    def __len__(self) -> int:
        return len(self.weights)

    def __repr__(self) -> str:
        kind = "uniform" if self.uniform else "weighted"
        where = f" in dimension {self.dim}" if self.dim else ""
        return f"Measure({len(self)} {kind} points{where}, mass {self.mass:g})"

    @property
    def dim(self) -> int:
        """The dimension of the points; 0 where there are none."""
        return self.points.shape[1]

    @cached_property
    def total(self) -> tuple[float, float]:
        """The total weight as an unevaluated pair of doubles."""
        return (1.0, 0.0) if self.weights_origin is None else total_pair(self.weights)

    def shaped(self, array: Any) -> Any:
        """An array of the shape of the points, (n, d), in the shape in which they came: (n,) where that was theirs."""
        return array[:, 0] if self.on_line else array

    @property
    def mass(self) -> float:
        """The total weight, correctly rounded."""
        return self.total[0]

    @cached_property
    def probabilities(self) -> Floats:
        """The weights divided by their sum: (n,)."""
        return np.full(len(self), 1.0 / len(self)) if self.uniform else self.weights / self.mass

    def float64(self) -> Floats:
        """The points in double precision: (n, d)."""
        return self.points.astype(np.float64, copy=False)


def _are_equal(weights: Floats) -> bool:
    """Whether all are; those of samples differ at the ends already."""
    return bool(weights[0] == weights[-1] and weights.min() == weights.max())
