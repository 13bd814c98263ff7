"""On a circle where nobody goes round the proof is that of the line, of the points unrolled."""

import numpy as np
import pytest
from line_truth import line_truth

import otgen
from otgen.proofs import Certificate
from otgen.proofs.monotone import prove_straight

ROUND = otgen.Circular(24.0)


def proven(cost, width):
    """What may have been proven before."""
    return Certificate("dual", cost, cost - width, cost, cost, 0.0, None)


WIDE = proven(1.0, 1.0)


def assert_straight(x, y, unrolled_x, unrolled_y, period=24.0):
    a, b = [0.25, 0.75], [0.5, 0.5]
    found = prove_straight(otgen.Problem.from_points(x, y, a, b, p=2, metric=otgen.Circular(period)), WIDE)
    truth = line_truth(np.array(unrolled_x), np.array(unrolled_y), a, b, 2) ** 2
    assert found.kind == "monotone"
    assert found.lower <= truth <= found.upper <= (1 + 1e-13) * found.lower


@pytest.mark.parametrize("turns", [0.0, 24.0, -48.0])
def test_beside_0_and_beside_half_a_period(turns):
    """Half a period and more from 0 on one side is less than that on the other."""
    for x, y, unrolled_x, unrolled_y in (
        ([-0.5, 11.0], [0.0, 0.75], [-0.5, 11.0], [0.0, 0.75]),
        ([-11.875, 11.75], [11.5, -11.5], [12.125, 11.75], [11.5, 12.5]),
        ([0.875, -11.25], [0.9375, 12.0], [0.875, 12.75], [0.9375, 12.0]),
    ):
        assert_straight(np.add(x, turns), np.add(y, turns), unrolled_x, unrolled_y)


def test_of_any_period():
    assert_straight([-0.4375, 0.375], [0.25, -0.5], [0.5625, 0.375], [0.25, 0.5], period=1.0)
    assert_straight([-30.0, -31.0], [31.0, 30.5], [34.0, 33.0], [31.0, 30.5], period=64.0)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.0, 11.98], [1.0, 2.0]),
        ([0.0, 8.0], [16.0, 1.0]),
        ([5.1, 12.0], [-7.0 - 2.0**-50, 6.0]),  # which a period more would round
    ],
)
def test_where_points_lie_further_apart_or_would_be_rounded(x, y):
    assert prove_straight(otgen.Problem.from_points(x, y, p=2, metric=ROUND), WIDE) is WIDE


@pytest.mark.parametrize(("cost", "width"), [(0.0, 0.0), (8.0, 7e-10), (0.125, 1e-11)])
def test_what_is_narrow_is_left_as_it_is(cost, width):
    problem, narrow = otgen.Problem.from_points([0.0, 1.0], [2.0, 3.0], metric=ROUND), proven(cost, width)
    assert prove_straight(problem, narrow) is narrow


@pytest.mark.parametrize(("cost", "width"), [(0.125, 1e-10), (8.0, 1e-9), (1.0, 0.5)])
def test_what_is_wide_is_not(cost, width):
    problem = otgen.Problem.from_points([0.0, 1.0], [2.0, 3.0], metric=ROUND)
    assert prove_straight(problem, proven(cost, width)).kind == "monotone"


def test_where_there_is_no_circle():
    for problem in (
        otgen.Problem.from_points([0.0, 1.0], [2.0, 3.0]),
        otgen.Problem.from_points(np.eye(2), np.eye(2), metric=ROUND),
        otgen.Problem.from_matrix(np.eye(2)),
    ):
        assert prove_straight(problem, WIDE) is WIDE
