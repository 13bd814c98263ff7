"""``otgen report``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import require
from .app import (
    Columns,
    Force,
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
    strength,
)

Base = Annotated[
    Path, typer.Argument(metavar="BASE", help="Samples: npy, npz, csv, tsv, txt, parquet, or - for stdin.")
]
Others = Annotated[list[Path], typer.Argument(metavar="OTHER...", help="Samples to compare with the base.")]


@app.command()
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
    quiet: Quiet = False,
) -> None:
    """Several distances, a verdict and pictures, as one self-contained HTML page."""
    power, blur = None if p is None else order(p), strength(epsilon)
    require("otgen.app.outputs").page_place(page, inputs=[base, *others], force=force)
    for module in ("jinja2", "matplotlib"):
        require(module)
    with progress("loading", shown=not quiet) as tell:
        work = require("otgen.app.measuring")
        job = require("otgen.app.report.files").Report(power, metric.value, blur, normalize, image, splits, seed)
        job.check()
        tell("reading files")
        sets = work.read_sets([base, *others], columns, weights, key)
        command = shlex.join(["otgen", *sys.argv[1:]])
        written, comparisons = job.write(page, sets, command, tell)
    if written is None or quiet:
        return
    told = require("otgen.app.compared")
    for other in sets[1:]:
        typer.echo(f"{sets[0].name} against {other.name}: {told.told(sets[0], other)}")
    for note in told.notes(sets):
        typer.echo(f"noted: {note}")
    typer.echo()
    show(comparisons, written)


def show(comparisons: list, written: Path) -> None:
    """The page's table and its verdicts on a terminal."""
    require("otgen.app.report.terminal").print_comparisons(comparisons)
    typer.echo(f"\nThe page: {written.resolve()}")
