"""Losses of points of any size: a distance is a float wherever points are, and no loss is NaN."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import nn

METRICS = ["euclidean", "cityblock", "chebyshev", *map(otgen.Minkowski, (1.0001, 3, 40, 1000))]
ORDERS = [1, 1.5, 2, 3, 7, 40, 150, 540]


@st.composite
def clouds(draw, most=300):
    """Two clouds and weights (some of them 0), in double precision, times a power of ten; ``near`` ones move little beside their size."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m, d = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 3, 10]))
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    if draw(st.booleans()):
        y = x + 1e-3 * rng.normal(size=(n, d))
    weights = (None, None)
    if draw(st.booleans()):
        # Eighths: a mass that rounding leaves over would matter at high orders, where it is moved far.
        weights = tuple(torch.tensor(rng.multinomial(8, rng.dirichlet(np.ones(len(z)))) / 8) for z in (x, y))
    size = 10.0 ** draw(st.integers(-most, most))
    x, y = torch.tensor(size * x, requires_grad=True), torch.tensor(size * y, requires_grad=True)
    return x, y, weights


@given(clouds(), st.sampled_from(ORDERS), st.sampled_from(METRICS))
def test_a_distance_is_that_of_its_proof_and_homogeneous(made, p, metric):
    """``<x, dW/dx> + <y, dW/dy> = W`` (Euler); both clouds moved alike are as far apart."""
    x, y, (a, b) = made
    loss = nn.wasserstein_loss(x, y, a, b, p=p, metric=metric, root=True)
    loss.backward()
    want = otgen.wasserstein(x.detach(), y.detach(), a, b, p=p, metric=metric)
    assert loss.item() == pytest.approx(want.value, rel=1e-9, abs=0)
    assert x.grad.isfinite().all()
    assert y.grad.isfinite().all()
    size = max(x.abs().max().item(), y.abs().max().item())
    one, other = ((z.detach() / size * z.grad).sum().item() for z in (x, y))
    terms = sum((z.detach() / size * z.grad).abs().sum().item() for z in (x, y))
    assert (one + other) * size == pytest.approx(loss.item(), rel=1e-6, abs=1e-10 * terms * size)
    np.testing.assert_allclose((x.grad.sum(0) + y.grad.sum(0)).numpy(), 0.0, atol=1e-9)


@given(clouds(), st.sampled_from(ORDERS))
def test_the_order_of_one_is_the_distance_with_and_without_a_root(made, p):
    x, y, (a, b) = made
    assert nn.wasserstein_loss(x, y, a, b, p=1).item() == nn.wasserstein_loss(x, y, a, b, p=1, root=True).item()
    cost = nn.wasserstein_loss(x, y, a, b, p=p).item()
    assert cost >= 0  # and no NaN


@given(clouds(), st.sampled_from(ORDERS), st.booleans())
def test_weights_have_finite_derivatives(made, p, root):
    x, y, _ = made
    a, b = (torch.ones(len(z), dtype=torch.float64, requires_grad=True) for z in (x, y))
    loss = nn.wasserstein_loss(x, y, a / a.sum(), b / b.sum(), p=p, root=root)
    if math.isfinite(loss.item()):
        loss.backward()
        assert not a.grad.isnan().any()
        assert not b.grad.isnan().any()


@given(clouds(most=37), st.sampled_from([1, 2, 3, 7]))
def test_single_precision_and_slices(made, p):
    x, y, (a, b) = made
    size = 1e-30 if x.abs().max() < 1e-30 else 1.0  # single precision has no digits below
    x, y = ((z.detach() / size).float().requires_grad_() for z in (x, y))
    for loss in (nn.wasserstein_loss, nn.sliced_wasserstein_loss):
        found = loss(x, y, a, b, p=p, root=True)
        assert found.isfinite()
        for grad in torch.autograd.grad(found, (x, y)):
            assert grad.isfinite().all()
        assert not loss(x, y, a, b, p=p).isnan()


@given(st.integers(0, 2**32 - 1), st.sampled_from([10, 40, 150, 400]), st.sampled_from(METRICS))
def test_high_orders_have_the_optimal_plan(seed, p, metric):
    """Beside the longest way, powers of others are rounded away: the plan is found in the unit of what it moves."""
    rng = np.random.default_rng(seed)
    n, m, d = *rng.integers(2, 7, 2), rng.integers(1, 4)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    a, b = (rng.multinomial(16, np.ones(k) / k) / 16 for k in (n, m))
    want = otgen.wasserstein(x, y, a, b, p=p, metric=metric)
    loss = nn.wasserstein_loss(*map(torch.tensor, (x, y, a, b)), p=p, metric=metric, root=True)
    assert loss.item() == pytest.approx(want.value, rel=1e-9)


@pytest.mark.parametrize("q", [1.0001, 1.5])
def test_powers_of_sums_are_no_infinities(q):
    """``10 ** (540 / q)`` is one, and ``(t ** q) ** (540 / q)`` none; the far point alone has a slope of ``2 ** (-1/540)``."""
    x = torch.tensor([[1e6] * 10, [0.0] * 10], dtype=torch.float64, requires_grad=True)
    loss = nn.wasserstein_loss(x, torch.zeros_like(x), p=540, metric=otgen.Minkowski(q), root=True)
    loss.backward()
    slope = 10 ** (1 / q - 1) * 2 ** (-1 / 540)
    assert loss.item() == pytest.approx(1e7 * slope, rel=1e-12)
    torch.testing.assert_close(x.grad, torch.tensor([[slope] * 10, [0.0] * 10], dtype=torch.float64))


def test_a_batch_of_all_sizes_is_what_each_is_alone():
    torch.manual_seed(0)
    sizes = torch.tensor([1e-200, 1e-3, 1.0, 1e200], dtype=torch.float64)
    x, y = (sizes[:, None, None] * torch.randn(4, 5, 2, dtype=torch.float64) for _ in range(2))
    together = nn.wasserstein_loss(x, y, p=3, root=True, reduction="none")
    alone = torch.stack([nn.wasserstein_loss(*pair, p=3, root=True) for pair in zip(x, y)])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=0)


def test_equal_clouds_are_0_apart_with_no_derivative():
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    loss = nn.wasserstein_loss(x, x.detach().flip(0), root=True)
    loss.backward()
    assert loss.item() == 0
    assert (x.grad == 0).all()


def test_points_without_mass_decide_nothing():
    x, y = 1e-200 * torch.eye(2, dtype=torch.float64), 1e-200 * torch.ones(2, 2, dtype=torch.float64)
    far = torch.cat([x, torch.full((1, 2), 1e150, dtype=torch.float64)])
    weights = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    want = nn.wasserstein_loss(x, y, p=3, root=True)
    torch.testing.assert_close(nn.wasserstein_loss(far, y, weights, p=3, root=True), want, rtol=1e-12, atol=0)
    assert want > 0


def test_second_derivatives_keep_the_plan_at_any_size():
    """Between single points ``W = |x - y|``, whose Hessian is the projection on its sphere over W."""
    for size in (1e-120, 1.0, 1e120):
        x = size * torch.tensor([[3.0, 4.0]], dtype=torch.float64)
        hessian = torch.autograd.functional.hessian(
            lambda z: nn.wasserstein_loss(z, torch.zeros_like(z), p=3, root=True), x
        ).reshape(2, 2)
        u = torch.tensor([0.6, 0.8], dtype=torch.float64)
        want = (torch.eye(2, dtype=torch.float64) - torch.outer(u, u)) / (5 * size)
        torch.testing.assert_close(hessian, want, rtol=1e-9, atol=1e-12 / size)
