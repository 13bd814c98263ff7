"""What an editor marks: each line that ends in a comment with rules is an error by them, and no other line is one."""

# ruff: noqa: B018

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import otgen
from otgen.estimators import OTMapper, PairwiseWasserstein
from otgen.nn.coupling import pair
from otgen.nn.metrics import TransportDistance
from otgen.typing import DistanceName, Metric, MetricName, Plan, Solver

x, y = np.zeros((3, 2)), np.ones((4, 2))
some: dict[str, Any] = {}
named: DistanceName = "sinkhorn"
t, u = torch.zeros(3, 2), torch.ones(4, 2)


def distances(metric: Metric, solver: Solver) -> float:
    """Wrappers pass on what they are given."""
    return float(otgen.wasserstein(x, y, metric=metric, solver=solver))


def block(s: Any, t: Any) -> Any:
    """A metric of two blocks."""
    return np.abs(s[:, None] - t[None]).sum(-1)


def own(x: Any, y: Any, a: Any, b: Any, anything: str = "") -> float:
    """A distance of one's own, with an option."""
    return len(anything) + float(otgen.wasserstein(x, y, a, b))


def pairs(distance: DistanceName | Callable[..., float]) -> Any:
    """So do those of many pairs."""
    otgen.two_sample_test(x, y, distance=distance, **some)
    return otgen.pairwise([x, y], distance=distance, **some)


def words(name: str, known: MetricName) -> None:
    """A word that may be anything is no metric."""
    otgen.wasserstein(x, y, metric=known)
    otgen.wasserstein(x, y, metric=name)  # reportArgumentType


otgen.wasserstein(x, y, metric="cityblock", solver="simplex")
otgen.wasserstein(x, y, metric=otgen.Minkowski(3), p=1)
otgen.wasserstein(x, y, metric=otgen.Circular(24), solver=otgen.solvers.Simplex())
otgen.wasserstein(x, y, metric=block)
otgen.wasserstein(x, y, metric="eucl")  # reportArgumentType
otgen.wasserstein(x, y, metric=otgen.Minkowski)  # reportArgumentType
otgen.wasserstein(x, y, metric=3)  # reportArgumentType
otgen.wasserstein(x, y, solver="emd")  # reportArgumentType
otgen.wasserstein(x, y, solver="sinkhorn")  # reportArgumentType
otgen.wasserstein(x, y, solver=otgen.solvers.Simplex)  # reportArgumentType
otgen.wasserstein(x, y, p="2")  # reportArgumentType
otgen.wasserstein(x, y, q=2)  # reportCallIssue
otgen.transport(x, solver="sinkhorn", epsilon=0.1, relax=(1.0, None))
otgen.transport(x, solver="network")  # reportArgumentType
otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.1), solver=otgen.solvers.Sinkhorn())
otgen.sinkhorn(x, y)  # reportCallIssue
otgen.sinkhorn(x, y, epsilon=0.1, metric="l2")  # reportArgumentType
otgen.sinkhorn(x, y, epsilon=0.1, solver="simplex")  # reportArgumentType
otgen.sinkhorn_divergence(x, y, epsilon=0.1, relax=(1.0, 2.0))  # reportArgumentType
otgen.solve(otgen.Problem.from_points(x, y), "bottleneck")
otgen.solve(otgen.Problem.from_points(x, y, metric="manhattan"))  # reportArgumentType
otgen.wasserstein_batch(x, y, metric="manhattan")  # reportArgumentType
otgen.sinkhorn_batch(x, y, epsilon=0.1, solver="linprog")  # reportArgumentType

otgen.partial_wasserstein(x, y, penalty=1, metric="eucl")  # reportArgumentType
otgen.partial_wasserstein(x, y, penalty=1, solver="line")  # reportArgumentType
otgen.neighbors([x, y], metric="eucl")  # reportArgumentType
otgen.within([x, y], 1.0, metric="l2")  # reportArgumentType
otgen.within([x, y], "near")  # reportArgumentType
otgen.semidiscrete("normal", y)  # reportArgumentType
otgen.semidiscrete(lambda n, rng: rng.random((n, 2)), y, metric="cityblock")
otgen.semidiscrete("gaussian", y, metric="manhattan")  # reportArgumentType
otgen.max_sliced_wasserstein(x, y, exact="no")  # reportArgumentType
otgen.sliced_wasserstein(x, y, directions="random-ish")  # reportArgumentType
otgen.bias_curve(x, y, distance="emd")  # reportArgumentType, reportCallIssue
otgen.bias_curve(x, y, metric="foo")  # reportArgumentType
otgen.bias_curve(x, y, distance=own, anything="goes")
otgen.confidence_interval(x, y, distance="emd")  # reportArgumentType
otgen.confidence_interval(x, y, metric="foo")  # reportArgumentType
otgen.two_sample_test(x, y, distance="emd")  # reportArgumentType, reportCallIssue
otgen.two_sample_test(x, y, distance="sinkhorn", epsilon=1, solver="emd")  # reportArgumentType, reportCallIssue
otgen.two_sample_test(x, y, distance="mmd", bandwidth=1.0)
otgen.two_sample_test(x, y, distance=own, anything="goes")
otgen.permutation_null(x, y, distance="emd")  # reportArgumentType, reportCallIssue
otgen.permutation_null(x, y, distance="sliced_wasserstein", directions="any")  # reportArgumentType, reportCallIssue
otgen.permutation_null(x, y, distance=own, anything="goes")
otgen.pairwise([x, y], metric="foo")  # reportArgumentType
otgen.pairwise([x, y], metric="cosine", p=1, bounds=True).lower
otgen.pairwise([x, y], distance="sinkhorn", epsilon=1, solver="emd")  # reportArgumentType, reportCallIssue
otgen.pairwise([x, y], distance="sliced_wasserstein", rng=0, n_projections=10).shape
otgen.pairwise([x, y], distance="emd")  # reportArgumentType, reportCallIssue
otgen.pairwise([x, y], distance=own, anything="goes").shape
otgen.pairwise([x, y], distance=own, bounds=True, **some).lower
otgen.pairwise([x, y], distance=named, **some).shape
OTMapper(y, extension="linear", metric="cityblock")  # reportArgumentType
OTMapper(y, metric="eucl")  # reportArgumentType
OTMapper(y, solver="emd")  # reportArgumentType
OTMapper(y, epsilon=0.1, solver="sinkhorn")
OTMapper(y, solver=otgen.solvers.Simplex())
PairwiseWasserstein("emd")  # reportArgumentType, reportCallIssue
PairwiseWasserstein(distance_params={"metric": "foo"})  # reportArgumentType
PairwiseWasserstein("sinkhorn", distance_params={"epsilon": otgen.Relative(0.1), "solver": otgen.solvers.Sinkhorn()})
PairwiseWasserstein(distance_params={"metric": "cityblock", "p": 1}).distance_params
PairwiseWasserstein(distance_params=dict(p=1), kernel="exp")
PairwiseWasserstein(named, distance_params=some)
PairwiseWasserstein(own, distance_params={"anything": "goes"})
PairwiseWasserstein(kernel="rbf")  # reportArgumentType
TransportDistance("emd")  # reportArgumentType, reportCallIssue
TransportDistance(distance_params={"metric": "foo"})  # reportArgumentType
TransportDistance(distance_params={"metric": "chebyshev"}, bounds=True)
TransportDistance("sinkhorn", distance_params=dict(epsilon=otgen.Relative(0.1)))
TransportDistance(named, distance_params=some)
TransportDistance(own, distance_params={"anything": "goes"})

otgen.nn.wasserstein_loss(t, u, metric="chebyshev", reduction="sum")
otgen.nn.wasserstein_loss(t, u, metric=block)  # reportArgumentType
otgen.nn.wasserstein_loss(t, u, reduction="avg")  # reportArgumentType
otgen.nn.SinkhornLoss(0.1, metric="manhattan")  # reportArgumentType
otgen.nn.SlicedWassersteinLoss(reduction="all")  # reportArgumentType
otgen.nn.mmd_loss(t, u, kernel="rbf")  # reportArgumentType
pair(t, u, method="entropic")  # reportArgumentType
pair(t, u, metric="foo")  # reportArgumentType
otgen.nn.coupling.semidiscrete(t, metric="foo")  # reportArgumentType
otgen.nn.flow_matching.PlanSampler("entropic")  # reportArgumentType
otgen.nn.distributed.pair(t, u, method="entropic")  # reportArgumentType
otgen.nn.distributed.wasserstein_loss(t, u, metric="foo")  # reportArgumentType
otgen.nn.distributed.sinkhorn_loss(t, u, epsilon=0.1, metric="foo")  # reportArgumentType
otgen.nn.distributed.mmd_loss(t, u, kernel="foo")  # reportArgumentType
otgen.nn.distributed.sliced_wasserstein_loss(t, u, directions="foo")  # reportArgumentType
otgen.nn.sliced_wasserstein_loss(t, u, directions="foo")  # reportArgumentType
otgen.nn.sinkhorn_loss(t, u, epsilon=0.1, metric="foo")  # reportArgumentType
otgen.nn.objectives.gan.generator_loss(t, form="foo")  # reportArgumentType
otgen.nn.objectives.gan.noise(3, 2, "foo")  # reportArgumentType
otgen.nn.objectives.adversarial.discrete_penalty(t, u, "foo")  # reportArgumentType
otgen.nn.objectives.minibatch.transport(t, u, metric="foo")  # reportArgumentType
otgen.divergences.kl_samples(x, y, method="kde")  # reportArgumentType
otgen.audit(x, y, plan=[0], metric="foo")  # reportArgumentType
otgen.sinkhorn_divergence(x, y, epsilon=0.1, metric="foo")  # reportArgumentType
otgen.sinkhorn_divergence_batch(x, y, epsilon=0.1, metric="foo")  # reportArgumentType
otgen.transport_batch([x], solver="foo")  # reportArgumentType
otgen.semidiscrete("gaussian", y).held_out("normal")  # reportArgumentType

result = otgen.wasserstein(x, y)
plan: Plan = result.plan
moved = result.plan @ y
back = x.T @ result.plan
rows, columns = result.plan.marginals()
f, g = result.potentials
near = result < 3 and result >= np.float64(0) and result == 1.5
best = min(result, otgen.wasserstein(y, y))
numbers: Sequence[otgen.Result] = otgen.wasserstein_batch(x, y)
first = numbers[0].value + 1.0
result.plan.toarray()  # reportAttributeAccessIssue
result.distance  # reportAttributeAccessIssue
result.gradients("weights")  # reportArgumentType
result.value = 3.0  # reportAttributeAccessIssue
otgen.wassertein  # reportAttributeAccessIssue
