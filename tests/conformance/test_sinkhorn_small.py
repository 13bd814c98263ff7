"""Compiled solves of small problems, and the decisions they take, against plain numpy."""

from __future__ import annotations

import math
import signal

import numpy as np
import pytest

from otgen.kernels import overrelaxation, sinkhorn_small
from otgen.kernels.overrelaxation import (
    DONE,
    STOPPED,
    TAKEN,
    TAKEN_BACK,
    Aim,
    Pace,
    decided,
    next_omega,
    probes,
    started,
    window,
)

INF = math.inf


def stack(size: int = 3, n: int = 5, m: int = 4, relax=(INF, INF), seed: int = 0) -> sinkhorn_small.Stack:
    rng = np.random.default_rng(seed)
    a, b = rng.random((size, n)) + 0.1, rng.random((size, m)) + 0.1
    if max(relax) == INF:
        a, b = a / a.sum(1, keepdims=True), b / b.sum(1, keepdims=True)
    return sinkhorn_small.Stack(rng.random((size, n, m)), a, b, np.array(relax))


def solved(problem: sinkhorn_small.Stack, k: int, epsilon: float, sweeps: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Plain updates in logarithms, many of them."""
    C, a, b = problem.costs[k], problem.a[k], problem.b[k]
    one, other = (1.0 if rho == INF else rho / (rho + epsilon) for rho in problem.relax)
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(sweeps):
        f = -one * epsilon * np.log(np.exp((g - C) / epsilon) @ b)
        g = -other * epsilon * np.log(np.exp((f[:, None] - C) / epsilon).T @ a)
    return f, g


def plan(problem: sinkhorn_small.Stack, k: int, f: np.ndarray, g: np.ndarray, epsilon: float) -> np.ndarray:
    return np.outer(problem.a[k], problem.b[k]) * np.exp((f[:, None] + g - problem.costs[k]) / epsilon)


@pytest.mark.parametrize("relax", [(INF, INF), (0.5, 0.5), (INF, 0.3), (2.0, INF)])
def test_solves_reach_the_fixed_point(relax):
    problem = stack(relax=relax)
    stages, ends = np.array([[1.0, 0.2, 0.1]] * 3), np.array([2, 1, 0])
    out = sinkhorn_small.iterate(problem, stages, ends, 1e-3, 1e-10, 5000, np.zeros((3, 5)), np.zeros((3, 4)))
    assert out.done.all()
    assert (out.error <= 1e-10).all()
    for k in range(3):
        epsilon = stages[k, ends[k]]
        want = plan(problem, k, *solved(problem, k, epsilon), epsilon)
        np.testing.assert_allclose(plan(problem, k, out.f[k], out.g[k], epsilon), want, atol=1e-9)


@pytest.mark.parametrize("far", [1e2, 1e4])
def test_potentials_far_off_are_brought_back(far):
    problem = stack(size=1)
    rng = np.random.default_rng(1)
    start = rng.normal(0, far, (1, 5)), rng.normal(0, far, (1, 4))
    out = sinkhorn_small.iterate(problem, np.array([[0.1]]), np.array([0]), 1e-3, 1e-9, 5000, *start)
    assert out.done.all()
    want = plan(problem, 0, *solved(problem, 0, 0.1), 0.1)
    np.testing.assert_allclose(plan(problem, 0, out.f[0], out.g[0], 0.1), want, atol=1e-8)


def test_a_limit_is_kept_and_counted():
    problem = stack()
    stages, ends = np.full((3, 1), 0.01), np.zeros(3, np.int64)
    out = sinkhorn_small.iterate(problem, stages, ends, 1e-3, 1e-14, 7, np.zeros((3, 5)), np.zeros((3, 4)))
    assert out.count.tolist() == [7, 7, 7]
    assert not out.done.any()
    start = np.random.default_rng(0).normal(0, 1e5, (3, 5)), np.zeros((3, 4))
    out = sinkhorn_small.iterate(problem, stages, ends, 1e-3, 1e-14, 1, *start)
    assert (out.count <= 1).all()


def test_a_point_of_no_mass_changes_nothing():
    problem = stack(size=1)
    wider = sinkhorn_small.Stack(
        np.concatenate([problem.costs, np.full((1, 1, 4), 1e6)], axis=1),
        np.concatenate([problem.a, np.zeros((1, 1))], axis=1),
        problem.b,
        problem.relax,
    )
    stages, ends = np.array([[0.05]]), np.array([0])
    one = sinkhorn_small.iterate(problem, stages, ends, 1e-3, 1e-9, 5000, np.zeros((1, 5)), np.zeros((1, 4)))
    two = sinkhorn_small.iterate(wider, stages, ends, 1e-3, 1e-9, 5000, np.zeros((1, 6)), np.zeros((1, 4)))
    assert one.count == two.count
    np.testing.assert_allclose(two.f[:, :5], one.f, atol=1e-12)


@pytest.mark.parametrize("relax", [(INF, INF), (0.5, 0.5)])
@pytest.mark.parametrize("far", [0.0, 1e4])
def test_symmetric_solves_reach_the_fixed_point(relax, far):
    problem = stack(n=5, m=5, relax=relax)
    costs = problem.costs + problem.costs.transpose(0, 2, 1)
    own = sinkhorn_small.Stack(costs, problem.a, problem.a, problem.relax)
    start = np.random.default_rng(0).normal(0, far, (3, 5)) if far else np.zeros((3, 5))
    out = sinkhorn_small.iterate_symmetric(own, np.full(3, 0.8), 1e-10, 5000, start)
    assert out.done.all()
    for k in range(3):
        want = plan(own, k, *solved(own, k, 0.8), 0.8)
        np.testing.assert_allclose(plan(own, k, out.f[k], out.g[k], 0.8), want, atol=1e-9)
    assert sinkhorn_small.iterate_symmetric(own, np.full(3, 0.8), 1e-15, 2, start).count.tolist() == [2, 2, 2]


def test_forbidden_pairs_get_nothing():
    problem = stack(size=1)
    problem.costs[0, 0, 1] = INF
    out = sinkhorn_small.iterate(
        problem, np.array([[0.1]]), np.array([0]), 1e-3, 1e-10, 5000, np.zeros((1, 5)), np.zeros((1, 4))
    )
    found = plan(problem, 0, out.f[0], out.g[0], 0.1)
    assert found[0, 1] == 0.0
    np.testing.assert_allclose(found.sum(1), problem.a[0], atol=1e-9)


class TestDecisions:
    """What becomes of a sweep, whoever has computed it."""

    AIM = Aim(tolerance=1e-6, limit=100, slip=1e-12, patience=20, overrelaxes=True)

    @staticmethod
    def after(pace, row_error, dual=1.0, aim=AIM, probed=False, errors=None):
        errors = np.empty(50) if errors is None else errors
        return decided(pace, errors, probed, row_error, row_error, dual, 1.0, aim)

    def test_the_first_sweep_is_never_the_last_but_at_the_limit(self):
        verdict, pace = self.after(started(0), 0.0)
        assert (verdict, pace.count) == (TAKEN, 1)
        verdict, pace = self.after(pace, 0.0)
        assert (verdict, pace.count) == (DONE, 1)
        assert self.after(started(100), 0.5)[0] == STOPPED

    def test_a_step_that_lowers_the_dual_value_is_taken_back(self):
        pace = started(3)._replace(omega=1.5, dual=2.0, column_error=0.1)
        verdict, back = self.after(pace, 0.1, dual=1.0)
        assert (verdict, back.omega, back.listed, back.dual) == (TAKEN_BACK, 1.0, 0, 2.0)
        assert self.after(pace._replace(omega=1.0), 0.1, dual=1.0)[0] == TAKEN

    def test_patience_ends_where_errors_no_longer_halve(self):
        pace, errors = started(0), np.empty(50)
        for count in range(22):
            verdict, pace = self.after(pace, 0.5, errors=errors)
            assert verdict == TAKEN, count
        assert self.after(pace, 0.5, errors=errors)[0] == STOPPED
        assert self.after(pace, 0.5, aim=self.AIM._replace(patience=0), errors=errors)[0] == TAKEN

    def test_what_is_not_finite_ends_only_an_iteration_that_may_be_repeated(self):
        assert self.after(started(0), 0.5, dual=math.nan)[0] == STOPPED
        assert self.after(started(0), 0.5, dual=math.nan, aim=self.AIM._replace(patience=0))[0] == TAKEN

    def test_a_plain_step_is_tried_near_the_end(self):
        pace = started(30)._replace(omega=1.9, error=5e-6)
        assert probes(pace, self.AIM)
        verdict, later = self.after(pace._replace(column_error=5e-6), 5e-6, probed=True)
        assert (verdict, later.omega, later.probing) == (TAKEN, 1.9, 31 + window(1.9))
        assert not probes(later, self.AIM)
        assert not probes(pace._replace(error=1.0), self.AIM)

    def test_the_list_of_errors_wraps(self):
        pace, errors = started(0), np.empty(3)
        for _ in range(7):
            _, pace = self.after(pace, 1.0, errors=errors, aim=self.AIM._replace(patience=0))
        assert pace.listed <= 3

    def test_without_overrelaxation_steps_stay_plain(self):
        pace, error = started(0), 1.0
        for _ in range(10):
            _, pace = self.after(pace, error, aim=self.AIM._replace(overrelaxes=False))
            error *= 0.9
        assert pace.omega == 1.0


class TestPace:
    def test_plain_sweeps_go_on_until_a_rate_shows(self):
        assert next_omega(np.array([1.0, 0.5]), 2, 1.0) == 1.0
        assert next_omega(np.array([1.0, 0.1, 0.01]), 3, 1.0) == 1.0
        assert next_omega(np.array([1.0, 0.9, 0.3]), 3, 1.0) == 1.0
        assert next_omega(np.array([1.0, 0.9, 0.81]), 3, 1.0) == pytest.approx(2 / (1 + math.sqrt(0.1)))

    def test_large_steps_are_given_time_then_judged(self):
        span = window(1.5)
        flat = np.ones(2 * span + 1)
        assert next_omega(flat, 2 * span, 1.5) == 1.5
        assert next_omega(flat, 2 * span + 1, 1.5) == 1.0
        good = 0.5 ** np.arange(2 * span + 1)
        assert next_omega(good, 2 * span + 1, 1.5) == 1.5
        slow = 0.9 ** np.arange(2 * span + 1)
        assert 1.5 < next_omega(slow, 2 * span + 1, 1.5) < 2.0

    def test_windows_grow_with_the_step(self):
        assert window(1.0) == 6
        assert window(1.99) == 199 or window(1.99) == 200


@pytest.mark.no_cover  # an interrupt may fall into the tracer, with its lock held
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no alarms")
def test_ctrl_c_as_a_pace_comes_back_is_heard():
    """Kernels return plain tuples to Python: named ones are made by calling it, where a signal was lost or ended in SystemError."""

    def heard(*_):
        raise KeyboardInterrupt

    def swept(seconds):
        pace = Pace(*overrelaxation.first(0))
        signal.setitimer(signal.ITIMER_REAL, seconds)
        while True:
            verdict, numbers = overrelaxation.next_of(pace, errors, False, 1e-3, 1e-3, 1.0, 0.1, aim)
            assert (verdict, type(numbers)) == (TAKEN, tuple)
            pace = Pace(*numbers)

    aim, errors = Aim(1e-9, 10**9, 1e-12, 0, True), np.empty(64)
    before = signal.signal(signal.SIGALRM, heard)
    try:
        for k in range(40):
            with pytest.raises(KeyboardInterrupt):
                swept(0.001 + 1e-5 * k)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
