"""What is said of laws on the line and of pairs beyond their values: errors that hold, samples that are independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st
from chosen import few
from hypothesis import assume, given
from hypothesis import strategies as hs

import otgen
from otgen import laws
from otgen.divergences import Gaussian

SCALED = {  # a family in its scale, and E |X|^p
    "norm": (st.norm, lambda p: 2 ** (p / 2) * math.gamma((p + 1) / 2) / math.sqrt(math.pi)),
    "expon": (st.expon, lambda p: math.gamma(p + 1)),
    "uniform": (st.uniform, lambda p: 1 / (p + 1)),
    "laplace": (st.laplace, lambda p: math.gamma(p + 1)),
}


@pytest.mark.parametrize("name", SCALED)
@few(5)
@given(p=hs.floats(1, 12), exponent=hs.floats(-3, 3), unit=hs.sampled_from([1e-30, 1.0, 1e30]))
def test_the_error_holds_for_scale_families(name, p, exponent, unit):
    """``W_p = |s - t| (E |X|^p)^(1/p)``: both are increasing functions of one variable."""
    assume(exponent == 0 or abs(exponent) > 1e-6)  # else quantiles differ by rounding
    (family, moment), factor = SCALED[name], 10.0**exponent
    truth = abs(factor - 1) * moment(p) ** (1 / p)
    found = laws.on_the_line(family(scale=unit), family(scale=factor * unit), p)
    assert abs(found.value / unit - truth) <= found.error / unit + 1e-13 * max(1.0, factor)
    assert found.error / unit <= 1e-5 * max(1.0, factor)


@given(p=hs.floats(1, 12), at=hs.floats(-5, 5))
def test_the_error_holds_for_an_atom(p, at):
    """Of one atom nothing is to be chosen: W_p is the moment about it."""
    found = laws.semi_discrete([at], None, st.uniform(-1, 2), p)
    truth = (
        (abs(at + 1) ** (p + 1) * math.copysign(1, at + 1) - abs(at - 1) ** (p + 1) * math.copysign(1, at - 1))
        / (2 * (p + 1))
    ) ** (1 / p)
    assert found.value == pytest.approx(truth, abs=found.error + 1e-13)


@pytest.mark.parametrize("mu", [0.5, 1.0, 2.66])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_quantiles_that_scipy_has_wrong_are_left_out(mu, p):
    """Inverse Gaussian laws have all moments; scipy's quantiles beyond 1e-60 are off by hundreds of orders, as of a law that has none."""
    moment = {1: mu, 2: mu**2 + mu**3, 3: mu**3 + 3 * mu**4 + 3 * mu**5}[p]
    found = laws.on_the_line(st.invgauss(mu), st.invgauss(mu, scale=2.0), p)
    assert abs(found.value - moment ** (1 / p)) <= found.error
    assert found.error <= 1e-9 * found.value


@pytest.mark.parametrize(("nu", "p"), [(2.743, 2.6), (3, 2.8), (5, 4.5)])
def test_the_error_holds_for_students_tails(nu, p):
    """scipy's quantiles of some of them are off by a factor far out."""
    log = (
        p / 2 * math.log(nu)
        + math.lgamma((p + 1) / 2)
        + math.lgamma((nu - p) / 2)
        - math.log(math.pi) / 2
        - math.lgamma(nu / 2)
    )
    found = laws.on_the_line(st.t(nu), st.t(nu, scale=2.0), p)
    assert abs(found.value - math.exp(log / p)) <= found.error
    assert found.error <= 1e-5 * found.value


def test_a_law_without_a_mean_is_not_at_a_distance():
    """The density of scipy's alpha law falls as 1/x^2."""
    with pytest.raises(otgen.InvalidInput, match="near to infinite"):
        laws.on_the_line(st.alpha(3.57), st.norm(), 1)
    assert laws.on_the_line(st.alpha(3.57), st.norm(), 1.2).value == math.inf
    assert laws.on_the_line(st.t(2.5), st.norm(), 2.6).value == math.inf


def test_orders_are_monotone():
    """``W_p <= W_q`` for p <= q."""
    p, q = st.laplace(-1, 2), Gaussian(0.0, 4.0)
    values = [laws.on_the_line(p, q, order).value for order in (1, 1.5, 2, 4, 8)]
    assert values == sorted(values)


DRAWN = {
    "uniforms": laws.uniforms(0.3),
    "segments": laws.segments(2.0),
    "translation": laws.translation(lambda n, g: g.exponential(size=(n, 1)), 0.7),
    "gaussians": laws.gaussians(Gaussian([0, 0], np.eye(2)), Gaussian([3, 1], np.eye(2))),
    "elliptical": laws.elliptical([0, 0], np.eye(2), [3, 4], np.eye(2), st.uniform()),
    "isotropic": laws.isotropic(2, st.chi(2), st.chi(2, scale=3)),
    "line_pair": laws.line_pair(st.gamma(2), st.gamma(4)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_samples_are_independent_and_made_by_a_seed(name):
    """Of each other and one by one: no correlation beyond chance, at 5 standard deviations."""
    pair, n = DRAWN[name], 4000
    x, y = pair.sample(n, rng=0)
    again, _ = pair.sample(n, rng=np.random.default_rng(0))
    assert (x == again).all()
    assert (x != pair.sample(n, rng=1)[0]).any()
    coordinates = [z for z in (*x.T, *y.T) if z.std() > 0]
    own = len([z for z in x.T if z.std() > 0])
    between = np.corrcoef(coordinates)[:own, own:]
    assert np.abs(between).max() < 5 / math.sqrt(n)
    for z in coordinates:
        assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 5 / math.sqrt(n)


def test_the_entropic_divergence_is_its_three_terms():
    p, q = Gaussian([0, 1], [[2, 0.5], [0.5, 1]]), Gaussian([3, 1], [[1, 0], [0, 5]])
    across, *own = (laws.entropic_gaussians(*pair, 0.7) for pair in ((p, q), (p, p), (q, q)))
    assert laws.entropic_gaussian_divergence(p, q, 0.7) == pytest.approx(across - sum(own) / 2, rel=1e-12)
    assert laws.entropic_gaussian_divergence(p, p, 0.7) == 0


@pytest.mark.parametrize("p", [0.5, math.inf, math.nan])
def test_orders_that_are_refused(p):
    for call in (
        lambda: laws.on_the_line(st.norm(), st.norm(1), p),
        lambda: laws.semi_discrete([0.0], None, st.norm(), p),
    ):
        with pytest.raises(otgen.InvalidInput, match="p must be"):
            call()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_of_atoms_sum_to_1_by_their_dtype(dtype):
    """A tenth of the mass goes to 0, the rest to 1: 0.01 / 2 + 0.81 / 2 between them and the uniform law."""
    found = laws.semi_discrete([0.0, 1.0], np.array([0.1, 0.9], dtype), st.uniform(), 1)
    assert found.value == pytest.approx(0.41, abs=2 * float(np.finfo(dtype).eps))
    with pytest.raises(otgen.InvalidInput, match=f"sum to 1 .* in {dtype}"):
        laws.semi_discrete([0.0, 1.0], np.array([0.1, 1.0], dtype), st.uniform(), 1)


def test_a_distance_is_infinite_where_its_integral_is_and_nowhere_else():
    """Two Cauchy laws have no mean; moved against each other they are that far apart at every level."""
    moved = laws.on_the_line(st.cauchy(), st.cauchy(3), 1)
    assert abs(moved.value - 3) <= moved.error
    for found in (laws.on_the_line(st.cauchy(), st.norm(), 1), laws.semi_discrete([0.0], None, st.cauchy(), 1)):
        assert (found.value, found.error) == (math.inf, 0.0)


@pytest.mark.parametrize("p", [1, 1.5, 7, math.inf])
def test_pairs_at_one_distance_have_every_order(p):
    pairs = (
        laws.uniforms(-0.3), laws.segments(-0.3), laws.diracs([1.0, 0.3], [1.0, 0.0]), laws.translation(lambda n, g: g.random((n, 1)), 0.3)
    )  # fmt: skip
    assert [pair.wasserstein(p).value for pair in pairs] == [0.3] * 4


@pytest.mark.parametrize("p", [1, 1.5, 3])
def test_gaussians_on_the_line_have_every_finite_order(p):
    """``W_p`` of N(m, s^2) and N(m, t^2) is |s - t| (E |z|^p)^(1/p)."""
    found = laws.gaussians(Gaussian(1.0, 1.0), Gaussian(1.0, 9.0)).wasserstein(p)
    truth = 2 * (2 ** (p / 2) * math.gamma((p + 1) / 2) / math.sqrt(math.pi)) ** (1 / p)
    assert abs(found.value - truth) <= found.error + 1e-14


@pytest.mark.parametrize(
    "pair", [laws.diracs([1.7e308], [-1.7e308]), laws.translation(lambda n, g: g.random((n, 2)), [1.7e308] * 2)]
)
def test_a_distance_beyond_the_largest_float_is_said_to_be(pair):
    found = pair.wasserstein(2)
    assert found[:2] == (math.inf, 0.0)
    assert "beyond the largest float" in found.note
