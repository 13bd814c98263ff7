"""Points of a grid, and minima over all pairs of two grids.

A grid is a product of sets of coordinates, such as the pixels of an image; points may be some of its nodes, in any order, several at one. Its
spacing may be anything: all that is used is that a cost along an axis is shared by a whole line.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import grids

_DIMS = (2, 3)  # one is the line's; above three the rounding of a sum axis by axis would have to be charged
_FILLED = 8  # nodes a point at most: the support of a picture fills some of its frame
_LOOK = 256  # points that tell at once what is no grid: a coordinate comes twice among them
_WORTH = 4096  # sums a point at most: what skipping far cells takes longer for


class Grid(NamedTuple):
    """``axes``: the coordinates along each axis, ascending, (s_k,); ``at``: where along it points are, (n,) each."""

    axes: tuple[Floats, ...]
    at: tuple[Indices, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of coordinates along the axes."""
        return tuple(map(len, self.axes))


def grid_of(points: Floats) -> Grid | None:
    """The smallest grid that holds points (n, d); None where that has far more nodes than there are points."""
    n, d = points.shape
    if d not in _DIMS or all(len(np.unique(z)) == len(z) for z in points[:_LOOK].T):
        return None
    axes, at = zip(*(np.unique(z, return_inverse=True) for z in points.T))
    return Grid(axes, at) if math.prod(map(len, axes)) <= _FILLED * n else None


def pays(rows: Grid, columns: Grid) -> bool:
    """Whether going axis by axis takes less than looking at cells of points."""
    n, m = len(rows.at[0]), len(columns.at[0])
    sums, done = 0, 1
    for k, (s, t) in enumerate(zip(rows.shape, columns.shape)):
        sums += done * s * t * math.prod(columns.shape[k + 1 :])
        done *= s
    return sums <= min(_WORTH * (n + m), n * m)


def ctransform(rows: Grid, columns: Grid, power: float, g: Floats) -> tuple[Floats, Indices]:
    """``min_j sum_k |x_ik - y_jk| ** power - g_j`` and its arg min: (n,), (n,), for power 1 or 2.

    Each value is within ``u |value| + r c + r |g|`` of the true minimum, for r the relative rounding of the cost c
    (:meth:`~.metrics.Powers.rounding`), as where the cost is computed first: of a power 2 every term is off by 3 u, and each of the first
    d - 1 sums, at most ``c + |g|`` in size, by u, so by ``(d + 2) u c + (d - 1) u |g|``, and r is at least ``(d + 4) u``; of a power 1 by ``d u c + (d - 1) u |g|``, and r is
    at least ``(d + 3) u``.
    """
    table, owner = grids.lay(np.ravel_multi_index(columns.at, columns.shape), g, math.prod(columns.shape))
    table, found = table.reshape(columns.shape), []
    for x, y in zip(rows.axes, columns.axes):
        steps = np.abs(x[:, None] - y)
        rest = table.shape[1:]
        least, where = grids.min_plus(steps * steps if power == 2.0 else steps, table.reshape(len(y), -1))
        table = np.ascontiguousarray(np.moveaxis(least.reshape(len(x), *rest), 0, -1))  # the next axis comes first
        found.append(where.reshape(len(x), *rest))
    return table[rows.at], owner[np.ravel_multi_index(_followed_nodes(rows, found), columns.shape)]


def _followed_nodes(rows: Grid, found: list[Indices]) -> tuple[Indices, ...]:
    """The node of the columns' grid that each row's minimum came from, axis by axis: last first, as sums were taken first to last."""
    nodes: tuple[Indices, ...] = ()
    for k in range(len(found) - 1, -1, -1):
        nodes = (found[k][(rows.at[k], *nodes, *rows.at[:k])], *nodes)
    return nodes
