"""The one table of metrics between points: all that the library knows of a metric stands in its entry here.

A metric by differences of coordinates is a :class:`Powers`; each other one is a final class of its own. A new metric is one entry in
``TABLE`` and a line in each set of kernels (:mod:`otgen.kernels.cost_entries`, ``reference`` and ``cuda/ground.cu``), or the entry
alone where kernels know its form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, cast

import numpy as np

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Floats
from ...kernels.double_double import UNIT
from ...kernels.ground_cost import CIRCULAR, GREAT_CIRCLE
from ..boxes import Box
from ..units import AS_THEY_ARE, ONE, PowerOfTwo
from .point_metric import Form, PointMetric, power, real_power


@dataclass(frozen=True)
class Minkowski:
    """The metric ``(sum_k |x_k - y_k| ** q) ** (1/q)``, for ``q`` in [1, inf].

    Examples
    --------
    >>> Minkowski(3)
    Minkowski(q=3)
    """

    q: float

    def __post_init__(self) -> None:
        if scalars.real(self.q, "q") < 1:
            raise InvalidInput(
                f"q must be at least 1: below, Minkowski's form is no metric; received {scalars.told(self.q)}; use a q in [1, inf]"
            )


@dataclass(frozen=True)
class Circular:
    """The metric of a circle of some ``period``, or of a flat torus: ``|w|`` with ``w_k`` the difference of a coordinate to the nearest period.

    For angles in radians the period is ``2 * math.pi``, for hours of a day 24.

    Examples
    --------
    >>> import otgen
    >>> round(otgen.wasserstein([23.0], [1.0], metric=otgen.Circular(24)).value, 12)
    2.0
    """

    period: float

    def __post_init__(self) -> None:
        scalars.positive(self.period, "period", "use what the coordinates repeat after, such as 24 for hours")


MetricName = Literal["euclidean", "cityblock", "chebyshev", "great_circle", "sqeuclidean", "cosine"]
BuiltIn = MetricName | Minkowski | Circular
Metric = BuiltIn | Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Powers(PointMetric):
    """``(sum |x_k - y_k| ** q) ** (1/q)``; with ``only_p_one`` the cost ``sum |x_k - y_k| ** 2``, of degree 2."""

    q: float
    only_p_one: bool = False
    degree: int = 1
    by_differences: bool = True

    @property
    def norm(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """It is one."""
        return self.q

    @property
    def squares(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Of a cost, the square itself."""
        return 1.0 if self.only_p_one else None

    def form(self, p: float) -> Form:
        """Sums of powers, to a power."""
        if self.only_p_one:
            return 2.0, 1.0, 1.0
        return self.q, p if math.isinf(self.q) else p / self.q, 1.0

    def rounding(self, d: int, p: float, unit: float) -> tuple[float, float]:
        """Relative: each difference, inner power, sum and outer power adds its unit roundoffs.

        A difference of two floats is off by u; its inner power by ``inner u`` plus the rounding of ``pow``; a sum of d
        non-negative terms by ``(d - 1) u`` more; the outer power multiplies all that and adds its own. Products below
        the smallest normal number are lost, which the absolute part covers, under a root much of it. Of a general inner power the
        largest difference is taken out, whose power is ``fl(inner outer)``: it has a logarithm of at most 710, 90 in single precision.
        """
        inner, outer, _ = self.form(p)
        inside = 1 if math.isinf(inner) else inner + d + 2
        if not math.isinf(inner) and inner not in (1, 2):
            # Quotients are off by 3 u; p/q is rounded, and the sum it is the power of is at most d.
            inside = 8 * inner + d + 64
            inside += inner * (1 + 2 * (710 if unit == UNIT else 90) * (inner * outer != p or unit != UNIT))
            return 1.01 * (outer * inside + 6) * unit, 1e-290 if unit == UNIT else 1e-30
        if not self.only_p_one and not math.isinf(inner) and Fraction(outer) * Fraction(inner) != p:
            # The quotient p/q is rounded: what it is the power of has a logarithm of at most that.
            inside += 710 if unit == UNIT else 90
        tiny = 0.0 if inner * outer == 1 else 1e-290 if unit == UNIT else 1e-30
        if outer < 1:  # a root of what an inner power has lost
            tiny = (d * (2.0**-1022 if unit == UNIT else 2.0**-126)) ** outer
        return 1.01 * (outer * inside + (0 if outer == 1 else 3)) * unit, tiny

    def slope(self, x: Floats, y: Floats, p: float) -> Floats:
        """By the chain rule, coordinate by coordinate."""
        difference = x - y
        (inner, outer, _), size = self.form(p), np.abs(difference)
        if np.isinf(inner):
            largest = size.max(axis=1, keepdims=True)
            first = np.zeros_like(size)
            first[np.arange(len(size)), size.argmax(axis=1)] = 1.0
            return p * power(largest, p - 1) * first * np.sign(difference)
        longest = size.max(axis=1, keepdims=True) if inner not in (1, 2) else np.ones((len(size), 1))
        size = np.divide(size, longest, out=np.zeros_like(size), where=longest > 0)
        inside = (size**inner).sum(axis=1, keepdims=True)
        if inner in (1, 2):
            outside = outer * inner * power(inside, outer - 1)
        else:
            outside = outer * inner * power(longest * inside ** (1 / inner), inner * outer - 1)
            outside = outside * power(inside, 1 / inner - 1)
        return outside * power(size, inner - 1) * np.sign(difference)

    def line_power(self, p: float) -> float:
        """In one dimension all are the distance."""
        return 2.0 if self.only_p_one else p


@dataclass(frozen=True)
class Cosine(PointMetric):
    """The cost ``1 - <x, y> / (|x| |y|)``: of unit vectors half the squared distance, without cancellation."""

    only_p_one = True
    translates = False
    degree = 0
    scales = False
    squares = 0.5

    def form(self, p: float) -> Form:
        """Half the squared distance."""
        return 2.0, 1.0, 0.5

    def rounding(self, d: int, p: float, unit: float) -> tuple[float, float]:
        """Coordinates of unit vectors are themselves off by ``(d/2 + 4) u``: an absolute error."""
        return (d + 4) * unit, 8 * (d / 2 + 4) * unit

    def check(self, points: Floats, name: str) -> None:
        """A zero vector has no direction."""
        if not points.any(axis=1).all():
            row = int((~points.any(axis=1)).argmax())
            raise InvalidInput(
                f'{name} must hold no zero vector under metric="cosine"; received one in row {row}; drop it'
            )

    def prepared(self, points: Floats) -> Floats:
        """Unit vectors."""
        points = points / np.abs(points).max(axis=-1, keepdims=True)
        return points / np.sqrt((points**2).sum(axis=-1, keepdims=True))

    def flat(self, points: Floats) -> tuple[Floats, float]:
        """Unit vectors."""
        return self.prepared(points), (points.shape[1] + 8) * UNIT

    def chained(self, points: Floats, slope: Floats) -> Floats:
        """Through ``x / |x|``."""
        unit = self.prepared(points)
        return _over_lengths(slope - (slope * unit).sum(axis=-1, keepdims=True) * unit, points)

    def largest(self, extents: Floats, p: float) -> float:
        """Of opposite vectors."""
        return 2.0

    def slope(self, x: Floats, y: Floats, p: float) -> Floats:
        """Gradient in x of ``1 - <x, y> / (|x| |y|)``."""
        one, other = self.prepared(x), self.prepared(y)
        return _over_lengths((one * other).sum(axis=1, keepdims=True) * one - other, x)


def _over_lengths(values: Floats, points: Floats) -> Floats:
    """Values (n, d) over the lengths of points (n, d), of which no square is beyond all floats, or vanishes; infinite where quotients are."""
    largest = np.abs(points).max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        return values / np.sqrt(((points / largest) ** 2).sum(axis=-1, keepdims=True)) / largest


@dataclass(frozen=True)
class Torus(PointMetric):
    """The entry of :class:`Circular`: euclidean lengths of differences to the nearest period."""

    period: float  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]

    def form(self, p: float) -> Form:
        """The period stands where other costs have their factor."""
        return CIRCULAR, p / 2, self.period

    def rounding(self, d: int, p: float, unit: float) -> tuple[float, float]:
        """As for powers; taking the nearer way round is off by ``4 u`` periods at most, an absolute error, in single precision with the coordinates'.

        In double precision the host's kernels round it once, and :class:`PointCost` leaves the absolute error out.
        """
        reach = math.sqrt(d) * self.period / 2
        relative, tiny = Powers(2.0).rounding(d, p, unit)
        return relative, tiny + 1.01 * p * real_power(reach, p - 1) * 4 * math.sqrt(d) * unit * self.period

    def prepared(self, points: Floats) -> Floats:
        """Coordinates in (-period/2, period/2]: the remainder is exact, and so is taking a period from more than half of one."""
        return self.places(points)

    def places(self, points: Floats) -> Floats:
        """The same."""
        rest, half = np.fmod(points, self.period), self.period / 2
        return np.where(rest > half, rest - self.period, np.where(rest <= -half, rest + self.period, rest))

    def flat(self, points: Floats) -> tuple[Floats, float]:
        """Each coordinate on a circle as long as the period, whose chords are no longer than its arcs."""
        angles = 2 * math.pi * (self.prepared(points) / self.period)
        radius = self.period / (2 * math.pi) * (1 - 8 * UNIT)
        both = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        return radius * both, 16 * math.sqrt(points.shape[1]) * UNIT * self.period

    def divided(self, by: PowerOfTwo) -> Circular:
        """The period shrinks with the points."""
        return Circular(float(by.divide(self.period)))

    def largest(self, extents: Floats, p: float) -> Any:
        """Half a period in every coordinate where differences come to that."""
        near = np.minimum(extents, self.period / 2)
        longest = near.max(axis=-1)
        unit = np.where(longest > 0, longest, 1.0)
        with np.errstate(over="ignore"):
            return (unit * np.sqrt(((near / unit[..., None]) ** 2).sum(axis=-1))) ** p * (1 + 1e-12)

    def slope(self, x: Floats, y: Floats, p: float) -> Floats:
        """As for the euclidean metric, of the differences the near way round."""
        difference = self.prepared(x) - self.prepared(y)
        near = difference - self.period * np.rint(difference / self.period)
        inside = (near**2).sum(axis=1, keepdims=True)
        return p * power(inside, p / 2 - 1) * near


_LEAST_NORMAL = 2.0**-1022
_NEAREST = -500  # of powers of two: squares of sines underflow below
_PARALLEL = (
    0.05  # of the equator's length: by shorter ones, errors are told relative to differences of coordinates alone
)


@dataclass(frozen=True)
class GreatCircle(PointMetric):
    """The angle between points (latitude, longitude) on the unit sphere, all in radians; costs are powers of angles divided by ``unit``.

    ``2 atan2(sqrt h, sqrt(1 - h))`` with the haversine ``h = sin^2 a cos^2 l + cos^2 s sin^2 l`` and ``1 - h = cos^2 a cos^2 l +
    sin^2 s sin^2 l``, where a and s are half the difference and half the sum of latitudes, l half the difference of longitudes: sums
    of what is not negative, accurate for the nearest points and for antipodes.
    """

    translates = False
    degree = 0
    unit: float = 1.0
    reach: float = math.inf
    cosine: float = 0.0

    def form(self, p: float) -> Form:
        """The angle to a power; its unit stands where other costs have their factor."""
        return GREAT_CIRCLE, p, self.unit

    def held_in(self, unit: PowerOfTwo) -> GreatCircle:
        """Angles are divided, points are not."""
        return replace(self, unit=unit.times(1.0))

    def size(self, box: Box, p: float, farthest: float | None) -> PowerOfTwo:
        """Of the longest way along a meridian and a parallel."""
        held = PowerOfTwo.above(self.unit) / PowerOfTwo(1)
        longest = float(self._longest(box.extents)) / held.times(1.0) if farthest is None else farthest
        angle = PowerOfTwo.above(longest)
        if abs(angle.exponent) * max(p, 2) <= AS_THEY_ARE:
            return ONE
        return PowerOfTwo(max(angle.exponent, _NEAREST - held.exponent))

    def within(self, box: Box) -> GreatCircle:
        """The same between points of a box: ``reach`` apart at most, on parallels at least ``cosine`` long; unknown where a nearer way leads round."""
        latitude, longitude = (float(z.max()) for z in np.moveaxis(box.extents, -1, 0))
        highest = max(float(np.abs(z[..., 0]).max()) for z in box)
        if longitude > math.pi:
            return self
        return replace(self, reach=latitude + longitude, cosine=math.cos(min(highest, math.pi / 2)))

    def rounding(self, d: int, p: float, unit: float) -> tuple[float, float]:
        """Angles are rounded before their sines are taken: 32 u in all, an absolute error of the angle; the rest is relative.

        Where nobody's nearer way leads round, differences of coordinates are rounded once and their sines err relative to them, by 5 u if a sine
        errs by 4. Cosines err by 6 u, so that ``sqrt h`` is off by 12 u times half a difference at most; and relative to it by
        ``(15 + 1.6/k + 1.1/k^2) u`` where parallels are at least k long: ``h >= k^2 sin^2 l``, and ``sin^2 a <= 2 h`` where ``cos l >= 1/2``.
        ``sqrt(1 - h)`` is off by 20 u, of which the angle takes ``sqrt h``. Squares below all floats take up to 1e-140 from an angle, and powers
        below all normal ones what they are.
        """
        if math.isinf(p):
            return math.inf, math.inf
        k, lost = self.cosine, 32 * min(1.0, self.reach) * unit
        if math.isinf(self.reach):
            relative = 16 * p + 3
        elif k < _PARALLEL:
            relative, lost = 48 * p + 3, lost + 1e-140
        else:
            relative, lost = p * (48 + 2 / k + 2 / k**2) + 3, 1e-140
        more, absolute = self._of_powers(lost / self.unit, p)
        return 1.01 * (relative * unit + more), 1.01 * absolute + _LEAST_NORMAL

    def _of_powers(self, lost: float, p: float) -> tuple[float, float]:
        """Relative and absolute error of powers of angles that are off by ``lost``, both in the unit: ``p s^(p-1)`` times that, where s is the larger.

        That is at most what it is for the longest; or for half a unit, and from there on at most ``2 p lost`` of the power itself.
        """
        longest = min(self.reach, math.pi) / self.unit
        if longest <= 0.5 or p == 1 or p * lost > 0.002:
            return 0.0, p * real_power(longest, p - 1) * lost
        return 2 * p * lost, p * 0.5 ** (p - 1) * lost

    def check(self, points: Floats, name: str) -> None:
        """Two coordinates in radians."""
        if points.shape[1] != 2:
            raise InvalidInput(
                f'{name} must have two coordinates, latitude and longitude, under metric="great_circle"; received {points.shape[1]}; '
                f"leave other columns out"
            )
        latitude, longitude = np.abs(points).max(axis=0)
        if latitude > math.pi / 2 * (1 + 1e-15) or longitude > 2 * math.pi * (1 + 1e-15):
            raise InvalidInput(
                f"{name} must hold latitudes in [-pi/2, pi/2] and longitudes in [-2 pi, 2 pi], in radians; received up to {latitude:g} and "
                f"{longitude:g}; call numpy.radians on degrees"
            )

    def flat(self, points: Floats) -> tuple[Floats, float]:
        """Points of the unit sphere, whose chords are no longer than its arcs."""
        (latitude, longitude), around = points.T, np.cos(points[:, 0])
        return np.stack([around * np.cos(longitude), around * np.sin(longitude), np.sin(latitude)], axis=1), 16 * UNIT

    def largest(self, extents: Floats, p: float) -> Any:
        """Along a meridian and a parallel, half a turn at most."""
        with np.errstate(over="ignore"):
            return (self._longest(extents) / self.unit) ** p * (1 + 1e-12)

    @staticmethod
    def _longest(extents: Floats) -> Any:
        return np.minimum(extents.sum(axis=-1), math.pi)

    def slope(self, x: Floats, y: Floats, p: float) -> Floats:
        """By the spherical law of cosines, with the cancelling terms taken together."""
        (a, b), (c, d) = x.T, y.T
        s, t = np.sin((a - c) / 2) ** 2, np.sin((b - d) / 2) ** 2
        h = s * (1 - t) + np.cos((a + c) / 2) ** 2 * t
        rest = (1 - s) * (1 - t) + np.sin((a + c) / 2) ** 2 * t
        angle, sine = 2 * np.arctan2(np.sqrt(h), np.sqrt(rest)), 2 * np.sqrt(h * rest)
        north = np.sin(a - c) - 2 * np.sin(a) * np.cos(c) * t
        east = np.cos(a) * np.cos(c) * np.sin(b - d)
        outside = np.divide(
            p / self.unit * power(angle / self.unit, p - 1), sine, out=np.zeros_like(sine), where=sine > 0
        )
        return outside[:, None] * np.stack([north, east], axis=1)


TABLE: dict[str, PointMetric] = {
    "euclidean": Powers(2.0),
    "cityblock": Powers(1.0),
    "chebyshev": Powers(math.inf),
    "great_circle": GreatCircle(),
    "sqeuclidean": Powers(2.0, only_p_one=True, degree=2),
    "cosine": Cosine(),
}
METRICS = tuple(name for name, entry in TABLE.items() if not entry.only_p_one)
COSTS = tuple(name for name, entry in TABLE.items() if entry.only_p_one)
NORMS = tuple(name for name in METRICS if isinstance(TABLE[name], Powers))


_CALLABLES = (
    "braycurtis",
    "canberra",
    "correlation",
    "hamming",
    "jaccard",
    "jensenshannon",
)  # of scipy's
_ELSEWHERE = {
    **dict.fromkeys(("manhattan", "l1", "taxicab", "city_block"), "'cityblock'"),
    **dict.fromkeys(("l2",), "'euclidean'"),
    **dict.fromkeys(("linf", "l_inf", "linfinity", "max", "maximum", "supremum"), "'chebyshev'"),
    **dict.fromkeys(("haversine", "geodesic"), "'great_circle', with latitude and longitude in radians"),
    **dict.fromkeys(("squared_euclidean", "sq_euclidean"), "'sqeuclidean' and p=1, or 'euclidean' and p=2"),
    **dict.fromkeys(("minkowski",), "otgen.Minkowski(q), such as otgen.Minkowski(3)"),
    **dict.fromkeys(("circular", "periodic", "torus"), "otgen.Circular(period), such as otgen.Circular(24)"),
    **{name: f"a callable, such as lambda x, y: cdist(x, y, {name!r}) of scipy.spatial.distance" for name in _CALLABLES},
    **dict.fromkeys(("precomputed",), "the costs to otgen.transport(C, a, b), which takes a matrix of them"),
    "seuclidean": "points divided by standard deviations, under 'euclidean'",
    "mahalanobis": "points times a Cholesky factor of the inverse covariance, under 'euclidean'",
}  # fmt: skip


def metric_name(metric: Any) -> MetricName:
    """A metric that is a word, if the table has it; one that other libraries use is told its name here.

    Raises
    ------
    InvalidInput
        For any other value.
    """
    return cast(MetricName, scalars.one_of(metric, "metric", tuple(TABLE), _ELSEWHERE))


def entry_of(metric: str | Minkowski | Circular) -> PointMetric:
    """The entry of a metric that is no callable."""
    if isinstance(metric, Minkowski):
        return Powers(float(metric.q))
    return Torus(float(metric.period)) if isinstance(metric, Circular) else TABLE[metric]


def is_norm(metric: Any) -> bool:
    """Whether a metric, of whatever is given for one, is the norm of a difference.

    Examples
    --------
    >>> is_norm(Minkowski(3)), is_norm("euclidean"), is_norm("great_circle"), is_norm(Circular(1.0))
    (True, True, False, False)
    """
    return isinstance(metric, Minkowski) or (isinstance(metric, str) and metric in NORMS)


def spelt(metric: str | Minkowski | Circular) -> tuple[str, float]:
    """A metric as a word and a number, for what can hold nothing else."""
    if isinstance(metric, Minkowski):
        return "minkowski", float(metric.q)
    return ("circular", float(metric.period)) if isinstance(metric, Circular) else (metric, 2.0)


def unspelt(word: str, number: float) -> BuiltIn:
    """What :func:`spelt` has spelt."""
    made = {"minkowski": Minkowski, "circular": Circular}
    return made[word](number) if word in made else cast(MetricName, word)
