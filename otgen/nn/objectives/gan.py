r"""The game of generator and discriminator, in logits: ``D = sigmoid(logit)``, so that nothing saturates in rounding.

With ``V = E log D(x) + E log(1 - D(G(z)))`` (Goodfellow et al., "Generative adversarial nets", 2014; "UL: GANs & VAEs", part I;
"Deep Generative Models, Lecture 6", GAN objective).
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from ...inputs import scalars
from ...inputs.reading import refuse_bytes
from .._modes import home_of
from ._inputs import each, tensors

Form = Literal["minimax", "non-saturating", "logit"]
FORMS: tuple[Form, ...] = get_args(Form)


def value(real: Tensor, fake: Tensor) -> Tensor:
    """The game's value ``E log D(x) + E log(1 - D(G(z)))`` from logits on real (n,) and fake (m,) samples.

    Examples
    --------
    >>> round(value(torch.zeros(3), torch.zeros(2)).item(), 6) == round(-math.log(4), 6)
    True
    """
    real, fake = tensors(real=real, fake=fake)
    return logsigmoid(real).mean() + logsigmoid(-fake).mean()  # softplus would be rounded from 20 on


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises, ``-V``, from logits on real (n,) and fake (m,) samples."""
    return -value(real, fake)


def generator_loss(fake: Tensor, form: Form = "non-saturating") -> Tensor:
    r"""What the generator minimises, from logits on fake samples (m,).

    Parameters
    ----------
    fake : Tensor
        (m,).
    form : {"minimax", "non-saturating", "logit"}
        ``E log(1 - D)``; ``-E log D`` (which "UL: GANs & VAEs" halves); or ``-E logit``, whose gradient at the optimal discriminator
        is that of ``KL(P_G || P)``.

    Raises
    ------
    InvalidInput
        For another form.

    References
    ----------
    Goodfellow et al., 2014; Arjovsky and Bottou, "Towards principled methods for training generative adversarial networks", 2017,
    theorem 2.5 (the gradient of ``-E log D`` is that of ``KL - 2 JS``).

    Examples
    --------
    >>> generator_loss(torch.zeros(2), "logit").item() == 0
    True
    """
    scalars.one_of(form, "form", FORMS)
    (fake,) = tensors(fake=fake)
    if form == "minimax":
        return logsigmoid(-fake).mean()
    return -logsigmoid(fake).mean() if form == "non-saturating" else -fake.mean()


def optimal_logit(log_real: Tensor, log_fake: Tensor) -> Tensor:
    """The best discriminator's logit from log densities: ``D* = p / (p + p_G)`` ("UL: GANs & VAEs", the optimal discriminator).

    Examples
    --------
    >>> round(torch.sigmoid(optimal_logit(torch.tensor(3.0).log(), torch.tensor(1.0).log())).item(), 6)
    0.75
    """
    log_real, log_fake = each(log_real=log_real, log_fake=log_fake)
    return log_real - log_fake


def js_lower(real: Tensor, fake: Tensor) -> Tensor:
    """``(V + log 4) / 2``: at most the Jensen-Shannon divergence of the laws, in nats, and equal to it for the best discriminator.

    JS has its halves here, so it is at most log 2 ("Deep Generative Models, Lecture 6", GAN optimality).
    """
    return (value(real, fake) + math.log(4)) / 2


def kl_from_logit(logits: Tensor) -> Tensor:
    """``E_p log p/q``, from the logits of a classifier of p against q on samples (n,) of p: the density-ratio trick."""
    (logits,) = tensors(logits=logits)
    return logits.mean()


def noise(
    n: int, dim: int, kind: Literal["gaussian", "uniform"] = "gaussian", generator: Generator | None = None
) -> Tensor:
    """Noise (n, dim) for a generator: standard normal, or uniform in [-1, 1].

    Raises
    ------
    InvalidInput
        For another kind.
    """
    n, dim = scalars.count(n, "n"), scalars.count(dim, "dim")
    drawn = torch.randn if scalars.one_of(kind, "kind", ("gaussian", "uniform")) == "gaussian" else torch.rand
    device = None if generator is None else home_of(generator)
    refuse_bytes(4 * n * dim, (n, dim), "n and dim")
    sample = drawn(n, dim, generator=generator, device=device)
    return sample if kind == "gaussian" else 2 * sample - 1
