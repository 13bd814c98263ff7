"""Pairs of laws of many families, at any place and scale, against integrals at the standard place: neither place nor scale changes a divergence."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats as st
from chosen import few
from hypothesis import given
from hypothesis import strategies as hs

from otgen.divergences import Mixture, chi2, hellinger, js, kl, tv

M = mpmath
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
SHAPES = hs.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 3.3, 8.0])
# Families with logarithms of their standard densities at z, w = 1 - z, by the number of their shapes.
LINE: dict[str, tuple[int, Any]] = {
    "norm": (0, lambda z, w: -z * z / 2 - math.log(2 * math.pi) / 2),
    "laplace": (0, lambda z, w: -abs(z) - math.log(2)),
    "cauchy": (0, lambda z, w: -math.log(math.pi) - 2 * np.log(np.hypot(1, z))),
    "logistic": (0, lambda z, w: -abs(z) - 2 * np.log1p(np.exp(-abs(z)))),
    "gumbel_r": (0, lambda z, w: -z - np.exp(-z)),
    "loggamma": (1, lambda z, w, c: c * z - np.exp(z) - math.lgamma(c)),
}
HALF: dict[str, tuple[int, Any]] = {
    "expon": (0, lambda z, w: -z),
    "gamma": (1, lambda z, w, a: (a - 1) * np.log(z) - z - math.lgamma(a)),
    "weibull_min": (1, lambda z, w, c: math.log(c) + (c - 1) * np.log(z) - z**c),
    "lognorm": (1, lambda z, w, s: -((np.log(z) / s) ** 2) / 2 - np.log(z * s) - math.log(2 * math.pi) / 2),
    "lomax": (1, lambda z, w, c: math.log(c) - (c + 1) * np.log1p(z)),
    "burr": (2, lambda z, w, c, d: math.log(c * d) - (c + 1) * np.log(z) - (d + 1) * np.logaddexp(0, -c * np.log(z))),
    "halfcauchy": (0, lambda z, w: math.log(2 / math.pi) - 2 * np.log(np.hypot(1, z))),
}
BOUNDED: dict[str, tuple[int, Any]] = {
    "uniform": (0, lambda z, w: 0 * z),
    "beta": (2, lambda z, w, a, b: (a - 1) * np.log(z) + (b - 1) * np.log(w) - scipy.special.betaln(a, b)),
    "arcsine": (0, lambda z, w: -math.log(math.pi) - (np.log(z) + np.log(w)) / 2),
    "powerlaw": (1, lambda z, w, a: math.log(a) + (a - 1) * np.log(z)),
}


def _halved_js(p, q):
    return (scipy.special.rel_entr(2 * p, p + q) + scipy.special.rel_entr(2 * q, p + q)) / 4


TERMS = {js: _halved_js, tv: lambda p, q: abs(p - q) / 2, hellinger: lambda p, q: (np.sqrt(p) - np.sqrt(q)) ** 2 / 2}


@pytest.mark.parametrize("kind", [LINE, HALF, BOUNDED], ids=["line", "half", "bounded"])
@few(4)
@given(data=hs.data())
def test_divergences_at_any_place_and_scale(kind, data):
    names = data.draw(hs.sampled_from(sorted(kind))), data.draw(hs.sampled_from(sorted(kind)))
    shapes = [tuple(data.draw(SHAPES) for _ in range(kind[name][0])) for name in names]
    ratio = data.draw(hs.sampled_from([1.0] if kind is BOUNDED else [1.0, 0.5, 4.0]))
    loc = data.draw(hs.sampled_from([0.0, 1.0, -0.37, 1e6, 1e13]))
    scale = data.draw(hs.sampled_from([1.0, 3.7, 1e-9, 1e9]))
    families = [getattr(st, name) for name in names]
    standard = [one(*own, scale=r) for one, own, r in zip(families, shapes, (1.0, ratio))]
    moved = [one(*own, loc=loc, scale=scale * r) for one, own, r in zip(families, shapes, (1.0, ratio))]
    z, w, weights = _nodes(standard)
    with np.errstate(all="ignore"):
        p, q = (np.exp(kind[name][1](z / r, w, *own)) / r for name, own, r in zip(names, shapes, (1.0, ratio)))
    assert [float((side * weights).sum()) for side in (p, q)] == pytest.approx([1, 1], abs=1e-13)
    for divergence, term in TERMS.items():
        truth = float((term(p, q) * weights).sum())
        found = divergence(*moved)
        value, error = (
            (found.value**2, 2 * found.error * found.value + found.error**2) if divergence is hellinger else found[:2]
        )
        assert abs(value - truth) <= error + 2e-13, (divergence, names, shapes, ratio, loc, scale)
        assert error < 1e-6


def _nodes(laws):
    """Points z, 1 - z and weights: pieces between cuts, and by the logarithm of distances to the ends."""
    cuts, (low, high) = _cuts(laws), laws[0].support()
    edges = np.unique(np.concatenate([np.linspace(one, other, 9) for one, other in pairwise(cuts)]))
    z, weights = _panels(edges)
    parts = [(z, 1 - z, weights)]
    for end, cut, side in ((low, cuts[0], 1), (high, cuts[-1], -1)):
        far = math.log(abs(cut)) if math.isinf(end) else math.log(abs(cut - end))
        u, weights = _panels(np.linspace(far, far + 90, 91) if math.isinf(end) else np.linspace(far - 90, far, 91))
        way = np.exp(u)
        z = -side * way if math.isinf(end) else end + side * way
        parts.append((z, way if end == 1 else 1 - z, weights * way))
    return (np.concatenate(each) for each in zip(*parts))


def _panels(edges):
    low, half = edges[:-1, None], np.diff(edges)[:, None] / 2
    return (low + half * (1 + NODES)).ravel(), (half * WEIGHTS).ravel()


def _cuts(laws):
    """Quantiles of both laws, and where their densities cross: total variation has kinks there."""
    levels = np.array([1e-16, 1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.02, 0.1, 0.25, 0.5])
    low, high = laws[0].support()
    points = np.unique([z for law in laws for z in (*law.ppf(levels), *law.isf(levels), 0.0)])
    near = 2.0 ** np.arange(-60 if low == 0 else 0, 1 if high == 1 else 50)
    points = np.concatenate([points, near, 1 - near[near >= 2.0**-20] if high == 1 else near])
    least, most = 2.0**-60 if low == 0 else -1e4, 1 - 2.0**-20 if high == 1 else 1e4 if low < 0 else 2.0**50
    points = np.unique(points[(points >= least) & (points <= most)])
    fine = np.unique(np.concatenate([np.linspace(one, other, 20) for one, other in pairwise(points)]))

    def ahead(z):
        with np.errstate(all="ignore"):
            return float(laws[0].logpdf(z) - laws[1].logpdf(z))

    signs = np.sign([ahead(z) for z in fine])
    for k in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        points = np.append(points, scipy.optimize.brentq(ahead, fine[k], fine[k + 1], xtol=1e-15))
    return np.unique(points)


@pytest.mark.parametrize("loc", [0.0, 1e6, -0.37])
def test_powers_at_an_end_decide_what_is_infinite(loc):
    """p^2 / q: 16 z^2 over a multiple of z^2 was infinite at 1e6, 1 / (1.85 - z) finite."""
    p, q = st.triang(0.5, loc, 1.0), st.burr(1.5, 2.0, loc, 0.5)
    with M.workdps(30):

        def term(z):
            one = 4 * z if z < 0.5 else 4 * (1 - z)
            other = 6 * (2 * z) ** 2 / (1 + (2 * z) ** 1.5) ** 3
            return (one - other) ** 2 / other

        truth = M.quad(term, [0, 0.01, 0.5, 1]) + (1 - 1 / (1 + M.mpf(2) ** -1.5) ** 2)  # q alone beyond 1
    found = chi2(p, q)
    assert abs(found.value - truth) <= found.error < 1e-9
    assert chi2(st.arcsine(loc, 1.85), st.arcsine(loc, 3.7)).value == math.inf


def test_a_tail_that_one_part_of_a_mixture_has_is_the_mixtures():
    """The other part's logarithm leaves the floats on the way: the mixture had no tail, and KL was infinite."""
    p, q = st.invweibull(0.548197), Mixture([0.5, 0.5], [st.invweibull(0.5, scale=5), st.gompertz(0.5)])

    u, weights = _panels(np.linspace(-20, 160, 721))
    z = np.exp(u)
    with np.errstate(all="ignore"):

        def log(c, s):
            return math.log(c / s) - (c + 1) * np.log(z / s) - (z / s) ** -c

        one = log(0.548197, 1)
        other = np.logaddexp(log(0.5, 5), math.log(0.5) + z - np.expm1(z) / 2) - math.log(2)
        terms = np.exp(one + u) * (one - other)
    truth = float((np.where(np.isfinite(terms), terms, 0.0) * weights).sum())
    found = kl(p, q)
    assert abs(found.value - truth) <= found.error + 1e-13


def test_ends_between_floats_are_doubted():
    """Ends of both laws lie 1e-3 apart at 1e9, where floats are 1e-7 apart: places that no difference of floats is, so that neither is moved."""
    p, q = st.uniform(0.1, 1e9), st.uniform(1e-3, 1e9)
    beyond = M.mpf(0.1) - M.mpf(1e-3)
    found = tv(p, q)
    assert abs(found.value - beyond / M.mpf(1e9)) <= found.error < 1e-14
