"""Pictures as SVG that takes its ink from the page, so that one picture reads in light and in dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import require
from ...inputs.types import Floats

_INK = "#010203"  # stands for the page's text colour until the SVG is written
SOURCE, TARGET = "#3b82c4", "#d9822b"  # apart in hue and in lightness, readable on white and on black


class Figure(NamedTuple):
    """A picture: a title, a caption and its markup."""

    title: str
    caption: str
    markup: str


def _axes(width: float, height: float) -> tuple[Any, Any]:
    figure = require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=_INK, labelsize=11)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    return figure, axes


def _svg(figure: Any, label: str) -> str:
    out = io.StringIO()
    with require("matplotlib").rc_context({"svg.fonttype": "none", "svg.hashsalt": "otgen"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def drawn(draw: Callable[[Any], None], title: str, caption: str) -> Figure:
    """What ``draw`` puts on axes; text takes the page's colour."""
    with require("matplotlib").rc_context(
        {"text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK}
    ):
        figure, axes = _axes(6.4, 4.2)
        draw(axes)
        return Figure(title, caption, _svg(figure, title))


def heat_map(names: list[str], values: Floats, title: str, caption: str) -> Figure:
    """A symmetric table of distances, (k, k), as colours with the numbers written in."""
    figure, axes = _axes(6.4, 6.0)
    apart = values[~np.eye(len(values), dtype=bool)]
    axes.imshow(np.where(np.eye(len(values)), np.nan, values), cmap="cividis", vmin=apart.min(), vmax=apart.max())
    axes.set_xticks(range(len(names)), names, color=_INK)
    axes.set_yticks(range(len(names)), names, color=_INK)
    middle = (values.max() + values.min()) / 2
    for (i, j), value in np.ndenumerate(values):
        axes.text(
            j, i, f"{value:.0f}", ha="center", va="center", fontsize=10, color="white" if value < middle else "black"
        )
    return Figure(title, caption, _svg(figure, title))


def plan_drawn(x: Floats, y: Floats, plan: Any, title: str, caption: str) -> Figure:
    """Both clouds in the plane of their two main directions, and the plan's heaviest pairs as lines."""
    centre = np.vstack([x, y]).mean(axis=0)
    _, _, directions = np.linalg.svd(np.vstack([x, y]) - centre, full_matrices=False)
    axes_count = min(2, directions.shape[0])
    u, v = (_planar((z - centre) @ directions[:axes_count].T) for z in (x, y))
    figure, axes = _axes(6.4, 5.0)
    rows, columns, values = heaviest(plan, 400)
    for i, j, value in zip(rows, columns, values):
        axes.plot(*zip(u[i], v[j]), color=_INK, alpha=0.25, lw=0.4 + 0.8 * value / values.max(), zorder=1)
    axes.scatter(*u.T, s=16, color=SOURCE, label="source", zorder=2)
    axes.scatter(*v.T, s=16, color=TARGET, marker="^", label="target", zorder=2)
    axes.legend(frameon=False, labelcolor=_INK, fontsize=11)
    axes.set_xlabel("first main direction", color=_INK, fontsize=11)
    axes.set_ylabel("second main direction", color=_INK, fontsize=11)
    return Figure(title, caption, _svg(figure, title))


def _planar(points: Floats) -> Floats:
    return points if points.shape[1] == 2 else np.column_stack([points[:, 0], np.zeros(len(points))])


def heaviest(plan: Any, count: int) -> tuple[Any, Any, Floats]:
    """The pairs that carry most, at most ``count``, heaviest first."""
    matrix = getattr(plan, "sparse", plan).matrix.tocoo()
    order = np.argsort(-matrix.data, kind="stable")[:count]
    return matrix.row[order], matrix.col[order], matrix.data[order]


def coupled_images(x: Floats, y: Floats, plan: Any, shape: tuple[int, int], title: str, caption: str) -> Figure:
    """Pairs of images that the plan couples with the largest mass, source above target."""
    rows, columns, values = heaviest(plan, 12)
    top = max(float(x.max()), float(y.max())) or 1.0
    cells: list[str] = []
    for i, j, value in zip(rows, columns, values):
        pictures = "".join(
            f'<img class="pixels" alt="{side}" src="{_png(z.reshape(shape) / top)}">'
            for side, z in ((f"source {i}", x[i]), (f"target {j}", y[j]))
        )
        cells.append(f"<figure>{pictures}<figcaption>{100 * value:.2f} %</figcaption></figure>")
    return Figure(title, caption, f'<div class="pairs">{"".join(cells)}</div>')


def _png(image: npt.NDArray[np.floating[Any]]) -> str:
    out = io.BytesIO()
    require("matplotlib.image").imsave(out, image, cmap="gray", vmin=0, vmax=1, format="png")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
