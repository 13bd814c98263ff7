"""Samples of reference laws, which multivariate ranks are taken against."""

from __future__ import annotations

from scipy.stats import norm, qmc

from ..inputs.types import Floats

NAMES = ("uniform", "normal")


def reference_sample(law: str, size: int, dim: int, seed: int) -> Floats:
    """Points of the ``"uniform"`` law on the unit cube, or of the standard ``"normal"`` one: a scrambled Halton sequence, (size, dim).

    Spread more evenly than random points, so that ranks are too.

    References
    ----------
    Deb and Sen, "Multivariate rank-based distribution-free nonparametric testing using measure transportation", 2023, section 3.

    Examples
    --------
    >>> reference_sample("uniform", 500, 2, seed=0).mean(axis=0).round(2)
    array([0.5, 0.5])
    """
    cube = qmc.Halton(dim, scramble=True, seed=seed).random(size)  # pyright: ignore[reportCallIssue]  # rng since scipy 1.15
    return cube if law == "uniform" else norm.ppf(cube)
