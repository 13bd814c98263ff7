"""One cloud against many, tables of batches: each problem is the one it would be alone."""

from __future__ import annotations

import json
from collections import deque
from functools import partial

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen

RNG = np.random.default_rng(0)
ONE, MANY = RNG.random((5, 2)), RNG.random((3, 6, 2))
LINE, LINES = RNG.random(5), RNG.random((3, 6))
BATCHES = {
    otgen.wasserstein_batch: otgen.wasserstein,
    partial(otgen.sinkhorn_batch, epsilon=0.1): partial(otgen.sinkhorn, epsilon=0.1),
    partial(otgen.sinkhorn_divergence_batch, epsilon=0.1): partial(otgen.sinkhorn_divergence, epsilon=0.1),
}


@pytest.mark.parametrize(("batch", "alone"), BATCHES.items())
@pytest.mark.parametrize(
    ("one", "many"),
    [
        (ONE, MANY),
        (ONE.tolist(), list(MANY)),
        (ONE, [z[: 2 + k] for k, z in enumerate(MANY)]),
        (ONE.astype(np.float32), MANY),
        (LINE, LINES),
        (LINE, LINES[:, :, None]),
        (LINE[:, None], LINES[:, :, None]),
        (LINE.tolist(), LINES.tolist()),
        (pyarrow.table({"a": ONE[:, 0], "b": ONE[:, 1]}), MANY),
    ],
)
def test_either_way_round_it_is_the_loop(batch, alone, one, many):
    for found, loop in (
        (batch(one, many), [alone(one, z) for z in many]),
        (batch(many, one), [alone(z, one) for z in many]),
    ):
        np.testing.assert_allclose(found.value, [result.value for result in loop], rtol=1e-9, atol=1e-12)
        for mine, other in zip(found, loop, strict=True):
            assert mine.potentials[0].dtype == other.potentials[0].dtype
            np.testing.assert_allclose(mine.gradients().x, other.gradients().x, atol=1e-6)
            assert mine.gradients().x.shape == other.gradients().x.shape


@given(
    n=st.integers(1, 4), m=st.integers(1, 4), size=st.integers(0, 4), d=st.integers(1, 3), kind=st.sampled_from("afl")
)
def test_shapes_decide_and_nothing_is_guessed(n, m, size, d, kind):
    """Every combination is the loop, or is refused because it could mean two things."""
    one, many = np.arange(float(n * d)).reshape(n, d), np.sin(np.arange(float(size * m * d))).reshape(size, m, d)
    given = {"a": many, "f": np.asfortranarray(many), "l": list(many)}[kind]
    if d == 1 and n == size > 1:
        with pytest.raises(otgen.InvalidInput, match="one cloud or one point a problem"):
            otgen.wasserstein_batch(one, given, p=1)
        found = otgen.wasserstein_batch(one[:, 0], given, p=1)
        points = otgen.wasserstein_batch(one[:, None], given, p=1)
        assert points.value.tolist() == [otgen.wasserstein(one[k : k + 1], many[k], p=1).value for k in range(size)]
    else:
        found = otgen.wasserstein_batch(one, given, p=1)
    assert found.value.tolist() == [otgen.wasserstein(one, z, p=1).value for z in many]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool])
def test_no_copies_are_made(dtype):
    one = (RNG.random((50, 2)) * 5).astype(dtype)
    batch = otgen.sinkhorn_batch(one, RNG.random((4, 6, 2)), epsilon=1.0)
    points = [result.plan.cost.x for result in batch]
    assert all(np.shares_memory(points[0], other) for other in points)
    assert np.shares_memory(points[0], one) == (dtype is np.float64)


def test_weights_are_shared_or_one_a_problem():
    a, rows = RNG.random(5), RNG.random((3, 5))
    for weights, each in (
        (a, [a] * 3),
        (a.tolist(), [a] * 3),
        (rows, rows),
        (pyarrow.table(dict(zip("abcde", rows.T))), rows),
    ):
        found = otgen.wasserstein_batch(ONE, MANY, weights, normalize=True)
        loop = [otgen.wasserstein(ONE, y, w, normalize=True).value for y, w in zip(MANY, each)]
        np.testing.assert_allclose(found.value, loop, rtol=1e-12)


def test_histograms_over_one_grid():
    grid, rows = np.arange(4.0), RNG.random((3, 4))
    found = otgen.wasserstein_batch(grid, grid, rows, np.ones(4), p=1, normalize=True)
    loop = [otgen.wasserstein(grid, grid, w, np.ones(4), p=1, normalize=True).value for w in rows]
    assert found.value.tolist() == loop


def test_moments_and_nanoseconds_are_moved_with_each_cloud():
    one = np.array(["2026-01-01", "2026-01-02"], "M8[ns]")
    many = [one + np.timedelta64(k, "h") for k in range(3)]
    found = otgen.wasserstein_batch(one, many, p=1)
    assert found.value.tolist() == [k * 3.6e12 for k in range(3)]
    assert found[0].unit == "ns"
    numbers = 2**60 + np.array([1, 5])
    assert otgen.wasserstein_batch(numbers, [numbers + 3, numbers], p=1).value.tolist() == [3.0, 0.0]


def test_names_of_columns_are_compared():
    one, other = (pyarrow.table(dict.fromkeys(names, ONE[:, 0])) for names in ("ab", "ba"))
    with pytest.raises(otgen.InvalidInput, match=r"problem 1: .*same columns in the same order"):
        otgen.wasserstein_batch(one, [one, other])


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ((LINE, LINE), "several problems on one side at least; received one cloud each; call otgen.wasserstein"),
        ((ONE, np.zeros((3, 6, 4))), "problem 0: x and y must have the same number of coordinates; received 2 and 4"),
        ((np.array([[np.nan, 0.0]]), MANY), "x must be finite"),
        ((MANY, [[0.0, "a"]]), "y must hold real numbers"),
        ((MANY[:1], MANY), r"received 1 of xs, 3 of ys; pass one entry a problem, or one cloud alone, such as xs\[0\]"),
        ((ONE, MANY, np.ones((2, 5))), "received 3 of ys, 2 of a"),
        ((ONE, MANY, np.ones(4)), r"^a must have shape \(5,\)"),
        (
            (MANY, MANY, np.ones(4)),
            r"^a must have shape \(6,\), one weight for each of the points of xs\[0\]; received shape \(4,\)",
        ),
        (([ONE, ONE], [ONE, ONE[:4]], None, np.ones(5)), r"^b must have shape \(4,\).* the points of ys\[1\]"),
        ((None, MANY), "xs must be an array or a sequence"),
        (("abc", MANY), "xs must be an array or a sequence"),
        ((np.zeros((2, 2, 2, 2)), MANY[:2]), r"problem 0: x must be \(n, d\)"),
    ],
)
def test_what_does_not_fit_is_refused(sides, said):
    with pytest.raises(otgen.InvalidInput, match=said):
        otgen.wasserstein_batch(*sides)


def test_one_against_none():
    for many in ([], np.zeros((0, 4, 2))):
        assert len(otgen.wasserstein_batch(ONE, many)) == 0
        assert len(otgen.wasserstein_batch(many, ONE)) == 0


class TestTables:
    def batch(self):
        return otgen.sinkhorn_batch(ONE, MANY, epsilon=0.1)

    def test_a_dictionary_of_columns_goes_through_json_and_back(self):
        for batch in (self.batch(), otgen.wasserstein_batch(ONE, MANY), otgen.wasserstein_batch([], [])):
            told = batch.to_dict()
            assert json.loads(json.dumps(told, allow_nan=False)) == told
            assert [dict(zip(told, row)) for row in zip(*told.values(), strict=True)] == [z.to_dict() for z in batch]
            assert pyarrow.table(told).num_rows == len(batch)

    def test_a_frame_has_a_row_a_problem(self):
        pytest.importorskip("pandas")
        for batch in (self.batch(), otgen.sinkhorn_divergence_batch(ONE, MANY, epsilon=0.1)):
            frame = batch.to_frame()
            assert frame.index.name == "problem"
            for name in ("value", "lower", "upper", "cost", "epsilon", "marginal_error", "iterations"):
                np.testing.assert_array_equal(frame[name], getattr(batch, name))
            assert frame.status.tolist() == [status.name for status in batch.status]
            ends = [result.exact_bounds or (np.nan, np.nan) for result in batch]
            np.testing.assert_array_equal(frame[["exact_lower", "exact_upper"]], ends)
            assert frame.unit.isna().all()

    def test_a_frame_of_no_problems_has_its_columns(self):
        pytest.importorskip("pandas")
        frame = otgen.wasserstein_batch([], []).to_frame()
        assert len(frame) == 0
        assert {"value", "status", "exact_lower"} <= set(frame.columns)
        assert frame.iterations.dtype == np.int64

    def test_an_infeasible_problem_has_no_value(self):
        pytest.importorskip("pandas")
        batch = otgen.BatchResult((otgen.transport([[np.inf]], throw=False), otgen.transport([[1.0]])), 0.0)
        assert batch.to_dict()["value"] == [None, 1.0]
        assert batch.to_frame().value.isna().tolist() == [True, False]


class Shapeless:
    """What can be read as an array and does not say its shape."""

    def __init__(self, held):
        self.held = np.asarray(held)

    def __array__(self, dtype=None, copy=None):
        return self.held


@pytest.mark.parametrize("kind", [pyarrow.array, lambda z: pyarrow.chunked_array([z]), Shapeless, deque])
def test_points_that_do_not_say_their_shape_are_one_cloud_each(kind):
    """A list of two such clouds of one point was taken for one cloud of two."""
    xs, ys = [[1.0], [3.0]], [[5.0], [9.0]]
    assert otgen.wasserstein_batch([*map(kind, xs)], ys, p=1).value.tolist() == [4.0, 6.0]
    weighted = otgen.wasserstein_batch(
        [[0.0], [0.0]], [[1.0, 3.0]] * 2, None, [kind([1.0, 0.0]), kind([0.0, 1.0])], p=1
    )
    assert weighted.value.tolist() == [1.0, 3.0]
