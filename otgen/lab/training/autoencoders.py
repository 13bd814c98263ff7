"""Auto-encoders of the notes: VAE, AVB, AAE, WAE and VQ-VAE, each as networks and one step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor
from torch.nn import Module
from torch.optim import Adam, Optimizer

from ...nn.objectives import adversarial, gan, vae, vqvae
from ..networks import perceptron
from ..rounds import step
from .methods import Draw, Method, Sizes, adam


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
        mean = self.decoder(torch.randn(n, self.sizes.latent, generator=generator, dtype=torch.float32))
        if self.sizes.images:
            return mean
        return mean + math.sqrt(self.variance) * torch.randn(mean.shape, generator=generator, dtype=torch.float32)

    def parameters(self) -> list[Tensor]:
        """Of both networks."""
        return [*self.encoder.parameters(), *self.decoder.parameters()]


def vae_method(sizes: Sizes) -> Method:
    """Gaussian posteriors, closed-form KL, reparametrised samples."""
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


def avb_method(sizes: Sizes) -> Method:
    """The posterior is a network of sample and noise; a discriminator of (x, z) tells it from the prior."""
    coder = _Coder(sizes, 1, extra=sizes.latent)
    judge = perceptron([sizes.dim + sizes.latent, *sizes.hidden[:2], 1])
    optimisers: dict[str, Optimizer] = {
        "coder": Adam(coder.parameters(), lr=sizes.rate or 5e-4, betas=(0.5, 0.99)),
        "judge": adam(judge, 2 * (sizes.rate or 5e-4)),
    }

    def encoded(x: Tensor) -> Tensor:
        noise = torch.randn(len(x), sizes.latent, generator=sizes.generator, dtype=torch.float32)
        return coder.encoder(torch.cat([x, noise], dim=1))

    def judged(x: Tensor) -> float:
        with torch.no_grad():
            z = encoded(x)
        prior = torch.randn(z.shape, generator=sizes.generator, dtype=torch.float32)
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


def latent_game_method(penalised: bool) -> Callable[[Sizes], Method]:
    """AAE, whose discriminator tells codes from prior samples; WAE, whose penalty is the MMD of an inverse multiquadric kernel."""

    def build(sizes: Sizes) -> Method:
        coder = _Coder(sizes, 1)
        both = Adam(coder.parameters(), lr=sizes.rate or 1e-3, betas=(0.5, 0.99))
        modules: dict[str, Module] = {"encoder": coder.encoder, "decoder": coder.decoder}
        optimisers: dict[str, Optimizer] = {"both": both}
        judge = perceptron([sizes.latent, 128, 128, 1])
        if not penalised:
            modules["judge"], optimisers["judge"] = judge, adam(judge, sizes.rate or 1e-3)

        def advance(real: Draw, batch: int) -> dict[str, float]:
            x, prior = real(batch), torch.randn(batch, sizes.latent, generator=sizes.generator, dtype=torch.float32)
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
        self.book = torch.nn.Parameter(torch.randn(codes, length, dtype=torch.float32))
        self.register_buffer("counts", torch.full((places, codes, codes), 1e-3, dtype=torch.float32))

    def observe(self, numbers: Tensor) -> None:
        """Count codes (n, places), older counts fading."""
        self.counts.mul_(0.999)
        before = torch.zeros_like(numbers[:, 0])
        for place in range(numbers.shape[1]):
            flat = before * self.counts.shape[1] + numbers[:, place]
            self.counts[place].view(-1).index_add_(0, flat, torch.ones(len(flat), dtype=torch.float32))
            before = numbers[:, place]

    def drawn(self, n: int, generator: Generator) -> Tensor:
        """Codes (n, places), each given the one before it."""
        before, found = torch.zeros(n, dtype=torch.int64), list[Tensor]()
        for table in self.counts:
            before = torch.multinomial(table[before], 1, generator=generator)[:, 0]
            found.append(before)
        return torch.stack(found, dim=1)


def vqvae_method(sizes: Sizes) -> Method:
    """Eight codes of 32 an image; samples draw each code given the one before it, as often as training saw it."""
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
    chosen = unused & (torch.rand(len(book), generator=generator, dtype=torch.float32) < 0.05)
    if chosen.any():
        flat = z.reshape(-1, z.shape[-1])
        with torch.no_grad():
            book[chosen] = flat[torch.randint(len(flat), (int(chosen.sum()),), generator=generator)]
