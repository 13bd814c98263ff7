"""Sizes that do not belong together are judged before any entry is read: here all entries are NaN, or too many to read, and only sizes are told."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.stats
import surface
import torch

import otgen
from otgen import divergences, laws, nn
from otgen.estimators import OTMapper, PairwiseWasserstein
from otgen.nn.objectives import adversarial, gan, minibatch, vae, vqvae, wgan

N, NAN = 10**5, float("nan")
HUGE, WIDE = np.broadcast_to(NAN, (N, N)), np.broadcast_to(NAN, (N, N + 1))
SHORT = np.full(5, NAN)
COSTS, X, Y, MASSES = np.full((3, 4), NAN), np.full((3, 2), NAN), np.full((4, 2), NAN), np.full(5, NAN)
OF_POINTS = [
    otgen.wasserstein,
    otgen.sliced_wasserstein,
    otgen.max_sliced_wasserstein,
    otgen.permutation_null,
    otgen.two_sample_test,
    lambda *sets, **weights: otgen.sinkhorn(*sets, **weights, epsilon=1),
    lambda *sets, **weights: otgen.sinkhorn_divergence(*sets, **weights, epsilon=1),
    lambda *sets, **weights: otgen.partial_wasserstein(*sets, **weights, penalty=1),
    lambda *sets, **weights: otgen.audit(*sets, **weights, plan=[0, 1, 2]),
]


@pytest.mark.parametrize("made", [np.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("call", OF_POINTS)
def test_of_points_and_weights(call, made):
    x, y, masses, wide = map(made, (X, Y, MASSES, COSTS[:, :3]))
    with pytest.raises(otgen.InvalidInput, match=r"a must have shape \(3,\), .* points of x; received shape \(5,\)"):
        call(x, y, a=masses)
    with pytest.raises(otgen.InvalidInput, match=r"b must have shape \(4,\), .* points of y; received shape \(5,\)"):
        call(x, y, b=masses)
    with pytest.raises(otgen.InvalidInput, match="number of coordinates; received 2 and 3"):
        call(x, wide)


@pytest.mark.parametrize("made", [np.asarray, torch.tensor, pd.DataFrame, scipy.sparse.csr_array])
@pytest.mark.parametrize("options", [{}, {"epsilon": 1}, {"penalty": 1}])
def test_of_costs_and_masses(made, options):
    with pytest.raises(otgen.InvalidInput, match=r"a must have shape \(3,\), .* rows of C; received shape \(5,\)"):
        otgen.transport(made(COSTS), MASSES, **options)
    with pytest.raises(otgen.InvalidInput, match=r"b must have shape \(4,\), .* columns of C; received shape \(5,\)"):
        otgen.transport(made(COSTS), b=MASSES, **options)


@pytest.mark.parametrize(("p", "q"), [(X, COSTS), (COSTS, MASSES), (COSTS, np.full((2, 4), np.nan)), (MASSES, X[0])])
def test_of_mass_functions(p, q):
    with pytest.raises(otgen.InvalidInput, match=r"over the same atoms, .*; received shapes"):
        divergences.kl(p, q)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (dict(plan=np.full((2, 2), NAN)), r"plan must have shape \(3, 4\); received \(2, 2\)"),
        (dict(plan=scipy.sparse.csr_array(np.ones((2, 2)))), r"plan must have shape \(3, 4\); received \(2, 2\)"),
        (dict(plan=torch.full((4, 3), NAN)), r"plan must have shape \(3, 4\); received \(4, 3\)"),
        (dict(plan=[0, 1]), r"plan must be \(3, 4\), a permutation of 3 targets, .*; received shape \(2,\)"),
        (dict(plan=[0, 1, 2]), r"plan must be \(3, 4\), a permutation of 3 targets, .*; received shape \(3,\)"),
        (dict(plan=(MASSES, MASSES[:2])), r"must be equally many; received \(5,\), \(2,\)"),
        (dict(plan=(MASSES,)), "received 1 parts"),
        (dict(potentials=(MASSES, MASSES)), r"potentials must be a pair of shapes \(3,\) and \(4,\); received \(5,\)"),
    ],
)
@pytest.mark.parametrize("problem", [dict(C=COSTS), dict(C=scipy.sparse.csr_array(COSTS)), dict(x=X, y=Y)])
def test_of_answers_that_are_audited(problem, answer, told):
    with pytest.raises(otgen.InvalidInput, match=told):
        otgen.audit(**problem, **answer)


def test_of_the_problem_come_before_those_of_the_answer():
    with pytest.raises(otgen.InvalidInput, match=r"^a must have shape"):
        otgen.audit(X, Y, MASSES, plan=COSTS.T)
    with pytest.raises(otgen.InvalidInput, match=r"^b must have shape"):
        otgen.audit(C=COSTS, b=MASSES, plan=COSTS.T)


COLLECTIONS = [
    lambda sets, sets2=None, **options: otgen.pairwise(sets, sets2, **options),
    lambda sets, sets2=None, **options: otgen.neighbors(sets, sets2, **options),
    lambda sets, sets2=None, **options: otgen.within(sets, 1.0, sets2, **options),
]


@pytest.mark.parametrize("call", COLLECTIONS)
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (dict(sets=[X, X], weights=[None, MASSES]), r"weights\[1\] must have shape \(3,\), .*; received shape \(5,\)"),
        (dict(sets=np.stack([X, X]), weights=np.stack([MASSES] * 2)), r"weights\[0\] must have shape \(3,\)"),
        (dict(sets=[X, X, COSTS]), r"\[0\] and \w+\[2\] must have the same number of coordinates; received 2 and 4"),
        (dict(sets=[X], sets2=[Y, COSTS]), r"\[0\] and \w+\[1\] must have the same .*; received 2 and 4"),
        (dict(sets=[X], sets2=[Y], weights2=[MASSES]), r"weights2\[0\] must have shape \(4,\)"),
        (
            dict(sets=[X], sets2=[Y], weights2=[MASSES] * 2),
            "weights2 must have one entry for each of .* received 2 for 1",
        ),
        (dict(sets=[X, X], weights2=[MASSES] * 2), "weights2 must stand beside"),
        (dict(sets=[MASSES[:3], MASSES], support=X), r"\[1\] must have shape \(3,\), .* the points of support"),
        (dict(sets=[MASSES[:3]], sets2=[MASSES], support=X), r"\[0\] must have shape \(3,\), .* the points of support"),
        (dict(sets=[otgen.Measure([[0.0, 1.0]]), COSTS]), "must have the same number of coordinates; received 2 and 4"),
    ],
)
def test_of_collections(call, options, told):
    with pytest.raises(otgen.InvalidInput, match=told):
        call(**options)


def tensor(*shape):
    """A tensor of one NaN that is shown so often."""
    return torch.full((1,) * len(shape), NAN).expand(shape)


def losses(loss, **options):
    """A loss of two minibatches, and what is wrong with each of its arguments."""
    x, y = tensor(9, 2), tensor(9, 3)
    return {
        "x and y must be": lambda: loss(x, y, **options),
        "a must have one weight": lambda: loss(x, x, tensor(5), **options),
        "b must have one weight": lambda: loss(x, x, None, tensor(5), **options),
        "x_mask must say": lambda: loss(x, x, x_mask=torch.ones(5, dtype=torch.bool), **options),
    }


def distance(call, **options):
    """A distance between two views that are too large to be read."""
    return {
        "number of coordinates": lambda: call(HUGE, WIDE, **options),
        "a must have shape": lambda: call(HUGE, HUGE, a=SHORT, **options),
        "b must have shape": lambda: call(HUGE, HUGE, b=SHORT, **options),
    }


def batch(call, **options):
    """A batch of such problems, and one cloud against all."""
    return {
        "problem 0: x and y .* coordinates": lambda: call([HUGE] * 2, [WIDE] * 2, **options),
        "problem 0: a must": lambda: call([HUGE] * 2, [HUGE] * 2, a=[SHORT] * 2, **options),
        "problem 0: b must": lambda: call([HUGE] * 2, [HUGE] * 2, b=[SHORT] * 2, **options),
        "equally many problems": lambda: call([HUGE] * 2, [HUGE] * 3, **options),
    }


def together(call, *shapes):
    """A function of tensors whose shapes must be one."""
    return {
        r"must belong together|must have the same shape|must be one number|must be \(n, K\)|\(K, L\)|of the other's shape": lambda: (
            call(*(tensor(*shape) for shape in shapes))
        )
    }


def of_collection(call):
    return {
        "same number of coordinates": lambda: call([HUGE, WIDE]),
        r"weights\[0\] must have shape": lambda: call([HUGE], weights=[SHORT]),
    }


def mass_functions(name):
    return {"over the same atoms": lambda: getattr(divergences, name)(HUGE, WIDE)}


def of_samples(name):
    return {"number of coordinates": lambda: getattr(divergences, name)(X, COSTS)}


def fitted():
    return OTMapper([[0.0, 1.0], [1.0, 2.0]]).fit([[0.0, 0.0], [1.0, 1.0]])


def solved():
    return otgen.sinkhorn([0.0, 1.0], [2.0, 3.0], epsilon=1.0)


TWO = (9, 2), (9, 3)
DOORS = {
    "Measure": {"weights must have shape": lambda: otgen.Measure(HUGE, SHORT)},
    "Problem.from_matrix": {"a must have shape": lambda: otgen.Problem.from_matrix(HUGE, SHORT)},
    "Problem.from_points": distance(otgen.Problem.from_points),
    "Result.vjp": {"f must have shape": lambda: solved().vjp(f=SHORT)},
    "audit": distance(otgen.audit, plan=[0])
    | {
        "plan must have shape": lambda: otgen.audit(C=HUGE, plan=WIDE),
        "potentials must be a pair of shapes": lambda: otgen.audit(C=HUGE, potentials=(SHORT, SHORT)),
    },
    "bias_curve": {"number of coordinates": lambda: otgen.bias_curve(X, COSTS)},
    "bures_wasserstein": {
        "must have the same length": lambda: otgen.bures_wasserstein(SHORT, np.diag(SHORT), X[:, 0], np.eye(3)),
        "cov1 must be": lambda: otgen.bures_wasserstein(SHORT, np.diag(SHORT), SHORT, HUGE),
    },
    "confidence_interval": {"number of coordinates": lambda: otgen.confidence_interval(X, COSTS)},
    "divergences.Gaussian": {"cov must be": lambda: divergences.Gaussian(SHORT, HUGE)},
    "divergences.Mixture": {"weights must be": lambda: divergences.Mixture(SHORT, [scipy.stats.norm()] * 2)},
    **{f"divergences.{name}": mass_functions(name) for name in ("chi2", "hellinger", "js", "kl", "tv")},
    "divergences.f_divergence": {"over the same atoms": lambda: divergences.f_divergence(HUGE, WIDE, np.log)},
    **{f"divergences.{name}": of_samples(name) for name in ("js_samples", "kl_samples", "tv_samples")},
    "estimators.OTMapper.fit": {
        "number of coordinates": lambda: OTMapper(WIDE).fit(HUGE),
        "sample_weight must": lambda: OTMapper(HUGE).fit(HUGE, sample_weight=SHORT),
        "target_weight must": lambda: OTMapper(HUGE).fit(HUGE, target_weight=SHORT),
    },
    "estimators.OTMapper.transform": {"expecting 2 features": lambda: fitted().transform(COSTS)},
    "estimators.PairwiseWasserstein.fit": {"coordinates": lambda: PairwiseWasserstein().fit([HUGE, WIDE])},
    "estimators.PairwiseWasserstein.fit_transform": {
        "coordinates": lambda: PairwiseWasserstein().fit_transform([HUGE, WIDE])
    },
    "estimators.PairwiseWasserstein.transform": {
        "coordinates": lambda: PairwiseWasserstein().fit([np.eye(2)]).transform([HUGE])
    },
    "laws.Funnels": {"equally many": lambda: laws.Funnels(HUGE, SHORT)},
    "laws.Funnels.critic": {"must have 2 coordinates": lambda: laws.Funnels.random(3, 2, 0).critic(HUGE)},
    "laws.Funnels.gradient": {"must have 2 coordinates": lambda: laws.Funnels.random(3, 2, 0).gradient(HUGE)},
    "laws.diracs": {"x and y must have the same length": lambda: laws.diracs(SHORT, X[:, 0])},
    "laws.elliptical": {
        "same length": lambda: laws.elliptical(SHORT, 1.0, X[:, 0], 1.0, scipy.stats.uniform()),
        "scatter1 must": lambda: laws.elliptical(SHORT, 1.0, SHORT, HUGE, scipy.stats.uniform()),
    },
    "laws.semi_discrete": {
        "weights must have": lambda: laws.semi_discrete(np.broadcast_to(NAN, (10**11,)), SHORT, scipy.stats.norm()),
        "on the line": lambda: laws.semi_discrete(HUGE, None, scipy.stats.norm()),
    },
    "max_sliced_wasserstein": distance(otgen.max_sliced_wasserstein),
    "neighbors": of_collection(otgen.neighbors),
    "nn.coupling.pair": {
        "samples of one size": lambda: nn.coupling.pair(tensor(9, 2), tensor(9, 3)),
        "a must have shape": lambda: nn.coupling.pair(tensor(*TWO[0]), tensor(*TWO[0]), a=tensor(5)),
        "b must have shape": lambda: nn.coupling.pair(tensor(*TWO[0]), tensor(*TWO[0]), b=tensor(5), penalty=1.0),
        "condition0 must be": lambda: nn.coupling.pair(tensor(9, 2), tensor(9, 2), condition0=tensor(5)),
        "rows of one size": lambda: nn.coupling.pair(
            tensor(9, 2), tensor(9, 2), condition0=tensor(9, 1), condition1=tensor(9, 2)
        ),
    },
    "SemidiscreteMap.sample": {
        "same number of coordinates": lambda: otgen.semidiscrete("gaussian", [[0.0, 1.0]], tol=None, rng=0).sample(HUGE)
    },
    "nn.coupling.semidiscrete": {"b must have shape": lambda: nn.coupling.semidiscrete(tensor(9, 2), b=tensor(5))},
    "nn.critics.fit": {"number of coordinates": lambda: nn.critics.fit(HUGE, WIDE)},
    "nn.entropic_plan": {"a must have one": lambda: nn.entropic_plan(tensor(9, 2), tensor(5), epsilon=1.0)},
    "nn.flow_matching.PlanSampler.get_map": {
        "one size": lambda: nn.flow_matching.PlanSampler().get_map(tensor(9, 2), tensor(9, 3))
    },
    "nn.flow_matching.PlanSampler.sample_plan": {
        "one size": lambda: nn.flow_matching.PlanSampler().sample_plan(tensor(9, 2), tensor(9, 3))
    },
    "nn.flow_matching.PlanSampler.sample_plan_with_labels": {
        "y0 must be": lambda: nn.flow_matching.PlanSampler().sample_plan_with_labels(
            tensor(9, 2), tensor(9, 2), tensor(5)
        )
    },
    "nn.mmd_loss": losses(nn.mmd_loss),
    "nn.objectives.adversarial.aae_loss": together(adversarial.aae_loss, (5,), (5, 2)),
    "nn.objectives.adversarial.avb_loss": together(adversarial.avb_loss, (5,), (3,)),
    "nn.objectives.adversarial.discrete_penalty": together(adversarial.discrete_penalty, (9, 2), (5,)),
    "nn.objectives.adversarial.pot_loss": together(adversarial.pot_loss, (5,), (9, 2)),
    "nn.objectives.gan.optimal_logit": together(gan.optimal_logit, *TWO),
    "nn.objectives.minibatch.transport": together(minibatch.transport, *TWO),
    "nn.objectives.vae.bernoulli_log_likelihood": together(vae.bernoulli_log_likelihood, *TWO),
    "nn.objectives.vae.elbo_surgery": together(vae.elbo_surgery, (9,), *TWO, (9, 2), (9,)),
    "nn.objectives.vae.gaussian_kl": together(vae.gaussian_kl, *TWO),
    "nn.objectives.vae.gaussian_log_density": together(vae.gaussian_log_density, *TWO, (9, 2)),
    "nn.objectives.vae.gaussian_log_likelihood": together(vae.gaussian_log_likelihood, *TWO),
    "nn.objectives.vae.reparametrised": together(vae.reparametrised, *TWO),
    "nn.objectives.vae.sampled_vae_loss": together(vae.sampled_vae_loss, (5,), (2,), (5,)),
    "nn.objectives.vae.vae_loss": together(vae.vae_loss, (5,), (3,)),
    "nn.objectives.vqvae.codebook_loss": together(vqvae.codebook_loss, *TWO),
    "nn.objectives.vqvae.commitment_loss": together(vqvae.commitment_loss, *TWO),
    "nn.objectives.vqvae.quantise": together(vqvae.quantise, *TWO),
    "nn.objectives.vqvae.vqvae_loss": together(vqvae.vqvae_loss, (9,), *TWO),
    "nn.objectives.wgan.gradient_penalty": together(
        lambda *both: wgan.gradient_penalty(lambda x: x[:, 0], *both), *TWO
    ),
    "nn.sinkhorn_loss": losses(nn.sinkhorn_loss, epsilon=1.0),
    "nn.sliced_wasserstein_loss": losses(nn.sliced_wasserstein_loss)
    | {"directions must be": lambda: nn.sliced_wasserstein_loss(tensor(9, 2), tensor(9, 2), directions=tensor(5, 3))},
    "nn.transport_loss": {"a must have one": lambda: nn.transport_loss(tensor(9, 2), tensor(5))},
    "nn.wasserstein_loss": losses(nn.wasserstein_loss),
    "pairwise": of_collection(otgen.pairwise),
    "partial_wasserstein": distance(otgen.partial_wasserstein, penalty=1.0)
    | {r"penalty\[1\] must": lambda: otgen.partial_wasserstein(HUGE, HUGE, penalty=(1.0, SHORT))},
    "permutation_null": distance(otgen.permutation_null),
    "semidiscrete": {"b must have shape": lambda: otgen.semidiscrete("gaussian", HUGE, SHORT)},
    "sinkhorn": distance(otgen.sinkhorn, epsilon=1.0)
    | {"init must be a pair": lambda: otgen.sinkhorn(HUGE, HUGE, epsilon=1.0, init=(SHORT, SHORT))},
    "sinkhorn_batch": batch(otgen.sinkhorn_batch, epsilon=1.0),
    "sinkhorn_divergence": distance(otgen.sinkhorn_divergence, epsilon=1.0),
    "sinkhorn_divergence_batch": batch(otgen.sinkhorn_divergence_batch, epsilon=1.0),
    "sliced_wasserstein": distance(otgen.sliced_wasserstein),
    "solve": {
        "init must have shape": lambda: otgen.solve(otgen.Problem.from_points([0.0], [1.0]), init=HUGE),
    },
    "transport": {
        "a must have shape": lambda: otgen.transport(HUGE, SHORT),
        "b must have shape": lambda: otgen.transport(HUGE, b=SHORT, epsilon=1.0),
        r"penalty\[0\] must": lambda: otgen.transport(HUGE, penalty=(SHORT, 1.0)),
        "init must have shape": lambda: otgen.transport(HUGE, init=WIDE),
    },
    "transport_batch": {
        "problem 0: a must": lambda: otgen.transport_batch([HUGE] * 2, [SHORT] * 2),
        "equally many": lambda: otgen.transport_batch([HUGE] * 2, [SHORT]),
    },
    "two_sample_test": distance(otgen.two_sample_test),
    "wasserstein": distance(otgen.wasserstein) | {"init": lambda: otgen.wasserstein(HUGE, HUGE, init=WIDE)},
    "wasserstein_batch": batch(otgen.wasserstein_batch),
    "within": of_collection(lambda sets, **options: otgen.within(sets, 1.0, **options)),
}


# what a function's first argument is called where it takes two things, or one with weights
TOGETHER = {"C", "Cs", "atoms", "mean0", "p", "queries", "real", "sets", "x", "x0", "xs", "z"}
ALONE = {  # the other argument is an option, or logits and values of critics, of which means are taken
    *("nn.objectives.gan.discriminator_loss", "nn.objectives.gan.js_lower", "nn.objectives.gan.value"),
    *("nn.objectives.wgan.critic_loss", "nn.objectives.minibatch.js"),
}


def test_every_function_of_two_things_is_here():
    functions = (re.match(r"otgen\.((?:\w+\.)*[a-z]\w*)\((\w+), ", line) for line in surface.lines())
    named = {found[1] for found in functions if found and found[2] in TOGETHER}
    assert {name for name in named if not name.startswith("nn.distributed.")} - ALONE <= set(DOORS)


@pytest.mark.parametrize(("name", "told"), [(name, told) for name, calls in DOORS.items() for told in calls])
def test_before_contents_at_every_door(name, told):
    with pytest.raises(otgen.InvalidInput) as caught:
        DOORS[name][told]()
    assert re.search(told, str(caught.value))
    assert not re.search("finite|NaN|memory", str(caught.value))
    assert not isinstance(caught.value, otgen.TooLarge)
