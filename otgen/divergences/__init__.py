"""Divergences between probability laws in nats: from mass functions, from densities, from samples."""

from .between import chi2, f_divergence, hellinger, js, kl, tv
from .estimate import Estimate
from .laws import Gaussian, Mixture
from .samples import js_samples, kl_samples, tv_samples

__all__ = [
    "Estimate",
    "Gaussian",
    "Mixture",
    "chi2",
    "f_divergence",
    "hellinger",
    "js",
    "js_samples",
    "kl",
    "kl_samples",
    "tv",
    "tv_samples",
]
