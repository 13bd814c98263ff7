"""Confidence intervals by subsampling: coverage where the truth is known, and no claim where theory makes none."""

import json

import numpy as np
import pytest
from scipy import stats

import otgen


def shifted(rng, n):
    return rng.normal(size=n), rng.normal(size=n) + 1


def exponentials(rng, n):
    return rng.exponential(size=n), 2 * rng.exponential(size=n + 50)


def uniforms(rng, n):
    return rng.random(n), 2 * rng.random(n)


def in_the_plane(rng, n):
    return rng.random((n, 2)), rng.random((n, 2)) + [1.0, 0.0]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("draw", "p", "n", "truth"),
    [
        (in_the_plane, 2, 60, 1.0),
        pytest.param(shifted, 2, 300, 1.0, marks=pytest.mark.nightly),
        pytest.param(exponentials, 1, 300, 1.0, marks=pytest.mark.nightly),
        pytest.param(uniforms, 2, 300, 3**-0.5, marks=pytest.mark.nightly),
    ],
)
def test_coverage(draw, p, n, truth):
    """In 80 samples intervals of 90 % hold the truth as often as they say, within the binomial's own chance."""
    rng = np.random.default_rng(7)
    found = [otgen.confidence_interval(*draw(rng, n), p=p, level=0.9, n_subsamples=60, rng=k) for k in range(80)]
    assert all(one.claimed for one in found)
    held = sum(one.lower <= truth <= one.upper for one in found)
    assert stats.binomtest(held, 80, 0.9).pvalue > 1e-3
    width = np.mean([one.upper - one.lower for one in found])
    assert width == pytest.approx(2 * 1.645 * np.std([one.observed for one in found]), rel=0.35)


@pytest.mark.no_cover
def test_no_claim_of_one_law():
    """The interval of equal laws is wrong far more often than its level says; the test that comes first sees that."""
    rng = np.random.default_rng(3)
    found = [otgen.confidence_interval(*rng.normal(size=(2, 100)), n_subsamples=20, rng=k) for k in range(60)]
    claimed = [one for one in found if one.claimed]
    assert stats.binomtest(len(claimed), 60, 0.05).pvalue > 1e-3
    assert all("no claim is made" in one.verdict for one in found if not one.claimed)


def test_sliced_in_many_dimensions():
    x, y = np.random.default_rng(0).normal(size=(2, 200, 20))
    found = otgen.confidence_interval(
        x, y + 0.5, distance="sliced_wasserstein", n_projections=200, n_subsamples=50, rng=0
    )
    assert found.claimed
    assert found.lower < 0.5 < found.upper  # |v| / sqrt(d)


def test_bias_is_seen_and_allowed_for():
    """In space, at 60 points, normal samples are far too far apart: no symmetric interval holds the truth, the lower end does."""
    rng = np.random.default_rng(5)
    found = [
        otgen.confidence_interval(
            rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + [1, 0, 0], n_subsamples=30, rng=k
        )
        for k in range(20)
    ]
    assert np.mean([one.observed for one in found]) > 1.2
    assert sum(one.lower <= 1 <= one.upper for one in found) >= 18
    assert sum(2 * one.observed - one.upper <= 1 for one in found) < 12
    assert all(one.lower == pytest.approx(max(2 * one.observed - one.upper - one.bias, 0)) for one in found)


def test_the_error_of_few_directions_is_allowed_for():
    x, y = np.random.default_rng(0).normal(size=(2, 300, 10))
    options = dict(distance="sliced_wasserstein", n_subsamples=20, rng=0)
    few, many = (otgen.confidence_interval(x, y + 3, n_projections=k, **options) for k in (3, 300))
    assert few.upper - few.observed > 3 * (many.upper - many.observed)
    error = otgen.sliced_wasserstein(x, y + 3, n_projections=3, rng=0).standard_error
    assert few.upper - few.observed > 0.5 * error
    with pytest.raises(otgen.InvalidInput, match="n_projections must leave a standard error"):
        otgen.confidence_interval(x, y, distance="sliced_wasserstein", n_projections=1)


def test_sizes_keep_their_ratio():
    x, y = np.random.default_rng(0).normal(size=200), np.random.default_rng(1).normal(size=400) + 1
    found = otgen.confidence_interval(x, y, subsample=50, n_subsamples=20, rng=0)
    assert found.sizes == (50, 100)
    assert found.to_dict() == json.loads(json.dumps(found.to_dict()))
    assert otgen.confidence_interval(x, y, subsample=50, n_subsamples=20, rng=0).upper == found.upper


@pytest.mark.parametrize(
    ("d", "options", "said"),
    [
        (4, dict(p=2), "sliced_wasserstein"),
        (2, dict(p=1), "sliced_wasserstein"),
        (1, dict(p=np.inf), "finite"),
        (1, dict(metric=lambda x, y: abs(x - y.T)), "must be a norm"),
        (1, dict(distance="sinkhorn"), "distance must be one of"),
        (1, dict(level=1), "level must lie in"),
        (1, dict(subsample=60), "at most half"),
        (1, dict(n_subsamples=5), "at least 20"),
    ],
)
def test_what_is_refused(d, options, said):
    x, y = np.random.default_rng(0).normal(size=(2, 100, d))
    with pytest.raises(otgen.InvalidInput, match=said):
        otgen.confidence_interval(x, y, **options)


def test_few_points_are_refused():
    with pytest.raises(otgen.InvalidInput, match="50 points each"):
        otgen.confidence_interval(np.arange(49.0), np.arange(80.0))


def test_numbers_beside_a_column_of_them():
    x, y = np.random.default_rng(0).normal(size=(2, 60))
    whole = otgen.confidence_interval(x, y + 2, p=1, rng=0)
    for one, other in ((x[:, None], y + 2), (x, y[:, None] + 2)):
        found = otgen.confidence_interval(one, other, p=1, rng=0)
        assert (found.lower, found.upper) == pytest.approx((whole.lower, whole.upper), rel=1e-12)
