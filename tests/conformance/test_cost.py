"""One suite for every implementation of a cost: each is held to the dense matrix of its entries.

A new one is a line in ``COSTS``: how it is made, with its entries from elsewhere.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from types import FunctionType

import numpy as np
import pytest
import scipy.sparse
from scipy.spatial.distance import cdist

from otgen import Circular, Minkowski
from otgen.model.cost import CallableCost, Cost, MatrixCost, PaddedCost, PointCost, SparseCost
from otgen.model.cost.padded import PaddedSearches
from otgen.model.cost.passes import CelledPasses, GroundPasses, ProductPasses
from otgen.model.cost.searches import CelledSearches, GroundSearches, ProductSearches
from otgen.model.units import ONE

INF = np.inf


@dataclass(frozen=True)
class Case:
    """A cost, its entries, and the parts that it must have chosen."""

    cost: Cost
    entries: np.ndarray
    parts: tuple = ()


def clouds(n, m, d):
    rng = np.random.default_rng(n + m + d)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.2


def points(n, m, d, metric, p, parts=(GroundPasses, GroundSearches)):
    x, y = clouds(n, m, d)
    return Case(PointCost(x, y, metric, float(p)), cdist(x, y, metric) ** p, parts)


def in_kd_order():
    x, y = clouds(300, 250, 2)
    cost = PointCost(x, y)
    places = cost.merging.places
    entries = cdist(x[places[0].first], y[places[1].first]) ** 2
    return Case(
        cost.restricted(*(side.first for side in places), ordered=True), entries, (CelledPasses, CelledSearches)
    )


def minkowski():
    x, y = clouds(13, 11, 3)
    return Case(PointCost(x, y, Minkowski(3), 1.5), cdist(x, y, "minkowski", p=3) ** 1.5)


def circular():
    x, y = clouds(13, 11, 1)
    apart = np.abs(x - y.T) % 2.0
    return Case(PointCost(x, y, Circular(2.0), 1.0), np.minimum(apart, 2.0 - apart))


def great_circle():
    (x, y), on_sphere = (
        clouds(13, 11, 2),
        lambda z: np.stack(
            [np.cos(z[:, 0]) * np.cos(z[:, 1]), np.cos(z[:, 0]) * np.sin(z[:, 1]), np.sin(z[:, 0])], axis=1
        ),
    )
    x, y = np.clip(x, -1.5, 1.5), np.clip(y, -1.5, 1.5)
    return Case(PointCost(x, y, "great_circle", 1.0), np.arccos(np.clip(on_sphere(x) @ on_sphere(y).T, -1, 1)))


def matrix(order="C", forbidden=False):
    entries = np.random.default_rng(5).normal(size=(13, 11))
    if forbidden:
        entries[np.random.default_rng(6).random((13, 11)) < 0.3] = INF
        entries[:, 3], entries[4] = 0.5, 0.25
    return Case(MatrixCost(np.array(entries, order=order)), entries)


def sparse():
    entries = matrix(forbidden=True).entries
    rows, columns = np.nonzero(np.isfinite(entries))
    csr = scipy.sparse.csr_array((entries[rows, columns], (rows, columns)), entries.shape)
    csr.sort_indices()
    return Case(SparseCost(csr), entries)


def by_callable():
    x, y = clouds(13, 11, 3)
    return Case(CallableCost(x, y, lambda u, v: cdist(u, v, "cityblock"), 2.0), cdist(x, y, "cityblock") ** 2)


def with_dummy(inner):
    n, m = inner.entries.shape
    rng = np.random.default_rng(n)
    column, row = rng.random(n), rng.random(m)
    entries = np.block([[inner.entries, column[:, None]], [row[None], np.array([[0.25]])]])
    return Case(PaddedCost(inner.cost, column, row, 0.25, (n, m)), entries, (GroundPasses, PaddedSearches))


COSTS = {
    "euclidean^2": lambda: points(13, 11, 3, "euclidean", 2),
    "cityblock": lambda: points(13, 11, 3, "cityblock", 1),
    "chebyshev": lambda: points(13, 11, 3, "chebyshev", 1),
    "minkowski": minkowski,
    "sqeuclidean": lambda: points(13, 11, 3, "sqeuclidean", 1),
    "cosine": lambda: points(13, 11, 3, "cosine", 1),
    "circular": circular,
    "great circle": great_circle,
    "cells": lambda: points(300, 250, 2, "euclidean", 2, (CelledPasses, CelledSearches)),
    "cells, in order": in_kd_order,
    "products": lambda: points(300, 250, 12, "euclidean", 2, (ProductPasses, ProductSearches)),
    "product of distances": lambda: points(300, 250, 12, "euclidean", 1, (GroundPasses, ProductSearches)),
    "one column": lambda: points(13, 1, 3, "euclidean", 2),
    "matrix": matrix,
    "matrix by columns": lambda: matrix("F"),
    "matrix that forbids": lambda: matrix(forbidden=True),
    "sparse": sparse,
    "callable": by_callable,
    "points and a dummy": lambda: with_dummy(points(13, 11, 3, "euclidean", 2)),
    "a callable and a dummy": lambda: with_dummy(by_callable()),
    "cells and a dummy": lambda: with_dummy(points(300, 250, 2, "euclidean", 1.5)),
    "products and a dummy": lambda: with_dummy(points(300, 250, 12, "euclidean", 2)),
}


@pytest.fixture(params=COSTS)
def case(request):
    return COSTS[request.param]()


@pytest.fixture(params=[name for name in COSTS if "column" not in name])
def both(request):
    """A cost and its transpose."""
    found = COSTS[request.param]()
    return found, Case(found.cost.T, found.entries.T)


def vectors(entries, seed=0):
    rng = np.random.default_rng(seed)
    n, m = entries.shape
    return rng.normal(size=n) * 0.1, rng.normal(size=m) * 0.1, rng.random(n) + 0.1, rng.random(m) + 0.1


def close(found, expected, relative=1e-10):
    finite = np.abs(expected[np.isfinite(expected)])
    np.testing.assert_allclose(found, expected, rtol=relative, atol=relative * float(finite.max(initial=1.0)))


def kinds_of(kind=Cost):
    """All classes of costs below one."""
    return [each for below in kind.__subclasses__() for each in (below, *kinds_of(below))]


def test_every_cost_is_here():
    assert {type(made().cost) for made in COSTS.values()} == {kind for kind in kinds_of() if not kind.__subclasses__()}


def test_nothing_is_overridden():
    """A method is abstract or final, and so is a class; what differs is a part of its own."""
    for kind in (Cost, *kinds_of()):
        assert bool(kind.__abstractmethods__) == bool(kind.__subclasses__()) != getattr(kind, "__final__", False)
        own = {
            name
            for name, it in vars(kind).items()
            if isinstance(it, FunctionType | property | cached_property) and not name.startswith("__")
        }
        for below in kinds_of(kind):
            assert not (own - kind.__abstractmethods__) & set(vars(below))


def test_it_has_chosen_its_parts(case):
    if case.parts:
        assert (type(case.cost.passes), type(case.cost.searches)) == case.parts


def test_entries(both):
    for case in both:
        n, m = case.cost.shape
        assert case.entries.shape == (n, m)
        close(case.cost.block(), case.entries)
        close(case.cost.block(slice(2, 7)), case.entries[2:7])
        close(np.concatenate([block for _, block in case.cost.blocks()]), case.entries)
        rows, columns = np.random.default_rng(1).integers(0, (n, m), (50, 2)).T
        close(case.cost.pairs(rows, columns), case.entries[rows, columns])
        low, high = case.cost.range()
        finite = case.entries[np.isfinite(case.entries)]
        assert low <= finite.min() + 1e-12
        assert finite.max() <= high * (1 + 1e-12)
        assert case.cost.highest == max(abs(low), abs(high))
        assert case.cost.forbids == bool(np.isinf(case.entries).any())


def test_minima(both):
    for case in both:
        f, g, *_ = vectors(case.entries)
        reduced = case.entries - g
        values, argmin = case.cost.ctransform(g)
        close(values, reduced.min(axis=1))
        close(reduced[np.arange(len(f)), argmin], reduced.min(axis=1))
        close(case.cost.column_minima(f), (case.entries - f[:, None]).min(axis=0))


@pytest.mark.parametrize("ask", ["nearest", "price"])
def test_nearest_columns(both, ask):
    for case in both:
        _, g, *_ = vectors(case.entries)
        reduced = np.sort(case.entries - g, axis=1)
        columns, values = getattr(case.cost, ask)(g, 3)
        close(values, reduced[:, :3], 1e-9)
        listed = columns >= 0
        assert (listed == np.isfinite(reduced[:, :3])).all()
        close(np.where(listed, np.take_along_axis(case.entries - g, np.maximum(columns, 0), 1), INF), values, 1e-9)
        below = (reduced[:, 0] + reduced[:, 1]) / 2
        columns, values = getattr(case.cost, ask)(g, 3, below)
        assert (columns[:, 0] >= 0).all()
        assert (columns[:, 1:] == -1).all()
        assert (values[:, 1:] == INF).all()


def test_sums(both):
    for case in both:
        f, g, a, b = vectors(case.entries)
        epsilon, finite = 0.7, np.where(np.isfinite(case.entries), case.entries, 0.0)
        kernel = np.exp((f[:, None] + g - case.entries) / epsilon)
        columns = np.stack([b, g], axis=1)
        close(case.cost.sums(b), finite @ b)
        close(case.cost.softmin(g, epsilon), -epsilon * np.log(np.exp((g - case.entries) / epsilon).sum(axis=1)))
        close(case.cost.gibbs(f, g, epsilon, columns), kernel @ columns)
        close(case.cost.gibbs_cost(f, g, epsilon, b), (kernel * finite) @ b)
        log_rows, sums = case.cost.sweep(f, g, a, b, epsilon, 0.6, -0.2)
        close(log_rows, np.log(kernel @ b))
        close(sums, kernel.T @ (a * np.exp(-0.6 * np.maximum(np.log(kernel @ b), -0.2))))


@pytest.mark.parametrize("name", ["euclidean^2", "cells", "products", "cosine", "callable", "matrix", "sparse"])
def test_symmetric_sums(name):
    cost = COSTS[name]().cost
    if isinstance(cost, MatrixCost | SparseCost):
        square = np.abs(np.subtract.outer(np.arange(9.0), np.arange(9.0)))
        cost = MatrixCost(square) if isinstance(cost, MatrixCost) else SparseCost(scipy.sparse.csr_array(square + 1.0))
    else:
        cost = cost.own()[0]
    f, _, a, _ = vectors(cost.block())
    expected = np.log(np.exp((f[:, None] + f - cost.block()) / 0.7) @ a)
    found = cost.symmetric(f, a, 0.7)
    close(found[np.isfinite(found)], expected[np.isfinite(found)])
    assert np.isfinite(found).mean() > 0.5


def test_parts_of_it(case):
    n, m = case.cost.shape
    rng = np.random.default_rng(2)
    rows, columns = rng.permutation(n)[: n // 2 + 1], rng.permutation(m)[: m // 2 + 1]
    part = case.cost.restricted(rows, columns)
    close(part.block(), case.entries[np.ix_(rows, columns)])
    close(part.ctransform(np.zeros(len(columns)))[0], case.entries[np.ix_(rows, columns)].min(axis=1))
    close(case.cost.restricted(np.arange(n), np.arange(m)).block(), case.entries)


def test_pairs_that_are_allowed(both):
    for case in both:
        if case.cost.forbids:
            pairs = list(zip(*(side.tolist() for side in case.cost.allowed_pairs())))
            assert sorted(pairs) == [tuple(pair) for pair in np.argwhere(np.isfinite(case.entries)).tolist()]
        elif case.cost.of_points:
            with pytest.raises(AssertionError, match="forbidden"):
                case.cost.allowed_pairs()


def test_the_points_alone(case):
    if not case.cost.of_points:
        with pytest.raises(AssertionError, match="no points"):
            _ = case.cost.clouds
        return
    clouds = case.cost.clouds
    n, m = len(clouds.x), len(clouds.y)
    assert clouds.shape == (n, m)
    close(clouds.block(), case.entries[:n, :m])
    for own, points in zip(clouds.own(), (clouds.x, clouds.y)):
        assert (own.x == points).all()
        assert (own.y == points).all()
        assert (own.p, type(own)) == (clouds.p, type(clouds))
    close(clouds.distances.block() ** clouds.p, case.entries[:n, :m])


def test_pairs_that_coincide(case):
    """Known of a metric in the table only: a callable might tell equal points apart, and of a matrix nothing is known."""
    rows, columns = np.array([0, 1]), np.array([0, 0])
    if case.cost.entry is None:
        assert case.cost.coincide(rows, columns) is None
    else:
        beside = case.cost.between(case.cost.x, case.cost.x[:1])
        assert beside.coincide(rows, columns).tolist() == [True, False]


def test_places_and_coarser_costs(case):
    n, m = case.cost.shape
    one, other = case.cost.merging.places
    close(case.entries[one.first][one.of][:, other.first][:, other.of], case.entries)
    cost = case.cost.restricted(one.first, other.first, ordered=True)
    supply, demand = np.arange(1, n + 1), np.arange(1, m + 1)
    coarse = cost.merging.coarser(supply, demand)
    assert (coarse.supply.sum(), coarse.demand.sum()) == (supply.sum(), demand.sum())
    assert coarse.cost.shape == (len(coarse.supply), len(coarse.demand))
    assert len(coarse.supply) < n
    assert coarse.across().shape == (len(coarse.supply), m)
    nearest = coarse.across().block().min(axis=1)  # cells are made of points, whose costs they have nearly
    assert nearest.min() <= case.entries[np.isfinite(case.entries)].max() + 1e-9


def test_points_that_coincide_are_one_place_where_a_metric_is_known(case):
    if not case.cost.of_points or 1 in case.cost.shape:
        return
    clouds = case.cost.clouds
    twice = clouds.between(np.concatenate([clouds.x, clouds.x[:2]]), clouds.y)
    found = twice.merging.places[0]
    assert len(found.first) == len(clouds.x) + (0 if clouds.entry is not None else 2)
    prices = np.zeros(len(twice.x)), np.zeros(len(twice.y))
    beside = twice.padded(*prices, 0.0).merging.places[0]
    assert len(beside.first) == len(found.first) + 1
    prices[0][-1] = 1.0  # of one place, at another price
    assert len(twice.padded(*prices, 0.0).merging.places[0].first) == len(clouds.x) + (
        2 if clouds.entry is not None else 3
    )


@pytest.mark.parametrize("power", [-300, 0, 300])
def test_scaling_is_exact(case, power):
    cost = case.cost
    if isinstance(cost, PointCost):
        cost = replace(cost, x=cost.x * 2.0**power, y=cost.y * 2.0**power) if cost.entry.by_differences else cost
    elif isinstance(cost, MatrixCost):
        cost = replace(cost, matrix=cost.matrix * 2.0**power)
    scaled = cost.scaled()
    back = scaled.block() if scaled.scale == ONE else scaled.block() * 2.0 ** (scaled.scale.exponent * cost.p)
    expected = cost.block()
    np.testing.assert_allclose(back, expected, rtol=1e-13 if cost.p in (1, 2) else 1e-10)
    assert not isinstance(cost, MatrixCost) or 0.5 <= scaled.highest < 1.0


def test_single_precision(case):
    single = case.cost.astype(np.float32)
    f, g, a, b = vectors(case.entries)
    log_rows, sums = single.sweep(f, g, a, b, 0.7)
    expected, theirs = case.cost.sweep(f, g, a, b, 0.7)
    np.testing.assert_allclose(log_rows, expected, atol=2e-4)
    np.testing.assert_allclose(sums, theirs, rtol=2e-3)


def test_what_is_forbidden_stays_so():
    for name in ("matrix that forbids", "sparse"):
        case = COSTS[name]()
        np.testing.assert_array_equal(case.cost.allowed().block(), np.where(np.isinf(case.entries), INF, 0.0))
    for name in ("euclidean^2", "callable"):
        with pytest.raises(AssertionError, match="forbidden"):
            COSTS[name]().cost.allowed()


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev", "cosine", "great_circle", Circular(2.0), Minkowski(3)])  # fmt: skip
def test_a_leading_axis_is_many_costs(metric):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0.1, 1.4, (4, 6, 2)), rng.uniform(0.1, 1.4, (4, 5, 2))
    f, g, a, b, epsilon = rng.random((4, 6)), rng.random((4, 5)), rng.random((4, 6)), rng.random((4, 5)), rng.random(4) + 0.5  # fmt: skip
    stack = PointCost(x, y, metric, 1.0)
    alone = [PointCost(x[k], y[k], metric, 1.0) for k in range(4)]
    assert stack.shape == (6, 5)
    assert (stack.range()[1] >= np.array([cost.block().max() for cost in alone])).all()
    asked = {
        "block": ((), ()),
        "sums": ((b,), ()),
        "column_minima": ((f,), ()),
        "softmin": ((g,), (epsilon,)),
        "gibbs_cost": ((f, g), (epsilon, b)),
        "gibbs_slope": ((f, g), (epsilon, b)),
        "sweep": ((f, g, a, b), (epsilon,)),
    }
    for name, (first, last) in asked.items():
        found = getattr(stack, name)(*first, *last)
        for k, cost in enumerate(alone):
            theirs = getattr(cost, name)(*(z[k] for z in first), *(z[k] for z in last))
            pairs = zip(found, theirs, strict=True) if isinstance(theirs, tuple) else [(found, theirs)]
            for mine, other in pairs:
                np.testing.assert_allclose(mine[k], other, rtol=1e-10, atol=1e-12)
    errors = np.broadcast_to(stack.exponent_error, 4)
    assert (errors > 0).all()
