"""How many random splits the command line measures, unless one says: what chance alone gives is shown where it is cheap."""

from __future__ import annotations

from ..distances.splits import SPLITS
from ..inputs.types import Floats

_SMALL = 250_000  # pairs of points up to which splits are measured without being asked for
_SMALL_LINE = 100_000  # points on a line


def usual_splits(x: Floats, y: Floats) -> int:
    """How many splits are measured unless one says: none where they would take long."""
    on_line = x.ndim == 1 or x.shape[1] == 1
    small = len(x) + len(y) <= _SMALL_LINE if on_line else len(x) * len(y) <= _SMALL
    return SPLITS if small else 0
