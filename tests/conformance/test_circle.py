"""Kernels of the circle against sums and minima over all pairs and all turns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proving import assert_feasible

import otgen
from otgen.kernels import circle
from otgen.model.cost.searches import CircleSearches

ORDERS = [1, 1.5, 2, 3]


def sides(seed, p, n=9, m=7, period=3.0):
    """Points in order, some in one place, some at the seam, and whole masses."""
    rng = np.random.default_rng(seed)
    x, y = (np.sort(rng.integers(-6, 7, size) / 4) for size in (n, m))
    a, b = rng.integers(1, 9, n), rng.integers(1, 9, m)
    return circle.Circle(x, y, np.cumsum(a * b.sum()), np.cumsum(b * a.sum()), period, float(p))


def shifted_cost(held, level):
    """What the coupling costs that pairs the masses in order from ``level`` on, unit by unit."""
    total = int(held.before_x[-1])
    units = np.arange(total)
    i, (turn, j) = np.searchsorted(held.before_x, units, side="right"), np.divmod(units - level, total)
    return (
        np.abs(held.x[i] - held.y[np.searchsorted(held.before_y, j, side="right")] - turn * held.period) ** held.p
    ).sum()


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("seed", range(3))
def test_the_slope_is_what_one_unit_more_costs(p, seed):
    held = sides(seed, p)
    total = int(held.before_x[-1])
    for level in (-total, -total // 3, -1, 0, 1, total // 2, total - 1):
        difference = shifted_cost(held, level + 1) - shifted_cost(held, level)
        assert circle.slope(held, level) == pytest.approx(difference, abs=1e-8)


def naive_minima(x, y, g, period, p):
    steps = np.abs(x[:, None] - y)
    return np.minimum(steps, period - steps) ** p - g


@pytest.mark.parametrize("p", ORDERS)
@given(
    st.integers(0, 2**32),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([1.0, 24.0, 2 * np.pi]),
    st.booleans(),
    st.sampled_from([1.0, 0.4]),
)
def test_minima_are_those_over_all_pairs(p, seed, n, m, period, ties, width):
    """Never above them where powers are rounded, and below by next to nothing."""
    rng = np.random.default_rng(seed)
    x, y = (np.sort(((rng.integers(0, 9, k) / 8 if ties else rng.random(k)) - 0.5) * period * width) for k in (n, m))
    g = rng.normal(size=m) * rng.choice([0.0, 0.1, 10.0]) * period**p
    values, argmin = circle.minima(x, y, g, period, p)
    reduced = naive_minima(x, y, g, period, p)
    size = period**p + np.abs(g).max()
    assert (values <= reduced.min(axis=1) + 4e-16 * size).all()
    np.testing.assert_allclose(values, reduced.min(axis=1), atol=1e-14 * (p + 4) * size, rtol=0)
    np.testing.assert_allclose(reduced[np.arange(n), argmin], reduced.min(axis=1), atol=1e-14 * (p + 4) * size, rtol=0)


@pytest.mark.parametrize("p", ORDERS)
def test_costs_of_many_points_search_so_from_both_sides(p):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=300) * 5, rng.normal(size=270)
    cost = otgen.Problem.from_points(x, y, p=p, metric=otgen.Circular(2.5)).cost
    assert isinstance(cost.searches, CircleSearches)
    costs = cost.block()
    g, f = rng.normal(size=270) * 0.1, rng.normal(size=300) * 0.1
    values, argmin = cost.ctransform(g)
    np.testing.assert_allclose(values, (costs - g).min(axis=1), atol=1e-12)
    assert (argmin == (costs - g).argmin(axis=1)).all()
    np.testing.assert_allclose(cost.column_minima(f), (costs.T - f).min(axis=1), atol=1e-12)
    columns, values = cost.nearest(g, 3)
    np.testing.assert_allclose(np.take_along_axis(costs - g, columns, axis=1), values, atol=1e-12)
    g[7] = -np.inf  # one that may not be used
    assert (cost.ctransform(g)[1] == (costs - g).argmin(axis=1)).all()


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("seed", range(5))
def test_potentials_of_the_best_level_leave_no_pair_below_them(p, seed):
    held = sides(seed, p)
    total = int(held.before_x[-1])
    level = next(level for level in range(-total, total + 1) if circle.slope(held, level) >= 0)
    meetings = [
        (turn * 9 + i + 1, j + 1)
        for j in range(7)
        for i in range(9)
        for turn in (-2, -1, 0, 1, 2)
        if held.before_x[i] + turn * total == held.before_y[j] + level
    ]
    assert meetings
    a, b = (np.diff(side, prepend=0) for side in (held.before_x, held.before_y))
    for i, j in meetings:
        f, g = circle.potentials(held, level, i, j)
        assert_feasible((f, g), naive_minima(held.x, held.y, np.zeros(7), held.period, p), 1e-12)
        assert a @ f + b @ g == pytest.approx(shifted_cost(held, level), rel=1e-12)
