"""W_inf: the least t such that a plan uses only pairs at most t apart, decided in whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput
from ..inputs.types import Indices
from ..kernels import max_flow
from ..kernels.integer_masses import equal_totals
from ..model.claim import Claim, Flows
from ..model.cost import CallableCost, PointCost
from ..model.problem import Problem
from ..model.status import Status
from .base import Progress, Solution, refuse_start, silent
from .near_pairs import NearPairs

_BITS = 61  # of the whole numbers that flow at a time
_CLOSE = 1e-12  # relative: distances of one pair, found in two ways, agree better


@dataclass(frozen=True)
class Bottleneck:
    """The distance of order infinity between clouds in any dimension: bisection over the distances, a maximal flow at each.

    Weights are taken for the real numbers that their floats are: a plan within t, or a set of sources with more mass
    than all targets within t, is decided in whole numbers without rounding. About 96 bytes are needed for each pair within some
    1.4 times the answer, in few dimensions a small part of all pairs.

    Notes
    -----
    The search starts from the largest distance of any point to the other cloud, looks at twice as many pairs until they let everything
    through, and goes on by bisection. Pairs are in use from the nearest on, so that a flow too small at one threshold is where the next starts.

    Flows run in 61-bit whole numbers, weights rounded down. A cut by more than what rounding down can hide is a cut; where less
    than that is left over, it flows next, in whole numbers of the bits that were cut off.

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
        search = _Search(problem, progress)
        return Solution(search.run(), Status.OPTIMAL, search.phases, "Bottleneck")


Mask = npt.NDArray[np.bool_]
Amounts = dict[int, int]  # what flows, by the place of a pair in the network


class _Stage(NamedTuple):
    """What flows more than before, (k,), at places (k,) of the network, in units of ``2 ** shift``."""

    places: Indices
    amounts: Indices
    shift: int


class _Left(NamedTuple):
    """Supplies (n,) and demands (m,) that a flow (pairs,) leaves, in units of ``2 ** shift``."""

    supply: Indices
    demand: Indices
    flow: Indices

    def copy(self) -> _Left:
        return _Left(*(part.copy() for part in self))


class _Blocked(NamedTuple):
    """Sources (n,), and the targets (m,) in their reach: those have less than the sources where something is left over."""

    sources: Mask
    targets: Mask


class _Search:
    """Pairs in use from the nearest on, and the flow that goes on from a number of pairs to a greater one.

    Sources and targets without mass are left out. Distances are those of single pairs, which is how a proof measures a plan.
    """

    def __init__(self, problem: Problem, progress: Progress) -> None:
        cost = problem.cost
        assert isinstance(cost, PointCost | CallableCost)
        a, b = problem.source.weights, problem.target.weights
        self.rows, self.columns = np.flatnonzero(a), np.flatnonzero(b)
        self.progress, self.phases = progress, 0
        self.cost = replace(cost, p=1.0).restricted(self.rows, self.columns)
        self.exact = equal_totals(a[self.rows], b[self.columns])
        self.pairs = NearPairs(self.cost)
        self.shift = _excess(self.exact[0])

    def run(self) -> Claim:
        """The least threshold that lets everything through, its plan, and a cut below it."""
        floor = self._floor()
        stages = self._grown(floor)
        ends = self._ends(floor * (1 - _CLOSE))
        low, high = 0, len(ends) - 1  # ends[low] lets too little through, ends[high] everything
        while high - low > 1:
            middle = (low + high) // 2
            self.progress(f"{high - low} distances left, {self.phases} phases")
            found = self._through(int(ends[middle]))
            if isinstance(found, _Blocked):
                low = middle
            else:
                high, stages = middle, found
        below = self._through(int(ends[low]))
        assert isinstance(below, _Blocked)
        return self._claim(_summed(stages), self.rows[below.sources])

    def _floor(self) -> float:
        """The largest distance of any point to the other cloud: no threshold below lets everything through."""
        sides = zip((self.cost, self.cost.T), self.cost.shape[::-1])
        return max(float(side.ctransform(np.zeros(size))[0].max()) for side, size in sides)

    def _list(self, t: float) -> None:
        """Look at all pairs within t; what flows goes on flowing."""
        self.near = self.pairs.within(t)
        self.network = max_flow.network(self.near.rows, self.near.columns, self.cost.shape)

    def _grown(self, t: float) -> list[_Stage]:
        """Look at more and more pairs, until they let everything through."""
        supply, demand = (_units(side, self.shift) for side in self.exact)
        flow = np.empty(0, np.int64)  # of the pairs in their order
        while True:
            self.progress(f"pairs within {t:.4g}, {self.phases} phases")
            self._list(t * (1 + _CLOSE))
            self.left = _Left(supply, demand, np.zeros(len(self.near.rows), np.int64))
            self.left.flow[self.network.where[: len(flow)]] = flow
            found = self._through(len(self.near.rows))
            if not isinstance(found, _Blocked):
                return found
            supply, demand, flow = self.left.supply, self.left.demand, self.left.flow[self.network.where]
            t = self._further(found, t)

    def _further(self, blocked: _Blocked, t: float) -> float:
        """A larger threshold: about twice as many pairs, and what leads out of the cut."""
        count, fewer = len(self.near.rows), int(np.searchsorted(self.near.distances, t / 1.25))
        dimension = math.log(count / max(fewer, 1)) / math.log(1.25)
        wider = t * max(1.02, 2.0 ** (1 / max(dimension, 1.0)))
        across = self.cost.restricted(np.flatnonzero(blocked.sources), np.flatnonzero(~blocked.targets))
        return max(wider, float(across.ctransform(np.zeros(across.shape[1]))[0].min()))

    def _ends(self, floor: float) -> Indices:
        """Numbers of pairs: those below ``floor``, and from there on those up to each distance."""
        distances = self.near.distances
        first = int(np.searchsorted(distances, floor))
        steps = first + 1 + np.flatnonzero(distances[first + 1 :] > distances[first:-1])
        return np.concatenate([[first], steps, [len(distances)]])

    def _through(self, count: int) -> _Blocked | list[_Stage]:
        """Everything through the nearest ``count`` pairs, without rounding; or the cut, if that cannot be.

        Whole numbers of 61 bits flow at a time, rounded down; what that leaves over flows next, in smaller units. More left over than
        rounding can hide is a cut.
        """
        stops = max_flow.stops(self.network, self.near.rows, count)
        sides, stages, shift = self.exact, list[_Stage](), self.shift
        before, left = np.zeros_like(self.left.flow), self.left.copy()
        first = left
        while True:
            sources, targets = self._flow(stops, left)
            hidden = sum(self.cost.shape) + np.count_nonzero(before) if shift else 0
            if int(left.supply.sum()) > hidden:
                self.left = first
                return _Blocked(sources, targets)
            places = np.flatnonzero(left.flow != before)
            stages.append(_Stage(places, left.flow[places] - before[places], shift))
            if shift == 0:
                return stages
            amounts = _summed(stages)
            sides = self._unserved(amounts)
            shift = _excess(sides[0])
            before = np.zeros_like(left.flow)
            before[list(amounts)] = [min(amount >> shift, 2 ** (_BITS + 1)) for amount in amounts.values()]
            left = _Left(*(_units(side, shift) for side in sides), before.copy())

    def _flow(self, stops: Indices, left: _Left) -> _Blocked:
        """Let flow what can, in place; which sources and targets are in reach of what is left."""
        n, m = self.cost.shape
        rows, columns = np.empty(n, np.int64), np.empty(m, np.int64)
        while max_flow.phase(self.network, stops, *left, rows, columns):
            self.phases += 1
        return _Blocked(rows >= 0, columns >= 0)

    def _unserved(self, amounts: Amounts) -> tuple[list[int], list[int]]:
        """What ``amounts`` leave of either side."""
        a, b = (list(side) for side in self.exact)
        for i, j, amount in zip(*(side.tolist() for side in self._ends_of(amounts)), amounts.values()):
            a[i] -= amount
            b[j] -= amount
        return a, b

    def _ends_of(self, amounts: Amounts) -> tuple[Indices, Indices]:
        """Rows and columns of the pairs at these places."""
        places = np.array(list(amounts), dtype=np.int64)
        return self.network.rows[places], np.searchsorted(self.network.ends, places, side="right") - 1

    def _claim(self, amounts: Amounts, cut: Indices) -> Claim:
        total = sum(self.exact[0])
        rows, columns = self._ends_of(amounts)
        values = np.array([amount / total for amount in amounts.values()])
        flows = Flows(self.rows[rows], self.columns[columns], values)
        return Claim(flows, units=tuple(amounts.values()), cut=cut)


def _excess(masses: list[int]) -> int:
    """The bits that the total of whole numbers has too many."""
    return max(0, sum(masses).bit_length() - _BITS)


def _units(masses: list[int], shift: int) -> Indices:
    """Whole numbers in units of ``2 ** shift``, rounded down."""
    return np.array([mass >> shift for mass in masses], dtype=np.int64)


def _summed(stages: list[_Stage]) -> Amounts:
    """What flows, where anything does."""
    amounts: Amounts = {}
    for places, more, shift in stages:
        for place, amount in zip(places.tolist(), more.tolist()):
            amounts[place] = amounts.get(place, 0) + (amount << shift)
    return {place: amount for place, amount in amounts.items() if amount}
