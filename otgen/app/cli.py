"""The ``otgen`` command: a door that says which extra it needs, and that Ctrl-C closes at once."""

from __future__ import annotations

import sys

from ..errors import MissingExtra, require
from .interrupt import leave, watched


def main() -> None:
    """Run the command line; exit 0 done, 1 refuted, 2 bad input, 3 not converged, 130 stopped."""
    try:
        with watched():
            _run()
    except KeyboardInterrupt as stopped:
        leave(str(stopped) or "stopped")


def _run() -> None:
    try:
        require("typer")
        require("rich")
    except MissingExtra as fault:
        sys.stderr.write(f"otgen: {fault}\n")
        raise SystemExit(2) from None
    require("otgen.app.commands").main()
