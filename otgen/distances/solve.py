"""From a problem to a proven result: scale, solve, certify, and speak in the caller's units again."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from ..errors import Infeasible, InvalidInput, NotConverged
from ..inputs import arrays, scalars
from ..inputs.origin import Origin
from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from ..model.cost import CallableCost, PointCost, root_shift
from ..model.plan import BottleneckPlan, EntropicPlan, MonotonePlan, Plan, SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..proofs import (
    Certificate,
    certify_bottleneck,
    certify_cut,
    certify_dual,
    certify_entropic,
    certify_monotone,
    certify_only,
)
from ..solvers import Auto, Bottleneck, Line, LinearProgram, Simplex, Sinkhorn, Solution, Solver
from ..solvers.base import silent
from .gradients import Gradients, envelope, point_gradients
from .implicit import Cotangent, vjp
from .result import Result

SOLVERS: dict[str, type[Any]] = {
    "auto": Auto,
    "line": Line,
    "simplex": Simplex,
    "bottleneck": Bottleneck,
    "linprog": LinearProgram,
    "sinkhorn": Sinkhorn,
}


def solver_from(solver: Any) -> Solver:
    """A solver object from a name or from one."""
    if isinstance(solver, str):
        return SOLVERS[scalars.one_of(solver, "solver", tuple(SOLVERS))]()
    if isinstance(solver, type) or not callable(getattr(solver, "solve", None)):
        raise InvalidInput(f"solver must be a name ({', '.join(SOLVERS)}) or a solver object; received {solver!r}")
    return solver


def solve(
    problem: Problem,
    solver: Any = "auto",
    *,
    throw: bool = True,
    progress: bool = False,
    init: Any = None,
    mass: float = 1.0,
) -> Result:
    """Solve a problem and prove the answer.

    Parameters
    ----------
    problem : Problem
        What to solve.
    solver : str or solver object
        ``"auto"`` (see :class:`otgen.solvers.Auto` for its table), ``"line"``, ``"simplex"``, ``"bottleneck"``,
        ``"linprog"``, ``"sinkhorn"``, or a configured object.
    throw : bool
        Whether an infeasible problem or an iteration limit raises; otherwise the status says so.
    progress : bool
        Whether to report on stderr how far the work is.
    init : Result or (array_like, array_like), optional
        Potentials to start from, in cost units, for an entropic solver.
    mass : float
        Cost and bounds are multiplied by it.

    Returns
    -------
    Result
        ``value`` is the cost (with the entropic term where there is one), never rooted; the certificate's kind is
        ``dual``, ``monotone``, ``cut`` or ``entropic``.

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
    """
    return run(problem, solver, throw=throw, progress=progress, init=init, mass=mass)


def run(
    problem: Problem,
    solver: Any = "auto",
    *,
    throw: bool = True,
    progress: bool = False,
    init: Any = None,
    mass: float = 1.0,
    root: bool = False,
) -> Result:
    """What :func:`solve` does; with ``root`` the value and its bounds are distances, ``cost ** (1/p)``."""
    began = time.perf_counter()
    throw, progress = scalars.flag(throw, "throw"), scalars.flag(progress, "progress")
    chosen = solver_from(solver)
    if isinstance(chosen, Auto):
        chosen, _ = chosen.choose(problem)
    if init is not None and not isinstance(chosen, Sinkhorn):
        raise InvalidInput(f"init is for entropic transport; received one for {type(chosen).__name__}; leave it out")
    init = init.potentials if isinstance(init, Result) else init
    solution = chosen.solve(problem.scaled(), _on_stderr if progress else silent, init)
    certificate = certify(solution.problem, solution.plan, solution.potentials)
    if progress and sys.stderr.isatty():
        sys.stderr.write("\n")
    units = Units(solution.problem.cost.shift, problem.p, mass, root)
    result = assemble(problem, solution, certificate, units, time.perf_counter() - began)
    if math.isinf(result.value) and math.isfinite(certificate.cost) and certificate.kind != "entropic":
        raise InvalidInput(
            "x and y must lie closer together than the largest float; received distances beyond it; divide both by 2"
        )
    return checked(result, throw=throw)


def checked(result: Result, *, throw: bool) -> Result:
    """The result, or the exception that its status calls for."""
    if throw and result.status is Status.INFEASIBLE:
        raise Infeasible(f"{result.status.value}; {result.status.remedy}; pass throw=False for a result", result)
    if throw and result.status is Status.MAX_ITER:
        raise NotConverged(
            f"{result.solver} stopped at {result.iterations} iterations, the value within "
            f"[{result.lower:.6g}, {result.upper:.6g}]; {result.status.remedy}; pass throw=False for a result",
            result,
        )
    return result


def _on_stderr(message: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{message}")
        sys.stderr.flush()


def certify(problem: Problem, plan: Plan | None, potentials: tuple[Floats, Floats] | None) -> Certificate:
    """Prove what a plan and potentials prove about a problem, whoever made them.

    Parameters
    ----------
    problem : Problem
        As it was solved.
    plan : Plan or None
        None where there is no feasible one.
    potentials : (ndarray, ndarray) or None
        None on the line, where the sorted order is the proof, and with a single point, where there is one plan.
    """
    if isinstance(plan, MonotonePlan):
        return certify_cut(plan) if problem.bottleneck else certify_monotone(plan, problem.line_power)
    if isinstance(plan, BottleneckPlan):
        return certify_bottleneck(problem, plan)
    if isinstance(plan, SparsePlan) and (found := certify_only(problem, plan)) is not None:
        return found
    if potentials is None:
        raise AssertionError("a plan off the line that is not the only one is certified by potentials")
    if isinstance(plan, EntropicPlan):
        return certify_entropic(problem, plan, potentials)
    assert plan is None or isinstance(plan, SparsePlan)
    return certify_dual(problem, plan, potentials)


@dataclass(frozen=True)
class Units:
    """The way back from scaled costs: times ``2 ** (shift * p)`` and ``mass``; values are p-th roots if ``root``."""

    shift: int
    p: float
    mass: float
    root: bool

    def cost(self, scaled: float, outward: int = 0) -> float:
        """A cost; ``outward`` -1 or 1 moves it past whatever the conversion rounds."""
        power = self.shift * self.p
        whole = (Fraction(self.p) * self.shift).denominator == 1
        exact = self.mass == 1 and whole
        units = 8 + (0 if whole else 2 * abs(power))  # a rounded power of two is off by its own size
        return _outward(root_shift(scaled, self.shift, self.p) * self.mass, scaled, 0 if exact else units, outward)

    def value(self, scaled: float, outward: int = 0) -> float:
        """A value: the cost, or the distance whose p-th power it is."""
        if not self.root:
            return self.cost(scaled, outward)
        distance = max(scaled, 0.0) ** (1 / self.p)
        units = 0 if self.p == 1 or distance == 0 else 8 + 2 * abs(math.log(distance))  # from rounding 1/p
        return _outward(root_shift(distance, self.shift, 1.0), distance, units, outward)


def _outward(out: float, before: float, units: float, outward: int) -> float:
    """Past the ``units`` roundings of a conversion; past the range of floats, the bound that is still true."""
    if not outward or before == 0:
        return out
    if math.isinf(out) and math.isfinite(before):
        return out if (out > 0) == (outward > 0) else math.copysign(sys.float_info.max, out)
    return out if not units and abs(out) > 1e-300 else out + outward * ((units + 1) * UNIT * abs(out) + 5e-324)


def _judged(solution: Solution, certificate: Certificate, units: Units) -> Status:
    """The solver's status, lowered where the proof does not bear it out."""
    if solution.status is Status.OPTIMAL:
        if solution.problem.cost.forbids and math.isinf(certificate.upper):
            return Status.INFEASIBLE
        if not certificate.optimal:
            return Status.IMPRECISE
        if units.root and not solution.problem.bottleneck:  # a root widens: at a high power the cost alone says little
            low, high = (max(z, 0.0) ** (1 / units.p) for z in (certificate.lower, certificate.upper))
            return Status.IMPRECISE if high - low > 1e-5 * max(high, 1.0) else Status.OPTIMAL
    if solution.problem.epsilon and math.isnan(certificate.lower):
        return Status.MAX_ITER
    return solution.status


def assemble(problem: Problem, solution: Solution, certificate: Certificate, units: Units, seconds: float) -> Result:
    """The result in the caller's units."""
    status = _judged(solution, certificate, units)
    numbers: dict[str, Any] = dict.fromkeys(("cost", "cost_lower", "cost_upper"))
    if problem.bottleneck:
        distance = Units(units.shift, 1.0, 1.0, False)
        triple = certificate.cost, certificate.lower, certificate.upper
        value, lower, upper = (distance.cost(z, outward) for z, outward in zip(triple, (0, -1, 1)))
    elif certificate.kind == "entropic":
        assert certificate.objective is not None
        triple = certificate.objective, certificate.lower, certificate.upper
        value, lower, upper = (units.cost(z, outward) for z, outward in zip(triple, (0, -1, 1)))
        numbers["cost"] = units.cost(certificate.cost)
        if certificate.exact_bounds is not None:
            low, high = certificate.exact_bounds
            numbers["exact_bounds"] = units.cost(low, -1), units.cost(high, 1)
    else:
        infeasible = status is Status.INFEASIBLE
        cost = math.inf if infeasible else certificate.cost
        triple = cost, certificate.lower, math.inf if infeasible else certificate.upper
        value, lower, upper = (units.value(z, outward) for z, outward in zip(triple, (0, -1, 1)))
        numbers = dict(zip(numbers, (units.cost(z, outward) for z, outward in zip(triple, (0, -1, 1)))))
    return Result(
        value=value,
        lower=lower,
        upper=upper,
        **numbers,
        status=status,
        certificate=certificate.kind,
        solver=_told(solution),
        iterations=solution.iterations,
        marginal_error=None if solution.plan is None else certificate.marginal_error,
        mass=problem.mass,
        seconds=seconds,
        p=problem.p,
        epsilon=problem.epsilon,
        make_plan=None if solution.plan is None else partial(_share, solution.plan),
        make_gradients=None
        if problem.bottleneck or solution.plan is None
        else partial(_gradients, solution, certificate, problem.source.origin),
        make_vjp=partial(_vjp, solution.problem, certificate, problem.source.origin) if problem.epsilon else None,
        make_potentials=None
        if problem.bottleneck
        else partial(_potentials, solution, certificate, problem.source.origin),
    )


def _told(solution: Solution) -> str:
    """The solver's name, and where its pairs were computed if not on the host."""
    device = solution.problem.cost.device
    if device == "cpu":
        return solution.name
    return f"{solution.name} ({'on the host' if solution.name == 'Line' else f'pairs on {device}'})"


def _share(plan: Plan) -> Plan:
    return plan


def _gradients(solution: Solution, certificate: Certificate, origin: Origin) -> Gradients:
    """Gradients of the cost in the caller's units and library."""
    cost, plan = solution.problem.cost, solution.plan
    f, g = _potentials(solution, certificate, origin)
    if isinstance(plan, EntropicPlan):
        return _entropic_gradients(solution.problem, certificate, origin)
    if not isinstance(cost, PointCost | CallableCost):
        return Gradients(None, None, f, g)
    sparse = plan.sparse if isinstance(plan, MonotonePlan) else plan
    assert isinstance(sparse, SparsePlan)
    in_points = point_gradients(cost, sparse)
    power = cost.shift * cost.p - cost.points_shift
    x, y = (origin.back(_stretched(z, power)) for z in in_points)
    return Gradients(x, y, f, g)


def _entropic_gradients(problem: Problem, certificate: Certificate, origin: Origin) -> Gradients:
    """Gradients of an entropic value in the caller's units and library, with the marginal error they are good to."""
    assert certificate.potentials is not None
    cost, shift = problem.cost, problem.cost.shift * problem.cost.p
    power = shift - cost.points_shift if isinstance(cost, PointCost | CallableCost) else shift
    found = envelope(cost, problem.marginals, problem.epsilon, *certificate.potentials, symmetric=problem.symmetric)
    (x, y), (a, b) = found
    points = [None if z is None else origin.back(_stretched(z, power), exact=False) for z in (x, y)]
    weights = [origin.back(_stretched(z, shift), exact=False) for z in (a, b)]
    return Gradients(*points, *weights, residual=certificate.marginal_error)


def _vjp(
    problem: Problem, certificate: Certificate, origin: Origin, f: Any, g: Any, plan: tuple[Any, Any] | None
) -> Gradients:
    """Derivatives through the optimum in the caller's units and library.

    The scaled problem is differentiated as it stands: only points and costs have other units there.
    """
    assert certificate.potentials is not None
    cost, (n, m) = problem.cost, problem.shape
    shift = cost.shift * cost.p
    left, right = (np.zeros((n, 0)), np.zeros((m, 0))) if plan is None else arrays.pair(plan, "plan")
    of_f, of_g = arrays.vector(f, n, "f"), arrays.vector(g, m, "g")
    given = Cotangent(_stretched(of_f, shift), _stretched(of_g, shift), *arrays.factors(left, right, (n, m)))
    found = vjp(cost, problem.marginals, problem.epsilon, *certificate.potentials, given)
    power = -cost.points_shift if isinstance(cost, PointCost) else 0
    x, y, C = (
        None if z is None else origin.back(_stretched(z, by), exact=False)
        for z, by in ((found.x, power), (found.y, power), (found.C, -shift))
    )
    a, b = (origin.back(z, exact=False) for z in (found.a, found.b))
    return Gradients(x, y, a, b, residual=max(found.residual or 0.0, certificate.marginal_error), C=C)


def _stretched(values: Any, power: float) -> Any:
    """``values * 2 ** power`` for any real power."""
    whole = math.floor(power)
    return np.ldexp(values * 2.0 ** (power - whole), whole)


def _potentials(solution: Solution, certificate: Certificate, origin: Origin) -> tuple[Any, Any]:
    """Potentials in cost units, in the caller's library."""
    cost = solution.problem.cost
    if isinstance(solution.plan, MonotonePlan):
        pair = solution.plan.potentials(solution.problem.line_power)
    else:
        assert certificate.potentials is not None
        pair = certificate.potentials
    f, g = (origin.back(_stretched(z, cost.shift * cost.p), exact=certificate.kind != "entropic") for z in pair)
    return f, g
