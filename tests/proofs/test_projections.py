"""Bounds by means and projections: below the truth in exact arithmetic, by nothing to speak of where they are the truth, at any scale and offset."""

import math
import tracemalloc
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

    @pytest.mark.parametrize(("metric", "q"), POWERS)
    @pytest.mark.parametrize("d", [3, 40])
    def test_no_bound_exceeds_it_in_few_dimensions_or_many(self, metric, q, d):
        x, y = np.random.default_rng(0).normal(size=(2, 1, d))
        truth = exact_power(x[0], y[0], q)
        for bound in both_bounds(metric, x, y, 2):
            assert truth / 10**6 < Fraction(bound) ** (1 if q == math.inf else q) <= truth

    @pytest.mark.parametrize(("metric", "q"), POWERS)
    def test_far_from_the_origin(self, metric, q):
        """What is rounded is the spread of the clouds, not how far they lie from the origin."""
        x = np.full((1, 3), 2.0**30)
        y = x + [2.0**-20, 2.0**-19, -(2.0**-20)]
        truth = exact_power(x[0], y[0], q)
        for bound in both_bounds(metric, x, y, q):
            assert truth * Fraction(1 - 1e-11) <= Fraction(bound) ** (1 if q == math.inf else q) <= truth

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

    def test_none_where_clouds_are_equal(self):
        x = np.random.default_rng(0).normal(size=(5, 2))
        for metric, _ in POWERS:
            for p in (1, 2, 9, math.inf):
                assert both_bounds(metric, x, x, p) == (0.0, 0.0)

    def test_weights_count_where_the_other_cloud_has_none(self):
        x, a = np.array([[0.0], [1.0]]), np.array([3.0, 1.0])
        frames = Frames.of(x, 2.0)
        one, other = frames.seen(x, a, 0.0), frames.seen(np.zeros((2, 1)), None, 0.0)
        for bound in (frames.shadows_apart(one, other, 1), frames.shadows_apart(other, one, 1)):
            assert 0.25 * (1 - 1e-12) < bound <= 0.25

    def test_points_that_hardly_move_beside_points_whose_distances_have_no_powers(self):
        x, y = (np.array([[-1e160], *([z] for z in some), [1e160]]) for some in ((0.0,), (0.5, 2.0)))
        a, b = np.array([1.0, 2.0, 1.0]), np.ones(4)
        frames = Frames.of(np.concatenate([x, y]), 2.0)
        truth = otgen.wasserstein(x, y, a, b, normalize=True)
        assert frames.shadows_apart(frames.seen(x, a, 0.0), frames.seen(y, b, 0.0), 2) <= truth.upper

    @pytest.mark.parametrize("size", [1e300, 1e308])
    def test_numbers_that_cannot_be_added_bound_nothing(self, size):
        x = np.array([[size, -size], [size, size]])
        assert both_bounds("euclidean", x, -x, 2) == (0.0, 0.0)

    @pytest.mark.parametrize("metric", [metric for metric, _ in POWERS])
    def test_a_cloud_that_can_be_added_beside_one_that_cannot(self, metric):
        x, far = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1e300, 1e300]])
        frames, (one, other, huge) = frames_of(metric, x, x + 1.0, far)
        for pair in ((one, huge), (huge, one), (huge, huge)):
            assert frames.shadows_apart(*pair, 2) == 0.0
            assert frames.means_apart(pair[0], pair[1].mean[None], np.array([pair[1].reach])) == [0.0]
        assert frames.shadows_apart(one, other, 2) == 0.0  # lost beside the centre of all three

    def test_moderate_clouds_are_bounded_where_all_together_have_no_centre(self):
        """The origin is taken for it."""
        x, far = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.7e308, 0.0], [1.7e308, 0.0]])
        for d in (2, 40):
            clouds = [np.pad(z, ((0, 0), (0, d - 2))) for z in (x, x + 1.0, far)]
            frames, (one, other, _) = frames_of("cityblock", *clouds)
            assert 2 * (1 - 1e-12) < frames.shadows_apart(one, other, 1) <= 2


class TestFrames:
    @pytest.mark.parametrize(
        ("d", "q", "shapes"),
        [
            (1, 2.0, [(1, 1)]),
            (2, 2.0, [(2, 2)] * 4),
            (2, 3.0, [(2, 2)]),
            (2, math.inf, [(2, 2)]),
            (6, 2.0, [(6, 6)] * 4),
            (7, 2.0, [(7, 7)] * 3),
            (12, 2.0, [(12, 12)] * 2),
            (16, 2.0, [(16, 16)]),
            (17, 1.0, [(16, 17)]),
            (17, 2.0, [(5, 17)]),
        ],
    )
    def test_how_many(self, d, q, shapes):
        """One for 16 dimensions and more; not more directions than points where points say which."""
        points = np.random.default_rng(0).normal(size=(5, d))
        assert [frame.directions.shape for frame in Frames.of(points, q).frames] == shapes

    def test_evenly_turned_in_the_plane(self):
        directions = np.concatenate([frame.directions for frame in Frames.of(np.eye(2), 2.0).frames])
        angles = np.sort(np.arctan2(directions[:, 1], directions[:, 0]) % math.pi)
        np.testing.assert_allclose(angles, np.arange(8) * math.pi / 8, atol=1e-15)

    @pytest.mark.parametrize(("scale", "offset"), [(1e-300, 5e-299), (1.0, 50.0), (1e306, 0.0)])
    def test_along_the_axes_where_points_spread(self, scale, offset):
        points = scale * np.outer(np.tile([-1.0, 1.0], 100), np.arange(40))
        points[:, :20] += offset
        axes = Frames.of(points, 1.0).frames[0]
        assert axes.directions.argmax(axis=1).tolist() == list(range(39, 23, -1))
        assert axes.slack == 0

    @pytest.mark.parametrize("n", [3, 600])
    def test_along_the_line_where_points_spread(self, n):
        rng = np.random.default_rng(0)
        line, far = np.linalg.qr(rng.normal(size=(40, 2)))[0].T
        along = rng.normal(size=n)
        along[0] = 0.0
        points = along[:, None] * line + 1e-3 * rng.normal(size=(n, 40)) + 100 * far
        assert abs(Frames.of(points, 2.0).frames[0].directions[0] @ line) > 0.999

    def test_many_dimensions_take_no_square_of_memory(self):
        tracemalloc.start()
        try:
            frames = Frames.of(np.eye(2, 2**18), 1.0)
            assert tracemalloc.get_traced_memory()[1] < 2**28
        finally:
            tracemalloc.stop()
        assert frames.frames[0].directions.shape == (16, 2**18)
