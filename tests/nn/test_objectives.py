"""Objectives against what theory says of them: closed forms, exact sums over discrete laws, identities of gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from torch.distributions import Bernoulli, Normal, kl_divergence

from otgen.nn.objectives import adversarial, gan, minibatch, vae, vqvae, wgan


def laws(seed: int = 0, size: int = 6):
    """Two positive laws on a few atoms, and samples that hold them exactly (each atom as often as its share)."""
    rng = np.random.default_rng(seed)
    shares = [rng.integers(1, 9, size) for _ in range(2)]
    samples = [torch.from_numpy(np.repeat(np.arange(size), share)) for share in shares]
    p, q = (torch.tensor(share / share.sum()) for share in shares)
    return p, q, samples


def kl(p, q):
    return float((p * (p / q).log()).sum())


class TestGan:
    def test_the_best_discriminator_reaches_twice_js_less_log_4(self):
        p, q, (real, fake) = laws()
        best = gan.optimal_logit(p.log(), q.log())
        m = (p + q) / 2
        js = (kl(p, m) + kl(q, m)) / 2
        assert gan.value(best[real], best[fake]).item() == pytest.approx(2 * js - math.log(4), rel=1e-12)
        assert gan.js_lower(best[real], best[fake]).item() == pytest.approx(js, rel=1e-12)
        for seed in range(20):
            other = best + torch.randn(6, generator=torch.Generator().manual_seed(seed), dtype=best.dtype)
            assert gan.value(other[real], other[fake]) < gan.value(best[real], best[fake])
            assert gan.discriminator_loss(other[real], other[fake]) == -gan.value(other[real], other[fake])

    def test_its_logit_estimates_kl(self):
        p, q, (real, _) = laws()
        best = gan.optimal_logit(p.log(), q.log())
        assert gan.kl_from_logit(best[real]).item() == pytest.approx(kl(p, q), rel=1e-12)

    @pytest.mark.parametrize("form", ["logit", "non-saturating", "minimax"])
    def test_gradients_at_the_best_discriminator(self, form):
        """-logit: KL(P_G || P); -log D: KL - 2 JS; log(1 - D): 2 JS; the discriminator held fixed."""
        p, _, _ = laws()
        theta = torch.randn(6, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
        q = theta.softmax(0)
        m = (p + q) / 2
        divergence = (q * (q / p).log()).sum()
        js = ((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2
        want = {"logit": divergence, "non-saturating": divergence - 2 * js, "minimax": 2 * js}[form]
        best = gan.optimal_logit(p.log(), q.detach().log())
        each = torch.stack([gan.generator_loss(best[k : k + 1], form) for k in range(6)])
        (found,) = torch.autograd.grad((q * each).sum(), theta, retain_graph=True)
        (right,) = torch.autograd.grad(want, theta)
        torch.testing.assert_close(found, right, rtol=1e-10, atol=1e-12)

    def test_a_perfect_discriminator_saturates_minimax_only(self):
        logits = torch.full((4,), -50.0, requires_grad=True)
        slopes = {
            form: torch.autograd.grad(gan.generator_loss(logits, form), logits)[0].abs().sum() for form in gan.FORMS
        }
        assert slopes["minimax"] < 1e-20
        assert slopes["non-saturating"] == pytest.approx(1.0)
        assert slopes["logit"] == pytest.approx(1.0)

    def test_losses_are_finite_at_any_logit(self):
        far = torch.tensor([-1e4, 1e4])
        assert gan.value(far, far).isfinite()
        assert all(gan.generator_loss(far, form).isfinite() for form in gan.FORMS)

    def test_noise(self):
        generator = torch.Generator().manual_seed(0)
        assert scipy.stats.kstest(gan.noise(4000, 1, generator=generator)[:, 0], "norm").pvalue > 1e-3
        uniform = gan.noise(4000, 1, "uniform", generator)[:, 0]
        assert scipy.stats.kstest(uniform, "uniform", (-1, 2)).pvalue > 1e-3
        with pytest.raises(otgen.InvalidInput, match="kind must be one of"):
            gan.noise(1, 1, "cauchy")


class TestWgan:
    def test_losses_are_differences_of_means(self):
        real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 1.0, 2.0])
        assert wgan.critic_loss(real, fake).item() == -1.0
        assert wgan.generator_loss(fake).item() == -1.0

    def test_clipping_holds_the_weights_of_translated_laws_to_c_times_the_one_norm(self):
        """For laws a translation v apart the best clipped linear critic reaches c |v|_1 <= c sqrt(d) |v|_2."""
        v = torch.tensor([3.0, -4.0])
        critic = torch.nn.Linear(2, 1, bias=False)
        optimiser = torch.optim.SGD(critic.parameters(), 0.1)
        clipping = wgan.Clipping(0.01)
        x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
        for _ in range(50):
            loss = wgan.critic_loss(critic(x + v), critic(x))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            clipping.apply(critic.parameters())
        reached = -wgan.critic_loss(critic(x + v), critic(x)).item()
        assert reached == pytest.approx(0.01 * 7.0, rel=1e-4)
        assert reached <= 0.01 * math.sqrt(2) * 5.0

    def test_the_penalty_of_a_linear_critic_is_known(self):
        critic = torch.nn.Linear(2, 1, bias=False)
        torch.nn.init.constant_(critic.weight, math.sqrt(2))  # norm 2

        def values(z):
            return critic(z)[:, 0]

        x, y = torch.zeros(5, 2), torch.ones(5, 2)
        assert wgan.gradient_penalty(values, x, y).item() == pytest.approx(10.0, rel=1e-5)
        torch.nn.init.constant_(critic.weight, math.sqrt(2) / 4)  # norm 1/2
        assert wgan.gradient_penalty(values, x, y, weight=4.0).item() == pytest.approx(1.0, rel=1e-5)
        assert wgan.gradient_penalty(values, x, y, one_sided=True).item() == 0.0


class TestVae:
    def test_closed_forms_are_those_of_torch(self):
        generator = torch.Generator().manual_seed(0)
        mean, log_variance, other, log_other = (
            torch.randn(7, 3, generator=generator, dtype=torch.float64) for _ in range(4)
        )
        one, two = Normal(mean, (log_variance / 2).exp()), Normal(other, (log_other / 2).exp())
        torch.testing.assert_close(
            vae.gaussian_kl(mean, log_variance, other, log_other), kl_divergence(one, two).sum(-1)
        )
        standard = Normal(torch.zeros(()).double(), torch.ones(()).double())
        torch.testing.assert_close(vae.gaussian_kl(mean, log_variance), kl_divergence(one, standard).sum(-1))
        torch.testing.assert_close(vae.gaussian_log_density(other, mean, log_variance), one.log_prob(other).sum(-1))
        torch.testing.assert_close(
            vae.gaussian_log_likelihood(other, mean, 0.3), Normal(mean, math.sqrt(0.3)).log_prob(other).sum(-1)
        )
        bits = (other > 0).double()
        torch.testing.assert_close(
            vae.bernoulli_log_likelihood(bits, mean), Bernoulli(logits=mean).log_prob(bits).sum(-1)
        )

    def test_a_decoder_that_is_sure(self):
        """Of what it is sure of it is right or infinitely wrong, and of nothing in between is it NaN."""
        sure = torch.tensor([[math.inf, -math.inf]], dtype=torch.float64, requires_grad=True)
        right = vae.bernoulli_log_likelihood(torch.tensor([[1.0, 0.0]], dtype=torch.float64), sure)
        assert right.item() == 0
        right.sum().backward()
        assert sure.grad.tolist() == [[0.0, 0.0]]
        assert vae.bernoulli_log_likelihood(torch.tensor([[0.0, 0.0]]).double(), sure.detach()).item() == -math.inf

    def test_reparametrised_samples_have_their_law_and_its_gradient(self):
        generator = torch.Generator().manual_seed(0)
        mean = torch.full((20_000,), 2.0, requires_grad=True)
        log_variance = torch.full((20_000,), math.log(0.25), requires_grad=True)
        z = vae.reparametrised(mean, log_variance, generator)
        assert scipy.stats.kstest(z.detach(), "norm", (2.0, 0.5)).pvalue > 1e-3
        z.square().mean().backward()  # E z^2 = mean^2 + variance
        assert mean.grad.sum().item() == pytest.approx(4.0, abs=0.05)
        assert log_variance.grad.sum().item() == pytest.approx(0.25, abs=0.05)

    def test_the_elbo_is_tight_at_the_posterior(self):
        """z ~ N(0, 1), x | z ~ N(z, s): the exact posterior makes ELBO = log p(x), any other less."""
        x, s = torch.tensor([[0.7], [-1.3]], dtype=torch.float64), 0.5
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)

        def elbo(mean, variance):
            z = mean[..., None] + math.sqrt(variance) * torch.tensor(nodes)
            w = torch.tensor(weights / weights.sum())
            likelihood = (w * Normal(z, math.sqrt(s)).log_prob(x[..., None])).sum(-1)[:, 0]
            logs = torch.full_like(mean, math.log(variance))
            divergence = vae.gaussian_kl(mean, logs)
            return -torch.stack([vae.vae_loss(*pair) for pair in zip(likelihood, divergence)])

        truth = Normal(0.0, math.sqrt(1 + s)).log_prob(x)[:, 0]
        torch.testing.assert_close(elbo(x / (1 + s), s / (1 + s)), truth)
        assert (elbo(x / 2, 0.5) < truth).all()

    def test_the_flow_is_invertible_and_its_density_integrates_to_one(self):
        torch.manual_seed(0)
        prior = vae.FlowPrior(2, layers=4, width=16).double()
        for parameter in prior.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        z = torch.randn(50, 2, dtype=torch.float64)
        noise, log_determinant = prior.to_noise(z)
        torch.testing.assert_close(prior.from_noise(noise), z)
        exact = torch.stack([torch.func.jacrev(lambda t: prior.to_noise(t[None])[0][0])(one) for one in z])
        torch.testing.assert_close(log_determinant, torch.linalg.slogdet(exact)[1])
        axis = torch.linspace(-25, 25, 801, dtype=torch.float64)
        grid = torch.cartesian_prod(axis, axis)
        mass = prior.log_density(grid).exp().sum() * (axis[1] - axis[0]) ** 2
        assert mass.item() == pytest.approx(1.0, abs=1e-3)
        assert prior.sample(10, torch.Generator().manual_seed(0)).shape == (10, 2)

    @pytest.mark.parametrize("dim", [2, 3, 5])
    def test_flows_of_every_dimension_start_as_the_identity(self, dim):
        z = torch.randn(4, dim)
        torch.testing.assert_close(vae.FlowPrior(dim).to_noise(z)[0].sort().values, z.sort().values)

    def test_sampled_losses_have_the_mean_of_the_closed_one(self):
        """Over z of the posterior, by Gauss-Hermite nodes: log q - log p is KL in the mean."""
        nodes, weights = (torch.tensor(z) for z in np.polynomial.hermite_e.hermegauss(60))
        mean, log_variance = torch.tensor([[0.7]]).double(), torch.tensor([[-0.4]]).double()
        z = mean + (log_variance / 2).exp() * nodes[:, None]
        zero, weights = torch.zeros(1).double(), weights / weights.sum()
        log_prior, log_posterior = (
            Normal(0.0, 1.0).log_prob(z)[:, 0],
            Normal(mean, (log_variance / 2).exp()).log_prob(z)[:, 0],
        )
        each = torch.stack(
            [vae.sampled_vae_loss(zero, p, q) for p, q in zip(log_prior[:, None], log_posterior[:, None])]
        )
        right = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).item()
        assert float((weights * each).sum()) == pytest.approx(right, rel=1e-12)

    def test_surgery_is_that_of_the_sums(self):
        """Against all densities written out, far from the origin and with narrow posteriors."""
        generator = torch.Generator().manual_seed(0)
        mean, log_variance = torch.randn(9, 3, generator=generator).double() + 1e4, torch.full((9, 3), -9.0).double()
        z = mean + 0.01 * torch.randn(9, 3, generator=generator).double()
        every = Normal(mean[None], (log_variance[None] / 2).exp()).log_prob(z[:, None]).sum(-1)
        mixture = every.logsumexp(1) - math.log(9)
        found = vae.elbo_surgery(torch.zeros(9), z, mean, log_variance, torch.zeros(9))
        assert found.mutual_information.item() == pytest.approx((every.diagonal() - mixture).mean().item(), rel=1e-9)
        assert found.marginal_kl.item() == pytest.approx(mixture.mean().item(), rel=1e-9)

    def test_surgery_adds_up(self):
        """mean KL = mutual information + marginal KL, in expectation over z; the ELBO is what is left."""
        generator = torch.Generator().manual_seed(0)
        mean, log_variance = torch.randn(20, 2, generator=generator), 0.3 * torch.randn(20, 2, generator=generator) - 1
        rows = []
        for _ in range(400):
            z = vae.reparametrised(mean, log_variance, generator)
            log_prior = vae.gaussian_log_density(z, torch.zeros(2), torch.zeros(2))
            parts = vae.elbo_surgery(torch.zeros(20), z, mean, log_variance, log_prior)
            sampled = vae.sampled_vae_loss(torch.zeros(20), log_prior, vae.gaussian_log_density(z, mean, log_variance))
            torch.testing.assert_close(-parts.elbo, sampled)
            rows.append([parts.mutual_information.item(), parts.marginal_kl.item()])
        both = np.array(rows)
        want = vae.gaussian_kl(mean, log_variance).mean().item()
        spread = both.sum(1).std() / math.sqrt(len(both))
        assert both.sum(1).mean() == pytest.approx(want, abs=5 * spread)
        assert 0 < both[:, 0].mean() < math.log(20)


class TestAdversarial:
    def test_the_f_bound_is_tight_at_its_optimum_only(self):
        p, q, (real, fake) = laws()
        best = 1 + (p / q).log()
        assert adversarial.f_bound_kl(best[real], best[fake]).item() == pytest.approx(kl(p, q), rel=1e-12)
        for seed in range(10):
            other = best + torch.randn(6, generator=torch.Generator().manual_seed(seed), dtype=best.dtype)
            assert adversarial.f_bound_kl(other[real], other[fake]).item() < kl(p, q)

    def test_avb_at_the_best_logit_is_the_negative_elbo(self):
        p, q, (real, _) = laws()
        likelihood = torch.linspace(-3, 0, 6, dtype=torch.float64)
        logits = gan.optimal_logit(p.log(), q.log())
        found = adversarial.avb_loss(likelihood[real], logits[real])
        assert found.item() == pytest.approx(kl(p, q) - float((p * likelihood).sum()), rel=1e-12)
        best, (_, fake) = 1 + logits, laws()[2]
        bound = adversarial.avb_f_loss(likelihood[real], best[real], best[fake])
        assert bound.item() == pytest.approx(found.item(), rel=1e-12)

    def test_aae_and_pot_add_their_penalty(self):
        penalty, values = torch.tensor(2.0), torch.tensor([1.0, 3.0])
        assert adversarial.aae_loss(values, penalty).item() == 0.0
        assert adversarial.pot_loss(values, penalty, 5.0).item() == 12.0

    def test_the_latent_penalty_by_logits_pushes_latents_to_the_prior(self):
        logits = torch.tensor([1.0, -2.0], requires_grad=True)
        adversarial.latent_penalty(torch.zeros(2, 3), logits=logits).backward()
        assert (logits.grad > 0).all()

    def test_the_latent_penalty_by_samples_is_unbiased(self):
        generator = torch.Generator().manual_seed(0)
        values = [
            adversarial.latent_penalty(
                torch.randn(30, 2, generator=generator), prior=torch.randn(30, 2, generator=generator)
            ).item()
            for _ in range(300)
        ]
        assert np.mean(values) == pytest.approx(0.0, abs=4 * np.std(values) / math.sqrt(300))
        far = adversarial.latent_penalty(torch.randn(30, 2) + 3, prior=torch.randn(30, 2))
        assert far.item() > 10 * np.std(values)

    @pytest.mark.parametrize("kind", ["kl", "js", "tv", "f"])
    def test_discrete_penalties_are_the_divergences(self, kind):
        rng = np.random.default_rng(0)
        posteriors = rng.dirichlet(np.ones(4), 5)
        prior = rng.dirichlet(np.ones(4))
        q = posteriors.mean(0)
        m = (q + prior) / 2
        entropy = scipy.stats.entropy
        want = {
            "kl": entropy(q, prior),
            "js": (entropy(q, m) + entropy(prior, m)) / 2,
            "tv": np.abs(q - prior).sum() / 2,
            "f": ((q - prior) ** 2 / prior).sum(),
        }[kind]
        given = (lambda u: (u - 1) ** 2) if kind == "f" else kind
        found = adversarial.discrete_penalty(torch.tensor(posteriors), torch.tensor(prior), given)
        assert found.item() == pytest.approx(want, rel=1e-12)

    def test_bad_input(self):
        with pytest.raises(otgen.InvalidInput, match="one of the two"):
            adversarial.latent_penalty(torch.zeros(2, 1))
        with pytest.raises(otgen.InvalidInput, match="positive"):
            adversarial.discrete_penalty(torch.ones(1, 2) / 2, torch.tensor([1.0, 0.0]))


class TestVqvae:
    def test_codes_are_nearest(self):
        generator = torch.Generator().manual_seed(0)
        z, codebook = torch.randn(3, 4, 5, 2, generator=generator), torch.randn(16, 2, generator=generator)
        found = vqvae.quantise(z, codebook)
        distances = torch.cdist(z.reshape(-1, 2), codebook)
        assert torch.equal(found.numbers.flatten(), distances.argmin(1))
        torch.testing.assert_close(found.codes, codebook[found.numbers])
        torch.testing.assert_close(found.through, found.codes)

    def test_each_gradient_goes_where_it_should(self):
        z, codebook = torch.randn(6, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
        found = vqvae.quantise(z, codebook)
        weights = torch.randn(6, 2)
        in_z, in_codes = torch.autograd.grad((weights * found.through).sum(), (z, codebook), allow_unused=True)
        torch.testing.assert_close(in_z, weights)  # straight through
        assert in_codes is None or (in_codes == 0).all()
        found = vqvae.quantise(z, codebook)
        pull = torch.autograd.grad(vqvae.codebook_loss(z, found.codes), (z, codebook), allow_unused=True)
        assert pull[0] is None
        assert pull[1].abs().sum() > 0
        found = vqvae.quantise(z, codebook)
        keep = torch.autograd.grad(vqvae.commitment_loss(z, found.codes), (z, codebook), allow_unused=True)
        assert keep[1] is None
        torch.testing.assert_close(keep[0], 2 * (z - found.codes).detach() / 6)

    def test_the_loss_and_the_elbo(self):
        z, codes, likelihood = torch.tensor([[1.0]]), torch.tensor([[3.0]]), torch.tensor([-2.0])
        assert vqvae.codebook_loss(z, codes).item() == vqvae.commitment_loss(z, codes).item() == 4.0
        assert vqvae.vqvae_loss(likelihood, z, codes).item() == pytest.approx(2.0 + 4.0 * 1.25)
        assert vqvae.elbo(likelihood, 8, 2).item() == pytest.approx(-2.0 - 2 * math.log(8))

    def test_codes_of_another_length_are_refused(self):
        with pytest.raises(otgen.InvalidInput, match="codebook must be"):
            vqvae.quantise(torch.zeros(2, 3), torch.zeros(4, 2))


class TestMinibatch:
    def test_transport_is_exact_and_flattens_images(self):
        x, y = torch.randn(6, 1, 2, 2, dtype=torch.float64), torch.randn(6, 1, 2, 2, dtype=torch.float64)
        costs = torch.cdist(x.flatten(1), y.flatten(1)).square().numpy()
        best = costs[scipy.optimize.linear_sum_assignment(costs)].mean()
        assert minibatch.transport(x, y).value == pytest.approx(math.sqrt(best), rel=1e-9)

    def test_js_of_codes(self):
        p, q, samples = laws()
        m = (p + q) / 2
        assert minibatch.js(*samples, codes=6) == pytest.approx((kl(p, m) + kl(q, m)) / 2, rel=1e-12)
        with pytest.raises(otgen.InvalidInput, match="whole numbers"):
            minibatch.js(torch.zeros(2), torch.zeros(2), 2)
        with pytest.raises(
            otgen.InvalidInput, match="pass codes as many as there are"
        ):  # .long(), as they are, changes nothing
            minibatch.js(torch.tensor([5]), torch.tensor([1]), 2)
