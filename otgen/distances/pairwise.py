"""Distances between all pairs of a collection of clouds."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Unpack, overload

import numpy as np

from ..errors import InvalidInput, TooLarge
from ..inputs import scalars, tables
from ..inputs.memory import available, readable
from ..inputs.types import Floats
from ..underflow import may_underflow
from .chosen import SEEDED, Chosen, DistanceName, chosen
from .distance_options import PairOptions
from .pairs.checkpoint import Checkpoint, terms_of
from .pairs.checks import check_pairs
from .pairs.collection import Collection, both_collected, sequence
from .pairs.measuring import Task
from .pairs.running import Progress, checked_jobs, outcomes
from .pairs.tiles import Tile, tile_work, tiles
from .splits import Measure
from .telling import told


class PairwiseBounds(NamedTuple):
    """Distances of all pairs with their proven bounds, ``lower <= truth <= upper``: three arrays (B, B), or (B, C).

    Examples
    --------
    >>> import otgen
    >>> found = otgen.pairwise([[0.0], [3.0]], bounds=True)
    >>> bool((found.lower <= found.value).all() and (found.value <= found.upper).all())
    True
    """

    value: Floats
    lower: Floats
    upper: Floats


@overload
def pairwise(
    sets: Any,
    sets2: Any = None,
    *,
    distance: DistanceName = ...,
    weights: Any = ...,
    weights2: Any = ...,
    support: Any = ...,
    bounds: Literal[False] = ...,
    n_jobs: int | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    progress: bool = ...,
    **options: Unpack[PairOptions],
) -> Floats: ...
@overload
def pairwise(
    sets: Any,
    sets2: Any = None,
    *,
    distance: DistanceName = ...,
    weights: Any = ...,
    weights2: Any = ...,
    support: Any = ...,
    bounds: Literal[True],
    n_jobs: int | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    progress: bool = ...,
    **options: Unpack[PairOptions],
) -> PairwiseBounds: ...
@overload
def pairwise(
    sets: Any,
    sets2: Any = None,
    *,
    distance: Measure,
    weights: Any = ...,
    weights2: Any = ...,
    support: Any = ...,
    bounds: Literal[False] = ...,
    n_jobs: int | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    progress: bool = ...,
    **options: Any,
) -> Floats: ...
@overload
def pairwise(
    sets: Any,
    sets2: Any = None,
    *,
    distance: Measure,
    weights: Any = ...,
    weights2: Any = ...,
    support: Any = ...,
    bounds: Literal[True],
    n_jobs: int | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    progress: bool = ...,
    **options: Any,
) -> PairwiseBounds: ...
@may_underflow
def pairwise(
    sets: Any,
    sets2: Any = None,
    *,
    distance: DistanceName | Measure = "wasserstein",
    weights: Any = None,
    weights2: Any = None,
    support: Any = None,
    bounds: bool = False,
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
    **options: Any,
) -> Floats | PairwiseBounds:
    """Distances between all pairs of a collection of weighted clouds, or between those of two collections.

    The upper triangle is measured, with the diagonal, and mirrored. It is cut into tiles of some seconds of work, by the sizes of the sets
    alone; small exact problems of a tile are solved in stacks. Exact distances are those of :func:`wasserstein`, to the last bit.

    Parameters
    ----------
    sets : sequence, array_like or path
        B clouds: a list of (n, d) or (n,) arrays or of :class:`Measure`, of any sizes each, or an array (B, n, d), or (B, n) of clouds on
        the line. Any object with ``len`` that can be indexed is one: its sets are read once to be checked and again for each tile, in the
        process that measures it, so that they need not fit in memory together. A path is a folder of npy files, one a set, in the order
        of their names. Sets without points, (0, d), are for partial transport and callables. With ``support``, B histograms: (B, n) weights of its points, which may be a ``scipy.sparse`` matrix: its rows
        are made dense one at a time.
    sets2 : sequence, array_like or path, optional
        C clouds, or histograms, to compare with instead.
    distance : {"wasserstein", "sinkhorn", "sinkhorn_divergence", "sliced_wasserstein", "max_sliced_wasserstein", "partial_wasserstein"} or callable
        What is measured, by the function of that name; or ``distance(x, y, a, b)`` of arrays, with a and b None where no weights were given, that returns a number
        or a :class:`Result`. It must be symmetric, unless ``sets2`` is given.
    weights, weights2 : sequence, optional
        Of each set (n,) weights; None means uniform, also as an entry.
    support : array_like, optional
        (n, d) or (n,), points that all histograms share.
    bounds : bool
        Whether the proven bounds are returned as well.
    n_jobs : int, optional
        How many workers, by joblib (the extra ``parallel``); -1 is one a core. They are threads on this machine, or whatever
        ``joblib.parallel_config`` says: other processes, Dask or Ray (:doc:`/pairwise`). None means one, or what that says. The result
        does not depend on it. Kernels of each take its share of the cores as threads, or ``OTGEN_NUM_THREADS``.
    checkpoint : path, optional
        A folder that keeps each tile when it is done. The same call goes on where an earlier one was stopped, and ends with the same bits;
        one with other sets, options or another version of otgen is refused. Of callables the name is compared, with the arguments of a ``functools.partial``.
    progress : bool
        Whether to report on stderr how far the work is, and what time is left.
    **options
        Handed to the distance: ``p``, ``metric``, ``epsilon``, ``throw``; for partial transport ``penalty``, one number or one for either side, or
        ``mass``, the same for all pairs. A :class:`Relative` epsilon is taken of each pair's own mean cost;
        sliced distances take the same directions for all pairs, max-sliced ones the same starts.

    Returns
    -------
    ndarray or PairwiseBounds
        (B, B), or (B, C) with ``sets2``: float64; with ``bounds`` three of them.

    Raises
    ------
    InvalidInput, MassMismatch
        As the distance does, with the number of the first set that is malformed, before any work starts.
    NotConverged
        As the distance does, with the numbers of the two sets; ``throw=False`` goes on with the values reached.
    TooLarge
        If the matrices do not fit in memory.
    MissingExtra
        For several workers without joblib.

    Examples
    --------
    >>> import otgen
    >>> otgen.pairwise([[0.0, 1.0], [2.0, 3.0], [2.0]], p=1)
    array([[0. , 2. , 1.5],
           [2. , 0. , 0.5],
           [1.5, 0.5, 0. ]])

    Histograms on one support:

    >>> otgen.pairwise([[1, 0, 0], [0, 0.5, 0.5]], support=[0.0, 1.0, 4.0], p=1)
    array([[0. , 2.5],
           [2.5, 0. ]])
    """
    wanted = scalars.flag(bounds, "bounds")
    found = named_pairs(
        sets,
        sets2,
        ("sets", "sets2"),
        distance,
        options,
        weights=(weights, weights2),
        support=support,
        bounds=wanted,
        n_jobs=n_jobs,
        checkpoint=checkpoint,
        progress=scalars.flag(progress, "progress"),
    )
    return PairwiseBounds(*found) if wanted else found[0]


def named_pairs(
    sets: Any,
    sets2: Any,
    names: tuple[str, str],
    distance: Any,
    options: dict[str, Any],
    *,
    weights: tuple[Any, Any] = (None, None),
    support: Any = None,
    bounds: bool = False,
    n_jobs: Any = None,
    checkpoint: Any = None,
    progress: bool = False,
) -> Floats:
    """The numbers of all pairs, (k, B, C), of collections that errors call by ``names``; k is 3 with ``bounds``, else 1."""
    measure = _measure(distance, options, checkpoint)
    if support is not None:
        tables.same_columns(sets, sets2, names)
        tables.same_names(
            {"the rows of support": tables.row_names(support), f"the columns of {names[0]}": tables.column_names(sets)}
        )
    sets = sequence(sets, names[0])
    sets2 = None if sets2 is None else sequence(sets2, names[1])
    _refuse_size(3 if bounds else 1, (len(sets), len(sets if sets2 is None else sets2)))
    one, other = both_collected(sets, sets2, *weights, support, names, empty=measure.takes_empty_sets)
    with told(progress) as tell:
        return measured_pairs(
            one, other, measure, bounds=bounds, n_jobs=checked_jobs(n_jobs), checkpoint=checkpoint, tell=tell
        )


def measured_pairs(
    one: Collection,
    other: Collection | None,
    distance: Chosen,
    *,
    bounds: bool,
    n_jobs: int | None,
    checkpoint: str | os.PathLike[str] | None,
    tell: Callable[[str], Any] | None,
) -> Floats:
    """The numbers of all pairs, (k, B, C), of collections that have been checked; k is 3 with ``bounds``, else 1."""
    second = one if other is None else other
    count, shape = 3 if bounds else 1, (len(one), len(second))
    check_pairs(one, other, distance)
    kept = None if checkpoint is None else Checkpoint.at(checkpoint, terms_of(distance, (one, other), bounds=bounds))
    out = np.empty((count, *shape))
    parts = tiles(one, other, distance.name)
    work = {tile: tile_work(tile, one, second, distance.name) for tile in parts}
    report = Progress(sum(len(tile) for tile in parts), sum(work.values()), tell or _silent)
    left: list[Tile] = []
    for tile in parts:
        numbers = None if kept is None else kept.load(tile, count)
        if numbers is None:
            left.append(tile)
        else:
            _place(out, tile, numbers, mirrored=other is None)
            report.found(len(tile), work[tile])
    if kept is not None and left:
        kept.check_writable()
    names, throw = (
        (one.source.names[0], second.source.names[0]),
        scalars.flag(distance.options.get("throw", True), "throw"),
    )
    tasks = (
        Task(tile, distance, one.block(*tile.rows), second.block(*tile.columns), names, bounds, throw) for tile in left
    )
    try:
        for tile, numbers in outcomes(tasks, len(left), n_jobs):
            if kept is not None:
                kept.save(tile, numbers)
            _place(out, tile, numbers, mirrored=other is None)
            report.add(len(tile), work[tile])
    except BaseException as fault:
        if kept is not None and report.done:
            fault.add_note(f"{report.done} of {report.pairs} pairs are kept in {kept.place}; the same call goes on")
        raise
    return out


def _measure(distance: Any, options: dict[str, Any], checkpoint: Any) -> Chosen:
    """The distance with its options, all of which a pair must be measured with."""
    for name in ("a", "b", "init"):
        if name in options:
            remedy = "start each pair afresh" if name == "init" else "pass weights, one entry a set"
            raise InvalidInput(f"{name} must be left out: it is of one pair; received it for all; {remedy}")
    if (
        isinstance(distance, str)
        and distance in SEEDED
        and checkpoint is not None
        and not isinstance(options.get("rng"), int)
    ):
        raise InvalidInput(
            f"rng must be a seed beside checkpoint, so that a later run takes the same directions; received "
            f"{scalars.told(options.get('rng'))}; pass a whole number, such as 0"
        )
    return chosen(distance, options)


def _refuse_size(count: int, shape: tuple[int, int]) -> None:
    """Raise `TooLarge` for matrices that do not fit in memory."""
    need = 8 * count * shape[0] * shape[1]
    if need > (free := available()):
        raise TooLarge(
            f"the matrix of all pairs must fit in memory; received {shape[0]} x {shape[1]} pairs, which take {readable(need)} with "
            f"{readable(free)} free; measure blocks of them"
        )


def _place(out: Floats, tile: Tile, numbers: Floats, *, mirrored: bool) -> None:
    """Put the numbers of a tile where they belong, on both sides of the diagonal if ``mirrored``."""
    rows, columns = slice(*tile.rows), slice(*tile.columns)
    out[:, rows, columns] = numbers
    if mirrored:
        out[:, columns, rows] = numbers.swapaxes(1, 2)


def _silent(message: str) -> None:
    """Nothing is told."""
