"""What docstrings of divergences claim, where no other test would fail if it were false."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otgen.divergences import Estimate, Gaussian, kl
from otgen.divergences.terms import CHI2, HELLINGER, JS, KL, TV, of_function

TERMS = {"kl": KL, "js": JS, "tv": TV, "hellinger": HELLINGER, "chi2": CHI2, "f": of_function(lambda u: (u - 1) ** 2, math.inf)}  # fmt: skip


@pytest.mark.parametrize("name", TERMS)
@given(p=st.floats(1e-30, 1e30), ratio=st.floats(1e-12, 1e12), c=st.sampled_from([2.0**-40, 3.0, 2.0**60]))
def test_terms_are_homogeneous_never_negative_and_have_their_logarithms(name, p, ratio, c):
    term, (p, q) = TERMS[name], (np.array([p]), np.array([p * ratio]))
    value = term.masses(p, q)[0]
    assert value >= 0
    assert term.masses(c * p, c * q)[0] == pytest.approx(c * value, rel=1e-9, abs=1e-14 * c * (p + q)[0])
    assert np.exp(term.logs(np.log(p), np.log(q)))[0] == pytest.approx(value, rel=1e-9, abs=1e-12 * (p + q)[0])


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
