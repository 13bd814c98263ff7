"""Small partial problems between plain arrays, points or costs: listed with their dummies, solved and proven in compiled code, everything else when it is asked for.

The problem is that of :mod:`otgen.model.partial`; what is not plain, far from 1 or proven too widely goes the long way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..inputs.types import Floats
from ..kernels import dense_simplex, dense_stack
from ..kernels.double_double import UNIT, total, total_pair
from ..kernels.ground_cost import own
from ..model.claim import Claim, Flows
from ..model.partial import Partial
from ..model.plan import SparsePlan
from ..model.status import Status
from ..model.units import Units
from ..proofs import Certificate, above, below, usual_cost
from .answer import Answer
from .forwarded import Forwarded
from .makers import Makers
from .partial_answer import MISSED, PartialAnswer, masses_of
from .result import Result
from .small import is_cloud, is_plain, is_small, known_anywhere, plain_weights
from .small_stack import Stack, Terms

_FLOAT64 = np.dtype(np.float64)
_MODERATE = 2.0**100  # prices and masses above, and masses below its inverse, are not for here
_FAR = 16  # times what the other side can take: of points with more a part is left out, the long way
_NARROW = 1e-10  # of the cost
_CHARGED = (
    1e-12  # of the cost: where rounding masses may cost more, the long way tells what it costs, and whether it is 0
)
_LEAST = np.array([[0.0, 2.0**-1073]])  # prices are rounded by nothing
_TERMS = Terms(1.0, False, True, (True, True))

Prices = Callable[[tuple[int, int]], tuple[tuple[Floats, Floats], float | None]]


def wasserstein(
    x: Any, y: Any, a: Any, b: Any, *, p: Any, metric: Any, prices: Prices, pose: Callable[..., Partial]
) -> Result | None:
    """What :func:`otgen.partial_wasserstein` returns of a small problem; None of any other.

    ``prices`` reads penalties and the amount, of the shape of the problem; ``pose`` poses it the long way, with dummies of masses that are given.
    """
    began = time.perf_counter()
    if not (is_cloud(x) and is_cloud(y) and is_small(len(x), len(y)) and dense_simplex.fits(len(x) + 1, len(y) + 1)):
        return None
    if not (plain_weights(a, len(x)) and plain_weights(b, len(y))):
        return None
    x, y = (own(z.reshape(len(z), -1), _FLOAT64) for z in (x, y))
    cost = known_anywhere(metric, p, x.shape[1]) if x.shape[1] == y.shape[1] else None
    if cost is None:
        return None
    n, m = len(x), len(y)
    sides = _weights_beside(a, b, n), _weights_beside(b, a, m)
    listed, reach = dense_stack.listed(x, y, *sides, cost.form, dense_stack.single(n, m))
    if not (reach[0] > 0 and dense_stack.is_plain(float(reach[0]), float(p))):
        return None
    asked = _Asked(prices, (a is None, b is None), float(p), True, pose)
    return asked.result(listed.reshape(n, m), sides, cost.rounding, began)


def transport(C: Any, a: Any, b: Any, *, prices: Prices, pose: Callable[..., Partial]) -> Result | None:
    """What :func:`otgen.transport` returns of a small plain matrix of costs of at least 0 with penalties or a mass; None of any other problem."""
    began = time.perf_counter()
    if not (is_plain(C, 2) and is_small(*C.shape) and dense_simplex.fits(C.shape[0] + 1, C.shape[1] + 1)):
        return None
    n, m = C.shape
    if not (plain_weights(a, n) and plain_weights(b, m)):
        return None
    costs, sides = own(C, _FLOAT64), (_weights_beside(a, b, n), _weights_beside(b, a, m))
    reach = float(dense_stack.sizes(costs.ravel(), *sides, dense_stack.single(n, m))[0])
    if not (reach > 0 and dense_stack.is_plain(reach, 1.0) and costs.min() >= 0):
        return None
    return _Asked(prices, (a is None, b is None), 1.0, False, pose).result(costs, sides, _LEAST, began)


def _weights_beside(mine: Any, other: Any, size: int) -> Floats:
    """Weights that were given, or equal ones of the total of the other side."""
    if mine is not None:
        return own(mine, _FLOAT64)
    return np.full(size, (1.0 if other is None else total_pair(other)[0]) / size)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is asked of listed costs: how prices are read, which weights were not given, the order p, whether values are p-th roots, of points."""

    prices: Prices
    uniform: tuple[bool, bool]
    p: float
    root: bool
    pose: Callable[..., Partial]

    def result(self, costs: Floats, sides: tuple[Floats, Floats], rounding: Floats, began: float) -> Result | None:
        """Of costs (n, m) that are off by ``relative |c| + absolute``, both in ``rounding`` (1, 2); None for what is not for here."""
        n, m = costs.shape
        held, amount = self.prices((n, m))
        made = _Padded.of(costs, sides, held, amount, self.uniform)
        if made is None:
            return None
        where, rounding = dense_stack.single(n + 1, m + 1), np.maximum(rounding, _LEAST)
        stack = Stack.of_listed(made.costs.ravel(), *made.weights, rounding, where, _TERMS)
        return _Solved(self, made, stack, amount).result(began)


@dataclass(frozen=True, eq=False)
class _Padded:
    """Costs (n + 1, m + 1), weights (n + 1,), (m + 1,), what the dummies carry, what either side does, and what share of that was rounded off."""

    costs: Floats
    weights: tuple[Floats, Floats]
    spare: tuple[Fraction, Fraction]
    mass: float
    rounded: float

    @classmethod
    def of(
        cls,
        costs: Floats,
        sides: tuple[Floats, Floats],
        prices: tuple[Floats, Floats],
        amount: float | None,
        uniform: tuple[bool, bool],
    ) -> _Padded | None:
        """As :class:`otgen.model.partial.Partial` has it; None for what is not for here."""
        pairs = [total_pair(z) for z in sides]
        take = [high if amount is None else amount for high, _ in pairs[::-1]]
        moderate = all(1 / _MODERATE < z < _MODERATE for z in (pairs[0][0], pairs[1][0], *take))
        if not moderate or any(float(z.max()) > _FAR * most for z, most in zip(sides, take, strict=True)):
            return None
        highest = max(float(side.max()) for side in prices)
        totals = [Fraction(high) + Fraction(low) for high, low in pairs]
        dearest = float(costs.max()) * (1 + 1e-9)
        if not highest < _MODERATE or (amount is not None and Fraction(amount) > min(totals)):
            return None
        moves_all = float(prices[0].min()) + float(prices[1].min()) >= dearest
        if amount is None and not moves_all:
            spare = totals[1], totals[0]
        else:
            moved = min(*totals, *(() if amount is None else (Fraction(amount),)))
            spare = totals[1] - moved, totals[0] - moved
        if not any(spare):
            return None
        dummies = [float(z) for z in spare]
        ends = [whole + Fraction(dummy) for whole, dummy in zip(totals, dummies, strict=True)]
        missed = abs(ends[0] - ends[1]) + sum(abs(Fraction(z) - true) for z, true in zip(dummies, spare, strict=True))
        missed += Fraction(UNIT) * sum(end for end, alike in zip(ends, uniform, strict=True) if alike)
        n, m = costs.shape
        out = np.empty((n + 1, m + 1))
        out[:n, :m], out[:n, m], out[n, :m] = costs, *prices
        out[n, m] = 0.0 if amount is None else 2 * (float(prices[0].max() + prices[1].max()) + dearest)
        weights = np.append(sides[0], dummies[0]), np.append(sides[1], dummies[1])
        return cls(out, weights, spare, float(max(ends)), float(missed / max(ends)))


@dataclass(frozen=True, eq=False)
class _Solved(Forwarded):
    """A padded problem, solved and proven."""

    asked: _Asked
    made: _Padded
    stack: Stack
    amount: float | None

    def result(self, began: float) -> Result | None:
        """The result; None where it ended oddly, or is not proven as narrowly as is promised."""
        cost, lower, upper = self.interval
        missed = 0.0 if self.amount is None else abs(self._moved - self.amount)
        if self.stack.ends[0, 0] != dense_simplex.SOLVED or not np.isfinite(cost):
            return None
        moved = self._moved if self.amount is None else self.amount
        if missed > MISSED * moved or self._margin > _CHARGED * cost or cost == 0 < upper:
            return None
        narrow = upper - lower <= _NARROW * cost
        if not narrow and self.answer.answer.status(Status.OPTIMAL, 0.0) is not Status.OPTIMAL:
            return None
        back, triple = self._units, tuple(zip(self.interval, (0, -1, 1), strict=True))
        return Result(
            *(back.value(number, outward) for number, outward in triple),
            *(back.cost(number, outward) for number, outward in triple),
            status=Status.OPTIMAL,
            certificate="dual",
            solver="Simplex",
            iterations=int(self.stack.ends[0, 1]),
            marginal_error=float(self.stack.numbers[0, 4]),
            mass=moved,
            seconds=time.perf_counter() - began,
            p=self.asked.p,
            of_samples=self.asked.root,
            makers=Makers(
                plan=self.plan,
                potentials=self.potentials,
                gradients=self.gradients,
                proof=self.save_proof,
                plot=self.plot if moved > 0 else None,
                unmatched=self.unmatched,
            ),
        )

    def unmatched(self) -> tuple[Any, Any]:
        """What stays."""
        return self.answer.unmatched()

    def save_proof(self, path: Any, *, embed: bool = True) -> None:
        """Write a proof file of the balanced problem."""
        self.answer.answer.save_proof(path, embed=embed)

    @cached_property
    def interval(self) -> tuple[float, float, float]:
        """Cost and bounds for a mass of 1, with what rounding the masses may cost, as :mod:`.partial` has it."""
        cost, lower, upper = self.stack.numbers[0, :3].tolist()
        return cost, max(below(lower, self._margin), 0.0), above(upper, self._margin)

    @property
    def _margin(self) -> float:
        """What rounding the masses may cost."""
        return 2.02 * self.made.rounded * float(self.made.costs.max()) * (1 + 1e-9)

    @property
    def _units(self) -> Units:
        return Units(0, self.asked.p, mass=self.made.mass, root=self.asked.root)

    @property
    def _plan(self) -> SparsePlan:
        n, m = self.made.costs.shape
        rows, columns, high, low = self.stack.claims.plan()
        return SparsePlan(rows, columns, high, (n, m), low)

    @cached_property
    def _moved(self) -> float:
        plan, (n, m) = self._plan, self.made.costs.shape
        return total(masses_of(plan, self.made.mass)[(plan.rows < n - 1) & (plan.columns < m - 1)])

    @property
    def answer(self) -> PartialAnswer:
        """What was asked, posed the long way, with the plan and the potentials that were found."""
        return self._answer

    @cached_property
    def _answer(self) -> PartialAnswer:
        partial, claims = self.asked.pose(spare=self.made.spare), self.stack.claims
        problem, (cost, lower, upper) = partial.posed.problem, self.interval
        scale, error = self.stack.numbers[0, 3:5].tolist()
        if self.made.rounded:  # as in :mod:`.partial`
            scale = max(scale, usual_cost(problem) or 0.0)
        certificate = Certificate("dual", cost, lower, upper, scale, error, self._plan, (claims.f, claims.g))
        claim = Claim(Flows(*claims.plan()), (claims.f, claims.g))
        return PartialAnswer(partial, Answer(problem, problem, certificate, self._units, claim))
