"""Pictures of two sample sets and of the plan between them: what is drawn depends on how many coordinates and points there are."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...distances.drawing import SOURCE, TARGET
from ...errors import require
from ...inputs import arrays, whole
from ...inputs.types import Floats
from ..files import Samples
from ..words import counted
from .figures import INK, Figure, figure_of, plain, svg

_LINES = 400  # pairs that are drawn as lines
_DENSE = 3000  # points from which densities are drawn in place of points
_IMAGES = 12


@dataclass(frozen=True)
class Pairs:
    """Some pairs of a plan, with what they are in words."""

    rows: Any
    columns: Any
    masses: Floats
    told: str


def pairs_of(plan: Any, count: int) -> Pairs:
    """The pairs that carry most, at most ``count``; among those that tie for the last places, evenly spread ones."""
    matrix = getattr(plan, "sparse", plan).matrix.tocoo()
    total, order = len(matrix.data), np.argsort(-matrix.data, kind="stable")
    if total <= count:
        chosen, told = order, f"all {counted(total, 'pair')} of the plan"
    else:
        last = matrix.data[order[count - 1]]
        above = int((matrix.data[order] > last * (1 + 1e-9)).sum())
        tied = order[above:][matrix.data[order[above:]] >= last * (1 - 1e-9)]
        spread = tied[np.linspace(0, len(tied) - 1, count - above).round().astype(int)]
        chosen = np.concatenate([order[:above], spread])
        share = 100 * matrix.data[chosen].sum() / matrix.data.sum()
        told = _told(count, total, above, len(tied), f"{share:.2g} % of the mass")
    return Pairs(matrix.row[chosen], matrix.col[chosen], matrix.data[chosen], told)


def _told(count: int, total: int, above: int, tied: int, share: str) -> str:
    if not above and tied == total:
        return f"{count} of the {total} pairs of the plan, which all carry the same mass"
    if above + tied == count:
        return f"the {count} heaviest of the {total} pairs of the plan, {share}"
    if not above:
        return f"{count} of the {tied} heaviest of the {total} pairs of the plan, which tie; {share}"
    return f"{count} of the {total} pairs of the plan, {share}: the {above} heaviest, and some of the {tied} that tie behind them"


def sets_drawn(first: Samples, other: Samples, plan: Any, distance: str) -> list[Figure]:
    """The pictures of two matched sets."""
    first, other = _as_doubles(first, other)
    if first.dim == 1:
        return [_histograms(first, other), _quantiles(first, other)]
    return [_plane(first, other, plan, distance)]


def _as_doubles(first: Samples, other: Samples) -> tuple[Samples, Samples]:
    """The same sets in double precision; where no double holds their numbers, both moved alike, which their names then say."""
    one, two, unit = arrays.clouds(first.points, other.points, (first.name, other.name))
    lost = any(whole.is_whole(side.points) and not whole.held(side.points).all() for side in (first, other))
    columns = first.columns or other.columns
    if lost or unit:
        called = columns or tuple(_coordinate(first, k) for k in range(first.dim))
        columns = tuple(f"{name}, less a constant" + (f", in {unit}" if unit else "") for name in called)
    return replace(first, points=one.points, columns=columns), replace(other, points=two.points)


def _names(first: Samples, other: Samples) -> tuple[str, str]:
    one, two = plain(_short(first.name)), plain(_short(other.name))
    return (one, two) if one != two else (f"{one} (first)", f"{two} (second)")


def _short(name: str) -> str:
    return "standard input" if name == "-" else name.replace("\\", "/").rpartition("/")[2]


def _coordinate(samples: Samples, k: int) -> str:
    return (
        plain(samples.columns[k]) if samples.columns else ("x", "y")[k] if samples.dim == 2 else f"coordinate {k + 1}"
    )


def _masses(samples: Samples) -> Floats:
    weights = np.ones(len(samples)) if samples.weights is None else samples.weights
    return weights / weights.sum()


def _histograms(first: Samples, other: Samples) -> Figure:
    """Both histograms over the same bins, by shares of the mass."""
    title = "Histograms"
    one, two = (samples.points.ravel().astype(np.float64) for samples in (first, other))
    bins = np.histogram_bin_edges(np.concatenate([one, two]), bins="auto" if len(one) + len(two) < 1000 else 60)
    figure, axes = figure_of(6.4, 4.0)
    for values, samples, name, colour in zip((one, two), (first, other), _names(first, other), (SOURCE, TARGET)):
        axes.hist(values, bins, weights=_masses(samples), histtype="stepfilled", color=colour, alpha=0.35)
        axes.hist(values, bins, weights=_masses(samples), histtype="step", color=colour, lw=1.6, label=name)
    axes.legend(frameon=False, labelcolor=INK, fontsize=11)
    axes.set_xlabel(_line_name(first, other), color=INK, fontsize=11)
    axes.set_ylabel("share of the mass", color=INK, fontsize=11)
    return Figure(title, f"{counted(len(bins) - 1, 'bin')}, the same for both.", svg(figure, title))


def _quantiles(first: Samples, other: Samples) -> Figure:
    """Both quantile functions: on a line, W is what lies between them."""
    title = "Quantile functions"
    figure, axes = figure_of(6.4, 4.0)
    for samples, name, colour in zip((first, other), _names(first, other), (SOURCE, TARGET)):
        values = samples.points.ravel().astype(np.float64)
        order = np.argsort(values, kind="stable")
        levels = np.concatenate([[0.0], np.cumsum(_masses(samples)[order])])
        shown = np.unique(np.linspace(0, len(values) - 1, min(len(values), 1000)).round().astype(int))
        axes.stairs(
            values[order][shown],
            np.concatenate([levels[shown], [1.0]]),
            baseline=None,
            color=colour,
            lw=1.6,
            label=name,
        )
    axes.legend(frameon=False, labelcolor=INK, fontsize=11)
    axes.set_xlabel("share of the mass", color=INK, fontsize=11)
    axes.set_ylabel(_line_name(first, other), color=INK, fontsize=11)
    caption = "Transport on a line couples equal levels: W₁ is the area between both curves."
    return Figure(title, caption, svg(figure, title))


def _line_name(first: Samples, other: Samples) -> str:
    named = first if first.columns else other
    return plain(named.columns[0]) if named.columns else "value"


def _plane(first: Samples, other: Samples, plan: Any, distance: str) -> Figure:
    """Two coordinates as they are, or the plane of the two main directions of more."""
    x, y = (samples.points.astype(np.float64) for samples in (first, other))
    where, labels = (
        "",
        (_coordinate(first if first.columns else other, 0), _coordinate(first if first.columns else other, 1)),
    )
    if first.dim > 2:
        x, y, share = _main_plane(x, y)
        labels = ("first main direction", "second main direction")
        where = f" In the plane of the two main directions of both together, which hold {100 * share:.0f} % of their variance."
    if len(x) + len(y) > _DENSE:
        return _densities(x, y, _names(first, other), labels, where)
    figure, axes = figure_of(6.4, 5.0)
    pairs = pairs_of(plan, _LINES)
    lines = np.stack([x[pairs.rows], y[pairs.columns]], axis=1)
    widths = 0.4 + 0.8 * pairs.masses / pairs.masses.max()
    axes.add_collection(
        require("matplotlib.collections").LineCollection(
            list(lines), colors=INK, alpha=0.25, linewidths=widths, zorder=1
        )
    )
    for points, name, colour, mark in zip((x, y), _names(first, other), (SOURCE, TARGET), "o^"):
        axes.scatter(*points.T, s=16, color=colour, marker=mark, label=name, zorder=2)
    axes.legend(frameon=False, labelcolor=INK, fontsize=11)
    axes.set_xlabel(labels[0], color=INK, fontsize=11)
    axes.set_ylabel(labels[1], color=INK, fontsize=11)
    title = "The plan, drawn"
    return Figure(title, f"Lines join what {distance} couples: {pairs.told}.{where}", svg(figure, title))


def _main_plane(x: Floats, y: Floats) -> tuple[Floats, Floats, float]:
    """Both clouds in the plane of their two main directions, and how much of the variance it holds."""
    pooled = np.vstack([x, y])
    centre = pooled.mean(axis=0)
    _, sizes, directions = np.linalg.svd(pooled - centre, full_matrices=False)
    squares = sizes**2
    share = float(squares[:2].sum() / squares.sum()) if squares.sum() > 0 else 1.0
    return (x - centre) @ directions[:2].T, (y - centre) @ directions[:2].T, share


def _densities(x: Floats, y: Floats, names: tuple[str, str], labels: tuple[str, str], where: str) -> Figure:
    """Where points are too many to be told apart: how many lie in each cell, side by side on the same scales."""
    title = "Where the points lie"
    figure, pair = figure_of(8.0, 4.0, columns=2, sharex=True, sharey=True)
    both = np.vstack([x, y])
    low, high = both.min(axis=0), both.max(axis=0)
    room = np.where(high > low, 0.0, 0.5)
    extent = (low[0] - room[0], high[0] + room[0], low[1] - room[1], high[1] + room[1])
    shade = require("matplotlib.colors").LinearSegmentedColormap.from_list
    for axes, points, name, colour in zip(pair, (x, y), names, (SOURCE, TARGET)):
        axes.hexbin(
            *points.T, gridsize=40, extent=extent, mincnt=1, cmap=shade("", [colour + "22", colour + "ff"]), lw=0.1
        )
        axes.set_title(name, color=INK, fontsize=12)
        axes.set_xlabel(labels[0], color=INK, fontsize=11)
    pair[0].set_ylabel(labels[1], color=INK, fontsize=11)
    return Figure(
        title, f"Stronger colours hold more points; both sides have the same axes.{where}", svg(figure, title)
    )


def coupled_images(x: Floats, y: Floats, plan: Any, shape: tuple[int, int]) -> Figure:
    """Pairs of images that the plan couples, source above target."""
    pairs = pairs_of(plan, _IMAGES)
    low, high = min(float(x.min()), float(y.min()), 0.0), max(float(x.max()), float(y.max()))
    span = (high - low) or 1.0
    cells: list[str] = []
    for i, j, mass in zip(pairs.rows, pairs.columns, pairs.masses):
        pictures = "".join(
            f'<img class="pixels" alt="{side}" src="{_png((z.reshape(shape) - low) / span)}">'
            for side, z in ((f"source {i}", x[i]), (f"target {j}", y[j]))
        )
        cells.append(f"<figure>{pictures}<figcaption>{100 * mass:.2f} %</figcaption></figure>")
    caption = f"Each pair has the first set's image above and the second's below, with its mass. They are {pairs.told}."
    return Figure("What the plan couples", caption, f'<div class="pairs">{"".join(cells)}</div>')


def _png(image: npt.NDArray[np.floating[Any]]) -> str:
    out = io.BytesIO()
    require("matplotlib.image").imsave(out, image, cmap="gray", vmin=0, vmax=1, format="png")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
