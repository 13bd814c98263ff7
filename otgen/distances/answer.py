"""A proven answer in the caller's units: numbers at once, plan, potentials and derivatives when they are asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from ..inputs import arrays
from ..inputs.types import Floats
from ..model.balance import Balance
from ..model.claim import Claim, Flows
from ..model.plan import EntropicPlan, MonotonePlan, Plan, SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import PowerOfTwo, Units, stretched
from ..proofs import Certificate, keeps_promise
from .drawing import draw
from .gradients import Gradients, distance_gradients, envelope, point_gradients
from .implicit import Cotangent, vjp
from .line_claim import line_claim
from .makers import Makers
from .proof_file import save_proof
from .result import Result
from .splits import Measure, null_of

_SWALLOWED = 1e-10  # of the largest derivative in a weight: how much of their mean rounding takes at most
_REACH = 1000  # powers of two up to here are floats, and sums of some
_MET = 2.0  # times the tolerance: marginal errors are measured again in another order of summation


@dataclass(frozen=True, eq=False)
class Answer:
    """A problem as posed, the same scaled, what is proven of it, the way back, the claim that was given, and how other samples are measured alike."""

    problem: Problem
    scaled: Problem
    certificate: Certificate
    units: Units
    given: Claim = field(default_factory=Claim)
    alike: Measure | None = None

    def status(self, claimed: Status, tol: float) -> Status:
        """The solver's status, lowered where the proof does not bear it out."""
        certificate = self.certificate
        if math.isinf(certificate.lower) and certificate.lower > 0:
            return Status.INFEASIBLE
        if self.problem.epsilon:
            return self._entropic_status(claimed, tol)
        if claimed is Status.MAX_ITER:
            return claimed
        if keeps_promise(self.scaled, certificate, root=self.units.root) and self._is_finite():
            return Status.OPTIMAL
        return claimed if claimed is Status.SETTLED else Status.IMPRECISE

    def _entropic_status(self, claimed: Status, tol: float) -> Status:
        """Converged where marginals are met as well as was asked, whatever the solver says, or where the value is known as well."""
        certificate = self.certificate
        assert certificate.objective is not None
        met = certificate.marginal_error <= (tol if claimed is Status.MAX_ITER else _MET * tol)
        width = certificate.upper - certificate.lower
        known = math.isfinite(width) and width <= tol * abs(certificate.objective)
        return Status.CONVERGED if (met or known) and math.isfinite(certificate.lower) else Status.MAX_ITER

    def result(self, status: Status, solver: str, iterations: int, seconds: float) -> Result:
        """The result in the caller's units."""
        certificate, problem = self.certificate, self.problem
        finite = not problem.bottleneck
        plan = None if status is Status.INFEASIBLE else certificate.plan
        return Result(
            **self._numbers(status),
            status=status,
            certificate=certificate.kind,
            solver=self._solver_label(solver),
            iterations=iterations,
            marginal_error=None if plan is None else certificate.marginal_error,
            mass=problem.mass,
            seconds=seconds,
            p=problem.p,
            epsilon=problem.epsilon,
            unit=problem.unit,
            of_samples=problem.cost.of_points,
            makers=Makers(
                plan=None if plan is None else self.plan,
                potentials=self.potentials if finite else None,
                gradients=self.gradients if finite and plan is not None else None,
                vjp=self.vjp if problem.epsilon else None,
                answer=self if problem.epsilon else None,
                proof=self.save_proof,
                plot=None if plan is None else self.plot,
                null=None if self.alike is None else partial(null_of, problem, self.alike),
            ),
        )

    @property
    def width(self) -> float:
        """Of the interval, in the caller's units."""
        lower, upper = self.certificate.lower, self.certificate.upper
        return self._told(upper, 1) - self._told(lower, -1)

    def _is_finite(self) -> bool:
        """Whether both ends are floats in the caller's units."""
        lower, upper = self.certificate.lower, self.certificate.upper
        return math.isfinite(self._told(lower, -1)) and math.isfinite(self._told(upper, 1))

    def _told(self, number: float, outward: int) -> float:
        """A value, or an end of its interval, in the caller's units."""
        return self.units.distance(number, outward) if self.problem.bottleneck else self.units.value(number, outward)

    def _numbers(self, status: Status) -> dict[str, Any]:
        """Value and cost with their bounds."""
        certificate, units = self.certificate, self.units
        triple = certificate.cost, certificate.lower, certificate.upper
        outward = (0, -1, 1)
        if self.problem.bottleneck:
            value = [self._told(*pair) for pair in zip(triple, outward)]
            cost: list[float | None] = [None, None, None]
        elif certificate.kind == "entropic":
            assert certificate.objective is not None
            triple = certificate.objective, certificate.lower, certificate.upper
            value, cost = (
                [units.cost(*pair) for pair in zip(triple, outward)],
                [units.cost(certificate.cost), None, None],
            )
        else:
            if status is Status.INFEASIBLE:
                triple = math.inf, certificate.lower, math.inf
            value = [self._told(*pair) for pair in zip(triple, outward)]
            cost = [units.cost(*pair) for pair in zip(triple, outward)]
        exact = certificate.exact_bounds
        return dict(
            zip(("value", "lower", "upper", "cost", "cost_lower", "cost_upper"), (*value, *cost)),
            exact_bounds=exact and (units.cost(exact[0], -1), units.cost(exact[1], 1)),
        )

    def _solver_label(self, name: str) -> str:
        """The solver's name, and where its pairs were computed if not on the host."""
        device = self.scaled.cost.device
        if device == "cpu":
            return name
        return f"{name} ({'on the host' if self.certificate.kind == 'monotone' else f'pairs on {device}'})"

    def plan(self) -> Plan:
        """The plan."""
        assert self.certificate.plan is not None
        return self.certificate.plan

    def potentials(self) -> tuple[Any, Any]:
        """Potentials in cost units, in the caller's library."""
        exact = self.certificate.kind != "entropic"
        f, g = (self.back(z, exact=exact) for z in self.unrounded_potentials())
        return f, g

    def unrounded_potentials(self) -> tuple[Floats, Floats]:
        """The same as arrays of doubles."""
        (f, g), power = self.scaled_potentials()
        return self.units.potentials(f, power), self.units.potentials(g, power)

    def scaled_potentials(self) -> tuple[tuple[Floats, Floats], float]:
        """Potentials in the units of the scaled problem, but for a power of two that they are still to be multiplied by."""
        plan = self.certificate.plan
        if isinstance(plan, MonotonePlan):
            p = self.scaled.line_power
            beyond = math.ceil(PowerOfTwo.above(plan.reach).exponent - _REACH / p)
            unit = PowerOfTwo(max(0, beyond))  # powers of all distances are finite so
            return plan.potentials(p, unit), unit.exponent * p
        assert self.certificate.potentials is not None
        return self.certificate.potentials, 0.0

    def gradients(self, of: Literal["cost", "value"] = "cost") -> Gradients:
        """Gradients of the cost, of the distance that is its root, or of the entropic value, in the caller's units and library."""
        if self.problem.epsilon:
            return self.handed_back(self.entropic_gradients())
        if of == "value" and self.units.root and self.problem.p != 1:
            return self._distance_gradients()
        cost = self.scaled.cost
        f, g = self.potentials()
        if not cost.of_points:
            return Gradients(None, None, f, g)
        x, y = self.of_points([self.units.slopes(z) for z in point_gradients(cost.clouds, self.pairs())])
        return Gradients(x, y, f, g)

    def pairs(self) -> SparsePlan:
        """The plan of an exact result by its entries."""
        plan = self.certificate.plan
        sparse = plan.sparse if isinstance(plan, MonotonePlan) else plan
        assert isinstance(sparse, SparsePlan)
        return sparse

    def _distance_gradients(self) -> Gradients:
        """Of ``cost ** (1/p)``: of no unit in the points, in the weights the potentials as shares of the cost, times ``value / p``."""
        certificate, p = self.certificate, self.problem.p
        unit, cost = certificate.unit or 1.0, max(certificate.cost, 0.0)
        length = PowerOfTwo(self.units.beyond).times(unit * cost ** (1 / p))
        x, y = self.of_points(list(distance_gradients(self.scaled.cost.clouds, self.pairs(), length)))
        factor = self.units.value(cost) / (p * cost) if cost > 0 else 0.0
        if not factor:
            n, m = self.problem.shape
            return Gradients(x, y, self.back(np.zeros(n)), self.back(np.zeros(m)))
        pair, power = self.scaled_potentials()
        with np.errstate(over="ignore", invalid="ignore"):  # derivatives that are no floats are None
            weights = [factor * stretched(z, power - p * (math.log2(unit) + self.units.beyond)) for z in pair]
        known = self._are_gains(weights, self.units.value(cost) / p)
        a, b = (self.back(z) if known else None for z in weights)
        return Gradients(x, y, a, b)

    def _are_gains(self, weights: list[Floats], whole: float) -> bool:
        """Whether derivatives in the weights have left something of their mean, the value over p, as at high orders they may not."""
        if not all(np.isfinite(z).all() for z in weights):
            return False
        sides = self.problem.source, self.problem.target
        mean = sum(float(z @ side.probabilities) for z, side in zip(weights, sides))
        return abs(mean - whole) <= 1e-6 * whole + _SWALLOWED * max(float(np.abs(z).max()) for z in weights)

    def entropic_gradients(self) -> Gradients:
        """Of the entropic value, as arrays of doubles, (n, d) and (n,), with the marginal error that they are good to."""
        scaled, certificate, plan = self.scaled, self.certificate, self.certificate.plan
        assert isinstance(plan, EntropicPlan)
        balance = Balance.of(scaled)
        goal, totals = balance.problem.marginals, None if balance.trivial else (0.0, 0.0)
        (x, y), (a, b) = envelope(
            scaled.cost, goal, scaled.epsilon, plan.f, plan.g, symmetric=scaled.symmetric, totals=totals
        )
        if not balance.trivial:
            a, b = balance.derivative(a, 0), balance.derivative(b, 1)
        points = [None if z is None else self.units.slopes(z) for z in (x, y)]
        return Gradients(*points, *map(self.units.potentials, (a, b)), residual=certificate.marginal_error)

    def handed_back(self, found: Gradients) -> Gradients:
        """Entropic gradients that are arrays of doubles, as the caller's."""
        points = self.of_points([found.x, found.y], exact=False)
        return replace(
            found, x=points[0], y=points[1], a=self.back(found.a, exact=False), b=self.back(found.b, exact=False)
        )

    def vjp(self, f: Any, g: Any, plan: tuple[Any, Any] | None) -> Gradients:
        """Derivatives through the optimum in the caller's units and library.

        The scaled problem is differentiated as it stands: only points and costs have other units there.
        """
        scaled, units, (n, m) = self.scaled, self.units, self.scaled.shape
        assert self.certificate.potentials is not None
        left, right = (np.zeros((n, 0)), np.zeros((m, 0))) if plan is None else arrays.pair(plan, "plan")
        of_f, of_g = (units.potentials(arrays.vector(z, k, name)) for z, k, name in ((f, n, "f"), (g, m, "g")))
        given = Cotangent(of_f, of_g, *arrays.factors(left, right, (n, m)))
        found = vjp(scaled.cost, scaled.marginals, scaled.epsilon, *self.certificate.potentials, given)
        given_back = [None if z is None else units.cotangent_of_points(z) for z in (found.x, found.y)]
        points = self.of_points(given_back, exact=False)
        C = None if found.C is None else self.back(units.cotangent_of_cost(found.C), exact=False)
        weights = [self.back(z, exact=False) for z in (found.a, found.b)]
        residual = max(found.residual or 0.0, self.certificate.marginal_error)
        return Gradients(*points, *weights, residual=residual, C=C)

    def plot(self, title: str, ax: Any = None) -> Any:
        """Draw the plan: what :meth:`otgen.Result.plot` does."""
        return draw(self.problem, self.plan(), title, ax)

    def save_proof(self, path: Any, *, embed: bool = True) -> None:
        """Write a proof file: what :meth:`otgen.Result.save_proof` does."""
        save_proof(path, self.problem, self.claim(), mass=self.units.mass, root=self.units.root, embed=embed)

    def claim(self) -> Claim:
        """What is claimed, spelt out and in the caller's units."""
        certificate, plan = self.certificate, self.certificate.plan
        if self.problem.bottleneck:
            return line_claim(self.problem) if isinstance(plan, MonotonePlan) else self.given
        if certificate.lower == math.inf:
            return Claim(ray=certificate.potentials)  # of no unit
        potentials = self.unrounded_potentials()
        if isinstance(plan, MonotonePlan):
            (one, other), steps = plan.orders, plan.steps
            return Claim(Flows(one[steps.rows], other[steps.columns], steps.high, steps.low), potentials)
        if isinstance(plan, SparsePlan):
            return Claim(Flows(plan.rows, plan.columns, plan.values, plan.low), potentials)
        return Claim(potentials=potentials)

    def of_points(self, pair: list[Any], *, exact: bool = True) -> list[Any]:
        """Derivatives in both clouds, of the shapes in which these came, in the caller's library."""
        sides = self.problem.source, self.problem.target
        return [None if z is None else self.back(side.shaped(z), exact=exact) for z, side in zip(pair, sides)]

    def back(self, array: Floats, *, exact: bool = True) -> Any:
        """An array in the caller's library."""
        return self.problem.source.origin.back(array, exact=exact)
