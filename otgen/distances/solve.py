"""From a problem to a proven result: scale, solve, prove, and speak in the caller's units again."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
import scipy.sparse

from ..errors import Infeasible, InvalidInput, NotConverged
from ..inputs import arrays, numerals, scalars
from ..inputs.tensors import is_tensor
from ..kernels.double_double import UNIT
from ..kernels.outward import LEAST_NORMAL
from ..model import units
from ..model.claim import Claim
from ..model.cost import PaddedCost
from ..model.plan import Plan, SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import Units
from ..proofs import Certificate, keeps_promise, prove, prove_few, prove_staying, way_back
from ..solvers import Auto, Bottleneck, Circle, Line, LinearProgram, Simplex, Sinkhorn, Solution, Solver, SolverName
from ..solvers.base import Enough, checked_call, refuse_start, silent
from ..solvers.sinkhorn import TOLERANCE
from ..underflow import may_underflow
from .answer import Answer
from .enough import Asked, Question, question
from .plan_forms import flows_from, refuse_other_potentials, refuse_other_size
from .result import Result
from .splits import Measure
from .steep import Attempt, resolved
from .telling import on_stderr

SOLVERS: dict[str, type[Any]] = {
    "auto": Auto,
    "line": Line,
    "circle": Circle,
    "simplex": Simplex,
    "bottleneck": Bottleneck,
    "linprog": LinearProgram,
    "sinkhorn": Sinkhorn,
}


def solver_from(solver: Any) -> Solver:
    """A solver object from a name or from one."""
    if isinstance(solver, str):
        return SOLVERS[scalars.one_of(solver, "solver", tuple(SOLVERS))]()
    # tensors have a method of that name as well
    if (
        isinstance(solver, type)
        or is_tensor(solver)
        or hasattr(solver, "shape")
        or not callable(getattr(solver, "solve", None))
    ):
        raise InvalidInput(
            f"solver must be a name ({', '.join(SOLVERS)}) or a solver object; received {scalars.told(solver)}; pass 'auto', or an instance"
        )
    return solver


@may_underflow
def solve(
    problem: Problem,
    solver: SolverName | Solver = "auto",
    *,
    throw: bool = True,
    progress: bool = False,
    init: Any = None,
    mass: float = 1.0,
    enough: tuple[float, float] | Question | None = None,
) -> Result:
    """Solve a problem and prove the answer.

    Parameters
    ----------
    problem : Problem
        What to solve.
    solver : str or solver object
        ``"auto"`` (see :class:`otgen.solvers.Auto` for its table), ``"line"``, ``"circle"``, ``"simplex"``, ``"bottleneck"``,
        ``"linprog"``, ``"sinkhorn"``, a configured object, or one of your own: see :class:`otgen.solvers.Solution`.
    throw : bool
        Whether an infeasible problem or an iteration limit raises; otherwise the status says so.
    progress : bool
        Whether to report on stderr how far the work is.
    init : Result, (array_like, array_like) or plan, optional
        What to start from: a result of a nearby problem, potentials in cost units, or a plan (one of ours, a matrix dense or sparse).
        What is proven does not depend on it.
    mass : float
        Cost and bounds are multiplied by it.
    enough : (float, float) or callable, optional
        When to stop before the optimum: a pair (low, high) once ``upper <= low`` or ``lower >= high`` is proven, so that (r, r) asks on which
        side of r the value lies; or ``enough(lower, upper)``, which returns whether such an interval will do. It is asked after each round of
        :class:`otgen.solvers.Simplex`, first of bounds as the solver reckons them, then, where it says yes, of proven ones. Other solvers,
        problems so small that they are solved in one go, and those with forbidden pairs are solved to the end.

    Returns
    -------
    Result
        ``value`` is the cost (with the entropic term where there is one), never rooted; the certificate's kind is
        ``dual``, ``monotone``, ``cut`` or ``entropic``. Where ``enough`` has stopped it the value is what the plan costs that was reached,
        and the status SETTLED.

    Raises
    ------
    Infeasible
        If forbidden pairs leave no plan.
    NotConverged
        At an iteration limit; ``.result`` holds the bounds reached.

    Examples
    --------
    >>> problem = Problem.from_matrix([[0.0, 1.0], [1.0, 0.0]])
    >>> solve(problem).value
    0.0

    Is the cost below 40?

    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 600, 2))
    >>> found = solve(Problem.from_points(x, y + 3), enough=(40, 40))
    >>> bool(found.upper <= 40), found.status.name
    (True, 'SETTLED')
    """
    return run(problem, solver, throw=throw, progress=progress, init=init, mass=mass, enough=enough)


def run(
    problem: Problem,
    solver: Any = "auto",
    *,
    throw: bool = True,
    progress: bool = False,
    init: Any = None,
    mass: float = 1.0,
    root: bool = False,
    alike: Measure | None = None,
    enough: Any = None,
) -> Result:
    """What :func:`solve` does; with ``root`` the value and its bounds are distances, ``cost ** (1/p)``; ``alike`` measures other samples so."""
    began = time.perf_counter()
    throw, progress = scalars.flag(throw, "throw"), scalars.flag(progress, "progress")
    checked_call(problem, silent, None)
    mass = scalars.positive(mass, "mass", "1 leaves cost and bounds as they are")
    chosen = solver_from(solver)
    asked = None if enough is None else partial(Asked.of, question(enough), mass=mass, root=root)
    scaled, solution, certificate = attempted(problem, chosen, progress=progress, init=init, asked=asked)
    back = way_back(certificate, Units.of(scaled, mass, root=root))
    answer = Answer(problem, scaled, certificate, back, solution.claim, alike)
    if isinstance(chosen, Auto | Simplex):
        answer, solution = _in_whole_numbers(answer, solution)
    return checked(answered(answer, solution, chosen, began), throw=throw)


def attempted(
    problem: Problem,
    chosen: Solver,
    *,
    progress: bool,
    init: Any = None,
    asked: Callable[[Problem], Asked] | None = None,
) -> Attempt:
    """The problem scaled, what a solver says of it, and what that proves; ``asked`` makes a question of the scaled problem, to stop early."""
    scaled = units.scaled(problem)
    wanted = None if asked is None else asked(scaled)
    solution = claimed(scaled, chosen, progress=progress, init=init, enough=wanted and wanted.enough)
    certificate = prove(scaled, solution.claim) if wanted is None else wanted.certificate(solution.claim)
    attempt = Attempt(scaled, solution, certificate)
    if isinstance(chosen, Auto | Simplex):
        attempt = resolved(attempt, chosen, on_stderr if progress else silent)
    if attempt.certificate.kind == "dual":
        attempt = attempt._replace(certificate=prove_staying(problem, attempt.certificate))
    if progress and sys.stderr.isatty():
        sys.stderr.write("\n")
    return attempt


def _in_whole_numbers(answer: Answer, solution: Solution) -> tuple[Answer, Solution]:
    """The answer and what was claimed for it; of few points as whole numbers of any size tell, where the interval is too wide or the value has lost its digits."""
    certificate = answer.certificate
    solved = solution.status is Status.OPTIMAL and certificate.kind == "dual"
    if not solved or (_has_digits(certificate) and keeps_promise(answer.scaled, certificate, root=answer.units.root)):
        return answer, solution
    found = prove_few(answer.problem, answer.scaled, certificate)
    if found is None:
        return answer, solution
    back = replace(way_back(found[0], answer.units), beyond=found[1])
    exact = replace(answer, certificate=found[0], units=back)
    if not exact.width < answer.width / 2:
        return answer, solution
    return exact, replace(solution, name=f"{solution.name} in whole numbers")


def _has_digits(certificate: Certificate) -> bool:
    """Whether a cost of 0 is proven, and all shares of the plan are normal floats."""
    plan = certificate.plan
    if isinstance(plan, SparsePlan) and ((plan.values > 0) & (plan.values < LEAST_NORMAL)).any():
        return False
    return certificate.cost > 0 or certificate.upper <= 0


def answered(answer: Answer, solution: Solution, chosen: Solver, began: float) -> Result:
    """The result of an answer whose work ``began`` then, whatever its status."""
    status = answer.status(solution.status, chosen.tol if isinstance(chosen, Sinkhorn) else TOLERANCE)
    result = answer.result(status, solution.name, solution.iterations, time.perf_counter() - began)
    certificate = answer.certificate
    if math.isinf(result.value) and math.isfinite(certificate.cost) and certificate.kind != "entropic":
        refuse_overflow(answer.problem, answer.units.mass)
    return result


def too_far_apart(names: str = "x and y") -> InvalidInput:
    """The error for points whose distance is no float."""
    return InvalidInput(
        f"{names} must lie closer together than the largest float; received distances beyond it; divide both by 2"
    )


def refuse_overflow(problem: Problem, mass: float) -> NoReturn:
    """Raise for a value beyond the largest float, of a total ``mass``."""
    if isinstance(problem.cost, PaddedCost):
        raise InvalidInput(
            f"a and b must weigh so little that the cost is below the largest float; received costs and penalties beyond it for a mass of "
            f"{mass:g}; divide a and b by a power of ten"
        )
    if problem.cost.of_points:
        raise too_far_apart()
    raise InvalidInput(
        f"C must have a total cost below the largest float; received costs that exceed it for a mass of {problem.mass:g}; "
        f"divide C by a power of ten"
    )


def claimed(
    scaled: Problem, solver: Solver, *, progress: bool = False, init: Any = None, enough: Enough | None = None
) -> Solution:
    """What a solver says of a scaled problem, of which nothing is proven."""
    start = None if init is None else _claim_to_start_from(scaled, init)
    tell = on_stderr if progress else silent
    if enough is not None and isinstance(solver, Auto | Simplex):
        solution = solver.solve(scaled, tell, start, enough)
    else:
        solution = solver.solve(scaled, tell, start)
    if not isinstance(solution, Solution):
        raise InvalidInput(
            f"solver.solve must return an otgen.solvers.Solution; received {scalars.told(solution)} from {scalars.told(solver)}; correct the solver"
        )
    return solution


def refuse_other_start(init: Any, shape: tuple[int, int] | None) -> None:
    """Raise for what to start from that says it is of another size than the problem; nothing is read."""
    if init is None or shape is None:
        return
    if _is_plan(init):
        refuse_other_size(init, shape, "init")
    elif not isinstance(init, Result):
        refuse_other_potentials(init, shape, "init")


def _is_plan(init: Any) -> bool:
    return isinstance(init, Plan) or scipy.sparse.issparse(init) or getattr(init, "ndim", 0) == 2


def _claim_to_start_from(scaled: Problem, init: Any) -> Claim:
    """What to start from, in the units of a scaled problem: potentials, a plan, or both."""
    if scaled.bottleneck:
        refuse_start(Claim(), "Bottleneck")
    if _is_plan(init):
        return Claim(flows=flows_from(init, scaled, "init"))
    back, flows = Units.of(scaled), None
    try:
        pair = init.potentials if isinstance(init, Result) else init
        f, g = (back.potentials_in(arrays.potential(z, "init")) for z in pair)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"init must be a Result with potentials, a pair (f, g) or a plan; received {scalars.told(init)}; leave it out"
        ) from None
    refuse_other_potentials((f, g), scaled.shape, "init")
    if not (np.isfinite(f).all() and np.isfinite(g).all()):
        raise InvalidInput("init must be finite; received NaN or infinity; leave it out")
    if isinstance(init, Result) and isinstance(init.plan, SparsePlan):
        flows = flows_from(init.plan, scaled)
    return Claim(flows, (f, g))


def checked(result: Result, *, throw: bool) -> Result:
    """The result, or the exception that its status calls for."""
    if throw and result.status is Status.INFEASIBLE:
        raise Infeasible(f"{result.status.value}; {result.status.remedy}; pass throw=False for a result", result)
    if throw and result.status is Status.MAX_ITER:
        assert result.lower is not None
        assert result.upper is not None
        raise NotConverged(
            f"{result.solver} stopped at {result.iterations} iteration{'s' * (result.iterations != 1)}, the value{' of these samples' * result.of_samples} within "
            f"{numerals.interval(result.lower, result.upper)}; {_remedy(result)}; pass throw=False for a result",
            result,
        )
    return result


def _remedy(result: Result) -> str:
    """What helps at a limit; iterations do not where what is missed is what potentials round off beside epsilon."""
    if not result.epsilon:
        return "the interval holds all the same; raise the solver's max_iter"
    pair = result.potentials if result.marginal_error else None
    largest = 0.0 if pair is None else max(float(abs(side).max()) for side in pair)
    if not 0 < (result.marginal_error or 0.0) <= 2 * UNIT * largest / result.epsilon < math.inf:
        return result.status.remedy
    points = result.of_samples
    remedy = "leave out points that lie far from all others" if points else "pass inf for pairs that must not be used"
    return (
        f"the interval holds all the same; costs of {largest:.3g} are rounded to more than tol beside epsilon={result.epsilon:g}, which iterations "
        f"do not mend: {remedy}, or raise epsilon or tol"
    )
