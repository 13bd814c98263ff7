"""Transport on a circle: a point at x lies at x + k T for every whole k, and the distance is the one to the nearest of these.

Seen on the line that covers the circle, both measures repeat themselves, and the best coupling is monotone: it pairs the sources in order with the
targets in order, shifted by some amount of mass, the ``level`` (J. Delon, J. Salomon and A. Sobolevskii, "Fast transport optimization for Monge
costs on the circle", SIAM J. Appl. Math. 70, 2010). The cost is a convex, piecewise linear function of the level, which bends where a
cumulative mass of the sources meets one of the targets. Cumulative masses are whole numbers here, so that meetings are seen.

Distances are pairs of doubles, and at orders 1 and 2 so are their powers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from .double_double import pair_add, two_product, two_sum
from .jit import jit

_WINDOW = 0.5 + 1e-9  # of a period: no nearest copy of a point lies farther away

_BEYOND = (
    1e250  # what costs twice as much as half a period comes to at the highest orders; it still grows with the distance
)

_STRAIGHT = 0.49  # of a period: where all lies within, no copy but the first is in that window


class Circle(NamedTuple):
    """Both sides of a problem on the circle, in order.

    ``x`` (n,) and ``y`` (m,) ascend from -period/2 to period/2; ``before_x`` and ``before_y`` are the cumulative masses up to and with each point, whole
    numbers that ascend to the same total; the cost is the distance to the power ``p``.
    """

    x: Floats
    y: Floats
    before_x: Indices
    before_y: Indices
    period: float
    p: float


@jit
def _cost(x, y, turns, p):
    """``|x - y + turns| ** p`` as a pair; its low part is 0 at orders other than 1 and 2."""
    difference, rest = two_sum(x, -y)
    high, low = two_sum(difference, turns)
    high, low = two_sum(high, low + rest)
    if high < 0.0:
        high, low = -high, -low
    if p == 1.0:
        return high, low
    if p == 2.0:
        square, rounding = two_product(high, high)
        return two_sum(square, rounding + 2.0 * high * low)
    power = high**p
    return (power, 0.0) if power < _BEYOND else (_BEYOND * high, 0.0)


@jit
def _lifted_cost(circle, i, j):
    """The cost between source i and target j of the covering line, of which n and m make one turn."""
    n, m = circle.x.shape[0], circle.y.shape[0]
    turn, back = i // n, j // m
    return _cost(circle.x[i - turn * n], circle.y[j - back * m], (turn - back) * circle.period, circle.p)


@jit
def _slope(circle, level):
    """By how much the cost grows with the level, to the right of it, for a unit of mass."""
    x, y, before_x, before_y, period, p = circle
    n, m, total = x.shape[0], y.shape[0], before_x[-1]
    high, low = 0.0, 0.0
    turn = (before_y[0] + level) // total
    i = np.searchsorted(before_x, before_y[0] + level - turn * total, side="right")
    for j in range(m):
        meeting = before_y[j] + level - turn * total
        while before_x[i] <= meeting:
            i += 1
            if i == n:
                i, turn, meeting = 0, turn + 1, meeting - total
        nearer, rest = _cost(x[i], y[j], turn * period, p)
        high, low = pair_add(high, low, nearer, rest)
        farther, rest = _cost(x[i], y[(j + 1) % m], (turn - (j + 1 == m)) * period, p)
        high, low = pair_add(high, low, -farther, -rest)
    return high + low


def slope(circle: Circle, level: int) -> float:
    """The right derivative of the cost in the level, in units of cost for a unit of mass."""
    return _slope(circle, np.int64(level))


@jit
def _exceeds(circle, i, j, f_high, f_low, g_high, g_low):
    """By how much two potentials leave a pair of the covering line less than it costs."""
    high, low = _lifted_cost(circle, i, j)
    high, low = pair_add(high, low, -f_high, -f_low)
    high, low = pair_add(high, low, -g_high, -g_low)
    return high + low


@jit
def _pieces(circle, level, i, j, f, g, of_f, of_g, least, most):
    """Potentials (2, n), (2, m), as pairs, that are tight along the staircase of a level, piece by piece from one meeting to the next.

    From the source i and the target j that follow a meeting, once round; each piece begins with a source of potential 0. ``of_f`` and ``of_g`` say which
    piece a point is in. The targets of piece k + 1 may have more than those of piece k, as they are here, by from ``least[k]`` to ``most[k]``, and
    the sources as much less: within, neither the last source of a piece nor its last target gets more from the next piece than it costs. Returns the
    number of pieces.
    """
    x, y, before_x, before_y, _, _ = circle
    n, m, total = x.shape[0], y.shape[0], before_x[-1]
    last_i, last_j, piece = i + n, j + m, 0
    f_high, f_low = 0.0, 0.0
    g_high, g_low = _lifted_cost(circle, i, j)
    while True:
        f[0, i % n], f[1, i % n], of_f[i % n] = f_high, f_low, piece
        g[0, j % m], g[1, j % m], of_g[j % m] = g_high, g_low, piece
        left = before_x[i % n] + i // n * total
        right = before_y[j % m] + j // m * total + level
        if left == right:
            next_high, next_low = _lifted_cost(circle, i + 1, j + 1)
            most[piece] = _exceeds(circle, i, j + 1, f_high, f_low, next_high, next_low)
            least[piece] = -_exceeds(circle, i + 1, j, 0.0, 0.0, g_high, g_low)
            piece, i, j = piece + 1, i + 1, j + 1
            if i >= last_i or j >= last_j:
                return piece
            f_high, f_low, g_high, g_low = 0.0, 0.0, next_high, next_low
        elif left > right:
            j += 1
            high, low = _lifted_cost(circle, i, j)
            g_high, g_low = pair_add(high, low, -f_high, -f_low)
        else:
            i += 1
            high, low = _lifted_cost(circle, i, j)
            f_high, f_low = pair_add(high, low, -g_high, -g_low)


@jit
def _nearest_shifts(least, most):
    """Numbers (k,) around a circle, each of which exceeds the one before by from ``least`` to ``most``, (k,), and that are near 0.

    Halfway between the largest that are nowhere above 0 and the smallest that are nowhere below.
    """
    k = least.shape[0]
    low, high = np.zeros(k), np.zeros(k)
    for turned in range(2 * k):
        at, after = turned % k, (turned + 1) % k
        low[after] = min(low[after], low[at] + most[at])
        high[after] = max(high[after], high[at] + least[at])
    for turned in range(2 * k - 1, -1, -1):
        at, after = turned % k, (turned + 1) % k
        low[at] = min(low[at], low[after] - least[at])
        high[at] = max(high[at], high[after] - most[at])
    return (low + high) / 2


def potentials(circle: Circle, level: int, i: int, j: int) -> tuple[Floats, Floats]:
    """Potentials (n,), (m,) for the staircase of the best level, from a source i and a target j of the covering line that follow a meeting.

    They are tight along it, and between meetings as near 0 as they may be: what clusters far from each other cost in themselves is
    not to be lost beside the distances between these.
    """
    n, m = len(circle.x), len(circle.y)
    f, g, of_f, of_g = np.empty((2, n)), np.empty((2, m)), np.empty(n, np.int64), np.empty(m, np.int64)
    least, most = np.empty(min(n, m)), np.empty(min(n, m))
    count = _pieces(circle, np.int64(level), np.int64(i), np.int64(j), f, g, of_f, of_g, least, most)
    middle = (_middles(f[0], of_f, count) - _middles(g[0], of_g, count)) / 2
    step = np.roll(middle, -1) - middle
    shift = middle + _nearest_shifts(least[:count] - step, most[:count] - step)
    return f[0] - shift[of_f] + f[1], g[0] + shift[of_g] + g[1]


def _middles(values: Floats, pieces: Indices, count: int) -> Floats:
    """Halfway between the least and the greatest of each piece, (count,)."""
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, pieces, values)
    np.maximum.at(high, pieces, values)
    return (low + high) / 2


@jit
def _reduced(x, y, turns, p, g):
    """A cost less a potential, as a pair."""
    high, low = _cost(x, y, turns, p)
    value, rest = two_sum(high, -g)
    return two_sum(value, rest + low)


@jit
def _minima(x, y, g, start, first, last, period, p, out, argmin):
    """``out_i = min_j |x_i - y_j + k T| ** p - g_j`` over targets and turns: on the covering line the arg min grows with i, so halves bound each other.

    The copies of targets are numbered from ``start`` on, with m to a turn, the turn before the first one counted 0; ``first`` and ``last`` (n,) bound those that are nearest.
    """
    n, m = x.shape[0], y.shape[0]
    at = np.empty(n, np.int64)
    width = 1
    while width < n:
        width *= 2
    while width >= 1:
        for i in range(width - 1, n, 2 * width):
            least, most = first[i], last[i]
            if i - width >= 0:
                least = max(least, at[i - width])
            if i + width < n:
                most = min(most, at[i + width])
            best_high, best_low, where = np.inf, 0.0, least
            for q in range(least, most + 1):
                turn = (start + q) // m
                j = start + q - turn * m
                high, low = _reduced(x[i], y[j], (1 - turn) * period, p, g[j])
                if high < best_high or (high == best_high and low < best_low):
                    best_high, best_low, where = high, low, q
            out[i], at[i] = best_high, where
        width //= 2
    for i in range(n):
        argmin[i] = (start + at[i]) % m


def minima(x: Floats, y: Floats, g: Floats, period: float, p: float) -> tuple[Floats, Indices]:
    """``min_j d(x_i, y_j) ** p - g_j`` on a circle and its arg min: (n,), (n,), of x (n,) and y (m,) that ascend from -period/2 to period/2, and finite g (m,).

    In O((n + m) log n). What comparisons at orders other than 1 and 2 may have got wrong by rounding is taken off the minima, so that
    they are never above those of the powers as computed.

    Comparisons that are off by e may leave out a target, level by level of the halving, whose value is less by 2 e at most: by the Monge inequality
    a row's arg min, found to within e, is no worse a bound for the rows beside it than that.
    """
    start, stop = int(np.searchsorted(y, 0.0)), int(np.searchsorted(y, 0.0, side="right"))
    copies = np.concatenate([y[start:] - period, y, y[:stop] + period])
    first = np.searchsorted(copies, x - _WINDOW * period)
    last = np.searchsorted(copies, x + _WINDOW * period, side="right") - 1
    out, argmin = np.empty(len(x)), np.empty(len(x), np.int64)
    _minima(x, y, g, start, first, last, period, p, out, argmin)
    if p not in (1, 2):
        reach = float(max(x[-1], y[-1]) - min(x[0], y[0]))
        across = (reach if reach < _STRAIGHT * period else _WINDOW * period) ** p
        # No more does a pair cost that is a minimum.
        largest = min(across, 1.01 * float(np.abs(out).max() + np.abs(g).max()))
        out -= 2 * (2 + math.log2(len(x))) * (p + 4) * 2.0**-53 * largest
    return out, argmin
