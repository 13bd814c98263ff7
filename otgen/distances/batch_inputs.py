"""The problems that all sides ask for: B clouds against B others, or one cloud against all of them; B matrices, or one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InvalidInput, MassMismatch, TooLarge
from ..inputs import arrays, scalars, sizes, tables
from ..inputs.reading import as_numpy, refuse_size


@dataclass(frozen=True)
class Side:
    """What stands on one side of all problems: an entry a problem, or one thing for all of them; ``given`` as it was received."""

    entries: Any
    shared: bool
    given: Any

    def of(self, k: int) -> Any:
        """What the k-th problem has of it."""
        return self.entries if self.shared else self.entries[k]

    def received(self, k: int) -> Any:
        """What was received for the k-th problem."""
        return self.given if self.shared else self.given[k]


@dataclass(frozen=True)
class Sides:
    """All sides of ``size`` problems, in the order of the arguments of a call that solves one: what transport is between, and weights."""

    between: tuple[Side, ...]
    weights: tuple[Side, Side]
    size: int

    @property
    def _all(self) -> tuple[Side, ...]:
        return self.between + self.weights

    def received(self, k: int) -> list[Any]:
        """The arguments of the k-th problem."""
        return [side.received(k) for side in self._all]

    def each(self, call: Callable[..., Any], some: Iterable[int] | None = None) -> list[Any]:
        """What a call returns for every problem, or for ``some``; an error says which one, unless it is of what all of them share."""
        out: list[Any] = []
        for k in range(self.size) if some is None else some:
            try:
                out.append(call(*(side.of(k) for side in self._all)))
            except (InvalidInput, TooLarge) as fault:
                if self._is_of_all(fault, call):
                    raise
                raise type(fault)(f"problem {k}: {fault}") from None
        if not self.size:  # the options are checked all the same
            self._least(call)
        return out

    def _least(self, call: Callable[..., Any]) -> None:
        """Call it with the least problem there is."""
        call(*(np.zeros((1, 1)) for _ in self.between), None, None)

    def _is_of_all(self, fault: InvalidInput | TooLarge, call: Callable[..., Any]) -> bool:
        """Whether an error is of weights that all problems have, or of options: then of the least problem too."""
        if isinstance(fault, MassMismatch):
            return all(side.shared for side in self.weights)
        try:
            self._least(call)
        except (InvalidInput, TooLarge) as least:
            return _rule(least) == _rule(fault)
        except Exception:  # of a metric of the caller's own, which need not take such points
            return False
        return False


def _rule(fault: Exception) -> str:
    return str(fault).partition("; received ")[0]


def of_points(xs: Any, ys: Any, a: Any, b: Any) -> Sides:
    """The sides of problems between clouds.

    One cloud, (n, d) beside clouds (m, d) or (n,) beside clouds (m,), goes to every problem as it is, read and checked once; so do weights (n,).
    """
    xs, ys, a, b = map(_indexed, (xs, ys, a, b))
    for name, side in (("xs", xs), ("ys", ys), ("a", a), ("b", b)):
        if side is not None or name in ("xs", "ys"):
            _refuse_single(side, name)
    alone = _is_alone(xs, ys, ("xs", "ys")), _is_alone(ys, xs, ("ys", "xs"))
    clouds = {name: Side(side, shared, side) for name, side, shared in zip(("xs", "ys"), (xs, ys), alone)}
    sides = _counted_problems(
        clouds,
        {"a": _listed_weights(a), "b": _listed_weights(b)},
        "xs and ys must hold several problems on one side at least; received one cloud each; call otgen.wasserstein or otgen.sinkhorn, or "
        "pass clouds in a list",
        "one cloud",
    )
    _read_shared_weights(sides, sides.between, ("the points of x", "the points of y"), (0, 0))
    sides.each(sizes.of_clouds, range(min(1, sides.size)))
    read = (
        replace(side, entries=arrays.once(side.given, name)) if side.shared else side
        for name, side in zip("xy", sides.between)
    )
    return replace(sides, between=tuple(read))


def of_costs(Cs: Any, a: Any, b: Any) -> Sides:
    """The sides of problems of listed costs; one matrix (n, m) goes to all, as do weights (n,)."""
    Cs, a, b = map(_indexed, (Cs, a, b))
    for name, side in (("a", a), ("b", b)):
        if side is not None:
            _refuse_single(side, name)
    one = scipy.sparse.issparse(Cs)
    if not one:
        _refuse_single(Cs, "Cs")
    shared = one or tables.columns_of(Cs) is not None or _nesting_depth(Cs) < 3
    sides = _counted_problems(
        {"Cs": Side(Cs, shared, Cs)},
        {"a": _listed_weights(a), "b": _listed_weights(b)},
        "Cs must hold several matrices, or a or b weights of several problems; received one of each; call otgen.transport, or pass the matrix "
        "in a list",
        "one matrix",
    )
    _read_shared_weights(sides, sides.between * 2, ("the rows of C", "the columns of C"), (0, 1))
    if shared:
        arrays.cost_matrix(Cs, "Cs")
    return sides


def _read_shared_weights(sides: Sides, between: tuple[Side, ...], told: tuple[str, str], axes: tuple[int, int]) -> None:
    """Raise for weights of all problems that are malformed by themselves, or beside what one of them is between."""
    for side, things, name, of, axis in zip(sides.weights, between, "ab", told, axes):
        if side.shared and side.given is not None:
            alike = things.shared or isinstance(things.given, np.ndarray)
            for k in range(min(1, sides.size) if alike else sides.size):
                called = of if things.shared else f"{of}s[{k}]"
                sizes.as_many(side.given, things.received(k), name, called, axis=axis)
            arrays.weights(side.given, len(side.given), name, of, allow_gpu=True)


def _indexed(side: Any) -> Any:
    """A side whose entries can be had one by one, which those of memory of several axes cannot."""
    return np.asarray(side) if isinstance(side, memoryview) else side


def _counted_problems(between: dict[str, Side], weights: dict[str, Side], alone: str, single: str) -> Sides:
    """The sides with the number of problems; raises, as ``alone`` has it, for one problem, and where they disagree."""
    sides = between | weights
    sizes = {name: len(side.entries) for name, side in sides.items() if not side.shared}
    if not sizes:
        raise InvalidInput(alone)
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        *names, last = sides
        raise InvalidInput(
            f"{', '.join(names)} and {last} must hold equally many problems, or {single} for all; received {told}; pass one entry a problem, "
            f"or {single} alone, such as {names[0]}[0]"
        )
    return Sides(tuple(between.values()), (weights["a"], weights["b"]), next(iter(sizes.values())))


def _listed_weights(side: Any) -> Side:
    """Weights, the rows of a table among them; of a list with None in it each entry is of one problem."""
    columns = tables.columns_of(side)
    entries = side if columns is None else np.column_stack(columns)
    single = entries is None or (_nesting_depth(entries) == 1 and not any(entry is None for entry in entries))
    return Side(entries, single, entries)


def _refuse_single(side: Any, name: str) -> None:
    """Raise for what can neither be counted nor be a cloud, and for views that do not fit in memory."""
    if isinstance(side, np.ndarray):
        refuse_size(side, name)
    listed = isinstance(side, Sequence) and not isinstance(side, str | bytes)
    if not listed and (not _array_shape(side) or scipy.sparse.issparse(side)):
        raise InvalidInput(
            f"{name} must be an array or a sequence, one entry a problem; received {scalars.told(side)}; pass a list"
        )


def _is_alone(side: Any, other: Any, names: tuple[str, str]) -> bool:
    """Whether a side is one cloud for all problems: it has one axis less than the clouds of the other side, or but one.

    (B, n) beside (B, m, 1) are B clouds on the line, as they would be beside (B, m): only for (B, 1) can nobody tell.
    """
    if tables.columns_of(side) is not None:
        return True
    depth, beyond = _nesting_depth(side), _nesting_depth(other)
    if depth != 2 or beyond != 3:
        return depth == 1
    if not len(other):
        return True
    coordinates, last = (_last_axis(_first_entry(z)) for z in (other, side))
    if coordinates != 1 or len(side) != len(other):
        return True
    if last == 1 and len(side) > 1:
        raise InvalidInput(
            f"{names[0]} must say whether it is one cloud or one point a problem, both of which it may be beside {len(other)} clouds on the "
            f"line; received shape ({len(side)}, 1); pass {names[0]}[:, 0] for one cloud, {names[0]}[:, None] for one point a problem"
        )
    return last == 1


def _array_shape(value: Any) -> tuple[int, ...]:
    shape = scalars.shape_said(value)
    return tuple(shape) if isinstance(shape, tuple) else ()  # of a module it is a function


def _shape_of_shapeless(value: Any) -> tuple[int, ...]:
    """The shape of what can be read as an array and does not say it, such as arrays of pyarrow; () of a number, or of what cannot."""
    protocols = "__array__", "__array_interface__", "__dlpack__"
    if not any(hasattr(value, name) for name in protocols) or isinstance(value, np.generic):
        return ()
    return as_numpy(value, "each entry")[0].shape


def _nesting_depth(value: Any) -> int:
    """How many axes an array has, or a list of such things; an empty list is one of clouds."""
    shape = _array_shape(value)
    if shape or not isinstance(value, Sequence) or isinstance(value, str | bytes):
        shape = shape or _shape_of_shapeless(value)
        return len(shape) if 0 not in shape[:1] else 3
    return 1 + _nesting_depth(_first_entry(value)) if len(value) else 3


def _first_entry(value: Any) -> Any:
    """The first entry of a list that is something, by which it is known what the list is of; None where all are missing."""
    return next((entry for entry in value if entry is not None), None)


def _last_axis(value: Any) -> int:
    """The length of the last axis of an array or a list."""
    shape = _array_shape(value)
    if shape or not isinstance(value, Sequence):
        return (shape or _shape_of_shapeless(value))[-1]
    return len(value) if _nesting_depth(value) == 1 else _last_axis(_first_entry(value))
