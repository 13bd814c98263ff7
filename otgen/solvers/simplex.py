"""Exact transport by a network simplex that sees few pairs at a time.

A restricted problem holds the pairs that look cheap; its potentials price all pairs; those that would improve come in;
until none is left. The last pricing pass is the proof. No array of size n x m is ever made for a cost that can be
computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidInput, TooLarge
from ..inputs.memory import available, readable
from ..inputs.types import Floats, Indices
from ..kernels import dense_simplex, dense_stack
from ..kernels.double_double import shares, total_pair
from ..kernels.duplicates import shared_out, unique_points
from ..kernels.ground_cost import own
from ..kernels.whole_masses import whole_masses
from ..model.claim import Claim, Flows
from ..model.cost import Cost
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import STEEP
from . import cost_model, multiscale
from .base import Enough, Progress, Solution, checked_call, checked_iterations, silent
from .common_mass import Masses, common_mass, extended
from .restricted_problem import RestrictedProblem, cheapest

_COARSEST = 150  # points a side below which nothing is merged
_JUDGED = 2**24  # bytes from which it is asked whether they fit
_SWALLOWING = 10  # times the dearest pair that may be used: costs that would take digits from the others


@dataclass(frozen=True)
class Simplex:
    """Exact optimal transport for any cost, by column generation and a network simplex.

    Parameters
    ----------
    max_iter : int, optional
        Limit on pivots; None means none. At the limit the status is MAX_ITER and the bounds still hold.

    Notes
    -----
    Up to 2**18 pairs of at most 2**12 points a side, and up to 2**20 between as many points on either side that all have one mass, are all listed, and
    solved from scratch in less time than something to start from would save. Else
    memory is O(n + m) for points; a cost with forbidden pairs is listed in full. With p = 1 and a metric, mass that both sides hold at one place
    stays there, which some optimal plan does. Masses are rounded to whole multiples
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

    def __post_init__(self) -> None:
        checked_iterations(self.max_iter)

    def solve(
        self, problem: Problem, progress: Progress = silent, init: Claim | None = None, enough: Enough | None = None
    ) -> Solution:
        """Solve a scaled problem, or as much of it as is enough; raises `InvalidInput` for p = inf or with an entropic term."""
        checked_call(problem, progress, init)
        if problem.epsilon or problem.bottleneck:
            raise InvalidInput(
                f"solver='simplex' must get epsilon=0 and finite p; received {problem!r}; use solver='auto'"
            )
        if 1 in problem.shape and not problem.cost.forbids:
            return Solution(Claim(), Status.OPTIMAL, 0, "Simplex")  # there is one plan
        _refuse_too_large(problem)
        if _lists_all(problem, init is None and enough is None and self.max_iter is None):
            found = self._dense(problem, init or Claim())
            if found is not None:
                return found
        live = _Live(problem, init or Claim())
        if not len(live.supply):  # all of it stays
            potentials = live.everywhere(np.empty(0), np.empty(0))
            return Solution(Claim(live.plan(None, potentials), potentials), Status.OPTIMAL, 0, "Simplex")
        master = live.master(self.max_iter, progress, init or Claim())
        held: list[Claim] = []
        status = master.run() if enough is None else master.run(lambda: _settles(live, master, enough, held))
        if held:
            return Solution(held[0], status, master.pivots, "Simplex")
        potentials = live.everywhere(*master.potentials())
        infeasible = status is Status.INFEASIBLE
        claim = Claim(ray=potentials) if infeasible else Claim(live.plan(master, potentials), potentials)
        return Solution(claim, status, master.pivots, "Simplex")

    def _dense(self, problem: Problem, init: Claim) -> Solution | None:
        """Of few pairs, all listed; None where masses are too unequal to be whole numbers."""
        a, b = (own(side.weights, np.dtype(np.float64)) for side in (problem.source, problem.target))
        costs = np.minimum(problem.cost.block(), _cost_cap(problem, init)).astype(np.float64, copy=False)
        limit = dense_simplex.UNLIMITED if self.max_iter is None else self.max_iter
        found, ends = dense_simplex.solve(costs.ravel(), a, b, dense_stack.single(*problem.shape), limit)
        ended, pivots = ends[0].tolist()
        if ended == dense_simplex.ODD:
            return None
        plan = Flows(*found.plan())
        status = Status.OPTIMAL if ended == dense_simplex.SOLVED else Status.MAX_ITER
        return Solution(Claim(plan, (found.f, found.g)), status, pivots, "Simplex")


def _lists_all(problem: Problem, from_scratch: bool) -> bool:
    """Whether all pairs are looked at: where there are few, or as many points of one mass on either side, at places of their own, and nothing to go by."""
    if problem.cost.device != "cpu" or problem.cost.forbids:
        return False
    if dense_simplex.fits(*problem.shape):
        return True
    uniform = from_scratch and problem.source.uniform and problem.target.uniform
    return uniform and dense_simplex.is_assigned(*problem.shape) and not _is_crowded(problem.cost)


def _is_crowded(cost: Cost) -> bool:
    """Whether places are fewer than half of the points: then few of them are left to solve for."""
    if not cost.of_points or cost.entry is None:
        return False
    return any(2 * len(unique_points(points).first) < len(points) for points in (cost.clouds.x, cost.clouds.y))


def _refuse_too_large(problem: Problem) -> None:
    """Raise where a solve would need more memory than is free; to ask how much that is takes longer than to solve a small problem."""
    need = cost_model.simplex(problem).grows
    if need < _JUDGED or (need := cost_model.simplex(problem, free := available()).grows) <= free:
        return
    raise TooLarge(
        f"the problem must be so small that exact transport fits in memory; received {problem.shape[0]} x {problem.shape[1]}, which needs "
        f"about {readable(need)} with {readable(free)} free; subsample, or use sliced_wasserstein"
    )


def _cost_cap(problem: Problem, init: Claim) -> float:
    """The cost above which no optimum has a pair, known from the longest pair of some plan; inf where no pair is far dearer.

    Such pairs would only take digits from the others. On a cycle of pairs of an optimum and of the plan, at most n + m in all, none of
    the former costs more than all of the latter, where costs are counted from the least one.
    """
    flows, sides = init.flows, (problem.source.probabilities, problem.target.probabilities)
    if flows is None or not _is_bounded(problem.cost):
        return math.inf
    used, met = flows.high > 0, zip((flows.rows, flows.columns), sides)
    if not all(np.allclose(np.bincount(at, flows.high, len(side)), side, rtol=1e-6, atol=0.0) for at, side in met):
        return math.inf
    longest = problem.cost.pairs(flows.rows[used], flows.columns[used]).max(initial=0.0)
    lowest = 0.0 if problem.cost.of_points else min(problem.cost.range()[0], 0.0)
    least = min(float(side[side > 0].min()) for side in sides)
    cap = 4.0 * (float(longest) - lowest) / least + lowest or math.inf
    return cap if problem.p > STEEP or cap * _SWALLOWING < problem.cost.highest else math.inf


def _is_bounded(cost: Cost) -> bool:
    """Whether all pairs are allowed, and the least and the greatest cost are known: of metrics that have an entry, and of matrices."""
    return cost.entry is not None if cost.of_points else not cost.forbids


def _settles(live: _Live, master: RestrictedProblem, enough: Enough, held: list[Claim]) -> bool:
    """Whether what a restricted problem has come to is enough, once it is proven; ``held`` then gets the claim that is."""
    if not enough.seems(*master.bounds):
        return False
    potentials = live.everywhere(*master.feasible)
    claim = Claim(live.plan(master, potentials), potentials)
    if not enough.proves(claim):
        return False
    held.append(claim)
    return True


class _Live:
    """The part of a problem that has mass to move: points that coincide are one place, in kd order, and what may stay is taken off.

    ``rows`` and ``columns`` of the whole problem have mass, and lie at the places ``sources`` and ``targets``; ``cost`` is between those
    places that have mass left.
    """

    def __init__(self, problem: Problem, init: Claim) -> None:
        a, b = problem.source.weights, problem.target.weights
        supply, demand = whole_masses(a, b)
        self.problem, self.rows, self.columns = problem, np.flatnonzero(supply), np.flatnonzero(demand)
        self.shares = shares(a[self.rows]), shares(b[self.columns])
        cost = problem.cost.restricted(self.rows, self.columns)
        self.cap = _cost_cap(problem, init)
        self.sources, self.targets = cost.merging.places
        cost = cost.restricted(self.sources.first, self.targets.first, ordered=True)
        self.common = common_mass(
            cost,
            Masses(self.sources.masses(supply[self.rows]), self.sources.shares(self.shares[0])),
            Masses(self.targets.masses(demand[self.columns]), self.targets.shares(self.shares[1])),
        )
        self.supply, self.demand = (side.whole for side in self.common.left)
        self.cost = cost.restricted(self.common.sources, self.common.targets, ordered=True)

    def master(self, limit: int | None, progress: Progress, init: Claim) -> RestrictedProblem:
        """The finest restricted problem, from potentials and plan of a nearby one; or from the potentials of coarser problems."""
        # In few dimensions good potentials alone take fewer pivots.
        near = init.potentials is not None and self.cost.pruned
        used = None if init.flows is None or near else self._used(init.flows)
        if self.cost.forbids:
            return RestrictedProblem(self.cost, self.supply, self.demand, None, limit, progress, used, self.cap)
        if init.potentials is not None or (used is not None and self.cap < math.inf):
            given = init.potentials and init.potentials[1][self.columns[self.targets.first[self.common.targets]]]
            start = cheapest(self.cost) if given is None else given
            return RestrictedProblem(self.cost, self.supply, self.demand, start, limit, progress, used, self.cap)
        levels = multiscale.levels(self.cost, self.supply, self.demand, _COARSEST)
        start = cheapest(levels[-1].cost)
        pivots = 0
        for level in levels[:0:-1]:
            master = RestrictedProblem(
                level.cost, level.supply, level.demand, start, None if limit is None else limit - pivots, progress
            )
            master.run()
            pivots += master.pivots
            start = multiscale.prolongate(level, master.potentials()[0])
        finest = RestrictedProblem(
            self.cost, self.supply, self.demand, start, None if limit is None else limit - pivots, progress, used
        )
        finest.pivots = 0
        return finest

    def _used(self, flows: Flows) -> Indices:
        """The pairs of places with mass to move that a plan uses, each as one number."""
        rows, columns = (np.full(size, -1) for size in self.problem.shape)
        sources, targets = self.common.sources, self.common.targets
        ranks = _scattered_values(np.arange(len(sources)), sources, len(self.sources.first), -1)
        others = _scattered_values(np.arange(len(targets)), targets, len(self.targets.first), -1)
        rows[self.rows], columns[self.columns] = ranks[self.sources.of], others[self.targets.of]
        tails, heads = rows[flows.rows], columns[flows.columns]
        return np.unique((tails * self.cost.shape[1] + heads)[(flows.high > 0) & (tails >= 0) & (heads >= 0)])

    def everywhere(self, f: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Potentials of the whole problem, of those of the places with mass to move: others get their c-transform, or what extends a metric's."""
        n, m = self.problem.shape
        cost = self.problem.cost
        whole_f, whole_g = np.full(n, -np.inf), np.full(m, -np.inf)
        whole_f[self.rows] = _scattered_values(f, self.common.sources, len(self.sources.first))[self.sources.of]
        whole_g[self.columns] = _scattered_values(g, self.common.targets, len(self.targets.first))[self.targets.of]
        if len(self.common.rows):
            return extended(cost.clouds, whole_f, whole_g)
        if len(self.rows) < n:
            missing = np.isneginf(whole_f)
            whole_f[missing] = cost.ctransform(whole_g)[0][missing]
        if len(self.columns) < m:
            missing = np.isneginf(whole_g)
            whole_g[missing] = cost.T.ctransform(whole_f)[0][missing]
        return whole_f, whole_g

    def plan(self, master: RestrictedProblem | None, potentials: tuple[Floats, Floats]) -> Flows:
        """What stays and the plan of the master's tree, for the masses as received."""
        a, b = self.problem.source.weights, self.problem.target.weights
        rows, columns, flow = self.common.rows, self.common.columns, self.common.flow
        if master is not None:
            tails, heads, moved = master.entries(*(side.real for side in self.common.left))
            rows = np.concatenate([rows, self.common.sources[tails]])
            columns = np.concatenate([columns, self.common.targets[heads]])
            flow = np.concatenate([flow[0], moved[0]]), np.concatenate([flow[1], moved[1]])
        rows, which, flow = shared_out(self.sources, self.shares[0], rows, flow)
        columns, again, (high, low) = shared_out(self.targets, self.shares[1], columns[which], flow)
        rows, columns = self.rows[rows[again]], self.columns[columns]
        sub_unit = _sub_unit_flows(self, a, b, potentials)
        if len(sub_unit[0]):
            rows, columns = np.concatenate([rows, sub_unit[0]]), np.concatenate([columns, sub_unit[1]])
            high = np.concatenate([high, sub_unit[2]])
            low = np.concatenate([low, np.zeros(len(sub_unit[0]))])
        return Flows(rows, columns, high, low)


def _scattered_values(values: Any, at: Indices, size: int, elsewhere: float = -math.inf) -> Any:
    """Values (k,) at their positions among ``size``, something else elsewhere."""
    out = np.full(size, elsewhere, values.dtype)
    out[at] = values
    return out


def _sub_unit_flows(live: _Live, a: Floats, b: Floats, potentials: tuple[Floats, Floats]) -> tuple[Any, Any, Any]:
    """Masses too small for a whole unit: first to each other where that is cheapest, then each along its cheapest pair with whole mass."""
    f, g = potentials
    rows = np.setdiff1d(np.flatnonzero(a), live.rows)
    columns = np.setdiff1d(np.flatnonzero(b), live.columns)
    left, wanted = a[rows] / total_pair(a)[0], b[columns] / total_pair(b)[0]
    cost = live.problem.cost
    costs, to = _cheapest(cost, rows, live.columns, g)
    _, come = _cheapest(cost.T, columns, live.rows, f)
    near, among = _cheapest(cost, rows, columns, g)
    pairs = []
    for k in np.flatnonzero((near <= costs) & (near < np.inf)).tolist():
        j = int(np.searchsorted(columns, among[k]))
        moved = min(left[k], wanted[j])
        pairs.append((rows[k], columns[j], moved))
        left[k], wanted[j] = left[k] - moved, wanted[j] - moved
    met = np.array(pairs).reshape(-1, 3).T if pairs else np.empty((3, 0))
    # Along a forbidden pair where there is no other: then it cannot be done, or is not proven.
    sends, takes = left > 0, wanted > 0
    return (
        np.concatenate([met[0].astype(np.int64), rows[sends], come[takes]]),
        np.concatenate([met[1].astype(np.int64), to[sends], columns[takes]]),
        np.concatenate([met[2], left[sends], wanted[takes]]),
    )


def _cheapest(cost: Cost, rows: Indices, columns: Indices, potential: Floats) -> tuple[Floats, Indices]:
    """For some rows the least reduced cost among some columns, and where; infinite where there are none."""
    if not len(rows) or not len(columns):
        return np.full(len(rows), np.inf), np.zeros(len(rows), np.int64)
    values, at = cost.restricted(rows, columns).ctransform(potential[columns])
    return values, columns[at]
