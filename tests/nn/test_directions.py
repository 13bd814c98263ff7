"""Directions that sliced losses draw by name."""

from functools import partial

import pytest
import torch
from chosen import every
from scipy import stats

from otgen import InvalidInput
from otgen.nn import SlicedWassersteinLoss, sliced_wasserstein_loss
from otgen.nn._directions import DESIGNS, drawn


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_unit_vectors_of_the_uniform_law(design, d):
    torch.manual_seed(0)
    lines = torch.stack([drawn(design, 5, torch.zeros(1, d, dtype=torch.float64)) for _ in range(400)])
    assert lines.shape == (400, 5, d)
    torch.testing.assert_close(lines.square().sum(-1), torch.ones(400, 5, dtype=torch.float64), rtol=0, atol=1e-5)
    if d > 1:
        for place in (0, 4):
            law = stats.beta(0.5, (d - 1) / 2)
            assert stats.kstest(lines[:, place, 0].square().numpy(), law.cdf).pvalue > 1e-4


def test_orthogonal_blocks_leave_no_variance_of_a_shift():
    torch.manual_seed(1)
    x, y = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[1.0, 2.0, 2.0]], dtype=torch.float64)
    loss = SlicedWassersteinLoss(n_projections=6, directions="orthogonal")
    assert loss(x, y).item() == pytest.approx(3, rel=1e-5)
    assert "orthogonal" in repr(loss)


@pytest.mark.parametrize("design", ["orthogonal", "quasi-random"])
def test_they_vary_less_and_have_gradients(design):
    torch.manual_seed(2)
    x, y = torch.randn(40, 2), torch.randn(40, 2) + 1

    def variance(of):
        return torch.stack([sliced_wasserstein_loss(x, y, n_projections=32, directions=of) for _ in range(100)]).var()

    assert variance(None) > 5 * variance(design)
    x.requires_grad_()
    sliced_wasserstein_loss(x, y, directions=design).backward()
    assert x.grad.norm() > 0


def test_the_same_seed_the_same_loss():
    x, y = torch.zeros(2, 4), torch.ones(3, 4)
    for design in DESIGNS:
        torch.manual_seed(3)
        one = sliced_wasserstein_loss(x, y, directions=design)
        torch.manual_seed(3)
        assert one == sliced_wasserstein_loss(x, y, directions=design)


@pytest.mark.parametrize(
    ("design", "d"), every(DESIGNS, [2, 3, 5], by_day=[("independent", 3), ("orthogonal", 2), ("quasi-random", 5)])
)
def test_compiled_whole_they_are_the_same(design, d):
    x, y = torch.rand(4, d), torch.rand(5, d) + 1
    loss = SlicedWassersteinLoss(n_projections=6, directions=design)
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    found = []
    for call in (loss, compiled):
        torch.manual_seed(4)
        found.append(call(x, y))
    assert found[0] == found[1]


@pytest.mark.parametrize("design", ["independent", "quasi-random"])
def test_a_batch_of_calls_shares_them_or_has_its_own(design):
    x, y = torch.rand(4, 3).expand(2, 4, 3), torch.rand(5, 3) + 1
    call = partial(sliced_wasserstein_loss, y=y, n_projections=3, directions=design)
    one, other = torch.func.vmap(call, randomness="same")(x)
    assert one == other
    one, other = torch.func.vmap(call, randomness="different")(x)
    assert one != other


def test_other_names_are_refused():
    with pytest.raises(InvalidInput, match="directions must be one of"):
        SlicedWassersteinLoss(directions="sobol")
