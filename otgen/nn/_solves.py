"""What an autograd framework needs of transport, arrays in and arrays out: values, gradients, products with the Hessian.

Everything is a batch, x (B, n, d), y (B, m, d), a (B, n), b (B, m), and float64; weights are as :class:`Terms` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..distances import small_batch
from ..distances.batch import HELD
from ..distances.gradients import envelope
from ..distances.implicit import hessian_product
from ..distances.small import is_small, known
from ..distances.small_stack import Stack
from ..distances.small_stack import Terms as Asked
from ..distances.solve import claimed, run
from ..errors import NotConverged, warn
from ..inputs.types import Floats
from ..kernels import dense_stack, sinkhorn_small
from ..kernels.double_double import dot
from ..kernels.ground_cost import own
from ..model import units
from ..model.claim import Claim
from ..model.cost import Circular, Cost, Metric, Minkowski, PointCost
from ..model.marginals import Marginals
from ..model.plan import MonotonePlan
from ..model.problem import Problem
from ..model.product_plan import mean_cost, most_saved, with_digits
from ..model.status import Status
from ..model.units import Units
from ..solvers import Auto, Flows, Sinkhorn, sinkhorn_held
from ..solvers.sinkhorn_held import HeldProblem
from ..underflow import may_underflow

_TRUSTED = 1e-3  # relative residual above which a second derivative is none
_SWALLOWED = 1e-7  # of the potentials: a cost below may be a digit or two of their rounding


@dataclass(frozen=True)
class Terms:
    """What entropic values are asked for.

    ``relax`` are the strengths of the two sides. Where they are infinite, weights come divided by their sums; else as received.
    ``symmetric`` says that both sides are the same measure, ``device`` where pairs are computed unless there are few.
    """

    p: float = 2.0
    metric: Metric = "euclidean"
    tol: float = 1e-6
    max_iter: int = 10_000
    relax: tuple[float, float] = (math.inf, math.inf)
    symmetric: bool = False
    device: str = "cpu"

    def problem(self, x: Floats, y: Floats, a: Floats, b: Floats, epsilon: float) -> Problem:
        """One problem of a batch."""
        problem = _problem(x, y, a, b, self.p, self.metric, self.device)
        received = min(self.relax) < math.inf
        return replace(problem, epsilon=epsilon, relax=self.relax, symmetric=self.symmetric, as_received=received)


def _problem(x: Floats, y: Floats, a: Floats, b: Floats, p: float, metric: Metric, device: str) -> Problem:
    """One problem; a small one stays on the host, where it is solved before a device would have been asked."""
    problem = Problem.from_points(x, y, a, b, p=p, metric=metric, normalize=True)
    return problem if on_host(problem.shape, device) else problem.on(device)


@may_underflow
def mean_costs(x: Floats, y: Floats, a: Floats, b: Floats, p: float, metric: Metric, device: str = "cpu") -> Floats:
    """``sum_ij a_i b_j c_ij``, of probabilities: (B,)."""
    return np.array([units.mean_cost(_problem(*four, p, metric, device)) for four in zip(x, y, a, b)])


@may_underflow
def entropic(
    terms: Terms, x: Floats, y: Floats, a: Floats, b: Floats, epsilon: Floats, *, throw: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Entropic values (B,) and potentials (B, n), (B, m), at ``epsilon`` (B,): dual values, without the bounds that a loss would drop."""
    solver = Sinkhorn(tol=terms.tol, max_iter=terms.max_iter)
    values, f, g, done = np.empty(len(x)), np.empty(a.shape), np.empty(b.shape), np.zeros(len(x), bool)
    step = max(1, HELD // (x.shape[1] * y.shape[1]))
    for some in (slice(start, start + step) for start in range(0, len(x), step)):
        cost = _stack(terms, x[some], y[some], epsilon[some])
        if cost is not None:
            values[some], f[some], g[some], done[some] = _stacked(terms, solver, cost, a[some], b[some], epsilon[some])
    for k in np.flatnonzero(~done):
        problem = terms.problem(x[k], y[k], a[k], b[k], float(epsilon[k]))
        values[k], f[k], g[k], converged = _alone(problem, solver)
        if throw and not converged:
            run(problem, solver)  # raises, with the bounds that were reached
    return values, f, g


@may_underflow
def tightened(
    terms: Terms,
    x: Floats,
    y: Floats,
    a: Floats,
    b: Floats,
    epsilon: Floats,
    values: Floats,
    f: Floats,
    g: Floats,
    tolerances: Floats,
    *,
    throw: bool = True,
) -> tuple[Floats, Floats, Floats]:
    """What :func:`entropic` found, iterated further where ``tolerances`` (B,) are far below what it was solved to.

    Where that is not reached potentials stay those that were found, with a warning if the limit raises.
    """
    values, f, g = values.copy(), f.copy(), g.copy()
    levels = halvings(terms.tol, tolerances)
    for level in np.unique(levels[levels > 1]):
        solver, some = Sinkhorn(tol=float(terms.tol * 2.0**-level), max_iter=terms.max_iter), levels == level
        five = x[some], y[some], a[some], b[some], epsilon[some]
        value, one, other, done = _continued(terms, solver, *five, (f[some].copy(), g[some].copy()))
        reached = np.flatnonzero(some)[done]
        values[reached], f[reached], g[reached] = value[done], one[done], other[done]
        if throw and not done.all():
            warn(not_reached(terms.tol, float(level), terms.max_iter))
    return values, f, g


def halvings(tol: float, tolerances: Floats) -> Floats:
    """How often ``tol`` is halved to fall to ``tolerances``; once is not worth more iterations."""
    return np.ceil(np.log2(tol / tolerances))


def not_reached(tol: float, level: float, max_iter: int) -> str:
    """What is said where ``tol``, halved ``level`` times, was not reached."""
    return (
        f"the marginal error {tol * 2.0**-level:.1e}, to which the gradient of so small a divergence is known to {tol:g}, was not "
        f"reached in {max_iter} iterations more: it may be off by {2.0**level:.0f} times that; raise max_iter or epsilon"
    )


def _continued(
    terms: Terms, solver: Sinkhorn, x: Floats, y: Floats, a: Floats, b: Floats, epsilon: Floats, start: Any
) -> tuple[Floats, Floats, Floats, Any]:
    """Values, potentials and which are done, from the potentials ``start`` on."""
    cost = _stack(terms, x, y, epsilon)
    if cost is not None:
        return _stacked(terms, solver, cost, a, b, epsilon, start)
    (f, g), values, done = start, np.empty(len(x)), np.zeros(len(x), bool)
    for k in range(len(x)):
        problem = terms.problem(x[k], y[k], a[k], b[k], float(epsilon[k]))
        values[k], f[k], g[k], done[k] = _alone(problem, solver, (f[k], g[k]))
    return values, f, g, done


def _stack(terms: Terms, x: Floats, y: Floats, epsilon: Floats) -> PointCost | None:
    """The costs of all problems, where they are small, between points that are far from the ends of the range of floats."""
    named = isinstance(terms.metric, str | Minkowski | Circular)
    if not (named and len(x) and sinkhorn_small.suits((x.shape[1], y.shape[1]))):
        return None
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    assert not callable(terms.metric)
    cost = PointCost(x, y, terms.metric, terms.p)
    return cost if cost.plain and (epsilon >= 1e-12 * cost.highest).all() else None


def _stacked(
    terms: Terms, solver: Sinkhorn, cost: PointCost, a: Floats, b: Floats, epsilon: Floats, start: Any = None
) -> tuple[Any, Floats, Floats, Any]:
    """Values, potentials and which of them are done, of small problems at once, from the potentials ``start`` if given."""
    goal = Marginals(a, b, terms.relax)
    held = HeldProblem(cost.block(), goal, epsilon, cost.highest, terms.symmetric)
    out = sinkhorn_held.solve(held, solver.schedule, solver.tol, solver.max_iter, start)
    return _dual(cost, goal, epsilon, out.f, out.g), out.f, out.g, out.done


def _alone(problem: Problem, solver: Sinkhorn, start: Any = None) -> tuple[float, Floats, Floats, bool]:
    """Value, potentials and whether they are done, of one problem, from the potentials ``start`` if given."""
    scaled = units.scaled(problem)
    solution, back = claimed(scaled, solver, init=start), Units.of(scaled)
    if solution.claim.potentials is None:
        run(problem, solver)  # raises: there is no plan
    assert solution.claim.potentials is not None
    f, g = (z + more for z, more in zip(solution.claim.potentials, solution.claim.constants))
    value = back.cost(float(_dual(scaled.cost, scaled.marginals, scaled.epsilon, f, g)))
    return value, back.potentials(f), back.potentials(g), solution.status is Status.CONVERGED


def _dual(cost: Cost, goal: Marginals, epsilon: Any, f: Floats, g: Floats) -> Any:
    """Dual values of potentials."""
    log_rows, _ = cost.sweep(f, g, goal.a, goal.b, epsilon, 0.0)
    value = goal.dual(f, g, epsilon, (goal.a * np.exp(log_rows)).sum(-1))
    return with_digits(value, most_saved(cost, goal, epsilon), epsilon, lambda: mean_cost(cost, goal.a, goal.b))


@may_underflow
def entropic_gradients(
    terms: Terms, x: Floats, y: Floats, a: Floats, b: Floats, epsilon: Floats, f: Floats, g: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Gradients of entropic values at potentials, in x, y, a and b; those of the weights known up to a constant where met."""
    if not len(x):
        return x.copy(), y.copy(), a.copy(), b.copy()
    cost = _stack(terms, x, y, epsilon)
    if cost is not None:
        (in_x, in_y), (in_a, in_b) = envelope(
            cost, Marginals(a, b, terms.relax), epsilon, f, g, symmetric=terms.symmetric
        )
        return in_x, in_y, in_a, in_b
    out: Any = tuple(np.empty(z.shape) for z in (x, y, a, b))
    for k, scaled in enumerate(_scaled(terms, x, y, a, b, epsilon)):
        back = Units.of(scaled)
        pair = back.potentials_in(f[k]), back.potentials_in(g[k])
        points, weights = envelope(scaled.cost, scaled.marginals, scaled.epsilon, *pair, symmetric=scaled.symmetric)
        for target, found in zip(out[:2], points):
            target[k] = back.slopes(found)
        for target, found in zip(out[2:], weights):
            target[k] = back.potentials(found)
    return out


@may_underflow
def entropic_hessian_product(
    terms: Terms,
    x: Floats,
    y: Floats,
    a: Floats,
    b: Floats,
    epsilon: Floats,
    f: Floats,
    g: Floats,
    *along: Floats,
    throw: bool = True,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The Hessians of entropic values times directions in x, y, a and b."""
    out: Any = tuple(np.empty(z.shape) for z in (x, y, a, b))
    for k in range(len(x)):
        problem = terms.problem(x[k], y[k], a[k], b[k], float(epsilon[k]))
        direction: Any = tuple(part[k] for part in along)
        found, residual = hessian_product(
            problem.cost.clouds, problem.marginals, problem.epsilon, f[k], g[k], direction
        )
        if throw and not residual <= _TRUSTED:
            raise NotConverged(
                f"the linear system of a second derivative was solved to a residual of {residual:.1e} only; raise epsilon"
            )
        for target, part in zip(out, found):
            target[k] = part
    return out


@may_underflow
def exact(
    x: Floats, y: Floats, a: Floats, b: Floats, *, p: float, metric: Metric, device: str = "cpu"
) -> tuple[Floats, np.ndarray, np.ndarray, Floats, Floats, Floats]:
    """Exact costs (B,), optimal plans as rows, columns and values, (B, n + m) each, padded with zeros, and potentials."""
    size, n, m = len(x), x.shape[1], y.shape[1]
    out, done = _empty(size, n, m), np.zeros(size, bool)
    small = p <= units.STEEP and on_host((n, m), device) and is_small(n, m)
    measured = known(metric, p, x.shape[2]) if small else None
    step = max(1, small_batch.HELD // (n * m + (n + m) * x.shape[2]))
    for some in (slice(start, start + step) for start in range(0, size if measured else 0, step)):
        done[some] = _in_a_stack([z[some] for z in out], x[some], y[some], a[some], b[some], measured, p)
    for k in np.flatnonzero(~done).tolist():
        _put(out, k, *_exactly(_problem(x[k], y[k], a[k], b[k], p, metric, device)))
    return out


def _empty(size: int, n: int, m: int) -> tuple[Floats, np.ndarray, np.ndarray, Floats, Floats, Floats]:
    """Room for exact answers: costs, plans, potentials."""
    rows, columns = np.zeros((size, n + m), np.int64), np.zeros((size, n + m), np.int64)
    return np.empty(size), rows, columns, np.zeros((size, n + m)), np.empty((size, n)), np.empty((size, m))


def _put(out: Any, k: int, cost: float, flows: Flows, potentials: tuple[Floats, Floats]) -> None:
    """The answer of the k-th problem, into ``out``."""
    costs, rows, columns, values, f, g = out
    used = np.flatnonzero(flows.high > 0)
    rows[k], columns[k] = flows.rows[used[0]], flows.columns[used[0]]  # padding that is no pair far away
    rows[k, : len(used)], columns[k, : len(used)] = flows.rows[used], flows.columns[used]
    values[k, : len(used)], costs[k] = flows.high[used], cost
    f[k], g[k] = potentials


@may_underflow
def matrix_exact(C: Floats, a: Floats, b: Floats) -> tuple[Floats, np.ndarray, np.ndarray, Floats, Floats, Floats]:
    """As :func:`exact`, of listed costs (B, n, m)."""
    size, n, m = C.shape
    out = _empty(size, n, m)
    done, step = np.zeros(size, bool), max(1, small_batch.HELD // (n * m))
    for some in (slice(start, start + step) for start in range(0, size if is_small(n, m) else 0, step)):
        where = dense_stack.layout(*(np.full(len(C[some]), k) for k in (n, m)))
        costs, left, right = (own(z[some].ravel(), z.dtype) for z in (C, a, b))
        stack = Stack.of_costs(costs, left, right, where, Asked(1.0, False, True, (True, True)))
        done[some] = _unstacked([z[some] for z in out], stack)
    for k in np.flatnonzero(~done).tolist():
        _put(out, k, *_exactly(Problem.from_matrix(C[k], a[k], b[k], normalize=True)))
    return out


@may_underflow
def matrix_potentials(
    terms: Terms, C: Floats, a: Floats, b: Floats, epsilon: Floats, *, throw: bool = True
) -> tuple[Floats, Floats]:
    """Entropic potentials (B, n), (B, m) of listed costs (B, n, m)."""
    solver = Sinkhorn(tol=terms.tol, max_iter=terms.max_iter)
    f, g, received = np.empty(a.shape), np.empty(b.shape), min(terms.relax) < math.inf
    for k in range(len(C)):
        plain = Problem.from_matrix(C[k], a[k], b[k], epsilon=float(epsilon[k]), normalize=True)
        problem = replace(plain, relax=terms.relax, as_received=received)
        _, f[k], g[k], converged = _alone(problem, solver)
        if throw and not converged:
            run(problem, solver)  # raises, with the bounds that were reached
    return f, g


def on_host(shape: tuple[int, int], device: str) -> bool:
    """Whether a problem is solved on the host, before a device would have been asked."""
    return device == "cpu" or sinkhorn_small.suits(shape)


def _in_a_stack(out: list[Any], x: Floats, y: Floats, a: Floats, b: Floats, cost: Any, p: float) -> Any:
    """Exact answers of small problems at once, into ``out``; which of them are there, (B,)."""
    (size, n), m = a.shape, b.shape[1]
    (one, other), (left, right) = (
        [own(z.reshape(-1, *z.shape[2:]), z.dtype) for z in pair] for pair in ((x, y), (a, b))
    )
    where = dense_stack.layout(np.full(size, n), np.full(size, m))
    return _unstacked(
        out, Stack.of_points(one, other, left, right, cost, where, Asked(float(p), False, True, (True, True)))
    )


def _unstacked(out: list[Any], stack: Any) -> Any:
    """The answers of problems of one size, into ``out``; which of them are there, (B,)."""
    if not isinstance(stack, Stack):
        return False
    (size, n), m = out[4].shape, out[5].shape[1]
    claims, entries = stack.claims, (size, n + m)
    used = np.arange(n + m) < claims.counts[:, None]
    pairs = [z.reshape(entries) for z in claims.indices]
    padded = [np.where(used, z, z[:, :1]) for z in pairs]  # padding that is no pair far away
    values = np.where(used, claims.flows[0].reshape(entries), 0.0)
    found = stack.values[:, 3], *padded, values, claims.f.reshape(size, n), claims.g.reshape(size, m)
    for target, part in zip(out, found):
        target[:] = part
    return stack.good


def _exactly(problem: Problem) -> tuple[float, Flows, tuple[Floats, Floats]]:
    """Cost, plan and potentials of an optimum; proven only where the proof is what makes them.

    At high orders, and where next to nothing moves beside the potentials, the proof tells whether the problem has to be solved again in the
    unit of the longest way of a plan.
    """
    scaled = units.scaled(problem)
    back, steep = Units.of(scaled), problem.p > units.STEEP
    claim = Claim() if steep else claimed(scaled, Auto()).claim
    flows, potentials = claim.flows, claim.potentials
    if flows is None or potentials is None or _is_swallowed(scaled, flows, potentials):
        result = run(problem, root=True)  # the distance is a float where its power is none, which is inf or 0 then
        assert result.cost is not None
        plan: Any = result.plan.sparse if isinstance(result.plan, MonotonePlan) else result.plan
        return result.cost, Flows(plan.rows, plan.columns, plan.values), result.potentials
    cost = back.cost(dot(flows.high, scaled.cost.pairs(flows.rows, flows.columns)))
    return cost, flows, (back.potentials(potentials[0]), back.potentials(potentials[1]))


def _is_swallowed(problem: Problem, flows: Flows, potentials: tuple[Floats, Floats]) -> bool:
    """Whether a plan between points costs so little beside potentials that their rounding decides which plan it is."""
    if problem.cost.entry is None:  # a callable may mean costs of any size
        return False
    largest = max(float(np.ptp(z)) for z in potentials)
    return dot(flows.high, problem.cost.pairs(flows.rows, flows.columns)) < _SWALLOWED * largest


def _scaled(terms: Terms, x: Floats, y: Floats, a: Floats, b: Floats, epsilon: Floats) -> list[Problem]:
    return [units.scaled(terms.problem(*five)) for five in zip(x, y, a, b, epsilon.tolist())]
