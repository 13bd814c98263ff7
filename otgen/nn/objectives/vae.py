r"""Variational auto-encoders: likelihoods, closed-form divergences, priors that are learned, and the ELBO taken apart.

``ELBO(x) = E_q(z|x) log p(x|z) - KL(q(z|x) || p(z)) <= log p(x)`` (Kingma and Welling, 2014; "UL: GANs & VAEs", part II; "From OT
to generative modeling: the VEGAN cookbook", equation (5)).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import Linear, Module, ModuleList, ReLU, Sequential
from torch.nn.functional import logsigmoid

from ...errors import InvalidInput
from ...inputs import scalars

_LOG_2PI = math.log(2 * math.pi)


def reparametrised(mean: Tensor, log_variance: Tensor, generator: Generator | None = None) -> Tensor:
    """A sample of ``N(mean, exp(log_variance))`` through which gradients flow: ``mean + exp(log_variance / 2) noise``."""
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype).to(mean.device)
    return mean + torch.exp(log_variance / 2) * noise


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """``log N(z; mean, exp(log_variance))``, diagonal, over the last axis.

    Examples
    --------
    >>> gaussian_log_density(torch.zeros(2), torch.zeros(2), torch.zeros(2)).item() == -math.log(2 * math.pi)
    False
    >>> round(gaussian_log_density(torch.zeros(2), torch.zeros(2), torch.zeros(2)).item() + math.log(2 * math.pi), 6)
    0.0
    """
    return -0.5 * (_LOG_2PI + log_variance + (z - mean) ** 2 * torch.exp(-log_variance)).sum(-1)


def gaussian_kl(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor | float = 0.0, prior_log_variance: Tensor | float = 0.0
) -> Tensor:
    """``KL(N(mean, exp(log_variance)) || N(prior_mean, exp(prior_log_variance)))`` in nats, diagonal, over the last axis."""
    difference = log_variance - prior_log_variance
    scaled = (mean - prior_mean) ** 2 * torch.exp(-torch.as_tensor(prior_log_variance, dtype=mean.dtype))
    return 0.5 * (torch.exp(difference) + scaled - 1 - difference).sum(-1)


def gaussian_log_likelihood(x: Tensor, mean: Tensor, variance: float = 1.0) -> Tensor:
    """``log N(x; mean, variance I)`` of samples (n, ...): (n,)."""
    scalars.positive(variance, "variance", "use 1.0 for a plain squared error")
    squares = ((x - mean) ** 2).flatten(1)
    return -0.5 * (squares.sum(1) / variance + squares.shape[1] * (_LOG_2PI + math.log(variance)))


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """``sum x log sigma(logit) + (1 - x) log(1 - sigma(logit))`` of samples (n, ...) in [0, 1]: (n,)."""
    return (x * logsigmoid(logits) + (1 - x) * logsigmoid(-logits)).flatten(1).sum(1)


def vae_loss(log_likelihood: Tensor, kl: Tensor) -> Tensor:
    """``-mean ELBO`` from log likelihoods (n,) and divergences (n,)."""
    return (kl - log_likelihood).mean()


def sampled_vae_loss(log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor) -> Tensor:
    """``-mean [log p(x|z) + log p(z) - log q(z|x)]`` at sampled z: for priors whose divergence has no closed form.

    ("Deep Generative Models, Lecture 6", ELBO with a learnable prior.)
    """
    return (log_posterior - log_prior - log_likelihood).mean()


class Surgery(NamedTuple):
    """The mean ELBO's parts, ``elbo = reconstruction - mutual_information - marginal_kl``, in nats."""

    reconstruction: Tensor
    mutual_information: Tensor
    marginal_kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """What they add up to."""
        return self.reconstruction - self.mutual_information - self.marginal_kl


def elbo_surgery(log_likelihood: Tensor, z: Tensor, mean: Tensor, log_variance: Tensor, log_prior: Tensor) -> Surgery:
    """The ELBO over n data points, with one sample z_i (n, d) of each Gaussian posterior (n, d), taken apart.

    The aggregated posterior is the mixture of the n posteriors, so every part is an unbiased estimate over these n points.
    (Hoffman and Johnson, "ELBO surgery", 2016; "Deep Generative Models, Lecture 6", ELBO surgery.)
    """
    if z.shape != mean.shape or z.ndim != 2:
        raise InvalidInput(
            f"z must have the posteriors' shape (n, d); received {tuple(z.shape)} and {tuple(mean.shape)}"
        )
    every = gaussian_log_density(z[:, None], mean[None], log_variance[None])  # (sample, component)
    own, mixture = every.diagonal(), torch.logsumexp(every, dim=1) - math.log(len(z))
    return Surgery(log_likelihood.mean(), (own - mixture).mean(), (mixture - log_prior).mean())


class FlowPrior(Module):
    """A prior that is learned: standard normal noise through affine couplings (Dinh et al., "Density estimation using Real NVP", 2017).

    Parameters
    ----------
    dim : int
        Of the latent space, at least 2.
    layers, width : int
        Couplings, and the width of the networks inside.

    Examples
    --------
    >>> prior = FlowPrior(2)
    >>> prior.log_density(torch.zeros(5, 2)).shape, prior.sample(3).shape
    (torch.Size([5]), torch.Size([3, 2]))
    """

    def __init__(self, dim: int, layers: int = 4, width: int = 64) -> None:
        super().__init__()
        self.dim = scalars.count(dim, "dim", least=2)
        self.couplings = ModuleList(
            _Coupling(dim, scalars.count(width, "width"), bool(k % 2)) for k in range(scalars.count(layers, "layers"))
        )

    def to_noise(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (n, d) to noise (n, d), and the logarithm of the Jacobian's determinant (n,)."""
        total = z.new_zeros(len(z))
        for coupling in self.couplings:
            assert isinstance(coupling, _Coupling)
            z, log_determinant = coupling(z)
            total = total + log_determinant
        return z, total

    def from_noise(self, noise: Tensor) -> Tensor:
        """Noise (n, d) to latents (n, d)."""
        for coupling in reversed(list(self.couplings)):
            assert isinstance(coupling, _Coupling)
            noise = coupling.inverse(noise)
        return noise

    def log_density(self, z: Tensor) -> Tensor:
        """``log p(f(z)) + log |det J_f|``: (n,)."""
        noise, log_determinant = self.to_noise(z)
        return gaussian_log_density(noise, torch.zeros_like(noise), torch.zeros_like(noise)) + log_determinant

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Samples (n, d)."""
        like = next(self.parameters())
        return self.from_noise(torch.randn(n, self.dim, generator=generator, dtype=like.dtype).to(like.device))


class _Coupling(Module):
    """One half shifts and scales the other."""

    def __init__(self, dim: int, width: int, swapped: bool) -> None:
        super().__init__()
        first = dim // 2
        self.kept = dim - first if swapped else first
        self.swapped = swapped
        self.network = Sequential(Linear(self.kept, width), ReLU(), Linear(width, 2 * (dim - self.kept)))
        last = self.network[-1]
        assert isinstance(last, Linear)
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)

    def _parts(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.flip(-1) if self.swapped else z
        return z[..., : self.kept], z[..., self.kept :]

    def _whole(self, kept: Tensor, moved: Tensor) -> Tensor:
        z = torch.cat([kept, moved], dim=-1)
        return z.flip(-1) if self.swapped else z

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        kept, moved = self._parts(z)
        shift, scale = self.network(kept).chunk(2, dim=-1)
        scale = torch.tanh(scale)
        return self._whole(kept, moved * torch.exp(scale) + shift), scale.sum(-1)

    def inverse(self, z: Tensor) -> Tensor:
        kept, moved = self._parts(z)
        shift, scale = self.network(kept).chunk(2, dim=-1)
        return self._whole(kept, (moved - shift) * torch.exp(-torch.tanh(scale)))
