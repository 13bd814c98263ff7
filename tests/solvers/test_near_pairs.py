"""Pairs within a distance: by a tree and row by row the same, and in their places when the distance grows."""

import numpy as np
import pytest

import otgen
from otgen.solvers.near_pairs import NearPairs


def cost_of(x, y, metric="euclidean"):
    return otgen.Problem.from_points(x, y, p=1, metric=metric).cost


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Circular(8)])
@pytest.mark.parametrize("dim", [1, 2, 5, 9])
def test_all_pairs_within_and_no_others(metric, dim):
    rng = np.random.default_rng(dim)
    x, y = (rng.integers(0, 8, (n, dim)).astype(float) for n in (70, 90))  # many ties
    cost = cost_of(x, y, metric)
    everything = cost.block()
    for t in np.quantile(everything, [0.0, 0.1, 0.5, 1.0]):
        rows, columns, distances = NearPairs(cost).within(t)
        assert (np.diff(distances) >= 0).all()
        assert distances == pytest.approx(everything[rows, columns])
        assert len(set(zip(rows.tolist(), columns.tolist()))) == len(rows)
        assert (everything <= t * (1 - 1e-12)).sum() <= len(rows) <= (everything <= t * (1 + 1e-12)).sum()


@pytest.mark.parametrize("dim", [2, 9])
def test_pairs_keep_their_places(dim):
    x, y = np.random.default_rng(dim).integers(0, 4, (2, 80, dim)).astype(float)
    pairs = NearPairs(cost_of(x, y))
    few, many = pairs.within(2.0), pairs.within(3.0)
    assert 0 < len(few.rows) < len(many.rows)
    for part, whole in zip(few, many):
        assert (part == whole[: len(part)]).all()
