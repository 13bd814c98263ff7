"""The line cut into stretches on which two densities are tame, each with a parameter that makes them so.

A piece that is wide beside its distance from an end, a pole or a centre is measured by the logarithm ``u`` of that distance, so that
power laws and scales far apart are smooth; the rest as it is. Where u passes beyond what floats can tell, the tails take over.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput
from ..inputs.types import Floats
from .density import Density
from .tails import GONE, Curve, Tail, tail

Pair = tuple[Density, Density]
_EPS = float(np.finfo(float).eps)
_WIDE = 8.0  # a piece this many times its distance from an anchor is measured by logarithms
_PANEL = 2.0  # width of a panel in u, four times that far out
_FAR = 60.0
_CLOSE = 2.0**-28  # two ends nearer to each other than this share of their size
_TINY = 1e-290  # nearer to 0, floats lose digits


@dataclass(frozen=True, eq=False)
class Values:
    """Logarithms of both densities by the parameter, their doubts beyond rounding, and how finely the parameter is told."""

    logs: tuple[Floats, Floats]
    doubts: tuple[Floats, Floats]
    grain: Floats


@dataclass(eq=False)
class Stretch:
    """Panels (low, high) in one parameter: the points themselves, or ``u`` along a curve, with both laws' tails."""

    curve: Curve | None = None
    tails: tuple[Tail, Tail] | None = None
    panels: list[tuple[float, float]] = field(default_factory=list)
    far: float | None = None  # the parameter that panels are missing from, out to where nothing is left
    whole: Tail | None = None  # of the term itself, where one law is steep and the other is not

    def values(self, laws: Pair, u: Floats) -> Values:
        """What both laws are at parameters u."""
        if self.curve is None:
            (s, ds), (t, dt) = (law.logs(u) for law in laws)
            return Values((s, t), (ds, dt), np.spacing(np.abs(u)) / 2)
        if self.tails is None:
            x = self.curve.at(u)
            one, other = (law.logs(x) for law in laws)
            told = np.ones(u.shape, bool)
        else:
            (one, first), (other, second) = (self._with_tail(law, end, u) for law, end in zip(laws, self.tails))
            told = first | second
        near = np.where(told, u, 0.0)
        rounded = np.spacing(np.abs(self.curve.at(near))) / 2 * np.exp(-near)
        grain = np.where(told, (0.0 if self._corrected else rounded) + _EPS, 0.0)
        (s, ds), (t, dt) = one, other
        return Values((s + u, t + u), (ds + 2 * _EPS * np.abs(u), dt + 2 * _EPS * np.abs(u)), grain)

    @property
    def _corrected(self) -> bool:
        """Whether both laws are known between the floats near an end: not where one falls steeply to it."""
        return self.tails is not None and self._at_an_end and not any(end.steep for end in self.tails)

    @property
    def _at_an_end(self) -> bool:
        return self.curve is not None and self.curve.outward < 0 and self.curve.anchor != 0

    def _with_tail(self, law: Density, end: Tail, u: Floats) -> tuple[tuple[Floats, Floats], npt.NDArray[np.bool_]]:
        """A law's logarithms and doubts, and where they are computed rather than continued.

        Near an end that is not 0, points are rounded and so are distances inside formulas: the first is made good by the slope of
        the tail, the second is as large as what the tail's fit misses, and falls with the distance.
        """
        assert self.curve is not None
        way = np.maximum(self.curve.outward * (u - end.limit), 0.0)
        x = self.curve.at(np.where(way > 0, end.limit, u))
        log, doubt = law.logs(x)
        if self._at_an_end and end.coefficients is not None:
            log = log - end.coefficients[-2] * (u - np.log(np.abs(x - self.curve.anchor)))
            doubt = doubt + end.doubt * np.exp(np.minimum(end.limit - u, 0.0))
        beyond, off = end.at(way)
        return (np.where(way > 0, beyond, log), np.where(way > 0, off, doubt)), way == 0

    @property
    def limit(self) -> float:
        """The last parameter that is of use: where nothing is left of both laws, or where neither can be computed."""
        assert self.tails is not None
        assert self.curve is not None
        outward = self.curve.outward
        limits = sorted((end.limit for end in self.tails), key=lambda one: one * outward)
        return limits[0] if all(end.coefficients is None for end in self.tails) else limits[1]


def stretches(laws: Pair) -> list[Stretch]:
    """The line between the outermost ends of both supports; panels beyond the limits of tails are left to the caller."""
    low, high = min(law.low for law in laws), max(law.high for law in laws)
    special = {z for law in laws for z in (law.low, law.high, *law.poles) if math.isfinite(z)}
    points = np.unique(np.concatenate([*(_clear_marks(law.marks, special) for law in laws), np.array(sorted(special))]))
    anchors = np.unique(np.concatenate([*(law.anchors for law in laws), np.array(sorted(special))]))
    found: dict[Curve | None, Stretch] = {}
    for left, right in itertools.pairwise(points.tolist()):
        middle = left + (right - left) / 2
        if left < middle < right and _is_between_close_ends(left, right, special):
            _stretch_of_curve(found, laws, None).panels.append((left, right))
        elif left < middle < right:
            _half_stretch(found, laws, (left, middle, right), anchors, special)
            _half_stretch(found, laws, (right, middle, left), anchors, special)
    for end, point in ((low, points[0]), (high, points[-1])):
        if math.isinf(end):
            point, side = float(point), 1 if end > 0 else -1
            anchor = _anchor_behind(anchors, point, side)
            anchor = point - side * max(1.0, abs(point)) if anchor is None else anchor
            found[Curve(anchor, side, 1)] = to_infinity(laws, point, side, anchor)
    return list(found.values())


def _clear_marks(marks: Floats, special: set[float]) -> Floats:
    """Marks that floats tell from the ends and poles."""
    for z in special:
        marks = marks[np.abs(marks - z) > max(2.0**-44 * abs(z), _TINY)]
    return marks


def _is_between_close_ends(left: float, right: float, special: set[float]) -> bool:
    """Whether too few floats lie between two ends or poles to tell how densities go on towards either."""
    below, above = (z for z in special if z <= left), (z for z in special if z >= right)
    low, high = max(below, default=-math.inf), min(above, default=math.inf)
    return high - low < _CLOSE * abs(low)


def _half_stretch(
    found: dict[Curve | None, Stretch],
    laws: Pair,
    points: tuple[float, float, float],
    anchors: Floats,
    special: set[float],
) -> None:
    """A piece from a point to the middle of its interval: by distances from that side, from an end or pole on the other, or as it is."""
    start, stop, other = points
    side = 1 if stop > start else -1
    if start in special:
        _to_the_end(_stretch_of_curve(found, laws, Curve(start, side, -1)), math.log(abs(stop - start)))
        return
    anchor = _anchor_behind(anchors, start, side)
    if anchor is None or abs(stop - anchor) < _WIDE * abs(start - anchor):
        anchor, side = other if other in special else _anchor_behind(anchors, other, -side), -side
        if anchor not in special or abs(start - anchor) < _WIDE * abs(other - anchor):
            _stretch_of_curve(found, laws, None).panels.append((min(start, stop), max(start, stop)))
            return
    stretch = _stretch_of_curve(found, laws, Curve(anchor, side, -1 if anchor in special else 0))
    stretch.panels += _panels_between(math.log(abs(start - anchor)), math.log(abs(stop - anchor)))


def _stretch_of_curve(found: dict[Curve | None, Stretch], laws: Pair, curve: Curve | None) -> Stretch:
    if curve not in found:
        ends = _tail_stretches(laws, curve) if curve is not None and curve.outward else None
        found[curve] = Stretch(curve, ends)
    return found[curve]


def _anchor_behind(anchors: Floats, start: float, side: int) -> float | None:
    """The nearest anchor on the way back from a point."""
    back = anchors[(start - anchors) * side > 0]
    return float(back.max() if side > 0 else back.min()) if len(back) else None


def to_infinity(laws: Pair, start: float, side: int, anchor: float) -> Stretch:
    """The stretch from a point on, by distances from an anchor behind it."""
    curve = Curve(anchor, side, 1)
    stretch = Stretch(curve, _tail_stretches(laws, curve))
    _to_the_end(stretch, math.log(abs(start - anchor)))
    return stretch


def _to_the_end(stretch: Stretch, start: float) -> None:
    """Panels from a parameter to the limit of both tails."""
    assert stretch.curve is not None
    limit = stretch.limit
    if (limit - start) * stretch.curve.outward > 0:
        stretch.panels += _panels_between(start, limit)
        stretch.far = limit
    else:
        stretch.far = start


def _panels_between(start: float, stop: float) -> list[tuple[float, float]]:
    """Panels of u between two parameters, wider where u is large."""
    low, high = min(start, stop), max(start, stop)
    edges = [low]
    for one, other in itertools.pairwise([low, *(z for z in (-_FAR, _FAR) if low < z < high), high]):
        width = _PANEL if abs(one + other) / 2 < _FAR else 4 * _PANEL
        edges += np.linspace(one, other, math.ceil((other - one) / width) + 1)[1:].tolist()
    return [(one, other) for one, other in itertools.pairwise(edges) if other > one]


def _tail_stretches(laws: Pair, curve: Curve) -> tuple[Tail, Tail]:
    one, other = (_tail_or_refusal(law, curve, name) for law, name in zip(laws, "pq"))
    return one, other


def _tail_or_refusal(law: Density, curve: Curve, name: str) -> Tail:
    """A law's tail; where none fits, nothing, if it has no mass left there."""
    found = tail(law, curve)
    if found is not None:
        return found
    limits = np.arange(690.0, -300.0, -1.0) if curve.outward > 0 else np.arange(-690.0, 300.0)
    logs, doubts = law.logs(curve.at(limits))
    gone = np.isfinite(logs + doubts) & (logs + limits < GONE)
    if gone.any():
        return Tail(float(limits[gone.argmax()]), steep=True, cut=True)
    where = "infinity" if curve.outward > 0 else f"{curve.anchor:g}"
    raise InvalidInput(
        f"{name} must have a tail that goes on as a power law or falls faster; received one whose density near {where} cannot be "
        f"continued beyond floats; choose other parameters, or compare samples with kl_samples"
    )
