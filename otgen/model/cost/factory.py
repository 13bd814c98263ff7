"""Which cost two clouds and a metric ask for."""

from __future__ import annotations

import numpy as np

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Floats
from .callables import CallableCost
from .metrics import COSTS, METRICS, Metric, Minkowski
from .points import PointCost


def point_cost(x: Floats, y: Floats, metric: Metric, p: float) -> PointCost | CallableCost:
    """The cost ``metric ** p`` between two checked clouds; see :class:`PointCost` for the metrics and the errors."""
    if x.shape[1] != y.shape[1]:
        raise InvalidInput(
            f"x and y must have the same number of coordinates; received {x.shape[1]} and {y.shape[1]}; project or pad one"
        )
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    if isinstance(metric, type):
        raise InvalidInput(
            f"metric must be a name, a Minkowski(q) or a callable on two blocks; received the class {metric.__name__}"
        )
    if callable(metric) and not isinstance(metric, Minkowski):
        return CallableCost(x, y, metric, p)
    if not isinstance(metric, Minkowski):
        scalars.one_of(metric, "metric", METRICS + COSTS)
    if metric in COSTS and p != 1:
        raise InvalidInput(
            f"metric={metric!r} is a cost, not a metric, and goes with p=1 only; received p={p:g}; "
            f'for W_2 use metric="euclidean", p=2'
        )
    for name, z in (("x", x), ("y", y)):
        if metric == "cosine" and not z.any(axis=1).all():
            row = int((~z.any(axis=1)).argmax())
            raise InvalidInput(
                f'{name} must hold no zero vector under metric="cosine"; received one in row {row}; drop it'
            )
    return PointCost(x, y, metric, p)
