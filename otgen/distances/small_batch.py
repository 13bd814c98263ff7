"""Many small exact problems between plain arrays, and problems on the line: in stacks, one compiled call a stage; the others are left to be solved one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels import dense_stack, line_stack
from ..kernels.dense_stack import Layout
from ..kernels.ground_cost import own
from ..model.problem import Problem
from ..model.status import Status
from .batch_inputs import Side, Sides
from .later_results import LaterResults
from .line_stack import LineStack
from .result import Result
from .small import is_cloud, is_plain, is_small, known, known_on_line
from .small_stack import Stack, Terms

HELD = 2**20  # numbers, costs and coordinates, that a stack holds at once
_NUMBERS = ("value", "lower", "upper", "cost")
_ABSENT, _OTHER = -1, 0  # in place of a length: weights that were not given, and entries that are not plain


class _Part(NamedTuple):
    """A stack, and which problems are in it."""

    stack: Stack | LineStack
    members: Indices


class _Piece(NamedTuple):
    """Problems that go into one stack: which, their coordinates, their weights, whose of these were given, and how they are laid out."""

    members: Indices
    d: int
    a: Floats
    b: Floats
    given: tuple[bool, bool]
    where: Layout


def wasserstein(sides: Sides, call: Callable[..., Any], *, p: Any, metric: Any, normalize: bool) -> LaterResults:
    """Results of problems between clouds: those of stacks, and what ``call`` returns of the others."""
    began = time.perf_counter()

    def stacked(piece: _Piece) -> Any:
        power = known_on_line(metric, p) if piece.d == 1 else None
        cost = known(metric, p, piece.d)
        if cost is None and power is None:
            return None
        terms = Terms(float(p), True, normalize, piece.given, call)
        if power is not None:
            x, y = (_joined_entries(side, piece.members, (-1,)) for side in sides.between)
            a, b = (weights if given else None for weights, given in zip((piece.a, piece.b), piece.given))
            return LineStack.of_points(x, y, a, b, power, piece.where, terms)
        assert cost is not None
        x, y = (_joined_entries(side, piece.members, (-1, piece.d)) for side in sides.between)
        return Stack.of_points(x, y, piece.a, piece.b, cost, piece.where, terms)

    pose = partial(Problem.from_points, p=p, metric=metric, normalize=normalize)
    return _Solved(sides, list(_stacked_parts(sides, stacked)), pose, began).results(call)


def transport(sides: Sides, call: Callable[..., Any], *, normalize: bool) -> LaterResults:
    """Results of problems of listed costs: those of stacks, and what ``call`` returns of the others."""
    began = time.perf_counter()

    def stacked(piece: _Piece) -> Any:
        terms = Terms(1.0, False, normalize, piece.given)
        return Stack.of_costs(
            _joined_entries(sides.between[0], piece.members, (-1,)), piece.a, piece.b, piece.where, terms
        )

    pose = partial(Problem.from_matrix, normalize=normalize)
    return _Solved(sides, list(_stacked_parts(sides, stacked)), pose, began).results(call)


def _stacked_parts(sides: Sides, stacked: Callable[[_Piece], Any]) -> Iterator[_Part]:
    """Stacks of all problems that are for stacks, without those that turn out not to be plain."""
    lengths = _Lengths.of(sides)
    for members, d, given in lengths.groups():
        for some in lengths.pieces(members):
            found = stacked(lengths.piece(sides, some, d, given))
            if isinstance(found, np.ndarray) and found.any():
                some = some[found]
                found = stacked(lengths.piece(sides, some, d, given))
            if isinstance(found, Stack | LineStack):
                yield _Part(found, some)


@dataclass(frozen=True)
class _Lengths:
    """Of B problems the lengths of their sides n and m, coordinates d (0 of listed costs), and whether they are for stacks, each (B,).

    ``given`` (2, B) is whether weights of either side were.
    """

    n: Indices
    m: Indices
    d: Indices
    small: Any
    given: Any

    @classmethod
    def of(cls, sides: Sides) -> _Lengths:
        """From clouds, or from matrices, and from weights."""
        clouds = len(sides.between) > 1
        (n, width), *others = (_entry_shapes(side, sides.size, 2, clouds).T for side in sides.between)
        m, d = (others[0][0], width) if others else (width, np.zeros_like(n))
        small = is_small(n, m) & (others[0][1] == d if others else np.True_)
        if others:
            small = np.where(d == 1, line_stack.is_small(n, m) & (others[0][1] == 1), small)
        weights = [_entry_shapes(side, sides.size, 1)[:, 0] for side in sides.weights]
        for found, size in zip(weights, (n, m)):
            small &= (found == _ABSENT) | (found == size)
        return cls(n, m, d, small, np.array(weights) != _ABSENT)

    def groups(self) -> Iterator[tuple[Indices, int, tuple[bool, bool]]]:
        """Problems that may share a stack, (k,) at a time, with their coordinates and whose weights were given."""
        members = np.flatnonzero(self.small)
        keys = self.d[members] * 4 + self.given[0][members] * 2 + self.given[1][members]
        for key in np.unique(keys).tolist():
            yield members[keys == key], key // 4, (key % 4 > 1, key % 2 > 0)

    def pieces(self, members: Indices) -> Iterator[Indices]:
        """As many problems at a time as a stack may hold."""
        n, m = self.n[members], self.m[members]
        d = self.d[members]
        held = np.cumsum(np.where(d == 1, 0, n * m) + d * (n + m)) // HELD
        yield from np.split(members, np.flatnonzero(np.diff(held)) + 1)

    def piece(self, sides: Sides, some: Indices, d: int, given: tuple[bool, bool]) -> _Piece:
        """Problems with their weights."""
        n, m = self.n[some], self.m[some]
        a, b = (_weights_of_some(side, some, size) for side, size in zip(sides.weights, (n, m)))
        return _Piece(some, d, a, b, given, dense_stack.layout(n, m))


def _entry_shapes(side: Side, size: int, ndim: int, clouds: bool = False) -> Indices:
    """The shapes of what each problem has of a side, (B, ndim): all 0 of what is not plain, -1 where weights are missing; of ``clouds`` (n, d)."""
    shape_of = _cloud_shape if clouds else partial(_entry_shape, ndim=ndim)
    if side.shared or type(side.given) is np.ndarray:
        entry = side.given if side.shared or not size else side.given[0]
        return np.broadcast_to(shape_of(entry), (size, ndim))
    if type(side.given) not in (list, tuple):
        return np.full((size, ndim), _OTHER)
    return np.array([shape_of(entry) for entry in side.given]).reshape(size, ndim)


def _cloud_shape(entry: Any) -> tuple[int, int]:
    """Of a cloud (n, d), or (n,) on the line."""
    if not is_cloud(entry):
        return _OTHER, _OTHER
    return len(entry), 1 if entry.ndim == 1 else entry.shape[1]


def _entry_shape(entry: Any, ndim: int) -> tuple[int, ...]:
    if entry is None:
        return (_ABSENT,) * ndim
    plain = is_plain(entry, ndim) and (ndim == 2 or entry.dtype.char == "d")
    return entry.shape if plain else (_OTHER,) * ndim


def _joined_entries(side: Side, some: Indices, shape: tuple[int, ...]) -> Floats:
    """What some problems have of a side, one behind the other: of a shape whose first axis is that of all."""
    if side.shared:
        entry = side.given.reshape(shape)
        joined = np.tile(entry, (len(some),) + (1,) * (entry.ndim - 1))
    elif type(side.given) is np.ndarray:
        whole = some[-1] - some[0] + 1 == len(some)
        joined = (side.given[some[0] : some[-1] + 1] if whole else side.given[some]).reshape(shape)
    else:
        joined = np.concatenate([side.given[k].reshape(shape) for k in some.tolist()])
    return own(joined, np.dtype(np.float64))


def _weights_of_some(side: Side, some: Indices, sizes: Indices) -> Floats:
    """Weights of some problems, equal ones of total 1 where none are given."""
    first = side.given if side.shared else side.given[some[0]]
    return np.repeat(1.0 / sizes, sizes) if first is None else _joined_entries(side, some, (-1,))


class _Solved:
    """The stacks of a batch."""

    def __init__(self, sides: Sides, parts: list[_Part], pose: Callable[..., Problem], began: float) -> None:
        self.sides, self.parts, self.pose = sides, parts, pose
        self.part, self.place = np.full(sides.size, -1), np.zeros(sides.size, np.int64)
        for number, (stack, members) in enumerate(parts):
            good = np.flatnonzero(stack.good)
            self.part[members[good]], self.place[members[good]] = number, good
        self.seconds = (time.perf_counter() - began) / max(1, int((self.part >= 0).sum()))

    def results(self, call: Callable[..., Any]) -> LaterResults:
        """All results, those that are in no stack made by ``call``."""
        left = np.flatnonzero(self.part < 0).tolist()
        made: dict[int, Result] = dict(zip(left, self.sides.each(call, left)))
        return LaterResults(self._columns(made), self.made, range(self.sides.size), made)

    def made(self, k: int) -> Result:
        """The result of a problem of a stack."""
        stack = self.parts[self.part[k]].stack
        found = stack.result(int(self.place[k]), partial(self.pose, *self.sides.received(k)), self.seconds)
        assert found is not None
        return found

    def _columns(self, made: dict[int, Result]) -> dict[str, Any]:
        """The numbers of all results, those of ``made`` read from them."""
        size = self.sides.size
        columns: dict[str, Any] = {name: np.full(size, np.nan) for name in (*_NUMBERS, "marginal_error")}
        columns |= {"epsilon": np.zeros(size), "iterations": np.zeros(size, np.int64)}
        columns["status"] = np.full(size, Status.OPTIMAL, object)
        for stack, members in self.parts:
            for name, numbers in zip(_NUMBERS, stack.values.T):
                columns[name][members] = numbers
            columns["marginal_error"][members], columns["iterations"][members] = stack.missed, stack.iterations
        for k, result in made.items():
            for name, column in columns.items():
                number = getattr(result, name)
                column[k] = np.nan if number is None else number
        with np.errstate(invalid="ignore"):
            gap = columns["upper"] - columns["lower"]
        columns["gap"] = np.where(columns["lower"] == columns["upper"], 0.0, gap)
        return columns
