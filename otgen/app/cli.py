"""The ``otgen`` command: a door that says which extra it needs."""

from __future__ import annotations

import sys

from ..errors import MissingExtra, require


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 3 not converged."""
    try:
        require("typer")
        require("rich")
    except MissingExtra as fault:
        sys.stderr.write(f"otgen: {fault}\n")
        raise SystemExit(2) from None
    require("otgen.app.commands").main()
