"""What docstrings of divergences claim, where no other test would fail if it were false."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

import otgen
from otgen.divergences import (
    Estimate,
    Gaussian,
    Mixture,
    chi2,
    f_divergence,
    hellinger,
    js,
    js_samples,
    kl,
    kl_samples,
    tv,
    tv_samples,
)
from otgen.divergences.terms import CHI2, HELLINGER, JS, KL, TV, of_function

TERMS = {"kl": KL, "js": JS, "tv": TV, "hellinger": HELLINGER, "chi2": CHI2, "f": of_function(lambda u: (u - 1) ** 2, math.inf)}  # fmt: skip


@pytest.mark.parametrize("name", TERMS)
@given(p=st.floats(1e-30, 1e30), ratio=st.floats(1e-12, 1e12), c=st.sampled_from([2.0**-40, 3.0, 2.0**60]))
def test_terms_are_homogeneous_never_negative_and_have_their_logarithms(name, p, ratio, c):
    term, (p, q) = TERMS[name], (np.array([p]), np.array([p * ratio]))
    value = term.masses(p, q)[0]
    assert value >= 0
    assert term.masses(c * p, c * q)[0] == pytest.approx(c * value, rel=1e-9, abs=1e-14 * c * (p + q)[0])
    with np.errstate(divide="ignore"):
        logs = term.logs(np.log(p), np.log(q))
    assert np.exp(logs)[0] == pytest.approx(value, rel=1e-9, abs=1e-12 * (p + q)[0])


@given(value=st.floats(0, 10), share=st.floats(0, 1), error=st.sampled_from([0.0, 1e-16, 1e-9, 0.5]))
def test_a_root_is_as_far_off_as_it_says(value, share, error):
    """Down to a value of 0; and an interval that holds the truth takes no value farther from it."""
    truth = max(value - error, 0.0) + share * (value + error - max(value - error, 0.0))
    with mpmath.workdps(40):
        found = Estimate(value, error).root()
        assert abs(found.value - mpmath.sqrt(truth)) <= found.error * (1 + 1e-12) + 1e-16 * math.sqrt(truth)
    held = Estimate(value, error).within(0.0, max(truth, 1.0))
    assert abs(held.value - truth) <= abs(value - truth)


@given(seed=st.integers(0, 2**32), d=st.integers(1, 4), condition=st.floats(0, 11), near=st.booleans())
def test_the_error_of_gaussians_bounds_what_rounding_does(seed, d, condition, near):
    """Against 60 digits: covariances of any condition, laws that nearly agree."""
    rng = np.random.default_rng(seed)

    def covariance():
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        found = turn @ np.diag(10 ** rng.uniform(0, condition, d)) @ turn.T
        return (found + found.T) / 2

    cov = covariance()
    p = Gaussian(rng.normal(size=d) * 1e3, cov)
    q = Gaussian(p.mean + rng.normal(size=d), cov * (1 + 1e-9) if near else covariance())
    with mpmath.workdps(60):
        one, other = (mpmath.matrix(law.cov.tolist()) for law in (p, q))
        step = mpmath.matrix(q.mean.tolist()) - mpmath.matrix(p.mean.tolist())
        inverse = other**-1
        scaled = inverse * one
        truth = sum(scaled[k, k] for k in range(d)) + (step.T * inverse * step)[0] - d
        truth = (truth + mpmath.log(mpmath.det(other)) - mpmath.log(mpmath.det(one))) / 2
    found = kl(p, q)
    assert abs(found.value - truth) <= found.error


@given(value=st.floats(1e-300, 1e300), base=st.one_of(st.floats(1.0001, 1e9), st.sampled_from([2, math.e, 10])))
@example(value=1.1205681672512706, base=1.7214883401940817)
def test_another_base_is_as_far_off_as_it_says(value, base):
    found = Estimate(value, 0.0).in_base(base)
    with mpmath.workdps(40):
        assert abs(found.value - mpmath.mpf(value) / mpmath.log(mpmath.mpf(base))) <= found.error


def test_the_error_of_an_infinite_divergence_is_0_in_every_form():
    for found in (kl([1.0, 0.0], [0.0, 1.0], base=2), kl(scipy.stats.t(2), scipy.stats.norm(), base=2)):
        assert (found.value, found.error) == (math.inf, 0.0)
    assert Estimate(math.inf, 0.0).root()[:2] == (math.inf, 0.0)
    rows = kl([[1.0, 0.0], [0.5, 0.5]], [0.5, 0.5], base=2), kl([[0.5, 0.5], [1.0, 0.0]], [1.0, 0.0], base=2)
    np.testing.assert_array_equal(rows[1].value, [math.inf, 0.0])
    assert all(np.isfinite(one.error).all() for one in rows)


@pytest.mark.parametrize("base", [0.5, 1, -2, math.inf, math.nan, "2"])
def test_bases_that_are_none(base):
    for call in (lambda: Estimate(1.0, 0.0).in_base(base), lambda: kl([1.0], [1.0], base=base)):
        with pytest.raises(otgen.InvalidInput, match="base must be"):
            call()


@pytest.mark.parametrize("each", [kl, js, tv, hellinger, chi2], ids=lambda each: each.__name__)
@pytest.mark.parametrize("law", [scipy.stats.norm, scipy.stats.laplace])
@pytest.mark.parametrize("apart", [1e17, -1e60, 1e200])
def test_laws_that_floats_do_not_tell_together_are_refused_for_that(each, law, apart):
    """Not for a tail or a mass of theirs, which is as good as any: where they overlap no point tells them apart."""
    pairs = [(law(), Mixture([0.5, 0.5], [law(apart), law()]))]
    if each is chi2 or (each is kl and law is scipy.stats.laplace):
        pairs.append((law(apart), law()))
    for p, q in pairs:
        with pytest.raises(otgen.InvalidInput, match=rf"medians are {abs(apart):.0e}".replace("+", r"\+") + " apart"):
            each(p, q)


@pytest.mark.parametrize(
    "law", [scipy.stats.norm, scipy.stats.laplace, scipy.stats.cauchy, scipy.stats.expon, scipy.stats.poisson]
)
@pytest.mark.parametrize("apart", [1e14, -(2.0**200)])
def test_laws_far_apart_are_told_by_a_point_between_them(law, apart):
    """What of either lies beyond the middle is known: of Cauchy laws less than 2 / (pi apart / 2) together."""
    shapes = (3.0,) if law is scipy.stats.poisson else ()
    p, q = law(*shapes, loc=apart), law(*shapes)
    rest = 4 / math.pi / abs(apart) if law is scipy.stats.cauchy else 0.0
    for one, other in ((p, q), (q, p)):
        for each, most, short in ((js, math.log(2), 40 * rest), (tv, 1.0, rest), (hellinger, 1.0, 2 * math.sqrt(rest))):
            found = each(one, other)
            assert most - short - found.error <= found.value <= most * (1 + 1e-15)
            assert short / 100 <= found.error < 1e-6


@pytest.mark.parametrize("apart", [1e17, -1e60, 1e200])
def test_normal_laws_far_apart_have_a_closed_form(apart):
    found = kl(scipy.stats.norm(apart, 2.0), scipy.stats.norm(0.0, 3.0))
    with mpmath.workdps(40):
        truth = mpmath.log(mpmath.mpf(3) / 2) + (4 + mpmath.mpf(apart) ** 2) / 18 - 0.5
    assert found.value == math.inf if truth > 1e308 else abs(found.value - truth) <= found.error < 1e-14 * truth


def test_no_error_reaches_beyond_the_range_of_a_divergence():
    """A law of width 1e-9 beside one of 1e9 whose density is not bounded: one of 1e117 was claimed for a JS."""
    found = js(scipy.stats.genlogistic(1.5, 1e3, 1e-9), scipy.stats.powerlaw(0.532, -3.0, 1e9))
    assert found.error <= math.log(2)


def test_what_else_is_refused_keeps_its_words():
    with pytest.raises(otgen.InvalidInput, match="total mass"):
        kl(scipy.stats.rdist(1e-5), scipy.stats.norm())


def test_masses_sum_to_1_by_the_coarser_dtype_of_both():
    coarse, fine = np.array([0.3, 0.7], np.float32), np.array([0.3, 0.7]) * (1 + 1e-6)
    assert kl(fine, coarse).value < 1e-12
    with pytest.raises(otgen.InvalidInput, match="sum to 1"):
        kl(fine, fine)


@pytest.mark.parametrize("each", [js, tv, hellinger, chi2], ids=lambda each: each.__name__)
def test_gaussians_of_more_than_one_dimension_have_kl_alone(each):
    p, q = Gaussian([0.0, 0.0], 1.0), Gaussian([1.0, 0.0], 1.0)
    assert kl(p, q).value == 0.5
    with pytest.raises(otgen.InvalidInput, match="on the line here; received a Gaussian in dimension 2"):
        each(p, q)


@pytest.mark.parametrize("samples", [kl_samples, js_samples, tv_samples])
def test_samples_that_are_too_few(samples):
    with pytest.raises(otgen.InvalidInput, match="at least 4 samples each; received 3 and 5"):
        samples(np.arange(3.0), np.arange(5.0))


@pytest.mark.parametrize(
    ("f", "slope", "said"),
    [
        (lambda u: math.nan if u != 1 else 0.0, math.inf, "fails at .* (not a number)"),
        (lambda u: math.nan if u == 0.5 else (u - 1) ** 2, math.inf, "fails at 0.5 (not a number)"),
        (lambda u: math.inf if u != 1 else 0.0, math.inf, "f must be finite around 1; received one of inf and inf"),
        (lambda u: -((u - 1) ** 2), math.inf, "f must be convex.* received one that is -"),
        (lambda u: math.sin(u - 1), math.inf, "f must be convex"),
        (lambda u: (u - 1) ** 2, -3.0, "slope must be the limit of f.u./u.* received -3 and a slope of 0"),
    ],
)
def test_what_is_no_convex_function_has_no_divergence(f, slope, said):
    said = said.replace("(", r"\(").replace(")", r"\)")
    for p, q in (([0.25, 0.75], [0.5, 0.5]), (scipy.stats.norm(0.3, 0.5), scipy.stats.norm())):
        if "0.5" in said and not isinstance(p, list):
            continue  # no node lies there
        with pytest.raises(otgen.InvalidInput, match=said):
            f_divergence(p, q, f, slope)


@given(
    seed=st.integers(0, 2**32),
    name=st.sampled_from(["kl", "reverse", "chi2", "tv", "hockey", "turned hockey", "le cam"]),
    near=st.sampled_from([1.0, 1e-4, 1e-9]),
)
def test_convex_functions_are_taken_whatever_rounds(seed, name, near):
    """Against their sums by 40 digits: laws that nearly agree, kinks beside 1, masses of 1e-30."""
    f, slope = {
        "kl": (lambda u: u * mpmath.log(u) if u else mpmath.mpf(0), math.inf),
        "reverse": (lambda u: -mpmath.log(u) if u else mpmath.inf, 0.0),
        "chi2": (lambda u: (u - 1) ** 2, math.inf),
        "tv": (lambda u: abs(u - 1) / 2, 0.5),
        "hockey": (lambda u: max(u - 1 - 1e-6, 0.0), 1.0),
        "turned hockey": (lambda u: max(u - 1 + 1e-6, 0.0) - 1e-6, 1.0),
        "le cam": (lambda u: (u - 1) ** 2 / (u + 1), 1.0),
    }[name]
    rng = np.random.default_rng(seed)
    q = rng.dirichlet(np.full(5, 10.0 ** rng.uniform(-1.5, 1)))
    q = np.maximum(q, 1e-30)
    p = q * (1 + near * (rng.random(5) - 0.5))
    p, q = p / p.sum(), q / q.sum()
    found = f_divergence(p, q, lambda u: float(f(u)), slope)
    with mpmath.workdps(40):
        ps, qs = ([mpmath.mpf(float(z)) for z in side] for side in (p, q))
        ps, qs = ([z / mpmath.fsum(side) for z in side] for side in (ps, qs))
        truth = mpmath.fsum(t * f(s / t) for s, t in zip(ps, qs))
    assert abs(found.value - truth) <= found.error


def test_a_number_of_neighbours_is_not_for_a_classifier():
    x, y = np.arange(8.0), np.arange(8.0) + 0.3
    assert kl_samples(x, y) == kl_samples(x, y, k=5)
    with pytest.raises(otgen.InvalidInput, match="k must be left out beside method='classifier'"):
        kl_samples(x, y, method="classifier", k=5)
