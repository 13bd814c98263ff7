"""The commands of ``otgen``."""

from __future__ import annotations

import typer

from ...errors import InvalidInput, MissingExtra, NotConverged, TooLarge
from . import distance, lab, verify
from .app import app

__all__ = ["app", "distance", "lab", "main", "verify"]


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 3 not converged."""
    try:
        app()
    except (InvalidInput, MissingExtra, TooLarge) as fault:
        typer.echo(f"otgen: {fault}", err=True)
        raise SystemExit(2) from None
    except NotConverged as fault:
        typer.echo(f"otgen: {fault}", err=True)
        raise SystemExit(3) from None
    except OSError as fault:
        typer.echo(f"otgen: {fault.filename}: {fault.strerror}", err=True)
        raise SystemExit(2) from None
