"""Sliced transport: many random lines, sorting on each."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..inputs import scalars
from ..inputs.reading import refuse_bytes
from ..inputs.types import Floats, Indices
from ..kernels import monotone
from ..kernels.parallel import threads
from ..kernels.sorting import sort_with
from ..model import units
from ..model.measure import Measure
from ..model.problem import Problem
from ..model.status import Status
from .result import Result
from .splits import null_of

_FEW = 200  # points whose median is the centre


def sliced_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    n_projections: int = 100,
    rng: Any = None,
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> Result:
    r"""Sliced Wasserstein distance: an average over random directions of one-dimensional distances.

    .. math:: SW_p = \left( \mathbb{E}_\theta\, W_p^p(\theta_\# \alpha, \theta_\# \beta) \right)^{1/p}

    Parameters
    ----------
    x, y, a, b, p, normalize
        As in :func:`wasserstein`; the metric is euclidean, p finite.
    n_projections : int
        Number of directions, uniform on the sphere.
    rng : int, Generator, optional
        Seed or generator (SPEC 7).
    throw, progress
        Accepted for uniformity; nothing here can fail to converge.

    Returns
    -------
    Result
        ``value`` is an estimate: ``lower`` and ``upper`` are None; ``standard_error`` is that of the random directions, to first order,
        and None for one direction, which says nothing of others; that of the samples is not in it (:doc:`/samples-and-laws`, :meth:`Result.chance`). Points without mass do not count.

    References
    ----------
    Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015.

    Examples
    --------
    >>> import otgen
    >>> x = [[0.0, 0.0], [1.0, 0.0]]
    >>> otgen.sliced_wasserstein(x, x, rng=0).value
    0.0
    """
    began = time.perf_counter()
    p, count = scalars.finite_order(p, steep=True), scalars.count(n_projections, "n_projections")
    problem = Problem.from_points(x, y, a, b, p=1, normalize=normalize, allow_gpu=False)
    refuse_bytes(8 * count * problem.source.dim, (count, problem.source.dim), "n_projections")
    directions = scalars.generator(rng).standard_normal((count, problem.source.dim))
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    value, error, cost = _averaged(problem, directions, p)
    return Result(
        value=value,
        lower=None,
        upper=None,
        cost=cost,
        cost_lower=None,
        cost_upper=None,
        status=Status.ESTIMATE,
        certificate=None,
        solver=f"Sliced({count} projection{'s' * (count != 1)})",
        iterations=0,
        marginal_error=None,
        mass=problem.mass,
        seconds=time.perf_counter() - began,
        p=p,
        standard_error=error,
        unit=problem.unit,
        of_samples=True,
        make_null=partial(null_of, problem, partial(_value, directions, p)),
    )


def _averaged(problem: Problem, directions: Floats, p: float) -> tuple[float, float | None, float]:
    """The average over directions (k, d), its standard error, and its p-th power."""
    source, target, scale = _with_mass(problem)
    return _mean_of_powers(*_along(directions, source, target, p), p, scale)


def _value(directions: Floats, p: float, x: Floats, y: Floats, a: Floats | None, b: Floats | None) -> float:
    """The distance between other samples along the same directions."""
    return _averaged(Problem.from_points(x, y, a, b, p=1), directions, p)[0]


class _Side(NamedTuple):
    """Points (n, d) around a common centre, and their weights (n,), None where uniform."""

    points: Floats
    weights: Floats | None


def _with_mass(problem: Problem) -> tuple[_Side, _Side, units.PowerOfTwo]:
    """The points that have mass, divided by a power of two (which one) to be of about 1 and moved to around 0."""
    measures = problem.source, problem.target
    held = [np.flatnonzero(measure.weights) for measure in measures]
    cost: Any = problem.cost if all(map(_is_all, held, measures)) else problem.cost.restricted(*held)
    cost = cost.scaled()
    few = [z[:: 1 + len(z) // _FEW] for z in (cost.x, cost.y)]
    centre = np.median(np.concatenate(few), axis=0)  # where most points are, whatever the others do
    weights = [measure.weights[kept] for measure, kept in zip(measures, held)]
    source, target = (_Side(z - centre, None if w.min() == w.max() else w) for z, w in zip((cost.x, cost.y), weights))
    return source, target, cost.scale


def _is_all(kept: Indices, measure: Measure) -> bool:
    return len(kept) == len(measure)


def _mean_of_powers(
    largest: Floats, means: Floats, p: float, scale: units.PowerOfTwo
) -> tuple[float, float | None, float]:
    """``(mean_k largest_k ** p means_k) ** (1/p)`` times ``scale``, its standard error, and its p-th power.

    In the unit of the largest of these distances, of which all others are at most 1.
    """
    with np.errstate(divide="ignore"):
        distances = largest * means ** (1 / p)
    unit = float(distances.max())
    if unit == 0:
        return 0.0, 0.0 if len(means) > 1 else None, 0.0
    with np.errstate(under="ignore"):
        costs = (distances / unit) ** p
    mean = float(costs.mean())
    value = scale.times(unit * mean ** (1 / p))
    error = value * float(costs.std(ddof=1)) / (p * mean * math.sqrt(len(costs))) if len(costs) > 1 else None
    return value, error, units.powered(value, p)


def _along(directions: Floats, source: _Side, target: _Side, p: float) -> tuple[Floats, Floats]:
    """The largest distance L travelled along every direction, (k,), and the mean of ``(distance / L) ** p``: (k,).

    A few directions at a time, on every core.
    """
    n, m = len(source.points), len(target.points)
    plain = source.weights is None and target.weights is None and n == m

    def chunk(rows: slice) -> tuple[Floats, Floats]:
        u, v = directions[rows] @ source.points.T, directions[rows] @ target.points.T
        if not plain:
            walked = [_walked(s, t, source.weights, target.weights, p) for s, t in zip(u, v)]
            return np.array([w.largest for w in walked]), np.array([w.cost for w in walked])
        u.sort(axis=1)
        v.sort(axis=1)
        return _relative_means(u, v, p)

    step = max(1, min(8, 4_000_000 // max(n, m)))
    pieces = [slice(k, k + step) for k in range(0, len(directions), step)]
    with ThreadPoolExecutor(threads()) as pool:
        largest, means = zip(*pool.map(chunk, pieces))
    return np.concatenate(largest), np.concatenate(means)


def _relative_means(u: Floats, v: Floats, p: float) -> tuple[Floats, Floats]:
    """The largest of sorted differences, and the mean of their powers relative to it, a row each."""
    distances = np.abs(u - v)
    largest = distances.max(axis=1)
    distances /= np.where(largest > 0, largest, 1.0)[:, None]
    if p == 2:
        distances *= distances
    elif p != 1:
        with np.errstate(under="ignore"):
            distances **= p
    return largest, distances.mean(axis=1)


def _walked(u: Floats, v: Floats, a: Floats | None, b: Floats | None, p: float) -> monotone.Walked:
    """The monotone coupling of points (n,), (m,), in the unit of the largest distance."""
    first, second = (_ordered(z, weights) for z, weights in ((u, a), (v, b)))
    both = monotone.masses(first[1], second[1], len(u), len(v))
    return monotone.walk_relative(both, first[0], second[0], p)


def _ordered(values: Floats, weights: Floats | None) -> tuple[Floats, Floats | None]:
    """Ascending values (n,), and their weights (n,) where these differ."""
    return (np.sort(values), None) if weights is None else sort_with(values, weights)[:2]
