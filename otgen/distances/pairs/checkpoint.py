"""A run that can be stopped at any moment and goes on with the same bits: a file a tile, and what they are of."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._version import __version__
from ...errors import InvalidInput, TooLarge
from ...inputs.atomic import write_atomically
from ...inputs.scalars import told
from ...inputs.stored import made, stored_arrays, stored_bytes
from ...inputs.types import Floats
from ..chosen import Chosen
from .collection import Collection
from .tiles import Tile

_NAME = "pairwise.json"
_BEGUN = ".pairwise-*.json"  # what is left of it where a run is killed while it is written
_TILE = ("a tile", "otgen.pairwise")
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A folder of finished tiles, and the terms under which they were measured; ``fingerprint`` is of these, and stands in every file with its name."""

    place: Path
    terms: dict[str, Any]
    fingerprint: str

    @classmethod
    def at(cls, path: str | os.PathLike[str], terms: dict[str, Any]) -> Checkpoint:
        """A folder that is new, or holds tiles of the same run.

        Raises
        ------
        InvalidInput
            Where it holds those of another one, saying what differs, or other files, and for a name that no folder can have.
        """
        if not isinstance(path, str | os.PathLike):
            raise InvalidInput(f"checkpoint must be a folder; received {told(path)}; pass its name, or a Path")
        place = Path(path)
        _refuse_no_name(place)
        fingerprint = hashlib.blake2b(json.dumps(terms, sort_keys=True).encode(), digest_size=16).hexdigest()
        if place.exists() and not place.is_dir():
            raise InvalidInput(f"checkpoint must be a folder; received {place}, a file; choose another name")
        there = place / _NAME
        if there.exists():
            _same(terms, _read_terms(there), place)
        elif place.exists() and any(not path.match(_BEGUN) for path in place.iterdir()):
            raise InvalidInput(
                f"checkpoint must be a new folder, or one of an earlier run; received {place}, which holds other files; choose another one"
            )
        return cls(place, terms, fingerprint)

    def check_writable(self) -> None:
        """Refuse a folder that cannot be written to, or made, before anything is measured for it."""
        above = next(path for path in (self.place, *self.place.absolute().parents) if path.exists())
        if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
            what = "may not be written to" if above.is_dir() else "is a file"
            raise InvalidInput(
                f"checkpoint must be a folder that can be written to; received {self.place}, where {above} {what}; choose another one"
            )
        missing = [path for path in (self.place, *self.place.parents) if not path.exists()]
        made(self.place, "checkpoint")
        for path in missing:  # until a tile is kept, since what is wrong with the options may be told by the first one
            path.rmdir()

    def load(self, tile: Tile, count: int) -> Floats | None:
        """The numbers of a tile, (count, rows, columns); None where they must be measured, be it that its file is damaged."""
        path = self.place / tile.name
        if not path.exists():
            return None
        try:
            file = stored_arrays(path, stored_bytes(path, *_TILE), *_TILE)
        except (InvalidInput, TooLarge, OSError):
            return None
        found = file.get("numbers")
        if found is None or str(file.get("fingerprint")) != self._mark(tile):
            return None
        return found if found.dtype == np.float64 and found.shape == (count, *tile.shape) else None

    def save(self, tile: Tile, numbers: Floats) -> None:
        """Keep a tile; the terms are written with the first one, since only then are they known to be good."""
        made(self.place, "checkpoint")
        terms = self.place / _NAME
        if not terms.exists():
            write_atomically(terms, lambda name: Path(name).write_text(json.dumps(self.terms, indent=1) + "\n"))
        kept: Any = {"fingerprint": np.array(self._mark(tile)), "numbers": numbers}
        write_atomically(self.place / tile.name, lambda name: np.savez(name, **kept))

    def _mark(self, tile: Tile) -> str:
        """What tells a tile from those of other runs, and of other places of this one."""
        return f"{self.fingerprint} {tile.name}"


def terms_of(distance: Chosen, collections: Sequence[Collection | None], *, bounds: bool) -> dict[str, Any]:
    """What a result is a function of: the version, the distance, its options, and every set, as json can write it."""
    options = {key: _told(value) for key, value in sorted(distance.options.items())}
    digests = [None if one is None else [fact.digest for fact in one.facts] for one in collections]
    return {
        "format": _FORMAT,
        "version": __version__,
        "distance": distance.name or _told(distance.call),
        "options": options,
        "bounds": bounds,
        "sets": digests[0],
        "sets2": digests[1],
    }


def _told(value: Any) -> str:
    """An option as it can be compared between processes, arrays to the last bit; of a callable the name."""
    if isinstance(value, partial):
        return f"{_told(value.func)}, with {_told(value.args)} and {_told(value.keywords)}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_told(part)}" for key, part in value.items()) + "}"
    if type(value) in (tuple, list):
        return f"{type(value).__name__}({', '.join(map(_told, value))})"
    if hasattr(value, "__array__") and not isinstance(value, type):
        array = np.ascontiguousarray(value)
        digest = hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()
        return f"{array.dtype} {array.shape} {digest}"
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        text = repr(value)
    return _callable_name(value) if " at 0x" in text else text


def _callable_name(call: Any) -> str:
    named = call if hasattr(call, "__qualname__") else type(call)
    return f"{named.__module__}.{named.__qualname__}"


def _read_terms(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(stored_bytes(path, "the terms of a run", "otgen.pairwise"))
        if isinstance(found, dict):
            return found
    except (OSError, ValueError, RecursionError, TooLarge):
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
    elif isinstance(before, dict) and isinstance(after, dict):
        name = next(name for name in sorted({*before, *after}) if before.get(name) != after.get(name))
        one, other = (f"{name}={side[name]}" if name in side else f"no {name}" for side in (after, before))
        what = f"{one} for {other} then"
    elif isinstance(before, list) or isinstance(after, list):
        what = f"{changed}, of which there was none then" if before is None else f"no {changed}, which there was then"
    else:
        what = f"{changed} {after} for {before} then"
    raise InvalidInput(
        f"checkpoint must be of the same sets, distance and options; received {what}, in {place}; choose another folder, or delete this one"
    )


def _refuse_no_name(place: Path) -> None:
    """Refuse a name that no folder can have, or that leads nowhere."""
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return  # new
    except (OSError, ValueError) as fault:
        why = getattr(fault, "strerror", None) or str(fault)
        raise InvalidInput(
            f"checkpoint must be the name of a folder; received one of which the system says: {why}; choose another one"
        ) from None
    if not place.exists():
        raise InvalidInput(
            f"checkpoint must be a folder; received {place}, a link that leads nowhere; choose another one"
        )
