"""``otgen demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import require
from .app import Force, Json, Quiet, app, progress
from .report import refuse_two_outputs, show, show_json


@app.command(short_help="Real digits compared: a table and an HTML page.")
def demo(
    page: Annotated[Path, typer.Option("--out", help="Where the page goes: a name in .html, or - for stdout.")] = Path(
        "report.html"
    ),
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Real digits compared: a table, and one self-contained HTML page."""
    refuse_two_outputs(page, as_json=as_json)
    require("otgen.app.outputs").page_place(page, force=force)
    with progress("loading", shown=not (quiet or as_json)) as tell:
        written, comparisons = require("otgen.app.report").demo(page, tell)
    if as_json:
        show_json(comparisons, page)
    elif written is not None and not quiet:
        show(comparisons, written)
