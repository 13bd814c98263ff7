"""From the balanced problem with dummies back to the one that was asked: what moves, what stays, and what either is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import total, two_product
from ..model.partial import Partial
from ..model.plan import Plan, SparsePlan
from ..model.status import Status
from ..model.units import PowerOfTwo, powered, stretched
from .answer import Answer
from .drawing import draw
from .gradients import Gradients, point_gradients
from .result import Result

_NO_PLACES = np.empty(0, np.int64)
MISSED = 1e-9  # of the amount: what a plan may move beside it


class Split(NamedTuple):
    """A plan between the real points, of total 1, the mass that it moves, what stays (n,), (m,), and by how much it missed an amount."""

    plan: Plan
    mass: float
    unmatched: tuple[Floats, Floats]
    missed: float = 0.0


class Worth(NamedTuple):
    """Derivatives of the least cost in the masses (n,), (m,), and in the amount that is to be moved."""

    f: Floats
    g: Floats
    amount: float


@dataclass(frozen=True, eq=False)
class PartialAnswer:
    """What was asked, and the answer to the balanced problem that it became."""

    partial: Partial
    answer: Answer

    def result(self, found: Result) -> Result:
        """The result of the balanced problem as one of what was asked."""
        if found.makers.plan is None:
            moved = math.nan if self.partial.amount is None else self.partial.amount
            moved = 0.0 if found.status is Status.INFEASIBLE else moved
            return replace(found, mass=moved, makers=found.makers._replace(potentials=None, null=None))
        split, status = self.split, found.status
        if status is Status.OPTIMAL and split.missed > MISSED * split.mass:
            status = Status.IMPRECISE  # beside the heavier side the amount is lost in rounding
        return replace(
            found,
            status=status,
            mass=split.mass,
            makers=found.makers._replace(
                plan=self.plan,
                potentials=self.potentials,
                gradients=self.gradients,
                plot=self.plot if split.mass > 0 else None,
                null=None,
                unmatched=self.unmatched,
            ),
        )

    @property
    def _with_dummies(self) -> bool:
        return self.answer.problem is not self.partial.problem

    @cached_property
    def split(self) -> Split:
        """The plan with the dummies, parted."""
        n, m = self.partial.problem.shape
        if self.partial.amount == 0:
            one, other = self.partial.weights
            return Split(SparsePlan(_NO_PLACES, _NO_PLACES, np.empty(0), (n, m)), 0.0, (one.copy(), other.copy()))
        whole, mass = self.answer.plan(), self.partial.posed.mass
        if not self._with_dummies:
            return Split(whole, mass, (np.zeros(n), np.zeros(m)))
        assert isinstance(whole, SparsePlan)
        masses, rows, columns = masses_of(whole, mass), whole.rows, whole.columns
        real, kept, missed = (rows < n) & (columns < m), (rows < n) & (columns == m), (rows == n) & (columns < m)
        placed = total(masses[real])
        moved = placed if self.partial.amount is None else self.partial.amount
        # rounding of the heavier side may place more than was asked for; a plan weighs 1 at most
        plan = SparsePlan(rows[real], columns[real], masses[real] / (max(moved, placed) or 1.0), (n, m))
        unmatched = np.bincount(rows[kept], masses[kept], n), np.bincount(columns[missed], masses[missed], m)
        if self.partial.left_out is not None:
            unmatched = unmatched[0] + self.partial.left_out[0], unmatched[1] + self.partial.left_out[1]
        missed_by = abs(placed - moved)
        return Split(plan, moved, (unmatched[0].astype(np.float64), unmatched[1].astype(np.float64)), missed_by)

    def plan(self) -> Plan:
        """The plan between the real points."""
        return self.split.plan

    def unmatched(self) -> tuple[Any, Any]:
        """What stays, in the caller's library."""
        one, other = self.split.unmatched
        return self.answer.back(one), self.answer.back(other)

    def plot(self, title: str, ax: Any = None) -> Any:
        """Draw the plan between the real points."""
        return draw(self.partial.problem, self.plan(), title, ax)

    def potentials(self) -> tuple[Any, Any]:
        """Derivatives of the cost in the masses, in the caller's library."""
        return self.answer.back(self._worth.f), self.answer.back(self._worth.g)

    @cached_property
    def _worth(self) -> Worth:
        """Of potentials f, g and those of the dummies f0, g0: ``f + g0``, ``g + f0`` and ``-(f0 + g0)``.

        The dual value is ``a.f + b.g + (B - M) f0 + (A - M) g0``, with 0 for M where prices decide; sources see the price of staying from
        ``f_i + g0 <= lambda_i``. Without dummies theirs are the largest that these constraints leave room for.
        """
        if self.partial.amount == 0:
            return self._worth_of_the_first_unit
        (f, g), power = self.answer.scaled_potentials()
        if self._with_dummies:  # sums before units, in which either part may be beyond all floats
            parts = f[:-1] + g[-1], g[:-1] + f[-1], -(f[-1] + g[-1])
            of_sources, of_targets, amount = (self.answer.units.potentials(z, power) for z in parts)
            return Worth(of_sources, of_targets, float(amount))
        units = self.answer.units  # sums before these, as above
        column, row = (stretched(units.potentials_in(side), -power) for side in self.partial.prices)
        dummies = _room(row, g), _room(column, f)
        if self.partial.amount is None:  # all moves, and the cost of a unit between the dummies is 0
            shift = next((z for z in (dummies[1], -dummies[0]) if math.isfinite(z)), 0.0)
            dummies = -shift, shift
        parts = f + dummies[1], g + dummies[0], -sum(dummies)
        of_sources, of_targets, amount = (units.potentials(z, power) for z in parts)
        return Worth(of_sources, of_targets, float(amount))

    @property
    def _worth_of_the_first_unit(self) -> Worth:
        """Where nothing moves: all stays at its price, and the first unit goes where it saves most."""
        prices, cost, units = self.partial.prices, self.answer.scaled.cost, self.answer.units
        column, row = (units.potentials_in(side) for side in prices)
        out_of_reach = -2.0 * sum(abs(float(end)) for end in cost.range())  # the dummy source is nearest to nothing
        savings = cost.column_minima(np.append(column, out_of_reach))[:-1] - row
        return Worth(*prices, float(units.potentials(savings.min())))

    def gradients(self, of: Literal["cost", "value"] = "cost") -> Gradients:
        """Derivatives of the cost, or of its root, in the points, the masses and the amount, with all prices held."""
        answer, worth = self.answer, self._worth
        factor = self._root_slope() if of == "value" and answer.units.root else 1.0
        f, g = (answer.back(_times(factor, z)) for z in (worth.f, worth.g))
        amount = None if self.partial.amount is None else float(_times(factor, worth.amount))
        cost = answer.scaled.cost
        if not cost.of_points:
            return Gradients(None, None, f, g, mass=amount)
        whole = self.plan()
        plan = whole if isinstance(whole, SparsePlan) else answer.pairs()
        with np.errstate(over="ignore"):  # a derivative beyond all floats is infinite
            pair = point_gradients(cost.clouds, plan)
            slopes = [answer.units.slopes(_times(factor, self.split.mass * z)) for z in pair]
        x, y = answer.of_points(slopes)
        return Gradients(x, y, f, g, mass=amount)

    def _root_slope(self) -> float:
        """The derivative of ``cost ** (1/p)`` in the cost; 0 where that is 0."""
        cost, p = self.answer.units.cost(self.answer.certificate.cost), self.answer.problem.p
        return powered(cost, 1 / p - 1) / p if cost > 0 else 0.0


def _times(factor: float, slopes: Any) -> Any:
    """Derivatives times a factor that may be beyond all floats, as they may be; of 0 it makes 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where((slopes == 0) | (factor == 0), 0.0, factor * slopes)


def _room(prices: Floats, potentials: Floats) -> float:
    """The least that potentials (n,) lie below prices."""
    return float(np.subtract(prices, potentials, out=prices.copy(), where=np.isfinite(prices)).min())


def masses_of(plan: SparsePlan, mass: float) -> Floats:
    """The flows of a plan of total 1 as masses (k,), rounded once."""
    unit = PowerOfTwo.above(mass)
    share = float(unit.divide(mass))
    high, rest = two_product(plan.values, share)
    low = rest if plan.low is None else rest + plan.low * share
    return unit.multiply(high + low)
