"""Errata of "UL: GANs & VAEs"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special

from .... import divergences as div
from .... import laws
from ... import inference
from .. import independent as other
from ..check import CHAPTER, Found, arithmetic, as_printed, at_most, below, equal, torch_and_nn
from ..independent import stats
from ..variational import two_modes
from .erratum import erratum

LOG2, LOG4 = math.log(2.0), math.log(4.0)


@erratum(f"{CHAPTER}, page 2", "f_z(g^-1(x)) |d g^-1 / dx|, a norm", "f_z(G^-1(x)) |det d G^-1 / dx|")
def a_determinant_not_a_norm(rng: np.random.Generator) -> Found:
    """In more than one dimension the factor is the determinant of the inverse's Jacobian."""
    a, x = np.array([[2.0, 0.5], [0.0, 1.5]]), np.array([1.0, -0.5])
    back = np.linalg.inv(a)
    torch, nn = torch_and_nn()
    noise = math.exp(nn.objectives.vae.gaussian_log_density(torch.tensor(back @ x), *torch.zeros(2, 2).double()).item())
    truth = float(stats.multivariate_normal([0, 0], a @ a.T).pdf(x))
    yield as_printed(equal("by the norm; the density", noise * float(np.linalg.norm(back)), truth, 1e-6))
    yield equal("by the determinant; the density", noise * abs(float(np.linalg.det(back))), truth)


@erratum(f"{CHAPTER}, page 2", "any smooth transform G", "an injective one; otherwise a sum over its branches")
def one_branch_of_two(rng: np.random.Generator) -> Found:
    """The square of a normal variable has two roots; one of them gives half of its density."""
    branches = [laws.Branch(lambda x, s=s: s * math.sqrt(x), lambda x, s=s: s / (2 * math.sqrt(x))) for s in (-1, 1)]
    truth = float(stats.chi2(1).pdf(1.0))
    yield as_printed(
        equal("one branch; chi^2 at 1", laws.Pushforward(stats.norm(), branches[:1]).pdf(1.0), truth, 1e-6)
    )
    yield equal("both branches; chi^2 at 1", laws.Pushforward(stats.norm(), branches).pdf(1.0), truth)


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
    torch, nn = torch_and_nn()
    share = rng.random(6) * 0.8 + 0.1
    terms = np.log(share[:3]).sum() + np.log(1 - share[3:]).sum()
    labels, logits = torch.tensor([1.0, 1, 1, 0, 0, 0]).double(), torch.tensor(np.log(share / (1 - share)))
    mine = nn.objectives.vae.bernoulli_log_likelihood(labels[None], logits[None]).item()
    yield equal("the two terms; log likelihood", float(terms), mine)
    loss = torch.nn.BCELoss()(torch.tensor(share), torch.tensor([1.0, 1, 1, 0, 0, 0]).double()).item()
    yield as_printed(equal("the two terms; cross-entropy", float(terms), loss, 1e-6))
    yield equal("minus the log likelihood over n; cross-entropy", -mine / 6, loss)


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
    same = div.js(stats.uniform(0, 1), stats.beta(1, 1)).value  # one law by two formulas
    yield as_printed(below("JS of a law and itself; 0", same, 0.0))
    yield equal("JS of a law and itself; 0", same, 0.0)
    yield below("0; JS(p, q)", 0.0, div.js(p, q).value)


@erratum(f"{CHAPTER}, pages 11 and 12", "KL(q_1 || p~_1) with log p~_1 = E log p", "p~_1 has to be normalised first")
def an_unnormalised_law(rng: np.random.Generator) -> Found:
    """Exp of the mean logarithm is no law: its mass is below 1."""
    table = other.pmf(rng, 12).reshape(3, 4)
    found = inference.mean_field(table)
    printed = np.exp(np.log(table) @ found.second)
    yield as_printed(equal("total of p~_1; 1", float(printed.sum()), 1.0, 1e-6))
    yield equal("q_1; p~_1 over its total", float(found.first[0]), float(printed[0] / printed.sum()))


@erratum(f"{CHAPTER}, page 15", "q_1* = integral of f", "of p, the law that is approximated")
def f_for_p(rng: np.random.Generator) -> Found:
    """The marginals are those of p; f is the density of the data of part I, another law."""
    p, f = (other.pmf(rng, 12).reshape(3, 4) for _ in range(2))
    second = p.sum(axis=0)
    best = scipy.optimize.minimize(
        lambda w: div.kl(p.ravel(), np.outer(scipy.special.softmax([*w, 0.0]), second).ravel()).value,
        np.zeros(2),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-15},
    ).x
    first = scipy.special.softmax([*best, 0.0])
    added = div.kl(p.ravel(), np.outer(first, second).ravel()).value
    yield equal(
        "KL to the best product; mutual information",
        added,
        other.relative(p, np.outer(p.sum(axis=1), p.sum(axis=0))),
        1e-9,
    )
    yield as_printed(equal("best factor; marginal of another law", float(first[0]), float(f.sum(axis=1)[0]), 1e-6))
    yield equal("best factor; marginal of p", float(first[0]), float(p.sum(axis=1)[0]), 1e-6)


@erratum(f"{CHAPTER}, page 15", "q_j* = N(mu_j, Sigma_jj^-1)", "N(mu_j, Sigma_jj)")
def an_inverse_too_many(rng: np.random.Generator) -> Found:
    """The marginals of a normal law have its variances, not their inverses: 6.34 nats against .22."""
    law = div.Gaussian([0.0, 0.0], [[4.0, 1.2], [1.2, 1.0]])
    least = -0.5 * math.log(1 - 1.44 / 4)
    printed = div.kl(law, div.Gaussian([0.0, 0.0], [0.25, 1.0])).value
    yield as_printed(equal("KL to the printed product; least of any product", printed, least, 1e-3))
    yield equal("the printed one's figure", printed, 6.34, 0.005)
    yield equal(
        "KL to the marginals; least of any product", div.kl(law, div.Gaussian([0.0, 0.0], [4.0, 1.0])).value, least
    )


@erratum(
    f"{CHAPTER}, page 15",
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
    yield equal("its variance, near", fit.variance, variance, 0.01 * variance)


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
    yield equal("slope of y on x; least squares", slopes[1], least, 1e-3)


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
    torch, nn = torch_and_nn()
    n, mu, x = 200_000, 0.4, 1.7
    mean = torch.full((n, 1), mu, dtype=torch.float64, requires_grad=True)
    sample = nn.objectives.vae.reparametrised(
        mean, torch.zeros_like(mean), torch.Generator().manual_seed(int(rng.integers(2**31)))
    )
    z = sample.detach().numpy()[:, 0]
    score = 0.5 * (x - z) ** 2 * (z - mu)
    frozen = other.slope(lambda m: float(0.5 * ((x - z) ** 2).mean()) + 0 * m, mu)
    yield as_printed(equal("frozen sample; mu - x", frozen, mu - x, 1e-6))
    yield equal("score function; mu - x", float(score.mean()), mu - x, 4 * float(score.std()) / math.sqrt(n))
    (slopes,) = torch.autograd.grad((0.5 * (x - sample) ** 2).sum(), mean)
    through = slopes.numpy()
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
    yield arithmetic(below("Kantorovich; Wasserstein", kantorovich, wasserstein))


@erratum(f"{CHAPTER}, page 30", "W is continuous for any feed-forward generator", "if E|z| is finite")
def noise_with_a_mean(rng: np.random.Generator) -> Found:
    """Cauchy noise through the identity is at infinite distance from every law with a mean."""
    normal = stats.norm()
    yield as_printed(below("Cauchy noise: W; infinity", laws.on_the_line(stats.cauchy(), normal, 1).value, math.inf))
    yield equal("a translate: W; its way", laws.on_the_line(stats.norm(3, 1), normal, 1).value, 3.0, 1e-9)
    way = float(2 * normal.pdf(1) + 2 * normal.cdf(1) - 1)  # E|1 + z|, of quantiles 1 + 2 z and z
    yield equal("Gaussian noise: W; in closed form", laws.on_the_line(stats.norm(1, 2), normal, 1).value, way, 1e-9)
