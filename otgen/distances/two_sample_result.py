"""What a permutation test found: a p-value, and how far the chance of the deals may have moved it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.special import betaincinv

from ..errors import InvalidInput
from ..inputs import numerals, scalars
from .result_rows import OF_SAMPLES

_LEVEL = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class TestResult:
    """What a permutation test found.

    Attributes
    ----------
    distance : str
        What was measured.
    observed, lower, upper : float
        The distance between the two sets as they are, and its proven bounds; the value three times where there are none.
    as_far : int
        How many deals lie as far apart as the two sets. Intervals decide: one that is not proven to lie nearer counts.
    undecided : int
        Those of them whose interval overlaps that of the two sets: ties, and what a solver left open.
    settled : int
        How many deals were settled by the cost of a coarse plan alone, without being solved.
    n_permutations : int
        How many deals were looked at.
    stopped : bool
        Whether ``as_far`` reached ``stop_after`` before all were.

    Examples
    --------
    >>> found = TestResult("wasserstein", 1.2, 1.2, 1.2, 3, 0, 0, 999, False)
    >>> found.p_value, round(found.standard_error, 4)
    (0.004, 0.002)
    """

    __test__ = False  # no test of pytest's

    distance: str
    observed: float
    lower: float
    upper: float
    as_far: int
    undecided: int
    settled: int
    n_permutations: int
    stopped: bool

    @property
    def p_value(self) -> float:
        """With one law behind both sets it is at most t with a probability of at most t.

        ``(1 + as_far) / (1 + n_permutations)``, or ``as_far / n_permutations`` where the test stopped early (Besag and Clifford).
        """
        if self.stopped:
            return self.as_far / self.n_permutations
        return (1 + self.as_far) / (1 + self.n_permutations)

    @property
    def standard_error(self) -> float:
        """Of the p-value, as an estimate of the one that all deals there are would give: chance of the deals alone."""
        p = self.p_value
        spread = math.sqrt(p * (1 - p) / self.n_permutations)
        return spread * math.sqrt(1 - p) if self.stopped else spread

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Clopper and Pearson's confidence interval of the p-value that all deals there are would give.

        Parameters
        ----------
        level : float
            In (0, 1), the probability with which it holds it, at least, over the random deals.

        Examples
        --------
        >>> low, high = TestResult("wasserstein", 1.2, 1.2, 1.2, 3, 0, 0, 999, False).interval()
        >>> round(low, 5), round(high, 5)
        (0.00062, 0.00875)
        """
        level = scalars.real(level, "level")
        if not 0 < level < 1:
            raise InvalidInput(f"level must lie in (0, 1); received {level:g}; 0.95 is usual")
        tail = (1 - level) / 2
        k, n = self.as_far, self.n_permutations
        low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
        if self.stopped:  # a negative binomial count: the last deal was as far by design
            return low, 1.0 if k == n else float(betaincinv(k, n - k, 1 - tail))
        return low, 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))

    @property
    def verdict(self) -> str:
        """In a sentence, at a level of 1 in 20.

        Examples
        --------
        >>> print(TestResult("wasserstein", 1.2, 1.2, 1.2, 3, 0, 0, 999, False).verdict)
        beyond chance: 3 of 999 random deals of the pooled samples lie as far apart; p = 0.004
        >>> print(TestResult("wasserstein", 1.2, 1.2, 1.2, 0, 0, 0, 9, False).verdict)
        too few deals to tell: none of 9 random deals of the pooled samples lies as far apart; p = 0.1
        """
        deals = f"{self.as_far or 'none'} of {self.n_permutations} random deals of the pooled samples"
        told = f"{deals} {'lies' if self.as_far < 2 else 'lie'} as far apart; p = {self.p_value:.2g}"
        if self.p_value <= _LEVEL:
            return f"beyond chance: {told}"
        return f"{'no difference beyond chance is shown' if self.as_far else 'too few deals to tell'}: {told}"

    def to_dict(self) -> dict[str, Any]:
        """As plain Python values that json can write."""
        names = (
            "distance",
            "observed",
            "lower",
            "upper",
            "as_far",
            "undecided",
            "settled",
            "n_permutations",
            "stopped",
        )
        told = {name: getattr(self, name) for name in names}
        return {**told, "p_value": self.p_value, "standard_error": self.standard_error, "verdict": self.verdict}

    def __repr__(self) -> str:
        low, high = self.interval()
        rows = (
            ("distance", self.distance),
            ("observed", f"{numerals.number(self.observed, 5)}, {OF_SAMPLES}"),
            ("p-value", f"{self.p_value:.2g}, with all deals in [{low:.2g}, {high:.2g}] at 95 %"),
            ("verdict", self.verdict),
        )
        return numerals.in_rows("TestResult", rows)
