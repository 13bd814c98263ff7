"""otgen: optimal transport that proves its answers.

Every exact and entropic value comes with a proven interval, every estimate with its error. Start with :func:`otgen.wasserstein`.
"""

from __future__ import annotations

import importlib

from ._version import __version__

TYPE_CHECKING = False  # as typing calls it, which takes longer to load than all that is loaded here
if TYPE_CHECKING:
    from typing import Any

    from . import divergences, lab, laws, solvers
    from . import estimators as estimators
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
    from .distances.neighbors import Neighbors, neighbors
    from .distances.pairwise import PairwiseBounds, pairwise
    from .distances.partial import partial_wasserstein
    from .distances.permutation_null import permutation_null
    from .distances.proof_file import Proof, load_proof
    from .distances.result import Result
    from .distances.semidiscrete.fit import semidiscrete
    from .distances.semidiscrete.fitted import SemidiscreteMap, load_semidiscrete
    from .distances.semidiscrete.held_out import HeldOut
    from .distances.sliced import sliced_wasserstein
    from .distances.solve import solve
    from .distances.splits import PermutationNull
    from .distances.two_sample import two_sample_test
    from .distances.two_sample_result import TestResult
    from .distances.within import Within, within
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
    "HeldOut": "distances.semidiscrete.held_out",
    "Infeasible": "errors",
    "InvalidInput": "errors",
    "MassMismatch": "errors",
    "Measure": "model.measure",
    "Minkowski": "model.cost",
    "MissingExtra": "errors",
    "Neighbors": "distances.neighbors",
    "NotConverged": "errors",
    "OtgenError": "errors",
    "PairwiseBounds": "distances.pairwise",
    "PermutationNull": "distances.splits",
    "Problem": "model.problem",
    "Proof": "distances.proof_file",
    "Relative": "model.problem",
    "Result": "distances.result",
    "SemidiscreteMap": "distances.semidiscrete.fitted",
    "Status": "model.status",
    "TestResult": "distances.two_sample_result",
    "TooLarge": "errors",
    "Within": "distances.within",
    "audit": "distances.audit",
    "bias_curve": "distances.bias_curve",
    "bures_wasserstein": "distances.gaussians",
    "confidence_interval": "distances.confidence",
    "load_proof": "distances.proof_file",
    "neighbors": "distances.neighbors",
    "load_semidiscrete": "distances.semidiscrete.fitted",
    "max_sliced_wasserstein": "distances.max_sliced",
    "pairwise": "distances.pairwise",
    "partial_wasserstein": "distances.partial",
    "permutation_null": "distances.permutation_null",
    "semidiscrete": "distances.semidiscrete.fit",
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
    "within": "distances.within",
}

# Loaded as a whole when first named; those that need an extra are no part of `from otgen import *`.
_PACKAGES = ("divergences", "estimators", "laws", "lab", "nn", "solvers")
_NEEDED = {"estimators": "sklearn", "nn": "torch"}

__all__ = [
    "Audit",
    "BatchResult",
    "BiasCurve",
    "Bounded",
    "Certificate",
    "Circular",
    "ConfidenceInterval",
    "Gradients",
    "HeldOut",
    "Infeasible",
    "InvalidInput",
    "MassMismatch",
    "Measure",
    "Minkowski",
    "MissingExtra",
    "Neighbors",
    "NotConverged",
    "OtgenError",
    "PairwiseBounds",
    "PermutationNull",
    "Problem",
    "Proof",
    "Relative",
    "Result",
    "SemidiscreteMap",
    "Status",
    "TestResult",
    "TooLarge",
    "Within",
    "__version__",
    "audit",
    "bias_curve",
    "bures_wasserstein",
    "confidence_interval",
    "divergences",
    "lab",
    "laws",
    "load_proof",
    "load_semidiscrete",
    "max_sliced_wasserstein",
    "neighbors",
    "pairwise",
    "partial_wasserstein",
    "permutation_null",
    "semidiscrete",
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
    "within",
]


if not TYPE_CHECKING:  # an editor knows the names above, and marks others

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return importlib.import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise importlib.import_module(".elsewhere", __name__).no_attribute(name)
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    is_installed = importlib.import_module(".errors", __name__).is_installed
    return [*__all__, *(name for name, extra in _NEEDED.items() if is_installed(extra))]
