"""The page: one file that needs nothing else."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...distances.result_rows import OF_SAMPLES
from ...errors import require
from ...inputs.atomic import write_atomically
from ..outputs import regular
from ..words import printable
from .compare import Comparison, Row, orders
from .figures import Figure


def write_page(
    path: str | os.PathLike[str],
    title: str,
    lead: str,
    comparisons: list[Comparison],
    figures: list[Figure],
    provenance: list[tuple[str, str]] | None = None,
) -> Path | None:
    """Write a report of comparisons to ``path``; ``-`` is the standard output, and then None comes back."""
    if str(path) != "-":
        regular(path)
    html = rendered(
        "page.html.j2",
        title=title,
        lead=lead,
        comparisons=comparisons,
        measured=any(one.headline.chance for one in comparisons),
        sliced=any(not row.proven for one in comparisons for row in one.rows),
        entropic=any(row.distance == "Sinkhorn divergence" for one in comparisons for row in one.rows),
        tables=_by_unit(comparisons),
        orders=orders(comparisons) if len(comparisons) > 1 else [],
        figures=figures,
        provenance=provenance or [],
        of_samples=OF_SAMPLES,
    )
    return written(path, html)


def origin(command: str, seed: int | None = None) -> list[tuple[str, str]]:
    """How a page came to be, in rows: the command, the seed where anything is random, the version and the date."""
    now = datetime.datetime.now(datetime.UTC)
    return [
        ("command", command),
        *([] if seed is None else [("seed", str(seed))]),
        ("version", f"otgen {__version__}"),
        ("date", f"{now:%Y-%m-%d %H:%M} UTC"),
    ]


def _by_unit(comparisons: list[Comparison]) -> list[tuple[str, list[tuple[str, list[Row]]]]]:
    """Rows by their unit, so that a distance and a square never stand in one column."""
    units = dict.fromkeys(row.quantity.unit for one in comparisons for row in one.rows)
    return [
        (unit, [(one.name, [row for row in one.rows if row.quantity.unit == unit]) for one in comparisons])
        for unit in units
    ]


def rendered(template: str, **context: Any) -> str:
    """A template of this package, filled in: one HTML file that needs nothing else."""
    jinja = require("jinja2")
    environment = jinja.Environment(
        loader=jinja.PackageLoader("otgen.app", "report"),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(version=__version__, **context)


def written(path: str | os.PathLike[str], html: str) -> Path | None:
    """Write a page beside its place first, then rename it, so that an interrupted run leaves no half page."""
    html = printable(html)
    if str(path) == "-":
        sys.stdout.write(html)
        return None
    target = regular(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda name: Path(name).write_text(html, encoding="utf-8"))
    return target
