"""The proof that forbidden pairs leave no plan, by Farkas' lemma, without rounding.

Let ``f_i + g_j <= 0`` for every allowed pair. Any plan P has ``a.f + b.g = sum P_ij (f_i + g_j) <= 0``; so where ``a.f + b.g > 0`` there
is none. Given f, ``g_j = min -f_i`` over the allowed i is exact in floats, and the sum is taken over whole masses.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..inputs.types import Floats
from ..kernels.integer_masses import equal_totals
from ..model.problem import Problem
from .certificate import Certificate

_NEVER = 1e300  # what a source without mass stands back by


def prove_no_plan(problem: Problem, ray: tuple[Floats, Floats]) -> Certificate | None:
    """A certificate that the cost is infinite, from potentials that gain without bound; None if they do not prove it."""
    if not problem.cost.forbids or problem.relaxed:
        return None
    a, b = problem.source.weights, problem.target.weights
    f = np.where((a > 0) & np.isfinite(ray[0]), ray[0], np.where(a > 0, 0.0, -_NEVER))
    g = problem.cost.allowed().column_minima(f)
    unserved = np.isinf(g) & (b > 0)  # a target with mass that nobody may serve
    if unserved.any():
        return _infinite_certificate(np.zeros(len(a)), np.where(unserved, 1.0, 0.0))
    g = np.where(b > 0, g, -_NEVER)
    supply, demand = equal_totals(a, b)
    gain = sum(
        mass * Fraction(z) for side, ray in ((supply, f), (demand, g)) for mass, z in zip(side, ray.tolist()) if mass
    )
    return _infinite_certificate(f, g) if gain > 0 else None


def stranded_sources(problem: Problem) -> tuple[Floats, Floats]:
    """The ray that shows sources without any allowed pair."""
    m = problem.shape[1]
    return np.isinf(problem.cost.ctransform(np.zeros(m))[0]).astype(float), np.zeros(m)


def _infinite_certificate(f: Floats, g: Floats) -> Certificate:
    return Certificate("dual", math.inf, math.inf, math.inf, math.inf, math.nan, None, (f, g))
