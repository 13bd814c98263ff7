"""What a way to train a generator is: networks and one step. Transport losses, games with a critic, and flows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import Module, ReLU
from torch.optim import Adam, Optimizer, RMSprop

from ... import nn
from ...nn.objectives import gan, wgan
from ..networks import perceptron
from ..rounds import Game, play, step

Draw = Callable[[int], Tensor]


@dataclass(eq=False)
class Method:
    """Networks, their optimisers, one step, and how to sample; all of it in units of the data's scale.

    Attributes
    ----------
    modules, optimisers : dict
        By name: what a checkpoint holds.
    advance : callable
        From a source of real batches and a batch size to what the step measured.
    sample : callable
        From a number and a generator to samples (n, dim).
    """

    modules: dict[str, Module]
    optimisers: dict[str, Optimizer]
    advance: Callable[[Draw, int], dict[str, float]]
    sample: Callable[[int, Generator], Tensor]
    reconstruct: Callable[[Tensor], Tensor] | None = None
    velocity: Callable[[Tensor, float], Tensor] | None = None


@dataclass(frozen=True)
class Sizes:
    """What a method is built for: the data's dimension, how large networks are, where a run's noise comes from, and a whole data set."""

    dim: int
    images: bool
    rate: float | None = None
    generator: Generator = field(default_factory=Generator)
    data_set: Callable[[], Tensor] | None = None

    @property
    def noise(self) -> int:
        """Dimension of the noise."""
        return 16 if self.images else 2

    @property
    def latent(self) -> int:
        """Dimension of codes."""
        return 8 if self.images else 2

    @property
    def hidden(self) -> list[int]:
        """Widths of hidden layers."""
        return [256, 256, 256] if self.images else [256, 256, 256, 256]


def _generator(sizes: Sizes) -> Module:
    return perceptron([sizes.noise, *sizes.hidden, sizes.dim], ReLU())


def _noise(sizes: Sizes, n: int, generator: Generator) -> Tensor:
    size = (n, sizes.noise)
    if sizes.images:
        return torch.randn(size, generator=generator, dtype=torch.float32)
    return 2 * torch.rand(size, generator=generator, dtype=torch.float32) - 1


def adam(network: Module, rate: float, betas: tuple[float, float] = (0.5, 0.99)) -> Adam:
    """Adam with the little momentum that games bear."""
    return Adam(network.parameters(), lr=rate, betas=betas)


def transport_method(loss: Callable[[Tensor, Tensor, Generator], Tensor]) -> Callable[[Sizes], Method]:
    """A generator that descends a transport loss between its batch and a real one: no second network."""

    def build(sizes: Sizes) -> Method:
        network = _generator(sizes)
        optimiser = adam(network, sizes.rate or 1e-3)

        def advance(real: Draw, batch: int) -> dict[str, float]:
            value = loss(network(_noise(sizes, batch, sizes.generator)), real(batch), sizes.generator)
            step(optimiser, value)
            return {"loss": value.item()}

        return Method(
            {"generator": network},
            {"generator": optimiser},
            advance,
            lambda n, generator: network(_noise(sizes, n, generator)),
        )

    return build


def sliced_loss(x: Tensor, y: Tensor, generator: Generator) -> Tensor:
    """The sliced loss of order one along 64 directions of the run's own noise."""
    directions = torch.nn.functional.normalize(torch.randn(64, x.shape[1], generator=generator, dtype=torch.float32))
    return nn.sliced_wasserstein_loss(x, y, p=1, directions=directions)


def gan_method(form: gan.Form) -> Callable[[Sizes], Method]:
    """A discriminator, and a generator with one of its losses (:mod:`otgen.nn.objectives.gan`)."""

    def build(sizes: Sizes) -> Method:
        return _game(
            sizes,
            lambda _: lambda real, fake, x, y: gan.discriminator_loss(real, fake),
            lambda fake: gan.generator_loss(fake, form),
            lambda network: adam(network, sizes.rate or 2e-4),
        )

    return build


def clipped_wgan_method(sizes: Sizes) -> Method:
    """The notes' algorithm: five steps of a critic with clipped weights to one of the generator."""
    clipping = wgan.Clipping(0.05 if not sizes.images else 0.03, critic_steps=5)
    return _game(
        sizes,
        lambda _: lambda real, fake, x, y: wgan.critic_loss(real, fake),
        wgan.generator_loss,
        lambda network: RMSprop(network.parameters(), lr=sizes.rate or 2e-4),
        critic_steps=clipping.critic_steps,
        after=clipping.apply,
    )


def penalised_wgan_method(sizes: Sizes) -> Method:
    """A critic held by a penalty on its gradient's norm: a light one in the plane, where a heavy one leaves a single mode."""
    weight = 10.0 if sizes.images else 0.1

    def loss(critic: Module) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
        return lambda real, fake, x, y: (
            wgan.critic_loss(real, fake) + wgan.gradient_penalty(critic, x, y, weight=weight, generator=sizes.generator)
        )

    return _game(
        sizes, loss, wgan.generator_loss, lambda network: adam(network, sizes.rate or 5e-4, (0.5, 0.9)), critic_steps=3
    )


def _game(
    sizes: Sizes,
    critic_loss: Callable[[Module], Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]],
    generator_loss: Callable[[Tensor], Tensor],
    optimiser: Callable[[Module], Optimizer],
    critic_steps: int = 1,
    after: Callable[[Any], None] | None = None,
) -> Method:
    network, critic = _generator(sizes), perceptron([sizes.dim, *sizes.hidden[:3], 1], ReLU())
    optimisers = {"generator": optimiser(network), "critic": optimiser(critic)}
    extra: dict[str, Any] = {} if after is None else {"after_critic": lambda: after(critic.parameters())}
    game = Game(
        network,
        critic,
        critic_loss(critic),
        generator_loss,
        optimisers["critic"],
        optimisers["generator"],
        critic_steps,
        **extra,
    )

    def advance(real: Draw, batch: int) -> dict[str, float]:
        return play(game, lambda: real(batch), lambda: _noise(sizes, batch, sizes.generator))

    return Method(
        {"generator": network, "critic": critic},
        optimisers,
        advance,
        lambda n, generator: network(_noise(sizes, n, generator)),
    )


def arrays(samples: Tensor) -> np.ndarray:
    """Samples as float64."""
    return samples.detach().double().numpy()
