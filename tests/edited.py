"""What an editor marks: each line that ends in a comment with a rule is an error by it, and no other line is one."""

# ruff: noqa: B018

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import otgen
from otgen.estimators import OTMapper, PairwiseWasserstein
from otgen.nn.coupling import pair
from otgen.nn.metrics import TransportDistance
from otgen.typing import Metric, MetricName, Plan, Solver

x, y = np.zeros((3, 2)), np.ones((4, 2))
t, u = torch.zeros(3, 2), torch.ones(4, 2)


def distances(metric: Metric, solver: Solver) -> float:
    """Wrappers pass on what they are given."""
    return float(otgen.wasserstein(x, y, metric=metric, solver=solver))


def block(s: Any, t: Any) -> Any:
    """A metric of two blocks."""
    return np.abs(s[:, None] - t[None]).sum(-1)


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
otgen.bias_curve(x, y, distance="emd")  # reportArgumentType
otgen.confidence_interval(x, y, distance="emd")  # reportArgumentType
otgen.two_sample_test(x, y, distance="emd")  # reportArgumentType
otgen.permutation_null(x, y, distance="emd")  # reportArgumentType
OTMapper(y, extension="linear", metric="cityblock")  # reportArgumentType
OTMapper(y, metric="eucl")  # reportArgumentType
PairwiseWasserstein("emd")  # reportArgumentType
PairwiseWasserstein(kernel="rbf")  # reportArgumentType
TransportDistance("emd")  # reportArgumentType

otgen.nn.wasserstein_loss(t, u, metric="chebyshev", reduction="sum")
otgen.nn.wasserstein_loss(t, u, metric=block)  # reportArgumentType
otgen.nn.wasserstein_loss(t, u, reduction="avg")  # reportArgumentType
otgen.nn.SinkhornLoss(0.1, metric="manhattan")  # reportArgumentType
otgen.nn.SlicedWassersteinLoss(reduction="all")  # reportArgumentType
otgen.nn.mmd_loss(t, u, kernel="rbf")  # reportArgumentType
pair(t, u, method="entropic")  # reportArgumentType
otgen.divergences.kl_samples(x, y, method="kde")  # reportArgumentType

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
