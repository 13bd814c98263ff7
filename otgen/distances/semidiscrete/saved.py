"""Maps in files: an npz of plain arrays, without pickle, written beside and renamed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.atomic import write_atomically
from ...inputs.stored import placed, stored_arrays, stored_bytes
from ...model.cost import Circular, Metric, Minkowski, spelt, unspelt

FORMAT = "otgen semidiscrete 1"
_ARRAYS = ("points", "weights", "potential")
_OFF = 1e-9  # what sums of weights may be off by


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

    write_atomically(placed(path), save)


def read(path: Any) -> dict[str, Any]:
    """The arrays, ``metric``, ``p`` and ``draws`` of a file; raises `InvalidInput` for one of another kind."""
    place = placed(path)
    kind, writer = "a semidiscrete map of otgen", "save"
    held = stored_arrays(place, stored_bytes(place, kind, writer), kind, writer)
    try:
        if str(held["format"]) != FORMAT:
            raise ValueError(f"its format is {str(held['format'])[:40]!r}")
        found: dict[str, Any] = {name: held[name] for name in _ARRAYS}
        size = len(found["points"])
        if found["points"].ndim != 2 or any(found[name].shape != (size,) for name in _ARRAYS[1:]):
            raise ValueError("its arrays do not go together")
        if any(array.dtype != np.float64 for array in found.values()):
            raise ValueError("its arrays are not float64")
        if not abs(found["weights"].sum() - 1) < _OFF:
            raise ValueError("its weights do not add up to 1")
        if any(held[name].shape != () or held[name].dtype.kind not in "iuf" for name in ("q", "p", "draws")):
            raise ValueError("its q, p and draws are not a number each")
        metric = unspelt(str(held["metric"]), float(held["q"]))
        p, draws = scalars.finite_order(float(held["p"])), scalars.count(int(held["draws"]), "draws", least=0)
        return found | dict(metric=metric, p=p, draws=draws)
    except (KeyError, TypeError, ValueError, OverflowError) as fault:
        raise InvalidInput(
            f"{place} must be a semidiscrete map of otgen; received one that lacks or mixes up entries ({fault}); write it again with save"
        ) from None
