"""The pairs of a tile, measured: through a batch where the distance has one, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ...errors import Infeasible, InvalidInput, NotConverged
from ...inputs.types import Floats, Indices
from ...model.status import Status
from ..batch_result import BatchResult
from ..chosen import Chosen
from ..solve import checked
from ..splits import measured
from .collection import Block, Held, Weighted
from .tiles import Tile

_RAISED = {Status.INFEASIBLE, Status.MAX_ITER}
_HELD = 2**22  # pairs of points of the problems whose results are held at once


@dataclass(frozen=True, eq=False)
class Task:
    """A tile with all that it takes to measure it: what a worker is sent.

    ``names`` are how errors call rows and columns; where ``bounds`` are wanted there are three numbers a pair, else one.
    """

    tile: Tile
    distance: Chosen
    rows: Block | Held
    columns: Block | Held
    names: tuple[str, str]
    bounds: bool
    throw: bool

    def __call__(self) -> tuple[Tile, Floats]:
        """The tile and its numbers, (k, rows, columns), those below the diagonal of a diagonal one mirrored."""
        rows = _Side(self.rows.read())
        columns = rows if self.tile.diagonal else _Side(self.columns.read())
        out = np.zeros((3 if self.bounds else 1, *self.tile.shape))
        which = self.tile.pairs()
        if self.tile.diagonal and self.distance.is_zero_at_home:
            apart = which[0] != which[1]
            which = which[0][apart], which[1][apart]
        for i, j in _parts(*which, rows, columns):
            found = self._measured(i, j, rows, columns).T
            out[:, i, j] = found
            if self.tile.diagonal:
                out[:, j, i] = found
        return self.tile, out

    def _measured(self, i: Indices, j: Indices, rows: _Side, columns: _Side) -> Floats:
        """The numbers of some pairs, (pairs, k)."""
        batch = self.distance.batch
        if batch is None:
            return np.array([self._alone(*pair, rows, columns) for pair in zip(i.tolist(), j.tolist())])
        sides = rows.points(i), columns.points(j), rows.weights(i), columns.weights(j)
        try:
            found = batch(*sides, **{**self.distance.options, "throw": False})
        except InvalidInput as fault:
            raise self._told(fault, i, j) from None
        if self.throw and not _RAISED.isdisjoint(found.status):
            self._refuse(found, i, j)
        if self.bounds:
            return np.stack([found.value, found.lower, found.upper], axis=1)
        return found.value[:, None]

    def _refuse(self, found: BatchResult, i: Indices, j: Indices) -> NoReturn:
        """Raise what the first bad status calls for."""
        k = next(k for k, status in enumerate(found.status) if status in _RAISED)
        try:
            checked(found[k], throw=True)
        except (NotConverged, Infeasible) as fault:
            raise type(fault)(f"{self._pair(i[k], j[k])}: {fault}", fault.result) from None
        raise AssertionError

    def _alone(self, i: int, j: int, rows: _Side, columns: _Side) -> list[float]:
        """The numbers of one pair."""
        x, y = rows.sets[i], columns.sets[j]
        try:
            found = self.distance(x.points, y.points, x.weights, y.weights)
            value = measured(found)
        except InvalidInput as fault:
            raise type(fault)(f"{self._pair(i, j)}: {fault}") from None
        except Exception as fault:  # of a callable, and its own
            fault.add_note(f"raised by the distance between {self._pair(i, j)}")
            raise
        if not self.bounds:
            return [value.value]
        if getattr(found, "lower", None) is None:
            raise InvalidInput(
                f"bounds must be False for a distance without proven ones; received True for {self.distance.told}; leave it out, or "
                f"measure another distance, such as 'wasserstein'"
            )
        return list(value)

    def _told(self, fault: InvalidInput, i: Indices, j: Indices) -> InvalidInput:
        """The error of a batch, which counts problems, with the names of the sets."""
        start, _, rest = str(fault).partition(": ")
        number = start.removeprefix("problem ")
        if not number.isdigit():
            return fault
        return type(fault)(f"{self._pair(i[int(number)], j[int(number)])}: {rest}")

    def _pair(self, i: Any, j: Any) -> str:
        return f"{self.names[0]}[{self.tile.rows[0] + i}] and {self.names[1]}[{self.tile.columns[0] + j}]"


class _Side:
    """The sets on one side of a tile, in arrays for a batch where all are alike: these are stacked more quickly."""

    def __init__(self, sets: list[Weighted]) -> None:
        self.sets = sets
        self.sizes = np.array([len(one.points) for one in sets])
        self.line = all(z.points.ndim == 1 or z.points.shape[1] == 1 for z in sets)
        clouds = [z.points[:, None] if z.points.ndim == 1 else z.points for z in sets]
        self._points = np.stack(clouds) if _are_alike(clouds) else clouds
        weights: Any = [z.weights for z in sets]
        self._weights = np.stack(weights) if _are_alike(weights) else weights
        self._uniform = all(one is None for one in weights)

    def points(self, index: Indices) -> Any:
        """Clouds (n, d)."""
        return _taken(self._points, index)

    def weights(self, index: Indices) -> Any:
        """Weights, None where all are uniform."""
        return None if self._uniform else _taken(self._weights, index)


def _taken(entries: Any, index: Indices) -> Any:
    return entries[index] if isinstance(entries, np.ndarray) else [entries[k] for k in index.tolist()]


def _are_alike(entries: Any) -> bool:
    """Whether arrays of numbers have one shape and one dtype."""
    first = entries[0]
    return all(
        z is not None and z.dtype.kind == "f" and z.shape == first.shape and z.dtype == first.dtype for z in entries
    )


def _parts(i: Indices, j: Indices, rows: _Side, columns: _Side) -> Iterator[tuple[Indices, Indices]]:
    """As many pairs at a time as may be held; on the line nobody lists pairs of points."""
    n, m = rows.sizes[i], columns.sizes[j]
    held = np.cumsum(n + m if rows.line and columns.line else n * m) // _HELD
    cuts = np.flatnonzero(np.diff(held)) + 1
    return zip(np.split(i, cuts), np.split(j, cuts), strict=True)
