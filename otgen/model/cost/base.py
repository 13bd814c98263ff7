"""What every cost answers, row by row: blocks, listed pairs, c-transform, softmin, the nearest columns.

Asked column by column, the question goes to ``cost.T``. A cost also knows how it scales and how far its entries may lie
from the truth, which is what certificates are made of.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels, on_device
from ...kernels.double_double import UNIT

_BLOCK = 4_000_000  # entries of a cost that are held at once where there is no way around it


class Cost(abc.ABC):
    """A cost between n sources and m targets.

    ``p``: the cost is the p-th power of a distance. ``shift``: entries are held divided by ``2 ** (shift * p)``, so that
    the largest is about 1; see :meth:`scaled`. ``device``: where its pairs are computed.
    """

    p: float = 1.0
    shift: int = 0
    dtype: Any = np.float64
    device: str = "cpu"

    @property
    def kernels(self) -> Kernels:
        """The kernels of the device."""
        return on_device(self.device)

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""

    @property
    @abc.abstractmethod
    def T(self) -> Cost:
        """The same cost seen from the targets."""

    @abc.abstractmethod
    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows`` as the kernels take it, in one piece or several: (rows of the piece, ground)."""

    @abc.abstractmethod
    def scaled(self) -> Cost:
        """The same cost divided by a power of two (exactly), so that its largest finite entry is about 1."""

    @abc.abstractmethod
    def range(self) -> tuple[float, float]:
        """Bounds ``low <= c_ij <= high`` on all finite entries."""

    @property
    @abc.abstractmethod
    def rounding(self) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for every entry."""

    @property
    def exponent_error(self) -> float:
        """Bound on ``|c used in sums of exponentials - c|`` over all allowed pairs."""
        relative, absolute = self.rounding
        return (relative + 8 * UNIT) * max(map(abs, self.range())) + absolute

    @property
    def forbids(self) -> bool:
        """Whether some pairs are forbidden (infinite, or absent from a sparse matrix)."""
        return False

    @property
    def pruned(self) -> bool:
        """Whether searches for minima skip most pairs."""
        return False

    def allowed(self) -> Cost:
        """The cost that is 0 for every allowed pair."""
        raise AssertionError("no pair of points is forbidden")

    @abc.abstractmethod
    def restricted(self, rows: Indices, columns: Indices) -> Cost:
        """The same cost between some of the points only, in the order given."""

    @abc.abstractmethod
    def astype(self, dtype: Any) -> Cost:
        """The same cost computed in another float dtype (for entropic solvers)."""

    def block(self, rows: slice = slice(None)) -> Floats:
        """The costs of some rows against every column: (rows, m)."""
        parts = [self.kernels.cost_block(ground) for _, ground in self.grounds(rows)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """All costs, a few million at a time: (rows, their (rows, m) costs)."""
        for rows in row_blocks(slice(None), *self.shape):
            yield rows, self.block(rows)

    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs: (k,)."""
        if 1 in self.shape and len(rows) >= max(self.shape):
            return self.block()[0][columns] if self.shape[0] == 1 else self.T.block()[0][rows]
        (_, ground), *more = self.grounds()
        if more:
            raise AssertionError("a cost in several pieces answers pairs itself")
        return self.kernels.cost_pairs(ground, rows, columns)

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """``f_i = min_j c_ij - g_j`` and its arg min: (n,), (n,)."""
        if self.shape[1] == 1:
            return self.T.block()[0] - g, np.zeros(self.shape[0], np.int64)
        parts = [self.kernels.ctransform(ground, g) for _, ground in self.grounds()]
        return _joined(parts)

    def column_minima(self, f: Floats) -> Floats:
        """``g_j = min_i c_ij - f_i``: (m,)."""
        return self.T.ctransform(f)[0]

    def softmin(self, h: Floats, epsilon: float) -> Floats:
        """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,)."""
        return np.concatenate([self.kernels.softmin(ground, h, epsilon) for _, ground in self.grounds()])

    def nearest(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """The ``count`` columns of smallest ``c_ij - g_j < below_i`` in every row, ascending, and these values: (n, count) each.

        Where a row has fewer, the rest are columns -1 at infinity.
        """
        bars = np.broadcast_to(below, self.shape[0])
        kernel = self.kernels.nearest
        return _joined([kernel(ground, g, count, bars[rows]) for rows, ground in self.grounds()])

    def price(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """What :meth:`nearest` gives, but perhaps by a faster way whose values are off by a few roundings of the largest cost.

        For choosing pairs, not for proving anything about them.
        """
        return self.nearest(g, count, below)

    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
        kernel = self.kernels.gibbs
        return np.concatenate([kernel(ground, f[rows], g, epsilon, vectors) for rows, ground in self.grounds()])

    def gibbs_cost(self, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the allowed pairs: (n,)."""
        kernel = self.kernels.gibbs_cost
        return np.concatenate([kernel(ground, f[rows], g, epsilon, weights) for rows, ground in self.grounds()])

    def gibbs_slope(self, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i``: (n, d); only between points with a built-in metric."""
        raise InvalidInput(
            f"gradients in the points need a built-in metric on points; received {type(self).__name__}; use those of the weights"
        )

    def sums(self, weights: Floats) -> Floats:
        """``sum_j w_j c_ij`` over the allowed pairs: (n,)."""
        return np.concatenate([self.kernels.cost_sums(ground, weights) for _, ground in self.grounds()])

    def sweep(
        self,
        f: Floats,
        g: Floats,
        a: Floats,
        b: Floats,
        epsilon: float,
        power: float = 1.0,
        floor: float = -math.inf,
        cut: float = math.inf,
    ) -> tuple[Floats, Floats]:
        """One Sinkhorn iteration in one pass: ``r_i = log sum_j b_j K_ij`` and ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))``.

        ``K_ij = exp((f_i + g_j - c_ij)/epsilon)``; f, a, r (n,), g, b, s (m,), weights positive. Costs that know where terms
        are below ``2 ** -cut`` may leave these out.
        """
        log_rows, columns = np.empty(self.shape[0]), np.zeros(self.shape[1])
        for rows, ground in self.grounds():
            log_rows[rows], part = self.kernels.sweep(ground, f[rows], g, a[rows], b, epsilon, power, floor)
            columns += part
        return log_rows, columns

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float = math.inf) -> Floats:
        """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)``, (n,), for a symmetric cost; -inf where a sum is too small to trust."""
        return self.sweep(f, f, a, a, epsilon, 0.0, cut=cut)[0]


def _joined(parts: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Pieces of two row-wise answers put together again."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def row_blocks(rows: slice, n: int, m: int) -> Iterator[slice]:
    """``rows`` of an (n, m) cost in pieces of at most about four million entries."""
    start, stop, _ = rows.indices(n)
    step = max(1, _BLOCK // m)
    for first in range(start, stop, step):
        yield slice(first, min(first + step, stop))
