"""Are two samples of one law? A permutation test on any distance, decided by bounds, and stopped early where that is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import betaincinv

from ..errors import InvalidInput
from ..inputs import numerals, scalars
from ..inputs.types import Floats, Indices
from .chosen import DISTANCES, Chosen, chosen
from .pairs.running import checked_jobs, outcomes
from .permutation_null import samples
from .quadratic import QUADRATIC, Quadratic, quadratic
from .result import OF_SAMPLES
from .splits import Measure, Measured, Pool, measured

_SMALL = 2**13  # pairs of points up to which deals are measured in stacks
_STACKED, _FEW = 64, 8  # deals to a task: of those, and of larger ones
_WAVE = 8  # tasks between two looks at whether the test may stop
_LEVEL = 0.05
_SETTLED, _NEARER, _OVERLAPS, _FARTHER = range(4)  # how a deal lies to the two sets; the first without being solved
_SAFE = 1 + 1e-9  # more than what rounding takes from a mean of powers
_LEAST = 1e-280  # lengths whose relative rounding is not that of ordinary floats


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
        """
        deals = f"{self.as_far or 'none'} of {self.n_permutations} random deals of the pooled samples"
        told = f"{deals} {'lies' if self.as_far < 2 else 'lie'} as far apart; p = {self.p_value:.2g}"
        return f"no difference beyond chance is shown: {told}" if self.p_value > _LEVEL else f"beyond chance: {told}"

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
        return "TestResult\n" + "\n".join(f"  {name:<10}  {text}" for name, text in rows)


def two_sample_test(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: str | Measure = "wasserstein",
    n_permutations: int = 999,
    stop_after: int | None = None,
    n_jobs: int | None = None,
    rng: Any = None,
    **options: Any,
) -> TestResult:
    """Test whether two samples are of one law, by the distance between them and between random deals of the pooled points.

    The p-value is exact, whatever the laws, the dimension and the distance: with one law behind both sets it is at most t with a probability of at
    most t. Only the order of the distances matters, so that larger deals are first bounded by a coarse plan, and solved where that does not prove them
    to lie nearer; the answer is that of solving all, and of :func:`permutation_null` with the same ``rng``.

    Parameters
    ----------
    x, y, a, b
        Samples and weights, as in :func:`wasserstein`. Weights are divided by their sums and stay with their points.
    distance : {"wasserstein", "sinkhorn", "sinkhorn_divergence", "sliced_wasserstein", "energy", "mmd"} or callable
        What is measured; or ``distance(x, y, a, b)`` of arrays, with a and b None where no weights were given, that returns a number
        or a :class:`Result`. ``"energy"`` is the root of ``2 E|X - Y| - E|X - X'| - E|Y - Y'|``; ``"mmd"`` the maximum mean
        discrepancy under a Gaussian kernel.
    n_permutations : int
        k, how many deals at most; the least p-value is 1 / (k + 1).
    stop_after : int, optional
        h: the test stops at the h-th deal that lies as far apart, with the p-value h / l after l of them (Besag and Clifford), which is
        exact as well. Where nothing is to be found, it then takes h / p deals in place of k; 10 or 20 are usual.
    n_jobs : int, optional
        How many workers, as in :func:`pairwise`. The result does not depend on it.
    rng : int, Generator, optional
        Seed or generator (SPEC 7).
    **options
        Handed to the distance: ``p``, ``metric``, ``epsilon``; for ``"mmd"`` the ``bandwidth``, which is otherwise taken from the pooled
        points. What is taken from the data, as by :class:`Relative`, is taken anew from each deal.

    Returns
    -------
    TestResult
        ``p_value`` with its Monte Carlo ``standard_error`` and ``interval``, and a ``verdict`` in words.

    Raises
    ------
    InvalidInput
        As the distance does, and for ``relax``: sets of other masses are no deals of one pool.
    NotConverged
        As the distance does; ``throw=False`` goes on with the intervals reached.

    References
    ----------
    Phipson and Smyth, "Permutation p-values should never be zero", 2010; Besag and Clifford, "Sequential Monte Carlo p-values", 1991;
    Szekely and Rizzo, "Energy statistics", 2013; Gretton et al., "A kernel two-sample test", 2012.

    Examples
    --------
    >>> import numpy as np, otgen
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(30, 2)), rng.normal(size=(40, 2))
    >>> otgen.two_sample_test(x, y + 1, n_permutations=99, rng=0).p_value
    0.01
    >>> otgen.two_sample_test(x, y, n_permutations=99, rng=0).p_value > 0.05
    True
    """
    count, generator = scalars.count(n_permutations, "n_permutations"), scalars.generator(rng)
    enough = None if stop_after is None else scalars.count(stop_after, "stop_after")
    jobs = checked_jobs(n_jobs)
    sides = samples(x, y, a, b, options)
    pool = Pool.of(*sides)
    judge = _judge(distance, options, pool, sides, generator)
    tally = np.zeros(4, np.int64)
    done, stopped = 0, False
    for verdicts in _verdicts(judge, pool, count, generator, jobs, waves=enough is not None):
        if enough is not None:
            far = np.cumsum(verdicts >= _OVERLAPS) + tally[_OVERLAPS:].sum()
            if far[-1] >= enough:
                verdicts, stopped = verdicts[: int(np.searchsorted(far, enough)) + 1], True
        tally += np.bincount(verdicts, minlength=4)
        done += len(verdicts)
        if stopped:
            break
    as_far, own = int(tally[_OVERLAPS:].sum()), judge.observed
    return TestResult(judge.name, *own, as_far, int(tally[_OVERLAPS]), int(tally[_SETTLED]), done, stopped)


class _Judge(Protocol):
    """What tells how deals lie to the two sets as they are."""

    @property
    def name(self) -> str:
        """What is measured."""
        ...

    @property
    def observed(self) -> Measured:
        """Between the two sets."""
        ...

    @property
    def together(self) -> int:
        """How many deals are to be judged at once."""
        ...

    def __call__(self, orders: Indices) -> Indices:
        """One of the four words above for each deal, (k,), of orders (k, N) of the pool."""
        ...


@dataclass(frozen=True, eq=False)
class _Transported:
    """By a distance between two sets."""

    name: str
    observed: Measured
    pool: Pool
    distance: Chosen
    together: int
    coarse: _Coarse | None

    def __call__(self, orders: Indices) -> Indices:
        """Bounded first where there is a coarse plan."""
        out = np.full(len(orders), _SETTLED)
        left = np.arange(len(orders))
        if self.coarse is not None:
            left = np.flatnonzero([self.coarse.bound(order) >= self.observed.lower for order in orders])
        for k, found in zip(left, self._measured(orders[left]), strict=True):
            out[k] = _word(found, self.observed)
        return out

    def _measured(self, orders: Indices) -> list[Measured]:
        batch, pool = self.distance.batch, self.pool
        if batch is None or self.together == _FEW or pool.weights is not None or not len(orders):
            return [measured(pool.measured(self.distance, order)) for order in orders]
        found = batch(
            pool.points[orders[:, : pool.n]], pool.points[orders[:, pool.n :]], None, None, **self.distance.options
        )
        return [Measured(*three) for three in zip(found.value, found.lower, found.upper)]


@dataclass(frozen=True, eq=False)
class _Pooled:
    """By a kernel on the pooled points."""

    name: str
    observed: Measured
    pool: Pool
    distance: Quadratic
    together: int = _STACKED

    def __call__(self, orders: Indices) -> Indices:
        """All at once: the kernel is listed once for them."""
        found = self.distance(_signed(self.pool, orders))
        return np.array([_word(one, self.observed) for one in found])


@dataclass(frozen=True, eq=False)
class _Coarse:
    """A plan that is made without solving: both sets are halved at their medians again and again, and halves go to halves.

    Its cost bounds the distance from above. For two sets of equally many points of equal weight.
    """

    points: Floats
    n: int
    p: float

    def bound(self, order: Indices) -> float:
        """An upper bound of the distance of a deal."""
        one, two = (_halved(self.points[side]) for side in (order[: self.n], order[self.n :]))
        steps = np.abs(one - two)
        longest = float(steps.max())
        if not _LEAST < longest < 1 / _LEAST:
            return math.inf
        lengths = np.sqrt(((steps / longest) ** 2).sum(axis=1))
        unit = float(lengths.max())
        return longest * unit * float(((lengths / unit) ** self.p).mean()) ** (1 / self.p) * _SAFE


def _halved(points: Floats) -> Floats:
    """Points (n, d) in the order of halves of halves, along one coordinate after the other: of sets of one n the same places are halves."""
    n, d = points.shape
    places = np.arange(n)
    for depth in range(n.bit_length() - 1):
        cells = (places << depth) // n
        points = points[np.lexsort((points[:, depth % d], cells))]
    return points


def _judge(
    distance: Any, options: dict[str, Any], pool: Pool, sides: tuple[Any, Any, Any, Any], generator: Any
) -> _Judge:
    """What is measured, and how far apart the two sets are by it."""
    if isinstance(distance, str):
        scalars.one_of(distance, "distance", (*DISTANCES, *QUADRATIC))
    if distance in QUADRATIC:
        kernel = quadratic(distance, pool, options)
        return _Pooled(distance, kernel(_signed(pool, np.arange(len(pool))[None]))[0], pool, kernel)
    measure = chosen(distance, options, generator)
    observed = measured(measure(*sides))  # first of all, since it checks the options
    pairs = pool.n * (len(pool) - pool.n)
    together = _STACKED if pairs <= _SMALL and pool.points.ndim == 2 else _FEW
    coarse = _coarse(measure, pool) if pairs > _SMALL else None
    return _Transported(measure.told, observed, pool, measure, together, coarse)


def _coarse(measure: Chosen, pool: Pool) -> _Coarse | None:
    """A coarse plan, where the distance is one that it bounds."""
    p, metric = measure.options.get("p", 2), measure.options.get("metric", "euclidean")
    plain = measure.name == "wasserstein" and metric == "euclidean" and p < math.inf
    if not plain or pool.points.ndim == 1 or pool.weights is not None or 2 * pool.n != len(pool):
        return None
    points = pool.points.astype(np.float64)
    return _Coarse(points, pool.n, float(p))


def _word(found: Measured, own: Measured) -> int:
    if found.upper < own.lower:
        return _NEARER
    return _FARTHER if found.lower > own.upper else _OVERLAPS


def _signed(pool: Pool, orders: Indices) -> Floats:
    """Weights of the first sets less those of the second ones, (k, N), by the points of the pool."""
    weights = np.ones(len(pool)) if pool.weights is None else pool.weights
    out = np.zeros(orders.shape)
    for signed, order in zip(out, orders, strict=True):
        one, two = order[: pool.n], order[pool.n :]
        a, b = weights[one].sum(), weights[two].sum()
        if a > 0 and b > 0:
            signed[one], signed[two] = weights[one] / a, -weights[two] / b
    return out


def _verdicts(
    judge: _Judge, pool: Pool, count: int, generator: np.random.Generator, jobs: int | None, *, waves: bool
) -> Iterator[Indices]:
    """How ``count`` deals lie, some at a time in their order; with ``waves`` no more are begun than may be needed soon."""

    def tasks() -> Iterator[_Task]:
        for start in range(0, count, judge.together):
            some = min(judge.together, count - start)
            yield _Task(judge, np.array([generator.permutation(len(pool)) for _ in range(some)]))

    if not waves:
        yield from outcomes(tasks(), jobs, ordered=True)
        return
    made = tasks()
    while some := [task for _, task in zip(range(_WAVE), made)]:
        yield from list(outcomes(some, jobs, ordered=True))


@dataclass(frozen=True, eq=False)
class _Task:
    """Some deals that are to be judged."""

    judge: _Judge
    orders: Indices

    def __call__(self) -> Indices:
        """How they lie."""
        return self.judge(self.orders)
