"""Curves of distances against sizes: exact where the curve is known, honest errors, and the rates that theory gives."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import otgen
from otgen.distances.sampling_rates import worst_rate


def square_of_means(x, y, a=None, b=None):
    """Its mean is the square of the difference of the laws' means, and ``2 / n`` for unit variances."""
    return float((x.mean() - y.mean()) ** 2)


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=5, unique=True),
    st.floats(-5, 5),
    st.floats(-5, 5),
    st.floats(0.1, 2),
)
def test_a_curve_of_the_model_is_found(sizes, limit, slope, rate):
    sizes = np.sort(sizes)
    groups = np.stack([limit + k + slope * sizes**-rate for k in (-1.0, 0.0, 1.0)])
    found = otgen.BiasCurve.fitted(sizes, groups, rate, "as given")
    assert found.limit == pytest.approx(limit, abs=1e-6)
    assert found.slope == pytest.approx(slope, abs=1e-4)
    assert found.standard_error == pytest.approx(3**-0.5, rel=1e-5)
    assert found.at(sizes[0]) == pytest.approx(found.values[0], abs=1e-6)


@pytest.mark.no_cover
def test_unbiased_and_covered_where_the_model_holds():
    """Over 400 seeds: the limits' mean is the truth, and Student's intervals hold it as often as they say."""
    curves = []
    for seed in range(400):
        x, y = np.random.default_rng(seed).normal(size=(2, 400))
        curves.append(otgen.bias_curve(x, y + 1, distance=square_of_means, rate=1, rng=seed))
    limits = [curve.limit for curve in curves]
    held = sum(low <= 1 <= high for low, high in (curve.interval() for curve in curves))
    assert abs(np.mean(limits) - 1) < 4 * np.std(limits) / 20
    assert stats.binomtest(held, 400, 0.95).pvalue > 1e-3
    curve = curves[0]
    assert curve.sizes.tolist() == [5, 10, 20, 40]
    assert curve.values[0] - curve.limit == pytest.approx(curve.slope / 5, rel=1)


@pytest.mark.no_cover
def test_errors_are_those_of_samples_drawn_anew():
    """The standard error at each size is the spread over seeds: that of all chance, not only of the deals."""
    curves = [
        otgen.bias_curve(*(np.random.default_rng(seed).normal(size=(2, 200)) + [[0.0], [1.0]]), p=1, rng=0)
        for seed in range(80)
    ]
    spread = np.std([curve.values for curve in curves], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([curve.standard_errors**2 for curve in curves], axis=0))
    np.testing.assert_allclose(claimed, spread, rtol=0.35)


def test_one_law_in_many_dimensions():
    """At the sharp rate of d > 2p the limit is near 0, where the distance of all the points is not."""
    x, y = np.random.default_rng(1).normal(size=(2, 1000, 6))
    curve = otgen.bias_curve(x, y, p=1, rng=0)
    assert curve.rate == 1 / 6
    assert (np.diff(curve.values) < 0).all()
    assert abs(curve.limit) < 0.35 < 1 < otgen.wasserstein(x, y, p=1).value


def test_the_truth_lies_between_limit_and_curve():
    """Of a translation: bias falls faster than the guaranteed rate, so the limit is too low, and the last mean too high."""
    x, y = np.random.default_rng(2).normal(size=(2, 1000, 5))
    curve = otgen.bias_curve(x, y + [3.0, 0, 0, 0, 0], rng=0)
    assert curve.limit < 3 < curve.values[-1]
    assert "between" in curve.verdict


@pytest.mark.parametrize(
    ("name", "p", "d", "rate"),
    [("wasserstein", 1, 1, 1 / 2), ("wasserstein", 2, 1, 1 / 4), ("wasserstein", 2, 4, 1 / 4), ("wasserstein", 2, 64, 1 / 64),
     ("wasserstein", 1, 3, 1 / 3), ("sliced_wasserstein", 2, 64, 1 / 4)],
)  # fmt: skip
def test_rates_of_theory(name, p, d, rate):
    assert worst_rate(name, p, d)[0] == rate
    x, y = np.random.default_rng(0).normal(size=(2, 40, d))
    curve = otgen.bias_curve(x, y, distance=name, p=p, n_groups=2, rng=0)
    assert (curve.rate, curve.reason) == worst_rate(name, p, d)
    assert "Fournier and Guillin" in repr(curve)


def test_groups_share_no_point_and_all_sizes_are_of_them():
    seen = []

    def distance(x, y, a=None, b=None):
        seen.append((x.ravel().tolist(), y.ravel().tolist()))
        return 1.0

    x, y = np.arange(103.0), np.arange(140.0)
    curve = otgen.bias_curve(x, y, distance=distance, rate=0.5, n_groups=5, rng=0)
    assert curve.sizes.tolist() == [5, 10, 20]
    for side in (0, 1):
        for size in curve.sizes:
            used = [point for call in seen if len(call[0]) == size for point in call[side]]
            assert len(used) == len(set(used)) == 100
    assert curve.limit == pytest.approx(1)


def test_scale_and_json():
    x, y = np.random.default_rng(0).normal(size=(2, 100, 2))
    one, twice = (otgen.bias_curve(x * s, y * s, n_groups=4, rng=3) for s in (1, 2))
    assert twice.limit == pytest.approx(2 * one.limit, rel=1e-9)
    assert json.loads(json.dumps(one.to_dict()))["limit"] == one.limit


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (dict(distance="sinkhorn", epsilon=1), "distance must be one of"),
        (dict(distance=square_of_means), "distance must be one of"),
        (dict(metric="great_circle"), "pass rate="),
        (dict(p=np.inf), "p must be finite"),
        (dict(n_groups=1), "n_groups must be a whole number of at least 2"),
        (dict(n_groups=11), "10 points a group"),
        (dict(rate=0), "rate must be positive"),
    ],
)
def test_bad_options(options, said):
    x = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(otgen.InvalidInput, match=said):
        otgen.bias_curve(x, x, **options)


@pytest.mark.parametrize("groups", [np.ones((3, 2)), np.ones(3), np.ones((1, 3)), np.ones((2, 3, 1))])
def test_groups_of_another_shape_are_refused(groups):
    with pytest.raises(otgen.InvalidInput, match=r"groups must have shape \(G, k\), two groups at least"):
        otgen.BiasCurve.fitted([4, 8, 16], groups, 0.5, "as given")
