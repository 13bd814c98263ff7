"""``otgen check``: the statements of lecture notes, run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import InvalidInput, require
from ..json_text import json_text
from .app import Force, Json, Quiet, Seed, app, progress, say

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Checks to run; all of them otherwise.")]


@app.command(short_help="Run the statements of lecture notes, with verdicts.")
def check(
    names: Names = None,
    listed: Annotated[bool, typer.Option("--list", help="Say what there is, and run nothing.")] = False,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one page with formulas and pictures.")] = None,
    force: Force = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Run the statements of five sets of lecture notes on transport and generative models: two sides, slack and verdict.

    Exit 1 if one does not hold, or none could be run.
    """
    if listed and (as_json or html):
        raise InvalidInput(
            "--list must stand alone, since it runs nothing; received it with --json or --html; leave one of them out"
        )
    if html:
        require("otgen.app.outputs").page_place(html, force=force, option="--html")
        for module in ("jinja2", "matplotlib", "latex2mathml"):
            require(module)
    with progress("loading", shown=not (quiet or as_json)) as tell:
        tables, theorems = require("otgen.app.checks"), require("otgen.lab.theorems")
        outcomes: list[Any] = [] if listed else theorems.run(names or None, seed=seed, tell=tell)
    if listed:
        tables.print_list(names)
        return
    if html:
        page = require("otgen.app.report").write_theorems(html, outcomes, seed)
        if page and not (as_json or quiet):
            say(f"The page: {page}", err=True)
    if as_json:
        say(json_text({"seed": seed, "checks": [outcome.to_dict() for outcome in outcomes]}))
    elif str(html) != "-":
        tables.print_outcomes(outcomes, whole=bool(names) and len(names or ()) <= 3)
    verdicts = {outcome.verdict for outcome in outcomes}
    if theorems.Verdict.FAILS in verdicts or theorems.Verdict.HOLDS not in verdicts:
        raise typer.Exit(1)
