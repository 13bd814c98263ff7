"""Proofs for entropic transport, from any pair of potentials.

Lower. The dual is concave and unconstrained: every (f, g) gives
``a.f + b.g - epsilon (sum_ij a_i b_j K_ij - 1) <= min <P, C> + epsilon KL(P, a (x) b)`` with
``K_ij = exp((f_i + g_j - c_ij)/epsilon)``. At the optimum its error is of second order, so it is also the value.

Upper. The rounded plan is feasible (up to rounding): S = diag(u a) K diag(v b) plus a rank-one rest R = r s'. Costs of S need no
look at C, since its logarithms are known: with its marginals p and q,
``<S, C> + epsilon sum S log(S/ab) = p.(f + epsilon log u) + q.(g + epsilon log v)``. For the sum, relative entropy is jointly
convex: ``sum (S + R) log((S + R)/ab) <= sum S log(S/((1-t) ab)) + sum R log(R/(t ab))`` for any t in (0, 1). A marginal residual of
mass t is repaired by mixing in a coupling of the residuals: the objective grows by at most ``t (max c + epsilon log 1/(min a min b))``.

Rounding. What exponents are off by is a cost that is off by delta: sums of one matrix of exponentials are those of a problem whose costs are
within delta, and so is its value, times the mass, however small epsilon is beside delta.

Where epsilon is so large that the first has no digits left, the product plan proves more: :func:`_beside_product`.

Relaxed: a potential adds ``rho (1 - exp(-f/rho))`` to the dual in place of f, which again is a lower bound for every (f, g); and
every plan with the marginals that are not relaxed gives an upper bound, ``rho KL(P 1, a)`` added. A large rho makes that of a plan
that misses a little; where totals agree, the rounded plan with both marginals is one that pays nothing.

The same plan bounds the unregularised cost from above, and ``(f, min_i c_ij - f_i)`` from below: ``exact_bounds``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import UNIT, dots
from ..model.balance import Balance
from ..model.claim import Claim
from ..model.marginals import Marginals
from ..model.plan import DROPPED_BITS, EntropicPlan, rounded
from ..model.problem import Problem
from ..model.product_plan import mean_cost, most_saved
from .certificate import Certificate, above, below
from .dual import balanced, dual_value, least_value

_WIDE = 1e-6  # of the value: what an upper bound with both marginals may be above it anyway
_ALIKE = 1e-9  # by how much totals may differ of a plan with both marginals
_FAR = 5.0  # logarithm of a sum beyond which kernels may take terms relative to the largest, whose own logarithm is rounded then


class _Rounding(NamedTuple):
    """What sums over the plan are off by, relatively, and the costs in their exponents, as costs."""

    sums: Any
    costs: Any

    def and_of(self, logarithms: Floats, weights: Floats) -> _Rounding:
        """The same for sums of terms of some weights that have passed through logarithms: as many roundings as these, or those of terms, are large."""
        largest = np.max(np.abs(logarithms), axis=-1, where=np.isfinite(logarithms), initial=0.0)
        lightest = np.min(weights, axis=-1, where=weights > 0, initial=1.0)
        return self._replace(sums=self.sums + 6 * UNIT * np.where(largest > _FAR, largest - np.log(lightest), largest))


class Bounds(NamedTuple):
    """What is proven of one problem, or (B,) of a stack: the numbers of a :class:`Certificate`."""

    cost: Any
    lower: Any
    upper: Any
    scale: Any
    error: Any
    objective: Any
    exact: tuple[Any, Any] | None


def prove_entropic(problem: Problem, claim: Claim) -> Certificate:
    """Prove intervals for the entropic value and for the unregularised cost, from potentials of any kind.

    The plan is the Gibbs plan of the potentials moved onto the marginals, by :func:`otgen.model.plan.rounded`: whatever they are,
    it is a plan. Potentials of points with mass that are not finite count as 0.

    Returns
    -------
    Certificate
        Of kind ``entropic``: ``objective`` is the dual value, with bounds of the entropic value; ``cost`` is the plan's, and
        ``exact_bounds`` hold the unregularised cost.
    """
    balance, (n, m) = Balance.of(problem), problem.shape
    problem = balance.problem
    pair = balance.lowered(*(claim.potentials or (np.zeros(n), np.zeros(m))), claim.constants)
    f, g = (np.where(np.isfinite(z), z, 0.0) for z in pair)
    plan = EntropicPlan(problem.cost, f, g, problem.epsilon, *problem.masses)
    plan = plan if problem.cost.forbids and not problem.relaxed else rounded(plan, problem.relax)
    judged = _plan_with_mass(plan)
    found = entropic_bounds(judged, problem.relax, exact=not problem.as_received, whole=balance.whole)
    for each in (plan, judged):  # plans last as long as results
        each.cost.passes.release()
    return entropic_certificate(Bounds(*map(_number, found)), plan, balance)


def entropic_certificate(found: Bounds, plan: EntropicPlan, balance: Balance) -> Certificate:
    """The certificate of a problem from the bounds of its balanced one, and their plan, of one problem both."""
    cost, lower, upper, scale, error, dual, exact = found
    (f, g), (s, t) = (plan.f, plan.g), balance.constants
    if not balance.trivial:
        more = balance.value
        lower, upper = below(lower + more, balance.slack(scale)), above(upper + more, balance.slack(scale, error))
        least = least_value(plan.cost)
        dual, lower, scale = max(dual + more, least), max(lower, least), scale + abs(more)
        f, g = f + s, g + t
    return Certificate("entropic", cost, lower, upper, scale, error, plan, (f, g), dual, exact)


def _number(bound: Any) -> Any:
    """One of the numbers of a single problem's bounds, as Python has it."""
    return bound if bound is None else (float(bound[0]), float(bound[1])) if isinstance(bound, tuple) else float(bound)


def entropic_bounds(plan: EntropicPlan, relax: tuple[float, float], *, exact: bool, whole: Any = None) -> Bounds:
    """The bounds of a rounded plan's problem, or of a stack of them; with ``exact`` also those of the unregularised cost.

    ``whole`` is the mass that entropy is relative to, where it is not that of ``a (x) b``, as in a :class:`otgen.model.balance.Balance`. Points without mass need finite potentials.
    """
    f, g, epsilon, cost = plan.f, plan.g, np.asarray(plan.epsilon), plan.cost
    goal = Marginals(plan.a, plan.b, relax, whole=whole)
    a, b, whole = goal.a, goal.b, goal.product_mass
    terms = (sum(plan.shape) + 16) * UNIT + 2.0**-DROPPED_BITS
    off = cost.exponent_error + 8 * UNIT * (np.abs(f).max(-1) + np.abs(g).max(-1) + epsilon)
    log_rows, columns = cost.sweep(f, g, a, b, plan.epsilon, 0.0, cut=DROPPED_BITS)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = a * np.exp(log_rows)
        mass = rows.sum(-1)
        missed = rows - goal.target(f, 0), b * columns - goal.target(g, 1)
        error = goal.relative_error(np.maximum(*(np.abs(side).sum(-1) for side in missed)), mass)
        rounding = _Rounding(terms, off).and_of(log_rows, b)
        gains = goal.dual_term(f, 0), goal.dual_term(g, 1)
        expm1_error = [1.0 if math.isinf(rho) else 1.0 + np.abs(z) / rho for z, rho in zip((f, g), relax)]  # of expm1
        sized = dots(a, np.abs(gains[0]) * expm1_error[0]) + dots(b, np.abs(gains[1]) * expm1_error[1])
        dual = dots(a, gains[0]) + dots(b, gains[1]) - epsilon * (mass - whole)
        rounding_bound = 12 * UNIT * (sized + epsilon * whole) + np.maximum(mass, whole) * epsilon * rounding.sums
        rounding_bound = rounding_bound + _dearer(goal, f, g, off)
        # Far from done, a mass or a price may be beyond all floats.
        proves = np.isfinite(mass) & np.isfinite(sized) & np.isfinite(dual)
        dual, sized = np.where(proves, dual, -np.inf), np.where(proves, sized, -np.inf)
        lower = np.where(proves, _bound_below(dual, 1.01 * rounding_bound), -np.inf)
    scale = np.maximum(np.abs(dual), sized)
    if not cost.passes.coherent:
        with np.errstate(over="ignore"):
            rounding = rounding._replace(sums=rounding.sums + np.expm1(off / epsilon))
    if min(relax) < math.inf:
        upper, spent = _relaxed_primal(plan, goal, rounding)
        upper = _beside_met(plan, goal, rounding, lower, upper)
        upper = _beside_kept(plan, goal, rounding, lower, upper, error)
        lower, upper, dual = _nearer(plan, goal, lower, upper, dual)
        return Bounds(spent, lower, upper, scale, error, dual, None)
    with np.errstate(over="ignore", invalid="ignore"):
        upper, spent, spent_upper = _primal_bound(plan, goal, rounding)
        lower, upper, dual = _nearer(plan, goal, lower, upper, dual)
        bounds = (_unregularised_bound(plan), _without_nan(spent_upper)) if exact else None
    return Bounds(spent, lower, _without_nan(upper), scale, error, dual, bounds)


def _nearer(plan: EntropicPlan, goal: Marginals, lower: Any, upper: Any, dual: Any) -> tuple[Any, Any, Any]:
    """The bounds and the value, brought nearer where no cost is negative, as no divergence is, and beside the product plan."""
    least = np.where(goal.as_posed, least_value(plan.cost), -np.inf)
    return _beside_product(plan, goal, np.fmax(lower, least), upper, np.fmax(dual, least))


def _beside_product(plan: EntropicPlan, goal: Marginals, lower: Any, upper: Any, dual: Any) -> tuple[Any, Any, Any]:
    """The bounds and the value, brought nearer where the product plan knows more, as in :mod:`otgen.model.product_plan`."""
    cost, saved = plan.cost, most_saved(plan.cost, goal, plan.epsilon)
    if not np.any(saved < upper - lower):
        return lower, upper, dual
    mean, terms = mean_cost(cost, plan.a, plan.b), (sum(plan.shape) + 16) * UNIT
    margin = 4 * (terms * cost.highest + cost.exponent_error)
    paid = sum(rho * terms**2 for rho in goal.relax if rho < math.inf)  # for masses that are 1 to rounding
    lower = np.fmax(lower, _bound_below(mean - saved, margin))
    upper = np.where(saved < math.inf, np.fmin(upper, _bound_above(mean, margin + paid)), upper)
    return lower, upper, np.clip(dual, mean - saved, np.where(saved < math.inf, mean, np.inf))


def _without_nan(upper: Any) -> Any:
    """An upper bound, or the one that says nothing where rounding was beyond all floats."""
    return np.where(np.isnan(upper), np.inf, upper)


def _unregularised_bound(plan: EntropicPlan) -> Any:
    """A lower bound of the unregularised cost: f is a potential for that too, with the g that is feasible beside it; and where no cost is
    negative, 0.
    """
    f, _ = balanced(plan.a, plan.b, plan.f, plan.g)
    lower, _, rounding_bound = dual_value(plan.cost, plan.a, plan.b, f, plan.cost.column_minima(f))
    return np.fmax(_bound_below(lower, rounding_bound), least_value(plan.cost))


def _plan_with_mass(plan: EntropicPlan) -> EntropicPlan:
    """A plan without the points that carry nothing, whose potentials may be anything."""
    rows, columns = np.flatnonzero(plan.a), np.flatnonzero(plan.b)
    (n, m), cost = plan.shape, plan.cost
    whole = len(rows) == n and len(columns) == m
    if whole and all(np.ndim(field) for field in (plan.u, plan.v, plan.r, plan.s)):
        return plan
    if not whole:
        cost = cost.restricted(rows, columns)
    f, a, u, r = (np.broadcast_to(z, (n,))[rows] for z in (plan.f, plan.a, plan.u, plan.r))
    g, b, v, s = (np.broadcast_to(z, (m,))[columns] for z in (plan.g, plan.b, plan.v, plan.s))
    return EntropicPlan(cost, f, g, plan.epsilon, a, b, u, v, r, s)


def _relaxed_primal(plan: EntropicPlan, goal: Marginals, rounding: _Rounding) -> tuple[Any, Any]:
    """What the plan is worth, from above, where a marginal is relaxed: every plan is allowed. And its cost."""
    epsilon, a, b, u, v = np.asarray(plan.epsilon), plan.a, plan.b, plan.u, plan.v
    rows, columns = plan.smooth_marginals()
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        rounding = rounding.and_of(np.log(rows / (u * a)), v * b)
        cost = (u * a * plan.cost.gibbs_cost(plan.f, plan.g, plan.epsilon, v * b)).sum(-1)
        value = _weighted_sum(rows, plan.f + epsilon[..., None] * np.log(u))
        value = value + _weighted_sum(columns, plan.g + epsilon[..., None] * np.log(v))
        value = value + epsilon * (goal.product_mass - rows.sum(-1))
        size = _rounding_size(plan, rows, columns) + epsilon * goal.product_mass
        met: Any = True
        for weights, sums, rho in zip((a, b), (rows, columns), goal.relax):
            if math.isinf(rho):  # scaled to meet it; what rounding leaves is repaired by mixing, as in `_primal_bound`
                missed = np.abs(sums - weights).sum(-1)  # much, where a kernel is beyond all floats or lost to 0
                met = met & (missed <= 4 * rounding.sums * goal.max_mass)
                size = size + 2 * goal.max_mass * (plan.cost.highest + epsilon * _least_logarithm(plan, goal))
                continue
            divergences = np.log(sums / weights)
            mass = weights.sum(-1)
            value = value + rho * (_weighted_sum(sums, divergences) - sums.sum(-1) + mass)
            size = size + rho * (_weighted_sum(sums, np.abs(divergences) + 2.0) + mass)
        upper = _bound_above(value, 4 * rounding.sums * size + 1.01 * rounding.costs * rows.sum(-1))
    # far from done, the plan's mass is beyond all floats
    return np.where(np.isfinite(upper) & met, upper, np.inf), np.where(np.isfinite(cost), cost, np.inf)


def _beside_met(plan: EntropicPlan, goal: Marginals, rounding: _Rounding, lower: Any, upper: Any) -> Any:
    """The upper bounds, wide ones brought nearer by the plan moved onto both marginals, where their totals nearly agree.

    In units of the totals A, B, for a plan ``P = A Q``, ``KL(P, a (x) b) = A KL(Q, ...) + A B - A (1 + log B)``, and it misses b by
    ``A log(A / B) - A + B``.
    """
    one, other = (np.asarray(total) for total in goal.totals)
    terms = (sum(plan.shape) + 16) * UNIT
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other) / one
        wanted = (apart <= _ALIKE) & (upper - lower > _WIDE * np.abs(lower))
    if not np.any(wanted):
        return upper
    epsilon, more = np.asarray(plan.epsilon), np.log(other)
    a, b, f = plan.a / one[..., None], plan.b / other[..., None], plan.f + (epsilon * more)[..., None]
    met = rounded(EntropicPlan(plan.cost, f, plan.g, plan.epsilon, a, b))
    with np.errstate(over="ignore", invalid="ignore"):
        moved = rounding._replace(sums=rounding.sums + 8 * UNIT * np.abs(more))
        bound, _, _ = _primal_bound(met, Marginals(a, b), moved)
        sizes = np.abs(bound) + epsilon * (goal.product_mass / one + 1 + np.abs(more))
        missed = sum(rho * (2 * terms + apart) ** 2 for rho in goal.relax if rho < math.inf)
        value = one * (bound - epsilon * (1 + more)) + epsilon * goal.product_mass
        nearer = _bound_above(value, one * (4 * terms * sizes + missed))
    met.cost.passes.release()
    return np.where(wanted, np.fmin(upper, nearer), upper)


def _beside_kept(plan: EntropicPlan, goal: Marginals, rounding: _Rounding, lower: Any, upper: Any, error: Any) -> Any:
    """The upper bounds, wide ones brought nearer by the plan moved onto the dearer marginal alone, where that pays for what it misses."""
    one, other = goal.relax
    dearest = max(one, other)
    if one == other or dearest == math.inf:
        return upper
    with np.errstate(over="ignore", invalid="ignore"):
        paid = dearest * (error * error) * goal.max_mass
        wanted = (upper - lower > _WIDE * np.abs(lower)) & (paid > _WIDE * np.abs(lower))
    if not np.any(wanted):
        return upper
    kept = replace(goal, relax=(math.inf, other) if one == dearest else (one, math.inf))
    bound, _ = _relaxed_primal(rounded(plan, kept.relax), kept, rounding)
    return np.where(wanted, np.fmin(upper, bound), upper)


def _primal_bound(plan: EntropicPlan, goal: Marginals, rounding: _Rounding) -> tuple[Any, Any, Any]:
    """An upper bound of the value; the plan's cost, and an upper bound of the unregularised cost."""
    cost, epsilon = plan.cost, np.asarray(plan.epsilon)
    a, b, u, v, r, s = plan.a, plan.b, plan.u, plan.v, np.asarray(plan.r), np.asarray(plan.s)
    rows, columns = plan.smooth_marginals()
    smooth = (u * a * cost.gibbs_cost(plan.f, plan.g, plan.epsilon, v * b)).sum(-1)
    rest = (r * cost.sums(s)).sum(-1) if r.any() else np.zeros_like(smooth)
    spent = smooth + rest
    if cost.forbids:  # a rank-one repair might use forbidden pairs, so no finite upper bound is claimed
        return np.inf, spent, np.inf
    of_r, of_s, mass = r.sum(-1), s.sum(-1), rows.sum(-1)
    t = of_r * of_s
    with np.errstate(divide="ignore", invalid="ignore"):
        rounding = rounding.and_of(np.log(rows / (u * a)), v * b)
        value = _weighted_sum(rows, plan.f + epsilon[..., None] * np.log(u))
        value = value + _weighted_sum(columns, plan.g + epsilon[..., None] * np.log(v))
        entropy = _weighted_sum(r, np.log(r / a)) * of_s + of_r * _weighted_sum(s, np.log(s / b))
        share = np.clip(np.where(t > 0, t / (mass + t), 0.0), 2.0**-100, 0.5)
    divergence = entropy - t * np.log(share) - mass * np.log1p(-share) + goal.product_mass - mass - t
    value = value + rest + epsilon * divergence
    highest, depth = cost.highest, _least_logarithm(plan, goal)
    residual = np.abs(rows + r * of_s[..., None] - a).sum(-1) + np.abs(columns + s * of_r[..., None] - b).sum(-1)
    residual = residual + 2 * rounding.sums * goal.max_mass
    with np.errstate(divide="ignore"):
        # small entries are dear to take from: -x log x is steep at 0
        taken = np.maximum(depth, np.log(goal.product_mass) - np.log(residual))
    repair = residual * (highest - np.minimum(0.0, cost.range()[0]) + epsilon * taken)
    size = _rounding_size(plan, rows, columns) + np.abs(rest) + goal.max_mass * highest
    rounded_off = rounding.sums * (size + epsilon * (depth + np.abs(entropy) + goal.product_mass))
    upper = _bound_above(value, 1.01 * (repair + rounded_off + rounding.costs * (mass + t)))
    relative_error = rounding.sums + np.expm1(
        2 * rounding.costs / epsilon
    )  # these costs are summed by other exponentials
    return upper, spent, _bound_above(spent, 1.01 * (residual * highest + relative_error * (highest + np.abs(spent))))


def _dearer(goal: Marginals, f: Floats, g: Floats, off: Any) -> Any:
    """How much lower the value may be where costs are less by ``off``: what a potential less by as much takes from the dual, on either side."""
    taken: list[Any] = []
    for side, (potential, rho) in enumerate(zip((f, g), goal.relax)):
        more = off if math.isinf(rho) else rho * np.expm1(off / rho)
        taken.append(more * goal.target(potential, side).sum(-1))
    return np.fmin(*taken)


def _rounding_size(plan: EntropicPlan, rows: Floats, columns: Floats) -> Any:
    """What rounding in sums over potentials, and over the logarithms of the scalings, is relative to."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scalings = _weighted_sum(rows, np.abs(np.log(plan.u))) + _weighted_sum(columns, np.abs(np.log(plan.v)))
    potentials = _weighted_sum(rows, np.abs(plan.f)) + _weighted_sum(columns, np.abs(plan.g))
    return potentials + plan.epsilon * scalings


def _least_logarithm(plan: EntropicPlan, goal: Marginals) -> Any:
    """The logarithm of how far the smallest entry of ``a (x) b`` lies below the total mass; 0 where it lies above."""
    smallest = (np.min(side, axis=-1, where=side > 0, initial=np.inf) for side in (plan.a, plan.b))
    one, other = (np.log(least) for least in smallest)
    return np.maximum(np.log(np.maximum(goal.max_mass, 1.0)) - one - other, 0.0)


def _weighted_sum(weights: Floats, values: Floats) -> Any:
    """``sum w v`` where w is positive."""
    return np.sum(weights * values, axis=-1, where=weights > 0)


def _bound_below(value: Any, margin: Any) -> Any:
    """``value - margin``, and past the rounding of that."""
    return np.nextafter(value - margin, -np.inf)


def _bound_above(value: Any, margin: Any) -> Any:
    """``value + margin``, and past the rounding of that."""
    return np.nextafter(value + margin, np.inf)
