"""Angles on the sphere between points close to each other: how far off they are, against 40 digits."""

import mpmath
import numpy as np
import pytest

import otgen
from otgen.model.cost import point_cost

QUARTER = np.pi / 2


def angle(one, other):
    (u, v), (s, t) = (map(mpmath.mpf, map(float, z)) for z in (one, other))
    north, east = mpmath.sin((u - s) / 2) ** 2, mpmath.sin((v - t) / 2) ** 2
    return 2 * mpmath.asin(mpmath.sqrt(north + mpmath.cos(u) * mpmath.cos(s) * east))


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
