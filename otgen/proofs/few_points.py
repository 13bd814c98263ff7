"""Transport of few points, all of it or a part, in whole numbers of any size, where masses, prices and powers of distances lie further apart than floats have digits.

The optimum rises with every cost. A pair is known to cost no less than one whole number of some unit and no more than another, so the optimum lies
between those of these numbers, with the masses and prices as received: it is off by no more than pairs are, however small it is beside some of them, or a
point's mass beside all. Where prices decide, a pair that costs more than leaving both of its ends is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from ..kernels.outward import LEAST
from ..model.cost import CloudCost, Cost
from ..model.partial import Partial
from ..model.plan import SparsePlan
from ..model.problem import FEW, Problem
from ..model.units import stretched
from .certificate import Certificate, above, below
from .dual import marginal_errors
from .exact_flow import exact_weights
from .least_flow import LeastFlow, least_flow

_BITS = 2**26  # of all costs
_NARROW = 1e-10  # of the cost: no more is needed
_DECIMALS = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
_UP, _DOWN = (
    _DECIMALS.add(1, Decimal("1e-50")),
    _DECIMALS.subtract(1, Decimal("1e-50")),
)  # by more than powers round off
_FLOATS = 1074  # all are whole numbers of two to the power of minus that
_KEPT = 128  # bits of the least cost
_FAINT = 2.0**60  # times what may have underflowed: shorter lengths are taken pair by pair
_SHORT = 2.0**-900  # in the unit of the longest; coordinates may have lost digits there

Row = dict[int, int]  # costs of a source's pairs
Pair = tuple[int, int]


class _Length(NamedTuple):
    """A distance or a listed cost: no less, no more, and about."""

    low: Decimal
    high: Decimal
    near: Decimal


class _Costs(NamedTuple):
    """Costs of all pairs that may be used in units of ``2 ** -bits``, dummies last: no larger, no smaller, and about right."""

    low: list[Row]
    high: list[Row]
    near: list[Row]
    bits: int


class _Ends(NamedTuple):
    """The least cost, about and within what, in the p-th power of a unit times a power of two."""

    lower: float
    cost: float
    upper: float
    unit: float | None = None
    beyond: int = 0

    def about(self, found: Certificate) -> Certificate:
        """These numbers of a plan and potentials."""
        return replace(
            found,
            kind="dual",
            cost=self.cost,
            lower=self.lower,
            upper=self.upper,
            scale=abs(self.cost),
            unit=self.unit,
        )


class _Masses(NamedTuple):
    """Of sources and of targets, dummies last, in units of ``1 / share``."""

    source: list[int]
    target: list[int]
    share: int


class _Asked(NamedTuple):
    """What is to be moved: masses and what dummies have, and prices (n,), (m,); with ``may_stay`` these say what stays, else all that is ``spare`` does."""

    problem: Problem
    weights: tuple[list[Fraction], list[Fraction]]
    spare: tuple[Fraction, Fraction]
    prices: tuple[Floats, Floats]
    may_stay: bool


Proven = tuple[Certificate, int]


def prove_few(problem: Problem, scaled: Problem, found: Certificate) -> Proven | None:
    """What is proven of few points, where what was ``found`` of them is wide; and :attr:`Units.beyond`.

    Parameters
    ----------
    problem : Problem
        Of points or costs as received.
    scaled : Problem
        The same, in whose units the certificate is.
    found : Certificate
        Of that.

    Returns
    -------
    (Certificate, int) or None
        None where points are many, or numbers of all digits longer than a few megabytes.
    """
    if not _may_be_narrowed(problem, found):
        return None
    sides = [exact_weights(side) for side in (problem.source, problem.target)]
    one, other = ([mass / sum(side, Fraction(0)) for mass in side] for side in sides)
    none = np.full(len(one), math.inf), np.full(len(other), math.inf)
    asked = _Asked(problem, (one, other), (Fraction(1), Fraction(1)), none, True)
    return _proven(asked, scaled, found, lambda flows: _shares(flows, problem.shape, problem.shape))


def prove_few_in_part(wanted: Partial, scaled: Problem, found: Certificate) -> Proven | None:
    """The same of partial transport: of the balanced problem, in the units of ``scaled``, and of all mass together."""
    if wanted.amount == 0:
        return None if _is_narrow(found) or found.plan is None else _of_all_that_stays(wanted, scaled, found)
    if not _may_be_narrowed(wanted.problem, found) or (asked := _asked(wanted)) is None:
        return None
    return _proven(asked, scaled, found, lambda flows: _plan(wanted, flows))


def _is_narrow(found: Certificate) -> bool:
    return math.isfinite(found.cost) and found.width <= _NARROW * abs(found.cost)


def _may_be_narrowed(problem: Problem, found: Certificate) -> bool:
    return not _is_narrow(found) and found.plan is not None and math.prod(problem.shape) <= FEW


def _proven(
    asked: _Asked, scaled: Problem, found: Certificate, plan_of: Callable[[dict[Pair, Fraction]], SparsePlan]
) -> Proven | None:
    masses, costs = _masses(asked), _costs(asked)
    if costs is None:
        return None
    least = least_flow(costs.low, masses.source, masses.target)
    most = least if costs.low == costs.high else least_flow(costs.high, masses.source, masses.target)
    if least is None or most is None:
        return None
    totals = _spent(costs.low, least), _spent(costs.near, most), _spent(costs.high, most)
    ends = _ends(totals, masses.share << costs.bits, scaled)
    if ends is None:
        return None
    plan = plan_of({pair: Fraction(flow, masses.share) for pair, flow in most.flows.items()})
    potentials, error = _potentials(least, costs.bits, scaled), max(marginal_errors(scaled, plan))
    return ends.about(replace(found, marginal_error=error, plan=plan, potentials=potentials)), ends.beyond


def _of_all_that_stays(wanted: Partial, scaled: Problem, found: Certificate) -> tuple[Certificate, int] | None:
    """Where nothing moves, of however many points."""
    pairs = [zip(prices.tolist(), side) for prices, side in zip(wanted.prices, wanted.exact_weights, strict=True)]
    paid = sum((Fraction(price) * mass for side in pairs for price, mass in side), Fraction(0))
    ends = _ends((paid.numerator,) * 3, paid.denominator, scaled)
    return None if ends is None else (ends.about(found), ends.beyond)


def _asked(wanted: Partial) -> _Asked | None:
    """As received; None where totals that differ count as equal."""
    sides = wanted.exact_weights
    one, other = (sum(side, Fraction(0)) for side in sides)  # of all digits
    if wanted.amount is None:
        if one != other and wanted.balances:
            return None
        return _Asked(wanted.problem, sides, (other, one), wanted.prices, True)
    moved = min(one, other, Fraction(wanted.amount))
    return _Asked(wanted.problem, sides, (other - moved, one - moved), wanted.prices, False)


def _masses(asked: _Asked) -> _Masses:
    source, target = ([*side, more] for side, more in zip(asked.weights, asked.spare, strict=True))
    share = math.lcm(*(mass.denominator for mass in (*source, *target)))
    one, other = ([int(mass * share) for mass in side] for side in (source, target))
    return _Masses(one, other, share)


def _costs(asked: _Asked) -> _Costs | None:
    """Of pairs that may be used; None where they would take too much room."""
    (n, m), cost = asked.problem.shape, asked.problem.cost
    column, row = ([Decimal(price) for price in side.tolist()] for side in asked.prices)
    p, pairs = Decimal(cost.p), {}
    for i, j, length in _lengths(cost):
        low, high, near = (_DECIMALS.power(z, p) for z in length) if cost.of_points else length
        if low.is_infinite() or (asked.may_stay and _beyond(low, column[i], row[j])):
            continue
        pairs[i, j] = _Length(low, high, near or high)
    sizes = [length.high.adjusted() for length in pairs.values() if length.high]
    bits = max(_FLOATS, math.ceil(-min(sizes, default=0) * math.log2(10)) + _KEPT)
    if (n + 1) * (m + 1) * (bits + max(sizes, default=0) * math.log2(10)) > _BITS:
        return None
    exact = not cost.of_points
    listed = [
        _whole({pair: length[k] for pair, length in pairs.items()}, asked, bits, way)
        for k, way in enumerate((0, 0, 0) if exact else (-1, 1, 1))
    ]
    low, high, near = listed
    return _Costs(low, high, near, bits)


def _beyond(cost: Decimal, *prices: Decimal) -> bool:
    """Whether a pair costs more than leaving both of its ends."""
    return _DECIMALS.multiply(_DECIMALS.add(*prices), _UP) < cost


def _lengths(cost: Cost) -> Iterator[tuple[int, int, _Length]]:
    """Of all pairs: distances, or listed costs, which are exact."""
    if not isinstance(cost, CloudCost):
        for (i, j), number in np.ndenumerate(cost.block().astype(np.float64)):
            yield i, j, _exactly(float(number))
        return
    alone = cost.entry is not None and cost.entry.scales
    distance = cost.distances.scaled() if alone else cost.distances
    (relative, absolute), found = distance.rounding, distance.block().astype(np.float64)
    same = cost.coincide(*(z.ravel() for z in np.indices(cost.shape)))
    same = np.zeros(found.shape, bool) if same is None else same.reshape(found.shape)
    for (i, j), number in np.ndenumerate(found):
        if same[i, j]:
            yield i, j, _exactly(0.0)
        elif alone and number < max(_FAINT * absolute, _SHORT):
            one = cost.distances.restricted(np.array([i]), np.array([j])).scaled()
            yield i, j, _between(float(one.block()[0, 0]), *one.rounding, one.scale.exponent)
        else:
            yield i, j, _between(float(number), relative, absolute, distance.scale.exponent)


def _between(number: float, relative: float, absolute: float, exponent: int) -> _Length:
    """A length that was computed divided by a power of two."""
    near, more, unit = Decimal(number), Decimal(absolute), _DECIMALS.power(2, exponent)
    off = _DECIMALS.add(_DECIMALS.multiply(near, Decimal(relative)), more)
    low, high = max(_DECIMALS.subtract(near, off), Decimal(0)), _DECIMALS.add(near, off)
    low, high, near = (_DECIMALS.multiply(z, unit) for z in (low, high, near))
    return _Length(low, high, near)


def _exactly(number: float) -> _Length:
    return _Length(Decimal(number), Decimal(number), Decimal(number))


def _whole(pairs: dict[Pair, Decimal], asked: _Asked, bits: int, way: int) -> list[Row]:
    """Costs in units of ``2 ** -bits``, of pairs rounded downwards (-1), upwards (1), or exact (0), with those of the dummies."""
    (n, m), unit = asked.problem.shape, 1 << bits
    out: list[Row] = [{} for _ in range(n + 1)]
    for (i, j), cost in pairs.items():
        if not way or not cost:
            out[i][j] = int(Fraction(cost) * unit)
        else:
            sure = _DECIMALS.multiply(cost, _UP if way > 0 else _DOWN)
            out[i][j] = _units(sure, bits) + (way > 0)
    for of, prices in ((lambda i: (i, m), asked.prices[0]), (lambda j: (n, j), asked.prices[1])):
        for k in np.flatnonzero(np.isfinite(prices)).tolist():
            i, j = of(k)
            out[i][j] = int(Fraction(float(prices[k])) * unit)
    if asked.may_stay:
        out[n][m] = 0
    return out


def _units(cost: Decimal, bits: int) -> int:
    """Whole units of ``2 ** -bits`` in a cost, which has few digits and any exponent: to turn all of its digits into bits would take seconds."""
    _, digits, exponent = cost.as_tuple()
    assert isinstance(exponent, int)
    number = int("".join(map(str, digits)))
    return (number * _ten(exponent)) << bits if exponent >= 0 else (number << bits) // _ten(-exponent)


@lru_cache(maxsize=64)
def _ten(exponent: int) -> int:
    return 10**exponent


def _spent(costs: list[Row], found: LeastFlow) -> int:
    return sum(flow * costs[i][j] for (i, j), flow in found.flows.items())


def _ends(totals: tuple[int, ...], per: int, scaled: Problem) -> _Ends | None:
    """The least cost and its ends, ``totals`` of ``1 / per``, as a certificate has them; None where they are no floats."""
    low, near, high = totals
    p, shift = scaled.p, scaled.cost.scale.exponent
    if low == high == 0:
        return _Ends(0.0, 0.0, 0.0)
    try:
        if not scaled.cost.of_points:
            exponent = near.bit_length() - per.bit_length()
            lower, cost, upper = (_quotient(z, per, exponent) for z in totals)
            return _Ends(below(lower, LEAST), cost, above(upper, LEAST), beyond=exponent - shift)
        unit, exponent = _root(near, per, p)
        less, more, off = low / near, high / near, (32 * p + 16) * UNIT
        return _Ends(max(below(less, off), 0.0), 1.0, above(more, off * more), unit, exponent - shift)
    except OverflowError:  # lengths that are known to next to nothing
        return None


def _quotient(number: int, per: int, exponent: int) -> float:
    """``number / per`` over a power of two."""
    return (number << max(-exponent, 0)) / (per << max(exponent, 0))


def _root(number: int, per: int, p: float) -> tuple[float, int]:
    """``(number / per) ** (1 / p)`` as a float near 1 and a power of two, off by 6 roundings."""
    exponent = number.bit_length() - per.bit_length()
    rest = math.fmod(exponent, p)
    return _quotient(number, per, exponent) ** (1 / p) * 2.0 ** (rest / p), round((exponent - rest) / p)


def _plan(wanted: Partial, flows: dict[Pair, Fraction]) -> SparsePlan:
    """The plan of the balanced problem, of total 1: without what is left out of it."""
    (n, m), posed = wanted.problem.shape, wanted.posed
    flows.pop((n, m), None)
    if wanted.left_out is not None:
        for of, parts in zip((lambda i: (i, m), lambda j: (n, j)), wanted.left_out, strict=True):
            for at in np.flatnonzero(parts).tolist():
                flows[of(at)] = max(flows.get(of(at), Fraction(0)) - Fraction(float(parts[at])), Fraction(0))
    if posed.problem is not wanted.problem:
        flows[n, m] = max(wanted.dummies[0] - sum(flow for (i, _), flow in flows.items() if i == n), Fraction(0))
    return _shares(flows, posed.problem.shape, wanted.problem.shape, Fraction(posed.mass))


def _shares(flows: dict[Pair, Fraction], shape: Pair, real: Pair, mass: Fraction = Fraction(1)) -> SparsePlan:
    """The flows of a problem of some shape as shares of a mass; without dummies where that is the shape of all real points."""
    kept = {pair: flow for pair, flow in flows.items() if shape != real or (pair[0] < real[0] and pair[1] < real[1])}
    shares = {pair: share for pair, flow in sorted(kept.items()) if (share := flow / mass)}
    high = [float(share) or LEAST for share in shares.values()]
    low = [float(share - Fraction(rounded)) for share, rounded in zip(shares.values(), high)]
    rows, columns = np.array(list(shares), np.int64).reshape(-1, 2).T
    return SparsePlan(rows, columns, np.array(high), shape, np.array(low))


def _potentials(found: LeastFlow, bits: int, scaled: Problem) -> tuple[Floats, Floats]:
    """As floats in the units of the scaled problem, with 0 for that of the dummy target: others are what masses are worth."""
    n, m = scaled.shape
    shift, power = found.g[-1], -scaled.cost.scale.exponent * scaled.p - bits
    return _floats([z + shift for z in found.f[:n]], power), _floats([z - shift for z in found.g[:m]], power)


def _floats(numbers: list[int], power: float) -> Floats:
    """Whole numbers times a power of two, as far as they are floats."""
    return np.array([float(stretched(z / (1 << z.bit_length()), z.bit_length() + power)) for z in numbers])
