"""Many small problems on the line, laid out one behind the other: sorted, walked, and what that proves, :mod:`otgen.proofs.monotone`, compiled.

Each problem is worked on alone, so that its numbers do not depend on what stands beside it, nor on the number of threads. What pairs of
doubles cannot decide as narrowly as a promise has it is left to the long way, as is what lies near the ends of the range of floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..inputs.types import Floats, Indices
from .block_walk import PART, power
from .dense_stack import Layout, is_mass
from .double_double import UNIT, _total, pair_add, two_product, two_sum
from .jit import jit
from .monotone import Masses, _walk_pairs
from .parallel import over_rows

LARGEST = 2**14  # points of a problem, of both sides: from there on sorting and walking are worth threads of their own
STEEP = 8  # order above which distances are divided by the largest that is travelled
NUMBERS = ("cost", "lower", "upper", "unit", "mass_a", "mass_b")
_EXPONENT = 120  # largest power of two in a cost, or in its inverse, that needs no scaling
_FAINT = 1e-200  # mean powers, and shares of the mass, below may have lost digits to underflow
_HEAVY = 1e150  # totals, and the inverses of totals, that pairs of doubles hold well
_CHARGED = 1e-11  # of the cost: what misplaced mass may be charged
_NARROW = 1e-10  # of the value, or of the cost
_NANOSECONDS = 12  # a point
_NONE = np.empty(0)


def is_small(n: Any, m: Any) -> Any:
    """Whether problems of n and m points are for stacks; of numbers, or of arrays of them."""
    return (n + m <= LARGEST) & (n > 0) & (m > 0)


def in_order(points: Floats, weights: Floats | None, starts: Indices) -> tuple[Floats, Floats]:
    """Points (N,) of B problems that begin at ``starts`` (B + 1,), each problem's in order, and their weights, none where none were given."""
    if len(starts) == 2:
        return _rows_in_order(points[None], None if weights is None else weights[None])
    sizes = np.diff(starts)
    kinds = np.unique(sizes).tolist()
    if len(kinds) == 1:
        shape = len(sizes), kinds[0]
        return _rows_in_order(points.reshape(shape), None if weights is None else weights.reshape(shape))
    out, carried = np.empty_like(points), _NONE if weights is None else np.empty_like(weights)
    for size in kinds:
        at = starts[:-1][sizes == size][:, None] + np.arange(size)
        some, beside = _rows_in_order(points[at], None if weights is None else weights[at])
        out[at.ravel()] = some
        if weights is not None:
            carried[at.ravel()] = beside
    return out, carried


def _rows_in_order(rows: Floats, beside: Floats | None) -> tuple[Floats, Floats]:
    """Problems of one size, (k, size), one behind the other: (k size,) each."""
    if beside is None:
        return np.sort(rows, axis=1).ravel(), _NONE
    if (rows[:, 1:] >= rows[:, :-1]).all():
        return rows.ravel(), beside.ravel()
    order = np.argsort(rows, axis=1, kind="stable")
    return np.take_along_axis(rows, order, 1).ravel(), np.take_along_axis(beside, order, 1).ravel()


@jit
def _side(weights, n, m):
    """Masses of a side of n points beside m, in order, their total as a pair, and whether they are equal: then they are whole numbers."""
    uniform = True
    for i in range(1, len(weights)):
        uniform = uniform and weights[i] == weights[0]
    if not uniform:
        return weights, _total(weights), False
    masses = np.empty(n)
    for i in range(n):
        masses[i] = m
    return masses, (float(n) * float(m), 0.0), True


@jit
def _quotient(ah, al, bh, bl):
    """``(ah + al) / (bh + bl)`` as a pair, (1, rest) where it is near 1; off by a few units of 2 ** -104."""
    if ah == bh and al == bl:
        return 1.0, 0.0
    q = ah / bh
    p, e = two_product(q, bh)
    rest, more = pair_add(ah, al, -p, -e - q * bl)
    low = (rest + more) / bh
    if abs((q - 1.0) + low) < 2.0**-48:
        return 1.0, (q - 1.0) + low
    return two_sum(q, low)


@jit
def _paired(x, y, p, unit):
    """The mean of ``(|x_i - y_i| / unit) ** p``, and the largest distance: plain sums of a few terms, added up accurately."""
    largest, total, rounding, part = 0.0, 0.0, 0.0, 0.0
    for i in range(len(x)):
        distance = abs(x[i] - y[i])
        largest = max(largest, distance)
        part += power(distance if unit == 1.0 else distance / unit, p)
        if i % PART == PART - 1:
            total, error = two_sum(total, part)
            rounding += error
            part = 0.0
    return (total + (rounding + part)) / len(x), largest


@jit
def _faintest(weights):
    """The least mass that is one."""
    least = np.inf
    for i in range(len(weights)):
        if weights[i] > 0.0:
            least = min(least, weights[i])
    return least


@jit
def _walked(both, x, y, p, unit):
    """As :func:`.monotone.walk`: the mean power, the largest distance, its share, and whether breakpoints agree, also only up to rounding."""
    cost, largest, share, tied, unsure = _walk_pairs(both, x, y, p, unit)
    return cost / both.total, largest, share / both.total, tied, unsure


@jit
def _ends(points, weights):
    """The first and the last of sorted points that has mass; all have where there are no weights."""
    i, j = 0, len(points) - 1
    while i < len(weights) and weights[i] == 0.0:
        i += 1
    while j < len(weights) and weights[j] == 0.0:
        j -= 1
    return points[i], points[j]


@jit
def _measure(x, y, a, b, p, unit):
    """As the proof has it: the mean power in a unit (0 for the largest distance), the charge for misplaced mass, the roundings of a sum, the
    largest distance and the share that travels it at least, whether breakpoints are told apart for sure, and both totals.
    """
    n, m = len(x), len(y)
    (of_a, (ah, al), plain_a), (of_b, (bh, bl), plain_b) = _side(a, n, m), _side(b, m, n)
    if plain_a and plain_b and n == m:
        cost, largest = _paired(x, y, 1.0 if unit == 0.0 else p, 1.0)
        if unit == 0.0 and largest > 0.0:
            cost, _ = _paired(x, y, p, largest)
        return cost, 0.0, min(n, 24), largest, (1.0 - 2.0 * UNIT) / n, True
    ratio = _quotient(ah, al, bh, bl)
    both = Masses(of_a, of_b, ratio, ah + al, ah * (n + m) * 2.0**-101)
    cost, largest, share, tied, unsure = _walked(both, x, y, 1.0 if unit == 0.0 else p, 1.0)
    if unit == 0.0 and largest > 0.0:
        cost, _, share, _, _ = _walked(both, x, y, p, largest)
    faint = min(_faintest(of_a), _faintest(of_b) * ratio[0])
    alike = (plain_a and plain_b) or (ratio[0] == 1.0 and ratio[1] == 0.0)
    exact = (plain_a and plain_b) or (alike and faint > 2.0**-48 * both.total)
    sure = not unsure and ((plain_a and plain_b) or faint > 4.0 * both.tie) and (not tied or exact)
    misplaced = (n + m) * both.tie / both.total
    (low_x, high_x), (low_y, high_y) = _ends(x, a), _ends(y, b)
    reach = largest if sure else max(abs(high_x - low_y), abs(high_y - low_x))
    scale = largest if unit == 0.0 and largest > 0.0 else 1.0
    charge = misplaced * power(reach / scale, p) if p < np.inf else 0.0
    return cost, charge, 24, largest, max(share - misplaced, 0.0), sure and faint >= 2.0**-80 * both.total


@jit
def _bounds(cost, charge, terms, share, p, steep):
    """The interval of a mean power; in the unit of the largest distance it is no larger than 1, and no smaller than that one's share."""
    rounding = 1.01 * ((3.0 if steep else 2.0) * p + 8.0 + terms) * UNIT
    if not steep:
        margin = rounding * cost + charge + 1e-300
        return np.nextafter(cost - margin, -np.inf), np.nextafter(cost + margin, np.inf)
    down, up = cost * math.exp(-rounding), cost * math.exp(rounding)
    if charge > 0.0:
        down, up = np.nextafter(down - charge, -np.inf), np.nextafter(up + charge, np.inf)
    return min(cost, max(down, share * (1.0 - 8.0 * UNIT))), max(cost, min(up, 1.0))


@jit
def _is_weighed(weights):
    """Whether weights, if any, are masses of a moderate total."""
    if len(weights) == 0:
        return True
    return is_mass(weights) and 1.0 / _HEAVY < _total(weights)[0] < _HEAVY


@jit
def _prove(x, y, a, b, p, least, out):
    """One problem: its :data:`NUMBERS`; whether they are as narrow as a promise has it."""
    n, m = len(x), len(y)
    reach = max(x[n - 1] - y[0], y[m - 1] - x[0])
    rest = (x[0] - x[0]) + (x[n - 1] - x[n - 1]) + (y[0] - y[0]) + (y[m - 1] - y[m - 1])
    plain = rest == 0.0 and (reach == 0.0 or least < reach < 1.0 / least)
    if not (plain and _is_weighed(a) and _is_weighed(b)):
        return False
    out[3] = 0.0
    out[4] = _total(a)[0] if len(a) else 1.0
    out[5] = _total(b)[0] if len(b) else 1.0
    steep = STEEP < p < np.inf
    cost, charge, terms, largest, share, sure = _measure(x, y, a, b, 1.0 if p == np.inf else p, 0.0 if steep else 1.0)
    if (
        largest == 0.0 and charge == 0.0 and (sure or reach == 0.0 or p <= STEEP)
    ):  # at high orders a charge may have vanished
        out[0], out[1], out[2] = 0.0, 0.0, 0.0
        return True
    if p == np.inf:
        out[0] = largest
        out[1], out[2] = np.nextafter(largest - UNIT * largest, -np.inf), np.nextafter(largest + UNIT * largest, np.inf)
        return sure and largest > least
    if not (cost > _FAINT and charge <= _CHARGED * cost):
        return False
    lower, upper = _bounds(cost, charge, terms, share, p, steep)
    out[0], out[1], out[2] = cost, lower, upper
    if not steep:
        return upper - lower <= _NARROW * cost
    out[3] = largest
    return (
        largest > least and share > _FAINT and upper ** (1.0 / p) - lower ** (1.0 / p) <= _NARROW * upper ** (1.0 / p)
    )


@jit
def _prove_all(x, y, a, b, p, least, starts, out, proven, first, last):
    for k in range(first, last):
        one, other = slice(starts[k, 0], starts[k + 1, 0]), slice(starts[k, 1], starts[k + 1, 1])
        left, right = a[one] if len(a) else a, b[other] if len(b) else b
        proven[k] = _prove(x[one], y[other], left, right, p, least, out[k])


def prove(x: Floats, y: Floats, a: Floats, b: Floats, p: float, where: Layout) -> tuple[Floats, Any]:
    """:data:`NUMBERS` of a stack, (B, 6), and which of them are proven as narrowly as is promised, (B,).

    Of mean powers ``|x - y| ** p`` of points x (N,) and y (M,), each problem's in order, with weights a (N,) and b (M,), or (0,) where none
    were given; in the unit ``unit ** p`` where that is not 0. For p = inf of the largest distance.
    """
    size = len(where.starts) - 1
    out, proven = np.zeros((size, len(NUMBERS))), np.empty(size, np.bool_)
    least = 2.0 ** (-_EXPONENT / max(p, 2.0)) if p <= STEEP else 1e-250
    work = _NANOSECONDS * int(where.starts[-1, :2].sum()) // max(1, size)
    over_rows(size, work, lambda s, t: _prove_all(x, y, a, b, p, least, where.starts, out, proven, s, t))
    return out, proven
