"""A discrete measure: points, or only their number, and weights."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..inputs import arrays
from ..inputs.origin import Origin
from ..inputs.types import Floats
from ..kernels.double_double import total_pair


@dataclass(frozen=True, eq=False)
class Measure:
    """A finite measure on points: ``sum_i a_i delta(x_i)``.

    Parameters
    ----------
    points : array_like or int
        (n, d) points, or (n,) on a line; or their number, where a cost matrix says the rest.
    weights : array_like, optional
        (n,), non-negative, not all zero, of any total. None means uniform, of total 1.
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

    def __post_init__(self, allow_gpu: bool) -> None:
        if isinstance(self.points, int):
            checked, origin = np.empty((self.points, 0)), Origin()
        else:
            checked, origin = arrays.points(self.points, self.name, allow_gpu=allow_gpu)
        weights, weights_origin = arrays.weights(
            self.weights, len(checked), self.weights_name, self.name, allow_gpu=origin.device != "cpu"
        )
        for name, value in (
            ("points", checked),
            ("weights", weights),
            ("origin", origin),
            ("weights_origin", weights_origin),
            ("uniform", weights_origin is None or bool(weights.min() == weights.max())),
        ):
            object.__setattr__(self, name, value)

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
