"""Divergences of discrete laws: sums over the whole numbers, moved by any amount, or over atoms that a law lists.

Far out, where a power law never ends, a sum is an integral: masses are interpolated between whole numbers, in logarithms of both,
and summed by the midpoint rule read backwards.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.stats

from ..errors import InvalidInput
from ..inputs import whole
from ..inputs.types import Floats
from .density import Density, Untold, faded, standardised
from .estimate import Estimate
from .formulas import CANCELLING, DISCRETE
from .integral import Infinite, Sums, contributions, gathered, infinite, levels
from .laws import one_law, parameters
from .runs import blocks, seen, total
from .stretches import Values, to_infinity
from .terms import Term

_EPS = float(np.finfo(float).eps)
_MARGIN = 2**14  # whole numbers that are summed one by one beyond a law's quantiles
_POWER = 2**18  # and at most, where those quantiles lie farther out: of power laws
_ATOMS = 2**19  # that are added one by one, of smooth laws
_MOST_ATOMS = 10_000_000  # and of others
_WHOLE = 2.0**53  # from which on floats are no longer all whole numbers
_MOST = float(np.finfo(float).max)
_BLOCK = 2**18
_GONE = -60.0  # the logarithm of a mass that may be left to the margin


@dataclass(frozen=True, eq=False)
class Lattice:
    """A law on ``shift + n``, n whole, ``low <= n <= high``, with the logarithms of its masses and nearly all mass in ``core``."""

    shift: float
    low: float
    high: float
    core: tuple[float, float]
    density: Density
    median: float
    smooth: bool  # of scipy's own families, whose masses no single number interrupts
    median: float
    smooth: bool  # whether masses change from one whole number to the next as those around do: of scipy's families


@dataclass(frozen=True, eq=False)
class Listed:
    """A law on finitely many atoms (n,), increasing, with their masses (n,)."""

    atoms: Floats
    masses: Floats


def over_atoms(p: Any, q: Any, term: Term) -> Estimate:
    """The sum of a term over all atoms of two discrete laws."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scipy warns of is judged by its values
        one, other = _read_lattice(p, "p"), _read_lattice(q, "q")
        try:
            return _sum_of_laws(one, other, term).estimate()
        except Infinite:
            return infinite(term)


def _sum_of_laws(p: Lattice | Listed, q: Lattice | Listed, term: Term) -> Sums:
    if isinstance(p, Lattice) and isinstance(q, Lattice):
        offset = round(q.shift - p.shift)
        if abs(q.shift - p.shift - offset) <= _equality_tolerance(p.shift, q.shift):
            return _on_one_lattice(p, q, offset, term)
        return _sum_over_atoms(np.array([0.0, -math.inf]), np.array([-math.inf, 0.0]), term)
    if isinstance(p, Listed) and isinstance(q, Listed):
        atoms = np.union1d(p.atoms, q.atoms)
        return _sum_over_atoms(_placed_masses(p, atoms), _placed_masses(q, atoms), term)
    if isinstance(p, Lattice) and isinstance(q, Listed):
        own, others, doubts = _logs_against(p, q)
        return _sum_over_atoms(own, others, term, doubts)
    assert isinstance(p, Listed)
    assert isinstance(q, Lattice)
    others, own, doubts = _logs_against(q, p)
    return _sum_over_atoms(own, others, term, None, doubts)


def _equality_tolerance(shift: float, other: Any) -> Any:
    """How far two numbers that are meant as equal may lie apart by rounding."""
    return 8 * _EPS * np.maximum(1.0, np.abs(shift) + np.abs(other))


def _read_lattice(law: Any, name: str) -> Lattice | Listed:
    found = one_law(law, name, ("logpmf", "ppf", "support"), median=False)
    told = parameters(found)
    family, (shapes, loc, _) = (found, ([], 0.0, 1.0)) if told is None else (found.dist, told)
    if hasattr(family, "xk"):
        _refuse_rounded_atoms(np.ravel(family.xk), name)
        atoms, places = np.unique(np.ravel(family.xk) + loc, return_inverse=True)
        masses = np.bincount(places.ravel(), np.ravel(family.pk).astype(np.float64))
        return Listed(atoms, masses / math.fsum(masses))
    if family is not found:
        # of one law only, a list of numbers is a single shape
        found = family(shapes) if family.name == "poisson_binom" else family(*shapes)
    low, high = (float(end) for end in found.support())
    shift = next((end - round(end) for end in (low, high) if math.isfinite(end)), 0.0)
    formula = standardised(found, DISCRETE)
    of = formula or (lambda n: np.asarray(found.logpmf(n + shift), np.float64))
    low, high = low - shift, high - shift
    median = _lattice_median(found, name, low + shift) - shift
    none = np.zeros(0)
    density = Density(low, high, none, none, none, faded(_interpolated_logs(of, low, high), low, high, median))
    smooth = type(family).__module__.startswith("scipy.stats")
    cancelling = CANCELLING.get(family.name) if smooth else None
    if cancelling is not None:
        density = _doubted(density, lambda n: _EPS * cancelling(n + shift, *shapes))
    if _is_of_differences(family):
        density = _doubted_differences(density, median)
    return Lattice(loc + shift, low, high, _core_of_masses(density, median), density, median, smooth)


def _is_of_differences(family: Any) -> bool:
    """Whether masses are differences of a distribution function."""
    kind, generic = type(family), scipy.stats.rv_discrete
    # scipy has no public name for whether a family has its own formula, and its stubs leave these methods out.
    return issubclass(kind, generic) and kind._pmf is generic._pmf and kind._logpmf is generic._logpmf  # pyright: ignore[reportAttributeAccessIssue]


def _doubted(law: Density, by: Callable[[Floats], Floats]) -> Density:
    """A law whose logarithms are off by more than their rounding."""

    def logs(x: Floats) -> tuple[Floats, Floats]:
        found, doubt = law.logs(x)
        return found, np.where(found > -math.inf, doubt + np.maximum(by(x), 0.0), doubt)

    return replace(law, logs=logs)


def _doubted_differences(law: Density, median: float) -> Density:
    """A law whose masses are known to the rounding of numbers near 1, and not at all where they are 0: its tails end there."""

    def logs(x: Floats) -> tuple[Floats, Floats]:
        found, doubt = law.logs(x)
        gone = (found <= -_MOST) & (x >= law.low) & (x <= law.high)
        return np.where(gone, -_MOST, found), np.where(gone, math.inf, doubt + _EPS * np.exp(-np.maximum(found, -40.0)))

    ends = list[float]()
    for side, end in ((-1, law.low), (1, law.high)):
        way = median + side * 2.0 ** np.arange(1, 40)
        gone = law.logs(way)[0] <= -_MOST
        ends.append(float(way[gone.argmax()]) if math.isinf(end) and gone.any() else end)
    return replace(law, low=ends[0], high=ends[1], logs=logs)


def _refuse_rounded_atoms(atoms: Any, name: str) -> None:
    """Raise for atoms that are whole numbers which no doubles are: they would be others'."""
    if whole.is_whole(atoms) and not whole.held(atoms).all():
        raise InvalidInput(
            f"{name} must have atoms that are doubles, as all whole numbers up to 2**53 are; received {atoms[~whole.held(atoms)][0]}; "
            f"subtract one number from all atoms of both laws"
        )


def _lattice_median(law: Any, name: str, low: float) -> float:
    """The median, or the first atom where the mean is infinite: scipy searches for such medians atom by atom."""
    if math.isinf(float(law.support()[1])) and math.isfinite(low) and hasattr(law, "mean") and math.isinf(law.mean()):
        return low
    return float(np.round(one_law(law, name, ()).ppf(0.5)))


def _core_of_masses(law: Density, median: float) -> tuple[float, float]:
    """How far from its median a law's masses matter: at most to where sums are taken by integrals."""
    steps = 2.0 ** np.arange(1, 40)
    found = list[float]()
    for side, end in ((-1, law.low), (1, law.high)):
        gone = law.logs(median + side * steps)[0] < _GONE
        step = float(steps[gone.argmax()]) if gone.any() else math.inf
        step = min(step, _POWER) if math.isinf(end) and step > _ATOMS / 4 else step
        found.append(median + side * min(step, abs(end - median)))
    return found[0], found[1]


def _interpolated_logs(of: Callable[[Floats], Floats], low: float, high: float) -> Callable[[Floats], Floats]:
    """Logarithms of masses, and between whole numbers straight lines in the logarithm of the number, as of power laws."""

    def plain(x: Floats) -> Floats:
        below = np.floor(x)
        inside = (x >= low) & (x <= high)
        found = of(np.where(inside, below, low if math.isfinite(low) else 0.0))
        part = x - below
        if (part > 0).any():
            above = of(np.where(inside & (part > 0), below + 1, below))
            curved = np.log1p(part / below) / np.log1p(1 / below)
            share = np.where(np.abs(below) > 2, curved, part)
            between = np.where(np.minimum(found, above) > -math.inf, found + share * (above - found), -math.inf)
            found = np.where(part > 0, between, found)
        return np.where(inside, found, -math.inf)

    return plain


def _placed_masses(law: Listed, atoms: Floats) -> Floats:
    """Logarithms of masses at atoms that hold all of the law's own."""
    found = np.zeros(len(atoms))
    found[np.searchsorted(atoms, law.atoms)] = law.masses
    return np.log(found)


def _logs_against(law: Lattice, other: Listed) -> tuple[Floats, Floats, Floats]:
    """Logarithms of a lattice law's masses and a listed law's, over the atoms of both, and doubts of the first.

    What the first has far from all listed atoms is a single mass: no term asks where it lies.
    """
    n = other.atoms - law.shift
    whole = np.round(n)
    hit = (np.abs(n - whole) <= _equality_tolerance(law.shift, other.atoms)) & (whole >= law.low) & (whole <= law.high)
    own, doubts = law.density.logs(np.where(hit, whole, law.core[0]))
    own, doubts = np.where(hit, own, -math.inf), np.where(hit, doubts, 0.0)
    first, last = max(law.core[0] - _MARGIN, law.low), min(law.core[1] + _MARGIN, law.high)
    alone, off = np.zeros(0), np.zeros(0)
    if last - first <= _ATOMS:
        alone, off = law.density.logs(np.setdiff1d(np.arange(first, last + 1), whole[hit]))
    own, doubts = np.concatenate([own, alone]), np.concatenate([doubts, off])
    known = last - first <= _ATOMS and all(
        edge == end or law.density.logs(np.array([edge]))[0][0] < _GONE
        for edge, end in ((first, law.low), (last, law.high))
    )
    if not known:
        masses = np.exp(own)
        rest = max(1 - math.fsum(masses), _EPS)
        error = 4 * _EPS + float((masses * (doubts + 2 * _EPS * np.abs(own)))[masses > 0].sum())
        own, doubts = np.append(own, math.log(rest)), np.append(doubts, error / rest)
    return own, np.concatenate([np.log(other.masses), np.full(len(own) - len(hit), -math.inf)]), doubts


def _on_one_lattice(p: Lattice, q: Lattice, offset: int, term: Term) -> Sums:
    """All whole numbers that either law reaches, one by one, and what lies beyond as integrals."""
    laws = p.density, _moved(q.density, offset)
    low, high = min(one.low for one in laws), max(one.high for one in laws)
    first, last = min(p.core[0], q.core[0] + offset) - _MARGIN, max(p.core[1], q.core[1] + offset) + _MARGIN
    most = (last - first if p.smooth and q.smooth else _MOST_ATOMS) + _ATOMS
    first = low if last - low <= most else first
    last = high if high - first <= most else last
    first, last = max(first, low), min(last, high)
    if not last - first <= most:
        raise Untold(
            f"p and q must reach fewer than {_MOST_ATOMS} atoms, but for families of scipy; received laws from {first:g} to {last:g}; compare them "
            f"on a coarser scale, or by laws with a density"
        )
    if not max(-first, last) < _WHOLE:
        raise Untold(
            f"p and q must lie on whole numbers that floats tell apart, below 2**53; received laws from {first:g} to {last:g}; move both by a "
            f"number, or compare laws with a density"
        )
    if last - first <= _ATOMS or not (p.smooth and q.smooth):
        n = np.arange(first, last + 1)
        (s, ds), (t, dt) = (law.logs(n) for law in laws)
        found = _sum_over_atoms(s, t, term, ds, dt)
    else:
        cuts = [z for law in laws for z in (law.low, law.high + 1)]
        found = _sum_by_blocks(laws, blocks(first, last, [p.median, q.median + offset], cuts), term)
    for end, edge, side in ((low, first, -1), (high, last, 1)):
        if edge != end:
            found = found + _sum_beyond(laws, edge + side / 2, side, term)
    return found


def _sum_by_blocks(laws: tuple[Density, Density], ends: Floats, term: Term) -> Sums:
    """The sum over a long run of whole numbers, from blocks on which both laws are smooth."""

    def values(n: Floats) -> Values:
        (s, ds), (t, dt) = (law.logs(n) for law in laws)
        return Values((s, t), (ds, dt), np.zeros(n.shape))

    some = values(seen(ends))
    known = np.isfinite(some.doubts[0] + some.doubts[1])
    top = float(np.where(known, levels(some, term), -math.inf).max())
    top = top if top > -math.inf else 0.0

    def of(n: Floats) -> tuple[Floats, Floats]:
        one = values(n)
        return contributions(one, levels(one, term) - top, term, top)

    sums, apart, doubt = total(of, ends, np.array([0.0, 50.0, 50.0, math.inf, math.inf]))
    value, p, q, by_p, by_q = sums.tolist()
    return Sums(top, value, 2 * float(apart[0]) + doubt, (p, q), (by_p, by_q))


def _moved(law: Density, offset: int) -> Density:
    if not offset:
        return law
    return replace(law, low=law.low + offset, high=law.high + offset, logs=lambda x: law.logs(x - offset))


def _sum_beyond(laws: tuple[Density, Density], edge: float, side: int, term: Term) -> Sums:
    """The sum from an edge between two whole numbers on: an integral, off by a part of how the first term changes."""
    anchor = 0.0 if edge * side > _MARGIN / 2 else edge - side * _MARGIN
    found = gathered([to_infinity(laws, edge, side, anchor)], laws, term)
    n = edge + side * np.array([0.5, 1.5])
    (s, ds), (t, dt) = (law.logs(n) for law in laws)
    near = np.exp(levels(Values((s, t), (ds, dt), n), term) - found.top)
    return replace(found, error=found.error + abs(float(near[1] - near[0])) / 8)


def _sum_over_atoms(s: Floats, t: Floats, term: Term, ds: Floats | None = None, dt: Floats | None = None) -> Sums:
    """A sum over atoms from logarithms of both masses and their doubts."""
    none = np.zeros(len(s))
    ds, dt = none if ds is None else ds, none if dt is None else dt
    blocks = [slice(k, k + _BLOCK) for k in range(0, len(s), _BLOCK)]
    values = [Values((s[b], t[b]), (ds[b], dt[b]), none[b]) for b in blocks]
    tops = [levels(one, term) for one in values]
    known = [np.where(np.isfinite(one.doubts[0] + one.doubts[1]), top, -math.inf) for one, top in zip(values, tops)]
    top = max(float(one.max()) for one in known)
    top = top if top > -math.inf else 0.0
    total, error = np.zeros(5), 0.0
    for one, level in zip(values, tops):
        found, doubt = contributions(one, level - top, term, top)
        total, error = total + found.sum(axis=1), error + float(doubt.sum())
    value, p, q, by_p, by_q = total.tolist()
    return Sums(top, value, error, (p, q), (by_p, by_q))
