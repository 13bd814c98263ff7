"""The Sinkhorn iteration: potentials on their way, one pass over all pairs at a time.

A sweep updates f, then g with the new f. Over-relaxed, each potential goes omega times as far as its update; near the
end, errors of plain sweeps fall by a factor theta each, and with ``omega = 2 / (1 + sqrt(1 - theta))`` by ``omega - 1``
(Young's theory of successive over-relaxation; for Sinkhorn: Thibault, Chizat, Dossal, Papadakis, "Overrelaxed
Sinkhorn-Knopp algorithm", 2017; Lehmann, von Renesse, Sambale, Uschmajew, "A note on overrelaxation in the Sinkhorn
algorithm", 2021). The dual value is known at every step, and a step that lowers it is taken back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..cost import Cost
from ..marginals import Marginals
from ..validation import Floats

_CUT = {4: 40.0, 8: 64.0}  # terms below 2 ** -cut are left out of sums: at most, by the size of the float
_MARGIN = 12.0  # and at least so many bits below the tolerance
_NEAR = 0.5  # error below which terms are left out: before, potentials do not tell which terms are small
_WINDOW = 6  # sweeps, at least, over which a rate is taken
_LARGEST = 1.9999  # omega
_PATIENCE = 20  # sweeps in single precision without an error half as large


class Iteration:
    """Potentials f (n,) and g (m,) between two measures at one epsilon after another."""

    def __init__(self, marginals: Marginals, f: Floats, g: Floats) -> None:
        self.marginals, self.f, self.g = marginals, f, g
        self.count, self.error, self.epsilon = 0, math.inf, math.nan
        self.omega, self.cut = 1.0, math.inf

    def run(self, cost: Cost, epsilon: float, tolerance: float, limit: int, progress: Callable[[str], None]) -> bool:
        """Sweep until both marginal errors are below the tolerance; False if the limit came first.

        In single precision also until errors no longer halve in ``_PATIENCE`` sweeps.
        """
        self.omega, self.error, self.epsilon = 1.0, math.inf, epsilon
        self.cut = _cut(cost, tolerance)
        errors: list[float] = []
        single = np.dtype(cost.dtype) == np.float32
        slip, milestone, since = 1e-5 if single else 1e-12, math.inf, 0
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
                self.omega, errors = 1.0, []
                continue
            self.f, self.g, dual, column_error = step.f, step.g, step.dual, step.column_error
            if probe:  # a plain step takes the overshoot out of the error
                errors, probing = [], self.count + window(self.omega)
                continue
            errors.append(step.row_error)
            before = self.omega
            self.omega = relaxed(errors, self.omega)
            if self.omega != before:
                errors = []

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
        log_columns = self._logarithms(cost, columns, f, epsilon, cut)
        g = self.g + omega * ((other - 1.0) * self.g - other * epsilon * log_columns)
        with np.errstate(over="ignore", invalid="ignore"):
            row_error = float(np.abs(goal.a * np.exp(log_rows) - goal.wanted(self.f, 0)).sum()) / goal.size
            reached = goal.b * np.exp(log_columns + (g - self.g) / epsilon)
            column_error = float(np.abs(reached - goal.wanted(g, 1)).sum()) / goal.size
        return Step(f, g, row_error, column_error, goal.dual(f, g, float(reached.sum()), epsilon))

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
        self.error, self.cut = math.inf, _cut(cost, tolerance)
        while True:
            log_rows = self._rows(cost, epsilon)
            with np.errstate(over="ignore"):
                missed = self.a * np.exp(log_rows) - self.marginals.wanted(self.f, 0)
                self.error = float(np.abs(missed).sum()) / self.marginals.size
            progress(f"iteration {self.count}, epsilon {epsilon:.3g}, marginal error {self.error:.2e}")
            if self.error <= tolerance:
                return True
            if self.count >= limit:
                return False
            self.count += 1
            damping = self.marginals.damping(epsilon)[0]
            self.f = self.f + (2 / 3) * ((damping - 1.0) * self.f - damping * epsilon * log_rows)

    def _rows(self, cost: Cost, epsilon: float) -> Floats:
        cut = self.cut if self.error < _NEAR else math.inf
        log_rows = cost.symmetric(self.f, self.a, epsilon, cut)
        bad = np.flatnonzero(~np.isfinite(log_rows))
        if len(bad):
            part = cost.restricted(bad, np.arange(len(self.f)))
            log_rows[bad] = (self.f[bad] - part.softmin(self.f + epsilon * np.log(self.a), epsilon)) / epsilon
        return log_rows


def _cut(cost: Cost, tolerance: float) -> float:
    """The power of two below whose inverse terms do not matter to a marginal error."""
    return min(_CUT[np.dtype(cost.dtype).itemsize], _MARGIN + max(8.0, -math.log2(tolerance)))


def window(omega: float) -> int:
    """Over how many sweeps a rate is taken: large steps first raise the error, for about so long."""
    return max(_WINDOW, int(2.0 / (2.0 - omega)))


def relaxed(errors: list[float], omega: float) -> float:
    """The over-relaxation to go on with, from the errors since it was last changed."""
    if omega == 1.0:
        if len(errors) < 3 or not 0 < errors[-1] < errors[-2] < errors[-3]:
            return omega
        rate, before = errors[-1] / errors[-2], errors[-2] / errors[-3]
        if rate < 0.3 or abs(rate - before) > 0.1 * (1.0 - rate):
            return omega
        return min(_LARGEST, 2.0 / (1.0 + math.sqrt(1.0 - rate)))
    span = window(omega)
    if len(errors) <= 2 * span or not errors[-1] > 0:
        return omega
    rate = (errors[-1] / errors[-1 - span]) ** (1.0 / span)
    if rate >= 1.0:  # as far as rounding lets it, or not yet near: either way no time for large steps
        return 1.0
    if omega - 1.0 >= 0.99 * rate:
        return omega
    theta = (rate + omega - 1.0) ** 2 / (omega**2 * rate)
    return min(_LARGEST, 2.0 / (1.0 + math.sqrt(1.0 - theta))) if theta < 1.0 else omega
