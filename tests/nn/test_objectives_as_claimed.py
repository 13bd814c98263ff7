"""What docstrings of objectives claim, where no other test would fail if it were false."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from losses import elsewhere

from otgen.nn.objectives import adversarial, gan, minibatch, vae, vqvae, wgan

seeds = st.integers(0, 2**32 - 1)
KINDS = ("kl", "js", "tv")


def drawn(seed, *shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class TestTensors:
    @pytest.mark.parametrize(
        ("dtype", "wanted"),
        [
            (torch.float16, torch.float32),
            (torch.bfloat16, torch.float32),
            (torch.int64, torch.float32),
            (torch.float32, torch.float32),
            (torch.float64, torch.float64),
        ],
    )
    def test_halves_and_whole_numbers_become_float32(self, dtype, wanted):
        z = torch.ones(3, 2).to(dtype)
        for loss in (
            gan.value(z, z),
            wgan.critic_loss(z, z),
            vae.gaussian_log_likelihood(z, z),
            adversarial.f_bound_kl(z, z),
            vqvae.commitment_loss(z, z),
        ):
            assert loss.dtype is wanted

    @pytest.mark.parametrize(
        "call",
        [
            gan.value,
            wgan.critic_loss,
            vae.vae_loss,
            vae.gaussian_log_likelihood,
            vqvae.quantise,
            adversarial.f_bound_kl,
            adversarial.discrete_penalty,
        ],
    )
    def test_what_lives_elsewhere_is_refused(self, call):
        with pytest.raises(otgen.InvalidInput, match=r"must live where .*; received cuda:0; move one"):
            call(torch.ones(3, 2), elsewhere(3, 2))


class TestGan:
    @given(seeds, st.sampled_from([1.0, 30.0, 1e3]))
    def test_the_game_s_value_is_its_formula(self, seed, size):
        """By exact logarithms of 1 + exp; and never above 0, so that the lower bound of JS is never above log 2."""
        real, fake = size * drawn(seed, 5), size * drawn(seed + 1, 4)
        right = -np.logaddexp(0, -real.numpy()).mean() - np.logaddexp(0, fake.numpy()).mean()
        assert gan.value(real, fake).item() == pytest.approx(right, rel=1e-12)
        assert gan.js_lower(real, fake).item() == pytest.approx((right + math.log(4)) / 2, rel=1e-9, abs=1e-12)
        assert gan.js_lower(real, fake).item() <= math.log(2)
        assert gan.generator_loss(fake, "minimax").item() == pytest.approx(-np.logaddexp(0, fake.numpy()).mean())
        assert gan.generator_loss(fake).item() == pytest.approx(np.logaddexp(0, -fake.numpy()).mean())
        assert gan.generator_loss(fake, "logit").item() == pytest.approx(-fake.mean().item())

    def test_noise_has_its_shape_and_is_refused_before_memory(self):
        for kind in ("gaussian", "uniform"):
            assert gan.noise(3, 2, kind).shape == (3, 2)
        assert gan.noise(10_000, 1, "uniform").abs().max() <= 1
        with pytest.raises(otgen.TooLarge):
            gan.noise(10**9, 10**6)
        with pytest.raises(otgen.InvalidInput, match="form must be one of"):
            gan.generator_loss(torch.zeros(2), "hinge")


class TestWgan:
    def test_the_penalty_is_of_points_between_pairs(self):
        """Of each pair the point at its own uniform share of the way, as the generator decides."""
        real, fake = drawn(0, 400, 3), drawn(1, 400, 3)
        seen = []

        def critic(z):
            seen.append(z.detach())
            return z.sum(1)

        wgan.gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))
        shares = ((seen[0] - fake) / (real - fake)).numpy()
        np.testing.assert_allclose(shares, shares[:, :1].repeat(3, 1), rtol=1e-6, atol=1e-9)
        assert scipy.stats.kstest(shares[:, 0], "uniform").pvalue > 1e-3
        wgan.gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))
        assert torch.equal(seen[0], seen[-1])

    def test_clipping_is_in_place_and_checked(self):
        layer = torch.nn.Linear(3, 3)
        torch.nn.init.constant_(layer.weight, 5.0)
        torch.nn.init.constant_(layer.bias, -5.0)
        held = layer.weight
        clipping = wgan.Clipping()
        clipping.apply(layer.parameters())
        assert layer.weight is held
        assert (layer.weight.unique().item(), layer.bias.unique().item()) == pytest.approx((0.01, -0.01))
        assert (clipping.limit, clipping.critic_steps) == (0.01, 5)
        for bad in (dict(limit=0.0), dict(critic_steps=0)):
            with pytest.raises(otgen.InvalidInput, match="must be"):
                wgan.Clipping(**bad)


class TestVae:
    def test_each_part_of_the_surgery_is_unbiased(self):
        """Two posteriors on the line: means of many samples against integrals over z."""
        means, spreads = torch.tensor([[0.0], [1.5]]).double(), torch.tensor([[-0.5], [0.3]]).double()
        laws = [scipy.stats.norm(m, math.exp(s / 2)) for m, s in zip(means[:, 0].tolist(), spreads[:, 0].tolist())]
        z = np.linspace(-12, 12, 20_001)
        densities = np.array([law.pdf(z) for law in laws])
        mixture = densities.mean(0)
        information = np.trapezoid((densities * np.log(densities / mixture)).mean(0), z)
        marginal = np.trapezoid(mixture * (np.log(mixture) - scipy.stats.norm.logpdf(z)), z)
        generator, rows = torch.Generator().manual_seed(0), []
        for _ in range(1000):
            at = vae.reparametrised(means, spreads, generator)
            log_prior = vae.gaussian_log_density(at, torch.zeros(1), torch.zeros(1))
            parts = vae.elbo_surgery(at[:, 0], at, means, spreads, log_prior)
            assert parts.elbo == parts.reconstruction - parts.mutual_information - parts.marginal_kl
            rows.append([part.item() for part in parts])
        for found, right in zip(np.array(rows).T, (0.75, information, marginal)):
            assert found.mean() == pytest.approx(right, abs=5 * found.std() / math.sqrt(len(found)))

    def test_a_flow_has_the_layers_and_the_dimension_asked_for(self):
        prior = vae.FlowPrior(3, layers=5, width=7)
        assert len(prior.couplings) == 5
        assert {one.network[0].out_features for one in prior.couplings} == {7}
        assert prior.double().sample(4).dtype is torch.float64
        for bad in (dict(dim=1), dict(dim=2, layers=0), dict(dim=2, width=0)):
            with pytest.raises(otgen.InvalidInput, match="must be a whole number of at least"):
                vae.FlowPrior(**bad)
        with pytest.raises(otgen.InvalidInput, match="must live where the prior does"):
            prior.log_density(elsewhere(2, 3, dtype=torch.float64))
        with pytest.raises(otgen.TooLarge):
            prior.sample(10**13)

    def test_samples_of_a_flow_have_its_density(self):
        """Shares in a box, against the integral of the density."""
        torch.manual_seed(0)
        prior = vae.FlowPrior(2, layers=3, width=8).double()
        for parameter in prior.parameters():
            torch.nn.init.normal_(parameter, std=0.4)
        sample = prior.sample(40_000, torch.Generator().manual_seed(1)).detach()
        axis = torch.linspace(-1, 1, 401, dtype=torch.float64)
        mass = (prior.log_density(torch.cartesian_prod(axis, axis)).exp().mean() * 4).item()
        share = (sample.abs() <= 1).all(1).double().mean().item()
        assert share == pytest.approx(mass, abs=5 * math.sqrt(0.25 / 40_000) + 0.01)

    def test_priors_may_be_numbers_or_tensors(self):
        mean, spread = drawn(0, 4, 2), drawn(1, 4, 2)
        as_numbers = vae.gaussian_kl(mean, spread, 0.5, -0.2)
        as_tensors = vae.gaussian_kl(mean, spread, torch.full((2,), 0.5).double(), torch.full((4, 2), -0.2).double())
        torch.testing.assert_close(as_numbers, as_tensors)


class TestAdversarial:
    def test_the_latent_penalty_by_logits_is_its_formula(self):
        """-E log(1 - D), also where 1 - D is 0 in floats."""
        logits = torch.tensor([1.0, -2.0, 60.0], dtype=torch.float64)
        right = np.logaddexp(0, logits.numpy()).mean()
        assert adversarial.latent_penalty(torch.zeros(3, 2), logits=logits).item() == pytest.approx(right, rel=1e-14)

    @given(seeds, st.integers(1, 4))
    def test_the_latent_penalty_by_samples_is_that_of_wae(self, seed, d):
        """Sums over pairs of different points of ``C / (C + |u - v|^2)``, C = 2 d."""
        z, prior = drawn(seed, 5, d), drawn(seed + 1, 4, d)

        def kernel(u, v):
            return (2 * d / (2 * d + ((u[:, None] - v) ** 2).sum(-1))).numpy()

        own, other = ((kernel(u, u).sum() - len(u)) / (len(u) * (len(u) - 1)) for u in (z, prior))
        right = own + other - 2 * kernel(z, prior).mean()
        assert adversarial.latent_penalty(z, prior=prior).item() == pytest.approx(right, rel=1e-9, abs=1e-12)

    def test_that_the_best_logit_changes_with_q_adds_nothing_to_the_gradient(self):
        """In the mean over q: that of the whole objective is that with the logit held fixed."""
        prior, likelihood = drawn(0, 6).softmax(0), drawn(1, 6)
        weights = drawn(2, 6).requires_grad_()
        q = weights.softmax(0)
        best = gan.optimal_logit(q.log(), prior.log())

        def gradient(logits):
            each = torch.stack([adversarial.avb_loss(likelihood[k], logits[k]) for k in range(6)])
            return torch.autograd.grad((q * each).sum(), weights, retain_graph=True)[0]

        torch.testing.assert_close(gradient(best), gradient(best.detach()), rtol=1e-12, atol=1e-14)

    def test_exactly_one_of_logits_and_prior(self):
        z = torch.zeros(3, 2)
        for given_, told in ((dict(), "neither"), (dict(logits=z, prior=z), "both")):
            with pytest.raises(otgen.InvalidInput, match=f"one of the two; received {told}"):
                adversarial.latent_penalty(z, **given_)

    def test_the_usual_weight_is_ten(self):
        assert adversarial.pot_loss(torch.tensor([1.0, 2.0]), torch.tensor(0.5)).item() == 1.5 + 10 * 0.5

    @given(
        seeds,
        st.sampled_from(KINDS),
        st.sampled_from([1e-6, 1e-3, 1.0]),
        st.sampled_from([torch.float32, torch.float64]),
    )
    def test_discrete_penalties_keep_the_digits_of_near_laws(self, seed, kind, size, dtype):
        """Against the sums over what was given in higher precision: terms that cancel are summed in double precision."""
        prior = drawn(seed, 5).softmax(0).to(dtype)
        posteriors = (prior.double().log() + size * drawn(seed + 1, 3, 5)).softmax(1).to(dtype)
        found = adversarial.discrete_penalty(posteriors, prior, kind)
        assert found >= 0
        assert found.dtype is dtype
        q, p = posteriors.numpy().astype(np.longdouble).mean(0), prior.numpy().astype(np.longdouble)
        m = (q + p) / 2

        def kl(u, v):
            return (u * np.log(u / v) - u + v).sum()

        right = {"kl": kl(q, p), "js": (kl(q, m) + kl(p, m)) / 2, "tv": abs(q - p).sum() / 2}[kind]
        assert found.item() == pytest.approx(float(right), rel=1e-5, abs=1e-15)

    def test_a_slope_at_zero_is_large_but_finite(self):
        q = torch.tensor([[1.0, 0.0]], dtype=torch.float64, requires_grad=True)
        adversarial.discrete_penalty(q, torch.tensor([0.5, 0.5])).backward()
        assert q.grad.isfinite().all()
        assert q.grad[0, 1] < -100


class TestVqvae:
    def test_ties_go_to_the_first(self):
        book = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
        assert vqvae.quantise(torch.tensor([[0.0, 3.0], [1.0, 0.0], [-1.0, 0.0]]), book).numbers.tolist() == [0, 0, 1]

    @pytest.mark.parametrize("shape", [(2,), (3, 2), (3, 4, 2)])
    def test_shapes_are_those_of_encodings(self, shape):
        found = vqvae.quantise(torch.zeros(shape), torch.ones(4, 2))
        assert (found.through.shape, found.codes.shape, found.numbers.shape) == (shape, shape, shape[:-1])

    def test_codes_have_a_gradient_in_the_codebook_only(self):
        z, book = torch.randn(6, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
        found = vqvae.quantise(z, book)
        in_z, in_book = torch.autograd.grad(found.codes.sum(), (z, book), allow_unused=True)
        assert in_z is None
        assert in_book.sum().item() == pytest.approx(12.0)

    def test_the_elbo_is_a_number_a_sample(self):
        found = vqvae.elbo(torch.tensor([-1.0, -2.0]), codes=16, positions=4)
        assert found.tolist() == pytest.approx([-1 - 4 * math.log(16), -2 - 4 * math.log(16)])
        with pytest.raises(otgen.InvalidInput, match="commitment must be"):
            vqvae.vqvae_loss(torch.zeros(1), torch.zeros(1, 1), torch.zeros(1, 1), 0.0)


class TestMinibatch:
    def test_transport_has_a_proof_and_no_gradient(self):
        x = torch.rand(5, 2, requires_grad=True)
        found = minibatch.transport(x, x.detach() + 1, p=1, metric="cityblock")
        assert found.lower <= 2.0 <= found.upper * (1 + 1e-6)
        assert found.value == pytest.approx(2.0, rel=1e-6)
        assert x.grad is None

    def test_js_of_what_never_meets_is_log_2(self):
        """As that of two samples of a continuous law, each value a code of its own."""
        assert minibatch.js(torch.arange(9), torch.arange(9, 20), 20) == pytest.approx(math.log(2), rel=1e-14)

    @given(seeds)
    def test_js_is_symmetric_and_at_most_log_2(self, seed):
        generator = torch.Generator().manual_seed(seed)
        one, other = (torch.randint(0, 5, (n,), generator=generator) for n in (7, 4))
        assert minibatch.js(one, other, 5) == pytest.approx(minibatch.js(other, one, 5), abs=1e-15)
        assert -1e-15 <= minibatch.js(one, other, 5) <= math.log(2) * (1 + 1e-15)

    @pytest.mark.parametrize("bad", [torch.tensor([-1, 0]), torch.tensor([0, 2]), torch.tensor([0.0, 1.0])])
    def test_codes_out_of_range_are_refused(self, bad):
        with pytest.raises(otgen.InvalidInput, match="fake must hold whole numbers in"):
            minibatch.js(torch.tensor([0, 1]), bad, 2)
