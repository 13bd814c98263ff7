"""The application that every command is entered in, and where commands write."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ..._version import __version__

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
out, err = Console(), Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def wide() -> Console:
    """The output, wide enough for tables where it is no terminal."""
    return out if out.is_terminal else Console(width=140)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Optimal transport that proves its answers."""
