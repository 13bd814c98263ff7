"""What samples do to distances: rates, biases, and the bias of entropic transport."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ... import divergences as div
from ... import laws
from ...distances import entropic, exact
from . import independent as other
from .check import CHAPTER, COURSE, PAPER, Found, Sides, below, chapter, equal
from .independent import stats

check = chapter("Samples and rates")


@check(
    [],
    (
        f"{COURSE}, Kantorovich-Rubinstein duality",
        "Bobkov, Ledoux, One-dimensional empirical measures, 2019, theorem 3.2",
    ),
    r"\sqrt n\,\mathrm{E} W_1(P_n, P) \to \int\sqrt{\tfrac2\pi x(1 - x)}\,dx = \tfrac{\sqrt{2\pi}}{8}, \qquad "
    r"\sqrt n\,\mathrm{E} W_1(P_n, Q_n) \to \tfrac{\sqrt{\pi}}{4}",
)
def uniform_samples(rng: np.random.Generator) -> Found:
    """Samples of U[0, 1] are .3133 / sqrt n from it in the mean, and .4431 / sqrt n from one another."""
    n, times = 200, 50
    one, two = np.empty(times), np.empty(times)
    for k in range(times):
        x, y = rng.random(n), rng.random(n)
        one[k] = laws.semi_discrete(x, None, stats.uniform(), 1).value
        two[k] = exact.wasserstein(x, y, p=1).value
    bridge = other.integral(lambda t: math.sqrt(2 / math.pi * t * (1 - t)), 0, 1)
    for name, values, limit in (("one sample", one, bridge), ("two samples", two, math.sqrt(2) * bridge)):
        scaled = math.sqrt(n) * values
        yield equal(f"{name}: sqrt(n) mean W; its limit", scaled.mean(), limit, 4 * scaled.std() / math.sqrt(times))


@check(
    [],
    (
        f"{COURSE}, Kantorovich-Rubinstein duality",
        "Fournier, Guillin, On the rate of convergence in Wasserstein distance, 2015, theorem 1",
    ),
    r"\mathrm{E} W_1(P_n, Q_n) = O(n^{-1/2})\ (d = 1), \quad O(n^{-1/d})\ (d \ge 3)",
)
def rates_by_dimension(rng: np.random.Generator) -> Found:
    """The distance between two samples of one law falls like n^(-1/2) on the line and about n^(-1/d) in higher dimension."""
    sizes = (100, 1000, 10_000)
    yield _exponent(1, sizes, lambda n: exact.wasserstein(rng.random(n), rng.random(n), p=1).value, 100, -1 / 2, 0.05)

    def on_a_torus(n: int, d: int) -> float:
        """On a cube with opposite faces joined: samples of a law with an edge fall faster at first."""
        gaps = np.abs(rng.random((n, 1, d)) - rng.random((1, n, d)))
        return exact.transport(np.sqrt((np.minimum(gaps, 1 - gaps) ** 2).sum(axis=2))).value

    # Tolerances below half of what separates the exponent from those of the dimensions beside.
    for d, tolerance in ((3, 0.04), (6, 0.0115)):
        yield _exponent(d, (50, 150, 450), lambda n, d=d: on_a_torus(n, d), 10, -1 / d, tolerance)


def _exponent(
    d: int, sizes: tuple[int, ...], draw: Callable[[int], float], times: int, exponent: float, tolerance: float
) -> Sides:
    means = [np.mean([draw(n) for _ in range(times)]) for n in sizes]
    fitted = float(np.polyfit(np.log(sizes), np.log(means), 1)[0])
    return equal(f"d = {d}: fitted exponent", fitted, exponent, tolerance)


@check(
    [],
    (f"{CHAPTER}, page 30", f"{PAPER}, section 3"),
    r"\mathrm{E} W(P_m, Q_m) \ge W(P, Q), \qquad \mathrm{E} W(P_m, Q_m) \downarrow W(P, Q)",
)
def minibatch_bias(rng: np.random.Generator) -> Found:
    """The mean W of minibatches is above that of the laws, and comes down to it as batches grow."""
    way = np.array([0.3, 0.4, 0.0, 0.0, 0.0])
    pair = laws.translation(lambda n, generator: generator.normal(size=(n, 5)), way)
    truth, means = pair.wasserstein(1).value, list[float]()
    x = rng.normal(size=(100, 5))
    yield equal("W of the laws; of a sample and itself moved", truth, exact.wasserstein(x, x + way, p=1).value)
    for m, times in ((8, 60), (32, 40), (128, 15), (384, 3)):
        values = [exact.wasserstein(*pair.sample(m, rng), p=1).value for _ in range(times)]
        means.append(float(np.mean(values)))
        yield below(f"W of the laws; mean W of batches of {m}", truth, means[-1])
    for k, m in enumerate((32, 128, 384)):
        yield below(f"mean W of batches of {m}; of smaller ones", means[k + 1], means[k])


@check(
    [],
    "Janati, Muzellec, Peyre, Cuturi, Entropic optimal transport between unbalanced Gaussian measures, 2020",
    r"S_\varepsilon(N(0, A), N(0, B)) - W_2^2 = O(\varepsilon^2)",
)
def debiased_sinkhorn(rng: np.random.Generator) -> Found:
    """The debiased divergence of Gaussians misses W_2^2 by a multiple of epsilon^2: a quarter a halving; a grid shows the same."""
    source, target = div.Gaussian(0.0, 1.0), div.Gaussian(0.0, 4.0)
    truth = (2.0 - 1.0) ** 2
    misses = [laws.entropic_gaussian_divergence(source, target, e) - truth for e in (0.2, 0.1, 0.05, 0.025)]
    for k in range(3):
        yield equal(f"ratio of misses, halving {k + 1}", misses[k] / misses[k + 1], 4.0, 0.005)
    x = np.linspace(-14, 14, 81)  # equal steps: exact to rounding for what falls off so fast
    a, b = other.normal(x), other.normal(x, 0.0, 2.0)
    for e in (1.0, 2.0):
        found = entropic.sinkhorn_divergence(x, x, a / a.sum(), b / b.sum(), epsilon=e, tol=1e-8, max_iter=20_000).value
        yield equal(
            f"epsilon = {e:g}: on a grid; closed form",
            found,
            laws.entropic_gaussian_divergence(source, target, e),
            1e-6,
        )
