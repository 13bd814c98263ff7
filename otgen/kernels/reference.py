"""Every kernel in readable numpy: the definition that the compiled ones are held to.

All take a :class:`Ground` of shape (n, m) first and work on whole rows. Nothing here is meant to be fast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .ground import Array, Ground

Indices = npt.NDArray[np.int64]


def cost_block(ground: Ground) -> Array:
    """All costs, ``c_ij``: (n, m)."""
    if ground.inner == 0.0:
        return ground.matrix.copy()
    difference = np.abs(ground.x[:, :, None] - ground.yt[None, :, :])
    if np.isinf(ground.inner):
        inside = difference.max(axis=1)
    else:
        inside = (difference**ground.inner).sum(axis=1)
    return (ground.factor * inside**ground.outer).astype(ground.dtype)


def cost_pairs(ground: Ground, rows: Indices, columns: Indices) -> Array:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    return cost_block(ground)[rows, columns]


def ctransform(ground: Ground, potential: Array) -> tuple[Array, Indices]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    reduced = cost_block(ground) - potential[None, :]
    argmin = reduced.argmin(axis=1)
    return reduced[np.arange(len(argmin)), argmin], argmin


def softmin(ground: Ground, potential: Array, epsilon: float) -> Array:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    exponent = (potential[None, :] - cost_block(ground)) / epsilon
    top = exponent.max(axis=1, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return (-epsilon * (safe[:, 0] + np.log(np.exp(exponent - safe).sum(axis=1)))).astype(ground.dtype)


def nearest(ground: Ground, potential: Array, count: int, below: Array | float = np.inf) -> tuple[Indices, Array]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    reduced = cost_block(ground) - potential[None, :]
    reduced[reduced >= np.reshape(below, (-1, 1))] = np.inf
    order = np.argsort(reduced, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(reduced, order, axis=1)
    return np.where(values < np.inf, order, -1), values


def gibbs(ground: Ground, f: Array, g: Array, epsilon: float, vectors: Array) -> Array:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    return (np.exp((f[:, None] + g[None, :] - cost_block(ground)) / epsilon) @ vectors).astype(ground.dtype)
