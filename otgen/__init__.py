"""otgen: optimal transport that proves its answers.

Every transport value comes with a proven interval. Start with :func:`otgen.wasserstein`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import divergences, exact_laws, lab, solvers
    from ._solve import solve
    from .batch import BatchResult, sinkhorn_batch, sinkhorn_divergence_batch, wasserstein_batch
    from .certify import Certificate
    from .cost import Minkowski
    from .distances import sinkhorn, sinkhorn_divergence, transport, wasserstein
    from .errors import Infeasible, InvalidInput, MassMismatch, MissingExtra, NotConverged, OtgenError, TooLarge
    from .gaussians import bures_wasserstein
    from .measure import Measure
    from .problem import Problem, Relative
    from .result import Result, Status
    from .sliced import sliced_wasserstein

# What each public name is loaded from when it is first used: `import otgen` alone loads no compiler and no array library.
_HOMES = {
    "BatchResult": "batch",
    "Certificate": "certify",
    "Infeasible": "errors",
    "InvalidInput": "errors",
    "MassMismatch": "errors",
    "Measure": "measure",
    "Minkowski": "cost",
    "MissingExtra": "errors",
    "NotConverged": "errors",
    "OtgenError": "errors",
    "Problem": "problem",
    "Relative": "problem",
    "Result": "result",
    "Status": "result",
    "TooLarge": "errors",
    "bures_wasserstein": "gaussians",
    "sinkhorn": "distances",
    "sinkhorn_batch": "batch",
    "sinkhorn_divergence": "distances",
    "sinkhorn_divergence_batch": "batch",
    "sliced_wasserstein": "sliced",
    "solve": "_solve",
    "transport": "distances",
    "wasserstein": "distances",
    "wasserstein_batch": "batch",
}

# Loaded as a whole when first named; nn needs torch, so that it is no part of `from otgen import *`.
_PACKAGES = ("divergences", "exact_laws", "lab", "nn", "solvers")

__all__ = [
    "BatchResult",
    "Certificate",
    "Infeasible",
    "InvalidInput",
    "MassMismatch",
    "Measure",
    "Minkowski",
    "MissingExtra",
    "NotConverged",
    "OtgenError",
    "Problem",
    "Relative",
    "Result",
    "Status",
    "TooLarge",
    "__version__",
    "bures_wasserstein",
    "divergences",
    "exact_laws",
    "lab",
    "sinkhorn",
    "sinkhorn_batch",
    "sinkhorn_divergence",
    "sinkhorn_divergence_batch",
    "sliced_wasserstein",
    "solve",
    "solvers",
    "transport",
    "wasserstein",
    "wasserstein_batch",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module 'otgen' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
