"""Exact distances between sample sets, and the least cost of transport, each with its proof."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import InvalidInput
from ..inputs import sizes, tables
from ..inputs.scalars import told
from ..model.cost import Metric
from ..model.partial import Partial
from ..model.problem import Problem, Relative
from ..solvers import ExactName, Solver, SolverName
from ..underflow import may_underflow
from . import small, small_partial
from .entropic import Relaxation, accepts_any_totals, entropic_term
from .partial import asked, prices_and_amount, refuse_other_names, refuse_other_prices, solved
from .result import Result
from .solve import refuse_other_start, run, solve


@may_underflow
def wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    metric: Metric = "euclidean",
    solver: ExactName | Solver = "auto",
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
    init: Any = None,
) -> Result:
    r"""Exact Wasserstein distance between two weighted clouds, with its proof.

    .. math:: W_p(\alpha, \beta) = \left( \min_{P \in \Pi(a, b)} \sum_{ij} P_{ij}\, d(x_i, y_j)^p \right)^{1/p}

    Parameters
    ----------
    x, y : array_like
        (n, d) and (m, d) points; (n,) means n points on a line. Numpy, torch, cupy or anything with DLPack; on a GPU (with cupy
        installed) pairs are computed there, and ``result.solver`` says so. Whole numbers that are no doubles (nanoseconds since 1970) are
        compared exactly: both clouds are moved by the same whole number first, or refused where that makes no doubles of them.
        ``datetime64`` and ``timedelta64`` are whole numbers of the finer of their units, which ``result.unit`` tells.
    a, b : array_like, optional
        (n,) and (m,) non-negative weights; None means uniform, with the total of
        the other side. Both are divided by their sums; for 8 < p < inf, beyond the line and above 4096 pairs, shares must be floats:
        0, or at least 4.9e-324.
    p : float
        Order, in [1, inf].
    metric : str, Minkowski or callable
        ``"euclidean"``, ``"cityblock"``, ``"chebyshev"``, :class:`otgen.Minkowski`, :class:`otgen.Circular`,
        ``"great_circle"`` (latitude and longitude in radians), or a callable that maps blocks (k, d),
        (l, d) to (k, l) distances (of a metric f of two points, ``lambda x, y: scipy.spatial.distance.cdist(x, y, f)`` is one); with
        ``p=1`` also the costs ``"sqeuclidean"`` and ``"cosine"``.
    solver : str or solver object
        ``"auto"`` (the table is in :class:`otgen.solvers.Auto`), ``"line"``, ``"circle"``, ``"simplex"``, ``"bottleneck"``,
        ``"linprog"``.
    throw : bool
        Whether an iteration limit raises; otherwise the status says so.
    normalize : bool
        Whether weights of different totals are accepted, each side divided by its own.
    progress : bool
        Whether to report on stderr how far the work is.
    init : Result, (array_like, array_like) or plan, optional
        What to start from: the result of a nearby problem, potentials in cost units, or a plan (one of ours, a matrix dense or
        sparse); the proof does not depend on it.

    Returns
    -------
    Result
        ``value`` is the distance, ``lower <= W_p <= upper`` proven, of these samples, not of the laws behind them
        (:meth:`Result.chance`, :doc:`/samples-and-laws`); ``cost`` is ``W_p ** p``, and ``potentials`` satisfy
        ``f_i + g_j <= d(x_i, y_j) ** p``, to rounding. For ``p = inf`` there is no cost and no potentials; the proof is a cut.

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
    alike = partial(wasserstein, p=p, metric=metric, solver=solver, throw=throw)
    if plainly_asked(solver, init, throw, progress, normalize):
        found = small.wasserstein(x, y, a, b, p=p, metric=metric, normalize=normalize, alike=alike)
        if found is not None:
            return found
    refuse_other_start(init, sizes.of_clouds(x, y, a, b))
    problem = Problem.from_points(x, y, a, b, p=p, metric=metric, normalize=normalize)
    return run(problem, solver, throw=throw, progress=progress, init=init, root=True, alike=alike)


@may_underflow
def transport(
    C: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float | Relative = 0,
    relax: Relaxation = None,
    penalty: Any = None,
    mass: float | None = None,
    solver: SolverName | Solver = "auto",
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
    init: Any = None,
) -> Result:
    r"""Least total cost of moving mass from a to b, for a listed cost.

    .. math:: \min_{P \in \Pi(a, b)} \langle P, C \rangle + \varepsilon \mathrm{KL}(P, a \otimes b)

    Parameters
    ----------
    C : array_like or scipy.sparse array
        (n, m) costs; ``inf`` forbids a pair, as does its absence from a sparse array, and better than a huge number, beside which potentials
        may lose the digits of other costs, and the result be IMPRECISE. Negative costs are allowed.
    a, b : array_like, optional
        (n,) and (m,) masses; None means uniform, with the total of the other side (1 if neither is given).
    epsilon : float or Relative
        Strength of the entropic term in cost units; 0 is exact transport.
    relax : float or (float, float), optional
        As in :func:`sinkhorn`; the value is then that of the masses as received.
    penalty, mass : optional
        For partial transport, as in :func:`partial_wasserstein`: what a unit of mass that stays costs, one number, or one or an array for
        either side; how much is moved. Masses then count as received.
    normalize : bool
        Whether totals may differ: each side is then divided by its own, and the mass that is moved is 1, whatever they are.
    solver, throw, progress, init
        As in :func:`wasserstein`.

    Returns
    -------
    Result
        ``value`` is the cost for the total mass (``mass``); the plan has mass 1. With ``epsilon`` the entropic
        value of the normalised problem, times the mass. With ``penalty`` or ``mass`` as :func:`partial_wasserstein` has it, never rooted; a proof
        file is then of the balanced problem, with the dummies as the last row and column of the matrix.

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
    >>> otgen.transport([[0.0, 2.0], [2.0, 0.0]], [3, 1], [2, 2], penalty=0.5).unmatched
    (array([1., 0.]), array([0., 1.]))
    """
    if penalty is not None or mass is not None:
        _refuse_beside_partial(
            epsilon=(epsilon, 0), relax=(relax, None), normalize=(normalize, False), init=(init, None)
        )
        return _in_part(C, a, b, penalty, mass, solver, throw=throw, progress=progress)
    if plainly_asked(solver, init, throw, progress, normalize) and without_entropy(epsilon, relax):
        found = small.transport(C, a, b, normalize=normalize)
        if found is not None:
            return found
    refuse_other_start(init, sizes.of_costs(C, a, b))
    problem = Problem.from_matrix(C, a, b, normalize=accepts_any_totals(normalize, relax))
    problem = entropic_term(problem, epsilon, relax, least=0.0)
    mass = 1.0 if problem.relaxed else problem.mass
    return solve(problem, solver, throw=throw, progress=progress, init=init, mass=mass)


def _in_part(C: Any, a: Any, b: Any, penalty: Any, mass: Any, solver: Any, *, throw: Any, progress: Any) -> Result:
    """Partial transport for a listed cost."""
    refuse_other_names(penalty, {"the rows of C": tables.row_names(C), "the columns of C": tables.column_names(C)})

    def pose(**more: Any) -> Partial:
        refuse_other_prices(penalty, sizes.of_costs(C, a, b))
        problem = replace(Problem.from_matrix(C, a, b, normalize=True), normalized=False)
        return replace(asked(problem, penalty, mass), **more)

    if plainly_asked(solver, None, throw, progress):
        found = small_partial.transport(C, a, b, prices=partial(prices_and_amount, penalty, mass), pose=pose)
        if found is not None:
            return found
    return solved(pose(), solver, throw=throw, progress=progress, root=False)


def _refuse_beside_partial(**options: tuple[Any, Any]) -> None:
    """Raise for an option, given with its default, that partial transport does not take."""
    advice = {"normalize": "leave it out: totals may differ", "init": "leave it out"}
    for name, (value, default) in options.items():
        if value is not default and not (isinstance(value, int | float) and value == default):
            raise InvalidInput(
                f"{name} must be left out where penalty or mass is given; received {told(value)}; "
                f"{advice.get(name, 'for entropic transport of unequal masses pass epsilon and relax alone')}"
            )


def plainly_asked(solver: Any, init: Any, *flags: Any) -> bool:
    """Whether nothing is asked for but the answer."""
    return type(solver) is str and solver == "auto" and init is None and all(type(flag) is bool for flag in flags)


def without_entropy(epsilon: Any, relax: Any) -> bool:
    """Whether there is plainly no entropic term."""
    return type(epsilon) in (int, float) and epsilon == 0 and relax is None
