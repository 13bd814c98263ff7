"""What is proven of many small problems, in the caller's units: :class:`otgen.model.units.Units`, compiled, of costs that were not scaled."""

from __future__ import annotations

import math

import numpy as np

from ..inputs.types import Floats
from . import outward
from .jit import jit
from .parallel import over_rows

VALUES = ("value", "lower", "upper", "cost", "cost_lower", "cost_upper", "mass")
SAME = 1e-9  # of the mass: how far totals of doubles may lie apart
_moved_outward = jit(outward.moved_outward)
_NANOSECONDS = 300  # a problem


@jit
def _mass(a, b, normalize, given_a, given_b):
    """The mass that is moved; NaN where two that were given do not agree."""
    if normalize:
        return 1.0
    if given_a and given_b and abs(a - b) > SAME * max(a, b):
        return np.nan
    return a if given_a else b if given_b else 1.0


@jit
def _tell_all(numbers, p, root, normalize, given_a, given_b, out, first, last):
    for k in range(first, last):
        mass = _mass(numbers[k, 5], numbers[k, 6], normalize, given_a, given_b)
        factor = 1.0 if root else mass
        for c in range(3):
            number, way = numbers[k, c], 0 if c == 0 else 2 * c - 3
            cost = _moved_outward(number * factor, number, 0.0 if factor == 1.0 else 8.0, way)
            out[k, c], out[k, 3 + c] = cost, cost
            if root:
                distance = max(number, 0.0) ** (1.0 / p)
                units = 0.0 if p == 1.0 or distance == 0.0 else 8.0 + 2.0 * abs(math.log(distance))
                out[k, c] = _moved_outward(distance, distance, units, way)
        out[k, 6] = mass


def tell(numbers: Floats, p: float, given: tuple[bool, bool], *, root: bool, normalize: bool) -> Floats:
    """:data:`VALUES` of a stack, (B, 7), of what :func:`.dense_dual.prove` says of costs that are p-th powers, (B, 7).

    With ``root`` values are p-th roots, and of mass 1; else costs are of the mass that is moved: that of the side whose weights were
    ``given``, 1 with ``normalize`` or where neither was, NaN where both were and their totals do not agree.
    """
    out = np.empty((len(numbers), len(VALUES)))
    over_rows(len(out), _NANOSECONDS, lambda s, t: _tell_all(numbers, p, root, normalize, *given, out, s, t))
    return out
