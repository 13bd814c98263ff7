"""Good potentials to start from: solve the problem between cells of points first, coarse to fine.

Points in kd order are merged four by four, with summed masses, until a few hundred cells are left. That problem is
solved exactly; its potentials, handed down to the points of each cell and completed by c-transforms, are nearly optimal
one level finer, where the few pairs of least reduced cost then nearly contain the optimal basis.
(Multiscale transport: Merigot 2011; Schmitzer 2016. Completion by c-transforms: Kantorovich duality.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..cost import CallableCost, PointCost
from ..kernels import Indices
from ..kernels.kdtree import LEAF, kd_order
from ..validation import Floats


class Level(NamedTuple):
    """A problem between n sources and m targets with whole masses, in kd order."""

    cost: PointCost | CallableCost
    supply: Indices
    demand: Indices


def in_order(cost: PointCost | CallableCost) -> tuple[Indices, Indices]:
    """Kd orders of the two clouds of a cost."""
    return kd_order(cost.x), kd_order(cost.y)


def merged(points: Floats, masses: Indices) -> tuple[Floats, Indices]:
    """Every ``LEAF`` consecutive points (n, d) as one, at their centre of mass, with their summed mass."""
    starts = np.arange(0, len(points), LEAF)
    sums = np.add.reduceat(masses, starts)
    shares = masses / np.repeat(sums, np.diff(np.append(starts, len(points))))
    return np.add.reduceat(points * shares[:, None], starts, axis=0), sums


def levels(cost: PointCost | CallableCost, supply: Indices, demand: Indices, smallest: int) -> list[Level]:
    """The problem and its coarser versions, finest first, down to about ``smallest`` points a side; in kd order."""
    out = [Level(cost, supply, demand)]
    while min(out[-1].cost.shape) > smallest:
        last = out[-1]
        x, supply = merged(last.cost.x, last.supply)
        y, demand = merged(last.cost.y, last.demand)
        out.append(Level(last.cost.between(x, y), supply, demand))
    return out


def handed_down(level: Level, f: Floats, finer: Level) -> Floats:
    """Potentials of the targets one level finer: the c-transform, at the finer targets, of the coarser sources' potentials."""
    return level.cost.between(level.cost.x, finer.cost.y).T.price(f, 1)[1][:, 0]
