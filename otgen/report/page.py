"""The page: one file that needs nothing else."""

from __future__ import annotations

import os
import tempfile
from importlib import resources
from pathlib import Path

from .._version import __version__
from ..errors import InvalidInput, require
from .compare import Comparison, orders
from .figures import Figure


def write_page(
    path: str | os.PathLike[str], title: str, lead: str, comparisons: list[Comparison], figures: list[Figure]
) -> Path:
    """Write the report to ``path``: beside it first, then renamed, so that an interrupted run leaves no half page."""
    jinja = require("jinja2")
    source = resources.files("otgen.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = jinja.Environment(
        autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.from_string(source).render(
        title=title,
        lead=lead,
        version=__version__,
        comparisons=comparisons,
        orders=orders(comparisons) if len(comparisons) > 1 else [],
        figures=figures,
    )
    target = Path(path)
    if target.is_dir():
        raise InvalidInput(f"the page must be a file; received the folder {target}; add a name such as report.html")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=target.parent, suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(html)
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return target
