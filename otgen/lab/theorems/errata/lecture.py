"""Errata of "Lecture 9: generative models with adversaries"."""

from __future__ import annotations

import math

import numpy as np

from .... import divergences as div
from .... import laws
from ....distances import exact
from ....errors import require
from .. import independent as other
from ..check import LECTURE, Found, arithmetic, as_printed, at_most, below, equal, torch_and_nn
from ..independent import stats
from .erratum import erratum

LOG2, LOG4 = math.log(2.0), math.log(4.0)


@erratum(f"{LECTURE}, section 9.1, example", "TV(P_0, P_e) = 1 for every e >= 0", "TV = min(e, 1)")
def tv_of_shifted_uniforms(rng: np.random.Generator) -> Found:
    """Uniforms that overlap are not at total variation 1."""
    p = stats.uniform(0, 1)
    for e in (0.0, 0.25):
        found = div.tv(p, stats.beta(1, 1, loc=e)).value  # the uniform law on [e, e + 1], by another formula
        yield as_printed(equal(f"TV at e = {e:g}; 1", found, 1.0, 1e-6))
        yield equal(f"TV at e = {e:g}; min(e, 1)", found, e, 1e-10)


@erratum(
    f"{LECTURE}, section 9.1, example",
    "KL(P_0 || P_e) is infinite for every e >= 0",
    "for every e > 0; it is 0 at e = 0",
)
def kl_at_no_shift(rng: np.random.Generator) -> Found:
    """The law itself is at divergence 0."""
    p = stats.uniform(0, 1)
    found = div.kl(p, stats.beta(1, 1)).value  # the same law by another formula
    yield as_printed(equal("KL at e = 0; infinity", found, math.inf))
    yield equal("KL at e = 0; 0", found, 0.0)
    yield equal("KL at e = 1e-6; infinity", div.kl(p, stats.uniform(1e-6, 1)).value, math.inf)


@erratum(f"{LECTURE}, section 9.1", "inf over kernels", "inf over kernels whose output has the target's law")
def a_missing_constraint(rng: np.random.Generator) -> Found:
    """Without the second marginal, staying where one is costs nothing."""
    x, y, a = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0], [3.0]]), np.array([0.5, 0.5])
    b = np.array([0.2, 0.3, 0.5])
    cost = other.distances(x, y)
    value = exact.wasserstein(x, y, a, b, p=1).value
    yield as_printed(equal("least over all kernels; W", float(a @ cost.min(axis=1)), value, 1e-6))
    yield equal("least over kernels onto the target; W", other.primal(cost, a, b)[0], value, 1e-12)


@erratum(
    f"{LECTURE}, theorem 1, remark",
    "the example refutes both converses",
    "it refutes TV => KL only; atoms against U[0,1] refute W => TV",
)
def which_converse_the_example_refutes(rng: np.random.Generator) -> Found:
    """Along the example's own shifts W and TV go to 0 together: W = TV = e."""
    e = 1e-3
    p, q = stats.uniform(0, 1), stats.uniform(e, 1)
    yield as_printed(below("TV stays above one half while W is 1e-3", 0.5, div.tv(p, q).value))
    yield equal("TV; e", div.tv(p, q).value, e, 1e-10)
    yield equal("W; e", laws.on_the_line(p, q, 1).value, e, 1e-10)
    atoms = (np.arange(250) + 0.5) / 250
    yield equal("250 atoms: W", laws.semi_discrete(atoms, None, p, 1).value, e, 1e-12)
    p_atoms, p_others = np.zeros((2, 250 + 5000))
    p_atoms[:250], p_others[250:] = 1 / 250, 1 / 5000  # points of the line beside the atoms
    yield equal("250 atoms: TV to 5000 points beside them", div.tv(p_atoms, p_others).value, 1.0)


@erratum(
    f"{LECTURE}, theorem 1, proof sketch",
    "Pinsker's inequality is TV <= sqrt(2 KL): as if this were met in the limit",
    "TV <= sqrt(KL / 2), and this constant is sharp",
)
def pinskers_constant(rng: np.random.Generator) -> Found:
    """The printed bound is true and twice too large: half of it is met in the limit."""
    t = 1e-4
    kl = div.kl([0.5 + t, 0.5 - t], [0.5, 0.5]).value
    yield as_printed(equal("TV; sqrt(2 KL)", t / math.sqrt(2 * kl), 1.0, 0.01))
    yield equal("TV; sqrt(KL / 2)", t / math.sqrt(kl / 2), 1.0, 1e-6)


@erratum(
    f"{LECTURE}, section 9.2",
    "bounded weights give a smooth function, and W",
    "a Lipschitz function, and a lower bound of W",
)
def a_family_is_a_lower_bound(rng: np.random.Generator) -> Found:
    """Linear critics of norm 1 tell nothing of a point and its two neighbours, whose distance is 1."""
    x, y = np.array([0.0]), np.array([-1.0, 1.0])
    value = exact.wasserstein(x, y, p=1).value
    best = max(w * (x.mean() - y.mean()) for w in np.linspace(-1, 1, 201))
    yield equal("W", value, 1.0)
    yield as_printed(equal("max over linear critics; W", float(best), value, 1e-6))
    yield at_most("max over linear critics; W", float(best), value)


@erratum(f"{LECTURE}, section 9.3", "w <- threshold(w)", "w <- threshold(w + step times gradient)")
def a_missing_step(rng: np.random.Generator) -> Found:
    """As printed the inner loop computes a gradient and does not use it: the critic never learns."""
    torch, nn = torch_and_nn()
    wgan, rounds = nn.objectives.wgan, require("otgen.lab.rounds")
    real, fake = torch.ones(4, 1).double(), torch.zeros(4, 1).double()

    def gain(ascend: bool) -> float:
        critic = torch.nn.Linear(1, 1).double()
        with torch.no_grad():
            critic.weight.fill_(0.001)
        optimiser = torch.optim.SGD(critic.parameters(), 0.1)
        for _ in range(5):
            loss = wgan.critic_loss(critic(real), critic(fake))
            if ascend:
                rounds.step(optimiser, loss)
            wgan.Clipping(0.01).apply(critic.parameters())
        return -wgan.critic_loss(critic(real), critic(fake)).item()

    yield as_printed(equal("gain after five printed loops; best in the box", gain(False), 0.01, 1e-6))
    yield equal("gain after five loops with the step; best in the box", gain(True), 0.01)


@erratum(f"{LECTURE}, section 9.4", "E log f(x) - E log(1 - f(g(z)))", "E log f(x) + E log(1 - f(g(z)))")
def the_sign_of_cross_entropy(rng: np.random.Generator) -> Found:
    """With the printed sign the maximum over f is infinite: f = 1 - d everywhere makes it as large as one likes."""
    torch, nn = torch_and_nn()
    for d, figure in ((1e-2, 4.6), (1e-6, 13.8), (1e-12, 27.6)):
        printed = math.log1p(-d) - math.log(d)
        yield arithmetic(equal(f"f = 1 - {d:g}: printed objective", printed, figure, 0.05))
    yield as_printed(at_most("printed objective; 0, the largest it may be", printed, 0.0))
    logits = torch.tensor(rng.normal(size=(2, 20)))
    value = nn.objectives.gan.value(*logits).item()
    real, fake = (other.sigmoid(z) for z in logits.numpy())
    yield equal("with the right sign; by hand", value, float(np.log(real).mean() + np.log(1 - fake).mean()))
    yield at_most("with the right sign; 0", value, 0.0)
