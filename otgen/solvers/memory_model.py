"""The bytes that a whole call takes at its peak beside its data: what is held, array by array where there are few, fitted where there are many.

Constants are in bytes and come from ``python -m benchmarks.memory``, whose table in the documentation shows how near they are.
"""

from __future__ import annotations

import math

from ..kernels import dense_simplex
from ..kernels.duplicates import unique_points
from ..model.cost import Cost
from ..model.problem import Problem

_PIECE = 4_000_000  # entries of a cost or of a matrix product that are held at once
_PER_POINT = 1500.0  # arcs, tree, potentials and plan of a point that cells prune the pairs of
_PER_POINT_UNPRUNED = 2000.0  # the same where more pairs come in at a time
_PER_COORDINATE = 106.0  # copies of the points: as received, scaled, in order, of coarser levels, centred for a product
_PER_ARC = 100.0  # of a listed pair: two ends and a cost, sorted, in the tree and out of it
_PER_ARC_OF_MATRIX = 56.0  # the same where no entry is sorted
_PER_POINT_HERE = 100.0  # of a point as it is received, where many are at one place


def simplex(problem: Problem, free: float = math.inf) -> float:
    """Exact transport; where the points need more than is ``free``, those that coincide are counted as one place."""
    cost = problem.cost.clouds if problem.cost.of_points else problem.cost
    need = _simplex(cost, cost.shape, problem.source.uniform and problem.target.uniform)
    if need <= free or cost.entry is None:
        return need
    places = len(unique_points(cost.clouds.x).first), len(unique_points(cost.clouds.y).first)
    return min(
        need, _simplex(cost, places) + sum(cost.shape) * (_PER_POINT_HERE + 8.0 * _PER_COORDINATE * _dim(cost) / 16)
    )


def _simplex(cost: Cost, shape: tuple[int, int], uniform: bool = False) -> float:
    pairs, size = math.prod(shape), sum(shape) / 2
    if cost.forbids:
        return _sparse(cost) if cost.listed < pairs else (8.0 + _PER_ARC_OF_MATRIX) * pairs
    if cost.listed:
        return _matrix(cost) + 2500.0 * size
    if dense_simplex.fits(*shape) or (uniform and dense_simplex.is_assigned(*shape)):
        return 24.0 * pairs + _PER_POINT * size
    if cost.pruned:
        return _PER_POINT * size
    return 16.0 * min(_PIECE, pairs) + size * (_PER_POINT_UNPRUNED + _PER_COORDINATE * _dim(cost))


def _dim(cost: Cost) -> int:
    return cost.clouds.x.shape[-1] if cost.of_points else 0


def _sparse(cost: Cost) -> float:
    """Every pair that is stored, and what a point takes."""
    return _PER_ARC * cost.listed + 100.0 * sum(cost.shape)


def _matrix(cost: Cost) -> float:
    """A scaled copy, and two pieces of the matrix as targets see it."""
    pairs = math.prod(cost.shape)
    return 8.0 * pairs + 8.0 * min(2 * _PIECE, pairs)


def on_line(problem: Problem) -> float:
    """Points and masses in order; more where they are not in double precision, or the longest pair is asked for."""
    size, uniform = sum(problem.shape), problem.source.uniform and problem.target.uniform
    received = problem.source.origin.dtype if problem.source.origin else "float64"
    return size * (
        (8.0 if uniform else 24.0) + (8.0 if received == "float32" else 0.0) + (12.0 if math.isinf(problem.p) else 0.0)
    )


def on_circle(problem: Problem) -> float:
    """Points and whole masses in order, the coupling and potentials."""
    uniform = problem.source.uniform and problem.target.uniform
    return sum(problem.shape) * (120.0 if uniform else 144.0)


def bottleneck(problem: Problem) -> float:
    """A hundred bytes a known pair: some 400 a point where a few far ones decide, as in few dimensions; `Bottleneck` asks again as it goes on."""
    return (40_000.0 if _dim(problem.cost) <= 3 else 5000.0) * sum(problem.shape) / 2


def known_pairs(count: int) -> float:
    """Of pairs that a search for W_inf knows: their ends and lengths, the network through them, and the flow."""
    return 105.0 * count


def sinkhorn(problem: Problem) -> float:
    """Entropic transport."""
    cost, size, pairs = problem.cost, sum(problem.shape) / 2, math.prod(problem.shape)
    if cost.listed:
        return _sparse(cost) if cost.listed < pairs else _matrix(cost) + 800.0 * size
    if cost.pruned:
        return 800.0 * size
    piece = min(_PIECE, pairs)
    single, double = (cost.clouds.kept(itemsize) if cost.of_points else 0 for itemsize in (4, 8))
    # A proof goes piece by piece beside what is kept.
    held = double + 14.0 * piece if double else max(16.0 * piece, single)
    return held + size * (2260.0 + (130.0 if double else 79.0) * _dim(cost))
