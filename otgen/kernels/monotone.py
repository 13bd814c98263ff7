"""The monotone coupling of two sorted sequences of masses: every step of its staircase, in almost exact arithmetic.

Breakpoints of two cumulative sums decide which points meet. Plain sums err by 1e-16, enough to couple points that
share no mass at all: harmless for W_1, a whole step for W_inf. Here cumulative sums are unevaluated pairs of doubles
(about 106 bits), or whole numbers of 124 bits (:mod:`.block_walk`), so breakpoints that agree are seen to agree.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from .block_walk import PART, power, walk_blocks
from .double_double import pair_add, pair_grow, scale_pair, total_pair, two_sum
from .ground_cost import own
from .integer_masses import as_integers
from .jit import jit
from .light_walk import walk_lightly
from .parallel import each, threads

_SHORT = 400  # points below which pairs of doubles are quicker than blocks in fixed point
_LONG = 200_000  # points above which a walk is split in two
_LIGHT = -256  # binary exponent of totals below which low parts of pairs may underflow
_APART = 64  # binary exponents between two totals whose quotient still fits in a pair
_CLEAR = 2.0**-46  # of the total: steps above are known to one rounding
_CHARGED = 2.0**-30  # of a cost: what light walks may misplace; where they may misplace 1e-10, it is 1e-14
_QUICK = 10_000  # points whose staircase in whole numbers takes no time to speak of


class Masses(NamedTuple):
    """Two sequences of masses, (n,) and (m,), the second to be multiplied by ``ratio`` (a pair) to have the same total.

    ``tie``: cumulative sums closer than this count as equal; their own rounding is below it.
    """

    a: Floats
    b: Floats
    ratio: tuple[float, float]
    total: float
    tie: float

    @property
    def lightest(self) -> float:
        """The least mass that is one, of either side."""
        return min(_least(self.a), _least(self.b) * self.ratio[0])


def _least(side: Floats) -> float:
    """Of masses that are not 0; nearly always none is."""
    least = float(side.min())
    return least if least > 0 else float(side[side > 0].min())


def masses(a: Floats | None, b: Floats | None, n: int, m: int, totals: Any = None) -> Masses:
    """Masses of both sides, in sorted order; None means uniform: then whole numbers, hence exact.

    ``totals`` are the sums of a and b as pairs, where the caller has them.
    """
    (ah, al), (bh, bl) = (
        (float(n) * m, 0.0) if side is None else known or total_pair(side)
        for side, known in zip((a, b), totals or (None, None))
    )
    a, b = (np.full(n, float(m)) if a is None else a), (np.full(m, float(n)) if b is None else b)
    a, b = own(a, np.dtype(np.float64)), own(b, np.dtype(np.float64))
    highest = max(math.frexp(ah)[1], math.frexp(bh)[1], _LIGHT)
    a, (ah, al) = _raised(a, (ah, al), highest)
    b, (bh, bl) = _raised(b, (bh, bl), highest)
    ratio = (1.0, 0.0) if (ah, al) == (bh, bl) else _quotient(ah, al, bh, bl)
    return Masses(a, b, ratio, ah + al, ah * (n + m) * 2.0**-101)


def _raised(side: Floats, total: Any, highest: int) -> tuple[Floats, Any]:
    """Masses and their total times a power of two, which is exact, where they are far below others; only proportions count."""
    power = highest - math.frexp(total[0])[1]
    if power <= _APART:
        return side, total
    return np.ldexp(side, power), (math.ldexp(total[0], power), math.ldexp(total[1], power))


def _quotient(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """The exact quotient as a pair; near 1 the pair is (1, rest), which makes products cheap."""
    exact = (Fraction(ah) + Fraction(al)) / (Fraction(bh) + Fraction(bl))
    high = 1.0 if abs(exact - 1) < 2.0**-48 else float(exact)
    return high, float(exact - Fraction(high))


@jit
def _compare(ah, al, bh, bl, tie):
    """-1, 0, 1 as a < b, a = b, a > b; and whether an equality is only one up to rounding."""
    difference = (ah - bh) + (al - bl)
    if difference < -tie:
        return -1, False
    if difference > tie:
        return 1, False
    return 0, difference != 0.0


@jit
def _walk(masses, rows, columns, high, low):
    """Fill the steps of the staircase; return their number and whether a tie was decided by rounding."""
    a, b, ratio, tie = masses.a, masses.b, masses.ratio, masses.tie
    n, m = a.shape[0], b.shape[0]
    i, j, k, unsure = 0, 0, 0, False
    ph, pl = 0.0, 0.0
    ah, al = a[0], 0.0
    bh, bl = scale_pair(b[0], ratio[0], ratio[1])
    while i < n and j < m:
        side, close = _compare(ah, al, bh, bl, tie)
        unsure = unsure or close
        nh, nl = (ah, al) if side <= 0 else (bh, bl)
        fh, fl = pair_add(nh, nl, -ph, -pl)
        unsure = unsure or 0.0 < fh <= tie
        if fh > tie:
            rows[k], columns[k], high[k], low[k] = i, j, fh, fl
            k += 1
            ph, pl = nh, nl
        if side <= 0:
            i += 1
            if i < n:
                ah, al = pair_grow(ah, al, a[i])
        if side >= 0:
            j += 1
            if j < m:
                th, tl = scale_pair(b[j], ratio[0], ratio[1])
                bh, bl = pair_add(bh, bl, th, tl)
    return k, unsure


@jit
def _walk_pairs(masses, x, y, p, unit):
    """As `walk_cost`, in pairs of doubles, which need no preparation."""
    a, b, ratio, tie = masses.a, masses.b, masses.ratio, masses.tie
    n, m = a.shape[0], b.shape[0]
    i, j, tied, unsure = 0, 0, False, False
    largest, share = -1.0, 0.0
    total, rounding, part, count = 0.0, 0.0, 0.0, 0
    ph, pl = 0.0, 0.0
    ah, al = a[0], 0.0
    bh, bl = scale_pair(b[0], ratio[0], ratio[1])
    while i < n and j < m:
        side, close = _compare(ah, al, bh, bl, tie)
        if side == 0:
            if i == n - 1 or j == m - 1:
                side = (1 if j < m - 1 else 0) if i == n - 1 else -1
            else:
                tied, unsure = True, unsure or close
        nh, nl = (ah, al) if side <= 0 else (bh, bl)
        flow = (nh - ph) + (nl - pl)
        unsure = unsure or 0.0 < flow <= tie
        if flow > tie:
            distance = abs(x[i] - y[j])
            if distance > largest:
                largest, share = distance, flow
            part += flow * power(distance if unit == 1.0 else distance / unit, p)
            count += 1
            if count == PART:  # short plain sums, added up accurately
                total, error = two_sum(total, part)
                rounding += error
                part, count = 0.0, 0
            ph, pl = nh, nl
        if side <= 0:
            i += 1
            if i < n:
                ah, al = pair_grow(ah, al, a[i])
        if side >= 0:
            j += 1
            if j < m:
                th, tl = scale_pair(b[j], ratio[0], ratio[1])
                bh, bl = pair_grow(bh, bl + tl, th)
    return total + (rounding + part), largest, share, tied, unsure


@jit
def walk_cost(masses, x, y, p, unit):
    """Walk the staircase: the sum of ``flow * (distance / unit) ** p``, the largest distance, its flow, whether breakpoints were seen to agree,
    and whether any did so only up to rounding. The last breakpoints of both sides agree by definition.
    """
    n = len(x)
    return _walk_pairs(masses, x, y, p, unit) if n + len(y) < _SHORT else walk_blocks(masses, x, y, p, unit, n, False)


class Steps(NamedTuple):
    """The staircase: (k,) rows, columns and flows as pairs, in the unit of ``Masses.total``; ``unsure`` ties."""

    rows: Indices
    columns: Indices
    high: Floats
    low: Floats
    unsure: bool


def steps(both: Masses) -> Steps:
    """All steps of the staircase, at most n + m - 1."""
    size = len(both.a) + len(both.b)
    rows, columns = np.empty(size, np.int64), np.empty(size, np.int64)
    high, low = np.empty(size), np.empty(size)
    count, unsure = _walk(both, rows, columns, high, low)
    return Steps(rows[:count], columns[:count], high[:count], low[:count], unsure)


class Walked(NamedTuple):
    """``cost`` = mean of ``(distance / unit) ** p`` over the coupling; the largest distance and the share of the mass that
    travels it; whether breakpoints agree, and whether any of them only up to rounding.
    """

    cost: float
    largest: float
    share: float
    tied: bool
    unsure: bool


def walk(both: Masses, x: Floats, y: Floats, p: float, unit: float = 1.0) -> Walked:
    """The cost of the monotone coupling of sorted ``x`` (n,) and ``y`` (m,); long walks from both ends at once, to the middle of the rows."""
    n = len(both.a)
    if n + len(both.b) < _LONG:
        parts = [walk_cost(both, x, y, p, unit)]
    else:
        halves = [(n // 2, False), (n - n // 2, True)]
        parts = each(lambda half: walk_blocks(both, x, y, p, unit, *half), halves, min(2, threads()))
    cost = math.fsum(part[0] for part in parts) / both.total
    largest, share = max(part[1:3] for part in parts)
    return Walked(cost, largest, share / both.total, any(part[3] for part in parts), any(part[4] for part in parts))


@jit
def _walk_rows(a, b, ratio, total, tie, x, y, p, costs, charges):
    for k in range(len(x)):
        both = Masses(a[min(k, len(a) - 1)], b[min(k, len(b) - 1)], ratio, total, tie)
        costs[k], charges[k] = walk_lightly(both, x[k], y[k], p)
        if not charges[k] <= _CHARGED * costs[k]:
            n, m = x.shape[1], y.shape[1]
            reach = max(abs(x[k, n - 1] - y[k, 0]), abs(y[k, m - 1] - x[k, 0]))
            costs[k], charges[k] = walk_cost(both, x[k], y[k], p, 1.0)[0], (n + m) * tie * power(reach, p)
        costs[k] /= total
        charges[k] /= total


def walk_rows(both: Masses, x: Floats, y: Floats, p: float) -> tuple[Floats, Floats]:
    """The costs (k,) of many couplings: of rows in order, points (k, n) and (k, m), masses (k, n) and (k, m), or one row for all; and what misplaced mass may
    change of each.
    """
    costs, charges = np.empty(len(x)), np.empty(len(x))
    _walk_rows(*both, x, y, p, costs, charges)
    return costs, charges


class ExactSteps(NamedTuple):
    """Rows and columns of the staircase, and the shares of the mass, (k,) each: correctly rounded, what that leaves of them, rounded, and as logarithms."""

    rows: Indices
    columns: Indices
    shares: Floats
    rests: Floats
    logs: Floats


def exact_steps(a: Any, b: Any) -> ExactSteps:
    """The staircase by whole numbers: slow, exact for any floats; for where a tie decides."""
    left, right = (list(itertools.accumulate(as_integers(side))) for side in (a, b))
    left_total, right_total = left[-1], right[-1]
    whole = left_total * right_total
    rows, columns, shares, rests, logs = [], [], [], [], []
    i = j = position = 0
    while i < len(left) and j < len(right):
        u, v = left[i] * right_total, right[j] * left_total
        reached = min(u, v)
        if reached > position:
            rows.append(i)
            columns.append(j)
            shares.append(share := (reached - position) / whole)
            above, below = share.as_integer_ratio()
            rests.append(((reached - position) * below - above * whole) / (below * whole))
            logs.append(_log(reached - position, whole))
            position = reached
        i, j = i + (u <= v), j + (v <= u)
    return ExactSteps(np.array(rows), np.array(columns), np.array(shares), np.array(rests), np.array(logs))


def _log(above: int, below: int) -> float:
    """The logarithm of a quotient of whole numbers, which may be below all floats, to a few roundings of its own."""
    power = max(0, below.bit_length() - above.bit_length())
    return math.log((above << power) / below) - power * math.log(2)


class Staircase(NamedTuple):
    """Which pairs share mass, ascending, and what share each (k,); ``lost`` is what share of the mass may be elsewhere."""

    rows: Indices
    columns: Indices
    shares: Floats
    lost: float


def staircase(both: Masses, p: float) -> Staircase:
    """The staircase to rounding; nothing is lost where breakpoints are told apart for sure.

    At orders above 2 the root of what pairs of doubles may misplace would be seen: there whole numbers decide, of up to 10 000 points.
    """
    found, size = steps(both), len(both.a) + len(both.b)
    shares = (found.high + found.low) / both.total
    if min(both.lightest / both.total, shares.min()) > _CLEAR:
        exact = both.ratio == (1.0, 0.0) and not found.unsure  # sums of such weights fit in pairs
        if exact or len(shares) == size - 1:
            return Staircase(found.rows, found.columns, shares, 0.0)
    if p > 2 and size < _QUICK:
        sure = exact_steps(both.a, both.b)
        few_digits = p < math.inf and float(sure.shares.min()) < 2.0**-1000
        return Staircase(sure.rows, sure.columns, sure.shares, size * 2.0**-1074 if few_digits else 0.0)
    return Staircase(found.rows, found.columns, shares, size * both.tie / both.total)


@jit
def _duals(rows, columns, x, y, p, f, g):
    """Potentials tight along the staircase, from its first step on, in pairs rounded at the end."""
    fh, fl = 0.0, 0.0
    gh, gl = power(abs(x[0] - y[0]), p), 0.0
    f[0], g[0] = fh, gh
    i, j = 0, 0
    n, m = x.shape[0], y.shape[0]
    for k in range(rows.shape[0] + 1):
        row, column = (rows[k], columns[k]) if k < rows.shape[0] else (n - 1, m - 1)
        while i < row:
            i += 1
            fh, fl = pair_add(power(abs(x[i] - y[j]), p), 0.0, -gh, -gl)
            f[i] = fh
        while j < column:
            j += 1
            gh, gl = pair_add(power(abs(x[i] - y[j]), p), 0.0, -fh, -fl)
            g[j] = gh


@jit
def _monge_transform(x, f, y, p, out):
    """``out_j = min_i |x_i - y_j| ** p - f_i`` for sorted x and y: the arg min grows with j, so halves bound each other."""
    m = y.shape[0]
    arg = np.empty(m, np.int64)
    width = 1
    while width < m:
        width *= 2
    while width >= 1:
        for j in range(width - 1, m, 2 * width):
            first = arg[j - width] if j - width >= 0 else 0
            last = arg[j + width] if j + width < m else x.shape[0] - 1
            best, where = np.inf, first
            for i in range(first, last + 1):
                value = power(abs(x[i] - y[j]), p) - f[i]
                if value < best:
                    best, where = value, i
            out[j], arg[j] = best, where
        width //= 2


def potentials(rows: Indices, columns: Indices, x: Floats, y: Floats, p: float) -> tuple[Floats, Floats]:
    """Feasible potentials (f, g), (n,) and (m,), tight along the staircase; sorted order, O((n + m) log)."""
    f, g = np.empty(len(x)), np.empty(len(y))
    _duals(rows, columns, x, y, p, f, g)
    _monge_transform(x, f, y, p, g)
    slack = 8 * (p + 2) * 2.0**-53 * (np.abs(f).max() + np.abs(g))
    return f, g - slack
