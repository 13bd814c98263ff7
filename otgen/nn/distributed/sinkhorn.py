"""The Sinkhorn loss of a whole batch whose rows live on many processes.

Row potentials stay where their rows are, columns are held by all; a sweep computes its rows' part of the column sums, one all-reduce adds
them up, and all processes take the same decisions from the same numbers. Each measure's own term is shared by rows in the same way. Nothing
of the size of all pairs is held or sent.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput, NotConverged, warn
from ...inputs import scalars
from ...inputs.types import Floats
from ...model.cost import BuiltIn, CloudCost, Metric, point_cost
from ...model.marginals import Marginals
from ...model.problem import Relative
from ...model.product_plan import most_saved, with_digits
from ...solvers import Annealing
from ...solvers.base import silent
from ...solvers.sinkhorn_held import ROUGH
from ...solvers.sinkhorn_iteration import CostPass, Pass, Potentials, Step, iterate, missed, symmetric_step
from .._divergence import tolerances
from .._solves import halvings, not_reached
from ._shards import Clouds, Given, Side, checked_cost

_NO_MASS = 1e-300  # of points that weigh nothing, and of the one row of a process that has none: logarithms stay finite


def sinkhorn_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    y_sharded: bool = False,
    epsilon: float | Relative,
    p: float = 2,
    metric: BuiltIn = "euclidean",
    debias: bool = True,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    averaged: bool = True,
    group: Any = None,
) -> Tensor:
    """:func:`otgen.nn.sinkhorn_loss` between all rows of x and all of y, wherever they are.

    Parameters
    ----------
    x : Tensor
        (n, d): this process's rows, as many as it has, perhaps none.
    y : Tensor
        (m, d): the same on every process; or with ``y_sharded`` this process's rows.
    a, b : Tensor, optional
        Weights of these rows: (n,) for this process's x; for y (m,), the same on every process, or with ``y_sharded`` those of this process's
        rows. Non-negative, of one total over all processes, by which they are divided; they have gradients as the rows do. None means that all rows
        weigh the same, on every process or on none.
    x_mask, y_mask : Tensor of bool, optional
        (n,) and (m,): True where a row counts. The others are padding: whatever they hold, nothing depends on it and gradients there
        are 0. They may leave a process nothing.
    y_sharded : bool
        Whether every process holds rows of y of its own, as many as it has, perhaps none.
    epsilon, p, metric, debias, tol, max_iter
        As in :func:`otgen.nn.sinkhorn_loss`.
    averaged : bool
        Whether gradients will be averaged over processes, as DistributedDataParallel and FSDP do: those in rows that only this process
        has are then multiplied by how many there are, so that the average is the gradient of the loss.
    group : ProcessGroup, optional
        The processes; all of them unless said otherwise.

    Returns
    -------
    Tensor
        The loss, a number, the same on every process. Its gradients go to this process's rows; that in a y which all hold is whole on
        each, as an average leaves it. There are no second derivatives. What is held and sent grows with n + m.

    Raises
    ------
    InvalidInput
        On every process, if the input of any is malformed, or y, b or an option differs.
    MassMismatch
        On every process, if totals differ.
    NotConverged
        On every process, at the limit.

    Examples
    --------
    Scripts for ``torchrun --nproc-per-node 2`` are in ``docs/examples``.
    """

    def options() -> _Terms:
        cost, order = checked_cost(metric, p)
        hint = "for exact transport use otgen.nn.distributed.wasserstein_loss"
        return _Terms(
            epsilon if isinstance(epsilon, Relative) else scalars.positive(epsilon, "epsilon", hint),
            order,
            cost,
            scalars.positive(tol, "tol", "use a marginal error such as 1e-6"),
            scalars.count(max_iter, "max_iter"),
            scalars.flag(debias, "debias"),
        )

    cost = partial(checked_cost, metric, p)
    given = Given(x, y, a, b, x_mask, y_mask, y_sharded, averaged, "sinkhorn_loss", options, cost)
    clouds, terms = given.agreed(group)
    found, value = _solved(clouds, terms)
    across, *within = found
    of_x, of_y = across.slopes(clouds.of_y)
    of_a, of_b = across.weight_slopes()
    if within:
        one, other = within
        of_x = of_x - one.slopes() / 2
        of_y = None if of_y is None else of_y - other.slopes() / 2
        of_a, of_b = of_a - one.weight_slopes() / 2, of_b - other.weight_slopes() / 2
    return clouds.loss(value, of_x, of_y, _of_no_total(of_a, clouds.x), _of_no_total(of_b, clouds.y))


def _of_no_total(slope: Floats, side: Side) -> Floats:
    """Derivatives in weights (n,) of total 1 along changes that leave that total."""
    return slope - slope @ side.masses


class _Terms(NamedTuple):
    """The options that all processes share."""

    epsilon: float | Relative
    p: float
    metric: Metric
    tol: float
    max_iter: int
    debias: bool


def _solved(clouds: Clouds, terms: _Terms) -> tuple[tuple[_Across, *tuple[_Within, ...]], float]:
    """The terms of a loss, iterated until what is left of them is right, and that."""
    across = _Across(clouds, terms)
    within = [_Within(side, terms, across.epsilon) for side in (clouds.x, clouds.y)] if terms.debias else []
    found = across, *within
    for term in found:
        term.solve()
    values = [term.value() for term in found]
    if terms.debias and _tighten(found, values, terms, across.epsilon):
        values = [term.value() for term in found]
    return found, _difference(values)


def _tighten(found: Sequence[_Term], values: list[float], terms: _Terms, epsilon: float) -> bool:
    """Iterations that go on where values cancel, as in one process; whether there were any."""
    held = values, [_difference(values)], [epsilon]
    each, left, strength = (torch.tensor(z, dtype=torch.float64, device="cpu") for z in held)
    wanted = tolerances(list(each[:, None]), left, strength, terms.tol)
    level = float(halvings(terms.tol, wanted.numpy())[0])
    if level <= 1:
        return False
    reached = [term.tighten(terms.tol * 2.0**-level) for term in found]
    if not all(reached):
        warn(not_reached(terms.tol, level, terms.max_iter))
    return True


def _difference(values: list[float]) -> float:
    """What is left of the first term."""
    return values[0] - (values[1] / 2 + values[2] / 2) if len(values) == 3 else values[0]


class _Term(abc.ABC):
    """An entropic problem whose rows are on many processes."""

    epsilon: float

    def __init__(self, rows: Side, columns: Side, terms: _Terms) -> None:
        self.rows, self.columns, self.terms = rows, columns.everyone, terms
        self.processes = rows.processes
        mine = rows.masses[rows.own] if len(rows.held) else np.zeros(1)
        self.a, self.b = (np.maximum(masses, _NO_MASS) for masses in (mine, columns.masses))
        self.goal = Marginals(self.a, self.b, row_mass=1.0)
        self.at = Potentials(np.zeros(len(self.a)), np.zeros(0))

    @cached_property
    def cost(self) -> CloudCost:
        """Rows against columns; of a process without rows, a column in their place."""
        present = self.rows.held if len(self.rows.held) else self.columns[:1]
        return point_cost(present, self.columns, self.terms.metric, self.terms.p)

    def mean(self) -> float:
        """The mean cost."""
        return float(self.processes.summed(np.array([self.a @ self.cost.sums(self.b)]))[0])

    def with_digits(self, value: float) -> float:
        """A value of the optimum, as in one process, also where epsilon is far above all costs."""
        saved = float(self.processes.largest(np.array([most_saved(self.cost, self.goal, self.epsilon)]))[0])
        return float(with_digits(value, saved, self.epsilon, self.mean))

    def of_all_rows(self, mine: Floats) -> Floats:
        """Numbers of this process's rows beside those of all others, (n,)."""
        return self.processes.gathered(mine[: len(self.rows.held), None], self.rows.counts)[:, 0]

    @abc.abstractmethod
    def iterate(self, tol: float, *, first: bool) -> bool:
        """Sweep from the potentials that are there to a marginal error; False at the limit. ``first``: none have been found yet."""

    def solve(self) -> None:
        """To the tolerance asked for."""
        if not self.iterate(self.terms.tol, first=True):
            raise NotConverged(
                f"Sinkhorn stopped at {self.at.count} iterations; raise max_iter, or loosen tol or raise epsilon"
            )

    def tighten(self, tol: float) -> bool:
        """From there on to ``tol``; what was reached before stays where the limit comes first."""
        before = self.at
        self.at = Potentials(before.f.copy(), before.g.copy())
        reached = self.iterate(tol, first=False)
        if not reached:
            self.at = before
        return reached


class _Across(_Term):
    """Between x and y."""

    def __init__(self, clouds: Clouds, terms: _Terms) -> None:
        super().__init__(clouds.x, clouds.y, terms)
        self.at.g = np.zeros(len(self.b))
        self.own = clouds.y.own
        self.epsilon = (
            terms.epsilon if not isinstance(terms.epsilon, Relative) else float(terms.epsilon.of(self.mean()))
        )

    def iterate(self, tol: float, *, first: bool) -> bool:
        """Along falling epsilons at first."""
        epsilon, stages, done = self.epsilon, [self.epsilon], False
        if first:
            largest = float(self.processes.largest(np.array([self.cost.range()[1]]))[0])
            if not epsilon >= (1 - 1e-8) * 1e-12 * largest:  # rounded upwards
                raise InvalidInput(
                    f"epsilon must be at least 1e-12 of the largest cost: below, rounding decides; received {epsilon / largest:.1e} of it; "
                    "use otgen.nn.distributed.wasserstein_loss"
                )
            stages = Annealing().epsilons(epsilon, largest or epsilon)
        for stage in stages:
            enough = tol if stage == epsilon else max(ROUGH, tol)
            way = CostPass(self.cost, self.goal, stage, enough, self.processes)
            done = iterate(way, self.at, enough, self.terms.max_iter, silent)
        return done

    def value(self) -> float:
        """The dual value."""
        f, g = self.at.f, self.at.g
        log_rows, _ = self.cost.sweep(f, g, self.a, self.b, self.epsilon, 0.0)
        value, mass = self.processes.summed(np.array([self.a @ f, (self.a * np.exp(log_rows)).sum()]))
        return self.with_digits(float(value + self.b @ g - self.epsilon * (mass - 1.0)))

    def slopes(self, of_y: bool) -> tuple[Floats, Floats | None]:
        """In the rows of x and in those of y that this process has."""
        f, g, epsilon = self.at.f, self.at.g, self.epsilon
        of_x = (self.a[:, None] * self.cost.gibbs_slope(f, g, epsilon, self.b))[: len(self.rows.held)]
        if not of_y:
            return of_x, None
        part = self.b[:, None] * self.cost.T.gibbs_slope(g, f, epsilon, self.a)
        return of_x, self.processes.summed(part)[self.own]

    def weight_slopes(self) -> tuple[Floats, Floats]:
        """In the weights of all rows, (n,), and of all columns, (m,), up to a constant each."""
        f, g, epsilon = self.at.f, self.at.g, self.epsilon
        log_rows, columns = self.cost.sweep(f, g, self.a, self.b, epsilon, 0.0)
        return self.of_all_rows(f - epsilon * np.exp(log_rows)), g - epsilon * self.processes.summed(columns)


class _Within(_Term):
    """Of a measure against itself, of which this process has some rows."""

    def __init__(self, side: Side, terms: _Terms, epsilon: float) -> None:
        super().__init__(side, side, terms)
        self.epsilon = epsilon

    def iterate(self, tol: float, *, first: bool) -> bool:
        """Two thirds of each update."""
        return iterate(_SymmetricShard(self), self.at, tol, self.terms.max_iter, silent)

    def row_sums(self, f: Floats) -> tuple[Floats, Floats]:
        """The potentials of all rows, and the logarithms of this process's row sums."""
        whole = self.of_all_rows(f)
        soft = self.cost.softmin(whole + self.epsilon * np.log(self.b), self.epsilon)
        return whole, (f - soft) / self.epsilon

    def value(self) -> float:
        """The dual value."""
        _, log_rows = self.row_sums(self.at.f)
        value, mass = self.processes.summed(np.array([self.a @ self.at.f, (self.a * np.exp(log_rows)).sum()]))
        return self.with_digits(float(2 * value - self.epsilon * (mass - 1.0)))

    def slopes(self) -> Floats:
        """In the rows of this process, which stand on both sides."""
        whole, _ = self.row_sums(self.at.f)
        slope = 2 * self.a[:, None] * self.cost.gibbs_slope(self.at.f, whole, self.epsilon, self.b)
        return slope[: len(self.rows.held)]

    def weight_slopes(self) -> Floats:
        """In the weights of all rows, (n,), which stand on both sides, up to a constant."""
        _, log_rows = self.row_sums(self.at.f)
        return 2 * self.of_all_rows(self.at.f - self.epsilon * np.exp(log_rows))


class _SymmetricShard(Pass):
    """A sweep of all rows against themselves; potentials are gathered."""

    overrelaxes = False

    def __init__(self, term: _Within) -> None:
        self.term, self.epsilon = term, term.epsilon
        self.goal = term.goal

    def sweep(self, f: Floats, g: Floats, omega: float, near: bool) -> Step:
        """Row sums, and new f."""
        _, log_rows = self.term.row_sums(f)
        of_rows = self.term.processes.summed(missed(self.goal, f, log_rows, 0))
        return symmetric_step(self.goal, f, log_rows, self.epsilon, of_rows)
