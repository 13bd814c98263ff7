"""Powers of two: into problems whose numbers are about 1, and back again.

Solvers and proofs see costs of about 1, whatever the caller's are: dividing by a power of two is exact. Here alone is known
which power it was, and what it does to costs, distances, potentials and derivatives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInput
from ..kernels.double_double import UNIT
from ..kernels.outward import moved_outward
from .boxes import Box

if TYPE_CHECKING:
    from .problem import Problem

STEEP = 8  # order above which powers on the line are those of distances divided by the largest that is travelled
_REACH = 1000  # coordinates stay below 2 to this power
AS_THEY_ARE = 256  # points are left alone while no cost, nor the inverse of one, is beyond 2 to this power
_LOW = -1000  # exponents of units below may leave them few digits
_MODERATE = 120  # largest power of two in a cost, or in its inverse, that needs no scaling in a stack


@dataclass(frozen=True)
class PowerOfTwo:
    """``2 ** exponent``: dividing by it is exact, unless the quotient underflows."""

    exponent: int = 0

    @classmethod
    def above(cls, number: float) -> PowerOfTwo:
        """The least that exceeds a finite number in absolute value; 1 for 0."""
        return cls(math.frexp(number)[1])

    def __mul__(self, other: PowerOfTwo) -> PowerOfTwo:
        return PowerOfTwo(self.exponent + other.exponent)

    def __truediv__(self, other: PowerOfTwo) -> PowerOfTwo:
        return PowerOfTwo(self.exponent - other.exponent)

    def __pow__(self, power: int) -> PowerOfTwo:
        return PowerOfTwo(self.exponent * power)

    def root(self, degree: int) -> PowerOfTwo:
        """The number whose power this is; 1 for the degree 0."""
        return PowerOfTwo(self.exponent // degree) if degree else ONE

    @property
    def shrinks(self) -> bool:
        """Whether what is divided by it gets smaller, so that the smallest numbers may lose digits."""
        return self.exponent > 0

    @property
    def inverse(self) -> float | None:
        """``1 / self`` as a normal float; None where it is none."""
        return 2.0**-self.exponent if abs(self.exponent) <= 900 else None

    def within_reach(self, number: float) -> PowerOfTwo:
        """The same, or what a number can be divided by without coming near the end of the range of floats."""
        return PowerOfTwo(max(self.exponent, min(0, PowerOfTwo.above(number).exponent - _REACH)))

    def divide(self, values: Any) -> Any:
        """``values / self`` for an array or a number, with overflow to infinity."""
        if self.exponent == 0:
            return values
        factor = self.inverse
        with np.errstate(over="ignore"):
            return np.ldexp(values, -self.exponent) if factor is None else values * factor

    def multiply(self, values: Any) -> Any:
        """``values * self`` for an array or a number."""
        return PowerOfTwo(-self.exponent).divide(values)

    def times(self, number: float) -> float:
        """``number * self``, with overflow to infinity as IEEE has it."""
        return _stretched_number(number, self.exponent)


ONE = PowerOfTwo()


def of_box(box: Box, inner: float, p: float, farthest: float | None = None) -> PowerOfTwo:
    """What points are divided by so that the diagonal of their joint box, a sum of ``inner`` powers, lies in [1/4, 1), or the largest
    distance, where that is known, in [1/2, 1).

    1 where no p-th power of a distance is beyond ``2 ** 256`` or far below ``2 ** -256``.
    """
    largest = PowerOfTwo.above(box.largest).exponent
    down = PowerOfTwo(max(0, largest - _REACH))  # differences of the largest floats would overflow
    extents = Box(*map(down.divide, box)).extents
    reach = float(extents.max())
    if reach == 0:
        return ONE
    if farthest is None:
        diagonal = 1.0 if math.isinf(inner) else float(((extents / reach) ** inner).sum() ** (1 / inner))
        out = down * PowerOfTwo.above(reach) * PowerOfTwo.above(diagonal)
    else:
        out = PowerOfTwo.above(farthest)
    exponent = max(out.exponent, largest - _REACH)
    return ONE if abs(exponent) * max(p, 2) <= AS_THEY_ARE else PowerOfTwo(exponent)


def moderate(distances: Any, p: float) -> bool:
    """Whether all distances are finite, and the p-th powers of those that are not 0 far from the ends of the range of floats."""
    exponents = np.frexp(distances[distances > 0])[1] * max(p, 2.0)
    return bool(np.isfinite(distances).all() and (np.abs(exponents) < _MODERATE).all())


def _stretched_number(number: float, power: float) -> float:
    """``number * 2 ** power`` for any real power, with overflow to infinity as IEEE has it."""
    power = min(max(power, -1e6), 1e6)
    try:
        if power == int(power):
            return math.ldexp(number, int(power))
        whole = int(power)  # towards 0, so that the largest floats do not overflow on the way
        up = max(whole, 0)  # first, since the least floats have no digits for what follows
        return math.ldexp(math.ldexp(number, up) * 2.0 ** (power - whole), whole - up)
    except OverflowError:
        return math.copysign(math.inf, number)


def _product(power: float, number: float, *factors: float) -> float:
    """``number * 2 ** power`` times factors >= 0, rounded as plain products are, of which none is beyond all floats, or vanishes, before the last."""
    if number == 0:
        return 0.0
    power = min(max(power, -1e6), 1e6)
    exponent = math.floor(power)
    for factor in (2.0 ** (power - exponent), *factors):
        (number, shift), (factor, more) = math.frexp(number), math.frexp(factor)
        number, exponent = number * factor, exponent + shift + more
    return _stretched_number(number, exponent)


def scaled(problem: Problem) -> Problem:
    """The same problem with its cost divided by a power of two (exactly) so that the largest is about 1."""
    if problem.on_line and problem.p > STEEP and not problem.bottleneck and not problem.epsilon:
        return _of_distances_travelled(problem)
    cost = (problem.cost.measured if problem.epsilon else problem.cost).scaled()
    out = replace(problem, cost=cost)
    if problem.epsilon:
        power = -(cost.scale / problem.cost.scale).exponent * problem.p
        epsilon, one, other = (_stretched_number(strength, power) for strength in (problem.epsilon, *problem.relax))
        if not 0 < epsilon < math.inf:
            raise InvalidInput(
                f"epsilon must be comparable with the costs; received {problem.epsilon!r} for costs out of its range; "
                f"{_remedy(problem, 'use otgen.Relative, or rescale the points')}"
            )
        return replace(out, epsilon=epsilon, relax=(one, other))
    return out


def _of_distances_travelled(problem: Problem) -> Problem:
    """The problem on the line in the unit of the largest distance that is travelled, as far as coordinates allow."""
    reach = max(PowerOfTwo.above(float(np.abs(z).max())).exponent for z in (problem.monotone.x, problem.monotone.y))
    cost = problem.cost.divided(PowerOfTwo(max(0, reach - _REACH)))  # else differences might overflow
    held = replace(problem, cost=cost)
    largest = held.monotone.largest
    if largest == 0:
        return held
    by = max(PowerOfTwo.above(largest).exponent, min(reach, _REACH) - _REACH)
    return replace(problem, cost=cost.divided(PowerOfTwo(by)))


def in_unit(problem: Problem, unit: float) -> Problem:
    """A scaled problem between points with distances divided further, such that ``unit`` is about 1."""
    return replace(problem, cost=problem.cost.divided(PowerOfTwo.above(unit)))


def mean_cost(problem: Problem) -> float:
    """``sum a_i b_j c_ij`` over the allowed pairs, in the problem's own units: one pass over all pairs.

    Raises `InvalidInput` where it is beyond the range of floats.
    """
    inside = replace(problem, cost=problem.cost.measured.scaled())
    mean = float(inside.source.probabilities @ inside.cost.sums(inside.target.probabilities))
    out = _stretched_number(mean, (inside.cost.scale / problem.cost.scale).exponent * problem.p)
    if math.isinf(out) or (out == 0 < mean) or (mean == 0 and _is_apart(inside)):
        raise InvalidInput(
            f"the mean cost must be within the range of floats, for an epsilon that is a share of it; received {problem!r} with one "
            f"{'above' if out else 'below'} that; {_remedy(problem, 'divide points by about their spread, or costs by about the largest')}"
        )
    return out


def _is_apart(problem: Problem) -> bool:
    """Whether mass lies between points of a scaled problem that are apart, whose powers may all have vanished."""
    cost = problem.cost
    if not cost.of_points:
        return False
    return float(problem.source.probabilities @ cost.clouds.distances.sums(problem.target.probabilities)) > 0


def _remedy(problem: Problem, usual: str) -> str:
    """What helps where costs leave the range of floats: at high orders only a unit near the largest distance does."""
    return "divide points by about the largest distance, or use otgen.wasserstein" if problem.p > STEEP else usual


def stretched(values: Any, power: float) -> Any:
    """``values * 2 ** power`` for any real power."""
    whole = int(power)  # towards 0, so that the largest floats do not overflow on the way
    up = max(whole, 0)  # first, since the least floats have no digits for what follows
    with np.errstate(over="ignore"):
        return np.ldexp(np.ldexp(values, up) * 2.0 ** (power - whole), whole - up)


@dataclass(frozen=True)
class Units:
    """The way back from a scaled problem's numbers to the caller's.

    Costs are times ``2 ** (shift * p)`` and ``mass``; points times ``2 ** points_shift``; values are p-th roots if ``root``.
    Costs that a proof gives in a unit of their own, ``unit ** (p * degree)`` for a distance known to one rounding, are times that too; and times
    ``2 ** (beyond * p)``, where what it is about is so far from the unit of costs that no float has both.
    """

    shift: int
    p: float
    points_shift: int = 0
    mass: float = 1.0
    root: bool = False
    unit: float | None = None
    degree: int = 1
    beyond: int = 0

    @classmethod
    def of(cls, problem: Problem, mass: float = 1.0, *, root: bool = False) -> Units:
        """The units of a scaled problem."""
        cost = problem.cost
        return cls(cost.scale.exponent, problem.p, cost.scale.root(cost.degree).exponent, mass, root)

    def cost(self, number: float, outward: int = 0) -> float:
        """A cost; ``outward`` -1 or 1 moves it past whatever the conversion rounds."""
        if self.unit is not None:
            return self._cost_in_unit(number, self.unit, outward)
        shift = self.shift + self.beyond
        power = shift * self.p
        whole = shift == 0 or (Fraction(self.p) * shift).denominator == 1
        exact = self.mass == 1 and whole
        units = 8 + (0 if whole else 2 * abs(power))  # a rounded power of two is off by its own size
        return moved_outward(_product(power, number, self.mass), number, 0 if exact else units, outward)

    def value(self, number: float, outward: int = 0) -> float:
        """A value: the cost, or the distance whose p-th power it is."""
        if not self.root:
            return self.cost(number, outward)
        if self.degree > 1:
            return max(self.cost(number, outward), 0.0)  # a square is its own value
        distance = max(number, 0.0) ** (1 / self.p)
        units = 0 if self.p == 1 or distance == 0 else 8 + 2 * abs(math.log(distance))  # from rounding 1/p
        unit, factor = 1.0 if self.unit is None else self.unit, 1.0
        if self.unit is not None:
            units += 8
        if self.mass != 1:
            factor = self.mass ** (1 / self.p)
            units += 8 + (0 if self.p == 1 else 2 * abs(math.log(factor)))
        return max(
            moved_outward(_product(self.shift + self.beyond, distance, unit, factor), distance, units, outward), 0.0
        )

    def _cost_in_unit(self, number: float, unit: float, outward: int) -> float:
        """``number * unit ** p`` of a unit that is off by one rounding; a quarter of the power at a time, lest it overflow alone."""
        power, shift = self.p * self.degree, self.shift // self.degree + self.beyond
        exponent = PowerOfTwo.above(unit).exponent + shift
        down = exponent if exponent < _LOW else 0  # of the power of two in a unit that would lose digits
        quarter = powered(_stretched_number(unit, shift - down), power / 4)
        out = number * math.exp(min(outward * 1.01 * (2 * power + 32) * UNIT, 700.0))
        out = _product(down * power, out, quarter, quarter, quarter, quarter, self.mass)
        return max(moved_outward(out, number, 8 + 2 * abs(down * power), outward), 0.0)

    def distance(self, number: float, outward: int = 0) -> float:
        """A distance that is no root, as for p = inf."""
        return moved_outward(_stretched_number(number, self.shift), number, 0, outward)

    def potentials(self, array: Any, power: float = 0.0) -> Any:
        """Potentials, or derivatives of the cost in the weights; ``2 ** power`` times the scaled problem's, where one says so."""
        return stretched(array, self.shift * self.p + power)

    def potentials_in(self, array: Any) -> Any:
        """The caller's potentials, in the units of the scaled problem."""
        return stretched(array, -self.shift * self.p)

    def slopes(self, array: Any) -> Any:
        """Derivatives of the cost in the points."""
        return stretched(array, self.shift * self.p - self.points_shift)

    def cotangent_of_points(self, array: Any) -> Any:
        """Derivatives in the points of what has no unit."""
        return stretched(array, -self.points_shift)

    def cotangent_of_cost(self, array: Any) -> Any:
        """Derivatives in the cost of what has no unit."""
        return stretched(array, -self.shift)


def powered(base: float, power: float) -> float:
    """``base ** power``, with overflow to infinity."""
    try:
        return base**power
    except OverflowError:
        return math.inf
