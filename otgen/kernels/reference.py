"""Every kernel in readable numpy: the definition that the compiled ones are held to.

All take a :class:`GroundCost` of shape (n, m) first and work on whole rows. Nothing here is meant to be fast.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from ..inputs.types import Floats, Indices
from .ground_cost import CIRCULAR, GREAT_CIRCLE, PRODUCT, GroundCost


def cost_block(ground: GroundCost) -> Floats:
    """All costs, ``c_ij``: (n, m)."""
    if ground.inner == 0.0:
        return ground.matrix.copy()
    if ground.inner == PRODUCT:
        return (ground.factor * (ground.x @ ground.yt)).astype(ground.dtype)
    if 0 < ground.inner < np.inf and ground.inner not in (1, 2):
        base = _longest(ground) * _inside(ground) ** (1 / ground.inner)
        return (ground.factor * base ** (ground.inner * ground.outer)).astype(ground.dtype)
    return (_factor(ground) * _inside(ground) ** ground.outer).astype(ground.dtype)


def _factor(ground: GroundCost) -> float:
    return 1.0 if ground.inner in (CIRCULAR, GREAT_CIRCLE) else ground.factor


def _longest(ground: GroundCost) -> Floats:
    """The largest difference of a coordinate, which powers other than 1 and 2 are taken of: (n, m); 1 for other costs."""
    shape = len(ground.x), ground.yt.shape[1]
    if not 0 < ground.inner < np.inf or ground.inner in (1, 2):
        return np.ones(shape)
    return np.abs(ground.x[:, :, None] - ground.yt[None, :, :]).max(axis=1)


def _inside(ground: GroundCost) -> Floats:
    """What the cost is a power of: (n, m); of differences divided by their largest, see :func:`_longest`."""
    difference = ground.x[:, :, None] - ground.yt[None, :, :]
    if ground.inner == GREAT_CIRCLE:
        return _angles(ground) / ground.factor
    if ground.inner == CIRCULAR:
        return ((difference - ground.factor * np.rint(difference / ground.factor)) ** 2).sum(axis=1)
    if np.isinf(ground.inner):
        return np.abs(difference).max(axis=1)
    longest = np.where(_longest(ground) > 0, _longest(ground), 1.0)
    return ((np.abs(difference) / longest[:, None, :]) ** ground.inner).sum(axis=1)


def _angles(ground: GroundCost) -> Floats:
    """Between points on the sphere, in radians: (n, m)."""
    (a, b), (c, d) = ground.x.T[:, :, None], ground.yt[:, None, :]
    x, y = (np.stack([np.cos(u) * np.cos(v), np.cos(u) * np.sin(v), np.sin(u) + 0 * v]) for u, v in ((a, b), (c, d)))
    normal = np.cross(*np.broadcast_arrays(x, y), axis=0)
    return np.arctan2(np.sqrt((normal**2).sum(axis=0)), (x * y).sum(axis=0))


def cost_pairs(ground: GroundCost, rows: Indices, columns: Indices) -> Floats:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    return cost_block(ground)[rows, columns]


def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij`` over the finite costs: (n,)."""
    costs = cost_block(ground)
    return (np.where(costs < np.inf, costs, 0.0) * weights).sum(axis=1).astype(ground.dtype)


def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Indices]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    reduced = cost_block(ground) - potential[None, :]
    argmin = reduced.argmin(axis=1)
    return reduced[np.arange(len(argmin)), argmin], argmin


def softmin(ground: GroundCost, potential: Floats, epsilon: float) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    exponent = (potential[None, :] - cost_block(ground)) / epsilon
    top = exponent.max(axis=1, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return (-epsilon * (safe[:, 0] + np.log(np.exp(exponent - safe).sum(axis=1)))).astype(ground.dtype)


def nearest(
    ground: GroundCost, potential: Floats, count: int, below: Floats | float = np.inf
) -> tuple[Indices, Floats]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    reduced = cost_block(ground) - potential[None, :]
    reduced[reduced >= np.reshape(below, (-1, 1))] = np.inf
    order = np.argsort(reduced, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(reduced, order, axis=1)
    return np.where(values < np.inf, order, -1), values


def gibbs(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    kernel = np.exp((f[:, None] + g[None, :] - cost_block(ground)) / epsilon)
    return np.einsum("ij,jk->ik", kernel, vectors).astype(ground.dtype)


def gibbs_cost(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the finite costs: (n,)."""
    costs = cost_block(ground)
    terms = np.exp((f[:, None] + g[None, :] - costs) / epsilon) * np.where(costs < np.inf, costs, 0.0)
    # BLAS in single precision may raise a flag for lanes that nobody reads.
    return (terms * weights).sum(axis=1).astype(ground.dtype)


def gibbs_slope(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i`` for a cost between points: (n, d).

    Where the cost has a kink the zero of its subdifferential is taken, for the maximum norm the first of the largest coordinates.
    """
    costs = cost_block(ground)
    plan = np.exp((f[:, None] + g[None, :] - costs) / epsilon) * weights
    inside, factor = _inside(ground), _factor(ground)
    with np.errstate(divide="ignore"):
        outside = np.where(inside > 0, factor * ground.outer * inside ** (ground.outer - 1), 0.0)
    outside = np.full_like(inside, factor) if ground.outer == 1 else outside
    difference = ground.x[:, None, :] - ground.yt.T[None, :, :]
    if ground.inner == GREAT_CIRCLE:
        slopes = _turns(ground) / ground.factor
    elif ground.inner == CIRCULAR:
        slopes = 2 * (difference - ground.factor * np.rint(difference / ground.factor))
    elif np.isinf(ground.inner):
        first = np.abs(difference).argmax(axis=2)[:, :, None] == np.arange(difference.shape[2])
        slopes = np.sign(difference) * first
    else:
        size = np.where(_longest(ground) > 0, _longest(ground), 1.0)[:, :, None]
        slopes = ground.inner * (np.abs(difference) / size) ** (ground.inner - 1) * np.sign(difference)
        if ground.inner not in (1, 2):
            base, safe = _longest(ground) * inside ** (1 / ground.inner), np.where(inside > 0, inside, 1.0)
            power = np.where(base > 0, base, 1.0) ** (ground.inner * ground.outer - 1)
            outside = np.where(base > 0, factor * ground.outer * power * safe ** (1 / ground.inner - 1), 0.0)
    return np.einsum("ij,ijk->ik", plan * outside, slopes).astype(ground.dtype)


def _turns(ground: GroundCost) -> Floats:
    """Derivatives of angles in latitude and longitude of x, 0 where there is none: (n, m, 2)."""
    (a, b), (c, d) = ground.x.T[:, :, None], ground.yt[:, None, :]
    sine = np.sin(_angles(ground))
    north = np.sin(a) * np.cos(c) * np.cos(b - d) - np.cos(a) * np.sin(c)
    both = np.stack([north, np.cos(a) * np.cos(c) * np.sin(b - d)], axis=2)
    return np.divide(both, sine[:, :, None], out=np.zeros_like(both), where=sine[:, :, None] > 0)


def sweep(
    ground: GroundCost,
    f: Floats,
    g: Floats,
    a: Floats,
    b: Floats,
    epsilon: float,
    power: float = 1.0,
    floor: float = -np.inf,
    cut: float = np.inf,
) -> tuple[Floats, Floats]:
    """Row sums of a Gibbs matrix, and its column sums after the rows have been divided by a power of theirs.

    With ``K_ij = exp((f_i + g_j - c_ij)/epsilon)`` and positive weights a (n,), b (m,): ``r_i = log sum_j b_j K_ij`` (n,) and
    ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))`` (m,), float64 both. Where the ground is celled, terms below
    ``2 ** -cut`` may be left out.
    """
    exponent = (f[:, None] + g[None, :] - cost_block(ground).astype(np.float64)) / epsilon
    log_rows = logsumexp(exponent, axis=1, b=b)
    return log_rows, (a[:, None] * np.exp(exponent - power * np.maximum(log_rows, floor)[:, None])).sum(axis=0)


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: float, cut: float = np.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)`` (n,), float64, for a symmetric cost: each pair is computed once.

    Where the ground is celled, terms below ``2 ** -cut`` may be left out; a sum too small for that to be harmless is -inf.
    """
    exponent = (f[:, None] + f[None, :] - cost_block(ground).astype(np.float64)) / epsilon
    return logsumexp(exponent, axis=1, b=a)


def min_plus(costs: Floats, table: Floats) -> tuple[Floats, Indices]:
    """``min_j costs_ij + table_jk`` of (s, t) and (t, w), and its first arg min: (s, w), (s, w)."""
    sums = costs[:, :, None] + table[None]
    return sums.min(axis=1), sums.argmin(axis=1)


def lay(nodes: Indices, g: Floats, size: int) -> tuple[Floats, Indices]:
    """The least ``-g_j`` of those at each of ``size`` nodes, inf where there is none, and the first such j, 0 where there is none."""
    at = np.where(np.arange(size)[:, None] == nodes, -g, np.inf)
    return at.min(axis=1), at.argmin(axis=1)
