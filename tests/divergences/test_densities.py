"""Densities that scipy has its own way with: formulas of ours, densities that break off, overflow, or are known point by point only."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen.divergences import Mixture, js, kl, tv
from otgen.divergences.density import density
from otgen.divergences.formulas import CONTINUOUS, DISCRETE

SHAPES = {
    "boltzmann": (1.4, 19), "cosine": (), "dlaplace": (0.8,), "fisk": (3.0,), "foldnorm": (1.95,), "hypsecant": (), "invweibull": (3.5,),
    "jf_skew_t": (8.0, 4.0),
    "johnsonsb": (4.3, 3.2), "johnsonsu": (2.5, 2.2), "laplace": (), "levy": (), "levy_l": (), "loglaplace": (3.25,),
    "logser": (0.6,), "moyal": (), "norminvgauss": (1.25, 0.5), "pareto": (2.6,), "planck": (0.51,), "rice": (0.77,),
    "skellam": (15.0, 8.0),
    "zipf": (6.6,),
}  # fmt: skip


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_our_formulas_are_scipys(name):
    law = getattr(st, name)(*SHAPES[name])
    x = np.unique(law.ppf(np.linspace(0.001, 0.999, 50)))
    want = law.logpmf(x) if name in DISCRETE else law.logpdf(x)
    found = {**CONTINUOUS, **DISCRETE}[name](x, *SHAPES[name])
    np.testing.assert_allclose(found, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.by_day(5)
def test_a_law_moved_and_stretched_is_the_same(name):
    one, other = (getattr(st, name)(*SHAPES[name], loc=3.0, scale=scale) for scale in (2.0, 2.5))
    plain = [getattr(st, name)(*SHAPES[name], scale=scale) for scale in (1.0, 1.25)]
    found, want = js(one, other), js(*plain)
    assert abs(found.value - want.value) <= found.error + want.error
    assert kl(one, one).value <= 1e-15


class OneByOne:
    """A normal law that takes no arrays."""

    def logpdf(self, x):
        return -0.5 * float(x) * float(x) - math.log(math.sqrt(2 * math.pi))

    def ppf(self, u):
        return st.norm.ppf(u)

    def isf(self, u):
        return st.norm.isf(u)

    def support(self):
        return -math.inf, math.inf


def test_a_law_known_point_by_point():
    found = kl(OneByOne(), st.norm(1))
    assert abs(found.value - 0.5) <= found.error < 1e-12


def test_bins_without_mass():
    """Masses 1/4, 0, 3/4 against thirds: TV is 5/12."""
    law = st.rv_histogram(([1, 0, 3], [0, 1, 2, 3]), density=False)
    found = tv(law, st.uniform(0, 3))
    assert abs(found.value - 5 / 12) <= found.error < 1e-12
    assert kl(st.uniform(0, 3), law).value == math.inf


class TestFormulasThatOverflow:
    def test_near_an_end(self):
        """Burr's density near 0 is c d x^(c d - 1): -inf in scipy below 1e-30, where a uniform law still has its mass."""
        c, d = 10.5, 4.3
        nodes, weights = np.polynomial.legendre.leggauss(200)
        z = (nodes + 1) / 2
        terms = -(math.log(c * d) + (c * d - 1) * np.log(z) - (d + 1) * np.log1p(z**c))
        # The logarithm's integral is known; what is left is smooth.
        smooth = terms + (c * d - 1) * np.log(z)
        truth = float((smooth * weights).sum() / 2) + (c * d - 1)
        found = kl(st.uniform(), st.burr(c, d))
        assert abs(found.value - truth) <= found.error + 1e-10
        assert found.error < 1e-9

    @pytest.mark.parametrize("law", [st.gumbel_l(), st.gompertz(1.0), st.exponpow(2.7), st.gumbel_r()])
    def test_exponentials_of_exponentials(self, law):
        assert 0 < tv(law, st.cauchy()).value < 1
        assert kl(law, law).value <= 1e-15
        assert kl(st.cauchy(), law).value == math.inf

    def test_gumbel_laws_by_closed_form(self):
        """KL of two gumbel_r of scale 1 that are m apart is exp(m) - 1 - m; gumbel_l is its mirror image."""
        for m in (-2.0, 0.5, 3.0):
            for one, way in ((st.gumbel_r, 1), (st.gumbel_l, -1)):
                found = kl(one(), one(way * m))
                assert abs(found.value - (math.exp(m) - 1 - m)) <= found.error < 1e-11

    def test_quantiles_that_scipy_does_not_find(self):
        law = st.ncf(27, 27, 0.4)
        assert kl(law, law).value <= 1e-15
        assert tv(law, st.f(27, 27)).error < 1e-10


def test_what_cannot_be_told_is_refused():
    assert tv(st.norm(1e300, 1.0), st.norm()).value == 1.0
    with pytest.raises(otgen.InvalidInput, match=r"medians are 1e\+300 apart"):
        kl(st.laplace(1e300, 1.0), st.laplace())
    with pytest.raises(otgen.InvalidInput, match="ratio p/q"):
        kl(st.norm(0, 30), st.gumbel_l())  # E exp(X) lies at 900, beyond floats


class TestNewerLaws:
    @pytest.fixture(autouse=True)
    def _newer(self):
        if not hasattr(st, "Normal"):
            pytest.skip("scipy has them from 1.15 on")

    def test_are_taken_as_frozen_ones_are(self):
        one, other = st.Normal(mu=0.0, sigma=1.0), st.Normal(mu=1.0, sigma=1.0)
        both = Mixture([0.5, 0.5], [one, other])
        assert js(both, one).value == pytest.approx(js(Mixture([0.5, 0.5], [st.norm(), st.norm(1)]), st.norm()).value)
        assert both.rvs(7, random_state=0).shape == (7,)

    def test_kinds_are_told_apart(self):
        if not hasattr(st, "Binomial"):
            pytest.skip("scipy has it from 1.17 on")
        found = kl(st.Binomial(n=10, p=0.3), st.Binomial(n=10, p=0.5))
        assert found.value == pytest.approx(10 * (0.3 * math.log(0.6) + 0.7 * math.log(1.4)), rel=1e-12)
        with pytest.raises(otgen.InvalidInput, match="both discrete or both continuous"):
            kl(st.Normal(mu=0.0, sigma=1.0), st.Binomial(n=10, p=0.3))
        with pytest.raises(otgen.InvalidInput, match="one law"):
            kl(st.Normal(mu=[0.0, 1.0], sigma=1.0), st.norm())


class TestFormulasOfScipysThatBreakOff:
    """Their logarithms are -inf where a difference cancels or a power overflows, far within the support: divergences were infinite there."""

    @pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (1.0, 2.0), (-3.0, 0.3)])
    def test_a_cosine_from_end_to_end(self, loc, scale):
        whole, law = st.uniform(loc - math.pi * scale, 2 * math.pi * scale), st.cosine(loc, scale)
        assert_holds(kl(st.uniform(-math.pi, 2 * math.pi), st.cosine()), math.log(2))
        assert_holds(kl(law, whole), 1 - math.log(2))
        assert tv(st.norm(), law).error < 1e-12

    def test_skewed_student_laws(self):
        """With both parameters a, Student's law of 2 a degrees of freedom."""
        constant = 2 / (math.pi * math.sqrt(3))
        truth = -math.log(math.pi) - math.log(4) - math.log(constant) + 4 * math.log1p(1 / math.sqrt(3))
        assert_holds(kl(st.cauchy(), st.jf_skew_t(1.5, 1.5)), truth)
        assert kl(st.t(3), st.jf_skew_t(1.5, 1.5)).value < 1e-20

    @pytest.mark.parametrize("c", [20.0, 0.7])
    def test_a_pole_beside_powers_that_overflow(self, c):
        k = 0.01
        with mpmath.workdps(30):
            mean = mpmath.quad(
                lambda x: x ** (k - 1) * mpmath.exp(-x) * mpmath.log1p(x**c), [0, 1e-9, 1, 10, 100]
            ) / mpmath.gamma(k)
            log = mpmath.digamma(k)
            truth = (k - 1) * log - k - mpmath.loggamma(k) - mpmath.log(c) - (c - 1) * log + 2 * mean
        assert_holds(kl(st.gamma(k), st.fisk(c)), float(truth))

    def test_a_support_that_scipy_does_not_tell(self):
        """Of Pearson's laws it says the whole line; they are gamma laws, here exponential ones from -1 on."""
        assert kl(st.norm(), st.pearson3(0.1)).value == math.inf
        assert kl(st.norm(), st.pearson3(-0.1)).value == math.inf
        assert_holds(kl(st.expon(-1, 0.5), st.pearson3(2.0)), math.log(2) - 0.5)
        assert_holds(kl(st.expon(1, 0.5), st.pearson3(2.0, 2.0)), math.log(2) - 0.5)
        assert_holds(kl(st.pearson3(2.0), st.expon(-1, 0.5)), 1 - math.log(2))
        assert kl(st.norm(), st.pearson3(0.0)).value < 1e-20

    def test_what_has_no_formula_of_ours_is_refused(self):
        with pytest.raises(
            otgen.InvalidInput, match=r"density near infinity cannot be continued|densities, and a ratio"
        ):
            kl(st.halfcauchy(), st.ncf(27, 27, 0.4))
        law = st.nchypergeom_wallenius(140, 80, 60, 0.5)  # masses below 1e-15 are 0
        with pytest.raises(otgen.InvalidInput, match="densities, and a ratio"):
            kl(st.binom(60, 0.4), law)
        masses = [law.pmf(np.arange(61)), st.binom(60, 0.4).pmf(np.arange(61))]
        assert_holds(tv(st.binom(60, 0.4), law), np.abs(masses[0] - masses[1]).sum() / 2, 1e-12)
        with pytest.raises(otgen.InvalidInput, match="density near infinity cannot be continued"):
            tv(st.cauchy(), st.tukeylambda(0))  # the logistic law, whose density scipy does not find beyond 20


def assert_holds(found, truth, off=1e-14):
    assert abs(found.value - truth) <= found.error + off * abs(truth)
    assert found.error <= 1e-9 * abs(truth)


def test_a_mixture_of_many_laws_has_few_marks():
    """A kernel density estimate's: every part had its own, 4100 of 100."""
    places = np.random.default_rng(0).normal(size=40)
    law = Mixture(np.full(40, 1 / 40), [st.norm(z, 0.3) for z in places])
    assert len(density(law).marks) < 25 * 40
    x = np.linspace(-12.0, 12.0, 2401)
    p = np.mean([st.norm.pdf(x, z, 0.3) for z in places], axis=0)
    terms = p * (np.log(np.maximum(p, 1e-300)) - st.norm.logpdf(x))
    truth = float(terms.sum()) * 1e-2  # by trapezes, which are exact to 1e-15 for functions so smooth
    found = kl(law, st.norm())
    assert abs(found.value - truth) <= found.error + 1e-12
