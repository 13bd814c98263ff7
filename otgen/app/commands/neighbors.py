"""``otgen neighbors``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import InvalidInput, require
from ..json_text import json_text
from .app import (
    Columns,
    Folder,
    Json,
    Key,
    MetricName,
    MetricOption,
    Normalize,
    Order,
    Quiet,
    Weights,
    app,
    at_least_one,
    order,
    progress,
    say,
    workers,
)


@app.command(short_help="The nearest sets of each in a folder, proven.")
def neighbors(
    folder: Folder,
    k: Annotated[
        int | None, typer.Option("--k", "-k", callback=at_least_one, help="How many neighbours of each; 1.")
    ] = None,
    radius: Annotated[float | None, typer.Option(help="All pairs within it, in place of neighbours.")] = None,
    p: Order = "2",
    metric: MetricOption = MetricName.euclidean,
    columns: Columns = None,
    weights: Weights = None,
    key: Key = None,
    normalize: Normalize = False,
    jobs: Annotated[int | None, typer.Option(help="Threads; -1 is one a core.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The nearest sets of each in a folder, each proven to be nearest; most pairs need not be solved for that."""
    power = order(p)
    if k is not None and radius is not None:
        raise InvalidInput(
            "--k must be left out beside --radius, within which all are found; received both; leave one of them out"
        )
    jobs = workers(jobs, "thread")
    chosen = require("otgen.app.measuring").names_of(columns)
    with progress("loading", shown=not (quiet or as_json)) as tell:
        ask = require("otgen.app.nearest").Near(power, metric.value, normalize, k or 1, radius, jobs)
        ask.check()
        found = ask(require("otgen.app.pairing").Files(folder, chosen, weights, key), tell)
    if as_json:
        say(json_text(found.to_dict()))
        return
    name = f"{'nearest' if radius is None else f'within {radius:g}'} by W_{power:g}"
    say(require("otgen.inputs.numerals").in_rows(name, found.rows()))
