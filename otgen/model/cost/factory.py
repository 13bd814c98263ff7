"""Which cost two clouds and a metric ask for."""

from __future__ import annotations

import numpy as np

from ...errors import InvalidInput
from ...inputs import sizes
from ...inputs.types import Floats
from .callables import CallableCost
from .metrics import TABLE, Circular, Metric, Minkowski, entry_of, metric_name
from .points import PointCost


def origin_matters(metric: Metric) -> str:
    """Which metric it is, in words, where costs change when both clouds are moved alike; else nothing."""
    if isinstance(metric, Minkowski | Circular) or not (
        callable(metric) or (isinstance(metric, str) and metric in TABLE)
    ):
        return ""
    if callable(metric):
        return "a callable metric"
    return "" if TABLE[metric].translates else f"metric={metric!r}"


def point_cost(x: Floats, y: Floats, metric: Metric, p: float) -> PointCost | CallableCost:
    """The cost ``metric ** p`` between two checked clouds; see :class:`PointCost` for the metrics and the errors."""
    sizes.same_dimension(x.shape[1], y.shape[1])
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    if isinstance(metric, type):
        raise InvalidInput(
            f"metric must be a name, a Minkowski(q), a Circular(period) or a callable on two blocks; received the class {metric.__name__}; "
            f"pass an instance, such as Minkowski(3)"
        )
    if not isinstance(metric, str | Minkowski | Circular):
        if callable(metric):
            return CallableCost(x, y, metric, p)
        metric_name(metric)
        raise AssertionError("what is no word is refused")
    if isinstance(metric, str):
        metric_name(metric)
    entry = entry_of(metric)
    if entry.only_p_one and p != 1:
        raise InvalidInput(
            f"p must be 1 for metric={metric!r}, which is a cost and no metric; received p={p:g}; "
            f'for W_2 use metric="euclidean", p=2'
        )
    for name, z in (("x", x), ("y", y)):
        entry.check(z, name)
    return PointCost(x, y, metric, p)
