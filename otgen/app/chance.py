"""What chance alone gives: distances between random splits of the pooled samples, as if both sets were of one law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..inputs.types import Floats
from .words import counted, significant

SPLITS = 19  # with none of them as far apart, chance alone explains the distance once in 20 times at most
_SMALL = 250_000  # pairs of points up to which splits are measured without being asked for
_SMALL_LINE = 100_000  # points on a line
_LEVEL = 0.05

OF_SAMPLES = "of these samples, not of the laws behind them"
Measure = Callable[[Any, Any, Any, Any], float]


@dataclass(frozen=True)
class Chance:
    """Distances of random splits, beside the one that was observed.

    Attributes
    ----------
    values : tuple of float
        One a split.
    observed : float
        Between the two sets as they are.
    slack : float
        How far two values may lie apart and count as equal: what the intervals leave open.
    """

    values: tuple[float, ...]
    observed: float
    slack: float = 0.0

    @property
    def as_far(self) -> int:
        """How many splits lie as far apart as the two sets."""
        return sum(value >= self.observed - self.slack for value in self.values)

    @property
    def p_value(self) -> float:
        """Of the permutation test: ``(1 + as_far) / (1 + splits)``."""
        return (1 + self.as_far) / (1 + len(self.values))

    @property
    def spread(self) -> str:
        """From the nearest split to the farthest."""
        low, high = min(self.values), max(self.values)
        return significant(low) if low == high else f"{significant(low)} to {significant(high)}"

    @property
    def verdict(self) -> str:
        """In a sentence.

        Examples
        --------
        >>> print(Chance((1.0, 1.5), 1.2).verdict)
        no difference beyond chance is shown: 1 of 2 random splits of the pooled samples lies as far apart
        """
        splits = f"{self.as_far or 'none'} of {counted(len(self.values), 'random split')} of the pooled samples"
        lie = "lies" if self.as_far < 2 else "lie"
        if self.p_value > _LEVEL:
            return f"no difference beyond chance is shown: {splits} {lie} as far apart"
        return f"beyond chance: {splits} {lie} as far apart; with one law behind both, that has probability {self.p_value:.2g} at most"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "splits": len(self.values),
            "least": min(self.values),
            "most": max(self.values),
            "as_far": self.as_far,
            "p_value": self.p_value,
            "verdict": self.verdict,
        }


def usual_splits(x: Floats, y: Floats) -> int:
    """How many splits are measured unless one says: none where they would take long."""
    on_line = x.ndim == 1 or x.shape[1] == 1
    small = len(x) + len(y) <= _SMALL_LINE if on_line else len(x) * len(y) <= _SMALL
    return SPLITS if small else 0


def splits(
    measure: Measure, x: Floats, y: Floats, a: Floats | None, b: Floats | None, count: int, seed: int
) -> tuple[float, ...]:
    """Distances between random splits of the pooled points in sets of n and of m.

    Parameters
    ----------
    measure : callable
        Of two sets and their weights.
    x, y : ndarray
        (n, d) and (m, d), or (n,) and (m,).
    a, b : ndarray or None
        Weights; they are divided by their sums and stay with their points.
    count : int
        How many splits.
    seed : int
        They are a function of it.

    Returns
    -------
    tuple of float

    Examples
    --------
    >>> splits(lambda x, y, a, b: float(len(x)), np.zeros(3), np.ones(2), None, None, 2, seed=0)
    (3.0, 3.0)
    """
    pooled, n = np.concatenate([x, y]), len(x)
    weights = None
    if a is not None or b is not None:
        shares = [np.full(len(z), 1.0) if w is None else w * (len(w) / w.sum()) for z, w in ((x, a), (y, b))]
        weights = np.concatenate(shares)
    rng = np.random.default_rng(seed)
    return tuple(_split(measure, pooled, weights, n, rng.permutation(len(pooled))) for _ in range(count))


def _split(measure: Measure, pooled: Floats, weights: Floats | None, n: int, order: Any) -> float:
    one, two = order[:n], order[n:]
    if weights is None:
        return measure(pooled[one], pooled[two], None, None)
    a, b = weights[one], weights[two]
    if not (a.sum() > 0 and b.sum() > 0):  # all of one side are without weight: nothing is apart
        return 0.0
    return measure(pooled[one], pooled[two], a / a.sum(), b / b.sum())
