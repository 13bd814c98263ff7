"""What is kept of every set so that it can be bounded beside many others: its shadows, and an order for coarse plans."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import TooLarge
from ...inputs.memory import available, readable
from ...inputs.types import Floats, Indices
from ...kernels import monotone
from ...model.claim import Flows
from ...model.cost import Circular, Minkowski
from ...model.cost.metrics import entry_of, metric_name
from ...model.cost.point_metric import PointMetric
from ...proofs.projections import Frames, Shadows
from .collection import Weighted

_POOLED = 2**16  # points that say where all sets spread
_WHOLE = 2.0**53  # whole numbers up to here are doubles
_LEVELS = 16  # quantiles of a shadow that a set is remembered by


@dataclass(frozen=True, eq=False)
class Outline:
    """A set by its points with mass: ``used`` (k,) of n, ``weights`` (k,) or None where equal, ``flat`` (k, D), and its shadows."""

    used: Indices
    weights: Floats | None
    flat: Floats
    shadows: Shadows

    @cached_property
    def order(self) -> Indices:
        """Points in the order of halves of halves: mass is halved again and again, along one coordinate after the other.

        The same shares of two sets are then the same parts of space, roughly, so that their coupling in this order is a plan that is not bad.
        """
        k, d = self.flat.shape
        order = np.arange(k)
        shares = np.full(k, 1.0 / k) if self.weights is None else self.weights / self.weights.sum()
        for depth in range(k.bit_length() - 1):
            held = shares[order]
            cells = np.floor((np.cumsum(held) - held / 2) * 2.0**depth)
            order = order[np.lexsort((self.flat[order, depth % d], cells))]
        return order

    @cached_property
    def signature(self) -> Floats:
        """Some quantiles of its shadows, as one vector: near for sets that are near."""
        at = np.linspace(0, self.shadows.lines.shape[1] - 1, _LEVELS).round().astype(int)
        return self.shadows.lines[:, at].ravel() / math.sqrt(_LEVELS)


@dataclass(frozen=True, eq=False)
class Outlines:
    """Those of two collections; ``other`` is ``one`` where there is one collection."""

    entry: PointMetric
    frames: Frames
    one: list[Outline]
    other: list[Outline]

    @classmethod
    def of(
        cls, one: list[Weighted], other: list[Weighted] | None, metric: Any, names: tuple[str, str]
    ) -> Outlines | None:
        """Outlines under a metric, of sets that errors call by their names; None for a callable, of which nothing is known, and for points that are no doubles.

        Raises
        ------
        InvalidInput
            For an unknown metric, or points that it does not take.
        TooLarge
            If they do not fit in memory.
        """
        if isinstance(metric, str):
            metric_name(metric)
        elif not isinstance(metric, Minkowski | Circular):
            return None
        everything = one if other is None else [*one, *other]
        if not one or other == [] or not all(_are_doubles(points) for points, _ in everything):
            return None
        entry = entry_of(metric)
        told = [f"{name}[{k}]" for name, side in zip(names, (one, other or [])) for k in range(len(side))]
        flats = [_flat(entry, each, name) for each, name in zip(everything, told, strict=True)]
        step = -(-sum(len(flat) for _, _, flat, _ in flats) // _POOLED)
        frames = Frames.of(np.concatenate([flat[::step] for _, _, flat, _ in flats]), entry.norm)
        _refuse_size(sum(flat.size for _, _, flat, _ in flats), frames)
        found = [Outline(used, a, flat, frames.seen(flat, a, error)) for used, a, flat, error in flats]
        first = found[: len(one)]
        return cls(entry, frames, first, first if other is None else found[len(one) :])

    def value(self, distance: Any) -> Any:
        """What a distance in the flat space says of the value that is asked for: itself, or the cost whose root it is."""
        squares = self.entry.squares
        if squares is None:
            return distance
        with np.errstate(over="ignore", under="ignore"):
            return np.minimum(squares * np.square(distance) * (1 - 2.0**-50), np.finfo(float).max)

    def order_of(self, p: float) -> float:
        """The order of the distance in the flat space."""
        return p if self.entry.squares is None else 2.0

    def by_means(self, i: int) -> Floats:
        """Lower bounds of the values between set i of the first collection and all of the second: (C,)."""
        means, reaches = self._means
        return self.value(self.frames.means_apart(self.one[i].shadows, means, reaches))

    @cached_property
    def _means(self) -> tuple[Floats, Floats]:
        sides = [outline.shadows for outline in self.other]
        return np.array([side.mean for side in sides]), np.array([side.reach for side in sides])

    def by_shadows(self, i: int, j: int, p: float) -> float:
        """A lower bound of the value between two sets."""
        found = self.frames.shadows_apart(self.one[i].shadows, self.other[j].shadows, self.order_of(p))
        return float(self.value(found))

    def coarse_plan(self, i: int, j: int) -> Flows:
        """A plan between two sets that is made without solving."""
        x, y = self.one[i], self.other[j]
        a, b = (None if z.weights is None else z.weights[z.order] for z in (x, y))
        both = monotone.masses(a, b, len(x.used), len(y.used))
        steps = monotone.steps(both)
        rows, columns = x.used[x.order[steps.rows]], y.used[y.order[steps.columns]]
        return Flows(rows, columns, steps.high / both.total, steps.low / both.total)


def _flat(entry: PointMetric, one: Weighted, name: str) -> tuple[Indices, Floats | None, Floats, float]:
    """The points with mass of a set, their weights, their images in a space with a norm, and how far these may be off."""
    points = one.points[:, None] if one.points.ndim == 1 else one.points
    points, weights = points.astype(np.float64), one.weights
    entry.check(points, name)
    used = np.arange(len(points))
    if weights is not None:
        weights = weights.astype(np.float64)
        used = np.flatnonzero(weights)
        points, weights = points[used], weights[used]
        if weights.min() == weights.max():
            weights = None
    flat, error = entry.flat(points)
    return used, weights, flat, error


def _are_doubles(points: np.ndarray) -> bool:
    """Whether points are numbers that doubles hold."""
    if points.dtype.kind == "f":
        return points.dtype.itemsize <= 8
    return points.dtype.kind in "iub" and bool((np.abs(points.astype(np.float64)) < _WHOLE).all())


def _refuse_size(numbers: int, frames: Frames) -> None:
    """Raise `TooLarge` for shadows that do not fit in memory."""
    directions = sum(len(frame.directions) for frame in frames.frames)
    need = 16 * (numbers // max(len(frames.centre), 1)) * directions
    if need > (free := available()):
        raise TooLarge(
            f"the projections of all sets must fit in memory; received sets whose {directions} projections take {readable(need)} with "
            f"{readable(free)} free; take part of the sets at a time"
        )
