"""A collection of weighted clouds: all of them checked before any work starts, each read again only where it is not in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidInput
from ...inputs import arrays, scalars, sizes, tables
from ...inputs.origin import Origin
from ...inputs.reading import as_numpy
from ...inputs.types import Floats
from ...model.measure import Measure
from .folder import Folder
from .sparse_rows import SparseRows

HELD = (list, tuple, np.ndarray)  # whose sets are in memory
_ROUND = 1e-9  # of a total: what its sum may be off


class Weighted(NamedTuple):
    """A cloud, (n, d) or (n,), and its weights (n,) or None, as numpy arrays of the dtypes in which they came."""

    points: np.ndarray
    weights: np.ndarray | None


class Facts(NamedTuple):
    """What is known of a set once it has been checked; ``unit`` is the dtype of moments and durations, which have one."""

    size: int
    dim: int
    digest: str
    total: float | None
    origin: Origin | None
    unit: str | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """Where sets come from: ``sets[k]``, with ``weights[k]`` where there are any; or weights on one support. Some may be ``empty`` where it says so."""

    sets: Any
    weights: Any
    support: Any
    names: tuple[str, str]
    empty: bool = False

    def __getitem__(self, k: int) -> Weighted:
        """The k-th set, checked; an error names it."""
        name, own = (f"{one}[{k}]" for one in self.names)
        entry = _read(self.sets, k, name)
        if self.support is not None:
            return Weighted(self.support, _weights(entry, len(self.support), name, "the points of support"))
        weights = None if self.weights is None else _read(self.weights, k, own)
        if isinstance(entry, Measure):
            if weights is not None:
                raise InvalidInput(
                    f"{own} must be None: {name} is a Measure, which has weights of its own; received both; leave one out"
                )
            points, weights = entry.shaped(entry.points), None if entry.weights_origin is None else entry.weights
        else:
            points = as_numpy(entry, name)[0]
            tables.weighed_rows(entry, weights, (name, own))
        if self.empty and points.shape[:1] == (0,) and points.ndim in (1, 2) and points.shape[1:] != (0,):
            return Weighted(points, None if weights is None else _no_weights(weights, own, name))
        arrays.checked(points, name)
        return Weighted(
            points, None if weights is None else _weights(weights, len(points), own, f"the points of {name}")
        )


def _read(entries: Any, k: int, name: str) -> Any:
    """An entry of a sequence, which may have to fetch it; where that fails the error says which."""
    try:
        return entries[k]
    except Exception as fault:
        fault.add_note(f"raised when {name} was read")
        raise


@dataclass(frozen=True, eq=False)
class Block:
    """Some sets of a collection, read where they are measured; sets that have changed since they were checked are refused."""

    source: Source
    first: int
    digests: tuple[str, ...]

    def read(self) -> list[Weighted]:
        """The sets."""
        out: list[Weighted] = []
        for k, digest in enumerate(self.digests, self.first):
            found = self.source[k]
            if _digest(found) != digest:
                raise InvalidInput(
                    f"{self.source.names[0]}[{k}] must stay as it is while pairs are measured; received other points or weights than at first; "
                    f"start again when it no longer changes"
                )
            out.append(found)
        return out


@dataclass(frozen=True, eq=False)
class Held:
    """Some sets of a collection that is in memory."""

    sets: list[Weighted]

    def read(self) -> list[Weighted]:
        """The sets."""
        return self.sets


@dataclass(frozen=True, eq=False)
class Collection:
    """Sets that have been checked, and what is known of each; ``held`` are those of a collection in memory, and ``named`` is the number of
    the first one whose columns have names.
    """

    source: Source
    facts: list[Facts]
    held: list[Weighted] | None
    named: int = 0

    def __len__(self) -> int:
        return len(self.facts)

    def block(self, start: int, stop: int) -> Block | Held:
        """Sets from ``start`` up to ``stop``."""
        if self.held is not None:
            return Held(self.held[start:stop])
        return Block(self.source, start, tuple(fact.digest for fact in self.facts[start:stop]))


def collected(
    sets: Any,
    weights: Any = None,
    *,
    support: Any = None,
    names: tuple[str, str] = ("sets", "weights"),
    empty: bool = False,
) -> Collection:
    """Check a collection of clouds, or of histograms on one support.

    Parameters
    ----------
    sets : sequence, array_like or path
        B clouds, or B weights of the points of ``support``. Lists, tuples and arrays are held; any other sequence is read again for
        each tile, and so is a folder of npy files, so that not all of it need fit in memory.
    weights : sequence, optional
        B arrays of weights; None for uniform ones, also as an entry.
    support : ndarray, optional
        (n, d) or (n,), already checked.
    names : (str, str)
        How errors call sets and weights.
    empty : bool
        Whether sets without points, (0, d), are taken.

    Raises
    ------
    InvalidInput
        Naming the first set that is malformed, or of another number of coordinates than the first one.

    Examples
    --------
    >>> found = collected([[0.0, 1.0], [[2.0], [3.0], [4.0]]])
    >>> [(fact.size, fact.dim) for fact in found.facts]
    [(2, 1), (3, 1)]
    """
    sets = sequence(sets, names[0])
    if weights is not None:
        weights = sequence(weights, names[1])
        _check_weights(weights, sets, support, names)
    source = Source(sets, weights, support, names, empty)
    lazy = not isinstance(sets, HELD)
    held: list[Weighted] = []
    facts: list[Facts] = []
    named = 0
    for k in range(len(sets)):
        found = source[k]
        facts.append(_facts(found))
        sizes.same_dimension(facts[0].dim, facts[k].dim, (f"{names[0]}[0]", f"{names[0]}[{k}]"))
        same_unit(facts[0], facts[k], (f"{names[0]}[0]", f"{names[0]}[{k}]"))
        if support is None and not lazy:
            same_columns(sets[named], sets[k], (f"{names[0]}[{named}]", f"{names[0]}[{k}]"))
            named = named if tables.are_named(_columns(sets[named])) else k
        if not lazy:
            held.append(found)
    return Collection(source, facts, None if lazy else held, named)


def same_columns(one: Any, other: Any, names: tuple[str, str]) -> None:
    """Raise `InvalidInput` for two sets whose columns are called otherwise, or stand in another order."""
    if not isinstance(one, Measure) and not isinstance(other, Measure):
        tables.same_columns(one, other, names)
        return
    ours, theirs = _columns(one), _columns(other)
    if ours is not None and theirs is not None and tables.differ(ours, theirs):
        tables.refuse_other(ours, theirs, names, f"make {names[1]} of its columns in the order of {names[0]}")


def _columns(entry: Any) -> tables.Names | None:
    return entry.columns if isinstance(entry, Measure) else tables.column_names(entry)


def both_collected(
    sets: Any, sets2: Any, weights: Any, weights2: Any, support: Any, names: tuple[str, str], *, empty: bool = False
) -> tuple[Collection, Collection | None]:
    """Two collections, the second None where there is one, whose sizes are judged before anything of either is read; errors call them by ``names``."""
    given = [(sequence(sets, names[0]), weights, (names[0], "weights"))]
    if sets2 is not None:
        given.append((sequence(sets2, names[1]), weights2, (names[1], "weights2")))
    elif weights2 is not None:
        raise InvalidInput(
            f"weights2 must stand beside {names[1]}; received it alone; pass weights for those of {names[0]}"
        )
    _refuse_sizes(given, support)
    points = support_from(support)
    one, *more = (
        collected(entries, masses, support=points, names=told, empty=empty) for entries, masses, told in given
    )
    return one, more[0] if more else None


def _refuse_sizes(given: list[tuple[Any, Any, tuple[str, str]]], support: Any) -> None:
    """Raise where sets that are in memory, or their weights, say sizes that do not belong together."""
    first: tuple[str, int] | None = None
    for sets, weights, names in given:
        if weights is not None:
            _check_weights(sequence(weights, names[1]), sets, support, names)
        for k, entry in enumerate(sets if isinstance(sets, HELD) else ()):
            called = f"{names[0]}[{k}]"
            points = entry.points if isinstance(entry, Measure) else entry
            if support is not None:
                sizes.as_many(entry, support, called, "the points of support")
                continue
            if isinstance(weights, HELD) and weights[k] is not None:
                sizes.as_many(weights[k], points, f"{names[1]}[{k}]", f"the points of {called}")
            dim = sizes.dimension_of(points)
            if dim is not None:
                first = first or (called, dim)
                sizes.same_dimension(first[1], dim, (first[0], called))


def same_unit(one: Facts, other: Facts, names: tuple[str, str]) -> None:
    """Raise `InvalidInput` for sets of moments that are counted in two units: each pair has the finer of its own two, so that distances of
    several pairs could not be compared.
    """
    if one.unit != other.unit:
        first, second = one.unit or "plain numbers", other.unit or "plain numbers"
        try:
            remedy = f"call .astype({np.result_type(first, second).name!r}) on all of them, which loses nothing"
        except TypeError:
            remedy = "make all of them moments, durations or numbers of one unit"
        raise InvalidInput(
            f"{names[1]} must be counted in the unit of {names[0]}, so that distances can be compared; received {second} beside {first}; {remedy}"
        )


def same_masses(collections: Sequence[Collection], *, normalize: Any) -> None:
    """Raise `MassMismatch` unless all weights that were given have the same total, or ``normalize`` is set."""
    told = [
        (fact, f"{one.source.names[0 if one.source.support is not None else 1]}[{k}]")
        for one in collections
        for k, fact in enumerate(one.facts)
        if fact.total is not None
    ]
    for fact, name in told[1:]:
        first, its = told[0]
        assert first.total is not None
        assert fact.total is not None
        arrays.same_mass(first.total, fact.total, (first.origin, fact.origin), (its, name), normalize=normalize)


def enough_mass(collections: Sequence[Collection], mass: float) -> None:
    """Raise `InvalidInput` where a set has less than the mass that is to be moved; one without weights has 1, or what the other has."""
    for one in collections:
        for k, fact in enumerate(one.facts):
            total = 1.0 if fact.total is None else fact.total
            if mass > total * (1 + _ROUND):
                raise InvalidInput(
                    f"mass must be at most the total of each set, since it is moved between every two; received {scalars.told(mass)} for "
                    f"{one.source.names[0]}[{k}], which has {total!r}; lower it"
                )


def sequence(sets: Any, name: str) -> Any:
    """What can be counted and asked for its k-th entry; of a path the folder, of anybody's array numpy's."""
    if isinstance(sets, str | os.PathLike):
        return Folder(sets, name)
    if type(sets).__module__.startswith("scipy.sparse"):
        return SparseRows(sets, name)
    if isinstance(sets, list | tuple):
        return sets
    if hasattr(sets, "__dlpack__") and getattr(sets, "ndim", 0) > 0:
        return as_numpy(sets, name)[0]
    columns = tables.columns_of(sets)
    if columns is not None:
        return np.column_stack(columns)
    countable = hasattr(sets, "__len__") and hasattr(sets, "__getitem__") and not isinstance(sets, dict | bytes)
    if not countable or getattr(sets, "shape", None) == ():
        raise InvalidInput(
            f"{name} must be a sequence, one entry a set; received {scalars.told(sets)}; pass a list, an array, or a path to a folder"
        )
    return sets


def _check_weights(weights: Any, sets: Any, support: Any, names: tuple[str, str]) -> None:
    if support is not None:
        raise InvalidInput(
            f"{names[1]} must be left out beside support, where {names[0]} are the weights; received both; leave one of them out"
        )
    if len(weights) != len(sets):
        raise InvalidInput(
            f"{names[1]} must have one entry for each of {names[0]}; received {len(weights)} for {len(sets)}; pass None for uniform ones"
        )


def _weights(value: Any, size: int, name: str, of: str) -> np.ndarray:
    arrays.weights(value, size, name, of)
    return as_numpy(value, name)[0]


def _no_weights(value: Any, name: str, of: str) -> np.ndarray:
    found = as_numpy(value, name)[0]
    if found.shape != (0,):
        raise InvalidInput(
            f"{name} must have shape (0,), as {of} has no points; received shape {found.shape}; pass None, or no weights"
        )
    return found


def _facts(found: Weighted) -> Facts:
    points, weights = found
    dim = 1 if points.ndim == 1 else points.shape[1]
    unit = points.dtype.name if points.dtype.kind in "mM" else None
    if weights is None:
        return Facts(len(points), dim, _digest(found), None if len(points) else 0.0, None, unit)
    total = float(weights.astype(np.float64).sum())
    return Facts(len(points), dim, _digest(found), total, Origin(dtype=weights.dtype.name), unit)


def _digest(found: Weighted) -> str:
    """A fingerprint of dtypes, shapes and numbers."""
    taken = hashlib.blake2b(digest_size=16)
    for array in found:
        if array is None:
            taken.update(b"uniform")
            continue
        taken.update(f"{array.dtype.str}{array.shape}".encode())
        taken.update(repr(array.tolist()).encode() if array.dtype == object else array.tobytes())
    return taken.hexdigest()


def support_from(value: Any) -> Floats | None:
    """Points that all histograms share, checked; None where there are none."""
    if value is None:
        return None
    points = as_numpy(value, "support")[0]
    arrays.checked(points, "support")
    return points
