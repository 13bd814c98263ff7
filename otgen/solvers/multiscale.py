"""Good potentials to start from: solve the problem between cells of points first, coarse to fine.

Points in kd order are merged four by four, with summed masses, until a few hundred cells are left; where there are no
points to merge, one row and one column in four are kept. That problem is solved exactly; its potentials, handed down
by a c-transform, are nearly optimal one level finer, where the few pairs of least reduced cost then nearly contain the
optimal basis. (Constant on each cell instead, potentials are off by their slope times the cell's width: five times as many pivots.)
(Multiscale transport: Merigot 2011; Schmitzer 2016. Completion by c-transforms: Kantorovich duality.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels.duplicates import UniquePoints, all_distinct, unique_points
from ..kernels.kdtree import LEAF, kd_order
from ..model.cost import CallableCost, Cost, PaddedCost, PointCost


class Level(NamedTuple):
    """A problem between n sources and m targets with whole masses; ``rows`` says which of the finer level's rows it has kept."""

    cost: Cost
    supply: Indices
    demand: Indices
    rows: Indices | None = None


def in_order(cost: Cost) -> tuple[UniquePoints, UniquePoints]:
    """The places of both sides, in kd order where they are points; under a callable no two are taken for the same."""
    if isinstance(cost, PaddedCost):
        return _places_and_dummy(cost), _places_and_dummy(cost.T)
    if not isinstance(cost, PointCost | CallableCost):
        n, m = cost.shape
        return all_distinct(n), all_distinct(m)
    one, other = (unique_points(z) if isinstance(cost, PointCost) else all_distinct(len(z)) for z in (cost.x, cost.y))
    return one.reordered(kd_order(cost.x[one.first])), other.reordered(kd_order(cost.y[other.first]))


def _places_and_dummy(cost: PaddedCost) -> UniquePoints:
    """The places of the sources, points of one price at each, and the dummy's after all others."""
    x, size = cost.inner.x, cost.shape[0]
    priced = np.column_stack([x, cost.column])
    found = unique_points(priced) if isinstance(cost.inner, PointCost) else all_distinct(len(x))
    found = found.reordered(kd_order(x[found.first]))
    if cost.at[0] is None:
        return found
    assert cost.at[0] == size - 1
    return UniquePoints(np.append(found.first, size - 1), np.append(found.of, len(found.first)))


def arranged(cost: Cost, sources: UniquePoints, targets: UniquePoints) -> Cost:
    """The cost between places, in the order that :func:`in_order` has found."""
    return in_turn(cost, sources.first, targets.first)


def in_turn(cost: Cost, rows: Indices, columns: Indices) -> Cost:
    """The cost between some points, which are in kd order."""
    return _in_kd_order(cost.restricted(rows, columns))


def _in_kd_order(cost: Cost) -> Cost:
    if isinstance(cost, PaddedCost):
        inner = _in_kd_order(cost.inner)
        assert isinstance(inner, PointCost | CallableCost)
        return replace(cost, inner=inner)
    return replace(cost, ordered=True) if isinstance(cost, PointCost) else cost


def merged(points: Floats, masses: Any) -> tuple[Floats, Any]:
    """Every ``LEAF`` consecutive points (n, d) as one, at their centre of mass, with their summed mass, whole or not."""
    starts = np.arange(0, len(points), LEAF)
    sums = np.add.reduceat(masses, starts)
    shares = masses / np.repeat(sums, np.diff(np.append(starts, len(points))))
    return np.add.reduceat(points * shares[:, None], starts, axis=0), sums


def levels(cost: Cost, supply: Indices, demand: Indices, smallest: int) -> list[Level]:
    """The problem and its coarser versions, finest first, down to about ``smallest`` points a side; clouds in kd order."""
    out = [Level(cost, supply, demand)]
    while min(out[-1].cost.shape) > smallest:
        out.append(_coarser(out[-1]))
    return out


def _coarser(level: Level) -> Level:
    cost = level.cost
    if isinstance(cost, PaddedCost) and isinstance(cost.inner, PointCost):
        return _merged_beside_dummy(level, cost, cost.inner)
    return _merged_level(level, cost) if isinstance(cost, PointCost) else _sampled_level(level)


def _merged_level(level: Level, cost: PointCost) -> Level:
    x, supply = merged(cost.x, level.supply)
    y, demand = merged(cost.y, level.demand)
    return Level(cost.between(x, y), supply, demand)


def _merged_beside_dummy(level: Level, cost: PaddedCost, inner: PointCost) -> Level:
    """Points merged with the means of their prices; the dummies, which stand last, stay what they are."""
    sides = (inner.x, cost.column, level.supply, cost.at[0]), (inner.y, cost.row, level.demand, cost.at[1])
    parts: list[tuple[Floats, Floats, Indices, int | None]] = []
    for points, prices, masses, at in sides:
        count = len(points)
        cells, sums = merged(np.column_stack([points, prices]), masses[:count])
        dummy = None if at is None else len(cells)
        parts.append((cells[:, :-1].copy(), cells[:, -1].copy(), np.append(sums, masses[count:]), dummy))
    (x, column, supply, i), (y, row, demand, j) = parts
    return Level(replace(cost, inner=inner.between(x, y), column=column, row=row, at=(i, j)), supply, demand)


def _sampled_level(level: Level) -> Level:
    """One row and one column out of ``LEAF`` at random, each with the mass of as many."""
    rng = np.random.default_rng(0)
    sides = [(rng.permutation(len(masses)), masses) for masses in (level.supply, level.demand)]
    (rows, supply), (columns, demand) = (
        (order[::LEAF], np.add.reduceat(masses[order], np.arange(0, len(order), LEAF))) for order, masses in sides
    )
    return Level(level.cost.restricted(rows, columns), supply, demand, rows)


def prolongate(level: Level, f: Floats, finer: Level) -> Floats:
    """Potentials of the targets one level finer: the c-transform, at the finer targets, of the coarser sources' potentials."""
    if level.rows is None:
        across = _across(level.cost, finer.cost)
    else:
        across = finer.cost.restricted(level.rows, np.arange(finer.cost.shape[1]))
    return across.T.price(f, 1)[1][:, 0]


def _across(coarse: Cost, fine: Cost) -> Cost:
    """From the sources of one level to the targets of another."""
    if isinstance(coarse, PaddedCost):
        assert isinstance(fine, PaddedCost)
        inner = coarse.inner.between(coarse.inner.x, fine.inner.y)
        return replace(coarse, inner=inner, row=fine.row, at=(coarse.at[0], fine.at[1]))
    assert isinstance(coarse, PointCost)
    assert isinstance(fine, PointCost)
    return coarse.between(coarse.x, fine.y)
