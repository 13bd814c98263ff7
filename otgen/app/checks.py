"""Outcomes of checks as tables on a terminal."""

from __future__ import annotations

from ..lab import theorems
from ..lab.theorems import Check, Outcome, Sides, Verdict
from .commands.app import columns_table, out, wide


def print_list(names: list[str] | None) -> None:
    """Names and statements, by group."""
    chosen = [theorems.CHECKS[name] for name in theorems.chosen(names or None)]
    table = columns_table()
    table.add_column("check", no_wrap=True)
    table.add_column("statement")
    for group in theorems.GROUPS:
        own = [one for one in chosen if one.group == group]
        if own:
            table.add_row(f"[bold]{group}[/bold]", "")
        for one in own:
            table.add_row(one.name, one.statement)
    wide().print(table)


def print_table(outcomes: list[Outcome]) -> None:
    """One row a check."""
    console = out()
    table = columns_table()
    table.add_column("check", no_wrap=True)
    table.add_column("verdict")
    table.add_column("left", justify="right")
    table.add_column("")
    for name in ("right", "slack", "tolerance", "seconds"):
        table.add_column(name, justify="right")
    group = ""
    for outcome in outcomes:
        if outcome.check.group != group:
            group = outcome.check.group
            table.add_row(f"[bold]{group}[/bold]")
        table.add_row(outcome.check.name, _verdict(outcome), *_sides(outcome.telling), f"{outcome.seconds:.2f}")
    wide().print(table)
    counts = {verdict: sum(outcome.verdict is verdict for outcome in outcomes) for verdict in Verdict}
    comparisons = sum(len(outcome.counted) for outcome in outcomes)
    words = {Verdict.HOLDS: "hold", Verdict.FAILS: "fail", Verdict.NOT_RUN: "not run"}
    parts = ", ".join(f"{count} {words[verdict]}" for verdict, count in counts.items() if count)
    seconds = sum(outcome.seconds for outcome in outcomes)
    console.print(f"\n{len(outcomes)} checks with {comparisons} comparisons: {parts}; {seconds:.0f} s.")
    for note in {outcome.note for outcome in outcomes if outcome.note}:
        console.print(note, markup=False)


def _sides(telling: Sides | None) -> tuple[str, str, str, str, str]:
    if telling is None:
        return "", "", "", "", ""
    relation = f"not {telling.relation}" if telling.printed else telling.relation
    numbers = f"{telling.left:.8g}", relation, f"{telling.right:.8g}"
    return (*numbers, f"{telling.slack:.1e}", f"{telling.tolerance:.1e}")


def _verdict(outcome: Outcome) -> str:
    colour = {Verdict.HOLDS: "green", Verdict.FAILS: "red", Verdict.NOT_RUN: "yellow"}[outcome.verdict]
    return f"[{colour}]{outcome.verdict.value}[/{colour}]"


def print_whole(outcome: Outcome) -> None:
    """A check with all of its comparisons."""
    console = out()
    one: Check = outcome.check
    console.print(f"[bold]{one.name}[/bold]  {_verdict(outcome)}  {outcome.seconds:.2f} s", highlight=False)
    console.print(one.statement, highlight=False)
    for label, text in (("as printed", one.printed), ("right", one.right), ("in symbols", one.formula)):
        if text:
            console.print(f"  {label}: {text}", highlight=False, markup=False)
    for place in one.where:
        console.print(f"  {place}", highlight=False, markup=False)
    if outcome.note:
        console.print(outcome.note, markup=False)
    table = columns_table()
    table.add_column("comparison")
    table.add_column("left", justify="right")
    table.add_column("")
    for name in ("right", "slack", "tolerance"):
        table.add_column(name, justify="right")
    for comparison in outcome.comparisons:
        mark = "" if comparison.stands else "[red]✗[/red] "
        prefix = "as printed: " if comparison.printed else ""
        table.add_row(mark + prefix + comparison.what, *_sides(comparison))
    wide().print(table)
    console.print()


def print_outcomes(outcomes: list[Outcome], *, whole: bool) -> None:
    """All of a few, a row each of many."""
    if not whole:
        print_table(outcomes)
        return
    for outcome in outcomes:
        print_whole(outcome)
