"""Minima of 1-Lipschitz pieces: distances to points that are held, cones and planes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module

from ....inputs import scalars
from ..networks import Pieces, Transform
from .critic import Critic

# temperatures of a soft minimum, in units of the spread, and its factor a step
_WARM, _COLD, _COOLER = 0.1, 0.003, 0.99
_ABOVE = 3.0  # height of planes at the start: above nearly all cones


@dataclass(frozen=True)
class CTransform(Critic):
    """``min_j |z - y_j| - g_j`` over points of a sample, with heights learned: 1-Lipschitz by construction.

    Parameters
    ----------
    learning_rate
        As in :class:`Critic`; there are no hidden layers, so that ``width`` and ``depth`` are not used.
    points : int
        How many points of the sample, at most.
    """

    points: int = 2000
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        scalars.count(self.points, "points")

    @property
    def held(self) -> int:
        """All of them."""
        return self.points

    def network(self, dim: int, sample: Tensor) -> Module:
        """The transform over the first points of the sample."""
        return Transform(sample[: self.points].clone())


@dataclass(frozen=True)
class Cones(Critic):
    """``min_k l_k`` over cones ``|z - c_k| + h_k`` and planes, with centres, directions and heights learned: 1-Lipschitz by construction.

    The extension of McShane from values at a few points, whose places are learned too, so that it may be used in many dimensions. Gradients
    have length one everywhere, as the best critic's have wherever mass is moved. It starts from points of the sample.

    Parameters
    ----------
    learning_rate
        As in :class:`Critic`; there are no hidden layers, so that ``width`` and ``depth`` are not used.
    cones, planes : int
        How many of either; of cones not more than the sample has points.

    References
    ----------
    McShane, "Extension of range of functions", 1934; for minima of planes and distances as critics: Anil, Lucas, Grosse, "Sorting out Lipschitz
    function approximation", 2019, section 4.
    """

    cones: int = 256
    planes: int = 16
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        scalars.count(self.cones, "cones")
        scalars.count(self.planes, "planes")

    @property
    def held(self) -> int:
        """A point a cone."""
        return self.cones

    def network(self, dim: int, sample: Tensor) -> Module:
        """Cones at the first points of the sample, planes in all directions above them."""
        centres = sample[: self.cones].clone()
        directions = torch.randn(self.planes, dim, dtype=torch.float32, device="cpu").to(sample)
        heights = torch.cat([sample.new_zeros(len(centres)), sample.new_full((self.planes,), _ABOVE)])
        return Pieces(centres, directions, heights, _WARM)

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """Adam with some momentum; centres have further to go than heights."""
        assert isinstance(network, Pieces)
        rest = [network.heights, network.directions]
        groups = [{"params": [network.centres], "lr": 3 * self.learning_rate}, {"params": rest}]
        return torch.optim.Adam(groups, lr=self.learning_rate, betas=(0.5, 0.99))

    def after_step(self, network: Module) -> None:
        """The soft minimum cools."""
        assert isinstance(network, Pieces)
        network.temperature.mul_(_COOLER).clamp_(min=_COLD)
