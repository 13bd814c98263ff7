"""Errata of "Deep Generative Models, Lecture 6"."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .... import divergences as div
from ....distances import exact
from ... import inference
from .. import independent as other
from ..check import COURSE, Found, arithmetic, as_printed, at_most, below, equal, torch_and_nn
from ..independent import stats
from ..variational import two_modes
from .erratum import erratum

LOG2, LOG4 = math.log(2.0), math.log(4.0)


@erratum(
    f"{COURSE}, GAN optimality",
    "JSD could be used as a distance",
    "its square root is one; JSD violates the triangle inequality",
)
def jsd_is_no_distance(rng: np.random.Generator) -> Found:
    """From one side to the other by the middle is shorter than at once."""
    p, m, q = [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]
    way, leg = div.js(p, q).value, div.js(p, m).value
    yield as_printed(at_most("JSD(p, q); by the middle", way, 2 * leg))
    yield equal("its figures", 2 * leg, 0.432, 1e-3)
    yield at_most("roots: at once; by the middle", math.sqrt(way), 2 * math.sqrt(leg))


@erratum(
    f"{COURSE}, GAN optimality",
    "JSD is the symmetric KL divergence",
    "that is Jeffreys' divergence; JSD goes by the mixture",
)
def jeffreys(rng: np.random.Generator) -> Found:
    """The mean of both KL divergences is another number, infinite where JSD is not."""
    p, q = other.pmf(rng, 2, 4)
    m = (p + q) / 2
    yield as_printed(
        equal(
            "JSD; (KL + reversed KL) / 2", div.js(p, q).value, (other.relative(p, q) + other.relative(q, p)) / 2, 1e-4
        )
    )
    yield equal("JSD; by the mixture", div.js(p, q).value, (other.relative(p, m) + other.relative(q, m)) / 2)


@erratum(
    f"{COURSE}, expectations",
    "with an optimal discriminator the generator converges to the data",
    "not by gradient steps: on disjoint supports it has no gradient",
)
def no_guarantee_by_gradients(rng: np.random.Generator) -> Found:
    """The value against the best discriminator is flat where supports are apart."""
    slope = other.slope(lambda t: 2 * div.js(stats.uniform(0, 1), stats.uniform(t, 1)).value, 2.0, 1e-2)
    yield equal("JS there; log 2", div.js(stats.uniform(0, 1), stats.uniform(2, 1)).value, LOG2, 1e-10)
    yield as_printed(below("0; size of the generator's gradient", 0.0, abs(slope), 1e-3))
    yield equal("the generator's gradient", slope, 0.0, 1e-9)


@erratum(f"{COURSE}, recap: VQ-VAE", "the KL term is log K", "h w log K for h x w codes")
def one_log_k_a_code(rng: np.random.Generator) -> Found:
    """Each of the h w codes of an image costs log K."""
    torch, nn = torch_and_nn()
    elbo = nn.objectives.vqvae.elbo(torch.zeros(1).double(), 16, 12).item()
    codes = math.log(math.prod([16] * 12))  # of 16^12 equally likely tables
    yield as_printed(equal("KL; log K", -elbo, math.log(16), 1e-6))
    yield equal("KL; log of the number of tables", -elbo, codes, 1e-10)


@erratum(f"{COURSE}, likelihood-free learning", "p(y = 1 | x) = 1/2 when the laws are equal", "n_1 / (n_1 + n_2)")
def one_half_for_equal_classes(rng: np.random.Generator) -> Found:
    """With three real samples for each fake one the best classifier says three quarters."""
    torch, nn = torch_and_nn()
    p = torch.tensor(other.pmf(rng, 4))
    share = float(other.sigmoid(nn.objectives.gan.optimal_logit((3 * p).log(), p.log()).numpy()[0]))
    yield as_printed(equal("3:1; 1/2", share, 0.5, 1e-6))
    yield equal("3:1; 3/4", share, 0.75)


@erratum(
    f"{COURSE}, informal theoretical results",
    "disjoint supports have a smooth optimal discriminator",
    "closed supports apart from each other do",
)
def touching_supports(rng: np.random.Generator) -> Found:
    """U[0, 1] and U[1, 2] touch: a discriminator of slope s misses the supremum by .307 / s, and none attains it."""
    torch, nn = torch_and_nn()
    t = (torch.arange(1_000_000, dtype=torch.float64) + 0.5) / 1_000_000
    for sharp, figure in ((10.0, -0.031), (100.0, -0.0031)):
        logits = torch.logit((0.5 + sharp * t).clamp(max=1.0)).clamp(max=700.0)
        value = nn.objectives.gan.value(logits, -logits).item()
        yield equal(f"slope {sharp:g}: V", value, figure, 1e-3 * 10 / sharp)
        yield as_printed(equal(f"slope {sharp:g}: V; 0", value, 0.0, 1e-6))
    apart = 400 * (1.5 - t)
    yield equal("apart by 1: V", nn.objectives.gan.value(apart, 400 * (1.5 - (2 + t))).item(), 0.0, 1e-80)


@erratum(
    f"{COURSE}, mode covering and mode seeking",
    "JSD seeks a mode",
    "for modes +-a of deviation 1 only from a = 4.24; it covers below",
)
def when_jsd_seeks(rng: np.random.Generator) -> Found:
    """The best fit by JSD covers both modes until they are far apart."""

    def mean(a: float) -> float:
        fits = [inference.fit_gaussian(two_modes(a), "js", start) for start in ((0.0, a), (a, 1.0))]
        return abs(min(fits, key=lambda fit: fit.divergence).mean)

    yield as_printed(below("a = 4: half of a; mean of the best fit", 2.0, mean(4.0)))
    yield equal("a = 4.2: mean of the best fit", mean(4.2), 0.0, 1e-4)
    yield equal("a = 4.3: mean of the best fit; a mode", mean(4.3), 4.3, 0.05)


@erratum(
    f"{COURSE}, informal theoretical results",
    "samples lie on a manifold of the dimension of z",
    "if G is an embedding; where its rank drops there is a cusp",
)
def a_cusp(rng: np.random.Generator) -> Found:
    """Z to (z^2, z^3) has a cusp: its Jacobian vanishes at 0; that of z to (z, z^2) nowhere."""

    def rank(curve: Callable[[float], tuple[float, float]]) -> int:
        jacobian = [[other.slope(lambda t, k=k: curve(t)[k], 0.0, 1e-3)] for k in range(2)]
        return int(np.linalg.matrix_rank(jacobian, tol=1e-5))

    yield as_printed(equal("rank at the cusp; dim z", rank(lambda t: (t * t, t**3)), 1))
    yield arithmetic(equal("rank of an embedding; dim z", rank(lambda t: (t, t * t)), 1))


@erratum(f"{COURSE}, Wasserstein distance (discrete)", "W = sum P |i - j|", "the least such sum over all plans")
def a_missing_minimum(rng: np.random.Generator) -> Found:
    """Of any plan the sum is an upper bound; that of the independent plan is not the distance."""
    p, q, k = other.pmf(rng, 5), other.pmf(rng, 5), np.arange(5.0)
    cost = np.abs(k[:, None] - k)
    value = exact.transport(cost, p, q).value
    yield as_printed(equal("independent plan; W", float(p @ cost @ q), value, 1e-6))
    yield equal("least over plans; W", other.primal(cost, p, q)[0], value)


@erratum(f"{COURSE}, Wasserstein distance (continuous)", "inf |x - y| gamma(x, y) dx dy", "inf of its integral")
def a_missing_integral(rng: np.random.Generator) -> Found:
    """An infimum of the integrand at a point is 0; that of its sum is the distance."""
    x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [5.0]])
    value = exact.wasserstein(x, y, p=1).value
    integrand = np.full((2, 2), 0.25) * other.distances(x, y)
    plans = [np.array([[t, 0.5 - t], [0.5 - t, t]]) for t in (0.0, 0.25, 0.5)]
    yield as_printed(
        equal("least integrand; W", min(float((w * other.distances(x, y)).min()) for w in plans), value, 1e-6)
    )
    yield equal("least sum; W", min(float((w * other.distances(x, y)).sum()) for w in plans), value)
    yield arithmetic(below("one entry; the sum", float(integrand.max()), float(integrand.sum())))


@erratum(
    f"{COURSE}, Kantorovich-Rubinstein duality",
    "samples give a Monte Carlo estimate of W",
    "one that is too large in the mean",
)
def samples_overestimate(rng: np.random.Generator) -> Found:
    """Two samples of one law are apart."""
    pairs = rng.normal(size=(40, 2, 50, 3))
    values = [exact.wasserstein(x, y, p=1).value for x, y in pairs]
    uniform = np.full(50, 0.02)
    yield equal(
        "one of them; textbook program", values[0], other.primal(other.distances(*pairs[0]), uniform, uniform)[0], 1e-9
    )
    mean, error = float(np.mean(values)), float(np.std(values)) / math.sqrt(40)
    yield as_printed(equal("mean W of 40 pairs of samples; 0", mean, 0.0, 4 * error))
    yield below("0; the mean less four standard errors", 0.0, mean - 4 * error)


@erratum(
    f"{COURSE}, Wasserstein GAN",
    "min W = min max over clipped critics",
    "it approximates K W, with the family's own constant",
)
def the_constant_of_the_family(rng: np.random.Generator) -> Found:
    """A linear critic on the line with weight at most .01 reaches .01 W."""
    x, y, c = rng.normal(size=20), rng.normal(size=20), 0.01
    x = y + np.abs(x)  # all to one side: a linear critic is optimal
    value = exact.wasserstein(x, y, p=1).value
    best = max(w * float(x.mean() - y.mean()) for w in (-c, c))
    yield as_printed(equal("best clipped critic; W", best, value, 1e-6))
    yield equal("best clipped critic; K W", best, c * value)
