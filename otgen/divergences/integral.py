r"""Divergences of two laws on the line, :math:`\int T(p, q)\,dx`, with an error that two rules have earned.

Both laws are integrated by the same panels as the term: a law whose mass is not 1 there has a density that is not its own, and what
is missing enters the error. So do the rounding of logarithms and of points, and what tails were continued by.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..inputs.types import Floats
from .density import NoDensity, Untold, no_density
from .estimate import Estimate
from .quadrature import NODES, Integrand, integrals, rule
from .stretches import Pair, Stretch, Values, stretches
from .tails import Tail, fitted
from .terms import HELLINGER, Term

_EPS = float(np.finfo(float).eps)
_STEP = 2.0**-20  # of the logarithm of a density, for derivatives
_LEAP = 8.0  # and at most, where it is doubted
_LOST = -690.0  # the logarithm of a density that may stay unknown
_GONE = -200.0  # and of what is nothing beside any divergence
_NARROW = 1e-290  # a panel that no float cuts any further: what it holds is doubted as a whole
_LATE = 21  # the way from which on slopes are judged: 2^20
_NOTHING = -60.0  # the logarithm of what is nothing beside the largest term
_AMISS = 1e-3  # a mass that is farther from 1 is that of another density
_SEEN = 1e-6  # and one that is no farther is its own but for a factor, as scipy computes it
_SPAN = np.linspace(0.0, 1.0, 9)
INFINITE = "infinite by the laws' supports or tails"
BEYOND = "beyond the largest float, or infinite"


class Infinite(Exception):
    """A term that is infinite where its laws have mass, or whose tail has no finite integral."""


@dataclass(frozen=True)
class Sums:
    """What has been added up: the term, both masses, and how the term changes with the logarithm of either density.

    The term, its error and its changes are divided by ``exp(top)``.
    """

    top: float
    value: float
    error: float
    masses: tuple[float, float]
    changes: tuple[float, float]

    def __add__(self, other: Sums) -> Sums:
        top = max(self.top, other.top)
        one, two = math.exp(self.top - top), math.exp(other.top - top)
        return Sums(
            top,
            self.value * one + other.value * two,
            self.error * one + other.error * two,
            (self.masses[0] + other.masses[0], self.masses[1] + other.masses[1]),
            (self.changes[0] * one + other.changes[0] * two, self.changes[1] * one + other.changes[1] * two),
        )

    def estimate(self) -> Estimate:
        """The value, in whose error the masses' defects enter; refused where a law has no mass of 1."""
        error = self.error + 8 * _EPS * self.value
        for name, mass, change in zip("pq", self.masses, self.changes):
            if not abs(mass - 1) < _AMISS:
                raise no_density(name, mass)
            # what changes a density by a factor, and what no node has seen
            error += 4 * abs(mass - 1) * change + max(abs(mass - 1) - _SEEN, 0.0) * math.exp(min(-self.top, 709.0))
        size = math.exp(self.top) if self.top < 709 else math.inf
        if math.isnan(self.value) or math.isnan(error):
            raise _no_density_error(self.top)
        if not math.isfinite(self.value * size):
            return Estimate(math.inf, 0.0, BEYOND)
        return Estimate(self.value * size, error * size)


def integral(laws: Pair, term: Term) -> Estimate:
    """The integral of a term over the line."""
    with np.errstate(all="ignore"):
        try:
            found = gathered(stretches(laws), laws, term)
            return replace(found, error=found.error + _doubt_of_ends(laws, term, found.top)).estimate()
        except Infinite:
            _refuse_other_masses(laws)
            return infinite(term)


def _refuse_other_masses(laws: Pair) -> None:
    """Raise for laws that are infinitely far apart by a density that is not theirs: of another mass than 1."""
    try:
        gathered(stretches(laws), laws, HELLINGER).estimate()
    except NoDensity:
        raise
    except Untold:  # for what else may be: then there is nothing to hold against them
        pass


def _doubt_of_ends(laws: Pair, term: Term, top: float) -> float:
    """What the term may be wrong by, divided by ``exp(top)``, between the float at a law's end and the end itself: as it is with that law and
    without. Ends that agree but for rounding are the same, and where a term is infinite beyond one of them, the divergence is or neither law goes there.
    """
    doubt = 0.0
    for k, law in enumerate(laws):
        for end, off in law.ends:
            x = np.nextafter(np.full(2, end), [-math.inf, math.inf])
            logs = [one.logs(x)[0] for one in laws]
            found = [
                term.logs(*logs),
                term.logs(*(np.full(2, -math.inf) if j == k else log for j, log in enumerate(logs))),
            ]
            sizes = [np.exp(np.where(np.isfinite(one), one, -math.inf) - top) for one in found]
            doubt += off * float(np.abs(sizes[0] - sizes[1]).max())
    return doubt


def infinite(term: Term) -> Estimate:
    """What is left to say of a sum without end; a divergence that has a largest value cannot be one."""
    if term.most < math.inf:
        raise _no_density_error(0.0)
    return Estimate(math.inf, 0.0, INFINITE)


def gathered(parts: list[Stretch], laws: Pair, term: Term) -> Sums:
    """The integrals over stretches, and out to where nothing is left."""
    parts = [_continued_stretch(one, laws, term) for one in parts]
    parts = [one for one in parts if one.panels]
    if not parts:
        return Sums(0.0, 0.0, 0.0, (0.0, 0.0), (0.0, 0.0))
    panels = [_stretch_ends(part) for part in parts]
    top = max(_highest_logarithm(part, low, high, laws, term) for part, (low, high) in zip(parts, panels))
    top = top if top > -math.inf else 0.0
    pieces = [_integrands(part, laws, term, top) for part in parts]
    coarse = [rule(of, low, high)[0] for of, (low, high) in zip(pieces, panels)]
    total = sum(float(one[0].sum()) for one in coarse)
    scales = np.array([total, 50.0, 50.0, math.inf, math.inf])  # a mass has to be 1 to 1e-13, no more
    found = [integrals(of, low, high, one, scales) for of, (low, high), one in zip(pieces, panels, coarse)]
    value, p, q, by_p, by_q = np.sum([one.values for one in found], axis=0).tolist()
    error = sum(2 * float(one.apart[0]) + one.doubt for one in found)
    return Sums(top, value, error, (p, q), (by_p, by_q))


def _stretch_ends(stretch: Stretch) -> tuple[Floats, Floats]:
    low, high = np.array(stretch.panels).T
    return low, high


def _highest_logarithm(stretch: Stretch, low: Floats, high: Floats, laws: Pair, term: Term) -> float:
    """The largest logarithm of what a panel may add: the term at its nodes and ends, times its width."""
    half = (high - low)[:, None] / 2
    u = np.concatenate([low[:, None], low[:, None] + half * (1 + NODES), high[:, None]], axis=1)
    values = stretch.values(laws, u)
    found = _levels(stretch, u, values, term) + np.log(half)
    known = np.isfinite(values.doubts[0] + values.doubts[1])
    return float(found[known].max()) if known.any() else -math.inf


def _levels(stretch: Stretch, u: Floats, values: Values, term: Term) -> Floats:
    """Logarithms of the term; a steep law's tail is continued together with the other's."""
    whole = None
    if stretch.whole is not None and stretch.curve is not None:
        way = stretch.curve.outward * (u - stretch.whole.limit)
        whole = np.where(way > 0, stretch.whole.at(np.maximum(way, 0.0))[0], math.nan)
    return levels(values, term, whole)


def levels(values: Values, term: Term, known: Floats | None = None) -> Floats:
    """Logarithms of the term, those known taken from there; raises where one is infinite, or NaN where it matters."""
    s, t = values.logs
    found = term.logs(s, t)
    if known is not None:
        found = np.where(np.isnan(known), found, known)
    lost = np.isnan(found)
    if (lost & ~(np.fmax(s, t) < _LOST)).any():
        raise _no_density_error(float(np.fmax(s, t)[lost].max()))
    if (found == math.inf).any():
        _refuse_doubted(values, found, term)
        raise Infinite
    return np.where(lost, -math.inf, found)


def _refuse_doubted(values: Values, found: Floats, term: Term) -> None:
    """Raise where a term is infinite only if both logarithms are as far apart as their doubts let them be."""
    (s, t), (ds, dt) = values.logs, values.doubts
    nearer = [np.where(off > 0, log + side * np.sign(t - s) * off, log) for log, off, side in ((s, ds, 1), (t, dt, -1))]
    met = (nearer[0] - nearer[1]) * (s - t) <= 0
    sure = (found == math.inf) & ~(met & (ds + dt > 0)) & (term.logs(nearer[0], nearer[1]) == math.inf)
    if not sure.any():
        raise _no_density_error(float(np.fmax(s, t)[found == math.inf].max()))


def _no_density_error(level: float) -> Untold:
    return Untold(
        f"p and q must have densities, and a ratio p/q, that can be computed wherever either has mass; received laws of which one is "
        f"not a number where there is a density of exp({level:.3g}); compare them by kl, js, tv or hellinger, or choose other parameters"
    )


def contributions(values: Values, level: Floats, term: Term, top: float) -> tuple[Floats, Floats]:
    """The term, both densities, and the term's changes with either (5, ...); and what the term may be wrong by.

    The term and its changes are divided by ``exp(top)``; ``level`` is the logarithm of the first.
    """
    (s, t), (ds, dt) = values.logs, values.doubts
    over = ~np.isfinite(ds + dt)
    if over.any():
        without = term.logs(np.where(np.isinf(ds), -math.inf, s), np.where(np.isinf(dt), -math.inf, t)) - top
        if (over & (level > _NOTHING) & ~(np.abs(without - level) < 1e-12)).any():
            raise _no_density_error(float(np.fmax(s, t)[over].max()))
    inner = np.exp(level)

    def change(ps: float, qs: float, off: Floats) -> Floats:
        # To either side: total variation has a kink where both densities agree, at which differences from side to side are 0. And as
        # far as the logarithm may be off: KL has no slope there.
        step = np.where(over, _STEP, np.clip(off, _STEP, _LEAP))
        moved = (np.exp(term.logs(s + way * ps, t + way * qs) - top) for way in (step, -step))
        found = np.maximum(*(np.abs(one - inner) for one in moved)) / step
        return np.where(np.isfinite(found) & ~over, found, inner)

    changes = change(1.0, 0.0, ds), change(0.0, 1.0, dt)
    doubt = np.zeros(s.shape)
    for by, log, off in zip(changes, (s, t), (ds, dt)):
        sure = np.isfinite(log) & ~over
        doubt += np.where(sure, by * (off + 2 * _EPS * (4 + np.abs(log))), 0.0)
    return np.array([inner, np.exp(s), np.exp(t), *changes]), np.where(np.isfinite(doubt), doubt, inner)


def _integrands(stretch: Stretch, laws: Pair, term: Term, top: float) -> Integrand:
    """What is integrated over a stretch."""

    def of(u: Floats) -> tuple[Floats, Floats]:
        values = stretch.values(laws, u)
        found, doubt = contributions(values, _levels(stretch, u, values, term) - top, term, top)
        half = (u[:, -1:] - u[:, :1]) / (NODES[-1] - NODES[0])
        moved = np.abs(np.gradient(found[0], NODES, axis=1)) * values.grain
        doubt = doubt + np.where((half > _NARROW) & np.isfinite(moved), moved / np.maximum(half, _NARROW), found[0])
        if stretch.whole is not None and stretch.curve is not None:
            way = np.maximum(stretch.curve.outward * (u - stretch.whole.limit), 0.0)
            doubt = doubt + np.where(way > 0, found[0] * stretch.whole.at(way)[1], 0.0)
        return found, doubt

    return of


def _continued_stretch(stretch: Stretch, laws: Pair, term: Term) -> Stretch:
    """A stretch with panels out to where nothing is left of the laws and the term."""
    far, curve, tails = stretch.far, stretch.curve, stretch.tails
    if far is None or curve is None or tails is None:
        return stretch
    whole = _whole_tail(stretch, laws, term)
    stretch = replace(stretch, whole=whole)
    ends = [one for one in (*tails, whole) if one is not None and one.coefficients is not None]
    if not ends:
        _is_falling(stretch, laws, term)
        return stretch
    # A slope that its fit cannot tell from 0 is 0: power laws meet at whole numbers.
    least = 1e-13 + max(one.doubt / one.span for one in ends)
    ways = 2.0 ** np.arange(-1, 52)
    u = far + curve.outward * ways
    values = stretch.values(laws, u[None])
    logs = np.array([_levels(stretch, u[None], values, term)[0], *(log[0] for log in values.logs)])
    # A term may rise at first where both densities cross. Beside squares of a way, though, its difference to another is soon lost.
    late = slice(_LATE, None if all(len(one.coefficients) == 2 for one in ends) else _LATE + 2)  # type: ignore[arg-type]
    slopes = np.diff(logs[:, late], axis=1) / np.diff(ways[late])
    lasting: Any = (np.isfinite(slopes) & (slopes > -least)).all(axis=1)
    for k, name in ((1, "p"), (2, "q")):
        if lasting[k]:
            raise no_density(name, math.inf)
    if lasting[0]:
        raise Infinite
    gone = ~(logs > np.maximum(logs[:, :1], 0.0) - 80).any(axis=0)
    last = int(gone.argmax()) if gone.any() else len(ways) - 1
    edges = [far, *u[: last + 1].tolist()]
    return replace(stretch, panels=[*stretch.panels, *((min(ab), max(ab)) for ab in itertools.pairwise(edges))])


def _is_falling(stretch: Stretch, laws: Pair, term: Term) -> None:
    """Whether a term falls where nothing is left of either law: squares of one over the other may rise."""
    assert stretch.curve is not None
    u = stretch.limit - stretch.curve.outward * np.array([[0.5, 0.0]])
    values = stretch.values(laws, u)
    before, last = _levels(stretch, u, values, term)[0].tolist()
    if np.isfinite(values.doubts[0] + values.doubts[1]).all() and last >= before and last > _LOST:
        if any(end.cut for end in stretch.tails or ()):
            raise _no_density_error(last)
        raise Infinite


def _whole_tail(stretch: Stretch, laws: Pair, term: Term) -> Tail | None:
    """The tail of the term where one law is steep, the other is not, and the term is not told by the other alone."""
    curve, tails = stretch.curve, stretch.tails
    assert curve is not None
    assert tails is not None
    steep = [k for k in (0, 1) if tails[k].steep and tails[1 - k].coefficients is not None]
    if not steep:
        return None
    alone = [np.zeros(1), np.zeros(1)]
    alone[steep[0]] -= math.inf
    if math.isfinite(term.logs(*alone)[0]):
        return None
    limit = min((one.limit for one in tails), key=lambda one: curve.outward * one)
    span = abs(limit) / 2 if curve.outward > 0 or curve.anchor == 0 else 6.0
    u = limit - curve.outward * span * _SPAN
    logs = levels(stretch.values(laws, u[None]), term)[0]
    found = fitted(curve.outward * (u - limit), logs, limit, span) if np.isfinite(logs).all() else None
    if found is None or found.doubt > 1e-6:
        if logs[0] < min(_GONE, logs[4]):
            return Tail(limit)  # not told, but nothing beside what is
        out, before = logs[0] - logs[4], logs[4] - logs[8]
        if out > max(100.0, 1.5 * before):  # an exponential of an exponential, say
            raise Infinite
        raise _no_density_error(float(logs[0]))
    return found
