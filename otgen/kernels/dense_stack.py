"""Many small problems laid out one behind the other: points, weights and listed costs of all in one array each."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from .cost_entries import fill_powers
from .jit import jit
from .parallel import over_rows

_EXPONENT = 120  # largest power of two in a cost, or in its inverse, that needs no scaling


class Layout(NamedTuple):
    """Where the B problems of a stack begin: ``starts`` (B + 1, 3), of sources, of targets and of pairs; the last row is where they end."""

    starts: Indices

    @property
    def square(self) -> bool:
        """Whether some problem has as many sources as targets."""
        sizes = np.diff(self.starts[:, :2], axis=0)
        return bool((sizes[:, 0] == sizes[:, 1]).any())

    def over(self, nanoseconds: int, kernel: Callable[[int, int], object]) -> None:
        """Call ``kernel(first, last)`` over the problems, of which a pair takes so many nanoseconds."""
        size = len(self.starts) - 1
        over_rows(size, 0 if size == 1 else nanoseconds * int(self.starts[-1, 2]) // size, kernel)


class Claims(NamedTuple):
    """What is said of a stack of B problems with N sources and M targets altogether.

    Plans by their entries: ``indices`` (2, N + M), rows and columns, numbered within each problem, with ``flows`` (2, N + M), pairs of high
    and low parts; the first ``counts`` (B,) of each problem's n + m places count. Potentials ``f`` (N,) and ``g`` (M,).
    """

    indices: Indices
    flows: Floats
    f: Floats
    g: Floats
    counts: Indices

    def plan(self, k: int = 0, start: int = 0) -> tuple[Indices, Indices, Floats, Floats]:
        """The plan of the k-th problem, whose entries begin at ``start``: rows, columns and flows, one an entry."""
        used = slice(start, start + int(self.counts[k]))
        (rows, columns), (high, low) = self.indices[:, used], self.flows[:, used]
        return rows, columns, high, low


@lru_cache(maxsize=256)
def single(n: int, m: int) -> Layout:
    """The layout of one problem."""
    return Layout(np.array([[0, 0, 0], [n, m, n * m]]))


def layout(n: Indices, m: Indices) -> Layout:
    """The layout of problems of n (B,) sources and m (B,) targets."""
    starts = np.zeros((len(n) + 1, 3), np.int64)
    for k, sizes in enumerate((n, m, n * m)):
        np.cumsum(sizes, out=starts[1:, k])
    return Layout(starts)


@jit
def _extents(x, y):
    """The largest difference of a coordinate of x and one of y, NaN where one is none or infinite."""
    reach = 0.0
    for k in range(x.shape[1]):
        low_x = high_x = x[0, k]
        low_y = high_y = y[0, k]
        rest = 0.0
        for i in range(x.shape[0]):
            low_x, high_x = min(low_x, x[i, k]), max(high_x, x[i, k])
            rest += x[i, k] - x[i, k]
        for j in range(y.shape[0]):
            low_y, high_y = min(low_y, y[j, k]), max(high_y, y[j, k])
            rest += y[j, k] - y[j, k]
        reach = max(reach, max(high_x - low_y, high_y - low_x)) + rest
    return reach


@jit
def is_mass(weights):
    """Whether weights are finite, non-negative, and sum up to something that is a float."""
    total = 0.0
    for i in range(len(weights)):
        if not weights[i] >= 0.0:
            return False
        total += weights[i]
    return 0.0 < total < 1e300


@jit
def _list_all(x, y, a, b, inner, outer, factor, starts, out, reach, first, last):
    for k in range(first, last):
        i, j, e = starts[k, 0], starts[k, 1], starts[k, 2]
        i_end, j_end, e_end = starts[k + 1, 0], starts[k + 1, 1], starts[k + 1, 2]
        costs = out[e:e_end].reshape(i_end - i, j_end - j)
        one, other = x[i:i_end], y[j:j_end]
        reach[k] = _extents(one, other) if is_mass(a[i:i_end]) and is_mass(b[j:j_end]) else np.nan
        across = np.empty((y.shape[1], len(other)))
        for column in range(len(other)):
            for axis in range(y.shape[1]):
                across[axis, column] = other[column, axis]
        for row in range(i_end - i):
            fill_powers(one, across, row, 0, j_end - j, inner, outer, factor, costs[row])


def listed(
    x: Floats, y: Floats, a: Floats, b: Floats, form: tuple[float, float, float], where: Layout
) -> tuple[Floats, Floats]:
    """Costs (E,) between the clouds x (N, d) and y (M, d) of a stack, of a form by differences that :class:`.GroundCost` has, and how far they reach, (B,).

    That is the largest difference of two coordinates; NaN where points are not finite, or weights (N,), (M,) no masses.
    """
    out, reach = np.empty(where.starts[-1, 2]), np.empty(len(where.starts) - 1)
    where.over(1 + x.shape[1], lambda s, t: _list_all(x, y, a, b, *form, where.starts, out, reach, s, t))
    return out, reach


@jit
def _size_all(costs, a, b, starts, reach, first, last):
    for k in range(first, last):
        i, j, e = starts[k, 0], starts[k, 1], starts[k, 2]
        i_end, j_end, e_end = starts[k + 1, 0], starts[k + 1, 1], starts[k + 1, 2]
        largest = rest = 0.0
        for at in range(e, e_end):
            largest = max(largest, abs(costs[at]))
            rest += costs[at] - costs[at]
        reach[k] = largest + rest if is_mass(a[i:i_end]) and is_mass(b[j:j_end]) else np.nan


def sizes(costs: Floats, a: Floats, b: Floats, where: Layout) -> Floats:
    """The largest cost of each problem of a stack, (B,); NaN where one is not finite, or weights (N,), (M,) no masses."""
    reach = np.empty(len(where.starts) - 1)
    where.over(1, lambda s, t: _size_all(costs, a, b, where.starts, reach, s, t))
    return reach


def are_plain(reach: Floats, p: float) -> Any:
    """Which costs of points so far apart, (B,), can be computed as they are, far from the ends of the range of floats."""
    return (reach == 0) | (np.isfinite(reach) & (abs(np.frexp(reach)[1]) * max(p, 2.0) < _EXPONENT))


def is_plain(reach: float, p: float) -> bool:
    """:func:`are_plain` of one."""
    return reach == 0 or (math.isfinite(reach) and abs(math.frexp(reach)[1]) * max(p, 2.0) < _EXPONENT)
