"""Partial transport as a balanced problem: one dummy point on either side takes what is not moved.

With prices ``lambda_i`` and ``mu_j`` for a unit that stays, over plans P >= 0 with ``P 1 <= a`` and ``P' 1 <= b`` of totals A and B,

    min  sum P_ij c_ij  +  sum_i lambda_i (a_i - (P 1)_i)  +  sum_j mu_j (b_j - (P' 1)_j),

perhaps only over those that move a mass M. What stays of a source goes to the dummy target at ``lambda_i``, what stays of a target comes
from the dummy source at ``mu_j``:

========================  ==============  ==============  ============================================================
what is asked             dummy source    dummy target    between the dummies
========================  ==============  ==============  ============================================================
a price                   B               A               0: what the dummies are left with is as much as was moved
a price above all costs   B - min(A, B)   A - min(A, B)   0; all of the lighter side moves, since no pair costs more
                                                          than leaving both of its ends
a mass M                  B - M           A - M           more than ``lambda_i + mu_j - c_ij`` anywhere, so that no mass
                                                          takes it: such a unit, and one moved from i to j, would do
                                                          better as i to the dummy and the dummy to j
========================  ==============  ==============  ============================================================

Where neither dummy has mass there is none, and the problem is the balanced one. An infinite price is met by a finite one where no pair is
forbidden: above all finite ones of its side by more than costs lie apart it is paid for nothing, since any other point of the side
would rather stay.

Of a point that has far more than all of the other side can take, T, only 2 T take part; the rest r_i stays, at ``lambda_i r_i``. Every plan moves T
of it at most, so that ``a_i -> a_i - r_i`` maps the plans of one problem to those of the other, one to one, and costs differ by
``lambda_i r_i``. In the smaller problem T at least stays of it as well, so that its potential is ``lambda_i`` there: the same potentials are
optimal for both. Without this the interval would be as wide as rounding leaves of the heavier side.

Where prices decide, a pair may count as twice ``max lambda + max mu`` where it costs more. A plan that moves t from i to j at more than
``lambda_i + mu_j`` is none of the best: t from i to the dummy, t from the dummy to j and t less between the dummies, which hold what is moved, cost
less. So the optimum is the same, far points cost no rounding of their own, and powers of their distances may be beyond all floats.

Where a mass or infinite prices decide, some plan Q of the balanced problem tells as much. Let none of its n + m entries cost more than q, and all
cost at least l <= 0. What an optimal plan P and Q differ by is a sum of simple cycles, which take turns between pairs of P and at most k = min(n, m)
of Q; a pair of P that costs more than ``l + k (q - l)`` and is none of Q is in one, and P with that cycle turned costs less. So nothing need count
as more than ``l + 2 k (q - l)``, prices and what lies between the dummies among it; but Q must have exactly the masses, which a plan in floats
says nothing of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs.types import Floats, Indices
from ..kernels.double_double import UNIT, total_pair
from .cost import Cost, PaddedCost
from .measure import Measure
from .problem import Problem
from .units import ONE, PowerOfTwo, stretched

_HUGE = 2.0**900  # weights above are divided by a power of two: their sum with a dummy's must be a float
_FAR = 16.0  # times what the other side can take: of a point with more, a part is left out
_BEYOND = 2.0**10  # times a cap: nearer listed costs are left as they are, in proof files too
_STRETCHED = 1e-9  # more than a power that is none of two is off by
_TINY = 2.0**-1000  # numbers below may have lost digits, or be 0
_ROUND = 1e-9  # of the lighter total: a mass that exceeds it by less is that total


class Rounded(NamedTuple):
    """What is rounded on one side: of each point this share of its mass, of the dummy this share of all."""

    points: float
    dummy: float


class Posed(NamedTuple):
    """The balanced problem, the mass of either of its sides, what share of that was rounded off somewhere, and where."""

    problem: Problem
    mass: float
    rounded: float
    sides: tuple[Rounded, Rounded] = (Rounded(0.0, 0.0), Rounded(0.0, 0.0))


class Held(NamedTuple):
    """The cost between the real points and the prices, in units in which nothing overflows; infinite prices as they are."""

    cost: Cost
    prices: tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class Partial:
    """What is to be transported in part.

    Parameters
    ----------
    problem : Problem
        The points or the matrix, and weights, of any totals.
    prices : (ndarray, ndarray)
        (n,) and (m,), in cost units, at least 0; inf where nothing may stay, only if no ``amount`` is given.
    amount : float, optional
        The mass to be moved; None where the prices decide.
    spare : (Fraction, Fraction), optional
        The masses of the dummy source and of the dummy target, where that has been decided.
    reach : float
        The longest distance, listed cost, or p-th root of a price, that some plan of exactly these masses needs; inf where none is known.

    Raises
    ------
    InvalidInput
        Where the amount is more than there is on either side, and where mass that must not stay is more than the other side can take.

    Examples
    --------
    >>> problem = Problem.from_matrix([[1.0, 5.0]], [2.0], [1.0, 2.0], normalize=True)
    >>> posed = Partial(problem, (np.full(1, 2.0), np.full(2, 2.0))).posed
    >>> posed.problem.shape, posed.mass
    ((2, 3), 5.0)
    """

    problem: Problem
    prices: tuple[Floats, Floats]
    amount: float | None = None
    spare: tuple[Fraction, Fraction] | None = None
    reach: float = math.inf

    @property
    def sides(self) -> tuple[Measure, Measure]:
        """Both measures as received."""
        return self.problem.source, self.problem.target

    @property
    def gains_nothing(self) -> bool:
        """Whether no pair costs less than 0, as no price does."""
        return self.problem.cost.of_points or float(self.problem.cost.range()[0]) >= 0

    @property
    def asks_nothing(self) -> bool:
        """Whether all may stay, at no price."""
        return self.amount is None and not any(bool(side.any()) for side in self.prices)

    @cached_property
    def weights(self) -> tuple[Floats, Floats]:
        """The masses (n,), (m,): uniform ones with the other side's total, where only that was given."""
        source, target = self.sides
        return _weights_beside(source, target), _weights_beside(target, source)

    @cached_property
    def totals(self) -> tuple[Fraction, Fraction]:
        """What either side carries in all."""
        source, target = self.sides
        one = target if source.weights_origin is None else source
        other = source if target.weights_origin is None else target
        return sum(map(Fraction, one.total), Fraction(0)), sum(map(Fraction, other.total), Fraction(0))

    @cached_property
    def left_out(self) -> tuple[Floats, Floats] | None:
        """What of each point stays whatever moves, and takes no part: (n,), (m,), rounded once; None where that is nothing."""
        parts = [np.where(z > most, z - most, 0.0) for z, most in zip(self.weights, self._most, strict=True)]
        return (parts[0], parts[1]) if any(bool(part.any()) for part in parts) else None

    @cached_property
    def _most(self) -> tuple[Floats, Floats]:
        """What of each point takes part at most: (n,), (m,)."""
        lighter = min(self.totals)
        take = [other if self.amount is None else min(Fraction(self.amount), lighter) for other in self.totals[::-1]]
        one, other = (
            np.where((z > _FAR * float(bound)) & (bound > 0), 2 * float(bound), z)
            for z, bound in zip(self.weights, take, strict=True)
        )
        return one, other

    @cached_property
    def _taking_part(self) -> tuple[tuple[Floats, Floats], tuple[Fraction, Fraction]]:
        """The masses (n,), (m,) without what is left out, and their totals."""
        if self.left_out is None:
            return self.weights, self.totals
        first, second = (sum(map(Fraction, total_pair(z)), Fraction(0)) for z in self._most)
        return self._most, (first, second)

    @cached_property
    def exact_weights(self) -> tuple[list[Fraction], list[Fraction]]:
        """The masses (n,), (m,) as rationals, equal ones where none were given."""
        one, other = (
            [total / len(z)] * len(z) if side.weights_origin is None else [Fraction(mass) for mass in z.tolist()]
            for side, z, total in zip(self.sides, self.weights, self.totals)
        )
        return one, other

    @property
    def exact_masses(self) -> tuple[list[Fraction], list[Fraction]] | None:
        """Those of the balanced problem, the dummies' last; None where equal ones were rounded because of a part that is left out."""
        masses = self.exact_weights
        if self.left_out is not None:
            if any(side.weights_origin is None for side in self.sides):
                return None
            masses = [[Fraction(mass) for mass in z.tolist()] for z in self._most]
        one, other = (
            [*side, more] for side, more in zip(masses, self._exact_dummies(*(sum(z, Fraction(0)) for z in masses)))
        )
        return one, other

    def _exact_dummies(self, one: Fraction, other: Fraction) -> tuple[Fraction, Fraction]:
        """Of totals of all digits, of which those that twofold precision keeps say which dummies there are."""
        (source, target), rounded = self.dummies, self._taking_part[1]
        if not (source and target):  # all of the lighter side moves
            return max(other - one, Fraction(0)), max(one - other, Fraction(0))
        return source + other - rounded[1], target + one - rounded[0]

    def within(self, rows: Indices, columns: Indices) -> Partial:
        """The same problem, where pairs (k,) of the balanced one, dummies last, carry exactly its masses: nothing need count as much more."""
        (n, m), cost = self.problem.shape, self.problem.cost
        lengths = cost.clouds.distances if cost.of_points else cost
        real = (rows < n) & (columns < m)
        stay, missed = (rows < n) & (columns == m), (rows == n) & (columns < m)
        prices = np.concatenate([self.prices[0][rows[stay]], self.prices[1][columns[missed]]])
        needed = np.concatenate([lengths.pairs(rows[real], columns[real]), prices ** (1 / self.problem.p)])
        between_dummies = self.amount is not None and len(needed) < len(rows)
        least = (
            0.0 if cost.of_points else max(0.0, -float(cost.range()[0]))
        )  # a unit, where none of these costs more than 0
        reach = math.inf if between_dummies else float(needed.max(initial=least))
        return replace(self, reach=reach, spare=self.dummies)

    @cached_property
    def posed(self) -> Posed:
        """The balanced problem."""
        self._refuse_too_much()
        spare = self.dummies
        if not any(spare):
            return Posed(self.problem, float(max(self.totals)), 0.0)
        (source, target), mass, rounded, where = self._with_dummies(spare)
        return Posed(Problem(source, target, self._priced_cost(), unit=self.problem.unit), mass, rounded, where)

    @property
    def dummies(self) -> tuple[Fraction, Fraction]:
        """The masses of the dummy source and of the dummy target."""
        if self.spare is not None:
            return self.spare
        one, other = self._taking_part[1]
        if self.amount is None and not self._moves_all:
            return other, one
        if self.amount is None and self.balances:
            return Fraction(0), Fraction(0)
        moved = min(one, other, *(() if self.amount is None else (Fraction(self.amount),)))
        return other - moved, one - moved

    @property
    def balances(self) -> bool:
        """Whether nothing of some side may stay that is as heavy as the other, or heavier by rounding: both totals count as one."""
        (one, other), none = self.totals, [bool(np.isinf(side).all()) for side in self.prices]
        return ((none[0] and one >= other) or (none[1] and other >= one) or all(none)) and self._same_totals

    @property
    def _same_totals(self) -> bool:
        """Whether totals differ by no more than the rounding of weights of their dtypes."""
        one, other = self.totals
        origins = [side.weights_origin for side in self.sides]
        tolerance = max((origin.tolerance() for origin in origins if origin is not None), default=0.0)
        return abs(one - other) <= Fraction(tolerance) * max(one, other)

    @property
    def _moves_all(self) -> bool:
        """Whether no pair costs more than leaving both of its ends, so that the lighter side moves as a whole."""
        if self.problem.cost.forbids:
            return all(bool(np.isinf(side).all()) for side in self.prices)
        cost = self.problem.cost
        if not cost.of_points:
            return sum(float(side.min()) for side in self.prices) * (1 - 8 * UNIT) >= float(cost.range()[1])
        held = cost.scaled()  # in no unit of prices, beside which costs may vanish
        power = -(held.scale / cost.scale).exponent * cost.p
        least = sum(float(stretched(side.min(), power)) for side in self.prices)
        return least * (1 - _STRETCHED) >= float(held.range()[1]) + _TINY

    @cached_property
    def _held(self) -> Held:
        cost = self.problem.cost
        if not cost.of_points:
            return Held(cost, self.prices)
        scaled = self._scaled
        column, row = (np.where(np.isinf(z), z, s) for z, s in zip(self.prices, (scaled.column, scaled.row)))
        return Held(scaled.inner, (column, row))

    @cached_property
    def _scaled(self) -> PaddedCost:
        """Of points, the cost with dummies of the finite prices in units of about its largest, or of what some plan needs."""
        column, row = (np.where(np.isinf(side), 0.0, side) for side in self.prices)
        clouds = self.problem.cost.clouds
        if not self._is_confined:
            return clouds.padded(column, row, 0.0, self._cap).scaled()
        padded = clouds.padded(column, row, 0.0)
        scales = clouds.entry is None or clouds.entry.scales
        by = PowerOfTwo.above(self.reach).within_reach(clouds.box.largest) if scales else ONE
        held = padded.divided(by)
        return replace(held, cap=self.turns * float((held.scale / padded.scale).divide(self.reach)) ** clouds.p)

    @property
    def _is_confined(self) -> bool:
        """Whether it is known what some plan needs, which is something."""
        return 0 < self.reach < math.inf

    @property
    def turns(self) -> float:
        """How many times what some plan needs at most a pair may cost that an optimal one uses, twice."""
        return 2.0 * (min(self.problem.shape) + 1)

    @property
    def _cap(self) -> float:
        """What pairs and prices need count as at most, in cost units."""
        if not self._is_confined:
            dearest = sum(float(side.max()) for side in self.prices)
            cap = 2 * dearest if self.amount is None and dearest > 0 else np.inf
            near = not self.problem.cost.of_points and float(self.problem.cost.highest) <= _BEYOND * cap
            return np.inf if near else cap
        if self.problem.cost.of_points:
            return self._scaled.cap
        low = min(float(self.problem.cost.range()[0]), 0.0)
        return low + self.turns * (self.reach - low)

    def _priced_cost(self) -> Cost:
        """The cost with its dummies."""
        cost, prices = self._held
        if self._is_confined:
            prices, corner = (np.minimum(prices[0], self._cap), np.minimum(prices[1], self._cap)), self._cap
        else:
            prices, corner = self._finite(cost, prices)
        corner = 0.0 if self.amount is None else corner
        if not cost.of_points:
            return cost.padded(*prices, corner, self._cap)
        return replace(self._scaled, column=prices[0], row=prices[1], corner=corner)

    def _finite(self, cost: Cost, prices: tuple[Floats, Floats]) -> tuple[tuple[Floats, Floats], float]:
        """Prices, finite ones where no pair is forbidden, and more than any detour costs."""
        low, high = map(float, cost.range())
        spread = max(high, 0.0) - min(low, 0.0)
        if not cost.forbids:
            prices = _met(prices[0], spread), _met(prices[1], spread)
        return prices, 2 * (sum(float(side.max()) for side in prices) + spread) or 1.0

    def _with_dummies(
        self, spare: tuple[Fraction, Fraction]
    ) -> tuple[tuple[Measure, Measure], float, float, tuple[Rounded, Rounded]]:
        """Both sides with their dummies, what each carries, what share of that was rounded off, and where."""
        dummies, (masses, totals) = (float(spare[0]), float(spare[1])), self._taking_part
        ends = [total + Fraction(dummy) for total, dummy in zip(totals, dummies)]
        missed = abs(ends[0] - ends[1]) + sum(abs(Fraction(held) - true) for held, true in zip(dummies, spare))
        missed += sum(Fraction(UNIT) * ends[0] for side in self.sides if side.weights_origin is None)
        mass = float(max(ends))
        by = PowerOfTwo.above(mass) if mass > _HUGE else ONE
        source, target = (
            _beside_dummy(side, by.divide(np.append(weights, dummy)))
            for side, weights, dummy in zip(self.sides, masses, dummies)
        )
        one, other = (
            _rounded(end, held, true, mass, uniform=side.weights_origin is None)
            for end, held, true, side in zip(ends, dummies, spare, self.sides)
        )
        return (source, target), mass, float(missed / max(ends)), (one, other)

    def _refuse_too_much(self) -> None:
        """Raise where more is to be moved than there is."""
        (one, other), lighter = self.totals, min(self.totals)
        if self.amount is not None and Fraction(self.amount) > lighter * (1 + Fraction(_ROUND)):
            raise InvalidInput(
                f"mass must be at most the lighter of both totals; received {self.amount!r} for totals of {float(one)!r} and "
                f"{float(other)!r}; pass {float(lighter)!r} to move all of that side"
            )
        if self.balances:
            return
        for prices, weights, most, name in zip(self.prices, self.weights, (other, one), ("a", "b")):
            must = total_pair(weights[np.isinf(prices)]) if np.isinf(prices).any() else (0.0, 0.0)
            if sum(map(Fraction, must), Fraction(0)) > most:
                raise InvalidInput(
                    f"penalty must be finite where mass has to stay; received inf for a mass of {must[0]!r} in {name}, of which the other "
                    f"side can take {float(most)!r}; lower it, or pass a finite penalty"
                )


def _weights_beside(side: Measure, other: Measure) -> Floats:
    alone = side.weights_origin is None and other.weights_origin is not None
    return np.full(len(side), other.mass / len(side)) if alone else np.asarray(side.weights, np.float64)


def _beside_dummy(side: Measure, weights: Floats) -> Measure:
    """A side with a dummy after its points, which count and no more."""
    out = Measure(len(weights), weights, side.name, side.weights_name)
    object.__setattr__(out, "origin", side.origin)
    object.__setattr__(out, "on_line", side.on_line)
    return out


def _rounded(end: Fraction, held: float, true: Fraction, mass: float, *, uniform: bool) -> Rounded:
    """Of a side of total ``end`` with a dummy of ``held`` for ``true``, beside the masses over ``mass``."""
    points = abs(end / Fraction(mass) - 1) + (3 * Fraction(UNIT) if uniform else 0)
    return Rounded(
        float(points) * 1.01 + 1e-30, float(abs(Fraction(held) / end - true / Fraction(mass))) * 1.01 + 1e-30
    )


def _met(prices: Floats, spread: float) -> Floats:
    """Finite prices, of costs that lie ``spread`` apart: infinite ones become so high that any other is paid before them."""
    finite = np.isfinite(prices)
    highest = float(prices.max(where=finite, initial=0.0))
    return np.where(finite, prices, 2 * (highest + spread) or 1.0)
