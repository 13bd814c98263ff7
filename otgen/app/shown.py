"""A result as text: what was compared, the value, its interval and whose it is, what chance alone gives."""

from __future__ import annotations

from typing import Any

from ..distances.result import Result
from ..distances.result_rows import OF_SAMPLES
from ..inputs import numerals
from . import compared
from .measuring import Comparison
from .words import spoken

_TIME = {"Y": "years", "M": "months", "W": "weeks", "D": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def described(name: str, comparison: Comparison) -> str:
    """A comparison in rows."""
    rows = [("compared", compared.told(comparison.first, comparison.other))]
    rows += [("noted", note) for note in compared.notes((comparison.first, comparison.other))]
    rows += result_rows(comparison.result, OF_SAMPLES)
    if comparison.chance is not None:
        rows += [("chance alone", comparison.chance.spread), ("verdict", comparison.chance.verdict)]
    return numerals.in_rows(name, rows)


def result_rows(result: Result, whose: str = "") -> list[tuple[str, str]]:
    """Value, interval, status and solver."""
    rows = [("value", numerals.within(result.value, result.lower, result.upper))]
    if result.lower is not None and result.upper is not None:
        rows.append(numerals.proven(result.lower, result.upper, whose))
        rows.append(("width", numerals.width(result.lower, result.upper, result.certificate)))
    stays = _stays(result)
    if stays is not None:
        told = " and ".join(numerals.number(mass, 5) for mass in stays)
        rows.append(("moved", f"mass {numerals.number(result.mass, 5)}; {told} stay on either side"))
    if result.unit is not None:
        rows.append(("unit", f"distances in {_TIME.get(result.unit, result.unit)}"))
    if result.exact_bounds is not None:
        rows.append(
            ("exact cost within", numerals.interval(*result.exact_bounds) + ", of these samples" * result.of_samples)
        )
    remedy = spoken(result.status.remedy)
    rows.append(("status", result.status.name + (f": {remedy}" if remedy else "")))
    iterations = f", {result.iterations} iteration{'s' * (result.iterations != 1)}" if result.iterations else ""
    return [*rows, ("solver", f"{result.solver}{iterations}, {result.seconds:.3g} s")]


def result_to_dict(result: Result) -> dict[str, Any]:
    """A result for JSON; of partial transport also the mass that stays on either side."""
    stays = _stays(result)
    return result.to_dict() if stays is None else {**result.to_dict(), "stays": stays}


def _stays(result: Result) -> list[float] | None:
    """The mass that stays on either side; None where nothing may."""
    return None if result.makers.unmatched is None else [float(side.sum()) for side in result.unmatched]


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """A comparison for JSON."""
    beside = comparison.chance
    return {
        **result_to_dict(comparison.result),
        "compared": compared.to_dict(comparison.first, comparison.other),
        "interval_of": "these samples, not the laws behind them",
        "chance": beside.to_dict() if beside else None,
    }
