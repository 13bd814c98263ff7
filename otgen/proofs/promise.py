"""Whether a proven interval is as narrow as OPTIMAL promises, seen as the user sees it.

A proof's rounding is relative to its largest numbers. Where one point lies 1e38 away on both sides, that says nothing of a value of 1, so
widths are compared with the value itself, or with what pairs usually cost: a tenth of them cost less. Nor does a root hide it: near 0 a
cost may be known well and its root not, and elsewhere, at a high power, the root well and the cost not.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..model.problem import Problem
from ..model.units import STEEP
from .certificate import Certificate

_RELATIVE = 1e-10  # of the cost
_ROOTED = 1e-5  # of the distance: the root of that at p = 2
_SAMPLED = 128  # points a side whose pairs are looked at
_USUAL = 0.1  # share of pairs that cost less


def keeps_promise(problem: Problem, certificate: Certificate, *, root: bool) -> bool:
    """Whether OPTIMAL may be said of a scaled problem's interval; ``root`` where its p-th root is shown.

    Where its width is next to nothing beside the value; beside what pairs usually cost, for values near 0; or no more than computing a
    single cost leaves.
    """
    low, high = max(certificate.lower, 0.0), max(certificate.upper, 0.0)
    rooted = root and not problem.bottleneck
    if rooted and math.isfinite(high) and _narrow_root(low, high, 0.0, problem.p, _RELATIVE):
        return True  # at a high power the distance is known better than its cost
    in_unit = certificate.unit is not None  # errors are relative to what is travelled
    if certificate.optimal and (in_unit or certificate.kind != "dual"):
        return _narrow_root(low, high, 1.0, problem.p) if rooted else True
    if in_unit and problem.p <= STEEP:
        certificate = _out_of_unit(certificate, problem.p)
        low, high = max(certificate.lower, 0.0), certificate.upper
    elif not certificate.optimal:
        return False
    width = certificate.upper - certificate.lower
    if width <= _RELATIVE * abs(certificate.cost):
        return True
    usual = usual_cost(problem)
    if usual is None:
        usual = certificate.scale
    tiny = 4 * problem.cost.rounding[1] + (1e-280 if problem.cost.of_points or problem.cost.highest == 0 else 0.0)
    if width > _RELATIVE * max(abs(certificate.cost), usual) + tiny:
        return False
    unit = usual or float(problem.cost.highest)
    return not root or _narrow_root(low, high, unit ** (1 / problem.p), problem.p)


def _out_of_unit(certificate: Certificate, p: float) -> Certificate:
    """The same numbers in the problem's own unit, which those of moderate orders do not leave the range of floats for."""
    assert certificate.unit is not None
    cost, lower, upper = (
        z * certificate.unit ** (p * certificate.degree)
        for z in (certificate.cost, certificate.lower, certificate.upper)
    )
    return replace(certificate, cost=cost, lower=lower, upper=upper, unit=None)


def _narrow_root(low: float, high: float, unit: float, p: float, relative: float = _ROOTED) -> bool:
    """Whether roots of two costs lie close together, beside the larger one or a unit."""
    one, other = low ** (1 / p), high ** (1 / p)
    return other - one <= relative * max(other, unit)


def usual_cost(problem: Problem) -> float | None:
    """What a tenth of the pairs that cost something cost less than, of a sample; 0 where none does, None where all it meets are forbidden.

    It is the cost of a pair, never one between those of two pairs, of which one may be of another order.
    Points that differ cost something, even where it underflows beside those that are farthest apart.
    """
    sides = (np.flatnonzero(side.probabilities) for side in (problem.source, problem.target))
    rows, columns = (some[:: -(-len(some) // _SAMPLED)] for some in sides)
    sample = problem.cost.restricted(rows, columns)
    sizes = np.abs(np.concatenate([block for _, block in sample.blocks()]))
    same = sample.coincide(*np.indices(sample.shape))
    if same is not None:
        sizes = np.where((sizes == 0) & ~same, sample.rounding[1], sizes)
    sizes = sizes[np.isfinite(sizes)]
    if not len(sizes):
        return None
    return float(np.quantile(sizes[sizes > 0], _USUAL, method="lower")) if sizes.any() else 0.0
