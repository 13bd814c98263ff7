"""All pairs of sets within a radius, each proven to be, by as little solving as that takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInput, require
from ..inputs import numerals, scalars
from ..inputs.types import Floats, Indices
from ..model.cost import Metric
from ..underflow import may_underflow
from .neighbors import told_stages
from .pairs.asking import Question, Request, answers
from .pairs.intervals import SOLVED, Intervals
from .pairs.posed import posed
from .pairs.running import checked_jobs
from .telling import told

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False, repr=False)
class Within:
    """The pairs of sets that lie within a radius of each other.

    Attributes
    ----------
    pairs : ndarray
        (m, 2) int64, the indices of the first and of the second set, in lexical order; of one collection each pair once, the lower index first.
    value, lower, upper : ndarray
        (m,) float64: their distances, with proven intervals that are as narrow as the answer has needed them. ``value`` is what
        :func:`pairwise` has where a pair was solved to the end, else ``upper``.
    undecided : ndarray
        (l, 2) int64: pairs, be they among ``pairs`` or not, whose interval holds the radius although they were solved to the end. Their value
        decides, and nothing is proven.
    settled : dict
        How many pairs have reached which stage, as in :class:`Neighbors`.

    Examples
    --------
    >>> import otgen
    >>> otgen.within([[0.0], [1.0], [5.0]], 2.0)
    Within
      within  1 pair, proven
      pairs   3: 2 means, 1 solved
    """

    pairs: Indices
    value: Floats
    lower: Floats
    upper: Floats
    undecided: Indices
    settled: dict[str, int]

    @property
    def solved(self) -> int:
        """How many pairs were solved, be it to the end or not."""
        return self.settled["stopped"] + self.settled["solved"]

    def to_dict(self) -> dict[str, Any]:
        """As plain Python values that json can write: each array as lists.

        Examples
        --------
        >>> import otgen
        >>> otgen.within([[0.0], [1.0], [5.0]], 2.0).to_dict()["pairs"]
        [[0, 1]]
        """
        names = ("pairs", "value", "lower", "upper", "undecided")
        return {**{name: getattr(self, name).tolist() for name in names}, "settled": dict(self.settled)}

    def to_frame(self) -> pandas.DataFrame:
        """A table, a row a pair: ``first``, ``second``, ``value``, ``lower``, ``upper`` and ``undecided``.

        Raises
        ------
        MissingExtra
            Where pandas is not installed.

        Examples
        --------
        >>> import otgen
        >>> otgen.within([[0.0], [1.0], [5.0]], 2.0).to_frame()[["first", "second"]].to_numpy().tolist()
        [[0, 1]]
        """
        open_ones = {tuple(pair) for pair in self.undecided.tolist()}
        first, second = self.pairs.T
        columns = {name: getattr(self, name) for name in ("value", "lower", "upper")}
        undecided = np.array([tuple(pair) in open_ones for pair in self.pairs.tolist()], bool)
        return require("pandas").DataFrame({"first": first, "second": second, **columns, "undecided": undecided})

    def __repr__(self) -> str:
        count, open_ones = len(self.pairs), len(self.undecided)
        ties = f", but for {open_ones} at the radius up to rounding" if open_ones else ""
        found = f"{count} pair{'s' * (count != 1)}, proven{ties}"
        return numerals.in_rows("Within", [("within", found), ("pairs", told_stages(self.settled))])


@may_underflow
def within(
    sets: Any,
    radius: float,
    sets2: Any = None,
    *,
    p: float = 2,
    metric: Metric = "euclidean",
    weights: Any = None,
    weights2: Any = None,
    support: Any = None,
    normalize: bool = False,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Within:
    """All pairs of sets whose Wasserstein distance is at most a radius, each proven.

    The answer is that of all distances, of which only those are solved that bounds leave open, and these only up to the first round that tells
    on which side of the radius they lie; see :func:`neighbors`.

    Parameters
    ----------
    sets, sets2 : sequence, array_like or path
        B and C clouds, in any of the forms that :func:`pairwise` takes; without ``sets2`` pairs are those of two of ``sets``. All are held in memory, with
        their projections.
    radius : float
        At least 0, in units of the distance; under a metric that is a cost, in units of that. inf means all pairs.
    p, metric, weights, weights2, support, normalize, n_jobs
        As in :func:`neighbors`.
    progress : bool
        Whether to report on stderr how many pairs that the means leave open are decided, and how many solves that took.

    Returns
    -------
    Within
        ``pairs`` (m, 2) with proven intervals of the distances, those that rounding leaves undecided, and how many were settled by what.

    Raises
    ------
    InvalidInput, MassMismatch
        As :func:`pairwise` does, with the number of the first set that is malformed, before any work starts.
    TooLarge
        If the intervals of all pairs, or the projections, do not fit in memory.

    Examples
    --------
    >>> import numpy as np, otgen
    >>> rng = np.random.default_rng(0)
    >>> sets = [rng.normal(size=(40, 2)) + 2 * shift for shift in range(6)]
    >>> found = otgen.within(sets, 3.2)
    >>> found.pairs.tolist(), len(found.undecided)
    ([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]], 0)
    """
    reach, progress = scalars.real(radius, "radius"), scalars.flag(progress, "progress")
    jobs = checked_jobs(n_jobs)
    if reach < 0:
        raise InvalidInput(
            f"radius must be at least 0; received {scalars.told(radius)}; pass 0 for pairs of equal sets"
        )
    one, other, distance = posed(sets, sets2, weights, weights2, support, ("sets", "sets2"), p, metric, normalize)
    found = Intervals(one, other, distance.options["p"], metric, normalize=normalize)
    rows, columns = np.triu_indices(len(one), 1) if other is None else np.indices(found.shape).reshape(2, -1)
    left = np.flatnonzero((found.lower[rows, columns] <= reach) & (reach < found.upper[rows, columns]))
    left = left[np.lexsort((rows[left], (columns - rows)[left] % found.shape[1]))]  # pairs side by side share few sets
    questions = (_decided(found, i, j, reach) for i, j in zip(rows[left].tolist(), columns[left].tolist()))
    with told(progress) as tell:
        for done, _ in enumerate(answers(found, questions, jobs), 1):
            tell(f"{done} of {len(left)} pairs, {found.solves} solves")
    lower, upper, value = (each[rows, columns] for each in (found.lower, found.upper, found.value))
    undecided = (lower <= reach) & (reach < upper)
    inside = (upper <= reach) | (undecided & (value <= reach))
    both = np.stack([rows, columns], axis=1)
    return Within(both[inside], value[inside], lower[inside], upper[inside], both[undecided], found.counts())


def _decided(pairs: Intervals, i: int, j: int, reach: float) -> Question[None]:
    """Ask of a pair until it is known on which side of the radius it lies, or it is solved to the end."""
    while pairs.lower[i, j] <= reach < pairs.upper[i, j] and pairs.stage[i, j] != SOLVED:
        yield Request(i, j, reach, math.nextafter(reach, math.inf))
