"""Laws that users write for scipy, by a density, a mass or a distribution function alone: right, or refused in words."""

# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import math
import warnings

import mpmath
import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen.divergences import chi2, hellinger, js, kl, tv

M = mpmath


class ByDensity(st.rv_continuous):
    """A normal law whose density is 0 in floats from 38.6 on."""

    def _pdf(self, x):
        return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    def _cdf(self, x):
        return st.norm.cdf(x)

    def _ppf(self, u):
        return st.norm.ppf(u)


class TwoBumps(st.rv_continuous):
    def _pdf(self, x):
        return (np.exp(-((x - 1) ** 2) / 2) + np.exp(-((x + 1) ** 2) / 2)) / math.sqrt(8 * math.pi)

    def _cdf(self, x):
        return (st.norm.cdf(x, 1) + st.norm.cdf(x, -1)) / 2


class ByDistribution(st.rv_continuous):
    """A normal law whose density scipy differentiates, to noise that never ends."""

    def _cdf(self, x):
        return st.norm.cdf(x)


class Gamma(st.rv_continuous):
    def _pdf(self, x):
        return x**4 * np.exp(-x) / 24

    def _cdf(self, x):
        return st.gamma.cdf(x, 5)

    def _ppf(self, u):
        return st.gamma.ppf(u, 5)


class Narrow(st.rv_continuous):
    """So narrow that scipy's quadrature does not find it."""

    def _pdf(self, x):
        return math.exp(-(((x - 0.7) / 1e-4) ** 2) / 2) / math.sqrt(2 * math.pi) / 1e-4


class Masses(st.rv_discrete):
    def _pmf(self, k):
        return 0.5**k


class Differences(st.rv_discrete):
    def _cdf(self, k):
        return 1 - 0.7 ** np.floor(k)


NORMAL, BUMPS = ByDensity(name="normal"), TwoBumps(name="bumps")


def holds(found, truth):
    if math.isinf(truth):
        assert found.value == math.inf
    else:
        assert abs(found.value - truth) <= found.error <= 1e-9 * max(1.0, truth)


@pytest.mark.parametrize("mean", [0.5, 1.0, -3.0])
def test_squares_of_a_density_that_underflows(mean):
    """It was continued by a power that falls a little short of 2: squares over the other law rose in the end, and chi2 was infinite."""
    with M.workdps(30):
        holds(chi2(NORMAL, st.norm(mean)), M.expm1(M.mpf(mean) ** 2))
        holds(chi2(st.norm(mean), NORMAL), M.expm1(M.mpf(mean) ** 2))
        holds(chi2(NORMAL(loc=mean, scale=2), st.norm(0, 2)), M.expm1(M.mpf(mean) ** 2 / 4))


def test_tails_that_differ_from_one_that_underflows():
    holds(kl(NORMAL, st.laplace()), math.log(2) - math.log(2 * math.pi) / 2 - 0.5 + math.sqrt(2 / math.pi))
    holds(kl(st.cauchy(), NORMAL), math.inf)
    holds(chi2(NORMAL, st.norm(0, 0.6)), math.inf)


def test_tails_that_are_continued_by_no_whole_power():
    """Beside a law that falls nearly twice as fast, what is doubted tells no number from infinity; that had been one with an error 10^9 times it."""
    with M.workdps(30):
        p, q = lambda x: (M.npdf(x, 1) + M.npdf(x, -1)) / 2, lambda x: M.npdf(x, 0, 0.75)
        truth = M.quad(lambda x: (p(x) - q(x)) ** 2 / q(x), [-60, -20, -8, -4, 0, 4, 8, 20, 60])
    holds(chi2(BUMPS, st.norm(0, 0.75)), float(truth))
    for p, q in ((BUMPS, st.norm(0, 0.7)), (Gamma(a=0, name="gamma"), st.gamma(5, scale=0.5))):
        with pytest.raises(otgen.InvalidInput, match="tell it from infinity"):
            chi2(p, q)


@pytest.mark.parametrize("each", [kl, js, tv, hellinger, chi2])
def test_a_density_of_another_mass_is_refused_before_it_is_infinite(each):
    with pytest.raises(otgen.InvalidInput, match="_logpdf"):
        each(ByDistribution(name="differentiated"), st.norm(1))


def test_what_stops_in_scipy_is_refused_in_words():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(otgen.InvalidInput, match="OverflowError"):
            kl(Narrow(name="narrow"), st.norm())
        with pytest.raises(otgen.InvalidInput, match="median"):
            kl(st.norm(math.inf), st.norm())


@pytest.mark.parametrize("loc", [0, 3])
def test_masses_that_underflow(loc):
    """Of a law whose median is its end; an empty maximum came out."""
    truth = math.log(0.5 / 0.25) + math.log(0.5 / 0.75)
    holds(kl(Masses(a=1, name="halves")(loc=loc), st.geom(0.25, loc=loc)), truth)


def test_masses_by_differences():
    """Known to the rounding of 1, not to their own digits; where they are 0, not at all: KL was infinite."""
    law, same = Differences(a=1, name="differences"), st.geom(0.3)
    holds(js(law, same), 0.0)
    holds(tv(law, same), 0.0)
    with M.workdps(30):
        a, b = M.mpf(0.3), M.mpf(0.25)
        holds(kl(law, st.geom(0.25)), float(M.log(a / b) + (1 / a - 1) * M.log((1 - a) / (1 - b))))
    with pytest.raises(otgen.InvalidInput, match="not a number"):
        kl(st.geom(0.1), law)


class Interrupted(st.rv_continuous):
    """Uniform but for a gap that no node of the quadrature falls into."""

    def _pdf(self, x):
        return np.where((x > 0.4123) & (x < 0.4124), 0.0, 1 / (1 - 1e-4))


def test_mass_that_no_node_has_seen():
    """A mass of 1.0001 counted as a factor of the density, with an error of 4e-8 for a truth of 1e-4."""
    law = Interrupted(a=0, b=1, name="interrupted")
    for each, truth in ((tv, 1e-4), (js, None), (hellinger, math.sqrt(1 - math.sqrt(1 - 1e-4)))):
        found = each(law, st.uniform())
        assert found.error >= 1e-5
        assert truth is None or abs(found.value - truth) <= found.error


class Padded(st.rv_continuous):
    """Uniform on a part of the support that it says."""

    def _pdf(self, x):
        return np.where((x >= 0) & (x <= 1), 1.0, 0.0)


def test_no_warning_of_scipys_quadrature_comes_out():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = kl(Padded(a=-0.5, b=1.5, name="padded"), st.norm())
    assert abs(found.value - math.log(2 * math.pi) / 2 - 1 / 6) <= found.error
