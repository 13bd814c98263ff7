"""A matrix of distances as pictures: its colours, and the tree of average linkage that puts its rows in order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from ...errors import require
from ...inputs.types import Floats, Indices
from .figures import INK, RC, Figure, figure_of, plain, readable_ink, svg

_WRITTEN = 12  # sets up to which the numbers are written into the cells
_NAMED = 30  # names that an axis has room for
_SHORT = 2  # letters of names that stand below the columns as well; longer ones would take room from the colours
_LETTERS = 24  # that a name on an axis may have
_ARRANGED = 500  # sets up to which neighbours in the tree are turned towards each other: the time grows with their cube


@dataclass(frozen=True, eq=False)
class Tree:
    """Average linkage (UPGMA): the two groups that are nearest join, at the mean distance between sets of one and of the other.

    Attributes
    ----------
    joins : ndarray
        (k - 1, 4), as `scipy.cluster.hierarchy.linkage` has them.
    order : ndarray
        (k,), the leaves from one end to the other.
    """

    joins: Floats
    order: Indices

    @classmethod
    def of(cls, distances: Floats) -> Tree:
        """The tree of a symmetric matrix (k, k), whose diagonal is not looked at; k is at least 2.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.array([0.0, 10.0, 1.0])
        >>> Tree.of(abs(x[:, None] - x)).joins[:, 2].tolist()
        [1.0, 9.5]
        """
        pairs = squareform(distances, checks=False)
        joins = hierarchy.linkage(pairs, "average")
        if len(distances) <= _ARRANGED:
            joins = hierarchy.optimal_leaf_ordering(joins, pairs)
        return cls(joins, hierarchy.leaves_list(joins).astype(np.intp))

    def lines(self) -> list[list[tuple[float, float]]]:
        """Of each join the line (height, place) that draws it, from one branch to the other; the leaf at ``order[i]`` is at place i."""
        k = len(self.order)
        heights, places = np.zeros(2 * k - 1), np.zeros(2 * k - 1)
        places[self.order] = np.arange(k)
        out: list[list[tuple[float, float]]] = []
        for new, (one, other, height, _) in enumerate(self.joins.tolist(), k):
            ends = int(one), int(other)
            heights[new], places[new] = height, places[list(ends)].mean()
            (a, b), (u, v) = heights[list(ends)].tolist(), places[list(ends)].tolist()
            out.append([(a, u), (height, u), (height, v), (b, v)])
        return out


def heat_map(names: list[str], values: Floats, title: str, caption: str, bar: str, digits: str = "") -> Figure:
    """A table of distances, (k, k), as colours from 0 up; ``bar`` says what the colours are.

    The numbers are written in where they are few, by the format ``digits``; names are thinned where they are many, and the caption says so. Long
    names are those of rows alone.
    """
    top = float(values.max()) or 1.0
    with require("matplotlib").rc_context(RC):
        figure, axes = figure_of(6.4, 5.0)
        # The usual layout cuts names off beside axes of a fixed aspect; the margin is in inches.
        figure.set_layout_engine("compressed", w_pad=0.12)
        shades = require("matplotlib").colormaps["cividis"]
        image = axes.imshow(values, cmap=shades, vmin=min(0.0, float(values.min())), vmax=top, interpolation="none")
        shown = _named(axes.yaxis, names)
        if max(map(len, names)) <= _SHORT:
            _named(axes.xaxis, names)
        else:
            axes.set_xticks([])
        if len(names) <= _WRITTEN:
            _written(axes, image, values, digits or _digits(top))
        colours = figure.colorbar(image, ax=axes, shrink=0.8)
        colours.set_label(bar, color=INK, fontsize=11)
        return Figure(title, caption + shown, svg(figure, title))


def dendrogram(tree: Tree, names: list[str], title: str, caption: str, bar: str) -> Figure:
    """A tree from its leaves on the left to its root; ``bar`` says what its heights are."""
    lines, k = tree.lines(), len(names)
    with require("matplotlib").rc_context(RC):
        figure, axes = figure_of(6.4, min(1.6 + 0.24 * k, 8.0))
        drawn = require("matplotlib.collections").LineCollection(lines, colors=INK, linewidths=1.2 if k <= 100 else 0.6)
        axes.add_collection(drawn)
        top = float(tree.joins[:, 2].max()) or 1.0
        axes.set(xlim=(0, 1.05 * top), ylim=(k - 0.5, -0.5))
        axes.set_xlabel(bar, color=INK, fontsize=11)
        shown = _named(axes.yaxis, [names[i] for i in tree.order])
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        return Figure(title, caption + shown, svg(figure, title))


def _named(axis: Any, names: list[str]) -> str:
    """Write names on an axis, every so many-th where they are many; what was left out, as a sentence."""
    step = -(-len(names) // _NAMED)
    places = range(0, len(names), step)
    axis.set_ticks(
        places, [plain(shortened(names[k])) for k in places], color=INK, fontsize=11 if len(names) < 20 else 9
    )
    return "" if step == 1 else f" One name in {step} is written."


def shortened(name: str) -> str:
    """A name that an axis has room for, its middle left out where it is long; what cannot be printed is marked.

    Examples
    --------
    >>> shortened("generator-of-the-last-night-007.npy")
    'generator-o…ight-007.npy'
    """
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    half = _LETTERS // 2
    return shown if len(shown) <= _LETTERS else f"{shown[: half - 1]}…{shown[-half:]}"


def _digits(top: float) -> str:
    """A format of three digits of the largest number."""
    power = math.floor(math.log10(top))
    return f"{{:.{max(0, 2 - power)}f}}" if -3 <= power <= 3 else "{:.1e}"


def _written(axes: Any, image: Any, values: Floats, digits: str) -> None:
    small = max(6.5, 11 - 0.4 * len(values))
    for (i, j), value in np.ndenumerate(values):
        ink = readable_ink(image.cmap(image.norm(value)))
        axes.text(j, i, digits.format(value), ha="center", va="center", fontsize=small, color=ink)
