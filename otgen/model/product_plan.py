"""What the product plan a (x) b says of entropic values where epsilon is far above all costs.

Values come from ``epsilon (sum_ij a_i b_j exp((f_i + g_j - c_ij) / epsilon) - 1)``, whose rounding is a share of epsilon, not of costs: of an
epsilon of 1e16 costs no digit is left. There the plan is nearly a (x) b, whose mean cost has all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..inputs.types import Floats
from ..kernels.double_double import UNIT, dots
from .cost import Cost
from .marginals import Marginals


def most_saved(cost: Cost, goal: Marginals, epsilon: Any) -> Any:
    """How much less than the mean cost of a (x) b an entropic value is at most, a number or (B,); infinite where the mean is no bound.

    Marginals met: ``-epsilon log sum_ij a_i b_j exp(-c_ij / epsilon)`` is below every plan's worth, and is near the mean by
    Hoeffding's lemma. Relaxed: so is ``epsilon sum_ij a_i b_j (1 - exp(-c_ij / epsilon))``, of costs that are not negative and masses of 1.
    """
    low, error, epsilon = cost.range()[0], cost.exponent_error, np.asarray(epsilon)
    if cost.forbids:
        return np.full(epsilon.shape, np.inf)
    with np.errstate(over="ignore"):
        if min(goal.relax) == math.inf:
            spread = cost.range()[1] - low + 2 * error
            return spread * (spread / (8 * epsilon))  # squares might underflow
        off = sum(np.abs(total - 1.0) for total in goal.totals)
        known = (np.asarray(low) >= 0) & goal.as_posed & (off <= sum(cost.shape) * UNIT)
        highest = cost.highest + error
        return np.where(known, highest * (highest / (2 * epsilon)), np.inf)


def mean_cost(cost: Cost, a: Floats, b: Floats) -> Any:
    """``sum_ij a_i b_j c_ij``, a number or (B,): one pass over all pairs."""
    return dots(a, cost.sums(b))


def with_digits(value: Any, saved: Any, epsilon: Any, mean: Callable[[], Any]) -> Any:
    """Dual values of an optimum, a number or (B,), put between the mean cost and ``saved`` below it where their rounding is larger than that.

    Examples
    --------
    >>> with_digits(0.0, 1e-21, 1e21, lambda: 1.5), with_digits(0.75, 1.0, 0.1, lambda: 1.5)
    (np.float64(1.5), 0.75)
    """
    coarse = saved < 16 * UNIT * np.asarray(epsilon)
    if not np.any(coarse):
        return value
    most = mean()
    return np.where(coarse, np.clip(value, most - saved, most), value)[()]
