"""The Sinkhorn loss of a whole batch whose rows live on many processes.

Every process holds some rows of x and all of y. Row potentials stay where their rows are; a sweep computes its rows' part of the
column sums, one all-reduce adds them up, and all processes take the same decisions from the same numbers. The gradient in x is
local. Nothing of the size of all pairs is ever held, or sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
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
from ._inputs import checked_metric

_NO_MASS = 1e-300  # of the one row of a process that has none


def sinkhorn_loss(
    x: Tensor,
    y: Tensor,
    *,
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
        On every process, if the input of any is malformed, or y differs.
    NotConverged
        On every process, at the limit.

    Examples
    --------
    A script for ``torchrun --nproc-per-node 2`` is in ``docs/examples``.
    """
    p, (name, q) = scalars.finite_order(p), checked_metric(metric, p)
    tol = scalars.positive(tol, "tol", "use a marginal error such as 1e-6")
    processes = _Processes(group)
    rows, columns, count = _agreed(processes, x, y)
    local = _Shard(processes, rows, columns, count, p, _named(name, q))
    strength = _strength(epsilon, local)
    limit = scalars.count(max_iter, "max_iter")
    value, gradient = local.across(strength, tol, limit)
    if debias:
        own, slope = local.within(strength, tol, limit)
        terms = _solves.Terms(p, _named(name, q), tol, limit, symmetric=True)
        uniform = np.full((1, len(columns)), 1.0 / len(columns))
        others, _, _ = _solves.entropic(terms, columns[None], columns[None], uniform, uniform, np.array([strength]))
        value, gradient = value - (own + float(others[0])) / 2, gradient - slope / 2
    factor = processes.size if averaged else 1
    like = x if x.is_floating_point() else x.double()
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


class _Processes:
    """What the processes tell each other, in double precision."""

    def __init__(self, group: Any) -> None:
        if not dist.is_available() or not dist.is_initialized():
            raise InvalidInput(
                "torch.distributed must be initialised first; received a single process; use otgen.nn.sinkhorn_loss"
            )
        self.group, self.size = group, dist.get_world_size(group)

    def summed(self, numbers: Floats) -> Floats:
        """Numbers (k,) added up over all processes."""
        return self._reduced(numbers, dist.ReduceOp.SUM)

    def largest(self, numbers: Floats) -> Floats:
        """The largest of each number over all processes."""
        return self._reduced(numbers, dist.ReduceOp.MAX)

    def log_summed(self, logarithms: Floats) -> Floats:
        """Logarithms (k,) of numbers that are added up over all processes."""
        top = self.largest(logarithms)
        return top + np.log(self.summed(np.exp(logarithms - top)))

    def _reduced(self, numbers: Floats, how: Any) -> Floats:
        sent = torch.from_numpy(np.array(numbers, np.float64))
        dist.all_reduce(sent, how, group=self.group)
        return sent.numpy()

    def gathered(self, rows: Floats, most: int) -> Floats:
        """The rows of all processes, (n, d) each with n up to ``most``, one after the other."""
        padded = np.zeros((most + 1, rows.shape[1]))
        padded[: len(rows)], padded[most, 0] = rows, len(rows)
        parts = [torch.empty(padded.shape, dtype=torch.float64) for _ in range(self.size)]
        dist.all_gather(parts, torch.from_numpy(padded), group=self.group)
        return np.concatenate([part.numpy()[: int(part[most, 0])] for part in parts])


def _agreed(processes: _Processes, x: Tensor, y: Tensor) -> tuple[Floats, Floats, int]:
    """The rows of this process, y, and how many rows there are in all; the same error on all processes if any has one."""
    fault = _fault(x, y)
    some = np.zeros(5)
    if fault is None:
        size, check = y.numel() * 1.0, float(y.detach().double().sum())
        some = np.array([0.0, size, -size, check, -check])
    else:
        some[0] = 1.0
    high = processes.largest(np.where(np.isfinite(some), some, 0.0))
    if high[0]:
        raise InvalidInput(
            fault
            or "x and y must be well formed on every process; received others on another one; its error says what to mend"
        )
    if high[1] != -high[2] or high[3] != -high[4]:
        raise InvalidInput("y must be the same on every process; received different ones; broadcast it first")
    rows, columns = (z.detach().to("cpu", torch.float64).numpy() for z in (x, y))
    count = int(processes.summed(np.array([float(len(rows))]))[0])
    if count == 0:
        raise InvalidInput("x must have a row on some process; received none at all; pass at least one point")
    return rows, columns, count


def _fault(x: Tensor, y: Tensor) -> str | None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in y.shape:
        return f"x and y must be (n, d) and (m, d), y not empty; received {tuple(x.shape)} and {tuple(y.shape)}"
    if not (bool(x.isfinite().all()) and bool(y.isfinite().all())):
        return "x and y must be finite; received NaN or infinity"
    return None


def _named(name: str, q: float) -> Any:
    return unspelt(name, q)


def _strength(epsilon: float | Relative, local: _Shard) -> float:
    """Epsilon in cost units."""
    if not isinstance(epsilon, Relative):
        return scalars.positive(epsilon, "epsilon", "for exact transport use otgen.nn.wasserstein_loss")
    uniform = np.full(local.cost.shape[1], 1.0 / local.cost.shape[1])
    mean = float(local.processes.summed(np.array([local.a @ local.cost.sums(uniform)]))[0])
    return float(epsilon.of(mean))


@dataclass(frozen=True, eq=False)
class _Shard:
    """The rows of one process, against columns that all have."""

    processes: _Processes
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
