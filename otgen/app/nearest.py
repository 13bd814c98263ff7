"""How the command line finds the nearest sample sets of a folder, or all pairs of them within a radius."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..distances.neighbors import Neighbors, neighbors, told_stages
from ..distances.within import Within, within
from ..errors import InvalidInput, MassMismatch
from ..inputs import numerals, scalars
from .pairing import Files, named
from .words import counted, spoken


@dataclass(frozen=True)
class Near:
    """What is asked of a folder: the ``k`` nearest of each set, or all pairs within a ``radius``."""

    p: float
    metric: str
    normalize: bool
    k: int
    radius: float | None = None
    jobs: int | None = None

    def check(self) -> None:
        """Raise what is wrong with the options, before a file is read."""
        pair = [[[1.0, 0.5]], [[0.5, 1.0]]]
        try:
            within(pair, 1.0 if self.radius is None else self.radius, p=self.p, metric=self.metric)  # type: ignore[arg-type]
            scalars.count(self.k, "k")
        except InvalidInput as fault:
            raise InvalidInput(spoken(str(fault))) from None

    def __call__(self, sets: Files, tell: Callable[[str], Any]) -> Found:
        """Read the files and find out; errors name files."""
        tell("reading files")
        options: dict[str, Any] = dict(p=self.p, metric=self.metric, normalize=self.normalize, n_jobs=self.jobs)
        try:
            read = list(sets)
            tell("measuring")
            found = (
                neighbors(read, k=self.k, **options) if self.radius is None else within(read, self.radius, **options)
            )
        except (InvalidInput, MassMismatch) as fault:
            raise type(fault)(named(spoken(str(fault)).replace("queries[", "sets["), sets.names)) from None
        return Found(found, sets.names, sets.compared(), sets.notes())


@dataclass(frozen=True)
class Found:
    """Neighbours, or pairs, and what the files are called."""

    near: Neighbors | Within
    names: list[str]
    compared: str
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which knows no infinity: one entry a neighbour or a pair, with the names of both files; null is an end that was not needed."""
        return {
            "sets": len(self.names),
            "compared": self.compared,
            "notes": self.notes,
            "found": [{name: None if end == math.inf else end for name, end in one.items()} for one in self._entries()],
            "settled": self.near.settled,
            "interval_of": "these samples, not the laws behind them",
        }

    def rows(self) -> list[tuple[str, str]]:
        """The same in words."""
        doubt = "the radius lies within" if isinstance(self.near, Within) else "another may be as near"
        found = [(f"{one['first']} and {one['second']}", _told(one, doubt)) for one in self._entries()]
        return [
            ("compared", f"{counted(len(self.names), 'set')}, {self.compared}"),
            *(("noted", note) for note in self.notes),
            *(found or [("found", "no pair")]),
            ("pairs", f"{told_stages(self.near.settled)}; intervals are of these samples"),
        ]

    def _entries(self) -> list[dict[str, Any]]:
        near = self.near
        if isinstance(near, Within):
            open_ones = {tuple(pair) for pair in near.undecided.tolist()}
            pairs = [tuple(pair) for pair in near.pairs.tolist()]
            unsure = [pair in open_ones for pair in pairs]
        else:
            pairs = [(i, j) for i, row in enumerate(near.indices.tolist()) for j in row]
            unsure = near.tied.ravel().tolist()
        numbers = zip(near.value.ravel().tolist(), near.lower.ravel().tolist(), near.upper.ravel().tolist())
        return [
            dict(first=self.names[i], second=self.names[j], value=value, lower=lower, upper=upper, proven=not open_one)
            for (i, j), (value, lower, upper), open_one in zip(pairs, numbers, unsure, strict=True)
        ]


def _told(one: dict[str, Any], doubt: str) -> str:
    """A distance: where it lies, and why its place is not proven, if it is not."""
    where = numerals.interval(one["lower"], one["upper"])
    return where if one["proven"] else f"{where}, {doubt}"
