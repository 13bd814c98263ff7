"""The points that noise is sent to, held as searches want them, and the search for the point that each noise goes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...inputs import sizes
from ...inputs.types import Floats, Indices
from ...kernels.kdtree import kd_order
from ...model.cost import CloudCost, Cost, Metric, point_cost
from ...model.cost.passes import joined
from ...model.measure import Measure

_BLOCK = 4_000_000  # coordinates of noise that are searched for at once


@dataclass(frozen=True, eq=False)
class Targets:
    """The data points that have mass, in kd order, so that no search has to order them again.

    Attributes
    ----------
    points : ndarray
        (k, d), float64.
    masses : ndarray
        (k,), positive, of sum 1.
    where : ndarray of int64
        (k,), which of the data they are.
    metric, p
        The cost is ``metric ** p``.
    """

    points: Floats
    masses: Floats
    where: Indices
    metric: Metric
    p: float

    @classmethod
    def of(cls, data: Measure, metric: Metric, p: float) -> Targets:
        """Of all data (N, d); raises `InvalidInput` for a metric that does not go with them."""
        masses = np.asarray(data.probabilities)
        live = np.flatnonzero(masses)
        points = data.float64()[live]
        point_cost(points[:1], points, metric, p)  # refuses what it cannot take
        order = kd_order(points)
        return cls(points[order], masses[live][order], live[order], metric, p)

    def __len__(self) -> int:
        return len(self.points)

    def cost_of(self, x: Floats) -> CloudCost:
        """The cost between noise (n, d) and the points, in their order."""
        return point_cost(x, self.points, self.metric, self.p)

    def assigned(self, x: Floats, g: Floats) -> tuple[Floats, Indices]:
        """``min_j c(x_i, y_j) - g_j`` and the j that has it, (n,) each; of equal ones any, but always the same."""
        sizes.same_dimension(x.shape[1], self.points.shape[1], ("noise", "the data"))
        return self._searched(x, lambda cost: cost.ctransform(g))

    def rivals(self, x: Floats, g: Floats) -> tuple[Indices, Floats]:
        """The j of :meth:`assigned`, as far as rounding allows, and by how much the next best is worse; 0 where there is no other."""
        columns, values = self._searched(x, lambda cost: cost.price(g, min(2, len(self))))
        return columns[:, 0], values[:, -1] - values[:, 0]

    def _searched(self, x: Floats, search: Callable[[Cost], tuple[Any, Any]]) -> tuple[Any, Any]:
        """What a search gives for every row, some rows at a time; in few dimensions these are put in kd order first."""
        step = max(1, _BLOCK // x.shape[1])
        parts = [self._piece(x[start : start + step], search) for start in range(0, len(x), step)]
        return joined([one for one, _ in parts]), joined([other for _, other in parts])

    def _piece(self, x: Floats, search: Callable[[Cost], tuple[Any, Any]]) -> tuple[Any, Any]:
        cost = self.cost_of(x)
        if not cost.pruned:
            return search(cost)
        order = kd_order(x)
        one, other = search(cost.restricted(order, np.arange(len(self)), ordered=True))
        back = np.argsort(order)
        return one[back], other[back]
