"""Every method by its name: how it is built, and how long and in what batches it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ... import nn
from ...errors import InvalidInput
from ...inputs import scalars
from .autoencoders import avb_method, latent_game_method, vae_method, vqvae_method
from .flows import Independent, Minibatch, Semidiscrete, flow_method
from .methods import (
    Method,
    Sizes,
    clipped_wgan_method,
    gan_method,
    penalised_wgan_method,
    sliced_loss,
    transport_method,
)


@dataclass(frozen=True)
class Recipe:
    """How a method is built, and how long and in what batches it is trained unless one says otherwise."""

    build: Callable[[Sizes], Method]
    steps: int
    batch: int
    images_only: bool = False


MethodName = Literal[
    "gan",
    "ns-gan",
    "wgan",
    "wgan-gp",
    "sinkhorn",
    "sliced",
    "vae",
    "avb",
    "aae",
    "wae",
    "vqvae",
    "cfm",
    "ot-cfm",
    "sd-cfm",
]
RECIPES = {
    "gan": Recipe(gan_method("minimax"), 8_000, 256),
    "ns-gan": Recipe(gan_method("non-saturating"), 8_000, 256),
    "wgan": Recipe(clipped_wgan_method, 4_000, 256),
    "wgan-gp": Recipe(penalised_wgan_method, 3_600, 256),
    "sinkhorn": Recipe(
        transport_method(lambda x, y, _: nn.sinkhorn_loss(x, y, epsilon=0.02, p=1, tol=1e-2), 1e-3), 12_000, 256
    ),
    "sliced": Recipe(transport_method(sliced_loss, 1e-3), 22_000, 256),
    "vae": Recipe(vae_method, 6_000, 128),
    "avb": Recipe(avb_method, 6_000, 128),
    "aae": Recipe(latent_game_method(penalised=False), 6_000, 128),
    "wae": Recipe(latent_game_method(penalised=True), 6_000, 128),
    "vqvae": Recipe(vqvae_method, 6_000, 128, images_only=True),
    "cfm": Recipe(flow_method(Independent), 5_000, 256),
    "ot-cfm": Recipe(flow_method(Minibatch), 5_000, 256),
    "sd-cfm": Recipe(flow_method(Semidiscrete), 5_000, 256),
}


def built(method: str, sizes: Sizes) -> Method:
    """A method's networks for data of a dimension; raises InvalidInput for pairs that make no sense."""
    if method not in RECIPES:
        raise InvalidInput(
            f"method must be one of {', '.join(RECIPES)}; received {scalars.told(method)}; choose one of them"
        )
    if RECIPES[method].images_only and not sizes.images:
        raise InvalidInput(
            f"data must be digits for {method}, which has a table of codes for an image; received points of a plane; pass data='digits'"
        )
    return RECIPES[method].build(sizes)
