"""W_1 of laws whose quantile functions cross anywhere: against the mean of a folded normal law."""

import math

import mpmath
import pytest
import scipy.stats as st
from chosen import few
from hypothesis import given
from hypothesis import strategies as hs

from otgen.laws import on_the_line


def holds(mean, deviation):
    found = on_the_line(st.norm(mean, deviation), st.norm(), p=1)
    with mpmath.workdps(30):
        m, s = mpmath.mpf(mean), abs(mpmath.mpf(deviation) - 1)  # of |m + (s - 1) z|
        truth = s * mpmath.sqrt(2 / mpmath.pi) * mpmath.exp(-((m / s) ** 2) / 2) + m * (1 - 2 * mpmath.ncdf(-m / s))
    assert abs(mpmath.mpf(found.value) - truth) <= found.error + 1e-16


@pytest.mark.parametrize(
    ("mean", "deviation"), [(-0.0005423001215708813, 0.26133009626866693), (-0.6095527988510243, 0.18753504759247147)]
)
def test_a_crossing_between_an_end_and_its_node(mean, deviation):
    """0.58937331 for 0.58937347, with a claimed error of 9e-15."""
    holds(mean, deviation)


@few(20)
@given(at=hs.floats(-2.5, 2.5), log=hs.floats(0.05, 2), wider=hs.booleans())
def test_normal_laws_that_cross_anywhere(at, log, wider):
    deviation = math.exp(log if wider else -log)
    holds(at * abs(deviation - 1), deviation)
