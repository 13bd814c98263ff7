"""The driver of Sinkhorn's iteration, and its passes over all pairs.

A pass computes a sweep: f updated, then g with the new f, and what there is to know about both. Over-relaxed, each potential goes omega
times as far as its update. The driver decides what becomes of it, see :mod:`otgen.kernels.overrelaxation`; the dual value is known at
every step, and a step that lowers it is taken back.

There are three ways to compute a pass: in general, here; small and held, :mod:`.sinkhorn_held`; and with rows on many processes,
:mod:`otgen.nn.distributed`, which gives :class:`CostPass` its own sums over all rows.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..inputs.types import Floats
from ..kernels import overrelaxation
from ..kernels.overrelaxation import DONE, TAKEN, Aim, Pace
from ..model.cost import Cost
from ..model.marginals import Marginals

_CUT = {4: 40.0, 8: 64.0}  # terms below 2 ** -cut are left out of sums: at most, by the size of the float
_MARGIN = 12.0  # and at least so many bits below the tolerance
_NEAR = 0.5  # error below which terms are left out: before, potentials do not tell which terms are small
_REMEMBERED = 2**17  # errors, more than any decision looks back
_PATIENCE = 20  # sweeps in single precision without an error half as large
# Of an update: where exp(-c / epsilon) is positive definite the error falls by a factor of 3 at least.
_SYMMETRIC = 2 / 3


@dataclass
class Potentials:
    """Potentials f (n,) and g (m,) on their way, the iterations so far, and the marginal error reached."""

    f: Floats
    g: Floats
    count: int = 0
    error: float = math.inf


class Step(NamedTuple):
    """A sweep's outcome: new potentials, the row error of the old, column error and dual value of the new."""

    f: Floats
    g: Floats
    row_error: float
    column_error: float
    dual: float


class Pass(abc.ABC):
    """What computes sweeps at one epsilon. ``single``: in single precision. ``overrelaxes``: steps may go further than their update."""

    epsilon: float
    single: bool = False
    overrelaxes: bool = True

    @abc.abstractmethod
    def sweep(self, f: Floats, g: Floats, omega: float, near: bool) -> Step:
        """Both potentials updated; ``near`` says that they tell which terms are small."""


class Rows(Protocol):
    """Sums over all rows, where some may be held elsewhere."""

    def summed(self, numbers: Floats) -> Floats:
        """Numbers (k,), added up over all holders of rows."""
        ...

    def log_summed(self, logarithms: Floats) -> Floats:
        """Logarithms (k,) of numbers that are added up so."""
        ...


class Here:
    """All rows are here."""

    def summed(self, numbers: Floats) -> Floats:
        """The numbers."""
        return numbers

    def log_summed(self, logarithms: Floats) -> Floats:
        """The logarithms."""
        return logarithms


def iterate(way: Pass, at: Potentials, tolerance: float, limit: int, progress: Callable[[str], None]) -> bool:
    """Sweep, in place, until both marginal errors are below the tolerance; False if the limit on all iterations came first.

    In single precision also until errors no longer halve in ``_PATIENCE`` sweeps.
    """
    slip, patience = (1e-5, _PATIENCE) if way.single else (1e-12, 0)
    aim = Aim(tolerance, limit, slip, patience, way.overrelaxes)
    pace, errors = Pace(*overrelaxation.first(at.count)), np.empty(_REMEMBERED)
    while True:
        probed = overrelaxation.probes(pace, aim)
        step = way.sweep(at.f, at.g, 1.0 if probed else pace.omega, pace.error < _NEAR)
        verdict, numbers = overrelaxation.next_of(pace, errors, probed, *step[2:], way.epsilon, aim)
        pace = Pace(*numbers)
        at.count, at.error = pace.count, pace.error
        progress(f"iteration {at.count}, epsilon {way.epsilon:.3g}, marginal error {at.error:.2e}")
        if verdict == TAKEN:
            at.f, at.g = step.f, step.g
        elif verdict != overrelaxation.TAKEN_BACK:
            return verdict == DONE


class CostPass(Pass):
    """A sweep of any cost, in one pass over its pairs."""

    def __init__(self, cost: Cost, goal: Marginals, epsilon: float, tolerance: float, rows: Rows | None = None) -> None:
        self.cost, self.goal, self.epsilon, self.rows = cost, goal, epsilon, rows or Here()
        self.single = np.dtype(cost.dtype) == np.float32
        self.cut = _cut_bits(cost, tolerance)

    def sweep(self, f: Floats, g: Floats, omega: float, near: bool) -> Step:
        """Row sums, new f, column sums, new g, and a constant from one to the other."""
        goal, epsilon, cut = self.goal, self.epsilon, self.cut if near else math.inf
        one, other = goal.damping(epsilon)
        with np.errstate(over="ignore"):
            heights = goal.a if one == 1.0 else goal.a * np.exp(omega * (one - 1.0) * f / epsilon)
        log_rows, columns = self.cost.sweep(f, g, heights, goal.b, epsilon, omega * one, cut=cut)
        new_f = updated(f, log_rows, one, epsilon, omega)
        ours = np.array([*missed(goal, f, log_rows, 0), goal.gain(new_f, 0), goal.target(new_f, 0).sum()])
        columns, (row_error, row_mass, gained, left) = np.split(
            self.rows.summed(np.concatenate([columns, ours])), [len(columns)]
        )
        log_columns = self._logarithms(columns, new_f, g, cut)
        new_g = updated(g, log_columns, other, epsilon, omega)
        with np.errstate(over="ignore", invalid="ignore"):
            after = log_columns + (new_g - g) / epsilon
            of_columns = goal.gain(new_g, 1), goal.target(new_g, 1).sum()
            shift = float(goal.best_shift(goal.imbalance(gained, left, 0), goal.imbalance(*of_columns, 1)))
            new_f, new_g = new_f + shift, new_g - shift
            column_error, mass = missed(goal, new_g, after, 1)
            dual = goal.dual_of(goal.shifted_gain(gained, shift, 0) + goal.gain(new_g, 1), epsilon, mass)
        of_rows, of_columns = goal.relative_error(row_error, row_mass), goal.relative_error(column_error, mass)
        return Step(new_f, new_g, float(of_rows), float(of_columns), float(dual))

    def _logarithms(self, columns: Floats, f: Floats, g: Floats, cut: float) -> Floats:
        """Of column sums; those that lie outside the range in which small terms cannot matter are computed again."""
        low = 2.0**-8 if cut < math.inf else 2.0**-40 if self.single else 2.0**-500
        good = (columns > low) & (columns < np.inf)
        if good.all():  # so it is for all holders of rows, or for none
            return np.log(columns)
        out, bad = np.log(np.where(good, columns, 1.0)), np.flatnonzero(~good)
        back = self.cost.restricted(np.arange(len(f)), bad).T
        soft = back.softmin(f + self.epsilon * np.log(self.goal.a), self.epsilon)
        out[bad] = self.rows.log_summed((g[bad] - soft) / self.epsilon)
        return out


class SymmetricPass(Pass):
    """One potential of a measure against itself, f = g, two thirds of the way at a time."""

    overrelaxes = False

    def __init__(self, cost: Cost, goal: Marginals, epsilon: float, tolerance: float) -> None:
        self.cost, self.goal, self.epsilon = cost, goal, epsilon
        self.single = np.dtype(cost.dtype) == np.float32
        self.cut = _cut_bits(cost, tolerance)

    def sweep(self, f: Floats, g: Floats, omega: float, near: bool) -> Step:
        """Row sums, and new f."""
        a, epsilon = self.goal.a, self.epsilon
        log_rows = self.cost.symmetric(f, a, epsilon, self.cut if near else math.inf)
        bad = np.flatnonzero(~np.isfinite(log_rows))
        if len(bad):
            part = self.cost.restricted(bad, np.arange(len(f)))
            log_rows[bad] = (f[bad] - part.softmin(f + epsilon * np.log(a), epsilon)) / epsilon
        return symmetric_step(self.goal, f, log_rows, epsilon, missed(self.goal, f, log_rows, 0))


def symmetric_step(goal: Marginals, f: Floats, log_rows: Floats, epsilon: float, of_rows: Floats) -> Step:
    """The step of a symmetric problem whose row sums have these logarithms; ``of_rows`` (2,) is what all rows together miss, and their mass."""
    f = updated(f, log_rows, goal.damping(epsilon)[0], epsilon, _SYMMETRIC)
    return Step(f, f, float(goal.relative_error(*of_rows)), 0.0, 0.0)


def updated(potential: Floats, log_sums: Floats, damping: float, epsilon: float, omega: float) -> Floats:
    """A potential ``omega`` times as far as its update."""
    return potential + omega * ((damping - 1.0) * potential - damping * epsilon * log_sums)


def missed(goal: Marginals, potential: Floats, log_sums: Floats, side: int) -> Floats:
    """By how much a marginal is missed, in L1, and the mass that it has: (2,)."""
    weights = goal.b if side else goal.a
    with np.errstate(over="ignore", invalid="ignore"):
        reached = weights * np.exp(log_sums)
        return np.array([np.abs(reached - goal.target(potential, side)).sum(), reached.sum()])


def settle(cost: Cost, goal: Marginals, epsilon: float, at: Potentials) -> None:
    """One plain update of g, of f where only rows must be met: they are then, and the dual value says something."""
    one, other = goal.damping(epsilon)
    if one == 1.0 and other < 1.0:
        at.f = cost.softmin(at.g + epsilon * np.log(goal.b), epsilon)
    else:
        at.g = other * cost.T.softmin(at.f + epsilon * np.log(goal.a), epsilon)


def _cut_bits(cost: Cost, tolerance: float) -> Any:
    """The power of two below whose inverse terms do not matter to a marginal error."""
    return min(_CUT[np.dtype(cost.dtype).itemsize], _MARGIN + max(8.0, -math.log2(tolerance)))
