"""The general proof: any potentials give a lower bound, any plan an upper one (Kantorovich duality).

Lower. Given f, put ``g_j = min_i c_ij - f_i``: feasible for every pair, so ``a.f + b.g <= OT(a, b)``. In floats the
minimum is off by ``u |g_j|`` for the subtraction, and each entry of the cost by ``r |c| + t`` (:attr:`Cost.rounding`),
which for ``c = (c - f) + f`` and a minimum over c - f is at most ``r (|g_j| + max |f|) + t``.

Upper. A plan P >= 0 whose marginals miss by ``e`` in L1 is made feasible by taking away what is too much (which lowers
``<P, C - low>``) and adding at most e at no more than ``high - low`` a unit: ``OT <= <P, C> - low (sum P - 1) + e (high - low)``.
Marginals are summed in pairs of doubles, so that a plan from a tree of exact flows is charged nothing for rounding.

Where pairs are forbidden a repair may not exist. A plan that misses no more than rounding of the weights can come to counts as one,
and what it misses is priced at the spread times the longest alternating path, n + m arcs; any other proves nothing.

Where one cost is 1e100 times the others, that charge is all that is seen. If the plan's pairs make no cycle, one flow along them has exactly the masses, and where
none of it is negative it is a plan, which costs what it costs (:mod:`.exact_flow`). Potentials of what is dear have no digits for the other costs: either side is
tried as it was claimed, the other as what that leaves room for, which is off by its own rounding alone, and the sum is taken in rational arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import UNIT, dot, dots, marginal_residual, total
from ..kernels.dual_margins import TOO_LARGE, excess, lower_margin, upper_charge
from ..model.claim import Claim, Flows
from ..model.cost import Cost
from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate, above, below
from .exact_flow import exact_cost, exact_dual_value

_WIDE = 1e-10  # of the cost: an interval that exact masses may narrow
_OF_DEAR = 1e-12  # of the spread of costs: a wider interval is not for rounding
_FEW = 2**14  # points: rational numbers take microseconds each
_MISPLACED = 2.0**-49  # mass that may be missing where pairs are forbidden: what rounding of the weights can come to


def prove_dual(problem: Problem, claim: Claim) -> Certificate:
    """Prove an interval for ``min <P, C>`` from any plan and any potentials, of which either may be missing.

    Without a plan the upper bound is infinite; without potentials the lower one is what zeros prove. Potentials of any size will do,
    feasible or not; those that are not finite count as 0.

    Returns
    -------
    Certificate
        Of kind ``dual``; its potentials are feasible for all pairs.
    """
    f, _ = usable_potentials(problem, claim.potentials)
    plan = None if claim.flows is None else plan_of(claim.flows, problem.shape)
    return _beside_dear_pairs(problem, claim, dual_certificate(problem, plan, f, problem.cost.column_minima(f)))


def _beside_dear_pairs(problem: Problem, claim: Claim, found: Certificate) -> Certificate:
    """With a narrower interval, of listed costs: sums in rational arithmetic, of potentials that balancing has not rounded, and of the plan's pairs where they
    carry exactly the masses, so that nothing that rounding has left may have to go far.
    """
    if problem.cost.of_points or sum(problem.shape) > _FEW or not isinstance(found.plan, SparsePlan):
        return found
    if not found.width > _WIDE * abs(found.cost):
        return found
    exact = exact_cost(problem, found.plan)
    if exact is not None:
        cost = float(exact)
        found = replace(
            found, cost=cost, upper=min(found.upper, above(cost, abs(cost) * UNIT + problem.cost.rounding[1]))
        )
    if claim.potentials is None or not _WIDE * abs(found.cost) < found.width <= _OF_DEAR * _cost_spread(problem):
        return found
    for potentials in _tightened(problem, claim.potentials):
        lower = _exact_lower(problem, potentials)
        if lower > found.lower:
            found = replace(found, lower=lower, potentials=potentials)
    return found


def _tightened(problem: Problem, claimed: tuple[Floats, Floats]) -> Iterator[tuple[Floats, Floats]]:
    """Potentials as they were claimed on one side, with all that they leave room for on the other: on the side of what is dear digits are lost."""
    a, b = problem.source.probabilities, problem.target.probabilities
    f, g = (np.where(np.abs(z) < TOO_LARGE, z, 0.0) for z in claimed)
    minima = problem.cost.column_minima(f)
    yield _with_room(problem.cost, a, f, minima), minima
    minima = problem.cost.ctransform(g)[0]
    yield minima, _with_room(problem.cost.T, b, g, minima)


def _exact_lower(problem: Problem, potentials: tuple[Floats, Floats]) -> float:
    """What potentials prove of which either side is what the other leaves room for: off by one rounding of itself, and by what scaling costs has lost."""
    value = exact_dual_value(problem, *potentials)
    if value is None:
        return -math.inf
    sides = zip((problem.source.probabilities, problem.target.probabilities), potentials)
    size = sum(float(weights @ np.where(weights > 0, np.abs(z), 0.0)) for weights, z in sides)
    return below(float(value), 1.01 * UNIT * (size + abs(float(value))) + 2 * problem.cost.rounding[1])


def plan_bound(problem: Problem, flows: Flows) -> float:
    """The upper end alone, from a plan: infinite where it is none, and where pairs are forbidden that it cannot do without."""
    plan = plan_of(flows, problem.shape)
    if plan is None:
        return math.inf
    cost, _, charge = _upper_bound(problem, plan)
    return above(cost, charge)


def usable_potentials(problem: Problem, potentials: tuple[Floats, Floats] | None) -> tuple[Floats, Floats]:
    """Potentials of numbers that arithmetic can be done with, both sides balanced."""
    n, m = problem.shape
    f, g = (np.where(np.abs(z) < TOO_LARGE, z, 0.0) for z in potentials or (np.zeros(n), np.zeros(m)))
    return balanced(problem.source.probabilities, problem.target.probabilities, f, g)


def dual_certificate(problem: Problem, plan: SparsePlan | None, f: Floats, minima: Floats) -> Certificate:
    """What a plan and a potential prove, given ``minima_j = min_i c_ij - f_i``: the potentials (f, minima) are feasible for all pairs."""
    a, b, g = problem.source.probabilities, problem.target.probabilities, minima
    value, size, rounding_bound = map(float, dual_value(problem.cost, a, b, f, g))
    if not a.all() and math.isfinite(
        value
    ):  # a source without mass proves nothing, but its potential should be feasible and tight
        f = _with_room(problem.cost, a, f, g)
    lower = max(below(value, rounding_bound), least_value(problem.cost))
    if plan is None:
        return Certificate("dual", math.inf, lower, math.inf, size, math.nan, None, (f, g))
    cost, error, charge = _upper_bound(problem, plan)
    scale = max(abs(cost), size, 1e-7 * _cost_spread(problem))
    cost = max(cost, lower)  # a plan that misses mass may cost less than any plan
    return Certificate("dual", cost, lower, above(cost, charge), scale, error, plan, (f, g))


def _with_room(cost: Cost, masses: Floats, f: Floats, g: Floats) -> Floats:
    """Potentials f, and what g leaves room for where there is no mass."""
    return np.where(masses > 0, f, cost.ctransform(np.where(np.isfinite(g), g, 0.0))[0])


def least_value(cost: Cost) -> Any:
    """What no plan costs less than: 0 where no pair does, else nothing is known; a number, or (B,) of a stack."""
    return np.where(np.asarray(cost.range()[0]) >= 0, 0.0, -np.inf)[()]


def plan_of(flows: Flows, shape: tuple[int, int]) -> SparsePlan | None:
    """The plan that flows claim, its pairs normalised; None where one is negative or no number, which is no plan."""
    high, low = flows.high, flows.low
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = high if low is None else high + low  # a sum keeps its sign
    if not all(((z >= 0) & (z < TOO_LARGE)).all() for z in (high, rounded)):
        return None
    if low is None:
        return SparsePlan(flows.rows, flows.columns, high, shape)
    part = rounded - high
    high, low = rounded, (high - (rounded - part)) + (low - part)
    return SparsePlan(flows.rows, flows.columns, high, shape, low)


def balanced(a: Floats, b: Floats, f: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Shift a constant from one side to the other so that both contribute equally: the smallest numbers to round."""
    t = np.asarray(dots(a, np.where(a > 0, f, 0.0)) - dots(b, np.where(b > 0, g, 0.0))) / 2
    return f - t[..., None], g + t[..., None]


def dual_value(cost: Cost, a: Floats, b: Floats, f: Floats, g: Floats) -> tuple[Any, Any, Any]:
    """The dual value of finite f (..., n) and the g that it leaves room for, the size of its parts, and a bound on its rounding."""
    relative, absolute = cost.rounding
    held = np.where(b > 0, g, 0.0)
    # Else a target with mass has no source that may serve it, or costs beyond all floats.
    served = np.isfinite(held).all(-1)
    nothing = np.inf if cost.forbids else -np.inf
    held = np.where(np.isfinite(held), held, 0.0)
    size_f, size_g = dots(a, np.abs(f)), dots(b, np.abs(held))
    largest = np.abs(f).max(-1), np.abs(held).max(-1)
    rounding_bound = lower_margin(size_f, size_g, *largest, relative, absolute)
    value = dots(a, f) + dots(b, held)
    return (
        np.where(served, value, nothing),
        np.where(served, size_f + size_g, np.inf),
        np.where(served, rounding_bound, 0.0),
    )


def marginal_errors(problem: Problem, plan: SparsePlan) -> tuple[float, float]:
    """By how much a plan misses its marginals, in L1, bounded from above."""
    low = np.zeros(len(plan.values)) if plan.low is None else plan.low
    return (
        marginal_residual(plan.rows, plan.values, low, problem.source.weights),
        marginal_residual(plan.columns, plan.values, low, problem.target.weights),
    )


def _cost_spread(problem: Problem) -> float:
    """How far apart costs lie; 1e-17 of it, below one rounding of the largest, is what is optimal at cost 0."""
    low, high = problem.cost.range()
    return high - low


def _upper_bound(problem: Problem, plan: SparsePlan) -> tuple[float, float, float]:
    """What the plan costs, the larger L1 error of its marginals, and the charge for that and for rounding."""
    relative, absolute = problem.cost.rounding
    lowest, _ = problem.cost.range()
    costs = problem.cost.pairs(plan.rows, plan.columns).astype(np.float64, copy=False)
    costs = np.where(plan.values > 0, costs, 0.0)
    if np.isinf(costs).any():
        return math.inf, math.nan, math.inf
    low = np.zeros(len(plan.values)) if plan.low is None else plan.low
    cost = dot(plan.values, costs) + dot(low, costs)
    errors = marginal_errors(problem, plan)
    if problem.cost.forbids and sum(errors) > _MISPLACED:
        return cost, max(errors), math.inf
    sizes = np.abs(costs)
    size, largest = dot(plan.values, sizes), float(sizes.max(initial=0.0))
    repair = _cost_spread(problem) * (sum(problem.shape) if problem.cost.forbids else 1)
    more = excess(total(plan.values) + total(low), sum(errors))
    return cost, max(errors), upper_charge(sum(errors), repair, lowest, more, size, largest, relative, absolute)
