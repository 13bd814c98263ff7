"""One round of an adversarial game: some steps of the critic or discriminator, then one of the generator.

"UL: GANs & VAEs", page 7; "Lecture 9: generative models with adversaries", section 9.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from ..inputs import scalars

Draw = Callable[[], Tensor]


def _nothing() -> None:
    """No clipping."""


@dataclass(frozen=True, eq=False)
class Game:
    """Two networks and what each minimises.

    Attributes
    ----------
    generator, critic : Module
        From noise to samples; from samples (n, d) to numbers (n,).
    critic_loss : callable
        From the critic's values on real and on fake samples, and both samples, to a number.
    generator_loss : callable
        From the critic's values on fake samples to a number.
    critic_optimiser, generator_optimiser : Optimizer
        Of each network's parameters.
    critic_steps : int
        k of the notes.
    after_critic : callable
        Called after each of the critic's steps: clipping.
    """

    generator: Module
    critic: Module
    critic_loss: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    generator_loss: Callable[[Tensor], Tensor]
    critic_optimiser: Optimizer
    generator_optimiser: Optimizer
    critic_steps: int = 1
    after_critic: Callable[[], None] = _nothing

    def __post_init__(self) -> None:
        scalars.count(self.critic_steps, "critic_steps")


def play(game: Game, real: Draw, noise: Draw) -> dict[str, float]:
    """One round: ``critic_steps`` steps of the critic, each on new batches, then one of the generator; the last losses.

    Examples
    --------
    >>> from otgen.nn.objectives import wgan
    >>> nets = torch.nn.Linear(1, 1), torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Flatten(0))
    >>> game = Game(
    ...     *nets, lambda r, f, x, y: wgan.critic_loss(r, f), wgan.generator_loss,
    ...     *(torch.optim.SGD(net.parameters(), 0.1) for net in reversed(nets)),
    ... )
    >>> sorted(play(game, lambda: torch.ones(4, 1), lambda: torch.zeros(4, 1)))
    ['critic', 'generator']
    """
    loss = torch.tensor(float("nan"))
    for _ in range(game.critic_steps):
        x = real()
        with torch.no_grad():
            fake = game.generator(noise())
        loss = game.critic_loss(game.critic(x), game.critic(fake), x, fake)
        step(game.critic_optimiser, loss)
        game.after_critic()
    learned = [parameter for parameter in game.critic.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        own = game.generator_loss(game.critic(game.generator(noise())))
        step(game.generator_optimiser, own)
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
    return {"critic": loss.item(), "generator": own.item()}


def step(optimiser: Optimizer, loss: Tensor) -> None:
    """Gradients anew, and one step."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
