"""What users pass by mistake, and calls of every public function that it is put into."""

import decimal
import fractions
import pathlib
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse
import scipy.stats
import torch

import otgen
from otgen import divergences, laws, nn, solvers
from otgen.nn import critics, objectives

LINE, PLANE, SYMMETRIC = np.arange(6.0), np.arange(12.0).reshape(6, 2) % 5, np.diag([1.0, 2.0])
SAMPLES = np.random.default_rng(0).normal(size=(6, 2))
MASSES, C = np.full(6, 1 / 6), np.abs(np.arange(4.0)[:, None] - np.arange(4.0))
NORMAL, WIDE = scipy.stats.norm(), scipy.stats.norm(1, 2)
GAUSSIAN = divergences.Gaussian([0.0, 1.0], SYMMETRIC)


class Odd:
    """An object of a user's."""


def generated():
    yield from (0.0, 1.0)


def _quietly(make, *arguments):
    """Of torch's forms that are being given up, or are not settled yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*arguments)


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


JUNK = {
    "None": None,
    "True": True,
    "a string": "abc",
    "an empty string": "",
    "bytes": b"abc",
    "a set": {1.0, 2.0},
    "a dict": {"a": 1},
    "a range": range(6),
    "a generator": generated,
    "an object": Odd(),
    "a class": Odd,
    "a module": np,
    "a slice": slice(None),
    "a path": pathlib.Path("none"),
    "a function": lambda *z: None,
    "ragged": [[1.0], [1.0, 2.0]],
    "a list of strings": ["a"] * 6,
    "a list of None": [None] * 6,
    "an empty list": [],
    "an empty tuple": (),
    "a pair": (1.0, 2.0),
    "a triple": (1.0, 2.0, 3.0),
    "a nested list": [[[[1.0]]]],
    "a complex number": 1j,
    "a huge integer": 10**400,
    "a large integer": 2**60 + 1,
    "minus one": -1,
    "zero": 0,
    "a fraction": fractions.Fraction(1, 3),
    "a decimal": decimal.Decimal("0.1"),
    "nan": float("nan"),
    "inf": float("inf"),
    "minus inf": -np.inf,
    "tiny": 5e-324,
    "largest": 1.7e308,
    "np.float64": np.float64(-0.5),
    "0-d": np.array(1.0),
    "0-d of nan": np.array(np.nan),
    "0-d object": np.array(None),
    "empty": np.zeros(0),
    "no columns": np.zeros((6, 0)),
    "one": np.ones(1),
    "another length": np.ones(3),
    "(6, 1)": np.ones((6, 1)),
    "3-d": np.ones((2, 3, 2)),
    "complex": np.ones(6, complex),
    "objects": np.array([Odd()] * 6),
    "strings": np.array(["a"] * 6),
    "booleans": np.ones(6, bool),
    "NaN": np.full(6, np.nan),
    "infinite": np.full((6, 2), np.inf),
    "zeros": np.zeros(6),
    "negative": -np.ones(6),
    "negative plane": -np.ones((6, 2)),
    "subnormal": np.full(6, 5e-324),
    "the largest": np.full((6, 2), 1.7e308),
    "large integers": np.arange(6) + 2**62,
    "masked": np.ma.masked_less(np.arange(6.0), 2),
    "records": np.zeros(6, [("a", float)]),
    "long doubles": np.ones(6, np.longdouble),
    "halves": np.ones(6, np.float16),
    "dates": np.arange(6).astype("M8[D]"),
    "sparse": scipy.sparse.csr_array(np.eye(6)),
    "a sparse vector": scipy.sparse.coo_array(np.ones(6)),
    "a matrix": np.eye(6, 4),
    "requires grad": torch.ones(6, requires_grad=True),
    "grad plane": torch.ones((6, 2), requires_grad=True),
    "a sparse tensor": torch.eye(6).to_sparse(),
    "a complex tensor": torch.ones(6, dtype=torch.complex64),
    "an integer tensor": torch.ones((6, 2), dtype=torch.int64),
    "a boolean tensor": torch.ones(6, dtype=torch.bool),
    "a bfloat tensor": torch.ones(6, dtype=torch.bfloat16),
    "a 0-d tensor": torch.tensor(1.0),
    "an empty tensor": torch.zeros((0, 2)),
    "a meta tensor": torch.zeros((6, 2), device="meta"),
    "a NaN tensor": torch.full((6, 2), torch.nan),
    "tensors": [torch.ones(2), torch.ones(2)],
    "the class of a law": scipy.stats.norm,
    "no frozen law": scipy.stats.gamma,
    "a discrete law": scipy.stats.poisson(3),
    "a law of no parameters": scipy.stats.norm(0, -1),
    "many laws": scipy.stats.norm([0, 1], 1),
    "a multivariate law": scipy.stats.multivariate_normal([0, 0]),
    "a random generator": np.random.default_rng(0),
    "a buffer": bytearray(6),
    "a memory": memoryview(np.arange(6.0)),
    "a string of numpy's": np.str_("abc"),
    "a duration": np.timedelta64(1, "s"),
    "five axes": np.ones((2, 1, 2, 1, 2)),
    "read only": _read_only(PLANE),
    "strings in a plane": np.full((6, 2), "a"),
    "objects in a plane": np.array([[Odd()] * 2] * 6),
    "a sparse plane": scipy.sparse.coo_matrix(PLANE),
    "a list of arrays": [np.ones(2), np.ones(3)],
    "a dict of arrays": {"x": LINE},
    "a series of strings": pd.Series(["a"] * 6),
    "a table with strings": pd.DataFrame({"u": LINE, "v": ["a"] * 6}),
    "a series with gaps": pd.Series([1, None, 2, 3, 4, 5], dtype="Int64"),
    "an arrow with gaps": pa.array([1.0, None, 2.0, 3.0, 4.0, 5.0]),
    "a nested tensor": _quietly(torch.nested.nested_tensor, [torch.ones(2), torch.ones(3)]),
    "a quantized tensor": _quietly(torch.quantize_per_tensor, torch.ones(6, 2), 0.1, 0, torch.quint8),
    "a parameter": torch.nn.Parameter(torch.ones(6, 2)),
    "a module of torch": torch.nn.Linear(2, 1),
    "a dtype": torch.float64,
    "a generator of torch": torch.Generator(),
    "a result": otgen.wasserstein(LINE, LINE),
    "a measure": otgen.Measure(LINE),
}


def value(name):
    """A fresh piece of junk."""
    return generated() if name == "a generator" else JUNK[name]


ENTROPIC, EXACT = otgen.sinkhorn(LINE, LINE + 1, epsilon=1.0), otgen.wasserstein(PLANE, PLANE + 1)
PROBLEM = otgen.Problem.from_points(PLANE, PLANE)
BATCH = dict(xs=np.stack([PLANE, PLANE]), ys=np.stack([PLANE, PLANE + 1]))
TWO = dict(x=PLANE, y=PLANE + 1)
DISTANCES = {
    "wasserstein": (otgen.wasserstein, TWO),
    "wasserstein on the line": (otgen.wasserstein, dict(x=LINE, y=LINE)),
    "W_inf": (otgen.wasserstein, dict(**TWO, p=np.inf)),
    "transport": (otgen.transport, dict(C=C)),
    "entropic transport": (otgen.transport, dict(C=C, epsilon=1.0)),
    "sinkhorn": (otgen.sinkhorn, dict(**TWO, epsilon=5.0)),
    "sinkhorn_divergence": (otgen.sinkhorn_divergence, dict(**TWO, epsilon=5.0)),
    "sliced_wasserstein": (otgen.sliced_wasserstein, dict(**TWO, n_projections=3)),
    "max_sliced_wasserstein": (otgen.max_sliced_wasserstein, TWO),
    "wasserstein_batch": (otgen.wasserstein_batch, BATCH),
    "transport_batch": (otgen.transport_batch, dict(Cs=np.stack([C, C]))),
    "sinkhorn_batch": (otgen.sinkhorn_batch, dict(**BATCH, epsilon=5.0)),
    "sinkhorn_divergence_batch": (otgen.sinkhorn_divergence_batch, dict(**BATCH, epsilon=5.0)),
    "bures_wasserstein": (
        otgen.bures_wasserstein,
        dict(mean0=np.zeros(2), cov0=SYMMETRIC, mean1=np.ones(2), cov1=SYMMETRIC),
    ),
    "audit": (otgen.audit, dict(**TWO, plan=EXACT)),
    "audit of potentials": (otgen.audit, dict(**TWO, potentials=(np.zeros(6), np.zeros(6)))),
    "audit of a matrix": (otgen.audit, dict(C=C, plan=np.arange(4))),
    "audit of an entropic plan": (
        otgen.audit,
        dict(**TWO, plan=otgen.sinkhorn(PLANE, PLANE + 1, epsilon=5.0), epsilon=5.0),
    ),
    "solve": (otgen.solve, dict(problem=PROBLEM)),
    "load_proof": (otgen.load_proof, dict(path="none.npz")),
    "Measure": (otgen.Measure, dict(points=PLANE)),
    "Minkowski": (otgen.Minkowski, dict(q=3)),
    "Circular": (otgen.Circular, dict(period=1)),
    "Relative": (otgen.Relative, dict(fraction=0.1)),
    "Problem.from_points": (otgen.Problem.from_points, TWO),
    "Problem.from_matrix": (otgen.Problem.from_matrix, dict(C=C)),
    "Result.gradients": (ENTROPIC.gradients, {}),
    "Result.vjp": (ENTROPIC.vjp, {}),
    "Plan.barycenters": (EXACT.plan.barycenters, dict(points=PLANE)),
    "EntropicPlan.barycenters": (ENTROPIC.plan.barycenters, dict(points=PLANE)),
    "Simplex": (solvers.Simplex, {}),
    "LinearProgram": (solvers.LinearProgram, {}),
    "Sinkhorn": (solvers.Sinkhorn, {}),
    "Annealing": (solvers.Annealing, {}),
}
DIVERGENCES = {
    **{
        f"{name} of {what}": (getattr(divergences, name), dict(p=p, q=q))
        for name in ("kl", "js", "tv", "hellinger", "chi2")
        for what, p, q in (("masses", MASSES, MASSES), ("laws", NORMAL, WIDE), ("Gaussians", GAUSSIAN, GAUSSIAN))
        if name == "kl" or what != "Gaussians"
    },
    "f_divergence": (divergences.f_divergence, dict(p=MASSES, q=MASSES, f=lambda u: (u - 1) ** 2)),
    "f_divergence of laws": (divergences.f_divergence, dict(p=WIDE, q=NORMAL, f=lambda u: abs(u - 1), slope=1.0)),
    "kl_samples": (divergences.kl_samples, dict(x=SAMPLES, y=SAMPLES + 1, k=2)),
    "kl_samples by a classifier": (divergences.kl_samples, dict(x=PLANE, y=PLANE + 1, method="classifier")),
    "js_samples": (divergences.js_samples, dict(x=PLANE, y=PLANE + 1)),
    "tv_samples": (divergences.tv_samples, dict(x=PLANE, y=PLANE + 1)),
    "Gaussian": (divergences.Gaussian, dict(mean=np.zeros(2), cov=SYMMETRIC)),
    "Mixture": (divergences.Mixture, dict(weights=[0.5, 0.5], laws=[NORMAL, WIDE])),
    "Mixture.rvs": (divergences.Mixture([0.5, 0.5], [NORMAL, WIDE]).rvs, dict(n=3)),
}
PAIR = laws.gaussians(GAUSSIAN, GAUSSIAN)
LAWS = {
    "uniforms": (laws.uniforms, dict(shift=1.0)),
    "segments": (laws.segments, dict(apart=1.0)),
    "diracs": (laws.diracs, dict(x=[0.0, 1.0], y=[1.0, 1.0])),
    "translation": (laws.translation, dict(draw=lambda n, rng: rng.normal(size=(n, 2)), by=[1.0, 1.0])),
    "gaussians": (laws.gaussians, dict(source=GAUSSIAN, target=GAUSSIAN)),
    "elliptical": (
        laws.elliptical,
        dict(mean0=[0, 0], scatter0=SYMMETRIC, mean1=[0, 1], scatter1=SYMMETRIC, radius=scipy.stats.uniform()),
    ),
    "isotropic": (laws.isotropic, dict(dim=2, radius0=scipy.stats.uniform(), radius1=scipy.stats.expon())),
    "line_pair": (laws.line_pair, dict(p_law=NORMAL, q_law=WIDE)),
    "on_the_line": (laws.on_the_line, dict(p_law=NORMAL, q_law=WIDE)),
    "semi_discrete": (laws.semi_discrete, dict(atoms=LINE, weights=MASSES, law=NORMAL)),
    "entropic_gaussians": (laws.entropic_gaussians, dict(source=GAUSSIAN, target=GAUSSIAN, epsilon=1.0)),
    "entropic_gaussian_divergence": (
        laws.entropic_gaussian_divergence,
        dict(source=GAUSSIAN, target=GAUSSIAN, epsilon=1.0),
    ),
    "Pair.sample": (PAIR.sample, dict(n=3)),
    "Pair.wasserstein": (PAIR.wasserstein, {}),
    "Pair.divergence": (PAIR.divergence, dict(name="kl")),
    "Funnels": (laws.Funnels, dict(centres=np.zeros((2, 3)), heights=np.zeros(2))),
    "Funnels.random": (laws.Funnels.random, dict(number=2, dim=2)),
    "Funnels.sample": (laws.Funnels.random(2, 2, 0).sample, dict(n=3)),
    "Funnels.w1": (laws.Funnels.random(2, 2, 0).w1, dict(n=3)),
    "Funnels.gradient": (laws.Funnels.random(2, 2, 0).gradient, dict(x=PLANE)),
    "Funnels.critic": (laws.Funnels.random(2, 2, 0).critic, dict(x=PLANE)),
    "Pushforward": (laws.Pushforward, dict(law=NORMAL, branches=[laws.Branch(float, lambda x: 1.0)])),
}


X, Y = torch.tensor(PLANE), torch.tensor(PLANE + 1)
TENSORS = dict(x=X, y=Y)
NUMBERS = torch.linspace(-1, 1, 6)
CELLS = torch.tensor([[0.5, 0.5]] * 6)
CRITIC = torch.nn.Linear(2, 1, dtype=torch.float64)
gan, wgan, vae, adversarial, vqvae, minibatch = (
    getattr(objectives, name) for name in ("gan", "wgan", "vae", "adversarial", "vqvae", "minibatch")
)
LOSSES = {
    "wasserstein_loss": (nn.wasserstein_loss, TENSORS),
    "sinkhorn_loss": (nn.sinkhorn_loss, dict(**TENSORS, epsilon=5.0)),
    "sliced_wasserstein_loss": (nn.sliced_wasserstein_loss, dict(**TENSORS, n_projections=3)),
    "mmd_loss": (nn.mmd_loss, TENSORS),
    "WassersteinLoss": (nn.WassersteinLoss, {}),
    "SinkhornLoss": (nn.SinkhornLoss, dict(epsilon=5.0)),
    "SlicedWassersteinLoss": (nn.SlicedWassersteinLoss, {}),
    "MMDLoss": (nn.MMDLoss, {}),
    "transport_loss": (nn.transport_loss, dict(C=CELLS)),
    "entropic_plan": (nn.entropic_plan, dict(C=CELLS, epsilon=1.0)),
    "TransportLoss": (nn.TransportLoss, {}),
    "coupling.pair": (nn.coupling.pair, dict(x0=X, x1=Y)),
    "unbalanced coupling.pair": (nn.coupling.pair, dict(x0=X, x1=Y, method="unbalanced", relax=10.0, epsilon=5.0)),
}
OBJECTIVES = {
    "gan.value": (gan.value, dict(real=NUMBERS, fake=NUMBERS)),
    "gan.discriminator_loss": (gan.discriminator_loss, dict(real=NUMBERS, fake=NUMBERS)),
    "gan.generator_loss": (gan.generator_loss, dict(fake=NUMBERS)),
    "gan.optimal_logit": (gan.optimal_logit, dict(log_real=NUMBERS, log_fake=NUMBERS)),
    "gan.js_lower": (gan.js_lower, dict(real=NUMBERS, fake=NUMBERS)),
    "gan.kl_from_logit": (gan.kl_from_logit, dict(logits=NUMBERS)),
    "gan.noise": (gan.noise, dict(n=3, dim=2)),
    "wgan.critic_loss": (wgan.critic_loss, dict(real=NUMBERS, fake=NUMBERS)),
    "wgan.generator_loss": (wgan.generator_loss, dict(fake=NUMBERS)),
    "wgan.Clipping": (wgan.Clipping, {}),
    "wgan.gradient_penalty": (wgan.gradient_penalty, dict(critic=CRITIC, real=X, fake=Y)),
    "vae.reparametrised": (vae.reparametrised, dict(mean=X, log_variance=Y)),
    "vae.gaussian_log_density": (vae.gaussian_log_density, dict(z=X, mean=X, log_variance=Y)),
    "vae.gaussian_kl": (vae.gaussian_kl, dict(mean=X, log_variance=Y)),
    "vae.gaussian_log_likelihood": (vae.gaussian_log_likelihood, dict(x=X, mean=Y)),
    "vae.bernoulli_log_likelihood": (vae.bernoulli_log_likelihood, dict(x=CELLS, logits=CELLS)),
    "vae.vae_loss": (vae.vae_loss, dict(log_likelihood=NUMBERS, kl=NUMBERS)),
    "vae.sampled_vae_loss": (
        vae.sampled_vae_loss,
        dict(log_likelihood=NUMBERS, log_prior=NUMBERS, log_posterior=NUMBERS),
    ),
    "vae.elbo_surgery": (
        vae.elbo_surgery,
        dict(log_likelihood=NUMBERS, z=CELLS, mean=CELLS, log_variance=CELLS, log_prior=NUMBERS),
    ),
    "vae.FlowPrior": (vae.FlowPrior, dict(dim=2)),
    "FlowPrior": (vae.FlowPrior(2).log_density, dict(z=CELLS.float())),
    "FlowPrior.sample": (vae.FlowPrior(2).sample, dict(n=3)),
    "adversarial.avb_loss": (adversarial.avb_loss, dict(log_likelihood=NUMBERS, logits=NUMBERS)),
    "adversarial.f_bound_kl": (adversarial.f_bound_kl, dict(posterior=NUMBERS, prior=NUMBERS)),
    "adversarial.avb_f_loss": (adversarial.avb_f_loss, dict(log_likelihood=NUMBERS, posterior=NUMBERS, prior=NUMBERS)),
    "adversarial.aae_loss": (adversarial.aae_loss, dict(log_likelihood=NUMBERS, penalty=torch.tensor(1.0))),
    "adversarial.pot_loss": (adversarial.pot_loss, dict(costs=NUMBERS, penalty=torch.tensor(1.0))),
    "adversarial.latent_penalty": (adversarial.latent_penalty, dict(latents=CELLS, prior=CELLS)),
    "adversarial.discrete_penalty": (
        adversarial.discrete_penalty,
        dict(posteriors=CELLS, prior=torch.tensor([0.5, 0.5])),
    ),
    "vqvae.quantise": (vqvae.quantise, dict(z=X, codebook=Y)),
    "vqvae.codebook_loss": (vqvae.codebook_loss, dict(z=X, codes=Y)),
    "vqvae.commitment_loss": (vqvae.commitment_loss, dict(z=X, codes=Y)),
    "vqvae.vqvae_loss": (vqvae.vqvae_loss, dict(log_likelihood=NUMBERS, z=X, codes=Y)),
    "vqvae.elbo": (vqvae.elbo, dict(log_likelihood=NUMBERS, codes=3)),
    "minibatch.transport": (minibatch.transport, dict(real=X, fake=Y)),
    "minibatch.js": (minibatch.js, dict(real=torch.arange(6) % 3, fake=torch.arange(6) % 2, codes=3)),
}
FEW = dict(x=np.tile(PLANE, (4, 1)), y=np.tile(PLANE, (4, 1)) + 1)
CRITICS = {
    "critics.fit": (critics.fit, dict(**FEW, critic=critics.OneSidedPenalty(width=4, depth=1), steps=2, progress=False)),
    "critics.gradient_norms": (critics.gradient_norms, dict(network=CRITIC, points=X)),
    "critics.lipschitz_bound": (critics.lipschitz_bound, dict(network=critics.Orthogonal(4, 1).network(2, X.float()))),
    **{kind.__name__: (kind, {}) for kind in (
        critics.Cones, critics.CTransform, critics.GradientPenalty, critics.OneSidedPenalty, critics.Orthogonal, critics.SpectralNormalisation,
        critics.WeightClipping,
    )},
}  # fmt: skip
