"""Costs between points, computed when they are asked for and never stored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import (
    CELL,
    PRODUCT,
    GroundCost,
    Kernels,
    gpu,
    listed,
    matrix_ground,
    on_device,
    point_ground,
    stacks,
)
from ...kernels.double_double import UNIT
from ...kernels.kdtree import kd_order
from .base import Cost, keeps_everything
from .grids import Grid, grid_of, pays
from .metrics import Circular, Minkowski, PointMetric, entry_of
from .passes import CelledPasses, GroundPasses, Passes, ProductPasses
from .searches import CelledSearches, GridSearches, GroundSearches, ProductSearches, Searches

_KEPT = 2**28  # bytes of inner products that are kept for the next pass
_EXPONENT = 120  # largest power of two in a cost, or in its inverse, that needs no scaling
_TREE_DIM = 10  # above this boxes around points exclude next to nothing


@dataclass(frozen=True, eq=False)
class PointCost(Cost):
    """``metric(x_i, y_j) ** p``, computed when it is asked for and never stored.

    Parameters
    ----------
    x, y : ndarray
        (n, d) and (m, d), float64, finite; or (B, n, d) and (B, m, d), for B small problems, each of its own two clouds.
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
    ordered : bool
        Whether both clouds are in kd order, see :mod:`otgen.kernels.kdtree`.

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
    ordered: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.x.shape[-2], self.y.shape[-2]

    @property
    def stacked(self) -> bool:
        """Whether clouds have a leading axis: costs of many small problems, which are listed then."""
        return self.x.ndim == 3

    @property
    def T(self) -> PointCost:
        """The same cost seen from the targets."""
        return self._transposed

    @cached_property
    def _transposed(self) -> PointCost:
        there = self.device_points and self.device_points[::-1]
        flipped = replace(self, x=self.y, y=self.x, device_points=there)
        object.__setattr__(flipped, "_transposed", self)  # what either has computed of its clouds serves both
        return flipped

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of: what lies on the device, or was computed of the clouds, is made again where it is needed."""
        return {part.name: getattr(self, part.name) for part in fields(self)} | {"device_points": None}

    @property
    def kernels(self) -> Kernels:
        """Those of the device, or of stacks, or of costs so few that they are listed."""
        return stacks if self.stacked else listed if self.is_listed else on_device(self.device)

    @property
    def is_listed(self) -> bool:
        """Whether all costs are computed once and kept."""
        few = math.prod(self.shape) <= listed.PAIRS and not self.stacked
        return few and self._on_host and np.dtype(self.dtype) == np.float64

    @property
    def _on_host(self) -> bool:
        return self.device == "cpu"

    @cached_property
    def entry(self) -> PointMetric:
        """What the table of metrics says of this one."""
        return entry_of(self.metric)

    @cached_property
    def form(self) -> tuple[float, float, float]:
        """Inner power, outer power and factor, as :class:`GroundCost` has them."""
        return self.entry.form(self.p)

    @property
    def is_metric(self) -> bool:
        """Whether it obeys the triangle inequality, and is 0 between points that coincide."""
        return self.p == 1 and not self.entry.only_p_one

    @property
    def forbids(self) -> bool:
        """No pair of points is forbidden."""
        return False

    def allowed(self) -> Cost:
        """No pair of points is forbidden."""
        raise AssertionError("no pair of points is forbidden")

    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows``, in one piece."""
        ground = self._ground
        if rows != slice(None):
            ground = ground._replace(x=ground.x[rows], matrix=ground.matrix[rows] if self.is_listed else ground.matrix)
        yield rows, ground

    @cached_property
    def _ground(self) -> GroundCost:
        if self._already_there:
            return self._shifted(np.zeros(self.x.shape[1]), self.form)
        x, y = (self.entry.prepared(z).astype(self.dtype, copy=False) for z in (self.x, self.y))
        if self.is_listed:
            return listed.listed(point_ground(x, y, *self.form))
        if not self.stacked:
            return self._placed(point_ground(x, y, *self.form))
        return stacks.listed(x, y, self.form)

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
    def _middle(self) -> GroundCost:
        """The ground around the middle of the joint box: what stretches points must not lose their small digits."""
        if self.is_listed or not self.entry.by_differences:
            return self._ground
        centre = (np.minimum(self._box[0], self._box[2]) + np.maximum(self._box[1], self._box[3])) / 2
        if self._already_there:
            return self._shifted(centre, self.form)
        x, y = (np.asarray(z - centre, self.dtype) for z in (self.x, self.y))
        return self._placed(point_ground(x, y, *self.form))

    @cached_property
    def order(self) -> Indices | slice:
        """The kd order of x."""
        return slice(None) if self.ordered else kd_order(self.x)

    @property
    def _boxed(self) -> bool:
        """Whether boxes around the targets let searches and sums skip most pairs: in few dimensions only."""
        few = self.x.shape[-1] <= _TREE_DIM and not self.stacked and not self.is_listed
        return few and self._on_host and len(self.y) >= 4 * CELL and self.entry.by_differences

    @property
    def pruned(self) -> bool:
        """Whether searches go by cells, or read what is listed."""
        return self.is_listed or self._by_cells

    @property
    def _by_cells(self) -> bool:
        return self._boxed and np.dtype(self.dtype) == np.float64

    @property
    def passes(self) -> Passes:
        """By cells in few dimensions, by a matrix product in many, else by the kernels."""
        return self._passes

    @cached_property
    def _passes(self) -> Passes:
        centring = 0.0 if self.stacked else (16 + 4 * self.p) * UNIT
        middle = self.grounds if self.stacked else lambda: [(slice(None), self._middle)]
        plain = GroundPasses(self.kernels, self.grounds, middle, centring, halves=not self.stacked)
        if self._multiplies:
            x, y, of_x, of_y = self._centred
            accurate = self._by_product and self.form[1] == 1
            return ProductPasses(plain, self._products, (of_x, of_y), (x, y), accurate)
        if not self._boxed:
            return plain
        return CelledPasses(plain, self._cells, self.order, self.T.order, centring)

    @property
    def searches(self) -> Searches:
        """Between grids axis by axis, by cells in few dimensions, by a matrix product in many, else by the kernels."""
        return self._searches

    @cached_property
    def _searches(self) -> Searches:
        plain = GroundSearches(self.kernels, self.grounds)
        if self._on_host and self._by_product:
            x, y, of_x, of_y = self._centred
            return ProductSearches(plain, self._ground, (x, y), (of_x, of_y), self.form[1])
        if not self._by_cells:
            return plain
        grids = self._grids
        return self._celled if grids is None else GridSearches(*grids, self.form[0], lambda: self._celled)

    @property
    def _grids(self) -> tuple[Grid, Grid] | None:
        """What both clouds are nodes of, where the cost is a sum of costs along axes and that saves time."""
        if self.form[0] not in (1, 2) or self.form[1:] != (1, 1) or self._grid is None or self.T._grid is None:
            return None
        return (self._grid, self.T._grid) if pays(self._grid, self.T._grid) else None

    @cached_property
    def _celled(self) -> CelledSearches:
        ground = point_ground(self.x[self.order], self.y[self.T.order], *self.form, celled=True)
        return CelledSearches(self.kernels, ground, self.order, self.T.order)

    @cached_property
    def _grid(self) -> Grid | None:
        """The grid that x lies on, if any."""
        return grid_of(self.x)

    @property
    def _multiplies(self) -> bool:
        """Whether sums of exponentials take their costs from a matrix product; in single precision that loses no more digits."""
        if (
            self.stacked
            or self.is_listed
            or self.x.shape[1] <= _TREE_DIM
            or self.form[:2] != (2.0, 1.0)
            or not self.entry.by_differences
        ):
            return False
        return self._by_product or np.dtype(self.dtype) == np.float32

    @cached_property
    def _by_product(self) -> bool:
        """Whether a matrix product gives costs that are good enough to choose by."""
        d = self.x.shape[-1]
        if self.stacked or self.is_listed or d <= _TREE_DIM or self.form[0] != 2.0 or not self.entry.by_differences:
            return False
        if len(self.y) < 4 * CELL:
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

    def _cells(self) -> GroundCost:
        """The ground around the middle, in kd order."""
        x, y = self._middle.x[self.order], self._middle.yt.T[self.T.order]
        return point_ground(x, y, *self.form, celled=True)

    def _products(self) -> GroundCost:
        """``-2 <x, y>``: kept where that is little, since a pass then only has to read it."""
        if self._already_there:
            return self._shifted(self.y.mean(axis=0), (PRODUCT, 1.0, -2.0))
        x, y, _, _ = self._centred
        x, y = np.asarray(x, self.dtype), np.asarray(y, self.dtype)
        if self._on_host and len(x) * len(y) * x.itemsize <= _KEPT:
            return matrix_ground(x @ y.T)
        return self._placed(point_ground(x, y, PRODUCT, 1.0))

    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs: (k,)."""
        if 1 in self.shape and len(rows) >= max(self.shape):
            return self.block()[0][columns] if self.shape[0] == 1 else self.T.block()[0][rows]
        return self.kernels.cost_pairs(self._ground, rows, columns)

    def gibbs_slope(self, f: Floats, g: Floats, epsilon: Any, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i``: (n, d)."""
        slope = self.kernels.gibbs_slope(self._ground, f, g, epsilon, weights)
        return self.entry.chained(self.x, slope)

    def restricted(self, rows: Indices, columns: Indices) -> PointCost:
        """The same cost between some of the points only, in the order given."""
        if keeps_everything(rows, columns, self.shape):
            return self
        there = self.device_points and gpu.taken(self.device_points, self.device, rows, columns)
        return replace(self, x=self.x[rows], y=self.y[columns], device_points=there, ordered=False)

    def between(self, x: Floats, y: Floats) -> PointCost:
        """The same kind of cost between other points, in kd order if these are."""
        return replace(self, x=x, y=y, device_points=None)

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

    @property
    def plain(self) -> bool:
        """Whether costs can be computed as they are, of a whole stack, far from the ends of the range of floats."""
        with np.errstate(over="ignore", invalid="ignore"):
            reach = self._extents().max(axis=-1)
        exponents = np.frexp(reach[reach > 0])[1] * max(self.p, 2.0)
        return bool(np.isfinite(reach).all() and (np.abs(exponents) < _EXPONENT).all())

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
        if not self.entry.degree:
            raise AssertionError("points of this metric have a unit of their own")
        shift, metric = self.shift + self.entry.degree * exponent, self.entry.shrunk(exponent) or self.metric
        x, y = (z * 2.0**-exponent if abs(exponent) < 900 else np.ldexp(z, -exponent) for z in (self.x, self.y))
        return replace(self, x=x, y=y, shift=shift, metric=metric)

    def range(self) -> tuple[float, Any]:
        """0 and the cost across the joint bounding box."""
        return self._range

    @cached_property
    def _range(self) -> tuple[float, Any]:
        extents = self._extents()
        largest = self.entry.largest(extents, self.p)
        if largest is None:
            corner = extents[..., None, :]
            largest = PointCost(corner, np.zeros_like(corner), self.metric, self.p).block()[..., 0, 0]
        largest = largest * (1 + 1e-9)
        return 0.0, np.broadcast_to(largest, len(self.x)) if self.stacked else float(largest)

    @property
    def rounding(self) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for every entry, as the table of metrics has it."""
        if not self.stacked and not self._extents().any():  # one point: all costs are exactly 0
            return 0.0, 0.0
        unit = UNIT if np.dtype(self.dtype) == np.float64 else 2.0**-24
        relative, absolute = self.entry.rounding(self.x.shape[1], self.p, unit)
        powers = (
            0 if self._on_host else (2 if unit == UNIT else 13) * (self.form[1] + 1)
        )  # CUDA's are off by 2 units, 8 in single
        return relative + powers * unit, absolute


def _ends(points: Floats) -> tuple[Floats, Floats]:
    """Least and greatest coordinates of points (n, d): (d,) each; a few columns one by one, which numpy does 30 times as fast."""
    if points.shape[-1] > _TREE_DIM or points.ndim == 3:
        return points.min(axis=-2), points.max(axis=-2)
    return np.array([z.min() for z in points.T]), np.array([z.max() for z in points.T])
