"""Weights as the whole numbers that their floats stand for."""

from __future__ import annotations

import math

from ..inputs.types import Floats


def as_integers(weights: Floats) -> list[int]:
    """Floats (n,) as whole numbers in the same proportions, exactly.

    Examples
    --------
    >>> import numpy as np
    >>> as_integers(np.array([0.5, 0.25, 2.0]))
    [2, 1, 8]
    """
    pairs = [float(w).as_integer_ratio() for w in weights]
    common = max(below for _, below in pairs)
    return [above * (common // below) for above, below in pairs]


def equal_totals(a: Floats, b: Floats) -> tuple[list[int], list[int]]:
    """Weights (n,) and (m,) as whole numbers of equal total, in the exact proportions ``a / sum(a)`` and ``b / sum(b)``."""
    one, other = as_integers(a), as_integers(b)
    total, other_total = sum(one), sum(other)
    one, other = [w * other_total for w in one], [w * total for w in other]
    common = math.gcd(*one, *other)
    return [w // common for w in one], [w // common for w in other]
