"""All pairs cut into tiles, by sizes alone: a run that goes on later, elsewhere or on more cores finds the same ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...inputs.types import Indices
from .collection import Collection, Facts

_WORK = 4e9  # nanoseconds that a tile is to take, about: often enough for checkpoints, seldom enough for what shipping takes
_BYTES = 2**26  # that the sets of one side of a tile may take
_CALL = 25e3  # nanoseconds for a pair of the smallest sets
_CLIMBED = 1e7  # and by ascents, or a search of the plane
_OWN = 2.5e7  # and for one by a callable, of which nothing is known


@dataclass(frozen=True)
class Tile:
    """Rows and columns of a matrix from a start up to a stop; on the diagonal of a symmetric one, those with row <= column."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    diagonal: bool

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"tile-{self.rows[0]:06d}-{self.columns[0]:06d}.npz"

    def pairs(self) -> tuple[Indices, Indices]:
        """The rows and the columns of the pairs that are measured, counted within the tile.

        Examples
        --------
        >>> Tile((4, 6), (4, 6), True).pairs()
        (array([0, 0, 1]), array([0, 1, 1]))
        """
        n, m = self.shape
        if self.diagonal:
            return np.triu_indices(n)
        return np.repeat(np.arange(n), m), np.tile(np.arange(m), n)

    def __len__(self) -> int:
        n, m = self.shape
        return n * (n + 1) // 2 if self.diagonal else n * m


def pair_work(fact: Facts, name: str | None) -> float:
    """Nanoseconds, about, for a pair of sets of this size, under a distance by its name."""
    if name is None:
        return _OWN
    if name == "wasserstein" and fact.dim == 1:
        return _CALL + 100.0 * fact.size
    if name == "sliced_wasserstein":
        return _CALL + 1e4 * fact.size
    if name == "max_sliced_wasserstein":
        return _CLIMBED + 1e5 * fact.size + 100.0 * fact.size**2
    return _CALL + 100.0 * fact.size**2


def blocks(facts: Sequence[Facts], name: str | None) -> list[tuple[int, int]]:
    """Consecutive sets, from a start up to a stop, any two blocks of which make a tile.

    The work of a pair is taken as the product of two factors, one a set, so that a tile has at most the product of two sums of them.

    Examples
    --------
    >>> from ...inputs.origin import Origin
    >>> large = Facts(3000, 2, "", None, None)
    >>> blocks([large] * 5, "wasserstein")
    [(0, 2), (2, 4), (4, 5)]
    """
    out: list[tuple[int, int]] = []
    start, side, held = 0, 0.0, 0
    for k, fact in enumerate(facts):
        factor, size = math.sqrt(pair_work(fact, name)), 8 * fact.size * (fact.dim + 1)
        if k > start and (side + factor > math.sqrt(_WORK) or held + size > _BYTES):
            out.append((start, k))
            start, side, held = k, 0.0, 0
        side, held = side + factor, held + size
    return [*out, (start, len(facts))] if facts else out


def tiles(one: Collection, other: Collection | None, name: str | None) -> list[Tile]:
    """Every pair once: of the upper triangle, or of the whole rectangle where there are two collections."""
    rows = blocks(one.facts, name)
    if other is not None:
        columns = blocks(other.facts, name)
        return [Tile(block, another, False) for block in rows for another in columns]
    return [Tile(block, another, block == another) for k, block in enumerate(rows) for another in rows[k:]]


def tile_work(tile: Tile, one: Collection, other: Collection, name: str | None) -> float:
    """Nanoseconds, about, that a tile takes."""
    sums = (
        sum(math.sqrt(pair_work(fact, name)) for fact in side.facts[slice(*ends)])
        for side, ends in ((one, tile.rows), (other, tile.columns))
    )
    return math.prod(sums) / (2 if tile.diagonal else 1)
