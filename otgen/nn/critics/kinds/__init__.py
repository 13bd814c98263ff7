"""Ways to keep a critic Lipschitz, each a small frozen class: what network, what penalty, what after a step."""

from .clipping import WeightClipping
from .critic import Critic
from .normalised import Orthogonal, SpectralNormalisation
from .penalties import GradientPenalty, OneSidedPenalty
from .pieces import Cones, CTransform

__all__ = [
    "CTransform",
    "Cones",
    "Critic",
    "GradientPenalty",
    "OneSidedPenalty",
    "Orthogonal",
    "SpectralNormalisation",
    "WeightClipping",
]
