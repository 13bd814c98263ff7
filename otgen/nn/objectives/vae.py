r"""Variational auto-encoders: likelihoods, closed-form divergences, priors that are learned, and the ELBO taken apart.

``ELBO(x) = E_q(z|x) log p(x|z) - KL(q(z|x) || p(z)) <= log p(x)`` (Kingma and Welling, 2014; "UL: GANs & VAEs", part II; "From OT
to generative modeling: the VEGAN cookbook", equation (5)).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.func import functional_call
from torch.nn import Linear, Module, ModuleList, ReLU, Sequential
from torch.nn.functional import logsigmoid

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.reading import refuse_bytes
from .._inputs import not_negative
from .._modes import holds, noise, spared
from ._inputs import alike, each, paired, samples, tensors

_LOG_2PI = math.log(2 * math.pi)
_NARROW = 1e7  # squared coordinates, in variances, above which products have fewer than eight digits of theirs


def reparametrised(mean: Tensor, log_variance: Tensor, generator: Generator | None = None) -> Tensor:
    """A sample of ``N(mean, exp(log_variance))`` through which gradients flow: ``mean + exp(log_variance / 2) noise``.

    Raises
    ------
    InvalidInput
        Unless log_variance has the shape of mean, or is stretched to it.
    """
    mean, log_variance = _laws(mean, log_variance, "mean", "log_variance")
    return mean + torch.exp(log_variance / 2) * noise(mean, generator)


def _laws(mean: Tensor, log_variance: Tensor, name: str, other: str) -> tuple[Tensor, Tensor]:
    """Means (..., d), d at least 1, and logarithms of variances that are stretched to them."""
    mean, log_variance = paired(**{name: mean, other: log_variance})
    if torch.broadcast_shapes(mean.shape, log_variance.shape) != mean.shape:
        raise InvalidInput(
            f"{other} must have the shape of {name} or be stretched to it; received {tuple(log_variance.shape)} for "
            f"{tuple(mean.shape)}; repeat {name} with {name}.expand_as({other})"
        )
    return mean, log_variance


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """``log N(z; mean, exp(log_variance))``, diagonal, over the last axis: z (..., d), the others of its shape or stretched to it.

    Raises
    ------
    InvalidInput
        For (n, 1) beside (n,) and the like, which would pair every entry with every other.

    Examples
    --------
    >>> gaussian_log_density(torch.zeros(2), torch.zeros(2), torch.zeros(2)).item() == -math.log(2 * math.pi)
    False
    >>> round(gaussian_log_density(torch.zeros(2), torch.zeros(2), torch.zeros(2)).item() + math.log(2 * math.pi), 6)
    0.0
    """
    z, mean, log_variance = paired(z=z, mean=mean, log_variance=log_variance)
    if z.ndim == 0 or z.shape[-1:] != mean.shape[-1:]:
        raise InvalidInput(
            f"z and mean must have equally many coordinates on the last axis; received {tuple(z.shape)} and "
            f"{tuple(mean.shape)}; use z[..., None] for single numbers"
        )
    return -0.5 * (_LOG_2PI + log_variance + _squares(z - mean, log_variance)).sum(-1)


def _squares(gap: Tensor, log_variance: Tensor) -> Tensor:
    """``gap ** 2 / variance``, divided before it is squared: neither a square nor a precision may leave the range of floats alone.

    Where an infinitely narrow law is met at its own place it is 0: the density there is that of the determinant alone.
    """
    at_an_atom = (gap == 0) & torch.isinf(torch.exp(-log_variance / 2))
    return (gap * torch.exp(-torch.where(at_an_atom, 0.0, log_variance) / 2)).square()


def gaussian_kl(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor | float = 0.0, prior_log_variance: Tensor | float = 0.0
) -> Tensor:
    """``KL(N(mean, exp(log_variance)) || N(prior_mean, exp(prior_log_variance)))`` in nats, diagonal, over the last axis.

    Never below zero. The prior's parameters are numbers, or tensors stretched to mean (..., d).

    Raises
    ------
    InvalidInput
        For shapes that would pair every entry with every other.
    """
    mean, log_variance = _laws(mean, log_variance, "mean", "log_variance")
    if mean.ndim == 0:
        raise InvalidInput("mean must be (..., d), coordinates on the last axis; received one number; use mean[None]")
    like = dict(dtype=mean.dtype, device=mean.device)
    _, centre = _laws(mean, _number(prior_mean, "prior_mean", **like), "mean", "prior_mean")
    _, spread = _laws(mean, _number(prior_log_variance, "prior_log_variance", **like), "mean", "prior_log_variance")
    difference = log_variance - spread
    return not_negative(0.5 * (torch.expm1(difference) - difference + _squares(mean - centre, spread)).sum(-1))


def _number(value: Any, name: str, **like: Any) -> Any:
    """A number as a tensor; tensors as they are."""
    return value if isinstance(value, Tensor) else torch.tensor(scalars.real(value, name), **like)


def gaussian_log_likelihood(x: Tensor, mean: Tensor, variance: float | Tensor = 1.0) -> Tensor:
    """``log N(x; mean, diag(variance))`` of samples (n, ...): (n,), differentiable in all three.

    Parameters
    ----------
    x, mean : Tensor
        (n, ...), samples and means that belong together; n may be 1 in one of them.
    variance : float or Tensor
        Positive: a number, or a tensor that is stretched to x, such as one parameter, or one a coordinate.

    Raises
    ------
    InvalidInput
        For shapes that do not belong together, and a variance that is not positive.

    Examples
    --------
    >>> variance = torch.tensor(0.5, requires_grad=True)
    >>> gaussian_log_likelihood(torch.zeros(1, 4), torch.full((1, 4), 0.25), variance).sum().backward()
    >>> variance.grad.item()  # |x - mean|^2 / (2 v^2) - d / (2 v)
    -3.5
    """
    x, mean = samples(x=x, mean=mean)
    gap = x - mean
    if not isinstance(variance, Tensor):
        number = scalars.positive(variance, "variance", "use 1.0 for a plain squared error")
        squares = (gap / math.sqrt(number)).square().flatten(1)
        return -0.5 * (squares.sum(1) + squares.shape[1] * (_LOG_2PI + math.log(number)))
    gap, variance = _laws(gap, variance, "x", "variance")
    if not holds(variance > 0):
        raise InvalidInput(
            "variance must be positive; received a tensor with an entry that is not; use torch.exp(log_variance)"
        )
    return -0.5 * ((gap / variance.sqrt()).square() + _LOG_2PI + torch.log(variance)).flatten(1).sum(1)


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """``sum x log sigma(logit) + (1 - x) log(1 - sigma(logit))`` of samples (n, ...) in [0, 1]: (n,).

    Raises
    ------
    InvalidInput
        For shapes that do not belong together, and x outside [0, 1].
    """
    x, logits = samples(x=x, logits=logits)
    if not holds((x >= 0) & (x <= 1)):
        raise InvalidInput(
            f"x must lie in [0, 1]; received entries in [{x.min().item():g}, {x.max().item():g}]; divide images by 255"
        )
    return (_counted(x, logsigmoid(logits)) + _counted(1 - x, logsigmoid(-logits))).flatten(1).sum(1)


def _counted(share: Tensor, logs: Tensor) -> Tensor:
    """Logarithms times how often they count; what never does is nothing, though it be infinite."""
    return torch.where((share == 0) & logs.isinf(), 0.0, share * logs)


def vae_loss(log_likelihood: Tensor, kl: Tensor) -> Tensor:
    """``-mean ELBO`` from log likelihoods (n,) and divergences (n,)."""
    log_likelihood, kl = each(log_likelihood=log_likelihood, kl=kl)
    return (kl - log_likelihood).mean()


def sampled_vae_loss(log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor) -> Tensor:
    """``-mean [log p(x|z) + log p(z) - log q(z|x)]`` at sampled z: for priors whose divergence has no closed form.

    All three are (n,). ("Deep Generative Models, Lecture 6", ELBO with a learnable prior.)
    """
    log_likelihood, log_prior, log_posterior = each(
        log_likelihood=log_likelihood, log_prior=log_prior, log_posterior=log_posterior
    )
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
    z, mean, log_variance = alike(z=z, mean=mean, log_variance=log_variance)
    log_likelihood, log_prior = alike(log_likelihood=log_likelihood, log_prior=log_prior)
    if z.ndim != 2 or log_prior.shape != z.shape[:1]:
        raise InvalidInput(
            f"z must be (n, d) and log_prior (n,); received {tuple(z.shape)} and {tuple(log_prior.shape)}; reshape them"
        )
    own = gaussian_log_density(z, mean, log_variance)
    every = _every_log_density(z, mean, log_variance).diagonal_scatter(own)  # its own component counts most
    mixture = torch.logsumexp(every, dim=1) - math.log(len(z))
    if not holds(mixture != -math.inf):
        at = int((mixture == -math.inf).nonzero()[0, 0])
        raise InvalidInput(
            f"z must hold samples of the posteriors; received one, in row {at}, where none of them has a density above 0; draw z with reparametrised"
        )
    return Surgery(log_likelihood.mean(), (own - mixture).mean(), (mixture - log_prior).mean())


def _every_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log densities of samples (n, d) under all components: (n, n), by products in double precision, no (n, n, d) array.

    A coordinate in which some component is so narrow that products lose its squares is taken by differences.
    """
    centre, log_variance = mean.detach().double().mean(0), log_variance.double()
    points, means, precision = z.double() - centre, mean.double() - centre, torch.exp(-log_variance)
    with torch.no_grad():
        lost = (precision * torch.maximum(points.abs().amax(0), means.abs().amax(0)) ** 2).amax(0) > _NARROW
        lost = lost | torch.isinf(precision).any(0)
    narrow = [] if holds(~lost) else lost.nonzero()[:, 0].tolist()
    one, other, wide = (z[:, ~lost] if narrow else z for z in (points, means, precision))
    squares = (one**2 @ wide.T - 2 * one @ (other * wide).T + (other**2 * wide).sum(1)).clamp_min(0)
    for k in narrow:
        gap = points[:, None, k] - means[:, k]
        at_an_atom = (gap == 0) & torch.isinf(precision[:, k])
        squares = squares + gap**2 * torch.exp(-torch.where(at_an_atom, 0.0, log_variance[:, k]))
    constants = log_variance.sum(1) + z.shape[1] * _LOG_2PI
    return (-0.5 * (squares + constants)).to(z.dtype)


class FlowPrior(Module):
    """A prior that is learned: standard normal noise through affine couplings (Dinh et al., "Density estimation using Real NVP", 2017).

    Parameters
    ----------
    dim : int
        Of the latent space, at least 2.
    layers, width : int
        Couplings, and the width of the networks inside.

    Notes
    -----
    It is computed in float32 at least, whatever the dtype of its parameters, and inside autocast in double precision, derivatives too: in halves a
    density would have two digits, and noise would not come back from latents.

    Examples
    --------
    >>> prior = FlowPrior(2)
    >>> prior.log_density(torch.zeros(5, 2)).shape, prior.sample(3).shape
    (torch.Size([5]), torch.Size([3, 2]))
    """

    def __init__(self, dim: int, layers: int = 4, width: int = 64) -> None:
        super().__init__()
        self.dim = scalars.count(dim, "dim", least=2)
        layers, width = scalars.count(layers, "layers"), scalars.count(width, "width")
        refuse_bytes(4 * layers * width * dim, (layers, width, dim), "layers, width and dim")
        self.couplings = ModuleList(_Coupling(dim, width, bool(k % 2)) for k in range(layers))

    def to_noise(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (n, d) to noise (n, d), and the logarithm of the Jacobian's determinant (n,)."""
        given = self._checked(z, "z")
        z = spared(given)
        total = z.new_zeros(len(z))
        for coupling in self.couplings:
            assert isinstance(coupling, _Coupling)
            z, log_determinant = coupling(z)
            total = total + log_determinant
        return z.to(given.dtype), total.to(given.dtype)

    def from_noise(self, noise: Tensor) -> Tensor:
        """Noise (n, d) to latents (n, d)."""
        given = self._checked(noise, "noise")
        noise = spared(given)
        for coupling in reversed(list(self.couplings)):
            assert isinstance(coupling, _Coupling)
            noise = coupling.inverse(noise)
        return noise.to(given.dtype)

    def forward(self, z: Tensor) -> Tensor:
        """As :meth:`log_density`: what wrappers of modules and ``torch.func.functional_call`` ask for."""
        return self.log_density(z)

    @property
    def _like(self) -> Tensor:
        """Of the dtype and on the device of what is computed."""
        weight = next(self.parameters())
        return weight.detach().new_empty(0, dtype=torch.promote_types(weight.dtype, torch.float32))

    def _checked(self, z: Tensor, name: str) -> Tensor:
        (z,) = tensors(**{name: z})
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise InvalidInput(f"{name} must be (n, {self.dim}); received {tuple(z.shape)}; reshape it")
        like = self._like
        home = like.device
        if z.dtype != like.dtype:
            raise InvalidInput(
                f"{name} must be of the dtype that the prior computes in, {_dtype(like)}; received {_dtype(z)}; convert it, or the prior with .to(dtype)"
            )
        if z.device != home:
            raise InvalidInput(
                f"{name} must live where the prior does, on {home}; received {z.device}; move one of them"
            )
        return z

    def log_density(self, z: Tensor) -> Tensor:
        """``log p(f(z)) + log |det J_f|``: (n,)."""
        noise, log_determinant = self.to_noise(z)
        return gaussian_log_density(noise, torch.zeros_like(noise), torch.zeros_like(noise)) + log_determinant

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Samples (n, d)."""
        like, n = self._like, scalars.count(n, "n")
        refuse_bytes(8 * n * self.dim, (n, self.dim), "n")
        return self.from_noise(noise(torch.empty(n, self.dim, dtype=like.dtype, device=like.device), generator))


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


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

    def _shift_and_scale(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        weights = {name: weight.to(kept.dtype) for name, weight in self.network.named_parameters()}
        shift, scale = functional_call(self.network, weights, (kept,)).chunk(2, dim=-1)
        return shift, torch.tanh(scale)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        kept, moved = self._parts(z)
        shift, scale = self._shift_and_scale(kept)
        return self._whole(kept, moved * torch.exp(scale) + shift), scale.sum(-1)

    def inverse(self, z: Tensor) -> Tensor:
        kept, moved = self._parts(z)
        shift, scale = self._shift_and_scale(kept)
        return self._whole(kept, (moved - shift) * torch.exp(-scale))
