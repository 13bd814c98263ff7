"""Minima between grids, axis by axis: against the readable kernels, all pairs, and exact rationals."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.kernels import grids, reference
from otgen.kernels.double_double import UNIT
from otgen.model.cost.grids import ctransform, grid_of, pays
from otgen.model.cost.searches import CelledSearches, GridSearches


@pytest.mark.parametrize(("s", "t", "w"), [(1, 1, 1), (3, 5, 7), (40, 30, 1100), (2, 9, 2500)])
def test_products_of_matrices(s, t, w):
    rng = np.random.default_rng(s)
    costs, table = rng.integers(0, 9, (s, t)) / 4, rng.integers(0, 9, (t, w)) / 4  # ties
    table[rng.random((t, w)) < 0.2] = np.inf
    for ours, expected in zip(grids.min_plus(costs, table), reference.min_plus(costs, table), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_potentials_laid_on_nodes():
    rng = np.random.default_rng(0)
    nodes, g = rng.integers(0, 20, 60), rng.integers(-9, 9, 60) / 4  # several at a node, ties, nodes without any
    g[::7] = -np.inf
    for ours, expected in zip(grids.lay(nodes, g, 30), reference.lay(nodes, g, 30), strict=True):
        np.testing.assert_array_equal(ours, expected)


@st.composite
def grid_points(draw, dim, least=2):
    """Some nodes of a grid, in any order, some twice; every axis of its own offset, scale and spacing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sides = [draw(st.integers(least, 7)) for _ in range(dim)]
    even = draw(st.booleans())
    axes = [rng.normal() * 10 + rng.random() * (np.arange(s) if even else rng.random(s).cumsum()) for s in sides]
    nodes = np.stack([z.ravel() for z in np.meshgrid(*axes)], axis=1)
    kept = rng.permutation(len(nodes))[: draw(st.integers(-(-len(nodes) // 3), len(nodes)))]
    return nodes[np.concatenate([kept, kept[:2]])]


@given(st.data(), st.sampled_from([2, 3]), st.sampled_from([1.0, 2.0]))
def test_minima_and_where_they_are(data, dim, power):
    x, y = data.draw(grid_points(dim)), data.draw(grid_points(dim))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    g = rng.normal(size=len(y)) * 10.0 ** rng.integers(-3, 4)
    rows, columns = grid_of(x), grid_of(y)
    if rows is None or columns is None:
        return
    values, argmin = ctransform(rows, columns, power, g)
    costs = (np.abs(x[:, None] - y) ** power).sum(axis=2)
    reduced, tolerance = costs - g, 1e-14 * (costs.max() + np.abs(g).max())
    np.testing.assert_allclose(values, reduced.min(axis=1), rtol=0, atol=tolerance)
    np.testing.assert_allclose(reduced[np.arange(len(x)), argmin], values, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(
    ("power", "metric", "p"), [(1.0, "cityblock", 1), (2.0, "euclidean", 2), (2.0, "sqeuclidean", 1)]
)
def test_rounding_stays_within_what_proofs_charge(dim, power, metric, p):
    """Against rationals, of potentials that nearly cancel costs and of coordinates with all their digits."""
    rng = np.random.default_rng(dim)
    side = 6 if dim == 2 else 4
    axes = [np.sort(rng.random(side)) for _ in range(dim)]
    x = np.stack([z.ravel() for z in np.meshgrid(*axes)], axis=1)
    cost = otgen.Problem.from_points(x, x, p=p, metric=metric).cost
    r, t = cost.rounding
    for size in (1e-3, 1.0, 1e6):
        g = rng.normal(size=len(x)) * size
        values, _ = ctransform(grid_of(x), grid_of(x), power, g)
        for i in range(0, len(x), 5):
            exact = [
                (sum(abs(Fraction(u) - Fraction(v)) ** int(power) for u, v in zip(x[i], z)), Fraction(s))
                for z, s in zip(x.tolist(), g.tolist())
            ]
            true = min(c - s for c, s in exact)
            allowed = UNIT * abs(values[i]) + r * (abs(values[i]) + np.abs(g).max()) + t
            assert abs(Fraction(values[i]) - true) <= allowed


@given(st.data(), st.sampled_from([2, 3]))
def test_grids_are_recognised(data, dim):
    x = data.draw(grid_points(dim, least=3))
    found = grid_of(x)
    if found is None:  # no coordinate comes twice, or most nodes are empty
        sides = [len(np.unique(z)) for z in x.T]
        assert np.prod(sides) > 8 * len(x) or sides == [len(x)] * dim
        return
    assert (np.stack([axis[at] for axis, at in zip(found.axes, found.at)], axis=1) == x).all()
    assert all((np.diff(axis) > 0).all() for axis in found.axes)


def test_what_is_no_grid():
    rng = np.random.default_rng(0)
    assert grid_of(rng.random((500, 2))) is None
    assert grid_of(np.repeat(np.arange(100.0), 2)[:, None] * [1, 1]) is None  # a line across: hardly any node is taken
    assert grid_of(rng.integers(0, 3, (200, 1)) * 1.0) is None  # the line has its own solver
    assert grid_of(rng.integers(0, 2, (200, 5)) * 1.0) is None  # rounding would have to be charged
    plane = np.stack(np.meshgrid(np.arange(2.0), np.arange(12_000.0)), -1).reshape(-1, 2)
    long = grid_of(plane)
    assert long.shape == (2, 12_000)
    assert not pays(long, long)
    square = np.stack(np.meshgrid(np.arange(64.0), np.arange(64.0)), -1).reshape(-1, 2)
    assert pays(grid_of(square), grid_of(square[:1500]))


def image_cost(**options):
    """Between an image and part of another one, half a pixel aside."""
    u = np.stack(np.meshgrid(np.arange(24.0), np.arange(20.0)), -1).reshape(-1, 2)
    rng = np.random.default_rng(1)
    return otgen.Problem.from_points(u[rng.permutation(480)], u[rng.random(480) < 0.7] * 0.5 + 0.5, **options).cost


@pytest.mark.parametrize(
    "options", [{"p": 2}, {"p": 1, "metric": "cityblock"}, {"p": 1, "metric": "sqeuclidean"}], ids=str
)
@pytest.mark.parametrize("turned", [False, True])
def test_costs_between_grids_search_axis_by_axis(options, turned):
    cost = image_cost(**options)
    cost = cost.T if turned else cost
    assert isinstance(cost.searches, GridSearches)
    n, m = cost.shape
    costs, g = cost.block(), np.random.default_rng(2).normal(size=m)
    np.testing.assert_allclose(cost.ctransform(g)[0], (costs - g).min(axis=1), rtol=0, atol=1e-13)
    np.testing.assert_allclose(cost.T.column_minima(g), (costs - g).min(axis=1), rtol=0, atol=1e-13)
    bars = (costs - g).min(axis=1) + np.where(np.arange(n) % 3, -0.1, 0.1)
    columns, values = cost.price(g, 4, bars)
    expected_columns, expected = cost.nearest(g, 4, bars)
    assert (columns == expected_columns).all()
    np.testing.assert_array_equal(values, expected)
    assert ((columns[:, 0] >= 0) == (np.arange(n) % 3 == 0)).all()
    column, value = cost.price(g, 1, bars)
    assert ((column >= 0) == (columns[:, :1] >= 0)).all()
    np.testing.assert_allclose(value, expected[:, :1], rtol=0, atol=1e-13)


def test_rows_at_their_minimum_are_not_priced():
    """Bars that are the minima but for rounding: by cells about half of them are found below."""
    cost = image_cost()
    g = np.random.default_rng(3).normal(size=cost.shape[1])
    bars = (cost.block() - g).min(axis=1) * (1 + 2 * UNIT)
    assert (cost.price(g, 4, bars)[0] == -1).all()


@pytest.mark.parametrize("options", [{"p": 1}, {"p": 3}, {"p": 1, "metric": "chebyshev"}], ids=str)
def test_costs_that_are_no_sums_search_by_cells(options):
    assert isinstance(image_cost(**options).searches, CelledSearches)
