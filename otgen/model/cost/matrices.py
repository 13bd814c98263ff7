"""Listed costs: a dense matrix, or a sparse one whose absent pairs are forbidden."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import numpy as np
import scipy.sparse

from ...inputs.reading import refuse_bytes
from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels, cpu, matrix_ground
from ..units import ONE, PowerOfTwo
from .base import Cost, keeps_everything, refuse_device, row_blocks
from .merging import ListedMerging
from .passes import GroundPasses, Passes
from .searches import GroundSearches, Searches
from .sparse import SparsePasses, SparseSearches

if TYPE_CHECKING:
    from .clouds import CloudCost


class ListedCost(Cost):
    """Costs that are listed and lie between no points."""

    of_points: ClassVar[bool] = False

    @property
    def kernels(self) -> Kernels:
        """Those of the host."""
        return cpu

    @property
    def clouds(self) -> CloudCost:
        """There are none."""
        raise AssertionError("a cost matrix lies between no points")

    @property
    def entry(self) -> None:
        """No metric is known."""

    @property
    def merging(self) -> ListedMerging:
        """Of rows and columns."""
        return ListedMerging(self)

    @property
    def measured(self) -> Self:
        """The same: its range is that of its pairs."""
        return self

    @property
    def pruned(self) -> bool:
        """All pairs are looked at."""
        return False

    @property
    def line_power(self) -> None:
        """Unknown."""

    @property
    def degree(self) -> int:
        """There are no points."""
        return 0

    def size(self) -> PowerOfTwo:
        """Just above the largest finite entry."""
        return PowerOfTwo.above(float(self.highest))

    @property
    def rounding(self) -> tuple[float, float]:
        """Entries are what was received; only scaling by a power of two can underflow."""
        return 0.0, 2.0**-1073

    def on(self, device: str, copies: tuple[Any, Any] | None = None) -> Self:
        """Listed on the host."""
        raise refuse_device(device)


@final
@dataclass(frozen=True, eq=False)
class MatrixCost(ListedCost):
    """A dense (n, m) cost matrix; +inf forbids a pair."""

    called: ClassVar[str] = "matrix"
    matrix: Floats
    scale: PowerOfTwo = ONE

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return (self.matrix.shape[0], self.matrix.shape[1])

    @property
    def passes(self) -> Passes:
        """Piece by piece."""
        return GroundPasses(self.kernels, self.grounds, self.grounds)

    @property
    def searches(self) -> Searches:
        """Piece by piece."""
        return GroundSearches(self.kernels, self.grounds)

    @property
    def T(self) -> MatrixCost:
        """The same cost seen from the targets."""
        return replace(self, matrix=self.matrix.T)

    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows``: in one piece where memory lies that way, else copied a few million entries at a time."""
        if self.matrix.flags.c_contiguous:
            yield rows, matrix_ground(self.matrix[rows])
            return
        for piece in row_blocks(rows, *self.shape):
            yield piece, matrix_ground(self.matrix[piece])

    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs: (k,)."""
        return self.matrix[rows, columns]

    def restricted(self, rows: Indices, columns: Indices, *, ordered: bool = False) -> MatrixCost:
        """The same cost between some of the points only; the matrix is copied unless all of it is wanted."""
        if keeps_everything(rows, columns, self.shape):
            return self
        return replace(self, matrix=self.matrix[np.ix_(rows, columns)])

    def astype(self, dtype: Any) -> MatrixCost:
        """The same matrix in ``dtype``."""
        return replace(self, matrix=self.matrix.astype(dtype, copy=False))

    @cached_property
    def _finite(self) -> tuple[float, float, bool]:
        low, high, forbids = math.inf, -math.inf, False
        for rows in row_blocks(slice(None), *self.shape):
            block = self.matrix[rows]
            finite = block < np.inf
            forbids = forbids or not finite.all()
            low = min(low, float(block.min(where=finite, initial=np.inf)))
            high = max(high, float(block.max(where=finite, initial=-np.inf)))
        return (low, high, forbids) if low <= high else (0.0, 0.0, True)

    def divided(self, by: PowerOfTwo) -> MatrixCost:
        """A matrix of its own, in double precision."""
        if self.matrix.dtype == np.float64:
            return MatrixCost(by.divide(self.matrix), self.scale * by)
        matrix = self.matrix.astype(np.float64)
        for rows in row_blocks(slice(None), *self.shape):  # no second copy in double precision
            matrix[rows] = by.divide(matrix[rows])
        return MatrixCost(matrix, self.scale * by)

    def range(self) -> tuple[float, float]:
        """The least and the greatest finite entry."""
        return self._finite[:2]

    @property
    def forbids(self) -> bool:
        """Whether some entry is infinite."""
        return self._finite[2]

    def allowed(self) -> MatrixCost:
        """0 for every allowed pair, +inf elsewhere."""
        return MatrixCost(np.where(np.isinf(self.matrix), np.inf, 0.0))

    @property
    def listed(self) -> int:
        """All."""
        return self.matrix.size

    def allowed_pairs(self) -> tuple[Indices, Indices]:
        """Where entries are finite."""
        parts = [(rows.start, *np.nonzero(np.isfinite(costs))) for rows, costs in self.blocks()]
        return np.concatenate([i + start for start, i, _ in parts]), np.concatenate([j for _, _, j in parts])

    def padded(self, column: Floats, row: Floats, corner: float, cap: float = math.inf) -> MatrixCost:
        """A larger matrix."""
        n, m = self.shape
        refuse_bytes(8 * (n + 1) * (m + 1), (n + 1, m + 1), "C with a dummy row and column")
        matrix = np.empty((n + 1, m + 1))
        matrix[:n, :m], matrix[:n, m], matrix[n, :m], matrix[n, m] = _capped(self.matrix, cap), column, row, corner
        return MatrixCost(matrix, self.scale)

    def stored(self) -> dict[str, Any]:
        """The matrix."""
        return {"C": self.matrix}


@final
@dataclass(frozen=True, eq=False)
class SparseCost(ListedCost):
    """A ``scipy.sparse.csr_array`` of costs (n, m), sorted, without duplicates; absent pairs are forbidden."""

    called: ClassVar[str] = "sparse matrix"
    csr: Any
    scale: PowerOfTwo = ONE

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.csr.shape

    @property
    def passes(self) -> Passes:
        """Over the stored entries."""
        return self._passes

    @cached_property
    def _passes(self) -> Passes:
        return SparsePasses(self.csr, GroundPasses(self.kernels, self.grounds, self.grounds))

    @property
    def searches(self) -> Searches:
        """Over the stored entries."""
        return self._searches

    @cached_property
    def _searches(self) -> Searches:
        return SparseSearches(self.csr, GroundSearches(self.kernels, self.grounds))

    @cached_property
    def _transposed(self) -> SparseCost:
        csr = self.csr.T.tocsr()
        csr.sort_indices()
        return SparseCost(csr, self.scale)

    @property
    def T(self) -> SparseCost:
        """The same cost seen from the targets."""
        return self._transposed

    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows``, made dense a few million entries at a time."""
        for piece in row_blocks(rows, *self.shape):
            part = self.csr[piece].tocoo()
            dense = np.full(part.shape, np.inf)
            dense[part.row, part.col] = part.data
            yield piece, matrix_ground(dense)

    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs, +inf where absent: (k,)."""
        keys = np.repeat(np.arange(self.shape[0]), np.diff(self.csr.indptr)) * self.shape[1] + self.csr.indices
        wanted = rows * self.shape[1] + columns
        at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        found = keys[at] == wanted if len(keys) else np.zeros(len(wanted), bool)
        return np.where(found, self.csr.data[at] if len(keys) else 0.0, np.inf)

    def restricted(self, rows: Indices, columns: Indices, *, ordered: bool = False) -> SparseCost:
        """The same cost between some of the points only; the matrix is copied unless all of it is wanted."""
        if keeps_everything(rows, columns, self.shape):
            return self
        csr = self.csr[rows][:, columns].tocsr()
        csr.sort_indices()
        return SparseCost(csr, self.scale)

    def astype(self, dtype: Any) -> SparseCost:
        """Sparse costs are always computed in float64."""
        return self

    def divided(self, by: PowerOfTwo) -> SparseCost:
        """A matrix of its own."""
        csr = self.csr.copy()
        csr.data = by.divide(csr.data)
        return SparseCost(csr, self.scale * by)

    def range(self) -> tuple[float, float]:
        """The least and the greatest finite stored entry."""
        finite = self.csr.data[np.isfinite(self.csr.data)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)

    def allowed(self) -> SparseCost:
        """0 for every allowed pair, the others absent or +inf as they are."""
        csr = self.csr.copy()
        csr.data = np.where(np.isinf(csr.data), np.inf, 0.0)
        return SparseCost(csr)

    @property
    def listed(self) -> int:
        """Those that are stored."""
        return int(self.csr.nnz)

    def allowed_pairs(self) -> tuple[Indices, Indices]:
        """The finite ones of those that are stored."""
        listed = self.csr.tocoo()
        finite = np.isfinite(listed.data)
        return listed.row[finite], listed.col[finite]

    @property
    def forbids(self) -> bool:
        """Whether some pair is absent or infinite."""
        return self.csr.nnz < self.shape[0] * self.shape[1] or not bool(np.isfinite(self.csr.data).all())

    def padded(self, column: Floats, row: Floats, corner: float, cap: float = math.inf) -> SparseCost:
        """One more row and column, zeros among them stored."""
        (n, m), listed = self.shape, self.csr.tocoo()
        rows = np.concatenate([listed.row, np.arange(n), np.full(m + 1, n)])
        columns = np.concatenate([listed.col, np.full(n, m), np.arange(m + 1)])
        entries = np.concatenate([_capped(listed.data, cap), column, row, [corner]])
        csr = scipy.sparse.csr_array((entries, (rows, columns)), shape=(n + 1, m + 1))
        csr.sort_indices()
        return SparseCost(csr, self.scale)

    def stored(self) -> dict[str, Any]:
        """The parts of the array."""
        csr = self.csr
        return {"C_data": csr.data, "C_indices": csr.indices, "C_indptr": csr.indptr, "C_shape": csr.shape}


def _capped(costs: Floats, cap: float) -> Floats:
    """Costs of which no finite one is above ``cap``; a forbidden pair stays so."""
    return costs if cap == math.inf else np.where(np.isinf(costs), costs, np.minimum(costs, cap))
