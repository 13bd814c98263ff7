"""The metrics between points, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Floats

METRICS = ("euclidean", "cityblock", "chebyshev")
COSTS = ("sqeuclidean", "cosine")


@dataclass(frozen=True)
class Minkowski:
    """The metric ``(sum_k |x_k - y_k| ** q) ** (1/q)``, for ``q`` in [1, inf].

    Examples
    --------
    >>> Minkowski(3)
    Minkowski(q=3)
    """

    q: float

    def __post_init__(self) -> None:
        if scalars.real(self.q, "q") < 1:
            raise InvalidInput(f"q must be at least 1: below, Minkowski's form is no metric; received {self.q!r}")


Metric = str | Minkowski | Callable[[Floats, Floats], Floats]
