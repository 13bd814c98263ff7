"""Exact laws: closed forms against quadrature, quantiles against exact transport of many samples, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen import laws as laws
from otgen.divergences import Gaussian, Mixture, js, kl, tv


class TestOnTheLine:
    @pytest.mark.parametrize("p", [1, 1.5, 2, 3])
    def test_scale_families_are_quantile_norms(self, p):
        """W_p^p of s X and t X is |s - t|^p E|X|^p for a positive X."""
        truth = 2.0 * st.expon().moment(p) ** (1 / p) if p != 1.5 else 2.0 * math.gamma(2.5) ** (1 / 1.5)
        found = laws.on_the_line(st.expon(), st.expon(scale=3), p)
        assert found.value == pytest.approx(truth, rel=1e-11)
        assert abs(found.value - truth) <= found.error + 1e-13

    def test_first_order_is_the_area_between_distribution_functions(self):
        p, q = st.gamma(2.5), st.norm(1, 2)
        x = np.linspace(-25, 40, 2_000_001)
        area = np.trapezoid(np.abs(p.cdf(x) - q.cdf(x)), x)
        assert laws.on_the_line(p, q, 1).value == pytest.approx(area, rel=1e-8)

    def test_mixtures_with_a_gap(self):
        two = Mixture([0.5, 0.5], [st.uniform(0, 1), st.uniform(3, 1)])
        assert laws.on_the_line(two, st.uniform(0, 2), 1).value == pytest.approx(1.0, rel=1e-9)
        # levels below one half: 2u against 2u; above: 3 + 2u - 1 against 2u, two apart
        assert laws.on_the_line(two, st.uniform(0, 2), 2).value == pytest.approx(math.sqrt(2), rel=1e-9)

    def test_a_mixture_is_itself(self):
        one = Mixture([0.3, 0.7], [st.norm(-4, 0.5), st.norm(1, 2)])
        assert laws.on_the_line(one, one, 2).value == 0

    @pytest.mark.parametrize(("law", "p"), [(st.cauchy(), 1), (st.t(1.5), 2), (st.pareto(1), 1), (st.pareto(2), 2)])
    def test_infinite_moments(self, law, p):
        assert laws.on_the_line(law, st.norm(), p).value == math.inf

    @pytest.mark.parametrize(("law", "p"), [(st.t(1.5), 1), (st.t(3.5), 3), (st.pareto(2), 1)])
    def test_finite_moments_of_heavy_tails(self, law, p):
        assert math.isfinite(laws.on_the_line(law, st.norm(), p).value)

    def test_discrete_laws_are_refused(self):
        with pytest.raises(otgen.InvalidInput, match="semi_discrete"):
            laws.on_the_line(st.poisson(3), st.norm())


class TestSemiDiscrete:
    @pytest.mark.parametrize("p", [1, 2, 3])
    def test_against_fine_samples(self, p):
        rng = np.random.default_rng(0)
        atoms, weights = rng.normal(size=7), rng.dirichlet(np.ones(7))
        levels = (np.arange(200_000) + 0.5) / 200_000
        fine = otgen.wasserstein(atoms, st.norm().ppf(levels), weights, None, p=p).value
        assert laws.semi_discrete(atoms, weights, st.norm(), p).value == pytest.approx(fine, rel=1e-4)

    @pytest.mark.parametrize("n", [1, 2, 3, 10, 500])
    def test_uniform_in_closed_form(self, n):
        """Atoms in the middle of n equal parts of [0, 1] are each 1/4n away in the mean."""
        found = laws.semi_discrete((np.arange(n) + 0.5) / n, None, st.uniform(), 1)
        assert found.value == pytest.approx(1 / (4 * n), rel=1e-12)

    def test_one_atom_is_a_moment(self):
        assert laws.semi_discrete([0.0], None, st.norm(), 2).value == pytest.approx(1.0, rel=1e-12)
        assert laws.semi_discrete([5.0], [1.0], st.norm(), 1).value == pytest.approx(5.0, rel=1e-6)

    @pytest.mark.parametrize(
        ("atoms", "weights", "law", "words"),
        [
            (np.zeros((3, 2)), None, st.norm(), "on the line"),
            ([0.0, 1.0], [0.5, 0.6], st.norm(), "sum to 1"),
            ([0.0, 1.0], None, st.poisson(2), "continuous"),
        ],
    )
    def test_refusals(self, atoms, weights, law, words):
        with pytest.raises(otgen.InvalidInput, match=words):
            laws.semi_discrete(atoms, weights, law)


PAIRS = {
    "uniforms": (laws.uniforms(0.3), 1, 0.05),
    "segments": (laws.segments(2.0), 2, 0.02),
    "diracs": (laws.diracs([0, 0, 1], [1, 2, 3]), 2, 1e-12),
    "translation": (laws.translation(lambda n, g: g.exponential(size=(n, 1)), 0.7), 2, 0.1),
    "gaussians": (laws.gaussians(Gaussian([0, 0], [[2, 1], [1, 3]]), Gaussian([3, 1], [[1, 0], [0, 5]])), 2, 0.25),
    "line": (laws.gaussians(Gaussian(0.0, 1.0), Gaussian(1.0, 4.0)), 1, 0.1),
    "elliptical": (laws.elliptical([0, 0], np.eye(2), [3, 4], [[3, 1], [1, 1]], st.uniform()), 2, 0.1),
    "isotropic": (laws.isotropic(2, st.chi(2), st.chi(2, scale=3)), 1, 0.15),
    "line_pair": (laws.line_pair(st.gamma(2), st.gamma(4)), 2, 0.1),
}


@pytest.mark.parametrize("name", PAIRS)
def test_samples_are_as_far_apart_as_claimed(name):
    pair, p, tolerance = PAIRS[name]
    x, y = pair.sample(1500, rng=0)
    assert x.shape == y.shape == (1500, pair.dim)
    assert otgen.wasserstein(x, y, p=p).value == pytest.approx(pair.wasserstein(p).value, abs=tolerance)


@pytest.mark.parametrize("e", [0.0, 0.4, -0.4, 1.0, 2.5])
def test_divergences_of_uniforms(e):
    pair = laws.uniforms(e)
    p, q = st.uniform(0, 1), st.uniform(e, 1)
    for name, function in (("kl", kl), ("js", js), ("tv", tv)):
        assert pair.divergence(name) == pytest.approx(function(p, q).value, abs=1e-10)


def test_gaussian_divergence():
    p, q = Gaussian([0, 1], [[2, 1], [1, 3]]), Gaussian([3, 1], [[1, 0], [0, 5]])
    assert laws.gaussians(p, q).divergence("kl") == pytest.approx(kl(p, q).value, rel=1e-13)


def test_gaussians_of_one_covariance_have_every_order():
    pair = laws.gaussians(Gaussian([0, 0], [[2, 1], [1, 3]]), Gaussian([3, 4], [[2, 1], [1, 3]]))
    assert [pair.wasserstein(p).value for p in (1, 2, 7, math.inf)] == [5.0] * 4


def test_isotropic_in_high_dimension_is_the_closed_form():
    """|s - t| sqrt(2) G((d + 1)/2) / G(d/2) for N(0, s^2 I) and N(0, t^2 I)."""
    for d in (1, 3, 10, 50):
        found = laws.isotropic(d, st.chi(d), st.chi(d, scale=2.5)).wasserstein(1).value
        assert found == pytest.approx(1.5 * math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2)))


@pytest.mark.parametrize("epsilon", [0.05, 0.5, 3.0])
def test_entropic_gaussians_against_sinkhorn_on_a_grid(epsilon):
    x = np.linspace(-14, 14, 561)
    a, b = st.norm(0, 1).pdf(x), st.norm(0.5, 1.6).pdf(x)
    found = otgen.sinkhorn(x, x, a / a.sum(), b / b.sum(), epsilon=epsilon, tol=1e-9, max_iter=100_000).value
    truth = laws.entropic_gaussians(Gaussian(0.0, 1.0), Gaussian(0.5, 1.6**2), epsilon)
    assert found == pytest.approx(truth, rel=1e-6)


def test_entropic_gaussians_at_both_ends():
    p, q = Gaussian([0, 0], [[2, 1], [1, 3]]), Gaussian([3, 1], [[1, 0], [0, 5]])
    exact = otgen.bures_wasserstein(p.mean, p.cov, q.mean, q.cov) ** 2
    assert laws.entropic_gaussians(p, q, 1e-9) == pytest.approx(exact, abs=1e-7)
    independent = 10 + 2 + 3 + 1 + 5
    assert laws.entropic_gaussians(p, q, 1e9) == pytest.approx(independent, rel=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: laws.segments("x"),
        lambda: laws.uniforms(math.inf),
        lambda: laws.diracs([0, 1], [0]),
        lambda: laws.translation(lambda n, g: g.random((n, 1)), [math.nan]),
        lambda: laws.gaussians(Gaussian(0.0, 1.0), Gaussian([0, 0], 1.0)),
        lambda: laws.elliptical([0], 1.0, [0, 1], 1.0, st.uniform()),
        lambda: laws.isotropic(2, st.norm(), st.chi(2)),
        lambda: laws.isotropic(2, st.chi(2), st.chi(2)).wasserstein(math.inf),
        lambda: laws.gaussians(Gaussian([0, 0], 1.0), Gaussian([0, 0], 2.0)).wasserstein(1),
        lambda: laws.diracs([0], [1]).divergence("chi2"),
        lambda: laws.entropic_gaussians(Gaussian(0.0, 1.0), Gaussian(0.0, 1.0), 0.0),
        lambda: laws.entropic_gaussians(Gaussian(0.0, 1.0), Gaussian([0, 0], 1.0), 1.0),
        lambda: laws.uniforms(1.0).sample(0),
    ],
)
def test_refusals(call):
    with pytest.raises(otgen.InvalidInput):
        call()


class TestFoundByReview:
    """What a reader broke: laws whose quantiles scipy cannot give, scales, zero weights, and what cannot be known."""

    @pytest.mark.parametrize(
        ("p", "q", "order", "truth"),
        [
            (st.betaprime(5, 6), st.uniform(), 1, 0.5),
            (st.f(5, 12), st.f(5, 12, scale=2), 1, 1.2),
            (st.norm(0, 1e200), st.norm(0, 2e200), 2, 1e200),
            (st.norm(0, 1e-200), st.norm(0, 2e-200), 2, 1e-200),
            (st.expon(), st.expon(scale=3), 200, 2 * math.exp(math.lgamma(201) / 200)),
            (st.cauchy(), st.cauchy(1), 1, 1.0),
            (st.beta(3, 3), st.beta(3, 3, loc=2), 1, 2.0),
        ],
    )
    def test_values(self, p, q, order, truth):
        assert laws.on_the_line(p, q, order).value == pytest.approx(truth, rel=1e-9)

    @pytest.mark.parametrize(
        ("p", "q", "order"),
        [
            (st.lognorm(3), st.lognorm(3, scale=2), 10),
            (st.pareto(1.0001), st.pareto(1.0001, scale=2), 1),
            (st.norm(), st.norm(math.nan, 1), 2),
            (st.norm(), st.norm(0, -1), 2),
            (st.norm([0, 1], 1), st.norm(), 2),
        ],
    )
    def test_what_cannot_be_known_is_refused(self, p, q, order):
        with pytest.raises(otgen.InvalidInput):
            laws.on_the_line(p, q, order)

    @pytest.mark.parametrize(("share", "place"), [(1e-12, 1e9), (1e-12, -1e9), (1e-6, 1e9)])
    def test_rare_parts_far_away(self, share, place):
        """A part of the mass lies farther on one side, so that W_1 is the difference of means; of all the levels before it the gaps are 1e-12."""
        far = Mixture([1 - share, share], [st.norm(), st.norm(place, 1)])
        found = laws.on_the_line(far, st.norm(), 1)
        assert abs(found.value - share * abs(place)) <= found.error
        assert found.error <= 1e-6 * found.value

    def test_atoms_without_mass(self):
        with_them = laws.semi_discrete([-50, -40, 0, 1], [0, 0, 0.5, 0.5], st.norm(), 1).value
        assert with_them == laws.semi_discrete([0, 1], None, st.norm(), 1).value

    def test_funnels_of_one_seed(self):
        pair = laws.Funnels.random(8, 3, rng=0)
        assert np.isfinite(pair.sample(10, rng=0)[0]).all()
        assert math.isfinite(pair.w1(100, rng=0)[0])

    def test_mixtures_can_be_sampled(self):
        two = Mixture([0.25, 0.75], [st.norm(-5), st.norm(5)])
        x, _ = laws.line_pair(two, st.norm()).sample(20_000, rng=0)
        assert x.mean() == pytest.approx(2.5, abs=0.15)

    @pytest.mark.parametrize(
        "call",
        [
            lambda: laws.translation(lambda n, g: g.normal(size=(n, 2)), 1.0).sample(5),
            lambda: laws.gaussians(st.norm(), st.norm()),
            lambda: laws.entropic_gaussians(st.norm(), st.norm(), 1.0),
            lambda: laws.elliptical([0, 0], np.eye(2), [0, 0], np.eye(2), st.pareto(1.5)),
            lambda: laws.Funnels.random(3, 2, rng=0).sample(-1),
        ],
    )
    def test_refusals(self, call):
        with pytest.raises(otgen.InvalidInput):
            call()


def test_pushforward_through_a_scale():
    doubled = laws.Pushforward(st.norm(), [laws.Branch(lambda x: x / 2, lambda x: 0.5)])
    assert doubled.pdf(1.0) == pytest.approx(st.norm(0, 2).pdf(1.0))
