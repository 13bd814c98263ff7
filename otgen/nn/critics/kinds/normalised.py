"""Weights whose largest singular values are one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.utils import parametrizations

from ....errors import InvalidInput
from ..networks import GroupSort, Perceptron
from .critic import Critic


@dataclass(frozen=True)
class SpectralNormalisation(Critic):
    """Every weight is divided by an estimate of its largest singular value (Miyato et al., 2018): 1-Lipschitz, nearly.

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    """

    def network(self, dim: int, sample: Tensor) -> Module:
        """A perceptron with normalised weights."""
        network = Perceptron(dim, self.width, self.depth, torch.nn.ReLU())
        for layer in network.layers:
            parametrizations.spectral_norm(layer)
        return network


@dataclass(frozen=True)
class Orthogonal(Critic):
    """Orthogonal weights and sorted pairs as activation: 1-Lipschitz to rounding, and hidden layers keep the length of gradients.

    (Anil, Lucas, Grosse, "Sorting out Lipschitz function approximation", 2019.)

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 2:
            raise InvalidInput(f"width must be even for pairs to be sorted; received {self.width}; add one")

    def network(self, dim: int, sample: Tensor) -> Module:
        """A perceptron with orthogonal weights."""
        network = Perceptron(dim, self.width, self.depth, GroupSort())
        for layer in network.layers:
            parametrizations.orthogonal(layer)
        return network
