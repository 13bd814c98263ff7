"""Batches: every problem gets the answer that it would get alone."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.distances.batch import HELD
from otgen.kernels import sinkhorn_small
from otgen.solvers import Fixed, Sinkhorn


def clouds(size: int, n: int, m: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((size, n, d)), rng.normal(0.5, 0.3, (size, m, d))


def assert_same(batch: otgen.BatchResult, loop: list[otgen.Result]) -> None:
    """Equal to 1e-12, bounds included up to what their different ways of rounding are charged with."""
    for one, other in zip(batch, loop, strict=True):
        assert one.status is other.status
        assert one.iterations == other.iterations
        scale = max(1.0, abs(other.value))
        assert one.value == pytest.approx(other.value, abs=1e-12 * scale)
        assert one.lower == pytest.approx(other.lower, abs=1e-10 * scale)
        assert one.upper == pytest.approx(other.upper, abs=1e-8 * scale)
        for mine, theirs in zip(one.potentials, other.potentials, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-11 * scale)


class TestSinkhornBatch:
    @pytest.mark.parametrize(
        ("metric", "p"),
        [
            ("euclidean", 2),
            ("euclidean", 1),
            ("cityblock", 1.5),
            ("chebyshev", 2),
            (otgen.Minkowski(3), 2),
            ("sqeuclidean", 1),
            ("cosine", 1),
            (lambda x, y: np.abs(x[:, None] - y[None]).sum(-1), 1),
        ],
    )
    def test_equals_the_loop_for_every_metric(self, metric, p):
        x, y = clouds(4, 7, 9, 3)
        x += 2.0
        options = dict(epsilon=otgen.Relative(0.05), metric=metric, p=p)
        batch = otgen.sinkhorn_batch(x, y, **options)
        assert_same(batch, [otgen.sinkhorn(*pair, **options) for pair in zip(x, y)])

    @pytest.mark.parametrize("relax", [None, 0.5, (0.3, None), (None, 0.3), (0.2, 2.0)])
    def test_equals_the_loop_weighted_relaxed_and_with_points_without_mass(self, relax):
        rng = np.random.default_rng(3)
        x, y = clouds(5, 12, 8, 2)
        a, b = rng.random((5, 12)), rng.random((5, 8))
        a[:, 3], b[:, 0] = 0.0, 0.0
        options = dict(epsilon=0.02, relax=relax, normalize=True)
        batch = otgen.sinkhorn_batch(x, y, a, b, **options)
        loop = [otgen.sinkhorn(*four, **options) for four in zip(x, y, a, b)]
        assert_same(batch, loop)
        for one, other in zip(batch, loop):
            np.testing.assert_allclose(one.plan.todense(), other.plan.todense(), atol=1e-13)
            for name in ("x", "y", "a", "b"):
                np.testing.assert_allclose(getattr(one.gradients(), name), getattr(other.gradients(), name), atol=1e-11)

    @given(
        sizes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=6),
        seed=st.integers(0, 99),
    )
    def test_equals_the_loop_for_ragged_problems(self, sizes, seed):
        rng = np.random.default_rng(seed)
        xs, ys = [rng.random((n, 2)) for n, _ in sizes], [rng.random((m, 2)) for _, m in sizes]
        batch = otgen.sinkhorn_batch(xs, ys, epsilon=0.05)
        assert_same(batch, [otgen.sinkhorn(x, y, epsilon=0.05) for x, y in zip(xs, ys)])

    def test_problems_of_all_sizes_and_scales_together(self):
        rng = np.random.default_rng(0)
        xs = [rng.random((300, 2)), rng.random((5, 2)) * 1e200, rng.random((6, 2)) * 1e-200, np.zeros((3, 2))]
        ys = [rng.random((320, 2)), rng.random((4, 2)) * 1e200, rng.random((7, 2)) * 1e-200, np.zeros((2, 2))]
        options = dict(epsilon=otgen.Relative(0.1), p=1)
        batch = otgen.sinkhorn_batch(xs, ys, **options)
        for one, x, y in zip(batch, xs, ys):
            assert one.value == pytest.approx(otgen.sinkhorn(x, y, **options).value, rel=1e-12)
            assert one.lower <= one.value <= one.upper

    def test_bounds_hold_at_every_iteration_limit(self):
        x, y = clouds(3, 20, 20, 2)
        truth = otgen.sinkhorn_batch(x, y, epsilon=0.01, tol=1e-9).value
        exact = otgen.wasserstein_batch(x, y).cost
        for limit in (1, 2, 5, 50):
            batch = otgen.sinkhorn_batch(x, y, epsilon=0.01, max_iter=limit, throw=False)
            assert set(batch.status) == {otgen.Status.MAX_ITER}
            assert (batch.lower <= truth).all()
            assert (truth <= batch.upper).all()
            for one, cost in zip(batch, exact):
                assert one.exact_bounds[0] <= cost <= one.exact_bounds[1]

    def test_the_limit_raises_and_says_for_which_problem(self):
        x, y = clouds(3, 20, 20, 2)
        with pytest.raises(otgen.NotConverged, match="problem 0: ") as caught:
            otgen.sinkhorn_batch(x, y, epsilon=1e-3, max_iter=2)
        assert len(caught.value.result) == 3

    def test_a_schedule_of_ones_own(self):
        x, y = clouds(2, 10, 10, 2)
        solver = Sinkhorn(schedule=Fixed())
        batch = otgen.sinkhorn_batch(x, y, epsilon=0.05, solver=solver)
        assert_same(batch, [otgen.sinkhorn(*pair, epsilon=0.05, solver=solver) for pair in zip(x, y)])

    def test_stacks_are_held_to_their_size(self):
        """Of problems of 256 x 256 eight are held at once; the ninth goes by itself."""
        x, y = clouds(9, 256, 256, 2)
        assert HELD == 8 * 256 * 256
        batch = otgen.sinkhorn_batch(x, y, epsilon=0.2)
        assert_same(batch, [otgen.sinkhorn(*pair, epsilon=0.2) for pair in zip(x, y)])

    def test_float32_comes_back_as_float32(self):
        x, y = (z.astype(np.float32) for z in clouds(2, 6, 6, 2))
        batch = otgen.sinkhorn_batch(x, y, epsilon=0.1)
        assert batch[0].potentials[0].dtype == np.float32
        assert_same(batch, [otgen.sinkhorn(*pair, epsilon=0.1) for pair in zip(x, y)])

    def test_an_epsilon_that_rounding_would_decide_is_refused(self):
        x, y = clouds(2, 4, 4, 2)
        with pytest.raises(otgen.InvalidInput, match="1e-12 of the largest cost"):
            otgen.sinkhorn_batch(x, y, epsilon=1e-14)


class TestDivergenceBatch:
    @pytest.mark.parametrize("relax", [None, 0.7])
    def test_equals_the_loop(self, relax):
        x, y = clouds(4, 15, 11, 2)
        options = dict(epsilon=0.03, relax=relax)
        batch = otgen.sinkhorn_divergence_batch(x, y, **options)
        loop = [otgen.sinkhorn_divergence(*pair, **options) for pair in zip(x, y)]
        assert_same(batch, loop)
        for one, other in zip(batch, loop):
            np.testing.assert_allclose(one.gradients().x, other.gradients().x, atol=1e-11)


class TestWassersteinBatch:
    def test_equals_the_loop(self):
        x, y = clouds(4, 15, 11, 2)
        batch = otgen.wasserstein_batch(x, y, p=1)
        assert batch.value.tolist() == [otgen.wasserstein(*pair, p=1).value for pair in zip(x, y)]


class TestBatchResult:
    def test_is_a_sequence_with_arrays(self):
        x, y = clouds(5, 4, 4, 2)
        batch = otgen.sinkhorn_batch(x, y, epsilon=0.1)
        assert len(batch) == 5
        assert [result.value for result in batch] == batch.value.tolist()
        assert batch[1:3].value.tolist() == batch.value[1:3].tolist()
        assert batch[-1] is batch.results[-1]
        for name in ("lower", "upper", "cost", "epsilon", "marginal_error", "iterations"):
            assert getattr(batch, name).shape == (5,)
        assert "5 CONVERGED" in repr(batch)

    def test_a_divergence_has_no_cost(self):
        x, y = clouds(2, 4, 4, 2)
        assert np.isnan(otgen.sinkhorn_divergence_batch(x, y, epsilon=0.1).cost).all()

    def test_no_problems_at_all(self):
        assert otgen.sinkhorn_batch([], [], epsilon=0.1).value.shape == (0,)


class TestInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((np.zeros((2, 3, 1)), np.zeros((3, 3, 1))), "equally many problems"),
            ((np.zeros((2, 3, 1)), np.zeros((2, 3, 1)), np.ones((1, 3))), "equally many problems"),
            ((1.0, np.zeros((2, 3, 1))), "xs must be an array or a sequence"),
            (([[0.0], [1.0]], [[0.0], [np.nan]]), "problem 1: y must be finite"),
            ((np.zeros((2, 3, 1)), np.zeros((2, 3, 2))), "problem 0: x and y must have the same number of coordinates"),
        ],
    )
    def test_is_refused_in_words(self, arguments, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            otgen.sinkhorn_batch(*arguments, epsilon=0.1)

    @pytest.mark.parametrize("form", [np.stack, list, lambda side: [z.tolist() for z in side]])
    @pytest.mark.parametrize("batch", [otgen.wasserstein_batch, partial(otgen.sinkhorn_batch, epsilon=0.1)])
    @pytest.mark.parametrize("worse", ["x", "y", "a", "mass"])
    @pytest.mark.parametrize("first", ["x", "y", "a", "mass"])
    def test_the_first_problem_at_fault_is_named(self, form, batch, first, worse):
        """Whatever is wrong with it, and with a later one."""
        x, y, a, b = (np.ones((6, *shape)) for shape in ((3, 2), (3, 2), (3,), (3,)))
        for k, fault in ((2, first), (4, worse)):
            if fault == "mass":
                a[k] *= 2
            else:
                {"x": x, "y": y, "a": a}[fault][k, 0] = np.nan if fault != "a" else -1.0
        with pytest.raises(otgen.InvalidInput, match="problem 2: "):
            batch(*map(form, (x, y, a, b)))

    def test_a_problem_that_is_missing_or_too_large_is_named(self):
        z = np.zeros((2, 2))
        for missing, k in (([None, z], 0), ([z, None], 1), ([None, None, z], 0)):
            with pytest.raises(otgen.InvalidInput, match=f"problem {k}: x must be an array of numbers; received None"):
                otgen.wasserstein_batch(missing, [z] * len(missing))
        with pytest.raises(otgen.InvalidInput, match="problem 0: C must"):
            otgen.transport_batch([None, z])
        with pytest.raises(otgen.TooLarge, match="problem 1: x must fit in memory"):
            otgen.wasserstein_batch([z, np.broadcast_to(0.0, (2**40, 2))], [z, z])

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda z: otgen.wasserstein_batch(z, z, [1, -1]), "a must be finite"),
            (lambda z: otgen.sinkhorn_batch(z, z, None, [0, 0], epsilon=1), "b must carry some mass"),
            (lambda z: otgen.sinkhorn_batch(z, z, [1, 1], [1, 2], epsilon=1), "a and b must carry the same total mass"),
            (lambda z: otgen.wasserstein_batch(z[0], z, [1, 1, 1]), r"a must have shape \(2,\)"),
            (lambda z: otgen.transport_batch([[0, np.nan], [0, 0]], np.ones((3, 2))), "Cs must not hold NaN"),
            (lambda z: otgen.transport_batch(z[0], np.ones((3, 2)), np.ones(3)), r"b must have shape \(2,\)"),
            (lambda z: otgen.transport_batch(z, epsilon=-1), "epsilon must be positive"),
            (lambda z: otgen.transport_batch(z, solver="sinkhorn"), "solver='sinkhorn' must get epsilon > 0"),
            (lambda z: otgen.sinkhorn_batch(z, z, epsilon=1, relax=-1), "relax must be positive"),
            (lambda z: otgen.wasserstein_batch(z, z, metric="eucl"), "metric must be one of"),
        ],
    )
    def test_what_all_problems_share_has_no_number(self, call, words):
        with pytest.raises(otgen.InvalidInput, match=f"^{words}"):
            call(np.zeros((3, 2, 2)))

    def test_what_one_of_them_has_does(self):
        """Beside weights that all have, or under a metric that takes no points of one coordinate."""
        z = np.zeros((3, 2, 2))
        with pytest.raises(otgen.MassMismatch, match=r"^problem 1: a and b"):
            otgen.wasserstein_batch(z, z, [1, 1], [[1, 1], [2, 2], [1, 1]])
        with pytest.raises(otgen.InvalidInput, match=r"^problem 0: x must hold latitudes"):
            otgen.wasserstein_batch(z + 9, z, metric="great_circle")
        with pytest.raises(otgen.InvalidInput, match=r"^problem 1: x must be finite"):
            otgen.wasserstein_batch([z[0], z[0] * np.nan], z[:2], metric=lambda s, t: s[:, :2] @ t[:, :2].T)

    def test_unequal_masses_keep_their_own_error(self):
        with pytest.raises(otgen.MassMismatch, match="problem 1: "):
            otgen.sinkhorn_batch([[0.0], [0.0]], [[1.0], [1.0]], [[1.0], [1.0]], [[1.0], [2.0]], epsilon=0.1)

    def test_three_dimensions_name_the_batch_functions(self):
        with pytest.raises(otgen.InvalidInput, match="sinkhorn_batch"):
            otgen.sinkhorn(np.zeros((2, 3, 1)), np.zeros((2, 3, 1)), epsilon=0.1)


class TestSmallAndLargeAgree:
    """The compiled solver of small problems against the general loop, its naive twin.

    Which one runs is decided by the number of pairs, so that the same problem meets both only if that number is patched.
    """

    @pytest.mark.parametrize("relax", [None, 0.4, 0.2])
    @pytest.mark.parametrize("epsilon", [0.3, 0.01, 0.0005])
    def test_iteration_by_iteration(self, monkeypatch, relax, epsilon):
        rng = np.random.default_rng(1)
        x, y, a, b = rng.random((30, 2)), rng.random((25, 2)), rng.random(30), rng.random(25)
        options = dict(epsilon=epsilon, relax=relax, normalize=True, throw=False)
        fast = otgen.sinkhorn(x, y, a, b, **options)
        own = otgen.sinkhorn_divergence(x, y, a, b, **options)
        half = otgen.sinkhorn(x, y, a, b, **options | dict(relax=(None, 0.2)))
        monkeypatch.setattr(sinkhorn_small, "PAIRS", 0)
        slow = otgen.sinkhorn(x, y, a, b, **options)
        assert fast.iterations == slow.iterations
        assert fast.value == pytest.approx(slow.value, abs=1e-12)
        for mine, theirs in zip(fast.potentials, slow.potentials):
            np.testing.assert_allclose(mine, theirs, atol=1e-11)
        assert own.value == pytest.approx(otgen.sinkhorn_divergence(x, y, a, b, **options).value, abs=1e-12)
        again = otgen.sinkhorn(x, y, a, b, **options | dict(relax=(None, 0.2)))
        assert (half.iterations, half.value) == (again.iterations, pytest.approx(again.value, abs=1e-12))

    def test_potentials_far_off_are_brought_back(self, monkeypatch):
        """Sums that leave the range of floats, at the start and on the way."""
        rng = np.random.default_rng(2)
        x, y = rng.random((12, 2)), rng.random((9, 2)) + 3.0
        start = rng.normal(0, 50, 12), rng.normal(0, 50, 9)
        options = dict(epsilon=0.004, init=start, max_iter=100_000)
        fast = otgen.sinkhorn(x, y, **options)
        assert fast.status is otgen.Status.CONVERGED
        assert fast.lower <= otgen.sinkhorn(x, y, epsilon=0.004).value <= fast.upper
        monkeypatch.setattr(sinkhorn_small, "PAIRS", 0)
        assert fast.value == pytest.approx(otgen.sinkhorn(x, y, **options).value, abs=1e-9)

    def test_a_long_solve_goes_in_passes(self):
        """Three passes, of at most 20 000 iterations each: at a small epsilon and without annealing more than 200 000 are needed."""
        rng = np.random.default_rng(1)
        x, y = rng.random((15, 2)), rng.random((15, 2))
        annealed = otgen.sinkhorn(x, y, epsilon=3e-4, tol=1e-11)
        options = dict(epsilon=3e-4, solver=Sinkhorn(tol=1e-11, max_iter=50_000, schedule=Fixed()), throw=False)
        for fixed in (otgen.sinkhorn(x, y, **options), otgen.sinkhorn_batch(x[None], y[None], **options)[0]):
            assert fixed.iterations == 50_000
            assert fixed.value == pytest.approx(annealed.value, abs=1e-9)


def test_memory_of_several_axes_is_an_array():
    x = np.arange(12.0).reshape(2, 3, 2)
    found = otgen.wasserstein_batch(memoryview(x), memoryview(x + 1))
    assert found.value.tolist() == otgen.wasserstein_batch(x, x + 1).value.tolist()
    assert otgen.transport_batch(memoryview(x)).value.tolist() == otgen.transport_batch(x).value.tolist()
