"""What a result says of itself in print, row by row."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from ..inputs import numerals

if TYPE_CHECKING:
    from .result import Result

OF_SAMPLES = "of these samples, not of the laws behind them"
Rows = list[tuple[str, str]]


def rows_of(result: Result) -> Rows:
    """Names and texts: the value with what is proven of it, and how it was found."""
    rows = _value_rows(result)
    if result.makers.null is not None:
        rows.append(("chance alone", "not measured; result.chance() splits the pooled samples at random"))
    if result.unit is not None:
        rows.append(("unit", f"distances in {result.unit}"))
    if result.makers.unmatched is not None:
        one, other = (float(side.sum()) for side in result.unmatched)
        rows.append(("moved", f"mass {result.mass:.6g}, beside {one:.6g} and {other:.6g} that stay"))
    rows.append(("status", result.status.name + (f": {result.status.remedy}" if result.status.remedy else "")))
    iterations = f", {result.iterations} iteration{'s' * (result.iterations != 1)}" if result.iterations else ""
    rows.append(("solver", f"{result.solver}{iterations}, {result.seconds:.3g} s"))
    return rows


def _value_rows(result: Result) -> Rows:
    if result.lower is None or result.upper is None:
        error = "unknown" if result.standard_error is None else numerals.number(result.standard_error, 2)
        return [
            ("value", numerals.beside_error(result.value, result.standard_error)),
            ("standard error", f"{error}, from random directions; the value is {OF_SAMPLES}"),
        ]
    rows = [
        ("value", numerals.within(result.value, result.lower, result.upper)),
        numerals.proven(result.lower, result.upper, OF_SAMPLES * result.of_samples),
        ("gap", numerals.width(result.lower, result.upper, result.certificate)),
    ]
    if result.exact_bounds is not None:
        place = numerals.interval(*result.exact_bounds)
        rows.append(("exact cost within", place + ", of these samples" * result.of_samples))
    return rows


def as_table(caption: str, rows: Rows) -> str:
    """Rows as a table of HTML, for notebooks."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<table><caption>{caption}</caption>{cells}</table>"
