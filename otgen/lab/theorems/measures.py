"""Measures of difference: KL, TV, JS and W, what they are and what follows from what."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.special

from ... import divergences as div
from ... import laws
from ...distances import exact
from . import independent as other
from .check import (
    CHAPTER,
    COURSE,
    LECTURE,
    SLIDES,
    Found,
    arithmetic,
    at_most,
    below,
    chapter,
    differ,
    equal,
    largest,
    torch_and_nn,
)
from .independent import stats

check = chapter("Measures of difference")
LOG2 = math.log(2.0)


@check(
    [1],
    (f"{SLIDES}, experiment setup", f"{LECTURE}, section 9.1"),
    r"\mathrm{KL}(p\|q) = \int p \log\frac{p}{q}, \qquad \mathrm{KL}(p\|q) \ne \mathrm{KL}(q\|p)",
)
def gaussian_kl(rng: np.random.Generator) -> Found:
    """KL between Gaussians, forward and reversed, is what quadrature of its definition finds; the two differ."""
    (m, s), (n, t) = rng.normal(size=2) + [0, 2], rng.normal(size=2) + [1, 3]
    values: list[float] = []
    for (a, u), (b, v) in (((m, s), (n, t)), ((n, t), (m, s))):

        def term(x: float, a: float = a, u: float = u, b: float = b, v: float = v) -> float:
            log = math.log(abs(v) / abs(u)) + ((x - b) / v) ** 2 / 2 - ((x - a) / u) ** 2 / 2
            return float(other.normal(x, a, abs(u))) * log

        values.append(div.kl(div.Gaussian(a, u * u), div.Gaussian(b, v * v)).value)
        cuts = [a + k * abs(u) for k in range(-8, 9, 2)]
        yield equal(
            "closed form, quadrature", values[-1], other.integral(term, a - 30 * abs(u), a + 30 * abs(u), cuts), 1e-10
        )
    yield differ("forward, reversed", values[0], values[1], 1e-9)


@check(
    [2],
    f"{SLIDES}, the classic example",
    r"\mathrm{KL}(q\|p_\theta) = -\mathrm{E}_q\log p_\theta - H(q), \qquad "
    r"\mathrm{argmin}_\theta\,\mathrm{KL}(q\|p_\theta) = \mathrm{argmax}_\theta\,\mathrm{E}_q\log p_\theta",
)
def kl_is_cross_entropy(rng: np.random.Generator) -> Found:
    """KL is cross-entropy less entropy, so that fitting by KL is maximum likelihood."""
    q, family = other.pmf(rng, 6), other.pmf(rng, 200, 6)
    kls = np.array([div.kl(q, p).value for p in family])
    cross = -(q * np.log(family)).sum(axis=1)
    yield largest("KL; cross-entropy less entropy", kls, cross - other.entropy(q))
    yield equal("argmin of KL; argmax of likelihood", int(kls.argmin()), int((-cross).argmax()), 0)


@check(
    [3],
    f"{SLIDES}, the classic example",
    r"\mathrm{KL}(q_{xy}\|p_{xy}) = \mathrm{KL}(q_x\|p_x) + \mathrm{E}_{q_x}\mathrm{KL}(q_{y|x}\|p_{y|x})",
)
def kl_of_a_joint_law(rng: np.random.Generator) -> Found:
    """KL of joint laws is KL of the inputs plus the mean KL of the conditionals: a conditional fit leaves the inputs alone."""
    q, p = (other.pmf(rng, 20).reshape(4, 5) for _ in range(2))
    qx, px = q.sum(axis=1), p.sum(axis=1)
    conditionals = [other.relative(q[i] / qx[i], p[i] / px[i]) for i in range(4)]
    yield equal("joint; sum", div.kl(q.ravel(), p.ravel()).value, other.relative(qx, px) + float(qx @ conditionals))


@check([6], f"{SLIDES}, re-writing KL", r"-\mathrm{KL}(p_\theta\|q) = \mathrm{E}_{p_\theta}\log\frac{q}{p_\theta}")
def the_argmax_form(rng: np.random.Generator) -> Found:
    """Minimising KL(p || q) is maximising E_p log q/p, with one optimum."""
    q, means = other.pmf(rng, 9), np.linspace(-2, 2, 101)
    x = np.linspace(-2, 2, 9)
    family = [np.exp(-((x - m) ** 2)) for m in means]
    family = [p / p.sum() for p in family]
    kls = [div.kl(p, q).value for p in family]
    gains = [float((p * np.log(q / p)).sum()) for p in family]
    yield largest("-KL; E log q/p", -np.array(kls), gains)
    yield equal("argmin; argmax", int(np.argmin(kls)), int(np.argmax(gains)), 0)


@check(
    [11, 18, 83],
    (f"{SLIDES}, issues with KL", f"{LECTURE}, section 9.1, example", f"{COURSE}, informal theoretical results"),
    r"\mathrm{KL}(U_{[0,1]}\|U_{[1,2]}) = \infty,\ \mathrm{TV} = 1,\ W = 1; \qquad U_{[2,3]}:\ \infty,\ 1,\ 2",
)
def disjoint_supports(rng: np.random.Generator) -> Found:
    """On disjoint supports KL is infinite and TV is 1 whatever the distance; W tells 1 from 2. Partial overlap does not help KL."""
    p, x = stats.uniform(0, 1), (np.arange(1000) + 0.5) / 1000
    for k in (1, 2):
        q = stats.uniform(k, 1)
        yield equal(f"KL at distance {k}", div.kl(p, q).value, math.inf, 0)
        yield equal(f"reversed KL at distance {k}", div.kl(q, p).value, math.inf, 0)
        yield equal(f"TV at distance {k}", div.tv(p, q).value, 1.0, 1e-10)
        yield equal(f"JS at distance {k}", div.js(p, q).value, LOG2, 1e-10)
        yield equal(f"W at distance {k}", exact.wasserstein(x, x + k, p=1).value, k, 1e-12)
    yield equal("KL on partial overlap", div.kl(p, stats.uniform(0.5, 1)).value, math.inf, 0)


@check(
    [19],
    f"{LECTURE}, section 9.1, example",
    r"P_\epsilon = U_{[\epsilon,\epsilon+1]}:\quad \mathrm{TV}(P_0, P_\epsilon) = \min(\epsilon, 1), \quad W(P_0, P_\epsilon) = \epsilon",
)
def shifted_uniforms(rng: np.random.Generator) -> Found:
    """Shifted uniforms: TV grows to 1 and stays, W is the shift, KL is infinite from the first step on."""
    x = (np.arange(500) + 0.5) / 500
    for e in (0.0, 0.25, 0.5, 1.0, 4.0):
        p, q = stats.uniform(0, 1), stats.beta(1, 1, loc=e)  # the uniform law on [e, e + 1], by another formula
        yield equal(f"TV, e = {e:g}", div.tv(p, q).value, min(e, 1.0), 1e-10)
        yield equal(f"W between atoms, e = {e:g}", exact.wasserstein(x, x + e, p=1).value, e, 1e-12)
        yield equal(f"W by quantiles, e = {e:g}", laws.on_the_line(p, q, 1).value, e, 1e-10)
        yield equal(f"KL, e = {e:g}", div.kl(p, q).value, math.inf if e else 0.0, 1e-12)


@check(
    [16],
    (f"{LECTURE}, section 9.1", f"{CHAPTER}, page 28"),
    r"\mathrm{TV}(P, Q) = \sup_B |P(B) - Q(B)| = \tfrac12\int|p - q| = 1 - \int\min(p, q)",
)
def total_variation(rng: np.random.Generator) -> Found:
    """Total variation: half the L1 distance, the largest difference over all events, and what the two do not share."""
    for _ in range(20):
        p, q = other.pmf(rng, 2, 8)
        value = div.tv(p, q).value
        events = max(abs(p[list(event)].sum() - q[list(event)].sum()) for event in _events(8))
        yield equal("TV; largest over 256 events", value, events, 1e-14)
        yield equal("TV; one less the shared mass", value, 1 - float(np.minimum(p, q).sum()), 1e-14)


def _events(n: int) -> Iterator[tuple[int, ...]]:
    for size in range(1, n + 1):
        yield from itertools.combinations(range(n), size)


@check(
    [21, 61, 87],
    (f"{LECTURE}, theorem 1", f"{CHAPTER}, page 29", f"{COURSE}, theorem 2"),
    r"\mathrm{KL} \to 0 \Rightarrow \mathrm{JS}, \mathrm{TV} \to 0 \Rightarrow W \to 0; \qquad "
    r"\tfrac12\mathrm{TV}^2 \le \mathrm{JS} \le \mathrm{TV}\log 2, \quad W \le \mathrm{diam}\cdot\mathrm{TV}",
)
def what_follows_from_what(rng: np.random.Generator) -> Found:
    """KL to 0 brings JS and TV to 0, and on a bounded space W too; the rates hold on every pair. Boundedness is needed."""
    x = rng.random((6, 2))
    diameter = float(other.distances(x, x).max())
    pairs = [other.pmf(rng, 2, 6) for _ in range(80)]
    tvs, jss, kls, ws = (
        np.array([f(p, q) for p, q in pairs])
        for f in (
            lambda p, q: div.tv(p, q).value,
            lambda p, q: div.js(p, q).value,
            lambda p, q: div.kl(p, q).value,
            lambda p, q: exact.wasserstein(x, x, p, q, p=1).value,
        )
    )
    half = np.array([np.abs(p - q).sum() / 2 for p, q in pairs])
    yield largest("TV; half of L1", tvs, half)
    yield at_most("TV^2 / 2 <= JS, least room of 80", float((half**2 / 2 - jss).max()), 0.0)
    yield at_most("JS <= TV log 2", float((jss - half * LOG2).max()), 0.0)
    yield at_most("TV <= sqrt(KL / 2)", float((half - np.sqrt(kls / 2)).max()), 0.0)
    yield at_most("W <= diameter TV", float((ws - diameter * half).max()), 0.0, 1e-12)
    p, q = pairs[0]
    whole, squares = other.primal(other.distances(x, x), q, p)[0], float(((q - p) ** 2 / p).sum())
    for t in (1e-1, 1e-2, 1e-3):
        near = (1 - t) * p + t * q
        way = exact.wasserstein(x, x, near, p, p=1).value
        found = [div.kl(near, p).value, div.kl(p, near).value, div.js(near, p).value]
        yield at_most(f"mixing {t:g}: largest of KL, reversed KL, JS; chi^2", max(found), t * t * squares / (1 - t))
        yield equal(f"mixing {t:g}: W; its share of the whole way", way, t * whole, 1e-9)
        apart = abs(float((near - p) @ np.cos(x.sum(axis=1))))
        yield at_most(f"mixing {t:g}: means of a function of slope sqrt 2; sqrt 2 W", apart, math.sqrt(2) * way)
    for n in (10, 100, 1000):
        heavy = exact.wasserstein([0.0, float(n) ** 2], [0.0], [1 - 1 / n, 1 / n], p=1).value
        yield equal(f"unbounded, n = {n}: W", heavy, n, 1e-12 * n)
        yield equal(f"unbounded, n = {n}: TV", div.tv([1 - 1 / n, 1 / n], [1.0, 0.0]).value, 1 / n, 1e-15)
    for n in (1, 10, 100):
        atoms = (np.arange(n) + 0.5) / n
        w = laws.semi_discrete(atoms, None, stats.uniform(), 1).value
        apart = abs(float(np.sin(atoms).mean()) - (1 - math.cos(1)))
        yield at_most(f"weak convergence, {n} atoms: means of sin; W", apart, w)


@check(
    [22],
    f"{LECTURE}, theorem 1, remark",
    r"W \to 0 \not\Rightarrow \mathrm{TV} \to 0: \quad W\big(\tfrac1n\textstyle\sum\delta_{(k - 1/2)/n}, U_{[0,1]}\big) = \tfrac1{4n},\ "
    r"\mathrm{TV} = 1; \qquad \mathrm{TV} \to 0 \not\Rightarrow \mathrm{KL} \to 0",
)
def no_converse(rng: np.random.Generator) -> Found:
    """Neither arrow turns back: shifted uniforms have TV to 0 and KL infinite; atoms on a grid have W to 0 and TV 1."""
    for e in (0.1, 0.001):
        p, q = stats.uniform(0, 1), stats.uniform(e, 1)
        yield equal(f"TV at shift {e:g}", div.tv(p, q).value, e, 1e-10)
        yield equal(f"KL at shift {e:g}", div.kl(p, q).value, math.inf, 0)
    for n in (4, 32, 256):
        atoms = (np.arange(n) + 0.5) / n
        found = laws.semi_discrete(atoms, None, stats.uniform(), 1).value
        yield equal(f"W of {n} atoms", found, 1 / (4 * n), 1e-12)
        fine = (np.arange(n * 500) + 0.5) / (n * 500)
        yield equal("the same by 500 points an atom", exact.wasserstein(atoms, fine, p=1).value, 1 / (4 * n), 1e-7)
        masses, others = np.zeros((2, n * 501))
        masses[:n], others[n:] = 1 / n, 1 / (n * 500)  # points of the line beside the atoms
        yield equal("TV to points beside the atoms", div.tv(masses, others).value, 1.0)


@check([23], f"{LECTURE}, theorem 1, proof sketch", r"\mathrm{TV}(P, Q) \le \sqrt{\tfrac12\mathrm{KL}(P\|Q)}")
def pinsker(rng: np.random.Generator) -> Found:
    """Pinsker's inequality, with the constant one half, which is sharp as the laws meet."""
    for _ in range(200):
        p, q = other.pmf(rng, 2, 5)
        half = np.abs(p - q).sum() / 2
        bound = math.sqrt(div.kl(p, q).value / 2)
        if half > 0.98 * bound or _ == 0:
            yield at_most("TV; its bound", half, bound)
    for t in (1e-1, 1e-2, 1e-3):
        p, q = np.array([0.5 + t, 0.5 - t]), np.array([0.5, 0.5])
        yield equal(f"ratio of both at {t:g}", t / math.sqrt(div.kl(p, q).value / 2), 1.0, t * t)


@check([59], f"{CHAPTER}, page 27", r"\sup|f_h - f_0|, \int|f_h - f_0|\ \text{constant}; \qquad W(f_h, f_0) = h")
def densities_compared_point_by_point(rng: np.random.Generator) -> Found:
    """Comparing densities point by point is blind to distance: once bumps are apart nothing changes but W."""
    bump = stats.beta(3, 3)
    x = np.linspace(0, 1, 2001)
    for h in (1.0, 2.0, 8.0):
        moved = stats.beta(3, 3, loc=h)
        yield equal(f"L1 at {h:g}", 2 * div.tv(bump, moved).value, 2.0, 1e-10)
        grid = np.concatenate([x, x + h])
        apart = float(np.abs(bump.pdf(grid) - moved.pdf(grid)).max())
        yield arithmetic(equal(f"sup at {h:g}", apart, 1.875, 1e-12))
        yield equal(f"W at {h:g}", laws.on_the_line(bump, moved, 1).value, h, 1e-10)


@check([60], f"{CHAPTER}, pages 27 and 28", r"\mathrm{TV},\ \mathrm{KL},\ \mathrm{JS},\ W")
def four_measures_by_their_definitions(rng: np.random.Generator) -> Found:
    """TV, KL, JS and W of two laws on points, each by its definition written out."""
    x = rng.random((5, 2))
    p, q = other.pmf(rng, 2, 5)
    m = (p + q) / 2
    yield equal("TV", div.tv(p, q).value, np.abs(p - q).sum() / 2)
    yield equal("KL", div.kl(p, q).value, other.relative(p, q))
    yield equal("JS", div.js(p, q).value, (other.relative(p, m) + other.relative(q, m)) / 2)
    yield equal("W", exact.wasserstein(x, x, p, q, p=1).value, other.primal(other.distances(x, x), p, q)[0], 1e-9)


@check(
    [76],
    f"{COURSE}, GAN optimality",
    r"\sqrt{\mathrm{JSD}(p, r)} \le \sqrt{\mathrm{JSD}(p, q)} + \sqrt{\mathrm{JSD}(q, r)}, \qquad 0 \le \mathrm{JSD} \le \log 2",
)
def the_root_of_jsd_is_a_metric(rng: np.random.Generator) -> Found:
    """The square root of the Jensen-Shannon divergence obeys the triangle inequality; the divergence itself does not."""
    rooms: list[float] = []
    for _ in range(300):
        p, q, r = other.pmf(rng, 3, 4)
        a, b, c = (math.sqrt(div.js(*pair).value) for pair in ((p, q), (q, r), (p, r)))
        rooms.append(a + b - c)
    yield at_most("least room of 300 triangles", -min(rooms), 0.0)
    p, q, r = np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0])
    one, whole = div.js(p, q).value, div.js(p, r).value
    yield equal("JSD of disjoint laws", whole, LOG2, 1e-15)
    yield below("JSD: both legs are shorter than the way", 2 * one, whole)
    yield at_most("their roots are not", math.sqrt(whole), 2 * math.sqrt(one))
    m = (p + q) / 2
    yield equal("one leg by its definition", one, (math.log(1 / 0.75) + other.relative(q, m)) / 2)


@check(
    [86],
    f"{COURSE}, Wasserstein distance against KL and JSD",
    r"W(\pi, p_\theta) = |\theta|, \quad W' = \mathrm{sign}\,\theta; \qquad \mathrm{JSD} = \log 2, \quad \mathrm{JSD}' = 0 \quad (\theta \ne 0)",
)
def parallel_segments(rng: np.random.Generator) -> Found:
    """Parallel segments: W is the distance, with slope one; JSD is log 2 with slope none; KL is infinite."""
    y = (np.arange(400) + 0.5) / 400
    still = np.column_stack([np.zeros(400), y])

    def moved(theta: float) -> float:
        return exact.wasserstein(still, still + [theta, 0], p=1).value

    def masses(theta: float) -> tuple[Any, Any]:
        """Masses of 40 cells of each segment: both on one set of cells just when the segments are one."""
        whole, none = np.full(40, 1 / 40), np.zeros(40)
        return np.concatenate([whole, none]), np.concatenate([none, whole] if theta else [whole, none])

    for theta in (-1.5, -0.25, 0.0, 0.5, 2.0):
        yield equal(f"W at {theta:g}", moved(theta), abs(theta), 1e-12)
        pair = laws.segments(theta)
        p, q = masses(theta)
        found = div.js(p, q).value
        yield equal(f"JSD of cells at {theta:g}", found, LOG2 if theta else 0.0)
        yield equal(f"KL of cells at {theta:g}", div.kl(p, q).value, math.inf if theta else 0.0)
        yield equal(f"JSD of the laws at {theta:g}; of cells", pair.divergence("js"), found)
        yield equal(f"W of the laws at {theta:g}; of 400 points of each", pair.wasserstein(1).value, moved(theta))
    for theta in (-1.0, 1.0):
        yield equal(f"W' at {theta:g}", other.slope(moved, theta), theta, 1e-9)
        flat = other.slope(lambda t: div.js(*masses(t)).value, theta)
        yield arithmetic(equal(f"JSD' at {theta:g}, of one number", flat, 0.0, 1e-12))


@check(
    [92],
    f"{COURSE}, Wasserstein GAN, last slide",
    r"W(\pi, \pi_k)\ \text{rises with the corruption}\ k; \qquad \mathrm{JSD}(\pi, \pi_k) = \log 2",
)
def w_ranks_corruptions(rng: np.random.Generator) -> Found:
    """W orders samples by how far they are corrupted; JSD of the same samples is log 2 from the first corruption on."""
    x = rng.random((200, 16))
    noise = rng.normal(size=x.shape)
    levels = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
    ws = [exact.wasserstein(x, x + level * noise, p=1).value for level in levels]
    yield equal("rank correlation of W", float(np.corrcoef(np.argsort(np.argsort(ws)), np.arange(6))[0, 1]), 1.0)
    for level in levels:
        both = np.concatenate([x, x + level * noise])
        places, which = np.unique(both, axis=0, return_inverse=True)
        p, q = (np.bincount(part, minlength=len(places)) / len(x) for part in np.split(which.ravel(), 2))
        yield equal(f"JSD of the samples, noise {level:g}", div.js(p, q).value, LOG2, 1e-12)


@check([73], f"{COURSE}, likelihood based models", r"\log[0.01\,p(x) + 0.99\,p_{noise}(x)] \ge \log p(x) - \log 100")
def likelihood_is_not_quality(rng: np.random.Generator) -> Found:
    """In high dimension likelihood says little of samples: 99 % noise costs log 100 where log p grows like m; copies cost everything."""
    torch, nn = torch_and_nn()
    rates: list[float] = []
    for m in (50, 100, 200):
        x, centres = rng.normal(size=(400, m)), rng.normal(size=(50, m))
        points = torch.tensor(x)
        logs = nn.objectives.vae.gaussian_log_density(points, *torch.zeros(2, m).double()).numpy()
        noise = stats.multivariate_normal(np.zeros(m), 9.0).logpdf(x)
        own = -0.5 * (x**2).sum(axis=1) - m / 2 * math.log(2 * math.pi)
        mixed = np.logaddexp(math.log(0.01) + own, math.log(0.99) + noise)
        yield at_most(
            f"m = {m}: mean log p - log 100; mean log of the mixture", logs.mean() - math.log(100), mixed.mean(), 1e-10
        )
        squares = other.distances(x, centres) ** 2
        nearest: Any = scipy.special.logsumexp(-squares / 0.02, axis=1)
        copies = nearest - m / 2 * math.log(2 * math.pi * 0.01) - math.log(50)
        yield below(
            f"m = {m}: copies with variance 0.01 against the model", float(copies.mean()), float(logs.mean()), 1000.0
        )
        rates.append(-float(logs.mean()) / m)
        entropy = 0.5 * m * math.log(2 * math.pi * math.e)
        se = math.sqrt(m / 2) / math.sqrt(400)
        yield equal(f"m = {m}: mean log p; -entropy", float(logs.mean()), -entropy, 4 * se)
    own = 0.5 * math.log(2 * math.pi * math.e)
    error = math.hypot(*(math.sqrt(0.5 / (400 * m)) / own for m in (50, 200)))
    yield equal("log p grows like m: ratio of both rates", rates[-1] / rates[0], 1.0, 4 * error)
