r"""Divergences between two laws: sums over mass functions and atoms, closed forms for Gaussians, adaptive quadrature on the line.

Densities enter by their logarithms, so that nothing underflows before it is compared; where one law has mass that the other has
not, or a tail that is too heavy for the other's, the divergence is what its definition says, infinite or not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars, tables
from ..kernels.double_double import UNIT
from ..underflow import may_underflow
from .affine import moderate, refuse_far_apart
from .apart import ROUGH, told_apart
from .atoms import over_atoms
from .density import Untold, density
from .estimate import Estimate, logarithm_base
from .integral import BEYOND, integral
from .laws import Gaussian, is_discrete, is_law, line
from .masses import over_masses
from .terms import CHI2, HELLINGER, JS, KL, TV, Term, of_function, value_at


@may_underflow
def kl(p: Any, q: Any, *, base: float | None = None) -> Estimate:
    r"""Kullback-Leibler divergence :math:`\int p \log (p / q)`, infinite where p has mass that q has not, or tails too heavy for q.

    Parameters
    ----------
    p, q : array_like, distribution, Gaussian or Mixture
        Two mass functions over the same atoms, (n,), or rows of them, (k, n), as arrays, tensors or tables (whose atoms are matched
        by their names); each of sum 1 to the tolerance of the coarser dtype of both, and divided by its sum. Or two laws: frozen
        ``scipy.stats`` distributions, both discrete or both continuous; mixtures on the line; two Gaussians of one dimension, any
        for KL between them and 1 for all else.
    base : float or None
        Of the logarithm, such as 2 for bits; None for nats.

    Returns
    -------
    Estimate
        ``error`` bounds rounding for masses and Gaussians. For other laws, it is by how much two quadratures differ, and rounding,
        what is missing of both laws' masses, and how well their tails are known; 0 of a divergence that is infinite. Where rows were
        given, value and error are arrays (k,).

    Raises
    ------
    InvalidInput
        For masses that are negative, of another sum or over other atoms, for what is no law, laws of different kinds or dimensions, and
        laws whose densities cannot be computed where they matter, as of two that lie too far apart for floats to tell both.

    Notes
    -----
    Two lattices of atoms are the same if they are moved against each other by a whole number, up to rounding.

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
    >>> kl([[0.5, 0.5], [1.0, 0.0]], [0.5, 0.5], base=2).value.tolist()
    [0.0, 1.0]
    """
    base = logarithm_base(base)
    if isinstance(p, Gaussian) and isinstance(q, Gaussian):
        return _gaussian_kl(p, q).in_base(base)
    return _divergence_of_laws(p, q, KL).in_base(base)


@may_underflow
def js(p: Any, q: Any, *, base: float | None = None, root: bool = False) -> Estimate:
    """Jensen-Shannon divergence ``KL(p, m)/2 + KL(q, m)/2`` with ``m = (p + q)/2``: at most log 2.

    Laws, ``base`` and errors are those of :func:`kl`; with ``root=True`` its square root, which is a distance (Endres and Schindelin, "A new
    metric for probability distributions", 2003).

    Examples
    --------
    >>> js([1.0, 0.0], [0.0, 1.0]).value == math.log(2)
    True
    >>> js([1.0, 0.0], [0.0, 1.0], base=2, root=True).value
    1.0
    """
    base, root = logarithm_base(base), scalars.flag(root, "root")
    found = _divergence_of_laws(p, q, JS).in_base(base)
    return found.root() if root else found


@may_underflow
def tv(p: Any, q: Any) -> Estimate:
    """Total variation ``sup |P(B) - Q(B)| = integral |p - q| / 2``, in [0, 1]: a distance.

    Laws and errors are those of :func:`kl`.

    Examples
    --------
    >>> tv([0.5, 0.5], [0.25, 0.75]).value
    0.25
    """
    return _divergence_of_laws(p, q, TV)


@may_underflow
def hellinger(p: Any, q: Any) -> Estimate:
    """Hellinger distance ``sqrt(integral (sqrt p - sqrt q)^2 / 2)``, in [0, 1].

    Laws and errors are those of :func:`kl`.

    Examples
    --------
    >>> hellinger([1.0, 0.0], [0.0, 1.0]).value
    1.0
    """
    return _divergence_of_laws(p, q, HELLINGER).root()


@may_underflow
def chi2(p: Any, q: Any) -> Estimate:
    """Pearson's ``integral (p - q)^2 / q``, infinite where p has mass that q has not, and where it is beyond the largest float.

    Laws and errors are those of :func:`kl`; of laws, ``note`` says where supports or tails make it infinite.

    Examples
    --------
    >>> round(chi2([0.5, 0.5], [0.25, 0.75]).value, 12)
    0.333333333333
    """
    return _divergence_of_laws(p, q, CHI2)


@may_underflow
def f_divergence(p: Any, q: Any, f: Callable[[float], float], slope: float = math.inf) -> Estimate:
    """``integral q f(p / q)`` for a convex f with f(1) = 0; ``slope`` is the limit of ``f(u) / u``, for mass that q has not.

    ``f`` takes a float of [0, inf) and returns one. Laws and errors are those of :func:`kl`; an f that is no such function, not 0 at 1 (to
    1e-12) or below its tangent at 1 where it is asked for is refused, and so is a slope below that tangent's. Laws whose ratio or whose f(p / q) leaves the floats where they have
    mass are refused, unless a finite slope tells what is there.

    Examples
    --------
    >>> round(f_divergence([0.5, 0.5], [0.25, 0.75], lambda u: (u - 1) ** 2).value, 12)
    0.333333333333
    """
    if not callable(f):
        raise InvalidInput(
            f"f must be a function of one float; received {type(f).__name__}; pass lambda u: (u - 1) ** 2, say"
        )
    at_one = value_at(f, 1.0)
    if not abs(at_one) <= 1e-12:
        raise InvalidInput(
            f"f must be a convex function with f(1) = 0; received one of {at_one!r} there; subtract that from it"
        )
    return _divergence_of_laws(p, q, of_function(f, scalars.real(slope, "slope")))


def _divergence_of_laws(p: Any, q: Any, term: Term) -> Estimate:
    """The sum or integral of a term over two laws of one kind."""
    kinds = [is_law(z) for z in (p, q)]
    if not any(kinds):
        return over_masses(p, q, term)
    if not all(kinds):
        raise InvalidInput(
            f"p and q must be two mass functions over the same atoms, or two laws (a frozen scipy.stats distribution, a Gaussian, a "
            f"Mixture); received {type(p).__name__} and {type(q).__name__}; make a law of masses with "
            f"scipy.stats.rv_discrete(values=(atoms, masses))"
        )
    discrete = [is_discrete(z) for z in (p, q)]
    if any(discrete) and not all(discrete):
        raise InvalidInput(
            "p and q must be both discrete or both continuous; received one of each, which share no density; compare samples of "
            "them, or make both discrete"
        )
    one, other = (p, q) if all(discrete) else moderate(line(p, "p"), line(q, "q"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scipy warns of is judged by its values
            found = over_atoms(p, q, term) if all(discrete) else integral((density(one), density(other)), term)
    except Untold as fault:
        found = told_apart(one, other, term)
        if found is None:
            if not all(discrete):
                refuse_far_apart(one, other)
            raise InvalidInput(str(fault)) from None
    if found.error > ROUGH:
        found = min(found, told_apart(one, other, term) or found, key=lambda each: each.error)
    if math.isinf(term.most) and max(1.0, found.value) < found.error:
        raise InvalidInput(
            "p and q must have densities, and a ratio p/q, that are known to the digits that a divergence of theirs needs; received laws whose "
            "tails are known too little to tell it from infinity; give a law of your own a _logpdf, or choose other parameters"
        )
    return _cut(found, term.most)


def _cut(found: Estimate, high: float) -> Estimate:
    """The nearest value in [0, high], where the truth lies, and an error that reaches no farther than its ends."""
    found = found.within(0.0, high)
    farthest = np.maximum(found.value, high - np.asarray(found.value)) if math.isfinite(high) else math.inf
    error = np.minimum(found.error, farthest)
    return found._replace(error=error if np.ndim(error) else float(error))


def _gaussian_kl(p: Gaussian, q: Gaussian) -> Estimate:
    """``(tr(S_q^-1 S_p) + (m_q - m_p)' S_q^-1 (m_q - m_p) - d + log det S_q / det S_p) / 2``."""
    if p.dim != q.dim:
        raise InvalidInput(
            f"p and q must have one dimension; received {p.dim} and {q.dim}; leave out coordinates of one"
        )
    tables.same_names({"p": p.names, "q": q.names})
    factor, root = np.linalg.cholesky(q.cov), np.linalg.cholesky(p.cov)
    with np.errstate(over="ignore"):
        own = np.linalg.solve(factor, root)
        step = np.linalg.solve(factor, q.mean - p.mean)
        logs = 2 * (np.log(np.diag(factor)).sum() - np.log(np.diag(root)).sum())
        parts = float((own**2).sum()), float(step @ step), -float(p.dim), float(logs)
        size = sum(map(abs, parts))
    if not math.isfinite(size):
        return Estimate(math.inf, 0.0, BEYOND)
    condition = float(np.linalg.cond(q.cov)) + float(np.linalg.cond(p.cov))
    return Estimate(math.fsum(parts) / 2, 4 * p.dim * UNIT * condition * size).within(0.0, math.inf)
