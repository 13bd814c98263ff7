"""A run that can be stopped at any moment and goes on with the same bits: a file a tile, and what they are of."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._version import __version__
from ...errors import InvalidInput
from ...inputs.atomic import write_atomically
from ...inputs.scalars import told
from ...inputs.types import Floats
from ..chosen import Chosen
from .collection import Collection
from .tiles import Tile

_NAME = "pairwise.json"
_FORMAT = 1
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A folder of finished tiles, and the terms under which they were measured; ``fingerprint`` is of these, and stands in every file."""

    place: Path
    terms: dict[str, Any]
    fingerprint: str

    @classmethod
    def at(cls, path: str | os.PathLike[str], terms: dict[str, Any]) -> Checkpoint:
        """A folder that is new, or holds tiles of the same run.

        Raises
        ------
        InvalidInput
            Where it holds those of another one, saying what differs, or other files.
        """
        if not isinstance(path, str | os.PathLike):
            raise InvalidInput(f"checkpoint must be a folder; received {told(path)}; pass its name, or a Path")
        place = Path(path)
        fingerprint = hashlib.blake2b(json.dumps(terms, sort_keys=True).encode(), digest_size=16).hexdigest()
        if place.exists() and not place.is_dir():
            raise InvalidInput(f"checkpoint must be a folder; received {place}, a file; choose another name")
        there = place / _NAME
        if there.exists():
            _same(terms, _read_terms(there), place)
        elif place.exists() and any(place.iterdir()):
            raise InvalidInput(
                f"checkpoint must be a new folder, or one of an earlier run; received {place}, which holds other files; choose another one"
            )
        return cls(place, terms, fingerprint)

    def load(self, tile: Tile, count: int) -> Floats | None:
        """The numbers of a tile, (count, rows, columns); None where they must be measured, be it that its file is damaged."""
        path = self.place / tile.name
        if not path.exists():
            return None
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                fingerprint, found = str(file["fingerprint"]), file["numbers"]
        except _DAMAGED:
            return None
        return found if fingerprint == self.fingerprint and found.shape == (count, *tile.shape) else None

    def save(self, tile: Tile, numbers: Floats) -> None:
        """Keep a tile; the terms are written with the first one, since only then are they known to be good."""
        self.place.mkdir(parents=True, exist_ok=True)
        terms = self.place / _NAME
        if not terms.exists():
            write_atomically(terms, lambda name: Path(name).write_text(json.dumps(self.terms, indent=1) + "\n"))
        kept: Any = {"fingerprint": np.array(self.fingerprint), "numbers": numbers}
        write_atomically(self.place / tile.name, lambda name: np.savez(name, **kept))


def terms_of(distance: Chosen, collections: Sequence[Collection | None], *, bounds: bool) -> dict[str, Any]:
    """What a result is a function of: the version, the distance, its options, and every set, as json can write it."""
    options = {key: _told(value) for key, value in sorted(distance.options.items())}
    digests = [None if one is None else [fact.digest for fact in one.facts] for one in collections]
    return {
        "format": _FORMAT,
        "version": __version__,
        "distance": distance.told,
        "options": options,
        "bounds": bounds,
        "sets": digests[0],
        "sets2": digests[1],
    }


def _told(value: Any) -> str:
    """An option as it can be compared between processes; of a callable the name."""
    if isinstance(value, np.ndarray):
        return hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()
    text = repr(value)
    return _callable_name(value) if " at 0x" in text else text


def _callable_name(call: Any) -> str:
    named = call if hasattr(call, "__qualname__") else type(call)
    return f"{named.__module__}.{named.__qualname__}"


def _read_terms(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        if isinstance(found, dict):
            return found
    except (OSError, ValueError):
        pass
    raise InvalidInput(
        f"checkpoint must hold a {_NAME} that can be read; received a damaged one in {path.parent}; delete the folder, or choose another one"
    )


def _same(now: dict[str, Any], then: dict[str, Any], place: Path) -> None:
    """Refuse a run under other terms than those of a folder."""
    changed = next((key for key in now if then.get(key) != now[key]), None)
    if changed is None:
        return
    before, after = then.get(changed), now[changed]
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            what = f"{len(after)} {changed} for {len(before)} then"
        else:
            k = next(k for k, (one, other) in enumerate(zip(before, after, strict=True)) if one != other)
            what = f"other points or weights in {changed}[{k}]"
    else:
        what = f"{changed} {after} for {before} then"
    raise InvalidInput(
        f"checkpoint must be of the same sets, distance and options; received {what}, in {place}; choose another folder, or delete this one"
    )
