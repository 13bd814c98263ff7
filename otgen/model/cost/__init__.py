"""Costs: from points without a matrix, from a matrix dense or sparse, or from a callable metric."""

from .base import Cost, row_blocks
from .callables import CallableCost
from .clouds import CloudCost
from .factory import origin_matters, point_cost
from .matrices import MatrixCost, SparseCost
from .merging import Level, merged
from .metrics import (
    COSTS,
    METRICS,
    NORMS,
    BuiltIn,
    Circular,
    Metric,
    MetricName,
    Minkowski,
    is_norm,
    metric_name,
    spelt,
    unspelt,
)
from .padded import PaddedCost
from .point_metric import PointMetric
from .points import PointCost

__all__ = [
    "COSTS",
    "METRICS",
    "NORMS",
    "BuiltIn",
    "CallableCost",
    "Circular",
    "CloudCost",
    "Cost",
    "Level",
    "MatrixCost",
    "Metric",
    "MetricName",
    "Minkowski",
    "PaddedCost",
    "PointCost",
    "PointMetric",
    "SparseCost",
    "is_norm",
    "merged",
    "metric_name",
    "origin_matters",
    "point_cost",
    "row_blocks",
    "spelt",
    "unspelt",
]
