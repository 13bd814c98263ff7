"""What a divergence adds up over all points, written twice: by masses, and by logarithms of densities that no float may hold.

Every term is homogeneous, ``T(c p, c q) = c T(p, q)``, and never negative: where the definition has terms of both signs, a multiple
of ``p - q`` is added, which integrates to 0. So nothing cancels, and the logarithm of a term exists.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput
from ..inputs.types import Floats

_LOG2 = math.log(2.0)
_NEARLY_BEYOND = 1e290  # what grows past the largest float has been as large as this before
_SERIES = [1 / math.factorial(k) for k in range(18, 1, -1)]  # of (exp(r) - 1 - r) / r^2, highest power first
_NEAR = 0.5  # |log q/p| below which the series is more accurate than the difference
_FAR = 40.0  # |log q/p| beyond which the smaller density is nothing beside the larger


@dataclass(frozen=True)
class Term:
    """A divergence's term.

    Attributes
    ----------
    masses : callable
        ``(p, q)`` to terms, arrays of one shape.
    logs : callable
        ``(log p, log q)`` to logarithms of terms; NaN where it cannot be told.
    most : float
        What the sum never exceeds.
    short : callable or None
        ``(a, b)`` to how far from that most it is at most, for laws of which p leaves a and q all but b to one of two parts of the line.
    """

    masses: Callable[[Floats, Floats], Floats]
    logs: Callable[[Floats, Floats], Floats]
    most: float = math.inf
    short: Callable[[float, float], float] | None = None


def _excess(r: Floats) -> Floats:
    """``exp(r) - 1 - r`` without cancellation."""
    series = r * r * np.polyval(_SERIES, np.clip(r, -_NEAR, _NEAR))
    return np.where(np.abs(r) < _NEAR, series, np.expm1(r) - r)


def _log_excess(r: Floats) -> Floats:
    """The logarithm of ``exp(r) - 1 - r``, less r where that is large: r alone may be too large to be added to anything."""
    far = np.maximum(r, _FAR)
    return np.where(r > _FAR, np.log1p(-(1 + far) * np.exp(-far)), np.log(_excess(np.minimum(r, _FAR))))


def _log_ratio(p: Floats, q: Floats) -> Floats:
    """``log q/p`` of positive masses, to the last digit where they are nearly equal."""
    near = np.abs(q - p) < 0.5 * p
    return np.where(near, np.log1p((q - p) / p), np.log(q) - np.log(p))


def _kl_masses(p: Floats, q: Floats) -> Floats:
    """``p log(p/q) - p + q``."""
    both = (p > 0) & (q > 0)
    one, other = np.where(both, p, 1.0), np.where(both, q, 1.0)
    r = _log_ratio(one, other)
    inner = np.where(r < _FAR, one * _excess(np.minimum(r, _FAR)), other - one * (1 + r))
    return np.where(both, inner, np.where(p > 0, math.inf, q))


def _kl_logs(s: Floats, t: Floats) -> Floats:
    both = np.where(t - s > _FAR, t, s) + _log_excess(t - s)
    return _settled_term(s, t, both, np.full_like(s, math.inf), t)


def _settled_term(s: Floats, t: Floats, both: Floats, only_p: Floats, only_q: Floats) -> Floats:
    """What a term is where both laws have mass, where one has, and where none has."""
    alone = np.where(s > -math.inf, only_p, np.where(t > -math.inf, only_q, -math.inf))
    settled = np.where((s > -math.inf) & (t > -math.inf), both, alone)
    return np.where(np.isnan(s) | np.isnan(t), math.nan, settled)


def _js_masses(p: Floats, q: Floats) -> Floats:
    middle = p / 2 + q / 2
    return np.where((p > 0) & (q > 0), (_kl_masses(p, middle) + _kl_masses(q, middle)) / 2, (p + q) * _LOG2 / 2)


def _js_logs(s: Floats, t: Floats) -> Floats:
    high, d = np.maximum(s, t), np.abs(s - t)
    above = np.log1p(np.expm1(-d) / 2)  # log m / max
    below = np.where(d < 1, np.log1p(np.expm1(np.minimum(d, 1.0)) / 2), above + d)  # log m / min
    lower = np.where(below > _FAR, above, -d) + _log_excess(below)
    both = high + np.logaddexp(_log_excess(above), lower) - _LOG2
    return _settled_term(s, t, both, s + math.log(_LOG2 / 2), t + math.log(_LOG2 / 2))


def _tv_logs(s: Floats, t: Floats) -> Floats:
    both = np.maximum(s, t) + np.log(-np.expm1(-np.abs(s - t))) - _LOG2
    return _settled_term(s, t, both, s - _LOG2, t - _LOG2)


def _hellinger_logs(s: Floats, t: Floats) -> Floats:
    both = np.maximum(s, t) + 2 * np.log(-np.expm1(-np.abs(s - t) / 2)) - _LOG2
    return _settled_term(s, t, both, s - _LOG2, t - _LOG2)


def _chi2_masses(p: Floats, q: Floats) -> Floats:
    inner = (p - q) * ((p - q) / np.where(q > 0, q, 1.0))
    return np.where(q > 0, inner, np.where(p > 0, math.inf, 0.0))


def _chi2_logs(s: Floats, t: Floats) -> Floats:
    d = s - t
    far = 2 * s - t + 2 * np.log1p(-np.exp(-np.maximum(d, _FAR)))
    both = np.where(d > _FAR, far, t + 2 * np.log(np.abs(np.expm1(np.minimum(d, _FAR)))))
    return _settled_term(s, t, both, np.full_like(s, math.inf), t)


def _binary_entropy(a: float, b: float) -> float:
    """``h((a + b) / 2)``: by Fano's inequality, no less than what is left to learn of which law it was that a point came from."""
    e = min((a + b) / 2, 0.5)
    return -e * math.log(e) - (1 - e) * math.log1p(-e) if e > 0 else 0.0


KL = Term(_kl_masses, _kl_logs)
JS = Term(_js_masses, _js_logs, _LOG2, _binary_entropy)
TV = Term(lambda p, q: np.abs(p - q) / 2, _tv_logs, 1.0, lambda a, b: a + b)
HELLINGER = Term(
    lambda p, q: (np.sqrt(p) - np.sqrt(q)) ** 2 / 2,
    _hellinger_logs,
    1.0,
    lambda a, b: math.sqrt(a) + math.sqrt(b),  # Cauchy and Schwarz's inequality, on either part
)
CHI2 = Term(_chi2_masses, _chi2_logs)


def of_function(f: Callable[[float], float], slope: float) -> Term:
    """``q f(p/q)``, f lowered by its tangent at 1 so that no term is negative.

    ``slope`` is the limit of ``f(u)/u``. Ratios beyond all floats are told by it where it is finite, and are NaN otherwise; so is what
    overflows, and an infinite f(0) where a ratio is 0 for rounding alone.
    """
    tangent = _slope_at_one(f)
    if slope < tangent - 1e-6 * (abs(tangent) + abs(slope)) - 1e-9:
        raise InvalidInput(
            f"slope must be the limit of f(u)/u, which no convex f has below its slope at 1; received {slope:.6g} and a slope of {tangent:.6g} there; "
            f"correct it"
        )
    rise = max(slope - tangent, 0.0)

    @functools.cache
    def overflows(side: int) -> bool:
        return _overflows(f, side)

    def lowered(u: Floats) -> Floats:
        found = np.array([value_at(f, one, beyond=math.nan) for one in u.ravel().tolist()]).reshape(u.shape)
        for side in (-1, 1):
            lost = (found == math.inf) & (u > 0) & ((u - 1) * side > 0)
            found = np.where(lost, math.nan, found) if lost.any() and overflows(side) else found
        line = tangent * (u - 1)
        rounding = 1e-11 + 1e-8 * (np.abs(found) + np.abs(line)) + 1e-9 * np.abs(u - 1)
        short = found < line - rounding
        if short.any():
            raise InvalidInput(
                f"f must be convex, and so nowhere below its tangent at 1; received one that is {found[short][0]:.6g} at {u[short][0]:.6g}, below "
                f"{line[short][0]:.6g}; check its sign"
            )
        return np.maximum(found - line, 0.0)

    def logs(s: Floats, t: Floats) -> Floats:
        d = np.where((s > -math.inf) & (t > -math.inf), s - t, 0.0)
        steep = s + (math.log(rise) if rise > 0 else -math.inf)
        ratio = np.exp(np.minimum(d, 700))
        inner = t + np.log(lowered(ratio))
        inner = np.where((ratio == 0) & (inner == math.inf), math.nan, inner)
        both = np.where(d > 700, steep if slope < math.inf else math.nan, inner)
        only_q = (s == -math.inf) & (t > -math.inf)
        return _settled_term(s, t, both, steep, t + np.log(lowered(np.zeros(1)))[0] if only_q.any() else t)

    def masses(p: Floats, q: Floats) -> Floats:
        ratio = p / np.where(q > 0, q, 1.0)
        known = (q > 0) & np.isfinite(ratio)
        steep = p * rise if slope < math.inf else np.where(p > 0, math.inf, 0.0)
        found = np.where(known, q * lowered(np.where(known, ratio, 1.0)), steep)
        lost = np.isnan(found) | ((q > 0) & ~known & (slope == math.inf))
        if lost.any():
            raise InvalidInput(
                f"f must be a float at all ratios p / q of masses, or have a finite slope; received one that is none at a ratio of "
                f"{p[lost][0]:.6g} to {q[lost][0]:.6g}; use kl or chi2, whose logarithms reach farther"
            )
        return found

    return Term(masses, logs)


def _slope_at_one(f: Callable[[float], float]) -> float:
    """A slope of f at 1, from steps that halve: chords on both sides of 1 hold it between them, ever closer until they round.

    So a kink beside 1 is not taken for a slope: a wrong one would be charged where both laws nearly agree.
    """
    low, high, middle = -math.inf, math.inf, math.nan
    for step in (2.0**-k for k in range(17, 46)):
        at, above, below = value_at(f, 1.0), value_at(f, 1 + step), value_at(f, 1 - step)
        if math.isinf(above) or math.isinf(below):
            raise InvalidInput(
                f"f must be finite around 1; received one of {below:.6g} and {above:.6g} there; correct it"
            )
        left, right = max(low, (at - below) / step), min(high, (above - at) / step)
        if math.isnan(middle):
            middle = (above - below) / (2 * step)
        elif left > right:  # by rounding: what is between them is what is left to choose from
            low, high = max(low, right), min(high, left)
            break
        low, high = left, right
    return min(max(middle, low), high)


def _overflows(f: Callable[[float], float], side: int) -> bool:
    """Whether f is infinite far from 1, below it or above, for being beyond the largest float rather than by its definition."""
    near, far = 0.0, side * 744.0 if side < 0 else 709.0
    for _ in range(64):
        middle = (near + far) / 2
        if value_at(f, math.exp(middle), beyond=math.inf) < math.inf:
            near = middle
        else:
            far = middle
    return value_at(f, math.exp(near)) > _NEARLY_BEYOND


def value_at(f: Callable[[float], float], ratio: float, beyond: float | None = None) -> float:
    """``f(ratio)``, ``beyond`` where that overflows, or an error in words where f has none."""
    try:
        found, fault = float(f(ratio)), "not a number"
    except OverflowError as stopped:
        if beyond is not None:
            return beyond
        found, fault = math.nan, str(stopped)
    except (ArithmeticError, TypeError, ValueError) as stopped:
        found, fault = math.nan, str(stopped)
    if math.isnan(found):
        raise InvalidInput(
            f"f must be a function of one float in [0, inf); received one that fails at {ratio:.6g} ({fault}); "
            f"return its limit there"
        )
    return found
