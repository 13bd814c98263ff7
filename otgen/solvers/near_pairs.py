"""All pairs of points within a distance, nearest first: by a kd-tree in few dimensions, else row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from ..errors import TooLarge
from ..inputs.memory import available, readable
from ..inputs.types import Floats, Indices
from ..model.cost import CallableCost, PointCost

_TREE_DIM = 6  # above this a tree leaves out next to nothing
_BYTES = 96  # a pair: its distance and its ends, sorted; its places in a network; a few flows
_WIDER = 1e-9  # the radius of a search is larger by this, so that its rounding leaves out no pair


class Near(NamedTuple):
    """Rows, columns and distances of pairs, (k,) each, in ascending order of distance, then by row and column."""

    rows: Indices
    columns: Indices
    distances: Floats


@dataclass(frozen=True, eq=False)
class NearPairs:
    """The pairs of a cost with p = 1 that are within some distance.

    Pairs keep their places when the distance grows: those further away come after them.
    """

    cost: PointCost | CallableCost

    def within(self, t: float) -> Near:
        """All pairs at most ``t`` apart; raises `TooLarge` if they cannot fit in memory."""
        rows, columns = self._by_tree(*self._trees, t) if self._trees else self._by_rows(t)
        distances = self.cost.pairs(rows, columns)
        order = np.argsort(distances, kind="stable")
        order = order[: np.searchsorted(distances, t, side="right", sorter=order)]
        return Near(rows[order], columns[order], distances[order])

    @cached_property
    def _trees(self) -> tuple[Any, Any, float] | None:
        """Of the sources and of the targets, and the order of the norm, where the distance is one that trees know."""
        cost = self.cost
        if not isinstance(cost, PointCost) or not cost.entry.by_differences or cost.form[0] not in (1.0, 2.0, math.inf):
            return None
        return (cKDTree(cost.x), cKDTree(cost.y), cost.form[0]) if cost.x.shape[1] <= _TREE_DIM else None

    def _by_tree(self, one: Any, other: Any, order: float, t: float) -> tuple[Indices, Indices]:
        radius = t * (1 + _WIDER)
        self._refuse(int(one.count_neighbors(other, radius, p=order)), t)
        found = one.sparse_distance_matrix(other, radius, p=order, output_type="ndarray")
        m = self.cost.shape[1]
        keys = found["i"] * m + found["j"]
        keys.sort()
        rows = keys // m
        return rows.astype(np.int32), (keys - rows * m).astype(np.int32)

    def _by_rows(self, t: float) -> tuple[Indices, Indices]:
        parts: list[tuple[Indices, Indices]] = []
        total = 0
        for rows, block in self.cost.blocks():
            i, j = np.nonzero(block <= t * (1 + _WIDER))
            total += len(i)
            self._refuse(total, t)
            parts.append(((i + (rows.start or 0)).astype(np.int32), j.astype(np.int32)))
        one, other = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        return one, other

    def _refuse(self, count: int, t: float) -> None:
        if _BYTES * count > available() or count >= 2**31:
            n, m = self.cost.shape
            raise TooLarge(
                f"x and y must be so few that the pairs p=inf needs fit in memory; received {n} and {m} points with {count} pairs to look at, which need "
                f"about {readable(_BYTES * count)} with {readable(available())} free; use fewer points, or a large finite p"
            )
