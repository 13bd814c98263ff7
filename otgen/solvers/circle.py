"""The circle: two measures in order, shifted against each other until the cost grows no less either way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput
from ..inputs.types import Floats, Indices
from ..kernels import circle, monotone
from ..kernels.sorting import argsort
from ..kernels.whole_masses import whole_masses
from ..model.claim import Claim, Flows
from ..model.measure import Measure
from ..model.problem import Problem
from ..model.status import Status
from .base import Progress, Solution, checked_call, refuse_start, silent

_FREE = 4  # times what all points span: a period as long as that leads nobody round
_UNSURE = 1e-9  # of the period: more than plain sums of lengths err by


@dataclass(frozen=True)
class Circle:
    """Optimal transport on a circle for the distance along it to any power p in [1, inf), in O((n + m) log (n + m)).

    The best coupling is monotone on the line that covers the circle, up to a shift by some amount of mass, in which its cost is convex. At p = 1 that
    amount is a median of the difference of both cumulative masses; else it is found by bisection on the sign of the derivative, some sixty
    passes over the points. The claim is that coupling, and potentials that are tight along it, at a shift where the derivative changes its sign.

    References
    ----------
    M. Werman, S. Peleg, R. Melter and T. Y. Kong, "Bipartite graph matching for points on a line or a circle", Journal of Algorithms 7 (1986).
    C. A. Cabrelli and U. M. Molter, "The Kantorovich metric for probability measures on the circle", J. Comput. Appl. Math. 57 (1995): p = 1.
    J. Delon, J. Salomon and A. Sobolevskii, "Fast transport optimization for Monge costs on the circle", SIAM J. Appl. Math. 70 (2010): p > 1.

    Examples
    --------
    >>> import otgen
    >>> hours = otgen.Circular(24)
    >>> otgen.wasserstein([22, 23, 0], [23, 0, 1], p=1, metric=hours, solver=otgen.solvers.Circle()).value
    1.0
    """

    def solve(self, problem: Problem, progress: Progress = silent, init: Claim | None = None) -> Solution:
        """Find the level and what it pairs; raises `InvalidInput` off the circle, for p = inf or with an entropic term."""
        checked_call(problem, progress, init)
        if not problem.on_circle or problem.epsilon or problem.bottleneck:
            raise InvalidInput(
                f"solver='circle' must get points with one coordinate under otgen.Circular(period), a finite p and no epsilon; received {problem!r}; "
                f"use solver='auto'"
            )
        refuse_start(init, "Circle")
        if 1 in problem.shape:
            return Solution(Claim(), Status.OPTIMAL, 0, "Circle")  # there is one plan
        progress("sorting")
        sides = _Sides.of(problem)
        level, passes = _median(sides.kept) if problem.p == 1 else _bisection(sides.kept, progress)
        i, j = _meeting(sides.kept, level)
        f, g = circle.potentials(sides.kept, level, i + 1, j + 1)
        claim = Claim(sides.flows(i + 1, j + 1), sides.everywhere(f, g))
        return Solution(claim, Status.OPTIMAL, passes, "Circle")


@dataclass(frozen=True, eq=False)
class _Sides:
    """Both clouds in order, and those of their points that have mass in whole numbers: ``rows`` and ``columns`` of the orders."""

    problem: Problem
    orders: tuple[Indices, Indices]
    rows: Indices
    columns: Indices
    kept: circle.Circle

    @classmethod
    def of(cls, problem: Problem) -> _Sides:
        """Sorted once."""
        clouds, entry, period = problem.cost.clouds, problem.cost.entry, problem.cost.period
        assert entry is not None
        assert period is not None
        x, y = (entry.prepared(z)[:, 0] for z in (clouds.x, clouds.y))
        reach = float(max(x.max(), y.max()) - min(x.min(), y.min()))
        period = min(period, _FREE * reach) if reach else 1.0  # where nobody goes round, a longer one changes no cost
        one, other = argsort(x), argsort(y)
        supply, demand = whole_masses(problem.source.weights[one], problem.target.weights[other])
        rows, columns = np.flatnonzero(supply), np.flatnonzero(demand)
        supply, demand = supply[rows], demand[columns]
        common = np.gcd(np.gcd.reduce(supply), np.gcd.reduce(demand))
        before_x, before_y = (np.cumsum(side // common) for side in (supply, demand))
        kept = circle.Circle(x[one][rows], y[other][columns], before_x, before_y, period, float(problem.p))
        return cls(problem, (one, other), rows, columns, kept)

    def flows(self, i: int, j: int) -> Flows:
        """The monotone coupling of all points, from those on that follow a meeting: source i and target j of those with whole mass."""
        one = _turned(self.orders[0], self.rows, i)
        other = _turned(self.orders[1], self.columns, j)
        source, target = self.problem.source, self.problem.target
        both = monotone.masses(_weights(source, one), _weights(target, other), *self.problem.shape)
        if both.lightest > 4 * both.tie:
            steps = monotone.steps(both)
            return Flows(one[steps.rows], other[steps.columns], steps.high / both.total, steps.low / both.total)
        exact = monotone.exact_steps(both.a, both.b)  # pairs of doubles lose the lightest points
        return Flows(one[exact.rows], other[exact.columns], exact.shares, exact.rests)

    def everywhere(self, f: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Potentials of all points: those without mass in whole numbers get what the others leave room for."""
        (n, m), (one, other) = self.problem.shape, self.orders
        rows, columns = one[self.rows], other[self.columns]
        whole_f, whole_g = np.empty(n), np.empty(m)
        whole_f[rows], whole_g[columns] = f, g
        cost = self.problem.cost
        light, faint = np.delete(one, self.rows), np.delete(other, self.columns)
        if len(light):
            whole_f[light] = cost.restricted(light, columns).ctransform(g)[0]
        if len(faint):
            whole_g[faint] = cost.restricted(rows, faint).column_minima(f)
        return whole_f, whole_g


def _turned(order: Indices, kept: Indices, first: int) -> Indices:
    """An order that begins right after the kept point before ``first``, once round."""
    start = kept[(first - 1) % len(kept)] + 1
    return np.concatenate([order[start:], order[:start]])


def _weights(side: Measure, order: Indices) -> Floats | None:
    """Weights in order; None where they are equal."""
    return None if side.uniform else side.weights[order]


def _bisection(sides: circle.Circle, progress: Progress) -> tuple[int, int]:
    """The least level from which on the cost does not fall, in whole units of mass, and the passes that it took."""
    total = int(sides.before_x[-1])
    low, high, passes = -total, total, 0
    while low < high:
        progress(f"shift known to within {(high - low) / total:.1e} of the mass")
        middle = (low + high) // 2
        if circle.slope(sides, middle) >= 0:
            high = middle
        else:
            low = middle + 1
        passes += 1
    return high, passes


def _median(sides: circle.Circle) -> tuple[int, int]:
    """The same at p = 1, where the cost is the integral of ``|F - G - level|``: a median of F - G, weighted by the lengths between points."""
    points = np.concatenate([sides.x, sides.y])
    order = argsort(points)
    steps = np.concatenate([np.diff(sides.before_x, prepend=0), -np.diff(sides.before_y, prepend=0)])[order]
    points, levels = points[order], np.cumsum(steps)
    lengths = np.diff(points, append=points[0] + sides.period)
    ascending = np.argsort(levels, kind="stable")
    levels, reached = levels[ascending], np.cumsum(lengths[ascending])
    about = np.searchsorted(reached, sides.period * np.array([0.5 - _UNSURE, 0.5 + _UNSURE])).clip(max=len(levels) - 1)
    near = np.unique(levels[about[0] : about[1] + 1])  # plain sums cannot tell these apart
    low, high = 0, len(near) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if circle.slope(sides, near[middle]) >= 0 else (middle + 1, high)
    return int(near[high]), 1


def _meeting(sides: circle.Circle, level: int) -> tuple[int, int]:
    """A source i and a target j of the covering line, numbered from 0, whose cumulative masses meet at a level."""
    total = sides.before_x[-1]
    turn, rest = np.divmod(sides.before_y + (level - 1), total)
    at = np.searchsorted(sides.before_x, rest + 1)
    j = int((sides.before_x[at] == rest + 1).argmax())
    return int(turn[j] * len(sides.x) + at[j]), j
