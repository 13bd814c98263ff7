"""What weights must be, and how two sets of them meet on the line; arrays in and arrays out."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInput, MassMismatch
from ..inputs.types import Floats, Indices
from ..kernels import monotone


def check_weights(a: Floats, b: Floats, tolerance: float) -> None:
    """Raise unless weights (B, n), (B, m) are finite and non-negative with positive totals that agree, relatively."""
    for name, weights in (("a", a), ("b", b)):
        bad = ~(np.isfinite(weights) & (weights >= 0))
        if bad.any():
            raise InvalidInput(f"{name} must be finite and non-negative; received {weights[bad][0]}; correct it")
        if weights.size and not (weights.sum(-1) > 0).all():
            raise InvalidInput(f"{name} must carry some mass; received zeros only; pass None for uniform weights")
    one, other = a.sum(-1), b.sum(-1)
    apart = np.abs(one - other) > tolerance * np.maximum(one, other)
    if apart.any():
        k = int(apart.argmax())
        raise MassMismatch(
            f"a and b must carry the same total mass (to {tolerance:g} relative); received {float(one[k])!r} and "
            f"{float(other[k])!r}; divide each by its sum, in the dtype that you pass"
        )


def stairs(a: Floats, b: Floats) -> tuple[Indices, Floats]:
    """How the monotone coupling of sorted masses (B, n) and (B, m), whatever their totals, walks from one pair to the next.

    Returns
    -------
    passed : ndarray
        (B, n + m): how many of the first masses have ended before each step; the others that have ended are the rest. Where two
        end together the first goes first.
    widths : ndarray
        (B, n + m): the share of mass of each step, of sum 1; 0, not a rounding, where two masses end together.
    """
    n, m = a.shape[1], b.shape[1]
    passed, widths = np.zeros((len(a), n + m), np.int64), np.zeros((len(a), n + m))
    for k in range(len(a)):
        both = monotone.masses(a[k], b[k], n, m)
        found = monotone.steps(both)
        widths[k, found.rows + found.columns] = found.high / both.total
        last = (
            np.searchsorted(found.rows, np.arange(n), side="right") - 1
        )  # the last step before each of the first ends
        ends = np.arange(n) + np.where(last < 0, 0, found.columns[last])
        passed[k, ends] = 1
        passed[k] = passed[k].cumsum() - passed[k]
    return passed, widths
