"""Ways to train a generator: what each one's networks are, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import Module, ReLU
from torch.optim import Adam, Optimizer, RMSprop

from ... import nn
from ...errors import InvalidInput
from ...nn.objectives import adversarial, gan, vae, vqvae, wgan
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
    """What a method is built for: the data's dimension, how large networks are, and where a run's noise comes from."""

    dim: int
    images: bool
    rate: float | None = None
    generator: Generator = field(default_factory=Generator)

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
    return gan.noise(n, sizes.noise, "gaussian" if sizes.images else "uniform", generator)


def _adam(network: Module, rate: float, betas: tuple[float, float] = (0.5, 0.99)) -> Adam:
    return Adam(network.parameters(), lr=rate, betas=betas)


def _transport(loss: Callable[[Tensor, Tensor, Generator], Tensor], rate: float) -> Callable[[Sizes], Method]:
    """A generator that descends a transport loss between its batch and a real one: no second network."""

    def build(sizes: Sizes) -> Method:
        network = _generator(sizes)
        optimiser = _adam(network, sizes.rate or rate)

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


def _sliced(x: Tensor, y: Tensor, generator: Generator) -> Tensor:
    directions = torch.nn.functional.normalize(torch.randn(64, x.shape[1], generator=generator))
    return nn.sliced_wasserstein_loss(x, y, p=1, directions=directions)


def _gan(form: str) -> Callable[[Sizes], Method]:
    def build(sizes: Sizes) -> Method:
        return _game(
            sizes,
            lambda _: lambda real, fake, x, y: gan.discriminator_loss(real, fake),
            lambda fake: gan.generator_loss(fake, form),
            lambda network: _adam(network, sizes.rate or 2e-4),
        )

    return build


def _clipped_wgan(sizes: Sizes) -> Method:
    clipping = wgan.Clipping(0.05 if not sizes.images else 0.03, critic_steps=5)
    return _game(
        sizes,
        lambda _: lambda real, fake, x, y: wgan.critic_loss(real, fake),
        wgan.generator_loss,
        lambda network: RMSprop(network.parameters(), lr=sizes.rate or 2e-4),
        critic_steps=clipping.critic_steps,
        after=clipping.apply,
    )


def _penalised_wgan(sizes: Sizes) -> Method:
    def loss(critic: Module) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
        return lambda real, fake, x, y: (
            wgan.critic_loss(real, fake) + wgan.gradient_penalty(critic, x, y, weight=10.0, generator=sizes.generator)
        )

    return _game(
        sizes, loss, wgan.generator_loss, lambda network: _adam(network, sizes.rate or 5e-4, (0.5, 0.9)), critic_steps=3
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


@dataclass(eq=False)
class _Coder:
    """An encoder and a decoder with Gaussian decoding noise of a variance that fits the data."""

    sizes: Sizes
    outputs: int  # of the encoder, for each latent
    extra: int = 0  # inputs of the encoder beside the sample
    variance: float = field(init=False)
    encoder: Module = field(init=False)
    decoder: Module = field(init=False)

    def __post_init__(self) -> None:
        sizes = self.sizes
        self.variance = 0.02 if sizes.images else 0.005
        self.encoder = perceptron([sizes.dim + self.extra, *sizes.hidden[:2], self.outputs * sizes.latent])
        self.decoder = perceptron([sizes.latent, *sizes.hidden, sizes.dim])

    def likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """``log p(x | z)``, (n,)."""
        return vae.gaussian_log_likelihood(x, self.decoder(z), self.variance)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Prior, then decoder; the decoder's noise is left out for images, where it would only be seen as grain."""
        mean = self.decoder(gan.noise(n, self.sizes.latent, generator=generator))
        if self.sizes.images:
            return mean
        return mean + math.sqrt(self.variance) * torch.randn(mean.shape, generator=generator)

    def parameters(self) -> list[Tensor]:
        """Of both networks."""
        return [*self.encoder.parameters(), *self.decoder.parameters()]


def _vae(sizes: Sizes) -> Method:
    coder = _Coder(sizes, 2)
    optimiser = Adam(coder.parameters(), lr=sizes.rate or 1e-3)

    def advance(real: Draw, batch: int) -> dict[str, float]:
        x = real(batch)
        mean, log_variance = coder.encoder(x).chunk(2, dim=1)
        log_variance = log_variance.clamp(-12, 4)
        likelihood = coder.likelihood(x, vae.reparametrised(mean, log_variance, sizes.generator))
        kl = vae.gaussian_kl(mean, log_variance)
        loss = vae.vae_loss(likelihood, kl)
        step(optimiser, loss)
        return {"loss": loss.item(), "kl": kl.mean().item(), "reconstruction": -likelihood.mean().item()}

    return Method(
        {"encoder": coder.encoder, "decoder": coder.decoder},
        {"both": optimiser},
        advance,
        coder.sample,
        lambda x: coder.decoder(coder.encoder(x).chunk(2, dim=1)[0]),
    )


def _avb(sizes: Sizes) -> Method:
    """The posterior is a network of sample and noise; a discriminator of (x, z) tells it from the prior."""
    coder = _Coder(sizes, 1, extra=sizes.latent)
    judge = perceptron([sizes.dim + sizes.latent, *sizes.hidden[:2], 1])
    optimisers: dict[str, Optimizer] = {
        "coder": Adam(coder.parameters(), lr=sizes.rate or 5e-4, betas=(0.5, 0.99)),
        "judge": _adam(judge, 2 * (sizes.rate or 5e-4)),
    }

    def encoded(x: Tensor) -> Tensor:
        noise = torch.randn(len(x), sizes.latent, generator=sizes.generator)
        return coder.encoder(torch.cat([x, noise], dim=1))

    def judged(x: Tensor) -> float:
        with torch.no_grad():
            z = encoded(x)
        prior = torch.randn(z.shape, generator=sizes.generator)
        told = gan.discriminator_loss(judge(torch.cat([x, z], 1)), judge(torch.cat([x, prior], 1)))
        step(optimisers["judge"], told)
        return told.item()

    def advance(real: Draw, batch: int) -> dict[str, float]:
        told = [judged(real(batch)) for _ in range(2)]
        x = real(batch)
        z = encoded(x)
        judge.requires_grad_(False)
        likelihood = coder.likelihood(x, z)
        loss = adversarial.avb_loss(likelihood, judge(torch.cat([x, z], 1)))
        step(optimisers["coder"], loss)
        judge.requires_grad_(True)
        return {"loss": loss.item(), "judge": told[-1], "reconstruction": -likelihood.mean().item()}

    return Method(
        {"encoder": coder.encoder, "decoder": coder.decoder, "judge": judge},
        optimisers,
        advance,
        coder.sample,
        lambda x: coder.decoder(coder.encoder(torch.cat([x, x.new_zeros(len(x), sizes.latent)], 1))),
    )


def _latent_game(penalised: bool) -> Callable[[Sizes], Method]:
    """AAE, whose discriminator tells codes from prior samples; WAE, whose penalty is the MMD of an inverse multiquadric kernel."""

    def build(sizes: Sizes) -> Method:
        coder = _Coder(sizes, 1)
        both = Adam(coder.parameters(), lr=sizes.rate or 1e-3, betas=(0.5, 0.99))
        modules: dict[str, Module] = {"encoder": coder.encoder, "decoder": coder.decoder}
        optimisers: dict[str, Optimizer] = {"both": both}
        judge = perceptron([sizes.latent, 128, 128, 1])
        if not penalised:
            modules["judge"], optimisers["judge"] = judge, _adam(judge, sizes.rate or 1e-3)

        def advance(real: Draw, batch: int) -> dict[str, float]:
            x, prior = real(batch), torch.randn(batch, sizes.latent, generator=sizes.generator)
            z = coder.encoder(x)
            if penalised:
                costs = ((coder.decoder(z) - x) ** 2).sum(dim=1)
                penalty = adversarial.latent_penalty(z, prior=prior)
                loss = adversarial.pot_loss(costs, penalty, 10.0)
                step(both, loss)
                return {"loss": loss.item(), "penalty": penalty.item(), "cost": costs.mean().item()}
            told = gan.discriminator_loss(judge(z.detach()), judge(prior))
            step(optimisers["judge"], told)
            judge.requires_grad_(False)
            likelihood = coder.likelihood(x, z)
            penalty = adversarial.latent_penalty(z, logits=judge(z))
            loss = adversarial.aae_loss(likelihood, penalty)
            step(both, loss)
            judge.requires_grad_(True)
            return {"loss": loss.item(), "judge": told.item(), "reconstruction": -likelihood.mean().item()}

        return Method(modules, optimisers, advance, coder.sample, lambda x: coder.decoder(coder.encoder(x)))

    return build


class _Codes(Module):
    """A codebook, and how often each code follows each at every place: what samples are drawn by."""

    book: Tensor
    counts: Tensor

    def __init__(self, codes: int, length: int, places: int) -> None:
        super().__init__()
        self.book = torch.nn.Parameter(torch.randn(codes, length))
        self.register_buffer("counts", torch.full((places, codes, codes), 1e-3))

    def observe(self, numbers: Tensor) -> None:
        """Count codes (n, places), older counts fading."""
        self.counts.mul_(0.999)
        before = torch.zeros_like(numbers[:, 0])
        for place in range(numbers.shape[1]):
            flat = before * self.counts.shape[1] + numbers[:, place]
            self.counts[place].view(-1).index_add_(0, flat, torch.ones(len(flat)))
            before = numbers[:, place]

    def drawn(self, n: int, generator: Generator) -> Tensor:
        """Codes (n, places), each given the one before it."""
        before, found = torch.zeros(n, dtype=torch.int64), list[Tensor]()
        for table in self.counts:
            before = torch.multinomial(table[before], 1, generator=generator)[:, 0]
            found.append(before)
        return torch.stack(found, dim=1)


def _vqvae(sizes: Sizes) -> Method:
    places, length, number = 8, 4, 32
    encoder = perceptron([sizes.dim, *sizes.hidden[:2], places * length])
    decoder = perceptron([places * length, *sizes.hidden[:2], sizes.dim])
    codes = _Codes(number, length, places)
    optimiser = Adam([*encoder.parameters(), *decoder.parameters(), codes.book], lr=sizes.rate or 1e-3)

    def quantised(x: Tensor) -> tuple[Tensor, vqvae.Quantised]:
        z = encoder(x).reshape(len(x), places, length)
        return z, vqvae.quantise(z, codes.book)

    def advance(real: Draw, batch: int) -> dict[str, float]:
        x = real(batch)
        z, found = quantised(x)
        likelihood = vae.gaussian_log_likelihood(x, decoder(found.through.flatten(1)), 0.02)
        loss = vqvae.vqvae_loss(likelihood, z, found.codes)
        step(optimiser, loss)
        codes.observe(found.numbers)
        _revive(codes.book, found.numbers, z.detach(), sizes.generator)
        return {
            "loss": loss.item(),
            "reconstruction": -likelihood.mean().item(),
            "codes": float(len(found.numbers.unique())),
        }

    def sample(n: int, generator: Generator) -> Tensor:
        return decoder(codes.book[codes.drawn(n, generator)].flatten(1))

    modules: dict[str, Module] = {"encoder": encoder, "decoder": decoder, "codes": codes}
    return Method(modules, {"all": optimiser}, advance, sample, lambda x: decoder(quantised(x)[1].codes.flatten(1)))


def _revive(book: Tensor, numbers: Tensor, z: Tensor, generator: Generator) -> None:
    """A code that no encoding took in a batch jumps, now and then, to an encoding."""
    unused = torch.bincount(numbers.flatten(), minlength=len(book)) == 0
    chosen = unused & (torch.rand(len(book), generator=generator) < 0.05)
    if chosen.any():
        flat = z.reshape(-1, z.shape[-1])
        with torch.no_grad():
            book[chosen] = flat[torch.randint(len(flat), (int(chosen.sum()),), generator=generator)]


def _flow(sizes: Sizes) -> Method:
    """Flow matching along an exact coupling of each batch: the velocity at a point of the segment is its direction."""
    network = perceptron([sizes.dim + 1, 256, 256, 256, sizes.dim], torch.nn.SiLU())
    optimiser = Adam(network.parameters(), lr=sizes.rate or 2e-3)

    def velocity(x: Tensor, t: float | Tensor) -> Tensor:
        time = t if isinstance(t, Tensor) else torch.full((len(x), 1), t)
        return network(torch.cat([x, time], dim=1))

    def advance(real: Draw, batch: int) -> dict[str, float]:
        noise = torch.randn(batch, sizes.dim, generator=sizes.generator)
        pairs = nn.coupling.pair(noise, real(batch))
        t = torch.rand(batch, 1, generator=sizes.generator)
        miss = velocity((1 - t) * pairs.x0 + t * pairs.x1, t) - (pairs.x1 - pairs.x0)
        loss = (miss**2).sum(dim=1).mean()
        step(optimiser, loss)
        return {"loss": loss.item()}

    def sample(n: int, generator: Generator) -> Tensor:
        x, steps = torch.randn(n, sizes.dim, generator=generator), 50
        for k in range(steps):  # the midpoint rule
            half = x + velocity(x, k / steps) / (2 * steps)
            x = x + velocity(half, (k + 0.5) / steps) / steps
        return x

    return Method({"velocity": network}, {"velocity": optimiser}, advance, sample, velocity=velocity)


@dataclass(frozen=True)
class Recipe:
    """How a method is built, and how long and in what batches it is trained unless one says otherwise."""

    build: Callable[[Sizes], Method]
    steps: int
    batch: int
    images_only: bool = False


RECIPES = {
    "gan": Recipe(_gan("minimax"), 8_000, 256),
    "ns-gan": Recipe(_gan("non-saturating"), 8_000, 256),
    "wgan": Recipe(_clipped_wgan, 4_000, 256),
    "wgan-gp": Recipe(_penalised_wgan, 5_000, 256),
    "sinkhorn": Recipe(
        _transport(lambda x, y, _: nn.sinkhorn_loss(x, y, epsilon=0.02, p=1, tol=1e-2), 1e-3), 5_000, 256
    ),
    "sliced": Recipe(_transport(_sliced, 1e-3), 22_000, 256),
    "vae": Recipe(_vae, 6_000, 128),
    "avb": Recipe(_avb, 6_000, 128),
    "aae": Recipe(_latent_game(penalised=False), 6_000, 128),
    "wae": Recipe(_latent_game(penalised=True), 6_000, 128),
    "vqvae": Recipe(_vqvae, 6_000, 128, images_only=True),
    "ot-cfm": Recipe(_flow, 5_000, 256),
}


def built(method: str, sizes: Sizes) -> Method:
    """A method's networks for data of a dimension; raises InvalidInput for pairs that make no sense."""
    if method not in RECIPES:
        raise InvalidInput(f"method must be one of {', '.join(RECIPES)}; received {method!r}")
    if RECIPES[method].images_only and not sizes.images:
        raise InvalidInput(
            f"{method} has a table of codes for an image, and needs --data digits; a plane has no such table"
        )
    return RECIPES[method].build(sizes)


def arrays(samples: Tensor) -> np.ndarray:
    """Samples as float64."""
    return samples.detach().double().numpy()
