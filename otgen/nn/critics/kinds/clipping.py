"""Weights held in a box."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module

from .critic import Critic, in_single


@dataclass(frozen=True)
class WeightClipping(Critic):
    """All weights and biases are held in [-limit, limit] (Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, algorithm 1).

    The critic is then Lipschitz with an unknown constant far from 1: its estimate is divided by what is measured.

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    limit : float
        Largest absolute value of a weight or bias.
    """

    limit: float = 0.01
    learning_rate: float = 5e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        in_single(self.limit, "limit", "the paper has 0.01")

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """RMSProp, as in the paper: momentum was found to be unstable there."""
        return torch.optim.RMSprop(network.parameters(), lr=self.learning_rate)

    def slope(self, norms: Tensor) -> float:
        """The largest gradient norm that was seen."""
        return float(norms.max()) or 1.0

    def after_step(self, network: Module) -> None:
        """Clip."""
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.clamp_(-self.limit, self.limit)
