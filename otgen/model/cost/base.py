"""What every cost answers, row by row: blocks, listed pairs, c-transform, softmin, the nearest columns.

A cost is data: what lies between which points, and how large it is. Families of questions are asked of parts that it chooses:
its :class:`~.passes.Passes` for sums over all pairs, its :class:`~.searches.Searches` for minima, its :class:`~.merging.Merging` for coarser
costs, and of what the table of metrics says of it. Where there are points, :attr:`Cost.clouds` is the cost between these alone.

Asked column by column, the question goes to ``cost.T``. A cost also knows how it scales and how far its entries may lie
from the truth, which is what certificates are made of.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels
from ...kernels.double_double import UNIT
from ..units import ONE, PowerOfTwo
from .merging import Merging
from .passes import Passes, joined
from .point_metric import PointMetric
from .searches import Mask, Searches

if TYPE_CHECKING:
    from .clouds import CloudCost

_BLOCK = 4_000_000  # entries of a cost that are held at once where there is no way around it


class Cost(abc.ABC):
    """A cost between n sources and m targets, or B such costs, with a leading axis on whatever it takes and gives.

    ``p``: the cost is the p-th power of a distance. ``scale``: distances, or listed costs, are held divided by it; see :meth:`scaled`;
    ``lossless``: whether no digit was lost to that. ``device``: where its pairs are computed. ``called``: what lies between sources and
    targets, in a word; ``of_points``: whether these are points.
    """

    called: ClassVar[str]
    of_points: ClassVar[bool]
    p: float = 1.0
    scale: PowerOfTwo = ONE
    lossless: bool = True
    dtype: Any = np.float64
    device: str = "cpu"

    @property
    @abc.abstractmethod
    def kernels(self) -> Kernels:
        """What computes its pairs."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""

    @property
    @abc.abstractmethod
    def T(self) -> Self:
        """The same cost seen from the targets."""

    @property
    @abc.abstractmethod
    def clouds(self) -> CloudCost:
        """The cost between the points alone, without dummies; only where there are points."""

    @property
    @abc.abstractmethod
    def entry(self) -> PointMetric | None:
        """What the table of metrics says of all its pairs; None where it is not in the table."""

    @property
    @abc.abstractmethod
    def passes(self) -> Passes:
        """How sums over all pairs are taken."""

    @property
    @abc.abstractmethod
    def searches(self) -> Searches:
        """How minima over all pairs are found."""

    @property
    @abc.abstractmethod
    def merging(self) -> Merging:
        """Which points are one place, in what order, and what a coarser cost is."""

    @property
    @abc.abstractmethod
    def pruned(self) -> bool:
        """Whether searches for minima skip most pairs, and cost next to nothing."""

    @abc.abstractmethod
    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows`` as the kernels take it, in one piece or several: (rows of the piece, ground)."""

    @property
    @abc.abstractmethod
    def line_power(self) -> float | None:
        """The power of the distance that it is on the line; None where sorting does not solve it."""

    @property
    @abc.abstractmethod
    def degree(self) -> int:
        """Points times s make distances times ``s`` to this power; 0 where a cost is divided without its points, or not at all."""

    @abc.abstractmethod
    def size(self) -> PowerOfTwo:
        """What to divide by for a largest distance, or finite listed cost, of about 1."""

    @abc.abstractmethod
    def divided(self, by: PowerOfTwo) -> Self:
        """The same cost with distances, or listed costs, divided further."""

    @abc.abstractmethod
    def range(self) -> tuple[Any, Any]:
        """Bounds ``low <= c_ij <= high`` on all finite entries."""

    @property
    @abc.abstractmethod
    def rounding(self) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for every entry."""

    @property
    @abc.abstractmethod
    def forbids(self) -> bool:
        """Whether some pairs are forbidden (infinite, or absent from a sparse matrix)."""

    @abc.abstractmethod
    def allowed(self) -> Cost:
        """The cost that is 0 for every allowed pair; only where some are forbidden."""

    @property
    @abc.abstractmethod
    def listed(self) -> int:
        """How many costs are stored: all of a matrix, those of a sparse one that are not absent, none between points."""

    @abc.abstractmethod
    def allowed_pairs(self) -> tuple[Indices, Indices]:
        """Every allowed pair, row by row: (k,), (k,); only where some are forbidden."""

    @abc.abstractmethod
    def restricted(self, rows: Indices, columns: Indices, *, ordered: bool = False) -> Self:
        """The same cost between some of the points only, in the order given, which is a kd order of both clouds where ``ordered``."""

    @abc.abstractmethod
    def padded(self, column: Floats, row: Floats, corner: float, cap: float = math.inf) -> Cost:
        """With a dummy row and a dummy column after the others, costs (n,) and (m,), where no allowed pair counts as more than ``cap``; of a
        matrix, a larger matrix.

        Raises
        ------
        TooLarge
            Where a larger dense matrix does not fit in memory.
        """

    @abc.abstractmethod
    def astype(self, dtype: Any) -> Self:
        """The same cost computed in another float dtype (for entropic solvers)."""

    @abc.abstractmethod
    def on(self, device: str, copies: tuple[Any, Any] | None = None) -> Self:
        """The same cost with its pairs computed on a device, from copies of both clouds that lie there if given; raises `InvalidInput`."""

    @abc.abstractmethod
    def stored(self) -> dict[str, Any]:
        """The arrays, numbers and words that it is made of, by their names in a proof file; raises `InvalidInput` where there are none."""

    @abc.abstractmethod
    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs: (k,)."""

    def scaled(self) -> Self:
        """The same cost divided by a power of two (exactly), so that its largest finite entry is about 1."""
        return self.divided(self.size())

    @property
    @abc.abstractmethod
    def measured(self) -> Self:
        """The same cost, whose :meth:`range` and :meth:`size` are those of its pairs at any order."""

    @property
    def is_metric(self) -> bool:
        """Whether it is known to obey the triangle inequality, and to be 0 between points that coincide."""
        return self.entry is not None and self.p == 1 and not self.entry.only_p_one

    @property
    def period(self) -> float | None:
        """Of the circle that points of one coordinate lie on; None elsewhere, and of stacks."""
        if self.entry is None or self.entry.period is None or self.clouds.x.shape[1:] != (1,):
            return None
        return self.entry.period

    def coincide(self, rows: Indices, columns: Indices) -> Mask | None:
        """Which listed pairs are one point twice: (k,); None where a metric that is not in the table might tell these apart."""
        if self.entry is None:
            return None
        clouds, places = self.clouds, self.entry.places
        return (places(clouds.x[rows]) == places(clouds.y[columns])).all(axis=-1)

    @property
    def highest(self) -> Any:
        """A bound on the absolute value of all finite entries."""
        low, high = self.range()
        return np.maximum(np.abs(low), np.abs(high))

    @property
    def exponent_error(self) -> Any:
        """Bound on ``|c used in sums of exponentials - c|`` over all allowed pairs."""
        relative, absolute = self.rounding
        return (relative + 8 * UNIT + self.passes.error) * self.highest + absolute

    def block(self, rows: slice = slice(None)) -> Floats:
        """The costs of some rows against every column: (rows, m)."""
        return joined([self.kernels.cost_block(ground) for _, ground in self.grounds(rows)])

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """All costs, a few million at a time: (rows, their (rows, m) costs)."""
        for rows in row_blocks(slice(None), *self.shape):
            yield rows, self.block(rows)

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """``f_i = min_j c_ij - g_j`` and its arg min: (n,), (n,)."""
        return self.searches.ctransform(g)

    def column_minima(self, f: Floats) -> Floats:
        """``g_j = min_i c_ij - f_i``: (m,)."""
        return self.T.searches.ctransform(f)[0]

    def nearest(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """The ``count`` columns of smallest ``c_ij - g_j < below_i`` in every row, ascending, and these values: (n, count) each.

        Where a row has fewer, the rest are columns -1 at infinity.
        """
        return self.searches.nearest(g, count, np.broadcast_to(below, self.shape[0]))

    def price(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """What :meth:`nearest` gives, but perhaps by a faster way whose values are off by a few roundings of the largest cost.

        For choosing pairs, not for proving anything about them.
        """
        return self.searches.price(g, count, np.broadcast_to(below, self.shape[0]))

    def softmin(self, h: Floats, epsilon: Any) -> Floats:
        """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,)."""
        return self.passes.softmin(h, epsilon)

    def sums(self, weights: Floats) -> Floats:
        """``sum_j w_j c_ij`` over the allowed pairs: (n,)."""
        return self.passes.sums(weights)

    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
        return self.passes.gibbs(f, g, epsilon, vectors)

    def gibbs_cost(self, f: Floats, g: Floats, epsilon: Any, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the allowed pairs: (n,)."""
        kernel = self.kernels.gibbs_cost
        return joined([kernel(ground, f[rows], g, epsilon, weights) for rows, ground in self.grounds()])

    def sweep(
        self,
        f: Floats,
        g: Floats,
        a: Floats,
        b: Floats,
        epsilon: Any,
        power: float = 1.0,
        floor: float = -math.inf,
        cut: float = math.inf,
    ) -> tuple[Floats, Floats]:
        """One Sinkhorn iteration in one pass: ``r_i = log sum_j b_j K_ij`` and ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))``.

        ``K_ij = exp((f_i + g_j - c_ij)/epsilon)``; f, a, r (n,), g, b, s (m,), weights positive. Costs that know where terms
        are below ``2 ** -cut`` may leave these out.
        """
        return self.passes.sweep(f, g, a, b, epsilon, power, floor, cut)

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float = math.inf) -> Floats:
        """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)``, (n,), for a symmetric cost; -inf where a sum is too small to trust."""
        return self.passes.symmetric(f, a, epsilon, cut)


def row_blocks(rows: slice, n: int, m: int) -> Iterator[slice]:
    """``rows`` of an (n, m) cost in pieces of at most about four million entries."""
    start, stop, _ = rows.indices(n)
    step = max(1, _BLOCK // m)
    for first in range(start, stop, step):
        yield slice(first, min(first + step, stop))


def keeps_everything(rows: Indices, columns: Indices, shape: tuple[int, int]) -> bool:
    """Whether rows and columns are all there are, in order."""
    return all(len(side) == n and bool((side == np.arange(n)).all()) for side, n in zip((rows, columns), shape))


def refuse_device(device: str) -> InvalidInput:
    """The error for a device where costs are computed on the host."""
    return InvalidInput(
        f"device must be 'cpu' for a callable metric and for a matrix: they are computed on the host; received {scalars.told(device)}; move "
        f"points with .cpu() or .get(), leave a matrix where it is"
    )
