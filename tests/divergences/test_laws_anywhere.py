"""Pairs of laws of many families, at any place and scale, against integrals in 40 digits: neither place nor scale changes a divergence."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.stats as st
from chosen import few
from hypothesis import assume, given
from hypothesis import strategies as hs

from otgen.divergences import Mixture, chi2, hellinger, js, kl, tv

M = mpmath
SHAPES = hs.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 3.3, 8.0])
# Families with logarithms of their standard densities, by the number of their shapes.
LINE: dict[str, tuple[int, Any]] = {
    "norm": (0, lambda z: -z * z / 2 - M.log(2 * M.pi) / 2),
    "laplace": (0, lambda z: -abs(z) - M.log(2)),
    "cauchy": (0, lambda z: -M.log(M.pi * (1 + z * z))),
    "logistic": (0, lambda z: -abs(z) - 2 * M.log1p(M.exp(-abs(z)))),
    "gumbel_r": (0, lambda z: -z - M.exp(-z)),
    "loggamma": (1, lambda z, c: c * z - M.exp(z) - M.loggamma(c)),
}
HALF: dict[str, tuple[int, Any]] = {
    "expon": (0, lambda z: -z),
    "gamma": (1, lambda z, a: (a - 1) * M.log(z) - z - M.loggamma(a)),
    "weibull_min": (1, lambda z, c: M.log(c) + (c - 1) * M.log(z) - z**c),
    "lognorm": (1, lambda z, s: -((M.log(z) / s) ** 2) / 2 - M.log(z * s) - M.log(2 * M.pi) / 2),
    "lomax": (1, lambda z, c: M.log(c) - (c + 1) * M.log1p(z)),
    "burr": (2, lambda z, c, d: M.log(c * d) - (c + 1) * M.log(z) - (d + 1) * M.log1p(z**-c)),
    "halfcauchy": (0, lambda z: M.log(2) - M.log(M.pi * (1 + z * z))),
}
BOUNDED: dict[str, tuple[int, Any]] = {
    "uniform": (0, lambda z: M.mpf(0)),
    "beta": (2, lambda z, a, b: (a - 1) * M.log(z) + (b - 1) * M.log1p(-z) - M.log(M.beta(a, b))),
    "arcsine": (0, lambda z: -M.log(M.pi) - (M.log(z) + M.log1p(-z)) / 2),
    "powerlaw": (1, lambda z, a: M.log(a) + (a - 1) * M.log(z)),
}


def _kl(p, q):
    return p * M.log(p / q) - p + q if p else q


def _js(p, q):
    return (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2 if p + q else M.mpf(0)


TERMS = {js: _js, tv: lambda p, q: abs(p - q) / 2, hellinger: lambda p, q: (M.sqrt(p) - M.sqrt(q)) ** 2 / 2}


@pytest.mark.parametrize("kind", [LINE, HALF, BOUNDED], ids=["line", "half", "bounded"])
@few(4)
@given(data=hs.data())
def test_divergences_at_any_place_and_scale(kind, data):
    names = data.draw(hs.sampled_from(sorted(kind))), data.draw(hs.sampled_from(sorted(kind)))
    shapes = [tuple(data.draw(SHAPES) for _ in range(kind[name][0])) for name in names]
    ratio = data.draw(hs.sampled_from([1.0] if kind is BOUNDED else [1.0, 0.5, 4.0]))
    loc = data.draw(hs.sampled_from([0.0, 1.0, -0.37, 1e6, 1e13]))
    scale = data.draw(hs.sampled_from([1.0, 3.7, 1e-9, 1e9]))
    assume(abs(loc) < 2.0**40 * scale)
    families = [getattr(st, name) for name in names]
    standard = [one(*own, scale=r) for one, own, r in zip(families, shapes, (1.0, ratio))]
    moved = [one(*own, loc=loc, scale=scale * r) for one, own, r in zip(families, shapes, (1.0, ratio))]

    def density(k, z):
        r = (1.0, ratio)[k]
        return M.exp(kind[names[k]][1](z / r, *map(M.mpf, shapes[k]))) / r

    cuts = _cuts(standard)
    with M.workdps(40):
        for divergence, term in TERMS.items():
            truth = M.quad(lambda z, term=term: term(density(0, z), density(1, z)), cuts)
            truth = M.sqrt(abs(truth)) if divergence is hellinger else truth
            found = divergence(*moved)
            assert abs(found.value - truth) <= found.error + 1e-15, (divergence, names, shapes, ratio, loc, scale)
            assert found.error < 1e-6


def _cuts(laws):
    """Ends, quantiles of both laws, and where their densities cross: total variation has kinks there."""
    levels = np.array([1e-18, 1e-9, 1e-4, 0.02, 0.25, 0.5])
    points = np.unique([z for law in laws for z in (*law.ppf(levels), *law.isf(levels))])
    low, high = laws[0].support()
    fine = np.unique(np.concatenate([np.linspace(one, other, 20) for one, other in pairwise(points)]))
    fine = fine[(fine > low) & (fine < high)]

    def ahead(z):
        return float(laws[0].logpdf(z) - laws[1].logpdf(z))

    signs = np.sign([ahead(z) for z in fine])
    for k in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        one, other = fine[k], fine[k + 1]
        for _ in range(60):
            middle = (one + other) / 2
            one, other = (middle, other) if np.sign(ahead(middle)) == signs[k] else (one, middle)
        points = np.append(points, one)
    inner = {float(z) for z in points if low < z < high and math.isfinite(z)} | {0.0} - {low, high}
    return [M.mpf(z) for z in (low, *sorted(inner), high)]


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

    def density(z, c, s):
        return c / s * (z / s) ** (-c - 1) * M.exp(-((z / s) ** -c))

    def term(u):
        z = M.exp(u)
        one, other = density(z, M.mpf(0.548197), 1), density(z, M.mpf(0.5), 5) / 2 + M.exp(z - M.expm1(z) / 2) / 4
        return z * (one * M.log(one / other) - one + other) if one and other else M.mpf(0)

    with M.workdps(30):
        truth = M.quad(term, [-20, -8, -4, -2, 0, 1, 2, 3, 4, 6, 10, 20, 40, 80, 160])
    found = kl(p, q)
    assert abs(found.value - truth) <= found.error + 1e-14


def test_ends_between_floats_are_doubted():
    """Ends of both laws lie 1e-3 apart at 1e9, where floats are 1e-7 apart: places that no difference of floats is, so that neither is moved."""
    p, q = st.uniform(0.1, 1e9), st.uniform(1e-3, 1e9)
    beyond = M.mpf(0.1) - M.mpf(1e-3)
    found = tv(p, q)
    assert abs(found.value - beyond / M.mpf(1e9)) <= found.error < 1e-15
