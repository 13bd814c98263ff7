"""Sums and minima over the stored entries of a sparse cost: what is absent is forbidden, and is never looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats, Indices
from .passes import GroundPasses, Passes
from .searches import CtransformSearches, GroundSearches


@dataclass(frozen=True, eq=False)
class SparsePasses(Passes):
    """Over the entries of a ``csr_array`` (n, m); ``plain`` makes blocks dense, for what is asked rarely."""

    csr: Any
    plain: GroundPasses

    @property
    def coherent(self) -> bool:
        """Column sums take exponentials of their own."""
        return False

    @cached_property
    def _rows(self) -> Indices:
        return np.repeat(np.arange(self.csr.shape[0]), np.diff(self.csr.indptr))

    def sweep(
        self, f: Floats, g: Floats, a: Floats, b: Floats, epsilon: Any, power: float, floor: float, cut: float
    ) -> tuple[Floats, Floats]:
        """Over the stored entries."""
        with np.errstate(divide="ignore"):
            log_rows = f / epsilon - self.softmin(g + epsilon * np.log(b), epsilon) / epsilon
        served = np.isfinite(log_rows)
        lift = np.where(served, f / epsilon - power * np.maximum(np.where(served, log_rows, 0.0), floor), -np.inf)
        exponent = lift[self._rows] + (g[self.csr.indices] - self.csr.data) / epsilon
        with np.errstate(over="ignore", invalid="ignore"):
            terms = np.where(np.isfinite(self.csr.data), a[self._rows] * np.exp(exponent), 0.0)
        columns: Any = np.bincount(self.csr.indices, terms, minlength=self.csr.shape[1])
        return log_rows, columns

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float) -> Floats:
        """A sweep, for its row sums."""
        return self.sweep(f, f, a, a, epsilon, 0.0, -np.inf, cut)[0]

    def softmin(self, h: Floats, epsilon: Any) -> Floats:
        """+inf in a row without entries."""
        exponent = (h[self.csr.indices] - self.csr.data) / epsilon
        out, counts = np.full(self.csr.shape[0], np.inf), np.diff(self.csr.indptr)
        filled = np.flatnonzero(counts)
        if len(filled):
            starts = self.csr.indptr[filled]
            top = np.maximum.reduceat(exponent, starts)
            safe = np.where(np.isfinite(top), top, 0.0)
            sums = np.add.reduceat(np.exp(exponent - np.repeat(safe, counts[filled])), starts)
            with np.errstate(divide="ignore"):
                out[filled] = -epsilon * (safe + np.log(sums))
        return out

    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """By dense pieces."""
        return self.plain.gibbs(f, g, epsilon, vectors)

    def sums(self, weights: Floats) -> Floats:
        """By dense pieces."""
        return self.plain.sums(weights)


@dataclass(frozen=True, eq=False)
class SparseSearches(CtransformSearches):
    """Over the entries of a ``csr_array`` (n, m); ``plain`` makes blocks dense, for what is asked rarely."""

    csr: Any
    plain: GroundSearches

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """+inf in a row without entries."""
        with np.errstate(invalid="ignore"):
            reduced, n = self.csr.data - g[self.csr.indices], self.csr.shape[0]
        reduced[np.isnan(reduced)] = np.inf  # what is forbidden stays so at any price
        values, argmin, counts = np.full(n, np.inf), np.zeros(n, np.int64), np.diff(self.csr.indptr)
        filled = np.flatnonzero(counts)
        if len(filled):
            values[filled] = np.minimum.reduceat(reduced, self.csr.indptr[filled])
            rows = np.repeat(np.arange(n), counts)
            first = np.flatnonzero(reduced == values[rows])[::-1]
            argmin[rows[first]] = self.csr.indices[first]
        return values, argmin
