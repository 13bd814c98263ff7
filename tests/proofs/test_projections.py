"""Bounds by means and projections: below the truth in exact arithmetic, by nothing to speak of where they are the truth, at any scale and offset."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.model.cost.metrics import entry_of
from otgen.proofs.projections import Frames

POWERS = [("cityblock", 1), ("euclidean", 2), (otgen.Minkowski(3), 3), ("chebyshev", math.inf)]


def frames_of(metric, *clouds):
    flats = [entry_of(metric).flat(x) for x in clouds]
    frames = Frames.of(np.concatenate([flat for flat, _ in flats]), entry_of(metric).norm)
    return frames, [frames.seen(flat, None, error) for flat, error in flats]


def both_bounds(metric, x, y, p):
    frames, (one, other) = frames_of(metric, x, y)
    means = frames.means_apart(one, other.mean[None], np.array([other.reach]))
    return float(means[0]), frames.shadows_apart(one, other, p)


def exact_power(x, y, q):
    """The q-th power of the distance between two points; of the largest difference the first."""
    differences = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return max(differences) if q == math.inf else sum(z**q for z in differences)


class TestBetweenTwoPoints:
    """Where the truth is known without rounding."""

    @pytest.mark.parametrize("metric", [metric for metric, _ in POWERS])
    def test_sums_beyond_all_floats_bound_nothing_and_warn_of_nothing(self, metric):
        x = np.where(np.arange(8)[:, None] < 4, 8e307, -8e307) * np.ones((8, 20))
        with np.errstate(all="raise"):
            assert both_bounds(metric, x, -x, 2) == (0.0, 0.0)

    @given(
        seed=st.integers(0, 2**32 - 1),
        kind=st.sampled_from(POWERS),
        d=st.sampled_from([1, 2, 3, 7, 16, 17, 40]),
        scale=st.sampled_from([1e-120, 1e-5, 1.0, 1e80]),
        offset=st.sampled_from([0.0, 1.0, 1e6]),
        p=st.sampled_from([1, 2, 3.5, math.inf]),
    )
    def test_no_bound_exceeds_it(self, seed, kind, d, scale, offset, p):
        metric, q = kind
        rng = np.random.default_rng(seed)
        x, y = ((rng.normal(size=(1, d)) + offset) * scale for _ in range(2))
        truth = exact_power(x[0], y[0], q)
        for bound in both_bounds(metric, x, y, p):
            assert Fraction(bound) ** (1 if q == math.inf else q) <= truth
        if d <= 16 and offset == 0:
            means, shadows = both_bounds(metric, x, y, p)
            assert Fraction(means) ** (1 if q == math.inf else q) >= truth * Fraction(1 - 1e-11)
            if p == q:  # the axes together make the norm
                assert Fraction(shadows) ** (1 if q == math.inf else q) >= truth * Fraction(1 - 1e-11)

    @given(
        seed=st.integers(0, 2**32 - 1),
        period=st.sampled_from([1e-3, 2 * math.pi, 24.0]),
        turns=st.sampled_from([0, 1, 1000]),
    )
    def test_on_a_torus(self, seed, period, turns):
        rng = np.random.default_rng(seed)
        x, y = (period * (rng.random((1, 2)) + turns) for _ in range(2))
        squares = Fraction(0)
        for a, b in zip(x[0].tolist(), y[0].tolist(), strict=True):
            rest = (Fraction(a) - Fraction(b)) % Fraction(period)
            squares += min(rest, Fraction(period) - rest) ** 2
        for bound in both_bounds(otgen.Circular(period), x, y, 2):
            assert Fraction(bound) ** 2 <= squares

    def test_a_short_arc_is_nearly_its_chord(self):
        for metric, step in (("great_circle", 1e-3), (otgen.Circular(2 * math.pi), 1e-3)):
            x = np.array([[0.3, 0.2]])
            y = x + [step, 0.0]
            for bound in both_bounds(metric, x, y, 2):
                assert step * (1 - 1e-6) < bound <= step


class TestBetweenClouds:
    @given(
        seed=st.integers(0, 2**32 - 1),
        metric=st.sampled_from(
            ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(1.5), otgen.Circular(1.5), "great_circle"]
        ),
        p=st.sampled_from([1, 2, 3, 11, math.inf]),
        sizes=st.sampled_from([(5, 5), (4, 7), (1, 6)]),
        weighted=st.booleans(),
        offset=st.sampled_from([0.0, 0.7]),
    )
    def test_no_bound_exceeds_what_is_proven(self, seed, metric, p, sizes, weighted, offset):
        rng = np.random.default_rng(seed)
        x, y = (rng.uniform(-0.4, 0.4, (n, 2)) + offset for n in sizes)
        a, b = ((rng.integers(1, 5, n) / 8.0 if weighted else None) for n in sizes)
        truth = otgen.wasserstein(x, y, a, b, p=p, metric=metric, normalize=True, throw=False)
        entry = entry_of(metric)
        (one, error), (other, more) = entry.flat(x), entry.flat(y)
        frames = Frames.of(np.concatenate([one, other]), entry.norm)
        one, other = frames.seen(one, a, error), frames.seen(other, b, more)
        assert frames.shadows_apart(one, other, p) <= truth.upper
        assert frames.means_apart(one, other.mean[None], np.array([other.reach]))[0] <= truth.upper

    def test_a_cloud_that_is_moved_is_as_far_as_it_was_moved(self):
        x = np.random.default_rng(0).normal(size=(50, 3))
        for p in (1, 2, 5, math.inf):
            for bound in both_bounds("euclidean", x, x + [0.5, 0.0, 0.0], p):
                assert 0.5 * (1 - 1e-12) < bound <= 0.5 * (1 + 1e-14)

    def test_projections_see_what_means_do_not(self):
        x = np.random.default_rng(0).normal(size=(400, 2))
        means, shadows = both_bounds("euclidean", x, 2 * (x - x.mean(axis=0)) + x.mean(axis=0), 2)
        truth = otgen.wasserstein(x, 2 * (x - x.mean(axis=0)) + x.mean(axis=0)).value
        assert means < 1e-12
        assert 0.99 * truth < shadows <= truth

    @pytest.mark.parametrize("size", [1e300, 1e308])
    def test_numbers_that_cannot_be_added_bound_nothing(self, size):
        x = np.array([[size, -size], [size, size]])
        assert both_bounds("euclidean", x, -x, 2) == (0.0, 0.0)
