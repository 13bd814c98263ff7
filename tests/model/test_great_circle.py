"""Angles on the sphere between points close to each other: how far off they are, against 40 digits."""

import itertools

import mpmath
import numpy as np
import pytest

import otgen
from otgen.model.cost import point_cost

QUARTER = np.pi / 2


def angle(one, other):
    (u, v), (s, t) = (map(mpmath.mpf, z) for z in (one, other))
    north, east = mpmath.sin((u - s) / 2) ** 2, mpmath.sin((v - t) / 2) ** 2
    return 2 * mpmath.asin(mpmath.sqrt(north + mpmath.cos(u) * mpmath.cos(s) * east))


def angle_of(one, other, k, sign):
    """The same with coordinate k of one moved by 1e-20."""
    moved = [mpmath.mpf(z) + (sign * mpmath.mpf(10) ** -20 if i == k else 0) for i, z in enumerate(one)]
    return angle(moved, other)


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("width", [(1e-9, 1e-9), (1e-3, 1.0), (0.0, 1e-7), (1e-160, 1e-160), (0.5, 3.0)])
@pytest.mark.parametrize("centre", [(0.0, 0.0), (1.0, -3.0), (1.5, 1.0), (QUARTER, 6.0)])
def test_no_angle_is_farther_off_than_is_said(centre, width, p):
    rng = np.random.default_rng(3)
    low, high = [-QUARTER, -2 * np.pi], [QUARTER, 2 * np.pi]
    x, y = (np.clip(centre + rng.uniform(-0.5, 0.5, (3, 2)) * width, low, high) for _ in range(2))
    cost = point_cost(x, y, "great_circle", p)
    (relative, absolute), costs = cost.rounding, cost.block()
    with mpmath.workdps(40):
        for (i, j), found in np.ndenumerate(costs):
            assert abs(angle(x[i], y[j]) ** p - float(found)) <= relative * float(found) + absolute


def test_near_points_are_known_as_well_as_their_coordinates():
    x, y = np.array([[1.0, 1.0 - 3e-9], [1.0 + 1e-9, 1.0]]), np.array([[1.0, 1.0]])
    result = otgen.wasserstein(x, y, p=3, metric="great_circle")
    with mpmath.workdps(40):
        truth = (sum(angle(z, y[0]) ** 3 for z in x) / 2) ** (mpmath.mpf(1) / 3)
        assert result.lower <= truth <= result.upper
    assert result.upper - result.lower < 1e-11 * result.value


def test_where_a_nearer_way_may_lead_round_errors_are_those_of_the_coordinates():
    x, y = np.array([[0.5, -np.pi]]), np.array([[0.5, np.pi - 1e-9], [0.5, np.pi]])
    cost = point_cost(x, y, "great_circle", 1.0)
    relative, absolute = cost.rounding
    assert absolute > 1e-16
    with mpmath.workdps(40):
        for j, found in enumerate(cost.block()[0]):
            assert abs(angle(x[0], y[j]) - float(found)) <= relative * float(found) + absolute


@pytest.mark.parametrize("p", [9, 300, 700])
@pytest.mark.parametrize("width", [(1e-100, 1e-100), (1e-3, 2e-3), (1.0, 2.0), (np.pi, 4 * np.pi)])
@pytest.mark.parametrize("centre", [(0.0, 0.0), (1.5, 3.0)])
def test_no_order_is_so_high_that_powers_of_angles_are_lost(centre, width, p):
    rng = np.random.default_rng(5)
    low, high = [-QUARTER, -2 * np.pi], [QUARTER, 2 * np.pi]
    x, y = (np.clip(centre + rng.uniform(-0.5, 0.5, (4, 2)) * width, low, high) for _ in range(2))
    result = otgen.wasserstein(x, y, p=p, metric="great_circle")
    with mpmath.workdps(40):
        powers = [[angle(one, other) ** p for other in y] for one in x]
        least = min(sum(powers[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(4)))
        assert result.lower <= (least / 4) ** (mpmath.mpf(1) / p) <= result.upper
    assert result.upper - result.lower <= 1e-10 * result.value
    assert result.status is otgen.Status.OPTIMAL


@pytest.mark.parametrize("p", [2.0, 300.0])
def test_costs_in_a_unit_and_their_slopes(p):
    rng = np.random.default_rng(6)
    x, y = rng.uniform(-1e-3, 1e-3, (2, 3, 2))
    posed = point_cost(x, y, "great_circle", p)
    cost = posed.scaled()
    assert (cost.scale == posed.scale) == (p == 2)
    rows, columns = map(np.ravel, np.indices((3, 3)))
    costs, slopes = cost.block().ravel(), cost.pair_slopes(rows, columns)[0]
    with mpmath.workdps(40):
        unit = mpmath.mpf(2) ** cost.scale.exponent
        for i, j, found, slope in zip(rows, columns, costs, slopes, strict=True):
            np.testing.assert_allclose(found, float((angle(x[i], y[j]) / unit) ** p), rtol=1e-10)
            for k in range(2):
                turn = (angle_of(x[i], y[j], k, 1) - angle_of(x[i], y[j], k, -1)) * mpmath.mpf(10) ** 20 / 2
                true = p * (angle(x[i], y[j]) / unit) ** (p - 1) / unit * turn
                np.testing.assert_allclose(slope[k], float(true), rtol=1e-9, atol=1e-9 * float(found))
