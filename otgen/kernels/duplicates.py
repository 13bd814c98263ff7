"""Points that coincide are one place: it carries their mass together, and what leaves it is shared out among them again.

Masses are unevaluated pairs of doubles, so that a point far lighter than its neighbours keeps its share.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..inputs.types import Floats, Indices
from .double_double import NOTHING, Pairs, add_up, pair_add
from .jit import jit


class UniquePoints(NamedTuple):
    """Where n points lie: ``first`` (k,) is one point of each place, ``of`` (n,) the place of each point."""

    first: Indices
    of: Indices

    def reordered(self, order: Indices) -> UniquePoints:
        """The same places in another order, (k,)."""
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return UniquePoints(self.first[order], rank[self.of])

    def masses(self, whole: Indices) -> Indices:
        """What each place carries, (k,), of whole numbers (n,)."""
        out = np.zeros(len(self.first), np.int64)
        np.add.at(out, self.of, whole)
        return out

    def sums(self, masses: Floats) -> Floats:
        """What each place carries, (k,), of masses (n,)."""
        return np.bincount(self.of, masses, len(self.first))

    def shares(self, masses: Pairs) -> Pairs:
        """What each place carries, (k,), of masses in pairs (n,)."""
        out = np.zeros(len(self.first)), np.zeros(len(self.first))
        add_up(self.of, *masses, *out)
        return out


def unique_points(points: Floats) -> UniquePoints:
    """The places of points (n, d).

    Found by sorting a hash of the coordinates: where two points have one hash and differ, a place may be found twice; points
    that differ are never one place.
    """
    n = len(points)
    keys = _hashes(points)
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    same = same[(points[order[same + 1]] == points[order[same]]).all(axis=1)]
    if not len(same):
        return all_distinct(n)
    fresh = np.ones(n, bool)
    fresh[same + 1] = False
    of = np.empty(n, np.int64)
    of[order] = np.cumsum(fresh) - 1
    return UniquePoints(order[fresh], of)


def common_places(points: Floats, others: Floats) -> tuple[Indices, Indices]:
    """Which of ``points`` (n, d) coincide with which of ``others`` (m, d), each with one at most: (k,), (k,).

    Where each side has every place once, these are all, but for what :func:`unique_points` finds twice.
    """
    n = len(points)
    found = unique_points(np.concatenate([points, others]))
    at = np.full((2, len(found.first)), -1)
    at[0, found.of[:n]], at[1, found.of[n:]] = np.arange(n), np.arange(len(others))
    rows, columns = at[:, (at >= 0).all(axis=0)]
    return rows, columns


def all_distinct(n: int) -> UniquePoints:
    """A place for every point."""
    return UniquePoints(np.arange(n), np.arange(n))


def _hashes(points: Floats) -> npt.NDArray[np.uint64]:
    """A number for each point (n, d), the same for the same coordinates: sums of their bits times odd numbers, modulo 2 ** 64."""
    bits = (points + 0.0).view(np.uint64)  # -0.0 lies where 0.0 does
    bits ^= bits >> np.uint64(32)
    odd = np.random.default_rng(0).integers(2**63, size=points.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return bits @ odd


@jit
def _share_out(points, starts, entries, begins, mass, flow, at, of, out):
    """Per place the staircase between its points, in turn, and the flows that leave it; how many steps there are.

    ``points[starts[k]:starts[k + 1]]`` and ``entries[begins[k]:begins[k + 1]]`` belong to place k; the last point of a place takes
    whatever flow is left, so that flows keep their size.
    """
    count = 0
    for k in range(starts.shape[0] - 1):
        i, last = starts[k], starts[k + 1] - 1
        left_high, left_low = mass[0][points[i]], mass[1][points[i]]
        for e in range(begins[k], begins[k + 1]):
            entry = entries[e]
            high, low = flow[0][entry], flow[1][entry]
            while high > NOTHING:
                while i < last and left_high <= NOTHING:
                    i += 1
                    left_high, left_low = mass[0][points[i]], mass[1][points[i]]
                rest_high, rest_low = pair_add(high, low, -left_high, -left_low)
                if i == last or rest_high <= NOTHING:
                    step_high, step_low = high, low
                    left_high, left_low = pair_add(left_high, left_low, -high, -low)
                    high = 0.0
                else:
                    step_high, step_low = left_high, left_low
                    left_high, left_low = 0.0, 0.0
                    high, low = rest_high, rest_low
                at[count], of[count] = points[i], entry
                out[0][count], out[1][count] = step_high, step_low
                count += 1
    return count


def shared_out(found: UniquePoints, mass: Pairs, place: Indices, flow: Pairs) -> tuple[Indices, Indices, Pairs]:
    """Flows (k,) that leave places (k,) as flows from the points there, at most k + n: points, whose flow each was, and its size.

    ``mass`` are the points' own (n,), which add up to the flows of their place.
    """
    n, k, count = len(found.of), len(place), len(found.first)
    if n == count:
        return found.first[place], np.arange(k), flow
    points, entries = np.argsort(found.of, kind="stable"), np.argsort(place, kind="stable")
    starts, begins = (
        np.searchsorted(of[order], np.arange(count + 1)) for of, order in ((found.of, points), (place, entries))
    )
    at, of = np.empty(n + k, np.int64), np.empty(n + k, np.int64)
    out: Any = np.empty(n + k), np.empty(n + k)
    size = _share_out(points, starts, entries, begins, mass, flow, at, of, out)
    return at[:size], of[:size], (out[0][:size], out[1][:size])
