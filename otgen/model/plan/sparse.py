"""Plans that are listed by their entries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import scipy.sparse

from ...inputs.types import Floats, Indices
from ...underflow import may_underflow
from .base import Plan, refuse_dense


@may_underflow
@dataclass(frozen=True, eq=False, repr=False)
class SparsePlan(Plan):
    """A plan listed by its non-zero entries.

    Parameters
    ----------
    rows, columns : ndarray of int64
        (k,) each.
    values : ndarray of float64
        (k,), non-negative.
    low : ndarray of float64, optional
        (k,), what ``values`` lost to rounding: the plan that is certified is ``values + low``.
    size : (int, int)
        Numbers of sources and targets.
    """

    rows: Indices
    columns: Indices
    values: Floats
    size: tuple[int, int]
    low: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.size

    @property
    def T(self) -> SparsePlan:
        """The plan from targets to sources."""
        return replace(self, rows=self.columns, columns=self.rows, size=self.size[::-1])

    @property
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m)."""
        return self._by_rows

    @cached_property
    def _by_rows(self) -> Any:
        return scipy.sparse.coo_array((self.values, (self.rows, self.columns)), shape=self.size).tocsr()

    def _entries(self) -> tuple[Indices, Indices, Floats]:
        once = (self.rows[1:] > self.rows[:-1]).all()
        return (self.rows, self.columns, self.values) if once else super()._entries()

    def _multiply(self, vectors: Floats) -> Floats:
        return self.matrix @ vectors

    def todense(self) -> Floats:
        """The plan as an (n, m) array."""
        refuse_dense(self.size)
        return self.matrix.toarray()

    def __repr__(self) -> str:
        return f"SparsePlan(shape={self.size}, {len(self.values)} entries)"
