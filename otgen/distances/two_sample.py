"""Are two samples of one law? A permutation test on any distance, decided by bounds, and stopped early where that is asked for."""

from __future__ import annotations

from typing import Any, Literal, Unpack, overload

import numpy as np

from ..inputs import scalars
from ..underflow import may_underflow
from .chosen import DistanceName
from .deals import OVERLAPS, SETTLED, judge_of, verdicts_of
from .distance_options import TestOptions
from .pairs.running import checked_jobs
from .permutation_null import samples
from .splits import Measure, Pool
from .telling import told
from .two_sample_result import TestResult


@overload
def two_sample_test(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: DistanceName | Literal["energy", "mmd"] = ...,
    n_permutations: int = ...,
    stop_after: int | None = ...,
    n_jobs: int | None = ...,
    rng: Any = ...,
    progress: bool = ...,
    **options: Unpack[TestOptions],
) -> TestResult: ...
@overload
def two_sample_test(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: Measure,
    n_permutations: int = ...,
    stop_after: int | None = ...,
    n_jobs: int | None = ...,
    rng: Any = ...,
    progress: bool = ...,
    **options: Any,
) -> TestResult: ...
@may_underflow
def two_sample_test(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: DistanceName | Literal["energy", "mmd"] | Measure = "wasserstein",
    n_permutations: int = 999,
    stop_after: int | None = None,
    n_jobs: int | None = None,
    rng: Any = None,
    progress: bool = False,
    **options: Any,
) -> TestResult:
    """Test whether two samples are of one law, by the distance between them and between random deals of the pooled points.

    The p-value is exact, whatever the laws, the dimension and the distance: with one law behind both sets it is at most t with a probability of at
    most t. Only the order of the distances matters, so that larger deals are first bounded: by a coarse plan, and in up to three dimensions from both
    sides by an auction within lists of near points that all deals share. They are solved where that does not prove them to lie nearer or farther;
    the answer is that of solving all, and of :func:`permutation_null` with the same ``rng``.

    Parameters
    ----------
    x, y, a, b
        Samples and weights, as in :func:`wasserstein`. Weights are divided by their sums and stay with their points.
    distance : {"wasserstein", "sinkhorn", "sinkhorn_divergence", "sliced_wasserstein", "max_sliced_wasserstein", "partial_wasserstein", "energy", "mmd"} or callable
        What is measured; or ``distance(x, y, a, b)`` of arrays, with a and b None where no weights were given, that returns a number
        or a :class:`Result`. Max-sliced distances are compared by their values, partial ones with the same prices for all points. ``"energy"`` is the root of ``2 E|X - Y| - E|X - X'| - E|Y - Y'|``; ``"mmd"`` the maximum mean
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
    progress : bool
        Whether a terminal is told how far it is.
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
    with told(progress) as tell:
        sides = samples(x, y, a, b, options)
        pool = Pool.of(*sides)
        judge = judge_of(distance, options, pool, sides, generator)
        tally = np.zeros(4, np.int64)
        done, stopped = 0, False
        for verdicts in verdicts_of(judge, pool, count, generator, jobs, waves=enough is not None):
            if enough is not None:
                far = np.cumsum(verdicts >= OVERLAPS) + tally[OVERLAPS:].sum()
                if far[-1] >= enough:
                    verdicts, stopped = verdicts[: int(np.searchsorted(far, enough)) + 1], True
            tally += np.bincount(verdicts, minlength=4)
            done += len(verdicts)
            tell(f"{done} of {count} deals, {int(tally[OVERLAPS:].sum())} as far apart")
            if stopped:
                break
    as_far, own = int(tally[OVERLAPS:].sum()), judge.observed
    return TestResult(judge.name, *own, as_far, int(tally[OVERLAPS]), int(tally[SETTLED]), done, stopped)
