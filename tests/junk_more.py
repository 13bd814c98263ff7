"""Calls of collections, methods, modules and estimators that what users pass by mistake is put into, beside those of `junk`."""

import functools
import tempfile
import types

import numpy as np
import torch
from junk import CELLS, ENTROPIC, EXACT, FEW, LINE, MASSES, NORMAL, PLANE, PROBLEM, TENSORS, TWO, WIDE, X, Y

import otgen
from otgen import divergences, estimators, laws, nn, solvers
from otgen.lab import networks
from otgen.lab.training import modes
from otgen.nn import coupling, critics, distributed, flow_matching
from otgen.nn.objectives import vae, wgan


def fitting(kind, fit):
    """What makes an estimator by its options, and has it fitted."""

    def call(**options):
        return fit(kind(**options))

    return functools.wraps(kind)(call)


def proof():
    with tempfile.TemporaryDirectory() as folder:
        EXACT.save_proof(f"{folder}/proof.npz")
        return otgen.load_proof(f"{folder}/proof.npz")


SETS = [PLANE, PLANE + 1, PLANE + 3]
MANY = np.random.default_rng(0).normal(size=(50, 2))
FEWER = dict(x=PLANE, y=PLANE + 1, n_permutations=3)
MAP = otgen.SemidiscreteMap(PLANE, MASSES, np.zeros(6), "euclidean", 2.0, 9)
CURVE = otgen.BiasCurve.fitted(np.array([4, 8, 16]), np.array([[3.0, 2.0, 1.0], [3.5, 2.5, 1.5]]), 0.5, "given")
TESTED = otgen.two_sample_test(PLANE, PLANE + 1, n_permutations=3, rng=0)
SLICED = otgen.sliced_wasserstein(PLANE, PLANE + 1, n_projections=3)
MIXTURE = divergences.Mixture([0.5, 0.5], [NORMAL, WIDE])
PUSHED = laws.Pushforward(NORMAL, [laws.Branch(lambda x: 2 * x, lambda x: 2.0)])
ESTIMATE = divergences.Estimate(0.5, 0.1)
COLLECTIONS = {
    "pairwise": (otgen.pairwise, dict(sets=SETS)),
    "neighbors": (otgen.neighbors, dict(queries=SETS)),
    "within": (otgen.within, dict(sets=SETS, radius=1.0)),
    "two_sample_test": (otgen.two_sample_test, FEWER),
    "permutation_null": (otgen.permutation_null, FEWER),
    "bias_curve": (otgen.bias_curve, dict(**FEW, n_groups=2)),
    "confidence_interval": (otgen.confidence_interval, dict(x=MANY, y=MANY + 1, n_subsamples=20, subsample=25)),
    "partial_wasserstein": (otgen.partial_wasserstein, dict(**TWO, penalty=1.0)),
    "semidiscrete": (otgen.semidiscrete, dict(noise="gaussian", y=PLANE[:2], max_draws=64, throw=False)),
    "load_semidiscrete": (otgen.load_semidiscrete, dict(path="none.npz")),
}
METHODS = {
    "SemidiscreteMap": (
        otgen.SemidiscreteMap,
        dict(points=PLANE, weights=MASSES, potential=np.zeros(6), metric="euclidean", p=2.0, draws=9),
    ),
    "SemidiscreteMap.sample": (MAP.sample, dict(noise=PLANE)),
    "SemidiscreteMap.held_out": (MAP.held_out, dict(n=100)),
    "SemidiscreteMap.save": (MAP.save, dict(path=3)),
    "BiasCurve.at": (CURVE.at, dict(n=100)),
    "BiasCurve.interval": (CURVE.interval, {}),
    "TestResult.interval": (TESTED.interval, {}),
    "Result.chance": (SLICED.chance, dict(n_permutations=2)),
    "Result.plot": (EXACT.plot, {}),
    "BiasCurve.plot": (CURVE.plot, {}),
    "Proof.verify": (proof().verify, {}),
    "Result.save_proof": (EXACT.save_proof, dict(path=3)),
    "Gradients.minus": (ENTROPIC.gradients().minus, dict(other=ENTROPIC.gradients())),
    "Measure.shaped": (otgen.Measure(PLANE).shaped, dict(array=PLANE)),
    "Problem": (otgen.Problem, dict(source=PROBLEM.source, target=PROBLEM.target, cost=PROBLEM.cost)),
    "Problem.on": (PROBLEM.on, dict(device="cpu")),
    "Relative.of": (otgen.Relative(0.1).of, dict(mean_cost=1.0)),
    "Estimate.in_base": (ESTIMATE.in_base, dict(base=2)),
    "Estimate.within": (ESTIMATE.within, dict(low=0.0, high=1.0)),
    "Mixture.logpdf": (MIXTURE.logpdf, dict(x=0.5)),
    "Mixture.cdf": (MIXTURE.cdf, dict(x=0.5)),
    "Pushforward.logpdf": (PUSHED.logpdf, dict(x=0.5)),
    "Pushforward.pdf": (PUSHED.pdf, dict(x=0.5)),
    "Branch": (laws.Branch, dict(inverse=float, slope=float)),
    "Annealing.epsilons": (solvers.Annealing().epsilons, dict(last=0.1, largest_cost=2.0)),
    "Fixed.epsilons": (solvers.Fixed().epsilons, dict(last=0.1, largest_cost=2.0)),
    "Claim": (solvers.Claim, {}),
    "Flows": (solvers.Flows, dict(rows=np.arange(6), columns=np.arange(6), high=MASSES)),
    **{
        f"{type(one).__name__}.solve": (one.solve, dict(problem=problem))
        for one, problem in (
            (solvers.Auto(), PROBLEM),
            (solvers.Simplex(), PROBLEM),
            (solvers.LinearProgram(), PROBLEM),
            (solvers.Sinkhorn(), otgen.Problem.from_points(PLANE, PLANE, epsilon=1.0)),
            (solvers.Line(), otgen.Problem.from_points(LINE, LINE)),
            (solvers.Circle(), otgen.Problem.from_points(LINE / 9, LINE / 9, p=1, metric=otgen.Circular(1.0))),
            (solvers.Bottleneck(), otgen.Problem.from_points(PLANE, PLANE, p=np.inf)),
        )
    },
    **{
        f"Auto.{name}": (getattr(solvers.Auto(), name), dict(problem=PROBLEM))
        for name in ("choose", "expected", "explain")
    },
}
MAPPER, KERNEL = estimators.OTMapper().fit(PLANE, PLANE + 1), estimators.PairwiseWasserstein().fit(SETS)
FITTED = {
    "OTMapper": (fitting(estimators.OTMapper, lambda made: made.fit(PLANE, PLANE + 1)), {}),
    "OTMapper.fit": (estimators.OTMapper().fit, dict(X=PLANE, y=PLANE + 1)),
    "OTMapper.transform": (MAPPER.transform, dict(X=PLANE)),
    "PairwiseWasserstein": (fitting(estimators.PairwiseWasserstein, lambda made: made.fit_transform(SETS)), {}),
    "PairwiseWasserstein.fit": (estimators.PairwiseWasserstein().fit, dict(X=SETS)),
    "PairwiseWasserstein.fit_transform": (estimators.PairwiseWasserstein().fit_transform, dict(X=SETS)),
    "PairwiseWasserstein.transform": (KERNEL.transform, dict(X=SETS)),
}
SAMPLER, COUPLED, PRIOR = flow_matching.PlanSampler(), nn.coupling.SemidiscreteCoupling(MAP, X), vae.FlowPrior(2)
MATCHER = types.SimpleNamespace(ot_sampler=None)
NET = critics.OneSidedPenalty(width=4, depth=1)
MODULES = {
    "WassersteinLoss.forward": (nn.WassersteinLoss().forward, TENSORS),
    "SinkhornLoss.forward": (nn.SinkhornLoss(5.0).forward, TENSORS),
    "SlicedWassersteinLoss.forward": (nn.SlicedWassersteinLoss(n_projections=3).forward, TENSORS),
    "MMDLoss.forward": (nn.MMDLoss().forward, TENSORS),
    "TransportLoss.forward": (nn.TransportLoss().forward, dict(C=CELLS)),
    "coupling.semidiscrete": (coupling.semidiscrete, dict(x1=X[:2].float(), max_draws=64, throw=False)),
    "SemidiscreteCoupling": (coupling.SemidiscreteCoupling, dict(fitted=MAP, x1=X)),
    "SemidiscreteCoupling.index": (COUPLED.index, dict(x0=X)),
    "SemidiscreteCoupling.pair": (COUPLED.pair, dict(x0=X)),
    "SemidiscreteCoupling.forward": (COUPLED.forward, dict(x0=X)),
    "PlanSampler": (flow_matching.PlanSampler, {}),
    "PlanSampler.get_map": (SAMPLER.get_map, dict(x0=X, x1=Y)),
    "PlanSampler.sample_map": (SAMPLER.sample_map, dict(pi=np.eye(3) / 3, batch_size=2)),
    "PlanSampler.sample_plan": (SAMPLER.sample_plan, dict(x0=X, x1=Y)),
    "PlanSampler.sample_plan_with_labels": (SAMPLER.sample_plan_with_labels, dict(x0=X, x1=Y)),
    "PlanSampler.sample_trajectory": (SAMPLER.sample_trajectory, dict(X=torch.stack([X, Y], 1))),
    "with_sampler": (flow_matching.with_sampler, dict(matcher=MATCHER, sampler=SAMPLER)),
    "Clipping.apply": (wgan.Clipping().apply, dict(parameters=[torch.ones(2)])),
    "FlowPrior.forward": (PRIOR.forward, dict(z=X.float())),
    "FlowPrior.from_noise": (PRIOR.from_noise, dict(noise=X.float())),
    "FlowPrior.to_noise": (PRIOR.to_noise, dict(z=X.float())),
    "GroupSort.forward": (critics.GroupSort().forward, dict(z=X)),
    "Critic": (critics.Critic, {}),
    "Critic.network": (NET.network, dict(dim=2, sample=X.float())),
}
LAB = {
    "perceptron": (networks.perceptron, dict(sizes=[2, 3, 1])),
    "modes": (modes, dict(samples=PLANE, centres=PLANE, width=0.1)),
}
SHARDED = {
    "distributed.wasserstein_loss": (distributed.wasserstein_loss, TENSORS),
    "distributed.sinkhorn_loss": (distributed.sinkhorn_loss, dict(**TENSORS, epsilon=5.0)),
    "distributed.sliced_wasserstein_loss": (distributed.sliced_wasserstein_loss, dict(**TENSORS, n_projections=3)),
    "distributed.mmd_loss": (distributed.mmd_loss, TENSORS),
    "distributed.pair": (distributed.pair, dict(x0=X, x1=Y)),
}
