"""``otgen doctor``."""

from __future__ import annotations

import typer

from ...errors import require
from ..json_text import json_text
from .app import Json, Quiet, app, progress, say


@app.command(short_help="Versions, threads and a self-test, for a report.")
def doctor(as_json: Json = False, quiet: Quiet = False) -> None:
    """What a report of a fault should hold: versions, threads, cache, device, and a self-test; exit 1 if that fails."""
    with progress("looking", shown=not (quiet or as_json)) as tell:
        work = require("otgen.app.doctor")
        facts = work.facts()
        tell("testing")
        trials = work.self_test()
    if as_json:
        tests = [{"name": one.name, "fault": one.fault or None, "seconds": one.seconds} for one in trials]
        say(json_text({"machine": facts, "self_test": tests}))
    else:
        rows = [*facts.items(), *((one.name, one.fault or f"right, {one.seconds:.2g} s") for one in trials)]
        say(require("otgen.inputs.numerals").in_rows("otgen doctor", rows))
    if any(one.fault for one in trials):
        raise typer.Exit(1)
