"""What a solve will take, said before it starts: rules of thumb fitted to measurements on two cores.

Seconds are within a factor of 3 on the clouds of the benchmarks (``benchmarks/test_cost_model.py`` holds them to it); data in
clusters, or a slower machine, may take longer. Bytes are those of :mod:`otgen.solvers.memory_model`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..inputs.memory import readable
from ..model.cost import Cost
from ..model.problem import Problem
from . import memory_model

_KERNELS = 1.6e8  # bytes that compiled kernels and their compiler take


@dataclass(frozen=True)
class Expected:
    """Seconds and bytes.

    Examples
    --------
    >>> print(Expected(3.2, 2.5e8))
    about 3 s and 250 MB
    """

    seconds: float
    size: float

    @property
    def grows(self) -> float:
        """Bytes beyond what compiled kernels take: small problems are never too large."""
        return self.size - _KERNELS

    def __str__(self) -> str:
        seconds = "under 0.1 s" if self.seconds < 0.1 else f"about {_rounded_seconds(self.seconds)}"
        return f"{seconds} and {readable(float(f'{self.size:.2g}'))}"


def _rounded_seconds(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.2g} hours"
    return f"{seconds / 60:.2g} minutes" if seconds >= 120 else f"{seconds:.1g} s"


def on_line(problem: Problem) -> Expected:
    """Two sorts, on two threads."""
    size = sum(problem.shape)
    return Expected(1e-3 + 2.6e-9 * size * math.log2(size + 1), _KERNELS + memory_model.on_line(problem))


def on_circle(problem: Problem) -> Expected:
    """Sorts, some sixty passes to find the shift but at p = 1, and the minima over all pairs that prove it."""
    size = sum(problem.shape)
    passes = 8e-7 if problem.p == 1 else 3e-6
    return Expected(1e-3 + passes * size, _KERNELS + memory_model.on_circle(problem))


def simplex(problem: Problem, free: float = math.inf) -> Expected:
    """Pivots, each of which moves a share of the tree, and rounds of pricing; points at one place count once where more than ``free`` is needed."""
    return Expected(_simplex_seconds(problem), _KERNELS + memory_model.simplex(problem, free))


def _simplex_seconds(problem: Problem) -> float:
    n, m = problem.shape
    size = (n + m) / 2
    cost = problem.cost
    if cost.forbids:  # every allowed pair is listed
        return 0.01 + 2e-6 * cost.listed
    if not cost.pruned:
        pricing = n * m * (14 + 0.3 * max(1, _coordinates(cost))) * 1e-9
        return 0.01 + pricing + 9 * size * 23e-6 * (size / 8000) ** 0.85
    hard = {1: 0.5, 2: 1.0}.get(_coordinates(cost), 1.7) * (1.0 if cost.p == 2 else 2.3)
    return 0.01 + hard * size * (45e-6 + 45e-6 * (size / 8000) ** 0.63)


def _coordinates(cost: Cost) -> int:
    """How many of a point the cost of a pair is computed of; 0 where it is listed, or a callable is asked."""
    return cost.clouds.x.shape[1] if cost.of_points and cost.clouds.entry is not None else 0


def bottleneck(problem: Problem) -> Expected:
    """A maximal flow through some fifty pairs a point at each of some twenty thresholds, and searches for pairs to add."""
    (n, m), cost = problem.shape, problem.cost
    size = n + m
    searches = 0.0 if cost.pruned else 2e-7 * n * m
    uniform = problem.source.uniform and problem.target.uniform
    flows = 3e-5 * size * (size / 4000) ** 0.4 if uniform else 5e-5 * size * (size / 4000)
    return Expected(0.02 + flows + searches, _KERNELS + memory_model.bottleneck(problem))


def sinkhorn(problem: Problem) -> Expected:
    """A hundred iterations over all pairs: how many there will be depends on epsilon."""
    n, m = problem.shape
    return Expected(0.01 + 100 * 2 * 12e-9 * n * m, _KERNELS + memory_model.sinkhorn(problem))
