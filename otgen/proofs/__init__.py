"""Proofs of optimality: a floor that knows problems, plans and potentials, and nothing of the solvers."""

from .bottleneck import certify_bottleneck
from .certificate import Certificate
from .dual import certify_dual
from .entropic import Bounds, certify_entropic, entropic_bounds
from .monotone import certify_cut, certify_monotone
from .unique_plan import certify_only

__all__ = [
    "Bounds",
    "Certificate",
    "certify_bottleneck",
    "certify_cut",
    "certify_dual",
    "certify_entropic",
    "certify_monotone",
    "certify_only",
    "entropic_bounds",
]
