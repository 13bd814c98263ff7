"""How deals of a pool lie to the two sets that it was made of: nearer or not, decided by bounds, and solved where these leave it open."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.spatial import KDTree

from ..inputs import scalars
from ..inputs.types import Floats, Indices
from ..kernels import auction
from .chosen import DISTANCES, Chosen, statistic
from .pairs.running import outcomes
from .quadratic import QUADRATIC, Quadratic, quadratic
from .splits import Measured, Pool, measured

SETTLED, NEARER, OVERLAPS, FARTHER = range(4)  # how a deal lies to the two sets; the first without being solved
_SMALL = 2**13  # pairs of points up to which deals are measured in stacks
_STACKED, _FEW = 64, 8  # deals to a task: of those, and of larger ones
_WAVE = 8  # tasks between two looks at whether the test may stop
_SAFE = 1 + 1e-9  # more than what rounding takes from a mean of powers
_NEAR, _FEWEST = 200, 16  # how many near points of the pool are listed, and how few are too few
_HELD, _MANY = 2**21, 2**16  # how many are held in all, and of how many points
_PLANE = 3  # coordinates up to which few near points tell much
_STEEP = 8  # orders above which farther pairs count for everything
_FARTHEST = 1e3  # times the distance of the sets: how far points may lie from their mean, lest rounding be seen
_SHARE = 2.0**-11  # of the cost: an auction that has come so near leaves the rest to the solver
_LEAST = 1e-280  # lengths whose relative rounding is not that of ordinary floats


class Judge(Protocol):
    """What tells how deals lie to the two sets as they are."""

    @property
    def name(self) -> str:
        """What is measured."""
        ...

    @property
    def observed(self) -> Measured:
        """Between the two sets."""
        ...

    @property
    def together(self) -> int:
        """How many deals are to be judged at once."""
        ...

    def __call__(self, orders: Indices) -> Indices:
        """One of the four words above for each deal, (k,), of orders (k, N) of the pool."""
        ...


@dataclass(frozen=True, eq=False)
class _Transported:
    """By a distance between two sets."""

    name: str
    observed: Measured
    pool: Pool
    distance: Chosen
    together: int
    coarse: Coarse | None
    lists: NearLists | None

    def __call__(self, orders: Indices) -> Indices:
        """Bounded first where there is a coarse plan, then where there are lists of near points."""
        out = np.full(len(orders), SETTLED)
        left = np.arange(len(orders))
        if self.coarse is not None:
            left = np.flatnonzero([self.coarse.bound(order) >= self.observed.lower for order in orders])
        if self.lists is not None and len(left):
            out[left] = [self.lists.word(order, self.observed) for order in orders[left]]
            left = left[out[left] == OVERLAPS]
        for k, found in zip(left, self._measured(orders[left]), strict=True):
            out[k] = _word(found, self.observed)
        return out

    def _measured(self, orders: Indices) -> list[Measured]:
        batch, pool = self.distance.batch, self.pool
        dealt = [pool.dealt(order) for order in orders]
        some = [sides for sides in dealt if sides is not None]  # where one side is without weight nothing is apart
        if batch is None or self.together == _FEW or not some:
            return [Measured(0.0, 0.0, 0.0) if sides is None else measured(self.distance(*sides)) for sides in dealt]
        x, y, a, b = (None if side[0] is None else np.stack(side) for side in zip(*some, strict=True))
        numbers = batch(x, y, a, b, **self.distance.options)
        found = (Measured(*three) for three in zip(numbers.value, numbers.lower, numbers.upper))
        return [Measured(0.0, 0.0, 0.0) if sides is None else next(found) for sides in dealt]


@dataclass(frozen=True, eq=False)
class _Pooled:
    """By a kernel on the pooled points."""

    name: str
    observed: Measured
    pool: Pool
    distance: Quadratic
    together: int = _STACKED

    def __call__(self, orders: Indices) -> Indices:
        """All at once: the kernel is listed once for them."""
        found = self.distance(_signed(self.pool, orders))
        return np.array([_word(one, self.observed) for one in found])


@dataclass(frozen=True, eq=False)
class Coarse:
    """A plan that is made without solving: both sets are halved at their medians again and again, and halves go to halves.

    Its cost bounds the distance from above. For two sets of equally many points of equal weight.
    """

    points: Floats
    n: int
    p: float

    def bound(self, order: Indices) -> float:
        """An upper bound of the distance of a deal."""
        one, two = (_halved(self.points[side]) for side in (order[: self.n], order[self.n :]))
        steps = np.abs(one - two)
        longest = float(steps.max())
        if not _LEAST < longest < 1 / _LEAST:
            return math.inf
        lengths = np.sqrt(((steps / longest) ** 2).sum(axis=1))
        unit = float(lengths.max())
        return longest * unit * float(((lengths / unit) ** self.p).mean()) ** (1 / self.p) * _SAFE


@dataclass(frozen=True, eq=False)
class NearLists:
    """The near points of each point of the pool, listed once for all deals, with their costs: an auction within them bounds the distance from both sides.

    ``points`` (N, d) in the unit ``unit``, ``neighbours`` and ``costs`` (N, k) in that to the p. For two sets of equally many points of equal weight.
    """

    points: Floats
    neighbours: Indices
    costs: Floats
    n: int
    p: float
    unit: float

    @classmethod
    def of(cls, points: Floats, n: int, p: float, observed: Measured) -> NearLists | None:
        """Of points (N, d) under the Euclidean metric; None where lists would be too short, or costs far from 1."""
        size, unit = len(points), observed.value
        near = min(_NEAR, size - 1, _HELD // size)
        if near < _FEWEST or size > _MANY or not _LEAST < unit < 1 / _LEAST or p > _STEEP:
            return None
        points = (points - points.mean(axis=0)) / unit
        if not np.abs(points).max() < _FARTHEST:
            return None
        distances, neighbours = KDTree(points).query(points, near)
        return cls(points, np.asarray(neighbours, np.int64), distances**p, n, p, unit)

    def word(self, order: Indices, own: Measured) -> int:
        """How a deal lies to the two sets; OVERLAPS where bounds leave it open."""
        low, high = ((z / self.unit) ** self.p for z in (own.lower / _SAFE, own.upper * _SAFE))
        sides = order[: self.n], order[self.n :]
        lower, upper = auction.bounds(self.points, self.neighbours, self.costs, *sides, self.p, low, high, _SHARE)
        if upper < low:
            return SETTLED
        return FARTHER if lower > high else OVERLAPS


def _halved(points: Floats) -> Floats:
    """Points (n, d) in the order of halves of halves, along one coordinate after the other: of sets of one n the same places are halves."""
    n, d = points.shape
    places = np.arange(n)
    for depth in range(n.bit_length() - 1):
        cells = (places << depth) // n
        points = points[np.lexsort((points[:, depth % d], cells))]
    return points


def judge_of(
    distance: Any, options: dict[str, Any], pool: Pool, sides: tuple[Any, Any, Any, Any], generator: Any
) -> Judge:
    """What is measured, and how far apart the two sets are by it."""
    if isinstance(distance, str):
        scalars.one_of(distance, "distance", (*DISTANCES, *QUADRATIC))
    if isinstance(distance, str) and distance in QUADRATIC:
        kernel = quadratic(distance, pool, options)
        return _Pooled(distance, kernel(_signed(pool, np.arange(len(pool))[None]))[0], pool, kernel)
    measure = statistic(distance, options, generator)
    observed = measured(measure(*sides))  # first of all, since it checks the options
    pairs = pool.n * (len(pool) - pool.n)
    line = measure.name == "wasserstein" and (pool.points.ndim == 1 or pool.points.shape[1] == 1)
    together = _STACKED if (len(pool) if line else pairs) <= _SMALL else _FEW
    coarse = _coarse(measure, pool) if pairs > _SMALL else None
    lists = None
    if coarse is not None and coarse.points.shape[1] <= _PLANE:
        lists = NearLists.of(coarse.points, pool.n, coarse.p, observed)
    return _Transported(measure.told, observed, pool, measure, together, coarse, lists)


def _coarse(measure: Chosen, pool: Pool) -> Coarse | None:
    """A coarse plan, where the distance is one that it bounds."""
    p, metric = measure.options.get("p", 2), measure.options.get("metric", "euclidean")
    plain = measure.name == "wasserstein" and metric == "euclidean" and p < math.inf
    if not plain or pool.points.ndim == 1 or pool.weights is not None or 2 * pool.n != len(pool):
        return None
    points = pool.points.astype(np.float64)
    return Coarse(points, pool.n, float(p))


def _word(found: Measured, own: Measured) -> int:
    if found.upper < own.lower:
        return NEARER
    return FARTHER if found.lower > own.upper else OVERLAPS


def _signed(pool: Pool, orders: Indices) -> Floats:
    """Weights of the first sets less those of the second ones, (k, N), by the points of the pool."""
    weights = np.ones(len(pool)) if pool.weights is None else pool.weights
    out = np.zeros(orders.shape)
    for signed, order in zip(out, orders, strict=True):
        one, two = order[: pool.n], order[pool.n :]
        a, b = weights[one].sum(), weights[two].sum()
        if a > 0 and b > 0:
            signed[one], signed[two] = weights[one] / a, -weights[two] / b
    return out


def verdicts_of(
    judge: Judge, pool: Pool, count: int, generator: np.random.Generator, jobs: int | None, *, waves: bool
) -> Iterator[Indices]:
    """How ``count`` deals lie, some at a time in their order; with ``waves`` no more are begun than may be needed soon."""

    def tasks() -> Iterator[_Task]:
        for start in range(0, count, judge.together):
            some = min(judge.together, count - start)
            yield _Task(judge, np.array([generator.permutation(len(pool)) for _ in range(some)]))

    if not waves:
        yield from outcomes(tasks(), -(-count // judge.together), jobs, ordered=True)
        return
    made = tasks()
    while some := [task for _, task in zip(range(_WAVE), made)]:
        yield from list(outcomes(some, len(some), jobs, ordered=True))


@dataclass(frozen=True, eq=False)
class _Task:
    """Some deals that are to be judged."""

    judge: Judge
    orders: Indices

    def __call__(self) -> Indices:
        """How they lie."""
        return self.judge(self.orders)
