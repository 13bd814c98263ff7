r"""Transport between laws on the line, by their quantiles: :math:`W_p^p = \int_0^1 |F^{-1}(u) - G^{-1}(u)|^p\,du`.

Levels u are passed through the normal distribution function, so that both tails are reached with full precision and a quantile
function that is infinite at the ends costs nothing.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.special
import scipy.stats

from ..divergences import Estimate, Mixture
from ..divergences.affine import moderate, parts
from ..divergences.laws import is_discrete, line, parameters
from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes
from ..inputs.types import Floats

_END = 30.0  # the normal law has mass 1e-197 beyond it, and quantile functions still work there
_CUTS = (-8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0)
_NODES = 24
_TOLD = 8.0  # 1 - 6e-16: beyond, no float tells levels apart, and up to there they are rounded by a tenth of the tail
_EPS = float(np.finfo(float).eps)
_FEW, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(6)

Quantile = Callable[[float], float]


def on_the_line(p_law: Any, q_law: Any, p: float = 2) -> Estimate:
    """W_p between two continuous laws on the line.

    Parameters
    ----------
    p_law, q_law : distribution, Gaussian or Mixture
        Frozen continuous ``scipy.stats`` laws, Gaussians in dimension 1, mixtures on the line.
    p : float
        Order, finite and at least 1.

    Returns
    -------
    Estimate
        In the units of the line; infinite where the integral is, as between tails of which one has a moment of order p and the other has
        none. ``error`` is the quadrature's estimate; 0 of an infinite distance.

    Raises
    ------
    InvalidInput
        For what is no continuous law on the line, another order, and where a finite distance is out of reach of double precision.

    References
    ----------
    Villani, "Topics in optimal transportation", 2003, theorem 2.18.

    Examples
    --------
    >>> import scipy.stats
    >>> round(on_the_line(scipy.stats.norm(0, 1), scipy.stats.norm(3, 1), 2).value, 12)
    3.0
    >>> on_the_line(scipy.stats.cauchy(), scipy.stats.norm(), 1).value
    inf
    """
    order = scalars.finite_order(p)
    given = _continuous(p_law, "p_law"), _continuous(q_law, "q_law")
    one, other = moderate(*given)
    unit = _scale_of(given[0]) / _scale_of(one)  # a power of two
    alike = _affine_pair(one, other)
    if alike is not None and alike.stretch == 0:
        return Estimate(abs(alike.shift) * unit, _EPS * abs(alike.shift) * unit)
    pair = (
        [_Quantiles.of(law, name) for law, name in ((one, "p_law"), (other, "q_law"))]
        if alike is None
        else [alike.moved()]
    )

    def ahead(t: float) -> float:
        return pair[0].at(t) - (pair[1].at(t) if alike is None else alike.shift)

    def size(t: float) -> float:
        return sum(max(abs(law.at(t)), law.grain) for law in pair) + (0.0 if alike is None else abs(alike.shift))

    low, high = max(one.low for one in pair), min(one.high for one in pair)
    cuts = {z for one in pair for z in (*_CUTS, *one.jumps) if low < z < high}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scipy's searches: where quantiles can be trusted has been judged
        cuts |= _crossings(ahead, [low, *sorted(cuts), high])
        found = _total_distance([_Piece(lambda t: abs(ahead(t)), size, low, sorted(cuts), high)], order, pair)
    return found._replace(value=found.value * unit, error=found.error * unit)


class _AffinePair(NamedTuple):
    """Two laws of one family and shape: the difference of their quantiles is ``stretch`` times those of the standard law, less ``shift``."""

    standard: Any
    stretch: float
    shift: float

    def moved(self) -> _Quantiles:
        """The quantiles times the stretch, in the order of the standard law's."""
        found = _Quantiles.of(self.standard, "p_law")
        return found._replace(at=lambda t: self.stretch * found.at(t))


def _affine_pair(p: Any, q: Any) -> _AffinePair | None:
    """Laws that differ by place and scale alone; their quantiles need not be subtracted, which would lose digits."""
    first, second = parameters(p), parameters(q)
    if first is None or second is None or type(p.dist) is not type(q.dist) or p.dist.name != q.dist.name:
        return None
    (shapes, one, s), (others, other, t) = first, second
    if isinstance(p.dist, scipy.stats.rv_histogram) or not np.array_equal(shapes, others):
        return None
    return _AffinePair(p.dist(*shapes), s - t, other - one)


def _scale_of(law: Any) -> float:
    told = parameters(parts(law)[0])
    return 1.0 if told is None else told[2]


def _continuous(law: Any, name: str) -> Any:
    if is_discrete(law):
        raise InvalidInput(f"{name} must be continuous; received a discrete law; see semi_discrete")
    return line(law, name)


def _crossings(ahead: Quantile, edges: list[float]) -> set[float]:
    """Levels at which two quantile functions cross: gaps have corners there, which no rule sees between its last node and an end."""
    levels = np.unique([t for left, right in itertools.pairwise(edges) for t in np.linspace(left, right, 9)]).tolist()
    signs = np.sign([ahead(t) for t in levels])
    found: set[float] = {
        t for t, one, sign, other in zip(levels[1:], signs, signs[1:], signs[2:]) if not sign and one * other < 0
    }
    precision: Any = 1e-15
    for k in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        root: Any = scipy.optimize.brentq(ahead, levels[k], levels[k + 1], xtol=precision, rtol=precision)
        found.add(float(root))
    return found - set(edges)


def semi_discrete(atoms: Any, weights: Any, law: Any, p: float = 1) -> Estimate:
    """W_p between a discrete law and a continuous one on the line: each atom serves an interval of levels.

    Parameters
    ----------
    atoms : array_like
        (n,) points of the line.
    weights : array_like or None
        (n,), non-negative, of sum 1 to the tolerance of their dtype, and divided by it; None means uniform.
    law : distribution or Gaussian
        A frozen continuous ``scipy.stats`` law, a Gaussian in dimension 1, or a mixture on the line.
    p : float
        Order, finite and at least 1.

    Returns
    -------
    Estimate
        In the units of the line, and infinite, as of :func:`on_the_line`.

    Raises
    ------
    InvalidInput
        For atoms that are not on the line, weights of another sum or number, another order, and a law that is not continuous.

    Examples
    --------
    >>> import scipy.stats
    >>> round(semi_discrete([0.5], None, scipy.stats.uniform(), 1).value, 12)
    0.25
    """
    order = scalars.finite_order(p)
    sizes.as_many(weights, atoms, "weights", "the atoms")
    _refuse_plane(sizes.shape_of(atoms))
    points = arrays.points(atoms, "atoms")[0]
    _refuse_plane(points.shape)
    masses, origin = arrays.weights(weights, len(points), "weights", "the atoms")
    total = math.fsum(masses)
    if origin is not None and abs(total - 1) > (tolerance := origin.tolerance()):
        raise InvalidInput(
            f"weights must sum to 1 (to {tolerance:g} in {origin.dtype}); received a sum of {total!r}; divide them by it"
        )
    kept = np.flatnonzero(masses > 0)
    kept = kept[np.argsort(points[kept, 0], kind="stable")]
    x, masses = points[kept, 0].astype(np.float64), masses[kept] / total
    quantiles, continuous = _Quantiles.of(law, "law"), line(law, "law")
    below, above = np.cumsum(masses), np.cumsum(masses[::-1])[::-1]
    lows, highs = np.concatenate([[0.0], below[:-1]]), np.concatenate([below[:-1], [1.0]])
    middles = np.clip(np.asarray(continuous.cdf(x), np.float64), lows, highs)  # the cost has a corner at the atom
    value, error, hard = _inner_atoms(x, lows, middles, highs, continuous, order)
    last, pieces = len(x) - 1, list[_Piece]()
    for k in (0, *hard, last)[: last + 1]:
        low = _normal_level(lows[k], above[k]) if k else quantiles.low
        high = _normal_level(highs[k], above[k + 1]) if k < last else quantiles.high

        def gap(t: float, atom: float = float(x[k])) -> float:
            return abs(quantiles.at(t) - atom)

        def size(t: float, atom: float = float(x[k])) -> float:
            return abs(quantiles.at(t)) + abs(atom)

        corners = {_normal_level(float(middles[k]), 1 - float(middles[k])), *_CUTS, *quantiles.jumps}
        pieces.append(_Piece(gap, size, low, sorted(c for c in corners if low < c < high), high))
    return _total_distance(pieces, order, [quantiles], value, error)


def _inner_atoms(
    x: Floats, lows: Floats, middles: Floats, highs: Floats, law: Any, order: float
) -> tuple[float, float, list[int]]:
    """What all atoms but the first and the last are charged: Gauss-Legendre on both sides of each atom, at two orders.

    Atoms where the orders disagree are left out and named.
    """
    if len(x) < 3 or isinstance(law, Mixture):
        return 0.0, 0.0, list(range(1, len(x) - 1))
    sums = np.zeros((2, len(x)))
    for row, nodes in zip(sums, (_NODES, _NODES // 2)):
        z, w = np.polynomial.legendre.leggauss(nodes)
        for left, right in ((lows, middles), (middles, highs)):
            half = (right - left)[1:-1, None] / 2
            u = (left + right)[1:-1, None] / 2 + half * z
            row[1:-1] += (half * w * np.abs(law.ppf(u) - x[1:-1, None]) ** order).sum(axis=1)
    apart = np.abs(sums[0] - sums[1])
    hard = apart > 1e-12 * sums[0].sum() / len(x)
    return float(sums[0, ~hard].sum()), float(apart[~hard].sum()), [int(k) for k in np.flatnonzero(hard)]


def _normal_level(below: float, above: float) -> float:
    """The t of mass ``below`` beneath it, by the smaller of both tails."""
    t = scipy.special.ndtri(below) if below < 0.5 else -scipy.special.ndtri(above)
    return float(np.clip(t, -_END, _END))


class _Piece(NamedTuple):
    """A gap between two quantile functions over levels [low, high], the sizes of what is subtracted, and points that it is not smooth at."""

    gap: Quantile
    size: Quantile
    low: float
    cuts: list[float]
    high: float


class _Quantiles(NamedTuple):
    """A law's quantiles at levels Phi(t), by the nearer tail; how far they can be computed; where they may jump."""

    at: Quantile
    low: float
    high: float
    jumps: list[float]
    indices: tuple[float, float]  # orders from which on tails have no moments
    grain: float = 0.0  # what rounding is relative to at least: a root of tails is known to that of levels, also near 0

    @classmethod
    def of(cls, law: Any, name: str) -> _Quantiles:
        found = _continuous(law, name)
        mixture = isinstance(found, Mixture)
        parts = found.laws if mixture else (found,)
        for part in parts:
            if np.ndim(part.ppf(0.5)) or not math.isfinite(float(part.ppf(0.5))):
                raise InvalidInput(
                    f"{name} must be one law with a median; received {scalars.told(part.ppf(0.5))} for it; check its parameters"
                )
        at = (lambda t: _mixture_quantile(found, t)) if mixture else (lambda t: _tail_quantile(found, t))
        low, high = (_trusted_reach(parts, side) for side in (-1, 1))
        jumps = _mixture_gaps(found) if mixture else []
        return cls(at, low, high, jumps, (_tail_index(at, low), _tail_index(at, high)), float(mixture))


def _tail_quantile(law: Any, t: float) -> float:
    tail = float(scipy.special.ndtr(-abs(t)))
    return float(law.ppf(tail) if t < 0 else law.isf(tail))


def _trusted_reach(parts: Sequence[Any], side: int) -> float:
    """How far into a tail quantiles can be trusted: the law's own tail has to agree with the level."""
    reached = 0.0
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is computed here is judged, not used
        for t in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.5, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0, 25.0, _END):
            if not all(_is_trusted_at(part, side * t) for part in parts):
                break
            reached = t
    if reached >= 6.5:
        return side * reached
    raise InvalidInput(
        f"a law must have quantiles that can be computed to 6.5 deviations of a normal one; received one where they fail beyond {reached:g}; "
        f"take samples of it instead"
    )


def _is_trusted_at(law: Any, t: float) -> bool:
    value = _tail_quantile(law, t)
    end = float(law.support()[t > 0])
    if not math.isfinite(value):
        return False
    if math.isfinite(end) and abs(value - end) <= 1e-9 * max(abs(value), abs(end)):
        return True
    truth = float(scipy.special.log_ndtr(-abs(t)))
    mine = float(law.logcdf(value) if t < 0 else law.logsf(value))
    off = 0.1 if abs(t) <= _TOLD else 1e-3
    return abs(mine - truth) <= off or _rises_as_dense(law, t, value)


def _rises_as_dense(law: Any, t: float, value: float) -> bool:
    """Whether the quantiles' slope is that of a law of this density, for laws whose tails lose digits where their quantiles do not."""
    step = abs(t) * 2.0**-12
    slope = (_tail_quantile(law, t + step) - _tail_quantile(law, t - step)) / (2 * step)
    if not 0 < slope < math.inf:
        return False
    log = float(law.logpdf(value)) + math.log(slope)
    return abs(log + t * t / 2 + math.log(2 * math.pi) / 2) <= 0.05


def _tail_index(at: Quantile, end: float) -> float:
    """The order from which on moments of a tail ``P(|X| > x) ~ x^-alpha`` are infinite, alpha and what it is unsure by; infinite where the
    tail grows lighter on the way out.
    """
    far, middle, near = (abs(at(end * share)) for share in (1.0, 0.85, 0.7))
    if min(near, middle) <= 0 or not near < middle < far:
        return math.inf
    masses = [float(scipy.special.log_ndtr(-abs(end) * share)) for share in (1.0, 0.85, 0.7)]
    slopes = [(masses[k + 1] - masses[k]) / math.log(z / w) for k, (z, w) in enumerate(((far, middle), (middle, near)))]
    return slopes[0] + 2 * abs(slopes[0] - slopes[1]) if slopes[0] < 1.02 * slopes[1] else math.inf


def _mixture_quantile(law: Mixture, t: float) -> float:
    """Where the parts' tails add up to Phi(-|t|)."""
    tail = float(scipy.special.ndtr(-abs(t)))
    parts = [(w, part) for w, part in zip(law.weights, law.laws) if w > 0]
    inverses = [part.ppf if t < 0 else part.isf for _, part in parts]

    def miss(x: float) -> float:
        found = sum(w * float(part.cdf(x) if t < 0 else part.sf(x)) for w, part in parts)
        return found - tail if t < 0 else tail - found

    inner = [float(inverse(tail / w)) for (w, _), inverse in zip(parts, inverses) if tail < w]
    outer = [
        float(inverse(share)) for (w, _), inverse in zip(parts, inverses) if (share := tail / (w * len(parts))) < 1
    ]
    if inner and outer:  # no part has more than all of the tail, and one of them an equal share
        low, high = (min(outer), min(inner)) if t < 0 else (max(inner), max(outer))
        if low < high and miss(low) < 0 < miss(high):
            return _root(miss, low, high)
    ends = [float(inverse(tail)) for inverse in inverses]
    low, high = min(ends), max(ends)
    if miss(low) >= 0 or miss(high) <= 0:  # the ends are the quantile, up to rounding
        return low if miss(low) >= 0 else high
    return _root(miss, low, high)


def _root(miss: Quantile, low: float, high: float) -> float:
    """To the digits of the root itself, whatever those of the ends are."""
    precision: Any = 1e-15
    root: Any = scipy.optimize.brentq(miss, low, high, xtol=0.1 * precision, rtol=precision)
    return float(root)


def _mixture_gaps(law: Mixture) -> list[float]:
    """Levels at which a mixture's parts begin or end, or one takes over from another: its quantile function may jump there."""
    ends = [end for part in law.laws for end in part.support() if math.isfinite(end)]
    medians = sorted(float(part.ppf(0.5)) for part in law.laws)
    points = [*ends, *((one + two) / 2 for one, two in itertools.pairwise(medians))]
    levels = [(law.cdf(z), sum(w * float(part.sf(z)) for w, part in zip(law.weights, law.laws))) for z in points]
    return [_normal_level(below, above) for below, above in levels if below > 0 and above > 0]


def _total_distance(
    pieces: list[_Piece], order: float, laws: Sequence[_Quantiles], known: float = 0.0, off: float = 0.0
) -> Estimate:
    """The root of what is known and of all pieces' integrals of ``gap^order``, in units in which gaps are about one."""
    if any(order >= index * (1 - 1e-9) for law in laws for index in law.indices) and _moved(pieces):
        return Estimate(math.inf, 0.0)
    unit = max((_largest_gap(piece, order) for piece in pieces), default=0.0) or 1.0
    value, error = math.exp(math.log(known) - order * math.log(unit)) if known else 0.0, 0.0
    error = off / known * value if known else 0.0
    for piece in pieces:
        part, miss = _integrated_piece(piece, order, unit)
        value, error = value + part, error + miss
    sizes = max((abs(law.at(t)) for law in laws for t in (-1.0, 0.0, 1.0)), default=0.0)
    if not math.isfinite(value) or (error > 1e-3 * value + 1e-300 and unit * error ** (1 / order) > 8 * _EPS * sizes):
        raise InvalidInput(
            f"p must be so small that the tails can be integrated in double precision; received p={order:g}, for which they are too heavy or "
            f"the distance is near to infinite (found {value:.3g} with error {error:.1g}); choose a smaller p"
        )
    root = value ** (1 / order)
    spread = error / (order * value) * root if value > error else error ** (1 / order)
    return Estimate(unit * root, unit * (spread + 8 * _EPS * root) + 4 * _EPS * sizes)


def _largest_gap(piece: _Piece, order: float) -> float:
    """The unit in which the largest ``gap^order``, times the density of its level, is about 1."""
    edges = itertools.pairwise([piece.low, *piece.cuts, piece.high])
    levels = [t for left, right in edges for t in np.linspace(left, right, 5).tolist()]
    return max(piece.gap(t) * math.exp(-0.5 * t * t / order) for t in levels)


def _refuse_plane(shape: tuple[int, ...] | None) -> None:
    """Raise for points that lie on no line, where their shape is known."""
    if shape is not None and len(shape) == 2 and shape[1] != 1:
        raise InvalidInput(f"atoms must be on the line, (n,); received shape {shape}; pass one coordinate")


def _moved(pieces: list[_Piece]) -> bool:
    """Whether a gap grows towards an end: two equal power laws, or one and its translate, are not infinitely far apart."""
    return any(
        piece.gap(end) > 2 * piece.gap(0.8 * end) > 0
        for piece in pieces
        for end in (piece.low, piece.high)
        if abs(end) >= 6.5
    )


def _integrated_piece(piece: _Piece, order: float, unit: float) -> tuple[float, float]:
    def at(t: float) -> float:
        gap = piece.gap(t) / unit
        if gap == 0:
            return 0.0
        exponent = order * math.log(gap) - 0.5 * t * t
        return math.exp(exponent) / math.sqrt(2 * math.pi) if exponent < 700 else math.inf

    value = error = 0.0
    for end in (piece.low, piece.high):
        if abs(end) >= 6.5:  # what lies beyond, if it goes on falling at the rate that it has there
            error += at(end) * abs(end)
    with np.errstate(all="ignore"):
        for left, right in itertools.pairwise([piece.low, *piece.cuts, piece.high]):
            lost = _rounded_away(piece, order, unit, left, right)
            part, off, *_ = scipy.integrate.quad(
                at, left, right, epsabs=max(1e-13, min(lost, 1.0) / 8), epsrel=1e-13, limit=400, full_output=1
            )
            value, error = value + part, error + off + lost
    return value, error


def _rounded_away(piece: _Piece, order: float, unit: float, left: float, right: float) -> float:
    """What ``gap^order`` may change by over levels, for gaps that are differences of rounded numbers."""
    t = (left + right) / 2 + (right - left) / 2 * _FEW
    gaps, off = (np.array([of(one) for one in t.tolist()]) / unit for of in (piece.gap, piece.size))
    wide = gaps + 2 * _EPS * off
    with np.errstate(all="ignore"):
        changes = np.exp(order * np.log(wide) - t * t / 2) - np.exp(order * np.log(gaps) - t * t / 2)
    found = float((np.where(wide > 0, changes, 0.0) * _FEW_WEIGHTS).sum() * (right - left) / 2 / math.sqrt(2 * math.pi))
    return math.inf if math.isnan(found) else found
