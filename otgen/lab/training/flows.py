"""Flow matching: a velocity along the segments between noise and data, paired at random, batch by batch, or once and for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Generator, Tensor
from torch.nn import Module
from torch.optim import Adam

from ... import nn
from ..networks import perceptron
from ..rounds import step
from .methods import Draw, Method, Sizes


class Coupling(Protocol):
    """How a flow's noise and data are paired: ``pairs(noise, real)`` are (n, dim) each; ``modules`` are what a checkpoint must hold of it."""

    modules: dict[str, Module]

    def __call__(self, noise: Tensor, real: Draw) -> tuple[Tensor, Tensor]:
        """Noise (n, dim), perhaps in another order, and the samples that it is paired with."""
        ...


class Independent:
    """Pairs at random."""

    def __init__(self, sizes: Sizes) -> None:
        self.modules: dict[str, Module] = {}

    def __call__(self, noise: Tensor, real: Draw) -> tuple[Tensor, Tensor]:
        """As they come."""
        return noise, real(len(noise))


class Minibatch(Independent):
    """The exact coupling of each batch."""

    def __call__(self, noise: Tensor, real: Draw) -> tuple[Tensor, Tensor]:
        """Optimal for the batch."""
        pairs = nn.coupling.pair(noise, real(len(noise)))
        return pairs.x0, pairs.x1


class Semidiscrete:
    """The map from all noise to a whole data set, fitted once before training starts."""

    def __init__(self, sizes: Sizes) -> None:
        assert sizes.data_set is not None
        self.coupling = nn.coupling.semidiscrete(sizes.data_set(), tol=None, rng=sizes.generator)
        self.modules: dict[str, Module] = {"coupling": self.coupling}

    def __call__(self, noise: Tensor, real: Draw) -> tuple[Tensor, Tensor]:
        """Each noise to its point: no batch is drawn."""
        sent = self.coupling.pair(noise)
        return sent.x0, sent.x1


def flow_method(coupling: Callable[[Sizes], Coupling]) -> Callable[[Sizes], Method]:
    """Flow matching along a coupling: the velocity at a point of the segment between noise and sample is its direction."""

    def build(sizes: Sizes) -> Method:
        network = perceptron([sizes.dim + 1, 256, 256, 256, sizes.dim], torch.nn.SiLU())
        optimiser = Adam(network.parameters(), lr=sizes.rate or 2e-3)
        paired = coupling(sizes)

        def velocity(x: Tensor, t: float | Tensor) -> Tensor:
            time = t if isinstance(t, Tensor) else x.new_full((len(x), 1), t)
            return network(torch.cat([x, time], dim=1))

        def advance(real: Draw, batch: int) -> dict[str, float]:
            x0, x1 = paired(torch.randn(batch, sizes.dim, generator=sizes.generator, dtype=torch.float32), real)
            t = torch.rand(batch, 1, generator=sizes.generator, dtype=torch.float32)
            miss = velocity((1 - t) * x0 + t * x1, t) - (x1 - x0)
            loss = (miss**2).sum(dim=1).mean()
            step(optimiser, loss)
            return {"loss": loss.item()}

        def sample(n: int, generator: Generator) -> Tensor:
            x, steps = torch.randn(n, sizes.dim, generator=generator, dtype=torch.float32), 50
            for k in range(steps):  # the midpoint rule
                half = x + velocity(x, k / steps) / (2 * steps)
                x = x + velocity(half, (k + 0.5) / steps) / steps
            return x

        modules: dict[str, Module] = {"velocity": network, **paired.modules}
        return Method(modules, {"velocity": optimiser}, advance, sample, velocity=velocity)

    return build
