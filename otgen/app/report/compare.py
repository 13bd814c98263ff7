"""Several distances between two sample sets, each measured for time and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...distances.entropic import sinkhorn_divergence
from ...distances.exact import wasserstein
from ...distances.result import Result
from ...distances.sliced import sliced_wasserstein
from ...model.problem import Relative

DISTANCES: dict[str, Callable[..., Result]] = {
    "W₁": partial(wasserstein, p=1),
    "W₂": partial(wasserstein, p=2),
    "sliced W₂": partial(sliced_wasserstein, p=2, n_projections=200, rng=0),
    "Sinkhorn divergence": partial(sinkhorn_divergence, epsilon=Relative(0.05), tol=1e-4),
}


@dataclass(frozen=True)
class Row:
    """One distance of one comparison; ``peak`` is the largest memory of numpy arrays at once, in bytes."""

    comparison: str
    distance: str
    result: Result
    peak: int

    @property
    def interval(self) -> str:
        """The proven interval, or the standard error where there is none."""
        result = self.result
        if result.lower is None or result.upper is None:
            return f"± {result.standard_error:.2g} (standard error)"
        digits = 10 if result.upper - result.lower < 1e-6 * abs(result.value) else 5
        return f"[{result.lower:.{digits}g}, {result.upper:.{digits}g}]"


@dataclass(frozen=True)
class Comparison:
    """All distances of one pair of sample sets."""

    name: str
    rows: tuple[Row, ...]

    def result(self, distance: str) -> Result:
        """The result of one distance."""
        return next(row.result for row in self.rows if row.distance == distance)


def compare(name: str, x: Any, y: Any, a: Any = None, b: Any = None) -> Comparison:
    """Measure every distance between x (n, d) and y (m, d)."""
    return Comparison(name, tuple(Row(name, key, *_measured(run, x, y, a, b)) for key, run in DISTANCES.items()))


def _measured(run: Callable[..., Result], *arguments: Any) -> tuple[Result, int]:
    tracemalloc.start()
    try:
        result = run(*arguments)
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def orders(comparisons: list[Comparison]) -> list[tuple[str, list[str]]]:
    """How each distance ranks the comparisons, nearest first."""
    return [
        (distance, [c.name for c in sorted(comparisons, key=lambda c, d=distance: c.result(d).value)])
        for distance in DISTANCES
    ]
