"""Coarser costs: which points are one place, in what order places come, and what takes the place of several of them.

Points in kd order are merged four by four at their centres of mass, those beside a dummy with the means of their prices. Where there are no
points to merge, or where nothing is known of a cost at their means, one row and one column in four are kept.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels.duplicates import UniquePoints, all_distinct, unique_points
from ...kernels.kdtree import LEAF, kd_order

if TYPE_CHECKING:
    from .base import Cost
    from .clouds import CloudCost
    from .padded import PaddedCost


class Level(NamedTuple):
    """A cost between sources and targets that carry ``supply`` and ``demand``, whole units.

    Of one that was made of a finer one, ``across`` makes the cost from its sources to the targets of that.
    """

    cost: Cost
    supply: Indices
    demand: Indices
    across: Callable[[], Cost] | None = None


class Merging(abc.ABC):
    """How a cost is made coarser."""

    @property
    @abc.abstractmethod
    def places(self) -> tuple[UniquePoints, UniquePoints]:
        """The places of sources and targets, in kd order where they are points; a dummy's is the last."""

    @abc.abstractmethod
    def coarser(self, supply: Indices, demand: Indices) -> Level:
        """One level coarser, for masses (n,) and (m,); points are in kd order."""


@dataclass(frozen=True, eq=False)
class ListedMerging(Merging):
    """Of rows and columns, which are no points."""

    cost: Cost

    @property
    def places(self) -> tuple[UniquePoints, UniquePoints]:
        """Rows and columns are what they are."""
        n, m = self.cost.shape
        return all_distinct(n), all_distinct(m)

    def coarser(self, supply: Indices, demand: Indices) -> Level:
        """Some of the rows and columns."""
        return _sampled(self.cost, supply, demand)


@dataclass(frozen=True, eq=False)
class CloudMerging(Merging):
    """Of points; under a metric that is not in the table no two are taken for the same, nor are any merged."""

    cost: CloudCost

    @property
    def places(self) -> tuple[UniquePoints, UniquePoints]:
        """Points that coincide are one place."""
        x, y = self.cost.x, self.cost.y
        return self.places_of(x, x), self.places_of(y, y)

    def places_of(self, points: Floats, marked: Floats) -> UniquePoints:
        """The places of one side's points (n, d), which are told apart by ``marked``: (n, d) or (n, d + 1)."""
        found = all_distinct(len(points)) if self.cost.entry is None else unique_points(marked)
        return found.reordered(kd_order(points[found.first]))

    def coarser(self, supply: Indices, demand: Indices) -> Level:
        """Points merged."""
        cost = self.cost
        if cost.entry is None:
            return _sampled(cost, supply, demand)
        (x, supply), (y, demand) = merged(cost.x, supply), merged(cost.y, demand)
        return Level(cost.between(x, y), supply, demand, partial(cost.between, x, cost.y))


@dataclass(frozen=True, eq=False)
class PaddedMerging(Merging):
    """Of points and dummies, which stand last: dummies stay what they are, points of one price at a place are one."""

    cost: PaddedCost

    @property
    def places(self) -> tuple[UniquePoints, UniquePoints]:
        """The places of points with their prices, and the dummy's."""
        cost, inner = self.cost, self.cost.inner
        sides = (inner.x, cost.column, cost.at[0]), (inner.y, cost.row, cost.at[1])
        one, other = (
            _beside_dummy(inner.merging.places_of(points, np.column_stack([points, prices])), at)
            for points, prices, at in sides
        )
        return one, other

    def coarser(self, supply: Indices, demand: Indices) -> Level:
        """Points merged, with the means of their prices."""
        cost, inner = self.cost, self.cost.inner
        if inner.entry is None:
            return _sampled(cost, supply, demand)
        x, column, supply, i = _merged_beside_dummy(inner.x, cost.column, supply, cost.at[0])
        y, row, demand, j = _merged_beside_dummy(inner.y, cost.row, demand, cost.at[1])
        of_sources = replace(cost, inner=inner.between(x, inner.y), column=column, at=(i, cost.at[1]))
        coarse = replace(of_sources, inner=inner.between(x, y), row=row, at=(i, j))
        return Level(coarse, supply, demand, lambda: of_sources)


def merged(points: Floats, masses: Any) -> tuple[Floats, Any]:
    """Every ``LEAF`` consecutive points (n, d) as one, at their centre of mass, with their summed mass, whole or not."""
    starts = np.arange(0, len(points), LEAF)
    sums = np.add.reduceat(masses, starts)
    shares = masses / np.repeat(sums, np.diff(np.append(starts, len(points))))
    return np.add.reduceat(points * shares[:, None], starts, axis=0), sums


def _beside_dummy(places: UniquePoints, at: int | None) -> UniquePoints:
    """Places of points, and that of a dummy that stands last."""
    if at is None:
        return places
    assert at == len(places.of)
    return UniquePoints(np.append(places.first, at), np.append(places.of, len(places.first)))


def _merged_beside_dummy(
    points: Floats, prices: Floats, masses: Indices, at: int | None
) -> tuple[Floats, Floats, Indices, int | None]:
    """Points, their prices and all masses, a dummy's last, and where that stands then."""
    count = len(points)
    cells, sums = merged(np.column_stack([points, prices]), masses[:count])
    dummy = None if at is None else len(cells)
    return cells[:, :-1].copy(), cells[:, -1].copy(), np.append(sums, masses[count:]), dummy


def _sampled(cost: Cost, supply: Indices, demand: Indices) -> Level:
    """One row and one column out of ``LEAF`` at random, each with the mass of as many."""
    rng = np.random.default_rng(0)
    sides = [(rng.permutation(len(masses)), masses) for masses in (supply, demand)]
    (rows, supply), (columns, demand) = (
        (order[::LEAF], np.add.reduceat(masses[order], np.arange(0, len(order), LEAF))) for order, masses in sides
    )
    across = partial(cost.restricted, rows, np.arange(cost.shape[1]))
    return Level(cost.restricted(rows, columns), supply, demand, across)
