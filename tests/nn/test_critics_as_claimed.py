"""What critics are made of, and how Lipschitz each part is; what a fit keeps of its way."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import critics
from otgen.nn.critics.networks import GroupSort, Ramp


def clouds(seed, n=12, m=10, d=2):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(k, d, generator=generator, dtype=torch.double) + z for k, z in ((n, 0.0), (m, 0.3)))


class TestLipschitz:
    def test_a_ramp_has_slopes_of_at_most_one(self):
        z = torch.linspace(-20, 20, 400_001, dtype=torch.double, requires_grad=True)
        (slopes,) = torch.autograd.grad(Ramp()(z).sum(), z)
        assert slopes.abs().max() <= 1
        assert slopes.max() > 0.999

    def test_sorting_pairs_keeps_the_length_of_gradients(self):
        z = torch.randn(50, 8, generator=torch.Generator().manual_seed(0), dtype=torch.double)
        for jacobian in torch.func.vmap(torch.func.jacrev(GroupSort()))(z):
            torch.testing.assert_close(jacobian @ jacobian.T, torch.eye(8, dtype=torch.double))

    def test_hidden_orthogonal_layers_keep_the_length_of_gradients(self):
        torch.manual_seed(0)
        network = critics.Orthogonal(width=16, depth=3).network(5, torch.zeros(1, 5))
        layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
        hidden = [layer.weight for layer in layers if layer.weight.shape == (16, 16)]
        assert len(hidden) == 2
        for weight in hidden:
            torch.testing.assert_close(weight @ weight.T, torch.eye(16), atol=1e-5, rtol=0)
        norms = critics.gradient_norms(network, torch.randn(200, 5))
        assert norms.max() <= 1 + 1e-5

    def test_clipped_weights_are_within_their_limit(self):
        x, y = clouds(0, 60, 60)
        found = critics.fit(
            x, y, critics.WeightClipping(width=8, depth=2, limit=0.05), steps=20, rng=0, prove=False, progress=False
        )
        network: Any = found.potential
        held = [parameter for parameter in network.parameters() if parameter.requires_grad]
        assert held
        assert max(parameter.abs().max().item() for parameter in held) <= 0.05 + 1e-8

    @pytest.mark.parametrize("critic", [critics.Orthogonal(width=8, depth=2), critics.CTransform(points=7)])
    def test_what_is_lipschitz_is_not_divided(self, critic):
        x, y = clouds(0, 60, 60)
        found = critics.fit(x, y, critic, steps=5, rng=0, progress=False)
        assert found.slope == 1
        assert found.lipschitz == pytest.approx(1, abs=1e-4)
        assert found.lipschitz >= 1

    def test_a_transform_holds_the_first_points(self):
        sample = torch.randn(30, 2)
        for points, held in ((7, 7), (99, 30)):
            network = critics.CTransform(points=points).network(2, sample)
            assert any(torch.equal(buffer, sample[:held]) for buffer in network.buffers())


@pytest.mark.parametrize(("steps", "told"), [(1, [0]), (101, [0, 100]), (250, [0, 100, 200, 249])])
@pytest.mark.by_day(1)
def test_history_is_of_every_hundredth_step_and_the_last(steps, told):
    x, y = clouds(0, 30, 30)
    found = critics.fit(x, y, critics.GradientPenalty(width=4, depth=1), steps=steps, rng=0, progress=False)
    assert found.history["step"].tolist() == told
