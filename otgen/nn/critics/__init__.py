"""Kantorovich-Rubinstein critics: W_1 from a function that is 1-Lipschitz, or made so, and what it proves."""

from .fitting import CriticFit, fit
from .kinds import (
    Cones,
    Critic,
    CTransform,
    GradientPenalty,
    OneSidedPenalty,
    Orthogonal,
    SpectralNormalisation,
    WeightClipping,
)
from .networks import GroupSort, lipschitz_bound
from .slopes import gradient_norms

__all__ = [
    "CTransform",
    "Cones",
    "Critic",
    "CriticFit",
    "GradientPenalty",
    "GroupSort",
    "OneSidedPenalty",
    "Orthogonal",
    "SpectralNormalisation",
    "WeightClipping",
    "fit",
    "gradient_norms",
    "lipschitz_bound",
]
