"""``otgen check``: the statements of the notes, run; ``otgen train``: their objectives, trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TextColumn
from rich.table import Table

from ...errors import InvalidInput, require
from ...lab import theorems
from ...lab.theorems import Check, Outcome, Sides, Verdict
from .app import Json, app, err, out, wide

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Checks to run; all of them otherwise.")]


@app.command()
def check(
    names: Names = None,
    listed: Annotated[bool, typer.Option("--list", help="Say what there is, and run nothing.")] = False,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one page with formulas and pictures.")] = None,
    seed: Annotated[int, typer.Option(help="Everything random is a function of it.")] = 0,
) -> None:
    """Run the statements of the notes: two sides, slack and verdict. Exit 1 if one does not hold, or none could be run."""
    if listed and (as_json or html):
        raise InvalidInput("--list runs nothing; received it with --json or --html; leave one of them out")
    if listed:
        _list(names)
        return
    if html:
        for module in ("jinja2", "matplotlib", "latex2mathml"):
            require(module)
        require("otgen.app.report").checked(html)
    if as_json:
        outcomes = theorems.run(names or None, seed=seed)
    else:
        with err.status("starting") as status:
            outcomes = theorems.run(names or None, seed=seed, tell=lambda name: status.update(name))
    if html:
        page = require("otgen.app.report").write_theorems(html, outcomes, seed)
        if not as_json:
            err.print(f"The page: {page}", markup=False)
    if as_json:
        typer.echo(json.dumps({"seed": seed, "checks": [outcome.to_dict() for outcome in outcomes]}))
    elif names and len(names) <= 3:
        for outcome in outcomes:
            _print_whole(outcome)
    else:
        _print_table(outcomes)
    if any(outcome.verdict is Verdict.FAILS for outcome in outcomes) or not any(
        outcome.verdict is Verdict.HOLDS for outcome in outcomes
    ):
        raise typer.Exit(1)


def _list(names: list[str] | None) -> None:
    chosen = [theorems.CHECKS[name] for name in theorems.chosen(names or None)]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("statement")
    for group in theorems.GROUPS:
        own = [one for one in chosen if one.group == group]
        if own:
            table.add_row(f"[bold]{group}[/bold]", "")
        for one in own:
            table.add_row(one.name, one.statement)
    wide().print(table)


def _print_table(outcomes: list[Outcome]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
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
    out.print(f"\n{len(outcomes)} checks with {comparisons} comparisons: {parts}; {seconds:.0f} s.")
    for note in {outcome.note for outcome in outcomes if outcome.note}:
        out.print(note, markup=False)


def _sides(telling: Sides | None) -> tuple[str, str, str, str, str]:
    if telling is None:
        return "", "", "", "", ""
    relation = f"not {telling.relation}" if telling.printed else telling.relation
    numbers = f"{telling.left:.8g}", relation, f"{telling.right:.8g}"
    return (*numbers, f"{telling.slack:.1e}", f"{telling.tolerance:.1e}")


def _verdict(outcome: Outcome) -> str:
    colour = {Verdict.HOLDS: "green", Verdict.FAILS: "red", Verdict.NOT_RUN: "yellow"}[outcome.verdict]
    return f"[{colour}]{outcome.verdict.value}[/{colour}]"


def _print_whole(outcome: Outcome) -> None:
    one: Check = outcome.check
    out.print(f"[bold]{one.name}[/bold]  {_verdict(outcome)}  {outcome.seconds:.2f} s", highlight=False)
    out.print(one.statement, highlight=False)
    for label, text in (("as printed", one.printed), ("right", one.right), ("in symbols", one.formula)):
        if text:
            out.print(f"  {label}: {text}", highlight=False, markup=False)
    for place in one.where:
        out.print(f"  {place}", highlight=False, markup=False)
    if outcome.note:
        out.print(outcome.note, markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
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
    out.print()


@app.command()
def train(
    method: Annotated[
        str, typer.Argument(help="gan, ns-gan, wgan, wgan-gp, sinkhorn, sliced, vae, avb, aae, wae, vqvae or ot-cfm.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Folder of the run: checkpoint, metrics, scores, pictures.")],
    data: Annotated[str, typer.Option(help="ring, grid, swiss-roll, eight-gaussians or digits.")] = "ring",
    steps: Annotated[int | None, typer.Option(help="Steps of the generator; the method's own unless given.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At the start; it falls along a cosine.")] = None,
    seed: Annotated[int, typer.Option(help="Everything random is a function of it.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
    as_json: Json = False,
) -> None:
    """Train a generator by an objective of the notes; judge it, and draw its samples over time."""
    training, pictures = require("otgen.lab.training"), require("otgen.app.report.training")
    for module in ("matplotlib", "safetensors"):
        require(module)
    with Progress(
        *Progress.get_default_columns(), TextColumn("{task.fields[measured]}"), console=err, disable=as_json
    ) as bar:
        task = bar.add_task(f"{method} on {data}", total=None, measured="")

        def tell(step: int, total: int, measured: dict[str, float]) -> None:
            bar.update(task, completed=step, total=total)
            if step % 20 == 0:
                bar.update(task, measured=", ".join(f"{name} {value:.3g}" for name, value in measured.items()))

        try:
            run = training.train(
                method, data, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, folder=folder,
                resume=resume, tell=tell,
            )  # fmt: skip
        except KeyboardInterrupt:
            err.print(f"Stopped. What was done up to the last checkpoint is in {folder}; go on with --resume.")
            raise typer.Exit(130) from None
    drawn = pictures.draw_samples(run, folder / "samples.png")
    if as_json:
        typer.echo(json.dumps({"method": method, "data": data, "seed": seed, **run.scores}))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("score")
    table.add_column("value", justify="right")
    for name, value in run.scores.items():
        table.add_row(name.replace("_", " "), f"{value:.6g}")
    wide().print(table)
    out.print(f"\nThe run: {folder.resolve()}; samples over time: {drawn.name}")
