"""What the largest distance of projections cannot exceed, by any coupling of the two clouds.

Along any direction the projections' distance is at most that of any coupling's projections. With D the displacements of its
pairs and ``q = max(p, 2)``, ``|t.D| ** p`` has a mean of at most that of ``|t.D| ** q`` to the power p/q, and ``|t.D| ** q <= (t.D) ** 2 |D| ** (q - 2)``
for unit vectors t: so the largest eigenvalue of the mean of ``|D| ** (q - 2) D D'``, to the power 1/q, bounds all of them. These matrices are
linear in the coupling, so that mixtures of couplings bound as well, and more closely (for p = 2 the best of all couplings gives the
subspace robust distance of Paty and Cuturi). Of many dimensions, and of orders at which powers would underflow, the mean of ``|D| ** p`` itself is left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...inputs.types import Floats
from ...kernels.double_double import UNIT
from .couplings import Clouds, Coupling

_DIMENSIONS = 256  # up to which matrices of moments are looked at
_ORDER = 700  # up to which their powers do not underflow
_ROUNDS = 32


def ceiling(clouds: Clouds, couplings: Sequence[Coupling]) -> float:
    """No less than the distance along any direction, by mixtures of couplings; in more than 256 dimensions by the best of them.

    Frank and Wolfe's algorithm for the least largest eigenvalue: the coupling that is monotone along the top eigenvector joins the mean.

    Examples
    --------
    >>> from .couplings import Side
    >>> clouds = Clouds(Side(np.zeros((1, 2)), None), Side(np.array([[3.0, 4.0]]), None), 2.0)
    >>> round(ceiling(clouds, [clouds.coupled(np.array([1.0, 0.0]))]), 9)
    5.0
    """
    if clouds.radius == 0:
        return 0.0
    shortest = min(coupling.length() for coupling in couplings)
    if clouds.dim > _DIMENSIONS or clouds.p > _ORDER:
        return shortest
    held = [_moments(coupling) for coupling in couplings]
    mean, lost, size = held[0], max(coupling.lost for coupling in couplings), max(len(z.shares) for z in couplings)
    least, top = _top(mean)
    for other in held[1:]:
        value, axis = _top(other)
        if value < least:
            mean, least, top = other, value, axis
    for k in range(_ROUNDS):
        coupling = clouds.coupled(top)
        lost, size = max(lost, coupling.lost), max(size, len(coupling.shares))
        mean = mean + (_moments(coupling) - mean) / (k + 2)
        value, top = _top(mean)
        least = min(least, value)
    return min(shortest, _past_rounding(clouds, least, lost, size))


def _power(clouds: Clouds) -> float:
    return max(clouds.p, 2.0)


def _moments(coupling: Coupling) -> Floats:
    """The mean of ``|D| ** (q - 2) D D'`` in the unit of the clouds' diameter: (d, d)."""
    z = coupling.displacements() / (2 * coupling.clouds.radius)
    shares, q = coupling.shares, _power(coupling.clouds)
    if q > 2:
        with np.errstate(under="ignore"):
            shares = shares * np.sqrt((z**2).sum(axis=1)) ** (q - 2)
    return z.T @ (shares[:, None] * z)


def _top(matrix: Floats) -> tuple[float, Floats]:
    """The largest eigenvalue of a symmetric matrix, and its vector."""
    values, axes = np.linalg.eigh(matrix)
    return float(values[-1]), axes[:, -1]


def _past_rounding(clouds: Clouds, eigenvalue: float, lost: float, size: int) -> float:
    """The distance of an eigenvalue, past what sums of ``size`` terms and d x d matrices round, and what underflows."""
    relative = (
        clouds.dim * (size + 64 * _ROUNDS) + 16 * _power(clouds)
    ) * UNIT  # of the trace, which is at most d times it
    power = max(eigenvalue, 0.0) * (1 + relative) + lost + 1e-290
    return 2 * clouds.radius * power ** (1 / _power(clouds)) * (1 + 64 * UNIT) + clouds.rounding
