"""``otgen transport``: a cost matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import require
from .app import (
    Epsilon,
    Json,
    MatrixSolverName,
    MaxIter,
    Moved,
    Normalize,
    Penalty,
    Quiet,
    Relax,
    Tol,
    app,
    print_found,
    progress,
    strength,
)

Cost = Annotated[
    Path, typer.Argument(metavar="COST", help="Costs (n, m), inf for a forbidden pair: any file of numbers.")
]


@app.command(short_help="The least cost of moving masses, with its proof.")
def transport(
    cost: Cost,
    a: Annotated[Path | None, typer.Option(help="File of n masses; uniform otherwise.")] = None,
    b: Annotated[Path | None, typer.Option(help="File of m masses; uniform otherwise.")] = None,
    solver: Annotated[
        MatrixSolverName, typer.Option(help="What solves it; auto chooses by the problem.")
    ] = MatrixSolverName.auto,
    epsilon: Epsilon = None,
    relax: Relax = None,
    tol: Tol = None,
    max_iter: MaxIter = None,
    key: Annotated[str | None, typer.Option(help="Array of an npz that holds the costs.")] = None,
    normalize: Normalize = False,
    penalty: Penalty = None,
    mass: Moved = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The least cost of moving masses for a listed cost, with its proven interval."""
    blur = strength(epsilon)
    with progress("loading", shown=not (quiet or as_json)) as tell:
        work, words = require("otgen.app.measuring"), require("otgen.app.shown")
        matter = require("otgen.app.matrices")
        ask = matter.Matrix(solver.value, blur, relax, tol, max_iter, normalize, penalty, mass)
        ask.check()
        tell("solving")
        found = ask(*matter.read(cost, a, b, key))
    rows = [("compared", found.compared), *words.result_rows(found.result)]
    print_found(
        require("otgen.inputs.numerals").in_rows("cost of transport", rows),
        {**words.result_to_dict(found.result), "compared": found.compared},
        work.failure(found.result),
        as_json=as_json,
    )
