"""Divergences by functions that users write: what overflows or rounds to 0 is no infinity."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen.divergences import f_divergence, kl

NORMALS = st.norm(), st.norm(1)


def reverse_kl(u):
    return -math.log(u) if u > 0 else math.inf


def reverse_chi2(u):
    return 1 / u - 1 if u > 0 else math.inf


@pytest.mark.parametrize(
    ("f", "slope", "truth"),
    [
        (lambda u: (u - 1) ** 2, math.inf, math.expm1(1)),  # raises an OverflowError
        (lambda u: u * u - 1, math.inf, math.expm1(1)),  # is infinite there
        (lambda u: np.square(u) - 1, math.inf, math.expm1(1)),
        (lambda u: u**3 - 1, math.inf, math.expm1(3)),
        (reverse_kl, 0.0, 0.5),
        (reverse_chi2, 0.0, math.expm1(1)),
    ],
    ids=["raises", "product", "numpy", "cube", "reverse kl", "reverse chi2"],
)
def test_what_is_beyond_floats_where_no_mass_is(f, slope, truth):
    """Finite divergences were infinite with an error of 0, or refused."""
    found = f_divergence(*NORMALS, f, slope)
    assert abs(found.value - truth) <= found.error + 4e-16 * truth
    assert found.error < 1e-11


def test_discrete_laws():
    found, want = f_divergence(st.poisson(3), st.poisson(2), reverse_kl, 0.0), kl(st.poisson(2), st.poisson(3))
    assert abs(found.value - want.value) <= found.error + want.error


def test_an_f_that_is_infinite_by_its_definition():
    def bounded(most):
        return lambda u: math.inf if u > most else abs(u - 1)

    assert f_divergence(*NORMALS, bounded(2)).value == math.inf
    assert f_divergence([0.5, 0.5], [0.1, 0.9], bounded(2)).value == math.inf
    found = f_divergence(st.uniform(), st.uniform(0, 1.5), bounded(2))
    assert abs(found.value - 2 / 3) <= found.error < 1e-12
    assert f_divergence(st.uniform(0, 0.5), st.uniform(), reverse_kl, 0.0).value == math.inf


@pytest.mark.parametrize(("q", "f"), [(1e-310, lambda u: u * math.log(u) if u else 0.0), (1e-200, lambda u: u * u - 1)])
def test_ratios_of_masses_that_no_float_tells(q, f):
    """356 and 1e199 were infinite."""
    with pytest.raises(otgen.InvalidInput, match="finite slope"):
        f_divergence([0.5, 0.5], [q, 1.0], f)


def test_an_f_that_leaves_the_floats_where_mass_is():
    for laws, f in ((NORMALS, lambda u: math.exp(u) - math.e), ((st.norm(), st.laplace()), reverse_kl)):
        with pytest.raises(otgen.InvalidInput, match="can be computed wherever"):
            f_divergence(*laws, f, math.inf if laws is NORMALS else 0.0)
