"""What an integral needs to know of a law on the line: logarithms of its density, and the points between which that is tame."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import logsumexp

from ..errors import InvalidInput
from ..inputs.types import Floats
from .formulas import CONTINUOUS
from .laws import Mixture, is_pearson3, parameters, support

_LEVELS = np.array(
    [1e-300, 1e-200, 1e-100, 1e-60, 1e-30, 1e-20, 1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.05, 0.15, 0.25, 0.35, 0.5]
)
_MANY = 8  # laws of a mixture, from which on no more marks are kept than the narrowest of them would have
_FAR = 1e120  # beyond it, squares and cubes of a point overflow in the formulas of densities
_UNDERFLOW = -690.0  # a density below exp(-690) has no digits left by exp(-745)
_CANCELLED = 30.0  # a density that is less than exp(-30) of that at the median and breaks off may have lost its digits to a difference
_EPS = float(np.finfo(float).eps)
_MOST = float(np.finfo(float).max)
_TRUE = -1e6  # a logarithm below it was computed as one: no density is that small in floats


class Untold(InvalidInput):
    """A law that seems to have no density, or no tail: its own fault, or that of where the other one lies."""


class NoDensity(Untold):
    """A law whose density has another mass than 1."""


# Points to logarithms of a density, NaN where scipy has none, and what those may be wrong by beyond rounding.
Logs = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Density:
    """A law on the line, or the smooth continuation of one on whole numbers.

    Attributes
    ----------
    low, high : float
        Its support.
    marks : ndarray
        Points inside the support that cut it where mass, scale or formula change.
    anchors : ndarray
        Centres, which distances are measured from.
    poles : ndarray
        Points inside the support at which the density is infinite, zero, or rough.
    logs : callable
        Logarithms, and doubts.
    ends : tuple of (float, float)
        Finite ends that no float is, and how far the law itself ends from them.
    """

    low: float
    high: float
    marks: Floats
    anchors: Floats
    poles: Floats
    logs: Logs
    ends: tuple[tuple[float, float], ...] = ()


def density(law: Any) -> Density:
    """The density of a checked law (see `laws.line`)."""
    if isinstance(law, Mixture):
        return _of_mixture(law)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scipy warns of is judged by its values, later
        return _of_law(law)


def _of_mixture(law: Mixture) -> Density:
    parts = [density(part) for part in law.laws]
    weights = np.log(law.weights)[:, None]

    def logs(x: Floats) -> tuple[Floats, Floats]:
        found = [part.logs(x.ravel()) for part in parts]
        each = weights + np.array([one for one, _ in found])
        whole: Any = logsumexp(each, axis=0)
        shares = np.where(each > -math.inf, np.exp(each - whole), 0.0)
        doubts = np.where(shares > 0, shares * np.array([doubt for _, doubt in found]), 0.0)
        return whole.reshape(x.shape), doubts.sum(axis=0).reshape(x.shape)

    ends = [end for part in parts for end in (part.low, part.high)]
    low, high = min(ends), max(ends)
    poles = [z for z in (*ends, *(z for part in parts for z in part.poles)) if low < z < high]
    marks = np.unique(np.concatenate([part.marks for part in parts]))
    if len(parts) > _MANY:
        marks = _thinned(marks, min(float(np.diff(part.marks).min(initial=math.inf)) for part in parts))
    return Density(
        low,
        high,
        marks,
        np.concatenate([part.anchors for part in parts]),
        np.unique(poles),
        logs,
        tuple(end for part in parts for end in part.ends),
    )


def _thinned(marks: Floats, gap: float) -> Floats:
    """Increasing marks, of which those in one interval of a length but the first are left out."""
    return marks[np.concatenate([[True], np.diff(np.floor(marks / gap)) > 0])] if 0 < gap < math.inf else marks


def _of_law(law: Any) -> Density:
    low, high = support(law)
    median = float(law.ppf(0.5))
    formula = standardised(law, CONTINUOUS)
    plain = _logarithm_within(low, high, formula or _vectorised(law.logpdf))
    quantiles = _quantiles_by_both_tails(law)
    centre, unit = _location_and_scale(law, median, quantiles)
    marks = np.concatenate([quantiles, centre + unit * np.array([-8, -2, -1, -0.5, 0, 0.5, 1, 2, 8])])
    marks = np.unique(marks[np.isfinite(marks) & (marks > low) & (marks < high) & (np.abs(marks) < _FAR)])
    inner = np.unique(
        [z for z in (centre, median) if low < z < high and _is_far_apart(z, low) and _is_far_apart(z, high)]
    )
    poles = np.array([z for z in inner if _is_rough_at(plain, z, min(unit, z - low, high - z))])
    logs = _doubted_near(_inexact_ends(law, low, high), plain, faded(plain, low, high, median))
    return Density(low, high, marks, inner, poles, logs, _rounded_ends(law))


def _inexact_ends(law: Any, low: float, high: float) -> list[tuple[float, float]]:
    """Finite ends that a formula sees elsewhere than they lie, and by how much: ends are rounded, and so is ``(x - loc) / scale``.

    Not at ``loc`` itself, from which distances are exact, nor where there is nothing to round.
    """
    told = parameters(law)
    if told is None or (told[1] == 0 and math.frexp(told[2])[0] == 0.5 and not is_pearson3(law)):
        return []
    ends = [end for end in (low, high) if math.isfinite(end) and end != told[1]]
    return [(end, 2 * _EPS * max(abs(end), abs(end - told[1]))) for end in ends]


def _rounded_ends(law: Any) -> tuple[tuple[float, float], ...]:
    """Ends that a frozen law has between floats, as the floats that scipy says, and how far it ends from those."""
    told = parameters(law)
    if told is None:
        return ()
    shapes, loc, scale = told
    pairs = [
        (float(own), Fraction(loc) + Fraction(scale) * Fraction(float(end)))
        for own, end in zip(law.support(), law.dist.support(*shapes))
        if math.isfinite(own) and math.isfinite(end)
    ]
    return tuple((own, float(abs(Fraction(own) - end))) for own, end in pairs if own != end)


def _doubted_near(ends: list[tuple[float, float]], plain: Callable[[Floats], Floats], logs: Logs) -> Logs:
    """Logarithms with doubts near inexact ends: by what a density changes as one goes as far from the end."""
    if not ends:
        return logs

    def doubted(x: Floats) -> tuple[Floats, Floats]:
        found, doubt = logs(x)
        for end, off in ends:
            near = (np.abs(x - end) < 2.0**32 * off) & np.isfinite(found)
            if near.any():
                there = x[near]
                with np.errstate(all="ignore"):
                    moved = np.abs(plain(there + np.copysign(off, there - end)) - found[near])
                doubt[near] += np.where(np.isfinite(moved), moved, 0.0)
        return found, doubt

    return doubted


def faded(plain: Callable[[Floats], Floats], low: float, high: float, median: float) -> Logs:
    """Logarithms and doubts, continued where a computed density is 0 and the law is not."""
    sides = [_Fade.of(plain, median, end) for end in (low, high) if low < median < high]
    fades = [side for side in sides if side is not None]

    def logs(x: Floats) -> tuple[Floats, Floats]:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, doubt = plain(x), np.zeros(x.shape)
        for fade in fades:
            found, doubt = fade.beyond(x, found, doubt)
        return found, doubt

    return logs


def _quantiles_by_both_tails(law: Any) -> Floats:
    """Quantiles by the lower tail, then by the upper; NaN where scipy finds none."""
    return np.concatenate([_quantiles_one_by_one(law.ppf), _quantiles_one_by_one(law.isf)])


def _quantiles_one_by_one(quantile: Callable[[Any], Any]) -> Floats:
    try:
        return np.ravel(quantile(_LEVELS))
    except (ArithmeticError, RuntimeError, ValueError):  # at one level; the others serve
        pass
    found = np.full(len(_LEVELS), math.nan)
    for k, level in enumerate(_LEVELS):
        with contextlib.suppress(ArithmeticError, RuntimeError, ValueError):
            found[k] = quantile(level)
    return found


def standardised(law: Any, formulas: dict[str, Any]) -> Callable[[Floats], Floats] | None:
    """Our own formula for the logarithm of a frozen scipy law, None where scipy's is as good."""
    family = getattr(getattr(law, "dist", None), "name", None)
    told = parameters(law)
    if family not in formulas or told is None:
        return None
    formula, (shapes, loc, scale) = formulas[family], told
    return lambda x: formula((x - loc) / scale, *shapes) - math.log(scale)


def _logarithm_within(low: float, high: float, of: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    # At its ends, rounded, a law may have no density.
    first, last = np.nextafter(low, math.inf), np.nextafter(high, -math.inf)

    def plain(x: Floats) -> Floats:
        inside = (x >= low) & (x <= high)
        return np.where(inside, of(np.clip(x, first, last)), -math.inf)

    return plain


def _vectorised(log: Callable[[Any], Any]) -> Callable[[Floats], Floats]:
    """A logarithm at many points, from one that may take but one at a time."""
    try:
        together = np.shape(log(np.array([[0.5, 0.25]]))) == (1, 2)
    except (TypeError, ValueError):
        together = False
    if together:
        return lambda x: np.asarray(log(x), np.float64)
    return lambda x: np.array([float(log(one)) for one in x.ravel().tolist()]).reshape(x.shape)


def _location_and_scale(law: Any, median: float, quantiles: Floats) -> tuple[float, float]:
    """Location and scale: scipy's own where it says them, else the median and the width of the middle half."""
    told = parameters(law)
    if told is not None:
        return told[1:]
    at = int(np.flatnonzero(_LEVELS == 0.25)[0])
    width = float(quantiles[len(_LEVELS) + at] - quantiles[at])
    return median, width if 0 < width < math.inf else 1.0


def _is_far_apart(z: float, end: float) -> bool:
    return math.isinf(end) or abs(z - end) > 2.0**-40 * abs(end)


def _is_rough_at(plain: Callable[[Floats], Floats], at: float, unit: float) -> bool:
    """Whether a density changes as one nears a point by factors of 1000."""
    steps = unit * np.array([2.0**-20, 2.0**-30])
    for side in (-1, 1):
        near = plain(at + side * steps)
        if not np.isfinite(near).all() or abs(near[1] - near[0]) > 1e-3:
            return True
    return False


@dataclass(frozen=True)
class _Fade:
    """Where a computed density fades into 0 before the law does: ``-log f`` goes on as a power of the distance, which is doubted.

    The distance is from the centre on the way to an infinite end, and from the end itself where that is finite. Where ``-log f``
    itself leaves the floats (an infinite depth), it is the largest of them, with a doubt that is infinite.
    """

    origin: float
    at: float
    outward: int  # the sign of x - at beyond
    depth: float
    power: float
    constant: float  # of depths, which the power does not multiply
    doubt: float  # of what is added to the depth beyond, relative

    @classmethod
    def of(cls, plain: Callable[[Floats], Floats], median: float, end: float) -> _Fade | None:
        outward = 1 if end > median else -1
        origin = median if math.isinf(end) else end
        start = max(abs(median), 1.0) if math.isinf(end) else median - end
        steps = np.arange(-40.0, 440.0) if math.isinf(end) else -np.arange(1.0, 1000.0 if end == 0 else 48.0)
        path = origin + (outward * start if math.isinf(end) else start) * 2.0**steps
        logs = plain(path)
        lost = np.flatnonzero(~(logs > -math.inf))
        lost = lost[lost > 0]
        if not len(lost) or not logs[lost[0] - 1] < math.inf:
            return None
        good, bad = float(path[lost[0] - 1]), float(path[lost[0]])
        if logs[lost[0] - 1] < _TRUE:
            return cls(origin, good, outward, math.inf, 0.0, 0.0, 0.0)
        for _ in range(200):
            middle = good + (bad - good) / 2
            if middle in (good, bad):
                break
            good, bad = (middle, bad) if plain(np.array([middle]))[0] > _UNDERFLOW else (good, middle)
        factor = 2**-0.5 if math.isinf(end) else 2**0.5
        depth, before, first = (-float(plain(np.array([origin + (good - origin) * factor**k]))[0]) for k in range(3))
        if depth < _CANCELLED - float(plain(np.array([median]))[0]):
            return None  # a density that breaks off is 0 beyond
        if depth < 600 or depth > 760 or not 0 < before < depth:  # densities fade at 745: what failed is a formula
            return cls(origin, good, outward, math.inf, 0.0, 0.0, 0.0)
        power = -math.log((depth - before) / max(before - first, _EPS)) / math.log(factor)
        whole = float(np.rint(power))
        if whole and abs(power - whole) < 1e-9:  # a normal law's, say: a constant and a power
            constant = (before - depth * factor**whole) / (1 - factor**whole)
            return cls(origin, good, outward, depth, whole, constant, 1e-9)
        return cls(origin, good, outward, depth, -math.log(depth / before) / math.log(factor), 0.0, 0.5)

    def beyond(self, x: Floats, found: Floats, doubt: Floats) -> tuple[Floats, Floats]:
        """Logarithms and doubts with what lies beyond replaced."""
        there = (x - self.at) * self.outward > 0
        side = (x - self.origin) * (self.at - self.origin)
        if math.isinf(self.depth):
            over = there & (side >= 0) & ~np.isfinite(found)
            return np.where(over, -_MOST, found), np.where(over, math.inf, doubt)
        there &= side > 0
        ratio = np.where(there, (x - self.origin) / (self.at - self.origin), 1.0)
        depth = self.constant + (self.depth - self.constant) * ratio**self.power
        return np.where(there, -depth, found), np.where(there, (depth - self.depth) * self.doubt, doubt)


def no_density(name: str, mass: float) -> NoDensity:
    """The error for a density that its own law does not have."""
    return NoDensity(
        f"{name} must have a density that can be computed; received one of total mass {mass:.6g} in double precision; "
        f"choose other parameters, give a law of your own a _logpdf, or compare samples with kl_samples"
    )
