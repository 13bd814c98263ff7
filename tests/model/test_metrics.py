"""The table of metrics: each entry against its definition, in many digits, by differences and by the axioms."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proving import assert_proven
from scipy.optimize import linear_sum_assignment

import otgen
from otgen.model.cost import COSTS, METRICS, PointCost, spelt, unspelt
from otgen.model.cost.metrics import TABLE, entry_of

RNG = np.random.default_rng(0)
ALL = [*METRICS, otgen.Minkowski(3), otgen.Minkowski(1.5), otgen.Circular(1.0), otgen.Circular(24)]


def cloud(metric, n, rng):
    """Points that a metric takes, some of them close together."""
    if metric == "great_circle":
        points = np.stack([rng.uniform(-1.57, 1.57, n), rng.uniform(-6, 6, n)], axis=1)
        points[0], points[1 % n] = (math.pi / 2, 0.3), (-0.4, 1.0)
        return points
    return rng.normal(size=(n, 3)) * 5


def exactly(metric, x, y):
    """A distance in fifty digits, by its definition."""
    with mpmath.workdps(50):
        u, v = ([mpmath.mpf(float(z)) for z in point] for point in (x, y))
        if metric == "great_circle":
            (a, b), (c, d) = u, v
            one, other = (
                [mpmath.cos(s) * mpmath.cos(t), mpmath.cos(s) * mpmath.sin(t), mpmath.sin(s)]
                for s, t in ((a, b), (c, d))
            )
            chord = mpmath.sqrt(sum((s - t) ** 2 for s, t in zip(one, other)))
            return 2 * mpmath.asin(min(chord / 2, mpmath.mpf(1)))
        sizes = [abs(s - t) for s, t in zip(u, v)]
        if isinstance(metric, otgen.Circular):
            sizes = [min(s % metric.period, metric.period - s % metric.period) for s in sizes]
        q = {"euclidean": 2, "cityblock": 1, "chebyshev": math.inf}.get(metric, getattr(metric, "q", 2))
        return max(sizes) if math.isinf(q) else sum(s**q for s in sizes) ** (mpmath.mpf(1) / mpmath.mpf(q))


@pytest.mark.parametrize("metric", ALL, ids=str)
@pytest.mark.parametrize("p", [1, 2, 2.5, 7])
def test_costs_are_within_their_rounding(metric, p):
    rng = np.random.default_rng(1)
    x, y = cloud(metric, 12, rng), cloud(metric, 9, rng)
    y[0], y[1] = x[2], x[1] + 1e-9  # the same point, and one hardly away
    if metric == "great_circle":
        y[2] = (-x[3, 0], x[3, 1] - math.pi if x[3, 1] > 0 else x[3, 1] + math.pi)  # nearly an antipode
    cost = PointCost(x, y, metric, p)
    relative, absolute = cost.rounding
    low, high = cost.range()
    for i in range(len(x)):
        for j in range(len(y)):
            computed, true = float(cost.block()[i, j]), exactly(metric, x[i], y[j]) ** p
            assert abs(computed - true) <= relative * computed + absolute, (i, j)
            assert low <= computed <= high


@pytest.mark.parametrize("metric", [*ALL, *COSTS], ids=str)
@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_slopes_are_those_of_differences(metric, p):
    if entry_of(metric).only_p_one and p != 1:
        return
    rng = np.random.default_rng(2)
    x, y = cloud(metric, 6, rng), cloud(metric, 6, rng)
    pairs, h = np.arange(6), 1e-6
    slope = entry_of(metric).slope(x, y, p)
    for k in range(x.shape[1]):
        ahead, behind = x.copy(), x.copy()
        ahead[:, k] += h
        behind[:, k] -= h
        if metric == "great_circle":  # a pole has no north beyond it
            keep = np.abs(ahead[:, 0]) < math.pi / 2 - 1e-3
        else:
            keep = np.ones(6, bool)
        there, back = (PointCost(z, y, metric, p).pairs(pairs, pairs) for z in (ahead, behind))
        expected = (there - back) / (2 * h)
        np.testing.assert_allclose(slope[keep, k], expected[keep], rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("metric", ["great_circle", otgen.Circular(24)], ids=str)
@pytest.mark.parametrize("p", [1, 2, 3])
def test_against_an_assignment_solver(metric, p):
    rng = np.random.default_rng(3)
    x, y = cloud(metric, 30, rng), cloud(metric, 30, rng)
    distances = np.array([[float(exactly(metric, u, v)) for v in y] for u in x])
    rows, columns = linear_sum_assignment(distances**p)
    truth = (distances[rows, columns] ** p).mean() ** (1 / p)
    result = otgen.wasserstein(x, y, p=p, metric=metric)
    assert result.status is otgen.Status.OPTIMAL
    assert_proven(result, float(truth), tight=1e-10)
    assert otgen.wasserstein(x, y, p=math.inf, metric=metric).value <= distances.max()


@given(st.integers(0, 10**6), st.sampled_from(ALL))
def test_distances_obey_the_axioms(seed, metric):
    rng = np.random.default_rng(seed)
    x, y, z = (cloud(metric, 3, rng) for _ in range(3))
    across, back = (PointCost(*pair, metric, 1.0).block() for pair in ((x, y), (y, x)))
    np.testing.assert_allclose(across, back.T, rtol=1e-12, atol=1e-12)
    over = PointCost(x, z, metric, 1.0).block()[:, None, :] + PointCost(z, y, metric, 1.0).block().T[None, :, :]
    assert (across <= over.min(axis=2) * (1 + 1e-12) + 1e-12).all()
    assert (np.diag(PointCost(x, x, metric, 1.0).block()) == 0).all()


def test_turning_the_circle_changes_nothing():
    x, y = RNG.uniform(0, 24, 40), RNG.uniform(0, 24, 40)
    value = otgen.wasserstein(x, y, metric=otgen.Circular(24)).value
    assert value < otgen.wasserstein(x, y).value
    for turn in (5.0, -24.0, 100.0):
        assert otgen.wasserstein(x + turn, y + turn, metric=otgen.Circular(24)).value == pytest.approx(value, rel=1e-12)
    assert otgen.wasserstein([23.0], [1.0], metric=otgen.Circular(24)).value == pytest.approx(2.0, rel=1e-12)
    assert otgen.wasserstein(x * 1e200, y * 1e200, metric=otgen.Circular(24e200)).value == pytest.approx(
        value * 1e200, rel=1e-12
    )


@pytest.mark.parametrize("metric", ["great_circle", otgen.Circular(7.0)], ids=str)
def test_entropic_gradients(metric):
    rng = np.random.default_rng(4)
    x, y = cloud(metric, 8, rng)[2:], cloud(metric, 7, rng)
    y = y[2:]

    def value(z):
        return otgen.sinkhorn(z, y, p=2, metric=metric, epsilon=0.3, tol=1e-11).value

    found = otgen.sinkhorn(x, y, p=2, metric=metric, epsilon=0.3, tol=1e-11).gradients().x
    for at in ((0, 0), (3, 1), (5, 0)):
        step = np.zeros_like(x)
        step[at] = 1e-5
        assert found[at] == pytest.approx((value(x + step) - value(x - step)) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("metric", ["great_circle", otgen.Circular(7.0)], ids=str)
def test_torch_losses(metric):
    torch = pytest.importorskip("torch", reason="losses are an extra")
    rng = np.random.default_rng(5)
    x = torch.tensor(cloud(metric, 6, rng)[2:], requires_grad=True)
    y = torch.tensor(cloud(metric, 6, rng)[2:])
    for loss in (
        otgen.nn.WassersteinLoss(p=2, metric=metric),
        otgen.nn.SinkhornLoss(0.5, p=2, metric=metric, tol=1e-11),
    ):
        assert torch.autograd.gradcheck(loss, (x, y), eps=1e-6, atol=1e-5)


def test_what_a_metric_does_not_take():
    with pytest.raises(otgen.InvalidInput, match="two coordinates, latitude and longitude"):
        otgen.wasserstein(np.zeros((2, 3)), np.zeros((2, 3)), metric="great_circle")
    with pytest.raises(otgen.InvalidInput, match=r"call numpy\.radians on degrees"):
        otgen.wasserstein([[48.0, 2.0]], [[52.0, 13.0]], metric="great_circle")
    with pytest.raises(otgen.InvalidInput, match="period"):
        otgen.Circular(0)


def test_second_derivatives_are_refused():
    torch = pytest.importorskip("torch", reason="losses are an extra")
    x = torch.tensor([[0.1, 0.2], [0.3, 0.1]], dtype=torch.double, requires_grad=True)
    value = otgen.nn.SinkhornLoss(0.5, metric="great_circle")(x, x.detach() + 0.1)
    slope = torch.autograd.grad(value, x, create_graph=True)[0]
    with pytest.raises(otgen.InvalidInput, match="metric must be one of differences for second derivatives"):
        slope.sum().backward()


def test_every_metric_can_be_spelt():
    for metric in (*TABLE, otgen.Minkowski(3.0), otgen.Circular(24.0)):
        assert unspelt(*spelt(metric)) == metric
