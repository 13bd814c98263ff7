"""Objectives whose values are floats though squares on the way to them would be none, against double precision and scipy."""

from __future__ import annotations

import math

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import critics
from otgen.nn.objectives import vae, vqvae, wgan

logs = st.floats(-160.0, 160.0)  # of variances; squares of single precision end at exp(-88) and exp(88)
seeds = st.integers(0, 2**31)


def leaves(*numbers):
    return [torch.tensor([[number]], dtype=torch.float32, requires_grad=True) for number in numbers]


class TestGaussians:
    """A gap of a few standard deviations, however small or large these are."""

    @given(logs, st.floats(-3.0, 3.0))
    def test_densities(self, log_variance, gaps):
        z, mean, spread = leaves(gaps * math.exp(log_variance / 2), 0.0, log_variance)
        found = vae.gaussian_log_density(z, mean, spread)
        deviation = math.exp(spread.item() / 2)
        want = scipy.stats.norm(0, 1).logpdf(z.item() / deviation) - spread.item() / 2
        assert found.item() == pytest.approx(want, rel=1e-4, abs=1e-4)
        (in_spread,) = torch.autograd.grad(found.sum(), spread)
        assert in_spread.item() == pytest.approx(((z.item() / deviation) ** 2 - 1) / 2, rel=1e-4, abs=1e-4)

    @given(logs, st.floats(-3.0, 3.0))
    def test_divergences(self, log_variance, gaps):
        mean, spread, centre, of_prior = leaves(
            gaps * math.exp(log_variance / 2), log_variance + 0.5, 0.0, log_variance
        )
        found = vae.gaussian_kl(mean, spread, centre, of_prior)
        difference, square = (
            spread.item() - of_prior.item(),
            mean.item() ** 2 * math.exp(-of_prior.item()),
        )
        want = (math.expm1(difference) - difference + square) / 2
        assert found.item() == pytest.approx(want, rel=1e-4, abs=1e-5)

    @given(st.floats(-80.0, 80.0), st.floats(-3.0, 3.0), st.booleans())
    def test_likelihoods(self, log_variance, gaps, learned):
        deviation = math.exp(log_variance / 2)
        x, mean = leaves(gaps * deviation, 0.0)
        variance = torch.tensor(deviation**2) if learned else deviation**2
        found = vae.gaussian_log_likelihood(x, mean, variance)
        assert found.item() == pytest.approx(scipy.stats.norm(0, deviation).logpdf(x.item()), rel=1e-4, abs=1e-4)

    def test_equal_laws_are_0_apart(self):
        mean, spread = leaves(0.0, -200.0)
        found = vae.gaussian_kl(mean, spread, mean.detach(), spread.detach())
        assert found.item() == 0
        assert all(z.item() == 0 for z in torch.autograd.grad(found.sum(), [mean, spread]))

    def test_a_large_gap_under_a_wide_number(self):
        found = vae.gaussian_log_likelihood(torch.full((1, 2), 1e20), torch.zeros(1, 2), 1e40)
        assert found.item() == pytest.approx(2 * scipy.stats.norm(0, 1e20).logpdf(1e20), rel=1e-5)


@given(seeds, st.sampled_from([1e-44, 1e-35, 1e-25, 1e-19, 1e18, 1e25, 1e37]), st.booleans())
def test_codes_are_nearest_at_any_size(seed, size, mixed):
    """Where squares of single precision vanish or are infinite too; some encodings are ordinary."""
    generator = torch.Generator().manual_seed(seed)
    book, z = torch.randn(8, 3, generator=generator) * size, torch.randn(20, 3, generator=generator) * size
    z[::2] = z[::2] / size if mixed else z[::2]
    exact = torch.cdist(z.double(), book.double(), compute_mode="donot_use_mm_for_euclid_dist")
    found = exact.gather(1, vqvae.quantise(z, book).numbers[:, None])[:, 0]
    assert (found <= exact.amin(1) * (1 + 1e-6)).all()


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1.0, 1e20, 1e30])
def test_lengths_of_gradients_are_floats_wherever_they_may_be(size):
    weight = torch.tensor([3.0, 4.0]).mul(size).requires_grad_()
    norms = critics.gradient_norms(lambda z: (z * weight).sum(1), torch.zeros(2, 2))
    torch.testing.assert_close(norms, torch.full((2,), 5 * size), rtol=1e-6, atol=0)
    (slope,) = torch.autograd.grad(norms.sum(), weight)
    torch.testing.assert_close(slope, torch.tensor([1.2, 1.6]))


def test_a_penalty_of_gradients_of_0_has_a_derivative_of_0():
    weight = torch.zeros(2, requires_grad=True)
    found = wgan.gradient_penalty(lambda z: (z * weight).sum(1), torch.zeros(3, 2), torch.ones(3, 2))
    assert found.item() == pytest.approx(10)
    assert torch.autograd.grad(found, weight)[0].tolist() == [0.0, 0.0]
