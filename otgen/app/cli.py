"""The ``otgen`` command: a door that says which extra it needs, and that Ctrl-C closes at once."""

from __future__ import annotations

import sys

from ..errors import MissingExtra, require
from .interrupt import STOPPED, say, watch


def main() -> None:
    """Run the command line; exit 0 done, 1 refuted, 2 bad input, 3 not converged, 130 stopped."""
    try:
        watch()
        _run()
    except KeyboardInterrupt as stopped:
        say(str(stopped) or "stopped")
        raise SystemExit(STOPPED) from None


def _run() -> None:
    try:
        require("typer")
        require("rich")
    except MissingExtra as fault:
        sys.stderr.write(f"otgen: {fault}\n")
        raise SystemExit(2) from None
    require("otgen.app.commands").main()
