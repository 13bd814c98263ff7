"""Proofs of optimality, one file per argument: a floor that knows problems and claims, and nothing of the solvers."""

from .certificate import Certificate, above, below, way_back
from .dual import prove_dual
from .entropic import Bounds, entropic_bounds, entropic_certificate
from .exact_flow import carrying
from .few_points import prove_few, prove_few_in_part
from .monotone import are_plain, monotone_mean
from .promise import keeps_promise, usual_cost
from .prove import prove
from .staying import prove_staying, prove_staying_in_part

__all__ = [
    "Bounds",
    "Certificate",
    "above",
    "are_plain",
    "below",
    "carrying",
    "entropic_bounds",
    "entropic_certificate",
    "keeps_promise",
    "monotone_mean",
    "prove",
    "prove_dual",
    "prove_few",
    "prove_few_in_part",
    "prove_staying",
    "prove_staying_in_part",
    "usual_cost",
    "way_back",
]
