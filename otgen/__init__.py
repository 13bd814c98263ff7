"""otgen: optimal transport that proves its answers.

Every transport value comes with a proven interval. Start with :func:`otgen.wasserstein`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import divergences, lab, laws, solvers
    from . import nn as nn
    from .distances.audit import Audit, audit
    from .distances.batch import sinkhorn_batch, sinkhorn_divergence_batch, transport_batch, wasserstein_batch
    from .distances.batch_result import BatchResult
    from .distances.bias_curve import BiasCurve, bias_curve
    from .distances.bounded import Bounded
    from .distances.confidence import ConfidenceInterval, confidence_interval
    from .distances.entropic import sinkhorn, sinkhorn_divergence
    from .distances.exact import transport, wasserstein
    from .distances.gaussians import bures_wasserstein
    from .distances.gradients import Gradients
    from .distances.max_sliced import max_sliced_wasserstein
    from .distances.pairwise import PairwiseBounds, pairwise
    from .distances.permutation_null import permutation_null
    from .distances.proof_file import Proof, load_proof
    from .distances.result import Result
    from .distances.sliced import sliced_wasserstein
    from .distances.solve import solve
    from .distances.splits import PermutationNull
    from .distances.two_sample import two_sample_test
    from .distances.two_sample_result import TestResult
    from .errors import Infeasible, InvalidInput, MassMismatch, MissingExtra, NotConverged, OtgenError, TooLarge
    from .model.cost import Circular, Minkowski
    from .model.measure import Measure
    from .model.problem import Problem, Relative
    from .model.status import Status
    from .proofs import Certificate

# What each public name is loaded from when it is first used: `import otgen` alone loads no compiler and no array library.
_HOMES = {
    "Audit": "distances.audit",
    "BatchResult": "distances.batch_result",
    "BiasCurve": "distances.bias_curve",
    "Bounded": "distances.bounded",
    "Certificate": "proofs",
    "Circular": "model.cost",
    "ConfidenceInterval": "distances.confidence",
    "Gradients": "distances.gradients",
    "Infeasible": "errors",
    "InvalidInput": "errors",
    "MassMismatch": "errors",
    "Measure": "model.measure",
    "Minkowski": "model.cost",
    "MissingExtra": "errors",
    "NotConverged": "errors",
    "OtgenError": "errors",
    "PairwiseBounds": "distances.pairwise",
    "PermutationNull": "distances.splits",
    "Problem": "model.problem",
    "Proof": "distances.proof_file",
    "Relative": "model.problem",
    "Result": "distances.result",
    "Status": "model.status",
    "TestResult": "distances.two_sample_result",
    "TooLarge": "errors",
    "audit": "distances.audit",
    "bias_curve": "distances.bias_curve",
    "bures_wasserstein": "distances.gaussians",
    "confidence_interval": "distances.confidence",
    "load_proof": "distances.proof_file",
    "max_sliced_wasserstein": "distances.max_sliced",
    "pairwise": "distances.pairwise",
    "permutation_null": "distances.permutation_null",
    "sinkhorn": "distances.entropic",
    "sinkhorn_batch": "distances.batch",
    "sinkhorn_divergence": "distances.entropic",
    "sinkhorn_divergence_batch": "distances.batch",
    "sliced_wasserstein": "distances.sliced",
    "solve": "distances.solve",
    "transport": "distances.exact",
    "transport_batch": "distances.batch",
    "two_sample_test": "distances.two_sample",
    "wasserstein": "distances.exact",
    "wasserstein_batch": "distances.batch",
}

# Loaded as a whole when first named; nn needs torch, so that it is no part of `from otgen import *`.
_PACKAGES = ("divergences", "laws", "lab", "nn", "solvers")

__all__ = [
    "Audit",
    "BatchResult",
    "BiasCurve",
    "Bounded",
    "Certificate",
    "Circular",
    "ConfidenceInterval",
    "Gradients",
    "Infeasible",
    "InvalidInput",
    "MassMismatch",
    "Measure",
    "Minkowski",
    "MissingExtra",
    "NotConverged",
    "OtgenError",
    "PairwiseBounds",
    "PermutationNull",
    "Problem",
    "Proof",
    "Relative",
    "Result",
    "Status",
    "TestResult",
    "TooLarge",
    "__version__",
    "audit",
    "bias_curve",
    "bures_wasserstein",
    "confidence_interval",
    "divergences",
    "lab",
    "laws",
    "load_proof",
    "max_sliced_wasserstein",
    "pairwise",
    "permutation_null",
    "sinkhorn",
    "sinkhorn_batch",
    "sinkhorn_divergence",
    "sinkhorn_divergence_batch",
    "sliced_wasserstein",
    "solve",
    "solvers",
    "transport",
    "transport_batch",
    "two_sample_test",
    "wasserstein",
    "wasserstein_batch",
]


if not TYPE_CHECKING:  # an editor knows the names above, and marks others

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return importlib.import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module 'otgen' has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, "nn"] if importlib.util.find_spec("torch") else __all__
