"""The largest distance of projections in the plane: branch and bound over the half circle of directions.

Along any fixed coupling the distance is a seminorm of the direction, and at least the distance of the projections, which is the
least over couplings. A direction between two others, t and u, is ``r t + s u`` with ``r, s >= 0`` and ``r + s`` at most one over the cosine of half
the angle between them. So the larger of a coupling's distances along t and u, over that cosine, bounds the distance along all directions between
them. The coupling is the one that is monotone along their middle: where the distance is smooth the bound is off by the square of
the angle, and by its first power in the one arc where couplings change at the maximum itself, which is halved each time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...inputs.types import Floats
from .couplings import Clouds, Coupling


class Found(NamedTuple):
    """The best direction (d,), no less than the largest distance, the number of directions tried, and whether the interval closed."""

    direction: Floats
    upper: float
    tried: int
    closed: bool


@dataclass(frozen=True, eq=False)
class _Arc:
    """Directions between two unit vectors, the one in their middle, its coupling's distance, and a bound for all."""

    ends: tuple[Floats, Floats]
    middle: Floats
    distance: float
    upper: float

    @classmethod
    def between(cls, clouds: Clouds, one: Floats, other: Floats, upper: float, known: Sequence[Coupling]) -> _Arc:
        chord = (one + other) / 2
        cosine = math.hypot(*chord)
        middle = chord / cosine
        coupling = clouds.coupled(middle)
        bounds = [_bound(held, one, other, cosine) for held in (coupling, *known)]
        return cls((one, other), middle, coupling.distance(middle), min(upper, *bounds))

    def __lt__(self, other: _Arc) -> bool:
        return self.upper > other.upper


def _bound(coupling: Coupling, one: Floats, other: Floats, cosine: float) -> float:
    """No less than a coupling's distance along any direction between two, of half of whose angle this is the cosine."""
    largest = max(coupling.distance(one), coupling.distance(other)) / cosine
    if coupling.clouds.p == 2:
        largest = min(largest, _largest_anywhere(coupling))
    return coupling.no_less(largest)


def _largest_anywhere(coupling: Coupling) -> float:
    """The largest distance along a coupling for p = 2: the root of the larger eigenvalue of the second moments of its displacements."""
    z = coupling.displacements()
    xx, xy, yy = (float(coupling.shares @ (z[:, i] * z[:, j])) for i, j in ((0, 0), (0, 1), (1, 1)))
    return math.sqrt((xx + yy) / 2 + math.hypot((xx - yy) / 2, xy))


def branch_and_bound(clouds: Clouds, known: Sequence[Coupling], upper: float, tol: float, max_iter: int) -> Found:
    """The largest distance along directions of the plane, to within ``tol`` of the upper end or what rounding leaves.

    ``upper`` is known to be no less than it; couplings that are ``known`` bound each arc as well.

    Examples
    --------
    >>> from .couplings import Side
    >>> clouds = Clouds(Side(np.zeros((1, 2)), None), Side(np.array([[3.0, 4.0]]), None), 1.0)
    >>> found = branch_and_bound(clouds, [], np.inf, 1e-6, 1000)
    >>> bool(found.upper < 5.00001), found.closed
    (True, True)
    """
    corners = [np.array(end) for end in ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))]
    arcs = [_Arc.between(clouds, corners[k], corners[k + 1], upper, known) for k in range(2)]
    best, tried = max(arcs, key=lambda arc: arc.distance), 2
    heapq.heapify(arcs)
    while arcs[0].upper - best.distance > max(tol * arcs[0].upper, 4 * clouds.rounding):
        if tried + 2 > max_iter:
            return Found(best.middle, arcs[0].upper, tried, False)
        arc = heapq.heappop(arcs)
        for one, other in ((arc.ends[0], arc.middle), (arc.middle, arc.ends[1])):
            part = _Arc.between(clouds, one, other, arc.upper, known)
            heapq.heappush(arcs, part)
            best = max(best, part, key=lambda arc: arc.distance)
            tried += 1
    return Found(best.middle, arcs[0].upper, tried, True)
