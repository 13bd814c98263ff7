"""Entropic bounds against 50 digits of mpmath, at every iteration limit."""

import copy
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from entropic_truth import DIGITS, costs, divergence_truth, entropic_truth, matrix_truth
from liars import Liar
from mpmath import mpf
from proving import exact_transport, fractions

import otgen
from otgen.solvers import Claim

LIMITS = [*range(1, 13), 20, 50, 200]
MET = math.inf, math.inf
KINDS = ["plain", "without mass", "many orders", "coincide"]
RELAXED = [(0.5, 2.0), (math.inf, 0.3), (0.05, math.inf)]


def problem(kind, seed=0, n=4, m=5):
    """Clouds of dyadic points, and weights."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(-16, 17, (n, 2)) / 8, rng.integers(-16, 17, (m, 2)) / 8
    a, b = rng.integers(1, 9, n) / 8, rng.integers(1, 9, m) / 8
    if kind == "without mass":
        a[1] = b[2] = 0.0
    if kind == "many orders":
        a, b = 10.0 ** -np.arange(0.0, 3 * n, 3), 10.0 ** -rng.permutation(np.arange(0.0, 3 * m, 3))
    if kind == "coincide":
        y[:n] = x
        x[1] = x[0]
    return x, y, a, b


def assert_encloses(result, truth):
    """The interval holds the truth, whose last of 50 digits are all that is forgiven."""
    with mpmath.workdps(DIGITS):
        assert mpf(result.lower) <= truth.upper, f"{result.lower!r} is {mpf(result.lower) - truth.upper} too high"
        assert truth.lower <= mpf(result.upper), f"{result.upper!r} is {truth.lower - mpf(result.upper)} too low"


def off(result, truth):
    """How far the value lies from the truth."""
    with mpmath.workdps(DIGITS):
        return float(abs(mpf(result.value) - truth.lower))


def at_every_limit(call, *clouds, relax=MET, **options):
    """Results, unconverged and converged."""
    relax = None if relax == MET else relax
    return [call(*clouds, max_iter=k, throw=False, normalize=True, relax=relax, **options) for k in LIMITS]


class TestTheTruth:
    """What the tests below lean on, where an answer is known in closed form."""

    def test_two_points_each(self):
        with mpmath.workdps(DIGITS):
            truth = matrix_truth([[0, 1], [1, 0]], [1.0, 1.0], [1.0, 1.0], 0.25)
            closed = -mpf(0.25) * mpmath.log((1 + mpmath.exp(-4)) / 2)
            assert abs(truth.lower - closed) < mpf(10) ** -32
            assert truth.lower <= closed <= truth.upper

    @pytest.mark.parametrize(("relax", "free"), [((0.5, 2.0), 2.5), ((0.5, math.inf), 0.5)])
    def test_one_point_each(self, relax, free):
        """Over the moved mass t: t c + eps KL(t, ab) + rho KL(t, a) + rho KL(t, b), or t = b where that is met."""
        a, b, c, epsilon = mpf(3), mpf(5), mpf(2), mpf(0.25)
        with mpmath.workdps(DIGITS):
            logs = epsilon * mpmath.log(a * b) + relax[0] * mpmath.log(a)
            if math.isinf(relax[1]):
                t = b
            else:
                t = mpmath.exp((logs + relax[1] * mpmath.log(b) - c) / (epsilon + free))
            value = t * c + epsilon * _kl(t, a * b) + relax[0] * _kl(t, a) + (0 if t == b else relax[1] * _kl(t, b))
            truth = matrix_truth([[c]], [3.0], [5.0], 0.25, relax)
            assert truth.lower <= value <= truth.upper
            assert truth.upper - truth.lower < mpf(10) ** -30


def _kl(p, q):
    return p * mpmath.log(p / q) - p + q


class TestSinkhorn:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("p", [1, 2])
    @pytest.mark.parametrize("relative", [0.02, 0.3, 10.0])
    def test_bounds_and_value(self, kind, p, relative):
        clouds = problem(kind)
        largest = float(np.array(costs(*clouds[:2], p=p), float).max())
        epsilon, tol = relative * largest, 1e-6
        truth = entropic_truth(*clouds, epsilon, p=p)
        results = at_every_limit(otgen.sinkhorn, *clouds, epsilon=epsilon, p=p, tol=tol)
        for result in results:
            assert_encloses(result, truth)
        done = [result for result in results if result.status is otgen.Status.CONVERGED]
        assert done or relative < 0.1
        for result in done:  # the error of the dual is of second order, that of the plan of first
            assert result.upper - result.lower <= 100 * tol * (largest + epsilon)
            if result.marginal_error <= 2 * tol:
                assert off(result, truth) <= 100 * tol**2 * (largest + epsilon)
            else:  # marginals of next to no mass: the value is known as well as was asked
                assert result.upper - result.lower <= tol * abs(result.value)

    @pytest.mark.parametrize("relax", RELAXED)
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("relative", [0.05, 1.0])
    def test_relaxed(self, kind, relative, relax):
        x, y, a, b = problem(kind)
        b = 0.6 * b
        largest = float(np.array(costs(x, y), float).max())
        epsilon, relax = relative * largest, tuple(rho * largest for rho in relax)
        truth = entropic_truth(x, y, a, b, epsilon, relax)
        *_, last = results = at_every_limit(otgen.sinkhorn, x, y, a, b, epsilon=epsilon, relax=relax)
        for result in results:
            assert_encloses(result, truth)
        assert last.status is otgen.Status.CONVERGED
        assert off(last, truth) <= 1e-10 * (largest + epsilon) * max(a.sum(), b.sum(), a.sum() * b.sum())

    @pytest.mark.parametrize("metric", ["cityblock", "chebyshev", otgen.Minkowski(3)])
    @pytest.mark.parametrize(("p", "scale"), [(1.5, 1.0), (1.1, 1e-60), (2.0, 1e60)])
    def test_metrics_powers_and_units(self, metric, p, scale):
        """Neither a power of two that is rounded nor an offset that swallows digits moves a bound past the truth."""
        x, y, a, b = problem("plain", seed=1)
        x, y = (x + 1e4) * scale, (y + 1e4) * scale
        epsilon = 0.1 * float(np.array(costs(x, y, metric, p), float).max())
        truth = entropic_truth(x, y, a, b, epsilon, metric=metric, p=p)
        *_, last = results = at_every_limit(otgen.sinkhorn, x, y, a, b, epsilon=epsilon, metric=metric, p=p)
        for result in results:
            assert_encloses(result, truth)
        assert off(last, truth) <= 1e-10 * epsilon

    @pytest.mark.parametrize("relax", [MET, (0.5, math.inf), (0.5, 0.5)])
    def test_stacks(self, relax):
        xs, ys, a, b = zip(*(problem("plain", seed) for seed in range(4)))
        truths = [entropic_truth(*clouds, 0.5, relax) for clouds in zip(xs, ys, a, b)]
        stacks = np.array(xs), np.array(ys), np.array(a), np.array(b)
        for results in at_every_limit(otgen.sinkhorn_batch, *stacks, epsilon=0.5, relax=relax):
            for result, truth in zip(results, truths, strict=True):
                assert_encloses(result, truth)

    def test_a_bound_off_by_one_part_in_1e10_is_caught(self):
        clouds = problem("plain")
        result = otgen.sinkhorn(*clouds, epsilon=1.0, tol=1e-13, normalize=True)
        truth = entropic_truth(*clouds, 1.0)
        for field, change in (("lower", 1 + 1e-10), ("upper", 1 - 1e-10)):
            lied = copy.copy(result)
            object.__setattr__(lied, field, getattr(result, field) * change)
            with pytest.raises(AssertionError):
                assert_encloses(lied, truth)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", [{"metric": "cityblock", "p": 1}, {"p": 2}])
@pytest.mark.parametrize("relative", [0.02, 1.0])
def test_bounds_of_the_exact_cost(kind, power, relative):
    """Costs are dyadic and so exact; the optimum is rational."""
    x, y, a, b = problem(kind)
    C = np.abs(x[:, None] - y).sum(-1) if power["p"] == 1 else ((x[:, None] - y) ** 2).sum(-1)
    best = exact_transport(fractions(C), a, b)
    lower, upper = -math.inf, math.inf
    for result in at_every_limit(otgen.sinkhorn, x, y, a, b, epsilon=relative * C.max(), **power):
        lower, upper = result.exact_bounds
        assert Fraction(lower) <= best <= Fraction(upper)
    if relative < 0.1:
        assert upper - lower <= 0.2 * C.max()


@pytest.mark.parametrize("relax", [MET, (0.5, 0.5), (0.05, 0.05), (3.0, 3.0)])
@pytest.mark.parametrize("kind", KINDS)
def test_divergences(kind, relax):
    x, y, a, b = problem(kind)
    if relax == MET:
        a, b = a / a.sum(), b / b.sum()  # their sums are off by roundings, which the truth divides by
    truth = divergence_truth(x, y, a, b, 0.7, relax)
    *_, last = results = at_every_limit(otgen.sinkhorn_divergence, x, y, a, b, epsilon=0.7, relax=relax)
    for result in results:
        assert_encloses(result, truth)
    assert last.status is otgen.Status.CONVERGED
    assert off(last, truth) <= 1e-8 * max(1.0, float(a.sum()), float(b.sum())) ** 2


@pytest.mark.parametrize("relax", [MET, *RELAXED])
@pytest.mark.parametrize("kind", ["plain", "many orders"])
def test_any_potentials(kind, relax):
    """Also those whose kernel is beyond all floats, or lost to zero."""
    x, y, a, b = problem(kind)
    truth = entropic_truth(x, y, a, b, 0.7, relax)
    rng = np.random.default_rng(0)
    posed = otgen.Problem.from_points(x, y, a, b, normalize=True)
    posed = otgen.Problem(posed.source, posed.target, posed.cost, 0.7, relax=relax)
    for size in [0.1, 1.0, 10.0, 100.0, 1e3, 1e5] * 3:
        claim = Claim(potentials=(size * rng.normal(size=len(a)), size * rng.normal(size=len(b))))
        assert_encloses(otgen.solve(posed, Liar(claim), throw=False), truth)


@pytest.mark.parametrize("f", [-1e4, 0.0, 1e4])
def test_a_plan_that_does_not_move_all_is_no_upper_bound(f):
    """One unit must arrive, at a cost of 10: a kernel beyond all floats was scaled to 0, and bounded the value by 2."""
    one = otgen.Problem.from_matrix([[10.0]])
    posed = otgen.Problem(one.source, one.target, one.cost, 1.0, relax=(1.0, math.inf))
    result = otgen.solve(posed, Liar(Claim(potentials=(np.array([f]), np.array([0.0])))), throw=False)
    assert_encloses(result, matrix_truth([[10]], [1.0], [1.0], 1.0, (1.0, math.inf)))
    assert result.lower <= 10 <= result.upper
