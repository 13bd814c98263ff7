"""``otgen demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import require
from .app import Force, Quiet, app, progress
from .report import show


@app.command()
def demo(
    page: Annotated[Path, typer.Option("--out", help="Where the page goes: a name in .html, or - for stdout.")] = Path(
        "report.html"
    ),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Real digits compared: a table, and one self-contained HTML page."""
    require("otgen.app.outputs").page_place(page, force=force)
    with progress("loading", shown=not quiet) as tell:
        written, comparisons = require("otgen.app.report").demo(page, tell)
    if written is not None and not quiet:
        show(comparisons, written)
