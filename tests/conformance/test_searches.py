"""Searches that skip, and searches by matrix product, against searches that look at every pair."""

import numpy as np
import pytest

from otgen import Minkowski, Problem
from otgen.kernels import CELL, cpu, kdtree, point_ground, reference
from otgen.model.cost.searches import GroundSearches, ProductSearches

FORMS = [(2.0, 1.0), (2.0, 0.5), (1.0, 1.0), (np.inf, 2.0), (3.0, 1 / 3)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_boxes_change_nothing(form, d):
    rng = np.random.default_rng(0)
    x, y, g = rng.random((40, d)), rng.normal(0.5, 0.3, (5 * CELL + 7, d)), rng.normal(size=5 * CELL + 7) * 0.05
    order = kdtree.kd_order(y)
    y = y[order]
    plain = point_ground(x, y, *form)
    boxed = point_ground(x, y, *form, celled=True)
    values, argmin = cpu.ctransform(boxed, g)
    expected, where = cpu.ctransform(plain, g)
    assert (values == expected).all()
    assert (argmin == where).all()
    columns, values = cpu.nearest(boxed, g, 5)
    np.testing.assert_allclose(values, reference.nearest(plain, g, 5)[1], atol=1e-14)
    assert (cpu.nearest(plain, g, 5)[0] == columns).all()


@pytest.mark.parametrize("n", [1, 4, 5, 37, 200])
def test_kd_order_is_a_permutation_with_small_cells(n):
    points = np.random.default_rng(n).random((n, 2))
    order = kdtree.kd_order(points)
    assert sorted(order) == list(range(n))
    if n == 200:
        cells = points[order].reshape(50, 4, 2)
        assert np.ptp(cells, axis=1).prod(axis=1).sum() < 0.5  # disjoint cells, smaller than the square


def test_kd_order_of_equal_points_ends():
    assert sorted(kdtree.kd_order(np.zeros((100, 3)))) == list(range(100))


@pytest.mark.parametrize("p", [1, 2, 3])
def test_products_find_the_nearest(p):
    rng = np.random.default_rng(p)
    cost = Problem.from_points(rng.random((520, 20)), rng.random((4 * CELL, 20)), p=p).cost
    g = rng.normal(size=4 * CELL) * 0.01
    columns, values = cost.price(g, 4)
    expected_columns, expected = cost.nearest(g, 4)
    assert isinstance(cost.searches, ProductSearches)
    np.testing.assert_allclose(values, expected, atol=1e-12)
    assert (columns == expected_columns).mean() > 0.99


def test_products_are_taken_only_where_they_are_accurate():
    rng = np.random.default_rng(0)
    x, y = rng.random((520, 20)), rng.random((4 * CELL, 20))
    shifted = Problem.from_points(x + 1e6, y + 1e6).cost.searches
    assert isinstance(shifted, ProductSearches)  # an offset alone does no harm: points are centred
    wide = rng.random((520, 40_000)), rng.random((4 * CELL, 40_000))
    assert isinstance(
        Problem.from_points(*wide).cost.searches, GroundSearches
    )  # 40 000 dimensions: the sum of roundings is too much


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev", Minkowski(3)])
def test_costs_search_alike_from_both_sides(metric):
    rng = np.random.default_rng(1)
    cost = Problem.from_points(rng.random((300, 2)), rng.random((270, 2)), p=1, metric=metric).cost
    assert cost.pruned
    costs = cost.block()
    g, f = rng.normal(size=270) * 0.1, rng.normal(size=300) * 0.1
    np.testing.assert_allclose(cost.ctransform(g)[0], (costs - g).min(axis=1), atol=1e-15)
    np.testing.assert_allclose(cost.T.ctransform(f)[0], (costs.T - f).min(axis=1), atol=1e-15)
    columns, values = cost.nearest(g, 3)
    np.testing.assert_allclose(np.take_along_axis(costs - g, columns, axis=1), values, atol=1e-15)


def test_sifted_ctransforms_are_those_of_all_pairs():
    rng = np.random.default_rng(3)
    x, y, g = rng.random((200, 30)), rng.random((300, 30)), rng.normal(size=300) * 0.1
    y[100:200] = y[:100]  # ties: the product leaves too many candidates
    g[100:200] = g[:100]
    y[200:205], g[200:205] = y[0], g[0]
    cost = Problem.from_points(x, y).cost
    values, argmin = cost.ctransform(g)
    expected = cost.block() - g
    np.testing.assert_allclose(values, expected.min(axis=1), rtol=0, atol=1e-13)
    np.testing.assert_allclose(expected[np.arange(200), argmin], values, rtol=0, atol=1e-13)
    plain, where = cpu.ctransform(cost._ground, g)
    assert np.abs(values - plain).max() <= 1e-13
    assert (argmin == where).mean() > 0.99
