"""W_inf: the least t such that a plan uses only pairs at most t apart, decided in whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput, TooLarge
from ..inputs.memory import available, readable
from ..inputs.types import Floats, Indices
from ..kernels import max_flow
from ..kernels.integer_masses import equal_totals
from ..model.claim import Claim, Flows
from ..model.cost import CallableCost, PointCost
from ..model.problem import Problem
from ..model.status import Status
from .base import Progress, Solution, refuse_start, silent

_BITS = 61  # of the whole numbers that flow at first
_BYTES = 34  # a pair: its distance, its flow, and what sorting the distances takes


@dataclass(frozen=True)
class Bottleneck:
    """The distance of order infinity between clouds in any dimension: bisection over the distances, a maximal flow at each.

    Weights are taken for the real numbers that their floats are: a plan within t, or a set of sources with more mass
    than all targets within t, is decided in whole numbers without rounding. About 34 bytes a pair are needed.

    Notes
    -----
    Flows run in 61-bit whole numbers, weights rounded down. A cut by more than what rounding down can hide is a cut; where less
    than that is left over, the rest is routed in unbounded whole numbers, one path at a time.

    Examples
    --------
    >>> import otgen
    >>> otgen.wasserstein([[0, 0], [1, 0]], [[0, 1], [3, 0]], p=float("inf")).value
    2.0
    """

    def solve(self, problem: Problem, progress: Progress = silent, init: Claim | None = None) -> Solution:
        """Solve a scaled problem of p = inf; raises `InvalidInput` for another, `TooLarge` if it cannot fit in memory."""
        cost = problem.cost
        if not problem.bottleneck or not isinstance(cost, PointCost | CallableCost):
            raise InvalidInput(
                f"solver='bottleneck' must get points and p=inf; received {problem!r}; use solver='auto'"
            )
        refuse_start(init, "Bottleneck")
        n, m = problem.shape
        if _BYTES * n * m > available():
            raise TooLarge(
                f"x and y must be so few that p=inf fits in memory; received {n} and {m} points, which need about {readable(_BYTES * n * m)} with "
                f"{readable(available())} free; use fewer points, or a large finite p"
            )
        search = _Search(problem, replace(cost, p=1.0).block(), progress)
        return Solution(search.run(), Status.OPTIMAL, search.phases, "Bottleneck")


Cut = npt.NDArray[np.bool_]  # of the sources: those that have more than all targets in their reach


class _Left(NamedTuple):
    """Supplies (n,) and demands (m,) that a flow (m, n) leaves."""

    supply: Indices
    demand: Indices
    flow: Indices


class _Search:
    """Bisection, and the flow that the thresholds share. Sources and targets without mass are left out."""

    def __init__(self, problem: Problem, distances: Floats, progress: Progress) -> None:
        a, b = problem.source.weights, problem.target.weights
        self.rows, self.columns = np.flatnonzero(a), np.flatnonzero(b)
        self.progress, self.phases = progress, 0
        whole = len(self.rows) == len(a) and len(self.columns) == len(b)
        self.distances = distances if whole else np.ascontiguousarray(distances[np.ix_(self.rows, self.columns)])
        self.exact = equal_totals(a[self.rows], b[self.columns])
        self.shift = max(0, sum(self.exact[0]).bit_length() - _BITS)

    def run(self) -> Claim:
        """The least threshold that lets everything through, its plan, and a cut below it."""
        floor = max(float(self.distances.min(axis=1).max()), float(self.distances.min(axis=0).max()))
        steps = np.unique(self.distances[self.distances >= floor])
        at = self._first(steps, 0, lambda t: isinstance(self._flows(t), _Left))
        amounts = self._through(steps[at])
        if not isinstance(amounts, dict):  # rounding down hid a difference
            at = self._first(steps, at + 1, lambda t: isinstance(self._through(t), dict))
            amounts = self._through(steps[at])
        assert isinstance(amounts, dict)
        cut = np.ones(len(self.rows), bool)  # of all sources: enough where some target has no source closer
        if at > 0:
            below = self._through(steps[at - 1])
            assert not isinstance(below, dict)
            cut = below
        elif self.distances.min(axis=1).max() == floor:
            cut = self.distances.min(axis=1) == floor
        return self._claim(amounts, self.rows[cut])

    def _first(self, steps: Floats, low: int, passes: Callable[[float], bool]) -> int:
        """The first step from ``low`` on that passes, by bisection; the last one does."""
        high = len(steps) - 1
        while low < high:
            middle = (low + high) // 2
            self.progress(f"{high - low + 1} distances left, {self.phases} phases")
            if passes(steps[middle]):
                high = middle
            else:
                low = middle + 1
        return low

    def _flows(self, t: float) -> Cut | _Left:
        """A maximal flow with weights rounded down: what it leaves, or the cut if a set of sources has certainly too much."""
        supply, demand = (np.array([w >> self.shift for w in side], dtype=np.int64) for side in self.exact)
        n, m = self.distances.shape
        flow = np.zeros((m, n), np.int64)
        rows, columns = np.empty(n, np.int64), np.empty(m, np.int64)
        while max_flow.phase(self.distances, t, supply, demand, flow, rows, columns):
            self.phases += 1
        hidden = n + m if self.shift else 0
        return rows >= 0 if int(supply.sum()) > hidden else _Left(supply, demand, flow)

    def _through(self, t: float) -> Cut | dict[tuple[int, int], int]:
        """All flows without rounding, as (row, column): amount; or the cut, if not everything can be routed."""
        left = self._flows(t)
        if not isinstance(left, _Left):
            return left
        columns, rows = np.nonzero(left.flow)
        amounts = {(int(i), int(j)): int(left.flow[j, i]) << self.shift for j, i in zip(columns, rows)}
        a, b = (list(side) for side in self.exact)
        for (i, j), amount in amounts.items():
            a[i] -= amount
            b[j] -= amount
        carries, wanted = left.flow > 0, np.array([w > 0 for w in b])
        for start in range(len(a)):
            while a[start]:
                through, over, seen = max_flow.route(self.distances, t, carries, start, wanted)
                if not over:
                    return seen
                back = list(zip(through[1:], over))
                amount = min([a[start], b[over[-1]], *(amounts[pair] for pair in back)])
                for pair in zip(through, over):
                    amounts[pair] = amounts.get(pair, 0) + amount
                    carries[pair[::-1]] = True
                for pair in back:
                    amounts[pair] -= amount
                    carries[pair[::-1]] = amounts[pair] > 0
                a[start] -= amount
                b[over[-1]] -= amount
                wanted[over[-1]] = b[over[-1]] > 0
        return {pair: amount for pair, amount in amounts.items() if amount}

    def _claim(self, amounts: dict[tuple[int, int], int], cut: Indices) -> Claim:
        total = sum(self.exact[0])
        pairs = np.array(list(amounts), dtype=np.int64)
        values = np.array([amount / total for amount in amounts.values()])
        flows = Flows(self.rows[pairs[:, 0]], self.columns[pairs[:, 1]], values)
        return Claim(flows, units=tuple(amounts.values()), cut=cut)
