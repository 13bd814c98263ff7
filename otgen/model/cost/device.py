"""Costs between points whose pairs are computed on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import PRODUCT, GroundCost, gpu
from ...kernels.double_double import UNIT
from .base import Cost
from .points import PointCost


@dataclass(frozen=True, eq=False)
class DevicePointCost(PointCost):
    """As :class:`PointCost`, with the sums and searches over all pairs done where the points came from.

    ``device_points`` are the clouds before any scaling, float64 on the device, which the kernels then read without another transfer. The host keeps points
    too, n d numbers, for boxes, levels and bounds on rounding; potentials travel each time. No pair is left
    out: cells of neighbours are for processors that would wait for memory.
    """

    device: str = "cuda:0"
    device_points: tuple[Any, Any] | None = None

    @property
    def _boxed(self) -> bool:
        return False

    def _placed(self, ground: GroundCost) -> GroundCost:
        return gpu.moved(ground, self.device)

    @cached_property
    def _ground(self) -> GroundCost:
        return super()._ground if self._travels else self._shifted(np.zeros(self.x.shape[1]), self.form)

    @cached_property
    def _middle(self) -> GroundCost:
        return super()._middle if self._travels else self._shifted(self._centre, self.form)

    @cached_property
    def _products(self) -> GroundCost:
        if self._travels:
            return super()._products
        return self._shifted(self.y.mean(axis=0), (PRODUCT, 1.0, -2.0))

    @property
    def _travels(self) -> bool:
        """Whether the device gets its points from the host: where they are not those that came, or need more than a shift."""
        return self.device_points is None or not self.entry.by_differences or abs(self.points_shift) > 900

    def _shifted(self, centre: Floats, form: tuple[float, float, float]) -> GroundCost:
        assert self.device_points is not None
        return gpu.shifted(self.device_points, self.device, 2.0**-self.points_shift, centre, form, self.dtype)

    def _flipped(self) -> PointCost:
        device_points = None if self.device_points is None else self.device_points[::-1]
        return replace(self, x=self.y, y=self.x, device_points=device_points)

    def between(self, x: Floats, y: Floats) -> PointCost:
        """The same kind of cost between other points."""
        return replace(self, x=x, y=y, device_points=None)

    def restricted(self, rows: Indices, columns: Indices) -> PointCost:
        """The same cost between some of the points only, in the order given."""
        device_points = (
            None if self.device_points is None else gpu.taken(self.device_points, self.device, rows, columns)
        )
        return replace(self, x=self.x[rows], y=self.y[columns], device_points=device_points)

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of: what lies on the device is made again where it is needed."""
        return {part.name: getattr(self, part.name) for part in fields(self)} | {"device_points": None}

    @property
    def rounding(self) -> tuple[float, float]:
        """As on the host, and two units more for each power: CUDA's are off by up to 2 units in the last place in double precision, by 8 in single."""
        relative, absolute = super().rounding
        more, unit = (2, UNIT) if np.dtype(self.dtype) == np.float64 else (13, 2.0**-24)
        return relative + more * (self.form[1] + 1) * unit, absolute

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """``f_i = min_j c_ij - g_j`` and its arg min: (n,), (n,)."""
        return Cost.ctransform(self, g)

    def price(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """What :meth:`nearest` gives."""
        return self.nearest(g, count, below)
