"""OPTIMAL promises how wide an interval is, seen as the user sees it; and statuses follow intervals, not solvers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import Status
from otgen.proofs import Certificate
from otgen.proofs.promise import _out_of_unit

CODES = [1e9, -999.0, 1e20, 3.4028234663852886e38, 1e300]


@given(code=st.sampled_from(CODES), p=st.sampled_from([1, 1.5, 2, 3]), seed=st.integers(0, 99))
def test_a_missing_value_code_in_both_clouds(code, p, seed):
    """What it costs to move the others is known, or it is said that it is not."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((5, 2)), rng.random((5, 2)) + 1
    x[:2, 0] = y[:2, 0] = code
    result = otgen.wasserstein(x, y, p=p)
    assert result.lower <= result.value <= result.upper
    if result.status is Status.OPTIMAL:
        assert result.upper - result.lower <= 1e-4
    else:
        assert result.status is Status.IMPRECISE


@given(
    code=st.sampled_from(CODES),
    p=st.sampled_from([1, 2, 3]),
    n=st.integers(2, 6),
    row=st.integers(0, 1),
    column=st.integers(0, 1),
)
def test_a_code_among_few_points(code, p, n, row, column):
    """Of a handful of pairs a quantile is one of their costs, not a share of the largest."""
    x = np.arange(2.0 * n).reshape(n, 2)
    y = x + 0.25
    x[row, column] = y[row, column] = code
    result = otgen.wasserstein(x, y, p=p)
    assert result.status is Status.IMPRECISE or result.upper - result.lower <= 1e-4


@given(
    n=st.integers(1, 4), d=st.integers(1, 3), p=st.sampled_from([1, 1.5, 2, 7]), exponent=st.integers(-300, 300),
    metric=st.sampled_from(["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3.5), otgen.Circular(2.0)]),
)  # fmt: skip
def test_clouds_that_lie_in_one_point_are_0_apart(n, d, p, exponent, metric):
    point = np.arange(1.0, d + 1) * 10.0**exponent
    result = otgen.wasserstein(np.tile(point, (n, 1)), point[None], p=p, metric=metric)
    assert (result.value, result.lower, result.upper, result.status) == (0, 0, 0, Status.OPTIMAL)


@pytest.mark.parametrize(("metric", "point"), [("cosine", [1.5, 2.5]), ("great_circle", [0.3, 1.2])])
def test_so_they_are_on_spheres(metric, point):
    result = otgen.wasserstein([point, point], [point], p=1, metric=metric)
    assert (result.value, result.lower, result.upper, result.status) == (0, 0, 0, Status.OPTIMAL)


@given(seed=st.integers(0, 999), p=st.sampled_from([1, 2, 3]), d=st.integers(1, 4))
def test_equal_clouds_in_another_order_are_optimal(seed, p, d):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(9, d)) + rng.integers(0, 100)
    result = otgen.wasserstein(x, rng.permutation(x), p=p)
    assert (result.value, result.status) == (0, Status.OPTIMAL)
    assert result.upper <= 1e-5


def test_a_sparse_cost_of_which_a_sample_meets_nothing():
    diagonal = np.full((400, 400), math.inf)
    np.fill_diagonal(diagonal, 1.0)
    assert otgen.transport(diagonal).status is Status.OPTIMAL


class TestEntropicStatus:
    def test_a_limit_that_came_after_the_tolerance_was_met_is_no_fault(self):
        x, y = np.arange(5.0), np.arange(5.0) + 0.3
        fine = otgen.sinkhorn(x, y, epsilon=1.0, tol=1e-12)
        again = otgen.sinkhorn(x, y, epsilon=1.0, tol=1e-8, max_iter=1, init=fine)
        assert again.status is Status.CONVERGED

    def test_a_value_that_is_known_to_the_tolerance_is_an_answer(self):
        """Between far clouds rounding keeps marginal errors up, and the value is known to seven digits all the same."""
        x, y = np.random.default_rng(0).random((2, 20, 2))
        result = otgen.sinkhorn(x, y + 1e6, epsilon=1e2, tol=1e-7, max_iter=300, throw=False)
        narrow = result.upper - result.lower <= 1e-7 * result.value
        assert (result.status is Status.CONVERGED) == (narrow or result.marginal_error <= 2e-7)

    def test_far_from_done_is_not_converged(self):
        x, y = np.random.default_rng(0).random((2, 20, 2))
        with pytest.raises(otgen.NotConverged):
            otgen.sinkhorn(x, y, epsilon=1e-3, max_iter=3)


class TestTotals:
    @given(seed=st.integers(0, 999))
    def test_normalised_transport_is_symmetric(self, seed):
        rng = np.random.default_rng(seed)
        C, a, b = rng.normal(size=(4, 3)), 10 ** rng.uniform(-3, 3) * rng.random(4), rng.random(3)
        for epsilon in (0, 0.3):
            one = otgen.transport(C, a, b, epsilon=epsilon, normalize=True)
            other = otgen.transport(C.T, b, a, epsilon=epsilon, normalize=True)
            shares = otgen.transport(C, a / a.sum(), b / b.sum(), epsilon=epsilon)
            assert one.value == pytest.approx(other.value, rel=1e-6, abs=1e-9)
            assert one.value == pytest.approx(shares.value, rel=1e-6, abs=1e-9)
            assert one.mass == other.mass == 1
        audit = otgen.audit(C=C, a=a, b=b, normalize=True, plan=otgen.transport(C, a, b, normalize=True).plan)
        assert audit.lower <= otgen.transport(C, a, b, normalize=True).value <= audit.upper

    def test_one_total_in_rationals(self):
        C, a, b = [[1.0, 3.0], [4.0, 1.5]], [1.0, 3.0], [1.0, 1.0]
        truth = Fraction(1, 4) * 1 + Fraction(1, 4) * 4 + Fraction(1, 2) * Fraction(3, 2)
        assert otgen.transport(C, a, b, normalize=True).value == pytest.approx(float(truth), rel=1e-15)

    @pytest.mark.parametrize("relax", [None, math.inf, (math.inf, None), (None, None)])
    def test_a_marginal_that_is_kept_is_checked(self, relax):
        options = dict(a=[3.0, 7.0], b=[0.7, 0.3], epsilon=0.1, relax=relax)
        for call in (lambda: otgen.transport(np.eye(2), **options), lambda: otgen.sinkhorn([0, 1], [0, 1], **options)):
            with pytest.raises(otgen.MassMismatch):
                call()

    @pytest.mark.parametrize("far", [1e5, 1e9])
    def test_padding_without_mass_may_lie_anywhere(self, far):
        x, y, a = [[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 1.5]], [0.25, 0.75]
        short = otgen.sinkhorn(x, y, a, epsilon=0.1)
        long = otgen.sinkhorn([*x, [far, far]], y, [*a, 0.0], epsilon=0.1)
        batch = otgen.sinkhorn_batch([[*x, [far, far]]], [y], [[*a, 0.0]], epsilon=0.1)
        assert long.value == pytest.approx(short.value, rel=1e-6)
        assert batch.value[0] == pytest.approx(short.value, rel=1e-6)
        assert batch.upper[0] - batch.lower[0] <= 1e-5


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 1.5, 2, 3, 8, 9, 80, 700]),
    st.sampled_from(["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Minkowski(1e5)]),
    st.integers(-250, 250),
    st.booleans(),
)
def test_what_need_not_move_is_0_apart_at_any_order(seed, p, metric, exponent, moved):
    """The same masses at the same places, listed in another order and in other pieces: [0, 0], however small a root rounding leaves."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(int(rng.integers(1, 6)), 2)) * 10.0**exponent
    masses = rng.integers(1, 4, len(places))
    x, a = places, masses.astype(float)
    y = rng.permutation(np.repeat(places, masses, axis=0))
    if moved:
        y[0, 0] = np.nextafter(y[0, 0], np.inf)
    result = otgen.wasserstein(x, y, a, np.ones(len(y)), p=p, metric=metric)
    if moved:
        assert result.upper > 0
    else:
        assert (result.value, result.lower, result.upper, result.status) == (0, 0, 0, otgen.Status.OPTIMAL)


@pytest.mark.parametrize(("degree", "times"), [(1, 27.0), (2, 729.0)])
def test_what_is_promised_of_a_unit_is_promised_of_its_powers(degree, times):
    inside = Certificate("monotone", 0.5, 0.25, 1.0, 1.0, 0.0, None, unit=3.0, degree=degree)
    outside = _out_of_unit(inside, 3.0)
    assert (outside.cost, outside.lower, outside.upper, outside.unit) == (0.5 * times, 0.25 * times, times, None)
