"""W_inf: the least t such that a plan uses only pairs at most t apart, decided in whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import InvalidInput, TooLarge
from ..inputs.memory import available, readable
from ..inputs.types import Indices
from ..kernels import max_flow
from ..kernels.integer_masses import equal_totals
from ..model.claim import Claim, Flows
from ..model.problem import Problem
from ..model.status import Status
from . import memory_model
from .base import Progress, Solution, checked_call, refuse_start, silent
from .known_pairs import MORE, KnownPairs, Mask, first_pairs

_BITS = 61  # of the whole numbers that flow at a time
_JUDGED = 2**28  # bytes from which it is asked whether pairs fit
_FURTHER = 1.25  # by which thresholds grow until one lets everything through


@dataclass(frozen=True)
class Bottleneck:
    """The distance of order infinity between clouds in any dimension: bisection over the distances, a maximal flow at each.

    Weights are taken for the real numbers that their floats are: a plan within t, or a set of sources with more mass
    than all targets within t, is decided in whole numbers without rounding. Memory grows with n + m.

    Notes
    -----
    Flow runs through pairs that are known: the nearest of every point at first. Where these do not let everything through, the nearest pairs out
    of the cut join them; where there is none within the threshold, the cut is one of all pairs, and the nearest pair beyond tells the next
    threshold that can do. Thresholds grow until one lets everything through, then halve what is left; flow starts from what the last one that was
    too small let through.

    Flows run in 61-bit whole numbers, weights rounded down. A cut by more than what rounding down can hide is a cut; where less
    than that is left over, it flows next, in whole numbers of the bits that were cut off.

    Examples
    --------
    >>> import otgen
    >>> otgen.wasserstein([[0, 0], [1, 0]], [[0, 1], [3, 0]], p=float("inf")).value
    2.0
    """

    def solve(self, problem: Problem, progress: Progress = silent, init: Claim | None = None) -> Solution:
        """Solve a scaled problem of p = inf; raises `InvalidInput` for another."""
        checked_call(problem, progress, init)
        if not problem.bottleneck or not problem.cost.of_points:
            raise InvalidInput(
                f"solver='bottleneck' must get points and p=inf; received {problem!r}; use solver='auto'"
            )
        refuse_start(init, "Bottleneck")
        search = _Search(problem, progress)
        return Solution(search.run(), Status.OPTIMAL, search.phases, "Bottleneck")


Amounts = dict[int, int]  # what flows, by the number of a known pair


class _Stage(NamedTuple):
    """What flows more than before, (k,), through pairs (k,), in units of ``2 ** shift``."""

    pairs: Indices
    amounts: Indices
    shift: int


class _Left(NamedTuple):
    """Supplies (n,) and demands (m,) that a flow (known pairs,) leaves."""

    supply: Indices
    demand: Indices
    flow: Indices


class _Blocked(NamedTuple):
    """Sources (n,), and the targets (m,) in their reach: those have less than the sources."""

    sources: Mask
    targets: Mask


def _between(low: float, high: float) -> float:
    """A threshold that has not been tried, from ``low`` on and below ``high``."""
    middle = max(low, (low + high) / 2)
    return middle if middle < high else low


class _Search:
    """Thresholds, and the flow at the last that was too small. Sources and targets without mass are left out."""

    def __init__(self, problem: Problem, progress: Progress) -> None:
        a, b = problem.source.weights, problem.target.weights
        self.rows, self.columns = np.flatnonzero(a), np.flatnonzero(b)
        self.progress, self.phases = progress, 0
        shape = len(self.rows), len(self.columns)
        _refuse_pairs(first_pairs(*shape), shape, f"{first_pairs(*shape)} pairs are looked at first")
        self.known = KnownPairs(problem.cost.clouds.distances.restricted(self.rows, self.columns))
        self.exact = equal_totals(a[self.rows], b[self.columns])
        self.shift = _excess(self.exact[0])
        self.rounded = self.shift > 0  # whether what rounding down leaves over counts as through
        self.left = _units(self.exact, self.shift, np.empty(0, np.int64))

    def run(self) -> Claim:
        """The least threshold that lets everything through, its plan, and a cut below it."""
        low = t = self.known.floor
        high, cut, stages = np.inf, self.known.furthest, list[_Stage]()
        while low < high or self.rounded:
            if low >= high:  # where rounding lets everything through, it may not be through without
                t, high, self.rounded = high, np.inf, False
            self.progress(f"W_inf in [{low:.6g}, {high:.6g}] of the largest distance, {self.phases} phases")
            found = self._through(t)
            if isinstance(found, _Blocked):
                cut = found.sources
                low = max(self.known.least_across(*found), float(np.nextafter(t, np.inf)))
            else:
                high, stages = max(float(self.known.distances[stage.pairs].max()) for stage in found), found
            t = max(low, _FURTHER * t) if high == np.inf else _between(low, high)
        return self._claim(_summed(stages), self.rows[cut])

    def _through(self, t: float) -> _Blocked | list[_Stage]:
        """Everything through pairs within t; or a cut of all of these, if that cannot be."""
        left = self.left
        while True:
            left, found = self._routed(t, left)
            if not isinstance(found, _Blocked):
                return found
            held, more = len(self.known.rows), MORE * int(np.count_nonzero(found.sources))
            _refuse_pairs(held + more, self.known.cost.shape, f"{held} pairs are not enough")
            if not self.known.extend(*found, t):
                self.left = left
                return found

    def _routed(self, t: float, left: _Left) -> tuple[_Left, _Blocked | list[_Stage]]:
        """Everything through known pairs within t, without rounding, or a cut; and what whole numbers of 61 bits have left over.

        These flow first, rounded down; what they leave over flows next, in smaller units. More left over than rounding can hide is a cut.
        """
        pairs = self.known.within(t)
        network = max_flow.network(self.known.rows[pairs], self.known.columns[pairs], self.known.cost.shape)
        before = np.zeros(len(self.known.rows), np.int64)
        flow = np.append(left.flow, before[len(left.flow) :])
        first, blocked = self._flow(network, pairs, left._replace(flow=flow))
        now, stages, shift = first, list[_Stage](), self.shift
        while True:
            hidden = sum(self.known.cost.shape) + np.count_nonzero(before) if shift else 0
            if int(now.supply.sum()) > hidden:
                return first, blocked
            changed = np.flatnonzero(now.flow != before)
            stages.append(_Stage(changed, now.flow[changed] - before[changed], shift))
            if shift == 0 or self.rounded:
                return first, stages
            amounts = _summed(stages)
            sides = self._unserved(amounts)
            shift = _excess(sides[0])
            before = np.zeros_like(before)
            before[list(amounts)] = [min(amount >> shift, 2 ** (_BITS + 1)) for amount in amounts.values()]
            now, blocked = self._flow(network, pairs, _units(sides, shift, before))

    def _flow(self, network: max_flow.Network, pairs: Indices, left: _Left) -> tuple[_Left, _Blocked]:
        """Let flow what can; and which sources and targets are in reach of what is left then."""
        supply, demand, flow = (part.copy() for part in left)
        inside = np.empty(len(pairs), np.int64)
        inside[network.where] = flow[pairs]
        excess, rows, columns = np.zeros_like(demand), np.empty_like(supply), np.empty_like(demand)
        while max_flow.phase(network, supply, demand, inside, excess, rows, columns):
            self.phases += 1
        flow[pairs] = inside[network.where]
        return _Left(supply, demand, flow), _Blocked(rows >= 0, columns >= 0)

    def _unserved(self, amounts: Amounts) -> tuple[list[int], list[int]]:
        """What ``amounts`` leave of either side."""
        a, b = (list(side) for side in self.exact)
        pairs = list(amounts)
        for i, j, amount in zip(self.known.rows[pairs].tolist(), self.known.columns[pairs].tolist(), amounts.values()):
            a[i] -= amount
            b[j] -= amount
        return a, b

    def _claim(self, amounts: Amounts, cut: Indices) -> Claim:
        total, pairs = sum(self.exact[0]), list(amounts)
        values = np.array([amount / total for amount in amounts.values()])
        flows = Flows(self.rows[self.known.rows[pairs]], self.columns[self.known.columns[pairs]], values)
        return Claim(flows, units=tuple(amounts.values()), cut=cut)


def _refuse_pairs(count: int, shape: tuple[int, int], told: str) -> None:
    """Raise where so many pairs, with what they take in the network, do not fit; those that are held already count too."""
    need = memory_model.known_pairs(count)
    if need >= _JUDGED and need > (free := available()):
        raise TooLarge(
            f"the clouds must be so small or so near that pairs to choose from fit in memory; received {shape[0]} x {shape[1]} points, of which "
            f"{told}, with {readable(free)} free; subsample, or use a finite p"
        )


def _excess(masses: list[int]) -> int:
    """The bits that the total of whole numbers has too many."""
    return max(0, sum(masses).bit_length() - _BITS)


def _units(sides: tuple[list[int], list[int]], shift: int, flow: Indices) -> _Left:
    """What both sides have left beside ``flow``, in units of ``2 ** shift``, rounded down."""
    supply, demand = (np.array([mass >> shift for mass in side], dtype=np.int64) for side in sides)
    return _Left(supply, demand, flow)


def _summed(stages: list[_Stage]) -> Amounts:
    """What flows, where anything does."""
    amounts: Amounts = {}
    for pairs, more, shift in stages:
        for pair, amount in zip(pairs.tolist(), more.tolist()):
            amounts[pair] = amounts.get(pair, 0) + (amount << shift)
    return {pair: amount for pair, amount in amounts.items() if amount}
