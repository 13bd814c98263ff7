"""Estimators for scikit-learn: maps between samples, and distances of clouds for what takes them precomputed.

Thin over the library's functions: what is solved, and what is proven of it, is theirs.
Needs scikit-learn: ``pip install 'otgen[sklearn]'``.
"""

from ..errors import require

require("sklearn")

from .distances import PairwiseWasserstein
from .mapper import OTMapper

__all__ = ["OTMapper", "PairwiseWasserstein"]
