"""What chance alone gives: distances between random splits of the pooled samples, as if both sets were of one law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs import arrays, numerals, scalars, tables
from ..inputs.types import Floats
from ..model.cost import origin_matters
from .entropic import sinkhorn, sinkhorn_divergence
from .exact import wasserstein
from .result import OF_SAMPLES
from .sliced import sliced_wasserstein

SPLITS = 19  # with none of them as far apart, chance alone explains the distance once in 20 times at most
_LEVEL = 0.05
_DISTANCES: dict[str, Callable[..., Any]] = {
    "wasserstein": wasserstein,
    "sinkhorn": sinkhorn,
    "sinkhorn_divergence": sinkhorn_divergence,
    "sliced_wasserstein": sliced_wasserstein,
}
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
        """
        count = len(self.values)
        splits = f"{self.as_far or 'none'} of {count} random split{'s' * (count != 1)} of the pooled samples"
        lie = "lies" if self.as_far < 2 else "lie"
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
        return "PermutationNull\n" + "\n".join(f"  {name:<12}  {text}" for name, text in rows)


def permutation_null(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: str | Measure = "wasserstein",
    n_permutations: int = SPLITS,
    rng: Any = None,
    **options: Any,
) -> PermutationNull:
    """What chance alone gives: the distance between random splits of the pooled samples, beside that of the two sets.

    Distances between samples are positive even where one law is behind both, and large in many dimensions. The pooled points are dealt
    anew, into sets of n and of m; were they all drawn independently from one law, the two sets as they are would be one more such deal.

    Parameters
    ----------
    x, y, a, b
        Samples and weights, as in :func:`wasserstein`. Weights are divided by their sums and stay with their points.
    distance : {"wasserstein", "sinkhorn", "sinkhorn_divergence", "sliced_wasserstein"} or callable
        What is measured; or ``distance(x, y, a, b)`` of arrays, with a and b None where no weights were given, that returns a number
        or a :class:`Result`.
    n_permutations : int
        k, how many splits. 19 is the least that can tell anything at a level of 1 in 20. The time is that of k + 1 distances.
    rng : int, Generator, optional
        Seed or generator (SPEC 7).
    **options
        Handed to the distance: ``p``, ``metric``, ``epsilon``. What is taken from the data, as by :class:`Relative`, is
        taken anew from each split, so that all are treated alike.

    Returns
    -------
    PermutationNull
        ``values`` (k,), ``observed``, ``p_value``, and a ``verdict`` in words.

    Raises
    ------
    InvalidInput
        As the distance does, and for ``relax``: sets of other masses are no deals of one pool.
    NotConverged
        As the distance does; ``throw=False`` goes on with the intervals reached.

    References
    ----------
    Phipson and Smyth, "Permutation p-values should never be zero", 2010.

    Examples
    --------
    Two samples of one law in 64 dimensions: the distance is large, and chance alone explains it.

    >>> import numpy as np, otgen
    >>> x, y = np.random.default_rng(0).normal(size=(2, 91, 64))
    >>> null = otgen.permutation_null(x, y, rng=0)
    >>> bool(null.observed > 9), null.p_value > 0.05
    (True, True)
    """
    count, generator = scalars.count(n_permutations, "n_permutations"), scalars.generator(rng)
    if options.get("relax") is not None:
        raise InvalidInput("relax must be left out: splits of a pool have one mass; received one; compare without it")
    measure = _measure(distance, options, generator)
    tables.same_columns(x, y)
    clouds = arrays.clouds(x, y, fixed=origin_matters(options.get("metric", "euclidean")))[:2]
    one, other = (cloud.points[:, 0] if cloud.line else cloud.points for cloud in clouds)
    left = None if a is None else arrays.weights(a, len(one), "a", "the points of x")[0]
    right = None if b is None else arrays.weights(b, len(other), "b", "the points of y")[0]
    observed = measured(measure(one, other, left, right))
    return PermutationNull.of(observed, permuted(measure, one, other, left, right, count, generator))


def _measure(distance: Any, options: dict[str, Any], generator: np.random.Generator) -> Measure:
    """What measures two sets and their weights."""
    if isinstance(distance, str):
        distance = _DISTANCES[scalars.one_of(distance, "distance", tuple(_DISTANCES))]
        if distance is sliced_wasserstein:  # along the same directions for all splits
            options = {"rng": int(generator.integers(2**62)), **options}
    elif not callable(distance):
        raise InvalidInput(
            f"distance must be a name ({', '.join(_DISTANCES)}) or a callable; received {scalars.told(distance)}; pass 'wasserstein'"
        )
    return lambda *sides: distance(*sides, **options)


def measured(found: Any) -> Measured:
    """The value and the interval of a result; of a number, the number."""
    if isinstance(found, Measured):
        return found
    value = scalars.real(getattr(found, "value", found), "what distance returns")
    lower, upper = getattr(found, "lower", None), getattr(found, "upper", None)
    return Measured(value, value if lower is None else lower, value if upper is None else upper)


def permuted(
    measure: Measure, x: Floats, y: Floats, a: Floats | None, b: Floats | None, count: int, rng: Any
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

    Returns
    -------
    list of Measured

    Examples
    --------
    >>> found = permuted(lambda x, y, a, b: float(len(x)), np.zeros(3), np.ones(2), None, None, 2, rng=0)
    >>> [split.value for split in found]
    [3.0, 3.0]
    """
    pooled, n = np.concatenate([x, y]), len(x)
    weights = None
    if a is not None or b is not None:
        shares = [np.full(len(z), 1.0) if w is None else w * (len(w) / w.sum()) for z, w in ((x, a), (y, b))]
        weights = np.concatenate(shares)
    rng = np.random.default_rng(rng)
    return [measured(_split(measure, pooled, weights, n, rng.permutation(len(pooled)))) for _ in range(count)]


def _split(measure: Measure, pooled: Floats, weights: Floats | None, n: int, order: Any) -> Any:
    one, two = order[:n], order[n:]
    if weights is None:
        return measure(pooled[one], pooled[two], None, None)
    a, b = weights[one], weights[two]
    if not (a.sum() > 0 and b.sum() > 0):  # all of one side are without weight: nothing is apart
        return 0.0
    return measure(pooled[one], pooled[two], a / a.sum(), b / b.sum())
