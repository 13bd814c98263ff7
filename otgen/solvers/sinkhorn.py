"""Entropic transport: from a coarse problem at a large epsilon to the one asked for."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats, Indices
from ..kernels import sinkhorn_small
from ..kernels.kdtree import LEAF
from ..model.balance import Balance
from ..model.claim import Claim
from ..model.cost import CloudCost, Cost, merged
from ..model.marginals import Marginals
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import STEEP
from . import sinkhorn_held
from .base import Progress, Solution, checked_call, silent
from .epsilon_schedules import Annealing, Schedule, checked_stages
from .simplex import Simplex
from .sinkhorn_held import ROUGH
from .sinkhorn_iteration import CostPass, Potentials, SymmetricPass, iterate, settle

Start = tuple[Floats, Floats] | None

TOLERANCE = 1e-6  # marginal error at which an entropic answer is one
_COARSEST = 256  # points a side below which nothing is merged
_MERGING = 0.25  # of epsilon: what merging points may move mass by, in cost
_NOISE = 0.01  # of the rounding of an exponent in single precision: what is left of it in a sum
_SAMPLED = 2000  # points a side from which a sample of them goes first
_ABOVE = 4.0  # where merged ones are too coarse at so many times the epsilon
_SMALL = 2**18  # pairs up to which single precision saves nothing worth having
_LEAST = 1e-12 * (1 - 1e-8)  # epsilon over the largest cost, which is rounded upwards
_SINGLE = 1e-3  # marginal error that single precision must be good for


@dataclass(frozen=True)
class Sinkhorn:
    """``min <P, C> + epsilon KL(P, a (x) b)`` by Sinkhorn's iteration on potentials; relaxed or not.

    Parameters
    ----------
    tol : float
        Stop when the larger L1 marginal error is below it (unit mass).
    max_iter : int
        Limit on iterations (row and column update), all epsilons together.
    schedule : Schedule
        Which epsilons to pass through; :class:`Annealing` unless said otherwise.

    Notes
    -----
    Epsilons of at least 1e-12 of the largest cost are taken: below, rounding decides. Memory is O(n + m) for points. Large epsilons are passed through on merged points, or where these are too coarse, as in many dimensions, all of them on a sample of the points. Between points, iterations are in
    single precision as long as that is good enough, and in double precision at the end; potentials are float64 throughout.

    References
    ----------
    Cuturi, "Sinkhorn distances", 2013; in the form of Peyre and Cuturi, "Computational optimal transport", 2019,
    equations (4.43) and (4.44). Over-relaxation: see :mod:`otgen.kernels.overrelaxation`. The constant between relaxed potentials:
    :meth:`otgen.model.marginals.Marginals.best_shift`; what is known of it beforehand: :mod:`otgen.model.balance`.

    Examples
    --------
    >>> import otgen
    >>> round(otgen.sinkhorn([0.0, 1.0], [0.0, 1.0], epsilon=10.0).value, 4)
    0.4875
    """

    tol: float = TOLERANCE
    max_iter: int = 10_000
    schedule: Schedule = field(default_factory=Annealing)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tol", scalars.positive(self.tol, "tol", "use a marginal error such as 1e-6"))
        scalars.count(self.max_iter, "max_iter")
        if not callable(getattr(self.schedule, "epsilons", None)):
            raise InvalidInput(
                f"schedule must have a method epsilons, such as Annealing(); received {scalars.told(self.schedule)}; pass an instance"
            )

    def solve(self, problem: Problem, progress: Progress = silent, init: Claim | None = None) -> Solution:
        """Solve a scaled problem; raises `InvalidInput` without an entropic term."""
        checked_call(problem, progress, init)
        largest = _largest_cost(problem)
        forbids = problem.cost.forbids and not problem.relaxed
        exact = Simplex().solve(replace(problem, epsilon=0.0)) if forbids else None
        if exact is not None and exact.status is Status.INFEASIBLE:
            return replace(exact, name="Sinkhorn")
        balance = Balance.of(problem)
        start, problem = _start_potentials(init, balance), balance.problem
        solution = self._balanced(problem, largest, progress, start)
        return replace(solution, claim=replace(solution.claim, constants=balance.constants))

    def _balanced(self, problem: Problem, largest: float, progress: Progress, start: Start) -> Solution:
        """A problem of equal totals, if it is relaxed."""
        if sinkhorn_held.suits(problem.cost):
            return self._held(problem, largest, progress, start)
        stages = [problem.epsilon] if start else checked_stages(self.schedule, problem.epsilon, largest)
        work = _Work(problem, progress, self.max_iter)
        done = work.symmetric(self.tol, start) if problem.symmetric else work.between(stages, self.tol, start)
        claim = Claim(potentials=problem.marginals.centred(*work.everywhere()))
        return _solution(claim, done, work.at.count)

    def _held(self, problem: Problem, largest: float, progress: Progress, init: Start) -> Solution:
        """A small problem, as a stack of one."""
        a, b = problem.masses
        goal = Marginals(a[None], b[None], problem.relax)
        costs, epsilon = problem.cost.block(), np.array([problem.epsilon])
        small = sinkhorn_held.HeldProblem(
            np.ascontiguousarray(costs, np.float64)[None], goal, epsilon, np.array([largest]), problem.symmetric
        )
        start: Any = None if init is None else [np.where(np.isfinite(z), z, 0.0)[None] for z in init]
        out = sinkhorn_held.solve(small, self.schedule, self.tol, self.max_iter, start, progress)
        return _solution(Claim(potentials=(out.f[0], out.g[0])), bool(out.done[0]), int(out.count[0]))


def _start_potentials(init: Claim | None, balance: Balance) -> Start:
    """The potentials to start from, of the balanced problem."""
    if init is not None and init.potentials is None:
        raise InvalidInput("init must be potentials or a Result for solver='sinkhorn'; received a plan; leave it out")
    if init is None or init.potentials is None:
        return None
    return balance.lowered(*init.potentials, init.constants)


def _largest_cost(problem: Problem) -> float:
    """The largest cost, of a problem that an entropic solver can solve."""
    if not problem.epsilon or problem.bottleneck:
        raise InvalidInput(
            f"solver='sinkhorn' must get epsilon > 0 and finite p; received {problem!r}; pass an epsilon to otgen.sinkhorn, or leave solver out"
        )
    if problem.relaxed and problem.cost.forbids:
        _refuse_unservable(problem)
    a, b = problem.masses
    carried = problem.cost.restricted(np.flatnonzero(a), np.flatnonzero(b))  # padding may lie anywhere
    largest = float(carried.highest)
    if problem.epsilon < _LEAST * largest:
        others = "partial_wasserstein" if problem.relaxed else "wasserstein or otgen.transport"
        remedy = (
            f"use p <= {STEEP}"
            if problem.p > STEEP
            else "leave out points that lie far from all others, raise it"
            if problem.cost.of_points
            else "pass inf for pairs that must not be used, raise it"
        )
        raise InvalidInput(
            f"epsilon must be at least 1e-12 of the largest cost: below, rounding decides; received "
            f"{problem.epsilon / largest:.1e} of it; {remedy}, or use otgen.{others}"
        )
    return largest or problem.epsilon


def _refuse_unservable(problem: Problem) -> None:
    """Raise where a point has mass and no allowed pair: its potential would be infinite."""
    a, b = problem.masses
    for weights, others, cost, side in ((a, b, problem.cost, "rows"), (b, a, problem.cost.T, "columns")):
        lost = np.isinf(cost.ctransform(np.where(others > 0, 0.0, -np.inf))[0]) & (weights > 0)
        if lost.any():
            raise InvalidInput(
                f"{side} with mass must have an allowed pair with mass at its other end in relaxed transport; received {int(lost.sum())} without, the first "
                f"{int(lost.argmax())}; leave them out, each adds relax times its mass to the value"
            )


def _solution(claim: Claim, done: bool, count: int) -> Solution:
    return Solution(claim, Status.CONVERGED if done else Status.MAX_ITER, count, "Sinkhorn")


class _Work:
    """A solve in progress: the part of the problem that has mass, with points that coincide as one, in kd order, and its potentials.

    ``rows`` and ``columns`` of the whole problem have mass, and lie at ``sources`` and ``targets``. A plan between places is shared out in
    proportion, which leaves its divergence from the product as it is.
    """

    def __init__(self, problem: Problem, progress: Progress, limit: int) -> None:
        self.problem, self.progress, self.limit = problem, progress, limit
        a, b = problem.masses
        self.rows, self.columns = np.flatnonzero(a), np.flatnonzero(b)
        cost = problem.cost.restricted(self.rows, self.columns)
        self.sources, self.targets = cost.merging.places
        self.cost = cost.restricted(self.sources.first, self.targets.first, ordered=True)
        self.a, self.b = self.sources.sums(a[self.rows]), self.targets.sums(b[self.columns])
        self.goal = Marginals(self.a, self.b, problem.relax)
        self.at = Potentials(np.zeros(len(self.a)), np.zeros(len(self.b)))
        self.lesser: Cost | None = None  # in single precision: what its passes keep serves one epsilon after the other
        self.promises = True  # that the last epsilon ends in double precision

    def between(self, stages: Sequence[float], tol: float, init: Start) -> bool:
        """From level to level and from epsilon to epsilon; False if the limit came first."""
        levels = _levels(self.cost, self.a, self.b)
        level = _level(levels, stages[0]) if init is None else 0
        if init is not None:
            self.at.f, self.at.g = init[0][self.rows[self.sources.first]], init[1][self.columns[self.targets.first]]
        elif len(stages) > 1 and self._is_worth_sampling(levels):
            self._begin_with_sample(stages)
            level, stages = 0, stages[-1:]
        else:
            self.at.f, self.at.g = np.zeros(len(levels[level].a)), np.zeros(len(levels[level].b))
        done = False
        for k, epsilon in enumerate(stages):
            last = k == len(stages) - 1
            wanted = 0 if last else _level(levels, epsilon)
            while level > wanted:
                level -= 1
                self._refine(levels[level + 1], levels[level], epsilon)
            done = self._sweep(levels[level], epsilon, tol if last else max(ROUGH, tol))
        if not done:
            settle(self.cost, self.goal, self.problem.epsilon, self.at)
        for each in levels:
            each.cost.passes.release()
        return done

    def _is_worth_sampling(self, levels: list[_Level]) -> bool:
        """Whether merged points are too coarse even for epsilons well above the last."""
        large = min(self.cost.shape) >= _SAMPLED and not self.cost.forbids
        return large and _level(levels, _ABOVE * self.problem.epsilon) == 0

    def _begin_with_sample(self, stages: Sequence[float]) -> None:
        """Potentials at the last epsilon, as soft minima over those of a sample, which has passed through all of them."""
        rng, epsilon = np.random.default_rng(0), stages[-1]
        (rows, a), (columns, b) = (_drawn(masses, rng) for masses in (self.a, self.b))
        part = self._between_few(rows, columns, a, b)
        part.between(stages, ROUGH, None)
        one, other = self.goal.damping(epsilon)
        n, m = map(np.arange, self.cost.shape)
        to, back = self.cost.restricted(n, columns, ordered=True), self.cost.restricted(rows, m, ordered=True).T
        f = one * to.softmin(part.at.g + epsilon * np.log(b), epsilon)
        g = other * back.softmin(part.at.f + epsilon * np.log(a), epsilon)
        self.at = Potentials(f, g, part.at.count, part.at.error)

    def _between_few(self, rows: Indices, columns: Indices, a: Floats, b: Floats) -> _Work:
        """The same between some of the points, of other masses, with half of the iterations."""
        part = copy.copy(self)
        part.cost, part.a, part.b = self.cost.restricted(rows, columns, ordered=True), a, b
        part.goal, part.at = Marginals(a, b, self.problem.relax), Potentials(np.zeros(len(a)), np.zeros(len(b)))
        part.lesser, part.limit, part.promises = None, max(1, self.limit // 2), False
        return part

    def symmetric(self, tol: float, init: Start) -> bool:
        """One measure against itself: f = g, which converges in a few iterations at any epsilon, from any start."""
        if init is not None:
            self.at.f = init[0][self.rows[self.sources.first]]
        done = self._iterate(SymmetricPass, self.cost, self.goal, self.problem.epsilon, tol)
        self.at.g = self.at.f.copy()
        if not done:
            settle(self.cost, self.goal, self.problem.epsilon, self.at)
        self.cost.passes.release()
        return done

    def _sweep(self, level: _Level, epsilon: float, tol: float) -> bool:
        """One epsilon."""
        cost, goal = level.cost, Marginals(level.a, level.b, self.problem.relax)
        if sinkhorn_held.suits(cost):
            return self._sweep_held(level, goal, epsilon, tol)
        return self._iterate(CostPass, cost, goal, epsilon, tol)

    def _iterate(
        self, way: type[CostPass | SymmetricPass], cost: Cost, goal: Marginals, epsilon: float, tol: float
    ) -> bool:
        """One epsilon: in single precision as far as that goes, then in double."""
        rounding = 2.0**-24 * cost.highest / epsilon
        large = math.prod(cost.shape) > _SMALL
        fits = cost.entry is not None and large and _NOISE * rounding < _SINGLE and cost.clouds.fits_single
        lesser = self._in_single(cost if fits else None)
        if lesser is not None:
            enough = max(tol, 30 * _NOISE * rounding)
            done = iterate(way(lesser, goal, epsilon, enough), self.at, enough, self.limit, self.progress)
            on_the_way = epsilon != self.problem.epsilon or not self.promises
            if done and enough == tol and on_the_way:
                return True
        self._in_single(None)
        return iterate(way(cost, goal, epsilon, tol), self.at, tol, self.limit, self.progress)

    def _in_single(self, cost: Cost | None) -> Cost | None:
        """A cost in single precision; what any other one's passes have kept is given back."""
        lesser = None if cost is None else cost.astype(np.float32)
        if self.lesser is not None and self.lesser is not lesser:
            self.lesser.passes.release()
        self.lesser = lesser
        return lesser

    def _sweep_held(self, level: _Level, goal: Marginals, epsilon: float, tol: float) -> bool:
        """One epsilon of a level that is small."""
        stack = sinkhorn_small.Stack(level.costs, goal.a[None], goal.b[None], np.array(goal.relax))
        stages, ends, at = np.array([[epsilon]]), np.zeros(1, np.int64), self.at
        out = sinkhorn_small.iterate(
            stack, stages, ends, tol, tol, self.limit, at.f[None], at.g[None], at.count, self.progress
        )
        self.at = Potentials(out.f[0], out.g[0], int(out.count[0]), float(out.error[0]))
        return bool(out.done[0])

    def _refine(self, level: _Level, finer: _Level, epsilon: float) -> None:
        """One level finer, from soft minima over the coarser points."""
        coarse, fine = level.cost.clouds, finer.cost.clouds
        one, other = self.goal.damping(epsilon)
        to, back = coarse.between(fine.x, coarse.y), coarse.between(fine.y, coarse.x)
        f = one * to.softmin(self.at.g + epsilon * np.log(level.b), epsilon)
        g = other * back.softmin(self.at.f + epsilon * np.log(level.a), epsilon)
        self.at.f, self.at.g = f, g

    def everywhere(self) -> tuple[Floats, Floats]:
        """Potentials of the whole problem: of points without mass, what a soft minimum gives; 0 where nothing is served."""
        n, m = self.problem.shape
        f, g = np.full(n, np.nan), np.full(m, np.nan)
        f[self.rows], g[self.columns] = self.at.f[self.sources.of], self.at.g[self.targets.of]
        epsilon, cost = self.problem.epsilon, self.problem.cost
        damping = self.goal.damping(epsilon)
        for side, other, weights, kept, matrix, factor in (
            (f, self.at.g, self.b, self.columns[self.targets.first], cost, damping[0]),
            (g, self.at.f, self.a, self.rows[self.sources.first], cost.T, damping[1]),
        ):
            missing = np.flatnonzero(np.isnan(side))
            if len(missing):
                part = matrix.restricted(missing, kept)
                side[missing] = factor * part.softmin(other + epsilon * np.log(weights), epsilon)
        return np.where(np.isfinite(f), f, 0.0), np.where(np.isfinite(g), g, 0.0)


@dataclass(frozen=True)
class _Level:
    """A problem between merged points; ``displacement`` is what merging has moved mass by, in mean cost, on the worse side."""

    cost: Cost
    a: Floats
    b: Floats
    displacement: float

    @cached_property
    def costs(self) -> Floats:
        """Its costs as a stack of one, of a small level: (1, n, m)."""
        return np.ascontiguousarray(self.cost.block(), np.float64)[None]


def _levels(cost: Cost, a: Floats, b: Floats) -> list[_Level]:
    """The problem and, between points, its coarser versions; finest first; clouds in kd order."""
    levels = [_Level(cost, a, b, 0.0)]
    while cost.entry is not None and cost.entry.by_differences and min(cost.shape) > _COARSEST:
        clouds = cost.clouds
        (x, a_merged), (y, b_merged) = merged(clouds.x, a), merged(clouds.y, b)
        displacement = levels[-1].displacement + max(_moved(clouds, clouds.x, x, a), _moved(clouds, clouds.y, y, b))
        cost, a, b = clouds.between(x, y), a_merged, b_merged
        levels.append(_Level(cost, a, b, displacement))
    return levels


def _drawn(masses: Floats, rng: np.random.Generator) -> tuple[Indices, Floats]:
    """One point out of ``LEAF`` at random, in their order, each with the mass of as many."""
    order = rng.permutation(len(masses))
    drawn, sums = order[::LEAF], np.add.reduceat(masses[order], np.arange(0, len(order), LEAF))
    at = np.argsort(drawn)
    return drawn[at], sums[at]


def _moved(cost: CloudCost, points: Floats, cells: Floats, masses: Floats) -> float:
    """The mean cost of moving points to where they are merged."""
    rows = np.arange(len(points))
    return float(masses / masses.sum() @ cost.between(points, cells).pairs(rows, rows // LEAF))


def _level(levels: list[_Level], epsilon: float) -> int:
    """The coarsest level that is fine enough for an epsilon."""
    return max(k for k, level in enumerate(levels) if level.displacement <= _MERGING * epsilon)
