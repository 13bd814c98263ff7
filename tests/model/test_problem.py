"""What problems, measures and relative strengths are said to be."""

import math

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


X, Y = [[0.0, 0.0], [1e12, 0.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 1.0], [3.0, 3.0]]
HEAVY = [1e175, 1e-299, 1e175]
DOORS = {
    "wasserstein": lambda x, y, a: otgen.wasserstein(x, y, a, p=80, normalize=True),
    "of matrices": lambda x, y, a: otgen.transport(np.abs(np.subtract.outer(*np.array([x, y])[:, :, 0])), a),
    "sinkhorn": lambda x, y, a: otgen.sinkhorn(x, y, a, epsilon=1.0),
    "batch": lambda x, y, a: otgen.wasserstein_batch(np.array([x]), np.array([y]), np.array([a]), normalize=True),
    "entropic batch": lambda x, y, a: otgen.sinkhorn_batch(
        np.array([x]), np.array([y]), np.array([a]), epsilon=1.0, normalize=True
    ),
}


class TestSharesThatVanish:
    """Beyond the line a point counts by its share of the total, which must be a float."""

    @pytest.mark.parametrize("door", DOORS)
    def test_are_refused(self, door):
        with pytest.raises(otgen.InvalidInput, match=r"a must be 0, or have a share .* received 1e-299 at index 1 "):
            DOORS[door](X, Y, HEAVY)

    def test_the_least_share_is_taken(self):
        assert otgen.wasserstein(X, Y, [0.5, 5e-324, 0.5]).value == pytest.approx(math.sqrt(3), rel=1e-9)

    def test_on_the_line_and_for_the_largest_distance_all_count(self):
        x, y = np.array(X), np.array(Y)
        assert otgen.wasserstein(x[:2, 0], [0.0], HEAVY[:2], p=80, normalize=True).value == pytest.approx(
            1e12 * 10 ** (-474 / 80), rel=1e-12
        )
        assert otgen.wasserstein(x, y, HEAVY, p=math.inf, normalize=True).value == pytest.approx(1e12)
