"""Generative adversarial networks: pushed-forward noise, the discriminator, the game and what it is worth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.optimize

from ... import divergences as div
from ... import laws
from ...errors import require
from . import independent as other
from .check import (
    CHAPTER,
    COOKBOOK,
    COURSE,
    LECTURE,
    SLIDES,
    Found,
    arithmetic,
    at_most,
    below,
    chapter,
    equal,
    largest,
    line_layer,
    torch_and_nn,
)
from .independent import stats

GROUP = "Generative adversarial networks"
check = chapter(GROUP)
LOG2, LOG4 = math.log(2.0), math.log(4.0)


@check(
    [8, 31, 38],
    (f"{SLIDES}, approximating KL", f"{CHAPTER}, pages 2 and 8"),
    r"f_g(x) = f_z(G^{-1}(x))\,|\det J_{G^{-1}}(x)|, \qquad \mathrm{E}_z\,h(G(z)) = \int h(x) f_g(x)\,dx",
)
def change_of_variables(rng: np.random.Generator) -> Found:
    """Noise pushed through a map has the density that the change of variables says, by one branch or by two."""
    branch = laws.Branch(np.log, lambda x: 1 / x)
    pushed = laws.Pushforward(other.Normal(), [branch])
    cuts = [-3.0, 0.0, 3.0]
    for x in (0.3, 1.0, 4.0):
        yield equal(f"exp(z) at {x:g}; the lognormal density", pushed.pdf(x), float(stats.lognorm(1).pdf(x)), 1e-14)
    mass = other.integral(lambda t: pushed.pdf(math.exp(t)) * math.exp(t), -9, 9, cuts)
    yield equal("total mass", mass, 1.0, 1e-10)
    roots = [laws.Branch(lambda x, s=s: s * math.sqrt(x), lambda x, s=s: s / (2 * math.sqrt(x))) for s in (-1, 1)]
    squared = laws.Pushforward(other.Normal(), roots)
    yield equal("z^2 at 1; chi^2 with one degree", squared.pdf(1.0), float(other.normal(1.0)), 1e-14)

    def h(x: float) -> float:
        return math.log(1 - 1 / (1 + math.exp(-1 / (1 + x))))

    by_noise = other.integral(lambda z: h(math.exp(z)) * float(other.normal(z)), -9, 9, cuts)
    by_density = other.integral(lambda t: h(math.exp(t)) * pushed.pdf(math.exp(t)) * math.exp(t), -9, 9, cuts)
    yield equal("E log(1 - D(G(z))) over noise; over samples", by_noise, by_density, 1e-10)


@check([32], f"{CHAPTER}, page 2", r"z \sim P_z\ \text{uniform or Gaussian}")
def noise(rng: np.random.Generator) -> Found:
    """Noise is uniform or Gaussian: its first four moments, to four standard errors."""
    torch, nn = torch_and_nn()
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    n = 200_000
    for kind, moments in (
        ("gaussian", (0, 1, 0, 3, 0, 15, 0, 105)),
        ("uniform", [0 if k % 2 else 1 / (k + 1) for k in range(1, 9)]),
    ):
        z = nn.objectives.gan.noise(n, 1, kind, generator).double().numpy()[:, 0]
        for k in (1, 2, 3, 4):
            truth, spread = moments[k - 1], moments[2 * k - 1] - moments[k - 1] ** 2
            yield equal(f"{kind}: moment {k}", float((z**k).mean()), truth, 4 * math.sqrt(spread / n))


@check(
    [4],
    f"{SLIDES}, the classic example",
    r"-\frac1N\log\prod_i f_\theta(x_i)^{y_i}(1 - f_\theta(x_i))^{1 - y_i} = \mathrm{BCE}",
)
def likelihood_and_cross_entropy(rng: np.random.Generator) -> Found:
    """Minus the log likelihood of labels, over their number, is torch's binary cross-entropy."""
    torch, nn = torch_and_nn()
    logits, labels = torch.tensor(rng.normal(size=50)), torch.tensor((rng.random(50) < 0.4).astype(float))
    likelihood = nn.objectives.vae.bernoulli_log_likelihood(labels[:, None], logits[:, None]).sum().item()
    loss = torch.nn.BCELoss()(torch.sigmoid(logits), labels).item()
    yield equal("-log likelihood / N; BCELoss", -likelihood / 50, loss)


@check(
    [33],
    f"{CHAPTER}, pages 3 to 5",
    r"\mathrm{KL}(\hat P_n \| \hat P_n(x) P_\beta(y|x)) = -\frac1n\sum_i \log P_\beta(y_i|x_i), \qquad H(\hat P_n) = \log n",
)
def logistic_regression(rng: np.random.Generator) -> Found:
    """Maximum likelihood for logistic regression is KL from the empirical law; its cross-entropy has a term for each label."""
    n = 12
    x, y, beta = rng.normal(size=n), rng.integers(2, size=n), rng.normal(size=2)
    share = other.sigmoid(beta[0] + beta[1] * x)
    cross = -float((y * np.log(share) + (1 - y) * np.log(1 - share)).mean())
    observed = np.stack([1.0 - y, y], axis=1) / n
    model = np.stack([1 - share, share], axis=1) / n
    yield equal("KL over (x, y); cross-entropy", div.kl(observed.ravel(), model.ravel()).value, cross)
    yield equal(
        "KL to the uniform law on pairs; 2n labels less log n",
        div.kl(observed.ravel(), np.full(2 * n, 0.5 / n)).value,
        LOG2,
    )
    printed = float(sum(math.log((1 / n) / (s if label else 1 - s)) for s, label in zip(share, y))) / n
    yield arithmetic(equal("the printed sum + log n; cross-entropy", printed + math.log(n), cross))


@check(
    [9],
    f"{SLIDES}, approximating KL",
    r"\log\frac{q(x)}{p(x)} = \mathrm{logit}\,D^*(x), \qquad N(0, 1)\ \text{against}\ N(d, 1):\ \text{slope}\ d",
)
def the_classifiers_logit(rng: np.random.Generator) -> Found:
    """The logit of the best classifier is the log ratio of densities: between N(0, 1) and N(d, 1) a line of slope d, and its mean KL."""
    torch, nn = torch_and_nn()
    d, n = 1.3, 40_000
    x, y = rng.normal(size=n), rng.normal(size=n) + d
    design = np.concatenate([y, x])
    labels = np.concatenate([np.ones(n), np.zeros(n)])

    def loss(w: Any) -> Any:
        z = w[0] + w[1] * design
        residual = other.sigmoid(z) - labels
        return (np.logaddexp(0, z) - labels * z).mean(), np.array([residual.mean(), (residual * design).mean()])

    fitted = scipy.optimize.minimize(loss, np.zeros(2), jac=True, tol=1e-12).x
    share = other.sigmoid(fitted[0] + fitted[1] * design)
    information = np.cov(np.stack([np.ones(2 * n), design]), aweights=share * (1 - share), ddof=0)[1, 1]
    error = 1 / math.sqrt(2 * n * float((share * (1 - share)).mean()) * information)
    logs = torch.tensor([[stats.norm(m).logpdf(z) for z in (0.0, 1.0)] for m in (d, 0.0)])
    low, high = nn.objectives.gan.optimal_logit(*logs).tolist()
    yield equal("slope of a fitted classifier; of the best logit", float(fitted[1]), high - low, 4 * error)
    yield equal("slope of the best logit; d", high - low, d)
    found = div.kl_samples(x, y, method="classifier", rng=0)
    # Its error takes the classifier as given; that of the fitted slope is about as large again.
    yield equal(
        "mean logit on samples of N(0, 1); KL = d^2/2", found.value, d * d / 2, 4 * math.hypot(found.error, d * error)
    )


@check([15], f"{LECTURE}, section 9.1", r"C - \frac1m\sum_i \log P_\theta(X_i) \to \mathrm{KL}(P_r\|P_\theta)")
def likelihood_estimates_kl(rng: np.random.Generator) -> Found:
    """Minus the mean log likelihood estimates KL up to the entropy of the data, which no parameter changes."""
    x = rng.normal(size=100_000)
    for theta, sd in ((0.5, 1.0), (-1.0, 2.0)):
        terms = math.log(sd) + 0.5 * math.log(2 * math.pi) + ((x - theta) / sd) ** 2 / 2
        estimate = terms.mean() - 0.5 * math.log(2 * math.pi * math.e)
        truth = div.kl(div.Gaussian(0.0, 1.0), div.Gaussian(theta, sd * sd)).value
        yield equal(
            f"N({theta:g}, {sd:g}^2): estimate; KL", float(estimate), truth, 4 * terms.std() / math.sqrt(len(x))
        )


@check(
    [29, 34],
    (f"{CHAPTER}, page 5", f"{LECTURE}, section 9.4"),
    r"J^{(d)} = -\frac1m\sum_i\big\{\log D(x_i) + \log[1 - D(G(z_i))]\big\}, \qquad \mathrm{E}\,J^{(d)} = -V",
)
def the_discriminators_cost(rng: np.random.Generator) -> Found:
    """The discriminator's cost on a minibatch is unbiased for minus the value of the game, and twice the cross-entropy of labels."""
    torch, nn = torch_and_nn()
    gan = nn.objectives.gan
    batches = rng.normal(size=(600, 2, 16)) + np.array([[0.0], [1.0]])
    logits = torch.tensor(1.0 - 2 * batches)
    costs = np.array([gan.discriminator_loss(real, fake).item() for real, fake in logits])
    truth = -other.integral(
        lambda x: float(other.normal(x) * -np.logaddexp(0, 2 * x - 1) + other.normal(x, 1.0) * -np.logaddexp(0, 1 - 2 * x)),
        -12, 13, range(-8, 9),
    )  # fmt: skip
    yield equal("mean cost of 600 minibatches; -V by quadrature", costs.mean(), truth, 4 * costs.std() / math.sqrt(600))
    labels = torch.cat([torch.ones(16), torch.zeros(16)]).double()
    entropy = torch.nn.BCELoss()(torch.sigmoid(logits[0].flatten()), labels).item()
    yield equal("cost of a minibatch; twice BCELoss", costs[0], 2 * entropy)
    yield at_most("the value of the game; 0", gan.value(*logits[0]).item(), 0.0)


@check(
    [35, 36],
    f"{CHAPTER}, page 6",
    r"\nabla_{\theta_g} J^{(g)} = \nabla_{\theta_g} \mathrm{E}_z\log(1 - D(G(z))), \quad\text{or}\quad J^{(g)} = -\tfrac12 \mathrm{E}_z\log D(G(z))",
)
def the_generators_cost(rng: np.random.Generator) -> Found:
    """In the zero-sum game only the fake term moves the generator; the other form asks for -log D, halved in the chapter."""
    torch, nn = torch_and_nn()
    gan = nn.objectives.gan
    z, x = rng.normal(size=30), torch.tensor(rng.normal(size=30))
    theta = torch.tensor([0.7, 0.3], dtype=torch.float64, requires_grad=True)

    def logits(t: Any) -> Any:
        return 0.4 - 1.5 * (t[0] * z + t[1])

    zero_sum = -gan.discriminator_loss(0.4 - 1.5 * x, logits_of(torch, theta, z))
    (mine,) = torch.autograd.grad(zero_sum, theta)
    for k in range(2):

        def cost(t: float, k: int = k) -> float:
            moved = np.array([0.7, 0.3])
            moved[k] = t
            return float(np.log(1 - other.sigmoid(logits(moved))).mean())

        yield equal(
            f"gradient of -J(d), entry {k}; of E log(1 - D)", mine[k].item(), other.slope(cost, (0.7, 0.3)[k]), 1e-10
        )
    fake = logits_of(torch, theta, z)
    by_hand = -0.5 * float(np.log(other.sigmoid(logits((0.7, 0.3)))).mean())
    yield equal(
        "half the non-saturating loss; -E log D / 2", gan.generator_loss(fake, "non-saturating").item() / 2, by_hand
    )
    by_hand = float(np.log(1 - other.sigmoid(logits((0.7, 0.3)))).mean())
    yield equal("the minimax loss; E log(1 - D)", gan.generator_loss(fake, "minimax").item(), by_hand)


def logits_of(torch: Any, theta: Any, z: Any) -> Any:
    """Logits of a line on a line: ``0.4 - 1.5 (theta_0 z + theta_1)``."""
    return 0.4 - 1.5 * (theta[0] * torch.tensor(z) + theta[1])


@check(
    [37],
    f"{CHAPTER}, page 7",
    r"\theta_d \leftarrow \theta_d + \eta\nabla_{\theta_d}\frac1m\sum\{\log D(x_i) + \log[1 - D(G(z_i))]\}\ (k\ \text{times}), \quad "
    r"\theta_g \leftarrow \theta_g - \eta\nabla_{\theta_g}\frac1m\sum\log[1 - D(G(z_i))]",
)
def a_round_of_the_game(rng: np.random.Generator) -> Found:
    """A round with k = 3 steps of the discriminator and one of the generator is what the same round by hand gives."""
    torch, nn = torch_and_nn()
    gan, rounds = nn.objectives.gan, require("otgen.lab.rounds")
    x, z = rng.normal(size=(3, 8)) + 2, rng.normal(size=(4, 8))
    w, c, a, b = 0.3, -0.1, 0.8, 0.2
    networks = [line_layer(a, b), line_layer(w, c)]
    generator, discriminator = networks[0], torch.nn.Sequential(networks[1], torch.nn.Flatten(0))
    game = rounds.Game(
        generator,
        discriminator,
        lambda real, fake, *_: gan.discriminator_loss(real, fake),
        lambda fake: gan.generator_loss(fake, "minimax"),
        torch.optim.SGD(discriminator.parameters(), 0.1),
        torch.optim.SGD(generator.parameters(), 0.1),
        critic_steps=3,
    )
    reals, noises = iter(x), iter(z)
    rounds.play(game, lambda: torch.tensor(next(reals))[:, None], lambda: torch.tensor(next(noises))[:, None])
    for k in range(3):
        fake = a * z[k] + b
        up, down = 1 - other.sigmoid(w * x[k] + c), other.sigmoid(w * fake + c)
        w, c = w + 0.1 * float((up * x[k] - down * fake).mean()), c + 0.1 * float((up - down).mean())
    down = other.sigmoid(w * (a * z[3] + b) + c)
    a, b = a + 0.1 * float((down * w * z[3]).mean()), b + 0.1 * float((down * w).mean())
    mine = [layer.weight.item() for layer in networks] + [layer.bias.item() for layer in networks]
    yield largest("all four parameters", mine, [a, w, b, c])


@check(
    [39, 75],
    (f"{CHAPTER}, page 8", f"{COURSE}, GAN optimality"),
    r"\mathrm{argmax}_u\,a\log u + b\log(1 - u) = \frac{a}{a + b}, \qquad y'(D^*) = 0,\ y''(D^*) < 0",
)
def the_optimal_discriminator(rng: np.random.Generator) -> Found:
    """The best discriminator at a point is the share of real density there: the slope vanishes and the curve bends down."""
    torch, nn = torch_and_nn()
    for a, b in rng.random((5, 2)) + 0.05:
        logit = nn.objectives.gan.optimal_logit(torch.tensor(a).log(), torch.tensor(b).log()).item()
        u = float(other.sigmoid(logit))
        root: Any = scipy.optimize.brentq(lambda v, a=a, b=b: a / v - b / (1 - v), 1e-9, 1 - 1e-9, xtol=1e-15)
        yield equal("D*; where the slope vanishes", u, float(root), 1e-9)
        bend = other.curvature(lambda v, a=a, b=b: _worth_of_share(torch, nn, a, b, v), u)
        yield equal("second derivative there; by hand", bend, -a / root**2 - b / (1 - root) ** 2, 1e-5)
        yield below("second derivative there; 0", bend, 0.0)


def _worth_of_share(torch: Any, nn: Any, a: float, b: float, share: float) -> float:
    """What D = share is worth at a point where the densities are a and b, by the value of the game with either half won."""
    logit, sure = (torch.tensor([z], dtype=torch.float64) for z in (math.log(share / (1 - share)), 60.0))
    value = nn.objectives.gan.value
    return a * value(logit, -sure).item() + b * value(sure, logit).item()


@check(
    [40, 76, 97],
    (f"{CHAPTER}, pages 8 and 9", f"{COURSE}, GAN optimality", f"{COOKBOOK}, equation (4)"),
    r"\max_D V(G, D) = V(G, D^*) = 2\,\mathrm{JSD}(P\|P_G) - \log 4",
)
def the_value_at_the_optimum(rng: np.random.Generator) -> Found:
    """Against the best discriminator the game is worth 2 JSD - log 4, with JSD's halves; any other discriminator gives less."""
    for mean, sd in ((1.0, 1.0), (0.5, 3.0), (-6.0, 0.5)):
        low, high = min(-12.0, mean - 12 * sd), max(12.0, mean + 12 * sd)

        def game(x: float, logit: float, mean: float = mean, sd: float = sd) -> float:
            return float(
                -other.normal(x) * np.logaddexp(0, -logit) - other.normal(x, mean, sd) * np.logaddexp(0, logit)
            )

        def star(x: float, mean: float = mean, sd: float = sd) -> float:
            return ((x - mean) / sd) ** 2 / 2 - x * x / 2 + math.log(sd)

        cuts = [*np.linspace(low, high, 25), mean, 0.0]
        best = other.integral(lambda x: game(x, star(x)), low, high, cuts)
        worse = other.integral(lambda x: game(x, 0.8 * star(x) + 0.1), low, high, cuts)
        value = 2 * div.js(stats.norm(), stats.norm(mean, sd)).value
        yield equal(f"V(G, D*) against N({mean:g}, {sd:g}^2) + log 4; 2 JSD", best + LOG4, value, 1e-9)
        yield below("another discriminator; 2 JSD - log 4", worse, value - LOG4)


@check([41], f"{CHAPTER}, page 9", r"\min_G C(G) = -\log 4 \iff P_g = P")
def the_global_minimum(rng: np.random.Generator) -> Found:
    """The game is worth least, -log 4, when the laws are equal, and more for every other law."""
    torch, nn = torch_and_nn()
    p = other.pmf(rng, 5)
    share = other.sigmoid(nn.objectives.gan.optimal_logit(*(torch.tensor(p).log(),) * 2).numpy())
    yield equal("equal laws: value at the best D; -log 4", float(p @ np.log(share) + p @ np.log(1 - share)), -LOG4)
    beside, t = other.pmf(rng, 5), 1e-4
    second = 2 * div.js(p, (1 - t) * p + t * beside).value / (t * t)
    yield equal("2 JS beside equal laws; chi^2 / 4", second / float(((beside - p) ** 2 / p).sum()), 0.25, 0.002)
    near = min(div.js(p, (1 - t) * p + t * q).value for q in other.pmf(rng, 100, 5) for t in (1.0, 0.1, 0.01))
    yield below("0; least 2 JS of 300 other laws", 0.0, 2 * near)
    q = other.pmf(rng, 5)
    value = float((p * np.log(p / (p + q))).sum() + (q * np.log(q / (p + q))).sum())
    yield equal("C(G) written out; 2 JS - log 4", value, 2 * div.js(p, q).value - LOG4)


@check(
    [74],
    f"{COURSE}, likelihood-free learning",
    r"\pi = p \iff p(y = 1|x) = \tfrac12; \qquad D^* = \frac{n_1\pi}{n_1\pi + n_2 p}",
)
def one_half_everywhere(rng: np.random.Generator) -> Found:
    """The best classifier says one half everywhere just when the laws are equal, and only for equally many of both."""
    torch, nn = torch_and_nn()
    pi, p = other.pmf(rng, 2, 6)
    for n1, n2 in ((1, 1), (3, 1)):
        logit = nn.objectives.gan.optimal_logit(torch.tensor(n1 * pi).log(), torch.tensor(n2 * p).log()).numpy()
        yield largest(f"{n1}:{n2}, D*; Bayes' rule", other.sigmoid(logit), n1 * pi / (n1 * pi + n2 * p))
        equals = nn.objectives.gan.optimal_logit(torch.tensor(n1 * p).log(), torch.tensor(n2 * p).log()).numpy()
        yield largest(f"{n1}:{n2}, equal laws", other.sigmoid(equals), n1 / (n1 + n2))
    share = other.sigmoid(nn.objectives.gan.optimal_logit(torch.tensor(pi).log(), torch.tensor(p).log()).numpy())
    yield below("0; largest |D* - 1/2| for different laws", 0.0, float(np.abs(share - 0.5).max()))


@check(
    [10],
    (
        f"{SLIDES}, approximating KL",
        "Towards principled methods for training GANs (Arjovsky, Bottou, 2017), theorem 2.5",
    ),
    r"\nabla\mathrm{E}\log(1 - D^*) = \nabla 2\mathrm{JS}, \quad \nabla\mathrm{E}[-\log D^*] = \nabla(\mathrm{KL} - 2\mathrm{JS}), \quad "
    r"\nabla\mathrm{E}[-\mathrm{logit}\,D^*] = \nabla\mathrm{KL}(p_\theta\|q)",
)
def what_each_loss_descends(rng: np.random.Generator) -> Found:
    """With the best discriminator held still, each loss of the generator has the gradient of its own divergence."""
    torch, nn = torch_and_nn()
    gan = nn.objectives.gan
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    at = 0.7
    kl = other.slope(lambda t: div.kl(div.Gaussian(t, 1.0), div.Gaussian(0.0, 1.0)).value, at)
    js = other.slope(lambda t: div.js(stats.norm(t), stats.norm()).value, at, 1e-2)
    for form, truth in (("minimax", 2 * js), ("non-saturating", kl - 2 * js), ("logit", kl)):
        theta = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        x = theta + torch.tensor(nodes)
        logits = gan.optimal_logit(-(x**2) / 2, -((x - at) ** 2) / 2)
        losses = torch.stack([gan.generator_loss(logit[None], form) for logit in logits])
        total = (losses * torch.tensor(weights / weights.sum())).sum()
        (mine,) = torch.autograd.grad(total, theta)
        yield equal(f"{form}: gradient of the loss; of its divergence", mine.item(), truth, 1e-6)
