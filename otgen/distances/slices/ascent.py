"""Riemannian ascent of the distance of projections over unit vectors, from several starts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...inputs.types import Floats
from .couplings import Clouds, Coupling, Side

_SHORTEST = 1e-9  # step, in radians, below which nothing is to be gained
_MOMENTS = 256  # dimensions up to which the axes of second moments are starts


class Climbed(NamedTuple):
    """Where an ascent ended: a unit vector (d,), the distance along it, the coupling along it, and the distances measured."""

    direction: Floats
    distance: float
    coupling: Coupling
    tried: int


def starts(clouds: Clouds, count: int, rng: np.random.Generator) -> list[Floats]:
    """Unit vectors: along the difference of the means, along the axis of the most different second moments, and at random."""
    sides = [
        Side(side.points, None if side.weights is None else side.weights / side.weights.max())
        for side in (clouds.source, clouds.target)
    ]
    means = [np.average(side.points, axis=0, weights=side.weights) for side in sides]
    found = [means[0] - means[1]]
    if clouds.dim <= _MOMENTS:
        second = [np.cov(side.points, rowvar=False, aweights=side.weights, ddof=0) for side in sides]
        values, axes = np.linalg.eigh(second[0] - second[1])
        found.append(axes[:, int(np.abs(values).argmax())])
    found = [start for start in found if (start != 0).any()][:count]
    found += list(rng.standard_normal((count - len(found), clouds.dim)))
    found = [start / np.abs(start).max() for start in found]  # squares of the least floats are 0
    return [start / np.linalg.norm(start) for start in found]


def climb(clouds: Clouds, start: Floats, max_iter: int) -> Climbed:
    """Ascend along great circles; the step grows when it gains, and halves when it does not.

    The distance is the least of seminorms, one a coupling, so that it has ridges. A step across one fails, and its gradient there
    is averaged with those before: the mean of both sides leads along the ridge.

    Examples
    --------
    >>> from .couplings import Side
    >>> clouds = Clouds(Side(np.zeros((1, 3)), None), Side(np.array([[2.0, 3.0, 6.0]]), None), 2.0)
    >>> round(climb(clouds, np.array([1.0, 0.0, 0.0]), 100).distance, 12)
    7.0
    """
    at = Climbed(start, 0.0, clouds.coupled(start), 1)
    at = at._replace(distance=at.coupling.distance(start))
    pull, step = at.coupling.slope(start), 0.5
    for _ in range(max_iter):
        tangent = pull - (pull @ at.direction) * at.direction
        length = float(np.linalg.norm(tangent))
        if step < _SHORTEST or length <= 1e-14 * at.distance:
            break
        trial = math.cos(step) * at.direction + math.sin(step) / length * tangent
        trial /= np.linalg.norm(trial)
        coupling = clouds.coupled(trial)
        distance, slope = coupling.distance(trial), coupling.slope(trial)
        if distance > at.distance:
            at, pull, step = Climbed(trial, distance, coupling, at.tried + 1), slope, min(2 * step, 1.0)
        else:
            at, pull, step = at._replace(tried=at.tried + 1), (pull + slope) / 2, step / 2
    return at
