r"""Transport between laws on the line, by their quantiles: :math:`W_p^p = \int_0^1 |F^{-1}(u) - G^{-1}(u)|^p\,du`.

Levels u are passed through the normal distribution function, so that both tails are reached with full precision and a quantile
function that is infinite at the ends costs nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.special

from .. import validation
from ..divergences import Estimate, Mixture
from ..divergences.laws import is_discrete, line
from ..errors import InvalidInput
from ..validation import Floats

_END = 30.0  # the normal law has mass 1e-197 beyond it, and quantile functions still work there
_CUTS = (-8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0)
_NODES = 24

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
        In the units of the line; infinite where a tail's moment is. ``error`` is the quadrature's estimate.

    Raises
    ------
    InvalidInput
        For what is no continuous law on the line.

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
    order = validation.finite_order(p)
    first, second = (_quantile(law, name) for law, name in ((p_law, "p_law"), (q_law, "q_law")))

    def at(t: float) -> float:
        density = math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
        gap = abs(first(t) - second(t))
        return 0.0 if gap == 0 else math.exp(order * math.log(gap) + math.log(density))

    jumps = [t for law in (p_law, q_law) if isinstance(law, Mixture) for t in _gaps(law)]
    return _rooted(*_integrated(at, sorted({*_CUTS, *jumps})), order)


def semi_discrete(atoms: Any, weights: Any, law: Any, p: float = 1) -> Estimate:
    """W_p between a discrete law and a continuous one on the line: each atom serves an interval of levels.

    Parameters
    ----------
    atoms : array_like
        (n,) points of the line.
    weights : array_like or None
        (n,), of sum 1; None means uniform.
    law : distribution or Gaussian
        A frozen continuous ``scipy.stats`` law, or a Gaussian in dimension 1.
    p : float
        Order, finite and at least 1.

    Returns
    -------
    Estimate
        In the units of the line.

    Raises
    ------
    InvalidInput
        For atoms that are not on the line, weights of another sum, and a law that is not continuous.

    Examples
    --------
    >>> import scipy.stats
    >>> round(semi_discrete([0.5], None, scipy.stats.uniform(), 1).value, 12)
    0.25
    """
    order = validation.finite_order(p)
    points = validation.points(atoms, "atoms")[0]
    if points.shape[1] != 1:
        raise InvalidInput(f"atoms must be on the line, (n,); received shape {points.shape}")
    masses, _ = validation.weights(weights, len(points), "weights", "atoms")
    if abs(math.fsum(masses) - 1) > 1e-9:
        raise InvalidInput(f"weights must sum to 1; received a sum of {math.fsum(masses)!r}; divide by it")
    ranked = np.argsort(points[:, 0], kind="stable")
    x, levels = points[ranked, 0].astype(np.float64), np.cumsum(masses[ranked])
    quantile, continuous = _quantile(law, "law"), line(law, "law")
    lows, highs = np.concatenate([[0.0], levels[:-1]]), np.concatenate([levels[:-1], [1.0]])
    middles = np.clip(np.asarray(continuous.cdf(x), np.float64), lows, highs)  # the cost has a corner at the atom
    value, error, hard = _inner(x, lows, middles, highs, continuous, order)
    last = len(x) - 1
    for k in (0, *hard, last)[: last + 1]:
        low = _normal_level(lows[k]) if k else -_END
        high = _normal_level(highs[k]) if k < last else _END
        corner = _normal_level(float(middles[k]))

        def at(t: float, atom: float = float(x[k])) -> float:
            return abs(quantile(t) - atom) ** order * math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)

        part, off = _integrated(at, sorted({c for c in (*_CUTS, corner) if low < c < high}), low, high)
        value, error = value + part, error + off
    return _rooted(value, error, order)


def _inner(
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


def _normal_level(u: float) -> float:
    return float(np.clip(scipy.special.ndtri(u), -_END, _END))


def _quantile(law: Any, name: str) -> Quantile:
    """The quantile at level Phi(t), by the nearer tail."""
    if is_discrete(law):
        raise InvalidInput(f"{name} must be continuous; received a discrete law; see semi_discrete")
    found = line(law, name)
    if isinstance(found, Mixture):
        return lambda t: _mixture_quantile(found, t)

    ends = found.support()

    def at(t: float) -> float:
        tail = float(scipy.special.ndtr(-abs(t)))
        value = float(found.ppf(tail) if t < 0 else found.isf(tail))
        return float(ends[t >= 0]) if math.isnan(value) else value  # some laws of scipy give up far in a tail

    return at


def _mixture_quantile(law: Mixture, t: float) -> float:
    """Where the parts' tails add up to Phi(-|t|): between the parts' own quantiles."""
    tail = float(scipy.special.ndtr(-abs(t)))
    if t < 0:
        ends = [float(part.ppf(tail)) for part in law.laws]

        def miss(x: float) -> float:
            return sum(w * float(part.cdf(x)) for w, part in zip(law.weights, law.laws)) - tail
    else:
        ends = [float(part.isf(tail)) for part in law.laws]

        def miss(x: float) -> float:
            return tail - sum(w * float(part.sf(x)) for w, part in zip(law.weights, law.laws))

    low, high = min(ends), max(ends)
    if miss(low) >= 0 or miss(high) <= 0:  # the ends are the quantile, up to rounding
        return low if miss(low) >= 0 else high
    precision: Any = 1e-15
    root: Any = scipy.optimize.brentq(miss, low, high, xtol=precision * max(1.0, abs(low), abs(high)), rtol=precision)
    return float(root)


def _gaps(law: Mixture) -> list[float]:
    """Levels at which a mixture's parts begin or end: its quantile function may jump there."""
    levels = [law.cdf(end) for part in law.laws for end in part.support() if math.isfinite(end)]
    return [_normal_level(u) for u in levels if 0 < u < 1]


def _integrated(
    at: Callable[[float], float], cuts: list[float], low: float = -_END, high: float = _END
) -> tuple[float, float]:
    """An integral over levels and its error, infinite where the integrand does not fall towards an end of the line."""
    value = error = 0.0
    for end in (low, high):
        if abs(end) == _END:
            near, far = at(math.copysign(25.0, end)), at(end)
            if far > 1e-300 and far >= near:
                return math.inf, 0.0
            error += far * _END
    with np.errstate(all="ignore"):
        for left, right in itertools.pairwise([low, *cuts, high]):
            part, off, *_ = scipy.integrate.quad(at, left, right, epsabs=1e-15, epsrel=1e-13, limit=400, full_output=1)
            value, error = value + part, error + off
    return value, error


def _rooted(value: float, error: float, order: float) -> Estimate:
    if math.isinf(value):
        return Estimate(math.inf, 0.0)
    root = value ** (1 / order)
    off = error / (order * value) * root if value > error else error ** (1 / order)
    return Estimate(root, float(off + 8 * np.finfo(float).eps * root))
