"""Exact transport by a network simplex that sees few pairs at a time.

A restricted problem holds the pairs that look cheap; its potentials price all pairs; those that would improve come in;
until none is left. The last pricing pass is the proof. No array of size n x m is ever made for a cost that can be
computed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cost import Cost, SparseCost
from ..errors import InvalidInput
from ..kernels import network
from ..kernels.accurate import total_pair
from ..kernels.network import Tree
from ..kernels.reference import Indices
from ..plan import SparsePlan
from ..problem import Problem
from ..result import Status
from ..validation import Floats
from .base import Progress, Solution, silent

_UNITS = 2.0**61  # whole units of mass that a plan is made of
_NOTHING = 2.0**-95  # flows below this are what pairs of doubles lose: no live mass is smaller than 2 ** -62
_FIRST = 8  # pairs a point starts with, from either side
_MORE = 4  # pairs a point may bring in per round


@dataclass(frozen=True)
class Simplex:
    """Exact optimal transport for any cost, by column generation and a network simplex.

    Parameters
    ----------
    max_iter : int, optional
        Limit on pivots; None means none. At the limit the status is MAX_ITER and the bounds still hold.

    Notes
    -----
    Memory is O(n + m) for points; a cost with forbidden pairs is listed in full. Masses are rounded to whole multiples
    of 2**-61 of the total for pivoting, and the plan is recomputed from the final tree for the masses as received.

    References
    ----------
    W. H. Cunningham, "A network simplex method", Mathematical Programming 11 (1976): strongly feasible trees.

    Examples
    --------
    >>> import otgen
    >>> result = otgen.wasserstein([[0, 0], [1, 0]], [[0, 1], [1, 1]], p=2, solver=otgen.solvers.Simplex())
    >>> result.value
    1.0
    """

    max_iter: int | None = None

    def solve(self, problem: Problem, progress: Progress = silent, init: Any = None) -> Solution:
        """Solve a scaled problem; raises `InvalidInput` for p = inf or with an entropic term."""
        if problem.epsilon or problem.bottleneck:
            raise InvalidInput(
                f"solver='simplex' needs epsilon=0 and finite p; received {problem!r}; use solver='auto'"
            )
        supply, demand = whole_masses(problem.source.weights, problem.target.weights)
        live = _Live(problem, np.flatnonzero(supply), np.flatnonzero(demand))
        master = _Master(live, supply[live.rows], demand[live.columns], self.max_iter, progress)
        status = master.run()
        potentials = live.everywhere(*master.potentials())
        if status is Status.INFEASIBLE:
            return Solution(problem, None, potentials, status, master.pivots, "Simplex")
        return Solution(problem, live.plan(master, potentials), potentials, status, master.pivots, "Simplex")


def whole_masses(a: Floats, b: Floats) -> tuple[Indices, Indices]:
    """Weights (n,), (m,) as whole numbers of equal total, about 2**61; equal weights stay equal, exact sums exact.

    Totals that agree exactly are scaled by a power of two only, so that multiples stay multiples. Else each side is
    divided by its sum. What rounding leaves goes to the heaviest.
    """
    n, m = len(a), len(b)
    if (a == a[0]).all() and (b == b[0]).all():
        common = np.gcd(n, m)
        factor = max(1, int(_UNITS) // int(n * m // common))
        return np.full(n, m // common * factor), np.full(m, n // common * factor)
    sums = total_pair(a), total_pair(b)
    if sums[0] == sums[1]:
        scale = 2.0 ** (61 - np.frexp(sums[0][0])[1])
        units = [np.rint(side * scale).astype(np.int64) for side in (a, b)]
    else:
        units = [np.rint(side / high * _UNITS).astype(np.int64) for side, (high, _) in zip((a, b), sums)]
    missing = int(units[0].sum()) - int(units[1].sum())
    units[missing > 0][units[missing > 0].argmax()] += abs(missing)
    return units[0], units[1]


@dataclass(frozen=True, eq=False)
class _Live:
    """The part of a problem that has mass: ``rows`` and ``columns`` count in the whole problem."""

    problem: Problem
    rows: Indices
    columns: Indices

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.columns)

    @property
    def cost(self) -> Cost:
        return self.problem.cost

    def pairs(self, tails: Any, heads: Any) -> Floats:
        return self.cost.pairs(self.rows[tails].astype(np.int64), self.columns[heads].astype(np.int64)).astype(
            np.float64
        )

    def price(self, g: Floats, count: int) -> tuple[Indices, Floats]:
        """For every live row the live columns of least ``c - g``: (n, count) columns, (n, count) values."""
        whole = np.full(self.problem.shape[1], -np.inf)
        whole[self.columns] = g
        columns, values = self.cost.nearest(whole, min(count, len(self.columns)))
        position = np.zeros(self.problem.shape[1], np.int64)
        position[self.columns] = np.arange(len(self.columns))
        return position[columns[self.rows]], values[self.rows]

    @property
    def T(self) -> _Live:
        flipped = Problem(self.problem.target, self.problem.source, self.cost.T)
        return _Live(flipped, self.columns, self.rows)

    def everywhere(self, f: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Potentials of the whole problem: points without mass get their c-transform."""
        n, m = self.problem.shape
        whole_f, whole_g = np.full(n, -np.inf), np.full(m, -np.inf)
        whole_f[self.rows], whole_g[self.columns] = f, g
        if len(self.rows) < n:
            missing = np.ones(n, bool)
            missing[self.rows] = False
            whole_f[missing] = self.cost.ctransform(whole_g)[0][missing]
        if len(self.columns) < m:
            missing = np.ones(m, bool)
            missing[self.columns] = False
            whole_g[missing] = self.cost.T.ctransform(np.where(np.isfinite(whole_f), whole_f, -np.inf))[0][missing]
        return whole_f, whole_g

    def plan(self, master: _Master, potentials: tuple[Floats, Floats]) -> SparsePlan:
        """The plan of the master's tree, for the masses as received."""
        a, b = self.problem.source.weights, self.problem.target.weights
        rows, columns, high, low = master.entries(a[self.rows], b[self.columns])
        rows, columns = self.rows[rows], self.columns[columns]
        dust = _dust(self, a, b, potentials)
        if len(dust[0]):
            rows, columns = np.concatenate([rows, dust[0]]), np.concatenate([columns, dust[1]])
            high = np.concatenate([high, dust[2]])
            low = np.concatenate([low, np.zeros(len(dust[0]))])
        return SparsePlan(rows, columns, high, self.problem.shape, low)


def _dust(live: _Live, a: Floats, b: Floats, potentials: tuple[Floats, Floats]) -> tuple[Any, Any, Any]:
    """Masses too small for a whole unit, each sent along its cheapest pair."""
    f, g = potentials
    rows = np.setdiff1d(np.flatnonzero(a), live.rows)
    columns = np.setdiff1d(np.flatnonzero(b), live.columns)
    if not len(rows) + len(columns):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    to = live.cost.ctransform(g)[1][rows]
    come = live.cost.T.ctransform(f)[1][columns]
    masses = np.concatenate([a[rows] / total_pair(a)[0], b[columns] / total_pair(b)[0]])
    return np.concatenate([rows, come]), np.concatenate([to, columns]), masses


class _Master:
    """The restricted problem: a growing list of arcs and the tree that is optimal for them.

    Arc costs are reduced by starting potentials (an equivalent problem with smaller numbers: nothing is lost to an
    offset in the costs, and the greedy start serves nearly tight arcs first).
    """

    def __init__(self, live: _Live, supply: Indices, demand: Indices, limit: int | None, progress: Progress) -> None:
        self.live, self.limit, self.progress = live, limit, progress
        self.pivots, self.cursor = 0, 0
        self.base = _starting_potentials(live)
        self.tails, self.heads = self._first_arcs()
        self.cost = self._reduced(self.tails, self.heads)
        start = network.greedy(self.tails, self.heads, self.cost, supply, demand)
        self.joined = len(self.tails)  # arcs from here on were added to connect the tree
        self._append(start.tails, start.heads)
        self.tree: Tree = network.plant(start)
        self.lift: tuple[Floats, Floats] | None = None

    def _first_arcs(self) -> tuple[Any, Any]:
        n, m = self.live.shape
        if self.live.cost.forbids:
            return _all_arcs(self.live)
        f, g = self.base
        across, _ = self.live.price(g, _FIRST)
        back, _ = self.live.T.price(f, _FIRST)
        tails = np.concatenate([np.repeat(np.arange(n), across.shape[1]), back.ravel()])
        heads = np.concatenate([across.ravel(), np.repeat(np.arange(m), back.shape[1])])
        keys = np.unique(tails * m + heads)
        return (keys // m).astype(np.int32), (keys % m).astype(np.int32)

    def _reduced(self, tails: Any, heads: Any) -> Floats:
        return self.live.pairs(tails, heads) - self.base[0][tails] - self.base[1][heads]

    def _append(self, tails: Any, heads: Any) -> None:
        self.cost = np.concatenate([self.cost, self._reduced(tails, heads)])
        self.tails = np.concatenate([self.tails, tails.astype(np.int32)])
        self.heads = np.concatenate([self.heads, heads.astype(np.int32)])

    def potentials(self) -> tuple[Floats, Floats]:
        """(f, g) of the live points in the problem's own costs."""
        n = self.live.shape[0]
        f, g = self.base[0] + self.tree.level[:n], self.base[1] - self.tree.level[n:]
        return (f, g) if self.lift is None else (f + self.lift[0], g + self.lift[1])

    def entries(self, a: Floats, b: Floats) -> tuple[Any, Any, Any, Any]:
        """The plan of the tree for masses (n,), (m,): rows, columns and flows as pairs of doubles."""
        high, low = network.flows(self.tree, a, b)
        keep = (high > _NOTHING) & (self.tree.arc >= 0)
        arcs = self.tree.arc[keep]
        return self.tails[arcs].astype(np.int64), self.heads[arcs].astype(np.int64), high[keep], low[keep]

    def run(self) -> Status:
        """Pivot and price until no pair improves."""
        if self.live.cost.forbids:
            return self._two_phases()
        while True:
            if not self._pivot(self.cost):
                return Status.MAX_ITER
            if not self._grow():
                return Status.OPTIMAL

    def _pivot(self, cost: Floats) -> bool:
        """Pivot to the optimum for these arcs; False if the limit came first. In slices, so that Ctrl-C is heard."""
        n = self.live.shape[0]
        slice_, done = 64, False
        network.relevel(self.tree, cost, n)
        while not done:
            allowed = slice_ if self.limit is None else min(slice_, self.limit - self.pivots)
            if allowed <= 0:
                return False
            began = time.perf_counter()
            count, self.cursor, done = network.pivot(self.tree, self.tails, self.heads, cost, n, self.cursor, allowed)
            self.pivots += count
            if time.perf_counter() - began < 0.1:
                slice_ *= 2
            self.progress(f"{self.pivots} pivots, {len(self.tails)} pairs")
        network.relevel(self.tree, cost, n)
        return True

    def _grow(self) -> bool:
        """Price every pair and bring in the worst of each row; False if none improves."""
        _n, m = self.live.shape
        f, g = self.potentials()
        columns, values = self.live.price(g, _MORE)
        size = np.abs(f)[:, None] + np.abs(g)[columns] + np.abs(values)
        bad = values - f[:, None] < -(2.0**-46) * size
        tails, which = np.nonzero(bad)
        heads = columns[tails, which]
        known = np.sort(self.tails.astype(np.int64) * m + self.heads)
        keys = tails * m + heads
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        fresh = known[at] != keys
        self._append(tails[fresh], heads[fresh])
        return bool(fresh.any())

    def _two_phases(self) -> Status:
        """Forbidden pairs: first empty the forbidden arcs that connect the tree, then minimise over what may still be used.

        In phase one they cost 1 and all others 0: whole numbers, so nothing is lost. If its optimum is 0, an arc of
        positive reduced cost then carries nothing in any feasible plan and is dropped; among the rest the forbidden
        arcs stay empty by themselves.
        """
        first = np.isinf(self.cost).astype(float)
        if not self._pivot(first):
            return Status.MAX_ITER
        n = self.live.shape[0]
        used = self.tree.flow[(self.tree.arc >= 0) & (first[self.tree.arc] > 0)]
        level = self.tree.level.copy()
        if int(used.sum()) > _UNITS * 1e-13:
            self.lift = level[:n] - self.base[0], -level[n:] - self.base[1]
            self.tree.level[:] = 0.0
            return Status.INFEASIBLE
        rise = first - level[self.tails] + level[n + self.heads]
        forbidden = first > 0
        second = np.where(forbidden, 0.0, np.where(rise > 0, np.inf, self.cost))
        second[forbidden & ~np.isin(np.arange(len(second)), self.tree.arc)] = np.inf
        done = self._pivot(second)
        slack = self.cost - self.tree.level[self.tails] + self.tree.level[n + self.heads]
        bad = (slack < 0) & (rise > 0)
        height = float((-slack[bad] / rise[bad]).max()) * (1 + 1e-9) if bad.any() else 0.0
        self.lift = height * level[:n], -height * level[n:]
        return Status.OPTIMAL if done else Status.MAX_ITER


def _starting_potentials(live: _Live) -> tuple[Floats, Floats]:
    """Row minima, then column minima of what remains: feasible, and free of any offset in the costs."""
    n, m = live.shape
    if live.cost.forbids:
        return np.zeros(n), np.zeros(m)
    f = live.price(np.zeros(m), 1)[1][:, 0]
    return f, live.T.price(f, 1)[1][:, 0]


def _all_arcs(live: _Live) -> tuple[Any, Any]:
    """Every allowed pair of live points."""
    n, m = live.problem.shape
    row, column = np.full(n, -1), np.full(m, -1)
    row[live.rows], column[live.columns] = np.arange(len(live.rows)), np.arange(len(live.columns))
    parts: list[tuple[Any, Any]] = []
    if isinstance(live.cost, SparseCost):
        coo = live.cost.csr.tocoo()
        finite = np.isfinite(coo.data)
        parts.append((coo.row[finite], coo.col[finite]))
    else:
        for rows, costs in live.cost.blocks():
            i, j = np.nonzero(np.isfinite(costs))
            parts.append((i + rows.start, j))
    tails, heads = (np.concatenate([part[k] for part in parts]) for k in range(2))
    keep = (row[tails] >= 0) & (column[heads] >= 0)
    return row[tails[keep]].astype(np.int32), column[heads[keep]].astype(np.int32)
