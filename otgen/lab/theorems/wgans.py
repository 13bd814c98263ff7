"""Wasserstein GANs: the objective, a round of the algorithm, what clipping does, and what the best critic looks like."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.optimize

from ... import laws
from ...distances import exact
from ...errors import require
from ...inputs.types import Floats
from . import independent as other
from .check import (
    CHAPTER,
    COURSE,
    LECTURE,
    PAPER,
    Found,
    at_most,
    below,
    chapter,
    equal,
    largest,
    line_layer,
    torch_and_nn,
)
from .independent import stats

check = chapter("Wasserstein GANs")


@check(
    [26, 62],
    (f"{LECTURE}, section 9.2", f"{CHAPTER}, pages 29 and 30"),
    r"\min_\theta\max_w\ \mathrm{E}_x f_w(x) - \mathrm{E}_z f_w(g_\theta(z)), \qquad w \in [-c, c]",
)
def the_objectives(rng: np.random.Generator) -> Found:
    """Critic and generator losses are the two sides of one difference of means; clipping holds every weight in its box."""
    torch, nn = torch_and_nn()
    wgan, gan = nn.objectives.wgan, nn.objectives.gan
    real, fake = rng.normal(size=20), rng.normal(size=30)
    one, two = torch.tensor(real), torch.tensor(fake)
    yield equal("critic's loss; fake mean less real mean", wgan.critic_loss(one, two).item(), fake.mean() - real.mean())
    yield equal("generator's loss; minus fake mean", wgan.generator_loss(two).item(), -fake.mean())
    by_hand = np.log(other.sigmoid(real)).mean() + np.log(1 - other.sigmoid(fake)).mean()
    yield equal("the GAN's value beside it; by hand", gan.value(one, two).item(), by_hand)
    network = torch.nn.Linear(8, 8)
    before = network.weight.detach().numpy().copy()
    wgan.Clipping(0.05).apply(network.parameters())
    yield largest("clipped weights; numpy's clip", network.weight.detach().numpy(), np.clip(before, -0.05, 0.05), 0)


@check(
    [27],
    f"{LECTURE}, section 9.3",
    r"w \leftarrow \mathrm{clip}\Big(w + \eta\nabla_w\frac1m\sum\big[f_w(x^{(i)}) - f_w(g_\theta(z^{(i)}))\big], \pm c\Big), \quad "
    r"\theta \leftarrow \theta + \eta\nabla_\theta\frac1m\sum f_w(g_\theta(z^{(i)}))",
)
def a_round_of_the_algorithm(rng: np.random.Generator) -> Found:
    """One round of the WGAN algorithm, ascent step and threshold, is the same round by hand."""
    torch, nn = torch_and_nn()
    wgan, rounds = nn.objectives.wgan, require("otgen.lab.rounds")
    x, z = rng.normal(size=(2, 8)) + 2, rng.normal(size=(3, 8))
    a, b, w, c = 0.8, 0.2, 0.3, 0.1
    generator, critic = line_layer(a, b), line_layer(w, c)
    clipping = wgan.Clipping(0.35, critic_steps=2)
    network = torch.nn.Sequential(critic, torch.nn.Tanh(), torch.nn.Flatten(0))
    game = rounds.Game(
        generator,
        network,
        lambda real, fake, *_: wgan.critic_loss(real, fake),
        wgan.generator_loss,
        torch.optim.SGD(critic.parameters(), 0.1),
        torch.optim.SGD(generator.parameters(), 0.1),
        critic_steps=clipping.critic_steps,
        after_critic=lambda: clipping.apply(critic.parameters()),
    )
    reals, noises = iter(x), iter(z)
    rounds.play(game, lambda: torch.tensor(next(reals))[:, None], lambda: torch.tensor(next(noises))[:, None])
    for k in range(2):
        fake = a * z[k] + b
        up, down = 1 - np.tanh(w * x[k] + c) ** 2, 1 - np.tanh(w * fake + c) ** 2
        slopes = float((up * x[k] - down * fake).mean()), float((up - down).mean())
        w, c = (float(np.clip(v + 0.1 * s, -0.35, 0.35)) for v, s in zip((w, c), slopes))
    down = (1 - np.tanh(w * (a * z[2] + b) + c) ** 2) * w
    a, b = a + 0.1 * float((down * z[2]).mean()), b + 0.1 * float(down.mean())
    mine = [layer_value.item() for layer in (generator, critic) for layer_value in (layer.weight, layer.bias)]
    yield largest("all four parameters", mine, [a, b, w, c], 1e-12)


@check(
    [63],
    (f"{CHAPTER}, page 30, corollary 1", f"{COURSE}, theorem 1"),
    r"|W(P, P_\theta) - W(P, P_{\theta'})| \le \mathrm{E}_z\|g_\theta(z) - g_{\theta'}(z)\|",
)
def w_is_continuous_in_the_parameters(rng: np.random.Generator) -> Found:
    """A network's W is continuous in its weights, by the mean way that samples move; noise without a first moment breaks it."""
    x, z = rng.normal(size=(100, 2)), rng.normal(size=(100, 3))
    inner, outer, step = rng.normal(size=(3, 16)), rng.normal(size=(16, 2)) / 4, rng.normal(size=(16, 2))

    def generated(t: float) -> Floats:
        return np.maximum(z @ inner, 0) @ (outer + t * step)

    start = exact.wasserstein(x, generated(0.0), p=1).value
    uniform = np.full(100, 0.01)
    yield equal(
        "W at the start; textbook program",
        start,
        other.primal(other.distances(x, generated(0.0)), uniform, uniform)[0],
        1e-9,
    )
    for t in (0.1, 0.01, 0.001):
        moved = exact.wasserstein(x, generated(t), p=1).value
        way = float(np.linalg.norm(generated(t) - generated(0.0), axis=1).mean())
        yield at_most(f"step {t:g}: change of W; mean way", abs(moved - start), way, 1e-12)
    yield equal("Cauchy noise: W", laws.on_the_line(stats.cauchy(), stats.norm(), 1).value, math.inf, 0)
    way = float(2 * stats.norm().pdf(3) + 3 * (2 * stats.norm().cdf(3) - 1))  # E|3 + z|, of quantiles 3 + 2 z and z
    yield equal("Gaussian noise: W", laws.on_the_line(stats.norm(3, 2), stats.norm(), 1).value, way, 1e-9)


@check([89], f"{COURSE}, Kantorovich-Rubinstein duality", r"|f_\phi(x) - f_\phi(y)| \le \prod_l\|W_l\|\,|x - y|")
def compact_weights_are_lipschitz(rng: np.random.Generator) -> Found:
    """A network with bounded weights is Lipschitz: no pair of points is steeper than the product of its layers' norms."""
    torch, nn = torch_and_nn()
    with require("otgen.nn._modes").seeded(int(rng.integers(2**31))):
        network = nn.critics.networks.Perceptron(3, 32, 2, torch.nn.ReLU()).double()
    bound = nn.critics.lipschitz_bound(network)
    norms = [np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False)[0] for layer in network.layers]
    yield equal("bound; product of largest singular values", bound, math.prod(norms), 1e-6 * bound)
    x, y = rng.normal(size=(2, 20_000, 3)) * np.exp(rng.normal(size=(2, 20_000, 1)) * 3)
    with torch.no_grad():
        rise = (network(torch.tensor(x)) - network(torch.tensor(y))).abs().numpy()
    yield at_most("steepest of 20 000 pairs; bound", float((rise / np.linalg.norm(x - y, axis=1)).max()), bound)


@check(
    [90],
    f"{COURSE}, Wasserstein GAN: weight clipping",
    r"\|W_l\| \le c\sqrt{n_{in} n_{out}}: \qquad 2\text{-}512\text{-}512\text{-}512\text{-}1:\ 1.9\ (c = 0.01),\ 1.9\cdot10^8\ (c = 1)",
)
def clipping_too_little_or_too_much(rng: np.random.Generator) -> Found:
    """What clipping allows a critic grows with c to the power of its depth: a hundredfold c is a hundred million times the slope."""
    torch, nn = torch_and_nn()
    network = nn.critics.networks.Perceptron(2, 512, 3, torch.nn.ReLU()).double()
    sizes = [(2, 512), (512, 512), (512, 512), (512, 1)]
    for c in (0.01, 1.0):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(2.0)
        nn.objectives.wgan.Clipping(c).apply(network.parameters())  # all weights at the corner of the box
        product = math.prod(c * math.sqrt(n * m) for n, m in sizes)
        yield equal(
            f"c = {c:g}: bound of the network; product", nn.critics.lipschitz_bound(network), product, 1e-6 * product
        )
        yield equal(f"c = {c:g}: the slope it has; product", _slope(torch, network), product, 1e-6 * product)


def _slope(torch: Any, network: Any) -> float:
    x = torch.tensor([[1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(network(x).sum(), x)
    return float(slope.norm())


@check(
    [],
    (f"{PAPER}, section 3", f"{COURSE}, Wasserstein GAN: weight clipping"),
    r"\max_{|w_k| \le c}\ \mathrm{E}_x\,w\cdot x - \mathrm{E}_y\,w\cdot y = c|v|_1 \le K W_1, \qquad K = c\sqrt d",
)
def the_clipped_linear_critic(rng: np.random.Generator) -> Found:
    """Between a law and its translate the clipped linear critic reaches c times the 1-norm of the way: less than K W unless the way is diagonal."""
    torch, nn = torch_and_nn()
    wgan, c = nn.objectives.wgan, 0.01
    for v in (np.array([3.0, -1.0, 0.5]), np.array([1.0, -1.0, 1.0])):
        y = rng.normal(size=(50, 3))
        x = y + v
        critic = torch.nn.Linear(3, 1).double()
        optimiser, clipping = torch.optim.SGD(critic.parameters(), 1e-3), wgan.Clipping(c)
        for _ in range(100):
            loss = wgan.critic_loss(critic(torch.tensor(x)), critic(torch.tensor(y)))
            require("otgen.lab.rounds").step(optimiser, loss)
            clipping.apply(critic.parameters())
        gain = -wgan.critic_loss(critic(torch.tensor(x)), critic(torch.tensor(y))).item()
        yield equal("trained critic; c |v|_1", gain, c * float(np.abs(v).sum()), 1e-9)
        distance = exact.wasserstein(x, y, p=1).value
        yield equal("W_1; |v|", distance, float(np.linalg.norm(v)), 1e-12)
        yield at_most("what it reaches; K W_1", gain, c * math.sqrt(3) * distance, 1e-12)


@check(
    [],
    (f"{PAPER}, section 3", "Improved training of Wasserstein GANs (Gulrajani et al., 2017), proposition 1"),
    r"\|\nabla f^*(x_t)\| = 1, \qquad x_t = (1 - t)x + t y, \ (x, y) \sim \gamma^*",
)
def unit_gradients_along_rays(rng: np.random.Generator) -> Found:
    """The best critic has a gradient of norm one along every segment that joins coupled points, in their direction."""
    pair = laws.Funnels.random(8, 3, rng=rng)
    x, y = pair.sample(300, rng=rng)
    apart = np.linalg.norm(x - y, axis=1)
    for t in (0.1, 0.5, 0.9):
        points = (1 - t) * x + t * y
        yield largest(f"t = {t:g}: norm of the gradient", np.linalg.norm(pair.gradient(points), axis=1), 1.0, 1e-10)
        h = 1e-3
        along = [pair.critic(points + s * h * (y - x)) for s in (-1, 1)]
        inside = apart > 1e-6
        yield largest(
            f"t = {t:g}: slope along the segment", ((along[0] - along[1]) / (2 * h * apart))[inside], 1.0, 1e-9
        )
    plan = exact.wasserstein(x[:60], y[:60], p=1)
    gain = float(pair.critic(x[:60]).mean() - pair.critic(y[:60]).mean())
    yield equal("what that critic earns; W_1 of the samples", gain, plan.value, 1e-12)


@check(
    [30], f"{LECTURE}, section 9.4, figure 9.1", r"W_2(\text{held out}, P_\theta) < W_2(\text{held out}, \text{noise})"
)
def samples_of_a_wgan(rng: np.random.Generator) -> Found:
    """A Wasserstein GAN with clipped weights, trained for a moment on digits: its samples are nearer to digits that it has not seen
    than images of noise are (the picture is in the gallery).
    """
    training = require("otgen.lab.training")
    run = training.train("wgan", "digits", steps=25, batch_size=64, seed=int(rng.integers(2**31)))
    held_out, samples = run.data.held_out(64, rng), run.snapshots[max(run.snapshots)]
    found: list[float] = []
    for name, images in (("trained", samples), ("noise", rng.random((64, 64)))):
        found.append(exact.wasserstein(images, held_out, p=2).value)
        squares = other.distances(images, held_out) ** 2
        rows, columns = scipy.optimize.linear_sum_assignment(squares)
        yield equal(
            f"{name}: W_2 of 64 images; by assignment", found[-1], math.sqrt(squares[rows, columns].mean()), 1e-9
        )
    yield below("trained; noise", found[0], found[1], 0.2)
