"""Errata of "From OT to generative modeling: the VEGAN cookbook"."""

from __future__ import annotations

import math

import numpy as np
import scipy.optimize

from .... import divergences as div
from .... import laws
from ....distances import gaussians
from .. import independent as other
from ..check import COOKBOOK, Found, as_printed, differ, equal, torch_and_nn
from ..independent import stats
from .erratum import erratum

LOG2, LOG4 = math.log(2.0), math.log(4.0)


@erratum(f"{COOKBOOK}, penalties", "D_GAN is a penalty with F = 0 just when Q_Z = P_Z", "D_GAN + log 4 is")
def the_penalty_at_equality(rng: np.random.Generator) -> Found:
    """At equality the adversarial penalty is -log 4."""
    p = other.pmf(rng, 5)
    best = -scipy.optimize.minimize(
        lambda w: (
            -float(p @ np.log(other.sigmoid(w)) + p @ np.log(1 - other.sigmoid(w))),
            p * (2 * other.sigmoid(w) - 1),
        ),
        np.ones(5),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-11},
    ).fun
    torch, nn = torch_and_nn()
    logits = nn.objectives.gan.optimal_logit(*(torch.tensor(p).log(),) * 2)
    value = nn.objectives.gan.value(logits, logits).item()  # one half everywhere, so that all means are one
    yield as_printed(equal("D_GAN(P, P); 0", value, 0.0, 1e-6))
    yield equal("D_GAN(P, P); by the best of all discriminators", value, float(best), 1e-9)
    yield equal("D_GAN(P, P) + log 4; 0", value + LOG4, 0.0)


@erratum(f"{COOKBOOK}, remark 1", "W dagger = (11) + d sigma^2, for any cost", "for c = |x - y|^2")
def remark_one_for_squares(rng: np.random.Generator) -> Found:
    """A Dirac at 0, decoded to 0 with unit noise: under c = |x - y| the noise costs .798, not 1."""
    absolute, squared = (laws.semi_discrete([0.0], None, stats.norm(), p).value ** p for p in (1, 2))
    yield as_printed(equal("c = |x - y|: W dagger; 1", absolute, 1.0, 1e-3))
    yield equal("c = |x - y|: W dagger; sqrt(2 / pi)", absolute, math.sqrt(2 / math.pi), 1e-9)
    yield equal("c = |x - y|^2: W dagger; 1", squared, 1.0, 1e-9)


@erratum(
    f"{COOKBOOK}, proposition 2",
    "G* and G dagger are different whenever sigma > 0",
    "not for a Dirac; for N(0, 1) they are: a* = sqrt(1 - sigma^2), a dagger = 1",
)
def proposition_two_and_a_dirac(rng: np.random.Generator) -> Found:
    """A Dirac's best decoder is the constant one, with noise and without; that of a normal law shrinks."""

    def best(variance: float, sigma: float) -> float:
        return other.best(lambda a: gaussians.bures_wasserstein(0.0, variance, 0.0, a * a + sigma**2) ** 2, 0.0, 2.0)

    yield equal(
        "N(0, 1), sigma = .6: W_2 at a = .8", gaussians.bures_wasserstein(0.0, 1.0, 0.0, 0.64 + 0.36), 0.0, 1e-12
    )
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
    yield equal(
        "KL inside; outside + I",
        inside,
        other.relative(aggregate, prior) + other.relative(joint, np.outer(data, aggregate)),
    )
