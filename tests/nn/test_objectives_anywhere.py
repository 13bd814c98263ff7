"""Every objective in every place where it may stand: halves, autocast, other transforms of torch; and against finite differences."""

from __future__ import annotations

from functools import partial

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn.objectives import adversarial, gan, vae, vqvae, wgan

PRIOR = torch.full((3,), 1 / 3)
SLOPES = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
A, B, NONE = (5,), (4,), ()
POINTS, OTHERS = (5, 3), (4, 3)


def single(z):
    """In single precision at least."""
    return z.to(torch.promote_types(z.dtype, torch.float32))


def penalty(x, y):
    return wgan.gradient_penalty(lambda z: (single(z).tanh() * SLOPES.float()).sum(1), x, y)


def discrete(kind):
    return lambda z: adversarial.discrete_penalty(single(z).softmax(-1), PRIOR, kind)


# What is called, and the shapes of what it takes. Parameters are part of that: a variance is learned as a mean is.
CALLS = {
    "gan.value": (gan.value, A, B),
    "gan.discriminator_loss": (gan.discriminator_loss, A, B),
    "gan.js_lower": (gan.js_lower, A, B),
    "gan.optimal_logit": (gan.optimal_logit, A, A),
    "gan.kl_from_logit": (gan.kl_from_logit, A),
    **{f"gan.generator_loss {form}": (partial(gan.generator_loss, form=form), A) for form in gan.FORMS},
    "wgan.critic_loss": (wgan.critic_loss, A, B),
    "wgan.generator_loss": (wgan.generator_loss, A),
    "vae.vae_loss": (vae.vae_loss, A, A),
    "vae.sampled_vae_loss": (vae.sampled_vae_loss, A, A, A),
    "vae.gaussian_log_density": (vae.gaussian_log_density, POINTS, POINTS, POINTS),
    "vae.gaussian_kl": (vae.gaussian_kl, POINTS, POINTS, POINTS, (3,)),
    "vae.gaussian_log_likelihood": (vae.gaussian_log_likelihood, POINTS, POINTS),
    "vae.gaussian_log_likelihood, one variance": (
        lambda x, mean, s: vae.gaussian_log_likelihood(x, mean, single(s).exp()),
        *(POINTS, POINTS, NONE),
    ),
    "vae.gaussian_log_likelihood, one a coordinate": (
        lambda x, mean, s: vae.gaussian_log_likelihood(x, mean, single(s).exp()),
        *(POINTS, POINTS, (3,)),
    ),
    "vae.bernoulli_log_likelihood": (
        lambda x, z: vae.bernoulli_log_likelihood(single(x).sigmoid(), z),
        *(POINTS, POINTS),
    ),
    "vae.elbo_surgery": (lambda *z: vae.elbo_surgery(*z).elbo, A, POINTS, POINTS, POINTS, A),
    "adversarial.avb_loss": (adversarial.avb_loss, A, A),
    "adversarial.avb_f_loss": (adversarial.avb_f_loss, A, A, B),
    "adversarial.aae_loss": (adversarial.aae_loss, A, NONE),
    "adversarial.pot_loss": (adversarial.pot_loss, A, NONE),
    "adversarial.latent_penalty": (lambda z, y: adversarial.latent_penalty(z, prior=y), POINTS, OTHERS),
    "adversarial.latent_penalty, logits": (lambda z: adversarial.latent_penalty(z, z[:, 0]), POINTS),
    **{f"adversarial.discrete_penalty {kind}": (discrete(kind), POINTS) for kind in ("kl", "js", "tv")},
    "vqvae.elbo": (partial(vqvae.elbo, codes=4, positions=2), A),
    "vqvae.codebook_loss": (vqvae.codebook_loss, POINTS, POINTS),
    "vqvae.commitment_loss": (vqvae.commitment_loss, POINTS, POINTS),
    "vqvae.vqvae_loss": (vqvae.vqvae_loss, A, POINTS, POINTS),
    "vqvae.quantise": (lambda z, book: vqvae.quantise(single(z), single(book)).through, POINTS, OTHERS),
}
STOPPED = {"vqvae.codebook_loss", "vqvae.commitment_loss", "vqvae.vqvae_loss", "vqvae.quantise"}  # whose point that is
FULL = {"wgan.gradient_penalty": (penalty, POINTS, POINTS), **CALLS}
every = pytest.mark.parametrize("name", CALLS)


def given(shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]


def value_and_gradients(call, z):
    torch.manual_seed(0)
    value = call(*z)
    return [value, *torch.autograd.grad(value.sum(), z, allow_unused=True)]


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_computed_in_single_precision(name, dtype):
    """Values to its last digits, gradients rounded to the halves that they go to."""
    call, *shapes = CALLS[name]
    halves = given(shapes, dtype)
    found, want = (
        value_and_gradients(call, z) for z in (halves, [z.detach().float().requires_grad_() for z in halves])
    )
    torch.testing.assert_close(found[0], want[0], rtol=1e-5, atol=1e-6)
    assert found[0].dtype is torch.float32
    for one, other in zip(found[1:], want[1:]):
        assert (one is None) == (other is None)
        if one is not None:
            assert one.dtype is dtype
            torch.testing.assert_close(one.float(), other, rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_autocast_changes_no_bit(name, dtype):
    """Of what an objective computes itself; networks are the caller's, in his precision."""
    call, *shapes = FULL[name]
    want = value_and_gradients(call, given(shapes, dtype))
    torch.manual_seed(0)
    z = given(shapes, dtype)
    with torch.autocast("cpu", torch.bfloat16):
        torch.manual_seed(0)
        value = call(*z)
    found = [value, *torch.autograd.grad(value.sum(), z, allow_unused=True)]
    for one, other in zip(found, want):
        assert (one is None) == (other is None)
        assert one is None or (torch.equal(one, other) and one.dtype is other.dtype)


@pytest.mark.parametrize("name", sorted(CALLS.keys() - STOPPED))
def test_gradients_are_those_of_finite_differences(name):
    call, *shapes = CALLS[name]
    assert torch.autograd.gradcheck(call, given(shapes))


@every
def test_transforms_of_torch_take_them(name):
    call, *shapes = CALLS[name]
    first, second = ([z.detach() for z in given(shapes, seed=seed)] for seed in (0, 1))
    found = torch.func.vmap(call)(*(torch.stack(both) for both in zip(first, second)))
    torch.testing.assert_close(found, torch.stack([call(*first), call(*second)]))
    slopes = torch.func.grad(lambda *z: call(*z).sum(), argnums=tuple(range(len(first))))(*first)
    for one, other in zip(slopes, value_and_gradients(call, given(shapes))[1:]):
        torch.testing.assert_close(one, torch.zeros_like(one) if other is None else other)


@pytest.mark.nightly
@pytest.mark.parametrize("name", FULL)
def test_compilers_take_them_whole(name):
    call, *shapes = FULL[name]
    torch.compiler.reset()
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    found, want = compiled(*given(shapes)), call(*given(shapes))
    assert found.shape == want.shape
    if name != "wgan.gradient_penalty":  # whose points are drawn
        torch.testing.assert_close(found, want)
    found.sum().backward()


class TestPenalties:
    """Derivatives of a critic's derivatives, by every way to them."""

    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()

    def penalty(self, weights, x, y):
        critic = self.network if weights is None else partial(torch.func.functional_call, self.network, weights)
        return wgan.gradient_penalty(critic, x, y, generator=torch.Generator().manual_seed(0))

    def test_by_transforms_they_are_those_of_autograd(self):
        x, y = (z.detach() for z in given([POINTS, POINTS]))
        weights = dict(self.network.named_parameters())
        found = torch.func.grad(self.penalty)(weights, x, y)
        want = torch.autograd.grad(self.penalty(None, x, y), list(weights.values()), allow_unused=True)
        for one, other in zip(found.values(), want):
            torch.testing.assert_close(one, torch.zeros_like(one) if other is None else other)

    def test_they_are_those_of_finite_differences(self):
        x, y = (z.detach() for z in given([POINTS, POINTS]))
        weight = self.network[0].weight

        def call(w):
            return self.penalty({**dict(self.network.named_parameters()), "0.weight": w}, x, y)

        assert torch.autograd.gradcheck(call, weight.detach().clone().requires_grad_())

    def test_samples_are_constants(self):
        x, y = given([POINTS, POINTS])
        slopes = torch.autograd.grad(self.penalty(None, x, y), [x, y], allow_unused=True)
        assert slopes == (None, None)

    def test_what_is_refused_is_refused_under_transforms(self):
        x = torch.rand(4, 3)
        with pytest.raises(otgen.InvalidInput, match="one value a point"):
            torch.func.vmap(lambda z: wgan.gradient_penalty(lambda u: u.mean(), z, z), randomness="same")(x[None])


class TestFlows:
    """A density and its samples have all their digits, whatever the precision around them."""

    def prior(self):
        torch.manual_seed(0)
        prior = vae.FlowPrior(3)
        for weight in prior.parameters():
            torch.nn.init.normal_(weight, std=0.4)
        return prior

    def test_autocast_takes_no_digit_not_even_of_gradients_inside_of_it(self):
        prior, z = self.prior(), torch.randn(5, 3, requires_grad=True)

        def all_of_it():
            density, draws = prior.log_density(z), prior.sample(4, torch.Generator().manual_seed(1))
            slopes = torch.autograd.grad(density.sum() + draws.square().sum(), [z, *prior.parameters()])
            return [density, draws, *slopes]

        want = all_of_it()
        with torch.autocast("cpu", torch.bfloat16):
            found = all_of_it()
        torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-4)

    def test_what_wraps_modules_takes_it(self):
        prior, z = self.prior(), torch.randn(5, 3)
        weights = dict(prior.named_parameters())
        found = torch.func.grad(lambda held: torch.func.functional_call(prior, held, z).sum())(weights)
        want = torch.autograd.grad(prior.log_density(z).sum(), list(weights.values()))
        torch.testing.assert_close(list(found.values()), list(want))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_parameters_in_halves_are_computed_with_in_single_precision(self, dtype):
        prior = self.prior().to(dtype)
        z = torch.randn(5, 3, dtype=dtype)
        noise, _ = prior.to_noise(z)
        torch.testing.assert_close(prior.from_noise(noise), z.float(), rtol=1e-4, atol=1e-4)
        found = prior.log_density(z)
        torch.testing.assert_close(found, prior.float().log_density(z.float()))
        prior = prior.to(dtype)
        prior.log_density(z).sum().backward()
        assert all(weight.grad.dtype is dtype and weight.grad.isfinite().all() for weight in prior.parameters())


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize(
    "call", [vae.vae_loss, adversarial.avb_loss, gan.optimal_logit, lambda u, v: vae.sampled_vae_loss(u, u, v)]
)
def test_coordinates_are_no_samples_even_where_there_are_as_many(call, n):
    """(n,) beside (n, n): every number of one would meet a row of the other."""
    with pytest.raises(otgen.InvalidInput, match="must each hold one number a sample"):
        call(torch.zeros(n), torch.zeros(n, n))
    assert call(torch.zeros(n), torch.tensor(1.0)).isfinite().all()
