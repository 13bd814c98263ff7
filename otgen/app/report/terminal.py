"""The page's tables on a terminal."""

from __future__ import annotations

from ...distances.result_rows import OF_SAMPLES
from ..commands.app import columns_table, out, wide
from ..words import printable
from .compare import Comparison


def print_comparisons(comparisons: list[Comparison]) -> None:
    """One row a distance, then what they say."""
    table = columns_table()
    table.add_column("comparison")
    table.add_column("distance")
    for name in ("value", "width", "seconds", "peak MB"):
        table.add_column(name, justify="right")
    table.add_column("proven within", no_wrap=True)
    table.add_column("chance alone", no_wrap=True)
    for comparison in comparisons:
        for k, row in enumerate(comparison.rows):
            numbers = row.value, row.width, f"{row.result.seconds:.3f}", f"{row.peak / 1e6:.1f}"
            table.add_row(
                printable(comparison.name) if k == 0 else "", row.distance, *numbers, row.interval, row.spread
            )
    wide().print(table)
    console = out()
    console.print(f"\nIntervals are {OF_SAMPLES}.", markup=False, highlight=False)
    for comparison in comparisons:
        console.print(
            printable(f"{comparison.name}: {comparison.verdict}"), markup=False, highlight=False, soft_wrap=True
        )
