"""The pairs that a search for W_inf knows: the nearest of every point, and all that lead out of a cut, each once."""

import numpy as np
import pytest

import otgen
from otgen.solvers.known_pairs import KnownPairs


def clouds(dim, n=80, m=120):
    rng = np.random.default_rng(dim)
    return rng.random((n, dim)), rng.random((m, dim))


def cost_of(x, y, metric="euclidean"):
    return otgen.Problem.from_points(x, y, p=1, metric=metric).cost


METRICS = ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Circular(1.0)]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", [2, 12])
def test_the_nearest_of_every_point_are_known(dim, metric):
    cost = cost_of(*clouds(dim), metric)
    known, everything = KnownPairs(cost), cost.block()
    assert len(set(zip(known.rows.tolist(), known.columns.tolist()))) == len(known.rows)
    assert known.distances == pytest.approx(everything[known.rows, known.columns])
    assert known.floor == pytest.approx(max(everything.min(axis=1).max(), everything.min(axis=0).max()))


@pytest.mark.parametrize("flipped", [False, True])
def test_the_furthest_outweigh_what_is_closer(flipped):
    """A source far from all targets; or a target far from all sources, which all sources together then leave out."""
    x, y = clouds(2)
    x[3] = 5.0
    known = KnownPairs(cost_of(*((y, x) if flipped else (x, y))))
    near = known.cost.block()[known.furthest] < known.floor
    assert known.furthest.sum() == (120 if flipped else 1)
    assert near.any(axis=0).sum() == (79 if flipped else 0)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", [2, 12])
def test_a_cut_is_extended_until_nothing_leads_out(dim, metric):
    cost = cost_of(*clouds(dim), metric)
    known, everything = KnownPairs(cost), cost.block()
    t = float(np.quantile(everything, 0.2))
    sources = np.arange(80) < 20

    def reached():
        inside = known.within(t)
        return np.isin(np.arange(120), known.columns[inside[sources[known.rows[inside]]]])

    while known.extend(sources, targets := reached(), t):
        assert len(set(zip(known.rows.tolist(), known.columns.tolist()))) == len(known.rows)
    assert targets.any()
    assert (targets == (everything[sources] <= t).any(axis=0)).all()
    if not targets.all():
        assert known.least_across(sources, targets) == pytest.approx(everything[sources][:, ~targets].min())
