"""Relaxed transport of unequal masses: constants as large as the strength go from one potential to the other, and take no digits with them."""

import math

import mpmath
import numpy as np
import pytest
from entropic_truth import DIGITS, costs, matrix_truth
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

import otgen

INF = math.inf
STRONG = [(1e10, 1e10), (1e15, 1e15), (1e12, 1.0), (1.0, 1e12), (1e12, INF), (INF, 1e12), (1e12, 1e8), (1e-3, 1e3)]


def clouds():
    rng = np.random.default_rng(4)
    return rng.normal(size=(3, 2)), rng.normal(size=(4, 2)) + 0.5


def assert_encloses(found, truth):
    with mpmath.workdps(DIGITS):
        assert mpf(found.lower) <= truth
        assert truth <= mpf(found.upper)


@pytest.mark.parametrize("relax", STRONG)
@pytest.mark.parametrize("mass", [1.0, 3.0, 1e-3])
def test_the_truth_is_within_a_narrow_interval(mass, relax):
    """Masses 1 and 3 were within [5.4e11, 7.3e11] after 10 000 iterations, and (1e12, 1) within [1.5, 4.1]."""
    x, y = clouds()
    a, b = np.full(3, 1 / 3), np.full(4, mass / 4)
    truth = matrix_truth(costs(x, y), a, b, 0.3, relax)
    alone = otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=relax)
    batch = otgen.sinkhorn_batch([x, x], [y, y], [a, a], [b, b], epsilon=0.3, relax=relax)
    for found in (alone, *batch):
        assert found.iterations < 100
        assert_encloses(found, truth.lower)
        assert found.upper - found.lower < 1e-6 * found.value
        assert found.value == pytest.approx(float(truth), rel=1e-9)


@pytest.mark.parametrize("relax", [(1e12, 1e12), (1.0, 1e12), (1e-3, 1e3), (INF, 1e12), (1.0, 2.0)])
def test_masses_far_apart(relax):
    """The product of masses that are made equal may be far larger than that of those that were given."""
    x, y = clouds()
    a, b = np.full(3, 1 / 3), np.full(4, 1e40 / 4)
    truth = matrix_truth(costs(x, y), a, b, 0.3, relax)
    for found in (
        otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=relax),
        otgen.sinkhorn_batch([x], [y], [a], [b], epsilon=0.3, relax=relax)[0],
    ):
        assert_encloses(found, truth.lower)
        assert found.upper - found.lower < 1e-8 * found.value


exponents = st.floats(-9, 9)


@given(
    masses=st.tuples(st.floats(-90, 90), st.floats(-90, 90)),
    strengths=st.tuples(exponents, exponents),
    held=st.sampled_from([(False, False), (True, False), (False, True)]),
    epsilon=exponents,
)
def test_between_two_points_there_is_a_closed_form(masses, strengths, held, epsilon):
    """Of a pair that costs 1 the mass m that moves is stationary: ``1 + epsilon log(m / AB) + rho_1 log(m / A) + rho_2 log(m / B) = 0``."""
    one, other = (10.0**z for z in masses)
    relax = tuple(INF if fixed else 10.0**z for fixed, z in zip(held, strengths, strict=True))
    epsilon = 10.0**epsilon
    with mpmath.workdps(400):
        A, B, e = mpf(one), mpf(other), mpf(epsilon)
        finite = [(mpf(rho), total) for rho, total in zip(relax, (A, B), strict=True) if rho < INF]
        if len(finite) == 2:
            logarithms = e * mpmath.log(A * B) + sum(rho * mpmath.log(total) for rho, total in finite)
            m = mpmath.exp((logarithms - 1) / (e + sum(rho for rho, _ in finite)))
        else:
            m = A if held[0] else B
        truth = m + e * (m * mpmath.log(m / (A * B)) - m + A * B)
        truth += sum(rho * (m * mpmath.log(m / total) - m + total) for rho, total in finite)
    found = otgen.sinkhorn([0.0], [1.0], [one], [other], epsilon=epsilon, relax=relax)
    with mpmath.workdps(400):
        assert mpf(found.lower) <= truth <= mpf(found.upper)


@pytest.mark.parametrize("relax", [(2.0, 2.0), (1e3, 5.0), (None, 3.0), (3.0, None)])
def test_derivatives_are_those_of_the_value(relax):
    x, y = clouds()
    rng = np.random.default_rng(1)
    a, b, h = rng.random(3), 3 * rng.random(4), 1e-5

    def value(a, b, x=x):
        return otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=relax, tol=1e-12).value

    result = otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=relax, tol=1e-12)
    slopes, (one, other, there) = result.gradients(), (np.eye(k)[0] for k in (3, 4, 6))
    assert slopes.a[0] == pytest.approx((value(a + h * one, b) - value(a - h * one, b)) / (2 * h), rel=1e-6)
    assert slopes.b[0] == pytest.approx((value(a, b + h * other) - value(a, b - h * other)) / (2 * h), rel=1e-6)
    step = h * there.reshape(3, 2)
    assert slopes.x[0, 0] == pytest.approx((value(a, b, x + step) - value(a, b, x - step)) / (2 * h), rel=1e-6)
    f, g = result.potentials
    plan = a[:, None] * b * np.exp((f[:, None] + g - ((x[:, None] - y) ** 2).sum(-1)) / 0.3)
    np.testing.assert_allclose(result.plan.todense(), plan, rtol=1e-9)
    assert otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=relax, init=result).iterations <= 2
