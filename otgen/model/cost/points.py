"""Costs between points, computed when they are asked for and never stored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import CELL, PRODUCT, GroundCost, Kernels, gpu, listed, matrix_ground, on_device, point_ground, stacks
from ...kernels.double_double import UNIT
from ...kernels.kdtree import kd_order
from ..units import ONE, STEEP, PowerOfTwo
from .base import keeps_everything
from .clouds import CloudCost
from .grids import Grid, grid_of, pays
from .metrics import Circular, GreatCircle, Minkowski, Powers, entry_of, spelt
from .passes import CelledPasses, GroundPasses, Passes, ProductPasses
from .point_metric import PointMetric, real_power
from .searches import CelledSearches, CircleSearches, GridSearches, GroundSearches, ProductSearches, Searches

_KEPT = 2**28  # bytes of inner products that are kept for the next pass
_TREE_DIM = 10  # above this boxes around points exclude next to nothing


@final
@dataclass(frozen=True, eq=False)
class PointCost(CloudCost):
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
    farthest : float, optional
        The largest distance of all pairs, or more; None where nothing but their box is known.

    Raises
    ------
    InvalidInput
        For an unknown metric, a cost that is no metric with p != 1, clouds of different dimensions, a zero vector under
        ``"cosine"``, and where distances exceed the range of floats.
    """

    metric: str | Minkowski | Circular = "euclidean"
    lossless: bool = True
    device: str = "cpu"
    device_points: tuple[Any, Any] | None = None
    ordered: bool = False
    farthest: float | None = None

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

    @property
    def entry(self) -> PointMetric:
        """Its metric's."""
        return self._entry

    @cached_property
    def _entry(self) -> PointMetric:
        return entry_of(self.metric).held_in(self.scale)

    @cached_property
    def form(self) -> tuple[float, float, float]:
        """Inner power, outer power and factor, as :class:`GroundCost` has them."""
        return self.entry.form(self.p)

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
        return self.device_points is not None and self.entry.by_differences and self._points_scale.inverse is not None

    def _shifted(self, centre: Floats, form: tuple[float, float, float]) -> GroundCost:
        """The ground around ``centre``, of the points that the device has."""
        factor = self._points_scale.inverse
        assert self.device_points is not None
        assert factor is not None
        return gpu.shifted(self.device_points, self.device, factor, centre, form, self.dtype)

    @cached_property
    def _middle(self) -> GroundCost:
        """The ground around the middle of the joint box: what stretches points must not lose their small digits."""
        if self.is_listed or not self.entry.by_differences:
            return self._ground
        centre = self.box.middle
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
    def _in_order(self) -> bool:
        """Whether the points have an order on a circle by which minima are found."""
        there = self._on_host and not self.stacked and not self.is_listed and np.dtype(self.dtype) == np.float64
        return there and self.period is not None and math.isfinite(self.p)

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
        """Of points in order on a circle, between grids axis by axis, by cells in few dimensions, by a matrix product in many, else by the kernels."""
        return self._searches

    @cached_property
    def _searches(self) -> Searches:
        plain = GroundSearches(self.kernels, self.grounds)
        if self._on_host and self._by_product:
            x, y, of_x, of_y = self._centred
            return ProductSearches(plain, self._ground, (x, y), (of_x, of_y), self.form[1])
        if self._in_order:
            assert self.period is not None
            x, y = (self.entry.prepared(z)[:, 0] for z in (self.x, self.y))
            return CircleSearches(plain, x, y, self.period, self.p)
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
        return error <= 1e-12 * float((self.box.extents**2).sum())

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

    def kept(self, itemsize: int) -> int:
        """Bytes of inner products that sweeps keep."""
        if (
            not self._on_host
            or self.stacked
            or self.is_listed
            or self.x.shape[1] <= _TREE_DIM
            or self.form[:2] != (2.0, 1.0)
        ):
            return 0
        size = itemsize * len(self.x) * len(self.y)
        return size if size <= _KEPT else 0

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
        """By the kernels, which may have got other points."""
        slope = self.kernels.gibbs_slope(self._ground, f, g, epsilon, weights)
        return self.entry.chained(self.x, slope)

    def pair_slopes(self, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
        """As the table of metrics has them."""
        x, y = self.x[rows], self.y[columns]
        return self.entry.slope(x, y, self.p), self.entry.slope(y, x, self.p)

    def restricted(self, rows: Indices, columns: Indices, *, ordered: bool = False) -> PointCost:
        """The same cost between some of the points only."""
        if keeps_everything(rows, columns, self.shape):
            return replace(self, ordered=True) if ordered and not self.ordered else self
        there = self.device_points and gpu.taken(self.device_points, self.device, rows, columns)
        return replace(self, x=self.x[rows], y=self.y[columns], device_points=there, ordered=ordered)

    def between(self, x: Floats, y: Floats) -> PointCost:
        """The same kind of cost between other points."""
        return replace(self, x=x, y=y, device_points=None, farthest=None)

    def own(self) -> tuple[PointCost, PointCost]:
        """Each with its copy on the device."""
        one, other = self.between(self.x, self.x), self.between(self.y, self.y)
        if self.device_points is None:
            return one, other
        x, y = self.device_points
        return replace(one, device_points=(x, x)), replace(other, device_points=(y, y))

    def on(self, device: str, copies: tuple[Any, Any] | None = None) -> PointCost:
        """On any device that there is."""
        on_device(device)
        return replace(self, device=device, device_points=copies)

    def stored(self) -> dict[str, Any]:
        """Points, power and metric."""
        word, number = spelt(self.metric)
        return {"x": self.x, "y": self.y, "metric": word, "q": number}

    def astype(self, dtype: Any) -> PointCost:
        """The same cost computed in ``dtype``."""
        return self._single if np.dtype(dtype) == np.float32 else replace(self, dtype=dtype)

    @cached_property
    def _single(self) -> PointCost:
        return replace(self, dtype=np.float32)

    @property
    def line_power(self) -> float | None:
        """As the table of metrics has it."""
        return self.entry.line_power(self.p)

    @property
    def degree(self) -> int:
        """As the table of metrics has it."""
        return self.entry.degree

    def size(self) -> PowerOfTwo:
        """As the table of metrics has it; 1 where costs have a unit of their own."""
        if not self.entry.scales:
            return ONE
        return self.entry.size(self.box, self.p, self.farthest) ** max(self.degree, 1)

    @cached_property
    def _as_differences(self) -> PointMetric:
        """What rounds alike where differences of coordinates that repeat are rounded once: on the host, and where nobody's nearer way leads round."""
        if np.dtype(self.dtype) != np.float64:
            return self.entry
        if isinstance(self.entry, GreatCircle):
            return self.entry.within(self.box)
        if self.entry.period is None:
            return self.entry
        if self._on_host:
            return Powers(1.0 if self.x.shape[-1] == 1 else 2.0)
        return Powers(2.0) if float(self.box.extents.max()) <= 0.499 * self.entry.period else self.entry

    @property
    def _points_scale(self) -> PowerOfTwo:
        """What points are held divided by."""
        return self.scale.root(self.degree)

    def divided(self, by: PowerOfTwo) -> PointCost:
        """Of points that are divided, by its root where the cost is a square, as far as a period allows."""
        if self.entry.period is not None:
            by = by.within_reach(self.entry.period)
        if by == ONE:
            return self
        if not self.entry.scales:
            raise AssertionError("costs of this metric have a unit of their own")
        if not self.degree:
            return replace(self, scale=self.scale * by, farthest=self._nearer(by))
        of_points = by.root(self.degree)
        clouds = (self.x, self.y) if self.entry.period is None else map(self.entry.places, (self.x, self.y))
        (large_x, x), (large_y, y) = ((z, of_points.divide(z)) for z in clouds)
        metric = self.entry.divided(of_points) or self.metric
        lossless = self.lossless and all(
            not of_points.shrinks or np.array_equal(of_points.multiply(small), large)
            for small, large in ((x, large_x), (y, large_y))
        )
        scale, farthest = self.scale * of_points**self.degree, self._nearer(of_points)
        return replace(self, x=x, y=y, scale=scale, lossless=lossless, metric=metric, farthest=farthest)

    def _nearer(self, by: PowerOfTwo) -> float | None:
        return None if self.farthest is None else float(by.divide(self.farthest))

    @property
    def measured(self) -> PointCost:
        """At high orders, where the power of a diagonal says nothing of the powers of distances, by one pass over all pairs."""
        return self._measured

    @cached_property
    def _measured(self) -> PointCost:
        if self.farthest is not None or self.stacked or not STEEP < self.p < math.inf:
            return self
        ground = self.distances.scaled()
        farthest = max(float(block.max()) for _, block in ground.blocks())
        return replace(self, farthest=(ground.scale / self.scale).times(farthest))

    def range(self) -> tuple[float, Any]:
        """0 and the cost across the joint bounding box, or of the farthest pair where that is known."""
        return self._range

    @cached_property
    def _range(self) -> tuple[float, Any]:
        extents = self.box.extents
        largest = self.entry.largest(extents, self.p)
        if largest is None:
            corner = extents[..., None, :]
            largest = PointCost(corner, np.zeros_like(corner), self.metric, self.p).block()[..., 0, 0]
        if self.farthest is not None:
            largest = min(largest, real_power(self.farthest, self.p))
        with np.errstate(over="ignore"):
            largest = largest * (1 + 1e-9)
        return 0.0, np.broadcast_to(largest, len(self.x)) if self.stacked else float(largest)

    @property
    def rounding(self) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for every entry, as the table of metrics has it."""
        if not self.stacked and not self.box.extents.any():  # one point: all costs are exactly 0
            return 0.0, 0.0
        unit = UNIT if np.dtype(self.dtype) == np.float64 else 2.0**-24
        relative, absolute = self._as_differences.rounding(self.x.shape[1], self.p, unit)
        # CUDA's are off by 2 units, 8 in single.
        powers = 0 if self._on_host else (2 if unit == UNIT else 13) * (self.form[1] + 1)
        return relative + powers * unit, absolute
