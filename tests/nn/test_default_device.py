"""Under a default device of torch's that is not where the data are, as ``torch.set_default_device("cuda")`` has it: ``meta`` stands for one here."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn
from otgen.nn import coupling, critics, flow_matching
from otgen.nn.objectives import adversarial, vae, vqvae, wgan

generator = torch.Generator().manual_seed(0)
x, y = torch.randn(30, 3, generator=generator), torch.randn(20, 3, generator=generator)
z = torch.randn(30, 3, generator=generator) + 1
layer = torch.nn.Linear(3, 1)

CALLS = {
    "wasserstein_loss": lambda: nn.wasserstein_loss(x, y),
    "sinkhorn_loss": lambda: nn.sinkhorn_loss(x, y, epsilon=0.5),
    "mmd_loss": lambda: nn.mmd_loss(x, y, unbiased=True),
    "entropic_plan": lambda: nn.entropic_plan(x @ y.T, epsilon=1.0).plan,
    "sliced, other sizes": lambda: nn.sliced_wasserstein_loss(x, y),
    "sliced, orthogonal": lambda: nn.sliced_wasserstein_loss(x, z, directions="orthogonal"),
    "sliced, quasi-random": lambda: nn.sliced_wasserstein_loss(x, z, directions="quasi-random"),
    "pair": lambda: coupling.pair(x, z).x1,
    "pair, drawn": lambda: coupling.pair(x, y, method="sinkhorn").x1,
    "semidiscrete": lambda: coupling.semidiscrete(y, tol=None, max_draws=2000).pair(x).x1,
    "sampler": lambda: flow_matching.PlanSampler().sample_plan(x, y)[1],
    "sampler, entries": lambda: torch.from_numpy(
        flow_matching.PlanSampler().sample_map([[0.5, 0.0], [0.0, 0.5]], 9)[0]
    ),
    "trajectory": lambda: flow_matching.PlanSampler("sinkhorn").sample_trajectory(torch.stack([x, z], 1)),
    "gradient_penalty": lambda: wgan.gradient_penalty(layer, x, z),
    "quantise": lambda: vqvae.quantise(x, y).through,
    "latent_penalty": lambda: adversarial.latent_penalty(x, prior=y),
    "reparametrised": lambda: vae.reparametrised(x, x),
    **{
        f"fit, {type(kind).__name__}": lambda kind=kind: critics.fit(x, z, kind, steps=2, batch_size=8).witness(x)
        for kind in (critics.OneSidedPenalty(), critics.Orthogonal(), critics.Cones(cones=8))
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_answers_are_the_same(name):
    torch.manual_seed(0)
    want = CALLS[name]()
    torch.manual_seed(0)
    with torch.device("meta"):
        found = CALLS[name]()
    assert found.device.type == "cpu"
    assert torch.equal(found, want)
