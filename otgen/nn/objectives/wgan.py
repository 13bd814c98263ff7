"""Wasserstein GANs: a critic without sigmoid, and what keeps it Lipschitz.

Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, algorithm 1; "UL: GANs & VAEs", part III; "Lecture 9: generative models with
adversaries", section 9.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import Module

from ...errors import InvalidInput
from ...inputs import scalars
from .._inputs import real_and_dense
from .._modes import home_of
from ..critics.kinds.critic import in_single
from ..critics.slopes import gradient_norms
from ._inputs import alike, tensors


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, ``E f(G(z)) - E f(x)``, from its values on real (n,) and fake (m,) samples."""
    real, fake = tensors(real=real, fake=fake)
    return fake.mean() - real.mean()


def generator_loss(fake: Tensor) -> Tensor:
    """What the generator minimises, ``-E f(G(z))``."""
    (fake,) = tensors(fake=fake)
    return -fake.mean()


@dataclass(frozen=True)
class Clipping:
    """Weights held in [-limit, limit], and how many critic steps go before one of the generator.

    Examples
    --------
    >>> layer = torch.nn.Linear(1, 1)
    >>> Clipping(0.01).apply(layer.parameters())
    >>> abs(layer.weight.item()) <= 0.01 + 1e-9
    True
    """

    limit: float = 0.01
    critic_steps: int = 5

    def __post_init__(self) -> None:
        in_single(self.limit, "limit", "the paper has 0.01")
        scalars.count(self.critic_steps, "critic_steps")

    def apply(self, parameters: Iterable[Tensor]) -> None:
        """Clip, in place."""
        try:
            held: list[Any] = list(parameters)
        except (TypeError, RuntimeError):  # the latter of nested tensors
            held = [parameters]
        for k, parameter in enumerate(held):
            if not isinstance(parameter, Tensor) or not parameter.is_floating_point():
                raise InvalidInput(
                    f"parameters must be tensors of floats; received {scalars.told(parameter)} at {k}; pass critic.parameters()"
                )
            real_and_dense(parameter, "parameters")
        with torch.no_grad():
            for parameter in held:
                parameter.clamp_(-self.limit, self.limit)


def gradient_penalty(
    critic: Module,
    real: Tensor,
    fake: Tensor,
    *,
    weight: float = 10.0,
    one_sided: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """``weight E (|grad f| - 1)^2`` between paired real and fake samples (n, ...), or of what exceeds one with ``one_sided``.

    The norm is that of each sample's own gradient, in float32 at least, and is there under ``no_grad`` and in inference mode too: a
    number then. It has derivatives in what the critic is made of; the samples are constants to it. (Gulrajani et al., "Improved training of Wasserstein GANs", 2017.)

    Raises
    ------
    InvalidInput
        For samples that are not paired, and a critic that mixes its batch, see :func:`otgen.nn.critics.gradient_norms`.

    Examples
    --------
    >>> layer = torch.nn.Linear(1, 1)
    >>> _ = torch.nn.init.constant_(layer.weight, 3.0)
    >>> gradient_penalty(layer, torch.zeros(5, 1), torch.ones(5, 1)).item()
    40.0
    """
    weight = scalars.positive(weight, "weight", "10 is usual")
    one_sided = scalars.flag(one_sided, "one_sided")
    alike(real=real, fake=fake)
    if not (real.is_floating_point() and fake.is_floating_point()):
        raise InvalidInput(
            f"real and fake must hold floats; received {real.dtype} and {fake.dtype}; use real.float() and fake.float()"
        )
    if real.ndim < 2:
        raise InvalidInput(f"real must be (n, ...), one sample a row; received {tuple(real.shape)}; use real[:, None]")
    source = home_of(generator)
    size = (len(real), *(1,) * (real.ndim - 1))
    with torch.no_grad():
        t = torch.rand(size, generator=generator, dtype=real.dtype, device=source).to(real.device)
        between = t * real + (1 - t) * fake
    excess = gradient_norms(critic, between) - 1
    return weight * (torch.relu(excess) if one_sided else excess).square().mean()
