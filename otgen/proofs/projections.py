r"""Lower bounds of distances from what two clouds look like from outside: their means, and their shadows on lines.

With a norm as the distance, ``W_p >= W_1 >= |E x - E y|``, by Jensen's inequality. A shadow on a line is no further away than the cloud:
``|<t, z>| <= |z|`` for a unit vector t, and for a coordinate under any norm of powers. On the line sorting solves the problem. Shadows on the m
directions of an orthogonal frame count together: every coupling has one cost on each of them, and

.. math:: |z|^p \ge m^{\min(0,\, p/q - 1)} \sum_k |\langle t_k, z \rangle|^p

for ``q = 2``, and for any q where the directions are those of the axes (power means; Bonneel et al., "Sliced and Radon Wasserstein barycenters of
measures", 2015, take the mean over all frames, here it is the largest).

Rounding. A computed frame has a norm of at most ``1 + slack``. A shadow is off by ``reach`` at most: what its cloud was off by, and
``D + 4`` roundings of the largest sum of absolute coordinates. Both clouds' come off each distance of shadows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels.double_double import UNIT, dot, total_pair
from ..model.plan import MonotonePlan
from ..model.units import Units
from .certificate import way_back
from .monotone import monotone_largest, monotone_mean

_FEW = 16  # directions of one frame
_ALL = 24  # and of all frames, about
_LEAST = 1e-290  # distances below are taken for 0
_MOST = 1e300  # sums above might overflow
_SAMPLED = 512  # points that say where clouds spread


@dataclass(frozen=True, eq=False)
class Shadows:
    """A cloud seen from K directions: sorted ``lines`` (K, n), their ``weights`` (K, n) or None where all are equal, and the ``mean`` (D,).

    ``reach`` is how far a shadow, or the mean, may be off; infinite where numbers are too large to be added, and all are 0.
    """

    lines: Floats
    weights: Floats | None
    mean: Floats
    reach: float

    @cached_property
    def total(self) -> tuple[float, float]:
        """The sum of the weights as a pair; of equal ones 1."""
        return (1.0, 0.0) if self.weights is None else total_pair(self.weights[0])


class Frame(NamedTuple):
    """Directions (m, D), orthonormal up to ``slack``: no vector gets longer by more than a factor ``1 + slack``."""

    directions: Floats
    slack: float


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames for clouds around a ``centre`` (D,) in a space with the norm of the power q."""

    centre: Floats
    q: float
    frames: tuple[Frame, ...]

    @classmethod
    def of(cls, points: Floats, q: float) -> Frames:
        """For clouds of which these are some points, (N, D).

        The axes, and in few dimensions under the euclidean norm turned ones; in many only those along which points spread most.

        Examples
        --------
        >>> found = Frames.of(np.eye(2), 2.0)
        >>> [frame.directions.shape for frame in found.frames]
        [(2, 2), (2, 2), (2, 2), (2, 2)]
        """
        d = points.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            centre = points.mean(axis=0)
            spread = points - centre
        if not np.isfinite(spread).all():
            return cls(np.zeros(d), q, (_axes(np.arange(min(d, _FEW)), d),))
        if d <= _FEW:
            return cls(centre, q, tuple(_turned(d, min(4, _ALL // d) if q == 2 and d > 1 else 1)))
        spread /= max(float(np.abs(spread).max()), _LEAST)
        if q != 2:
            return cls(centre, q, (_axes(np.argsort(-np.abs(spread).sum(axis=0), kind="stable")[:_FEW], d),))
        some = spread[:: math.ceil(len(spread) / _SAMPLED)]
        return cls(centre, q, (_checked(np.linalg.svd(some, full_matrices=False)[2][:_FEW]),))

    def seen(self, points: Floats, weights: Floats | None, error: float) -> Shadows:
        """A cloud (n, D), each point off by a length of ``error``, with weights (n,) of any total; None means equal ones."""
        n, d = points.shape
        with np.errstate(over="ignore"):
            moved = points - self.centre
            size = float(np.abs(moved).sum(axis=1).max())
        directions = np.concatenate([frame.directions for frame in self.frames])
        if size > _MOST:
            return Shadows(np.zeros((len(directions), n)), None, np.zeros(d), math.inf)
        lines = directions @ moved.T
        # half of the error, and four roundings of the size, are room for what is rounded here and where reaches are added
        reach = 2 * error + (d + 8) * UNIT * size
        if weights is None:
            shares = np.full(n, 1.0 / n)
            return Shadows(np.sort(lines, axis=1), None, self._mean(shares, moved), reach)
        order = np.argsort(lines, axis=1, kind="stable")
        shares = weights / total_pair(weights)[0]
        return Shadows(np.take_along_axis(lines, order, axis=1), weights[order], self._mean(shares, moved), reach)

    @staticmethod
    def _mean(shares: Floats, moved: Floats) -> Floats:
        return np.array([dot(shares, np.ascontiguousarray(column)) for column in moved.T])

    def means_apart(self, one: Shadows, means: Floats, reaches: Floats) -> Floats:
        """Lower bounds of the distances between a cloud and others, (B,), by their means (B, D)."""
        apart = np.abs(one.mean - means)
        longest = apart.max(axis=1)
        length = longest
        if not math.isinf(self.q):
            length = length * ((apart / np.maximum(longest, _LEAST)[:, None]) ** self.q).sum(axis=1) ** (1 / self.q)
        least = length * (1 - 4 * (means.shape[1] + 16) * UNIT) - (one.reach + reaches)
        return np.where(least > _LEAST, least, 0.0)

    def shadows_apart(self, one: Shadows, other: Shadows, p: float) -> float:
        """A lower bound of W_p of two clouds in this space, by the frame that tells most.

        Examples
        --------
        >>> x = np.array([[0.0, 0.0], [2.0, 0.0]])
        >>> frames = Frames.of(x, 2.0)
        >>> found = frames.shadows_apart(frames.seen(x, None, 0.0), frames.seen(x[:, ::-1].copy(), None, 0.0), 2.0)
        >>> bool(1.999999 < found <= 2)
        True
        """
        apart = lines_apart(one, other, p) - (one.reach + other.reach)
        apart = np.where(apart > _LEAST, apart, 0.0)
        ends = np.cumsum([len(frame.directions) for frame in self.frames])[:-1]
        return max(
            _together(part, p, self.q) / (1 + frame.slack) * (1 - 4 * UNIT)
            for part, frame in zip(np.split(apart, ends), self.frames, strict=True)
        )


def _turned(d: int, count: int) -> list[Frame]:
    """The axes, and frames turned away from them: evenly in the plane, else at random, always the same."""
    if d == 2:
        angles = [math.pi / 2 * k / count for k in range(1, count)]
        turns = [np.array([[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]]) for t in angles]
    else:
        rng = np.random.default_rng(0)
        turns = [np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(1, count)]
    return [_axes(np.arange(d), d), *map(_checked, turns)]


def _axes(chosen: Indices, d: int) -> Frame:
    return Frame((chosen[:, None] == np.arange(d)).astype(np.float64), 0.0)


def _checked(directions: Floats) -> Frame:
    """A frame with its slack: ``|T z|^2 <= |T T'| |z|^2``, of which the root takes half; that is room for rounding."""
    m, d = directions.shape
    return Frame(directions, float(np.linalg.norm(directions @ directions.T - np.eye(m))) + m * d * UNIT)


def _together(apart: Floats, p: float, q: float) -> float:
    """What distances along the m directions of a frame say together: at least what the largest says."""
    longest, m = float(apart.max()), len(apart)
    share = float(((apart / max(longest, _LEAST)) ** p).sum()) ** (1 / p) * m ** min(0.0, 1 / q - 1 / p)
    return max(longest, longest * share * (1 - 4 * (m + 16) * UNIT))


def lines_apart(one: Shadows, other: Shadows, p: float) -> Floats:
    """Lower bounds of W_p of shadows as they are, (K,)."""
    if one.weights is None and other.weights is None and one.lines.shape == other.lines.shape:
        return _paired(one.lines, other.lines, p)
    return np.array([_coupled(one, other, k, p) for k in range(len(one.lines))])


def _paired(x: Floats, y: Floats, p: float) -> Floats:
    """Of equally many points of equal mass, sorted: the first goes to the first."""
    distances = np.abs(x - y)
    longest = distances.max(axis=1)
    if math.isinf(p):
        return longest * (1 - 2 * UNIT)
    means = ((distances / np.maximum(longest, _LEAST)[:, None]) ** p).mean(axis=1)
    # numpy's sum errs by less than (24 + log2 n) u; the root is that of a mean of at least 1/n, whose exponent is rounded
    units = 12 + (32 + 2 * math.log2(x.shape[1])) / p
    return longest * means ** (1 / p) * (1 - units * UNIT)


def _coupled(one: Shadows, other: Shadows, k: int, p: float) -> float:
    """Of any two, along one direction."""
    x, y = one.lines[k], other.lines[k]
    a, b = (side.weights if side.weights is None else side.weights[k] for side in (one, other))
    plan = MonotonePlan(x, y, x, y, a, b, totals=(one.total, other.total))
    if math.isinf(p):
        return monotone_largest(plan).lower
    found: Any = monotone_mean(plan, p)
    return way_back(found, Units(0, p, root=True)).value(found.lower, -1)
