"""The proof of W_inf: a plan that uses only pairs at most t apart, and a cut just below t.

A set S of sources that has more mass than all targets closer than t to one of S must send something at least as far as
t. Masses are added and compared as the whole numbers that their floats stand for. The least such t is a minimum of maxima of
distances, so that distances off by a factor 1 + r leave it off by no more.
"""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Indices
from ..kernels.integer_masses import as_integers
from ..kernels.outward import LEAST
from ..model.claim import Claim, Flows
from ..model.cost import Cost
from ..model.plan import SparsePlan
from ..model.problem import Problem
from .certificate import Certificate, above, below


def prove_cut(problem: Problem, claim: Claim) -> Certificate:
    """Prove an interval for the largest distance under the best coupling, from a plan in whole numbers and a cut.

    A wrong plan or cut proves nothing: its side of the interval is then infinite, or 0.
    """
    flows = claim.flows
    if flows is None or not len(flows.rows) or claim.units is None:
        return Certificate("cut", math.inf, 0.0, math.inf, math.inf, math.nan)
    distances = problem.cost.clouds.distances
    couples = _couples(problem, flows, claim.units)
    longest = float(distances.pairs(flows.rows, flows.columns).max())
    relative, absolute = distances.rounding
    lost = 0.0 if problem.cost.lossless else LEAST * problem.cost.clouds.x.shape[1]  # what scaling rounds
    stays = longest == lost == 0 and _stays(distances, flows)
    margin = 0.0 if stays else relative * longest + absolute + lost
    upper = above(longest, margin) if couples else math.inf
    cut = np.empty(0, np.int64) if claim.cut is None else np.unique(claim.cut)
    lower = next(
        (below(t, margin) for t in (longest, below(longest, 2 * margin)) if _cuts(problem, distances, cut, t)), 0.0
    )
    total = sum(claim.units)
    plan = (
        SparsePlan(flows.rows, flows.columns, np.array([unit / total for unit in claim.units]), problem.shape)
        if couples
        else None
    )
    return Certificate("cut", longest, max(0.0, lower), upper, longest, 0.0 if couples else math.nan, plan)


def _stays(distances: Cost, flows: Flows) -> bool:
    """Whether every pair of the plan is one point twice, so that its distance is 0 and no rounding is in it."""
    same = distances.coincide(flows.rows, flows.columns)
    return same is not None and bool(same.all())


def _couples(problem: Problem, flows: Flows, units: tuple[int, ...]) -> bool:
    """Whether whole numbers have exactly the marginals of the problem."""
    total = sum(units)
    if total == 0 or any(unit < 0 for unit in units):
        return False
    sides = ((flows.rows, problem.source.weights), (flows.columns, problem.target.weights))
    for indices, weights in sides:
        masses, sums = as_integers(weights), [0] * len(weights)
        for index, amount in zip(indices.tolist(), units):
            sums[index] += amount
        mass = sum(masses)
        if any(s * mass != w * total for s, w in zip(sums, masses)):
            return False
    return True


def _cuts(problem: Problem, distances: Cost, cut: Indices, t: float) -> bool:
    """Whether the sources in ``cut`` have more mass than all targets closer than t to one of them."""
    if t <= 0.0:
        return True
    if not len(cut):
        return False
    part = distances.restricted(cut, np.arange(problem.shape[1])).T
    reached = part.nearest(np.zeros(len(cut)), 1, t)[0][:, 0] >= 0
    a, b = as_integers(problem.source.weights), as_integers(problem.target.weights)
    inside, near = sum(a[i] for i in cut.tolist()), sum(b[j] for j in np.flatnonzero(reached).tolist())
    return inside * sum(b) > near * sum(a)
