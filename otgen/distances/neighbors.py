"""The nearest sets of each of many, proven to be nearest, by as little solving as that takes."""

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
from .pairs.asking import Question, Request, answers
from .pairs.intervals import Intervals
from .pairs.posed import posed
from .pairs.running import checked_jobs
from .telling import told

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """The k nearest sets of each of B queries.

    Attributes
    ----------
    indices : ndarray
        (B, k) int64, which sets; nearest first.
    value, lower, upper : ndarray
        (B, k) float64: their distances, with proven intervals that are as narrow as the answer has needed them. ``value`` is what
        :func:`pairwise` has where a pair was solved to the end, else ``upper``.
    tied : ndarray
        (B, k) bool: where the interval of a neighbour, its pair solved to the end, overlaps that of a set that comes later or not at all. Which one is
        nearer is then not proven; of such sets that with the lowest index comes first.
    settled : dict
        How many pairs have reached which stage: ``"equal"`` sets, ``"means"``, ``"projections"``, ``"coarse plan"``, ``"duals"`` of earlier solves,
        ``"stopped"`` solves, and those ``"solved"`` to the end.

    Examples
    --------
    >>> import otgen
    >>> otgen.neighbors([[0.0], [1.0], [5.0]], k=1)
    Neighbors
      neighbours  1 of each of 3 sets, proven
      pairs       3: 1 means, 2 solved
    """

    indices: Indices
    value: Floats
    lower: Floats
    upper: Floats
    tied: np.ndarray
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
        >>> otgen.neighbors([[0.0], [1.0], [5.0]], k=1).to_dict()["indices"]
        [[1], [0], [1]]
        """
        names = ("indices", "value", "lower", "upper", "tied")
        return {**{name: getattr(self, name).tolist() for name in names}, "settled": dict(self.settled)}

    def to_frame(self) -> pandas.DataFrame:
        """A table, a row a neighbour: ``query``, ``rank`` from 1, ``set``, ``value``, ``lower``, ``upper`` and ``tied``.

        Raises
        ------
        MissingExtra
            Where pandas is not installed.

        Examples
        --------
        >>> import otgen
        >>> otgen.neighbors([[0.0], [1.0], [5.0]], k=1).to_frame()["set"].to_list()
        [1, 0, 1]
        """
        rows, ranks = np.indices(self.indices.shape).reshape(2, -1)
        columns = {name: getattr(self, name).ravel() for name in ("value", "lower", "upper", "tied")}
        return require("pandas").DataFrame({"query": rows, "rank": ranks + 1, "set": self.indices.ravel(), **columns})

    def __repr__(self) -> str:
        count, k = self.indices.shape
        ties = f", but for {int(self.tied.sum())} ties" if self.tied.any() else ""
        found = f"{k} of each of {count} set{'s' * (count != 1)}, proven{ties}"
        return numerals.in_rows("Neighbors", [("neighbours", found), ("pairs", told_stages(self.settled))])


def told_stages(settled: dict[str, int]) -> str:
    """How pairs were settled, in words."""
    return f"{sum(settled.values())}: " + ", ".join(f"{count} {name}" for name, count in settled.items() if count)


@may_underflow
def neighbors(
    queries: Any,
    sets: Any = None,
    k: int = 1,
    *,
    p: float = 2,
    metric: Metric = "euclidean",
    ordered: bool = True,
    weights: Any = None,
    weights2: Any = None,
    support: Any = None,
    normalize: bool = False,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Neighbors:
    """For each query the exact k nearest sets by Wasserstein distance, each proven.

    The answer is that of all distances, of which only those are solved that bounds leave open: lower ones by the means, by projections on axes and other
    directions and by the potentials of earlier solves, upper ones by coarse plans; and a solve stops at the first round that proves a set to be
    farther than k others.

    Parameters
    ----------
    queries : sequence, array_like or path
        B clouds, in any of the forms that :func:`pairwise` takes. All are held in memory, with their projections.
    sets : sequence, array_like or path, optional
        C clouds among which neighbours are looked for; None means among the queries themselves, none of which is its own neighbour.
    k : int
        How many neighbours, up to C, or B - 1.
    p, metric, normalize
        As in :func:`wasserstein`. Under a callable metric, and for points that are no doubles, only solves bound; for p = inf they do not stop
        early.
    ordered : bool
        Whether the order of the k is proven as well; else only which ones they are, which takes fewer solves.
    weights, weights2 : sequence, optional
        Of each query, and of each set, (n,) weights; None means uniform, also as an entry.
    support : array_like, optional
        (n, d) or (n,), points that all histograms share: queries and sets are then weights.
    n_jobs : int, optional
        How many threads narrow intervals side by side, on this machine; -1 is one a core. None means one. The result does not depend on it. One query
        narrows one interval at a time, with all cores for it.
    progress : bool
        Whether to report on stderr how many queries are answered, and how many solves that took.

    Returns
    -------
    Neighbors
        ``indices`` (B, k) with proven intervals of the distances, and how many pairs were settled by what.

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
    >>> sets = [rng.normal(size=(40, 2)) + shift for shift in range(12)]
    >>> found = otgen.neighbors(sets, k=2)
    >>> found.indices[5].tolist(), bool(found.tied.any())
    ([6, 4], False)
    >>> found.solved < 12 * 11 / 2
    True
    """
    ordered, progress = scalars.flag(ordered, "ordered"), scalars.flag(progress, "progress")
    jobs = checked_jobs(n_jobs)
    one, other, distance = posed(queries, sets, weights, weights2, support, ("queries", "sets"), p, metric, normalize)
    count = scalars.count(k, "k")
    most = len(one) - 1 if other is None else len(other)
    if count > most:
        raise InvalidInput(
            f"k must be at most the number of other sets; received {count} with {most} of them; pass k={max(most, 1)}"
            if most > 0
            else f"sets must hold at least one set other than the query; received none for k={count}; pass more sets"
        )
    pairs = Intervals(one, other, distance.options["p"], metric, normalize=normalize)
    shape = len(one), count
    indices, tied = np.empty(shape, np.int64), np.empty(shape, bool)
    questions = (_nearest(pairs, i, count, ordered=ordered) for i in range(len(one)))
    with told(progress) as tell:
        for done, (i, answer) in enumerate(answers(pairs, questions, jobs), 1):
            indices[i], tied[i] = answer
            tell(f"{done} of {len(one)} queries, {pairs.solves} solves")
    at = np.arange(len(one))[:, None], indices
    lower, upper, value = pairs.lower[at], pairs.upper[at], pairs.value[at]
    return Neighbors(indices, value, lower, upper, tied, pairs.counts())


def _nearest(pairs: Intervals, i: int, k: int, *, ordered: bool) -> Question[tuple[Indices, np.ndarray]]:
    """The k nearest of a query, and where that is not proven."""
    left = np.arange(pairs.shape[1])
    if pairs.alone:
        left = np.delete(left, i)
    everyone, chosen, tied = left, np.empty(0, np.int64), np.empty(0, bool)
    while len(chosen) < k:
        some = yield from _first(pairs, i, left, everyone, (1, k) if ordered else (k, k))
        left = np.setdiff1d(left, some)
        rest = pairs.lower[i, left].min(initial=math.inf)
        chosen, tied = np.append(chosen, some), np.append(tied, pairs.upper[i, some] >= rest)
    if not ordered:
        order = np.lexsort((chosen, pairs.upper[i, chosen]))
        chosen, tied = chosen[order], tied[order]
    return chosen, tied


def _first(pairs: Intervals, i: int, left: Indices, everyone: Indices, wanted: tuple[int, int]) -> Question[Indices]:
    """The nearest ``wanted[0]`` of those ``left``; a set is of no interest once ``wanted[1]`` of all are proven to be nearer."""
    m, k = wanted
    while True:
        order = left[np.argsort(pairs.lower[i, left], kind="stable")]
        first, rest = order[:m], order[m:]
        low = pairs.lower[i, rest[0]] if len(rest) else math.inf
        open_ones = first[pairs.upper[i, first] >= low]
        if not len(open_ones):
            return first
        if (done := pairs.is_done(i)[open_ones]).all():
            rivals = rest[pairs.lower[i, rest] <= pairs.upper[i, open_ones].max()]
            open_ones = rivals[~pairs.is_done(i)[rivals]][:1]
            if not len(open_ones):
                return _by_index(pairs, i, left, m)
        else:
            open_ones = open_ones[~done]
        widest = open_ones[np.argmax(pairs.upper[i, open_ones])]
        farthest = np.partition(pairs.upper[i, everyone], k - 1)[k - 1]
        yield Request(i, int(widest), -math.inf, math.nextafter(farthest, math.inf))


def _by_index(pairs: Intervals, i: int, left: Indices, m: int) -> Indices:
    """The m nearest of those left where intervals overlap for good: one after the other, the lowest index of those not proven to be farther."""
    chosen: list[int] = []
    for _ in range(m):
        near = left[pairs.lower[i, left] <= pairs.upper[i, left].min()]
        chosen.append(int(near[0]))
        left = left[left != near[0]]
    return np.array(chosen)
