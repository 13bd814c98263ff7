"""Several distances between two sample sets, each measured for time and memory and beside what chance alone gives."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...distances.entropic import sinkhorn_divergence
from ...distances.exact import wasserstein
from ...distances.result import Result
from ...distances.sliced import sliced_wasserstein
from ...distances.splits import SPLITS, PermutationNull, permuted
from ...inputs import numerals
from ...inputs.types import Floats
from ...model.cost import COSTS
from ...model.problem import Relative
from ..loading import WORTH, first_points, kernels_loaded
from ..words import significant

USUAL_EPSILON = Relative(0.05)
_SUBSCRIPTS = str.maketrans("0123456789.", "₀₁₂₃₄₅₆₇₈₉.")


@dataclass(frozen=True)
class Quantity:
    """What is measured: its name, its unit in words, how, and whether random splits are measured as well."""

    name: str
    unit: str
    run: Callable[..., Result]
    beside_chance: bool = True


def quantities(
    p: float | None = None,
    metric: str = "euclidean",
    epsilon: float | Relative | None = None,
    *,
    normalize: bool = False,
    on_line: bool = False,
) -> tuple[Quantity, ...]:
    """The distances of a report: exact ones of order 1 and 2 unless one is asked for, a divergence, and off the line a sliced one.

    Examples
    --------
    >>> [quantity.name for quantity in quantities(3.0, "cityblock")]
    ['W₃', 'Sinkhorn divergence']
    """
    orders = (1.0, 2.0) if p is None else (p,)
    common = dict(metric=metric, normalize=normalize)
    found = [
        Quantity(called(order, metric), unit_of(metric, 1.0), partial(wasserstein, p=order, **common))
        for order in orders
    ]
    last, strength = orders[-1], USUAL_EPSILON if epsilon is None else epsilon
    if metric == "euclidean" and math.isfinite(last) and not on_line:
        sliced = partial(sliced_wasserstein, p=last, n_projections=200, rng=0, normalize=normalize)
        found.append(Quantity(f"sliced {called(last)}", unit_of(metric, 1.0), sliced))
    if math.isfinite(last):
        debiased = partial(sinkhorn_divergence, p=last, epsilon=strength, tol=1e-4, **common)
        found.append(Quantity("Sinkhorn divergence", unit_of(metric, last), debiased, beside_chance=False))
    return tuple(found)


def called(order: float, metric: str = "euclidean") -> str:
    """What W_p is called: its order as a subscript, or that it is no distance under a metric that is a cost."""
    if metric in COSTS:
        return "transport cost"
    return "W_inf" if math.isinf(order) else "W" + f"{order:g}".translate(_SUBSCRIPTS)


def unit_of(metric: str, power: float) -> str:
    """Of a distance to a power, in words."""
    base = {"great_circle": "radians", "sqeuclidean": "squared units of the data", "cosine": "no unit"}.get(
        metric, "units of the data"
    )
    if power == 1 or base == "no unit":
        return base
    return f"squared {base}" if power == 2 else f"{base} to the power {power:g}"


@dataclass(frozen=True)
class Row:
    """One quantity of one comparison; ``peak`` is the largest memory of numpy arrays at once, in bytes."""

    comparison: str
    quantity: Quantity
    result: Result
    peak: int
    chance: PermutationNull | None = None

    @property
    def distance(self) -> str:
        """What was measured."""
        return self.quantity.name

    @property
    def value(self) -> str:
        """Five digits of it, or as many as its interval or standard error leaves."""
        return _digits(self.result)

    @property
    def proven(self) -> bool:
        """Whether there is an interval, not a standard error."""
        return self.result.lower is not None

    @property
    def interval(self) -> str:
        """The proven interval, or the standard error where there is none."""
        result = self.result
        if result.lower is None or result.upper is None:
            return f"± {result.standard_error:.2g} (standard error)"
        return numerals.interval(result.lower, result.upper)

    @property
    def width(self) -> str:
        """Of the interval."""
        lower, upper = self.result.lower, self.result.upper
        return "–" if lower is None or upper is None else numerals.width(lower, upper)

    @property
    def spread(self) -> str:
        """What chance alone gives."""
        return "–" if self.chance is None else self.chance.spread

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        beside = None if self.chance is None else self.chance.to_dict()
        return {
            "distance": self.distance,
            "measured_in": self.quantity.unit,
            **self.result.to_dict(),
            "peak_bytes": self.peak,
            "chance": beside,
        }


@dataclass(frozen=True)
class Comparison:
    """All quantities of one pair of sample sets."""

    name: str
    rows: tuple[Row, ...]

    def result(self, distance: str) -> Result:
        """The result of one quantity."""
        return next(row.result for row in self.rows if row.distance == distance)

    @property
    def headline(self) -> Row:
        """The exact distance of the highest order: what the verdict is about."""
        return [row for row in self.rows if row.quantity.run.func is wasserstein][-1]  # type: ignore[attr-defined]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"comparison": self.name, "distances": [row.to_dict() for row in self.rows], "verdict": self.verdict}

    @property
    def verdict(self) -> str:
        """What the headline says of the laws, in words."""
        row = self.headline
        told = f"{row.distance} is {row.value} between these samples"
        if row.chance is None:
            return f"{told}; what chance alone gives was not measured; it takes {SPLITS} more runs (--splits {SPLITS})."
        return (
            f"{told}; chance alone gives {row.chance.spread}. {row.chance.verdict[0].upper()}{row.chance.verdict[1:]}."
        )


def compare(
    name: str,
    x: Floats,
    y: Floats,
    a: Any = None,
    b: Any = None,
    *,
    measured: Sequence[Quantity] | None = None,
    count: int = 0,
    seed: int = 0,
) -> Comparison:
    """Measure every quantity between x (n, d) and y (m, d), and between ``count`` random splits of their pool."""
    chosen = quantities() if measured is None else measured
    return Comparison(name, tuple(_row(name, one, (x, y, a, b), count, seed) for one in chosen))


def _row(name: str, quantity: Quantity, sides: tuple[Any, Any, Any, Any], count: int, seed: int) -> Row:
    """Kernels are loaded by a few points, and by the splits, before anything is timed; what is short is timed with nothing that counts memory."""
    x, y, a, b = sides
    quantity.run(*first_points(x, y))
    count = count if quantity.beside_chance else 0
    splits = permuted(quantity.run, x, y, a, b, count, seed)
    result, peak = kernels_loaded(lambda: _measured(quantity.run, *sides), lambda found: found[0].seconds)
    if result.seconds < WORTH:
        result = quantity.run(*sides)
    return Row(name, quantity, result, peak, PermutationNull.of(result, splits) if splits else None)


def _digits(result: Result) -> str:
    """A value in five digits, or in as many as its interval or its standard error leaves."""
    if not math.isfinite(result.value):
        return significant(result.value)
    if result.lower is None or result.upper is None:
        return numerals.beside_error(result.value, result.standard_error)
    return min(numerals.number(result.value, 5), numerals.within(result.value, result.lower, result.upper), key=len)


def _measured(run: Callable[..., Result], *arguments: Any) -> tuple[Result, int]:
    tracemalloc.start()
    try:
        result = run(*arguments)
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def orders(comparisons: list[Comparison]) -> list[tuple[str, str]]:
    """How each quantity ranks the comparisons, nearest first: with < where it tells neighbours apart, and ≈ where it does not."""
    return [(row.distance, _ranked(comparisons, row.distance)) for row in comparisons[0].rows]


def _ranked(comparisons: list[Comparison], distance: str) -> str:
    first, *rest = sorted(comparisons, key=lambda c: c.result(distance).value)
    told = first.name
    for near, far in zip([first, *rest], rest):
        apart = _ends(near.result(distance))[1] < _ends(far.result(distance))[0]
        told += f" {'<' if apart else '≈'} {far.name}"
    return told


def _ends(result: Result) -> tuple[float, float]:
    """The proven interval, or three standard errors to either side."""
    if result.lower is None or result.upper is None:
        error = 3 * (result.standard_error or 0.0)
        return result.value - error, result.value + error
    return result.lower, result.upper
