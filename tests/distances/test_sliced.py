"""Sliced distances along the same directions by rational numbers."""

import math

import mpmath
import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st
from line_truth import line_truth

import otgen


def lines(seed, count, d):
    directions = np.random.default_rng(seed).standard_normal((count, d))
    return directions / np.sqrt((directions**2).sum(axis=1, keepdims=True))


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 1.5, 2, 8, 20, 540, 1e5]),
    st.sampled_from([0, 100, -100, -300]),
    st.sampled_from([0.0, 1e3, 1e6]),
    st.sampled_from(["uniform", "weighted", "padded"]),
)
def test_mean_of_powers(seed, p, exponent, offset, weights):
    rng = np.random.default_rng(seed)
    n, m, d = (int(k) for k in rng.integers(1, 6, 3))
    x, y = rng.integers(-64, 64, (n, d)) / 16 + offset, rng.integers(-64, 64, (m, d)) / 16 + offset
    a, b = (None, None) if weights == "uniform" else (rng.integers(1, 9, n) / 8, rng.integers(1, 9, m) / 8)
    one, other = x - offset, y - offset  # exactly
    given_x, given_a = x, a
    if weights == "padded":
        given_x, given_a = np.vstack([x, np.full((2, d), 1e30)]), np.append(a, [0.0, 0.0])
    scale = 2.0 ** (3 * exponent)
    found = otgen.sliced_wasserstein(
        given_x * scale, y * scale, given_a, b, p=p, n_projections=4, rng=5, normalize=True
    )
    directions = lines(5, 4, d)
    distances = [
        line_truth(one @ t, other @ t, *(None if w is None else w.tolist() for w in (a, b)), p) for t in directions
    ]
    largest = max(distances)
    if largest == 0:
        assert found.value == 0
        return
    mean = mpmath.fsum((z / largest) ** p for z in distances) / 4
    assert found.value / scale == pytest.approx(float(largest * mean ** (1 / mpmath.mpf(p))), rel=1e-9, abs=1e-13)
    assert math.isfinite(found.standard_error)


@given(st.integers(0, 2**32 - 1), st.one_of(st.sampled_from([1, 2, 8, 200]), st.floats(1, 200)), st.booleans())
@example(0, 200.0, True)
def test_faint_weights_by_whole_numbers(seed, p, nearly_equal):
    """What weighs 1e-30 of the whole was left out, at high orders the most of the value; as where all else agrees."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(2, 6, 2))
    x, y = rng.integers(-64, 64, (n, 2)) / 16, rng.integers(-64, 64, (m, 2)) / 16
    if nearly_equal:
        y, m = np.concatenate([x[:-1], y[:1]]), n
    a, b = (10.0 ** rng.integers(-300, 1, k) for k in (n, m))
    a[0] = b[0] = 1.0
    found = otgen.sliced_wasserstein(x, y, a, b, p=p, n_projections=3, rng=seed, normalize=True)
    # on the grid of what is centred, along the same floats
    both = [z - np.round(16 * np.median(np.concatenate([x, y]), axis=0)) / 16 for z in (x, y)]
    distances = [line_truth(both[0] @ t, both[1] @ t, a.tolist(), b.tolist(), p) for t in lines(seed, 3, 2)]
    largest = max(distances)
    truth = largest * (mpmath.fsum((z / largest) ** p for z in distances) / 3) ** (1 / mpmath.mpf(p)) if largest else 0
    assert found.value == pytest.approx(float(truth), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("p", [540, 1e5])
def test_high_orders(p):
    """On the line every direction is 1 or -1."""
    result = otgen.sliced_wasserstein([0.0, 1.0], [1.0, 3.0], p=p, rng=0)
    assert result.value == pytest.approx(2 * 0.5 ** (1 / p), rel=1e-14)
    assert result.standard_error == 0


def test_standard_error_of_a_high_order():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) + 1
    result = otgen.sliced_wasserstein(x, y, p=400, n_projections=200, rng=0)
    costs = np.array([400 * math.log(otgen.wasserstein(x @ t, y @ t, p=400).value) for t in lines(0, 200, 3)])
    powers = np.exp(costs - costs.max())
    assert result.value == pytest.approx(math.exp((costs.max() + math.log(powers.mean())) / 400), rel=1e-12)
    relative = powers.std(ddof=1) / powers.mean() / math.sqrt(200) / 400
    assert result.standard_error == pytest.approx(result.value * relative, rel=1e-9)


@pytest.mark.parametrize("weighed", ["both", "one", "none"])
def test_many_points_along_each_direction(weighed):
    """Sorted, multiplied and walked in pieces; the same distances one by one by scipy."""
    rng = np.random.default_rng(0)
    n, m, d, count = 2_500, 2_100, 130, 3
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.1
    a, b = (None if weighed == "none" else rng.random(n)), (rng.random(m) if weighed == "both" else None)
    found = otgen.sliced_wasserstein(x, y, a, b, p=1, n_projections=count, rng=5, normalize=True)
    alone = [scipy.stats.wasserstein_distance(x @ t, y @ t, a, b) for t in lines(5, count, d)]
    assert found.value == pytest.approx(math.fsum(alone) / count, rel=1e-11)


def test_one_direction_says_nothing_of_others():
    assert otgen.sliced_wasserstein([[0.0, 1.0]], [[1.0, 1.0]], n_projections=1).standard_error is None


def test_breakpoints_that_agree_do_agree():
    y = 10.0 * np.arange(5.0)
    for p in (2, 8, 540):
        assert otgen.sliced_wasserstein(y.repeat(2), y, np.full(10, 0.1), np.full(5, 0.2), p=p, rng=0).value == 0


def test_a_seed_makes_the_directions():
    x, y = np.random.default_rng(0).random((2, 9, 3))
    one, same, other = (otgen.sliced_wasserstein(x, y, rng=rng).value for rng in (5, np.random.default_rng(5), 6))
    assert one == same != other


@pytest.mark.parametrize("d", [1, 2, 5])
def test_directions_are_uniform(d):
    """Of two points at distance 1, the mean of the squared distances of projections is 1 / d; the estimate is that near, by its error."""
    result = otgen.sliced_wasserstein(np.zeros((1, d)), np.eye(d)[:1], n_projections=4000, rng=0)
    assert result.value == pytest.approx(d**-0.5, abs=4 * result.standard_error + 1e-15)
    turned = otgen.sliced_wasserstein(np.zeros((1, d)), np.full((1, d), d**-0.5), n_projections=4000, rng=1)
    assert turned.value == pytest.approx(d**-0.5, abs=4 * turned.standard_error + 1e-15)


@pytest.mark.parametrize("distance", [otgen.sliced_wasserstein, otgen.max_sliced_wasserstein])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_distances_beyond_the_largest_float(distance, d):
    x = np.full((2, d), 1.7e308)
    with pytest.raises(otgen.InvalidInput, match="closer together than the largest float"):
        distance(x, -x)


def test_clouds_near_the_largest_float_have_a_centre():
    result = otgen.max_sliced_wasserstein([[1.7e308, 1.0]], [[1.7e308, 2.0]], p=2, rng=0)
    assert result.lower <= 1 <= result.upper


def test_a_point_of_next_to_no_mass_counts_at_high_orders():
    x, y = np.array([[3.0, 0.0], [0.0, 0.0], [0.1, 0.0]]), np.zeros((2, 2))
    a = np.array([1e-40, 0.3, 0.7])
    found = otgen.sliced_wasserstein(x, y, a, [0.4, 0.6], p=700, normalize=True, n_projections=50, rng=0)
    cosine = np.abs(np.random.default_rng(0).normal(size=(50, 2)))  # any directions: the largest of 50 is near 1
    cosine = (cosine / np.linalg.norm(cosine, axis=1)[:, None])[:, 0].max()
    assert found.value == pytest.approx(3 * 1e-40 ** (1 / 700) * 50 ** (-1 / 700) * cosine, rel=0.02)
