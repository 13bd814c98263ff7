"""Minima over all pairs of a cost: c-transforms, and the few nearest columns of every row.

Five ways: piece by piece by the kernels, by cells of points most of which are skipped, by a matrix product that leaves few candidates,
between grids axis by axis, and on a circle by the order of the points.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels, circle, matrix_ground
from ...kernels.double_double import UNIT
from ...kernels.sorting import argsort
from .grids import Grid, ctransform
from .passes import Pieces, joined

Mask = npt.NDArray[np.bool_]

_SIFTED = 3  # candidates a row for a c-transform by matrix product
_ROUNDINGS = 8  # of what is added up, by which minima of one row may differ between two ways
_BLOCK = 4_000_000  # entries of a matrix product that are held at once


class Searches(abc.ABC):
    """Minima over the columns of a cost (n, m)."""

    @abc.abstractmethod
    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """As :meth:`Cost.ctransform`."""

    @abc.abstractmethod
    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """As :meth:`Cost.nearest`."""

    @abc.abstractmethod
    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """As :meth:`Cost.price`."""


@dataclass(frozen=True, eq=False)
class GroundSearches(Searches):
    """By the kernels, piece by piece."""

    kernels: Kernels
    pieces: Pieces

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """Over all pairs."""
        return _both_joined([self.kernels.ctransform(ground, g) for _, ground in self.pieces()])

    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """Over all pairs."""
        return _both_joined([self.kernels.nearest(ground, g, count, below[rows]) for rows, ground in self.pieces()])

    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """There is no faster way."""
        return self.nearest(g, count, below)


class CtransformSearches(Searches):
    """Of a cost whose c-transform has a way of its own; all else goes ``plain``."""

    plain: GroundSearches

    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """As it goes plain."""
        return self.plain.nearest(g, count, below)

    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """As it goes plain."""
        return self.plain.price(g, count, below)


@dataclass(frozen=True, eq=False)
class CelledSearches(Searches):
    """Of points in kd order, far cells of columns skipped; ``rows`` and ``columns`` put them in that order."""

    kernels: Kernels
    ground: GroundCost
    rows: Indices | slice
    columns: Indices | slice

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """With the cells skipped that cannot hold the least."""
        values, argmin = np.empty(len(self.ground.x)), np.empty(len(self.ground.x), np.int64)
        values[self.rows], where = self.kernels.ctransform(self.ground, g[self.columns])
        argmin[self.rows] = self._named(where)
        return values, argmin

    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """With the cells skipped that hold none of them."""
        size = len(self.ground.x)
        columns, values = np.empty((size, count), np.int64), np.empty((size, count))
        where, values[self.rows] = self.kernels.nearest(self.ground, g[self.columns], count, below[self.rows])
        columns[self.rows] = np.where(where < 0, -1, self._named(where))
        return columns, values

    def nearest_of(self, chosen: Mask, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """The same for the rows ``chosen`` (n,) alone: others have none."""
        size = len(self.ground.x)
        columns, values = np.full((size, count), -1), np.full((size, count), np.inf)
        order = np.arange(size) if isinstance(self.rows, slice) else self.rows
        kept = np.flatnonzero(chosen[order])
        rows, part = order[kept], self.ground._replace(x=self.ground.x[kept])
        where, values[rows] = self.kernels.nearest(part, g[self.columns], count, below[rows])
        columns[rows] = np.where(where < 0, -1, self._named(where))
        return columns, values

    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """There is no faster way."""
        return self.nearest(g, count, below)

    def _named(self, where: Indices) -> Indices:
        """Columns of the cost, of columns in kd order."""
        return where if isinstance(self.columns, slice) else self.columns[where]


@dataclass(frozen=True, eq=False)
class GridSearches(Searches):
    """Between two grids, of a cost that is a sum of powers of differences: minima axis by axis, further columns by cells."""

    rows: Grid
    columns: Grid
    inner: float
    celled: Callable[[], CelledSearches]

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """Axis by axis."""
        return ctransform(self.rows, self.columns, self.inner, g)

    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """By cells."""
        return self.celled().nearest(g, count, below)

    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """By cells where a row's minimum, found axis by axis, is below by more than rounding can come to."""
        if np.isposinf(below).all() and count > 1:
            return self.nearest(g, count, below)
        values, argmin = self.ctransform(g)
        chosen = values < below - _ROUNDINGS * UNIT * (
            np.abs(values) + np.abs(g).max(initial=0.0, where=np.isfinite(g))
        )
        if count > 1:
            return self.celled().nearest_of(chosen, g, count, below)
        return np.where(chosen, argmin, -1)[:, None], np.where(chosen, values, np.inf)[:, None]


@dataclass(frozen=True, eq=False)
class CircleSearches(CtransformSearches):
    """Between points ``x`` (n,) and ``y`` (m,) in (-period/2, period/2] on a circle: minima by their order, further columns by the kernels."""

    plain: GroundSearches
    x: Floats
    y: Floats
    period: float
    p: float

    @cached_property
    def _orders(self) -> tuple[Indices, Indices]:
        return argsort(self.x), argsort(self.y)

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """By halves that bound each other: see :func:`otgen.kernels.circle.minima`."""
        if not np.isfinite(g).all():
            return self.plain.ctransform(g)
        one, other = self._orders
        values, argmin = np.empty(len(one)), np.empty(len(one), np.int64)
        values[one], where = circle.minima(self.x[one], self.y[other], g[other], self.period, self.p)
        argmin[one] = other[where]
        return values, argmin


@dataclass(frozen=True, eq=False)
class ProductSearches(Searches):
    """In many dimensions ``|x - y|^2 = |x|^2 - 2 <x, y> + |y|^2`` by a matrix product, of points around their mean.

    Its error is at most ``(d + 4) u (|x| + |y|)^2``; taken only where that is below 1e-12 of the largest cost. The cost is the squared
    distance to the power ``outer``. ``centred`` is ``-2 x`` and y around the mean, ``squares`` are those of both.
    """

    plain: GroundSearches
    ground: GroundCost
    centred: tuple[Floats, Floats]
    squares: tuple[Floats, Floats]
    outer: float

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """Over the few candidates that the product leaves, over all pairs in rows where it leaves too many.

        What the product misses by is bounded; the minimum is over costs from differences of coordinates.
        """
        if self.outer != 1 or not np.isfinite(g).all():
            return self.plain.ctransform(g)
        n, m = len(self.ground.x), len(g)
        columns, near = self.price(g, min(_SIFTED, m), np.full(n, np.inf))
        of_x, of_y = self.squares
        products = 4 * (self.ground.x.shape[1] + 4) * float(of_x.max() + of_y.max())
        error = UNIT * (products + 8 * float(np.abs(near).max() + np.abs(g).max()))
        rows = np.repeat(np.arange(n), columns.shape[1])
        costs = self.plain.kernels.cost_pairs(self.ground, rows, columns.ravel())
        reduced = (costs - g[columns.ravel()]).reshape(columns.shape)
        values = reduced.min(axis=1)
        argmin = np.where(reduced == values[:, None], columns, m).min(axis=1)
        unsure = np.flatnonzero(near[:, -1] <= near[:, 0] + 2 * error)
        if columns.shape[1] < m and len(unsure):
            part = self.ground._replace(x=self.ground.x[unsure])
            values[unsure], argmin[unsure] = self.plain.kernels.ctransform(part, g)
        return values, argmin

    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """From differences of coordinates."""
        return self.plain.nearest(g, count, below)

    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """From the product."""
        (x, y), (of_x, of_y), kernel = self.centred, self.squares, self.plain.kernels.nearest
        columns, values = np.empty((len(x), count), np.int64), np.empty((len(x), count))
        for start in range(0, len(x), step := max(1, _BLOCK // len(y))):
            rows = slice(start, start + step)
            block = x[rows] @ y.T  # of -2 x: one addition less an entry
            if self.outer == 1:
                columns[rows], values[rows] = kernel(matrix_ground(block), g - of_y, count, below[rows] - of_x[rows])
                values[rows] += of_x[rows, None]
                continue
            block += of_x[rows, None]
            block += of_y
            np.maximum(block, 0.0, out=block)
            np.sqrt(block, out=block) if self.outer == 0.5 else np.power(block, self.outer, out=block)
            columns[rows], values[rows] = kernel(matrix_ground(block), g, count, below[rows])
        return columns, values


def _both_joined(parts: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    return joined([part[0] for part in parts]), joined([part[1] for part in parts])
