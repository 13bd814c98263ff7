"""What every kind of critic is asked for: a network, a penalty, what is done after a step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import Module

from ....errors import InvalidInput
from ....inputs import scalars
from ..networks import Perceptron

_LARGEST = 1e30  # single precision holds it, and what it is multiplied by


def in_single(value: float, name: str, hint: str) -> None:
    """Raise for what is no positive number of single precision, with room for products; ``hint`` is the remedy in the error."""
    number = scalars.positive(value, name, hint)
    if number > _LARGEST:
        raise InvalidInput(f"{name} must be at most {_LARGEST:g}; received {number:g}; {hint}")


@dataclass(frozen=True)
class Critic:
    """A kind of critic.

    Parameters
    ----------
    width, depth : int
        Of the hidden layers.
    learning_rate : float
        Of Adam, at the start; it falls to 0 along a cosine.
    """

    width: int = 128
    depth: int = 3
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("width", "depth"):
            scalars.count(getattr(self, name), name)
        in_single(self.learning_rate, "learning_rate", "use a step such as 1e-3")

    @property
    def held(self) -> int:
        """How many points of a sample the network is made from, at most."""
        return 0

    def network(self, dim: int, sample: Tensor) -> Module:
        """A fresh network for ``dim`` coordinates; ``sample`` (m, d) is one of the target, in the units that the network sees."""
        return Perceptron(dim, self.width, self.depth, torch.nn.ReLU())

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """What takes the steps."""
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate, betas=(0.0, 0.9))

    def penalty(self, network: Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor | None:
        """What is added to the loss on a batch, if anything."""
        return None

    def after_step(self, network: Module) -> None:
        """What is done to the weights after each step."""
        return

    def slope(self, norms: Tensor) -> float:
        """What the critic is divided by for its estimate, from gradient norms (k,); 1 where it is 1-Lipschitz as it is."""
        return 1.0
