"""How the game of generator and discriminator goes wrong: no gradient, no attained optimum, no rest, one mode, a thin image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import divergences as div
from ... import laws
from ...distances import exact
from ...errors import require
from . import independent as other
from .check import COURSE, PAPER, Found, arithmetic, at_most, below, chapter, equal, torch_and_nn
from .gans import GROUP
from .independent import stats

check = chapter(GROUP)
LOG2 = math.log(2.0)


@check(
    [77, 91],
    (f"{COURSE}, GAN optimality", f"{COURSE}, Wasserstein GAN, last slide"),
    r"\nabla_\theta 2\mathrm{JS}(P, P_\theta) = 0, \qquad \nabla_\theta W(P, P_\theta) = 1 \qquad \text{on disjoint supports}",
)
def no_gradient_on_disjoint_supports(rng: np.random.Generator) -> Found:
    """On disjoint supports the best discriminator leaves the generator no gradient, and JS none; W keeps one."""
    torch, nn = torch_and_nn()
    p = stats.uniform(0, 1)
    for theta, js_slope in ((2.0, 0.0), (0.5, LOG2)):
        near, far = (stats.uniform(theta + h, 1) for h in (-0.1, 0.1))  # both are lines in the shift there
        found = (div.js(p, far).value - div.js(p, near).value) / 0.2
        yield equal(f"shift {theta:g}: JS'", found, js_slope, 1e-8)
        way = (laws.on_the_line(p, far, 1).value - laws.on_the_line(p, near, 1).value) / 0.2
        yield equal(f"shift {theta:g}: W'", way, 1.0, 1e-8)
    for sharp in (10.0, 30.0, 90.0):  # logit = sharp (1.5 - x): perfect between [0, 1] and [2, 3] as it grows sharp
        x = torch.linspace(2, 3, 101, dtype=torch.float64).requires_grad_()
        loss = nn.objectives.gan.generator_loss(sharp * (1.5 - x), "minimax")
        slope = torch.autograd.grad(loss, x)[0].sum().item()
        by_hand = sharp * float(other.sigmoid(sharp * (1.5 - np.linspace(2, 3, 101))).mean())
        yield equal(f"sharpness {sharp:g}: generator's gradient; by hand", slope, by_hand, 1e-9 * by_hand)
        yield arithmetic(at_most(f"sharpness {sharp:g}: its bound", by_hand, sharp * math.exp(-sharp * 0.5)))


@check(
    [82],
    f"{COURSE}, informal theoretical results",
    r"\mathrm{supp}\,\pi \cap \mathrm{supp}\,p = \emptyset,\ \text{closed} \Rightarrow \max_D V = 0; \qquad U_{[0,1]}, U_{[1,2]}:\ V(s) = \frac{\log 2 - 1}{s}",
)
def the_perfect_discriminator(rng: np.random.Generator) -> Found:
    """Separated supports have a smooth perfect discriminator; for touching ones the supremum 0 is approached and not attained."""
    torch, nn = torch_and_nn()
    gan = nn.objectives.gan
    real, fake = torch.linspace(0, 1, 1001, dtype=torch.float64), torch.linspace(2, 3, 1001, dtype=torch.float64)
    value = gan.value(400 * (1.5 - real), 400 * (1.5 - fake)).item()
    yield equal("apart: V of a smooth discriminator", value, 0.0, 1e-80)
    t = (torch.arange(2_000_000, dtype=torch.float64) + 0.5) / 2_000_000
    for sharp in (10.0, 100.0):  # D falls from 1 to 0 on a line of this slope through (1, 1/2)
        d = (0.5 + sharp * t).clamp(max=1.0)
        logits = torch.logit(d).clamp(max=700.0)
        mine = gan.value(logits, -logits).item()
        yield equal(f"touching, slope {sharp:g}: V; closed form", mine, (LOG2 - 1) / sharp, 1e-7)
        yield below("it is below 0", mine, 0.0)


@check(
    [78],
    f"{COURSE}, GAN optimality, reality",
    r"\theta_{t+1} = \theta_t + \eta\psi_t,\ \psi_{t+1} = \psi_t - \eta\theta_t \ \Rightarrow\ |(\theta, \psi)|_{t+1} = \sqrt{1 + \eta^2}\,|(\theta, \psi)|_t",
)
def oscillation(rng: np.random.Generator) -> Found:
    """Simultaneous steps on a Dirac against a linear critic do not converge: every step takes both further from the solution."""
    torch, nn = torch_and_nn()
    wgan = nn.objectives.wgan
    theta, psi, eta = torch.tensor(1.0).double(), torch.tensor(0.5).double(), 0.1
    for k in range(3):
        one, two = theta.clone().requires_grad_(), psi.clone().requires_grad_()
        (up,) = torch.autograd.grad(wgan.critic_loss(0 * two[None], two * theta[None]), two)
        (down,) = torch.autograd.grad(wgan.generator_loss(psi * one[None]), one)
        before = math.hypot(theta.item(), psi.item())
        theta, psi = theta - eta * down, psi - eta * up
        ratio = math.hypot(theta.item(), psi.item()) / before
        yield equal(f"step {k + 1}: growth of the radius", ratio, math.sqrt(1 + eta * eta))


@check(
    [79],
    f"{COURSE}, mode collapse",
    r"\mathrm{argmin}_{P_G}\,\mathrm{E}_{P_G}\log(1 - D) = \delta_{x^*}, \quad x^* = \mathrm{argmax}\,D",
)
def mode_collapse(rng: np.random.Generator) -> Found:
    """Against a discriminator that stands still the best generator puts everything on one point: it drops all modes but one."""
    torch, nn = torch_and_nn()
    gan = nn.objectives.gan
    modes = np.array([-2.0, 2.0])

    def logits(x: Any) -> Any:
        return np.log(0.45 * other.normal(x, -2.0, 0.3) + 0.55 * other.normal(x, 2.0, 0.3) + 1e-6) + 1

    grid = np.linspace(-4, 4, 4001)
    top = grid[int(logits(grid).argmax())]
    yield arithmetic(equal("where the discriminator is surest; the heavier mode", float(top), 2.0, 0.01))
    for form in gan.FORMS:
        both = gan.generator_loss(
            torch.tensor(logits(rng.normal(size=1000) * 0.3 + rng.choice(modes, 1000))), form
        ).item()
        one = gan.generator_loss(torch.tensor(logits(np.full(1000, top))), form).item()
        least = float(_written(form, logits(grid)).min())
        yield below(f"{form}: loss of one point; of the two modes", one, both)
        yield equal(f"{form}: loss of one point; the least of any law", one, least, 1e-9)


def _written(form: str, logit: Any) -> Any:
    d = other.sigmoid(logit)
    return {"minimax": np.log(1 - d), "non-saturating": -np.log(d), "logit": -np.log(d / (1 - d))}[form]


@check([81], f"{COURSE}, informal theoretical results", r"\mathrm{rank}\,J_G(z) \le \dim z")
def samples_lie_on_a_manifold(rng: np.random.Generator) -> Found:
    """A generator's samples lie where few directions lead: around 1000 samples no more than dim z of them are of first order."""
    torch, _ = torch_and_nn()
    with require("otgen.nn._modes").seeded(int(rng.integers(2**31))):
        network = require("otgen.lab.networks").perceptron([2, 32, 32, 10], torch.nn.Tanh()).double()
    z, h = torch.tensor(rng.normal(size=(1000, 1, 2))), 1e-5
    steps = torch.tensor(rng.normal(size=(1000, 12, 2)))
    with torch.no_grad():
        moved = (network((z + h * steps).reshape(-1, 2)) - network((z - h * steps).reshape(-1, 2))).reshape(
            1000, 12, 10
        ) / (2 * h)
    singular = np.linalg.svd(moved.numpy(), compute_uv=False)
    yield below("0; least second singular value", 0.0, float(singular[:, 1].min()))
    yield at_most(
        "largest third singular value over the first", float((singular[:, 2] / singular[:, 0]).max()), 0.0, 1e-7
    )


@check(
    [],
    f"{PAPER}, section 2",
    r"W(P_0, P_\theta) = |\theta|, \qquad \mathrm{JS}(P_0, P_\theta) = \begin{cases}\log 2 & \theta \ne 0\\ 0 & \theta = 0\end{cases}",
)
def continuity_of_w_and_the_jump_of_js(rng: np.random.Generator) -> Found:
    """As the parameter goes to 0, W goes to 0 with it; JS stays at log 2 and jumps."""
    heights = np.sort(rng.random(50))
    for theta in (1.0, 1 / 4, 1 / 16, 1 / 64, 0.0):
        pair = laws.segments(theta)
        p, q = (np.column_stack([np.full(50, place), heights]) for place in (0.0, theta))
        way = exact.wasserstein(p, q, p=1).value
        yield equal(f"W at {theta:g}; of 50 points of each", pair.wasserstein(1).value, way, 1e-14)
        places, which = np.unique(np.concatenate([p, q]), axis=0, return_inverse=True)
        masses = [np.bincount(part, minlength=len(places)) / 50 for part in np.split(which.ravel(), 2)]
        yield equal(f"JS at {theta:g}; of those points", pair.divergence("js"), div.js(*masses).value)
        yield equal(f"JS of those points at {theta:g}", div.js(*masses).value, LOG2 if theta else 0.0)
