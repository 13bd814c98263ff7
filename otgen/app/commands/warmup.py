"""``otgen warmup``."""

from __future__ import annotations

from ...errors import require
from .app import Quiet, app, progress, say


@app.command(short_help="Compile all kernels ahead.")
def warmup(quiet: Quiet = False) -> None:
    """Compile all kernels ahead, in two processes: for an image, or before a deadline."""
    with progress("loading", shown=not quiet) as tell:
        place = require("otgen.app.warming").side_by_side(tell)
    if not quiet:
        say(f"Kernels are in {place}" if place else "Kernels can be kept nowhere; set NUMBA_CACHE_DIR", err=True)
