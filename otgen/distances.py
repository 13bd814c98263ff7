"""The front door: distances between sample sets and the cost of transport, each with its proof."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from . import validation
from ._solve import checked, run, solve, solver_from
from .cost import Metric, root_shift
from .errors import InvalidInput
from .kernels import staircase as stairs
from .kernels.rows import threads
from .measure import Measure, Weights
from .problem import Problem, Relative
from .result import Result, Status
from .solvers import Sinkhorn
from .validation import Floats

_ENTROPIC = "for epsilon = 0, exact transport, call otgen.wasserstein or otgen.transport"


def wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    metric: Metric = "euclidean",
    solver: Any = "auto",
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> Result:
    r"""Exact Wasserstein distance between two weighted clouds, with its proof.

    .. math:: W_p(\alpha, \beta) = \Big( \min_{P \in \Pi(a, b)} \sum_{ij} P_{ij}\, d(x_i, y_j)^p \Big)^{1/p}

    Parameters
    ----------
    x, y : array_like
        (n, d) and (m, d) points; (n,) means n points on a line. Numpy, torch (CPU) or anything with DLPack.
    a, b : array_like, optional
        (n,) and (m,) non-negative weights; None means uniform, with the total of
        the other side. Both are divided by their sums.
    p : float
        Order, in [1, inf].
    metric : str, Minkowski or callable
        ``"euclidean"``, ``"cityblock"``, ``"chebyshev"``, :class:`otgen.Minkowski`, or a callable that maps blocks (k, d),
        (l, d) to (k, l) distances; with ``p=1`` also the costs ``"sqeuclidean"`` and ``"cosine"``.
    solver : str or solver object
        ``"auto"`` (the table is in :class:`otgen.solvers.Auto`), ``"line"``, ``"simplex"``, ``"linprog"``.
    throw : bool
        Whether an iteration limit raises; otherwise the status says so.
    normalize : bool
        Whether weights of different totals are accepted.
    progress : bool
        Whether to report on stderr how far the work is.

    Returns
    -------
    Result
        ``value`` is the distance, ``lower <= W_p <= upper`` proven; ``cost`` is ``W_p ** p``, and ``potentials`` satisfy
        ``f_i + g_j <= d(x_i, y_j) ** p``. For ``p = inf`` there is no cost and no potentials; the proof is a cut.

    Raises
    ------
    InvalidInput
        On malformed points, weights or options.
    MassMismatch
        If the totals of a and b differ by more than the tolerance of their dtype.
    NotConverged
        At an iteration limit set on the solver.

    References
    ----------
    Peyre and Cuturi, "Computational optimal transport", 2019, equation (2.18); "Lecture 9: generative models with
    adversaries", section 9.1 (there W is W_1).

    Examples
    --------
    >>> import otgen
    >>> result = otgen.wasserstein([[0.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [4.0, 4.0]])
    >>> result.value
    5.0
    >>> result.status
    <Status.OPTIMAL: "proven optimal: the gap is below 1e-10 of the cost's scale">
    """
    problem = Problem.from_points(x, y, a, b, p=p, metric=metric, normalize=normalize)
    return run(problem, solver, throw=throw, progress=progress, root=True)


def transport(
    C: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative = 0,
    solver: Any = "auto",
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> Result:
    r"""Least total cost of moving mass from a to b, for a listed cost.

    .. math:: \min_{P \in \Pi(a, b)} \langle P, C \rangle + \varepsilon \mathrm{KL}(P, a \otimes b)

    Parameters
    ----------
    C : array_like or scipy.sparse array
        (n, m) costs; ``inf`` forbids a pair, as does its absence from a sparse array. Negative costs are allowed.
    a, b : array_like, optional
        (n,) and (m,) masses; None means uniform, with the total of the other side (1 if neither is given).
    epsilon : float or Relative
        Strength of the entropic term in cost units; 0 is exact transport.
    solver, throw, normalize, progress
        As in :func:`wasserstein`.

    Returns
    -------
    Result
        ``value`` is the cost for the total mass (``mass``); the plan has mass 1. With ``epsilon`` the entropic
        value of the normalised problem, times the mass.

    Raises
    ------
    Infeasible
        If forbidden pairs leave no plan (with ``throw=False``: value inf, plan None).
    InvalidInput, MassMismatch, NotConverged
        As in :func:`wasserstein`.

    References
    ----------
    Peyre and Cuturi, "Computational optimal transport", 2019, equations (2.11) and (4.2).

    Examples
    --------
    >>> import otgen
    >>> otgen.transport([[0.0, 2.0], [2.0, 0.0]], [3, 1], [2, 2]).value
    2.0
    """
    problem = Problem.from_matrix(C, a, b, normalize=normalize)
    problem = replace(problem, epsilon=_epsilon(problem, epsilon, least=0.0))
    return solve(problem, solver, throw=throw, progress=progress, mass=problem.mass)


def sinkhorn(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    init: Any = None,
    solver: Any = None,
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> Result:
    r"""Entropic transport cost between two weighted clouds.

    .. math:: \mathrm{OT}_\varepsilon = \min_{P \in \Pi(a, b)} \sum_{ij} P_{ij}\, d(x_i, y_j)^p + \varepsilon\, \mathrm{KL}(P, a \otimes b)

    Parameters
    ----------
    x, y, a, b, p, metric, throw, normalize, progress
        As in :func:`wasserstein`; p is finite.
    epsilon : float or Relative
        Strength of the entropic term, in cost units, or relative to the mean cost.
    tol : float
        Largest L1 error of a marginal, at unit mass.
    max_iter : int
        Limit on iterations.
    init : Result or (array_like, array_like), optional
        Potentials to start from, as an earlier result holds them; then epsilon is not annealed.
    solver : Sinkhorn, optional
        A configured solver; then ``tol`` and ``max_iter`` are its own and must not be passed as well.

    Returns
    -------
    Result
        ``value`` with proven bounds; ``cost`` is ``<P, C>`` of the rounded plan, ``exact_bounds`` a proven interval for the
        unregularised cost ``W_p ** p``; ``potentials`` are the entropic ones.

    Raises
    ------
    InvalidInput
        Also for epsilon <= 0.
    NotConverged
        At the iteration limit; ``.result`` holds the bounds reached.

    References
    ----------
    Peyre and Cuturi, "Computational optimal transport", 2019, equation (4.2) with KL in place of the entropy.

    Examples
    --------
    >>> import otgen
    >>> result = otgen.sinkhorn([0.0, 1.0], [0.0, 1.0], epsilon=0.1)
    >>> result.lower <= result.value <= result.upper
    True
    """
    chosen = _sinkhorn(solver, tol, max_iter)
    problem = Problem.from_points(x, y, a, b, p=_finite(p), metric=metric, normalize=normalize)
    problem = replace(problem, epsilon=_epsilon(problem, epsilon))
    return run(problem, chosen, throw=throw, progress=progress, init=init)


def sinkhorn_divergence(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    solver: Any = None,
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> Result:
    r"""Debiased entropic cost, zero between equal measures.

    .. math:: S_\varepsilon(\alpha, \beta) = \mathrm{OT}_\varepsilon(\alpha, \beta)
              - \tfrac12 \mathrm{OT}_\varepsilon(\alpha, \alpha) - \tfrac12 \mathrm{OT}_\varepsilon(\beta, \beta)

    Non-negative where ``exp(-c / epsilon)`` is a positive definite kernel: euclidean with p <= 2, cityblock with p = 1.
    Elsewhere its sign is free; it is never clipped.

    Parameters
    ----------
    x, y, a, b, epsilon, p, metric, tol, max_iter, solver, throw, normalize, progress
        As in :func:`sinkhorn`. A relative epsilon is taken of the mean cost between x and y.

    Returns
    -------
    Result
        ``value`` (no root), ``lower`` and ``upper`` from the bounds of the three terms; the plan between x and y;
        ``potentials`` are ``(f_xy - f_xx, g_xy - g_yy)``.

    Raises
    ------
    InvalidInput, MassMismatch, NotConverged
        As in :func:`sinkhorn`.

    References
    ----------
    Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", 2019, equation (3).

    Examples
    --------
    >>> import otgen
    >>> otgen.sinkhorn_divergence([0.0, 1.0], [0.0, 1.0], epsilon=0.1).value
    0.0
    """
    began = time.perf_counter()
    chosen = _sinkhorn(solver, tol, max_iter)
    across = Problem.from_points(x, y, a, b, p=_finite(p), metric=metric, normalize=normalize)
    across = replace(across, epsilon=_epsilon(across, epsilon))
    own = [Problem.from_points(z, z, w, w, p=p, metric=metric) for z, w in ((x, a), (y, b))]
    problems = [across, *(replace(problem, epsilon=across.epsilon, symmetric=True) for problem in own)]
    xy, xx, yy = (run(problem, chosen, throw=False, progress=progress) for problem in problems)
    value = xy.value - (xx.value + yy.value) / 2
    lower = _minus(xy.lower, xx.upper, yy.upper)
    upper = _minus(xy.upper, xx.lower, yy.lower)
    worst = max((xy, xx, yy), key=lambda part: part.status is Status.MAX_ITER)
    result = replace(
        xy,
        value=value,
        lower=math.nextafter(lower, -math.inf),
        upper=math.nextafter(upper, math.inf),
        cost=None,
        exact_bounds=None,
        status=worst.status,
        iterations=max(part.iterations for part in (xy, xx, yy)),
        marginal_error=max(part.marginal_error or 0.0 for part in (xy, xx, yy)),
        seconds=time.perf_counter() - began,
        make_potentials=partial(_debiased, xy, xx, yy),
    )
    return checked(result, throw=throw)


def _minus(xy: float | None, xx: float | None, yy: float | None) -> float:
    """``xy - (xx + yy) / 2`` of bounds that an entropic result always has; its last roundings are covered outside."""
    assert xy is not None
    assert xx is not None
    assert yy is not None
    return xy - math.nextafter((xx + yy) / 2, math.inf if xx + yy > xy else -math.inf)


def _debiased(xy: Result, xx: Result, yy: Result) -> tuple[Any, Any]:
    """The divergence's gradient in the weights: potentials of the cross term less the symmetric ones of each own term."""
    (f, g), (fx, gx), (fy, gy) = (part.potentials for part in (xy, xx, yy))
    return f - (fx + gx) / 2, g - (fy + gy) / 2


def _finite(p: Any) -> float:
    order = validation.order(p)
    if math.isinf(order):
        raise InvalidInput("p must be finite for entropic transport; received inf; call otgen.wasserstein for W_inf")
    return order


def _epsilon(problem: Problem, epsilon: Any, least: float | None = None) -> float:
    """Epsilon in cost units."""
    if isinstance(epsilon, Relative):
        mean = problem.mean_cost()
        return epsilon.fraction * mean if mean > 0 else epsilon.fraction
    number = validation.real(epsilon, "epsilon")
    if least is not None and number == least:
        return number
    return validation.positive(number, "epsilon", _ENTROPIC)


def _sinkhorn(solver: Any, tol: float, max_iter: int) -> Sinkhorn:
    if solver is None or solver == "sinkhorn":
        return Sinkhorn(tol=tol, max_iter=max_iter)
    chosen = solver_from(solver)
    if not isinstance(chosen, Sinkhorn):
        raise InvalidInput(
            f"solver must be a Sinkhorn here; received {solver!r}; call otgen.wasserstein for exact transport"
        )
    if (tol, max_iter) != (1e-6, 10_000):
        raise InvalidInput("tol and max_iter must not be passed beside a configured solver; set them on the solver")
    return chosen


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
    p, count = _finite(p), validation.count(n_projections, "n_projections")
    problem = Problem.from_points(x, y, a, b, p=p, normalize=normalize)
    source, target = problem.source, problem.target
    cost: Any = problem.cost.scaled()
    centre = (cost.x.mean(axis=0) + cost.y.mean(axis=0)) / 2
    directions = validation.generator(rng).standard_normal((count, source.dim))
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    costs = _along(directions, cost.x - centre, cost.y - centre, source, target, p)
    mean = float(costs.mean())
    error = float(costs.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan
    value = mean ** (1 / p)
    slope = value / (p * mean) if mean > 0 else 0.0
    return Result(
        value=root_shift(value, cost.shift, 1.0),
        lower=None,
        upper=None,
        cost=root_shift(mean, cost.shift, p),
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
        standard_error=root_shift(slope * error, cost.shift, 1.0),
    )


def _along(directions: Floats, x: Floats, y: Floats, source: Measure, target: Measure, p: float) -> Weights:
    """``W_p ** p`` of the projections on every direction: (k,). A few directions at a time, on every core."""
    plain = source.uniform and target.uniform and len(x) == len(y)

    def chunk(rows: slice) -> Weights:
        u, v = directions[rows] @ x.T, directions[rows] @ y.T
        if plain:
            u.sort(axis=1)
            v.sort(axis=1)
            return (np.abs(u - v) ** p).mean(axis=1)
        return np.array([_weighted(s, t, source, target, p) for s, t in zip(u, v)])

    step = max(1, min(8, 4_000_000 // max(len(x), len(y))))
    pieces = [slice(k, k + step) for k in range(0, len(directions), step)]
    with ThreadPoolExecutor(threads()) as pool:
        return np.concatenate(list(pool.map(chunk, pieces)))


def _weighted(u: Floats, v: Floats, source: Measure, target: Measure, p: float) -> float:
    first, second = np.argsort(u), np.argsort(v)
    a = None if source.uniform else source.weights[first]
    b = None if target.uniform else target.weights[second]
    return stairs.walk(stairs.masses(a, b, len(u), len(v)), u[first], v[second], p).cost


def bures_wasserstein(mean0: Any, cov0: Any, mean1: Any, cov1: Any) -> float:
    r"""W_2 between two Gaussian (or elliptical, of one family) laws.

    .. math:: W_2^2 = |m_0 - m_1|^2 + \mathrm{tr}\,\Sigma_0 + \mathrm{tr}\,\Sigma_1
              - 2\,\mathrm{tr}\,(\Sigma_0^{1/2} \Sigma_1 \Sigma_0^{1/2})^{1/2}

    Parameters
    ----------
    mean0, mean1 : array_like
        (d,), or numbers.
    cov0, cov1 : array_like
        (d, d) symmetric positive semi-definite, or variances.

    Returns
    -------
    float
        The distance. The covariance part is computed as ``|A - B U|_F`` with square roots A, B and the best rotation U,
        so that nearly equal covariances lose no digits.

    Raises
    ------
    InvalidInput
        On shapes that do not fit, and on matrices that are not symmetric positive semi-definite.

    References
    ----------
    Bhatia, Jain, Lim, "On the Bures-Wasserstein distance between positive definite matrices", 2019, theorem 1.

    Examples
    --------
    >>> import otgen
    >>> otgen.bures_wasserstein([0.0, 0.0], [[1, 0], [0, 4]], [3.0, 4.0], [[1, 0], [0, 4]])
    5.0
    """
    means = [_vector(z, name) for z, name in ((mean0, "mean0"), (mean1, "mean1"))]
    d = len(means[0])
    if len(means[1]) != d:
        raise InvalidInput(f"mean0 and mean1 must have the same length; received {d} and {len(means[1])}")
    root0, root1 = (_square_root(z, d, name) for z, name in ((cov0, "cov0"), (cov1, "cov1")))
    left, _, right = np.linalg.svd(root1 @ root0)
    covariance = root0 - (root1 @ left) @ right
    return math.hypot(float(np.linalg.norm(means[0] - means[1])), float(np.linalg.norm(covariance)))


def _vector(value: Any, name: str) -> Floats:
    points, _ = validation.points(np.atleast_1d(np.asarray(value, dtype=float)), name)
    if points.shape[1] != 1:
        raise InvalidInput(f"{name} must be a vector (d,); received shape {points.shape}")
    return points[:, 0]


def _square_root(value: Any, d: int, name: str) -> npt.NDArray[np.float64]:
    matrix = np.atleast_2d(np.asarray(value, dtype=np.float64))
    if matrix.shape != (d, d) or not np.isfinite(matrix).all():
        raise InvalidInput(f"{name} must be a finite ({d}, {d}) matrix; received shape {matrix.shape}")
    size = float(np.abs(matrix).max())
    if np.abs(matrix - matrix.T).max() > 1e-10 * size:
        raise InvalidInput(
            f"{name} must be symmetric; received entries {np.abs(matrix - matrix.T).max():.3g} apart; average it with its transpose"
        )
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if values[0] < -1e-10 * size:
        raise InvalidInput(f"{name} must be positive semi-definite; received an eigenvalue {values[0]:.3g}")
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
