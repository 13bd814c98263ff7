"""The page: one file that needs nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import InvalidInput, require
from ...inputs.atomic import write_atomically
from .compare import Comparison, orders
from .figures import Figure


def write_page(
    path: str | os.PathLike[str], title: str, lead: str, comparisons: list[Comparison], figures: list[Figure]
) -> Path:
    """Write a report of comparisons to ``path``."""
    ranks = orders(comparisons) if len(comparisons) > 1 else []
    html = rendered("page.html.j2", title=title, lead=lead, comparisons=comparisons, orders=ranks, figures=figures)
    return written(path, html)


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


def checked(path: str | os.PathLike[str]) -> Path:
    """Where a page may go: a new file, or one to be replaced, behind any links; raises InvalidInput for all else."""
    target = Path(path).resolve()
    if target.is_dir():
        raise InvalidInput(f"the page must be a file; received the folder {target}; add a name such as report.html")
    if target.exists() and not target.is_file():
        raise InvalidInput(f"the page must be a regular file; received {target}; choose another name")
    return target


def written(path: str | os.PathLike[str], html: str) -> Path:
    """Write a page beside its place first, then rename it, so that an interrupted run leaves no half page."""
    target = checked(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda name: Path(name).write_text(html, encoding="utf-8"))
    return target
