"""What chance alone gives for any distance: random splits of the pooled samples, as if both sets were of one law."""

from __future__ import annotations

from typing import Any, Unpack, overload

from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes, tables
from ..inputs.types import Floats
from ..model.cost import origin_matters
from ..underflow import may_underflow
from .chosen import DistanceName, statistic
from .distance_options import DistanceOptions
from .splits import SPLITS, Measure, PermutationNull, measured, permuted
from .telling import told


@overload
def permutation_null(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: DistanceName = ...,
    n_permutations: int = ...,
    rng: Any = ...,
    progress: bool = ...,
    **options: Unpack[DistanceOptions],
) -> PermutationNull: ...
@overload
def permutation_null(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: Measure,
    n_permutations: int = ...,
    rng: Any = ...,
    progress: bool = ...,
    **options: Any,
) -> PermutationNull: ...
@may_underflow
def permutation_null(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    distance: DistanceName | Measure = "wasserstein",
    n_permutations: int = SPLITS,
    rng: Any = None,
    progress: bool = False,
    **options: Any,
) -> PermutationNull:
    """What chance alone gives: the distance between random splits of the pooled samples, beside that of the two sets.

    Distances between samples are positive even where one law is behind both, and large in many dimensions. The pooled points are dealt
    anew, into sets of n and of m; were they all drawn independently from one law, the two sets as they are would be one more such deal.

    Parameters
    ----------
    x, y, a, b
        Samples and weights, as in :func:`wasserstein`. Weights are divided by their sums and stay with their points.
    distance : {"wasserstein", "sinkhorn", "sinkhorn_divergence", "sliced_wasserstein", "max_sliced_wasserstein", "partial_wasserstein"} or callable
        What is measured; or ``distance(x, y, a, b)`` of arrays, with a and b None where no weights were given, that returns a number
        or a :class:`Result`.
    n_permutations : int
        k, how many splits. 19 is the least that can tell anything at a level of 1 in 20. The time is that of k + 1 distances.
    rng : int, Generator, optional
        Seed or generator (SPEC 7).
    progress : bool
        Whether a terminal is told how far it is.
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
    sides = samples(x, y, a, b, options)
    measure = statistic(distance, options, generator)
    with told(progress) as tell:
        observed = measured(measure(*sides))
        return PermutationNull.of(observed, permuted(measure, *sides, count, generator, tell))


def samples(
    x: Any, y: Any, a: Any, b: Any, options: dict[str, Any]
) -> tuple[Floats, Floats, Floats | None, Floats | None]:
    """Two sets that are to be pooled, and their weights, checked; ``options`` are those of the distance."""
    if options.get("relax") is not None:
        raise InvalidInput("relax must be left out: splits of a pool have one mass; received one; compare without it")
    tables.same_columns(x, y)
    tables.weighed_rows(x, a, ("x", "a"))
    tables.weighed_rows(y, b, ("y", "b"))
    sizes.of_clouds(x, y, a, b)
    clouds = arrays.clouds(x, y, fixed=origin_matters(options.get("metric", "euclidean")))[:2]
    line = all(cloud.line for cloud in clouds)
    one, other = (cloud.points[:, 0] if line else cloud.points for cloud in clouds)
    left, ours = (None, None) if a is None else arrays.weights(a, len(one), "a", "the points of x")
    right, theirs = (None, None) if b is None else arrays.weights(b, len(other), "b", "the points of y")
    tolerance = max(origin.tolerance() for origin in (ours, theirs) if origin) if ours or theirs else 0.0
    return one, other, *_of_one_mass(left, right, tolerance)


def _of_one_mass(a: Floats | None, b: Floats | None, tolerance: float) -> tuple[Floats | None, Floats | None]:
    """Weights whose totals differ by the rounding of their dtypes, of one total; others as they are, for the distance to judge."""
    totals = [1.0 if side is None else float(side.sum()) for side in (a, b)]
    if abs(totals[0] - totals[1]) > tolerance * max(totals):
        return a, b
    if b is None:
        return None if a is None else a * (totals[1] / totals[0]), None
    return a, b * (totals[0] / totals[1])
