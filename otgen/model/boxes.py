"""Boxes around two clouds: what bounds the differences of their coordinates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats

_WIDE = 512  # numbers that are compared at a time, which numpy does up to 30 times as fast as a few


class Box(NamedTuple):
    """Least and greatest coordinates of x and of y: (d,) each, or (B, d) of stacks."""

    low_x: Floats
    high_x: Floats
    low_y: Floats
    high_y: Floats

    @classmethod
    def around(cls, x: Floats, y: Floats) -> Box:
        """That of two clouds (n, d) and (m, d), or of stacks of them."""
        return cls(*_ends(x), *_ends(y))

    @property
    def extents(self) -> Floats:
        """The largest difference of a coordinate of x and one of y: (d,); infinite where that is no float."""
        with np.errstate(over="ignore"):
            return np.maximum(np.abs(self.high_x - self.low_y), np.abs(self.high_y - self.low_x))

    @property
    def middle(self) -> Floats:
        """The middle of the joint box: (d,)."""
        return (np.minimum(self.low_x, self.low_y) + np.maximum(self.high_x, self.high_y)) / 2

    @property
    def largest(self) -> float:
        """The largest coordinate, in absolute value."""
        return max(float(np.abs(z).max()) for z in self)


def _ends(points: Floats) -> tuple[Floats, Floats]:
    """Least and greatest coordinates of points (n, d): (d,) each."""
    n, d = points.shape[-2:]
    abreast = max(1, _WIDE // d)
    if n < 2 * abreast or d == 1 or points.ndim == 3:
        return points.min(axis=-2), points.max(axis=-2)
    rest, rows = points[n - n % abreast :], points[: n - n % abreast].reshape(-1, abreast * d)
    low, high = (np.concatenate([end.reshape(abreast, d), rest]) for end in (rows.min(axis=0), rows.max(axis=0)))
    return low.min(axis=0), high.max(axis=0)
