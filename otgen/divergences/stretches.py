"""The line cut into stretches on which two densities are tame, each with a parameter that makes them so.

A piece that is wide beside its distance from an end, a pole or a centre is measured by the logarithm ``u`` of that distance, so that
power laws and scales far apart are smooth; the rest as it is. Where u passes beyond what floats can tell, the tails take over.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput
from ..inputs.types import Floats
from .density import Density, Untold
from .tails import GONE, Curve, Tail, tail

Pair = tuple[Density, Density]
_EPS = float(np.finfo(float).eps)
_WIDE = 8.0  # a piece this many times its distance from an anchor is measured by logarithms
_PANEL = 2.0  # width of a panel in u, four times that far out
_FAR = 60.0
_CLOSE = 2.0**-12  # two ends nearer to each other than this share of their size
_NARROW = 2.0**-28  # a law no wider than this share of where it lies
_UNKNOWN = 5.0  # the doubt of a logarithm between two ends of a mixture's parts: a factor of 150
_TINY = 1e-290  # nearer to 0, floats lose digits


@dataclass(frozen=True, eq=False)
class Values:
    """Logarithms of both densities by the parameter, their doubts beyond rounding, and how finely the parameter is told."""

    logs: tuple[Floats, Floats]
    doubts: tuple[Floats, Floats]
    grain: Floats


class Reach(NamedTuple):
    """A law's tail along a curve, told by distances ``offset + way * exp(u)`` from the law's own end where that lies close to the anchor.

    Floats near the anchor may not tell both ends apart, and what a law does at its own end cannot be seen by distances from the other's.
    """

    curve: Curve
    tail: Tail
    offset: float = 0.0
    way: int = 1
    rough: float = 0.0  # where the law's own poles lie, as close to its end

    def own(self, u: Floats) -> Floats:
        """Logarithms of the distances, -inf beyond the law's end."""
        return u if self.offset == 0 else np.log(np.maximum(self.offset + self.way * np.exp(u), 0.0))


@dataclass(eq=False)
class Stretch:
    """Panels (low, high) in one parameter: the points themselves, or ``u`` along a curve, with how both laws reach its end."""

    curve: Curve | None = None
    reaches: tuple[Reach, Reach] | None = None
    panels: list[tuple[float, float]] = field(default_factory=list)
    far: float | None = None  # the parameter that panels are missing from, out to where nothing is left
    whole: Tail | None = None  # of the term itself, where one law is steep and the other is not

    def values(self, laws: Pair, u: Floats) -> Values:
        """What both laws are at parameters u."""
        if self.curve is None:
            (s, ds), (t, dt) = (law.logs(u) for law in laws)
            return Values((s, t), (ds, dt), np.spacing(np.abs(u)) / 2)
        if self.reaches is None:
            x = self.curve.at(u)
            one, other = (law.logs(x) for law in laws)
            told = np.ones(u.shape, bool)
        else:
            (one, first), (other, second) = (self._reached(law, reach, u) for law, reach in zip(laws, self.reaches))
            told = first | second
        near = np.where(told, u, 0.0)
        rounded = np.spacing(np.abs(self.curve.at(near))) / 2 * np.exp(-near)
        grain = np.where(told, (0.0 if self._corrected else rounded) + _EPS, 0.0)
        (s, ds), (t, dt) = one, other
        return Values((s + u, t + u), (ds + 2 * _EPS * np.abs(u), dt + 2 * _EPS * np.abs(u)), grain)

    @property
    def tails(self) -> tuple[Tail, Tail] | None:
        """Both laws' tails."""
        return None if self.reaches is None else (self.reaches[0].tail, self.reaches[1].tail)

    @property
    def _corrected(self) -> bool:
        """Whether both laws are known between the floats near an end: not where one falls steeply to it."""
        return self.tails is not None and self._at_an_end and not any(end.steep for end in self.tails)

    @property
    def _at_an_end(self) -> bool:
        return self.curve is not None and self.curve.outward < 0 and self.curve.anchor != 0

    def _reached(self, law: Density, reach: Reach, u: Floats) -> tuple[tuple[Floats, Floats], npt.NDArray[np.bool_]]:
        """A law's logarithms and doubts, and where they are computed rather than continued.

        Near an end that is not 0, points are rounded and so are distances inside formulas: the first is made good by the slope of
        the tail, the second is as large as what the tail's fit misses, and falls with the distance.
        """
        end, own = reach.tail, reach.own(u)
        gone = own == -math.inf
        own = np.where(gone, end.limit, own)
        way = np.maximum(reach.curve.outward * (own - end.limit), 0.0)
        x = reach.curve.at(np.where(way > 0, end.limit, own))
        log, doubt = law.logs(x)
        if self._at_an_end and end.coefficients is not None:
            log = log - end.coefficients[-2] * (own - np.log(np.abs(x - reach.curve.anchor)))
            doubt = doubt + end.doubt * np.exp(np.minimum(end.limit - own, 0.0))
        beyond, off = end.at(way)
        log, doubt = np.where(way > 0, beyond, log), np.where(way > 0, off, doubt)
        if reach.rough:
            doubt = doubt + _UNKNOWN * (own < math.log(8 * reach.rough))
        return (np.where(gone, -math.inf, log), np.where(gone, 0.0, doubt)), (way == 0) & ~gone

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
    if not len(points):
        raise InvalidInput(
            "p or q must have mass where squares of points are floats; received laws without any there; subtract one number from both laws, "
            "or divide both by their scale"
        )
    anchors = np.unique(np.concatenate([*(law.anchors for law in laws), np.array(sorted(special))]))
    found: dict[Curve | None, Stretch] = {}
    for left, right in itertools.pairwise(points.tolist()):
        middle = left + (right - left) / 2
        if _is_told_by_floats_alone(laws, left, right):
            for law, name in zip(laws, "pq"):
                if (law.low, law.high) == (left, right) and not left < middle < right:
                    raise _too_narrow(name, left, right)
            _stretch_of_curve(found, laws, None).panels.append((left, right))
        elif left in special and right in special:
            for start, side in ((left, 1), (right, -1)):
                _to_the_end(
                    _stretch_of_curve(found, laws, Curve(start, side, -1)), math.log(right - left) - math.log(2)
                )
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


def _is_told_by_floats_alone(laws: Pair, left: float, right: float) -> bool:
    """Whether a law with mass between two points is so narrow that too few floats tell how it goes on towards its ends."""
    return any(
        law.low <= left and right <= law.high and law.high - law.low < max(_NARROW * abs(law.low), _TINY)
        for law in laws
    )


def _too_narrow(name: str, left: float, right: float) -> InvalidInput:
    return InvalidInput(
        f"{name} must be wide enough for floats to lie between its ends; received a law with none between {left!r} and {right!r}; "
        f"subtract one number from both laws, and divide both by their scale"
    )


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
        ends = _both_reaches(laws, curve) if curve is not None and curve.outward else None
        found[curve] = Stretch(curve, ends)
    return found[curve]


def _anchor_behind(anchors: Floats, start: float, side: int) -> float | None:
    """The nearest anchor on the way back from a point."""
    back = anchors[(start - anchors) * side > 0]
    return float(back.max() if side > 0 else back.min()) if len(back) else None


def to_infinity(laws: Pair, start: float, side: int, anchor: float) -> Stretch:
    """The stretch from a point on, by distances from an anchor behind it."""
    curve = Curve(anchor, side, 1)
    stretch = Stretch(curve, _both_reaches(laws, curve))
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


def _both_reaches(laws: Pair, curve: Curve) -> tuple[Reach, Reach]:
    one, other = (_reach(law, curve, name) for law, name in zip(laws, "pq"))
    return one, other


def _reach(law: Density, curve: Curve, name: str) -> Reach:
    """How a law reaches the end of a curve: by its own end, if that is close to the curve's and another."""
    if curve.outward < 0:
        for end, inward in ((law.low, 1), (law.high, -1)):
            if end != curve.anchor and _is_close(end, curve.anchor):
                own, away = Curve(end, inward, -1), inward * (curve.anchor - end)
                rough = [abs(z - end) for z in law.poles if _is_close(z, end)]
                return Reach(own, _tail_or_refusal(law, own, name), away, inward * curve.side, max(rough, default=0.0))
    return Reach(curve, _tail_or_refusal(law, curve, name))


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) < max(_CLOSE * max(abs(one), abs(other)), _TINY)


def _tail_or_refusal(law: Density, curve: Curve, name: str) -> Tail:
    """A law's tail; where none fits, nothing, if it has no mass left there."""
    found = tail(law, curve)
    if found is not None:
        return found
    limits = np.arange(690.0, -300.0, -1.0) if curve.outward > 0 else np.arange(-690.0, 300.0)
    logs, doubts = law.logs(curve.at(limits))
    last = int(
        np.isfinite(logs + doubts).argmax()
    )  # the outermost that is known: further in, a law is gone because the way is short
    if math.isfinite(logs[last] + doubts[last]) and logs[last] + limits[last] < GONE:
        return Tail(float(limits[last]), steep=True, cut=True)
    where = "infinity" if curve.outward > 0 else f"{curve.anchor:g}"
    raise Untold(
        f"{name} must have a tail that goes on as a power law or falls faster; received one whose density near {where} cannot be "
        f"continued beyond floats; choose other parameters, or compare samples with kl_samples"
    )
