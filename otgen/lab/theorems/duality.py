"""Duality: plans from above, potentials and Lipschitz functions from below, and what gluing gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...distances import exact
from ...inputs import scalars
from ...inputs.types import Floats
from ...model.cost import MetricName
from . import independent as other
from .check import (
    CHAPTER,
    COOKBOOK,
    COURSE,
    LECTURE,
    PAPER,
    SLIDES,
    Found,
    Sides,
    at_most,
    below,
    chapter,
    differ,
    equal,
    largest,
)

check = chapter("Duality")


def _clouds(rng: np.random.Generator, n: int, m: int, d: int = 2) -> tuple[Floats, Floats, Floats, Floats]:
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5, other.pmf(rng, n), other.pmf(rng, m)


def _critic(f: Floats, x: Floats) -> Callable[[Floats], Floats]:
    """The least 1-Lipschitz function that is at least f on x."""
    return lambda points: (f[None] - other.distances(points, x)).max(axis=1)


@check(
    [12],
    f"{SLIDES}, approximating W_p",
    r"\inf_{\gamma\in\Pi(\mu,\nu)}\mathrm{E}_\gamma c = \sup_{\varphi(x) + \psi(y) \le c(x, y)} \mathrm{E}_\mu\varphi + \mathrm{E}_\nu\psi",
)
def kantorovich_duality(rng: np.random.Generator) -> Found:
    """The cheapest plan costs what the best pair of potentials earns, and potentials meet the cost wherever the plan has mass."""
    x, y, a, b = _clouds(rng, 9, 7)
    base = other.distances(x, y)
    for p in (1, 1.5, 2, 3):
        found = exact.wasserstein(x, y, a, b, p=p)
        yield from _two_programs(f"p = {p:g}", found, base**p, a, b)
    cost = rng.random((9, 7))
    yield from _two_programs("a random cost", exact.transport(cost, a, b), cost, a, b)


def _two_programs(what: str, found: Any, cost: Floats, a: Floats, b: Floats) -> Found:
    f, g = (np.asarray(z) for z in found.potentials)
    room = cost - f[:, None] - g
    plan = found.plan.todense()
    yield equal(f"{what}: cost; the dual program", found.cost, other.dual(cost, a, b)[0], 1e-9)
    yield equal(f"{what}: potentials earn; the primal program", float(a @ f + b @ g), other.primal(cost, a, b)[0], 1e-9)
    yield at_most(f"{what}: potentials exceed the cost by", -float(room.min()), 0.0, 1e-12)
    yield equal(f"{what}: largest room where the plan has mass", float(room[plan > 0].max()), 0.0, 1e-12)


@check(
    [13, 20, 96],
    (
        f"{SLIDES}, approximating W_p",
        f"{LECTURE}, section 9.1",
        f"{CHAPTER}, page 27",
        f"{COOKBOOK}, equations (1), (2)",
    ),
    r"W_1(\mu, \nu) = \sup_{\|f\|_L \le 1}\mathrm{E}_\mu f - \mathrm{E}_\nu f",
)
def kantorovich_rubinstein(rng: np.random.Generator) -> Found:
    """For a distance as cost one 1-Lipschitz function does for both potentials; for its square it does not."""
    for d in (1, 2, 5):
        x, y, a, b = _clouds(rng, 8, 6, d)
        points = np.concatenate([x, y])
        mass = np.concatenate([a, -b])
        best, _ = other.lipschitz(other.distances(points, points), mass)
        found = exact.wasserstein(x, y, a, b, p=1)
        yield equal(f"W_1 in dimension {d}; Lipschitz program", found.value, best, 1e-9)
    squared = exact.wasserstein([0.0], [2.0], p=2).cost
    best, _ = other.lipschitz(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([-1.0, 1.0]))
    yield equal("W_2^2 of Diracs at 0 and 2", squared, 4.0)
    yield differ("W_2^2; the best 1-Lipschitz function", squared, best, 1.0)


@check(
    [14, 25],
    (f"{SLIDES}, approximating W_p", f"{LECTURE}, section 9.2"),
    r"\frac{1}{L}\Big(\frac1m\sum f(x_i) - \frac1m\sum f(y_j)\Big) \le W_1, \qquad \max_w \mathrm{E} f_w(x) - \mathrm{E} f_w(y) \le W_1",
)
def any_critic_is_a_lower_bound(rng: np.random.Generator) -> Found:
    """Whatever a critic says of two samples, over its Lipschitz constant, is at most their W_1; so is the best of any family."""
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) * 0.5 + 1
    truth = exact.wasserstein(x, y, p=1).value
    yield equal(
        "W_1; textbook program",
        truth,
        other.primal(other.distances(x, y), np.full(40, 1 / 40), np.full(40, 1 / 40))[0],
        1e-9,
    )
    points = np.concatenate([x, y])
    apart = other.distances(points, points) + np.eye(80)
    values: list[float] = []
    for _ in range(200):
        weights, inner = rng.normal(size=16), rng.normal(size=(3, 16))
        f = np.maximum(points @ inner + rng.normal(size=16), 0) @ weights
        constant = float((np.abs(f[:, None] - f) / apart).max())
        values.append(float(f[:40].mean() - f[40:].mean()) / constant)
    yield at_most("best of 200 random networks over their constants; W_1", max(values), truth)
    linear = float(np.linalg.norm(x.mean(0) - y.mean(0)))  # attained by the critic in the direction of that difference
    yield at_most("best of all linear critics of norm 1; W_1", linear, truth)


@check(
    [17],
    f"{LECTURE}, section 9.1",
    r"W = \inf_\Gamma \int P_r(x)\,dx \int \Gamma(y|x)\,\|y - x\|\,dy, \qquad \int\Gamma(\cdot|x) P_r(x)\,dx = P_\theta",
)
def kernels_and_plans(rng: np.random.Generator) -> Found:
    """Moving each point by a kernel is the same as a plan, when what arrives is the target's law."""
    x, y, a, b = _clouds(rng, 6, 8)
    found = exact.wasserstein(x, y, a, b, p=1)
    kernel = found.plan.todense() / a[:, None]
    yield largest("each kernel has mass 1", kernel.sum(axis=1), 1.0)
    yield largest("what arrives; the target", a @ kernel, b)
    moved = float(a @ (kernel * other.distances(x, y)).sum(axis=1))
    yield equal("mean way by kernels; textbook program over plans", moved, other.primal(other.distances(x, y), a, b)[0])
    nearest = other.distances(x, y).min(axis=1) @ a
    yield below("without the target's law, the nearest point", float(nearest), moved)


@check(
    [24],
    f"{LECTURE}, section 9.2",
    r"W(P_r, P_\theta) = \mathrm{E}_{x \sim P_r} f'(x) - \mathrm{E}_{z \sim P} f'(g_\theta(z))",
)
def the_optimal_critic(rng: np.random.Generator) -> Found:
    """The function that attains the supremum turns W into a difference of means, over real and over generated samples."""
    z, x = rng.normal(size=(30, 2)), rng.normal(size=(30, 2)) + 1
    fake = np.tanh(z @ rng.normal(size=(2, 2))) + 0.2 * z
    found = exact.wasserstein(x, fake, p=1)
    f, _ = (np.asarray(side) for side in found.potentials)

    critic = _critic(f, x)
    gain = float(critic(x).mean() - critic(fake).mean())
    yield equal(
        "difference of means; textbook program",
        gain,
        other.primal(other.distances(x, fake), np.full(30, 1 / 30), np.full(30, 1 / 30))[0],
        1e-9,
    )


@check(
    [28],
    (f"{LECTURE}, section 9.3", f"{PAPER}, theorem 3"),
    r"\nabla_\theta W(P_r, P_\theta) = -\mathrm{E}_z \nabla_\theta f(g_\theta(z))",
)
def the_gradient_of_w(rng: np.random.Generator) -> Found:
    """The gradient of W in the generator's parameters is that of the optimal critic, held still (the envelope theorem)."""
    x, z = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    theta, along = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))

    def generated(t: float) -> Floats:
        return z @ (theta + t * along) + 2.0

    found, fake = exact.wasserstein(x, generated(0.0), p=1), generated(0.0)
    gradients = found.gradients(of="cost")
    f, _ = (np.asarray(side) for side in found.potentials)

    critic = _critic(f, x)
    partners = x[found.plan.todense().argmax(axis=0)]
    rays = (partners - fake) / np.linalg.norm(partners - fake, axis=1, keepdims=True)
    middles, h = (partners + fake) / 2, 1e-6
    slopes = (critic(middles + h * rays) - critic(middles - h * rays)) / (2 * h)
    yield largest("slope of the critic towards the partner of each sample; 1", slopes, 1.0, 1e-6)
    yield largest(
        "gradient in the samples; minus the critic's, over their number", np.asarray(gradients.y), -rays / 20, 1e-12
    )
    mine = float((np.asarray(gradients.y) * (z @ along)).sum())
    uniform = np.full(20, 1 / 20)
    yield equal(
        "envelope; finite difference of the textbook program",
        mine,
        other.slope(lambda t: other.primal(other.distances(x, generated(t)), uniform, uniform)[0], 0.0, 1e-6),
        1e-6,
    )


@check(
    [58],
    f"{CHAPTER}, pages 24 to 26",
    r"\sum_j w_{ij} = a_i,\ \sum_i w_{ij} = b_j, \qquad W(\mu, \nu) = \min_w \sum_{ij} w_{ij} d(x_i, y_j)",
)
def split_move_merge(rng: np.random.Generator) -> Found:
    """Three points moved into four: all seven constraints on the plan, and its cost is the mean distance of a coupled pair."""
    x, y, a, b = _clouds(rng, 3, 4)
    cost = other.distances(x, y)
    found = exact.wasserstein(x, y, a, b, p=1)
    plan = found.plan.todense()
    yield largest("three sums of rows", plan.sum(axis=1), a, 1e-15)
    yield largest("four sums of columns", plan.sum(axis=0), b, 1e-15)
    yield at_most("smallest entry", -float(plan.min()), 0.0)
    yield equal(
        "mean distance under the plan; least cost by a textbook program",
        float((plan * cost).sum()),
        other.primal(cost, a, b)[0],
    )
    yield below("the least cost; that of the independent plan", found.cost, float(a @ cost @ b))


@check(
    [84],
    f"{COURSE}, Wasserstein distance (discrete)",
    r"\min_P \sum_{ij} P_{ij}\,|i - j| = \sum_k \Big|\sum_{i \le k}(p_i - q_i)\Big|",
)
def earth_mover_on_a_line(rng: np.random.Generator) -> Found:
    """On piles in a row the least work is the sum of what has to pass between neighbours."""
    for n in (2, 5, 30):
        p, q, k = other.pmf(rng, n), other.pmf(rng, n), np.arange(n, dtype=float)
        found = exact.wasserstein(k, k, p, q, p=1).value
        yield equal(f"{n} piles: least work; what passes", found, float(np.abs(np.cumsum(p - q)).sum()), 1e-12)
        yield equal(f"{n} piles: textbook program", found, other.primal(np.abs(k[:, None] - k), p, q)[0], 1e-9)


@check(
    [85],
    f"{COURSE}, Wasserstein metric",
    r"W_s = \Big(\inf_\gamma \mathrm{E}_\gamma\|x - y\|^s\Big)^{1/s}, \qquad W_1 \le W_s \le W_t \quad (1 \le s \le t)",
)
def orders_of_w(rng: np.random.Generator) -> Found:
    """W_s grows with its order, and is the root of a linear program."""
    x, y, a, b = _clouds(rng, 7, 9)
    cost = other.distances(x, y)
    orders = (1, 1.5, 2, 4, 8)
    values = [exact.wasserstein(x, y, a, b, p=s).value for s in orders]
    for s, value in zip(orders, values):
        yield equal(f"W_{s:g}; textbook program", value, other.primal(cost**s, a, b)[0] ** (1 / s), 1e-9)
    for k in range(4):
        yield below(f"W_{orders[k]:g}; W_{orders[k + 1]:g}", values[k], values[k + 1])
    yield at_most("W_8; W_inf", values[-1], exact.wasserstein(x, y, a, b, p=math.inf).value)


@check(
    [88],
    f"{COURSE}, Kantorovich-Rubinstein duality",
    r"W(\pi, p) = \frac1K \max_{\|f\|_L \le K}\mathrm{E}_\pi f - \mathrm{E}_p f",
)
def k_lipschitz_critics(rng: np.random.Generator) -> Found:
    """K-Lipschitz critics reach K times W; and with samples in place of laws W is too large in the mean."""
    x, y, a, b = _clouds(rng, 6, 6)
    points, mass = np.concatenate([x, y]), np.concatenate([a, -b])
    value = exact.wasserstein(x, y, a, b, p=1).value
    for constant in (0.1, 1.0, 10.0):
        best, _ = other.lipschitz(other.distances(points, points), mass, constant)
        yield equal(f"K = {constant:g}: best over K; W", best / constant, value, 1e-8)
    means = [exact.wasserstein(x[rng.integers(6, size=12)], x[rng.integers(6, size=12)], p=1).value for _ in range(50)]
    yield below("0, the distance of a law to itself; mean W of two samples of it", 0.0, float(np.mean(means)))


@check([98], f"{COOKBOOK}, formal statement", r"P(x, y, z) = \frac{P(x, z)\,P(z, y)}{P(z)}")
def gluing(rng: np.random.Generator) -> Found:
    """Two plans that share a marginal glue to one law of three, with both plans as its marginals: whence the triangle inequality."""
    x, y, a, b = _clouds(rng, 4, 6)
    z, c = rng.normal(size=(5, 2)), other.pmf(rng, 5)
    left, right = exact.wasserstein(x, z, a, c, p=1), exact.wasserstein(z, y, c, b, p=1)
    one, two = left.plan.todense(), right.plan.todense()
    joint = one[:, :, None] * two[None] / c[None, :, None]
    yield largest("marginal on (x, z)", joint.sum(axis=2), one, 1e-15)
    yield largest("marginal on (z, y)", joint.sum(axis=0), two, 1e-15)
    ways = other.distances(x, z)[:, :, None] + other.distances(z, y)[None]
    legs = other.primal(other.distances(x, z), a, c)[0] + other.primal(other.distances(z, y), c, b)[0]
    yield equal("mean way by z; sum of both distances", float((joint * ways).sum()), legs)
    direct = other.primal(other.distances(x, y), a, b)[0]
    yield at_most("W from x to y; by z", direct, left.value + right.value)


@check(
    [],
    (f"{PAPER}, section 2", f"{COURSE}, Wasserstein metric"),
    r"d(\mu, \nu) = 0 \Leftrightarrow \mu = \nu, \quad d(\mu, \nu) = d(\nu, \mu), \quad d(\mu, \rho) \le d(\mu, \nu) + d(\nu, \rho)",
)
def w_is_a_metric(rng: np.random.Generator) -> Found:
    """W_p is a metric between laws, for every order and ground metric; its square is not."""

    def draw(generator: np.random.Generator) -> tuple[Floats, Floats]:
        return generator.normal(size=(6, 2)) + generator.normal(size=2), other.pmf(generator, 6)

    orders: tuple[tuple[MetricName, float], ...] = (
        ("euclidean", 1),
        ("euclidean", 2),
        ("cityblock", 1.5),
        ("chebyshev", 3),
        ("euclidean", math.inf),
    )
    for metric, p in orders:

        def distance(s: Any, t: Any, metric: MetricName = metric, p: float = p) -> float:
            return exact.wasserstein(s[0], t[0], s[1], t[1], p=p, metric=metric).value

        yield from metric_axioms(distance, draw, rng, trials=8, name=f"{metric}, p = {p:g}")
    way = [exact.wasserstein([0.0], [float(k)], p=2).value ** 2 for k in (1, 2)]
    yield below("squared distance 0 to 1 and 1 to 2; 0 to 2 at once", 2 * way[0], way[1])


def metric_axioms(
    distance: Callable[[Any, Any], float],
    draw: Callable[[np.random.Generator], Any],
    rng: Any = None,
    *,
    trials: int = 20,
    tolerance: float = 1e-9,
    name: str = "distance",
) -> list[Sides]:
    """The axioms of a metric, tried on random things: for a distance of your own.

    Parameters
    ----------
    distance : callable
        From two things to a number.
    draw : callable
        From a generator to a thing; two draws should differ.
    rng : seed or Generator
        Where things come from.
    trials : int
        How many triples.
    tolerance : float
        What rounding may do, in units of the distance.
    name : str
        Shown in the comparisons.

    Returns
    -------
    list of Sides
        Of identity, positivity, symmetry and the triangle inequality: each at the triple with the least room.

    Examples
    --------
    >>> found = metric_axioms(lambda s, t: abs(s - t), lambda g: g.normal(), rng=0)
    >>> all(one.stands for one in found)
    True
    >>> found = metric_axioms(lambda s, t: (s - t) ** 2, lambda g: g.normal(), rng=0)
    >>> [one.what for one in found if not one.stands]
    ['distance: triangle inequality']
    """
    generator, trials = scalars.generator(rng), scalars.count(trials, "trials")
    triples = [(draw(generator), draw(generator), draw(generator)) for _ in range(trials)]
    found = [(distance(s, s), distance(s, t), distance(t, s), distance(t, u), distance(s, u)) for s, t, u in triples]
    selves, ways, backs, seconds, wholes = (np.array(column) for column in zip(*found))
    slacks = ways + seconds - wholes
    worst = int(np.argmin(slacks))
    return [
        largest(f"{name}: a thing to itself", selves, 0.0, tolerance),
        below(f"{name}: 0; least distance of different things", 0.0, float(ways.min())),
        largest(f"{name}: there; back", ways, backs, tolerance),
        at_most(f"{name}: triangle inequality", wholes[worst], ways[worst] + seconds[worst], tolerance),
    ]
