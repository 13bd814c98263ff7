"""Random splits of pooled samples: what distances they have, and what that says of the distance that was observed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..inputs import numerals, scalars
from ..inputs.types import Floats
from ..model.problem import Problem
from ..solvers.base import Progress, silent
from .result_rows import OF_SAMPLES

SPLITS = 19  # with none of them as far apart, chance alone explains the distance once in 20 times at most
_LEVEL = 0.05
Measure = Callable[[Any, Any, Any, Any], Any]


class Measured(NamedTuple):
    """A value and its proven interval, or the value alone three times."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False, repr=False)
class PermutationNull:
    """Distances of random splits of the pooled samples, beside the one that was observed.

    Attributes
    ----------
    observed : float
        Between the two sets as they are.
    values : ndarray
        (k,), one a split: a sample of the null distribution, that of the distance if one law is behind both sets.
    as_far : int
        How many splits lie as far apart as the two sets. Intervals decide: a split that is not proven to lie nearer counts.

    Examples
    --------
    >>> null = PermutationNull.of(1.2, [1.0, 1.5])
    >>> null.as_far, round(null.p_value, 3)
    (1, 0.667)
    """

    observed: float
    values: Floats
    as_far: int

    @classmethod
    def of(cls, observed: Any, splits: Any) -> PermutationNull:
        """From a result, or number, and those of splits."""
        mine, others = measured(observed), [measured(split) for split in splits]
        values = np.array([split.value for split in others])
        return cls(mine.value, values, sum(split.upper >= mine.lower for split in others))

    @property
    def p_value(self) -> float:
        """Of the permutation test, ``(1 + as_far) / (1 + k)``: if one law is behind both sets, it is at most t with a probability of at most t."""
        return (1 + self.as_far) / (1 + len(self.values))

    @property
    def spread(self) -> str:
        """From the nearest split to the farthest, in words."""
        low, high = (numerals.number(float(end), 5) for end in (self.values.min(), self.values.max()))
        return low if low == high else f"{low} to {high}"

    @property
    def verdict(self) -> str:
        """In a sentence, at a level of 1 in 20.

        Examples
        --------
        >>> print(PermutationNull.of(1.2, [1.0, 1.5]).verdict)
        no difference beyond chance is shown: 1 of 2 random splits of the pooled samples lies as far apart
        >>> print(PermutationNull.of(2.2, [1.0, 1.5]).verdict)
        too few splits to tell: none of 2 random splits of the pooled samples lies as far apart; it takes 19 to show a difference
        """
        count = len(self.values)
        splits = f"{self.as_far or 'none'} of {count} random split{'s' * (count != 1)} of the pooled samples"
        lie = "lies" if self.as_far < 2 else "lie"
        if self.p_value > _LEVEL and self.as_far == 0:
            return f"too few splits to tell: {splits} lies as far apart; it takes {SPLITS} to show a difference"
        if self.p_value > _LEVEL:
            return f"no difference beyond chance is shown: {splits} {lie} as far apart"
        return f"beyond chance: {splits} {lie} as far apart; with one law behind both, that has probability {self.p_value:.2g} at most"

    def to_dict(self) -> dict[str, Any]:
        """As plain Python values that json can write."""
        return {
            "splits": len(self.values),
            "least": float(self.values.min()),
            "most": float(self.values.max()),
            "as_far": self.as_far,
            "p_value": self.p_value,
            "verdict": self.verdict,
        }

    def __repr__(self) -> str:
        rows = (
            ("observed", f"{numerals.number(self.observed, 5)}, {OF_SAMPLES}"),
            ("chance alone", self.spread),
            ("p-value", f"{self.p_value:.2g}"),
            ("verdict", self.verdict),
        )
        return numerals.in_rows("PermutationNull", rows)


def measured(found: Any) -> Measured:
    """The value and the interval of a result; of a number, the number."""
    if isinstance(found, Measured):
        return found
    value = scalars.real(getattr(found, "value", found), "what distance returns")
    lower, upper = getattr(found, "lower", None), getattr(found, "upper", None)
    return Measured(value, value if lower is None else lower, value if upper is None else upper)


def null_of(problem: Problem, measure: Measure, observed: Any, count: int, rng: Any) -> PermutationNull:
    """What chance alone gives for the samples of a problem: ``measure`` of their random splits, beside what was observed."""
    sides = problem.source, problem.target
    x, y = (side.shaped(side.float64()) for side in sides)
    a, b = (None if side.uniform else side.weights for side in sides)
    return PermutationNull.of(observed, permuted(measure, x, y, a, b, count, scalars.generator(rng)))


def permuted(
    measure: Measure,
    x: Floats,
    y: Floats,
    a: Floats | None,
    b: Floats | None,
    count: int,
    rng: Any,
    tell: Progress = silent,
) -> list[Measured]:
    """Distances between random splits of the pooled points in sets of n and of m.

    Parameters
    ----------
    measure : callable
        Of two sets and their weights: a result or a number.
    x, y : ndarray
        (n, d) and (m, d), or (n,) and (m,).
    a, b : ndarray or None
        Weights; they are divided by their sums and stay with their points.
    count : int
        How many splits.
    rng : int or Generator
        They are a function of it.
    tell : callable
        What hears how far it is.

    Returns
    -------
    list of Measured

    Examples
    --------
    >>> found = permuted(lambda x, y, a, b: float(len(x)), np.zeros(3), np.ones(2), None, None, 2, rng=0)
    >>> [split.value for split in found]
    [3.0, 3.0]
    """
    pool, rng = Pool.of(x, y, a, b), scalars.generator(rng)
    found: list[Measured] = []
    for done in range(1, count + 1):
        found.append(measured(pool.measured(measure, rng.permutation(len(pool)))))
        tell(f"{done} of {count} splits")
    return found


@dataclass(frozen=True, eq=False)
class Pool:
    """Two sets put together: points (N, d) or (N,), weights (N,) of mean 1 on either side or None, and n, how many the first set has.

    Examples
    --------
    >>> pool = Pool.of(np.array([0.0, 1.0]), np.array([5.0]), None, None)
    >>> pool.dealt(np.array([2, 0, 1]))
    (array([5., 0.]), array([1.]), None, None)
    """

    points: Floats
    weights: Floats | None
    n: int

    @classmethod
    def of(cls, x: Floats, y: Floats, a: Floats | None, b: Floats | None) -> Pool:
        """From two sets, of which one may be (n,) and the other (m, 1), and their weights, which are divided by their sums."""
        weights = None
        if a is not None or b is not None:
            shares = [np.full(len(z), 1.0) if w is None else w * (len(w) / w.sum()) for z, w in ((x, a), (y, b))]
            weights = np.concatenate(shares)
        if x.ndim != y.ndim:
            x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
        return cls(np.concatenate([x, y]), weights, len(x))

    def __len__(self) -> int:
        return len(self.points)

    def dealt(self, order: Any) -> tuple[Floats, Floats, Floats | None, Floats | None] | None:
        """The two sets of a deal and their weights; None where all of one side are without weight."""
        one, two = order[: self.n], order[self.n :]
        if self.weights is None:
            return self.points[one], self.points[two], None, None
        a, b = self.weights[one], self.weights[two]
        if not (a.sum() > 0 and b.sum() > 0):
            return None
        return self.points[one], self.points[two], a / a.sum(), b / b.sum()

    def measured(self, measure: Measure, order: Any) -> Any:
        """The distance of a deal; where one side is without weight nothing is apart."""
        sides = self.dealt(order)
        return 0.0 if sides is None else measure(*sides)
