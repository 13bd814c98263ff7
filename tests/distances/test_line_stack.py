"""Stacks of problems on the line: proven against rational numbers, and the same alone, among others, and on any number of threads."""

import math
from fractions import Fraction

import hypothesis.extra.numpy as hnp
import mpmath
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from line_truth import line_truth

import otgen
from otgen.distances import line_stack
from otgen.kernels import line_stack as kernel

ORDERS = st.sampled_from([1, 2, 1.5, 3, 8, 12.5, 40, 300.0, math.inf])
WEIGHTS = st.integers(0, 3).map(float) | st.sampled_from([0.1, 1 / 3, 1e-30, 1e9, 2.0**-70])


def farthest(x, y, a, b):
    """W_inf in whole numbers: the largest step of the sorted coupling."""
    sides = []
    for points, weights in ((x, a), (y, b)):
        pairs = sorted(zip(map(Fraction, points), map(Fraction, weights or [1] * len(points)), strict=True))
        total, at, ends = sum(w for _, w in pairs), Fraction(0), []
        for z, w in pairs:
            at += w / total
            ends.append((at, z))
        sides.append(ends)
    left, right = sides
    out, position, i, j = Fraction(0), Fraction(0), 0, 0
    while i < len(left) and j < len(right):
        reached = min(left[i][0], right[j][0])
        if reached > position:
            out, position = max(out, abs(left[i][1] - right[j][1])), reached
        i, j = i + (left[i][0] == reached), j + (right[j][0] == reached)
    return out


@st.composite
def sides(draw):
    n = draw(st.integers(1, 7))
    scale = draw(st.sampled_from([1.0, 2.0**-40, 1e5]))
    points = scale * draw(hnp.arrays(float, n, elements=st.integers(-3, 3).map(float) | st.floats(-1, 1, width=32)))
    weights = draw(st.none() | st.just(np.full(n, 0.3)) | hnp.arrays(float, n, elements=WEIGHTS).filter(np.any))
    return points, weights


@given(st.lists(st.tuples(sides(), sides()), min_size=1, max_size=5), ORDERS)
def test_intervals_hold_the_truth_and_are_those_of_each_alone(pairs, p):
    xs, ys, a, b = zip(*((x, y, v, w) for (x, v), (y, w) in pairs))
    batch = otgen.wasserstein_batch(xs, ys, a, b, p=p, normalize=True)
    for k, result in enumerate(batch):
        alone = otgen.wasserstein(xs[k], ys[k], a[k], b[k], p=p, normalize=True)
        numbers = (
            "value",
            "lower",
            "upper",
            "cost",
            "cost_lower",
            "cost_upper",
            "status",
            "certificate",
            "solver",
            "mass",
        )
        for name in numbers:
            assert getattr(alone, name) == getattr(result, name), name
        assert (batch.value[k], batch.lower[k], batch.upper[k]) == (alone.value, alone.lower, alone.upper)
        masses = (None if w is None else w.tolist() for w in (a[k], b[k]))
        sides = xs[k].tolist(), ys[k].tolist(), *masses
        truth = farthest(*sides) if p == math.inf else line_truth(*sides, p)
        real = mpmath.mpf(truth.numerator) / truth.denominator if isinstance(truth, Fraction) else truth
        assert mpmath.mpf(result.lower) <= real * (1 + mpmath.mpf(10) ** -55)
        assert real * (1 - mpmath.mpf(10) ** -55) <= mpmath.mpf(result.upper)
        assert result.status is otgen.Status.OPTIMAL


@given(sides(), sides(), ORDERS, st.sampled_from(["euclidean", "chebyshev", otgen.Minkowski(3)]))
def test_the_long_way_finds_the_same(one, other, p, metric):
    (x, a), (y, b) = one, other
    options = dict(p=p, metric=metric, normalize=True)
    short, long = (otgen.wasserstein(x, y, a, b, **options, **more) for more in ({}, {"solver": otgen.solvers.Line()}))
    for name in ("status", "certificate", "solver", "mass", "p", "iterations", "marginal_error", "of_samples", "unit"):
        assert getattr(short, name) == getattr(long, name), name
    for name in ("value", "lower", "upper", "cost", "cost_lower", "cost_upper"):
        left, right = getattr(short, name), getattr(long, name)
        assert left == right or left == pytest.approx(right, rel=1e-9, abs=1e-290), name
    if math.isfinite(p):
        for of in ("cost", "value"):
            one, other = short.gradients(of), long.gradients(of)
            for name in "xyab":
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(short.plan.todense(), long.plan.todense())


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class TestStacks:
    def test_against_scipy(self, rng):
        xs, ys, a, b = rng.normal(size=(9, 60)), rng.normal(size=(9, 45)), rng.random((9, 60)), rng.random((9, 45))
        found = otgen.wasserstein_batch(xs, ys, a, b, p=1, normalize=True)
        truth = [scipy.stats.wasserstein_distance(*sides) for sides in zip(xs, ys, a, b)]
        np.testing.assert_allclose(found.value, truth, rtol=1e-12)
        assert (found.upper - found.lower <= 1e-12 * found.value).all()

    @pytest.mark.parametrize("p", [1, 2, 20, math.inf])
    def test_threads_do_not_change_it(self, rng, monkeypatch, p):
        xs, ys, a = rng.normal(size=(300, 400)), rng.normal(size=(300, 300)), rng.random((300, 400))
        found = []
        for threads in "1", "2", "3":
            monkeypatch.setenv("OTGEN_NUM_THREADS", threads)
            found.append(otgen.wasserstein_batch(xs, ys, a, p=p, normalize=True))
        for other in found[1:]:
            for name in ("value", "lower", "upper"):
                np.testing.assert_array_equal(getattr(other, name), getattr(found[0], name))

    def test_one_call_serves_sizes_of_all_kinds(self, rng, monkeypatch):
        calls, whole = [], kernel.prove
        monkeypatch.setattr(line_stack.line_stack, "prove", lambda *args: calls.append(1) or whole(*args))
        xs = [rng.normal(size=n) for n in (1, 7, 3, 7, 1)]
        batch = otgen.wasserstein_batch(xs, [rng.normal(size=4) for _ in xs])
        assert (len(batch.value), len(calls)) == (5, 1)

    def test_points_that_are_not_plain_are_solved_alone(self):
        xs = [np.array([0.0, 1e200]), np.array([0.0, 1e-200]), np.array([0.0, 1.0]), np.array([0, 1])]
        batch = otgen.wasserstein_batch(xs, [np.zeros(2)] * 4, p=2)
        np.testing.assert_allclose(batch.value, np.array([1e200, 1e-200, 1.0, 1.0]) / math.sqrt(2), rtol=1e-14)

    @pytest.mark.parametrize(
        ("where", "what"), [(0, math.nan), (0, math.inf), (2, -1.0), (2, math.nan), (2, math.inf)], ids=str
    )
    def test_what_is_malformed_is_named(self, where, what):
        arrays = [np.linspace(0, 1, 12).reshape(3, 4) for _ in range(4)]
        arrays[where][1, 2] = what
        with pytest.raises(otgen.InvalidInput, match="problem 1: "):
            otgen.wasserstein_batch(*arrays, normalize=True)

    def test_masses_that_differ_are_refused(self):
        with pytest.raises(otgen.MassMismatch, match="problem 1: "):
            otgen.wasserstein_batch(np.zeros((2, 2)), np.ones((2, 2)), np.ones((2, 2)), np.array([[1.0, 1], [1, 3]]))

    def test_order_of_points_does_not_matter(self, rng):
        x, y, a = rng.integers(0, 9, 40) * 1.0, rng.normal(size=30), rng.random(40)
        order = rng.permutation(40)
        one, other = otgen.wasserstein(x, y, a), otgen.wasserstein(x[order], y, a[order])
        assert one.value == pytest.approx(other.value, rel=1e-14)
