"""Points that coincide: found, added up and shared out again, against slow twins and exact rationals."""

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest

from otgen.kernels import duplicates as places_module
from otgen.kernels.duplicates import all_distinct, common_places, shared_out, unique_points


def exactly(pairs):
    return [Fraction(float(high)) + Fraction(float(low)) for high, low in zip(*pairs)]


@pytest.mark.parametrize(
    "points",
    [
        np.random.default_rng(0).integers(0, 4, (200, 2)).astype(float),
        np.random.default_rng(1).random((50, 3)),
        np.asfortranarray(np.random.default_rng(2).integers(-1, 2, (100, 4)) * 1e-300),
        np.zeros((5, 1)),
        np.ones((1, 3)),
    ],
)
def test_places_are_the_distinct_points(points):
    found = unique_points(points)
    assert (points[found.first][found.of] == points).all()
    assert len(found.first) == len(np.unique(points, axis=0))
    assert sorted(found.of[found.first]) == list(range(len(found.first)))


def test_the_two_zeros_are_one_place():
    assert len(unique_points(np.array([[0.0, 1.0], [-0.0, 1.0]])).first) == 1


@pytest.mark.parametrize("seed", range(5))
def test_common_places_are_those_of_both_sides(seed):
    rng = np.random.default_rng(seed)
    one, other = (np.unique(rng.integers(-2, 3, (size, 2)) * 1.0, axis=0) for size in (12, 18))
    one, other = one[rng.permutation(len(one))], other[rng.permutation(len(other))]
    rows, columns = common_places(one, other)
    slow = {(i, j) for i in range(len(one)) for j in range(len(other)) if (one[i] == other[j]).all()}
    assert set(zip(rows.tolist(), columns.tolist())) == slow
    assert len(rows) == len(slow)


def test_no_place_is_common_twice_where_a_side_repeats_it():
    one, other = np.zeros((3, 2)), np.zeros((2, 2))
    assert [len(side) for side in common_places(one, other)] == [1, 1]
    assert [len(side) for side in common_places(one, other + 1.0)] == [0, 0]


def test_points_that_differ_are_never_one_place_whatever_their_hashes(monkeypatch):
    # two points of one hash of 64 bits are not to be found
    monkeypatch.setattr(places_module, "_hashes", lambda points: np.zeros(len(points), np.uint64))
    points = np.random.default_rng(0).integers(0, 3, (60, 2)).astype(float)
    found = unique_points(points)
    assert (points[found.first][found.of] == points).all()


@pytest.mark.parametrize("seed", range(5))
def test_order_sums_and_shares(seed):
    rng = np.random.default_rng(seed)
    found = unique_points(rng.integers(0, 3, (40, 2)).astype(float))
    order = rng.permutation(len(found.first))
    again = found.reordered(order)
    assert (again.first == found.first[order]).all()
    assert (again.first[again.of] == found.first[found.of]).all()
    whole = rng.integers(1, 2**40, 40)
    pairs = rng.random(40), rng.random(40) * 1e-18
    exact = exactly(pairs)
    sums = exactly(again.shares(pairs))
    for k, count in enumerate(again.masses(whole)):
        assert count == whole[again.of == k].sum()
        assert float(abs(sums[k] - sum(exact[i] for i in np.flatnonzero(again.of == k)))) < 1e-29


@pytest.mark.parametrize("seed", range(20))
def test_flows_keep_their_size_and_every_point_gives_its_share(seed):
    """Masses over fifteen orders of magnitude, each whole in units of 2 ** -60, so that the rationals agree to the last."""
    rng = np.random.default_rng(seed)
    found = unique_points(rng.integers(0, 4, (30, 1)).astype(float))
    units = rng.integers(1, 2 ** rng.integers(1, 45, 30))
    high = units * 2.0**-60
    mass = high, np.zeros(30)
    place, flow = [], []
    for k, total in enumerate(found.masses(units)):
        cuts = np.unique(rng.integers(0, total + 1, 3))
        parts = np.diff(np.concatenate([[0], cuts, [total]]))
        parts = parts[parts > 0]
        place += [k] * len(parts)
        flow += list(parts * 2.0**-60)
    shuffled = rng.permutation(len(place))
    place, flow = np.array(place)[shuffled], np.array(flow)[shuffled]
    at, of, out = shared_out(found, mass, place, (flow, np.zeros(len(flow))))
    assert (found.of[at] == place[of]).all()
    assert len(at) <= len(flow) + 30
    given, left = defaultdict(Fraction), defaultdict(Fraction)
    for i, k, size in zip(at, of, exactly(out)):
        assert size > 0
        given[i] += size
        left[k] += size
    assert [given[i] for i in range(30)] == [Fraction(float(z)) for z in high]
    assert [left[k] for k in range(len(flow))] == [Fraction(float(z)) for z in flow]


def test_places_of_their_own_pass_flows_on():
    flow = np.array([0.25, 0.75]), np.array([1e-20, 0.0])
    at, of, out = shared_out(
        all_distinct(2).reordered(np.array([1, 0])), (np.ones(2), np.zeros(2)), np.array([0, 1]), flow
    )
    assert at.tolist() == [1, 0]
    assert of.tolist() == [0, 1]
    assert exactly(out) == exactly(flow)
