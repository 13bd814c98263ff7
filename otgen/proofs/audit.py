"""What anyone's answer proves: one pass over the pairs for potentials, one over the entries of a plan.

Nothing in a foreign answer is believed. A plan's negative entries, and those that are no numbers, are left out and show as missing mass;
a potential that is no number counts as 0. What is left is repaired and charged as in :mod:`otgen.proofs.dual`, so that either
side alone gives its end of the interval. Potentials of points without mass are not looked at: they prove nothing, whatever they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..inputs.types import Floats
from ..kernels.dual_margins import TOO_LARGE
from ..model.claim import Claim, Flows
from ..model.problem import Problem
from .certificate import Certificate
from .dual import dual_certificate, plan_of, usable_potentials
from .listed import listed_upper
from .prove import prove
from .steep import prove_steep


@dataclass(frozen=True, eq=False)
class Findings:
    """What an audit finds, in the units of a scaled problem.

    ``certificate`` holds the interval; ``marginal_errors`` the L1 errors of rows and columns, None without a plan;
    ``unusable`` how many entries of the plan are negative or no numbers, and how many potentials of points with mass are of no use;
    ``infeasibility`` is the largest ``f_i + g_j - c_ij`` over points with mass (0 if none is positive), None without potentials or
    under an entropic term;
    ``worst_pair`` is where it is.
    """

    certificate: Certificate
    marginal_errors: tuple[float, float] | None
    unusable: tuple[int, int]
    infeasibility: float | None
    worst_pair: tuple[int, int] | None


def find(problem: Problem, claim: Claim) -> Findings:
    """Audit flows, potentials or both, about a scaled problem."""
    claim = claim.checked(problem.shape)
    flows, spoilt = (None, 0) if claim.flows is None else _usable_flows(claim.flows)
    errors = None if flows is None else _marginal_errors(problem, flows)
    if problem.bottleneck:
        claim = Claim(flows, units=None if flows is None else _in_whole_numbers(flows))
        return Findings(prove(problem, claim), errors, (spoilt, 0), None, None)
    missing = 0 if claim.potentials is None else _count_useless(problem, claim.potentials)
    claim = replace(claim, flows=flows)
    if problem.epsilon:
        return Findings(_entropic_ends(problem, claim), errors, (spoilt, missing), None, None)
    f, g = usable_potentials(problem, claim.potentials)
    f = _out_of_the_way(problem, f)
    minima, nearest = problem.cost.T.ctransform(f)
    plan = None if flows is None else plan_of(flows, problem.shape)
    certificate = prove_steep(problem, dual_certificate(problem, plan, f, minima))
    if claim.potentials is None:
        return Findings(certificate, errors, (spoilt, 0), None, None)
    held = (problem.target.probabilities > 0) & (np.abs(claim.potentials[1]) < TOO_LARGE) & np.isfinite(minima)
    over = np.where(held, g, -np.inf) - np.where(held, minima, 0.0)
    worst = int(over.argmax())
    if not over[worst] > 0:
        return Findings(certificate, errors, (spoilt, missing), 0.0, None)
    return Findings(certificate, errors, (spoilt, missing), float(over[worst]), (int(nearest[worst]), worst))


def _usable_flows(flows: Flows) -> tuple[Flows, int]:
    """The positive entries, and how many of the others are negative or no numbers."""
    good = (flows.high > 0) & (flows.high < math.inf)
    spoilt = int((~(good | (flows.high == 0))).sum())
    low = None if flows.low is None else flows.low[good]
    return Flows(flows.rows[good], flows.columns[good], flows.high[good], low), spoilt


def _marginal_errors(problem: Problem, flows: Flows) -> tuple[float, float]:
    """L1 errors of row and column sums, of measures of total 1; in plain doubles, for people to read."""
    (n, m), weights = problem.shape, flows.high if flows.low is None else flows.high + flows.low
    sums = np.bincount(flows.rows, weights, n), np.bincount(flows.columns, weights, m)
    wanted = problem.source.probabilities, problem.target.probabilities
    with np.errstate(over="ignore"):
        one, other = (float(np.abs(s - w).sum()) for s, w in zip(sums, wanted))
    return one, other


def _in_whole_numbers(flows: Flows) -> tuple[int, ...]:
    """Flows as whole numbers: equal ones as ones, others in the exact proportions of their floats."""
    low = np.zeros(len(flows.high)) if flows.low is None else flows.low
    if len(low) and (flows.high == flows.high[0]).all() and not low.any():
        return (1,) * len(low)
    exact = [Fraction(one) + Fraction(rest) for one, rest in zip(flows.high.tolist(), low.tolist())]
    common = max((flow.denominator for flow in exact), default=1)  # all are powers of two
    return tuple(int(flow * common) for flow in exact)


def _count_useless(problem: Problem, potentials: tuple[Floats, Floats]) -> int:
    """How many potentials of points with mass no arithmetic can be done with."""
    weights = problem.source.weights, problem.target.weights
    return sum(int((~(np.abs(z) < TOO_LARGE) & (w > 0)).sum()) for z, w in zip(potentials, weights))


def _out_of_the_way(problem: Problem, f: Floats) -> Floats:
    """Potentials with those of sources without mass so low that no ``min_i c_ij - f_i`` is theirs."""
    held = problem.source.probabilities > 0
    if held.all():
        return f
    low, high = problem.cost.range()
    return np.where(held, f, f[held].min() - 2 * (high - low))


def _entropic_ends(problem: Problem, claim: Claim) -> Certificate:
    """The better end of each: what potentials prove, and what the plan as it is proves."""
    n, m = problem.shape
    potentials: Any = claim.potentials or (np.zeros(n), np.zeros(m))
    potentials = tuple(np.where(np.abs(z) < TOO_LARGE, z, 0.0) for z in potentials)
    found = prove(problem, Claim(potentials=potentials))
    if claim.flows is None or problem.relaxed:
        return found
    upper, cost = listed_upper(problem, claim.flows)
    if claim.potentials is None:
        return replace(found, objective=upper, cost=cost, upper=upper)
    return replace(found, upper=min(found.upper, upper))
