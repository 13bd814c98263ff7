"""The kernels for many small problems at once: a leading axis on whatever they take and give, float64, with all costs listed.

Grounds hold clouds ``x`` (B, n, d) and ``yt`` (B, d, m) and, beside their form, the costs themselves: ``matrix`` (B, n, m). What lists
pairs or nearest columns is not among them: problems so small are pivoted one by one.
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats, Indices
from .cost_entries import fill
from .exponential import exp2
from .gibbs import LOG2E, gibbs_slope_rows
from .ground_cost import GroundCost, own
from .jit import jit
from .parallel import over_rows


@jit(sums=True)
def exponentials_of(costs, f, g, epsilon, out):
    """``exp((f_i + g_j - c_ij)/epsilon)`` of one problem, into ``out`` (n, m)."""
    scale = LOG2E / epsilon
    for i in range(costs.shape[0]):
        row = f[i]
        for j in range(np.uint64(costs.shape[1])):
            out[i, j] = exp2(((row + g[j]) - costs[i, j]) * scale)


@jit
def _all_exponentials(costs, f, g, epsilon, out, first, last):
    for k in range(first, last):
        exponentials_of(costs[k], f[k], g[k], epsilon[k], out[k])


@jit
def _all_costs(x, yt, inner, outer, factor, out, first, last):
    for k in range(first, last):
        ground = GroundCost(x[k], yt[k], out[k, :0], inner, outer, factor, False)
        for i in range(out.shape[1]):
            fill(ground, i, 0, out.shape[2], out[k, i])


@jit
def _all_slopes(x, yt, inner, outer, factor, f, g, epsilon, weights, out, first, last):
    for k in range(first, last):
        ground = GroundCost(x[k], yt[k], x[k, :0], inner, outer, factor, False)
        scale = LOG2E / epsilon[k]
        gibbs_slope_rows(ground, f[k] * scale, g[k] * scale, scale, weights[k], out[k], 0, out.shape[1])


def listed(x: Floats, y: Floats, form: tuple[float, float, float]) -> GroundCost:
    """The ground between clouds (B, n, d) and (B, m, d), of a form that :class:`GroundCost` has, with its costs computed."""
    out = np.empty((len(x), x.shape[1], y.shape[1]))
    x, yt = own(x, out.dtype), own(y.transpose(0, 2, 1), out.dtype)
    work = out[0].size * (1 + x.shape[2]) if len(out) else 0
    over_rows(len(out), work, lambda s, t: _all_costs(x, yt, *form, out, s, t))
    return GroundCost(x, yt, out, *form, False)


def cost_block(ground: GroundCost) -> Floats:
    """All costs: (B, n, m)."""
    return ground.matrix


def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij``: (B, n)."""
    return _times(ground.matrix, weights)


def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Indices]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (B, n) each."""
    reduced = ground.matrix - potential[:, None, :]
    argmin = reduced.argmin(axis=2)
    return np.take_along_axis(reduced, argmin[:, :, None], axis=2)[:, :, 0], argmin


def softmin(ground: GroundCost, potential: Floats, epsilon: Floats) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (B, n); -inf in h leaves a term out."""
    exponent = (potential[:, None, :] - ground.matrix) / epsilon[:, None, None]
    top = exponent.max(axis=2, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return -epsilon[:, None] * (safe[:, :, 0] + np.log(np.exp(exponent - safe).sum(axis=2)))


def gibbs(ground: GroundCost, f: Floats, g: Floats, epsilon: Floats, vectors: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (B, n, k)."""
    return np.matmul(_exponentials(ground, f, g, epsilon), vectors)


def gibbs_cost(ground: GroundCost, f: Floats, g: Floats, epsilon: Floats, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij``: (B, n)."""
    kernel = _exponentials(ground, f, g, epsilon)
    kernel *= ground.matrix
    return _times(kernel, weights)


def gibbs_slope(ground: GroundCost, f: Floats, g: Floats, epsilon: Floats, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i``: (B, n, d)."""
    (_, n, m), out, form = ground.matrix.shape, np.empty(ground.x.shape), ground[3:6]
    x, yt, across = ground.x, ground.yt, own(weights, out.dtype)
    work = n * m * (2 + x.shape[2])
    over_rows(len(out), work, lambda s, t: _all_slopes(x, yt, *form, f, g, epsilon, across, out, s, t))
    return out


def sweep(
    ground: GroundCost,
    f: Floats,
    g: Floats,
    a: Floats,
    b: Floats,
    epsilon: Floats,
    power: float = 1.0,
    floor: float = -np.inf,
    cut: float = np.inf,
) -> tuple[Floats, Floats]:
    """Logarithms of row sums (B, n) and column sums (B, m), as the sweep of one problem has them; nothing is left out."""
    kernel = _exponentials(ground, f, g, epsilon)
    with np.errstate(divide="ignore"):
        log_rows = np.log(_times(kernel, b))
    heights = a if power == 0.0 else a * np.exp(-power * np.maximum(log_rows, floor))
    return log_rows, np.matmul(heights[:, None, :], kernel)[:, 0]


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: Floats, cut: float = np.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)``: (B, n)."""
    return sweep(ground, f, f, a, a, epsilon, 0.0)[0]


def _exponentials(ground: GroundCost, f: Floats, g: Floats, epsilon: Floats) -> Floats:
    costs, out = ground.matrix, np.empty(ground.matrix.shape)
    over_rows(len(out), out[0].size, lambda s, t: _all_exponentials(costs, f, g, epsilon, out, s, t))
    return out


def _times(matrix: Floats, vectors: Floats) -> Floats:
    """``sum_j M_kij w_kj``: (B, n)."""
    return np.matmul(matrix, vectors[:, :, None])[:, :, 0]
