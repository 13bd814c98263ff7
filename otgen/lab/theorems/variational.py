"""Variational inference: factorised fits, KL one way and the other, bounds on the evidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from ... import divergences as div
from .. import inference
from . import independent as other
from .check import CHAPTER, COURSE, SLIDES, Found, arithmetic, at_most, below, chapter, equal, largest
from .independent import stats

check = chapter("Variational inference")
MEAN, COV = np.array([0.0, 1.0]), np.array([[1.0, 0.9], [0.9, 1.0]])


def two_modes(a: float) -> Any:
    """Two equal Gaussian modes at -a and a."""
    return div.Mixture([0.5, 0.5], [other.Normal(-a, 1.0), other.Normal(a, 1.0)])


@check(
    [42],
    f"{CHAPTER}, pages 11 and 12",
    r"\log q_1^*(x_1) = \mathrm{E}_{q_2^*}\log p(x_1, x_2) + c, \qquad \log q_2^*(x_2) = \mathrm{E}_{q_1^*}\log p(x_1, x_2) + c",
)
def mean_field_equations(rng: np.random.Generator) -> Found:
    """Coordinate iteration lowers KL(q || p) at every step and ends where both mean-field equations hold."""
    table = other.pmf(rng, 12).reshape(3, 4)
    found = inference.mean_field(table)
    yield at_most("largest rise of KL in a step", float(np.diff(found.history).max()), 0.0, 1e-15)
    for own, logs in ((found.first, np.log(table) @ found.second), (found.second, found.first @ np.log(table))):
        right = np.exp(logs - logs.max())
        yield largest("factor; exp of the mean logarithm", own, right / right.sum())
    short = [inference.mean_field(table, sweeps=k) for k in (1, 2, 3)]
    for k, one in enumerate(short):
        yield equal(
            f"KL after {k + 1} sweeps", found.history[k + 1], other.relative(np.outer(one.first, one.second), table)
        )
    product = np.outer(found.first, found.second)
    yield equal("KL at the end", found.history[-1], other.relative(product, table))
    others = [other.relative(np.outer(other.pmf(rng, 3), other.pmf(rng, 4)), table) for _ in range(500)]
    yield below("KL at the end; least of 500 other products", found.history[-1], min(others))


@check(
    [43, 44],
    f"{CHAPTER}, pages 13 and 14",
    r"m_1 = \mu_1 - \Lambda_{11}^{-1}\Lambda_{12}(m_2 - \mu_2), \qquad \mathrm{var}\,q_j = \Lambda_{jj}^{-1} = 1 - \rho^2 = 0.19",
)
def factorised_gaussian(rng: np.random.Generator) -> Found:
    """The factorised fit of a bivariate normal has its means, each sweep shrinks what is missing by rho^2, and its variances are small."""
    found = inference.mean_field_gaussian(MEAN, COV, rng.normal(size=2) * 5, 200)
    missing = np.abs(found.means[1:12, 1] - MEAN[1])
    yield largest("contraction a sweep; rho^2", missing[1:] / missing[:-1], 0.81, 1e-12)
    yield largest("means in the end", found.means[-1], MEAN)
    narrow = 1 / np.diag(np.linalg.inv(COV))
    yield largest("variances; inverse diagonal of the precision", found.variances, narrow)
    yield arithmetic(below("its largest; variance of the marginals", float(narrow.max()), 1.0))


@check(
    [45],
    f"{CHAPTER}, pages 14 and 15",
    r"\mathrm{argmin}_{q_1 q_2}\,\mathrm{KL}(p\|q_1 q_2) = p_1 p_2, \qquad "
    r"\mathrm{KL}(p\|q_1 q_2) = \mathrm{KL}(p\|p_1 p_2) + \textstyle\sum_j\mathrm{KL}(p_j\|q_j)",
)
def forward_kl_keeps_marginals(rng: np.random.Generator) -> Found:
    """The product nearest by forward KL is that of the marginals; what other products add is their factors' own KL."""
    table = other.pmf(rng, 12).reshape(3, 4)
    first, second = table.sum(axis=1), table.sum(axis=0)
    q1, q2 = other.pmf(rng, 3), other.pmf(rng, 4)
    parts = other.relative(table, np.outer(first, second)) + other.relative(first, q1) + other.relative(second, q2)
    yield equal("KL(p || q1 q2); its three parts", div.kl(table.ravel(), np.outer(q1, q2).ravel()).value, parts)
    law = div.Gaussian(MEAN, COV)
    yield equal(
        "normal, forward KL of its marginals", div.kl(law, div.Gaussian(MEAN, np.ones(2))).value, -math.log(0.19) / 2
    )
    yield equal(
        "normal, reverse KL of the factorised fit",
        div.kl(div.Gaussian(MEAN, np.full(2, 0.19)), law).value,
        -math.log(0.19) / 2,
    )
    worse = [div.kl(law, div.Gaussian(MEAN, np.array([s, t]))).value for s, t in rng.uniform(0.3, 3, (50, 2))]
    yield below("that optimum; least of 50 other products", -math.log(0.19) / 2, min(worse))


@check(
    [5, 46, 80],
    (f"{SLIDES}, impact of KL", f"{CHAPTER}, pages 15 and 16", f"{COURSE}, Jensen-Shannon against Kullback-Leibler"),
    r"\min_q\mathrm{KL}(p\|q)\ \text{covers}, \qquad \min_q\mathrm{KL}(q\|p)\ \text{seeks a mode}",
)
def mode_covering_and_mode_seeking(rng: np.random.Generator) -> Found:
    """Of two modes far apart forward KL covers both, with the law's own moments; reverse KL takes one, and has a minimum at each."""
    a = 5.0
    target = two_modes(a)

    def forward(m: float, s: float) -> float:
        def term(x: float) -> float:
            both = float(np.logaddexp(-((x - a) ** 2) / 2, -((x + a) ** 2) / 2)) - math.log(2 * math.sqrt(2 * math.pi))
            return math.exp(both) * (both + (x - m) ** 2 / (2 * s * s) + math.log(s * math.sqrt(2 * math.pi)))

        return other.integral(term, -20, 20, np.arange(-16, 17, 2))

    cover = inference.fit_gaussian(target, "forward")
    symmetric = inference.fit_gaussian(target, "js", (0.0, 5.0))
    seeking = inference.fit_gaussian(target, "js", (4.0, 1.0))
    yield below("JS of the fit to one mode; of the symmetric one, at 5", seeking.divergence, symmetric.divergence)
    yield equal("forward: mean", cover.mean, 0.0, 1e-6)
    yield equal("forward: standard deviation", cover.sd, math.sqrt(1 + a * a), 1e-6)
    right, left = (inference.fit_gaussian(target, "reverse", (m, 1.0)) for m in (4.0, -4.0))
    yield equal("forward: its divergence", cover.divergence, forward(cover.mean, cover.sd), 1e-9)
    yield equal("reverse: mean, near a mode", right.mean, a, 1e-3)
    yield equal("reverse: standard deviation", right.sd, 1.0, 1e-3)
    yield equal("reverse: mean of the second minimum", left.mean, -a, 1e-3)

    def written(m: float, s: float) -> float:
        def term(x: float) -> float:
            both = np.logaddexp(-((x - a) ** 2) / 2, -((x + a) ** 2) / 2) - math.log(2 * math.sqrt(2 * math.pi))
            return float(other.normal(x, m, s)) * float(
                -((x - m) ** 2) / (2 * s * s) - math.log(s * math.sqrt(2 * math.pi)) - both
            )

        return other.integral(term, m - 10 * s, m + 10 * s, np.linspace(m - 8 * s, m + 8 * s, 9))

    yield equal("reverse: KL by quadrature", right.divergence, written(right.mean, right.sd), 1e-9)
    yield equal(
        "the second minimum: slope in the mean", other.slope(lambda m: written(m, left.sd), left.mean, 1e-2), 0.0, 1e-6
    )
    yield equal("slope in the mean", other.slope(lambda m: written(m, right.sd), right.mean, 1e-2), 0.0, 1e-6)
    yield equal("slope in the deviation", other.slope(lambda s: written(right.mean, s), right.sd, 1e-2), 0.0, 1e-6)
    yield equal("reverse KL of one mode, that misses half of the mass; log 2", right.divergence, math.log(2), 1e-5)
    yield arithmetic(below("log 2; reverse KL of what covers", math.log(2), written(0.0, math.sqrt(1 + a * a))))
    yield equal("JS: its value", seeking.divergence, div.js(target, stats.norm(seeking.mean, seeking.sd)).value, 1e-9)


@check(
    [47],
    f"{CHAPTER}, pages 17 and 18",
    r"\log p(x) = \mathcal{L}(q) + \mathrm{KL}(q\|p(\cdot|x)), \qquad \mathcal{L}(q) = \sum_z q(z)\log\frac{p(x, z)}{q(z)}",
)
def the_evidence_bound(rng: np.random.Generator) -> Found:
    """The log evidence is the bound plus the distance to the posterior; they meet at the posterior and nowhere else."""
    joint = rng.random(6) * 0.1
    evidence, posterior = math.log(joint.sum()), joint / joint.sum()
    for q in other.pmf(rng, 5, 6):
        bound = inference.elbo(np.log(joint), q)
        yield equal("bound + KL(q || posterior); log evidence", bound + other.relative(q, posterior), evidence)
        yield below("bound; log evidence", bound, evidence)
    yield equal("bound at the posterior", inference.elbo(np.log(joint), posterior), evidence)


@check(
    [48],
    f"{CHAPTER}, page 18",
    r"\tilde p_i \propto q^{\setminus i}(z)\,\Phi(y_i x_i z): \quad \mathrm{E}_{\tilde p_i} z = \mathrm{E}_q z, \ \mathrm{E}_{\tilde p_i} z^2 = \mathrm{E}_q z^2",
)
def expectation_propagation(rng: np.random.Generator) -> Found:
    """Expectation propagation stops where every tilted law has the moments of q; close to the posterior's own, not equal; reverse KL's are narrower."""
    x = rng.normal(size=10) * 2
    labels = np.where(rng.random(10) < scipy.special.ndtr(1.2 * x), 1.0, -1.0)
    fit = inference.probit_propagation(x, labels)
    cuts = np.linspace(-8, 8, 33)

    def moments(weight: Any) -> tuple[float, float]:
        zero, one, two = (other.integral(lambda z, k=k: z**k * weight(z), -12, 12, cuts) for k in range(3))
        return one / zero, two / zero - (one / zero) ** 2

    def tilted(k: int) -> Any:
        precision, shift = fit.cavities[k]
        return lambda z: (
            math.exp(-0.5 * precision * z * z + shift * z) * float(scipy.special.ndtr(labels[k] * x[k] * z))
        )

    natural = np.array([1 / fit.variance, fit.mean / fit.variance])
    yield largest("q; prior times all sites", natural, np.array([1.0, 0.0]) + fit.sites.sum(axis=0), 1e-9)
    yield largest("cavities; q over each site", fit.cavities, natural - fit.sites, 1e-7)
    for k in range(10):
        mean, variance = moments(tilted(k))
        yield equal(f"factor {k}: mean of the tilted law; of q", mean, fit.mean, 1e-8)
        yield equal(f"factor {k}: variance", variance, fit.variance, 1e-8)

    def posterior(z: float) -> float:
        return math.exp(-z * z / 2) * float(np.prod(scipy.special.ndtr(labels * x * z)))

    mean, variance = moments(posterior)
    yield equal("mean of the posterior, near", fit.mean, mean, 0.05)
    yield below("variance; that of the posterior", fit.variance, variance, 1e-7)

    class Posterior:
        def logpdf(self, z: Any) -> Any:
            return -z * z / 2 - math.log(mass) + scipy.special.log_ndtr((labels * x)[:, None] * z).sum(axis=0)

    mass = other.integral(posterior, -12, 12, cuts)
    narrow = inference.fit_gaussian(Posterior(), "reverse", (mean, math.sqrt(variance)))
    yield below("variance by reverse KL; by moments", narrow.sd**2, variance)


@check(
    [49],
    f"{CHAPTER}, page 19",
    r"\log p(y) \ge \mathrm{E}_q[\log p(y|\beta) + \log p(\beta|\lambda) + \log p(\lambda)] + H(q_\beta) + H(q_\lambda)",
)
def variational_regression(rng: np.random.Generator) -> Found:
    """Variational linear regression: its bound rises with every sweep and stays below the log evidence."""
    x, beta = rng.normal(size=(8, 2)), np.array([0.7, -0.4])
    y, tau, a, b = x @ beta + 0.5 * rng.normal(size=8), 4.0, 2.0, 1.5
    fit = inference.variational_regression(x, y, tau, a, b)

    def given(strength: float) -> float:
        cov = np.eye(8) / tau + x @ x.T / strength
        return math.exp(
            float(stats.multivariate_normal(np.zeros(8), cov).logpdf(y))
            + float(stats.gamma(a, scale=1 / b).logpdf(strength))
        )

    evidence = math.log(other.integral(given, 1e-9, 200.0, (0.1, 0.5, 1, 2, 4, 8, 16, 40)))
    yield below("bound; log evidence", fit.bounds[-1], evidence)
    yield at_most("how far below", evidence - fit.bounds[-1], 0.1)
    yield at_most("largest fall of the bound in a sweep", -float(np.diff(fit.bounds).min()), 0.0, 1e-12)
    weights, strength = stats.multivariate_normal(fit.mean, fit.cov), stats.gamma(fit.shape, scale=1 / fit.rate)
    draws, scales = weights.rvs(40_000, random_state=rng), strength.rvs(40_000, random_state=rng)
    terms = (
        stats.norm(draws @ x.T, tau**-0.5).logpdf(y).sum(axis=1)
        + stats.norm(0, scales[:, None] ** -0.5).logpdf(draws).sum(axis=1)
        + stats.gamma(a, scale=1 / b).logpdf(scales)
        - weights.logpdf(draws)
        - strength.logpdf(scales)
    )
    yield equal("bound; its definition by 40 000 samples", fit.bounds[-1], terms.mean(), 4 * terms.std() / 200)
