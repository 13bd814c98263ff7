"""Noise that is known to lie in a box: what costs can be there."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidInput
from ...inputs import arrays
from ...inputs.types import Floats, Indices
from .targets import Targets

_OUTWARD = 1e-12  # of the largest cost: more than any of these numbers is off by


class CostRanges(NamedTuple):
    """Bounds on the cost between every point of a box and each target, (k,) each."""

    low: Floats
    high: Floats

    @property
    def widest(self) -> float:
        """By how much any c-transform ``min_j c(x, y_j) - g_j`` may vary over the box."""
        return float((self.high - self.low).max())

    def width(self, g: Floats) -> float:
        """By how much the c-transform of g varies at most."""
        return min(float((self.high - g).min() - (self.low - g).min()), self.widest)


def cost_ranges(targets: Targets, support: Any, x: Floats) -> CostRanges:
    """Of a box (low, high), two numbers or two arrays (d,), that all of the noise x (n, d) lies in.

    Raises
    ------
    InvalidInput
        For a box that is none, for noise outside it, and for a callable metric, whose range is not known.
    """
    low, high = _box(support, targets.points.shape[1])
    outside = ((x < low) | (x > high)).any(axis=1)
    if outside.any():
        row = int(outside.argmax())
        raise InvalidInput(
            f"support must hold all noise; received {x[row].tolist()} outside of it ({int(outside.sum())} such draws of {len(x)}); "
            f"widen it, or pass None for an asymptotic interval"
        )
    entry = targets.cost_of(targets.points[:1]).entry
    if entry is None:
        raise InvalidInput(
            "metric must be a built-in one beside a support: the range of a callable is not known; received one; pass support=None"
        )
    largest = entry.largest(np.full(targets.points.shape[1], math.inf), targets.p)
    if largest is not None:
        return CostRanges(np.zeros(len(targets)), np.full(len(targets), largest))
    y, columns = targets.points, np.arange(len(targets))
    near = np.clip(y, low, high)
    far = np.where(np.abs(y - low) > np.abs(high - y), low, high)
    lowest, highest = (_between(targets, corner, columns) for corner in (near, far))
    slack = _OUTWARD * float(highest.max())
    return CostRanges(np.maximum(lowest - slack, 0.0), highest + slack)


def _between(targets: Targets, corners: Floats, columns: Indices) -> Floats:
    """The cost between each target and its own corner."""
    return targets.cost_of(corners).pairs(columns, columns)


def _box(support: Any, d: int) -> tuple[Floats, Floats]:
    low, high = (
        np.broadcast_to(arrays.potential(end, "support"), (d,))
        if not isinstance(end, tuple | list) and np.ndim(end) == 0
        else arrays.vector(end, d, "support")
        for end in arrays.pair(support, "support")
    )
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
        raise InvalidInput(
            "support must be a box (low, high) of finite numbers, low below high; received one that is not; pass (0.0, 1.0) for the unit cube"
        )
    return low, high
