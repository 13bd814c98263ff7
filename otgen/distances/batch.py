"""Many problems at once: pairs of clouds (B, n, d) and (B, m, d), ragged lists of them, or one cloud against many.

Small exact problems between plain arrays are listed, solved and proven a stack at a time, on all cores, each to the last bit as it would
be alone. Entropic problems of up to 65 536 pairs are padded with points of no mass to a few common shapes and solved, certified
and differentiated a stack at a time, in compiled code from the first epsilon to the last; each gets the very answer that it
would get alone, to rounding. Larger ones are solved one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from ..errors import Infeasible, NotConverged
from ..inputs import scalars
from ..inputs.types import Floats, Indices
from ..model.balance import Balance
from ..model.cost import Metric
from ..model.marginals import Marginals
from ..model.plan import EntropicPlan, rounded
from ..model.problem import Problem, Relative
from ..model.status import Status
from ..model.units import STEEP, Units
from ..proofs import Bounds, entropic_bounds, entropic_certificate
from ..solvers import ExactName, Sinkhorn, Solver, SolverName, sinkhorn_held
from ..solvers.sinkhorn_held import HeldProblem
from ..underflow import may_underflow
from . import batch_inputs, small_batch
from .answer import Answer
from .batch_result import BatchResult
from .entropic import Relaxation, debiased, divergence_terms, one_relaxation, sinkhorn_from
from .exact import plainly_asked, transport, wasserstein, without_entropy
from .posing import HELD, entropic_problems
from .result import Result
from .solve import checked, run


@may_underflow
def wasserstein_batch(
    xs: Any,
    ys: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    metric: Metric = "euclidean",
    solver: ExactName | Solver = "auto",
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> BatchResult:
    """Exact Wasserstein distances of B pairs of weighted clouds, each with its proof.

    Parameters
    ----------
    xs, ys : array_like or sequence of array_like
        (B, n, d) and (B, m, d), or B clouds of any sizes each; (B, n) and (B, m) are clouds on the line. One of them may be a single
        cloud, (n, d) beside clouds (m, d) or (n,) on the line: it is compared with all of the other side, and no copies of it are made.
    a, b : array_like or sequence of array_like, optional
        (B, n) and (B, m), or B arrays of weights each; (n,) or (m,) are the weights in all problems; None means uniform, also as an entry
        of a list. With weights
        for B problems both sides may be single clouds on the line: histograms over one grid.
    p, metric, solver, throw, normalize, progress
        As in :func:`otgen.wasserstein`; ``throw`` raises if any of the problems would.

    Returns
    -------
    BatchResult

    Raises
    ------
    InvalidInput, MassMismatch, NotConverged
        As in :func:`otgen.wasserstein`, with the number of the first problem concerned.

    Examples
    --------
    >>> import otgen
    >>> otgen.wasserstein_batch([[[0.0]], [[0.0], [1.0]]], [[[2.0]], [[1.0]]], p=1).value
    array([2. , 0.5])
    >>> otgen.wasserstein_batch([0.0, 1.0], [[0.0, 1.0], [2.0, 3.0]], p=1).value
    array([0., 2.])
    """
    began, throw = time.perf_counter(), scalars.flag(throw, "throw")
    sides, cost = batch_inputs.of_points(xs, ys, a, b), dict(p=p, metric=metric)
    call = partial(wasserstein, throw=False, solver=solver, normalize=normalize, progress=progress, **cost)
    if not plainly_asked(solver, None, progress, normalize):
        return _checked_batch(tuple(sides.each(call)), began, throw)
    return _checked_batch(small_batch.wasserstein(sides, call, normalize=normalize, **cost), began, throw)


@may_underflow
def transport_batch(
    Cs: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative = 0,
    relax: Relaxation = None,
    solver: SolverName | Solver = "auto",
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> BatchResult:
    """Least total costs of moving mass, for B matrices of listed costs: :func:`otgen.transport` of each.

    Parameters
    ----------
    Cs : array_like or sequence of array_like or scipy.sparse arrays
        (B, n, m), or B matrices of any sizes each; ``inf`` forbids a pair. One matrix (n, m) is taken for all problems, with weights for B of
        them.
    a, b : array_like or sequence of array_like, optional
        (B, n) and (B, m), or B arrays of masses each; (n,) or (m,) are the masses in all problems; None means uniform, as in
        :func:`otgen.transport`.
    epsilon, relax, solver, throw, normalize, progress
        As in :func:`otgen.transport`; ``throw`` raises if any of the problems would. Entropic problems are solved one after the other.

    Returns
    -------
    BatchResult

    Raises
    ------
    Infeasible, InvalidInput, MassMismatch, NotConverged
        As in :func:`otgen.transport`, with the number of the first problem concerned.

    Examples
    --------
    >>> import otgen
    >>> otgen.transport_batch([[[0.0, 2.0], [2.0, 0.0]], [[5.0]]], [[3, 1], [2]], [[2, 2], [2]]).value
    array([ 2., 10.])
    >>> otgen.transport_batch([[0.0, 1.0], [1.0, 0.0]], [[1, 1], [2, 0]], [1, 1]).value
    array([0., 1.])
    """
    began, throw = time.perf_counter(), scalars.flag(throw, "throw")
    sides, entropic = batch_inputs.of_costs(Cs, a, b), dict(epsilon=epsilon, relax=relax)
    call = partial(transport, throw=False, solver=solver, normalize=normalize, progress=progress, **entropic)
    if not (plainly_asked(solver, None, progress, normalize) and without_entropy(epsilon, relax)):
        return _checked_batch(tuple(sides.each(call)), began, throw)
    return _checked_batch(small_batch.transport(sides, call, normalize=normalize), began, throw)


@may_underflow
def sinkhorn_batch(
    xs: Any,
    ys: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    relax: Relaxation = None,
    solver: Sinkhorn | Literal["sinkhorn"] | None = None,
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> BatchResult:
    """Entropic transport costs of B pairs of weighted clouds: :func:`otgen.sinkhorn` of each, to rounding.

    Parameters
    ----------
    xs, ys, a, b
        As in :func:`wasserstein_batch`.
    epsilon, p, metric, tol, max_iter, relax, solver, throw, normalize, progress
        As in :func:`otgen.sinkhorn`; a relative epsilon is taken of each problem's own mean cost.

    Returns
    -------
    BatchResult

    Raises
    ------
    InvalidInput, MassMismatch, NotConverged
        As in :func:`otgen.sinkhorn`, with the number of the first problem concerned.

    Examples
    --------
    >>> import numpy as np, otgen
    >>> x = np.linspace(0, 1, 12).reshape(2, 3, 2)
    >>> batch = otgen.sinkhorn_batch(x, x + 1, epsilon=0.1)
    >>> bool(abs(batch.value[1] - otgen.sinkhorn(x[1], x[1] + 1, epsilon=0.1).value) < 1e-12)
    True
    """
    began, throw = time.perf_counter(), scalars.flag(throw, "throw")
    chosen = sinkhorn_from(solver, tol, max_iter)
    options: dict[str, Any] = dict(epsilon=epsilon, p=p, metric=metric, relax=relax, normalize=normalize)
    problems = entropic_problems(batch_inputs.of_points(xs, ys, a, b), **options)
    return _checked_batch(tuple(solve_all(problems, chosen, progress=progress)), began, throw)


@may_underflow
def sinkhorn_divergence_batch(
    xs: Any,
    ys: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    relax: float | None = None,
    solver: Sinkhorn | Literal["sinkhorn"] | None = None,
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> BatchResult:
    """Debiased entropic costs of B pairs of weighted clouds: :func:`otgen.sinkhorn_divergence` of each, to rounding.

    Parameters
    ----------
    xs, ys, a, b
        As in :func:`wasserstein_batch`.
    epsilon, p, metric, tol, max_iter, relax, solver, throw, normalize, progress
        As in :func:`otgen.sinkhorn_divergence`.

    Returns
    -------
    BatchResult

    Raises
    ------
    InvalidInput, MassMismatch, NotConverged
        As in :func:`otgen.sinkhorn_divergence`, with the number of the first problem concerned.

    Examples
    --------
    >>> import numpy as np, otgen
    >>> x = np.linspace(0, 1, 12).reshape(2, 3, 2)
    >>> bool((abs(otgen.sinkhorn_divergence_batch(x, x, epsilon=0.1).value) < 1e-12).all())
    True
    """
    began, throw = time.perf_counter(), scalars.flag(throw, "throw")
    chosen = sinkhorn_from(solver, tol, max_iter)
    options: dict[str, Any] = dict(
        epsilon=epsilon, p=p, metric=metric, relax=one_relaxation(relax), normalize=normalize
    )
    triples = [divergence_terms(z) for z in entropic_problems(batch_inputs.of_points(xs, ys, a, b), **options)]
    parts = [solve_all([triple[k] for triple in triples], chosen, progress=progress) for k in range(3)]
    results = tuple(debiased(triple, terms, chosen) for triple, terms in zip(triples, zip(*parts)))
    return _checked_batch(results, began, throw)


def solve_all(problems: Sequence[Problem], solver: Sinkhorn, *, progress: bool) -> list[Result]:
    """Solve entropic problems, those that are small in stacks; nothing is raised at an iteration limit."""
    stacks: dict[Any, list[int]] = {}
    for k, problem in enumerate(problems):
        stacks.setdefault(_stacking_kind(problem), []).append(k)
    results: dict[int, Result] = {}
    alone = stacks.pop(None, [])
    for (shape, *_), members in stacks.items():
        step = max(1, HELD // (shape[0] * shape[1]))
        for start in range(0, len(members), step):
            some = members[start : start + step]
            found = _solve_stack([problems[k] for k in some], shape, solver)
            results.update((k, result) for k, result in zip(some, found) if result is not None)
            alone += [k for k, result in zip(some, found) if result is None]
    for k in alone:
        results[k] = run(problems[k], solver, throw=False, progress=progress)
    return [results[k] for k in range(len(problems))]


def _stacking_kind(problem: Problem) -> Any:
    """What problems must share to be stacked, their padded shape first; None where one is solved alone."""
    cost = problem.cost
    if cost.entry is None or cost.p > STEEP or not sinkhorn_held.suits(cost):
        return None
    n, m = (_padded_size(size) for size in cost.shape)
    return (
        (n, m),
        cost.clouds.x.shape[1],
        cost.clouds.metric,
        cost.p,
        problem.relax,
        problem.symmetric,
        problem.as_received,
    )


def _padded_size(size: int) -> int:
    """A size of at most a quarter more, of which there are few."""
    grain = max(1, 2 ** (size.bit_length() - 3))
    return -(-size // grain) * grain


def _solve_stack(problems: list[Problem], shape: tuple[int, int], solver: Sinkhorn) -> list[Result | None]:
    """Results of problems of one kind; None for those that must be solved alone, far from done or from ordinary floats."""
    began, first = time.perf_counter(), problems[0]
    (n, m), size, ground = shape, len(problems), first.cost.clouds
    d, balances = ground.x.shape[1], [Balance.of(problem) for problem in problems]
    x, y, a, b = np.empty((size, n, d)), np.empty((size, m, d)), np.zeros((size, n)), np.zeros((size, m))
    for k, problem in enumerate(problems):
        clouds = problem.cost.clouds
        sides = balances[k].problem.masses
        for points, masses, cloud, weights in zip((x[k], y[k]), (a[k], b[k]), (clouds.x, clouds.y), sides):
            points[: len(cloud)], points[len(cloud) :] = cloud, cloud[0]
            masses[: len(cloud)] = weights
    cost, epsilon = ground.between(x, y), np.array([z.epsilon for z in problems])
    rows, columns = _places_with_mass(a), _places_with_mass(b)
    judged = ground.between(_taken(x, rows), _taken(y, columns))
    largest = judged.highest
    if not cost.plain or (epsilon < 1e-12 * largest).any():
        return [None] * size
    held = HeldProblem(cost.block(), Marginals(a, b, first.relax), epsilon, largest, first.symmetric)
    out = sinkhorn_held.solve(held, solver.schedule, solver.tol, solver.max_iter)
    # a plan of plans: every operation keeps the leading axis; what has no mass may have any potential, so it is judged where there is mass
    stacked: Any = (judged, _taken(out.f, rows), _taken(out.g, columns), epsilon, a, b)
    plan = rounded(EntropicPlan(*stacked), first.relax)
    masses = a.sum(axis=1) * b.sum(axis=1)
    whole = np.array([mass if z.whole is None else z.whole for mass, z in zip(masses.tolist(), balances)])
    bounds = entropic_bounds(plan, first.relax, exact=not first.as_received, whole=whole)
    seconds = (time.perf_counter() - began) / size
    sides = [np.broadcast_to(z, w.shape) for z, w in zip((plan.u, plan.v, plan.r, plan.s), (a, b, a, b))]
    found = [
        _result_of(problem, balance, k, out, plan, sides, bounds, seconds, solver.tol) if out.done[k] else None
        for k, (problem, balance) in enumerate(zip(problems, balances))
    ]
    return [result if result is not None and result.status is Status.CONVERGED else None for result in found]


def _places_with_mass(masses: Floats) -> Indices:
    """For each point of (B, n) itself, or where it has no mass the first that has some: (B, n)."""
    there = masses > 0
    return np.where(there, np.arange(masses.shape[1]), there.argmax(axis=1)[:, None])


def _taken(array: Floats, places: Indices) -> Floats:
    """Rows of (B, n, d), or numbers of (B, n), by their places (B, n)."""
    return np.take_along_axis(array, places.reshape(*places.shape, *(1,) * (array.ndim - 2)), axis=1)


def _result_of(
    problem: Problem,
    balance: Balance,
    k: int,
    out: Any,
    plan: Any,
    sides: list[Floats],
    bounds: Any,
    seconds: float,
    tol: float,
) -> Result:
    """The result of the k-th problem of a stack."""
    n, m = problem.shape
    f, g, a, b = out.f[k, :n], out.g[k, :m], plan.a[k, :n], plan.b[k, :m]
    u, v, r, s = (side[k, :length] for side, length in zip(sides, (n, m, n, m)))
    own = EntropicPlan(problem.cost, f, g, problem.epsilon, a, b, u, v, r, s)
    exact = bounds.exact and (float(bounds.exact[0][k]), float(bounds.exact[1][k]))
    cost, lower, upper, scale, error, dual = (float(number[k]) for number in bounds[:6])
    certificate = entropic_certificate(Bounds(cost, lower, upper, scale, error, dual, exact), own, balance)
    answer = Answer(problem, problem, certificate, Units(0, problem.p))
    return answer.result(answer.status(Status.CONVERGED, tol), "Sinkhorn", int(out.count[k]), seconds)


def _checked_batch(results: Sequence[Result], began: float, throw: bool) -> BatchResult:
    """The batch, or the exception that the first bad status calls for."""
    batch = BatchResult(results, time.perf_counter() - began)
    for k, status in enumerate(batch.status if throw else ()):
        if status in (Status.INFEASIBLE, Status.MAX_ITER):
            try:
                checked(batch[k], throw=True)
            except (NotConverged, Infeasible) as fault:
                raise type(fault)(f"problem {k}: {fault}", batch) from None
    return batch
