"""Good potentials to start from: solve the problem between cells of points first, coarse to fine.

Points in kd order are merged four by four, with summed masses, until a few hundred cells are left; where there are no
points to merge, one row and one column in four are kept. That problem is solved exactly; its potentials, handed down
by a c-transform, are nearly optimal one level finer, where the few pairs of least reduced cost then nearly contain the
optimal basis. (Constant on each cell instead, potentials are off by their slope times the cell's width: five times as many pivots.)
(Multiscale transport: Merigot 2011; Schmitzer 2016. Completion by c-transforms: Kantorovich duality.)
"""

from __future__ import annotations

from ..inputs.types import Floats, Indices
from ..model.cost import Cost, Level


def levels(cost: Cost, supply: Indices, demand: Indices, smallest: int) -> list[Level]:
    """The problem and its coarser versions, finest first, down to about ``smallest`` points a side; clouds in kd order."""
    out = [Level(cost, supply, demand)]
    while min(out[-1].cost.shape) > smallest:
        finer = out[-1]
        out.append(finer.cost.merging.coarser(finer.supply, finer.demand))
    return out


def prolongate(level: Level, f: Floats) -> Floats:
    """Potentials of the targets one level finer: the c-transform, at these, of the coarser sources' potentials."""
    assert level.across is not None
    return level.across().T.price(f, 1)[1][:, 0]
