"""Sums of exponentials, a row at a time: soft minima, and products of a Gibbs matrix with vectors, costs and slopes.

All work in powers of two, ``exp((f_i + g_j - c_ij)/epsilon) = 2 ** t_ij``. Whole Sinkhorn iterations are in :mod:`.sweeps`.
"""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Floats
from .cost_entries import factor_of, fill, haversine, is_general, near_way
from .exponential import exp2
from .ground_cost import CIRCULAR, GREAT_CIRCLE, PRODUCT, GroundCost, own
from .jit import jit
from .parallel import over_rows

TILE = 2048
LOG2E = math.log2(math.e)


@jit(inline=True, sums=True)
def exponents(ground, i, row, column, scale, start, stop, out):
    """``t`` of row ``i``, columns ``start:stop``, into ``out[: stop - start]``."""
    fill(ground, i, start, stop, out)
    at = np.uint64(start)
    for j in range(np.uint64(stop - start)):
        out[j] = (row + column[at + j]) - scale * out[j]


@jit(sums=True)
def _softmin(ground, column, scale, out, first, last):
    m, kind = column.shape[0], column.dtype.type
    tile = np.empty(TILE, column.dtype)
    for i in range(first, last):
        top, total = kind(-np.inf), 0.0
        for start in range(0, m, TILE):
            stop = min(start + TILE, m)
            exponents(ground, i, kind(0), column, scale, start, stop, tile)
            highest = kind(-np.inf)
            for j in range(stop - start):
                highest = max(highest, tile[j])
            if highest == -np.inf:
                continue
            if highest > top:
                total *= 2.0 ** (top - highest)
                top = highest
            part = kind(0)
            for j in range(stop - start):
                part += exp2(tile[j] - top)
            total += part
        out[i] = -(top + math.log2(total)) if total > 0.0 else np.inf


@jit(sums=True)
def _gibbs(ground, row, column, scale, vectors, out, first, last):
    m, kind = column.shape[0], column.dtype.type
    tile = np.empty(TILE, column.dtype)
    for i in range(first, last):
        out[i, :] = 0.0
        for start in range(0, m, TILE):
            stop = min(start + TILE, m)
            exponents(ground, i, row[i], column, scale, start, stop, tile)
            for j in range(stop - start):
                tile[j] = exp2(tile[j])
            for k in range(vectors.shape[0]):
                v, part = vectors[k, start:stop], kind(0)
                for j in range(stop - start):
                    part += tile[j] * v[j]
                out[i, k] += part


@jit(sums=True)
def _gibbs_cost(ground, row, column, scale, weights, out, first, last):
    m, kind = column.shape[0], column.dtype.type
    tile = np.empty(TILE, column.dtype)
    for i in range(first, last):
        out[i] = 0.0
        for start in range(0, m, TILE):
            stop = min(start + TILE, m)
            fill(ground, i, start, stop, tile)
            at, part = np.uint64(start), kind(0)
            for j in range(np.uint64(stop - start)):
                cost = tile[j]
                term = weights[at + j] * exp2((row[i] + column[at + j]) - scale * cost) * cost
                part += term if cost < np.inf else kind(0)
            out[i] += part


@jit(inline=True, sums=True)
def _inside_slope(ground, tile, longest, count):
    """Costs ``factor s ** outer`` become ``factor outer s ** (outer - 1)``, 0 where s is 0 and that is infinite.

    For a general inner power that is of differences divided by the ``longest`` one, and what is left of their powers stays finite.
    """
    outer, factor, order = ground.outer, factor_of(ground), ground.inner * ground.outer
    if is_general(ground.inner):
        for j in range(np.uint64(count)):
            if tile[j] > 0.0:
                base = (tile[j] / factor) ** (1.0 / order)
                rest = (base / longest[j]) ** (1.0 - ground.inner)
                tile[j] = factor * outer * base ** (order - 1.0) * rest
    elif outer == 1.0:
        tile[:count] = factor
    elif outer == 0.5:
        for j in range(np.uint64(count)):
            tile[j] = factor * factor / (2 * tile[j]) if tile[j] > 0.0 else 0.0
    else:
        power = (outer - 1.0) / outer
        for j in range(np.uint64(count)):
            tile[j] = factor * outer * (tile[j] / factor) ** power if tile[j] > 0.0 else 0.0


@jit
def _turn(a, b, c, d):
    """Derivatives of the angle between (a, b) and (c, d) in latitude a and longitude b; 0 where they meet or are antipodes."""
    h, rest = haversine(a, b, c, d)
    sine = 2.0 * math.sqrt(h * rest)
    if not sine > 0.0:
        return 0.0, 0.0
    turn = math.sin((b - d) / 2)
    north = math.sin(a - c) - 2.0 * math.sin(a) * math.cos(c) * (turn * turn)
    return north / sine, math.cos(a) * math.cos(c) * math.sin(b - d) / sine


@jit(sums=True)
def gibbs_slope_rows(ground, row, column, scale, weights, out, first, last):
    """Slopes of rows ``first:last``, as :func:`gibbs_slope` has them, for potentials and costs in bits."""
    m, d, kind, inner = column.shape[0], ground.x.shape[1], column.dtype.type, ground.inner
    tile, mass, longest = np.empty(TILE, column.dtype), np.empty(TILE, column.dtype), np.empty(TILE, column.dtype)
    for i in range(first, last):
        out[i, :] = 0.0
        for start in range(0, m, TILE):
            count = min(TILE, m - start)
            at = np.uint64(start)
            fill(ground, i, start, start + count, tile)
            for j in range(np.uint64(count)):
                mass[j] = weights[at + j] * exp2((row[i] + column[at + j]) - scale * tile[j])
            if inner == np.inf or is_general(inner):
                longest[:count] = 0
                for k in range(d):
                    for j in range(np.uint64(count)):
                        longest[j] = max(longest[j], abs(ground.x[i, k] - ground.yt[k, start + j]))
            _inside_slope(ground, tile, longest, count)
            if inner == GREAT_CIRCLE:
                for j in range(np.uint64(count)):
                    north, east = _turn(
                        ground.x[i, 0], ground.x[i, 1], ground.yt[0, start + j], ground.yt[1, start + j]
                    )
                    outside = mass[j] * tile[j] / kind(ground.factor)
                    out[i, 0] += kind(outside * north)
                    out[i, 1] += kind(outside * east)
                continue
            for k in range(d):
                x, y, part = ground.x[i, k], ground.yt[k, start : start + count], kind(0)
                for j in range(np.uint64(count)):
                    t = x - y[j]
                    if inner == 2.0:
                        slope = kind(2.0) * t
                    elif inner == CIRCULAR:
                        slope = kind(2.0) * near_way(x, y[j], ground.factor)
                    elif inner == 1.0:
                        slope = kind(np.sign(t))
                    elif inner == np.inf:
                        slope = kind(np.sign(t)) if abs(t) == longest[j] else kind(0)
                        longest[j] = -longest[j] if abs(t) == longest[j] else longest[j]
                    elif longest[j] > 0:
                        slope = kind(inner * (abs(t) / longest[j]) ** (inner - 1.0) * np.sign(t))
                    else:
                        slope = kind(0)
                    part += mass[j] * tile[j] * slope
                out[i, k] += part


def in_bits(ground: GroundCost, epsilon: float) -> tuple[GroundCost, float]:
    """A ground and a factor for its costs such that they come in units of ``epsilon log 2``.

    For the squared distance the points themselves are stretched, and the factor is 1.
    """
    scale = LOG2E / epsilon
    if ground.inner == PRODUCT:
        return ground._replace(x=ground.x * ground.dtype.type(scale * ground.factor), factor=1.0), 1.0
    if (ground.inner, ground.outer, ground.factor) != (2.0, 1.0, 1.0):
        return ground, scale
    stretch = math.sqrt(scale)
    return ground._replace(x=ground.x * ground.dtype.type(stretch), yt=ground.yt * ground.dtype.type(stretch)), 1.0


def softmin(ground: GroundCost, potential: Floats, epsilon: float) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    out = np.empty(ground.shape[0])
    bits, scale = in_bits(ground, epsilon)
    column = own(potential * (LOG2E / epsilon), ground.dtype)
    over_rows(len(out), 2 * row_work(ground), lambda s, t: _softmin(bits, column, ground.dtype.type(scale), out, s, t))
    return (out * (epsilon / LOG2E)).astype(ground.dtype)


def gibbs(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    out = np.empty((ground.shape[0], vectors.shape[1]))
    bits, scale = in_bits(ground, epsilon)
    row, column = (own(z * (LOG2E / epsilon), ground.dtype) for z in (f, g))
    across = own(vectors.T, ground.dtype)
    work = row_work(ground) * (1 + vectors.shape[1])
    over_rows(len(out), work, lambda s, t: _gibbs(bits, row, column, ground.dtype.type(scale), across, out, s, t))
    return out.astype(ground.dtype)


def gibbs_cost(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the finite costs: (n,)."""
    out = np.empty(ground.shape[0])
    scale = LOG2E / epsilon
    row, column = (own(z * scale, ground.dtype) for z in (f, g))
    across = own(weights, ground.dtype)
    over_rows(
        len(out),
        2 * row_work(ground),
        lambda s, t: _gibbs_cost(ground, row, column, ground.dtype.type(scale), across, out, s, t),
    )
    return out.astype(ground.dtype)


def gibbs_slope(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i`` for a cost between points: (n, d).

    Where the cost has a kink the zero of its subdifferential is taken, for the maximum norm the first of the largest coordinates.
    """
    out = np.empty(ground.x.shape)
    scale = LOG2E / epsilon
    row, column = (own(z * scale, ground.dtype) for z in (f, g))
    across = own(weights, ground.dtype)
    work = row_work(ground) * (2 + ground.x.shape[1])
    over_rows(
        len(out), work, lambda s, t: gibbs_slope_rows(ground, row, column, ground.dtype.type(scale), across, out, s, t)
    )
    return out.astype(ground.dtype)


def row_work(ground: GroundCost) -> int:
    """Roughly how many nanoseconds a row of exponentials costs."""
    return ground.shape[1] * (8 + ground.x.shape[1]) // 16 + 1
