"""Errata of the notes: the printed form, which fails when it is run, and the right one, which holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.special

from ... import distances, exact_laws, gaussians
from ... import divergences as div
from ...errors import require
from .. import inference
from . import independent as other
from .check import (
    CHAPTER,
    COOKBOOK,
    COURSE,
    LECTURE,
    SLIDES,
    Comparison,
    Run,
    as_printed,
    at_most,
    below,
    chapter,
    differ,
    equal,
    torch_and_nn,
)
from .independent import stats
from .variational import two_modes

ERRATA = "Errata"
check = chapter(ERRATA)
Found = Iterator[Comparison]
LOG2, LOG4 = math.log(2.0), math.log(4.0)


def erratum(where: str, printed: str, right: str, items: Iterable[int] = ()) -> Callable[[Run], Run]:
    """Enter an erratum: a function that yields comparisons as printed (they must fail) and as corrected."""
    return check(items, where, "", printed, right)


class Slip(NamedTuple):
    """A slip of the pen that no number can tell."""

    where: str
    printed: str
    right: str


SLIPS = (
    Slip(f"{COOKBOOK}, proposition 2", "G maps X to the line", "G maps Z to X"),
    Slip(f"{COOKBOOK}, penalties", "equation (12) is displayed twice", "once"),
    Slip(
        f"{COOKBOOK}", "equations (3) and (8) are cited and absent", "the model P_G(Y|Z) P_Z, and its reparametrisation"
    ),
)


# Application of O.T.


@erratum(f"{SLIDES}, the classic example", "argmin KL = - argmin E log p", "argmin KL = argmax E log p")
def minus_argmin(rng: np.random.Generator) -> Found:
    """Minus sits inside: the argmin of the negative is the argmax, not the negative of the argmin."""
    grid = np.linspace(-3, 3, 61)
    kls = [div.kl(div.Gaussian(1.0, 1.0), div.Gaussian(t, 1.0)).value for t in grid]
    likelihood = -((grid - 1) ** 2) / 2 - 0.5 - 0.5 * math.log(2 * math.pi)
    best = float(grid[int(np.argmin(kls))])
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
    truth = -div.kl(div.Gaussian(0.0, 1.0), div.Gaussian(0.5, 1.0)).value - 0.5 * math.log(2 * math.pi * math.e)
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
    yield equal(
        "joint; conditionals times inputs", truth, math.prod(conditional[i, j] * inputs[i] for i, j in picked), 1e-15
    )


@erratum(f"{SLIDES}, the classic example", "prod f^y (1 - f)^(1 - y) = BCE", "- log(prod) / N = BCE")
def likelihood_is_not_the_loss(rng: np.random.Generator) -> Found:
    """The loss is minus the logarithm of the likelihood, over N."""
    torch, _ = torch_and_nn()
    share, labels = rng.random(5), np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    likelihood = math.prod((share**labels * (1 - share) ** (1 - labels)).tolist())
    loss = torch.nn.BCELoss()(torch.tensor(share), torch.tensor(labels)).item()
    yield as_printed(equal("likelihood; BCELoss", likelihood, loss, 1e-6))
    yield equal("-log likelihood / N; BCELoss", -math.log(likelihood) / 5, loss)


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
    yield as_printed(equal("argmax; theta*", abs(float(grid[int(np.argmax([gain(t) for t in grid]))])), 0.0))
    for theta, figure in enumerate((-0.32, 0.06, 1.18, 3.06)):
        by_quadrature = other.integral(
            lambda x, t=theta: float(other.normal(x, t)) * (3 * x * x / 8 - LOG2), theta - 12, theta + 12, [theta]
        )
        yield equal(f"E g at {theta}", by_quadrature, figure, 0.01)
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
    at = 0.7
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    kl = other.slope(lambda t: div.kl(div.Gaussian(t, 1.0), div.Gaussian(0.0, 1.0)).value, at)

    def gradient(loss: Callable[[Any], Any]) -> float:  # logit D* = at^2/2 - at x, held
        return other.slope(lambda t: float(weights @ loss(at * at / 2 - at * (t + nodes))), at)

    logit = gradient(lambda z: -z)
    minimax, saturated = gradient(lambda z: -np.logaddexp(0, z)), gradient(lambda z: np.logaddexp(0, -z))
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
    yield as_printed(
        equal("W_2^2; best 1-Lipschitz function", distances.wasserstein([0.0], [2.0], p=2).cost, best, 1e-6)
    )
    yield equal("W_1; best 1-Lipschitz function", distances.wasserstein([0.0], [2.0], p=1).cost, best)


@erratum(f"{SLIDES}, last slide", "f_theta, with the generator's theta", "f_phi, with a parameter of its own")
def tied_parameters(rng: np.random.Generator) -> Found:
    """A critic f(x) = theta x that shares the parameter of the generator, a Dirac at theta, does not measure its distance to 1."""
    theta = 0.5
    truth = distances.wasserstein([theta], [1.0], p=1).value
    yield as_printed(equal("E f - E f with f = theta x; W", theta * theta - theta, truth, 1e-6))
    best: float = max(phi * theta - phi for phi in np.linspace(-1, 1, 201))
    yield equal("best of |phi| <= 1; W", best, truth)


# Lecture 9


@erratum(f"{LECTURE}, section 9.1, example", "TV(P_0, P_e) = 1 for every e >= 0", "TV = min(e, 1)")
def tv_of_shifted_uniforms(rng: np.random.Generator) -> Found:
    """Uniforms that overlap are not at total variation 1."""
    p = stats.uniform(0, 1)
    for e in (0.0, 0.25):
        found = div.tv(p, stats.uniform(e, 1)).value
        yield as_printed(equal(f"TV at e = {e:g}; 1", found, 1.0, 1e-6))
        yield equal(f"TV at e = {e:g}; min(e, 1)", found, e, 1e-10)


@erratum(
    f"{LECTURE}, section 9.1, example",
    "KL(P_0 || P_e) is infinite for every e >= 0",
    "for every e > 0; it is 0 at e = 0",
)
def kl_at_no_shift(rng: np.random.Generator) -> Found:
    """The law itself is at divergence 0."""
    p = stats.uniform(0, 1)
    yield as_printed(equal("KL at e = 0; infinity", div.kl(p, p).value, math.inf))
    yield equal("KL at e = 0; 0", div.kl(p, p).value, 0.0)
    yield equal("KL at e = 1e-6; infinity", div.kl(p, stats.uniform(1e-6, 1)).value, math.inf)


@erratum(f"{LECTURE}, section 9.1", "inf over kernels", "inf over kernels whose output has the target's law")
def a_missing_constraint(rng: np.random.Generator) -> Found:
    """Without the second marginal, staying where one is costs nothing."""
    x, y, a = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0], [3.0]]), np.array([0.5, 0.5])
    b = np.array([0.2, 0.3, 0.5])
    cost = other.distances(x, y)
    value = distances.wasserstein(x, y, a, b, p=1).value
    yield as_printed(equal("least over all kernels; W", float(a @ cost.min(axis=1)), value, 1e-6))
    yield equal("least over kernels onto the target; W", other.primal(cost, a, b)[0], value, 1e-12)


@erratum(
    f"{LECTURE}, theorem 1, remark",
    "the example refutes both converses",
    "it refutes TV => KL only; atoms against U[0,1] refute W => TV",
)
def which_converse_the_example_refutes(rng: np.random.Generator) -> Found:
    """Along the example's own shifts W and TV go to 0 together: W = TV = e."""
    e = 1e-3
    p, q = stats.uniform(0, 1), stats.uniform(e, 1)
    yield as_printed(below("TV stays above one half while W is 1e-3", 0.5, div.tv(p, q).value))
    yield equal("TV; W", div.tv(p, q).value, exact_laws.on_the_line(p, q, 1).value, 1e-10)
    atoms = (np.arange(250) + 0.5) / 250
    yield equal("250 atoms: W", exact_laws.semi_discrete(atoms, None, p, 1).value, e, 1e-12)
    p_atoms, p_others = np.zeros((2, 250 + 5000))
    p_atoms[:250], p_others[250:] = 1 / 250, 1 / 5000  # points of the line beside the atoms
    yield equal("250 atoms: TV to 5000 points beside them", div.tv(p_atoms, p_others).value, 1.0)


@erratum(
    f"{LECTURE}, theorem 1, proof sketch",
    "TV <= sqrt(2 KL) is Pinsker's inequality",
    "TV <= sqrt(KL / 2), and this constant is sharp",
)
def pinskers_constant(rng: np.random.Generator) -> Found:
    """The printed bound is true and twice too large: half of it is met in the limit."""
    t = 1e-4
    kl = div.kl([0.5 + t, 0.5 - t], [0.5, 0.5]).value
    yield as_printed(equal("TV; sqrt(2 KL)", t / math.sqrt(2 * kl), 1.0, 0.01))
    yield equal("TV; sqrt(KL / 2)", t / math.sqrt(kl / 2), 1.0, 1e-6)


@erratum(
    f"{LECTURE}, section 9.2",
    "bounded weights give a smooth function, and W",
    "a Lipschitz function, and a lower bound of W",
)
def a_family_is_a_lower_bound(rng: np.random.Generator) -> Found:
    """Linear critics of norm 1 tell nothing of a point and its two neighbours, whose distance is 1."""
    x, y = np.array([0.0]), np.array([-1.0, 1.0])
    value = distances.wasserstein(x, y, p=1).value
    best = max(w * (x.mean() - y.mean()) for w in np.linspace(-1, 1, 201))
    yield as_printed(equal("max over linear critics; W", float(best), value, 1e-6))
    yield at_most("max over linear critics; W", float(best), value)


@erratum(f"{LECTURE}, section 9.3", "w <- threshold(w)", "w <- threshold(w + step times gradient)")
def a_missing_step(rng: np.random.Generator) -> Found:
    """As printed the inner loop computes a gradient and does not use it: the critic never learns."""
    torch, nn = torch_and_nn()
    wgan, rounds = nn.objectives.wgan, require("otgen.lab.rounds")
    real, fake = torch.ones(4, 1).double(), torch.zeros(4, 1).double()

    def gain(ascend: bool) -> float:
        critic = torch.nn.Linear(1, 1).double()
        with torch.no_grad():
            critic.weight.fill_(0.001)
        optimiser = torch.optim.SGD(critic.parameters(), 0.1)
        for _ in range(5):
            loss = wgan.critic_loss(critic(real), critic(fake))
            if ascend:
                rounds.step(optimiser, loss)
            wgan.Clipping(0.01).apply(critic.parameters())
        return -wgan.critic_loss(critic(real), critic(fake)).item()

    yield as_printed(equal("gain after five printed loops; best in the box", gain(False), 0.01, 1e-6))
    yield equal("gain after five loops with the step; best in the box", gain(True), 0.01)


@erratum(f"{LECTURE}, section 9.4", "E log f(x) - E log(1 - f(g(z)))", "E log f(x) + E log(1 - f(g(z)))")
def the_sign_of_cross_entropy(rng: np.random.Generator) -> Found:
    """With the printed sign the maximum over f is infinite: f = 1 - d everywhere makes it as large as one likes."""
    torch, nn = torch_and_nn()
    for d, figure in ((1e-2, 4.6), (1e-6, 13.8), (1e-12, 27.6)):
        printed = math.log1p(-d) - math.log(d)
        yield equal(f"f = 1 - {d:g}: printed objective", printed, figure, 0.05)
    yield as_printed(at_most("printed objective; 0, the largest it may be", printed, 0.0))
    logits = torch.tensor(rng.normal(size=(2, 20)) * 5)
    yield at_most("with the right sign; 0", nn.objectives.gan.value(*logits).item(), 0.0)


# UL: GANs & VAEs


@erratum(f"{CHAPTER}, page 2", "f_z(g^-1(x)) |d g^-1 / dx|, a norm", "f_z(G^-1(x)) |det d G^-1 / dx|")
def a_determinant_not_a_norm(rng: np.random.Generator) -> Found:
    """In more than one dimension the factor is the determinant of the inverse's Jacobian."""
    a, x = np.array([[2.0, 0.5], [0.0, 1.5]]), np.array([1.0, -0.5])
    back = np.linalg.inv(a)
    noise = float(np.prod(other.normal(back @ x)))
    truth = float(stats.multivariate_normal([0, 0], a @ a.T).pdf(x))
    yield as_printed(equal("by the norm; the density", noise * float(np.linalg.norm(back)), truth, 1e-6))
    yield equal("by the determinant; the density", noise * abs(float(np.linalg.det(back))), truth)


@erratum(f"{CHAPTER}, page 2", "any smooth transform G", "an injective one; otherwise a sum over its branches")
def one_branch_of_two(rng: np.random.Generator) -> Found:
    """The square of a normal variable has two roots; one of them gives half of its density."""
    branches = [
        exact_laws.Branch(lambda x, s=s: s * math.sqrt(x), lambda x, s=s: s / (2 * math.sqrt(x))) for s in (-1, 1)
    ]
    truth = float(stats.chi2(1).pdf(1.0))
    yield as_printed(
        equal("one branch; chi^2 at 1", exact_laws.Pushforward(stats.norm(), branches[:1]).pdf(1.0), truth, 1e-6)
    )
    yield equal("both branches; chi^2 at 1", exact_laws.Pushforward(stats.norm(), branches).pdf(1.0), truth)


@erratum(
    f"{CHAPTER}, page 4",
    "KL(P_n || P_beta) = mean log of (1/n) / P_beta(y | x)",
    "KL(P_n || P_n(x) P_beta(y | x)) = cross-entropy",
)
def not_a_kl(rng: np.random.Generator) -> Found:
    """The printed sum is no divergence: where labels can be told apart it is negative."""
    x = np.concatenate([np.linspace(-3, -1, 10), np.linspace(1, 3, 10)])
    y, n = (x > 0).astype(float), 20
    share = np.clip(other.sigmoid(8 * x), 1e-12, 1 - 1e-12)
    right = np.where(y > 0, share, 1 - share)
    printed = float(np.mean(np.log((1 / n) / right)))
    yield as_printed(at_most("0; the printed sum", 0.0, printed))
    observed, model = np.stack([1 - y, y], 1) / n, np.stack([1 - share, share], 1) / n
    yield equal(
        "KL over pairs; cross-entropy", div.kl(observed.ravel(), model.ravel()).value, -float(np.log(right).mean())
    )


@erratum(f"{CHAPTER}, page 4", "cross-entropy = sum log sigma + sum log(1 - sigma)", "minus that, over n")
def signs_of_the_two_terms(rng: np.random.Generator) -> Found:
    """The two terms of the cross-entropy are printed without their signs."""
    torch, _ = torch_and_nn()
    share = rng.random(6) * 0.8 + 0.1
    terms = np.log(share[:3]).sum() + np.log(1 - share[3:]).sum()
    loss = torch.nn.BCELoss()(torch.tensor(share), torch.tensor([1.0, 1, 1, 0, 0, 0]).double()).item()
    yield as_printed(equal("the two terms; cross-entropy", float(terms), loss, 1e-6))
    yield equal("minus the two terms over n; cross-entropy", -float(terms) / 6, loss)


@erratum(f"{CHAPTER}, page 5", "J(d) is the sample version of E log D + E log(1 - D)", "of minus that")
def a_missing_minus(rng: np.random.Generator) -> Found:
    """The discriminator's cost has a minus that its theoretical version lost."""
    torch, nn = torch_and_nn()
    logits = torch.tensor(rng.normal(size=(2, 10)))
    real, fake = (other.sigmoid(z) for z in logits.numpy())
    printed = float(np.log(real).mean() + np.log(1 - fake).mean())
    cost = nn.objectives.gan.discriminator_loss(*logits).item()
    yield as_printed(equal("J(d); E log D + E log(1 - D)", cost, printed, 1e-6))
    yield equal("J(d); minus that", cost, -printed)


@erratum(f"{CHAPTER}, page 6", "J(g) = -E log D(G(z)) / 2 beside J(d) without a half", "both halved, or neither")
def halves_do_not_match(rng: np.random.Generator) -> Found:
    """The generator's cost is that of the discriminator's fake term with the label turned: it is printed with a half that J(d) lacks."""
    torch, nn = torch_and_nn()
    logits = torch.tensor(rng.normal(size=10))
    turned = torch.nn.BCEWithLogitsLoss()(logits, torch.ones(10).double()).item()  # fakes labelled as real
    half = -0.5 * float(np.log(other.sigmoid(logits.numpy())).mean())
    yield as_printed(equal("J(g); fake term with turned labels", half, turned, 1e-6))
    yield equal("non-saturating loss; the same", nn.objectives.gan.generator_loss(logits).item(), turned)


@erratum(
    f"{CHAPTER}, page 8",
    "D* = f / (f + f_g) on the intersection of supports; a, b not 0",
    "on their union; a, b >= 0, not both 0",
)
def where_the_optimum_is(rng: np.random.Generator) -> Found:
    """What D says where only one law lives counts: with one half there the value is -log 4, for laws that are far from equal."""
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    truth = 2 * div.js(p, q).value - LOG4

    def value(d: Any) -> float:
        return float(scipy.special.xlogy(p, d).sum() + scipy.special.xlogy(q, 1 - d).sum())

    yield as_printed(
        equal("one half off the intersection; 2 JS - log 4", value(np.array([0.5, 0.5, 0.5])), truth, 1e-6)
    )
    yield equal("D* on the union; 2 JS - log 4", value(np.array([1.0, 0.5, 0.0])), truth)
    yield as_printed(at_most("a = 2, b = -1: a / (a + b); 1", 2.0 / (2.0 - 1.0), 1.0))


@erratum(
    f"{CHAPTER}, pages 9 and 28", "JS = KL(P || M) + KL(Q || M)", "half of that, as it is usually meant: at most log 2"
)
def halves_of_js(rng: np.random.Generator) -> Found:
    """Without its halves the Jensen-Shannon divergence of disjoint laws is log 4."""
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    printed = 2 * math.log(1 / 0.5)
    yield as_printed(at_most("printed JS of disjoint laws; log 2", printed, LOG2))
    yield equal("JS with halves; log 2", div.js(p, q).value, LOG2)


@erratum(
    f"{CHAPTER}, page 9", "JS is non-negative unless P_g = P", "it is zero just when P_g = P, and positive otherwise"
)
def zero_when_equal(rng: np.random.Generator) -> Found:
    """At equality the divergence is 0, which is not negative."""
    p, q = other.pmf(rng, 2, 5)
    yield as_printed(below("JS(p, p); 0", div.js(p, p).value, 0.0))
    yield equal("JS(p, p); 0", div.js(p, p).value, 0.0, 1e-16)
    yield below("0; JS(p, q)", 0.0, div.js(p, q).value)


@erratum(f"{CHAPTER}, pages 11 and 12", "KL(q_1 || p~_1) with log p~_1 = E log p", "p~_1 has to be normalised first")
def an_unnormalised_law(rng: np.random.Generator) -> Found:
    """Exp of the mean logarithm is no law: its mass is below 1."""
    table = other.pmf(rng, 12).reshape(3, 4)
    found = inference.mean_field(table)
    printed = np.exp(np.log(table) @ found.second)
    yield as_printed(equal("total of p~_1; 1", float(printed.sum()), 1.0, 1e-6))
    yield equal("q_1; p~_1 over its total", float(found.first[0]), float(printed[0] / printed.sum()))


@erratum(f"{CHAPTER}, page 14", "q_1* = integral of f", "of p, the law that is approximated")
def f_for_p(rng: np.random.Generator) -> Found:
    """The marginals are those of p; f is the density of the data of part I, another law."""
    p, f = (other.pmf(rng, 12).reshape(3, 4) for _ in range(2))
    best = scipy.optimize.minimize(
        lambda w: -float(p.sum(axis=1) @ scipy.special.log_softmax(w)),
        np.zeros(3),
        method="BFGS",
        options={"gtol": 1e-9},
    ).x
    first = scipy.special.softmax(best)
    yield as_printed(equal("best factor; marginal of another law", float(first[0]), float(f.sum(axis=1)[0]), 1e-6))
    yield equal("best factor; marginal of p", float(first[0]), float(p.sum(axis=1)[0]), 1e-6)


@erratum(f"{CHAPTER}, page 14", "q_j* = N(mu_j, Sigma_jj^-1)", "N(mu_j, Sigma_jj)")
def an_inverse_too_many(rng: np.random.Generator) -> Found:
    """The marginals of a normal law have its variances, not their inverses: 6.34 nats against .22."""
    law = div.Gaussian([0.0, 0.0], [[4.0, 1.2], [1.2, 1.0]])
    least = -0.5 * math.log(1 - 1.44 / 4)
    printed = div.kl(law, div.Gaussian([0.0, 0.0], [0.25, 1.0])).value
    yield as_printed(equal("KL to the printed product; least of any product", printed, least, 1e-3))
    yield equal("the printed one's figure", printed, 6.34, 0.3)
    yield equal(
        "KL to the marginals; least of any product", div.kl(law, div.Gaussian([0.0, 0.0], [4.0, 1.0])).value, least
    )


@erratum(
    f"{CHAPTER}, page 16",
    "reverse KL picks one mode of a bimodal law",
    "only once the modes are far enough apart: a > 2.80 for modes +-a of deviation 1",
)
def when_one_mode_is_picked(rng: np.random.Generator) -> Found:
    """Modes closer than that are covered by reverse KL too."""
    fits = {
        a: [inference.fit_gaussian(two_modes(a), "reverse", s) for s in ((0.0, a), (a, 1.0))] for a in (2.0, 2.7, 2.9)
    }
    best = {a: abs(min(both, key=lambda fit: fit.divergence).mean) for a, both in fits.items()}
    yield as_printed(below("a = 2: half of a; mean of the best fit", 1.0, best[2.0]))
    yield equal("a = 2.7: mean of the best fit", best[2.7], 0.0, 1e-5)
    yield equal("a = 2.9: mean of the best fit; a mode", best[2.9], 2.9, 0.05)


@erratum(
    f"{CHAPTER}, page 18",
    "expectation propagation minimises KL(p || q)",
    "it iterates moment matching of tilted factors: near, not equal",
)
def propagation_is_no_global_minimum(rng: np.random.Generator) -> Found:
    """The global minimum has the posterior's own moments; the fixed point of expectation propagation has others."""
    x, labels = np.array([2.0, 1.0, -1.5, 3.0]), np.array([1.0, -1.0, 1.0, 1.0])
    fit = inference.probit_propagation(x, labels)

    def moment(k: int) -> float:
        return other.integral(
            lambda z: z**k * math.exp(-z * z / 2) * float(np.prod(scipy.special.ndtr(labels * x * z))),
            -10,
            10,
            np.linspace(-6, 6, 25),
        )

    zero, one, two = (moment(k) for k in range(3))
    variance = two / zero - (one / zero) ** 2
    yield as_printed(equal("its variance; that of the minimum", fit.variance, variance, 1e-5))
    yield equal("its variance, near", fit.variance, variance, 0.05 * variance)


@erratum(
    f"{CHAPTER}, page 19",
    "p(x | beta) = prod N(x_i | beta x_i, 1/tau)",
    "p(y | x, beta) = prod N(y_i | beta x_i, 1/tau)",
)
def the_response_is_y(rng: np.random.Generator) -> Found:
    """As printed the inputs explain themselves: the fitted slope is 1 whatever the data."""
    x = rng.normal(size=200)
    y = 0.3 * x + 0.1 * rng.normal(size=200)
    slopes = [float(inference.variational_regression(x[:, None], t, 100.0).mean[0]) for t in (x, y)]
    least = float((x @ y) / (x @ x))
    yield as_printed(equal("slope of x on x; least squares", slopes[0], least, 0.1))
    yield equal("slope of y on x; least squares", slopes[1], least, 0.01)


@erratum(f"{CHAPTER}, page 21", "the KL below is to N(0, Sigma)", "to N(0, I)")
def the_prior_is_standard(rng: np.random.Generator) -> Found:
    """The closed form of the next page is the divergence to the standard normal law."""
    mean, cov = rng.normal(size=2), np.array([[2.0, 0.3], [0.3, 0.5]])
    closed = 0.5 * float(np.trace(cov) + mean @ mean - 2 - np.linalg.slogdet(cov)[1])
    law = div.Gaussian(mean, cov)
    yield as_printed(
        equal("closed form; KL to N(0, Sigma)", closed, div.kl(law, div.Gaussian([0.0, 0.0], cov)).value, 1e-6)
    )
    yield equal("closed form; KL to N(0, I)", closed, div.kl(law, div.Gaussian([0.0, 0.0], 1.0)).value)


@erratum(f"{CHAPTER}, page 22", "full criterion to minimise", "to maximise")
def the_elbo_is_maximised(rng: np.random.Generator) -> Found:
    """The criterion is a lower bound of the evidence: its largest value is wanted, and its least is minus infinity."""
    joint = rng.random(5) * 0.1
    posterior = joint / joint.sum()
    values = [inference.elbo(np.log(joint), q) for q in other.pmf(rng, 50, 5)]
    evidence = math.log(joint.sum())
    yield as_printed(equal("least of 50 encoders; log evidence", min(values), evidence, 1e-6))
    yield equal("value at the posterior; log evidence", inference.elbo(np.log(joint), posterior), evidence)
    yield below("largest of the others; log evidence", max(values), evidence)


@erratum(
    f"{CHAPTER}, pages 22 and 23",
    "the gradient cannot be propagated through a sample",
    "frozen it is 0; the score function, or reparametrising, gives it",
)
def gradients_of_frozen_samples(rng: np.random.Generator) -> Found:
    """With the sample frozen the gradient in the mean is 0; two estimators give it without bias."""
    n, mu, x = 200_000, 0.4, 1.7
    noise = rng.normal(size=n)
    z = mu + noise
    score = 0.5 * (x - z) ** 2 * (z - mu)
    frozen = other.slope(lambda m: float(0.5 * ((x - z) ** 2).mean()) + 0 * m, mu)
    yield as_printed(equal("frozen sample; mu - x", frozen, mu - x, 1e-6))
    yield equal("score function; mu - x", float(score.mean()), mu - x, 4 * float(score.std()) / math.sqrt(n))
    through = -(x - (mu + noise))
    yield equal("reparametrised; mu - x", float(through.mean()), mu - x, 4 * float(through.std()) / math.sqrt(n))


@erratum(f"{CHAPTER}, page 23", "log p(x | z) = |x - f|^2 + constant", "-|x - f|^2 / (2 sigma^2) + constant")
def sign_and_scale_of_the_likelihood(rng: np.random.Generator) -> Found:
    """A squared error is minus a log likelihood, up to the scale of the noise."""
    torch, nn = torch_and_nn()
    x, f, variance = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), 0.5
    logs = nn.objectives.vae.gaussian_log_likelihood(torch.tensor(x), torch.tensor(f), variance).numpy()
    squares = ((x - f) ** 2).sum(axis=1)
    difference = float(logs[0] - logs[1])  # constants cancel
    yield as_printed(equal("difference of two; of squared errors", difference, float(squares[0] - squares[1]), 1e-6))
    yield equal(
        "difference of two; of -squares / 2 sigma^2", difference, -float(squares[0] - squares[1]) / (2 * variance)
    )


@erratum(f"{CHAPTER}, page 24", "GANs minimise JS(P, P_g)", "only against the optimal discriminator")
def js_only_at_the_optimum(rng: np.random.Generator) -> Found:
    """What a generator descends depends on the discriminator that it meets."""
    p, q = other.pmf(rng, 2, 5)

    def value(d: Any) -> float:
        return float(p @ np.log(d) + q @ np.log(1 - d))

    js = div.js(p, q).value
    yield as_printed(equal("some discriminator + log 4; 2 JS", value(0.3 + 0.4 * rng.random(5)) + LOG4, 2 * js, 1e-6))
    yield equal("the best one + log 4; 2 JS", value(p / (p + q)) + LOG4, 2 * js)


@erratum(f"{CHAPTER}, page 24", "first in the work of Wasserstein, 1969", "Kantorovich, 1942; Monge, 1781")
def who_was_first(rng: np.random.Generator) -> Found:
    """The distance is older than its name."""
    kantorovich, wasserstein = 1942, 1969
    yield as_printed(at_most("1969; first year of the distance", wasserstein, kantorovich))
    yield below("Kantorovich; Wasserstein", kantorovich, wasserstein)


@erratum(f"{CHAPTER}, page 30", "W is continuous for any feed-forward generator", "if E|z| is finite")
def noise_with_a_mean(rng: np.random.Generator) -> Found:
    """Cauchy noise through the identity is at infinite distance from every law with a mean."""
    normal = stats.norm()
    yield as_printed(
        below("Cauchy noise: W; infinity", exact_laws.on_the_line(stats.cauchy(), normal, 1).value, math.inf)
    )
    yield below("Gaussian noise: W; infinity", exact_laws.on_the_line(stats.norm(1, 2), normal, 1).value, math.inf)


# Deep Generative Models, Lecture 6


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
    yield as_printed(below("0; size of the generator's gradient", 0.0, abs(slope), 1e-9))
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
    "if G is an immersion; elsewhere its rank drops",
)
def a_cusp(rng: np.random.Generator) -> Found:
    """Z to (z^2, z^3) has a cusp: its Jacobian vanishes at 0; that of z to (z, z^2) nowhere."""

    def rank(curve: Callable[[float], tuple[float, float]]) -> int:
        jacobian = [[other.slope(lambda t, k=k: curve(t)[k], 0.0, 1e-3)] for k in range(2)]
        return int(np.linalg.matrix_rank(jacobian, tol=1e-5))

    yield as_printed(equal("rank at the cusp; dim z", rank(lambda t: (t * t, t**3)), 1))
    yield equal("rank of an immersion; dim z", rank(lambda t: (t, t * t)), 1)


@erratum(f"{COURSE}, Wasserstein distance (discrete)", "W = sum P |i - j|", "the least such sum over all plans")
def a_missing_minimum(rng: np.random.Generator) -> Found:
    """Of any plan the sum is an upper bound; that of the independent plan is not the distance."""
    p, q, k = other.pmf(rng, 5), other.pmf(rng, 5), np.arange(5.0)
    cost = np.abs(k[:, None] - k)
    value = distances.transport(cost, p, q).value
    yield as_printed(equal("independent plan; W", float(p @ cost @ q), value, 1e-6))
    yield equal("least over plans; W", other.primal(cost, p, q)[0], value)


@erratum(f"{COURSE}, Wasserstein distance (continuous)", "inf |x - y| gamma(x, y) dx dy", "inf of its integral")
def a_missing_integral(rng: np.random.Generator) -> Found:
    """An infimum of the integrand at a point is 0; that of its sum is the distance."""
    x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [5.0]])
    value = distances.wasserstein(x, y, p=1).value
    integrand = np.full((2, 2), 0.25) * other.distances(x, y)
    plans = [np.array([[t, 0.5 - t], [0.5 - t, t]]) for t in (0.0, 0.25, 0.5)]
    yield as_printed(
        equal("least integrand; W", min(float((w * other.distances(x, y)).min()) for w in plans), value, 1e-6)
    )
    yield equal("least sum; W", min(float((w * other.distances(x, y)).sum()) for w in plans), value)
    yield below("one entry; the sum", float(integrand.max()), float(integrand.sum()))


@erratum(
    f"{COURSE}, Kantorovich-Rubinstein duality",
    "samples give a Monte Carlo estimate of W",
    "one that is too large in the mean",
)
def samples_overestimate(rng: np.random.Generator) -> Found:
    """Two samples of one law are apart."""
    values = [distances.wasserstein(rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), p=1).value for _ in range(40)]
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
    value = distances.wasserstein(x, y, p=1).value
    best = max(w * float(x.mean() - y.mean()) for w in (-c, c))
    yield as_printed(equal("best clipped critic; W", best, value, 1e-6))
    yield equal("best clipped critic; K W", best, c * value)


# The VEGAN cookbook


@erratum(f"{COOKBOOK}, penalties", "D_GAN is a penalty with F = 0 just when Q_Z = P_Z", "D_GAN + log 4 is")
def the_penalty_at_equality(rng: np.random.Generator) -> Found:
    """At equality the adversarial penalty is -log 4."""
    p = other.pmf(rng, 5)
    best = -scipy.optimize.minimize(
        lambda w: -float(p @ np.log(other.sigmoid(w)) + p @ np.log(1 - other.sigmoid(w))), np.ones(5), method="BFGS"
    ).fun
    yield as_printed(equal("D_GAN(P, P); 0", float(best), 0.0, 1e-6))
    yield equal("D_GAN(P, P) + log 4; 2 JS", float(best) + LOG4, 2 * div.js(p, p).value, 1e-9)


@erratum(f"{COOKBOOK}, remark 1", "W dagger = (11) + d sigma^2, for any cost", "for c = |x - y|^2")
def remark_one_for_squares(rng: np.random.Generator) -> Found:
    """A Dirac at 0, decoded to 0 with unit noise: under c = |x - y| the noise costs .798, not 1."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    absolute = other.integral(lambda t: abs(t) * float(other.normal(t)), -12, 12, [0.0])
    found = distances.transport(np.array([[absolute]])).value
    yield as_printed(equal("c = |x - y|: W dagger; 1", found, 1.0, 1e-3))
    yield equal("its figure", found, 0.798, 1e-3)
    yield equal("c = |x - y|^2: W dagger; 1", distances.transport(np.array([[float(weights @ nodes**2)]])).value, 1.0)


@erratum(
    f"{COOKBOOK}, proposition 2",
    "G* and G dagger are different whenever sigma > 0",
    "not for a Dirac; for N(0, 1) they are: a* = sqrt(1 - sigma^2), a dagger = 1",
)
def proposition_two_and_a_dirac(rng: np.random.Generator) -> Found:
    """A Dirac's best decoder is the constant one, with noise and without; that of a normal law shrinks."""

    def best(variance: float, sigma: float) -> float:
        return other.best(lambda a: gaussians.bures_wasserstein(0.0, variance, 0.0, a * a + sigma**2) ** 2, 0.0, 2.0)

    yield as_printed(differ("Dirac: a* at sigma = .6; at 0", best(0.0, 0.6), 0.0, 1e-3))
    for sigma, figure in ((0.3, 0.954), (0.6, 0.8), (0.9, 0.436), (1.2, 0.0)):
        yield equal(f"N(0, 1), sigma = {sigma:g}: a*", best(1.0, sigma), figure, 2e-3)


@erratum(
    f"{COOKBOOK}, equation (7)",
    "AAE replaces the KL term by another regulariser",
    "it moves it outside the mean over X, and so drops I(X; Z)",
)
def what_is_moved_outside(rng: np.random.Generator) -> Found:
    """Even with KL in place of D_GAN the two objectives differ, by the mutual information."""
    encoder, data, prior = other.pmf(rng, 4, 3), other.pmf(rng, 4), other.pmf(rng, 3)
    joint = data[:, None] * encoder
    aggregate = joint.sum(axis=0)
    inside = float(data @ [div.kl(row, prior).value for row in encoder])
    outside = div.kl(aggregate, prior).value
    yield as_printed(equal("KL inside the mean; outside", inside, outside, 1e-6))
    yield equal("KL inside; outside + I", inside, outside + other.relative(joint, np.outer(data, aggregate)))
