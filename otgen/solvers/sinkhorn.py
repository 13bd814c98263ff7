"""Entropic transport: from a coarse problem at a large epsilon to the one asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats
from ..model.claim import Claim
from ..model.cost import Cost, PointCost
from ..model.marginals import Marginals
from ..model.problem import Problem
from ..model.status import Status
from . import multiscale
from .base import Progress, Solution, silent
from .epsilon_schedules import Annealing, Schedule
from .simplex import Simplex
from .sinkhorn_iteration import Iteration, SymmetricIteration

_COARSEST = 256  # points a side below which nothing is merged
_MERGING = 0.25  # of epsilon: what merging points may move mass by, in cost
ROUGH = 1e-3  # marginal error at which the next epsilon begins: what is missing between two clusters must show
_NOISE = 0.01  # of the rounding of an exponent in single precision: what is left of it in a sum
_SMALL = 2**18  # pairs up to which single precision saves nothing worth having
_SINGLE = 1e-3  # marginal error that single precision must be good for


@dataclass(frozen=True)
class Sinkhorn:
    """``min <P, C> + epsilon KL(P, a (x) b)`` by Sinkhorn's iteration on potentials, stable for any epsilon; relaxed or not.

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
    Memory is O(n + m) for points. Large epsilons are passed through on merged points. Between points, iterations are in
    single precision as long as that is good enough, and in double precision at the end; potentials are float64 throughout.

    References
    ----------
    Cuturi, "Sinkhorn distances", 2013; in the form of Peyre and Cuturi, "Computational optimal transport", 2019,
    equations (4.43) and (4.44). Over-relaxation: see :mod:`otgen.solvers.scaling`.

    Examples
    --------
    >>> import otgen
    >>> round(otgen.sinkhorn([0.0, 1.0], [0.0, 1.0], epsilon=10.0).value, 4)
    0.4875
    """

    tol: float = 1e-6
    max_iter: int = 10_000
    schedule: Schedule = field(default_factory=Annealing)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tol", scalars.positive(self.tol, "tol", "use a marginal error such as 1e-6"))
        scalars.count(self.max_iter, "max_iter")
        if not callable(getattr(self.schedule, "epsilons", None)):
            raise InvalidInput(f"schedule must have a method epsilons, such as Annealing(); received {self.schedule!r}")

    def solve(self, problem: Problem, progress: Progress = silent, init: Any = None) -> Solution:
        """Solve a scaled problem; raises `InvalidInput` without an entropic term."""
        largest = _largest_cost(problem)
        forbids = problem.cost.forbids and not problem.relaxed
        exact = Simplex().solve(replace(problem, epsilon=0.0)) if forbids else None
        if exact is not None and exact.status is Status.INFEASIBLE:
            return replace(exact, name="Sinkhorn")
        f, g = init if init is not None else (None, None)
        stages = [problem.epsilon] if init is not None else stages_of(self.schedule, problem.epsilon, largest)
        work = _Work(problem, progress, self.max_iter)
        done = work.symmetric(self.tol, f) if problem.symmetric else work.between(stages, self.tol, f, g)
        claim = Claim(potentials=problem.marginals.centred(*work.everywhere()))
        return Solution(claim, Status.CONVERGED if done else Status.MAX_ITER, work.count, "Sinkhorn")


def _largest_cost(problem: Problem) -> float:
    """The largest cost, of a problem that an entropic solver can solve."""
    if not problem.epsilon or problem.bottleneck:
        raise InvalidInput(
            f"solver='sinkhorn' needs epsilon > 0 and finite p; received {problem!r}; use otgen.wasserstein"
        )
    if problem.relaxed and problem.cost.forbids:
        _servable(problem)
    largest = max(map(abs, problem.cost.range()))
    if problem.epsilon < 1e-12 * largest:
        raise InvalidInput(
            f"epsilon must be at least 1e-12 of the largest cost: below, rounding decides; received "
            f"{problem.epsilon / largest:.1e} of it; use otgen.wasserstein or otgen.transport"
        )
    return largest or problem.epsilon


def _servable(problem: Problem) -> None:
    """Raise where a point has mass and no allowed pair: its potential would be infinite."""
    a, b = problem.masses
    for weights, cost, side in ((a, problem.cost, "rows"), (b, problem.cost.T, "columns")):
        lost = np.isinf(cost.ctransform(np.zeros(cost.shape[1]))[0]) & (weights > 0)
        if lost.any():
            raise InvalidInput(
                f"{side} with mass must have an allowed pair in relaxed transport; received {int(lost.sum())} without, the first "
                f"{int(lost.argmax())}; leave them out, each adds relax times its mass to the value"
            )


def stages_of(schedule: Schedule, last: float, largest: float) -> list[float]:
    """What a schedule says, checked: it may be the caller's own."""
    stages = schedule.epsilons(last, largest)
    try:
        numbers = [float(epsilon) for epsilon in stages]
    except (TypeError, ValueError):
        numbers = []
    if not numbers or numbers[-1] != last or not all(last <= epsilon < math.inf for epsilon in numbers):
        raise InvalidInput(
            f"schedule.epsilons must give finite numbers of at least the epsilon asked for, which comes last; received {stages!r} "
            f"for {last!r}"
        )
    return numbers


class _Work:
    """A solve in progress: the part of the problem that has mass, with points that coincide as one, in kd order, and its potentials.

    ``rows`` and ``columns`` of the whole problem have mass, and lie at ``sources`` and ``targets``. A plan between places is shared out in
    proportion, which leaves its divergence from the product as it is.
    """

    def __init__(self, problem: Problem, progress: Progress, limit: int) -> None:
        self.problem, self.progress, self.limit, self.count = problem, progress, limit, 0
        a, b = problem.masses
        self.rows, self.columns = np.flatnonzero(a), np.flatnonzero(b)
        cost = problem.cost.restricted(self.rows, self.columns)
        self.sources, self.targets = multiscale.in_order(cost)
        self.cost = cost.restricted(self.sources.first, self.targets.first)
        self.a, self.b = self.sources.sums(a[self.rows]), self.targets.sums(b[self.columns])
        self.f, self.g = np.zeros(len(self.a)), np.zeros(len(self.b))

    def between(self, stages: Sequence[float], tol: float, f: Floats | None, g: Floats | None) -> bool:
        """From level to level and from epsilon to epsilon; False if the limit came first."""
        levels = _levels(self.cost, self.a, self.b)
        at = _level(levels, stages[0]) if f is None else 0
        level = levels[at]
        goal = Marginals(level.a, level.b, self.problem.relax)
        iteration = Iteration(goal, np.zeros(len(level.a)), np.zeros(len(level.b)))
        if f is not None and g is not None:
            iteration.f, iteration.g = f[self.rows[self.sources.first]], g[self.columns[self.targets.first]]
        done = False
        for k, epsilon in enumerate(stages):
            last = k == len(stages) - 1
            wanted = 0 if last else _level(levels, epsilon)
            while at > wanted:
                at -= 1
                iteration = _refined(iteration, levels[at + 1], levels[at], epsilon)
            done = self._at(iteration, levels[at].cost, epsilon, tol if last else max(ROUGH, tol), self.limit)
        self.count = iteration.count
        if not done:
            if at or iteration.epsilon != self.problem.epsilon:
                iteration = _refined(iteration, levels[at], levels[0], self.problem.epsilon)
            iteration.settle(self.cost, self.problem.epsilon)
        self.f, self.g = iteration.f, iteration.g
        return done

    def symmetric(self, tol: float, f: Floats | None) -> bool:
        """One measure against itself: f = g, which converges in a few iterations at any epsilon, from any start."""
        start = np.zeros(len(self.a)) if f is None else f[self.rows[self.sources.first]]
        own = SymmetricIteration(Marginals(self.a, self.a, self.problem.relax), start)
        done = self._at(own, self.cost, self.problem.epsilon, tol, self.limit)
        self.count, self.f, self.g = own.count, own.f, own.f.copy()
        if not done:
            last = Iteration(Marginals(self.a, self.b, self.problem.relax), self.f, self.g)
            last.settle(self.cost, self.problem.epsilon)
            self.g = last.g
        return done

    def _at(
        self, iteration: Iteration | SymmetricIteration, cost: Cost, epsilon: float, tol: float, limit: int
    ) -> bool:
        """One epsilon: in single precision as far as that goes, then in double."""
        rounding = 2.0**-24 * max(map(abs, cost.range())) / epsilon
        large = math.prod(cost.shape) > _SMALL
        if isinstance(cost, PointCost) and large and _NOISE * rounding < _SINGLE and cost.fits_single:
            enough = max(tol, 30 * _NOISE * rounding)
            done = iteration.run(cost.astype(np.float32), epsilon, enough, limit, self.progress)
            if done and enough == tol and epsilon != self.problem.epsilon:  # on the way nothing is promised
                return True
        return iteration.run(cost, epsilon, tol, limit, self.progress)

    def everywhere(self) -> tuple[Floats, Floats]:
        """Potentials of the whole problem: of points without mass, what a soft minimum gives; 0 where nothing is served."""
        n, m = self.problem.shape
        f, g = np.full(n, np.nan), np.full(m, np.nan)
        f[self.rows], g[self.columns] = self.f[self.sources.of], self.g[self.targets.of]
        epsilon, cost = self.problem.epsilon, self.problem.cost
        damping = Marginals(self.a, self.b, self.problem.relax).damping(epsilon)
        for side, other, weights, kept, matrix, factor in (
            (f, self.g, self.b, self.columns[self.targets.first], cost, damping[0]),
            (g, self.f, self.a, self.rows[self.sources.first], cost.T, damping[1]),
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


def _levels(cost: Cost, a: Floats, b: Floats) -> list[_Level]:
    """The problem and, between points, its coarser versions; finest first; clouds in kd order."""
    levels = [_Level(cost, a, b, 0.0)]
    while isinstance(cost, PointCost) and cost.entry.by_differences and min(cost.shape) > _COARSEST:
        (x, a_merged), (y, b_merged) = multiscale.merged(cost.x, a), multiscale.merged(cost.y, b)
        displacement = levels[-1].displacement + max(_moved(cost, cost.x, x, a), _moved(cost, cost.y, y, b))
        cost, a, b = cost.between(x, y), a_merged, b_merged
        levels.append(_Level(cost, a, b, displacement))
    return levels


def _moved(cost: PointCost, points: Floats, merged: Floats, masses: Floats) -> float:
    """The mean cost of moving points to where they are merged."""
    rows = np.arange(len(points))
    return float(masses / masses.sum() @ cost.between(points, merged).pairs(rows, rows // multiscale.LEAF))


def _level(levels: list[_Level], epsilon: float) -> int:
    """The coarsest level that is fine enough for an epsilon."""
    return max(k for k, level in enumerate(levels) if level.displacement <= _MERGING * epsilon)


def _refined(iteration: Iteration, level: _Level, finer: _Level, epsilon: float) -> Iteration:
    """The iteration one level finer, from soft minima over the coarser points."""
    if level is finer:
        to, back = level.cost, level.cost.T
    else:
        assert isinstance(level.cost, PointCost)
        assert isinstance(finer.cost, PointCost)
        to = level.cost.between(finer.cost.x, level.cost.y)
        back = level.cost.between(finer.cost.y, level.cost.x)
    relax = iteration.marginals.relax
    one, other = iteration.marginals.damping(epsilon)
    f = one * to.softmin(iteration.g + epsilon * np.log(level.b), epsilon)
    g = other * back.softmin(iteration.f + epsilon * np.log(level.a), epsilon)
    out = Iteration(Marginals(finer.a, finer.b, relax), f, g)
    out.count = iteration.count
    return out
