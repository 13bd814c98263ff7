"""Sliced transport: many random lines, sorting on each."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

import numpy as np

from ..inputs import scalars
from ..inputs.reading import refuse_bytes
from ..inputs.types import Design, Floats, Indices
from ..kernels import monotone
from ..kernels.double_double import total_pair
from ..kernels.parallel import each, threads
from ..kernels.sorting import sort_rows, sort_with
from ..model import units
from ..model.measure import Measure
from ..model.plan import MonotonePlan
from ..model.problem import Problem
from ..model.status import Status
from ..proofs import are_plain, monotone_mean
from ..underflow import may_underflow
from .directions import DESIGNS, Directions, drawn
from .makers import Makers
from .result import Result
from .slices.couplings import Side
from .solve import too_far_apart
from .splits import null_of

Ordered = tuple[Floats, Floats | None]
Totals = tuple[tuple[float, float], tuple[float, float]]
_FEW = 200  # points whose quarters say where most are
_NEAR = 40_000  # points that are sorted within the cache
# Products up to which OpenBLAS multiplies matrices on one thread; those of more would wait for each other beside ours.
_ALONE = 2**18
_FEWEST = 64  # points that are worth a call of it
_TOGETHER = 25  # directions, for products of matrices that are worth the name


@may_underflow
def sliced_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    n_projections: int = 100,
    directions: Design = "independent",
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
        Number of directions, each of them uniform on the sphere, so that the mean of powers is unbiased.
    directions : {"independent", "orthogonal", "quasi-random"}
        How they are drawn together: one by one; orthogonal to each other in blocks of d, from Haar's law; or as scrambled Sobol
        points, replicates of which are independent. The latter two save variance (:doc:`/sliced`), most where the
        distance varies smoothly with the direction.
    rng : int, Generator, optional
        Seed or generator (SPEC 7).
    throw, progress
        Accepted for uniformity; nothing here can fail to converge.

    Returns
    -------
    Result
        ``value`` is an estimate: ``lower`` and ``upper`` are None; ``standard_error`` is that of the random directions, to first order,
        and None for one direction, which says nothing of others; that of the samples is not in it (:doc:`/samples-and-laws`, :meth:`Result.chance`). Points without mass do not count.

    Raises
    ------
    InvalidInput
        On malformed points, weights or options, and for quasi-random directions in more than 21 201 dimensions.

    Notes
    -----
    Directions of one block, or of one replicate, are not independent: the standard error is taken over blocks or replicates. For there to be
    ten of them at least, blocks have at most ``n_projections // 10`` directions, also where d is larger, and replicates the largest power of
    two up to that; below 20 directions all are independent. With k of them the error is known as one of ``k - 1`` degrees of
    freedom is (Student's t).

    References
    ----------
    Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015; Rowland et al., "Orthogonal estimation of Wasserstein
    distances", 2019; Owen, "Scrambled net variance for integrals of smooth functions", 1997.

    Examples
    --------
    >>> import otgen
    >>> x = [[0.0, 0.0], [1.0, 0.0]]
    >>> otgen.sliced_wasserstein(x, x, rng=0).value
    0.0
    """
    began = time.perf_counter()
    p, count = scalars.finite_order(p, steep=True), scalars.count(n_projections, "n_projections")
    design = scalars.one_of(directions, "directions", DESIGNS)
    problem = Problem.from_points(x, y, a, b, p=1, normalize=normalize, allow_gpu=False)
    refuse_bytes(8 * count * problem.source.dim, (count, problem.source.dim), "n_projections")
    along = drawn(design, count, problem.source.dim, scalars.generator(rng))
    value, error, cost = _averaged(problem, along, p)
    return Result(
        value=value,
        lower=None,
        upper=None,
        cost=cost,
        cost_lower=None,
        cost_upper=None,
        status=Status.ESTIMATE,
        certificate=None,
        solver=_told(along, design),
        iterations=0,
        marginal_error=None,
        mass=problem.mass,
        seconds=time.perf_counter() - began,
        p=p,
        standard_error=error,
        unit=problem.unit,
        of_samples=True,
        makers=Makers(null=partial(null_of, problem, partial(_value, along, p))),
    )


def _told(directions: Directions, design: str) -> str:
    """How directions were drawn, in words."""
    count, kind, apart = len(directions.rows), "" if design == "independent" else f"{design} ", ""
    if directions.size > 1:
        apart = f" in {directions.groups} {'blocks' if design == 'orthogonal' else 'replicates'}"
    return f"Sliced({count} {kind}projection{'s' * (count != 1)}{apart})"


def _averaged(problem: Problem, directions: Directions, p: float) -> tuple[float, float | None, float]:
    """The average over directions, its standard error, and its p-th power."""
    source, target, scale = with_mass(problem)
    return _mean_of_powers(_along(directions.rows, source, target, p), p, directions, scale)


def _value(directions: Directions, p: float, x: Floats, y: Floats, a: Floats | None, b: Floats | None) -> float:
    """The distance between other samples along the same directions."""
    return _averaged(Problem.from_points(x, y, a, b, p=1), directions, p)[0]


def with_mass(problem: Problem) -> tuple[Side, Side, units.PowerOfTwo]:
    """The points that have mass, divided by a power of two (which one) to be of about 1 and moved to around 0, unless they are there."""
    measures = problem.source, problem.target
    held = [np.flatnonzero(measure.weights) for measure in measures]
    cost = problem.cost.clouds
    cost = (cost if all(map(_is_all, held, measures)) else cost.restricted(*held)).scaled()
    few = np.sort(np.concatenate([z[:: 1 + len(z) // _FEW] for z in (cost.x, cost.y)]) / 2, axis=0)  # halves have sums
    # Where most points are, whatever the others do: a quarter below the lower one, a quarter above the upper one.
    lower, centre, upper = (2 * few[len(few) * quarter // 4] for quarter in (1, 2, 3))
    there = (np.abs(centre) <= 2 * (upper - lower)).all()
    points = [
        np.ascontiguousarray(z) if there else z - centre for z in (cost.x, cost.y)
    ]  # bits of products depend on the layout
    weights = [measure.weights[kept] for measure, kept in zip(measures, held)]
    source, target = (Side(z, None if w.min() == w.max() else w) for z, w in zip(points, weights))
    return source, target, cost.scale


def _is_all(kept: Indices, measure: Measure) -> bool:
    return len(kept) == len(measure)


def _mean_of_powers(
    distances: Floats, p: float, directions: Directions, scale: units.PowerOfTwo
) -> tuple[float, float | None, float]:
    """``(mean_k distances_k ** p) ** (1/p)`` times ``scale``, its standard error, and its p-th power.

    In the unit of the largest of these distances, of which all others are at most 1.
    """
    unit = float(distances.max())
    if unit == 0:
        return 0.0, 0.0 if directions.groups > 1 else None, 0.0
    with np.errstate(under="ignore"):
        costs = (distances / unit) ** p
    mean = float(costs.mean())
    value = scale.times(unit * mean ** (1 / p))
    if math.isinf(value):
        raise too_far_apart()
    error = directions.error_of_mean(costs)
    return value, None if error is None else value * error / (p * mean), units.powered(value, p)


def _along(directions: Floats, source: Side, target: Side, p: float) -> Floats:
    """The distances along all directions, (k,): a few directions at a time, on every core."""
    n, m = len(source.points), len(target.points)
    totals = _total(source), _total(target)
    both = monotone.masses(source.weights, target.weights, n, m, totals)

    def chunk(rows: slice) -> Floats:
        buffers = spare.pop() if spare else (np.empty((step, n)), np.empty((step, m)))
        u, v = (_projected(directions[rows], z.points, out) for z, out in zip((source, target), buffers))
        found = distances(u, v)
        spare.append(buffers)
        return found

    def distances(u: Floats, v: Floats) -> Floats:
        if source.weights is not None or target.weights is not None or n != m:
            parts = [
                _coupled_rows(u[k : k + few], v[k : k + few], weights, both, totals, p) for k in range(0, len(u), few)
            ]
            return np.concatenate(parts)
        u.sort(axis=1)
        v.sort(axis=1)
        return _paired(u, v, p)

    weights, few = (source.weights, target.weights), max(1, _NEAR // max(n, m))
    step = max(1, min(_TOGETHER, 4_000_000 // max(n, m)))
    spare: list[
        tuple[Floats, Floats]
    ] = []  # that another thread has done with: new ones would be handed out page by page
    pieces = [slice(k, k + step) for k in range(0, len(directions), step)]
    return np.concatenate(each(chunk, pieces, threads()))


def _projected(directions: Floats, points: Floats, out: Floats) -> Floats:
    """Points (n, d) along directions (k, d): (k, n), in the first rows of ``out``."""
    n, few, out = len(points), _ALONE // directions.size, out[: len(directions)]
    if few < _FEWEST:
        few = n
    for k in range(0, n, few):
        np.matmul(directions, points[k : k + few].T, out=out[:, k : k + few])
    return out


def _total(side: Side) -> tuple[float, float]:
    """The sum of the weights as a pair; of equal ones 1."""
    return (1.0, 0.0) if side.weights is None else total_pair(side.weights)


def _paired(u: Floats, v: Floats, p: float) -> Floats:
    """Distances of sorted points, a row each: the first goes to the first, in the unit of the largest difference."""
    distances = np.abs(u - v)
    largest = distances.max(axis=1)
    distances /= np.where(largest > 0, largest, 1.0)[:, None]
    if p == 2:
        distances *= distances
    elif p != 1:
        with np.errstate(under="ignore"):
            distances **= p
    return largest * distances.mean(axis=1) ** (1 / p)


def _coupled_rows(u: Floats, v: Floats, weights: Any, both: monotone.Masses, totals: Totals, p: float) -> Floats:
    """Distances of points in any order, a row each."""
    x, a = _rows_in_order(u, weights[0], both.a)
    y, b = _rows_in_order(v, weights[1], both.b)
    costs, charges = monotone.walk_rows(both._replace(a=a, b=b), x, y, p)
    plain = are_plain(costs, charges, p)
    found = [cost ** (1 / p) if cost > 0 else 0.0 for cost in costs.tolist()]
    for k in np.flatnonzero(~plain):
        found[k] = _coupled(_ordered(u[k], weights[0]), _ordered(v[k], weights[1]), totals, p)
    return np.array(found)


def _rows_in_order(rows: Floats, weights: Floats | None, masses: Floats) -> tuple[Floats, Floats]:
    """Ascending rows (k, n), and their masses: (k, n), or (1, n) where they are equal."""
    return (np.sort(rows, axis=1), masses[None]) if weights is None else sort_rows(rows, masses)[:2]


def _coupled(one: Ordered, other: Ordered, totals: Totals, p: float) -> float:
    """The distance of points in order, to rounding: as it is proven, with faint weights decided in whole numbers."""
    found = monotone_mean(MonotonePlan(one[0], other[0], one[0], other[0], one[1], other[1], totals=totals), p)
    return (found.unit or 1.0) * float(found.cost) ** (1 / p)


def _ordered(values: Floats, weights: Floats | None) -> Ordered:
    """Ascending values (n,), and their weights (n,) where these differ."""
    return (np.sort(values), None) if weights is None else sort_with(values, weights)[:2]
