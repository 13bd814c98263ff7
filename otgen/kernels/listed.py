"""The kernels for one small problem whose costs are all listed: same names, same parameters and same results as in ``reference``.

A first call waits for what it compiles. Where all costs lie in a block that fits a cache, numpy is as quick as a compiled loop, or
nearly, and needs none; what remains compiled is the costs themselves, the exponentials and the nearest columns. Grounds hold clouds ``x``
(n, d) and ``yt`` (d, m) and, beside their form, ``matrix`` (n, m), float64 and finite.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..inputs.types import Floats, Indices
from . import cpu
from .gibbs import gibbs_slope
from .ground_cost import GroundCost
from .jit import jit
from .stacks import exponentials_of

PAIRS = 2**16  # of a problem whose costs are listed
_LOW, _HIGH = 2.0**-60, 2.0**100  # sums of exponentials between these are good as they are

__all__ = [
    "cost_block",
    "cost_pairs",
    "cost_sums",
    "ctransform",
    "gibbs",
    "gibbs_cost",
    "gibbs_slope",
    "listed",
    "nearest",
    "softmin",
    "sweep",
    "symmetric",
]


def listed(ground: GroundCost) -> GroundCost:
    """A ground between points with its costs beside it."""
    return ground._replace(matrix=cpu.cost_block(ground))


@jit
def _exponentials(costs, f, g, epsilon, out):
    exponentials_of(costs, f, g, epsilon, out)


@jit
def _nearest(costs, potential, columns, values):
    last = values.shape[1] - 1
    for i in range(costs.shape[0]):
        for j in range(costs.shape[1]):
            value = costs[i, j] - potential[j]
            if value < values[i, last]:
                k = last
                while k > 0 and values[i, k - 1] > value:
                    values[i, k], columns[i, k] = values[i, k - 1], columns[i, k - 1]
                    k -= 1
                values[i, k], columns[i, k] = value, j


def cost_block(ground: GroundCost) -> Floats:
    """All costs, ``c_ij``: (n, m)."""
    return ground.matrix.copy()


def cost_pairs(ground: GroundCost, rows: Indices, columns: Indices) -> Floats:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    return ground.matrix[rows, columns]


def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij``: (n,)."""
    return ground.matrix @ weights


def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Indices]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    reduced = ground.matrix - potential
    argmin = reduced.argmin(axis=1)
    return reduced[np.arange(len(argmin)), argmin], argmin


def nearest(
    ground: GroundCost, potential: Floats, count: int, below: Floats | float = np.inf
) -> tuple[Indices, Floats]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    n = len(ground.matrix)
    columns, values = np.full((n, count), -1), np.empty((n, count))
    values[:] = np.reshape(below, (-1, 1))
    _nearest(ground.matrix, np.ascontiguousarray(potential, np.float64), columns, values)
    values[columns < 0] = np.inf
    return columns, values


def softmin(ground: GroundCost, potential: Floats, epsilon: float) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    exponent = (potential - ground.matrix) / epsilon
    top = exponent.max(axis=1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return -epsilon * (safe + np.log(np.exp(exponent - safe[:, None]).sum(axis=1)))


def gibbs(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    return _gibbs_matrix(ground, f, g, epsilon) @ vectors


def gibbs_cost(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij``: (n,)."""
    return (_gibbs_matrix(ground, f, g, epsilon) * ground.matrix) @ weights


def sweep(
    ground: GroundCost,
    f: Floats,
    g: Floats,
    a: Floats,
    b: Floats,
    epsilon: float,
    power: float = 1.0,
    floor: float = -math.inf,
    cut: float = math.inf,
) -> tuple[Floats, Floats]:
    """Row sums of a Gibbs matrix, and its column sums after the rows have been divided by a power of theirs.

    With ``K_ij = exp((f_i + g_j - c_ij)/epsilon)`` and positive weights a (n,), b (m,): ``r_i = log sum_j b_j K_ij`` (n,) and
    ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))`` (m,). Nothing is left out; a row whose sum leaves the range in which
    lost small terms cannot matter is done again relative to its largest term.
    """
    kernel = _gibbs_matrix(ground, f, g, epsilon)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        sums = kernel @ b
        log_rows = np.log(sums)
        far = np.flatnonzero(~((sums > _LOW) & (sums < _HIGH)))
        if not len(far):
            return log_rows, (a * np.exp(-power * np.maximum(log_rows, floor))) @ kernel
        exponent = (f[far, None] + g - ground.matrix[far]) / epsilon
        top = exponent.max(axis=1, keepdims=True)
        log_rows[far] = top[:, 0] + np.log(np.exp(exponent - top) @ b)
        heights = -power * np.maximum(log_rows, floor)
        kernel[far] = np.exp(exponent + heights[far, None])
        heights[far] = 0.0
        return log_rows, (a * np.exp(heights)) @ kernel


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: float, cut: float = math.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)``: (n,)."""
    return sweep(ground, f, f, a, a, epsilon, 0.0)[0]


def _gibbs_matrix(ground: GroundCost, f: Floats, g: Floats, epsilon: float) -> Any:
    """``exp((f_i + g_j - c_ij) / epsilon)``: (n, m)."""
    out = np.empty(ground.matrix.shape)
    one, other = (np.ascontiguousarray(z, np.float64) for z in (f, g))
    _exponentials(ground.matrix, one, other, float(epsilon), out)
    return out
