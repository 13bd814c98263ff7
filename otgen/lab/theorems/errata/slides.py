"""Errata of "Application of O.T."."""

from __future__ import annotations

import math

import numpy as np

from .... import divergences as div
from ....distances import exact
from .. import independent as other
from ..check import SLIDES, Found, arithmetic, as_printed, below, equal, torch_and_nn
from ..independent import stats
from .erratum import erratum

LOG2, LOG4 = math.log(2.0), math.log(4.0)


@erratum(f"{SLIDES}, the classic example", "argmin KL = - argmin E log p", "argmin KL = argmax E log p")
def minus_argmin(rng: np.random.Generator) -> Found:
    """Minus sits inside: the argmin of the negative is the argmax, not the negative of the argmin."""
    grid = np.linspace(-3, 3, 61)
    kls = [div.kl(div.Gaussian(1.0, 1.0), div.Gaussian(t, 1.0)).value for t in grid]
    likelihood = -((grid - 1) ** 2) / 2 - 0.5 - 0.5 * math.log(2 * math.pi)
    best = float(grid[int(np.argmin(kls))])
    yield equal("KL a step from its least; half the step squared", kls[int(np.argmin(kls)) + 1], 0.005, 1e-12)
    yield as_printed(equal("argmin KL; - argmin E log p", best, -float(grid[int(np.argmin(likelihood))])))
    yield equal("argmin KL; argmax E log p", best, float(grid[int(np.argmax(likelihood))]))


@erratum(
    f"{SLIDES}, the classic example",
    "E_q log p = sum log p(x_i)",
    "E_q log p = mean of log p(x_i); the mu beside it is q",
)
def a_missing_mean(rng: np.random.Generator) -> Found:
    """A mean over the data is printed as a sum."""
    x = rng.normal(size=10_000)
    logs = -0.5 * (x - 0.5) ** 2 - 0.5 * math.log(2 * math.pi)
    kl = div.kl(div.Gaussian(0.0, 1.0), div.Gaussian(0.5, 1.0)).value
    yield equal("KL; half of the squared shift", kl, 0.125)
    truth = -kl - 0.5 * math.log(2 * math.pi * math.e)
    yield as_printed(equal("E log p; sum", truth, float(logs.sum()), 1.0))
    yield equal("E log p; mean", truth, float(logs.mean()), 4 * float(logs.std()) / 100)


@erratum(f"{SLIDES}, the classic example", "p(x, y) = prod p(y_i | x_i)", "p(x, y) = prod p(y_i | x_i) p(x_i)")
def a_dropped_factor(rng: np.random.Generator) -> Found:
    """The inputs' own likelihood is dropped; it changes the number, not the argmax over conditionals."""
    joint = other.pmf(rng, 12).reshape(3, 4)
    inputs = joint.sum(axis=1)
    conditional = joint / inputs[:, None]
    picked = [(0, 1), (2, 3), (1, 0)]
    truth = math.prod(joint[i, j] for i, j in picked)
    yield as_printed(equal("joint; conditionals", truth, math.prod(conditional[i, j] for i, j in picked), 1e-6))
    whole = math.prod(conditional[i, j] * inputs[i] for i, j in picked)
    yield arithmetic(equal("joint; conditionals times inputs", truth, whole, 1e-15))


@erratum(f"{SLIDES}, the classic example", "prod f^y (1 - f)^(1 - y) = BCE", "- log(prod) / N = BCE")
def likelihood_is_not_the_loss(rng: np.random.Generator) -> Found:
    """The loss is minus the logarithm of the likelihood, over N."""
    torch, nn = torch_and_nn()
    share, labels = rng.random(5), np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    likelihood = math.prod((share**labels * (1 - share) ** (1 - labels)).tolist())
    loss = torch.nn.BCELoss()(torch.tensor(share), torch.tensor(labels)).item()
    logits = torch.tensor(np.log(share / (1 - share)))
    mine = nn.objectives.vae.bernoulli_log_likelihood(torch.tensor(labels)[None], logits[None]).item()
    yield equal("log likelihood; log of the product", mine, math.log(likelihood))
    yield as_printed(equal("likelihood; BCELoss", likelihood, loss, 1e-6))
    yield equal("-log likelihood / N; BCELoss", -mine / 5, loss)


@erratum(
    f"{SLIDES}, re-writing KL(q || p), approximating KL(q || p)", "the formula below is KL(q || p)", "it is KL(p || q)"
)
def reversed_headings(rng: np.random.Generator) -> Found:
    """Two headings name the other divergence than the one that is written below them."""
    p, q = other.pmf(rng, 2, 6)
    written = other.relative(p, q)  # E_p log p/q
    yield as_printed(equal("E_p log p/q; KL(q || p)", written, div.kl(q, p).value, 1e-6))
    yield equal("E_p log p/q; KL(p || q)", written, div.kl(p, q).value)


@erratum(
    f"{SLIDES}, re-writing KL",
    "theta* = argmax over theta of E_(p_theta) log q/p_theta*",
    "the gradients agree at theta = theta_0: grad E_(p_theta) log q/p_theta0 = -grad KL",
    [7],
)
def the_swap_of_theta(rng: np.random.Generator) -> Found:
    """With the true parameter held inside the ratio the expectation has its least value there, not its largest; its gradient is right."""

    def gain(theta: float) -> float:  # q = N(0, 4), p_theta = N(theta, 1), theta* = 0: log q/p_0 = 3 x^2 / 8 - log 2
        return 3 * (theta**2 + 1) / 8 - LOG2

    grid = np.linspace(-3, 3, 61)
    gains = [gain(t) for t in grid]
    yield arithmetic(equal("argmin; theta*", abs(float(grid[int(np.argmin(gains))])), 0.0))
    yield as_printed(equal("argmax; theta*", abs(float(grid[int(np.argmax([gain(t) for t in grid]))])), 0.0))
    for theta, figure in enumerate((-0.32, 0.06, 1.18, 3.06)):
        by_quadrature = other.integral(
            lambda x, t=theta: float(other.normal(x, t)) * (3 * x * x / 8 - LOG2), theta - 12, theta + 12, [theta]
        )
        yield arithmetic(equal(f"E g at {theta}", by_quadrature, figure, 0.01))
    at = 0.7
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)

    def held(theta: float) -> float:  # E_(p_theta) log q/p_at
        x = theta + nodes
        return float(weights @ (-(x**2) / 8 - LOG2 + (x - at) ** 2 / 2)) / float(weights.sum())

    kl = other.slope(lambda t: div.kl(div.Gaussian(t, 1.0), div.Gaussian(0.0, 4.0)).value, at)
    yield equal("gradient with the ratio held; -grad KL", other.slope(held, at), -kl, 1e-8)


@erratum(
    f"{SLIDES}, standard GAN",
    "the standard GAN's loss descends KL(p || q)",
    "-logit does; log(1 - D) descends 2 JS, -log D descends KL - 2 JS",
)
def which_loss_gives_kl(rng: np.random.Generator) -> Found:
    """The loss of the slide is that of the logit; the standard GAN's two losses descend something else."""
    torch, nn = torch_and_nn()
    at = 0.7
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    kl = other.slope(lambda t: div.kl(div.Gaussian(t, 1.0), div.Gaussian(0.0, 1.0)).value, at)

    def gradient(form: str) -> float:  # logit D* = at^2/2 - at x, held
        theta = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        logits = at * at / 2 - at * (theta + torch.tensor(nodes))
        losses = torch.stack([nn.objectives.gan.generator_loss(one[None], form) for one in logits])
        (slope,) = torch.autograd.grad((losses * torch.tensor(weights)).sum(), theta)
        return slope.item()

    logit, minimax, saturated = (gradient(form) for form in ("logit", "minimax", "non-saturating"))
    yield as_printed(equal("log(1 - D); KL", minimax, kl, 1e-3))
    yield as_printed(equal("-log D; KL", saturated, kl, 1e-3))
    yield equal("-logit D; KL", logit, kl, 1e-8)
    yield equal("its figure", logit, 0.7, 1e-4)
    yield equal("log(1 - D), its figure", minimax, 0.3115, 1e-4)
    yield equal("-log D, its figure", saturated, 0.3885, 1e-4)


@erratum(f"{SLIDES}, approximating KL", "g is the optimal classifier", "sigma(g) is, for equal classes; g is its logit")
def the_logit_is_no_classifier(rng: np.random.Generator) -> Found:
    """G = log q/p is a logit; the probability of being real is its sigmoid."""
    torch, nn = torch_and_nn()
    q, p = other.pmf(rng, 2, 4)
    g = nn.objectives.gan.optimal_logit(torch.tensor(q).log(), torch.tensor(p).log()).numpy()
    bayes = q / (p + q)
    yield as_printed(equal("g; P(real | x)", float(g[0]), float(bayes[0]), 1e-6))
    yield equal("sigma(g); P(real | x)", float(other.sigmoid(g[0])), float(bayes[0]))


@erratum(
    f"{SLIDES}, issues with KL",
    "KL needs overlap of supports",
    "it needs absolute continuity: no mass where q has none",
)
def overlap_does_not_suffice(rng: np.random.Generator) -> Found:
    """Overlapping uniforms have KL infinite; a uniform inside another has not."""
    whole, moved = stats.uniform(0, 1), stats.uniform(0.5, 1)
    yield as_printed(below("KL(U[0,1] || U[.5,1.5]); infinity", div.kl(whole, moved).value, math.inf))
    yield equal("KL(U[.5,1] || U[0,1]); log 2", div.kl(stats.uniform(0.5, 0.5), whole).value, LOG2, 1e-12)


@erratum(f"{SLIDES}, approximating W_p^p", "W_p^p = sup over 1-Lipschitz f, for any p", "for p = 1 and c = d only")
def kantorovich_rubinstein_for_p_one(rng: np.random.Generator) -> Found:
    """Diracs at 0 and 2 have W_2^2 = 4; 1-Lipschitz functions reach 2."""
    best, _ = other.lipschitz(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([-1.0, 1.0]))
    yield as_printed(equal("W_2^2; best 1-Lipschitz function", exact.wasserstein([0.0], [2.0], p=2).cost, best, 1e-6))
    yield equal("W_1; best 1-Lipschitz function", exact.wasserstein([0.0], [2.0], p=1).cost, best)


@erratum(f"{SLIDES}, last slide", "f_theta, with the generator's theta", "f_phi, with a parameter of its own")
def tied_parameters(rng: np.random.Generator) -> Found:
    """A critic f(x) = theta x that shares the parameter of the generator, a Dirac at theta, does not measure its distance to 1."""
    theta = 0.5
    truth = exact.wasserstein([theta], [1.0], p=1).value
    yield as_printed(equal("E f - E f with f = theta x; W", theta * theta - theta, truth, 1e-6))
    best: float = max(phi * theta - phi for phi in np.linspace(-1, 1, 201))
    yield equal("best of |phi| <= 1; W", best, truth)
