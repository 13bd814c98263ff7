"""What chance alone gives: random splits against exact counts, and verdicts in words."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otgen.app.chance import Chance, splits, usual_splits


def means_apart(x, y, a, b):
    return float(abs(np.average(x, weights=a) - np.average(y, weights=b)))


def test_splits_are_those_of_the_pool():
    """Many splits of five points in sets of two and three: every one of the ten that there are, and no other value."""
    x, y = np.array([0.0, 1.0]), np.array([3.0, 7.0, 15.0])
    pool = np.concatenate([x, y])
    truth = {round(abs(pool[list(c)].mean() - np.delete(pool, c).mean()), 9) for c in combinations(range(5), 2)}
    found = splits(means_apart, x, y, None, None, 300, seed=0)
    assert {round(value, 9) for value in found} == truth
    assert found == splits(means_apart, x, y, None, None, 300, seed=0)
    assert found != splits(means_apart, x, y, None, None, 300, seed=1)


def test_weights_stay_with_their_points():
    """Points that weigh their own square, sides of equal mean weight: in every split, weights are in proportion to the squares."""
    x, y = np.array([1.0, 7.0]), np.array([5.0, 5.0, 5.0])
    seen = []

    def measure(x, y, a, b):
        for points, weights in ((x, a), (y, b)):
            np.testing.assert_allclose(weights, points**2 / (points**2).sum(), rtol=1e-12)
        seen.append(x)
        return 0.0

    splits(measure, x, y, x**2, 3 * y**2, 30, seed=0)
    assert len({tuple(sorted(one)) for one in seen}) > 2


def test_a_side_without_weight_is_nowhere():
    assert (
        splits(means_apart, np.zeros(1), np.ones(3), np.ones(1), np.array([0.0, 0.0, 1.0]), 20, seed=0).count(0.0) > 0
    )


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0, 10), st.floats(0, 1))
def test_the_p_value_counts_what_is_as_far(values, observed, slack):
    found = Chance(tuple(values), observed, slack)
    as_far = sum(value >= observed - slack for value in values)
    assert found.p_value == (1 + as_far) / (1 + len(values))
    assert ("beyond chance: " in found.verdict) == (found.p_value <= 0.05)
    assert found.to_dict()["as_far"] == as_far


def test_under_one_law_it_rarely_says_more():
    """Forty pairs of samples of one law: a test of level 1 in 20 calls few of them different, one of two laws nearly all."""
    rng = np.random.default_rng(0)

    def called_different(shift):
        x, y = rng.normal(size=30), rng.normal(size=30) + shift
        found = splits(means_apart, x, y, None, None, 19, seed=int(rng.integers(2**31)))
        return Chance(found, means_apart(x, y, None, None)).p_value <= 0.05

    assert sum(called_different(0.0) for _ in range(40)) <= 7
    assert sum(called_different(2.0) for _ in range(40)) == 40


@pytest.mark.parametrize(("n", "d", "count"), [(500, 2, 19), (501, 2, 0), (50_000, 1, 19), (50_001, 1, 0)])
def test_how_many_unless_one_says(n, d, count):
    points = np.broadcast_to(0.0, (n, d))
    assert usual_splits(points, points) == count
