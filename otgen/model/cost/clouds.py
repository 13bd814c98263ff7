"""What costs between two clouds of points have in common, whatever the metric is."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from ...inputs.types import Floats, Indices
from ..boxes import Box
from ..units import ONE, PowerOfTwo, moderate
from .merging import CloudMerging
from .metrics import Circular, Minkowski
from .padded import PaddedCost
from .unforbidden import Unforbidden


@dataclass(frozen=True, eq=False)
class CloudCost(Unforbidden):
    """``metric(x_i, y_j) ** p`` between clouds x (n, d) and y (m, d); or (B, n, d) and (B, m, d), where the metric takes stacks."""

    called: ClassVar[str] = "points"
    of_points: ClassVar[bool] = True
    x: Floats
    y: Floats
    metric: str | Minkowski | Circular | Callable[[Floats, Floats], Floats]
    p: float = 2.0
    scale: PowerOfTwo = ONE
    dtype: Any = np.float64

    @abc.abstractmethod
    def between(self, x: Floats, y: Floats) -> Self:
        """The same kind of cost between other points, in kd order if these are."""

    @abc.abstractmethod
    def own(self) -> tuple[Self, Self]:
        """The same kind of cost between x and x, and between y and y."""

    @abc.abstractmethod
    def gibbs_slope(self, f: Floats, g: Floats, epsilon: Any, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i``: (n, d); raises `InvalidInput` where the derivative is not known."""

    @abc.abstractmethod
    def pair_slopes(self, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
        """The gradients of ``c(x_i, y_j)`` in x_i and in y_j, for listed pairs, (k, d) each; raises `InvalidInput` where they are not known."""

    @abc.abstractmethod
    def kept(self, itemsize: int) -> int:
        """Bytes of all pairs that sweeps keep beside the points, in numbers of so many bytes."""

    @property
    def clouds(self) -> Self:
        """Itself."""
        return self

    @property
    def distances(self) -> Self:
        """The metric itself, p = 1."""
        return replace(self, p=1.0)

    @property
    def merging(self) -> CloudMerging:
        """By kd order."""
        return CloudMerging(self)

    @property
    def listed(self) -> int:
        """None."""
        return 0

    def padded(self, column: Floats, row: Floats, corner: float, cap: float = math.inf) -> PaddedCost:
        """With prices beside the points."""
        return PaddedCost(self, column, row, corner, self.shape, cap=cap)

    @cached_property
    def box(self) -> Box:
        """Around both clouds; of coordinates that repeat, around where they are within one period."""
        if self.entry is None or self.entry.period is None:
            return Box.around(self.x, self.y)
        return Box.around(self.entry.places(self.x), self.entry.places(self.y))

    @property
    def plain(self) -> bool:
        """Whether costs can be computed as they are, of a whole stack, far from the ends of the range of floats."""
        with np.errstate(over="ignore", invalid="ignore"):
            reach = self.box.extents.max(axis=-1)
        return moderate(reach, self.p)

    @property
    def fits_single(self) -> bool:
        """Whether costs and what they are made of are well within the range of single precision."""
        reach, largest = float(self.box.extents.max()), self.range()[1]
        return 2.0**-40 < reach < 2.0**40 and 2.0**-80 < largest < 2.0**80
