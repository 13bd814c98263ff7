"""Types for annotations of your own: what the arguments called ``metric``, ``solver`` and ``distance`` may be, and what results hold.

``Metric`` is a ``MetricName``, a :class:`otgen.Minkowski`, a :class:`otgen.Circular` or a callable on two blocks; ``Solver`` is what every
solver is, yours too, and ``SolverName`` one by its name; ``DistanceName`` is one of those that many pairs are measured by; ``Plan`` is what every plan can do.

Examples
--------
>>> import otgen
>>> from otgen.typing import Metric
>>> def far(x, y, metric: Metric = "euclidean") -> bool:
...     return otgen.wasserstein(x, y, metric=metric) > 1
>>> far([0.0], [3.0])
True
"""

from .distances.chosen import DistanceName
from .model.cost import Metric, MetricName
from .model.plan import Plan
from .solvers import Solver, SolverName

__all__ = ["DistanceName", "Metric", "MetricName", "Plan", "Solver", "SolverName"]
