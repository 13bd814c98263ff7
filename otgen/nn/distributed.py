"""The Sinkhorn loss of a whole batch whose rows live on many processes.

Every process holds some rows of x and all of y. Row potentials stay where their rows are; a sweep computes its rows' part of the
column sums, one all-reduce adds them up, and all processes take the same decisions from the same numbers. The gradient in x is
local. Nothing of the size of all pairs is held or sent, but for the pairs of a y of few points with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput, NotConverged
from ..inputs import scalars
from ..inputs.types import Floats
from ..model.cost import BuiltIn, PointCost, point_cost, unspelt
from ..model.marginals import Marginals
from ..model.problem import Relative
from ..solvers import Annealing
from ..solvers.base import silent
from ..solvers.sinkhorn_held import ROUGH
from ..solvers.sinkhorn_iteration import CostPass, Pass, Potentials, Step, iterate, missed, symmetric_step
from . import _solves
from ._inputs import checked_metric, common_dtype, finite
from ._masks import checked_mask
from ._processes import Processes

_NO_MASS = 1e-300  # of the one row of a process that has none


def sinkhorn_loss(
    x: Tensor,
    y: Tensor,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    epsilon: float | Relative,
    p: float = 2,
    metric: BuiltIn = "euclidean",
    debias: bool = True,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    averaged: bool = True,
    group: Any = None,
) -> Tensor:
    """:func:`otgen.nn.sinkhorn_loss` between all rows of x, wherever they are, and y.

    Parameters
    ----------
    x : Tensor
        (n, d): this process's rows, as many as it has, perhaps none. All rows weigh the same.
    y : Tensor
        (m, d): the same on every process; constant.
    x_mask, y_mask : Tensor of bool, optional
        (n,) and (m,): True where a row counts. The others are padding: whatever they hold, nothing depends on it and gradients there
        are 0. Those of x may leave a process nothing.
    epsilon, p, metric, debias, tol, max_iter
        As in :func:`otgen.nn.sinkhorn_loss`.
    averaged : bool
        Whether gradients will be averaged over processes, as DistributedDataParallel does: they are then multiplied by how many
        there are, so that the average is the gradient of the loss.
    group : ProcessGroup, optional
        The processes; all of them unless said otherwise.

    Returns
    -------
    Tensor
        The loss, a number, the same on every process; its gradient goes to this process's rows.

    Raises
    ------
    InvalidInput
        On every process, if the input of any is malformed, or y or an option differs.
    NotConverged
        On every process, at the limit.

    Examples
    --------
    A script for ``torchrun --nproc-per-node 2`` is in ``docs/examples``.
    """
    processes = Processes(group)
    posed = processes.agreed(
        lambda: _posed((x, y), (x_mask, y_mask), _Terms(epsilon, p, metric, tol, max_iter, debias), averaged),
        lambda here: ("y", repr(here.columns.shape).encode() + here.columns.tobytes()),
        lambda here: ("options", repr(here.terms).encode()),
    )
    terms, columns = posed.terms, posed.columns
    count = int(processes.summed(np.array([float(len(posed.rows))]))[0])
    if count == 0:
        raise InvalidInput("x must have a row on some process; received none at all; pass at least one point")
    local = _Shard(processes, posed.rows, columns, count, terms.p, terms.metric)
    strength = _strength(terms.epsilon, local)
    value, gradient = local.across(strength, terms.tol, terms.max_iter)
    if terms.debias:
        own, slope = local.within(strength, terms.tol, terms.max_iter)
        alone = _solves.Terms(terms.p, terms.metric, terms.tol, terms.max_iter, symmetric=True)
        uniform = np.full((1, len(columns)), 1.0 / len(columns))
        others, _, _ = _solves.entropic(alone, columns[None], columns[None], uniform, uniform, np.array([strength]))
        value, gradient = value - (own + float(others[0])) / 2, gradient - slope / 2
    factor = processes.size if averaged else 1
    like = x if x.is_floating_point() else x.double()
    like = like if x_mask is None else like[x_mask]
    return _Value.apply(like, torch.from_numpy(gradient * factor), value)


class _Value(torch.autograd.Function):
    """A value that is known, with a gradient that is known."""

    @staticmethod
    def forward(x: Tensor, gradient: Tensor, value: float) -> Tensor:
        return torch.tensor(value, dtype=x.dtype if x.element_size() >= 4 else torch.float32, device=x.device)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[1].to(inputs[0].device, inputs[0].dtype))

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        return incoming[0] * ctx.saved_tensors[0], None, None


class _Terms(NamedTuple):
    """The options that all processes share."""

    epsilon: Any
    p: Any
    metric: Any
    tol: Any
    max_iter: Any
    debias: Any


class _Posed(NamedTuple):
    """The rows of one process (n, d), the columns (m, d) and the options, checked."""

    rows: Floats
    columns: Floats
    terms: _Terms


def _posed(clouds: tuple[Any, Any], masks: tuple[Any, Any], given: _Terms, averaged: Any) -> _Posed:
    """What one process was given, in double precision."""
    scalars.flag(averaged, "averaged")
    p = scalars.finite_order(given.p)
    terms = _Terms(
        given.epsilon
        if isinstance(given.epsilon, Relative)
        else scalars.positive(given.epsilon, "epsilon", "for exact transport use otgen.nn.wasserstein_loss"),
        p,
        unspelt(*checked_metric(given.metric, p)),
        scalars.positive(given.tol, "tol", "use a marginal error such as 1e-6"),
        scalars.count(given.max_iter, "max_iter"),
        scalars.flag(given.debias, "debias"),
    )
    x, y = clouds
    common_dtype({"x": x, "y": y})
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in y.shape:
        raise InvalidInput(
            f"x and y must be (n, d) and (m, d), y not empty; received {tuple(x.shape)} and {tuple(y.shape)}; "
            f"use z[:, None] for numbers (n,)"
        )
    x, y = (_counted(z, mask, name) for z, mask, name in zip((x, y), masks, "xy"))
    if not len(y):
        raise InvalidInput("y_mask must leave a point that counts; received none; pass at least one")
    finite(x, "x")
    finite(y, "y")
    rows, columns = (z.detach().to("cpu", torch.float64).numpy() for z in (x, y))
    point_cost(rows if len(rows) else columns[:1], columns, terms.metric, p)  # what a metric asks of points
    return _Posed(rows, columns, terms)


def _counted(cloud: Tensor, mask: Any, name: str) -> Tensor:
    """The rows of a cloud (n, d) that count."""
    given = checked_mask(mask, cloud, f"{name}_mask", name)
    if given is not None and given.ndim != 1:
        raise InvalidInput(f"{name}_mask must be (n,), as {name} is (n, d); received {tuple(given.shape)}; reshape it")
    return cloud if given is None else cloud[given]


def _strength(epsilon: float | Relative, local: _Shard) -> float:
    """Epsilon in cost units."""
    if not isinstance(epsilon, Relative):
        return epsilon
    uniform = np.full(local.cost.shape[1], 1.0 / local.cost.shape[1])
    mean = float(local.processes.summed(np.array([local.a @ local.cost.sums(uniform)]))[0])
    return float(epsilon.of(mean))


@dataclass(frozen=True, eq=False)
class _Shard:
    """The rows of one process, against columns that all have."""

    processes: Processes
    rows: Floats
    columns: Floats
    count: int
    p: float
    metric: Any

    @property
    def present(self) -> Floats:
        """The rows, or one without mass where there are none."""
        return self.rows if len(self.rows) else self.columns[:1]

    @property
    def a(self) -> Floats:
        """Their masses; next to none where there are none."""
        return np.full(len(self.rows), 1.0 / self.count) if len(self.rows) else np.full(1, _NO_MASS)

    @property
    def cost(self) -> PointCost:
        """Rows against columns."""
        return self._cost(self.columns)

    def _cost(self, columns: Floats) -> PointCost:
        found = point_cost(self.present, columns, self.metric, self.p)
        assert isinstance(found, PointCost)
        return found

    def across(self, epsilon: float, tol: float, limit: int) -> tuple[float, Floats]:
        """The entropic value between all rows and y, and its gradient in these rows."""
        cost, m = self.cost, len(self.columns)
        goal, at = Marginals(self.a, np.full(m, 1.0 / m), row_mass=1.0), Potentials(np.zeros(len(self.a)), np.zeros(m))
        largest = float(self.processes.largest(np.array([cost.range()[1]]))[0]) or epsilon
        stages, done = Annealing().epsilons(epsilon, largest), False
        for stage in stages:
            enough = tol if stage == epsilon else max(ROUGH, tol)
            done = iterate(CostPass(cost, goal, stage, enough, self.processes), at, enough, limit, silent)
        self._converged(done, at.count)
        f, g = at.f, at.g
        log_rows, _ = cost.sweep(f, g, self.a, goal.b, epsilon, 0.0)
        value, mass = self.processes.summed(np.array([self.a @ f, (self.a * np.exp(log_rows)).sum()]))
        slope = self.a[:, None] * cost.gibbs_slope(f, g, epsilon, goal.b)
        return float(value + goal.b @ g - epsilon * (mass - 1.0)), slope[: len(self.rows)]

    def within(self, epsilon: float, tol: float, limit: int) -> tuple[float, Floats]:
        """The entropic value of all rows against themselves, and its gradient in these rows, which stand on both sides."""
        most = int(self.processes.largest(np.array([float(len(self.rows))]))[0])
        everyone = self.processes.gathered(self.rows, most)
        cost, a = self._cost(everyone), np.full(len(everyone), 1.0 / len(everyone))
        way = _SymmetricShard(self, cost, a, epsilon, most)
        at = Potentials(np.zeros(len(self.a)), np.zeros(0))
        self._converged(iterate(way, at, tol, limit, silent), at.count)
        whole, log_rows = way.row_sums(at.f)
        value, mass = self.processes.summed(np.array([self.a @ at.f, (self.a * np.exp(log_rows)).sum()]))
        slope = 2 * self.a[:, None] * cost.gibbs_slope(at.f, whole, epsilon, a)
        return float(2 * value - epsilon * (mass - 1.0)), slope[: len(self.rows)]

    def _converged(self, done: bool, count: int) -> None:
        if not done:
            raise NotConverged(
                f"Sinkhorn stopped at {count} iterations; raise max_iter, or loosen tol or raise epsilon"
            )


class _SymmetricShard(Pass):
    """A sweep of all rows against themselves, of which this process has some; potentials are gathered."""

    overrelaxes = False

    def __init__(self, shard: _Shard, cost: PointCost, masses: Floats, epsilon: float, most: int) -> None:
        self.shard, self.cost, self.masses, self.epsilon, self.most = shard, cost, masses, epsilon, most
        self.goal = Marginals(shard.a, masses, row_mass=1.0)

    def row_sums(self, f: Floats) -> tuple[Floats, Floats]:
        """The potentials of all rows, and the logarithms of this process's row sums."""
        whole = self.shard.processes.gathered(f[: len(self.shard.rows), None], self.most)[:, 0]
        soft = self.cost.softmin(whole + self.epsilon * np.log(self.masses), self.epsilon)
        return whole, (f - soft) / self.epsilon

    def sweep(self, f: Floats, g: Floats, omega: float, near: bool) -> Step:
        """Row sums, and new f."""
        _, log_rows = self.row_sums(f)
        of_rows = self.shard.processes.summed(missed(self.goal, f, log_rows, 0))
        return symmetric_step(self.goal, f, log_rows, self.epsilon, of_rows)
