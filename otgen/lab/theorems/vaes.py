"""Variational auto-encoders and their priors, continuous and discrete."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from ... import divergences as div
from . import independent as other
from .check import CHAPTER, COURSE, Found, arithmetic, below, chapter, differ, equal, largest, torch_and_nn
from .independent import stats

check = chapter("Variational auto-encoders and their priors")
NODES, _RAW = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = _RAW / _RAW.sum()


@check([50, 57], f"{CHAPTER}, pages 20 and 23", r"p(x) = \int p(x|z)p(z)\,dz = N(x; b, WW^T + \sigma^2 I)")
def a_linear_decoder(rng: np.random.Generator) -> Found:
    """A linear Gaussian decoder has a Gaussian marginal; sampling it needs no encoder: prior, decoder, and its moments come out."""
    torch, nn = torch_and_nn()
    vae = nn.objectives.vae
    w, b, variance = rng.normal(size=3) * 0.7, rng.normal(size=3), 0.3
    cov = np.outer(w, w) + variance * np.eye(3)
    x = rng.normal(size=3)
    grid = np.linspace(-12, 12, 4001)[:, None]  # equal steps: exact to rounding for what falls off so fast
    logs = vae.gaussian_log_likelihood(torch.tensor(np.tile(x, (4001, 1))), torch.tensor(grid * w + b), variance)
    yield equal(
        "integral over z; density",
        float((other.normal(grid[:, 0]) * np.exp(logs.numpy())).sum()) * 24 / 4000,
        float(stats.multivariate_normal(b, cov).pdf(x)),
        1e-10,
    )
    n, generator = 100_000, torch.Generator().manual_seed(int(rng.integers(2**31)))
    zeros = torch.zeros(n, 1, dtype=torch.float64)
    z = vae.reparametrised(zeros, zeros, generator)
    decoded = vae.reparametrised(
        z * torch.tensor(w) + torch.tensor(b), torch.full((n, 3), math.log(variance)).double(), generator
    ).numpy()
    for j in range(3):
        yield equal(f"mean of pixel {j}", decoded[:, j].mean(), b[j], 4 * math.sqrt(cov[j, j] / n))
        yield equal("its variance", decoded[:, j].var(), cov[j, j], 4 * cov[j, j] * math.sqrt(2 / n))


@check([51], f"{CHAPTER}, page 20", r"p(x|z) = N(x; f(z, \theta), \sigma^2 I) \quad\text{or}\quad B(x; f(z, \theta))")
def decoders(rng: np.random.Generator) -> Found:
    """Gaussian and Bernoulli decoders: their log likelihoods are those of the textbook laws."""
    torch, nn = torch_and_nn()
    vae = nn.objectives.vae
    x, mean, bits, logits = (
        rng.normal(size=(4, 5)),
        rng.normal(size=(4, 5)),
        rng.integers(2, size=(4, 5)),
        rng.normal(size=(4, 5)),
    )
    mine = vae.gaussian_log_likelihood(torch.tensor(x), torch.tensor(mean), 0.4).numpy()
    yield largest("Gaussian", mine, stats.norm(mean, math.sqrt(0.4)).logpdf(x).sum(axis=1))
    mine = vae.bernoulli_log_likelihood(torch.tensor(bits.astype(float)), torch.tensor(logits)).numpy()
    yield largest("Bernoulli", mine, stats.bernoulli(other.sigmoid(logits)).logpmf(bits).sum(axis=1))


@check(
    [52, 53],
    f"{CHAPTER}, pages 21 and 22",
    r"\mathcal{L} = \mathrm{E}_q\log p(x|z) - \mathrm{KL}(q(\cdot|x)\|p), \qquad "
    r"\mathrm{KL} = \tfrac12\{\mathrm{tr}\,\Sigma + \mu^T\mu - k - \log\det\Sigma\}",
)
def both_forms_of_the_elbo(rng: np.random.Generator) -> Found:
    """The bound is a mean log ratio, or reconstruction less KL, and that KL has a closed form."""
    torch, nn = torch_and_nn()
    vae = nn.objectives.vae
    for _ in range(3):
        mean, log_variance, x, w = rng.normal(size=4)
        sd = math.exp(log_variance / 2)
        z = mean + sd * NODES
        log_q = stats.norm(mean, sd).logpdf(z)
        log_p, log_x = stats.norm().logpdf(z), stats.norm(w * z, 1.0).logpdf(x)
        means, logs = rng.normal(size=(2, 3))
        closed = vae.gaussian_kl(torch.tensor(means), torch.tensor(logs)).item()
        by_trace = 0.5 * (
            float(np.exp(logs).sum()) + float(means @ means) - 3 - float(np.linalg.slogdet(np.diag(np.exp(logs)))[1])
        )
        yield equal("three dimensions: closed KL; trace, norm and determinant", closed, by_trace)
        kl = vae.gaussian_kl(torch.tensor([[mean]]), torch.tensor([[log_variance]]))
        yield equal("closed KL; quadrature", kl.item(), float(WEIGHTS @ (log_q - log_p)), 1e-10)
        loss = vae.vae_loss(torch.tensor(WEIGHTS @ log_x), kl).item()
        yield equal("reconstruction less KL; mean log ratio", -loss, float(WEIGHTS @ (log_x + log_p - log_q)), 1e-10)


@check(
    [54, 55],
    f"{CHAPTER}, pages 22 and 23",
    r"\nabla_\mu\mathrm{E}_{N(\mu, 1)}f = \mathrm{E}\,f'(\mu + \epsilon) = \mathrm{E}\,f(z)\,(z - \mu)",
)
def gradients_through_a_sample(rng: np.random.Generator) -> Found:
    """Both stochastic gradients are unbiased; the reparametrised one is quieter for a VAE's loss, and louder for sin 10 z."""
    torch, nn = torch_and_nn()
    vae = nn.objectives.vae
    n, mu, x = 100_000, 0.4, 1.7
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))

    def both(f: Any) -> tuple[Any, Any]:
        mean = torch.full((n, 1), mu, dtype=torch.float64, requires_grad=True)
        z = vae.reparametrised(mean, torch.zeros_like(mean), generator)
        values = f(z)
        (through,) = torch.autograd.grad(values.sum(), mean)
        score = values.detach() * (z - mean).detach()
        return through.numpy(), score.numpy()

    through, score = both(lambda z: 0.5 * (x - z) ** 2)  # minus a Gaussian log likelihood
    for name, values in (("reparametrised", through), ("score function", score)):
        yield equal(f"VAE's loss, {name}; mu - x", values.mean(), mu - x, 4 * values.std() / math.sqrt(n))
    yield below("VAE's loss: variance reparametrised; by score", through.var(), score.var())
    # Encoder N(a x, .25), unit decoder: a sample x, then a sample z, and the KL term.
    data, a = rng.normal(size=20) + 0.5, 0.6
    drawn = torch.tensor(data[rng.integers(20, size=n)])[:, None]
    slope = torch.full((n, 1), a, dtype=torch.float64, requires_grad=True)
    mean, spread = slope * drawn, torch.full((n, 1), math.log(0.25), dtype=torch.float64)
    likelihood = vae.gaussian_log_likelihood(drawn, vae.reparametrised(mean, spread, generator))
    loss = vae.vae_loss(likelihood, vae.gaussian_kl(mean, spread)) * n
    (each,) = torch.autograd.grad(loss, slope)
    full = float(np.mean((a * data - data) * data + a * data**2))
    found = each.numpy()
    yield equal("minus ELBO, x and z drawn; its gradient", found.mean(), full, 4 * found.std() / math.sqrt(n))
    through, score = both(lambda z: torch.sin(10 * z))
    truth = 10 * math.cos(10 * mu) * math.exp(-50)
    for name, values in (("reparametrised", through), ("score function", score)):
        yield equal(f"sin 10 z, {name}", values.mean(), truth, 4 * values.std() / math.sqrt(n))
    yield equal("sin 10 z: variance reparametrised; 50", through.var(), 50.0, 4 * 50 * math.sqrt(2 / n))
    yield below("sin 10 z: variance by score; reparametrised", score.var(), through.var())


@check(
    [56],
    f"{CHAPTER}, page 23",
    r"\log p(x) - \max_{q \in \mathcal{Q}}\mathcal{L}(q) = \min_{q \in \mathcal{Q}}\mathrm{KL}(q\|p(\cdot|x))",
)
def the_encoders_gap(rng: np.random.Generator) -> Found:
    """An encoder with full covariance attains the evidence of a linear Gaussian model; a diagonal one leaves a gap."""
    w, x, s = rng.normal(size=(3, 2)), rng.normal(size=3), 0.5
    precision = np.eye(2) + w.T @ w / s
    cov = np.linalg.inv(precision)
    mean = cov @ w.T @ x / s
    evidence = float(stats.multivariate_normal(np.zeros(3), w @ w.T + s * np.eye(3)).logpdf(x))

    def bound(center: Any, spread: Any) -> float:
        """E log p(x, z) + entropy, in closed form."""
        residual = float(((x - w @ center) ** 2).sum()) + float(np.trace(w @ spread @ w.T))
        joint = (
            -0.5 * residual / s
            - 1.5 * math.log(2 * math.pi * s)
            - 0.5 * (float(center @ center) + float(np.trace(spread)))
        )
        return joint - math.log(2 * math.pi) + 0.5 * float(np.linalg.slogdet(2 * math.pi * math.e * spread)[1])

    posterior = div.Gaussian(mean, cov)
    diagonal = np.diag(1 / np.diag(precision))
    yield arithmetic(equal("full: evidence less bound; 0", evidence - bound(mean, cov), 0.0, 1e-10))
    beside, wider = mean + rng.normal(size=2), cov + 0.1 * np.eye(2)
    missed = div.kl(div.Gaussian(beside, wider), posterior).value
    yield equal("another full one: evidence less bound; KL", evidence - bound(beside, wider), missed, 1e-10)
    gap = div.kl(div.Gaussian(mean, diagonal), posterior).value
    yield equal("diagonal: evidence less bound; KL", evidence - bound(mean, diagonal), gap, 1e-10)
    yield below("0; that gap", 0.0, gap, 1e-6)
    worse = min(evidence - bound(mean + 0.3 * rng.normal(size=2), np.diag(rng.random(2) + 0.05)) for _ in range(200))
    yield below("that gap; least of 200 other diagonal encoders", gap, worse)


@check(
    [64, 66],
    f"{COURSE}, recap: discrete latents, VQ-VAE",
    r"\mathrm{KL}(q(c|x)\|\mathrm{Uniform}_K) = \log K - H(q), \qquad \text{one-hot on } h \times w \text{ cells: } h w\log K",
)
def discrete_latents(rng: np.random.Generator) -> Found:
    """Against the uniform prior KL is log K less the entropy; for a deterministic encoder it is log K a cell."""
    torch, nn = torch_and_nn()
    for size in (2, 7, 50):
        q = other.pmf(rng, size)
        yield equal(
            f"K = {size}: KL; log K - H",
            div.kl(q, np.full(size, 1 / size)).value,
            math.log(size) - other.entropy(q),
            1e-14 * size,
        )
        sharp = np.eye(size)[0]
        yield equal(f"K = {size}: one-hot", div.kl(sharp, np.full(size, 1 / size)).value, math.log(size), 1e-13)
    likelihood = torch.tensor([-3.0, -4.5], dtype=torch.float64)
    mine = nn.objectives.vqvae.elbo(likelihood, 16, 3 * 4).numpy()
    cells = [
        other.relative(np.array([1.0]), np.array([1 / 16])) for _ in range(3 * 4)
    ]  # one-hot against uniform, cell by cell
    yield largest("VQ-VAE: ELBO; likelihood less the sum over cells", mine, likelihood.numpy() - math.fsum(cells))


@check([65], f"{COURSE}, vector quantization", r"z_q = e_{k^*}, \quad k^* = \mathrm{argmin}_k\|z - e_k\|")
def the_nearest_code(rng: np.random.Generator) -> Found:
    """Vector quantisation takes the nearest code, whichever way one looks for it."""
    torch, nn = torch_and_nn()
    z, codes = rng.normal(size=(300, 4)), rng.normal(size=(17, 4))
    found = nn.objectives.vqvae.quantise(torch.tensor(z), torch.tensor(codes))
    brute = np.array([min(range(17), key=lambda k: float(np.linalg.norm(one - codes[k]))) for one in z])
    yield largest("numbers of codes; brute force", found.numbers.numpy(), brute, 0)
    yield largest("codes", found.codes.numpy(), codes[brute], 0)


@check(
    [67],
    f"{COURSE}, straight-through gradient estimation",
    r"\frac{\partial\log p(x|z_q)}{\partial\phi} \approx \frac{\partial\log p(x|z_q)}{\partial z_q}\cdot\frac{\partial z_e}{\partial\phi}",
)
def straight_through(rng: np.random.Generator) -> Found:
    """The quantised loss is flat in the encoding almost everywhere; the straight-through gradient is that at the code instead."""
    torch, nn = torch_and_nn()
    codes, x = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.6, 0.4])
    z = torch.tensor([[0.9, 0.2]], dtype=torch.float64, requires_grad=True)
    found = nn.objectives.vqvae.quantise(z, torch.tensor(codes))
    loss = ((torch.tensor(x) - found.through) ** 2).sum()
    (mine,) = torch.autograd.grad(loss, z)
    yield largest("straight through; 2 (z_q - x) by hand", mine[0].numpy(), 2 * (codes[0] - x))

    def quantised(t: float) -> float:
        moved = torch.tensor([[0.9 + t, 0.2]], dtype=torch.float64)
        return float(((x - nn.objectives.vqvae.quantise(moved, torch.tensor(codes)).codes[0].numpy()) ** 2).sum())

    yield equal("slope of the quantised loss itself", other.slope(quantised, 0.0, 1e-3), 0.0, 0)
    yield differ("straight through; the true slope", mine[0, 0].item(), 0.0, 0.1)


def _posteriors(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    return rng.normal(size=n) * 1.5, 0.3 + 0.5 * rng.random(n)


@check(
    [68],
    f"{COURSE}, ELBO surgery",
    r"\frac1n\sum_i\mathrm{KL}(q(z|x_i)\|p(z)) = \mathrm{KL}(q_{agg}\|p) + \mathrm{I}_q[x, z], \qquad \mathrm{I}_q \le \log n",
)
def elbo_surgery(rng: np.random.Generator) -> Found:
    """The mean KL of the posteriors is that of their mixture plus what the code tells of the sample, which is at most log n."""
    torch, nn = torch_and_nn()
    means, sds = _posteriors(rng, 5)
    mixture = div.Mixture(np.full(5, 0.2), [other.Normal(m, s) for m, s in zip(means, sds)])
    mean_kl = float(np.mean((sds**2 + means**2 - 1) / 2 - np.log(sds)))
    marginal = div.kl(mixture, other.Normal()).value

    def density(z: float) -> float:
        return float(np.mean(other.normal(z, means, sds)))

    def mutual(z: float) -> float:
        each = other.normal(z, means, sds)
        return float(np.mean(scipy.special.xlogy(each, each))) - density(z) * math.log(density(z))

    cuts = np.linspace(-9, 9, 37)
    information = other.integral(mutual, -12, 12, cuts)
    yield equal("mean KL; marginal KL + I", mean_kl, marginal + information, 1e-9)
    z = means + sds * rng.normal(size=(800, 5))
    log_prior = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    parts = np.array(
        [
            [
                part.item()
                for part in nn.objectives.vae.elbo_surgery(
                    torch.zeros(5),
                    *(torch.tensor(v)[:, None] for v in (row, means, 2 * np.log(sds))),
                    torch.tensor(prior),
                )[1:]
            ]
            for row, prior in zip(z, log_prior)
        ]
    )
    errors = 4 * parts.std(axis=0) / math.sqrt(len(parts))
    yield equal("I by samples; by quadrature", parts[:, 0].mean(), information, errors[0])
    yield below("I by samples; log n", parts[:, 0].mean(), math.log(5))
    reconstruction = torch.tensor(rng.normal(size=5))
    whole = nn.objectives.vae.elbo_surgery(
        reconstruction, *(torch.tensor(v)[:, None] for v in (z[0], means, 2 * np.log(sds))), torch.tensor(log_prior[0])
    )
    each = np.log(other.normal(z[0], means, sds))
    by_hand = float((reconstruction.numpy() + log_prior[0] - each).mean())
    yield equal("the parts' ELBO; mean of log p(x|z) + log p(z) - log q(z|x)", whole.elbo.item(), by_hand)
    yield equal("marginal KL by samples; by quadrature", parts[:, 1].mean(), marginal, errors[1])


@check(
    [69, 71],
    f"{COURSE}, optimal prior, ELBO revisiting",
    r"\mathrm{argmin}_p\,\mathrm{KL}(q_{agg}\|p) = q_{agg}, \qquad \nabla_\lambda\mathcal{L} = \nabla_\lambda\mathrm{E}_{q_{agg}}\log p(z|\lambda)",
)
def the_optimal_prior(rng: np.random.Generator) -> Found:
    """The prior that serves the ELBO best is the aggregated posterior; a prior's gradient is that of its mean log likelihood there."""
    means, sds = _posteriors(rng, 4)
    laws = [other.Normal(m, s) for m, s in zip(means, sds)]
    aggregated = div.Mixture(np.full(4, 0.25), laws)

    def excess(m: float, s: float) -> float:
        def term(z: float) -> float:
            own = float(other.normal(z, m, s))
            return own * (math.log(own) - math.log(float(np.mean(other.normal(z, means, sds))))) if own > 0 else 0.0

        return other.integral(term, m - 9 * s, m + 9 * s, m + s * np.array([-3.0, 0.0, 3.0]))

    with_itself = float(np.mean([excess(m, s) for m, s in zip(means, sds)]))
    for mean, sd in ((0.0, 1.0), (0.5, 2.0)):
        each = float(np.mean((sds**2 + (means - mean) ** 2) / (2 * sd * sd) - 0.5 - np.log(sds / sd)))
        yield equal(
            f"N({mean:g}, {sd:g}^2): what it costs more; KL(agg || prior)",
            each - with_itself,
            div.kl(aggregated, other.Normal(mean, sd)).value,
            1e-8,
        )

    def term(prior_mean: float) -> float:
        return -float(
            np.mean([div.kl(div.Gaussian(m, s * s), div.Gaussian(prior_mean, 1.44)).value for m, s in zip(means, sds)])
        )

    def likelihood(z: float) -> float:  # derivative of log N(z; lambda, 1.44) in lambda, at lambda = 0.3
        return float(np.mean(other.normal(z, means, sds))) * (z - 0.3) / 1.44

    yield equal(
        "gradient in the prior's mean; of E_agg log p",
        other.slope(term, 0.3),
        other.integral(likelihood, -12, 12, np.linspace(-9, 9, 37)),
        1e-8,
    )


@check(
    [70],
    f"{COURSE}, recap: overfitting of the aggregated posterior",
    r"\mathrm{KL}(q_{agg}^{test}\|q_{agg}^{train})\ \text{falls as}\ n\ \text{grows}, \qquad \mathrm{KL}(q_{agg}^{train}\|q_{agg}^{train}) = 0",
)
def the_optimal_prior_overfits(rng: np.random.Generator) -> Found:
    """As a prior the aggregated posterior of few samples is far from that of others, and comes nearer with more of them."""
    cells = np.linspace(-5, 5, 400)

    def aggregated(codes: Any, sd: float = 0.3) -> Any:  # as masses of 400 cells
        masses = other.normal(cells[:, None], codes, sd).mean(axis=1)
        return masses / masses.sum()

    held_out, found = aggregated(rng.normal(size=20_000)), list[float]()
    for n in (5, 20, 100):
        codes = rng.normal(size=n)
        train = aggregated(codes)
        found.append(div.kl(held_out, train).value)
        seen = (held_out > 0) & (train > 0)
        by_hand = math.fsum(held_out[seen] * (np.log(held_out[seen]) - np.log(train[seen])))
        yield equal(f"n = {n}: KL of the held-out posterior; by hand", found[-1], by_hand, 1e-9)
        mixture = div.Mixture(np.full(n, 1 / n), [stats.norm(code, 0.3) for code in codes])
        own = np.exp(mixture.logpdf(cells))
        yield equal(f"n = {n}: KL of its own, as a mixture", div.kl(own / own.sum(), train).value, 0.0, 1e-12)
    yield below("n = 20; n = 5", found[1], found[0])
    yield below("n = 100; n = 20", found[2], found[1])


@check(
    [72],
    f"{COURSE}, ELBO with learnable VAE prior",
    r"\log p(z|\lambda) = \log p(f_\lambda(z)) + \log|\det J_f|, \qquad \int p(z|\lambda)\,dz = 1",
)
def a_flow_as_prior(rng: np.random.Generator) -> Found:
    """A flow's log density is that of the noise plus the log determinant, its mass is 1, and it runs both ways."""
    torch, nn = torch_and_nn()
    prior = nn.objectives.vae.FlowPrior(2, 4, 16).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.copy_(torch.tensor(0.3 * rng.normal(size=parameter.shape)))
    noise = torch.tensor(rng.normal(size=(5, 2)))
    z = prior.from_noise(noise).detach()
    mine = prior.log_density(z).detach().numpy()  # goes from latents to noise
    for k in range(5):  # goes from noise to latents, by other formulas
        jacobian = torch.autograd.functional.jacobian(lambda t: prior.from_noise(t[None])[0], noise[k]).numpy()
        by_hand = -0.5 * float(noise[k] @ noise[k]) - math.log(2 * math.pi) - float(np.linalg.slogdet(jacobian)[1])
        yield equal(f"point {k}: log density; by the Jacobian", mine[k], by_hand, 1e-10)
    back = prior.from_noise(prior.to_noise(z)[0]).detach().numpy()
    yield largest("there and back", back, z.numpy(), 1e-10)
    smooth = nn.objectives.vae.FlowPrior(2, 1, 16).double()  # one coupling: a normal law in each line of the grid
    with torch.no_grad():
        for parameter in smooth.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        x = torch.linspace(-30, 30, 601, dtype=torch.float64)
        mass = smooth.log_density(torch.cartesian_prod(x, x)).exp().sum().item() * 0.1**2
    yield equal("total mass of one coupling", mass, 1.0, 1e-10)
