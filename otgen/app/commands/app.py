"""The application that every command is entered in; it loads nothing but typer, so that help comes at once."""

from __future__ import annotations

import _thread
import contextlib
import enum
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from ..._threads import begin
from ..._version import __version__
from ...errors import InvalidInput, require
from ..json_text import json_text
from ..words import printable

ORDER = (
    "distance",
    "report",
    "demo",
    "transport",
    "pairwise",
    "neighbors",
    "divergence",
    "verify",
    "check",
    "train",
    "warmup",
    "doctor",
)
_REFRESHED = 0.08  # seconds between two pictures of what a terminal shows


class Commands(typer.core.TyperGroup):
    """Commands in the order of their use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names as help shows them."""
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object; errors are JSON too.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; of a report, the page alone.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of sample sets, one a file.")]
Order = Annotated[str, typer.Option(help="Order, a number >= 1 or inf.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Coordinates of tables, comma-separated; otherwise all numeric columns but weights and indices."),
]
Weights = Annotated[str | None, typer.Option(help="Column of a table, or array of an npz, that holds weights.")]
Key = Annotated[str | None, typer.Option(help="Array of an npz that holds the points.")]
Normalize = Annotated[bool, typer.Option("--normalize", help="Accept weights of different totals.")]
Epsilon = Annotated[str | None, typer.Option(help="Entropic transport, in cost units, or of the mean cost as in 5%.")]
Relax = Annotated[float | None, typer.Option(help="With --epsilon: price of a missed marginal.")]
Penalty = Annotated[float | None, typer.Option(help="Partial transport: price of a unit of mass that stays.")]
Moved = Annotated[float | None, typer.Option("--mass", help="Partial transport: how much mass is moved.")]
Tol = Annotated[float | None, typer.Option(help="With --epsilon: marginal error to stop at; 1e-6.")]
MaxIter = Annotated[int | None, typer.Option(help="With --epsilon: limit on iterations; 10000.")]


_MOST_SPLITS = 1_000_000  # a p-value of 1e-6
_MOST_JOBS = 100_000  # more than any cluster has; joblib ends at five times as many


def _count(option: typer.CallbackParam, value: int | None) -> int | None:
    if value is not None and value < 0:
        raise InvalidInput(
            f"--{option.name} must be a whole number of at least 0; received {value}; pass one, such as 0"
        )
    return value


def _splits(option: typer.CallbackParam, value: int | None) -> int | None:
    if value is not None and value > _MOST_SPLITS:
        raise InvalidInput(
            f"--{option.name} must be a whole number of at most {_MOST_SPLITS}; received {value}; pass one, such as 999"
        )
    return _count(option, value)


def at_least_one(option: typer.CallbackParam, value: int | None) -> int | None:
    """The value of an option that counts from 1."""
    if value is not None and value < 1:
        raise InvalidInput(
            f"--{option.name.replace('_', '-')} must be a whole number of at least 1; received {value}; pass one, such as 1"
        )
    return value


Seed = Annotated[int, typer.Option(help="Everything random is a function of it.", callback=_count)]
Splits = Annotated[
    int | None,
    typer.Option(
        callback=_splits,
        help="Random splits of the pooled samples, for what chance alone gives; 19 where they are few.",
    ),
]
PathA = Annotated[Path, typer.Argument(metavar="A", help="Samples: npy, npz, csv, tsv, txt, parquet, or - for stdin.")]
PathB = Annotated[Path, typer.Argument(metavar="B", help="Samples to compare with.")]


class MetricName(enum.StrEnum):
    """Metrics by name: those of `otgen.model.cost`, which takes a second to load."""

    euclidean = "euclidean"
    cityblock = "cityblock"
    chebyshev = "chebyshev"
    great_circle = "great_circle"
    sqeuclidean = "sqeuclidean"
    cosine = "cosine"


class SolverName(enum.StrEnum):
    """Solvers by name: those of `otgen.distances.solve`."""

    auto = "auto"
    line = "line"
    circle = "circle"
    simplex = "simplex"
    bottleneck = "bottleneck"
    linprog = "linprog"
    sinkhorn = "sinkhorn"


class MatrixSolverName(enum.StrEnum):
    """Solvers of a listed cost, which has no points."""

    auto = "auto"
    simplex = "simplex"
    linprog = "linprog"
    sinkhorn = "sinkhorn"


MetricOption = Annotated[MetricName, typer.Option(help="Ground metric; sqeuclidean and cosine with --p 1 only.")]
SolverOption = Annotated[SolverName, typer.Option(help="What solves it; auto chooses by the problem.")]


def order(text: str) -> float:
    """The value of ``--p``."""
    try:
        number = float(text)
    except ValueError:
        raise InvalidInput(f"--p must be a number or inf; received {text!r}; use a number of at least 1") from None
    if number == float("inf") and "inf" not in text.lower():
        raise InvalidInput(
            f"--p must be a number that is no more than doubles hold, or inf; received {text!r}; use inf"
        )
    return require("otgen.inputs.scalars").order(number)


def workers(jobs: int | None, which: str) -> int | None:
    """The value of ``--jobs``, which are threads or workers."""
    if jobs is not None and not 0 < abs(jobs) <= _MOST_JOBS:
        raise InvalidInput(
            f"--jobs must be a whole number other than 0, up to {_MOST_JOBS}; received {jobs}; pass -1 for one {which} a core"
        )
    return jobs


def strength(text: str | None) -> Any:
    """The value of ``--epsilon``: None, a number, or a share of the mean cost."""
    if text is None:
        return None
    share = text.strip().endswith("%")
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        raise InvalidInput(
            f"--epsilon must be a number or a percentage such as 5%; received {text!r}; correct it"
        ) from None
    if not 0 < number < float("inf"):
        raise InvalidInput(f"--epsilon must be positive and finite; received {text}; leave it out for exact transport")
    return require("otgen.model.problem").Relative(number / 100) if share else number


def err() -> Any:
    """The console on stderr."""
    return require("rich.console").Console(stderr=True)


def out() -> Any:
    """The console on stdout."""
    return require("rich.console").Console()


def wide() -> Any:
    """The output, wide enough for tables where it is no terminal."""
    console = out()
    return console if console.is_terminal else require("rich.console").Console(width=140)


def say(text: str = "", *, err: bool = False) -> None:
    """Print a text of ours with names of the user's in it."""
    typer.echo(printable(text), err=err)


def columns_table() -> Any:
    """A table without rules."""
    return require("rich.table").Table(box=None, padding=(0, 2, 0, 0), header_style="bold")


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


@contextlib.contextmanager
def progress(message: str, *, shown: bool) -> Generator[Callable[[str], None]]:
    """Say on a terminal what is being done; nothing elsewhere, or where it is not to be shown."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    if not shown:
        with require("otgen.kernels.compiling").told(lambda text: None):
            yield lambda text: None
        return
    said = [message]
    spinner = require("rich.spinner").Spinner("dots", text=message, style="status.spinner")
    live = require("rich.live").Live(spinner, console=err(), transient=True, auto_refresh=False)

    def tell(text: str) -> None:
        said[0] = text
        spinner.update(text=text)

    compiling = require("otgen.kernels.compiling").told(lambda text: spinner.update(text=text or said[0]))
    with live, refreshed(live), compiling:
        yield tell


@contextlib.contextmanager
def refreshed(display: Any) -> Generator[None]:
    """Draw a display of rich's anew while this lasts, on a thread if the system gives one: rich would wait for its own to start."""
    ended, at_work = threading.Event(), _thread.allocate_lock()

    def refresh() -> None:
        while not ended.wait(_REFRESHED):
            display.refresh()

    with contextlib.suppress(RuntimeError, MemoryError):
        begin(refresh, at_work)
    try:
        yield
    finally:
        ended.set()
        with at_work:
            pass


def print_found(text: str, found: dict[str, Any], failure: tuple[str, str] | None, *, as_json: bool) -> None:
    """Print an answer, or as far as it got, and end with 3 where it is none."""
    if failure is not None and as_json:
        found = {**found, "error": {"kind": failure[0], "message": failure[1]}}
    say(json_text(found) if as_json else text)
    if failure is not None:
        if not as_json:
            say(f"otgen: {failure[1]}", err=True)
        raise typer.Exit(3)
