"""What problems, measures and relative strengths are said to be."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import otgen
from otgen import InvalidInput, Measure, Problem, Relative, wasserstein


def test_a_relative_epsilon_where_all_costs_are_zero_is_the_fraction_itself():
    result = otgen.sinkhorn(np.zeros((3, 2)), np.zeros((2, 2)), epsilon=Relative(0.3))
    assert (result.epsilon, result.value) == (0.3, pytest.approx(0, abs=1e-15))


@pytest.mark.parametrize("weights", [None, [1, 3], [0.1, 0.0], [1e-300, 1e-300], [1e299, 1e299]])
def test_probabilities_are_weights_divided_by_their_sum(weights):
    measure = Measure([0.0, 1.0], weights)
    held = np.full(2, 0.5) if weights is None else np.array(weights) / math.fsum(weights)
    np.testing.assert_allclose(measure.probabilities, held, rtol=1e-15)
    assert measure.mass == (1.0 if weights is None else math.fsum(weights))


def test_each_cloud_against_itself_keeps_what_is_asked():
    x, y = np.random.default_rng(0).random((2, 4, 2))
    own = Problem.from_points(x, y[:3], p=1.5, metric="cityblock").own()
    for problem, points in zip(own, (x, y[:3])):
        np.testing.assert_allclose(
            problem.cost.block(), np.abs(points[:, None] - points).sum(-1) ** 1.5, rtol=1e-14, atol=1e-300
        )


@pytest.mark.parametrize(
    ("make", "bad"),
    [(otgen.Minkowski, 0.5), (otgen.Minkowski, math.nan), (otgen.Circular, 0.0), (otgen.Circular, -1.0)]
    + [(otgen.Circular, math.inf), (Relative, 0.0), (Relative, -1.0), (Relative, math.nan)],
)
def test_parameters_out_of_range_are_refused(make, bad):
    with pytest.raises(InvalidInput):
        make(bad)
    assert otgen.Minkowski(math.inf).q == math.inf


@pytest.mark.parametrize("weights", [[1e300, 1e300], [1e308] * 12, [1e300, 1e-300, 1e285]])
def test_totals_beyond_the_largest_are_refused(weights):
    with pytest.raises(InvalidInput, match="total of at most 1e\\+300"):
        Measure(len(weights), weights)


@pytest.mark.parametrize("weights", [[1e300], [6e299, 3e299], [9e299] + [1e285] * 50])
def test_any_total_up_to_the_largest_is_taken(weights):
    points = np.arange(float(len(weights)))
    assert Measure(points, weights).mass == math.fsum(weights)
    moved = wasserstein(points, points + 1, weights, weights, p=1)
    assert moved.lower <= 1 <= moved.upper
    assert moved.status.name == "OPTIMAL"


class TestSharesThatVanish:
    """At high orders a point counts whose share of the mass is no float."""

    X, Y = np.array([[0.0, 0.0], [1e12, 0.0]]), np.array([[0.0, 0.0], [0.0, 1.0]])

    @pytest.mark.parametrize("p", [2, 9, 80, 700])
    @pytest.mark.parametrize("exponent", [-290, -320, -475])
    def test_of_few_points_it_is_known(self, exponent, p):
        """All of it goes from (1e12, 0) to 0, on the line and beyond it."""
        weights = np.array([1e160, 10.0 ** (exponent + 160)])
        with mpmath.workdps(60):
            share = mpmath.mpf(weights[1]) / (mpmath.mpf(weights[0]) + mpmath.mpf(weights[1]))
            truth = 10**12 * share ** (1 / mpmath.mpf(p))
        for x, y, b in ((self.X, self.Y[:1], [1.0]), (self.X, self.Y, [1.0, 0.0]), (self.X[:, 0], [0.0], [1.0])):
            found = otgen.wasserstein(x, y, weights, b, p=p, normalize=True)
            assert found.lower <= truth <= found.upper
            assert found.value == pytest.approx(float(truth), rel=1e-12)

    def test_so_it_is_in_a_matrix(self):
        costs = [[0.0, 5.0], [1e300, 1e303]]
        found = otgen.transport(costs, [1e200, 1e-250], [1.0, 0.0], normalize=True)
        heavy, faint = Fraction(1e200), Fraction(1e-250)
        truth = Fraction(1e300) * faint / (heavy + faint)
        assert found.lower <= truth <= found.upper
        assert found.value == pytest.approx(float(truth), rel=1e-15)

    def test_of_many_it_is_refused(self):
        x, y = np.random.default_rng(0).normal(size=(2, 65, 2))
        weights = np.r_[1e175, 1e-299, np.full(63, 1e175)]
        with pytest.raises(otgen.InvalidInput, match=r"a must be 0, or have a share .* received 1e-299 at index 1 "):
            otgen.wasserstein(x, y, weights, p=80, normalize=True)
        assert otgen.wasserstein(x, y, weights, normalize=True).status is otgen.Status.OPTIMAL

    @pytest.mark.parametrize("p", [9, 700])
    def test_derivatives(self, p):
        """``W = d share ** (1/p)``; NaN where the share has few digits."""
        for exponent in (-250, -475):
            weights = np.array([1e160, 10.0 ** (exponent + 160)])
            for x, y in ((self.X, self.Y[:1]), (self.X[:, 0], self.Y[:1, 0])):
                found = otgen.wasserstein(x, y, weights, [1.0], p=p, normalize=True).gradients("value")
                expected = 10.0 ** (exponent / p) if exponent == -250 else math.nan
                np.testing.assert_allclose(np.ravel(found.x[1])[0], expected, rtol=1e-11)
                np.testing.assert_array_equal(found.x[0], 0.0)
