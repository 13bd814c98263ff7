"""Penalised optimal transport: VAE, AVB, AAE and POT as the cookbook relates them, on laws where all of it can be computed."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special

from ... import divergences as div
from ... import laws
from ...distances import exact, gaussians
from .. import penalised_ot
from . import independent as other
from .check import COOKBOOK, Found, arithmetic, at_most, below, chapter, differ, equal, largest, torch_and_nn

check = chapter("Penalised optimal transport")
LOG4 = math.log(4.0)


@check([93], f"{COOKBOOK}, equation (5)", r"\inf_Q D_{VAE} = H(P_X) + \mathrm{KL}(P_X\|P_G)")
def the_vae_objective(rng: np.random.Generator) -> Found:
    """Over all encoders the VAE objective is least at the posterior, where it is the data's entropy and its KL to the model."""
    decoder, prior, data = other.pmf(rng, 4, 6), other.pmf(rng, 4), other.pmf(rng, 6)  # p_G(x|z), P_Z, P_X
    model = prior @ decoder

    def objective(encoder: Any) -> float:
        terms = encoder * (np.log(encoder / prior) - np.log(decoder.T))
        return float(data @ terms.sum(axis=1))

    posterior = (prior[:, None] * decoder).T / model[:, None]
    least = other.entropy(data) + div.kl(data, model).value
    yield equal("objective at the posterior; H + KL", objective(posterior), least)
    yield below(
        "the same; least of 500 other encoders", least, min(objective(other.pmf(rng, 6, 4)) for _ in range(500))
    )


@check([94], f"{COOKBOOK}, equation (6)", r"\sup_T\ \mathrm{E}_Q T - \mathrm{E}_P e^{T - 1} = \mathrm{KL}(Q\|P)")
def the_avb_bound(rng: np.random.Generator) -> Found:
    """The bound of adversarial variational Bayes is KL at the best function, and less over a restricted family."""
    torch, nn = torch_and_nn()
    bound = nn.objectives.adversarial.f_bound_kl
    q, p = np.array([5, 3, 1, 1]), np.array([1, 2, 3, 4])  # of ten samples each

    def value(t: Any) -> float:
        return bound(torch.tensor(np.repeat(t, q)), torch.tensor(np.repeat(t, p))).item()

    truth = other.relative(q / 10, p / 10)
    yield equal("at T = 1 + log Q/P; KL", value(1 + np.log(q / p)), truth)
    line = np.arange(4.0)
    best = scipy.optimize.minimize(lambda w: -value(w[0] + w[1] * line), [1.0, 0.0], tol=1e-12).x
    yield below("best of T = a + b z; KL", value(best[0] + best[1] * line), truth, 1e-6)
    yield at_most("best of 200 random T; KL", max(value(1 + t) for t in rng.normal(size=(200, 4))), truth)


@check(
    [95],
    f"{COOKBOOK}, equation (7)",
    r"\mathrm{E}_X\mathrm{KL}(Q(Z|X)\|P_Z) = \mathrm{KL}(Q_Z\|P_Z) + \mathrm{I}(X; Z)",
)
def what_aae_drops(rng: np.random.Generator) -> Found:
    """The VAE's penalty is the adversarial auto-encoder's on the aggregate plus the information between data and codes."""
    encoder, data, prior = other.pmf(rng, 5, 4), other.pmf(rng, 5), other.pmf(rng, 4)
    joint = data[:, None] * encoder
    aggregate = joint.sum(axis=0)
    information = other.relative(joint, np.outer(data, aggregate))
    mean = float(data @ [div.kl(row, prior).value for row in encoder])
    yield equal("mean KL; KL of the aggregate + I", mean, other.relative(aggregate, prior) + information)
    yield below("0; what is dropped", 0.0, mean - div.kl(aggregate, prior).value)


@check(
    [99],
    f"{COOKBOOK}, equation (9)",
    r"W_c(P_X, P_G) \le W_c^\dagger(P_X, P_G) = \inf_{P(X, Z)}\mathrm{E}\,c(X, G(Z) + \sigma\epsilon)",
)
def w_dagger_is_larger(rng: np.random.Generator) -> Found:
    """With a noisy decoder, coupling by codes costs strictly more than coupling samples."""
    x, g, sigma = np.array([0.0, 3.0]), np.array([1.0, 2.0]), 1.0
    data, prior = np.array([0.5, 0.5]), np.array([0.35, 0.65])
    gap = (x[:, None] - g) / sigma  # E|x - g - sigma eps|: a folded normal
    cost = sigma * (2 * other.normal(gap) + gap * (2 * scipy.special.ndtr(gap) - 1))
    dagger = exact.transport(cost, data, prior).value
    model = div.Mixture(prior, [other.Normal(float(m), sigma) for m in g])
    direct = laws.semi_discrete(x, data, model, 1).value
    area = other.integral(
        lambda t: abs(0.5 * (t >= 0) + 0.5 * (t >= 3) - float(prior @ scipy.special.ndtr((t - g) / sigma))),
        -8,
        14,
        [0, 1, 2, 3, 4, 6],
    )
    yield equal("W; area between distribution functions", direct, area, 1e-9)
    yield equal("W dagger; textbook program", dagger, other.primal(cost, data, prior)[0], 1e-12)
    yield below("W; W dagger", direct, dagger, 1e-2)


@check(
    [100],
    f"{COOKBOOK}, theorem 1, equations (10), (11)",
    r"W_c(P_X, P_G) = \inf_{P(X, Z)}\mathrm{E}\,c(X, G(Z)) = \inf_{Q: Q_Z = P_Z}\mathrm{E}_{P_X}\mathrm{E}_{Q(Z|X)}\,c(X, G(Z))",
)
def theorem_one(rng: np.random.Generator) -> Found:
    """With a deterministic decoder, injective or not, transport to samples is transport to codes."""
    x, codes = rng.normal(size=(6, 2)), rng.normal(size=(8, 2))
    codes[5:] = codes[:3]  # G takes three values twice
    data, prior = other.pmf(rng, 6), other.pmf(rng, 8)
    model = np.concatenate([prior[:3] + prior[5:], prior[3:5]])
    by_samples = exact.wasserstein(x, codes[:5], data, model, p=2).cost
    by_codes = other.primal(other.distances(x, codes) ** 2, data, prior)[0]
    yield equal("over samples; over codes", by_samples, by_codes)
    plan = exact.transport(other.distances(x, codes) ** 2, data, prior).plan.todense()
    encoder = plan / data[:, None]
    yield largest("aggregated posterior; prior", data @ encoder, prior, 1e-14)
    yield equal(
        "mean cost over that encoder", float(data @ (encoder * other.distances(x, codes) ** 2).sum(axis=1)), by_codes
    )


def _finite_problem(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    x, codes = rng.normal(size=(4, 1)) * 2, np.array([[-1.0], [1.5]])
    return np.abs(x - codes.T), other.pmf(rng, 4), np.array([0.3, 0.7])


def _dual(cost: Any, data: Any, prior: Any, weight: float) -> float:
    """``max_h E_x min_z (c + h) - weight log E_z exp(h / weight)``, for two codes."""

    def value(h: float) -> float:
        shift = np.array([0.0, h])
        mean: Any = scipy.special.logsumexp(shift / weight, b=prior)
        return weight * float(mean) - float(data @ (cost + shift).min(axis=1))

    reach = float(np.ptp(cost)) + 10 * min(weight, 5.0)
    corners = [float(z) for z in cost[:, 0] - cost[:, 1]]  # the first part is linear between them
    edges = sorted([-reach, *corners, reach])
    found = [other.best(value, low, high) for low, high in itertools.pairwise(edges)]
    return -min(value(h) for h in (*found, *edges))


@check(
    [101],
    f"{COOKBOOK}, equation (12)",
    r"W_c^\lambda = \inf_Q \mathrm{E}\,c(X, G(Z)) + \lambda F(Q), \qquad W_c^\lambda \uparrow W_c,\ \text{concave in}\ \lambda",
)
def the_relaxation_rises(rng: np.random.Generator) -> Found:
    """The penalised cost rises to the transport cost as the penalty's weight grows, bending down; total variation is exact at a finite weight."""
    cost, data, prior = _finite_problem(rng)
    truth = other.primal(cost, data, prior)[0]
    weights = np.array([0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0])
    values = np.array([penalised_ot.relaxed_transport(cost, data, prior, w)[0] for w in weights])
    for w, value in zip(weights, values):
        yield equal(f"KL, weight {w:g}: primal; dual", value, _dual(cost, data, prior, w), 1e-6)
    yield at_most("largest fall along the weights", -float(np.diff(values).min()), 0.0, 1e-9)
    slopes = np.diff(values) / np.diff(weights)
    yield at_most("largest rise of its slope", float(np.diff(slopes).max()), 0.0, 1e-6)
    yield below("at weight 10; the transport cost", values[4], truth)
    yield equal("at weight 1000; the transport cost", values[-1], truth, 1e-2)
    enough = float(np.ptp(cost)) * 2
    much = penalised_ot.relaxed_transport(cost, data, prior, enough, "tv")[0]
    yield equal(f"TV, weight {enough:.3g}; the transport cost", much, truth, 1e-9)
    little = penalised_ot.relaxed_transport(cost, data, prior, 0.1, "tv")[0]

    def at(share: float) -> float:
        """With this share on the first code."""
        latent = np.array([share, 1 - share])
        return other.primal(cost, data, latent)[0] + 0.1 * float(np.abs(latent - prior).sum()) / 2

    least = at(other.best(at, 0.0, 1.0))
    yield equal("TV, weight 0.1; least over all laws of the code", little, least, 1e-6)
    yield arithmetic(below("TV, weight 0.1: that least; the transport cost", least, truth))


@check(
    [102],
    f"{COOKBOOK}, remark 1",
    r"c = \|x - y\|^2,\ P_G(Y|Z) = N(G(Z), \sigma^2 I):\quad W_c^\dagger = \inf_{Q: Q_Z = P_Z}\mathrm{E}\,c(X, G(Z)) + d\sigma^2",
)
def remark_one(rng: np.random.Generator) -> Found:
    """For squared distances a decoder's Gaussian noise adds its variance to the cost by codes, and nothing else."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    weights = weights / weights.sum()
    x, codes, sigma = rng.normal(size=(5, 2)), rng.normal(size=(4, 2)), 0.6
    data, prior = other.pmf(rng, 5), other.pmf(rng, 4)
    noisy = sum(
        weights[i] * weights[j] * other.distances(x, codes + sigma * np.array([nodes[i], nodes[j]])) ** 2
        for i in range(6)
        for j in range(6)
    )
    plain = other.primal(other.distances(x, codes) ** 2, data, prior)[0]
    yield equal(
        "by quadrature over the noise; by codes + d sigma^2",
        exact.transport(noisy, data, prior).value,
        plain + 2 * sigma**2,
    )


@check(
    [103],
    f"{COOKBOOK}, after remark 1",
    r"D_{GAN}(Q_Z, P_Z) + \log 4 = \sup_T \mathrm{E}_{Q_Z}\log T + \mathrm{E}_{P_Z}\log(1 - T) + \log 4 = 2\mathrm{JS}(Q_Z, P_Z)",
)
def the_adversarial_penalty(rng: np.random.Generator) -> Found:
    """Over all discriminators the adversarial penalty is tight: twice JS, less log 4."""
    torch, nn = torch_and_nn()
    posteriors, prior = other.pmf(rng, 7, 4), other.pmf(rng, 4)
    q = posteriors.mean(axis=0)

    def lost(logits: Any) -> Any:
        share = other.sigmoid(logits)
        value = float(q @ np.log(share) + prior @ np.log(1 - share))
        return -value, -(q * (1 - share) - prior * share)

    best = -float(scipy.optimize.minimize(lost, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-10}).fun)
    js = nn.objectives.adversarial.discrete_penalty(torch.tensor(posteriors), torch.tensor(prior), "js").item()
    yield equal("best discriminator + log 4; 2 JS", best + LOG4, 2 * js, 1e-9)
    yield at_most("a random discriminator; 2 JS - log 4", -lost(rng.normal(size=4))[0], 2 * js - LOG4)


@check(
    [104],
    f"{COOKBOOK}, equation (13)",
    r"D_{POT} = \inf_Q \mathrm{E}_{P_X}\mathrm{E}_{Q(Z|X)}[c(X, G(Z))] + \lambda D(Q_Z, P_Z)",
)
def penalised_transport(rng: np.random.Generator) -> Found:
    """The penalised objective on a batch by hand: the encoder's side of the game, samples of the prior, exact penalties."""
    torch, nn = torch_and_nn()
    adversarial = nn.objectives.adversarial
    costs, logits, latents = rng.random(9), rng.normal(size=9), rng.normal(size=(9, 2))
    prior, posteriors, masses = rng.normal(size=(7, 2)), other.pmf(rng, 9, 4), other.pmf(rng, 4)
    z = torch.tensor(latents)
    gan = adversarial.latent_penalty(z, logits=torch.tensor(logits))
    by_hand = costs.mean() + 3 * -np.log(1 - other.sigmoid(logits)).mean()
    yield equal("with a discriminator", adversarial.pot_loss(torch.tensor(costs), gan, 3.0).item(), by_hand)

    def kernel(u: Any, v: Any) -> Any:
        return 1 / (1 + other.distances(u, v) ** 2 / 4.0)

    own, theirs = kernel(latents, latents), kernel(prior, prior)
    mmd = (own.sum() - 9) / 72 + (theirs.sum() - 7) / 42 - 2 * kernel(latents, prior).mean()
    found = adversarial.latent_penalty(z, prior=torch.tensor(prior)).item()
    yield equal("with samples of the prior: MMD", found, mmd)
    q = posteriors.mean(axis=0)
    m = (q + masses) / 2
    by_hand = {
        "kl": other.relative(q, masses),
        "js": (other.relative(q, m) + other.relative(masses, m)) / 2,
        "tv": float(np.abs(q - masses).sum()) / 2,
    }
    for kind, right in by_hand.items():
        left = adversarial.discrete_penalty(torch.tensor(posteriors), torch.tensor(masses), kind).item()
        yield equal(f"exact penalty: {kind}", left, right)


@check(
    [105],
    f"{COOKBOOK}, proposition 2",
    r"P_X = \tfrac12(\delta_{-1} + \delta_1),\ G(z) = a z: \quad a_\sigma^* = \mathrm{erf}\frac{a_\sigma^*}{\sigma\sqrt2}, \qquad a^\dagger = 1",
)
def proposition_two(rng: np.random.Generator) -> Found:
    """The decoder that is best for W depends on the noise; the one that is best for W dagger does not, and is that without noise."""
    atoms, half = np.array([-1.0, 1.0]), np.array([0.5, 0.5])

    def squared(a: float, sigma: float) -> float:
        model = div.Mixture(half, [other.Normal(-a, sigma), other.Normal(a, sigma)])
        return laws.semi_discrete(atoms, half, model, 2).value ** 2

    sigma = 0.5
    star: Any = scipy.optimize.brentq(lambda a: a - math.erf(a / (sigma * math.sqrt(2))), 0.5, 1.0, xtol=1e-14)
    folded = sigma * math.sqrt(2 / math.pi) * math.exp(-(star**2) / (2 * sigma**2)) + star * math.erf(
        star / (sigma * math.sqrt(2))
    )
    yield equal(
        "sigma = .5: W_2^2 at a*; by the folded normal", squared(star, sigma), 1 - 2 * folded + star**2 + sigma**2, 1e-8
    )
    beside = min(squared(star - 0.1, sigma), squared(star + 0.1, sigma))
    yield below("sigma = .5: W_2^2 at a*; beside it", squared(star, sigma), beside, 1e-3)
    yield arithmetic(differ("sigma = .5: a*; 1", float(star), 1.0, 0.05))
    yield below("sigma = .5: W_2^2 at a*; at 1", squared(star, sigma), squared(1.0, sigma), 1e-4)
    none, *some = (squared(a, 1.0) for a in (0.0, 0.5, 1.0))
    yield below("sigma = 1: W_2^2 at a = 0; at .5 and 1", none, min(some))
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    weights = weights / weights.sum()
    for sigma in (0.0, 0.5, 1.0):
        grid = np.linspace(0.5, 1.5, 21)
        costs = [
            exact.transport(
                sum(w * (atoms[:, None] - a * atoms - sigma * e) ** 2 for e, w in zip(nodes, weights)), half, half
            ).value
            for a in grid
        ]
        yield equal(f"sigma = {sigma:g}: best a for W dagger", float(grid[int(np.argmin(costs))]), 1.0, 1e-12)
    for sigma, star in ((0.3, math.sqrt(0.91)), (0.6, 0.8), (0.9, math.sqrt(0.19))):
        slope = other.slope(
            lambda a, s=sigma: gaussians.bures_wasserstein(0.0, 1.0, 0.0, a * a + s * s) ** 2, star, 1e-4
        )
        yield equal(f"P_X = N(0, 1), sigma = {sigma:g}: slope at sqrt(1 - sigma^2)", slope, 0.0, 1e-6)
    mixed = gaussians.bures_wasserstein(0.0, 1.0, 0.0, 0.81 + 0.25)
    yield equal("W_2 between N(0, 1) and the model at a = .9", mixed, abs(1 - math.sqrt(1.06)), 1e-12)


@check(
    [106],
    f"{COOKBOOK}, D_POT and AAE",
    r"D_{AAE} = \frac{D_{POT}}{2\sigma^2} + \frac d2\log(2\pi\sigma^2), \qquad \lambda = 2\sigma^2,\ c = \|x - y\|^2",
)
def aae_is_penalised_transport(rng: np.random.Generator) -> Found:
    """An adversarial auto-encoder with Gaussian decoder is penalised transport of squared distances, up to scale and a constant."""
    torch, nn = torch_and_nn()
    vae, adversarial = nn.objectives.vae, nn.objectives.adversarial
    x, decoded, variance, d = rng.normal(size=(8, 3)), rng.normal(size=(8, 3)), 0.4, 3
    penalty = torch.tensor(float(rng.random()), dtype=torch.float64)
    likelihood = vae.gaussian_log_likelihood(torch.tensor(x), torch.tensor(decoded), variance)
    costs = torch.tensor(((x - decoded) ** 2).sum(axis=1))
    pot = adversarial.pot_loss(costs, penalty, 2 * variance).item()
    by_hand = float(costs.mean()) + 2 * variance * penalty.item()
    yield equal("POT on the batch; by hand", pot, by_hand)
    constant = d / 2 * math.log(2 * math.pi * variance)
    yield equal(
        "AAE; POT / 2 sigma^2 + constant",
        adversarial.aae_loss(likelihood, penalty).item(),
        by_hand / (2 * variance) + constant,
    )


@check(
    [107],
    f"{COOKBOOK}, D_POT and WGAN",
    r"X = \{0, 4\},\ G = \{1, 10\}:\quad \partial_{G_2} W_1 = \tfrac12, \qquad \partial_{G_2} W^\lambda_{TV} = \begin{cases}0 & \lambda < 3\\ \tfrac12 & \lambda > 3\end{cases}",
)
def gradients_of_both_approximations(rng: np.random.Generator) -> Found:
    """A penalty that is too weak loses the gradient of a sample; a clipped critic keeps its direction and loses its size."""
    x, half = np.array([[0.0], [4.0]]), np.array([0.5, 0.5])

    def model(second: float) -> Any:
        return np.array([[1.0], [second]])

    truth = exact.wasserstein(x, model(10.0), p=1)
    yield equal("W_1", truth.value, 3.5)
    yield equal("gradient of W_1 in G_2", float(np.asarray(truth.gradients(of="cost").y)[1, 0]), 0.5)
    for weight, slope in ((0.5, 0.0), (2.5, 0.0), (3.5, 0.5), (10.0, 0.5)):

        def penalised(t: float, weight: float = weight) -> float:
            return penalised_ot.relaxed_transport(np.abs(x - model(t).T), half, half, weight, "tv")[0]

        yield equal(f"TV, weight {weight:g}: gradient in G_2", other.slope(penalised, 10.0, 1e-2), slope, 1e-9)
    torch, nn = torch_and_nn()
    critic, wgan = torch.nn.Linear(1, 1).double(), nn.objectives.wgan
    with torch.no_grad():
        critic.weight.fill_(-5.0)
    wgan.Clipping(0.01).apply(critic.parameters())
    fake = torch.tensor(model(10.0), requires_grad=True)
    (gradient,) = torch.autograd.grad(wgan.generator_loss(critic(fake)), fake)
    yield equal("clipped linear critic: gradient in G_2", gradient[1].item(), 0.01 / 2, 1e-15)
