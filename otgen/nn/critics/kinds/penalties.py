"""Gradient norms that are paid for."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import Module

from ..networks import Perceptron, Ramp
from ..slopes import gradient_norms
from .critic import Critic, in_single


@dataclass(frozen=True)
class _Penalised(Critic):
    """A penalty on gradient norms at points between a sample of x and one of y.

    ``weight`` is its factor, beside a difference of means in units of the points' distance from their middle (root mean square): the
    steepness that is paid for does not depend on units. (Papers have 10 beside means in units of their data.)
    """

    weight: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        in_single(self.weight, "weight", "3 is usual")

    def slope(self, norms: Tensor) -> float:
        """The median: a soft penalty lets gradients grow a little above one, all of them alike where the fit is good."""
        return max(1.0, float(norms.median()))

    def penalty(self, network: Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """What gradient norms between the samples cost."""
        t = self._shares(len(x), generator, x.dtype).to(x.device)
        excess = gradient_norms(network, t * x + (1 - t) * y) - 1
        return self.weight * self._paid(excess).square().mean()

    @abstractmethod
    def _paid(self, excess: Tensor) -> Tensor:
        """What is paid for, of how far norms (k,) exceed one."""

    def _shares(self, count: int, generator: Generator, dtype: torch.dtype) -> Tensor:
        """How far from y to x the points lie: (count, 1)."""
        return torch.rand(count, 1, generator=generator, dtype=dtype, device="cpu")


@dataclass(frozen=True)
class GradientPenalty(_Penalised):
    """``weight E (|grad f| - 1)^2`` (Gulrajani et al., "Improved training of Wasserstein GANs", 2017).

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    weight : float
        Factor of the penalty, beside a difference of means in units of the points' distance from their middle.
    """

    def _paid(self, excess: Tensor) -> Tensor:
        return excess


@dataclass(frozen=True)
class OneSidedPenalty(_Penalised):
    """``weight E max(|grad f| - 1, 0)^2`` (Petzka, Fischer, Lukovnikov, "On the regularization of Wasserstein GANs", 2018).

    A gradient shorter than one is where the best critic may have it too: nothing is paid for it. The default: half of the points
    are samples themselves, where the mass is, half lie in between; activations have a round knee.

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    weight : float
        Factor of the penalty, beside a difference of means in units of the points' distance from their middle.
    """

    learning_rate: float = 2e-3

    def network(self, dim: int, sample: Tensor) -> Module:
        """A perceptron with ramps."""
        return Perceptron(dim, self.width, self.depth, Ramp())

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """Adam with some momentum."""
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate, betas=(0.5, 0.99))

    def _shares(self, count: int, generator: Generator, dtype: torch.dtype) -> Tensor:
        return (2 * super()._shares(count, generator, dtype) - 0.5).clamp(0, 1)

    def _paid(self, excess: Tensor) -> Tensor:
        return torch.relu(excess)
