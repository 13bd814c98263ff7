"""Laws that end where floats hardly tell one end from another, and laws that are a single atom: against closed forms and 50 digits."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import mpmath
import pytest
import scipy.stats as st
from hypothesis import given
from hypothesis import strategies as hs

import otgen
from otgen.divergences import Mixture, chi2, hellinger, js, kl, tv

ULP = 2.0**-52


def within(found, truth):
    """Whether the truth lies within the claimed error, which is small."""
    if mpmath.isinf(truth):
        return found.value == math.inf
    return abs(found.value - truth) <= found.error + 1e-15 * abs(truth) and found.error <= 1e-8


def of_two_levels(inside):
    """Divergences of a law that is another one, given that it falls where that has mass ``inside``; reversed in pairs."""
    b = mpmath.mpf(inside)
    both = mpmath.log(2 / (1 + b)) + (b * mpmath.log(2 * b / (1 + b)) if b else 0) + (1 - b) * mpmath.log(2)
    return {
        kl: (-mpmath.log(b), mpmath.inf),
        chi2: (1 / b - 1, mpmath.inf),
        hellinger: (mpmath.sqrt(1 - mpmath.sqrt(b)),) * 2,
        js: (both / 2,) * 2,
        tv: (1 - b,) * 2,
    }


@pytest.mark.parametrize("at", [0.0, 1.0, -3.0, 100.0])
@pytest.mark.parametrize("steps", [1, 2, 5, 2**20])
@pytest.mark.by_day(8)
def test_uniform_laws_that_few_floats_tell_apart(at, steps):
    """Between neighbouring floats there is mass as well; it was left out, and what is infinite was finite."""
    gap = steps * max(math.ulp(at + 1), ULP)
    p, q = st.uniform(at, 1), st.uniform(at, 1 + gap)
    with mpmath.workdps(50):
        for each, truths in of_two_levels(1 / (1 + mpmath.mpf(gap))).items():
            for pair, truth in zip(((p, q), (q, p)), truths):
                assert within(each(*pair), truth), (each.__name__, pair is (p, q))


@pytest.mark.parametrize("at", [1.0, 30.0])
@pytest.mark.parametrize("steps", [1, 4, 2**12])
def test_exponential_laws_that_begin_a_few_floats_apart(at, steps):
    gap = steps * math.ulp(at)
    with mpmath.workdps(50):
        truths = of_two_levels(mpmath.exp(-gap))
    later, earlier = st.expon(at + gap), st.expon(at)
    for each, pair in itertools.product((kl, chi2, hellinger), ((later, earlier), (earlier, later))):
        assert within(each(*pair), truths[each][pair[0] is earlier])


@pytest.mark.parametrize("gap", [ULP, 16 * ULP, 2.0**-40, 2.0**-30, 2.0**-20])
def test_poles_that_floats_hardly_tell_apart(gap):
    """Half a power of the gap lies between them: both were taken for one pole, and KL for 1e-17 where it is 4e-8."""
    length = 1 + gap
    with mpmath.workdps(50):
        cuts = [0, mpmath.sqrt(gap), 30 * mpmath.sqrt(gap), 1, 8]

        def between(density):  # of log(p/q) / 2 over p, by roots of distances
            return mpmath.quad(lambda t: density(t * t) * mpmath.log1p(gap / t**2), cuts)

        of_beta = mpmath.mpf(3) / 4 * between(lambda d: max(1 - d, 0)) + mpmath.mpf(3) / 2 * mpmath.log(length)
        of_gamma = between(lambda d: mpmath.exp(-d)) / mpmath.sqrt(mpmath.pi) + gap
    for p, q, truth in (
        (st.beta(2, 0.5), st.beta(2, 0.5, 0, length), of_beta),
        (st.gamma(0.5, length), st.gamma(0.5, 1), of_gamma),
    ):
        assert within(kl(p, q), truth)
        assert kl(q, p).value == math.inf
        assert chi2(p, q).value == math.inf  # p^2 has no integral


def test_a_mixture_whose_parts_end_a_float_apart():
    """What lies between such ends is doubted."""
    p, q = Mixture([0.5, 0.5], [st.uniform(0, 1), st.uniform(0, 1 + ULP)]), st.uniform(0, 1 + ULP)
    gap = mpmath.mpf(ULP)
    with mpmath.workdps(50):
        left, right = (2 + gap) / 2, mpmath.mpf(1) / 2  # p/q
        truth = (left * mpmath.log(left) + gap * right * mpmath.log(right)) / (1 + gap)
    found = kl(p, q)
    assert abs(found.value - truth) <= found.error < 1e-11


@pytest.mark.parametrize("p", [st.truncnorm(1, 1 + 1e-9), st.loguniform(1, 1 + 1e-9)])
def test_a_law_without_density_at_its_own_rounded_end(p):
    """scipy's density of uniform(1, 1e-9) is 0 at the float that its support ends with; both laws are uniform to 1e-9."""
    found = kl(p, st.uniform(1, 1e-9))
    assert found.value <= found.error + 1e-15 < 1e-9


@pytest.mark.parametrize(
    ("p", "q", "mass"),
    [
        (st.poisson(0), st.poisson(3), math.exp(-3)),
        (st.poisson(0, loc=2.5), st.poisson(0.5, loc=2.5), math.exp(-0.5)),
        (st.poisson(0), st.poisson(0), 1.0),
        (st.poisson(0), st.binom(4, 0.5), 1 / 16),
        (st.geom(1), st.geom(0.25), 0.25),
        (st.nbinom(3, 1), st.nbinom(3, 0.5), 0.125),
        (st.binom(10, 0), st.binom(10, 0.5), 2.0**-10),
        (st.binom(10, 1), st.binom(10, 0.5), 2.0**-10),
        (st.binom(0, 0.3), st.poisson(1), math.exp(-1)),
        (st.bernoulli(1), st.bernoulli(0.5), 0.5),
        (st.randint(0, 1), st.randint(0, 5), 0.2),
    ],
)
@pytest.mark.by_day(6)
def test_laws_that_are_one_atom(p, q, mass):
    """A support that is said to have no end may hold one atom."""
    for each, truths in of_two_levels(mass).items():
        assert each(p, q).value == pytest.approx(float(truths[0]), rel=1e-13, abs=1e-15)
        assert each(q, p).value == pytest.approx(float(truths[1] if mass < 1 else truths[0]), rel=1e-13, abs=1e-15)


@given(a=hs.floats(-10, -1), b=hs.floats(-10, -1))
def test_gamma_laws_of_next_to_no_shape(a, b):
    """A divergence was called infinite where both densities cross some 1e6 logarithms before 0, and their ratio still grows."""
    a, b = 10.0**a, 10.0**b
    with mpmath.workdps(50):
        shape, other = mpmath.mpf(a), mpmath.mpf(b)
        truth = (shape - other) * mpmath.digamma(shape) - mpmath.loggamma(shape) + mpmath.loggamma(other)
        square = mpmath.loggamma(2 * shape - other) + mpmath.loggamma(other) - 2 * mpmath.loggamma(shape)
    found = kl(st.gamma(a), st.gamma(b))
    assert abs(found.value - truth) <= found.error + 1e-12 * truth
    if abs(2 * a / b - 1) > 1e-3:
        squared = chi2(st.gamma(a), st.gamma(b))
        if b > 2 * a:
            assert squared.value == math.inf
        else:
            assert abs(squared.value - mpmath.expm1(square)) <= squared.error + 1e-12 * mpmath.exp(square)


@pytest.mark.parametrize(
    ("p", "q", "said"),
    [
        (st.uniform(1, ULP), st.uniform(1, 1), "p must be wide enough for floats to lie between its ends"),
        (st.norm(), st.uniform(1, ULP), "q must be wide enough for floats to lie between its ends"),
        (st.uniform(0, 5e-324), st.uniform(0, 1e-323), "p must be wide enough for floats to lie between its ends"),
        (st.norm(1e200), st.norm(1e200), "must have mass where squares of points are floats"),
        (st.uniform(0, 1e-310), st.uniform(0, 2e-310), "total mass"),
    ],
)
def test_what_floats_cannot_tell_is_refused_of_laws_that_cannot_be_moved(p, q, said):
    methods = ("logpdf", "ppf", "isf", "cdf", "support")  # of a law that does not say its place and scale
    one, other = (SimpleNamespace(**{name: getattr(law, name) for name in methods}) for law in (p, q))
    with pytest.raises(otgen.InvalidInput, match=said):
        kl(one, other)
