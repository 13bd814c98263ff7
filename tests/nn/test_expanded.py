"""Tensors that show one entry a million times a million times: refused by their size, before anything is looked at."""

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

import otgen
from otgen import nn
from otgen.nn.objectives import adversarial, gan, minibatch, wgan

SIDE = 10**6


def _shown(dtype=torch.float32, *shape):
    return torch.zeros((), dtype=dtype).expand(shape or (SIDE, SIDE))


CALLS = {
    "wasserstein_loss": lambda z: nn.wasserstein_loss(z, z),
    "sinkhorn_loss": lambda z: nn.sinkhorn_loss(z, z, epsilon=0.1),
    "sliced_wasserstein_loss": lambda z: nn.sliced_wasserstein_loss(z, z),
    "mmd_loss": lambda z: nn.mmd_loss(z, z),
    "transport_loss": nn.transport_loss,
    "entropic_plan": lambda z: nn.entropic_plan(z, epsilon=0.1),
    "pair": lambda z: nn.coupling.pair(z, z),
    "discriminator_loss": lambda z: gan.discriminator_loss(z, z),
    "gradient_penalty": lambda z: wgan.gradient_penalty(torch.nn.Identity(), z, z),
    "latent_penalty": lambda z: adversarial.latent_penalty(z, prior=z),
    "minibatch": lambda z: minibatch.transport(z, z),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_points_and_costs(call, dtype):
    with pytest.raises(otgen.TooLarge, match=r"must fit in memory; received shape \(1000000, 1000000\)"):
        CALLS[call](_shown(dtype))


def test_weights_and_masks():
    x = torch.zeros(2, 1)
    with pytest.raises(otgen.TooLarge, match="a must fit"):
        nn.wasserstein_loss(x, x, a=_shown(torch.float32, SIDE**2, 2))
    with pytest.raises(otgen.TooLarge, match="x_mask must fit"):
        nn.wasserstein_loss(x, x, x_mask=_shown(torch.bool, SIDE**2, 2))


def test_a_batch_by_expansion_is_what_it_was():
    x, y = torch.rand(5, 2), torch.rand(3, 5, 2)
    expected = nn.wasserstein_loss(x, y, reduction="none")
    assert torch.equal(nn.wasserstein_loss(x.expand(3, 5, 2), y, reduction="none"), expected)
