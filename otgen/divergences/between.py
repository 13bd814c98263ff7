r"""Divergences between two laws: exact sums over mass functions, closed forms for Gaussians, adaptive quadrature on the line.

Densities enter by their logarithms, so that nothing underflows before it is compared; where one law has mass that the other has
not, the divergence is what its definition says, infinite or not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from .estimate import Estimate
from .laws import Gaussian, atoms, corners, is_discrete, line, mass_function

_LOG2 = math.log(2.0)

# What a divergence adds up, from the logarithms of both densities at a point.
Term = Callable[[float, float], float]


def kl(p: Any, q: Any) -> Estimate:
    r"""Kullback-Leibler divergence :math:`\int p \log (p / q)`, infinite where p has mass that q has not.

    Parameters
    ----------
    p, q : array_like, distribution, Gaussian or Mixture
        Two mass functions (n,) over the same atoms; two frozen ``scipy.stats`` laws, both discrete or both continuous; Gaussians in
        any dimension; mixtures on the line.

    Returns
    -------
    Estimate
        In nats, with a bound on rounding and an estimate of the quadrature's error.

    Raises
    ------
    InvalidInput
        For what is no law, and laws of different kinds.

    References
    ----------
    Kullback and Leibler, "On information and sufficiency", 1951; "Lecture 9: generative models with adversaries", section 9.1.

    Examples
    --------
    >>> round(kl([0.5, 0.5], [0.25, 0.75]).value, 12) == round(0.5 * math.log(2) + 0.5 * math.log(2 / 3), 12)
    True
    >>> kl(Gaussian(0.0, 1.0), Gaussian(1.0, 1.0)).value
    0.5
    >>> kl([1.0, 0.0], [0.0, 1.0]).value
    inf
    """
    if isinstance(p, Gaussian) and isinstance(q, Gaussian):
        return _gaussian_kl(p, q)
    return _divergence(p, q, _kl_term)


def js(p: Any, q: Any) -> Estimate:
    """Jensen-Shannon divergence ``KL(p, m)/2 + KL(q, m)/2`` with ``m = (p + q)/2``: at most log 2.

    Parameters and errors are those of :func:`kl`.

    Examples
    --------
    >>> js([1.0, 0.0], [0.0, 1.0]).value == math.log(2)
    True
    """
    return _divergence(p, q, _js_term)


def tv(p: Any, q: Any) -> Estimate:
    """Total variation ``sup |P(B) - Q(B)| = integral |p - q| / 2``, in [0, 1].

    Parameters and errors are those of :func:`kl`.

    Examples
    --------
    >>> tv([0.5, 0.5], [0.25, 0.75]).value
    0.25
    """
    return _divergence(p, q, lambda s, t: abs(math.exp(s) - math.exp(t)) / 2)


def hellinger(p: Any, q: Any) -> Estimate:
    """Hellinger distance ``sqrt(integral (sqrt p - sqrt q)^2 / 2)``, in [0, 1].

    Parameters and errors are those of :func:`kl`.

    Examples
    --------
    >>> hellinger([1.0, 0.0], [0.0, 1.0]).value
    1.0
    """
    squared = _divergence(p, q, lambda s, t: (math.exp(s / 2) - math.exp(t / 2)) ** 2 / 2)
    value = math.sqrt(max(squared.value, 0.0))
    return Estimate(
        value, squared.error / (2 * value) if value > math.sqrt(squared.error) else math.sqrt(squared.error)
    )


def chi2(p: Any, q: Any) -> Estimate:
    """``integral (p - q)^2 / q``, infinite where p has mass that q has not.

    Parameters and errors are those of :func:`kl`.

    Examples
    --------
    >>> round(chi2([0.5, 0.5], [0.25, 0.75]).value, 12)
    0.333333333333
    """

    def term(s: float, t: float) -> float:
        if t == -math.inf:
            return 0.0 if s == -math.inf else math.inf
        return math.exp(t) * math.expm1(s - t) ** 2 if s - t < 300 else math.exp(min(2 * s - t, 709.0))

    return _divergence(p, q, term)


def f_divergence(p: Any, q: Any, f: Callable[[float], float], slope: float = math.inf) -> Estimate:
    """``integral q f(p / q)`` for a convex f with f(1) = 0; ``slope`` is the limit of ``f(u) / u``, for mass that q has not.

    Parameters and errors are those of :func:`kl`.

    Examples
    --------
    >>> round(f_divergence([0.5, 0.5], [0.25, 0.75], lambda u: (u - 1) ** 2).value, 12)
    0.333333333333
    """
    if not callable(f) or abs(float(f(1.0))) > 1e-12:
        raise InvalidInput("f must be a convex function with f(1) = 0; received another; subtract f(1)")
    slope = scalars.real(slope, "slope")

    def term(s: float, t: float) -> float:
        if t == -math.inf:
            return 0.0 if s == -math.inf else slope * math.exp(s)
        return math.exp(t) * float(f(math.exp(s - t) if s - t < 709 else math.inf))

    return _divergence(p, q, term)


def _kl_term(s: float, t: float) -> float:
    """``p log(p / q) - p + q``: never negative, so nothing cancels, and with the same integral."""
    if s == -math.inf:
        return math.exp(t)
    if t == -math.inf:
        return math.inf
    ratio = t - s
    if abs(ratio) < 1e-5:  # by the series, where the difference of both sides would be all rounding
        return math.exp(s) * ratio**2 * (0.5 + ratio / 6 + ratio**2 / 24)
    if ratio > 700:  # p log(p/q) is nothing beside q
        return math.exp(t)
    return math.exp(s) * (math.expm1(ratio) - ratio)


def _js_term(s: float, t: float) -> float:
    low, high = min(s, t), max(s, t)
    if high == -math.inf:
        return 0.0
    middle = high + math.log1p(math.exp(low - high)) - _LOG2 if low > -math.inf else high - _LOG2
    return (_kl_term(s, middle) + _kl_term(t, middle)) / 2


def _divergence(p: Any, q: Any, term: Term) -> Estimate:
    """The sum or integral of a term over two laws of one kind."""
    listed = [isinstance(z, list | tuple | np.ndarray) for z in (p, q)]
    if any(listed):
        if not all(listed) or np.shape(p) != np.shape(q):
            raise InvalidInput(
                f"p and q must both be mass functions over the same atoms; received {type(p).__name__} of shape {np.shape(p)} and "
                f"{type(q).__name__} of shape {np.shape(q)}"
            )
        return _sum(mass_function(p, "p"), mass_function(q, "q"), term, 0.0)
    discrete = [is_discrete(z) for z in (p, q)]
    if all(discrete):
        return _sum(*atoms(p, q)[:2], term, atoms(p, q)[2])
    if any(discrete):
        raise InvalidInput(
            "p and q must be both discrete or both continuous; received one of each; they share no density"
        )
    return _integral(line(p, "p"), line(q, "q"), term)


def _sum(p: Floats, q: Floats, term: Term, left: float) -> Estimate:
    with np.errstate(divide="ignore"):
        s, t = np.log(p), np.log(q)
    terms = [term(*pair) for pair in zip(s.tolist(), t.tolist())]
    if math.inf in terms:
        return Estimate(math.inf, 0.0)
    logs = np.abs(np.where(p > 0, s, 0.0)) + np.abs(np.where(q > 0, t, 0.0))
    size = math.fsum(abs(one) for one in terms) + float((np.maximum(p, q) * (1 + logs)).sum())
    return Estimate(math.fsum(terms), 8 * UNIT * size + left)


def _integral(p: Any, q: Any, term: Term) -> Estimate:
    """Piece by piece between the corners of both densities."""
    points = sorted({*corners(p), *corners(q)})
    low, high = (end(law.support()[k] for law in (p, q)) for k, end in ((0, min), (1, max)))
    edges = [low, *(z for z in points if low < z < high), high]

    def at(x: float) -> float:
        return term(float(p.logpdf(x)), float(q.logpdf(x)))

    value = error = 0.0
    with np.errstate(all="ignore"):
        for left, right in itertools.pairwise(edges):
            if math.isinf(at(_inside(left, right))):
                return Estimate(math.inf, 0.0)
            part, off, *_ = scipy.integrate.quad(at, left, right, epsabs=1e-14, epsrel=1e-12, limit=200, full_output=1)
            if math.isinf(part):
                return Estimate(math.inf, 0.0)
            value, error = value + part, error + off
    return Estimate(value, error + 8 * UNIT * (1 + abs(value)))


def _inside(left: float, right: float) -> float:
    """A point of an interval, perhaps infinite."""
    if math.isinf(left):
        return 0.0 if math.isinf(right) else right - 1.0 - abs(right)
    return left + 1.0 + abs(left) if math.isinf(right) else (left + right) / 2


def _gaussian_kl(p: Gaussian, q: Gaussian) -> Estimate:
    """``(tr(S_q^-1 S_p) + (m_q - m_p)' S_q^-1 (m_q - m_p) - d + log det S_q / det S_p) / 2``."""
    if p.dim != q.dim:
        raise InvalidInput(f"p and q must have one dimension; received {p.dim} and {q.dim}")
    factor = np.linalg.cholesky(q.cov)
    own = np.linalg.solve(factor, np.linalg.cholesky(p.cov))
    step = np.linalg.solve(factor, q.mean - p.mean)
    logs = 2 * (np.log(np.diag(factor)).sum() - np.log(np.diag(np.linalg.cholesky(p.cov))).sum())
    parts = float((own**2).sum()), float(step @ step), -float(p.dim), float(logs)
    condition = float(np.linalg.cond(q.cov)) + float(np.linalg.cond(p.cov))
    size = sum(map(abs, parts))
    return Estimate(math.fsum(parts) / 2, 4 * p.dim * UNIT * condition * size)
