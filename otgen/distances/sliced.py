"""Sliced transport: many random lines, sorting on each."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..inputs import scalars
from ..inputs.types import Floats
from ..kernels import monotone
from ..kernels.parallel import threads
from ..model import units
from ..model.measure import Measure
from ..model.problem import Problem
from ..model.status import Status
from .result import Result


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

    .. math:: SW_p = \Big( \mathbb{E}_\theta\, W_p^p(\theta_\# \alpha, \theta_\# \beta) \Big)^{1/p}

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
        ``value`` is an estimate: ``lower`` and ``upper`` are None, ``standard_error`` is that of the value.

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
    p, count = scalars.finite_order(p), scalars.count(n_projections, "n_projections")
    problem = Problem.from_points(x, y, a, b, p=p, normalize=normalize, allow_gpu=False)
    source, target = problem.source, problem.target
    cost: Any = units.scaled(problem).cost
    centre = (cost.x.mean(axis=0) + cost.y.mean(axis=0)) / 2
    directions = scalars.generator(rng).standard_normal((count, source.dim))
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    costs = _along(directions, cost.x - centre, cost.y - centre, source, target, p)
    mean = float(costs.mean())
    error = float(costs.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan
    value = mean ** (1 / p)
    slope = value / (p * mean) if mean > 0 else 0.0
    return Result(
        value=units.root_shift(value, cost.shift, 1.0),
        lower=None,
        upper=None,
        cost=units.root_shift(mean, cost.shift, p),
        cost_lower=None,
        cost_upper=None,
        status=Status.ESTIMATE,
        certificate=None,
        solver=f"Sliced({count} projections)",
        iterations=0,
        marginal_error=None,
        mass=problem.mass,
        seconds=time.perf_counter() - began,
        p=p,
        standard_error=units.root_shift(slope * error, cost.shift, 1.0),
    )


def _along(directions: Floats, x: Floats, y: Floats, source: Measure, target: Measure, p: float) -> Floats:
    """``W_p ** p`` of the projections on every direction: (k,). A few directions at a time, on every core."""
    plain = source.uniform and target.uniform and len(x) == len(y)

    def chunk(rows: slice) -> Floats:
        u, v = directions[rows] @ x.T, directions[rows] @ y.T
        if plain:
            u.sort(axis=1)
            v.sort(axis=1)
            return (np.abs(u - v) ** p).mean(axis=1)
        return np.array([_line_cost(s, t, source, target, p) for s, t in zip(u, v)])

    step = max(1, min(8, 4_000_000 // max(len(x), len(y))))
    pieces = [slice(k, k + step) for k in range(0, len(directions), step)]
    with ThreadPoolExecutor(threads()) as pool:
        return np.concatenate(list(pool.map(chunk, pieces)))


def _line_cost(u: Floats, v: Floats, source: Measure, target: Measure, p: float) -> float:
    first, second = np.argsort(u), np.argsort(v)
    a = None if source.uniform else source.weights[first]
    b = None if target.uniform else target.weights[second]
    return monotone.walk(monotone.masses(a, b, len(u), len(v)), u[first], v[second], p).cost
