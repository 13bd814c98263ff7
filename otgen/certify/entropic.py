"""Proofs for entropic transport, from any pair of potentials.

Lower. The dual is concave and unconstrained: every (f, g) gives
``a.f + b.g - epsilon (sum_ij a_i b_j K_ij - 1) <= min <P, C> + epsilon KL(P, a (x) b)`` with
``K_ij = exp((f_i + g_j - c_ij)/epsilon)``. At the optimum its error is of second order, so it is also the value.

Upper. The rounded plan is feasible (up to rounding): S = diag(u a) K diag(v b) plus a rank-one rest R = r s'. Costs of S need no
look at C, since its logarithms are known: with its marginals p and q,
``<S, C> + epsilon sum S log(S/ab) = p.(f + epsilon log u) + q.(g + epsilon log v)``. For the sum, relative entropy is jointly
convex: ``sum (S + R) log((S + R)/ab) <= sum S log(S/((1-t) ab)) + sum R log(R/(t ab))`` for any t in (0, 1). A marginal residual of
mass t is repaired by mixing in a coupling of the residuals: the objective grows by at most ``t (max c + epsilon log 1/(min a min b))``.

Relaxed: a potential adds ``rho (1 - exp(-f/rho))`` to the dual in place of f, which again is a lower bound for every (f, g); and
every plan with the marginals that are not relaxed gives an upper bound, ``rho KL(P 1, a)`` added.

The same plan bounds the unregularised cost from above, and ``(f, min_i c_ij - f_i)`` from below: ``exact_bounds``.
"""

from __future__ import annotations

import math

import numpy as np

from ..kernels.accurate import UNIT, dot, total
from ..plan import EntropicPlan
from ..problem import Problem
from ..validation import Floats
from .certificate import Certificate, above, below
from .dual import certify_dual

_CUT = 64.0  # terms below 2 ** -64 are left out of sums, and charged


def certify_entropic(problem: Problem, plan: EntropicPlan, potentials: tuple[Floats, Floats]) -> Certificate:
    """Prove intervals for the entropic value and for the unregularised cost.

    Parameters
    ----------
    problem : Problem
        Scaled, with ``epsilon > 0``, its cost in float64.
    plan : EntropicPlan
        The rounded plan.
    potentials : (ndarray, ndarray)
        (n,) and (m,), float64.

    Returns
    -------
    Certificate
        Of kind ``entropic``: ``objective`` is the dual value, with bounds of the entropic value; ``cost`` is the plan's, and
        ``exact_bounds`` hold the unregularised cost.
    """
    f, g = potentials
    goal, epsilon = problem.marginals, problem.epsilon
    a, b = goal.a, goal.b
    f, g = np.where(a > 0, f, 0.0), np.where(b > 0, g, 0.0)
    terms = (sum(problem.shape) + 16) * UNIT
    argument = problem.cost.exponent_error + 8 * UNIT * float(np.abs(f).max() + np.abs(g).max())
    log_rows, columns = problem.cost.sweep(f, g, a, b, epsilon, 0.0, cut=_CUT)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = a * np.exp(log_rows)
        mass = float(rows.sum())
        missed = rows - goal.wanted(f, 0), b * columns - goal.wanted(g, 1)
        error = max(float(np.abs(side).sum()) for side in missed)
    gains = goal.gain(f, 0), goal.gain(g, 1)
    whole = total(a) * total(b)
    size = dot(a, np.abs(gains[0])) + dot(b, np.abs(gains[1]))
    dual = dot(a, gains[0]) + dot(b, gains[1]) - epsilon * (mass - whole)
    slip = 12 * UNIT * (size + epsilon * whole) + max(mass, whole) * (argument + epsilon * (terms + 2.0**-_CUT))
    lower = below(dual, 1.01 * slip)
    grain = argument / epsilon + terms
    if problem.relaxed:
        upper, cost = _relaxed_primal(problem, plan, grain)
        return Certificate("entropic", cost, lower, upper, max(abs(dual), size), error, potentials, dual)
    upper, cost, cost_upper = _primal(problem, plan, grain)
    exact = certify_dual(problem, None, potentials)
    return Certificate(
        "entropic", cost, lower, upper, max(abs(dual), size), error, potentials, dual, (exact.lower, cost_upper)
    )


def _relaxed_primal(problem: Problem, plan: EntropicPlan, grain: float) -> tuple[float, float]:
    """What the plan is worth, from above, where a marginal is relaxed: every plan is allowed. And its cost."""
    (a, b), epsilon = problem.masses, problem.epsilon
    u, v = (np.broadcast_to(z, (k,)) for z, k in ((plan.u, len(a)), (plan.v, len(b))))
    rows, columns = plan.smooth_marginals()
    cost = float(u * a @ problem.cost.gibbs_cost(plan.f, plan.g, epsilon, v * b))
    value = _weighted(rows, plan.f + epsilon * np.log(u)) + _weighted(columns, plan.g + epsilon * np.log(v))
    value += epsilon * (total(a) * total(b) - float(rows.sum()))
    size = _weighted(rows, np.abs(plan.f)) + _weighted(columns, np.abs(plan.g)) + epsilon * total(a) * total(b)
    for weights, sums, rho in zip((a, b), (rows, columns), problem.relax):
        if math.isinf(rho):  # scaled to meet it; what rounding leaves is repaired by mixing, as in `_primal`
            depth = -math.log(a[a > 0].min()) - math.log(b[b > 0].min())
            size += 2 * (max(map(abs, problem.cost.range())) + epsilon * depth)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            value += rho * (_weighted(sums, np.log(sums / weights)) - float(sums.sum()) + total(weights))
            size += rho * (_weighted(sums, np.abs(np.log(sums / weights)) + 2.0) + total(weights))
    return above(value, 4 * grain * size), cost


def _primal(problem: Problem, plan: EntropicPlan, grain: float) -> tuple[float, float, float]:
    """An upper bound of the value; the plan's cost, and an upper bound of the unregularised cost.

    ``grain`` bounds the relative error of an entry of the plan, and of its sums.
    """
    (a, b), epsilon, cost = problem.masses, problem.epsilon, problem.cost
    n, m = problem.shape
    u, v, r, s = (np.broadcast_to(z, (k,)) for z, k in ((plan.u, n), (plan.v, m), (plan.r, n), (plan.s, m)))
    rows, columns = plan.smooth_marginals()
    smooth = float(u * a @ cost.gibbs_cost(plan.f, plan.g, epsilon, v * b))
    rest = float(r @ cost.sums(s)) if r.any() else 0.0
    whole = smooth + rest
    if cost.forbids:  # a rank-one repair might use forbidden pairs, so no finite upper bound is claimed
        return math.inf, whole, math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _weighted(rows, plan.f + epsilon * np.log(u)) + _weighted(columns, plan.g + epsilon * np.log(v))
        entropy = _weighted(r, np.log(r / a)) * float(s.sum()) + float(r.sum()) * _weighted(s, np.log(s / b))
    t, mass = float(r.sum() * s.sum()), float(rows.sum())
    share = min(max(t, 2.0**-100), 0.5)
    divergence = entropy - t * math.log(share) - mass * math.log1p(-share) + 1.0 - mass - t
    value += rest + epsilon * divergence
    low, high = cost.range()
    highest = max(abs(low), abs(high))
    depth = -math.log(a[a > 0].min()) - math.log(b[b > 0].min())  # of the smallest entry of a (x) b
    residual = float(np.abs(rows + r * s.sum() - a).sum() + np.abs(columns + s * r.sum() - b).sum())
    residual += 2 * grain + 2.0 ** (2 - _CUT)
    size = _weighted(rows, np.abs(plan.f)) + _weighted(columns, np.abs(plan.g)) + abs(rest)
    repair = residual * (highest - min(0.0, low) + epsilon * depth)
    rounding = grain * (highest + size + epsilon * (depth + abs(entropy) + 1.0))
    upper = above(value, 1.01 * (repair + rounding))
    return upper, whole, above(whole, 1.01 * (residual * highest + grain * (highest + abs(whole))))


def _weighted(weights: Floats, values: Floats) -> float:
    """``sum w v`` where w is positive."""
    return float(np.sum(weights * values, where=weights > 0))
