"""What objectives make of shapes, dtypes and modes: (n, 1) beside (n,), halves, learned parameters, saturated softmax."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn.objectives import adversarial, gan, minibatch, vae, vqvae, wgan

seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.sampled_from([1, 2, 3]), max_size=3).map(tuple)


def drawn(seed, *shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def stretched(*arrays):
    """The arrays at the shape of the largest, or None where only a larger one holds all of them."""
    try:
        shape = np.broadcast_shapes(*(z.shape for z in arrays))
    except ValueError:
        return None
    return np.broadcast_arrays(*arrays) if shape in [z.shape for z in arrays] else None


def answer(call):
    """The value as an array, or None where it is refused."""
    try:
        return np.asarray(call().detach())
    except otgen.InvalidInput:
        return None


def agrees(found, right):
    """Both refuse, or both are the same; what is right may also be refused."""
    return found is None or (right is not None and np.allclose(found, right, rtol=1e-10, atol=1e-12))


def allocated(call):
    """The peak of what torch held on the host during a call, in bytes."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as watched:
        call()
    now = peak = 0
    for event in watched.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    assert peak > 0
    return peak


class TestPairs:
    """Every entry meets its own partner, or the call is refused."""

    @given(shapes, shapes, seeds)
    def test_of_losses(self, one, other, seed):
        u, v = drawn(seed, *one), drawn(seed + 1, *other)
        both = stretched(u.numpy(), v.numpy())
        difference = None if both is None else (both[1] - both[0]).mean()
        assert agrees(answer(lambda: vae.vae_loss(u, v)), difference)
        assert agrees(answer(lambda: adversarial.avb_loss(u, v)), difference)
        assert agrees(answer(lambda: vae.sampled_vae_loss(torch.zeros_like(u), u, v)), difference)
        assert agrees(answer(lambda: gan.optimal_logit(v, u)), None if both is None else both[1] - both[0])
        same = one == other
        squares = np.square(np.atleast_1d(u.numpy() - v.numpy())).sum(-1).mean() if same else None
        assert agrees(answer(lambda: vqvae.codebook_loss(u, v)), squares)
        assert agrees(answer(lambda: vqvae.commitment_loss(u, v)), squares)
        if same:
            assert answer(lambda: vae.vae_loss(u, v)) is not None
            assert answer(lambda: vqvae.commitment_loss(u, v)) is not None

    @given(shapes, shapes, seeds)
    def test_of_likelihoods(self, one, other, seed):
        x, m = drawn(seed, *one), drawn(seed + 1, *other)
        whole = one[1:] == other[1:] and len(one) == len(other) > 1
        both = stretched(x.numpy(), m.numpy()) if whole else None
        right = None
        if both is not None:
            right = scipy.stats.norm(both[1], math.sqrt(0.3)).logpdf(both[0]).reshape(len(both[0]), -1).sum(1)
        assert agrees(answer(lambda: vae.gaussian_log_likelihood(x, m, 0.3)), right)
        bits = (x > 0).double()
        if both is not None:
            right = scipy.stats.bernoulli(1 / (1 + np.exp(-both[1]))).logpmf(both[0] > 0)
            right = right.reshape(len(both[0]), -1).sum(1)
        assert agrees(answer(lambda: vae.bernoulli_log_likelihood(bits, m)), right)
        if one == other and len(one) > 1:
            assert answer(lambda: vae.gaussian_log_likelihood(x, m)) is not None

    @given(shapes, shapes, shapes, seeds)
    def test_of_gaussians(self, of_z, of_mean, of_spread, seed):
        z, mean, spread = drawn(seed, *of_z), drawn(seed + 1, *of_mean), drawn(seed + 2, *of_spread)
        together = stretched(z.numpy(), mean.numpy(), spread.numpy())
        right = None
        if together is not None and together[0].ndim and of_z[-1:] == of_mean[-1:]:
            right = scipy.stats.norm(together[1], np.exp(together[2] / 2)).logpdf(together[0]).sum(-1)
        assert agrees(answer(lambda: vae.gaussian_log_density(z, mean, spread)), right)
        kl = answer(lambda: vae.gaussian_kl(mean, spread, z, 0.1))
        assert kl is None or kl.shape == of_mean[:-1]
        sample = answer(lambda: vae.reparametrised(mean, spread))
        assert sample is None or sample.shape == of_mean

    def test_of_surgery(self):
        z = drawn(0, 4, 2)
        with pytest.raises(otgen.InvalidInput, match="log_prior"):
            vae.elbo_surgery(torch.zeros(4, 1), z, z, z, torch.zeros(4, 1))
        with pytest.raises(otgen.InvalidInput, match="same shape"):
            vae.elbo_surgery(torch.zeros(4), z, z, z[:, :1], torch.zeros(4))

    def test_of_penalties(self):
        with pytest.raises(otgen.InvalidInput, match="same shape"):
            wgan.gradient_penalty(torch.nn.Linear(2, 1), torch.zeros(4, 2), torch.zeros(3, 2))
        with pytest.raises(otgen.InvalidInput, match="one number"):
            adversarial.aae_loss(torch.zeros(3), torch.zeros(3, 1))


class TestLearnedVariance:
    @given(seeds, st.sampled_from([(), (1,), (3,), (4, 1), (4, 3)]))
    def test_its_gradient_is_that_of_the_density(self, seed, shape):
        x, mean = drawn(seed, 4, 3), drawn(seed + 1, 4, 3)
        variance = drawn(seed + 2, *shape).exp().requires_grad_()
        twin = variance.detach().clone().requires_grad_()
        vae.gaussian_log_likelihood(x, mean, variance).sum().backward()
        torch.distributions.Normal(mean, twin.sqrt()).log_prob(x).sum().backward()
        torch.testing.assert_close(variance.grad, twin.grad)

    def test_it_learns_the_variance_there_is(self):
        """The likelihood is largest at the mean square: with half of the gradient it would grow without bound."""
        x = drawn(0, 500, 2)
        log_variance = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([log_variance], max_iter=50, line_search_fn="strong_wolfe")

        def loss():
            optimiser.zero_grad()
            value = -vae.gaussian_log_likelihood(3 * x, 0 * x, log_variance.exp()).mean()
            value.backward()
            return value

        optimiser.step(loss)
        assert log_variance.exp().item() == pytest.approx(9 * x.square().mean().item(), rel=1e-4)

    def test_what_is_none_is_refused(self):
        for bad in (torch.tensor([1.0, -1.0]), torch.ones(3, 1, 2), torch.zeros(())):
            with pytest.raises(otgen.InvalidInput, match="variance"):
                vae.gaussian_log_likelihood(torch.zeros(3, 2), torch.zeros(3, 2), bad)

    @pytest.mark.parametrize(
        "call",
        [
            lambda z: vqvae.vqvae_loss(torch.zeros(1), torch.zeros(1, 1), torch.zeros(1, 1), z),
            lambda z: adversarial.pot_loss(torch.zeros(1), torch.zeros(()), z),
            lambda z: wgan.gradient_penalty(torch.nn.Linear(1, 1), torch.zeros(1, 1), torch.zeros(1, 1), weight=z),
            lambda z: otgen.nn.SinkhornLoss(epsilon=z),
            lambda z: otgen.nn.MMDLoss("gaussian", scale=z),
            lambda z: otgen.Relative(z),
            lambda z: otgen.nn.sinkhorn_loss(torch.zeros(1, 1), torch.zeros(1, 1), epsilon=1.0, relax=z),
        ],
    )
    def test_other_numbers_that_want_a_gradient_are_refused(self, call):
        with pytest.raises(otgen.InvalidInput, match="must not require gradients"):
            call(torch.nn.Parameter(torch.tensor(0.5)))


class TestDiscretePenalty:
    @given(seeds, st.sampled_from(["kl", "js", "tv"]), st.sampled_from([torch.float32, torch.float64]))
    def test_a_saturated_softmax_has_a_gradient(self, seed, kind, dtype):
        """``q_k (s_k - sum q s)`` for slopes s of the divergence: what is 0 stays 0, whatever its logarithm."""
        logits = (400 * drawn(seed, 3, 5)).to(dtype).requires_grad_()
        prior = torch.full((5,), 0.2, dtype=dtype)
        adversarial.discrete_penalty(logits.softmax(1), prior, kind).backward()
        q = logits.detach().double().softmax(1)
        slopes = {
            "kl": (q.mean(0) / 0.2).clamp_min(1e-300).log(),
            "js": 0.5 * (2 * q.mean(0) / (q.mean(0) + 0.2)).clamp_min(1e-300).log(),
            "tv": 0.5 * (q.mean(0) - 0.2).sign(),
        }[kind]
        right = q * (slopes - (q * slopes).sum(1, keepdim=True)) / 3
        torch.testing.assert_close(logits.grad.double(), right, rtol=1e-3, atol=1e-4)

    @given(seeds)
    def test_it_is_not_negative(self, seed):
        logits = 1e-4 * drawn(seed, 6, dtype=torch.float32)
        for kind in ("kl", "js", "tv"):
            law = logits.softmax(0)
            assert adversarial.discrete_penalty(law[None], torch.full((6,), 1 / 6), kind) >= 0

    @pytest.mark.parametrize(
        ("posteriors", "kind", "message"),
        [
            (torch.tensor([[3.0, -1.0]]), "kl", "posteriors must be probabilities"),
            (torch.tensor([[0.7, 0.7]]), "kl", "posteriors must be probabilities"),
            (torch.tensor([[1.0, 0.0]]), lambda u: u * u.log(), "kind must be"),
        ],
    )
    def test_what_is_no_probability_is_refused(self, posteriors, kind, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            adversarial.discrete_penalty(posteriors, torch.tensor([0.5, 0.5]), kind)


class TestGaussianKl:
    @given(seeds, st.sampled_from([1e-8, 1e-5, 1e-2, 1.0]))
    def test_it_is_not_negative(self, seed, size):
        mean, spread = (size * drawn(seed + k, 8, 3, dtype=torch.float32) for k in range(2))
        assert (vae.gaussian_kl(mean, spread) >= 0).all()

    def test_a_spread_beyond_floats_is_infinitely_far(self):
        assert vae.gaussian_kl(torch.zeros(1, 1), torch.full((1, 1), 1e3)).item() == math.inf


class TestHalves:
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_sums_do_not_overflow(self, dtype):
        x = torch.full((2, 784), 8.0, dtype=dtype)
        found = vae.gaussian_log_likelihood(x, torch.zeros_like(x), 0.02)
        assert found.dtype is torch.float32
        assert found[0].item() == pytest.approx(784 * scipy.stats.norm(0, math.sqrt(0.02)).logpdf(8.0), rel=1e-5)

    @given(seeds, st.sampled_from([torch.float16, torch.bfloat16, torch.float32]), st.sampled_from([1e-3, 1.0, 100.0]))
    def test_codes_are_those_that_are_nearest(self, seed, dtype, size):
        """By differences in double precision; and what goes through is the codes, to the last bit."""
        z = (size * drawn(seed, 20, 3)).to(dtype).requires_grad_()
        book = drawn(seed + 1, 7, 3).to(dtype)
        found = vqvae.quantise(z, book)
        exact = (z.detach().double()[:, None] - book.double()).square().sum(-1)
        nearest = exact.gather(1, found.numbers[:, None])[:, 0]
        assert (nearest <= exact.min(1).values * (1 + 1e-5)).all()
        assert torch.equal(found.through, book[found.numbers])
        found.through.sum().backward()
        assert torch.equal(z.grad, torch.ones_like(z))

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_encodings_and_codes_that_are_not_finite_have_no_nearest(self, dtype, bad):
        z, book = drawn(0, 2, 3, 4).to(dtype), drawn(1, 7, 4).to(dtype)
        far, lost = z.clone(), book.clone()
        far[1, 2, 0], lost[5, 3] = bad, math.nan
        with pytest.raises(otgen.InvalidInput, match=r"z must be finite; .* in z\[1, 2\];"):
            vqvae.quantise(far, book)
        with pytest.raises(otgen.InvalidInput, match=r"codebook must be finite; .* in codebook\[5\];"):
            vqvae.quantise(z, lost)
        with pytest.raises(otgen.InvalidInput, match=r"in z;"):
            vqvae.quantise(far[1, 2], book)
        with pytest.raises(otgen.InvalidInput, match="distances that are floats"):
            vqvae.quantise(drawn(2, 3, 2) * 1e200, drawn(3, 4, 2) * 1e200)
        unseen = torch.func.vmap(lambda row: vqvae.quantise(row, book).through)(far)
        assert unseen[1, 2, 0].isnan()
        assert torch.equal(unseen[0], vqvae.quantise(z, book).through[0])

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
    @pytest.mark.parametrize("slope", [0.0, 1e-4, 1.0, 150.0])
    def test_penalties_of_linear_critics(self, dtype, slope):
        layer = torch.nn.Linear(4, 1).to(dtype)
        torch.nn.init.constant_(layer.weight, slope)
        found = wgan.gradient_penalty(layer, torch.rand(3, 4, dtype=dtype), torch.rand(3, 4, dtype=dtype))
        norm = 2 * layer.weight[0, 0].double().item()
        assert found.item() == pytest.approx(10 * (norm - 1) ** 2, rel=1e-4)
        found.backward()
        assert layer.weight.grad.isfinite().all()


class TestMemory:
    """The peak of what torch holds, against that of one array of all pairs."""

    def test_of_codes(self):
        z, book = torch.randn(1024, 64), torch.randn(128, 64)
        assert allocated(lambda: vqvae.quantise(z, book)) <= 4 * 4 * 1024 * 128

    def test_of_surgery(self):
        z = torch.randn(256, 128, requires_grad=True)
        log_prior = torch.zeros(256)

        def call():
            vae.elbo_surgery(log_prior, z, z.detach() + 1, 0 * z.detach(), log_prior).elbo.backward()

        assert allocated(call) <= 0.25 * 4 * 256 * 256 * 128


class TestModes:
    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
    def test_penalties_are_there_without_gradients(self, mode):
        layer = torch.nn.Linear(2, 1)
        torch.nn.init.constant_(layer.weight, 3.0)
        with mode():
            found = wgan.gradient_penalty(layer, torch.rand(4, 2), torch.rand(4, 2))
        assert found.item() == pytest.approx(10 * (3 * math.sqrt(2) - 1) ** 2, rel=1e-5)
        assert not found.requires_grad

    def test_targets_from_inference_mode(self):
        with torch.inference_mode():
            target = torch.rand(4, 3)
        for call in (
            lambda z: vae.bernoulli_log_likelihood(target, z).sum(),
            lambda z: vae.gaussian_log_likelihood(target, z, target + 1).sum(),
            lambda z: vae.gaussian_log_density(target, z, target).sum(),
            lambda z: vqvae.commitment_loss(z, target),
            lambda z: vqvae.quantise(z, target).through.sum(),
            lambda z: otgen.nn.mmd_loss(z, target),
            lambda z: otgen.nn.sinkhorn_loss(z, target, epsilon=0.5),
            lambda z: otgen.nn.sliced_wasserstein_loss(z, target),
            lambda z: otgen.nn.wasserstein_loss(z, target),
        ):
            z = torch.rand(4, 3, requires_grad=True)
            call(z).backward()
            assert z.grad.isfinite().all()

    def test_generators_of_noise_decide(self):
        for call in (
            lambda g: vae.reparametrised(torch.zeros(3, 2), torch.zeros(3, 2), g),
            lambda g: gan.noise(3, 2, generator=g),
        ):
            one, other = (call(torch.Generator().manual_seed(5)) for _ in range(2))
            assert torch.equal(one, other)


CALLS = {
    "gan.value": lambda z: gan.value(z, z),
    "gan.generator_loss": gan.generator_loss,
    "gan.kl_from_logit": gan.kl_from_logit,
    "wgan.critic_loss": lambda z: wgan.critic_loss(z, z),
    "wgan.generator_loss": wgan.generator_loss,
    "vae.vae_loss": lambda z: vae.vae_loss(z, z),
    "vae.gaussian_kl": lambda z: vae.gaussian_kl(z, z),
    "vae.gaussian_log_likelihood": lambda z: vae.gaussian_log_likelihood(z, z),
    "vae.bernoulli_log_likelihood": lambda z: vae.bernoulli_log_likelihood(z, z),
    "adversarial.f_bound_kl": lambda z: adversarial.f_bound_kl(z, z),
    "adversarial.latent_penalty": lambda z: adversarial.latent_penalty(z, prior=z),
    "adversarial.discrete_penalty": lambda z: adversarial.discrete_penalty(z, z),
    "vqvae.quantise": lambda z: vqvae.quantise(z, z),
    "vqvae.elbo": lambda z: vqvae.elbo(z, 2),
    "minibatch.js": lambda z: minibatch.js(z, z, 2),
    "minibatch.transport": lambda z: minibatch.transport(z, z),
}


class TestWords:
    @pytest.mark.parametrize("bad", [[1.0], np.ones(3), None, torch.ones(3) * 1j, torch.zeros(0, 2)])
    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
    def test_what_is_no_tensor_of_numbers_is_refused(self, call, bad):
        with pytest.raises(otgen.InvalidInput, match=r"must .*; received .*; "):
            call(bad)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: vae.gaussian_log_likelihood(torch.rand(4), torch.rand(4)), "one sample a row"),
            (lambda: vae.bernoulli_log_likelihood(torch.full((2, 1), 255.0), torch.zeros(2, 1)), "divide images"),
            (lambda: vae.gaussian_kl(torch.tensor(0.0), torch.tensor(0.0)), "coordinates on the last axis"),
            (lambda: vae.FlowPrior(2).log_density(torch.zeros(3, 3)), r"\(n, 2\)"),
            (lambda: vqvae.quantise(torch.rand(3, 2), torch.rand(0, 2)), "codebook must hold something"),
            (lambda: vqvae.elbo(torch.zeros(1), 2, 0), "positions must be"),
            (lambda: minibatch.js(torch.tensor([True, False]), torch.tensor([1, 0]), 2), "whole numbers"),
            (lambda: minibatch.transport(torch.rand(3), torch.rand(3)), "one sample a row"),
            (lambda: minibatch.transport(torch.rand(3, 2), torch.rand(3, 3)), "one sample a row"),
            (lambda: adversarial.latent_penalty(torch.rand(1, 3), prior=torch.rand(8, 3)), "drop_last"),
            (lambda: adversarial.latent_penalty(torch.rand(8, 3), prior=torch.rand(1, 3)), "drop_last"),
            (lambda: adversarial.latent_penalty(torch.rand(8, 3), prior=torch.rand(8, 2)), "latents' d"),
            (lambda: wgan.gradient_penalty(torch.nn.Linear(1, 1), torch.rand(3), torch.rand(3)), "one sample a row"),
            (
                lambda: wgan.gradient_penalty(torch.nn.Linear(1, 1), *2 * [torch.ones(3, 1, dtype=torch.int64)]),
                "must hold floats",
            ),
        ],
    )
    def test_are_ours(self, call, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            call()

    def test_values_pass_where_they_cannot_be_seen(self):
        x, logits = torch.rand(3, 4, 2), torch.randn(3, 4, 2)
        found = torch.func.vmap(vae.bernoulli_log_likelihood)(x, logits)
        right = torch.stack([vae.bernoulli_log_likelihood(*both) for both in zip(x, logits)])
        torch.testing.assert_close(found, right)


def test_latents_of_another_dtype_than_the_prior():
    with pytest.raises(
        otgen.InvalidInput, match="must be of the dtype that the prior computes in, float32; received float64"
    ):
        vae.FlowPrior(2).log_density(torch.zeros(3, 2, dtype=torch.float64))


def test_truth_values_are_encodings_as_numbers_are():
    found = vqvae.quantise(torch.tensor([[True], [False]]), torch.tensor([[0.0], [1.0]]))
    assert found.numbers.tolist() == [1, 0]
    assert found.through.tolist() == [[1.0], [0.0]]


def test_a_law_without_width_has_a_density_at_its_own_place():
    mean, log_variance = torch.zeros(2, requires_grad=True), torch.tensor([-1e30, 0.0], requires_grad=True)
    found = vae.gaussian_log_density(torch.zeros(2), mean, log_variance)
    assert found.item() == pytest.approx(5e29)
    gradients = torch.autograd.grad(found, [mean, log_variance])
    assert all(torch.isfinite(z).all() for z in gradients)
    assert gradients[1].tolist() == [-0.5, -0.5]
    assert vae.gaussian_log_density(torch.ones(2), mean, log_variance).item() == -float("inf")
