"""Weights as whole numbers: what a network simplex moves, so that ties are ties and nothing is rounded while it pivots."""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Floats, Indices
from .double_double import _nearest_units, _total
from .ground_cost import own
from .jit import jit

UNITS = 2.0**61  # what both sides come to


@jit
def _gcd(n, m):
    while m:
        n, m = m, n % m
    return n


@jit
def _all_equal(values):
    for i in range(1, values.shape[0]):  # noqa: SIM110 - compiled
        if values[i] != values[0]:
            return False
    return True


@jit
def _add_to_heaviest(units, missing):
    at = 0
    for i in range(units.shape[0]):
        if units[i] > units[at]:
            at = i
    units[at] += missing


@jit
def to_whole(a, b, supply, demand):
    """Weights (n,), (m,) of any totals as whole numbers, into ``supply`` and ``demand``, which then have equal totals."""
    n, m = a.shape[0], b.shape[0]
    if _all_equal(a) and _all_equal(b):
        common = _gcd(n, m)
        factor = max(1, int(UNITS) // (n * (m // common)))
        supply[:], demand[:] = m // common * factor, n // common * factor
        return
    (total_a, rest_a), (total_b, rest_b) = _total(a), _total(b)
    if total_a == total_b and rest_a == rest_b:
        power = 61 - math.frexp(total_a)[1]
        for side, units in ((a, supply), (b, demand)):
            for i in range(side.shape[0]):
                units[i] = np.int64(np.rint(math.ldexp(side[i], power)))
    else:
        _nearest_units(a, total_a, rest_a, UNITS, supply)
        _nearest_units(b, total_b, rest_b, UNITS, demand)
    missing = supply.sum() - demand.sum()
    if missing > 0:
        _add_to_heaviest(demand, missing)
    else:
        _add_to_heaviest(supply, -missing)


def whole_masses(a: Floats, b: Floats) -> tuple[Indices, Indices]:
    """Weights (n,), (m,) as whole numbers of equal total, about 2**61; equal weights stay equal, exact sums exact.

    Totals that agree exactly are scaled by a power of two only, so that multiples stay multiples. Else each side is
    divided by its sum, in more digits than a double has: else masses that differ would seem to balance. What rounding
    leaves goes to the heaviest.
    """
    supply, demand = np.empty(len(a), np.int64), np.empty(len(b), np.int64)
    kind = np.dtype(np.float64)
    to_whole(own(a, kind), own(b, kind), supply, demand)
    return supply, demand
