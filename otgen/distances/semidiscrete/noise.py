"""Noise that can be sampled: a callable, or the normal law by its name, and the check of what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...errors import InvalidInput
from ...inputs import arrays, scalars
from ...inputs.memory import refuse_bytes
from ...inputs.types import Floats

Source = Literal["gaussian"] | Callable[[int, np.random.Generator], Any]


@dataclass(frozen=True, eq=False)
class Noise:
    """Draws of noise in dimension ``dim``, a function of the generator as far as ``source`` is one."""

    source: Source
    dim: int

    def __post_init__(self) -> None:
        if not callable(self.source):
            _named(self.source)

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """(n, dim), float64; raises `InvalidInput` where the source gives anything else."""
        refuse_bytes(8 * n * self.dim, (n, self.dim), "n")
        if not callable(self.source):
            return rng.standard_normal((n, self.dim))
        points, _ = arrays.points(self._called(n, rng), "noise", allow_gpu=True)
        if points.shape != (n, self.dim):
            raise InvalidInput(
                f"noise must return (n, {self.dim}) for n, one row a draw; received shape {points.shape} for n = {n}; reshape it"
            )
        return points.astype(np.float64, copy=False)

    def _called(self, n: int, rng: np.random.Generator) -> Any:
        assert callable(self.source)
        try:
            return self.source(n, rng)
        except Exception as fault:  # what is wrong in it is the caller's to see
            fault.add_note(
                f"raised by noise, called as noise({n}, rng) with a numpy Generator: it must return ({n}, {self.dim})"
            )
            raise


def _named(source: Any) -> None:
    if not isinstance(source, str) or source != "gaussian":
        raise InvalidInput(
            f"noise must be 'gaussian' or a function of how many draws and a numpy Generator; received {scalars.told(source)}; pass one such as "
            f"lambda n, rng: rng.random((n, d))"
        )
