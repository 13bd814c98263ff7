"""``otgen report``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InvalidInput, require
from ..json_text import json_text
from .app import (
    Columns,
    Force,
    Json,
    Key,
    MetricName,
    MetricOption,
    Normalize,
    Quiet,
    Seed,
    Splits,
    Weights,
    app,
    order,
    progress,
    say,
    strength,
)

Base = Annotated[
    Path, typer.Argument(metavar="BASE", help="Samples: npy, npz, csv, tsv, txt, parquet, or - for stdin.")
]
Others = Annotated[list[Path], typer.Argument(metavar="OTHER", help="Samples to compare with the base.")]


@app.command(short_help="Distances, a verdict and pictures, as one HTML page.")
def report(
    base: Base,
    others: Others,
    page: Annotated[Path, typer.Option("--out", help="Where the page goes: a name in .html, or - for stdout.")],
    p: Annotated[str | None, typer.Option(help="Order of the distances; both 1 and 2 otherwise.")] = None,
    metric: MetricOption = MetricName.euclidean,
    epsilon: Annotated[
        str | None, typer.Option(help="Of the Sinkhorn divergence; 5% of the mean cost otherwise.")
    ] = None,
    columns: Columns = None,
    weights: Weights = None,
    key: Key = None,
    normalize: Normalize = False,
    image: Annotated[str | None, typer.Option(help="Draw samples as images of this size, such as 28x28.")] = None,
    splits: Splits = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Several distances, a verdict and pictures, as one self-contained HTML page."""
    power, blur = None if p is None else order(p), strength(epsilon)
    refuse_two_outputs(page, as_json=as_json)
    require("otgen.app.outputs").page_place(page, inputs=[base, *others], force=force)
    for module in ("jinja2", "matplotlib"):
        require(module)
    with progress("loading", shown=not (quiet or as_json)) as tell:
        work = require("otgen.app.measuring")
        job = require("otgen.app.report.files").Report(power, metric.value, blur, normalize, image, splits, seed)
        job.check()
        tell("reading files")
        sets = work.read_sets([base, *others], columns, weights, key)
        command = shlex.join(["otgen", *sys.argv[1:]])
        written, comparisons = job.write(page, sets, command, tell)
    told = require("otgen.app.compared")
    if as_json:
        pairs = [told.to_dict(sets[0], other) for other in sets[1:]]
        show_json(comparisons, page, pairs, job.notes(sets))
        return
    if written is None or quiet:
        return
    for other in sets[1:]:
        say(f"{sets[0].name} against {other.name}: {told.told(sets[0], other)}")
    for note in job.notes(sets):
        say(f"noted: {note}")
    say()
    show(comparisons, written)


def refuse_two_outputs(page: Path, *, as_json: bool) -> None:
    """Refuse a page and JSON that both are to be printed."""
    if as_json and str(page) == "-":
        raise InvalidInput("--out must name a file beside --json; received - for both; choose a name such as page.html")


def show_json(comparisons: list, page: Path, pairs: list[dict] | None = None, notes: list[str] | None = None) -> None:
    """The same as one object, each comparison with what it compared, and what was left out or assumed."""
    found = [one.to_dict() for one in comparisons]
    if pairs is not None:
        found = [{**one, "compared": pair} for one, pair in zip(found, pairs)]
    told = {"page": str(page), "comparisons": found, **({} if notes is None else {"notes": notes})}
    say(json_text({**told, "interval_of": "these samples, not the laws behind them"}))


def show(comparisons: list, written: Path) -> None:
    """The page's table and its verdicts on a terminal."""
    require("otgen.app.report.terminal").print_comparisons(comparisons)
    say(f"\nThe page: {written.resolve()}")
