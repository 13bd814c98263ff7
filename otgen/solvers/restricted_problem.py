"""The restricted problem of exact transport: few pairs, the tree that is optimal for them, and the pricing that brings in more."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels import monotone, network_simplex, tree_pieces
from ..kernels.double_double import NOTHING, Pairs
from ..kernels.network_simplex import Tree
from ..kernels.whole_masses import UNITS
from ..model.cost import Cost
from ..model.status import Status
from .base import Progress

_UNPLACED = 2.0**-51  # mass, of 1, that may find no allowed pair: weights were rounded on their way here
_FIRST = 8  # pairs a point starts with, from either side
_SHARED = 0.25  # of the columns: if all rows together list fewer, many points nearly coincide
_MORE = 6  # pairs a point may bring in per round
_SATED = 1 / 12  # of all points: where more sources than that have more to bring in, a round has enough without it
_LISTED = 4_000_000  # costs looked at one by one for sources that have more to bring in
_HELD = 2**18  # of them at a time
_MORE_UNPRUNED = 12  # the same where pricing is dear: pairs that do not improve yet, but nearly, come along
_ROUND = 2.0  # pivots per point between two pricings: the optimum of a poor restricted problem is not worth more
_ROUND_PRUNED = 1.0  # the same where pricing is nearly free
_TIGHT = 2.0**-46  # of the numbers in it: a reduced cost nearer to 0 improves nothing
_FEW = 0.02  # new pairs per point below which potentials are good enough to pivot to the end
_UNLIMITED = 2**62
_SLICE = 1024  # pivots between two chances to stop
_MOVED = 2000.0  # nodes a pivot: to know potentials by pieces of the tree costs as much
_WASTED = 3072 * _MOVED  # nodes moved beyond that, after which the next ones are taken to be no fewer


class RestrictedProblem:
    """The restricted problem: a growing list of arcs and the tree that is optimal for them.

    Arc costs are reduced by starting potentials (an equivalent problem with smaller numbers: nothing is lost to an
    offset in the costs, and the greedy start serves nearly tight arcs first, those ``used`` by a given plan before all).
    """

    def __init__(
        self,
        cost: Cost,
        supply: Indices,
        demand: Indices,
        start: Floats | None,
        limit: int | None,
        progress: Progress,
        used: Indices | None = None,
        cap: float = math.inf,
    ) -> None:
        self.prices, self.limit, self.progress = cost, limit, progress
        self.pivots, self.cursor, self.gap, self.wasted = 0, 0, math.inf, 0.0
        self.bounds = -math.inf, math.inf
        self.cap = cap
        self.supply, self.demand = supply, demand
        self.shape = cost.shape
        used = np.empty(0, np.int64) if used is None else used
        self.base, self.tails, self.heads = self._first_arcs(start, used)
        self.feasible = self.base
        self.cost = self._reduced(self.tails, self.heads)
        order = np.argsort(self.cost, kind="stable")
        if len(used):
            keys = self.tails[order] * np.int64(self.shape[1]) + self.heads[order]
            order = order[np.argsort(~np.isin(keys, used), kind="stable")]
        self.tree: Tree = network_simplex.greedy(self.tails, self.heads, order, supply, demand)
        self.lift: tuple[Floats, Floats] | None = None
        self.more = _MORE if cost.pruned else _MORE_UNPRUNED
        self.slack = 0.0 if cost.pruned or cost.forbids else float(np.median(self.cost))

    def _first_arcs(self, start: Floats | None, used: Indices) -> tuple[tuple[Floats, Floats], Any, Any]:
        """Starting potentials, completed by c-transforms, for every point the pairs of least reduced cost under them, and those used."""
        n, m = self.shape
        if self.prices.forbids:
            tails, heads = self.prices.allowed_pairs()
            return (np.zeros(n), np.zeros(m)), tails.astype(np.int32), heads.astype(np.int32)
        assert start is not None
        prices, back_prices = self.prices, self.prices.T
        across, values = prices.price(start, min(_FIRST, m))
        f = values[:, 0].copy()
        back, values = back_prices.price(f, min(_FIRST, n))
        g = values[:, 0].copy()
        tails = np.concatenate([np.repeat(np.arange(n), across.shape[1]), back.ravel()])
        heads = np.concatenate([across.ravel(), np.repeat(np.arange(m), back.shape[1])])
        tails, heads = self._allowed(tails, heads)
        if len(np.unique(across)) < _SHARED * m:
            rows, columns = _north_west_corner(self.supply, self.demand)
            tails, heads = np.concatenate([tails, rows]), np.concatenate([heads, columns])
        keys = _distinct(np.concatenate([tails * m + heads, used]))
        return (f, g), (keys // m).astype(np.int32), (keys % m).astype(np.int32)

    def _allowed(self, tails: Indices, heads: Indices) -> tuple[Indices, Indices]:
        """Listed pairs that are some, and not so dear that no optimum has them."""
        if math.isinf(self.cap):
            return tails, heads
        some = (tails >= 0) & (heads >= 0)
        tails, heads = tails[some], heads[some]
        cheap = self.prices.pairs(tails, heads) <= self.cap
        return tails[cheap], heads[cheap]

    def _reduced(self, tails: Any, heads: Any) -> Floats:
        costs = self.prices.pairs(tails.astype(np.int64), heads.astype(np.int64)).astype(np.float64, copy=False)
        return costs - self.base[0][tails] - self.base[1][heads]

    def _append(self, tails: Any, heads: Any) -> None:
        self.cost = np.concatenate([self.cost, self._reduced(tails, heads)])
        self.tails = np.concatenate([self.tails, tails.astype(np.int32)])
        self.heads = np.concatenate([self.heads, heads.astype(np.int32)])

    def potentials(self) -> tuple[Floats, Floats]:
        """(f, g) of the points in the problem's own costs."""
        n = self.shape[0]
        f, g = self.base[0] + self.tree.potential[:n], self.base[1] - self.tree.potential[n:-1]
        return (f, g) if self.lift is None else (f + self.lift[0], g + self.lift[1])

    def entries(self, a: Pairs, b: Pairs) -> tuple[Any, Any, Pairs]:
        """The plan of the tree for masses (n,), (m,) as pairs of doubles: rows, columns and flows."""
        high, low = network_simplex.flows(self.tree, a, b)
        keep = (high > NOTHING) & (self.tree.arc >= 0)
        arcs = self.tree.arc[keep]
        tails, heads, high_left, low_left = _served_anyhow(self.tree, high, self.shape[0])
        return (
            np.concatenate([self.tails[arcs], tails]).astype(np.int64),
            np.concatenate([self.heads[arcs], heads]).astype(np.int64),
            (np.concatenate([high[keep], high_left]), np.concatenate([low[keep], low_left])),
        )

    def run(self, settled: Callable[[], bool] = lambda: False) -> Status:
        """Pivot and price until no pair improves, or what ``bounds`` and ``feasible`` have come to settles a question."""
        if self.prices.forbids:
            return self._two_phases()
        self.bounds = self._dual_value(*self.feasible), math.inf
        if settled():
            return Status.SETTLED
        artificial = modest = float(self.cost.max()) + 1e-300
        quota = max(1000, int((_ROUND_PRUNED if self.prices.pruned else _ROUND) * sum(self.shape)))
        while self.limit is None or self.pivots < self.limit:
            optimal = self._pivot(self.cost, artificial, quota)
            found = self._grow()
            if (found or not optimal) and settled():
                return Status.SETTLED
            if found < _FEW * self.shape[0]:
                quota = _UNLIMITED
            if found or not optimal:
                continue
            if len(network_simplex.unserved(self.tree, self.shape[0])[0]):
                artificial *= 16.0  # too cheap: some mass prefers it to every pair
            elif (
                network_simplex.branches(self.tree) == 1
            ):  # it offsets all potentials alike: without it they have more digits
                network_simplex.update_potentials(self.tree, self.cost, 0.0, self.shape[0])
                return Status.OPTIMAL
            elif artificial <= modest:  # no larger than the costs themselves, so that no digits are lost to it
                return Status.OPTIMAL
            else:
                artificial = 0.0  # nothing takes it, and nothing will
        return Status.MAX_ITER

    def _pivot(self, cost: Floats, artificial: float, quota: int) -> bool:
        """At most ``quota`` pivots, in slices, so that Ctrl-C is heard; True once the tree is optimal for these arcs.

        Subtrees are moved until that takes long: from then on the tree is cut into pieces, here and in later calls.
        """
        n, tree = self.shape[0], self.tree
        last = self.pivots + quota if self.limit is None else min(self.pivots + quota, self.limit)
        network_simplex.update_potentials(tree, cost, artificial, n)
        pieces, optimal = None, False
        while not optimal and self.pivots < last:
            allowed = min(_SLICE, last - self.pivots)
            if self.wasted > _WASTED:
                pieces = pieces or tree_pieces.cut(tree, cost, artificial, n)
                count, self.cursor, optimal = tree_pieces.pivot(
                    tree, pieces, self.tails, self.heads, cost, artificial, n, self.cursor, allowed
                )
            else:
                count, self.cursor, optimal, moved = network_simplex.pivot(
                    tree, self.tails, self.heads, cost, n, self.cursor, allowed
                )
                self.wasted = max(0.0, self.wasted + (moved - _MOVED) * count)
            self.pivots += count
            self.progress(f"{self.pivots} pivots, {len(self.tails)} pairs, gap {self.gap:.1e} of the cost")
        if pieces:
            network_simplex.update_order(tree)
        network_simplex.update_potentials(tree, cost, artificial, n)
        return optimal

    def _grow(self) -> int:
        """Price every pair and bring in the worst of each row; how many of those that came in improve."""
        m = self.shape[1]
        f, g = self.potentials()
        columns, values = self.prices.price(g, min(self.more, m), below=f + self.slack)
        self._bound(f, g, values[:, 0])
        tails, at = np.nonzero(columns >= 0)
        heads = columns[tails, at]
        if self.prices.pruned:
            full = values[:, -1] < f - _TIGHT * np.abs(f)
            rows, further = self._further(np.flatnonzero(full), f, g)
            tails, heads = np.concatenate([tails, rows]), np.concatenate([heads, further])
        keys = _distinct(tails * m + heads)
        tails, heads = self._allowed(keys // m, keys % m)
        costs = self.prices.pairs(tails, heads)
        size = np.abs(f)[tails] + np.abs(g)[heads] + np.abs(costs)
        bad = costs - f[tails] - g[heads] < -_TIGHT * size
        keys = tails * m + heads
        known = np.sort(self.tails.astype(np.int64) * m + self.heads)
        fresh = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] != keys
        improving = int((fresh & bad).sum())
        if improving:
            self._append(tails[fresh], heads[fresh])
        return improving

    def _further(self, rows: Indices, f: Floats, g: Floats) -> tuple[Indices, Indices]:
        """All pairs that improve, or the worst n + m, of ``rows`` that have brought in as many as a source may, where those are few.

        A source between two flat regions may improve with every target of one of them, and each then moves one leaf of the tree: a few a
        round would take hundreds of rounds.
        """
        m = self.shape[1]
        if not 0 < len(rows) <= _SATED * sum(self.shape) or len(rows) * m > _LISTED:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        step = max(1, _HELD // m)
        found = [self._improving(rows[at : at + step], f, g) for at in range(0, len(rows), step)]
        tails, heads, over = (np.concatenate(part) for part in zip(*found))
        if len(over) > sum(self.shape):
            worst = np.argpartition(-over, sum(self.shape))[: sum(self.shape)]
            tails, heads = tails[worst], heads[worst]
        return tails, heads

    def _improving(self, rows: Indices, f: Floats, g: Floats) -> tuple[Indices, Indices, Floats]:
        """All pairs of a few rows that improve, and by how much."""
        reduced = self.prices.restricted(rows, np.arange(self.shape[1])).block()
        reduced -= g
        bars = f[rows] - _TIGHT * (np.abs(f[rows]) + np.abs(g).max())
        at, heads = np.nonzero(reduced < bars[:, None])
        return rows[at], heads, bars[at] - reduced[at, heads]

    def _bound(self, f: Floats, g: Floats, least: Floats) -> None:
        """What the tree's potentials say of the best plan: ``bounds`` of its cost, ``feasible`` potentials, and the gap as a share of the cost.

        The tree's plan costs ``a.f + b.g``, unless some mass takes an artificial arc; with every f lowered to the least ``c - g`` the same
        sum is a lower bound.
        """
        lowered, upper = np.minimum(f, least), self._dual_value(f, g)
        over = float(self.supply / UNITS @ (f - lowered))
        if upper - over > self.bounds[0]:
            self.feasible = lowered, g
        lower = max(upper - over, self.bounds[0])
        served = not len(network_simplex.unserved(self.tree, len(f))[0])
        self.bounds = lower, upper if served else math.inf
        self.gap = over / max(abs(upper), 1e-300) if served else math.inf

    def _dual_value(self, f: Floats, g: Floats) -> float:
        """``a.f + b.g`` for masses of total 1, up to rounding."""
        return float(self.supply / UNITS @ f + self.demand / UNITS @ g)

    def _two_phases(self) -> Status:
        """Forbidden pairs: first get all mass off the artificial arcs, then minimise over what may still be used.

        In phase one artificial arcs cost 1 and pairs nothing: whole numbers, so nothing is lost. If its optimum is 0, an arc of
        positive reduced cost carries nothing in any feasible plan and is dropped; among the rest the artificial arcs stay empty
        by themselves, whatever they cost.
        """
        n = self.shape[0]
        if not self._pivot(np.zeros(len(self.tails)), 1.0, _UNLIMITED):
            return Status.MAX_ITER
        level = self.tree.potential.copy()
        rise = level[n + self.heads] - level[self.tails]
        if int(self.tree.flow[:n][self.tree.arc[:n] < 0].sum()) > UNITS * _UNPLACED:
            self.lift = -self.base[0], -self.base[1]
            return Status.INFEASIBLE
        done = self._pivot(np.where(rise > 0, np.inf, self.cost), 0.0, _UNLIMITED)
        slack = self.cost - self.tree.potential[self.tails] + self.tree.potential[n + self.heads]
        bad = (slack < 0) & (rise > 0)
        height = float((-slack[bad] / rise[bad]).max()) * (1 + 1e-9) if bad.any() else 0.0
        self.lift = height * level[:n], -height * level[n:-1]
        return Status.OPTIMAL if done else Status.MAX_ITER


def _distinct(keys: Indices) -> Indices:
    """Numbers (k,) of at least 0, each once, ascending: by sorting, which is faster than numpy's hashes."""
    ordered = np.sort(keys)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def _north_west_corner(supply: Indices, demand: Indices) -> tuple[Indices, Indices]:
    """The pairs of the plan that serves everything in order, at most n + m - 1.

    Where many points nearly coincide, the cheapest pairs of all rows are those of the same few columns, and the mass of the other rows
    would have no way to go but an artificial arc.
    """
    ends, limits = np.cumsum(supply), np.cumsum(demand)
    starts = np.unique(np.concatenate([[0], ends[:-1], limits[:-1]]))
    return np.searchsorted(ends, starts, side="right"), np.searchsorted(limits, starts, side="right")


def _served_anyhow(tree: Tree, flow: Floats, n: int) -> tuple[Any, Any, Any, Any]:
    """At an iteration limit: a staircase between whatever still takes an artificial arc, so that the plan is a plan."""
    sources, targets = network_simplex.unserved(tree, n)
    if not len(sources) or not len(targets) or flow[sources].sum() <= _UNPLACED:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0)
    both = monotone.masses(flow[sources], flow[n + targets], len(sources), len(targets))
    steps = monotone.steps(both)
    return sources[steps.rows], targets[steps.columns], steps.high, steps.low


def cheapest(cost: Cost) -> Floats:
    """Column minima of what row minima leave: potentials of the targets that are free of any offset in the costs."""
    m = cost.shape[1]
    return cost.T.price(cost.price(np.zeros(m), 1)[1][:, 0], 1)[1][:, 0]
