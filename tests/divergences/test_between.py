"""Divergences of known laws: closed forms, identities, and what happens where supports part."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import divergences
from otgen.divergences import Gaussian, Mixture, chi2, f_divergence, hellinger, js, kl, tv

norm, uniform = scipy.stats.norm, scipy.stats.uniform
ALL = (kl, js, tv, hellinger, chi2)


@st.composite
def pmfs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    size = draw(st.integers(1, 8))
    counts = st.lists(st.integers(0, 50), min_size=size, max_size=size).filter(any)
    p, q = np.array(draw(counts), float), np.array(draw(counts), float)
    return p / p.sum(), q / q.sum()


class TestMassFunctions:
    @given(pair=pmfs())
    def test_definitions(self, pair):
        p, q = pair
        m = (p + q) / 2
        entropy = scipy.stats.entropy
        assert kl(p, q).value == pytest.approx(entropy(p, q), rel=1e-12, abs=1e-15)
        assert js(p, q).value == pytest.approx((entropy(p, m) + entropy(q, m)) / 2, rel=1e-12, abs=1e-15)
        assert tv(p, q).value == pytest.approx(np.abs(p - q).sum() / 2, rel=1e-12, abs=1e-15)
        root = math.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)
        assert hellinger(p, q).value == pytest.approx(root, rel=1e-7, abs=1e-15)

    @given(pair=pmfs())
    def test_inequalities(self, pair):
        p, q = pair
        assert 0 <= tv(p, q).value <= 1 + 1e-15
        assert 0 <= js(p, q).value <= math.log(2) + 1e-15
        assert tv(p, q).value <= math.sqrt(kl(p, q).value / 2) + 1e-12  # Pinsker
        assert hellinger(p, q).value ** 2 <= tv(p, q).value + 1e-12
        assert kl(p, q).value <= math.log1p(chi2(p, q).value) + 1e-12
        assert js(p, q).value == pytest.approx(js(q, p).value, abs=1e-14)
        for each in ALL:
            assert each(p, p).value == pytest.approx(0.0, abs=1e-15)

    @given(pair=pmfs())
    def test_an_f_divergence_is_what_f_says(self, pair):
        p, q = pair
        found = f_divergence(p, q, lambda u: u * math.log(u) if u else 0.0)
        assert found.value == pytest.approx(kl(p, q).value, rel=1e-9, abs=1e-12)
        half = f_divergence(p, q, lambda u: abs(u - 1) / 2, slope=0.5)
        assert half.value == pytest.approx(tv(p, q).value, rel=1e-9, abs=1e-12)

    def test_no_mass_against_mass(self):
        assert kl([1.0, 0.0], [0.0, 1.0]).value == math.inf
        assert kl([1.0, 0.0], [0.5, 0.5]).value == math.log(2)
        assert kl([0.5, 0.5], [1.0, 0.0]).value == math.inf
        assert chi2([0.5, 0.5], [1.0, 0.0]).value == math.inf
        assert js([1.0, 0.0], [0.0, 1.0]).value == math.log(2)
        assert tv([1.0, 0.0], [0.0, 1.0]).value == 1.0

    def test_nothing_underflows(self):
        """Masses down to 5e-324, and ratios beyond all floats."""
        tiny = 5e-324
        found = kl([1.0, tiny], [tiny, 1.0])
        assert found.value == pytest.approx(-math.log(tiny), rel=1e-12)
        assert js([1.0, tiny], [tiny, 1.0]).value == pytest.approx(math.log(2), rel=1e-12)
        assert chi2([1.0, 1e-300], [1e-300, 1.0]).value == pytest.approx(1e300, rel=1e-9)

    def test_nearly_equal_laws_keep_their_digits(self):
        """KL of (1 + d)/2, (1 - d)/2 from the even law is d^2/2 + d^4/12 + ..."""
        for d in (1e-3, 1e-6, 1e-7):
            p = np.array([0.5 * (1 + d), 0.5 * (1 - d)])
            exact = (p[0] - 0.5) / 0.5
            assert kl(p, [0.5, 0.5]).value == pytest.approx(exact**2 / 2 + exact**4 / 12, rel=1e-6)


class TestDensities:
    def test_gaussians_by_formula_and_by_quadrature(self):
        rng = np.random.default_rng(0)
        for _ in range(5):
            m, n, s, t = rng.normal(), rng.normal(), *np.exp(rng.normal(size=2))
            formula = kl(Gaussian(m, s**2), Gaussian(n, t**2))
            found = kl(norm(m, s), norm(n, t))
            assert found.value == pytest.approx(formula.value, rel=1e-10)
            assert abs(found.value - formula.value) <= found.error + formula.error

    def test_gaussians_in_several_dimensions(self):
        """Against a sum over independent coordinates, turned."""
        rng = np.random.default_rng(0)
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        scales = np.exp(rng.normal(size=3))
        want = sum(kl(Gaussian(0.3, s), Gaussian(0.0, 1.0)).value for s in scales)
        p = Gaussian(turn @ np.full(3, 0.3), turn @ np.diag(scales) @ turn.T)
        assert kl(p, Gaussian(np.zeros(3), np.eye(3))).value == pytest.approx(want, rel=1e-12)

    @pytest.mark.parametrize("shift", [0.0, 1e-3, 0.5, 1.0, 3.0])
    def test_uniforms(self, shift):
        """U[0, 1] against U[e, 1 + e]: TV = min(e, 1), JS = min(e, 1) log 2, KL infinite for e > 0."""
        p, q = uniform(0, 1), uniform(shift, 1)
        share = min(shift, 1.0)
        assert tv(p, q).value == pytest.approx(share, abs=1e-12)
        assert js(p, q).value == pytest.approx(share * math.log(2), abs=1e-12)
        assert kl(p, q).value == (math.inf if shift else pytest.approx(0.0, abs=1e-12))
        assert kl(uniform(0.25, 0.5), uniform(0, 1)).value == pytest.approx(math.log(2), rel=1e-12)

    @pytest.mark.parametrize("distance", [1.0, 10.0, 50.0, 1e4])
    def test_gaussians_far_apart(self, distance):
        p, q = norm(0, 1), norm(distance, 1)
        assert kl(p, q).value == pytest.approx(distance**2 / 2, rel=1e-9)
        assert tv(p, q).value == pytest.approx(1 - 2 * norm.sf(distance / 2), abs=1e-12)
        assert hellinger(p, q).value == pytest.approx(math.sqrt(-math.expm1(-(distance**2) / 8)), rel=1e-9)
        assert js(p, q).value <= math.log(2) + 1e-12

    @pytest.mark.parametrize("scale", [1e-6, 1e-2, 1e2, 1e6])
    def test_scales_far_apart(self, scale):
        found = kl(norm(0, 1), norm(0, scale)).value
        assert found == pytest.approx(math.log(scale) + (1 / scale**2 - 1) / 2, rel=1e-9)

    def test_other_families(self):
        expon, cauchy = scipy.stats.expon, scipy.stats.cauchy
        assert kl(expon(scale=1), expon(scale=2)).value == pytest.approx(math.log(2) - 0.5, rel=1e-10)
        want = math.log((3 + 1) ** 2 + 2**2) - math.log(4 * 3 * 1)  # Chyzak and Nielsen, 2019
        assert kl(cauchy(2, 3), cauchy(0, 1)).value == pytest.approx(want, rel=1e-8)
        assert kl(norm(), cauchy()).value < math.inf
        assert kl(expon(), norm()).value < math.inf
        assert kl(norm(), expon()).value == math.inf

    def test_mixtures(self):
        """Two halves with hardly any overlap: KL to one of them is log 2."""
        both = Mixture([0.5, 0.5], [norm(-50, 1), norm(50, 1)])
        assert kl(norm(50, 1), both).value == pytest.approx(math.log(2), rel=1e-10)
        assert js(norm(50, 1), both).value == pytest.approx(
            (math.log(4 / 3) + math.log(2 / 3) / 2 + math.log(2) / 2) / 2, rel=1e-9
        )
        gap = Mixture([0.5, 0.5], [uniform(0, 1), uniform(2, 1)])
        assert kl(uniform(0, 3), gap).value == math.inf
        assert kl(gap, uniform(0, 3)).value == pytest.approx(math.log(1.5), rel=1e-12)
        assert tv(gap, uniform(0, 3)).value == pytest.approx(1 / 3, rel=1e-12)

    def test_counts(self):
        poisson, binom = scipy.stats.poisson, scipy.stats.binom
        assert kl(poisson(3.0), poisson(5.0)).value == pytest.approx(3 * math.log(3 / 5) + 2, rel=1e-12)
        assert kl(poisson(3.0), binom(10, 0.3)).value == math.inf
        assert kl(binom(10, 0.3), binom(10, 0.5)).value == pytest.approx(
            10 * (0.3 * math.log(0.6) + 0.7 * math.log(1.4)), rel=1e-12
        )


class TestInput:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: kl([0.5, 0.4], [0.5, 0.5]), "sum to 1"),
            (lambda: kl([0.5, 0.5], [1.0]), "same atoms"),
            (lambda: kl([1.5, -0.5], [0.5, 0.5]), "non-negative"),
            (lambda: kl([1.0], norm()), "same atoms"),
            (lambda: kl(scipy.stats.poisson(1.0), norm()), "both discrete or both continuous"),
            (lambda: kl("normal", norm()), "frozen scipy.stats distribution"),
            (lambda: kl(Gaussian([0.0, 0.0], 1.0), Gaussian(0.0, 1.0)), "one dimension"),
            (lambda: tv(Gaussian([0.0, 0.0], 1.0), Gaussian([0.0, 0.0], 1.0)), "on the line"),
            (lambda: Gaussian(0.0, -1.0), "positive definite"),
            (lambda: Gaussian([0.0], np.eye(2)), r"cov must be a number"),
            (lambda: Mixture([0.5, 0.6], [norm(), norm()]), "of sum 1"),
            (lambda: f_divergence([1.0], [1.0], lambda u: u), r"f\(1\) = 0"),
            (lambda: f_divergence([1.0], [1.0], 3), "function of one float"),
            (lambda: f_divergence([1.0], [1.0], lambda u: "x"), "fails at 1"),
            (lambda: kl(scipy.stats.geom(1e-300), scipy.stats.poisson(1.0)), "whole numbers"),
        ],
    )
    def test_is_refused_in_words(self, call, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            call()


def test_the_package_names_what_it_has():
    for name in divergences.__all__:
        assert getattr(divergences, name) is not None
