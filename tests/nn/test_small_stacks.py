"""Minibatches of small exact problems: losses and pairs that stacks give are those of one problem after the other."""

from __future__ import annotations

import numpy as np
import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn
from otgen.distances import small_batch
from otgen.nn import _solves


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tensors(*arrays):
    return [torch.tensor(z, requires_grad=True) for z in arrays]


@pytest.mark.parametrize(
    ("metric", "p"), [("euclidean", 2), ("cityblock", 1), (otgen.Minkowski(3), 1.5), ("cosine", 1)]
)
@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("d", [1, 3])
def test_losses_are_the_loop(rng, metric, p, far, d):
    """With one problem too far from 1 to be in a stack as well, and with points without mass."""
    x, y, a, b = rng.random((6, 5, d)) + 1, rng.random((6, 7, d)) + 1, rng.random((6, 5)), rng.random((6, 7))
    a[2, 1] = b[3, 0] = 0.0
    if far:
        x[4], y[4] = x[4] * 2.0**80, y[4] * 2.0**80
    a, b = (z / z.sum(1, keepdims=True) for z in (a, b))
    given = tensors(x, y, a, b)
    losses = nn.wasserstein_loss(*given, p=p, metric=metric, reduction="none")
    losses.sum().backward()
    for k in range(6):
        alone = otgen.wasserstein(x[k], y[k], a[k], b[k], p=p, metric=metric)
        slopes = alone.gradients()
        assert losses[k].item() == pytest.approx(alone.cost, rel=1e-12)
        np.testing.assert_allclose(given[0].grad[k], slopes.x, rtol=1e-9, atol=1e-12 * alone.cost)
        np.testing.assert_allclose(given[1].grad[k], slopes.y, rtol=1e-9, atol=1e-12 * alone.cost)
        up_to_a_constant = given[2].grad[k].numpy() - slopes.a
        np.testing.assert_allclose(up_to_a_constant - up_to_a_constant[0], 0.0, atol=1e-9 * alone.cost)


def test_small_ones_are_in_stacks(rng, monkeypatch):
    """All of them, in as many stacks as hold them, and the values are the same."""
    x, y = (torch.tensor(rng.random((9, n, 2))) for n in (8, 6))
    whole = nn.wasserstein_loss(x, y, reduction="none")
    monkeypatch.setattr(_solves, "_exactly", lambda problem: pytest.fail("alone"))
    monkeypatch.setattr(small_batch, "HELD", 200)
    assert nn.wasserstein_loss(x, y, reduction="none").tolist() == whole.tolist()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_pairs_are_those_of_the_plan(rng, dtype):
    x, y = (torch.tensor(rng.random((12, 2, 2))).to(dtype) for _ in range(2))
    paired = nn.coupling.pair(x, y)
    alone = otgen.wasserstein(*(z.flatten(1).double().numpy() for z in (x, y)))
    assert paired.x0.dtype is dtype
    np.testing.assert_array_equal(paired.columns, alone.plan.permutation)
