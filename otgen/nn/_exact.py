"""Exact transport of clouds in double precision, as a function of points and weights, and of the distance where powers would not be floats."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from . import _ops
from ._inputs import Batch, powered, within_reach
from ._modes import holds

_LENGTHS = ("euclidean", "cityblock", "chebyshev", "minkowski")  # double where points do
_FAINT = 1e-150  # powers below, and above its inverse, may have lost digits or terms to the range of floats
_STEEPEST = 1e250  # derivatives in the weights beyond are about this


class _Solved(NamedTuple):
    """Costs (B,), the coupled points (B, k, d) with the masses (B, k) that they exchange, and potentials (B, n), (B, m)."""

    costs: Tensor
    one: Tensor
    other: Tensor
    values: Tensor
    f: Tensor
    g: Tensor


def exact_cost(given: Batch, p: float, metric: str, q: float, *, root: bool) -> Tensor:
    """Exact costs ``W_p ** p``, or with ``root`` distances, float64: (B,).

    Costs that are no floats are infinite. Distances are, whatever their powers: they are computed again in their own units where the
    cost left the range of floats.
    """
    given = given.in_doubles()
    x, y, _, _ = given.each()
    found = _solved(x, y, given, p, metric, q)
    if metric in _LENGTHS and (root or p == 1):
        powers = found.costs ** (max(p, 2.0) / p)  # of distances: squares are taken whatever p is
        if not holds((powers > _FAINT) & (powers < 1 / _FAINT)):
            return _distance(given, p, metric, q)
    moving = _moved(found, p, metric, q)
    most = _STEEPEST * (found.costs.nan_to_num(1.0).clamp(0.0, 1.0) if root else torch.ones_like(found.costs))
    f, g = (_clamped(z, most) for z in (found.f, found.g))
    weighing = (f * given.a).sum(-1) + (g * given.b).sum(-1)
    held = found.costs + (moving - moving.detach()) + (weighing - weighing.detach())
    out = held.where(held.isfinite(), moving)
    return powered(out, 1 / p) if root else out


def _solved(x: Tensor, y: Tensor, given: Batch, p: float, metric: str, q: float) -> _Solved:
    detached = (z.detach() for z in (x, y, given.a, given.b))
    costs, rows, columns, values, f, g = _ops.exact(*detached, given.counted, p, metric, q)
    return _Solved(costs, _taken(x, rows), _taken(y, columns), values, f, g)


def _moved(found: _Solved, p: float, metric: str, q: float) -> Tensor:
    """What the plans cost, (B,)."""
    costs = pair_costs(found.one, found.other, p, metric, q)
    return (found.values * costs.where(found.values > 0, 0.0)).sum(-1)


def _distance(given: Batch, p: float, metric: str, q: float) -> Tensor:
    """Distances under a metric that doubles where points do, (B,).

    Points are matched in the unit of how far apart they lie, and powers are taken in that of the longest way that a plan moves
    anything: no power of a distance is infinite then, and those that vanish are none of the longest.
    """
    size = _extent(given)
    x, y = (within_reach(z / size[:, None, None], w) for z, w in ((given.x, given.a), (given.y, given.b)))
    found = _solved(x, y, given, p, metric, q)
    with torch.no_grad():
        ways = pair_costs(found.one, found.other, 1.0, metric, q).where(found.values > 0, 0.0)
        longest = ways.amax(-1)
        longest = longest.where(longest > 0, 1.0)
        most = _STEEPEST / (longest * size).clamp_min(1.0)
        slopes = [_clamped(z / longest[:, None] ** p, most) for z in (found.f, found.g)]
    unit = longest[:, None, None]
    moving = _moved(found._replace(one=found.one / unit, other=found.other / unit), p, metric, q)
    weighing = (slopes[0] * given.a).sum(-1) + (slopes[1] * given.b).sum(-1)
    return powered(moving + (weighing - weighing.detach()), 1 / p) * longest * size


def _clamped(slopes: Tensor, most: Tensor) -> Tensor:
    """Derivatives (B, n) no steeper than ``most``, (B,), so that the chain rule does not make them infinite; 0 for NaN."""
    limit = most[:, None]
    return torch.maximum(torch.minimum(slopes.nan_to_num(0.0, math.inf, -math.inf), limit), -limit)


def _extent(given: Batch) -> Tensor:
    """Half the longest side of the box that holds all points with mass, (B,), a constant; 1 where they are one."""
    with torch.no_grad():
        x, y, a, b = given.each()
        points, heavy = torch.cat([x, y], -2) / 2, (torch.cat([a, b], -1) > 0)[..., None]
        high, low = points.where(heavy, -math.inf).amax(-2), points.where(heavy, math.inf).amin(-2)
        size = (high - low).amax(-1)
        return size.where(size > 0, 1.0)


def _angles(x: Tensor, y: Tensor) -> Tensor:
    """Angles between (latitude, longitude) on the sphere, (..., 2) to (...), with derivative 0 where there is a kink."""
    difference, middle, turn = (x[..., 0] - y[..., 0]) / 2, (x[..., 0] + y[..., 0]) / 2, (x[..., 1] - y[..., 1]) / 2
    h = difference.sin() ** 2 * turn.cos() ** 2 + middle.cos() ** 2 * turn.sin() ** 2
    rest = difference.cos() ** 2 * turn.cos() ** 2 + middle.sin() ** 2 * turn.sin() ** 2
    kink = (h <= 0) | (rest <= 0)
    one, other = (torch.where(kink, 1.0, z).sqrt() for z in (h, rest))
    return torch.where(kink, torch.where(h <= 0, 0.0, math.pi), 2 * torch.atan2(one, other))


def _taken(points: Tensor, index: Tensor) -> Tensor:
    """Rows of (B, n, d) by index (B, k): (B, k, d)."""
    return points.gather(-2, index[..., None].expand(*index.shape, points.shape[-1]))


def pair_costs(x: Tensor, y: Tensor, p: float, metric: str, q: float) -> Tensor:
    """``metric(x_k, y_k) ** p`` of pairs, (..., k, d) to (..., k), with derivative 0 where there is a kink."""
    if metric == "cosine":
        one, other = (z / torch.linalg.vector_norm(z, dim=-1, keepdim=True) for z in (x, y))
        return ((one - other) ** 2).sum(-1) / 2
    if metric == "great_circle":
        return powered(_angles(x, y), p)
    t = x - y
    if metric == "circular":
        t = t - q * (t / q).round().detach()
        return powered((t * t).sum(-1), p / 2)
    if metric in ("euclidean", "sqeuclidean"):
        squares = (t * t).sum(-1)
        return squares if metric == "sqeuclidean" else powered(squares, p / 2)
    if metric == "chebyshev" or math.isinf(q):
        return powered(t.abs().amax(-1), p)
    if metric == "cityblock":
        return powered(t.abs().sum(-1), p)
    largest = t.detach().abs().amax(-1, keepdim=True)
    largest = largest.where(largest > 0, 1.0)  # a constant, divided out lest powers vanish or overflow
    lengths = powered(powered((t / largest).abs(), q).sum(-1), 1 / q) * largest[..., 0]
    return powered(lengths, p)  # of the sum the power p / q alone may be infinite
