r"""Auto-encoders whose latent law is held by an adversary or a penalty: AVB, AAE and penalised optimal transport (WAE).

Bousquet et al., "From optimal transport to generative modeling: the VEGAN cookbook", 2017, equations (6), (7) and (13), as in the
slides of that name. Logits are those of a discriminator of posterior samples (real) against prior samples (fake).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from .._inputs import not_negative
from .._modes import holds
from ..mmd import mmd_loss
from ._inputs import each, tensors

Penalty = Literal["kl", "js", "tv"]


def avb_loss(log_likelihood: Tensor, logits: Tensor) -> Tensor:
    """``mean [T(x, z) - log p(x|z)]``: the logit of posterior against prior stands for ``log q(z|x)/p(z)`` (equation (6)).

    Mescheder, Nowozin, Geiger, "Adversarial variational Bayes", 2017, equation (3.7). Step the networks of q and p with it, not T,
    whose own objective is ``gan.discriminator_loss``: that the best T changes with q adds nothing to the gradient in the mean
    (proposition 2).
    """
    log_likelihood, logits = each(log_likelihood=log_likelihood, logits=logits)
    return (logits - log_likelihood).mean()


def f_bound_kl(posterior: Tensor, prior: Tensor) -> Tensor:
    """``E_q T - E_p exp(T - 1) <= KL(q || p)``, from any function's values on samples of q (n,) and p (m,); nats.

    Nowozin, Cseke, Tomioka, "f-GAN", 2016, equation (4) with ``f(u) = u log u``; equal for ``T = 1 + log q/p``.

    Examples
    --------
    >>> f_bound_kl(torch.ones(4), torch.ones(4)).item()
    0.0
    """
    posterior, prior = tensors(posterior=posterior, prior=prior)
    return posterior.mean() - torch.exp(prior - 1).mean()


def avb_f_loss(log_likelihood: Tensor, posterior: Tensor, prior: Tensor) -> Tensor:
    """``f_bound_kl - mean log p(x|z)``: the objective (6) with the bound of f-GANs, to be maximised over T."""
    (log_likelihood,) = tensors(log_likelihood=log_likelihood)
    return f_bound_kl(posterior, prior) - log_likelihood.mean()


def aae_loss(log_likelihood: Tensor, penalty: Tensor) -> Tensor:
    """``D(Q_Z, P_Z) - mean log p(x|z)`` (equation (7)); see :func:`latent_penalty` and :func:`discrete_penalty` for D."""
    log_likelihood, penalty = _with_penalty(penalty, log_likelihood=log_likelihood)
    return penalty - log_likelihood.mean()


def pot_loss(costs: Tensor, penalty: Tensor, weight: float = 10.0) -> Tensor:
    """``mean c(x, G(z)) + weight D(Q_Z, P_Z)`` from costs (n,) of reconstructions (equation (13)); any cost will do."""
    costs, penalty = _with_penalty(penalty, costs=costs)
    return costs.mean() + scalars.positive(weight, "weight", "10 is usual") * penalty


def _with_penalty(penalty: Tensor, **given: Tensor) -> tuple[Tensor, ...]:
    """What a mean is taken of, and a penalty, which is one number."""
    out = tensors(**given, penalty=penalty)
    if out[-1].numel() != 1:
        raise InvalidInput(f"penalty must be one number; received shape {tuple(out[-1].shape)}; take its mean")
    return *out[:-1], out[-1].reshape(())


def latent_penalty(latents: Tensor, logits: Tensor | None = None, prior: Tensor | None = None) -> Tensor:
    """How far latents (n, d) are from their prior: by a discriminator's logits on them, or by samples (m, d) of the prior.

    By logits ``-E log(1 - D)``, which the encoder lowers by being taken for the prior: the discriminator tells latents (real) from
    prior samples (fake). By samples the unbiased MMD of the inverse multiquadric kernel of scale 2 d, as Wasserstein
    auto-encoders have it (Tolstikhin et al., 2018).

    Raises
    ------
    InvalidInput
        Unless exactly one of the two is given, and for fewer than two latents or samples of the prior.
    """
    if logits is not None and prior is None:
        (logits,) = tensors(logits=logits)
        return -torch.nn.functional.logsigmoid(-logits).mean()
    if prior is None or logits is not None:
        which = "neither" if prior is None else "both"
        raise InvalidInput(
            f"latent_penalty must get logits or prior samples, one of the two; received {which}; pass one"
        )
    _check_latents(latents, prior)
    return mmd_loss(latents, prior, kernel="imq", scale=2.0 * latents.shape[-1], unbiased=True)


def _check_latents(latents: Tensor, prior: Tensor) -> None:
    for name, z in (("latents", latents), ("prior", prior)):
        tensors(**{name: z})
        if z.ndim != 2 or z.shape[1] != latents.shape[1]:
            raise InvalidInput(
                f"{name} must be (n, d) with the latents' d; received {tuple(z.shape)} beside {tuple(latents.shape)}; reshape"
            )
        if len(z) < 2:
            raise InvalidInput(
                f"{name} must hold at least two samples: the estimate leaves out a sample's pair with itself; received one; "
                f"drop the last batch of an epoch (drop_last=True), or use otgen.nn.mmd_loss, which is biased"
            )


def discrete_penalty(posteriors: Tensor, prior: Tensor, kind: Penalty | Callable[[Tensor], Tensor] = "kl") -> Tensor:
    r"""The exact divergence of the mean of discrete posteriors (n, K) from a prior (K,), in nats: KL, JS, TV, or any f.

    Parameters
    ----------
    posteriors : Tensor
        (n, K), rows that sum to one, such as a softmax, saturated or not.
    prior : Tensor
        (K,), positive, of sum one.
    kind : {"kl", "js", "tv"} or callable
        ``KL(Q || P)``; JS with its halves; ``sum |Q - P| / 2``; or a convex f with f(1) = 0, for ``sum P f(Q / P)``: it sees 0 where no
        posterior has mass, and must not make it NaN.

    Returns
    -------
    Tensor
        A number, computed in double precision; KL, JS and TV are at least 0, what f makes is so up to rounding. Where Q is 0 the
        derivative of ``Q log Q`` is -inf: it is taken to be large but finite, so that a softmax, whose own derivative is 0 there, gets 0.

    Raises
    ------
    InvalidInput
        For other shapes, a prior that is not positive, and what are no probabilities.

    Examples
    --------
    >>> discrete_penalty(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.5, 0.5])).item()
    0.0
    """
    rows, law = tensors(posteriors=posteriors, prior=prior)
    if rows.ndim != 2 or law.shape != rows.shape[1:] or not holds(law > 0):
        raise InvalidInput(
            f"posteriors must be (n, K) and prior (K,), positive; received {tuple(rows.shape)} and {tuple(law.shape)}; "
            f"mix a prior that has zeros with a uniform one"
        )
    for name, z, given in (("posteriors", rows, posteriors), ("prior", law, prior)):
        tolerance = 1e-2 if given.element_size() < 4 else 1e-4
        if not holds((z >= 0) & ((z.sum(-1, keepdim=True) - 1).abs() <= tolerance)):
            raise InvalidInput(
                f"{name} must be probabilities, of sum one to {tolerance:g}; received sums in "
                f"[{z.sum(-1).min().item():g}, {z.sum(-1).max().item():g}]; use a softmax"
            )
    q, p = rows.double().mean(0), law.double()
    return _divergence(q, p, kind).to(torch.promote_types(rows.dtype, law.dtype))


def _divergence(q: Tensor, p: Tensor, kind: Penalty | Callable[[Tensor], Tensor]) -> Tensor:
    """The divergence of laws (K,), the second positive."""
    if callable(kind):
        terms = kind(q / p)
        if not isinstance(terms, Tensor) or terms.shape != p.shape:
            raise InvalidInput(
                f"kind must be a function of a tensor (K,) with values (K,); received one that returns {scalars.told(terms)}; pass lambda u: (u - 1) ** 2, say"
            )
        value = (p * terms).sum()
        if not holds(~value.isnan()):
            raise InvalidInput(
                "kind must be a number or inf at 0, where no posterior has mass; received NaN; for u log u pass 'kl'"
            )
        return value
    if scalars.one_of(kind, "kind", get_args(Penalty)) == "tv":
        return (q - p).abs().sum() / 2
    if kind == "kl":
        return _kl(q, p)
    middle = (q + p) / 2
    return (_kl(q, middle) + _kl(p, middle)) / 2


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """``sum p log(p / q) - p + q``, no term of which is negative."""
    log_p = p.clamp_min(torch.finfo(p.dtype).tiny).log()
    return not_negative((p * (log_p - q.log()) - p + q).sum())
