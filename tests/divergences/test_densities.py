"""Densities that scipy has its own way with: formulas of ours, densities that break off, overflow, or are known point by point only."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen.divergences import Mixture, js, kl, tv
from otgen.divergences.formulas import CONTINUOUS, DISCRETE

SHAPES = {
    "boltzmann": (1.4, 19), "dlaplace": (0.8,), "foldnorm": (1.95,), "hypsecant": (), "invweibull": (3.5,),
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
    with pytest.raises(otgen.InvalidInput, match="cannot be continued"):
        tv(st.norm(1e300, 1.0), st.norm())
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
