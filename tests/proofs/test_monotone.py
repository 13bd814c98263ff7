"""The proof on the line against rational numbers, for every order and size."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from line_truth import line_truth

import otgen
from otgen import Status
from otgen.model.plan import MonotonePlan
from otgen.model.units import Units
from otgen.proofs.monotone import monotone_mean

ORDERS = [1, 1.5, 2, 3, 8, 9, 20, 80.5, 540, 1e3, 1e5, 1e7, 1e12, 1e16, 1e20, 1e300]
AWKWARD = 2.0**-54 + 2.0**-106  # beside 1 it fills both doubles of a pair
WEIGHTS = {
    "none": lambda rng, n: None,
    "whole": lambda rng, n: rng.integers(1, 5, n).astype(float).tolist(),
    "tenths": lambda rng, n: (0.1 * rng.integers(1, 4, n)).tolist(),
    "any": lambda rng, n: (rng.random(n) + 0.01).tolist(),
    "faint": lambda rng, n: (10.0 ** rng.integers(-40, 1, n)).tolist(),
}


def points(kind, rng, n, m):
    """Two lists of points about 1 apart, or much less."""
    if kind == "whole":
        return rng.integers(-3, 4, n).astype(float), rng.integers(-3, 4, m).astype(float)
    x = rng.normal(size=n)
    if kind == "apart":
        return x, rng.normal(size=m)
    near = rng.choice(x, m)
    return x, near + 10.0 ** -rng.integers(1, 30) * (1.0 if kind == "moved" else rng.random(m))


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["whole", "apart", "moved", "jittered"]),
    st.sampled_from(list(WEIGHTS)),
    st.sampled_from(ORDERS),
    st.sampled_from([0, 3, -3, 150, -150, -300, 290]),
    st.booleans(),
)
@example(0, "moved", "none", 80.5, 0, False)
@example(0, "whole", "tenths", 540, 0, True)
def test_intervals_hold_and_are_narrow(seed, kind, weights, p, exponent, outliers):
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, 7, 2))
    x, y = points(kind, rng, n, m)
    if outliers:
        x[0], y[-1] = x[0] + 1000, y[-1] + 1000
    x, y = x * 10.0**exponent, y * 10.0**exponent
    a, b = WEIGHTS[weights](rng, n), WEIGHTS[weights](rng, m)
    truth = line_truth(x, y, a, b, p)
    result = otgen.wasserstein(x, y, a, b, p=p, normalize=True)
    assert result.lower <= truth <= result.upper
    assert result.lower <= result.value <= result.upper
    assert result.status is Status.OPTIMAL
    dust = max((1e-300 if p > 8 else 1e-17) * np.abs(np.concatenate([x, y])).max(), 2e-322)
    assert result.upper - result.lower <= 1e-9 * truth + dust


@pytest.mark.parametrize("p", [9, 540, 1e5])
def test_cost_is_bounded_where_it_is_no_float(p):
    result = otgen.wasserstein([0.0, 1000, 2], [1.0, 2, 1003], p=p)
    assert result.value == pytest.approx(3 * 3 ** (-1 / p), rel=1e-2)
    size = p * math.log(result.value)
    assert 0 < result.cost_lower <= result.cost <= result.cost_upper
    assert (size > 709) == (result.cost_upper == math.inf)
    small = otgen.wasserstein([0.0, 1.0], [1e-3, 1.0], p=p)
    assert 0 <= small.cost_lower <= small.cost <= small.cost_upper


def test_one_unit_in_the_last_place():
    unit = math.ulp(3.0)
    result = otgen.wasserstein([0.0, 1, 2, 3], [0.0, 1, 2, 3 + unit], p=20)
    assert result.value == pytest.approx(unit * 4 ** (-1 / 20), rel=1e-14)
    assert result.status is Status.OPTIMAL


@pytest.mark.parametrize("p", [2, 8, 540, math.inf])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_breakpoint_closer_than_pairs_of_doubles_can_tell(p, sign):
    """Shares k/s and l/t with k t - l s = sign: dust of 2 ** -106 crosses a gap of 999 or 1001."""
    s, t = 2**53 - 1, 2**53 - 3
    k = sign * pow(t, -1, s) % s
    part = (k * t - sign) // s
    assert k * t - part * s == sign
    x, y = np.array([0.0, 1000.0]), np.array([1.0, 1001.0])
    a, b = [float(k), float(s - k)], [float(part), float(t - part)]
    truth = (1001 if sign == 1 else 999) if p == math.inf else line_truth(x, y, a, b, p)
    result = otgen.wasserstein(x, y, a, b, p=p, normalize=True)
    assert result.lower <= truth <= result.upper
    assert result.upper - result.lower <= 1e-9 * result.value


def test_points_without_mass_widen_nothing():
    result = otgen.wasserstein([0.0, 1.0, 1e20], [0.5, 1.5, -1e20], [1, 2, 0], [1.1, 1.9, 0], p=2)
    assert result.upper - result.lower < 1e-12


def test_order_is_free_on_the_line_only():
    assert otgen.wasserstein([0.0], [1.0], p=1e5).value == 1
    with pytest.raises(otgen.InvalidInput, match="at most 700, or inf"):
        otgen.wasserstein([[0.0, 0.0]], [[1.0, 0.0]], p=1e5)
    with pytest.raises(otgen.InvalidInput, match=r"at most 700 here.*pass a smaller one"):
        otgen.sinkhorn([0.0], [1.0], p=1e5, epsilon=1)


@pytest.mark.parametrize("exponent", [0, 300, 505, 1000, -505, -1000])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
@pytest.mark.parametrize("p", [1, 2, 20])
def test_clouds_that_coincide_are_at_no_distance_at_any_scale(exponent, shape, p):
    x = np.ldexp(np.array([0.0, 3.0, 7.0]), exponent).reshape(shape)
    result = otgen.wasserstein(x, x[::-1].copy(), p=p)
    assert result.upper == 0
    assert result.status is Status.OPTIMAL


def test_digits_that_scaling_loses_are_charged():
    """2 ** -800 is nothing beside 1e300, and yet the truth is not 0."""
    result = otgen.wasserstein([2.0**-800, 1e300], [0.0, 1e300], p=1)
    assert result.lower <= 2.0**-801 <= result.upper


@pytest.mark.parametrize("p", [1, 2, 8, 20, math.inf])
@pytest.mark.parametrize(("y", "a"), [([2e-320], [1, 0]), ([2e-320, 1.7e308], None)])
def test_points_that_scaling_makes_one_are_two(p, y, a):
    """[0, 0] was called proven where all points with mass became one, and of the largest distance."""
    result = otgen.wasserstein([1e-320, 1.7e308], y, a, p=p)
    assert result.lower <= 0.5e-320
    assert result.upper >= 1e-320


@pytest.mark.parametrize(
    ("one", "other"), [(1e99, 1e-249), (1e-249, 1e99), (1e-300, 3e-300), (1e290, 5e-324), (1e-310, 1.0)]
)
def test_totals_of_any_size_are_proportions(one, other):
    """Their quotient may be no float, and low parts of pairs may underflow."""
    result = otgen.wasserstein(
        [57.0, -11.0], [-10.0, -1.0], [2 * one, 6 * one], [4 * other, 4 * other], p=1, normalize=True
    )
    assert result.lower <= 17.5 <= result.upper
    assert result.status is otgen.Status.OPTIMAL


def test_masses_that_pairs_of_doubles_swallow_still_travel_at_high_orders():
    x, y, a, b = [1.0 + 2.0**-29, 1.0], [1.0, 1.0], [1e-110, 1.0], [0.25, 0.75]
    result = otgen.wasserstein(x, y, a, b, p=100, normalize=True)
    value = 2.0**-29 * 1e-110 ** (1 / 100)
    assert result.status is Status.OPTIMAL
    assert result.lower <= value * (1 + 1e-14)
    assert result.upper >= value * (1 - 1e-14) > 0


def test_shares_below_all_normal_floats_are_known_to_few_digits():
    x, y, a, b = [1.0, 0.0], [0.0, 0.0], [2.8e-24, 7.5e298], [1.0, 1.0]
    result = otgen.wasserstein(x, y, a, b, p=1000, normalize=True)
    assert result.lower <= line_truth(x, y, a, b, 1000) <= result.upper


@pytest.mark.parametrize(
    ("x", "y", "a", "b", "p", "truth"),
    [
        ([0, 0, 0], [1, 0], [0.1, 0.2, 0.7], [1e-40, 1], 2, 1e-20),
        ([0, 1], [1e30, 0], [1e-20, 1], [1e-40, 1], 2, 1e10),
        ([0, 1], [1e10, 0], [1e-20, 1], [1e-40, 1], 16, 31622776.598521516),
        ([0, 0], [1e20, 0], [1e-20, 1], [1e-40, 1], 1, 1e-20),
        ([0, 1], [2, 5], [1, 1e-26], [1, 1e-95], 700, 4 * 10 ** (-95 / 700)),
        ([1, 1, 10], [0, 2, 2], [2.0**-80, 1, 1e-60], [2.0**-81, 1, 2.0**-81], 200, 8 * 10 ** (-60 / 200)),
        ([1, 1, 10], [0, 2, 2], [2.0**-80, 1, 1e-60], [2.0**-41, 2.0**40, 2.0**-41], 200, 8 * 10 ** (-60 / 200)),
        ([0, 2, 2], [1, 1, 10], [1, 1, 1], [2.0**120, 2.0**120, 2.0**22], 200, 8 * 2.0 ** (-99 / 200)),
        *(([0, 0, 1e30], [0, 0], [1, AWKWARD, 2.0**-110], [AWKWARD, 1], p, None) for p in (1, 2, 8, 80)),
        *(([0, 0], [0, 0, 1e30], [0.3, 0.4], [2.0**60 / 3, 2.0**60, 2.0**-50], p, None) for p in (1, 2, 8, 80)),
        *(([0, 0, 1e30], [0, 0], [2.0**60 / 3, 2.0**60, 2.0**-50], [0.3, 0.4], p, None) for p in (1, 80)),
    ],
)
def test_a_point_lighter_than_roundings_of_the_quotient_of_totals(x, y, a, b, p, truth):
    """It was left out, and [0, 0] called proven of what is not 0."""
    x, y = np.array(x, float), np.array(y, float)
    truth = float(line_truth(x, y, a, b, p)) if truth is None else truth
    for found in (
        otgen.wasserstein(x, y, a, b, p=p, normalize=True),
        otgen.wasserstein_batch(x[None], y[None], a, b, p=p, normalize=True)[0],
    ):
        assert found.lower * (1 - 1e-14) <= truth <= found.upper * (1 + 1e-14)
        assert found.value == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("power", [2.0, 3.0])
@pytest.mark.parametrize(
    ("x", "y", "a", "b"),
    [
        ([-1e160, 2.0], [-1e160, 0.0, 0.5], [1.0, 2.0], [1.0, 1.0, 1.0]),
        ([-1.0, 2.0], [-1e160, 0.0, 0.5], [1.0, 1.0], [1e-250, 1.0, 1.0]),
    ],
)
def test_points_so_far_apart_that_powers_overflow_between_which_little_travels(x, y, a, b, power):
    """Nothing at all, or hardly any mass; points are not scaled here."""
    one, other = np.array(x), np.array(y)
    found = monotone_mean(MonotonePlan(one, other, one, other, np.array(a), np.array(b)), power)
    units = Units(0, power, root=True, unit=found.unit)
    lower, upper, truth = units.value(found.lower, -1), units.value(found.upper, 1), line_truth(x, y, a, b, power)
    assert truth * (1 - 1e-12) < lower <= truth <= upper < truth * (1 + 1e-12)
