"""Problems posed a stack at a time are those posed one by one, and so are the errors."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import InvalidInput, MassMismatch, Problem, Relative
from otgen.distances import batch_inputs
from otgen.distances.entropic import entropic_problem
from otgen.distances.posing import entropic_problems

PLAIN: dict[str, Any] = dict(epsilon=Relative(0.05), p=2, metric="euclidean", relax=None, normalize=False)


def both_ways(x: Any, y: Any, a: Any = None, b: Any = None, **changed: Any) -> tuple[list[Problem], list[Problem]]:
    sides, options = batch_inputs.of_points(x, y, a, b), PLAIN | changed
    return entropic_problems(sides, **options), sides.each(partial(entropic_problem, **options))


def assert_same(stacked: list[Problem], alone: list[Problem]) -> None:
    for one, other in zip(stacked, alone, strict=True):
        assert one.epsilon == pytest.approx(other.epsilon, rel=1e-14, abs=0)
        assert (one.relax, one.normalized, one.mass) == (other.relax, other.normalized, other.mass)
        assert repr(one.cost.clouds.metric) == repr(other.cost.clouds.metric)
        for mine, theirs in ((one.source, other.source), (one.target, other.target)):
            assert (mine.origin, mine.weights_origin) == (theirs.origin, theirs.weights_origin)
            assert (mine.on_line, mine.uniform) == (theirs.on_line, theirs.uniform)
            assert mine.points.dtype == theirs.points.dtype
            np.testing.assert_array_equal(mine.points, theirs.points)
            np.testing.assert_array_equal(mine.weights, theirs.weights)
        for mine, theirs in ((one.cost.clouds.x, other.cost.clouds.x), (one.cost.clouds.y, other.cost.clouds.y)):
            np.testing.assert_array_equal(mine, theirs)


@pytest.fixture
def posed_alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with each problem that is posed on its own."""
    calls: list[int] = []
    plain = Problem.from_points

    def counted(*args: Any, **options: Any) -> Problem:
        calls.append(len(calls))
        return plain(*args, **options)

    monkeypatch.setattr(Problem, "from_points", counted)
    return calls


@given(
    shape=st.tuples(*(st.integers(1, 6) for _ in range(4))),
    dtype=st.sampled_from([np.float32, np.float64]),
    metric=st.sampled_from(["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Circular(2.0)]),
    relax=st.sampled_from([None, 0.5, (None, 2.0)]),
    epsilon=st.sampled_from([0.25, Relative(0.05)]),
    weighted=st.tuples(st.booleans(), st.booleans()),
    size=st.sampled_from([0.0, 1e-100, 1e-3, 1.0, 1e90, 1e140]),
    seed=st.integers(0, 99),
)
def test_are_those_posed_alone(shape, dtype, metric, relax, epsilon, weighted, size, seed):
    rng, (count, n, m, d) = np.random.default_rng(seed), shape
    size = min(max(size, 1e-10), 1e10) if dtype == np.float32 else size
    size = 1.0 if isinstance(metric, otgen.Circular) else size
    x, y = ((size * rng.random((count, k, d))).astype(dtype) for k in (n, m))
    a, b = (np.full((count, k), 1 / k) if given else None for k, given in zip((n, m), weighted))
    assert_same(*both_ways(x, y, a, b, metric=metric, relax=relax, epsilon=epsilon))


def test_all_but_the_first_are_posed_at_once(posed_alone):
    rng = np.random.default_rng(0)
    problems = entropic_problems(batch_inputs.of_points(*rng.random((2, 9, 5, 3)), None, None), **PLAIN)
    assert len(problems) == 9
    assert len(posed_alone) == 1


def test_clouds_on_the_line_and_weights_for_all(posed_alone):
    rng = np.random.default_rng(1)
    sides = batch_inputs.of_points(rng.random((4, 5)), rng.random((4, 6, 1)), rng.dirichlet(np.ones(5)), None)
    stacked = entropic_problems(sides, **PLAIN)
    assert len(posed_alone) == 1
    assert_same(stacked, sides.each(partial(entropic_problem, **PLAIN)))


def test_costs_far_from_one_are_rescaled_one_by_one(posed_alone):
    x = np.random.default_rng(2).random((3, 4, 2))
    x[1] *= 1e140
    sides = batch_inputs.of_points(x, x[::-1], None, None)
    assert_same(entropic_problems(sides, **PLAIN), sides.each(partial(entropic_problem, **PLAIN)))
    assert len(posed_alone) == 1 + 3 + 3


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_point_that_is_not_finite_names_its_problem(number):
    x = np.zeros((4, 3, 2))
    x[2, 1, 0] = number
    with pytest.raises(InvalidInput, match=r"^problem 2: y must be finite; .* in row 1 "):
        otgen.sinkhorn_batch(np.ones((4, 3, 2)), x, epsilon=0.1)


def test_bad_weights_name_their_problem():
    x, a, b = np.random.default_rng(3).random((4, 3, 2)), np.full((4, 3), 1.0), np.full((4, 3), 1.0)
    b[3] *= 2
    with pytest.raises(MassMismatch, match=r"^problem 3: a and b must carry the same total mass"):
        otgen.sinkhorn_batch(x, x + 1, a, b, epsilon=0.1)
    a[1, 2] = -1
    with pytest.raises(InvalidInput, match=r"^problem 1: a must be finite and non-negative; received -1.0 at index 2"):
        otgen.sinkhorn_batch(x, x + 1, a, b, epsilon=0.1)


def test_another_dimension_names_the_first_problem():
    with pytest.raises(InvalidInput, match=r"^problem 0: x and y must have the same number of coordinates"):
        otgen.sinkhorn_batch(np.zeros((2, 3, 2)), np.zeros((2, 3, 4)), epsilon=0.1)
