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
from ..marginals import Marginals
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
    work = _WithMass(problem, plan)
    f, g, goal, epsilon, cost = work.plan.f, work.plan.g, work.marginals, problem.epsilon, work.plan.cost
    a, b = goal.a, goal.b
    terms = (sum(problem.shape) + 16) * UNIT
    argument = cost.exponent_error + 8 * UNIT * float(np.abs(f).max() + np.abs(g).max())
    log_rows, columns = cost.sweep(f, g, a, b, epsilon, 0.0, cut=_CUT)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = a * np.exp(log_rows)
        mass = float(rows.sum())
        missed = rows - goal.wanted(f, 0), b * columns - goal.wanted(g, 1)
        error = max(float(np.abs(side).sum()) for side in missed) / goal.size
        grain = float(np.expm1(argument / epsilon + terms))
    gains = goal.gain(f, 0), goal.gain(g, 1)
    whole = total(a) * total(b)
    dual = lower = size = -math.inf  # far from done, the mass or the price of a marginal is beyond all floats
    if math.isfinite(mass) and all(np.isfinite(side).all() for side in gains):
        size = dot(a, np.abs(gains[0])) + dot(b, np.abs(gains[1]))
        dual = dot(a, gains[0]) + dot(b, gains[1]) - epsilon * (mass - whole)
        slip = 12 * UNIT * (size + epsilon * whole) + max(mass, whole) * epsilon * (grain + 2.0**-_CUT)
        lower = below(dual, 1.01 * slip)
    scale = max(abs(dual), size)
    if problem.relaxed:
        upper, spent = _relaxed_primal(work, grain)
        return Certificate("entropic", spent, lower, upper, scale, error, potentials, dual)
    upper, spent, spent_upper = _primal(work, grain)
    exact = certify_dual(problem, None, potentials)
    bounds = None if problem.as_received else (exact.lower, spent_upper)
    return Certificate("entropic", spent, lower, upper, scale, error, potentials, dual, bounds)


class _WithMass:
    """A problem and its plan without the points that carry nothing, whose potentials may be anything."""

    def __init__(self, problem: Problem, plan: EntropicPlan) -> None:
        self.relax, self.epsilon = problem.relax, problem.epsilon
        rows, columns = np.flatnonzero(plan.a), np.flatnonzero(plan.b)
        (n, m), cost = plan.shape, plan.cost
        if len(rows) < n or len(columns) < m:
            cost = cost.restricted(rows, columns)
        f, a, u, r = (np.broadcast_to(z, (n,))[rows] for z in (plan.f, plan.a, plan.u, plan.r))
        g, b, v, s = (np.broadcast_to(z, (m,))[columns] for z in (plan.g, plan.b, plan.v, plan.s))
        self.plan = EntropicPlan(cost, f, g, plan.epsilon, a, b, u, v, r, s)
        self.u, self.v, self.r, self.s = u, v, r, s
        self.marginals = Marginals(a, b, problem.relax)


def _relaxed_primal(work: _WithMass, grain: float) -> tuple[float, float]:
    """What the plan is worth, from above, where a marginal is relaxed: every plan is allowed. And its cost."""
    plan, epsilon, a, b, u, v = work.plan, work.epsilon, work.plan.a, work.plan.b, work.u, work.v
    rows, columns = plan.smooth_marginals()
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        cost = float(u * a @ plan.cost.gibbs_cost(plan.f, plan.g, epsilon, v * b))
        value = _weighted(rows, plan.f + epsilon * np.log(u)) + _weighted(columns, plan.g + epsilon * np.log(v))
        value += epsilon * (work.marginals.whole - float(rows.sum()))
        size = _size(work, rows, columns) + epsilon * work.marginals.whole
        for weights, sums, rho in zip((a, b), (rows, columns), work.relax):
            if math.isinf(rho):  # scaled to meet it; what rounding leaves is repaired by mixing, as in `_primal`
                size += 2 * work.marginals.size * (max(map(abs, plan.cost.range())) + epsilon * _depth(work))
                continue
            divergences = np.log(sums / weights)
            value += rho * (_weighted(sums, divergences) - float(sums.sum()) + total(weights))
            size += rho * (_weighted(sums, np.abs(divergences) + 2.0) + total(weights))
        upper = value + 4 * grain * size
    if not math.isfinite(upper):  # far from done, the plan's mass is beyond all floats
        return math.inf, cost if math.isfinite(cost) else math.inf
    return above(value, 4 * grain * size), cost


def _primal(work: _WithMass, grain: float) -> tuple[float, float, float]:
    """An upper bound of the value; the plan's cost, and an upper bound of the unregularised cost.

    ``grain`` bounds the relative error of an entry of the plan, and of its sums.
    """
    plan, cost, epsilon = work.plan, work.plan.cost, work.epsilon
    a, b, u, v, r, s = plan.a, plan.b, work.u, work.v, work.r, work.s
    rows, columns = plan.smooth_marginals()
    smooth = float(u * a @ cost.gibbs_cost(plan.f, plan.g, epsilon, v * b))
    rest = float(r @ cost.sums(s)) if r.any() else 0.0
    spent = smooth + rest
    if cost.forbids:  # a rank-one repair might use forbidden pairs, so no finite upper bound is claimed
        return math.inf, spent, math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _weighted(rows, plan.f + epsilon * np.log(u)) + _weighted(columns, plan.g + epsilon * np.log(v))
        entropy = _weighted(r, np.log(r / a)) * float(s.sum()) + float(r.sum()) * _weighted(s, np.log(s / b))
    t, mass = float(r.sum() * s.sum()), float(rows.sum())
    share = min(max(t / (mass + t), 2.0**-100), 0.5)
    divergence = entropy - t * math.log(share) - mass * math.log1p(-share) + work.marginals.whole - mass - t
    value += rest + epsilon * divergence
    low, high = cost.range()
    highest, depth = max(abs(low), abs(high)), _depth(work)
    residual = float(np.abs(rows + r * s.sum() - a).sum() + np.abs(columns + s * r.sum() - b).sum())
    residual += (2 * grain + 2.0 ** (2 - _CUT)) * work.marginals.size
    repair = residual * (highest - min(0.0, low) + epsilon * depth)
    size = _size(work, rows, columns) + abs(rest) + work.marginals.size * highest
    rounding = grain * (size + epsilon * (depth + abs(entropy) + work.marginals.whole))
    upper = above(value, 1.01 * (repair + rounding))
    return upper, spent, above(spent, 1.01 * (residual * highest + grain * (highest + abs(spent))))


def _size(work: _WithMass, rows: Floats, columns: Floats) -> float:
    """What rounding in sums over potentials, and over the logarithms of the scalings, is relative to."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scalings = _weighted(rows, np.abs(np.log(work.u))) + _weighted(columns, np.abs(np.log(work.v)))
    potentials = _weighted(rows, np.abs(work.plan.f)) + _weighted(columns, np.abs(work.plan.g))
    return potentials + work.epsilon * scalings


def _depth(work: _WithMass) -> float:
    """The logarithm of how far the smallest entry of ``a (x) b`` lies below the total mass."""
    a, b = work.plan.a, work.plan.b
    return math.log(max(work.marginals.size, 1.0)) - math.log(a.min()) - math.log(b.min())


def _weighted(weights: Floats, values: Floats) -> float:
    """``sum w v`` where w is positive."""
    return float(np.sum(weights * values, where=weights > 0))
