"""How a density goes on where no float reaches: nearer to an end than floats can tell from it, or beyond all floats.

Written in ``u``, the logarithm of the distance to a finite end or from a centre, the logarithm of a density is in the end a
polynomial: linear for power laws, of degree 2 for lognormal laws. Those are fitted where floats still reach, and what the fit misses
there is doubted beyond. Other tails are steep: they fall faster than any such polynomial, and nothing is left of them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats
from .density import Density

_FIT = np.linspace(0.0, 1.0, 9)
_HUGE = 1e250  # logarithms beyond it overflow in least squares
_GOOD = 1e-10  # and one that misses less is as good as any
_SURE = 0.1  # a fit that misses more than this is none; what it misses is claimed as an error
GONE = -60.0  # the logarithm of a mass that is nothing beside 1


class Curve(NamedTuple):
    """Points ``anchor + side * exp(u)``; ``outward`` is the sign of u on the way to the end."""

    anchor: float
    side: int
    outward: int

    def at(self, u: Floats) -> Floats:
        """The points of the line."""
        return self.anchor + self.side * np.exp(u)


class Tail(NamedTuple):
    """A polynomial in the way ``d = outward * (u - limit)``; ``coefficients`` is None where nothing is left beyond the limit.

    That is so of laws without mass there, and of ``steep`` ones. A steep tail is ``cut`` where its formula leaves the floats
    before it shows how it goes on.
    """

    limit: float
    coefficients: Floats | None = None
    doubt: float = 0.0
    span: float = 1.0
    steep: bool = False
    cut: bool = False

    def at(self, way: Floats) -> tuple[Floats, Floats]:
        """Logarithms and doubts a way beyond the limit."""
        if self.coefficients is None:
            return np.full(way.shape, -math.inf), np.zeros(way.shape)
        order = len(self.coefficients) - 1
        return np.polyval(self.coefficients, way), self.doubt * (1 + (np.abs(way) / self.span) ** order)


def tail(law: Density, curve: Curve) -> Tail | None:
    """The tail of a law, from its best fit; None where no fit is good and the law isn't gone either."""
    own = np.abs(law.marks[(law.marks - curve.anchor) * curve.side > 0] - curve.anchor)
    start = math.log(own.max() if curve.outward > 0 else own.min()) if len(own) else 0.0
    limits = _limits(curve)
    past = [limit for limit in limits if (limit - start) * curve.outward > 0]
    found = _best_fit(law, curve, past)  # beyond all that the law is known to have
    if found is None or found.doubt > 1e-9:
        found = _best_fit(law, curve, limits)
    return found if found is None or found.doubt < _SURE else None


def _best_fit(law: Density, curve: Curve, limits: list[float]) -> Tail | None:
    best: Tail | None = None
    empty = bool(limits)
    for limit in limits:
        span = abs(limit) / 2 if curve.outward > 0 or curve.anchor == 0 else 4.0
        x = curve.at(limit - curve.outward * span * _FIT)
        u = np.log(np.abs(x - curve.anchor))
        logs, doubts = law.logs(x)
        outside = (x < law.low) | (x > law.high)
        if outside.all() and limit == limits[0]:  # where points are nearest to the end
            return Tail(limit)
        empty = empty and bool((logs == -math.inf).all())
        if outside.any() or not (np.isfinite(logs) & np.isfinite(doubts)).all():
            continue
        if best is None and _falls_steeply(logs + u, span):
            return Tail(limit, steep=True)
        if not (np.isfinite(u).all() and float(np.abs(logs).max()) < _HUGE):
            continue
        found = fitted(curve.outward * (u - limit), logs, limit, span)
        found = found._replace(doubt=found.doubt + float(doubts.max()))
        if found.doubt < max(_GOOD, 1e-14 * (4 + float(np.abs(logs).max()))):  # as near as rounding lets it
            return found
        best = found if best is None or found.doubt < best.doubt / 4 else best
    return Tail(limits[0]) if empty else best


def _limits(curve: Curve) -> list[float]:
    if curve.outward > 0:
        return [690.0, 600.0, 500.0, 400.0, 340.0, 250.0, 170.0, 110.0, 70.0, 45.0, 30.0, 20.0, 12.0]
    if curve.anchor == 0:
        return [-690.0, -500.0, -340.0, -170.0, -110.0, -70.0, -45.0, -30.0, -20.0]
    size = math.log(abs(curve.anchor))
    return [size - bits * math.log(2) for bits in (44, 38, 32, 26, 20)]


def _falls_steeply(logs: Floats, span: float) -> bool:
    """Whether mass (a density in u) is gone at the end of a way, and falls ever faster."""
    slopes = (logs[0] - logs[4]) / (span / 2), (logs[4] - logs[8]) / (span / 2)
    return logs[0] < 20 * GONE and slopes[0] < 1.5 * slopes[1] < 0 and math.isfinite(logs[0])


def fitted(d: Floats, logs: Floats, limit: float, span: float) -> Tail:
    """Least squares of degree 1, or of degree 2 where that is far better and bends down."""
    rounding = 4e-16 * (4 + float(np.abs(logs).max()))
    tails = list[Tail]()
    for degree in (1, 2):
        coefficients: Any = np.polyfit(d / span, logs, degree)
        miss = float(np.abs(np.polyval(coefficients, d / span) - logs).max()) + rounding
        scaled = coefficients / span ** np.arange(degree, -1, -1)
        tails.append(Tail(limit, scaled, 8 * miss, span))
    line, bent = tails
    return bent if bent.doubt < line.doubt / 1000 and bent.coefficients[0] < 0 else line  # type: ignore[index]
