"""The few pairs of a cost that a search for W_inf has had to look at: the nearest of every point, and what leads out of cuts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..inputs.types import Indices
from ..model.cost import CloudCost

_FIRST = 24  # nearest pairs of every point, to begin with
MORE = 32  # pairs out of a cut that are added to each of its sources at a time
_CLOSE = 1e-12  # relative: two ways to compute one distance agree better

Mask = npt.NDArray[np.bool_]


def first_pairs(n: int, m: int) -> int:
    """How many pairs are looked at to begin with, those that are found from both sides twice."""
    return n * min(_FIRST, m) + m * min(_FIRST, n)


class KnownPairs:
    """Pairs in the order in which they were found: (k,) ``rows``, ``columns`` and ``distances``, each pair once.

    ``cost`` has p = 1. Distances are those of single pairs, which is how a proof measures a plan.
    """

    def __init__(self, cost: CloudCost) -> None:
        self.cost = cost
        n, m = cost.shape
        one, other = (side.nearest(np.zeros(size), min(_FIRST, size))[0] for side, size in ((cost, m), (cost.T, n)))
        forth = np.arange(n)[:, None] * m + one
        back = other * m + np.arange(m)[:, None]
        keys = np.unique(np.concatenate([forth.ravel(), back.ravel()]))
        self.rows, self.columns = keys // m, keys % m
        self.distances = cost.pairs(self.rows, self.columns)
        self.of_rows, self.of_columns = np.full(n, np.inf), np.full(m, np.inf)
        np.minimum.at(self.of_rows, self.rows, self.distances)
        np.minimum.at(self.of_columns, self.columns, self.distances)

    @property
    def floor(self) -> float:
        """The largest distance of any point to the other cloud: no threshold below lets everything through."""
        return float(max(self.of_rows.max(), self.of_columns.max()))

    @property
    def furthest(self) -> Mask:
        """Sources (n,) that outweigh all targets closer to them than ``floor``."""
        furthest = self.of_rows == self.floor
        return furthest if furthest.any() else np.ones(len(furthest), bool)

    def within(self, t: float) -> Indices:
        """Which known pairs are at most ``t`` apart."""
        return np.flatnonzero(self.distances <= t)

    def extend(self, sources: Mask, targets: Mask, t: float) -> bool:
        """Add pairs within ``t`` from ``sources`` (n,) to others than ``targets`` (m,); False if there is none.

        ``targets`` are all that known pairs within ``t`` lead to from ``sources``, so that what is added is new.
        """
        rows, columns = np.flatnonzero(sources), np.flatnonzero(~targets)
        across = self.cost.restricted(rows, columns)
        count = min(MORE, len(columns))
        found, _ = across.nearest(np.zeros(len(columns)), count, t + _CLOSE * t + np.finfo(float).tiny)
        at, k = np.nonzero(found >= 0)
        rows, columns = rows[at], columns[found[at, k]]
        distances = self.cost.pairs(rows, columns)
        near = distances <= t
        self.rows, self.columns = np.append(self.rows, rows[near]), np.append(self.columns, columns[near])
        self.distances = np.append(self.distances, distances[near])
        return bool(near.any())

    def least_across(self, sources: Mask, targets: Mask) -> float:
        """The least distance from ``sources`` (n,) to others than ``targets`` (m,)."""
        rows, columns = np.flatnonzero(sources), np.flatnonzero(~targets)
        _, nearest = self.cost.restricted(rows, columns).ctransform(np.zeros(len(columns)))
        return float(self.cost.pairs(rows, columns[nearest]).min())
