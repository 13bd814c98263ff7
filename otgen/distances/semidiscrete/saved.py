"""Maps in files: an npz of plain arrays, without pickle, written beside and renamed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.atomic import write_atomically
from ...model.cost import Circular, Metric, Minkowski, spelt, unspelt

FORMAT = "otgen semidiscrete 1"
_ARRAYS = ("points", "weights", "potential")


def write(path: Any, arrays: Mapping[str, Any], metric: Metric, p: float, draws: int) -> None:
    """``arrays`` are points (N, d), weights (N,) and potential (N,); raises `InvalidInput` for a callable metric."""
    if not isinstance(metric, str | Minkowski | Circular):
        raise InvalidInput(
            "metric must have a name for a file; received a callable; keep the potential, and pass metric again with otgen.semidiscrete"
        )
    word, number = spelt(metric)
    held = dict(arrays, format=FORMAT, metric=word, q=number, p=p, draws=draws)

    def save(name: str) -> None:
        with Path(name).open("wb") as file:
            np.savez(file, **held)

    write_atomically(_placed(path), save)


def read(path: Any) -> dict[str, Any]:
    """The arrays, ``metric``, ``p`` and ``draws`` of a file; raises `InvalidInput` for one of another kind."""
    place = _placed(path)
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as opened:
            held = {name: opened[name] for name in opened.files}
        if str(held["format"]) != FORMAT:
            raise ValueError(f"its format is {str(held['format'])[:40]!r}")
        found: dict[str, Any] = {name: np.asarray(held[name], np.float64) for name in _ARRAYS}
        size = len(found["points"])
        if found["points"].ndim != 2 or any(found[name].shape != (size,) for name in _ARRAYS[1:]):
            raise ValueError("its arrays do not go together")
        metric = unspelt(str(held["metric"]), float(held["q"]))
        return found | dict(metric=metric, p=float(held["p"]), draws=int(held["draws"]))
    except (KeyError, TypeError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as fault:
        raise InvalidInput(
            f"{place} must be a semidiscrete map of otgen; received another kind of file ({fault}); write it with save"
        ) from None


def _placed(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InvalidInput(f"path must be the name of a file; received {scalars.told(path)}; pass a string or a Path")
    return Path(path)
