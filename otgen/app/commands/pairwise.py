"""``otgen pairwise``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InvalidInput, require
from ..interrupt import leave
from ..json_text import json_text
from .app import (
    Columns,
    Epsilon,
    Folder,
    Force,
    Json,
    Key,
    MetricName,
    MetricOption,
    Moved,
    Normalize,
    Order,
    Penalty,
    Quiet,
    Weights,
    app,
    order,
    progress,
    say,
    strength,
    workers,
)


@app.command(short_help="The distances between all pairs of a folder.")
def pairwise(
    folder: Folder,
    matrix: Annotated[
        Path, typer.Option("--out", help="Where the matrices go: an npz of distances, lower, upper and names.")
    ],
    p: Order = "2",
    metric: MetricOption = MetricName.euclidean,
    epsilon: Epsilon = None,
    columns: Columns = None,
    weights: Weights = None,
    key: Key = None,
    normalize: Normalize = False,
    penalty: Penalty = None,
    mass: Moved = None,
    max_sliced: Annotated[
        bool, typer.Option("--max-sliced", help="Max-sliced distances: along the line on which two sets differ most.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="Workers, by joblib; -1 is one a core.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder that keeps what is done; the same command goes on from it.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, whose workers measure: tcp://host:8786.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", help="A page with a heat map and a dendrogram: a name in .html, or - for stdout."),
    ] = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The Wasserstein distances between all pairs of a folder of sample sets, with their proven intervals."""
    power, blur = order(p), strength(epsilon)
    _refuse_two(epsilon=epsilon is not None, penalty=penalty is not None or mass is not None, max_sliced=max_sliced)
    jobs = workers(jobs, "worker")
    if as_json and str(page) == "-":
        raise InvalidInput(
            "--report must name a file beside --json; received - for both; choose a name such as page.html"
        )
    if jobs is not None and scheduler is not None:
        raise InvalidInput(
            "--jobs must be left out beside --scheduler, all of whose workers measure; received both; leave one out"
        )
    outputs = require("otgen.app.outputs")
    outputs.matrix_place(matrix, folder, force=force)
    if checkpoint is not None:
        outputs.folder_place(checkpoint, ())  # what lies in it is for the run to judge
    for module in ("distributed", "joblib") if scheduler else ():
        require(module)
    chosen = require("otgen.app.measuring").names_of(columns)
    with progress("loading", shown=not (quiet or as_json)) as tell:
        work = require("otgen.app.pairing")
        ask = work.Pairs(power, metric.value, blur, normalize, jobs, checkpoint, scheduler, penalty, mass, max_sliced)
        sets = work.Files(folder, chosen, weights, key)
        if page is not None:
            outputs.page_place(page, inputs=sets.paths, force=force, option="--report")
            for module in ("jinja2", "matplotlib"):
                require(module)
        try:
            found = ask(sets, tell)
        except KeyboardInterrupt:
            if checkpoint is not None:
                leave(f"stopped; what is done is in {checkpoint}; the same command goes on")
            raise
        found.save(matrix)
        drawn = None
        if page is not None:
            tell("drawing")
            command = shlex.join(["otgen", *sys.argv[1:]])
            drawn = require("otgen.app.report.pairs").write_pairs(page, found, sets, ask, command)
            if drawn is None:
                return
    if as_json:
        say(json_text({**found.to_dict(), "out": str(matrix), **({"report": str(page)} if page else {})}))
        return
    name = require("otgen.app.measuring").distance_name(power, metric.value) if blur is None else "entropic costs"
    if penalty is not None or mass is not None or max_sliced:
        name = f"{'max-sliced' if max_sliced else 'partial'} {name}"
    rows = [
        *found.rows(),
        *(("noted", note) for note in found.notes),
        ("written", f"{matrix}: distances, lower, upper, names"),
    ]
    if drawn is not None:
        rows.append(("the page", str(drawn)))
    say(require("otgen.inputs.numerals").in_rows(name, rows))


def _refuse_two(**asked: bool) -> None:
    """Refuse two kinds of distance at once."""
    told = {"epsilon": "--epsilon", "penalty": "--penalty or --mass", "max_sliced": "--max-sliced"}
    given = [told[name] for name, wanted in asked.items() if wanted]
    if len(given) > 1:
        raise InvalidInput(
            f"{given[0]} must not stand beside {given[1]}, which is another distance; received both; leave one of them out"
        )
