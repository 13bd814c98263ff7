"""What anyone's answer proves: one pass over the pairs for potentials, one over the entries of a plan.

Nothing in a foreign answer is believed. A plan's negative entries, and those that are no numbers, are left out and show as missing mass;
a potential that is no number counts as 0. What is left is repaired and charged as in :mod:`otgen.proofs.dual`, so that either
side alone gives its end of the interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..inputs.types import Floats
from ..model.claim import Claim, Flows
from ..model.problem import Problem
from .certificate import Certificate
from .dual import dual_certificate, plan_of, usable_potentials
from .listed import listed_upper
from .prove import prove


@dataclass(frozen=True, eq=False)
class Findings:
    """What an audit finds, in the units of a scaled problem.

    ``certificate`` holds the interval; ``marginal_errors`` the L1 errors of rows and columns, None without a plan;
    ``unusable`` how many entries of the plan are negative or no numbers, and how many potentials of points with mass are not finite;
    ``infeasibility`` is the largest ``f_i + g_j - c_ij`` (0 if none is positive), None without potentials or under an entropic term;
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
    claim = replace(claim, flows=flows)
    if problem.bottleneck:
        return Findings(prove(problem, claim), errors, (spoilt, 0), None, None)
    missing = 0 if claim.potentials is None else _not_finite(problem, claim.potentials)
    if problem.epsilon:
        return Findings(_entropic(problem, claim), errors, (spoilt, missing), None, None)
    f, g = usable_potentials(problem, claim.potentials)
    minima, nearest = problem.cost.T.ctransform(f)
    plan = None if flows is None else plan_of(flows, problem.shape)
    certificate = dual_certificate(problem, plan, f, minima)
    if claim.potentials is None:
        return Findings(certificate, errors, (spoilt, 0), None, None)
    over = np.where(np.isfinite(claim.potentials[1]) & np.isfinite(minima), g - minima, -np.inf)
    worst = int(over.argmax())
    if not over[worst] > 0:
        return Findings(certificate, errors, (spoilt, missing), 0.0, None)
    return Findings(certificate, errors, (spoilt, missing), float(over[worst]), (int(nearest[worst]), worst))


def _usable_flows(flows: Flows) -> tuple[Flows, int]:
    """The positive entries, and how many of the others are negative or no numbers."""
    good = (flows.high > 0) & (flows.high < math.inf)
    spoilt = int((~(good | (flows.high == 0))).sum())
    parts = (None if part is None else part[good] for part in flows)
    return Flows(*parts), spoilt  # pyright: ignore[reportArgumentType]


def _marginal_errors(problem: Problem, flows: Flows) -> tuple[float, float]:
    """L1 errors of row and column sums, of measures of total 1; in plain doubles, for people to read."""
    (n, m), weights = problem.shape, flows.high if flows.low is None else flows.high + flows.low
    sums = np.bincount(flows.rows, weights, n), np.bincount(flows.columns, weights, m)
    wanted = problem.source.probabilities, problem.target.probabilities
    one, other = (float(np.abs(s - w).sum()) for s, w in zip(sums, wanted))
    return one, other


def _not_finite(problem: Problem, potentials: tuple[Floats, Floats]) -> int:
    """How many potentials of points with mass are not finite."""
    weights = problem.source.weights, problem.target.weights
    return sum(int((~np.isfinite(z) & (w > 0)).sum()) for z, w in zip(potentials, weights))


def _entropic(problem: Problem, claim: Claim) -> Certificate:
    """The better end of each: what potentials prove, and what the plan as it is proves."""
    n, m = problem.shape
    potentials: Any = claim.potentials or (np.zeros(n), np.zeros(m))
    found = prove(problem, Claim(potentials=potentials))
    if claim.flows is None or problem.relaxed:
        return found
    upper, cost = listed_upper(problem, claim.flows)
    if claim.potentials is None:
        found = replace(found, objective=upper, cost=cost)
    return replace(found, upper=min(found.upper, upper))
