"""The Sinkhorn iteration: potentials on their way, one pass over all pairs at a time.

A sweep updates f, then g with the new f. Over-relaxed, each potential goes omega times as far as its update, see
:mod:`otgen.kernels.pace`. The dual value is known at every step, and a step that lowers it is taken back.

Small problems are handed to :mod:`otgen.kernels.small`, which does the same with the exponentials kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..inputs.types import Floats
from ..kernels import sinkhorn_small
from ..kernels.overrelaxation import next_omega, window
from ..model.cost import Cost
from ..model.marginals import Marginals

_CUT = {4: 40.0, 8: 64.0}  # terms below 2 ** -cut are left out of sums: at most, by the size of the float
_MARGIN = 12.0  # and at least so many bits below the tolerance
_NEAR = 0.5  # error below which terms are left out: before, potentials do not tell which terms are small
_REMEMBERED = 2**17  # errors, more than any decision looks back
_PATIENCE = 20  # sweeps in single precision without an error half as large


class Iteration:
    """Potentials f (n,) and g (m,) between two measures at one epsilon after another."""

    def __init__(self, marginals: Marginals, f: Floats, g: Floats) -> None:
        self.marginals, self.f, self.g = marginals, f, g
        self.count, self.error, self.epsilon, self.whole = 0, math.inf, math.nan, marginals.product_mass
        self.omega, self.cut = 1.0, math.inf
        self._listed: tuple[Cost, Floats] | None = None  # a small cost and its entries, for one epsilon after another

    def run(self, cost: Cost, epsilon: float, tolerance: float, limit: int, progress: Callable[[str], None]) -> bool:
        """Sweep until both marginal errors are below the tolerance; False if the limit came first.

        In single precision also until errors no longer halve in ``_PATIENCE`` sweeps.
        """
        if self._is_small(cost):
            return self._run_small(cost, epsilon, tolerance, limit, progress)
        self.omega, self.error, self.epsilon = 1.0, math.inf, epsilon
        self.cut = _cut(cost, tolerance)
        errors, listed = np.empty(_REMEMBERED), 0
        single = np.dtype(cost.dtype) == np.float32
        slip, milestone, since = 1e-5 if single else 1e-12, math.inf, self.count
        dual = column_error = -math.inf
        probing = 0
        while True:
            probe = self.omega > 1.0 and self.error * (2.0 - self.omega) <= tolerance and self.count >= probing
            step = self._sweep(cost, epsilon, 1.0 if probe else self.omega)
            self.error = max(step.row_error, abs(column_error))
            progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {self.error:.2e}")
            if self.error <= tolerance:
                return True
            if single and not math.isfinite(step.dual):
                return False
            if self.error < milestone / 2:
                milestone, since = self.error, self.count
            if self.count >= limit or (single and self.count > since + _PATIENCE):
                return False
            self.count += 1
            if self.omega > 1.0 and not step.dual >= dual - slip * (abs(dual) + epsilon):
                self.omega, listed = 1.0, 0
                continue
            self.f, self.g, dual, column_error = step.f, step.g, step.dual, step.column_error
            if probe:  # a plain step takes the overshoot out of the error
                listed, probing = 0, self.count + window(self.omega)
                continue
            listed %= _REMEMBERED
            errors[listed] = step.row_error
            listed += 1
            before = self.omega
            self.omega = next_omega(errors, listed, self.omega)
            if self.omega != before:
                listed = 0

    def _run_small(
        self, cost: Cost, epsilon: float, tolerance: float, limit: int, progress: Callable[[str], None]
    ) -> bool:
        """What `run` does, in compiled passes."""
        goal, stages = self.marginals, np.array([[epsilon]])
        if self._listed is None or self._listed[0] is not cost:
            self._listed = cost, cost.block()[None]
        out = sinkhorn_small.iterate(
            sinkhorn_small.Stack(self._listed[1], goal.a[None], goal.b[None], np.array(goal.relax)),
            stages,
            np.zeros(1, np.int64),
            tolerance,
            tolerance,
            limit,
            self.f[None],
            self.g[None],
            self.count,
        )
        self.epsilon = epsilon
        self.f, self.g, self.count, self.error = out.f[0], out.g[0], int(out.count[0]), float(out.error[0])
        progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {self.error:.2e}")
        return bool(out.done[0])

    def settle(self, cost: Cost, epsilon: float) -> None:
        """One plain update of g, of f where only rows must be met: they are then, and the dual value says something."""
        goal = self.marginals
        one, other = goal.damping(epsilon)
        if one == 1.0 and other < 1.0:
            self.f = cost.softmin(self.g + epsilon * np.log(goal.b), epsilon)
        else:
            self.g = other * cost.T.softmin(self.f + epsilon * np.log(goal.a), epsilon)

    def _sweep(self, cost: Cost, epsilon: float, omega: float) -> Step:
        """Both potentials updated, with what there is to know about the old and the new ones."""
        goal = self.marginals
        one, other = goal.damping(epsilon)
        with np.errstate(over="ignore"):
            heights = goal.a if one == 1.0 else goal.a * np.exp(omega * (one - 1.0) * self.f / epsilon)
        cut = self.cut if self.error < _NEAR else math.inf
        log_rows, columns = cost.sweep(self.f, self.g, heights, goal.b, epsilon, omega * one, cut=cut)
        f = self.f + omega * ((one - 1.0) * self.f - one * epsilon * log_rows)
        with np.errstate(over="ignore", invalid="ignore"):
            missed = float(np.abs(goal.a * np.exp(log_rows) - goal.target(self.f, 0)).sum())
        columns, missed, gained = self._from_all(columns, missed, float(goal.a @ goal.dual_term(f, 0)))
        log_columns = self._logarithms(cost, columns, f, epsilon, cut)
        g = self.g + omega * ((other - 1.0) * self.g - other * epsilon * log_columns)
        with np.errstate(over="ignore", invalid="ignore"):
            reached = goal.b * np.exp(log_columns + (g - self.g) / epsilon)
            column_error = float(np.abs(reached - goal.target(g, 1)).sum()) / goal.max_mass
            dual = gained + float(goal.b @ goal.dual_term(g, 1)) - epsilon * (float(reached.sum()) - self.whole)
        return Step(f, g, missed / float(goal.max_mass), column_error, dual)

    def _is_small(self, cost: Cost) -> bool:
        return _is_small(cost)

    def _from_all(self, columns: Floats, missed: float, gained: float) -> tuple[Floats, float, float]:
        """Sums over all rows, where some are held elsewhere."""
        return columns, missed, gained

    def _logarithms(self, cost: Cost, columns: Floats, f: Floats, epsilon: float, cut: float) -> Floats:
        """Of column sums; those that lie outside the range in which small terms cannot matter are computed again."""
        low = 2.0**-40 if cost.dtype == np.float32 else 2.0**-500
        good = (columns > (low if math.isinf(cut) else 2.0**-8)) & (columns < np.inf)
        if good.all():
            return np.log(columns)
        out = np.log(np.where(good, columns, 1.0))
        bad = np.flatnonzero(~good)
        back = cost.restricted(np.arange(len(f)), bad).T
        out[bad] = (self.g[bad] - back.softmin(f + epsilon * np.log(self.marginals.a), epsilon)) / epsilon
        return out


@dataclass(frozen=True)
class Step:
    """A sweep's outcome: new potentials, the row error of the old, column error and dual value of the new."""

    f: Floats
    g: Floats
    row_error: float
    column_error: float
    dual: float


class SymmetricIteration:
    """One potential f (n,) of a measure against itself.

    ``f <- f - (2/3) epsilon log r`` with r the row sums: where ``exp(-c/epsilon)`` is positive definite the error falls by a
    factor of 3 at least.
    """

    def __init__(self, marginals: Marginals, f: Floats) -> None:
        self.marginals, self.a, self.f, self.count = marginals, marginals.a, f, 0
        self.error = self.cut = math.inf

    def run(self, cost: Cost, epsilon: float, tolerance: float, limit: int, progress: Callable[[str], None]) -> bool:
        """Iterate until the marginal error is below the tolerance; False if the limit came first."""
        if _is_small(cost):
            return self._run_small(cost, epsilon, tolerance, limit, progress)
        self.error, self.cut = math.inf, _cut(cost, tolerance)
        while True:
            log_rows = self._rows(cost, epsilon)
            with np.errstate(over="ignore"):
                missed = self.a * np.exp(log_rows) - self.marginals.target(self.f, 0)
                self.error = float(np.abs(missed).sum()) / self.marginals.max_mass
            progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {self.error:.2e}")
            if self.error <= tolerance:
                return True
            if self.count >= limit:
                return False
            self.count += 1
            damping = self.marginals.damping(epsilon)[0]
            self.f = self.f + (2 / 3) * ((damping - 1.0) * self.f - damping * epsilon * log_rows)

    def _run_small(
        self, cost: Cost, epsilon: float, tolerance: float, limit: int, progress: Callable[[str], None]
    ) -> bool:
        """What `run` does, in compiled passes."""
        a = self.a[None]
        stack = sinkhorn_small.Stack(cost.block()[None], a, a, np.array(self.marginals.relax))
        out = sinkhorn_small.iterate_symmetric(stack, np.array([epsilon]), tolerance, limit, self.f[None], self.count)
        self.f, self.count, self.error = out.f[0], int(out.count[0]), float(out.error[0])
        progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {self.error:.2e}")
        return bool(out.done[0])

    def _rows(self, cost: Cost, epsilon: float) -> Floats:
        cut = self.cut if self.error < _NEAR else math.inf
        log_rows = cost.symmetric(self.f, self.a, epsilon, cut)
        bad = np.flatnonzero(~np.isfinite(log_rows))
        if len(bad):
            part = cost.restricted(bad, np.arange(len(self.f)))
            log_rows[bad] = (self.f[bad] - part.softmin(self.f + epsilon * np.log(self.a), epsilon)) / epsilon
        return log_rows


def _is_small(cost: Cost) -> bool:
    """Whether compiled passes over a listed matrix serve it better; they run on the host only."""
    return cost.device == "cpu" and sinkhorn_small.suits(cost.shape)


def _cut(cost: Cost, tolerance: float) -> float:
    """The power of two below whose inverse terms do not matter to a marginal error."""
    return min(_CUT[np.dtype(cost.dtype).itemsize], _MARGIN + max(8.0, -math.log2(tolerance)))
