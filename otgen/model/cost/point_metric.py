"""What a metric between points is to the library, and powers that it needs."""

from __future__ import annotations

import abc
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...inputs.types import Floats
from ..boxes import Box
from ..units import PowerOfTwo, of_box

if TYPE_CHECKING:
    from .metrics import Circular, Minkowski

Form = tuple[float, float, float]  # inner power, outer power and factor, as :class:`otgen.kernels.GroundCost` has them


class PointMetric(abc.ABC):
    """What a metric is: its form for the kernels, its rounding, its range, its derivative.

    ``only_p_one``: it is a cost, not a metric, and goes with p = 1 only. ``by_differences``: it is a function of the differences of
    coordinates that grows with each of them, so that bounding boxes bound it, points may be merged at their centre of mass, and
    second derivatives are known. ``translates``: costs stay what they are when both clouds are moved alike. ``degree``: points times s make costs of p = 1 times ``s ** degree``; 0 where points cannot be scaled.
    ``scales``: costs can be divided, with their points or without. ``norm``: the q of a norm of differences of ``flat`` points that is no larger than the distance; or, where ``squares`` is a number, of one
    that the cost is ``squares`` times the square of. ``period``: what coordinates repeat after, if they do.
    """

    only_p_one: bool = False
    by_differences: bool = False
    translates: bool = True
    degree: int = 1
    scales: bool = True
    norm: float = 2.0
    squares: float | None = None
    period: float | None = None

    @abc.abstractmethod
    def form(self, p: float) -> Form:
        """What the kernels need to know."""

    @abc.abstractmethod
    def rounding(self, d: int, p: float, unit: float) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for a cost in dimension d, computed with unit roundoff ``unit``."""

    @abc.abstractmethod
    def slope(self, x: Floats, y: Floats, p: float) -> Floats:
        """The gradient of ``metric(x_k, y_k) ** p`` in x_k, (k, d), for pairs; 0 where there is a kink."""

    def check(self, points: Floats, name: str) -> None:  # noqa: B027 - most metrics take any points
        """Raise where the metric does not know what to do with points."""

    def prepared(self, points: Floats) -> Floats:
        """The points that kernels get."""
        return points

    def flat(self, points: Floats) -> tuple[Floats, float]:
        """Points (n, D) of a space with a norm, and how far off each may be by rounding, as a length."""
        return points, 0.0

    def places(self, points: Floats) -> Floats:
        """Coordinates that are equal where points are at one place, without rounding."""
        return points

    def chained(self, points: Floats, slope: Floats) -> Floats:
        """A derivative in the points that kernels got, as one in the points."""
        return slope

    def divided(self, by: PowerOfTwo) -> str | Minkowski | Circular | None:
        """How the metric is called once points are divided; None where that leaves its name."""
        return None

    def held_in(self, unit: PowerOfTwo) -> PointMetric:
        """The entry of costs that are held in a unit; itself where points or the metric's own parameter are."""
        return self

    def size(self, box: Box, p: float, farthest: float | None) -> PowerOfTwo:
        """What to divide distances by, for a largest of about 1; 1 where powers are moderate as they are. ``farthest`` is the largest, if known."""
        return of_box(box, max(self.form(p)[0], 1.0), p, farthest)

    def largest(self, extents: Floats, p: float) -> Any:
        """A bound on all costs where differences of coordinates are at most ``extents`` (d,), or bounds, of (B, d); None: the kernel's cost of these."""
        return None

    def line_power(self, p: float) -> float | None:
        """The power of the distance that the cost is on the line; None where sorting does not solve it."""
        return None


def real_power(base: float, exponent: float) -> float:
    """A power of a number, infinite where it overflows."""
    try:
        return base**exponent
    except OverflowError:
        return math.inf


def power(base: Floats, exponent: float) -> Floats:
    """``base ** exponent``, and 0 where a negative exponent meets 0: the factor beside it vanishes there."""
    if exponent >= 0:
        return base**exponent
    return np.divide(1.0, base**-exponent, out=np.zeros_like(base), where=base > 0)
