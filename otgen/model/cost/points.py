"""Costs between points, computed when they are asked for and never stored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import CELL, PRODUCT, GroundCost, gpu, matrix_ground, on_device, point_ground
from ...kernels.double_double import UNIT
from ...kernels.kdtree import kd_order
from .base import Cost
from .metrics import Circular, Minkowski, PointMetric, entry_of

_SIFTED = 3  # candidates a row for a c-transform by matrix product
_KEPT = 2**28  # bytes of inner products that are kept for the next pass
_TREE_DIM = 10  # above this boxes around points exclude next to nothing


@dataclass(frozen=True, eq=False)
class PointCost(Cost):
    """``metric(x_i, y_j) ** p``, computed when it is asked for and never stored.

    Parameters
    ----------
    x, y : ndarray
        (n, d) and (m, d), float64, finite.
    metric : str, Minkowski, Circular
        ``"euclidean"``, ``"cityblock"``, ``"chebyshev"``, ``"great_circle"``, ``Minkowski(q)``, ``Circular(period)``; or one of the costs ``"sqeuclidean"`` and
        ``"cosine"`` with ``p=1``. A callable gives a :class:`CallableCost` instead, see :func:`point_cost`.
    p : float
        Power of the metric, in [1, inf].
    device : str
        Where sums and searches over all pairs are done. On a GPU no pair is left out: cells of neighbours are for processors that
        would wait for memory. The host keeps points too, n d numbers, for boxes, levels and bounds on rounding; potentials travel each time.
    device_points : (array, array), optional
        The clouds before any scaling, float64 on the device, which the kernels then read without another transfer.

    Raises
    ------
    InvalidInput
        For an unknown metric, a cost that is no metric with p != 1, clouds of different dimensions, a zero vector under
        ``"cosine"``, and where distances exceed the range of floats.
    """

    x: Floats
    y: Floats
    metric: str | Minkowski | Circular = "euclidean"
    p: float = 2.0
    shift: int = 0
    dtype: Any = np.float64
    device: str = "cpu"
    device_points: tuple[Any, Any] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return len(self.x), len(self.y)

    @property
    def T(self) -> PointCost:
        """The same cost seen from the targets."""
        return self._transposed

    @cached_property
    def _transposed(self) -> PointCost:
        flipped = self._flipped()
        object.__setattr__(flipped, "_transposed", self)  # what either has computed of its clouds serves both
        return flipped

    def _flipped(self) -> PointCost:
        return replace(self, x=self.y, y=self.x, device_points=self.device_points and self.device_points[::-1])

    @property
    def _on_host(self) -> bool:
        return self.device == "cpu"

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of: what lies on the device, or was computed of the clouds, is made again where it is needed."""
        return {part.name: getattr(self, part.name) for part in fields(self)} | {"device_points": None}

    @cached_property
    def form(self) -> tuple[float, float, float]:
        """Inner power, outer power and factor, as :class:`GroundCost` has them."""
        return self.entry.form(self.p)

    @cached_property
    def entry(self) -> PointMetric:
        """What the table of metrics says of this one."""
        return entry_of(self.metric)

    @cached_property
    def _ground(self) -> GroundCost:
        if self._already_there:
            return self._shifted(np.zeros(self.x.shape[1]), self.form)
        return self._placed(point_ground(self._kernel_points(self.x), self._kernel_points(self.y), *self.form))

    def _placed(self, ground: GroundCost) -> GroundCost:
        """Where the kernels look for it."""
        return ground if self._on_host else gpu.moved(ground, self.device)

    @property
    def _already_there(self) -> bool:
        """Whether the device has the points, but for a shift."""
        return self.device_points is not None and self.entry.by_differences and abs(self.points_shift) <= 900

    def _shifted(self, centre: Floats, form: tuple[float, float, float]) -> GroundCost:
        """The ground around ``centre``, of the points that the device has."""
        assert self.device_points is not None
        return gpu.shifted(self.device_points, self.device, 2.0**-self.points_shift, centre, form, self.dtype)

    @cached_property
    def _order(self) -> Indices:
        """The kd order of x."""
        return kd_order(self.x)

    @property
    def pruned(self) -> bool:
        """Whether boxes around the targets let searches skip most pairs: in few dimensions only."""
        return self._boxed and np.dtype(self.dtype) == np.float64

    @property
    def _boxed(self) -> bool:
        return self._on_host and len(self.y) >= 4 * CELL and self.x.shape[1] <= _TREE_DIM and self.entry.by_differences

    @cached_property
    def _search(self) -> GroundCost:
        """The ground for searching minima: both clouds in kd order."""
        return point_ground(self.x[self._order], self.y[self.T._order], *self.form, celled=True)

    @cached_property
    def _sums(self) -> GroundCost:
        """The ground for sums of exponentials: around the middle, and in kd order where that lets terms be left out."""
        if not self.entry.by_differences:
            return self._ground
        if not self._boxed:
            return self._middle
        x, y = self._middle.x[self._order], self._middle.yt.T[self.T._order]
        return point_ground(x, y, *self.form, celled=True)

    @cached_property
    def _middle(self) -> GroundCost:
        """The ground around the middle of the joint box: what stretches points must not lose their small digits."""
        if not self.entry.by_differences:
            return self._ground
        if self._already_there:
            return self._shifted(self._centre, self.form)
        x, y = (np.asarray(z - self._centre, self.dtype) for z in (self.x, self.y))
        return self._placed(point_ground(x, y, *self.form))

    @property
    def _centre(self) -> Floats:
        """Of the joint box: (d,)."""
        return (np.minimum(self._box[0], self._box[2]) + np.maximum(self._box[1], self._box[3])) / 2

    def softmin(self, h: Floats, epsilon: float) -> Floats:
        """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,)."""
        return self.kernels.softmin(self._middle, h, epsilon)

    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
        return self.kernels.gibbs(self._middle, f, g, epsilon, vectors)

    def sweep(
        self,
        f: Floats,
        g: Floats,
        a: Floats,
        b: Floats,
        epsilon: float,
        power: float = 1.0,
        floor: float = -math.inf,
        cut: float = math.inf,
    ) -> tuple[Floats, Floats]:
        """As for any cost; far cells are left out, and in many dimensions a matrix product gives the costs."""
        if self._multiplies:
            return self._product_sweep(f, g, a, b, epsilon, power, floor)
        kernel = self.kernels.sweep
        if not self._boxed:
            return kernel(self._sums, f, g, a, b, epsilon, power, floor)
        rows, columns = self._order, self.T._order
        log_rows, sums = np.empty(len(rows)), np.empty(len(columns))
        log_rows[rows], sums[columns] = kernel(
            self._sums, f[rows], g[columns], a[rows], b[columns], epsilon, power, floor, cut
        )
        return log_rows, sums

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float = math.inf) -> Floats:
        """As for any cost, each pair computed once."""
        if self._multiplies:
            return super().symmetric(f, a, epsilon)
        if not self._boxed:
            return self.kernels.symmetric(self._sums, f, a, epsilon)
        log_rows, rows = np.empty(len(f)), self._order
        log_rows[rows] = self.kernels.symmetric(self._sums, f[rows], a[rows], epsilon, cut)
        return log_rows

    def sums(self, weights: Floats) -> Floats:
        """``sum_j w_j c_ij``: (n,); from sums and squares alone where a matrix product would be good enough."""
        if not self._by_product or self.form[1] != 1:
            return super().sums(weights)
        x, y, squares_x, squares_y = self._centred
        return weights.sum() * squares_x + weights @ squares_y + x @ (weights @ y)

    def gibbs_slope(self, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i``: (n, d)."""
        slope = self.kernels.gibbs_slope(self._ground, f, g, epsilon, weights)
        return self.entry.chained(self.x, slope)

    @property
    def exponent_error(self) -> float:
        """As for any cost; centring and stretching the points adds roundings of their distance to the middle, at most the range."""
        more = 1e-12 if self._multiplies else (16 + 4 * self.p) * UNIT
        return super().exponent_error + more * self.range()[1]

    @property
    def _multiplies(self) -> bool:
        """Whether sums of exponentials take their costs from a matrix product; in single precision that loses no more digits."""
        d = self.x.shape[1]
        if d <= _TREE_DIM or self.form[:2] != (2.0, 1.0) or not self.entry.by_differences:
            return False
        return self._by_product or np.dtype(self.dtype) == np.float32

    def _product_sweep(
        self, f: Floats, g: Floats, a: Floats, b: Floats, epsilon: float, power: float, floor: float
    ) -> tuple[Floats, Floats]:
        """A sweep with ``|x - y|^2 = |x|^2 - 2 <x, y> + |y|^2``: the squares join the potentials."""
        _, _, squares_x, squares_y = self._centred
        kernel = self.kernels.sweep
        return kernel(self._products, f - squares_x, g - squares_y, a, b, epsilon, power, floor)

    @cached_property
    def _products(self) -> GroundCost:
        """``-2 <x, y>``: kept where that is little, since a pass then only has to read it."""
        if self._already_there:
            return self._shifted(self.y.mean(axis=0), (PRODUCT, 1.0, -2.0))
        x, y, _, _ = self._centred
        x, y = np.asarray(x, self.dtype), np.asarray(y, self.dtype)
        if self._on_host and len(x) * len(y) * x.itemsize <= _KEPT:
            return matrix_ground(x @ y.T)
        return self._placed(point_ground(x, y, PRODUCT, 1.0))

    def ctransform(self, g: Floats) -> tuple[Floats, Indices]:
        """``f_i = min_j c_ij - g_j`` and its arg min: (n,), (n,); far cells of columns are skipped."""
        if not self.pruned:
            sifts = self._on_host and self._by_product and self.form[1] == 1 and bool(np.isfinite(g).all())
            return self._sifted(g) if sifts else super().ctransform(g)
        rows, columns = self._order, self.T._order
        values, argmin = np.empty(len(rows)), np.empty(len(rows), np.int64)
        values[rows], where = self.kernels.ctransform(self._search, g[columns])
        argmin[rows] = columns[where]
        return values, argmin

    def _sifted(self, g: Floats) -> tuple[Floats, Indices]:
        """The c-transform of the few candidates that a matrix product leaves, of all pairs in rows where it leaves too many.

        What the product misses by is bounded, see :meth:`price`; the minimum is over costs from differences of coordinates.
        """
        n, m = self.shape
        columns, near = self.price(g, min(_SIFTED, m))
        _, _, squares_x, squares_y = self._centred
        products = 4 * (self.x.shape[1] + 4) * float(squares_x.max() + squares_y.max())
        error = UNIT * (products + 8 * float(np.abs(near).max() + np.abs(g).max()))
        rows = np.repeat(np.arange(n), columns.shape[1])
        reduced = (self.pairs(rows, columns.ravel()) - g[columns.ravel()]).reshape(columns.shape)
        values = reduced.min(axis=1)
        argmin = np.where(reduced == values[:, None], columns, m).min(axis=1)
        unsure = np.flatnonzero(near[:, -1] <= near[:, 0] + 2 * error)
        if columns.shape[1] < m and len(unsure):
            part = self._ground._replace(x=self._ground.x[unsure])
            values[unsure], argmin[unsure] = self.kernels.ctransform(part, g)
        return values, argmin

    def nearest(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """As for any cost, but far cells of columns are skipped."""
        if not self.pruned:
            return super().nearest(g, count, below)
        rows, order = self._order, self.T._order
        columns, values = np.empty((len(rows), count), np.int64), np.empty((len(rows), count))
        bars = np.broadcast_to(below, len(rows))[rows]
        where, values[rows] = self.kernels.nearest(self._search, g[order], count, bars)
        columns[rows] = np.where(where < 0, -1, order[where])
        return columns, values

    def price(self, g: Floats, count: int, below: Floats | float = np.inf) -> tuple[Indices, Floats]:
        """In many dimensions ``|x - y|^2 = |x|^2 - 2 <x, y> + |y|^2`` by a matrix product, of points around their mean.

        Its error is at most ``(d + 4) u (|x| + |y|)^2``; taken only where that is below 1e-12 of the largest cost.
        """
        if not (self._on_host and self._by_product):
            return self.nearest(g, count, below)
        x, y, squares_x, squares_y = self._centred
        outer, kernel = self.form[1], self.kernels.nearest
        columns, values = np.empty((len(x), count), np.int64), np.empty((len(x), count))
        bars = np.broadcast_to(below, len(x))
        for start in range(0, len(x), step := max(1, 4_000_000 // len(y))):
            rows = slice(start, start + step)
            block = x[rows] @ y.T  # of -2 x: one addition less an entry
            if outer == 1:
                columns[rows], values[rows] = kernel(
                    matrix_ground(block), g - squares_y, count, bars[rows] - squares_x[rows]
                )
                values[rows] += squares_x[rows, None]
                continue
            block += squares_x[rows, None]
            block += squares_y
            np.maximum(block, 0.0, out=block)
            np.sqrt(block, out=block) if outer == 0.5 else np.power(block, outer, out=block)
            columns[rows], values[rows] = kernel(matrix_ground(block), g, count, bars[rows])
        return columns, values

    @cached_property
    def _by_product(self) -> bool:
        d = self.x.shape[1]
        if d <= _TREE_DIM or self.form[0] != 2.0 or not self.entry.by_differences or len(self.y) < 4 * CELL:
            return False
        _, _, squares_x, squares_y = self._centred
        error = (d + 4) * UNIT * 2 * float(squares_x.max() + squares_y.max())
        return error <= 1e-12 * float((self._extents() ** 2).sum())

    @cached_property
    def _centred(self) -> tuple[Floats, Floats, Floats, Floats]:
        """``-2 x`` and y around the mean of y, and the squared norms of x and y."""
        centre = self.y.mean(axis=0)
        x, y = self.x - centre, self.y - centre
        return -2.0 * x, y, (x**2).sum(axis=1), (y**2).sum(axis=1)

    def restricted(self, rows: Indices, columns: Indices) -> PointCost:
        """The same cost between some of the points only, in the order given."""
        there = self.device_points and gpu.taken(self.device_points, self.device, rows, columns)
        return replace(self, x=self.x[rows], y=self.y[columns], device_points=there)

    def between(self, x: Floats, y: Floats) -> PointCost:
        """The same kind of cost between other points."""
        return replace(self, x=x, y=y, device_points=None)

    def _kernel_points(self, z: Floats) -> Floats:
        return self.entry.prepared(z).astype(self.dtype, copy=False)

    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows``, in one piece."""
        ground = self._ground if rows == slice(None) else self._ground._replace(x=self._ground.x[rows])
        yield rows, ground

    def astype(self, dtype: Any) -> PointCost:
        """The same cost computed in ``dtype``."""
        return self._single if np.dtype(dtype) == np.float32 else replace(self, dtype=dtype)

    @cached_property
    def _single(self) -> PointCost:
        return replace(self, dtype=np.float32)

    @cached_property
    def _box(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Least and greatest coordinates of x and of y: (d,) each."""
        return *_ends(self.x), *_ends(self.y)

    def _extents(self, exponent: int = 0) -> Floats:
        """The largest difference of a coordinate of x and one of y, divided by ``2 ** exponent``: (d,)."""
        low_x, high_x, low_y, high_y = (np.ldexp(z, -exponent) for z in self._box)
        return np.maximum(np.abs(high_x - low_y), np.abs(high_y - low_x))

    def scaled(self) -> PointCost:
        """Points divided by a power of two (exact) such that the diagonal of their joint box lies in [1/2, 1).

        Left as they are where no cost is beyond ``2 ** 256`` or far below ``2 ** -256``.
        """
        if not self.entry.degree:
            return self
        largest = math.frexp(max(float(np.abs(z).max()) for z in self._box))[1]
        down = max(0, largest - 1000)  # differences of the largest floats would overflow
        extents = self._extents(down)
        reach, inner = extents.max(), max(self.form[0], 1.0)
        if reach == 0:
            return self
        diagonal = 1.0 if math.isinf(inner) else float(((extents / reach) ** inner).sum() ** (1 / inner))
        exponent = max(down + math.frexp(reach)[1] + math.frexp(diagonal)[1], largest - 1000)
        return self if abs(exponent) * max(self.p, 2) <= 256 else self.shrunk(exponent)

    @property
    def fits_single(self) -> bool:
        """Whether costs and what they are made of are well within the range of single precision."""
        reach, largest = float(self._extents().max()), self.range()[1]
        return 2.0**-40 < reach < 2.0**40 and 2.0**-80 < largest < 2.0**80

    @property
    def points_shift(self) -> int:
        """Points are held divided by 2 to this power."""
        return self.shift // max(self.entry.degree, 1)

    def shrunk(self, exponent: int) -> PointCost:
        """The same cost with all points divided by ``2 ** exponent``."""
        if exponent == 0:
            return self
        shift, metric = self.shift + self.entry.degree * exponent, self.entry.shrunk(exponent) or self.metric
        x, y = (z * 2.0**-exponent if abs(exponent) < 900 else np.ldexp(z, -exponent) for z in (self.x, self.y))
        return replace(self, x=x, y=y, shift=shift, metric=metric)

    def range(self) -> tuple[float, float]:
        """0 and the cost across the joint bounding box."""
        return self._range

    @cached_property
    def _range(self) -> tuple[float, float]:
        largest = self.entry.largest(self._extents(), self.p)
        if largest is not None:
            return 0.0, largest * (1 + 1e-9)
        corner = point_ground(self._extents()[None, :], np.zeros((1, self.x.shape[1])), *self.form)
        return 0.0, float(on_device("cpu").cost_pairs(corner, np.zeros(1, np.int64), np.zeros(1, np.int64))[0]) * (
            1 + 1e-9
        )

    @property
    def rounding(self) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for every entry, as the table of metrics has it."""
        unit = UNIT if np.dtype(self.dtype) == np.float64 else 2.0**-24
        relative, absolute = self.entry.rounding(self.x.shape[1], self.p, unit)
        powers = (
            0 if self._on_host else (2 if unit == UNIT else 13) * (self.form[1] + 1)
        )  # CUDA's are off by 2 units, 8 in single
        return relative + powers * unit, absolute


def _ends(points: Floats) -> tuple[Floats, Floats]:
    """Least and greatest coordinates of points (n, d): (d,) each; a few columns one by one, which numpy does 30 times as fast."""
    if points.shape[1] > _TREE_DIM:
        return points.min(axis=0), points.max(axis=0)
    return np.array([z.min() for z in points.T]), np.array([z.max() for z in points.T])
