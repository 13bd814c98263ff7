r"""Auto-encoders whose latent law is held by an adversary or a penalty: AVB, AAE and penalised optimal transport (WAE).

Bousquet et al., "From optimal transport to generative modeling: the VEGAN cookbook", 2017, equations (6), (7) and (13), as in the
slides of that name. Logits are those of a discriminator of posterior samples (real) against prior samples (fake).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from ..mmd import mmd_loss

PENALTIES = ("kl", "js", "tv")


def avb_loss(log_likelihood: Tensor, logits: Tensor) -> Tensor:
    """``mean [T(x, z) - log p(x|z)]``: the logit of posterior against prior stands for ``log q(z|x)/p(z)`` (equation (6)).

    Mescheder, Nowozin, Geiger, "Adversarial variational Bayes", 2017, equation (3.7): T is held fixed here up to its dependence on
    z, whose gradient vanishes in the mean at the optimum.
    """
    return (logits - log_likelihood).mean()


def f_bound_kl(posterior: Tensor, prior: Tensor) -> Tensor:
    """``E_q T - E_p exp(T - 1) <= KL(q || p)``, from any function's values on samples of q (n,) and p (m,); nats.

    Nowozin, Cseke, Tomioka, "f-GAN", 2016, equation (4) with ``f(u) = u log u``; equal for ``T = 1 + log q/p``.

    Examples
    --------
    >>> f_bound_kl(torch.ones(4), torch.ones(4)).item()
    0.0
    """
    return posterior.mean() - torch.exp(prior - 1).mean()


def avb_f_loss(log_likelihood: Tensor, posterior: Tensor, prior: Tensor) -> Tensor:
    """``f_bound_kl - mean log p(x|z)``: the objective (6) with the bound of f-GANs, to be maximised over T."""
    return f_bound_kl(posterior, prior) - log_likelihood.mean()


def aae_loss(log_likelihood: Tensor, penalty: Tensor) -> Tensor:
    """``D(Q_Z, P_Z) - mean log p(x|z)`` (equation (7)); see :func:`latent_penalty` and :func:`discrete_penalty` for D."""
    return penalty - log_likelihood.mean()


def pot_loss(costs: Tensor, penalty: Tensor, weight: float = 10.0) -> Tensor:
    """``mean c(x, G(z)) + weight D(Q_Z, P_Z)`` from costs (n,) of reconstructions (equation (13)); any cost will do."""
    return costs.mean() + scalars.positive(weight, "weight", "10 is usual") * penalty


def latent_penalty(latents: Tensor, logits: Tensor | None = None, prior: Tensor | None = None) -> Tensor:
    """How far latents (n, d) are from their prior: by a discriminator's logits on them, or by samples (m, d) of the prior.

    By logits ``-E log(1 - D)``, which the encoder lowers by being taken for the prior: the discriminator tells latents (real) from
    prior samples (fake). By samples the unbiased MMD of the inverse multiquadric kernel of scale 2 d, as Wasserstein
    auto-encoders have it (Tolstikhin et al., 2018).

    Raises
    ------
    InvalidInput
        Unless exactly one of the two is given.
    """
    if (logits is None) == (prior is None):
        raise InvalidInput("latent_penalty needs logits or prior samples, one of the two")
    if logits is not None:
        return torch.nn.functional.softplus(logits).mean()
    assert prior is not None
    return mmd_loss(latents, prior, kernel="imq", scale=2.0 * latents.shape[-1], unbiased=True)


def discrete_penalty(posteriors: Tensor, prior: Tensor, kind: str | Callable[[Tensor], Tensor] = "kl") -> Tensor:
    r"""The exact divergence of the mean of discrete posteriors (n, K) from a prior (K,), in nats: KL, JS, TV, or any f.

    Parameters
    ----------
    posteriors : Tensor
        (n, K), rows that sum to one.
    prior : Tensor
        (K,), positive.
    kind : {"kl", "js", "tv"} or callable
        ``KL(Q || P)``; JS with its halves; ``sum |Q - P| / 2``; or a convex f with f(1) = 0, for ``sum P f(Q / P)``.

    Raises
    ------
    InvalidInput
        For other shapes, and a prior that is not positive.

    Examples
    --------
    >>> discrete_penalty(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.5, 0.5])).item()
    0.0
    """
    if posteriors.ndim != 2 or prior.shape != posteriors.shape[1:] or not bool((prior > 0).all()):
        raise InvalidInput(
            f"posteriors must be (n, K) and prior (K,), positive; received {tuple(posteriors.shape)} and {tuple(prior.shape)}"
        )
    q = posteriors.mean(0)
    if callable(kind):
        return (prior * kind(q / prior)).sum()
    if scalars.one_of(kind, "kind", PENALTIES) == "tv":
        return (q - prior).abs().sum() / 2
    if kind == "kl":
        return _kl(q, prior)
    middle = (q + prior) / 2
    return (_kl(q, middle) + _kl(prior, middle)) / 2


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum()
