"""Plans of entropic problems, by their potentials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from ...inputs.types import Floats, Indices
from ...underflow import may_underflow
from ..cost import Cost
from .base import Plan, refuse_dense

DROPPED_BITS = 64.0  # terms below 2 ** -64 of a (x) b may be left out of sums; proofs charge them
_BLOCKS = 64  # of columns, of which a draw chooses one first
_NARROW = 128  # columns of a block that are not worth that: few for a matrix product
_LISTED = 40  # bytes an entry, at most, while scipy lists it by rows
_BELOW_ONE = 1.0 - 2.0**-53
_LIFTED = -1.0  # logarithm of a row's sum, beside its weight, down to which it is scaled up: near the end that meets columns better as well


@may_underflow
@dataclass(frozen=True, eq=False, repr=False)
class EntropicPlan(Plan):
    """``diag(u a) exp((f + g - c)/epsilon) diag(v b) + r s'``: a rounded Gibbs plan, never stored.

    ``u, v`` (n,), (m,) scale rows and columns until no marginal is exceeded; the rank-one rest ``r s'`` fills what is missing
    (Altschuler, Weed, Rigollet, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration",
    2017, algorithm 2, where rows that miss a little are scaled up as well). With ``u = v = 1`` and no rest it is the plain Gibbs plan.
    """

    cost: Cost
    f: Floats
    g: Floats
    epsilon: float
    a: Floats
    b: Floats
    u: Floats | float = 1.0
    v: Floats | float = 1.0
    r: Floats | float = 0.0
    s: Floats | float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.cost.shape

    @property
    def T(self) -> EntropicPlan:
        """The plan from targets to sources."""
        return EntropicPlan(self.cost.T, self.g, self.f, self.epsilon, self.b, self.a, self.v, self.u, self.s, self.r)

    @property
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m), or `TooLarge`: it has mass nearly everywhere."""
        refuse_dense(self.shape, _LISTED)
        return scipy.sparse.csr_array(self.todense())

    def todense(self) -> Floats:
        """The plan as an (n, m) array, entry by entry."""
        refuse_dense(self.shape)
        out = np.empty(self.shape)
        for rows, entries in self._blocks():
            out[rows] = entries
        return out

    def draw(self, rows: Indices, levels: Floats) -> Indices:
        """As :meth:`Plan.draw`: first a block of columns by the masses of blocks, sums over all pairs where they are computed, then one of it.

        Of a row only pairs of the blocks that were drawn are listed, one in 64 of its pairs for a draw, where targets are many.
        """
        m = self.shape[1]
        width = -(-m // _BLOCKS)
        if width < _NARROW:
            return self._drawn(rows, levels)
        wanted, at = np.unique(rows, return_inverse=True)
        blocks = [np.arange(start, min(start + width, m)) for start in range(0, m, width)]
        parts = [self.restricted(wanted, block) for block in blocks]
        ends = np.cumsum([part._row_masses() for part in parts], axis=0)[:, at]
        aims = levels * ends[-1]
        chosen = np.minimum((ends <= aims).sum(0), len(blocks) - 1)
        before = np.where(chosen > 0, np.take_along_axis(ends, np.maximum(chosen - 1, 0)[None], 0)[0], 0.0)
        masses = np.take_along_axis(ends, chosen[None], 0)[0] - before
        rest = np.clip(np.divide(aims - before, masses, out=np.zeros(len(rows)), where=masses > 0), 0.0, _BELOW_ONE)
        out = np.empty(len(rows), np.int64)
        for k in np.unique(chosen):
            some = np.flatnonzero(chosen == k)
            own, among = np.unique(at[some], return_inverse=True)
            part = parts[k].restricted(own, np.arange(len(blocks[k])))
            out[some] = blocks[k][part._drawn(among, rest[some])]
        return out

    def restricted(self, rows: Indices, columns: Indices) -> EntropicPlan:
        """The entries of some rows and columns only, in the order given."""

        def taken(z: Floats | float, at: Indices) -> Any:
            return z[at] if isinstance(z, np.ndarray) else z

        return EntropicPlan(
            self.cost.restricted(rows, columns),
            *(self.f[rows], self.g[columns], self.epsilon, self.a[rows], self.b[columns]),
            *(taken(z, at) for z, at in ((self.u, rows), (self.v, columns), (self.r, rows), (self.s, columns))),
        )

    def _row_masses(self) -> Floats:
        """Row sums (n,), in one pass over all pairs that lists none."""
        rows, _ = self.smooth_marginals()
        return np.where(self.u * self.a > 0, rows, 0.0) + self.r * np.broadcast_to(self.s, self.shape[1:]).sum()

    def _drawn(self, rows: Indices, levels: Floats) -> Indices:
        """Targets (k,), by entries of all pairs, some rows at a time."""
        order = np.argsort(rows, kind="stable")
        wanted, starts = np.unique(rows[order], return_index=True)
        out, shares = np.empty(len(rows), np.int64), dict(zip(wanted.tolist(), np.split(order, starts[1:])))
        for part, entries in self._blocks():
            for i in range(part.start, part.stop):
                if i in shares:
                    ends = np.cumsum(entries[i - part.start])
                    out[shares[i]] = np.searchsorted(ends, levels[shares[i]] * ends[-1], side="right")
        return np.minimum(out, self.shape[1] - 1)

    def _blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Entries, some rows at a time."""
        n, m = self.shape
        heights, weights = self.u * self.a, self.v * self.b
        r, s = (np.broadcast_to(z, (k,)) for z, k in ((self.r, n), (self.s, m)))
        # Without mass they may be anything.
        f, g = (np.where(w > 0, z, -np.inf) for z, w in ((self.f, heights), (self.g, weights)))
        for rows, costs in self.cost.blocks():
            with np.errstate(over="ignore"):
                gibbs = np.exp((f[rows, None] + g - costs) / self.epsilon)
            yield rows, heights[rows, None] * gibbs * weights + r[rows, None] * s

    def _multiply(self, vectors: Floats) -> Floats:
        n, m = self.shape
        heights, weights = self.u * self.a, self.v * self.b
        f, g = self._of_masses(heights, weights)
        smooth = self.cost.gibbs(f, g, self.epsilon, weights[:, None] * vectors)
        rest = np.broadcast_to(self.r, (n,))[:, None] * (np.broadcast_to(self.s, (m,)) @ vectors)[None, :]
        return heights[:, None] * smooth + rest

    def _of_masses(self, heights: Floats, weights: Floats) -> Sequence[Floats]:
        """Potentials, those of points without mass, which may be anything, so low that no entry of theirs is infinite."""
        if heights.min() > 0 and weights.min() > 0:
            return self.f, self.g
        reach = 2 * np.asarray(self.cost.highest)[..., None]
        out = []
        for z, w in ((self.f, heights), (self.g, weights)):
            least = np.where(w > 0, z, np.inf).min(axis=-1, keepdims=True)
            out.append(np.where((w > 0) | (least == np.inf), z, least - reach))
        return out

    def marginals(self) -> tuple[Floats, Floats]:
        """Row and column sums, in one pass: (n,), (m,)."""
        n, m = self.shape
        rows, columns = self.smooth_marginals()
        r, s = np.broadcast_to(self.r, (n,)), np.broadcast_to(self.s, (m,))
        return rows + r * s.sum(), columns + s * r.sum()

    def smooth_marginals(self) -> tuple[Floats, Floats]:
        """Row and column sums without the rank-one rest."""
        return self._smooth_sums

    def with_rest(self, r: Floats, s: Floats) -> EntropicPlan:
        """The same plan with another rank-one rest; what is known of the sums without it stays known."""
        plan = replace(self, r=r, s=s)
        vars(plan)["_smooth_sums"] = self._smooth_sums
        return plan

    @cached_property
    def _smooth_sums(self) -> tuple[Floats, Floats]:
        heights, weights = self.u * self.a, self.v * self.b
        f, g = self._of_masses(heights, weights)
        log_rows, columns = self.cost.sweep(f, g, heights, weights, self.epsilon, 0.0, cut=DROPPED_BITS)
        with np.errstate(over="ignore", invalid="ignore"):
            return heights * np.exp(log_rows), weights * columns


def rounded(plan: EntropicPlan, relax: tuple[float, float] = (math.inf, math.inf)) -> EntropicPlan:
    """The plan moved onto the exact marginals (to rounding): scale rows, then columns down, then add the rank-one rest.

    Where one side is relaxed, scaling the other is enough; where both are, any plan will do.
    """
    if min(relax) < math.inf:
        if max(relax) < math.inf:
            return plan
        rows, columns = plan.smooth_marginals()
        with np.errstate(divide="ignore", invalid="ignore"):
            if math.isinf(relax[0]):
                return replace(plan, u=np.where(plan.a > 0, plan.a / rows, 1.0))
            return replace(plan, v=np.where(plan.b > 0, plan.b / columns, 1.0))
    log_rows, columns = plan.cost.sweep(plan.f, plan.g, plan.a, plan.b, plan.epsilon, floor=_LIFTED, cut=DROPPED_BITS)
    scaled = replace(plan, u=np.exp(-np.maximum(log_rows, _LIFTED)), v=1.0 / np.maximum(columns, 1.0))
    rows, columns = scaled.smooth_marginals()
    r, s = np.maximum(plan.a - rows, 0.0), np.maximum(plan.b - columns, 0.0)
    total = s.sum(axis=-1, keepdims=True)
    return scaled.with_rest(r, s / np.where(total > 0, total, 1.0))
