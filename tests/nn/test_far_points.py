"""Losses of points whose squares are no floats, and of posteriors narrower than products can tell, against closed forms."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
nn = pytest.importorskip("otgen.nn", reason="otgen.nn needs torch")
otgen = pytest.importorskip("otgen")


@pytest.mark.parametrize("unit", [1.0, 1e150, 1e200, 5e307])
def test_energies_are_in_the_unit_of_the_points(unit):
    x = torch.tensor([[0.0, 0.0], [3.0, 0.0]], dtype=torch.float64).mul(unit).requires_grad_()
    y = torch.tensor([[0.0, 0.5]], dtype=torch.float64) * unit
    value = nn.mmd_loss(x, y)
    across = (0.5 + math.hypot(3, 0.5)) / 2
    assert value.item() == pytest.approx((2 * across - 1.5) * unit, rel=1e-14)
    (slope,) = torch.autograd.grad(value, x)
    expected = [[0.5, -1.0], [3 / math.hypot(3, 0.5) - 0.5, -0.5 / math.hypot(3, 0.5)]]
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-13)


@pytest.mark.parametrize("kernel", ["imq", "gaussian"])
def test_nothing_is_alike_where_squares_are_no_floats(kernel):
    x = torch.tensor([[1.7e308, 0.0], [-1.7e308, 1.0]], dtype=torch.float64, requires_grad=True)
    y = torch.zeros(1, 2, dtype=torch.float64)
    value = nn.mmd_loss(x, y, kernel=kernel)
    value.backward()
    assert value.item() == 1.5
    assert not x.grad.any()


def test_an_energy_beyond_all_floats_is_infinite():
    x, y = torch.tensor([[-1.7e308]], dtype=torch.float64), torch.tensor([[1.7e308]], dtype=torch.float64)
    assert nn.mmd_loss(x, y).item() == math.inf


@pytest.mark.parametrize("log_variance", [-30.0, -80.0, -750.0])
def test_narrow_posteriors_are_told_apart_by_differences(log_variance):
    vae = nn.objectives.vae
    mean = torch.tensor([[1.0, 0.0], [1.0, 1e-3], [-1.0, 2e-3]], dtype=torch.float64)
    spread = torch.tensor([[log_variance, 0.0]], dtype=torch.float64).expand(3, 2)
    zero = torch.zeros(3, dtype=torch.float64)
    found = vae.elbo_surgery(zero, mean, mean, spread, zero)
    own = -0.5 * (2 * math.log(2 * math.pi) + log_variance)
    alike = math.log(math.exp(-0.5e-6) + 1)  # of the first two; the third lies apart
    assert found.mutual_information.item() == pytest.approx((3 * math.log(3) - 2 * alike) / 3, rel=1e-9)
    assert found.marginal_kl.item() == pytest.approx(own - found.mutual_information.item(), rel=1e-12)


def test_logarithms_of_variances_beyond_all_exponentials():
    vae = nn.objectives.vae
    z = torch.full((2, 1), 0.5, dtype=torch.float64)
    spread = torch.tensor([[-1e30], [1e30]], dtype=torch.float64)
    found = vae.elbo_surgery(torch.zeros(2), z, z, spread, torch.zeros(2))
    assert all(torch.isfinite(part).all() for part in found)
    with pytest.raises(otgen.InvalidInput, match="z must hold samples of the posteriors"):
        vae.elbo_surgery(torch.zeros(2), z + 1, z, torch.full((2, 1), -1e30, dtype=torch.float64), torch.zeros(2))
    with pytest.raises(otgen.InvalidInput, match="z must hold samples of the posteriors"):
        vae.elbo_surgery(torch.zeros(2), z, torch.full_like(z, 1e264), z, torch.zeros(2))
    assert vae.elbo_surgery(torch.zeros(2), z, z * math.nan, z, torch.zeros(2)).marginal_kl.isnan()
