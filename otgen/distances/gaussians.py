"""Distances between Gaussian laws, in closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from ..errors import InvalidInput
from ..inputs import gaussians, tables
from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from ..model.units import PowerOfTwo
from ..underflow import may_underflow
from .bounded import Bounded
from .bures import Interval, bures


@may_underflow
def bures_wasserstein(mean0: Any, cov0: Any, mean1: Any, cov1: Any) -> Bounded:
    r"""W_2 between two Gaussian (or elliptical, of one family) laws.

    .. math:: W_2^2 = |m_0 - m_1|^2 + \mathrm{tr}\,\Sigma_0 + \mathrm{tr}\,\Sigma_1
              - 2\,\mathrm{tr}\,(\Sigma_0^{1/2} \Sigma_1 \Sigma_0^{1/2})^{1/2}

    Parameters
    ----------
    mean0, mean1 : array_like
        (d,), or numbers.
    cov0, cov1 : array_like
        (d, d) symmetric positive semi-definite, or variances; to the rounding of their dtype, that is to 1e-10 or, if more,
        ``4 d eps`` of the largest entry. What is off counts as the mean with the transpose, without negative eigenvalues.

    Returns
    -------
    Bounded
        The distance, a float with ``lower <= W_2 <= upper``, of the moments that were given: what estimates are off by is not in
        it (:doc:`/samples-and-laws`). Up to 64 dimensions it is computed with twice the digits of doubles, and
        the bounds are within ``1e-12 (tr cov0 + tr cov1)^(1/2)``, singular covariances included, or a few roundings of the distance. Above,
        doubles give half as many digits of singular covariances, and the bounds say so.

    Raises
    ------
    InvalidInput
        On shapes that do not fit, on series and tables that name coordinates otherwise or in another order, on what is not finite, on matrices that are not symmetric positive semi-definite, and if the distance is
        beyond the largest float.

    References
    ----------
    Bhatia, Jain, Lim, "On the Bures-Wasserstein distance between positive definite matrices", 2019, theorem 1.

    Examples
    --------
    >>> import otgen
    >>> distance = otgen.bures_wasserstein([0.0, 0.0], [[1, 0], [0, 4]], [3.0, 4.0], [[1, 0], [0, 4]])
    >>> distance.value, distance.lower <= 5 <= distance.upper
    (5.0, True)
    """
    tables.same_names(gaussians.names(mean0, cov0, ("mean0", "cov0")) | gaussians.names(mean1, cov1, ("mean1", "cov1")))
    lengths = (
        gaussians.refuse_sizes(mean0, cov0, ("mean0", "cov0")),
        gaussians.refuse_sizes(mean1, cov1, ("mean1", "cov1")),
    )
    gaussians.refuse_other_length(*lengths)
    means = [gaussians.mean(z, name) for z, name in ((mean0, "mean0"), (mean1, "mean1"))]
    d = len(means[0])
    gaussians.refuse_other_length(d, len(means[1]))
    covariances = [gaussians.covariance(z, d, name) for z, name in ((cov0, "cov0"), (cov1, "cov1"))]
    # Else differences might overflow.
    quarter = 0.25 if max(float(np.abs(mean).max()) for mean in means) > 1e300 else 1.0
    apart = math.dist(*(mean * quarter for mean in means)) / quarter  # off by less than 4 roundings
    spread = _of_covariances(*covariances)
    value, lower, upper = (
        math.hypot(apart * (1 + sign * 4 * UNIT), z) * (1 + sign * 4 * UNIT) for sign, z in zip((0, -1, 1), spread)
    )
    if math.isinf(value):
        raise InvalidInput(
            "mean0 and mean1 must lie closer together than the largest float; received means beyond it; divide them by 2"
        )
    exact = 0.0 if apart == 0 == spread.upper else 1e-322
    return Bounded(value, max(lower - exact, 0.0), upper + exact)


def _of_covariances(one: Floats, other: Floats) -> Interval:
    """The distance of laws with these covariances and equal means: of groups of coordinates that nothing joins, each in units of its own."""
    count, group = connected_components((one != 0) | (other != 0), directed=False)
    if count == 1 < len(one):
        return _of_group(one, other)
    order, sizes = np.argsort(group, kind="stable"), np.bincount(group)
    groups = np.split(order, np.cumsum(sizes)[:-1])
    found = [_of_group(*(z[np.ix_(at, at)] for z in (one, other))) for at in groups if len(at) > 1]
    lonely = order[sizes[group[order]] == 1]
    x, y = (np.maximum(z[lonely, lonely], 0.0) for z in (one, other))
    sums = np.sqrt(x) + np.sqrt(y)
    apart = np.divide(np.abs(x - y), sums, out=np.zeros(len(x)), where=sums > 0)  # off by less than 4 roundings
    value, lower, upper = (
        math.hypot(*(apart * (1 + sign * 4 * UNIT)), *(interval[k] for interval in found)) * (1 + sign * 4 * UNIT)
        for k, sign in enumerate((0, -1, 1))
    )
    return Interval(value, lower, upper)


def _of_group(one: Floats, other: Floats) -> Interval:
    """The same, computed with the largest entry about 1."""
    largest = PowerOfTwo.above(max(float(np.abs(z).max()) for z in (one, other)))
    root = (largest * PowerOfTwo(1)).root(2)
    value, lower, upper = bures(*((root**2).divide(z) for z in (one, other)))
    lost = 0.0 if np.array_equal(one, other) else 1e-150  # to underflow, of what is less by 1e300
    return Interval(*(root.times(z) for z in (value, max(lower - lost, 0.0), upper + lost)))
