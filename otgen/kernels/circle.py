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
    return high**p, 0.0


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
def _room(circle, i, j):
    """What the pairs (i, j + 1) and (i + 1, j) cost more than (i, j) and (i + 1, j + 1)."""
    high, low = _lifted_cost(circle, i, j + 1)
    more_high, more_low = _lifted_cost(circle, i + 1, j)
    high, low = pair_add(high, low, more_high, more_low)
    less_high, less_low = _lifted_cost(circle, i, j)
    high, low = pair_add(high, low, -less_high, -less_low)
    less_high, less_low = _lifted_cost(circle, i + 1, j + 1)
    high, low = pair_add(high, low, -less_high, -less_low)
    return high + low


@jit
def _chain(circle, level, i, j, slack, f, g):
    """Potentials that are tight along the staircase of a level, once round from the source i and the target j that follow a meeting.

    At meetings the last source may also serve the next target, or with some ``slack`` less than it costs, as much as the next pair leaves room
    for. Returns by how much the potential of the first target has grown on coming back to it.
    """
    x, y, before_x, before_y, _, _ = circle
    n, m, total = x.shape[0], y.shape[0], before_x[-1]
    last = j + m
    f_high, f_low = 0.0, 0.0
    g_high, g_low = _lifted_cost(circle, i, j)
    f[i % n], g[j % m] = f_high, g_high
    first_high, first_low = g_high, g_low
    while True:
        left = before_x[i % n] + i // n * total
        right = before_y[j % m] + j // m * total + level
        if left >= right:
            high, low = _lifted_cost(circle, i, j + 1)
            g_high, g_low = pair_add(high, low, -f_high, -f_low)
            j += 1
            if j == last:
                return (g_high - first_high) + (g_low - first_low)
            if left == right and slack > 0.0:
                used = min(max(_room(circle, i, j - 1), 0.0), slack)
                slack -= used
                g_high, g_low = pair_add(g_high, g_low, -used, 0.0)
            g[j % m] = g_high
        if left <= right:
            i += 1
            high, low = _lifted_cost(circle, i, j)
            f_high, f_low = pair_add(high, low, -g_high, -g_low)
            f[i % n] = f_high


def potentials(circle: Circle, level: int, i: int, j: int) -> tuple[Floats, Floats]:
    """Potentials (n,), (m,) for the staircase of the best level, from a source i and a target j of the covering line that follow a meeting."""
    f, g = np.empty(len(circle.x)), np.empty(len(circle.y))
    grown = _chain(circle, np.int64(level), np.int64(i), np.int64(j), 0.0, f, g)
    if grown > 0:
        _chain(circle, np.int64(level), np.int64(i), np.int64(j), grown, f, g)
    return f, g


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
        largest = (reach if reach < _STRAIGHT * period else _WINDOW * period) ** p
        out -= 2 * (2 + math.log2(len(x))) * (p + 4) * 2.0**-53 * largest
    return out, argmin
