"""Directions that are drawn together: uniform one by one, less variance together, and standard errors that hold."""

import numpy as np
import pytest
from chosen import every
from scipy import stats

import otgen
from otgen.distances.directions import DESIGNS, Directions, drawn

TOGETHER = ("orthogonal", "quasi-random")


def clouds(d):
    rng = np.random.default_rng(d)
    return rng.normal(size=(60, d)), rng.normal(size=(60, d)) * np.linspace(1, 2, d) + d**-0.5


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("d", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("count", [1, 7, 19, 20, 100, 129])
def test_unit_vectors_in_independent_groups(design, d, count):
    found = drawn(design, count, d, np.random.default_rng(0))
    assert found.rows.shape == (count, d)
    np.testing.assert_allclose((found.rows**2).sum(axis=1), 1, rtol=1e-12)
    assert found.groups >= min(10, count)
    assert found.size == 1 or found.groups >= 10
    if design == "orthogonal":
        for k in range(0, count, found.size):
            block = found.rows[k : k + found.size]
            np.testing.assert_allclose(block @ block.T, np.eye(len(block)), atol=1e-12)


@pytest.mark.parametrize(
    ("design", "d"), every(TOGETHER, [2, 3, 5], by_day=[("orthogonal", 3), ("quasi-random", 2), ("quasi-random", 5)])
)
@pytest.mark.by_day(1)
def test_every_place_in_a_group_is_uniform(design, d):
    """The squared coordinate of a uniform direction is of a beta law, for any place in any group."""
    rng = np.random.default_rng(1)
    draws = np.array([drawn(design, 40, d, rng).rows for _ in range(500)])
    assert drawn(design, 40, d, rng).size >= 2
    for place in (0, 1, 3, 39):
        for axis in (0, d - 1):
            squares = draws[:, place, axis] ** 2
            assert stats.kstest(squares, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > 1e-4


def test_orthogonal_blocks_measure_a_shift_exactly():
    """Squared cosines with d orthogonal directions add up to 1, so that W_2 of two single points has no variance left."""
    result = otgen.sliced_wasserstein([[0.0, 0, 0]], [[1.0, 2, 2]], n_projections=60, directions="orthogonal", rng=0)
    assert result.value == pytest.approx(3**0.5, rel=1e-14)
    assert result.standard_error < 1e-14
    assert "60 orthogonal projections in 20 blocks" in result.solver


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("design", "d"),
    every(DESIGNS, [2, 3, 6], by_day=[("independent", 6), ("orthogonal", 3), ("quasi-random", 2)]),
)
@pytest.mark.by_day(1)
def test_unbiased_and_covered(design, d):
    """Over 300 seeds: the mean is that of 40 000 directions, the 95 % intervals of Student's law hold it as often as they say."""
    x, y = clouds(d)
    truth = otgen.sliced_wasserstein(x, y, n_projections=40_000, directions="orthogonal", rng=10**6)
    count = 96
    found = [otgen.sliced_wasserstein(x, y, n_projections=count, directions=design, rng=seed) for seed in range(300)]
    costs = np.array([result.cost for result in found])
    errors = np.array([2 * result.cost * result.standard_error / result.value for result in found])
    spread = costs.std(ddof=1)
    assert abs(costs.mean() - truth.cost) < 4 * spread / 300**0.5 + 4 * truth.standard_error * truth.value
    assert np.sqrt((errors**2).mean()) == pytest.approx(spread, rel=0.2)
    quantile = stats.t(drawn(design, count, d, np.random.default_rng(0)).groups - 1).ppf(0.975)
    held = int((abs(costs - truth.cost) <= quantile * errors).sum())
    assert stats.binomtest(held, 300, 0.95).pvalue > 1e-3


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("design", "d", "least"),
    [
        ("orthogonal", 5, 5),
        ("quasi-random", 2, 8),
        pytest.param("orthogonal", 2, 8, marks=pytest.mark.nightly),
        pytest.param("quasi-random", 3, 3, marks=pytest.mark.nightly),
    ],
)
@pytest.mark.by_day(1)
def test_variance_is_saved(design, d, least):
    x, y = clouds(d)

    def variance(of):
        return np.var(
            [otgen.sliced_wasserstein(x, y, n_projections=100, directions=of, rng=k).cost for k in range(150)]
        )

    assert variance("independent") > least * variance(design)


def test_the_error_of_unequal_groups():
    """By the definition: the variance of a mean of independent sums."""
    values, groups = np.array([1.0, 3.0, 2.0, 2.0, 9.0]), ([0, 1], [2, 3], [4])
    sums = [sum(values[i] - values.mean() for i in group) for group in groups]
    expected = np.sqrt(3 / 2 * sum(s * s for s in sums)) / 5
    assert Directions(np.zeros((5, 1)), 2).error_of_mean(values) == pytest.approx(expected, rel=1e-14)
    assert Directions(np.zeros((2, 1)), 2).error_of_mean(values[:2]) is None


def test_the_name_and_the_dimension_are_checked():
    with pytest.raises(otgen.InvalidInput, match="did you mean 'orthogonal'"):
        otgen.sliced_wasserstein([0.0], [1.0], directions="ortogonal")
    with pytest.raises(otgen.InvalidInput, match="21201 dimensions"):
        otgen.sliced_wasserstein(np.zeros((1, 21202)), np.zeros((1, 21202)), directions="quasi-random", n_projections=2)


def test_named_distances_take_it():
    sets = [np.random.default_rng(k).normal(size=(8, 3)) for k in range(3)]
    found = otgen.pairwise(sets, distance="sliced_wasserstein", directions="orthogonal", rng=3)
    alone = otgen.sliced_wasserstein(sets[0], sets[1], directions="orthogonal", rng=3)
    assert found[0, 1] == alone.value
