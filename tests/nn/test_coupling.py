"""Minibatch couplings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import coupling

DRAWS = 40 * settings.default.max_examples  # 1000 by day


def test_an_exact_pairing_is_the_optimal_permutation():
    torch.manual_seed(0)
    x0, x1 = torch.randn(50, 3), torch.randn(50, 3)
    found = coupling.pair(x0, x1)
    assert sorted(found.columns.tolist()) == list(range(50))
    cost = (found.x0 - found.x1).square().sum(1).mean().item()
    assert cost == pytest.approx(otgen.wasserstein(x0, x1).cost, rel=1e-6)
    assert torch.equal(found.x1, x1[found.columns])


def test_images_are_flattened_and_come_back_as_images():
    x0, x1 = torch.randn(6, 1, 4, 4), torch.randn(6, 1, 4, 4)
    found = coupling.pair(x0, x1)
    assert found.x1.shape == x1.shape
    assert found.plan.shape == (6, 6)


@pytest.mark.parametrize("method", ["exact", "sinkhorn"])
def test_columns_are_drawn_from_the_plan(method):
    rng = np.random.default_rng(0)
    x0, x1 = torch.randn(3, 1), torch.randn(7, 1)
    draws = np.stack([coupling.pair(x0, x1, method=method, rng=rng).columns.numpy() for _ in range(DRAWS)])
    plan = coupling.pair(x0, x1, method=method).plan.todense()
    want = plan / plan.sum(axis=1, keepdims=True)
    for i in range(3):
        found = np.bincount(draws[:, i], minlength=7) / DRAWS
        np.testing.assert_allclose(found, want[i], atol=4.5 * np.sqrt(0.25 / DRAWS))


def test_a_seed_decides():
    x0, x1 = torch.randn(9, 2), torch.randn(9, 2)
    one, other = (coupling.pair(x0, x1, method="sinkhorn", rng=3).columns for _ in range(2))
    assert torch.equal(one, other)


def test_bad_input():
    with pytest.raises(otgen.InvalidInput, match="method must be one of"):
        coupling.pair(torch.zeros(2, 1), torch.zeros(2, 1), method="random")
    with pytest.raises(otgen.InvalidInput, match="one sample a row"):
        coupling.pair(torch.zeros(2), torch.zeros(2, 1))
