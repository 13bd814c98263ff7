"""Every method by its name: how it is built, and how long and in what batches it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

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
        transport_method(lambda x, y, _: nn.sinkhorn_loss(x, y, epsilon=0.02, p=1, tol=1e-2)), 12_000, 256
    ),
    "sliced": Recipe(transport_method(sliced_loss), 22_000, 256),
    "vae": Recipe(vae_method, 6_000, 128),
    "avb": Recipe(avb_method, 6_000, 128),
    "aae": Recipe(latent_game_method(penalised=False), 6_000, 128),
    "wae": Recipe(latent_game_method(penalised=True), 6_000, 128),
    "vqvae": Recipe(vqvae_method, 6_000, 128, images_only=True),
    "cfm": Recipe(flow_method(Independent), 5_000, 256),
    "ot-cfm": Recipe(flow_method(Minibatch), 5_000, 256),
    "sd-cfm": Recipe(flow_method(Semidiscrete), 5_000, 256),
}


_MOST_THREADS = 1024
_AUTOENCODERS = ("vae", "avb", "aae", "wae", "vqvae")


def threads_given(threads: Any) -> int:
    """How many of torch's threads a run is asked to take, no more than a system starts: where it cannot, their library ends the process."""
    number = scalars.count(threads, "threads")
    if number > _MOST_THREADS:
        raise InvalidInput(f"threads must be at most {_MOST_THREADS}; received {number}; pass one for each core")
    return number


def threads_for(method: str, data: str, most: int) -> int:
    """How many of torch's threads a run takes unless one says otherwise: two, where there are as many; one for autoencoders of digits.

    It is a function of what is trained and of how many there are, never of a timing, since the bits of a run depend on it. Measured on two idle cores, seconds of a run
    on one thread and on two, each with five to start: gan 13.8 and 11.8 (400 steps, ring), wgan-gp 17.9 and 14.0 (200), sinkhorn 12.1 and 11.1 (200), ot-cfm 18.8
    and 14.9 (300, eight-gaussians), vae of digits 9.8 and 10.7 (200), vqvae of digits 9.6 and 9.5 (150).

    Examples
    --------
    >>> threads_for("gan", "ring", 16), threads_for("vae", "digits", 16), threads_for("gan", "ring", 1)
    (2, 1, 1)
    """
    return 1 if method in _AUTOENCODERS and data == "digits" else min(2, most)


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
