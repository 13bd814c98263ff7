"""Couplings of two clouds that are monotone along a direction, and what they cost along any other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import monotone
from ...kernels.double_double import UNIT
from ...kernels.outward import LEAST
from ...kernels.sorting import argsort


class Side(NamedTuple):
    """Points (n, d) around a common centre, and their weights (n,), None where uniform."""

    points: Floats
    weights: Floats | None


@dataclass(frozen=True, eq=False)
class Clouds:
    """Two sides, and the order of their distance.

    Examples
    --------
    >>> clouds = Clouds(Side(np.array([[0.0, 1.0], [1.0, 0.0]]), None), Side(np.array([[3.0, 0.0]]), None), 1.0)
    >>> along = clouds.coupled(np.array([1.0, 0.0]))
    >>> along.distance(np.array([1.0, 0.0])), along.distance(np.array([0.0, 1.0]))
    (2.5, 0.5)
    """

    source: Side
    target: Side
    p: float

    @property
    def dim(self) -> int:
        """Of the points."""
        return self.source.points.shape[1]

    @cached_property
    def radius(self) -> float:
        """No point lies farther from the common centre."""
        return max(math.sqrt(float((side.points**2).sum(axis=1).max())) for side in (self.source, self.target)) * 1.001

    @cached_property
    def rounding(self) -> float:
        """No difference of two points along a unit vector is off by more, centring and products of d terms included."""
        return 2 * (self.dim + 8) * UNIT * self.radius

    def coupled(self, direction: Floats) -> Coupling:
        """The coupling that is monotone, hence optimal, along a direction (d,)."""
        orders = [argsort(side.points @ direction) for side in (self.source, self.target)]
        n, m = map(len, orders)
        a, b = (
            None if side.weights is None else side.weights[order]
            for side, order in zip((self.source, self.target), orders)
        )
        if a is None and b is None and n == m:
            return Coupling(self, orders[0], orders[1], np.full(n, 1 / n), 0.0)
        steps = monotone.staircase(monotone.masses(a, b, n, m), self.p)
        return Coupling(self, orders[0][steps.rows], orders[1][steps.columns], steps.shares, steps.lost)


@dataclass(frozen=True, eq=False)
class Coupling:
    """Pairs ``rows``, ``columns`` (k,) with shares (k,) of the mass; ``lost`` is what rounding may have left out of it."""

    clouds: Clouds
    rows: Indices
    columns: Indices
    shares: Floats
    lost: float

    def gaps(self, direction: Floats) -> Floats:
        """Signed differences (k,) of the pairs along a direction."""
        return (self.clouds.source.points @ direction)[self.rows] - (self.clouds.target.points @ direction)[
            self.columns
        ]

    def distance(self, direction: Floats) -> float:
        r"""``(sum_k share_k |gap_k| ** p) ** (1 / p)``: a seminorm of the direction, and at least the distance along it."""
        return _mean(np.abs(self.gaps(direction)), self.shares, self.clouds.p)

    def slope(self, direction: Floats) -> Floats:
        """The gradient (d,) of `distance`; 0 where the distance is, and where it is beyond all floats."""
        gaps, p = np.where(self.shares > 0, self.gaps(direction), 0.0), self.clouds.p
        largest = float(np.abs(gaps).max())
        if largest == 0:
            return np.zeros(self.clouds.dim)
        with np.errstate(under="ignore", over="ignore"):
            relative = np.abs(gaps) / largest
            mean = float(self.shares @ relative**p)
            pulls = self.shares * relative ** (p - 1) * np.sign(gaps) / mean * mean ** (1 / p)
        if not np.isfinite(pulls).all():
            return np.zeros(self.clouds.dim)
        source, target = self.clouds.source.points, self.clouds.target.points
        along = np.bincount(self.rows, pulls, len(source)) @ source
        return along - np.bincount(self.columns, pulls, len(target)) @ target

    def no_less(self, distance: float) -> float:
        """Past all that rounding may have taken off a `distance` along a unit vector, or along one within an ulp of it."""
        p, least = self.clouds.p, max(float(self.shares.min()), LEAST)
        relative = (16 + (len(self.shares) + 64 - math.log(least)) / p) * UNIT  # the exponent 1/p is rounded too
        lost = 2 * self.clouds.radius * self.lost ** (1 / p) if self.lost else 0.0
        return (distance + lost) * (1 + relative) + self.clouds.rounding

    def length(self) -> float:
        """The p-th mean of the lengths of all displacements: no less than the distance along any direction."""
        lengths = np.sqrt((self.displacements() ** 2).sum(axis=1))
        return self.no_less(_mean(lengths, self.shares, self.clouds.p) * (1 + (self.clouds.dim + 8) * UNIT))

    def displacements(self) -> Floats:
        """Differences (k, d) of the pairs."""
        return self.clouds.source.points[self.rows] - self.clouds.target.points[self.columns]


def _mean(gaps: Floats, shares: Floats, p: float) -> float:
    """``(sum share gap ** p) ** (1 / p)`` of gaps (k,) >= 0, in the unit of the largest that has a share."""
    gaps = np.where(shares > 0, gaps, 0.0)
    largest = float(gaps.max())
    if largest == 0:
        return 0.0
    with np.errstate(under="ignore"):
        relative = gaps / largest
        return largest * float(shares @ relative**p) ** (1 / p)
