"""A cost with one dummy point on either side, which takes at a price what is not transported.

The dummies' costs are listed, one number a point; all else is asked of the cost that they are added to, which may be one of
points whose pairs are never stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from ...errors import InvalidInput
from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels, cpu, matrix_ground
from ...kernels.double_double import UNIT
from ..units import PowerOfTwo, stretched
from .base import Cost, keeps_everything, refuse_device, row_blocks
from .merging import PaddedMerging
from .passes import GroundPasses, Passes
from .searches import GroundSearches, Searches
from .unforbidden import Unforbidden

if TYPE_CHECKING:
    from .clouds import CloudCost

_REACH = 256  # powers of two that prices may lie off the largest cost before all are divided further, or less

Dummy = tuple[int | None, int | None]  # where the dummy row and the dummy column stand; None where there is none


@final
@dataclass(frozen=True, eq=False)
class PaddedCost(Unforbidden):
    """The cost of points, ``inner`` (n, m), with a dummy row and a dummy column, (n + 1, m + 1), or the part of it that is asked for.

    Parameters
    ----------
    inner : CloudCost
        Between the points.
    column, row : ndarray
        (n,) and (m,), float64, finite: what lies between sources and the dummy target, and between the dummy source and targets.
    corner : float
        What lies between both dummies.
    at : (int or None, int or None)
        Where the dummy row and the dummy column stand; None where a part has none.
    lost : float
        How far off a dummy's costs are, relatively, once they were divided by a power that is none of two.
    cap : float
        What lies between points counts as this at most.
    """

    called: ClassVar[str] = "points and a dummy"
    of_points: ClassVar[bool] = True
    inner: CloudCost
    column: Floats
    row: Floats
    corner: float
    at: Dummy
    lost: float = 0.0
    cap: float = math.inf
    p: float = field(init=False)
    scale: PowerOfTwo = field(init=False)
    dtype: Any = field(init=False)
    device: str = field(init=False)

    def __post_init__(self) -> None:
        for name in ("p", "scale", "dtype", "device"):
            object.__setattr__(self, name, getattr(self.inner, name))

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of: searches are made again where they are needed."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, dummies among them."""
        n, m = self.inner.shape
        return n + (self.at[0] is not None), m + (self.at[1] is not None)

    @property
    def kernels(self) -> Kernels:
        """Those of the host, for what is listed."""
        return cpu

    @property
    def T(self) -> PaddedCost:
        """The same cost seen from the targets."""
        return replace(self, inner=self.inner.T, column=self.row, row=self.column, at=self.at[::-1])

    @property
    def passes(self) -> Passes:
        """Piece by piece."""
        return GroundPasses(self.kernels, self.grounds, self.grounds)

    @property
    def searches(self) -> Searches:
        """Those of the points, and one more candidate for each; where points lie too far beyond the cap for these, over all pairs."""
        return self._searches

    @cached_property
    def _searches(self) -> Searches:
        far = (
            self.cap < math.inf and self._range_of_points[1] > 2.0**_REACH
        )  # what cells reckon with would not be a float
        if far or self._is_bare:
            return GroundSearches(self.kernels, self.grounds)
        return PaddedSearches(self.inner.searches, self.column, self.dummy_row, self.at, self.cap)

    @property
    def _is_bare(self) -> bool:
        """Whether a part has no points on some side, which have no box then: only a dummy's costs are asked for."""
        return 0 in self.inner.shape

    @property
    def _range_of_points(self) -> tuple[float, float]:
        """Of what lies between the points; 0 where there are none."""
        return (0.0, 0.0) if self._is_bare else self.inner.range()

    @property
    def clouds(self) -> CloudCost:
        """Without the dummies."""
        return self.inner

    @property
    def entry(self) -> None:
        """Prices are no distances."""

    @property
    def merging(self) -> PaddedMerging:
        """Of points beside the dummies."""
        return PaddedMerging(self)

    @property
    def pruned(self) -> bool:
        """As between the points."""
        return self.inner.pruned

    @property
    def dummy_row(self) -> Floats:
        """The costs from the dummy source to every target: (columns,)."""
        return _inserted(self.row, self.at[1], self.corner)

    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows``, a few million entries at a time."""
        for piece in row_blocks(rows, *self.shape):
            yield piece, matrix_ground(self._listed(piece))

    def _listed(self, rows: slice) -> Floats:
        (n, m), (row, column) = self.shape, self.at
        out = np.empty((len(range(n)[rows]), m), self.dtype)
        wanted = np.arange(n)[rows]
        real, others = wanted != row, np.arange(m) != column
        if real.any():
            first, *_, last = np.repeat(_numbered(wanted[real], row), 2)
            if others.any():
                out[np.ix_(real, others)] = np.minimum(self.inner.block(slice(int(first), int(last) + 1)), self.cap)
            if column is not None:
                out[real, column] = self.column[first : last + 1]
        if not real.all():
            out[~real] = self.dummy_row
        return out

    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs: (k,)."""
        row, column = self.at
        of_row, of_column = rows == row, columns == column
        real = ~(of_row | of_column)
        out = np.empty(len(rows), self.dtype)
        out[real] = np.minimum(self.inner.pairs(_numbered(rows[real], row), _numbered(columns[real], column)), self.cap)
        kept = of_column & ~of_row
        out[kept] = self.column[_numbered(rows[kept], row)]
        out[of_row] = self.dummy_row[columns[of_row]]
        return out

    def restricted(self, rows: Indices, columns: Indices, *, ordered: bool = False) -> PaddedCost:
        """The same cost between some of the points, the dummies among them or not."""
        if not ordered and keeps_everything(rows, columns, self.shape):
            return self
        (one, i), (other, j) = (_parted(side, at) for side, at in zip((rows, columns), self.at))
        inner = self.inner.restricted(one, other, ordered=ordered)
        return replace(self, inner=inner, column=self.column[one], row=self.row[other], at=(i, j))

    def astype(self, dtype: Any) -> PaddedCost:
        """The same cost computed in ``dtype``."""
        return replace(self, inner=self.inner.astype(dtype))

    @property
    def listed(self) -> int:
        """Those of the prices are not counted."""
        return self.inner.listed

    def padded(self, column: Floats, row: Floats, corner: float, cap: float = math.inf) -> Cost:
        """There is one dummy a side."""
        raise AssertionError("there are dummies already")

    def on(self, device: str, copies: tuple[Any, Any] | None = None) -> PaddedCost:
        """Listed on the host."""
        raise refuse_device(device)

    def stored(self) -> dict[str, Any]:
        """There is no place for prices."""
        raise InvalidInput(
            "the cost must be a matrix for a proof file of partial transport; received points and prices; list the costs of all pairs and call "
            "otgen.transport with the same penalty or mass"
        )

    @property
    def line_power(self) -> None:
        """Sorting does not say which points stay."""

    @property
    def degree(self) -> int:
        """As between the points."""
        return self.inner.degree

    @property
    def _prices(self) -> Floats:
        return np.concatenate([self.column, self.row, [self.corner]])

    def size(self) -> PowerOfTwo:
        """That of the points, unless prices lie far above their costs, or far below, where none above the cap counts."""
        size = self.inner.size()
        largest = float(np.abs(self._prices).max())
        beyond = PowerOfTwo.above(largest).exponent - size.exponent * self.p if largest else 0.0
        far = beyond > _REACH or (beyond < -_REACH and self.cap < math.inf)
        divides = self.inner.entry is None or self.inner.entry.scales
        if not (divides and far):
            return size
        return PowerOfTwo(size.exponent + math.ceil(beyond / self.p)).within_reach(self.inner.box.largest)

    def divided(self, by: PowerOfTwo) -> PaddedCost:
        """Distances divided, and prices by the power that they are, as far as the points could be: squares only by even powers of two."""
        inner = self.inner.divided(by)
        power = -(inner.scale / self.scale).exponent * self.p
        column, row = stretched(self.column, power), stretched(self.row, power)
        lost = self.lost + (0.0 if power == int(power) else 4 * UNIT)
        corner, cap = (float(stretched(number, power)) for number in (self.corner, self.cap))
        return replace(self, inner=inner, column=column, row=row, corner=corner, lost=lost, cap=cap)

    @property
    def measured(self) -> PaddedCost:
        """The same: its range is that of its pairs."""
        return self

    def range(self) -> tuple[float, float]:
        """Those of the points and of all prices."""
        (low, high), prices = self._range_of_points, self._prices
        return min(low, float(prices.min())), max(min(float(high), self.cap), float(prices.max()))

    @property
    def rounding(self) -> tuple[float, float]:
        """Prices are what was received, but for divisions."""
        relative, absolute = (0.0, 0.0) if self._is_bare else self.inner.rounding
        return max(relative, self.lost), max(absolute, 2.0**-1073)


@dataclass(frozen=True, eq=False)
class PaddedSearches(Searches):
    """Minima among points by their own searches, then beside the dummy; the dummy's own row is listed."""

    inner: Searches
    column: Floats
    dummy_row: Floats
    at: Dummy
    cap: float = math.inf

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """The lesser of two minima."""
        row, column = self.at
        left = _left(g, column)
        if len(left):
            values, argmin = self._capped(*self.inner.ctransform(left), left)
        else:  # nobody but the dummy
            values, argmin = np.full(len(self.column), np.inf), np.zeros(len(self.column), np.int64)
        argmin = _named(argmin, column)
        if column is not None:
            priced = self.column - g[column]
            argmin, values = np.where(priced < values, column, argmin), np.minimum(priced, values)
        if row is None:
            return values, argmin
        reduced = self.dummy_row - g
        least = int(reduced.argmin())
        return np.insert(values, row, reduced[least]), np.insert(argmin, row, least)

    def _capped(self, values: Floats, argmin: Indices, g: Floats) -> tuple[Floats, Indices]:
        """Minima among points of what no pair costs more than."""
        if self.cap == math.inf:
            return values, argmin
        most = int(g.argmax())
        at_most = self.cap - g[most]
        return np.minimum(values, at_most), np.where(values > at_most, most, argmin)

    def nearest(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """The dummy takes its place among the nearest; pairs above the cap, which are none of the best, come as what they cost."""
        row, column = self.at
        left = _left(g, column)
        found = self.inner.nearest(left, min(count, len(left)), _left(below, row))
        return self._with_dummies(found, g, count, below)

    def price(self, g: Floats, count: int, below: Floats) -> tuple[Indices, Floats]:
        """As the points are priced."""
        row, column = self.at
        left = _left(g, column)
        found = self.inner.price(left, min(count, len(left)), _left(below, row))
        return self._with_dummies(found, g, count, below)

    def _with_dummies(
        self, found: tuple[Indices, Floats], g: Floats, count: int, below: Floats
    ) -> tuple[Indices, Floats]:
        (columns, values), (row, column) = found, self.at
        columns = np.where(columns < 0, -1, _named(columns, column))
        if column is not None:
            priced = self.column - g[column]
            cheap = priced < _left(below, row)
            columns = np.column_stack([columns, np.where(cheap, column, -1)])
            values = np.column_stack([values, np.where(cheap, priced, np.inf)])
            order = np.argsort(values, axis=1, kind="stable")[:, :count]
            columns, values = np.take_along_axis(columns, order, 1), np.take_along_axis(values, order, 1)
        if row is None:
            return columns, values
        reduced = self.dummy_row - g
        least = np.argsort(reduced, kind="stable")[:count]
        cheap = reduced[least] < below[row]
        own = np.where(cheap, least, -1), np.where(cheap, reduced[least], np.inf)
        return np.insert(columns, row, own[0], axis=0), np.insert(values, row, own[1], axis=0)


def _left(values: Floats, at: int | None) -> Floats:
    """What is left of values without the dummy's."""
    return values if at is None else np.delete(values, at)


def _inserted(values: Floats, at: int | None, value: float) -> Floats:
    return values if at is None else np.insert(values, at, value)


def _named(inner: Indices, at: int | None) -> Indices:
    """Numbers among points and a dummy, of numbers among points."""
    return inner if at is None else inner + (inner >= at)


def _numbered(named: Indices, at: int | None) -> Indices:
    """The way back, for those that are no dummy."""
    return named if at is None else named - (named > at)


def _parted(named: Indices, at: int | None) -> tuple[Indices, int | None]:
    """Numbers of points, and where among them the dummy stood."""
    where = np.flatnonzero(named == at) if at is not None else []
    if not len(where):
        return _numbered(named, at), None
    return _numbered(np.delete(named, where), at), int(where[0])
