"""Entropic transport between Gaussians in closed form."""

from __future__ import annotations

import math

import numpy as np

from ..divergences import Gaussian
from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats


def entropic_gaussians(source: Gaussian, target: Gaussian, epsilon: float) -> float:
    r"""``min <P, |x - y|^2> + epsilon KL(P, a (x) b)`` between two Gaussians.

    .. math:: |m_0 - m_1|^2 + \mathrm{tr}(A + B - D) + d s (1 - \log 2 s) + s \log\det(D + s I), \quad
              D = (4 A^{1/2} B A^{1/2} + s^2 I)^{1/2}, \quad s = \varepsilon / 2

    Parameters
    ----------
    source, target : Gaussian
        Of one dimension d, covariances A and B.
    epsilon : float
        Strength, in units of squared distance.

    Returns
    -------
    float
        In units of squared distance.

    Raises
    ------
    InvalidInput
        For an epsilon that is not positive and finite, for what is no Gaussian, and for Gaussians of different dimensions.

    References
    ----------
    Janati, Muzellec, Peyre, Cuturi, "Entropic optimal transport between unbalanced Gaussian measures has a closed form", 2020, theorem 1, with
    :math:`\varepsilon = 2 \sigma^2`.

    Examples
    --------
    >>> round(entropic_gaussians(Gaussian(0.0, 1.0), Gaussian(0.0, 4.0), 1.0), 5)
    2.22436
    """
    if not (isinstance(source, Gaussian) and isinstance(target, Gaussian)):
        raise InvalidInput(
            f"source and target must be otgen.divergences.Gaussian; received {type(source).__name__} and {type(target).__name__}; make them from means and covariances"
        )
    if source.dim != target.dim:
        raise InvalidInput(
            f"source and target must have the same dimension; received {source.dim} and {target.dim}; leave out coordinates of one"
        )
    s = max(scalars.positive(epsilon, "epsilon", "the limit at 0 is bures_wasserstein squared") / 2, 5e-324)
    root = _power(source.cov, 0.5)
    middle = root @ target.cov @ root
    values = np.maximum(np.linalg.eigvalsh((middle + middle.T) / 2), 0.0)
    shift = float(((source.mean - target.mean) ** 2).sum())
    # with d the eigenvalues of D and h = (d - s)/2, what is left is the sum of s log(1 + h/s) - 2 h: nothing cancels
    half = 2 * values / (np.hypot(2 * np.sqrt(values), s) + s)
    with np.errstate(over="ignore"):
        ratio = half / s
    logs = np.where(np.isinf(ratio), np.log(half) - math.log(s), np.log1p(ratio))
    return shift + float(np.trace(source.cov) + np.trace(target.cov) + (s * logs - 2 * half).sum())


def entropic_gaussian_divergence(source: Gaussian, target: Gaussian, epsilon: float) -> float:
    """The debiased divergence ``OT_xy - (OT_xx + OT_yy)/2`` between two Gaussians, in units of squared distance.

    Parameters and errors are those of :func:`entropic_gaussians`.

    Examples
    --------
    >>> entropic_gaussian_divergence(Gaussian(0.0, 2.0), Gaussian(3.0, 2.0), 0.7)
    9.0
    """
    across, first, second = (
        entropic_gaussians(*pair, epsilon) for pair in ((source, target), (source, source), (target, target))
    )
    return math.fsum((across, -first / 2, -second / 2))


def _power(matrix: Floats, exponent: float) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T
