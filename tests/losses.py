"""Every kind of loss, with options that all tests of losses share, and small clouds for them."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import otgen
from otgen import nn

AXES = torch.tensor([[1.0, 0.0], [0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
LOSSES = {
    "exact": nn.wasserstein_loss,
    "exact, p = 1": partial(nn.wasserstein_loss, p=1),
    "exact, root": partial(nn.wasserstein_loss, p=1.5, metric="cityblock", root=True),
    "exact, Minkowski": partial(nn.wasserstein_loss, metric=otgen.Minkowski(3), p=2),
    "divergence": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13),
    "divergence, p = 1": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13, p=1, metric="cityblock"),
    "entropic": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13, debias=False, p=1),
    "entropic, Minkowski": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13, metric=otgen.Minkowski(3)),
    "entropic, chebyshev": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13, metric="chebyshev", debias=False),
    "relaxed": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13, relax=0.5),
    "relaxed on either side": partial(nn.sinkhorn_loss, epsilon=0.2, tol=1e-13, relax=(0.5, 2.0), debias=False),
    "sliced": partial(nn.sliced_wasserstein_loss, directions=AXES),
    "sliced, root": partial(nn.sliced_wasserstein_loss, directions=AXES, p=1.5, root=True),
    "energy": nn.mmd_loss,
    "imq": partial(nn.mmd_loss, kernel="imq", scale=[0.5, 2.0], unbiased=True),
    "gaussian": partial(nn.mmd_loss, kernel="gaussian"),
}
each = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def elsewhere(*shape, dtype=None):
    """A tensor on a device that this machine need not have: all but its numbers."""
    with FakeTensorMode():
        return torch.empty(*shape, dtype=dtype, device="cuda")


def clouds(*lead, n=4, m=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.rand(*lead, k, 2, dtype=torch.float64, generator=generator) for k in (n, m))
    a, b = (torch.rand(*lead, k, dtype=torch.float64, generator=generator) + 0.5 for k in (n, m))
    return x, y, a, b
