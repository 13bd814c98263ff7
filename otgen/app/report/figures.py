"""Pictures as SVG that takes its ink from the page, so that one picture reads in light and in dark."""

from __future__ import annotations

import html
import io
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...distances.drawing import TARGET
from ...errors import require
from ...inputs.types import Floats
from ..words import printable

INK = "#010203"  # stands for the page's text colour until the SVG is written
RC = {"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": INK}


class Figure(NamedTuple):
    """A picture: a title, a caption and its markup."""

    title: str
    caption: str
    markup: str


def figure_of(width: float, height: float, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A transparent matplotlib figure and its axes, in the page's ink."""
    figure = require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    with require("matplotlib").rc_context(RC):
        grid = figure.subplots(1, columns, squeeze=False, **options)[0]
    for axes in grid:
        axes.patch.set_alpha(0)
        axes.tick_params(colors=INK, labelsize=11)
        for spine in axes.spines.values():
            spine.set_color(INK)
    return figure, grid[0] if columns == 1 else grid


def svg(figure: Any, label: str) -> str:
    """A figure as markup; ``label`` is read out where it cannot be seen."""
    out = io.StringIO()
    options = {"svg.fonttype": "none", "svg.hashsalt": "otgen"}
    with require("matplotlib").rc_context(options), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")  # who looks at the picture has fonts of their own
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def plain(text: str) -> str:
    r"""A name for matplotlib, which takes dollars for formulas and leaves names with an underline out of legends.

    Examples
    --------
    >>> plain("a$b$"), plain("_a").endswith("_a")
    ('a\\$b\\$', True)
    """
    escaped = printable(text).replace("$", r"\$")
    return "\u200b" + escaped if escaped.startswith("_") else escaped


def drawn(draw: Callable[[Any], None], title: str, caption: str) -> Figure:
    """What ``draw`` puts on axes; text takes the page's colour."""
    with require("matplotlib").rc_context(RC):
        figure, axes = figure_of(6.4, 4.2)
        draw(axes)
        return Figure(title, caption, svg(figure, title))


def readable_ink(colour: tuple[float, ...]) -> str:
    """Black or white, whichever stands out more on a colour, by the contrast ratio of WCAG 2.

    Examples
    --------
    >>> readable_ink((1.0, 1.0, 1.0)), readable_ink((0.0, 0.0, 0.3))
    ('black', 'white')
    """
    bright = luminance(colour)
    return "white" if (1.05) / (bright + 0.05) > (bright + 0.05) / 0.05 else "black"


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of a colour in sRGB, from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def beside_chance(rows: list[tuple[str, float, Floats]], quantity: str, unit: str) -> Figure:
    """Observed distances as dots, one a row, and those of random splits as marks beside them."""
    title = "Beside chance"
    with require("matplotlib").rc_context(RC):
        figure, axes = figure_of(6.4, 1.7 + 0.5 * len(rows))
        for k, (_, observed, values) in enumerate(rows):
            axes.plot(
                values, np.full(len(values), k), "|", ms=14, color=INK, alpha=0.55, label=None if k else "random splits"
            )
            axes.plot([observed], [k], "o", ms=8, color=TARGET, label=None if k else "observed")
        axes.set_yticks(range(len(rows)), [plain(name) for name, *_ in rows])
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel=f"{quantity}, {unit}")
        axes.set_xlim(left=0)
        figure.legend(frameon=False, labelcolor=INK, loc="outside upper center", ncols=2)
        many = "each row's" if len(rows) > 1 else "the"
        caption = f"A dot within {many} marks is what chance alone gives; a dot far to their right is not."
        return Figure(title, caption, svg(figure, title))
