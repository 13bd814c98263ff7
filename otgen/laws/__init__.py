"""Pairs of laws whose distances are known exactly, to hold estimators to."""

from .funnels import Funnels
from .gaussian import entropic_gaussian_divergence, entropic_gaussians
from .line import on_the_line, semi_discrete
from .pairs import Pair, diracs, elliptical, gaussians, isotropic, line_pair, segments, translation, uniforms
from .pushforward import Branch, Pushforward

__all__ = [
    "Branch",
    "Funnels",
    "Pair",
    "Pushforward",
    "diracs",
    "elliptical",
    "entropic_gaussian_divergence",
    "entropic_gaussians",
    "gaussians",
    "isotropic",
    "line_pair",
    "on_the_line",
    "segments",
    "semi_discrete",
    "translation",
    "uniforms",
]
