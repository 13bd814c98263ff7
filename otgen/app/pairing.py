"""How the command line measures all pairs of a folder: files checked first, read again a tile at a time where they are many."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from ..distances.chosen import Chosen, chosen
from ..distances.pairs.collection import collected
from ..distances.pairwise import measured_pairs
from ..errors import InvalidInput, MassMismatch
from ..inputs import numerals
from ..inputs.atomic import write_atomically
from ..inputs.types import Floats
from ..model.measure import Measure
from . import compared, files
from .cluster import dask
from .files import Samples
from .words import counted, spoken

_KEPT = 2**28  # bytes of files that are read once and held


class Told(NamedTuple):
    """What was read of a file: its name, how many points, its bytes, the first digits of its SHA-256, what was left out or assumed, and
    whether its coordinates have names.
    """

    name: str
    points: int
    size: int
    digest: str
    notes: list[str]
    named: bool


class Files(Sequence[Any]):
    """The sample sets of a folder in the order of their names, each read when it is asked for; columns are matched with those of the first one
    that has names.

    Parameters
    ----------
    folder : path
        Files of other kinds, and those whose names begin with a dot, are left out.
    columns, weights, key
        As in :func:`otgen.app.files.read`, for those files to which they apply.
    """

    def __init__(self, folder: Path, columns: list[str] | None, weights: str | None, key: str | None) -> None:
        self.folder, self.paths = folder, _paths(folder)
        files.check_choices(self.paths, columns=columns, weights=weights, key=key)
        self.told: dict[int, Told] = {}
        self.columns, self.weights, self.key = columns, weights, key
        self.first = self._first()

    @property
    def names(self) -> list[str]:
        """What the files are called."""
        return [path.name for path in self.paths]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        found = files.matched([self.first, self._samples(index)])[1]
        return (
            found.points
            if found.weights is None
            else Measure(found.points, found.weights, found.name, f"the weights of {found.name}")
        )

    def _first(self) -> Samples:
        """The first set whose columns have names; where there is none, the first one."""
        first = self._samples(0)
        if first.columns is not None:
            return first
        tables = (self._samples(k) for k in range(1, len(self)) if files.is_table(self.paths[k]))
        return next((one for one in tables if one.columns is not None), first)

    def compared(self) -> str:
        """The coordinates that are compared in the files that have been read."""
        unnamed = [one.name for _, one in sorted(self.told.items()) if not one.named]
        return compared.coordinates(self.first.dim, self.first.columns, unnamed)

    def notes(self) -> list[str]:
        """What was left out or assumed of them, each sentence once."""
        return compared.grouped({one.name: one.notes for _, one in sorted(self.told.items())})

    def _samples(self, k: int) -> Samples:
        path = self.paths[k]
        table, archive = files.is_table(path), files.ending(path) == ".npz"
        found = files.read(
            path,
            columns=self.columns if table else None,
            weights=self.weights,
            key=self.key if archive else None,
        )
        self.told[k] = Told(
            path.name, len(found), found.size, found.digest, compared.said_of(found), found.columns is not None
        )
        return found

    def __getstate__(self) -> dict[str, Any]:
        """What a worker needs to read the files, wherever it was started."""
        return {**self.__dict__, "told": {}, "paths": [path.absolute() for path in self.paths]}


def _paths(folder: Path) -> list[Path]:
    """The files of a folder that can be read."""
    if not folder.is_dir():
        raise InvalidInput(f"DIR must be a folder of sample sets; received {folder}, which is none; check the path")
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() and not path.exists():
            raise InvalidInput(
                f"DIR must hold files that exist; received {path}, a link that leads nowhere; remove it, or put back what it leads to"
            )
        if path.is_file() and not path.name.startswith("."):
            with contextlib.suppress(InvalidInput):  # files of other kinds
                files.ending(path)
                found.append(path)
    if len(found) < 2:
        raise InvalidInput(
            f"DIR must hold two sample sets at least, one a file; received {counted(len(found), 'file')} that can be read in {folder}; add others"
        )
    return found


class Found(NamedTuple):
    """Distances of all pairs with their bounds, (3, B, B), and what the files are called."""

    numbers: Floats
    names: list[str]
    compared: str
    notes: list[str]

    def save(self, path: Path) -> None:
        """Write the matrices as an npz file."""
        value, lower, upper = self.numbers
        kept: Any = {"distances": value, "lower": lower, "upper": upper, "names": np.array(self.names)}
        write_atomically(path, lambda name: np.savez(name, **kept))

    def to_dict(self) -> dict[str, Any]:
        """What stands out, for JSON."""
        value, lower, upper = self.numbers
        rows, columns = np.triu_indices(len(self.names), 1)
        apart = value[rows, columns]
        near, far = int(apart.argmin()), int(apart.argmax())
        return {
            "sets": len(self.names),
            "pairs": len(apart),
            "compared": self.compared,
            "notes": self.notes,
            "nearest": [self.names[rows[near]], self.names[columns[near]], float(apart[near])],
            "farthest": [self.names[rows[far]], self.names[columns[far]], float(apart[far])],
            "median": float(np.median(apart)),
            "widest_interval": float((upper - lower).max()),
            "interval_of": "these samples, not the laws behind them",
        }

    def rows(self) -> list[tuple[str, str]]:
        """The same in words."""
        told = self.to_dict()
        ends = [
            (word, f"{numerals.number(told[word][2], 5)}: {told[word][0]} and {told[word][1]}")
            for word in ("nearest", "farthest")
        ]
        return [
            ("compared", f"{counted(told['sets'], 'set')}, {counted(told['pairs'], 'pair')}, {self.compared}"),
            *ends,
            ("median", numerals.number(told["median"], 5)),
            (
                "proven within",
                f"intervals of width {numerals.number(told['widest_interval'], 2)} at most, of these samples",
            ),
        ]


@dataclass(frozen=True)
class Pairs:
    """What is measured and by whom."""

    p: float
    metric: str
    epsilon: Any
    normalize: bool
    jobs: int | None
    checkpoint: Path | None
    scheduler: str | None
    penalty: float | None = None
    mass: float | None = None
    max_sliced: bool = False

    @property
    def distance(self) -> Chosen:
        """The distance with its options."""
        options: dict[str, Any] = dict(p=self.p, metric=self.metric, normalize=self.normalize)
        if self.epsilon is not None:
            return chosen("sinkhorn", dict(options, epsilon=self.epsilon))
        if self.max_sliced:
            if self.metric != "euclidean":
                raise InvalidInput(
                    f"--metric must be euclidean beside --max-sliced; received {self.metric}; leave one of them out"
                )
            return chosen("max_sliced_wasserstein", dict(p=self.p, normalize=self.normalize, rng=0, throw=False))
        asked = {name: value for name in ("penalty", "mass") if (value := getattr(self, name)) is not None}
        if not asked:
            return chosen("wasserstein", options)
        if self.normalize:
            raise InvalidInput(
                "--normalize must not stand beside --penalty or --mass, with which totals may differ; received both; leave one of them out"
            )
        return chosen("partial_wasserstein", dict(p=self.p, metric=self.metric, **asked))

    def __call__(self, sets: Files, tell: Callable[[str], Any]) -> Found:
        """Check the files and measure all pairs; errors name files."""
        try:
            distance = self.distance
        except InvalidInput as fault:
            raise InvalidInput(spoken(str(fault))) from None
        if self.scheduler is not None:
            tell("asking the scheduler")
        with contextlib.nullcontext() if self.scheduler is None else dask(self.scheduler):
            return Found(self._measured(sets, distance, tell), sets.names, sets.compared(), sets.notes())

    def _measured(self, sets: Files, distance: Chosen, tell: Callable[[str], Any]) -> Floats:
        jobs = self.jobs if self.scheduler is None else -1  # of a cluster all workers
        tell("reading files")
        try:
            whole = collected(list(sets) if sets.size <= _KEPT else sets)
            tell("measuring")
            return measured_pairs(
                whole, None, distance, bounds=True, n_jobs=jobs, checkpoint=self.checkpoint, tell=tell
            )
        except (MassMismatch, InvalidInput) as fault:
            raise type(fault)(named(spoken(str(fault)), sets.names)) from None


def named(message: str, names: list[str]) -> str:
    """An error about sets by their numbers, about files by their names."""
    message = re.sub(r"\bweights\[(\d+)\]", lambda found: f"the weights of {names[int(found[1])]}", message)
    return re.sub(r"\bsets\[(\d+)\]", lambda found: names[int(found[1])], message)
