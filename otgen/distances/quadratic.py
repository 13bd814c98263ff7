"""Distances that are quadratic in the measures, by one kernel on the pooled points: energy distance, and maximum mean discrepancy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats
from ..model.units import PowerOfTwo
from .splits import Measured, Pool

QUADRATIC = ("energy", "mmd")
_HELD = 2**22  # entries of the kernel that are held at once
_ROUNDING = 2.0**-50  # a sum's relative error, a term: some times what doubles have


@dataclass(frozen=True, eq=False)
class Quadratic:
    r"""Squared distances ``u' K u`` of signed measures u on one pool: weights of the first set, less those of the second.

    .. math:: E(\alpha, \beta) = 2\, \mathbb{E} |X - Y| - \mathbb{E} |X - X'| - \mathbb{E} |Y - Y'|

    is that of ``K = -|z - z'|``; that of ``exp(-|z - z'|**2 / (2 s**2))`` is the squared maximum mean discrepancy. Both are taken of the measures as
    they are (V-statistics), so that they are at least 0. The kernel is of points in a unit of their own, in which a distance is multiplied by ``factor``.
    """

    points: Floats
    kernel: Callable[[Floats, Floats], Floats]
    factor: float = 1.0

    def __call__(self, signed: Floats) -> list[Measured]:
        """Distances, not squared, of measures (k, N), each with what rounding may have changed."""
        squared, size = np.zeros(len(signed)), np.zeros(len(signed))
        step = max(1, _HELD // len(self.points))
        for start in range(0, len(self.points), step):
            rows = slice(start, start + step)
            block = self.kernel(self.points[rows], self.points)
            squared += (signed[:, rows] * (signed @ block.T)).sum(axis=1)
            size += (np.abs(signed[:, rows]) * (np.abs(signed) @ np.abs(block, out=block).T)).sum(axis=1)
            del block  # before the next is made: one is held at a time
        error = _ROUNDING * len(self.points) * size
        ends = (squared, squared - error, squared + error)
        values, lower, upper = (self.factor * np.sqrt(np.maximum(end, 0.0)) for end in ends)
        return [Measured(*three) for three in zip(values.tolist(), lower.tolist(), upper.tolist(), strict=True)]


def quadratic(name: str, pool: Pool, options: dict[str, Any]) -> Quadratic:
    """The distance of a name on a pool.

    Parameters
    ----------
    name : {"energy", "mmd"}
        Which one.
    pool : Pool
        Its points make the kernel; its bandwidth, where none is given, is the root of half the mean squared distance of all pairs,
        which no deal changes.
    options : dict
        ``bandwidth`` for ``"mmd"``; nothing else.

    Examples
    --------
    >>> pool = Pool.of(np.array([0.0]), np.array([2.0]), None, None)
    >>> quadratic("energy", pool, {})(np.array([[1.0, -1.0]]))[0].value
    2.0
    """
    points = pool.points[:, None] if pool.points.ndim == 1 else pool.points
    points = points.astype(np.float64)
    unit = PowerOfTwo.above(float(np.abs(points).max()))  # squares of points in it neither overflow nor vanish
    points = unit.divide(points)
    points -= points.mean(axis=0)
    known = ("bandwidth",) if name == "mmd" else ()
    for option in options:
        if option not in known:
            raise InvalidInput(
                f"{option} must be left out for distance={name!r}; received one; it takes {known[0] if known else 'no options'}"
            )
    if name == "energy":
        return Quadratic(points, _negative_distances, 2.0 ** (unit.exponent / 2))
    width = options.get("bandwidth")
    if width is None:
        width = float(np.sqrt((points**2).sum(axis=1).mean())) or 1.0
    else:
        given = scalars.positive(width, "bandwidth", "pass a length, such as the spread of the points")
        width = float(unit.divide(given))
    return Quadratic(points / width, _gaussians)


def _negative_distances(x: Floats, y: Floats) -> Floats:
    out = cdist(x, y)
    return np.negative(out, out=out)


def _gaussians(x: Floats, y: Floats) -> Floats:
    out = cdist(x, y, "sqeuclidean")
    out *= -0.5
    return np.exp(out, out=out)
