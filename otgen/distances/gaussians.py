"""Distances between Gaussian laws, in closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput
from ..inputs import arrays
from ..inputs.types import Floats


def bures_wasserstein(mean0: Any, cov0: Any, mean1: Any, cov1: Any) -> float:
    r"""W_2 between two Gaussian (or elliptical, of one family) laws.

    .. math:: W_2^2 = |m_0 - m_1|^2 + \mathrm{tr}\,\Sigma_0 + \mathrm{tr}\,\Sigma_1
              - 2\,\mathrm{tr}\,(\Sigma_0^{1/2} \Sigma_1 \Sigma_0^{1/2})^{1/2}

    Parameters
    ----------
    mean0, mean1 : array_like
        (d,), or numbers.
    cov0, cov1 : array_like
        (d, d) symmetric positive semi-definite, or variances.

    Returns
    -------
    float
        The distance. The covariance part is computed as ``|A - B U|_F`` with square roots A, B and the best rotation U,
        so that nearly equal covariances lose no digits.

    Raises
    ------
    InvalidInput
        On shapes that do not fit, and on matrices that are not symmetric positive semi-definite.

    References
    ----------
    Bhatia, Jain, Lim, "On the Bures-Wasserstein distance between positive definite matrices", 2019, theorem 1.

    Examples
    --------
    >>> import otgen
    >>> otgen.bures_wasserstein([0.0, 0.0], [[1, 0], [0, 4]], [3.0, 4.0], [[1, 0], [0, 4]])
    5.0
    """
    means = [_vector(z, name) for z, name in ((mean0, "mean0"), (mean1, "mean1"))]
    d = len(means[0])
    if len(means[1]) != d:
        raise InvalidInput(f"mean0 and mean1 must have the same length; received {d} and {len(means[1])}")
    root0, root1 = (_square_root(z, d, name) for z, name in ((cov0, "cov0"), (cov1, "cov1")))
    left, _, right = np.linalg.svd(root1 @ root0)
    covariance = root0 - (root1 @ left) @ right
    return math.hypot(float(np.linalg.norm(means[0] - means[1])), float(np.linalg.norm(covariance)))


def _vector(value: Any, name: str) -> Floats:
    points, _ = arrays.points(np.atleast_1d(np.asarray(value, dtype=float)), name)
    if points.shape[1] != 1:
        raise InvalidInput(f"{name} must be a vector (d,); received shape {points.shape}")
    return points[:, 0]


def _square_root(value: Any, d: int, name: str) -> npt.NDArray[np.float64]:
    matrix = np.atleast_2d(np.asarray(value, dtype=np.float64))
    if matrix.shape != (d, d) or not np.isfinite(matrix).all():
        raise InvalidInput(f"{name} must be a finite ({d}, {d}) matrix; received shape {matrix.shape}")
    size = float(np.abs(matrix).max())
    if np.abs(matrix - matrix.T).max() > 1e-10 * size:
        raise InvalidInput(
            f"{name} must be symmetric; received entries {np.abs(matrix - matrix.T).max():.3g} apart; average it with its transpose"
        )
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if values[0] < -1e-10 * size:
        raise InvalidInput(f"{name} must be positive semi-definite; received an eigenvalue {values[0]:.3g}")
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
