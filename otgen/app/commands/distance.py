"""``otgen distance``, ``otgen report`` and ``otgen demo``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ...distances.entropic import sinkhorn
from ...distances.exact import wasserstein
from ...distances.result import Result
from ...errors import InvalidInput
from ...inputs import arrays
from ...model.cost import COSTS, METRICS
from .. import files
from ..files import Samples
from ..report import Comparison, compare, demo, write_page
from ..report.figures import coupled_images, plan_drawn
from .app import Json, app, err, out, wide

PathA = Annotated[Path, typer.Argument(metavar="A", help="Samples: npy, npz, csv or parquet.")]
PathB = Annotated[Path, typer.Argument(metavar="B", help="Samples to compare with.")]
Columns = Annotated[
    str | None, typer.Option(help="Coordinates of a table, comma-separated; all numeric columns otherwise.")
]
Weights = Annotated[str | None, typer.Option(help="Column of a table, or array of an npz, that holds weights.")]
Key = Annotated[str | None, typer.Option(help="Array of an npz that holds the points.")]


def _both(a: Path, b: Path, columns: str | None, weights: str | None, key: str | None) -> tuple[Samples, Samples]:
    if key and ".npz" not in (a.suffix.lower(), b.suffix.lower()):
        raise InvalidInput(f"--key chooses an array of an npz; received it for {a.name} and {b.name}; leave it out")
    names = [name.strip() for name in columns.split(",")] if columns is not None else None
    first, second = (files.read(path, columns=names, weights=weights, key=key) for path in (a, b))
    return first, second


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{name} must be a number or inf; received {text!r}") from None


@app.command()
def distance(
    a: PathA,
    b: PathB,
    p: Annotated[str, typer.Option(help="Order, a number >= 1 or inf.")] = "2",
    metric: Annotated[
        str, typer.Option(help=f"One of {', '.join(METRICS)}; with p = 1 also {', '.join(COSTS)}.")
    ] = "euclidean",
    solver: Annotated[str, typer.Option(help="auto, line, simplex or linprog.")] = "auto",
    epsilon: Annotated[float | None, typer.Option(help="Entropic transport of this strength, in cost units.")] = None,
    relax: Annotated[float | None, typer.Option(help="With --epsilon: price of a missed marginal.")] = None,
    tol: Annotated[float | None, typer.Option(help="With --epsilon: marginal error to stop at; 1e-6.")] = None,
    max_iter: Annotated[int | None, typer.Option(help="With --epsilon: limit on iterations; 10000.")] = None,
    columns: Columns = None,
    weights: Weights = None,
    key: Key = None,
    normalize: Annotated[bool, typer.Option(help="Accept weights of different totals.")] = False,
    as_json: Json = False,
) -> None:
    """The Wasserstein distance between two sample sets, with its proven interval."""
    first, second = _both(a, b, columns, weights, key)
    arguments = (first.points, second.points, first.weights, second.weights)
    order = _number(p, "--p")
    common: dict[str, Any] = dict(p=order, metric=metric, normalize=normalize, progress=not as_json)
    entropic = {k: v for k, v in dict(relax=relax, tol=tol, max_iter=max_iter).items() if v is not None}
    if epsilon is None and entropic:
        raise InvalidInput(f"--{next(iter(entropic)).replace('_', '-')} is for entropic transport; add --epsilon")
    if epsilon is None:
        result = wasserstein(*arguments, solver=solver, **common)
    elif solver not in ("auto", "sinkhorn"):
        raise InvalidInput(f"--solver {solver} is exact and takes no --epsilon; leave one of them out")
    else:
        result = sinkhorn(*arguments, epsilon=epsilon, **entropic, **common)
    typer.echo(json.dumps(result.to_dict()) if as_json else _described(result, order, epsilon))


def _described(result: Result, p: float, epsilon: float | None) -> str:
    name = f"W_{p:g}" if epsilon is None else f"entropic cost, epsilon = {epsilon:g}"
    return repr(result).replace("Result", name, 1)


@app.command()
def report(
    a: PathA,
    b: PathB,
    out_file: Annotated[Path, typer.Option("--out", help="Where the page goes.")],
    columns: Columns = None,
    weights: Weights = None,
    key: Key = None,
    image: Annotated[str | None, typer.Option(help="Draw samples as images of this size, such as 28x28.")] = None,
) -> None:
    """Several distances, the plan drawn, as one self-contained HTML page."""
    first, second = _both(a, b, columns, weights, key)
    x, y = (arrays.points(s.points, path.name)[0] for s, path in ((first, a), (second, b)))
    with err.status("computing distances"):
        comparison = compare(f"{a.name} against {b.name}", x, y, first.weights, second.weights)
        plan = comparison.result("W₂").plan
        figures = [
            plan_drawn(
                x,
                y,
                plan,
                "The plan, drawn",
                "Both clouds in the plane of their two main directions; lines join what W₂ couples.",
            )
        ]
        if image is not None:
            figures.insert(
                0,
                coupled_images(
                    x, y, plan, _shape(image, x.shape[1]), "What the plan couples", "The pairs that carry most mass."
                ),
            )
        lead = f"{len(x)} samples of {a.name} against {len(y)} of {b.name}, in {x.shape[1]} dimensions."
        page = write_page(out_file, f"{a.name} against {b.name}", lead, [comparison], figures)
    _print_table([comparison])
    out.print(f"\nThe page: {page.resolve()}")


def _shape(text: str, size: int) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts) or int(parts[0]) * int(parts[1]) != size:
        raise InvalidInput(f"--image must be HEIGHTxWIDTH with {size} pixels in all; received {text!r}")
    return int(parts[0]), int(parts[1])


@app.command(name="demo")
def run_demo(
    out_file: Annotated[Path, typer.Option("--out", help="Where the page goes.")] = Path("report.html"),
) -> None:
    """Real digits compared: a table, and one self-contained HTML page."""
    with err.status("starting") as status:
        page, comparisons = demo(out_file, lambda text: status.update(text))
    _print_table(comparisons)
    out.print(f"\nThe page: {page.resolve()}")


def _print_table(comparisons: list[Comparison]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("comparison")
    table.add_column("distance")
    for name in ("value", "gap", "seconds", "peak MB"):
        table.add_column(name, justify="right")
    table.add_column("proven within", no_wrap=True)
    for comparison in comparisons:
        for k, row in enumerate(comparison.rows):
            gap = "–" if row.result.gap is None else f"{row.result.gap:.1e}"
            numbers = f"{row.result.value:.5g}", gap, f"{row.result.seconds:.3f}", f"{row.peak / 1e6:.1f}"
            table.add_row(comparison.name if k == 0 else "", row.distance, *numbers, row.interval)
    wide().print(table)
