"""Entropic distances: Sinkhorn's value and the debiased divergence, with bounds of both."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar

from ..errors import InvalidInput
from ..inputs import scalars, sizes
from ..model import units
from ..model.cost import Metric
from ..model.problem import Problem, Relative
from ..model.status import Status
from ..solvers import Sinkhorn
from ..underflow import may_underflow
from .answer import Answer
from .gradients import Gradients
from .nearly_equal import tightened
from .result import Result
from .solve import checked, refuse_other_start, run, solver_from
from .splits import null_of

T = TypeVar("T")
Triple = tuple[T, T, T]
Relaxation = float | tuple[float | None, float | None] | None
_ENTROPIC = "for epsilon = 0, exact transport, call otgen.wasserstein or otgen.transport"


@may_underflow
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
    relax: Relaxation = None,
    init: Any = None,
    solver: Sinkhorn | Literal["sinkhorn"] | None = None,
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
        Largest L1 error of a marginal, relative to the mass. At the iteration limit a proven interval that is as narrow, relative to the
        value, is an answer too; ``marginal_error`` says which.
    max_iter : int
        Limit on iterations.
    relax : float or (float, float), optional
        Strength rho of ``rho KL(P 1, a)`` in place of the constraint on the rows, and likewise for the columns; one number for
        both, None or inf keeps a constraint. Where one is relaxed, weights count as received, whatever their totals.
    init : Result or (array_like, array_like), optional
        Potentials to start from, as an earlier result holds them; then epsilon is not annealed.
    solver : Sinkhorn, optional
        A configured solver; then ``tol`` and ``max_iter`` are its own and must not be passed as well.

    Returns
    -------
    Result
        ``value`` with proven bounds, of these samples, not of the laws behind them (:meth:`Result.chance`,
        :doc:`/samples-and-laws`); ``cost`` is ``<P, C>`` of the rounded plan, ``exact_bounds`` a proven interval for the
        unregularised cost ``W_p ** p`` (None where relaxed); ``potentials`` are the entropic ones; ``gradients()`` those of
        the value. Potentials come in the float dtype of x, single precision for halves, rounded to it; what is proven is proven of them before that.

    Raises
    ------
    InvalidInput
        Also for epsilon <= 0.
    NotConverged
        At the iteration limit; ``.result`` holds the bounds reached.

    References
    ----------
    Peyre and Cuturi, "Computational optimal transport", 2019, equation (4.2) with KL in place of the entropy; relaxed:
    Chizat, Peyre, Schmitzer, Vialard, "Scaling algorithms for unbalanced optimal transport problems", 2018.

    Examples
    --------
    >>> import otgen
    >>> result = otgen.sinkhorn([0.0, 1.0], [0.0, 1.0], epsilon=0.1)
    >>> result.lower <= result.value <= result.upper
    True
    """
    chosen = sinkhorn_from(solver, tol, max_iter)
    refuse_other_start(init, sizes.of_clouds(x, y, a, b))
    problem = entropic_problem(x, y, a, b, epsilon=epsilon, p=p, metric=metric, relax=relax, normalize=normalize)
    alike = partial(sinkhorn, epsilon=epsilon, p=p, metric=metric, solver=chosen, throw=throw)
    return run(problem, chosen, throw=throw, progress=progress, init=init, alike=None if problem.relaxed else alike)


@may_underflow
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
    relax: float | None = None,
    solver: Sinkhorn | Literal["sinkhorn"] | None = None,
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
    relax : float, optional
        As in :func:`sinkhorn`, and the same for both sides: with two strengths nothing is zero between equal measures. Half of
        ``epsilon (sum a - sum b)^2`` is then added, which keeps the divergence non-negative.

    Returns
    -------
    Result
        ``value`` (no root), ``lower`` and ``upper`` from the bounds of the three terms, all 0 where x and y are one array with one list of
        weights; ``status`` says that each term is known to ``tol``, as in :func:`sinkhorn`, and the interval what is left where they cancel; the
        plan between x and y;
        ``potentials`` are ``(f_xy - f_xx, g_xy - g_yy)``, ``gradients()`` those of the divergence:
        where its terms cancel they are solved further for that, so that it is right to some ``tol`` of its own size, or 1e-6 if that is more;
        a warning says where ``max_iter`` comes first.

    Raises
    ------
    InvalidInput, MassMismatch, NotConverged
        As in :func:`sinkhorn`.

    References
    ----------
    Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", 2019, equation (3); relaxed:
    Sejourne et al., "Sinkhorn divergences for unbalanced optimal transport", 2019, definition 6.

    Examples
    --------
    >>> import otgen
    >>> abs(otgen.sinkhorn_divergence([0.0, 1.0], [0.0, 1.0], epsilon=0.1).value) < 1e-12
    True
    """
    began, throw = time.perf_counter(), scalars.flag(throw, "throw")
    chosen = sinkhorn_from(solver, tol, max_iter)
    options: dict[str, Any] = dict(epsilon=epsilon, p=p, metric=metric, relax=relax, normalize=normalize)
    problems = divergence_problems(x, y, a, b, **options)
    parts = [run(problem, chosen, throw=False, progress=progress) for problem in problems]
    alike = partial(sinkhorn_divergence, epsilon=epsilon, p=p, metric=metric, solver=chosen, throw=throw)
    found = debiased(problems, parts, chosen)
    null = None if problems[0].relaxed else partial(null_of, problems[0], alike)
    result = replace(found, seconds=time.perf_counter() - began, makers=found.makers._replace(null=null))
    return checked(result, throw=throw)


def entropic_problem(
    x: Any, y: Any, a: Any, b: Any, *, epsilon: Any, p: float, metric: Metric, relax: Any, normalize: bool
) -> Problem:
    """What :func:`sinkhorn` solves."""
    free = accepts_any_totals(normalize, relax)
    problem = Problem.from_points(x, y, a, b, p=scalars.finite_order(p), metric=metric, normalize=free)
    return entropic_term(problem, epsilon, relax)


def accepts_any_totals(normalize: bool, relax: Any) -> bool:
    """Whether the two sides may have different totals: both are divided by them, or one marginal at least may be missed."""
    return scalars.flag(normalize, "normalize") or min(scalars.relaxation(relax)) < math.inf


def one_relaxation(relax: Any) -> tuple[float, float]:
    """Strengths that a debiased cost may have: one for both sides, since each measure's own term has it on both."""
    one, other = scalars.relaxation(relax)
    if one != other:
        raise InvalidInput(
            f"relax must be one number for both sides of a debiased cost: with two it is not 0 between equal measures; received "
            f"{scalars.told(relax)}; pass one number, or take the cost without debiasing (otgen.sinkhorn, debias=False)"
        )
    return one, other


def divergence_problems(
    x: Any, y: Any, a: Any, b: Any, *, p: float, metric: Metric, relax: Any, **options: Any
) -> tuple[Problem, Problem, Problem]:
    """The three problems whose values make a divergence: across, symmetric where both measures are one, and each measure against itself."""
    return divergence_terms(entropic_problem(x, y, a, b, p=p, metric=metric, relax=one_relaxation(relax), **options))


def divergence_terms(across: Problem) -> Triple[Problem]:
    """The problem across and each measure against itself."""
    across = replace(across, symmetric=across.cost.entry is not None and _is_one_measure(across))
    return (across, *_own_terms(across, across.own()))


def _is_one_measure(across: Problem) -> bool:
    """Whether both sides have the same points in the same order, and the same weights."""
    one, other = across.source, across.target
    alike = len(one) == len(other) and bool((one.points == other.points).all())
    return alike and bool((one.weights == other.weights).all())


def debiased(problems: Triple[Problem], parts: Sequence[Result], solver: Sinkhorn) -> Result:
    """The divergence from the results of its three problems, which ``solver`` found. Of one measure all are one, and it is exactly 0."""
    across, (xy, xx, yy) = problems[0], parts
    if across.symmetric:
        xx = yy = xy
    more = _unequal_mass_term(across)
    value = xy.value - (xx.value + yy.value) / 2 + more
    lower = _debiased_bound(xy.lower, xx.upper, yy.upper) + more * (1 - 1e-12)
    upper = _debiased_bound(xy.upper, xx.lower, yy.lower) + more * (1 + 1e-12)
    worst = max((xy, xx, yy), key=lambda part: part.status is Status.MAX_ITER)
    return replace(
        xy,
        value=value,
        lower=0.0 if across.symmetric else math.nextafter(lower, -math.inf),
        upper=0.0 if across.symmetric else math.nextafter(upper, math.inf),
        cost=None,
        exact_bounds=None,
        status=worst.status,
        iterations=max(part.iterations for part in (xy, xx, yy)),
        marginal_error=max(part.marginal_error or 0.0 for part in (xy, xx, yy)),
        makers=xy.makers._replace(
            potentials=partial(_debiased_potentials, xy, xx, yy),
            gradients=partial(_debiased_gradients, problems, (xy, xx, yy), value - more, solver),
            vjp=None,
            proof=None,
            answer=None,
        ),
    )


def _own_terms(across: Problem, own: tuple[Problem, Problem]) -> tuple[Problem, Problem]:
    """The problems of each measure against itself, under what the cross term is solved under."""
    symmetric = across.cost.entry is not None  # a callable's word is not taken for it
    one, other = (
        replace(z, epsilon=across.epsilon, symmetric=symmetric, as_received=across.relaxed, relax=across.relax)
        for z in own
    )
    return one, other


def _unequal_mass_term(across: Problem) -> float:
    """What unequal masses add to a relaxed divergence, ``epsilon (sum a - sum b)^2 / 2``."""
    if not across.relaxed:
        return 0.0
    one, other = (float(side.sum()) for side in across.masses)
    more = across.epsilon / 2 * (one - other) * (one - other)
    if not math.isfinite(more):
        raise InvalidInput(
            f"a and b must have totals whose difference, squared, is a float where marginals are relaxed; received {one:g} and {other:g}; divide "
            f"both by one number"
        )
    return more


def _debiased_bound(xy: float | None, xx: float | None, yy: float | None) -> float:
    """``xy - (xx + yy) / 2`` of bounds that an entropic result always has; its last roundings are covered outside."""
    assert xy is not None
    assert xx is not None
    assert yy is not None
    return xy - math.nextafter((xx + yy) / 2, math.inf if xx + yy > xy else -math.inf)


def _debiased_potentials(xy: Result, xx: Result, yy: Result) -> tuple[Any, Any]:
    """The divergence's gradient in the weights: potentials of the cross term less the symmetric ones of each own term."""
    across, one, other = _answers((xy, xx, yy))
    (f, g), (fx, gx), (fy, gy) = (term.unrounded_potentials() for term in (across, one, other))
    return across.back(f - (fx + gx) / 2, exact=False), across.back(g - (fy + gy) / 2, exact=False)


def _answers(parts: Sequence[Result]) -> list[Answer]:
    """What the terms of a divergence were made from: their differences are taken in double precision, and rounded once."""
    return [part.makers.answer for part in parts if part.makers.answer is not None]


def _debiased_gradients(
    problems: Triple[Problem], parts: Triple[Result], difference: float, solver: Sinkhorn
) -> Gradients:
    """Gradients of the cross term less half of those of each own term, where the measure stands on both sides; solved further where they cancel."""
    across = problems[0]
    found = parts if across.symmetric else tightened(problems, parts, difference, solver)
    answers = _answers(found)
    cross, of_x, of_y = (answer.entropic_gradients() for answer in answers)
    residual = max(of_x.residual or 0.0, of_y.residual or 0.0)
    halves = [
        None if one is None else (one + two) / 2  # under a callable metric there are none in the points
        for one, two in ((of_x.x, of_x.y), (of_y.x, of_y.y), (of_x.a, of_x.b), (of_y.a, of_y.b))
    ]
    out = cross.minus(Gradients(*halves, residual=residual))
    if across.relaxed:
        difference = across.epsilon * float(across.masses[0].sum() - across.masses[1].sum())
        out = replace(out, a=out.a + difference, b=out.b - difference)
    return answers[0].handed_back(out)


def entropic_term(problem: Problem, epsilon: Any, relax: Any, least: float | None = None) -> Problem:
    """The problem with its entropic term, and with relaxed marginals where asked for; weights then count as received."""
    strengths, strength = scalars.relaxation(relax), _epsilon_in_cost_units(problem, epsilon, least)
    normalized = problem.normalized and min(strengths) == math.inf
    out = replace(problem, epsilon=strength, relax=strengths, normalized=normalized)
    _refuse_masses(out)
    return out


def _refuse_masses(problem: Problem) -> None:
    """Raise for relaxed masses whose product plan costs more entropy than there are floats."""
    totals = [float(side.sum()) for side in problem.masses] if problem.relaxed else []
    strengths = problem.epsilon, *(rho for rho in problem.relax if math.isfinite(rho))
    if not math.isfinite(math.prod(totals) * max(strengths)):
        raise InvalidInput(
            f"a and b must have totals whose product, times epsilon or relax, is a float where marginals are relaxed; received {totals[0]:g} and "
            f"{totals[1]:g} with {max(strengths):g}; divide both by one number"
        )


def _epsilon_in_cost_units(problem: Problem, epsilon: Any, least: float | None) -> float:
    """Epsilon in cost units."""
    if isinstance(epsilon, Relative):
        return float(epsilon.of(units.mean_cost(problem)))
    if isinstance(epsilon, str):
        raise InvalidInput(
            f"epsilon must be a real number or Relative; received {scalars.told(epsilon)}; pass otgen.Relative(0.05) for 5 % of the mean cost"
        )
    number = scalars.real(epsilon, "epsilon")
    if least is not None and number == least:
        return number
    return scalars.positive(number, "epsilon", _ENTROPIC)


def sinkhorn_from(solver: Any, tol: float, max_iter: int) -> Sinkhorn:
    """The entropic solver that the arguments ask for."""
    if solver is None or (isinstance(solver, str) and solver == "sinkhorn"):
        return Sinkhorn(tol=tol, max_iter=max_iter)
    chosen = solver_from(solver)
    if not isinstance(chosen, Sinkhorn):
        raise InvalidInput(
            f"solver must be a Sinkhorn here; received {scalars.told(solver)}; call otgen.wasserstein for exact transport"
        )
    if (tol, max_iter) != (1e-6, 10_000):
        raise InvalidInput(
            f"tol and max_iter must not be passed beside a configured solver; received tol={scalars.told(tol)} and "
            f"max_iter={scalars.told(max_iter)}; set them on the solver"
        )
    return chosen
