"""Partial transport of few points in whole numbers of any size, where masses, prices and powers of distances lie further apart than floats have digits.

The optimum rises with every cost. A pair is known to cost no less than one whole number of some unit and no more than another, so the optimum lies
between those of these numbers, with the masses and prices as received: it is off by no more than pairs are, however small it is beside some of them, or a
point's mass beside all. Where prices decide, a pair that costs more than leaving both of its ends is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from ..kernels.outward import LEAST
from ..model.cost import CloudCost, Cost
from ..model.partial import Partial
from ..model.plan import SparsePlan
from ..model.problem import Problem
from ..model.units import stretched
from .certificate import Certificate, above, below
from .dual import marginal_errors
from .least_flow import LeastFlow, least_flow

_FEW = 2**12  # pairs
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


def prove_few(wanted: Partial, scaled: Problem, found: Certificate) -> tuple[Certificate, int] | None:
    """What is proven of few points, where what was ``found`` of them is wide, of all mass together; and :attr:`Units.beyond`.

    Parameters
    ----------
    wanted : Partial
        What is asked, of the points or costs as received.
    scaled : Problem
        The balanced problem, in whose units the certificate is.
    found : Certificate
        Of that.

    Returns
    -------
    (Certificate, int) or None
        None where points are many, or numbers of all digits longer than a few megabytes.
    """
    narrow = math.isfinite(found.cost) and found.width <= _NARROW * abs(found.cost)
    if narrow or found.plan is None:
        return None
    if wanted.amount == 0:
        return _of_all_that_stays(wanted, scaled, found)
    if math.prod(wanted.problem.shape) > _FEW:
        return None
    masses, costs = _masses(wanted), _costs(wanted)
    if masses is None or costs is None:
        return None
    least = least_flow(costs.low, masses.source, masses.target)
    most = least if costs.low == costs.high else least_flow(costs.high, masses.source, masses.target)
    if least is None or most is None:
        return None
    totals = _spent(costs.low, least), _spent(costs.near, most), _spent(costs.high, most)
    ends = _ends(totals, masses.share << costs.bits, scaled)
    if ends is None:
        return None
    plan, potentials = _plan(wanted, most, masses), _potentials(least, costs.bits, scaled)
    error = max(marginal_errors(scaled, plan))
    return ends.about(replace(found, marginal_error=error, plan=plan, potentials=potentials)), ends.beyond


def _of_all_that_stays(wanted: Partial, scaled: Problem, found: Certificate) -> tuple[Certificate, int] | None:
    """Where nothing moves, of however many points."""
    pairs = [zip(prices.tolist(), side) for prices, side in zip(wanted.prices, wanted.exact_weights, strict=True)]
    paid = sum((Fraction(price) * mass for side in pairs for price, mass in side), Fraction(0))
    ends = _ends((paid.numerator,) * 3, paid.denominator, scaled)
    return None if ends is None else (ends.about(found), ends.beyond)


def _masses(wanted: Partial) -> _Masses | None:
    """As received; None where totals that differ count as equal."""
    sides = wanted.exact_weights
    one, other = (sum(side, Fraction(0)) for side in sides)  # of all digits
    if wanted.amount is None:
        spare = other, one
        if one != other and wanted.balances:
            return None
    else:
        moved = min(one, other, Fraction(wanted.amount))
        spare = other - moved, one - moved
    source, target = ([*side, more] for side, more in zip(sides, spare, strict=True))
    share = math.lcm(*(mass.denominator for mass in (*source, *target)))
    one, other = ([int(mass * share) for mass in side] for side in (source, target))
    return _Masses(one, other, share)


def _costs(wanted: Partial) -> _Costs | None:
    """Of pairs that may be used; None where they would take too much room."""
    (n, m), cost = wanted.problem.shape, wanted.problem.cost
    column, row = ([Decimal(price) for price in side.tolist()] for side in wanted.prices)
    p, pairs = Decimal(cost.p), {}
    for i, j, length in _lengths(cost):
        low, high, near = (_DECIMALS.power(z, p) for z in length) if cost.of_points else length
        if low.is_infinite() or (wanted.amount is None and _beyond(low, column[i], row[j])):
            continue
        pairs[i, j] = _Length(low, high, near or high)
    sizes = [length.high.adjusted() for length in pairs.values() if length.high]
    bits = max(_FLOATS, math.ceil(-min(sizes, default=0) * math.log2(10)) + _KEPT)
    if (n + 1) * (m + 1) * (bits + max(sizes, default=0) * math.log2(10)) > _BITS:
        return None
    exact = not cost.of_points
    listed = [
        _whole({pair: length[k] for pair, length in pairs.items()}, wanted, bits, way)
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


def _whole(pairs: dict[tuple[int, int], Decimal], wanted: Partial, bits: int, way: int) -> list[Row]:
    """Costs in units of ``2 ** -bits``, of pairs rounded downwards (-1), upwards (1), or exact (0), with those of the dummies."""
    (n, m), unit = wanted.problem.shape, 1 << bits
    out: list[Row] = [{} for _ in range(n + 1)]
    for (i, j), cost in pairs.items():
        if not way or not cost:
            out[i][j] = int(Fraction(cost) * unit)
        else:
            sure = _DECIMALS.multiply(cost, _UP if way > 0 else _DOWN)
            out[i][j] = int(_DECIMALS.multiply(sure, _DECIMALS.power(2, bits))) + (way > 0)
    for of, prices in ((lambda i: (i, m), wanted.prices[0]), (lambda j: (n, j), wanted.prices[1])):
        for k in np.flatnonzero(np.isfinite(prices)).tolist():
            i, j = of(k)
            out[i][j] = int(Fraction(float(prices[k])) * unit)
    if wanted.amount is None:
        out[n][m] = 0
    return out


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


def _plan(wanted: Partial, found: LeastFlow, masses: _Masses) -> SparsePlan:
    """The plan of the balanced problem, of total 1: without what is left out of it."""
    (n, m), posed = wanted.problem.shape, wanted.posed
    flows = {pair: Fraction(flow, masses.share) for pair, flow in found.flows.items() if pair != (n, m)}
    if wanted.left_out is not None:
        for of, parts in zip((lambda i: (i, m), lambda j: (n, j)), wanted.left_out, strict=True):
            for at in np.flatnonzero(parts).tolist():
                flows[of(at)] = max(flows.get(of(at), Fraction(0)) - Fraction(float(parts[at])), Fraction(0))
    if posed.problem is wanted.problem:
        flows = {(i, j): flow for (i, j), flow in flows.items() if i < n and j < m}
    else:
        flows[n, m] = max(wanted.dummies[0] - sum(flow for (i, _), flow in flows.items() if i == n), Fraction(0))
    shares = {pair: share for pair, flow in sorted(flows.items()) if (share := flow / Fraction(posed.mass))}
    high = [float(share) for share in shares.values()]
    low = [float(share - Fraction(rounded)) for share, rounded in zip(shares.values(), high)]
    rows, columns = np.array(list(shares), np.int64).reshape(-1, 2).T
    return SparsePlan(rows, columns, np.array(high), posed.problem.shape, np.array(low))


def _potentials(found: LeastFlow, bits: int, scaled: Problem) -> tuple[Floats, Floats]:
    """As floats in the units of the scaled problem, with 0 for that of the dummy target: others are what masses are worth."""
    n, m = scaled.shape
    shift, power = found.g[-1], -scaled.cost.scale.exponent * scaled.p - bits
    return _floats([z + shift for z in found.f[:n]], power), _floats([z - shift for z in found.g[:m]], power)


def _floats(numbers: list[int], power: float) -> Floats:
    """Whole numbers times a power of two, as far as they are floats."""
    return np.array([float(stretched(z / (1 << z.bit_length()), z.bit_length() + power)) for z in numbers])
