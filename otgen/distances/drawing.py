"""Results as pictures, on matplotlib's axes: couplings between points, quantile functions on the line, shares of a matrix.

Nothing is left out in silence: what a picture sums up, or does not show, stands above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse

from ..errors import InvalidInput, require
from ..inputs import scalars
from ..inputs.types import Floats, Indices
from ..model.cost import Circular
from ..model.plan import EntropicPlan, MonotonePlan, Plan
from ..model.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCE, TARGET = "#3b82c4", "#d9822b"  # apart in hue and in lightness, readable on white and on black
_PAIRS = 2_000  # couplings that are drawn one by one
_CELLS = 200  # rows and columns of a picture of a matrix
_LEVELS = 4_000  # steps of a quantile function
_MANY = 5_000  # points that become pixels of a vector picture
_BLOCK = 4_000_000  # entries of an entropic plan that are looked at together


def draw(problem: Problem, plan: Plan, title: str, ax: Axes | None) -> Axes:
    """A plan of a problem on axes, new ones where none are given; ``title`` stands above what the picture leaves out."""
    axes = given_or_new_axes(ax)
    if not problem.cost.of_points:
        notes = _draw_shares(axes, plan)
    elif problem.cost.clouds.x.shape[1] > 1:
        notes = _draw_pairs(axes, problem, plan)
    elif isinstance(plan, MonotonePlan):
        notes = _draw_quantiles(axes, plan, problem.unit)
    else:
        clouds = problem.cost.clouds
        notes = _moves(axes, clouds.x[:, 0], clouds.y[:, 0], plan, problem.unit)
    axes.set_title("\n".join([title, *notes]), loc="left", fontsize="medium")
    return axes


def given_or_new_axes(ax: Any) -> Any:
    """The axes that were given, or those of a new figure.

    Raises
    ------
    MissingExtra
        Where matplotlib is not installed.
    InvalidInput
        For what is no axes.
    """
    if ax is None:
        return require("matplotlib.pyplot").subplots(layout="constrained")[1]
    if not isinstance(ax, require("matplotlib.axes").Axes):
        raise InvalidInput(
            f"ax must be one matplotlib Axes; received {scalars.told(ax)}; pass one entry of what plt.subplots returns, or None"
        )
    return ax


_Listed = tuple[Indices, Indices, Floats]  # rows, columns and masses of pairs


class _Heaviest(NamedTuple):
    """The pairs of a plan with the most mass: ``rows``, ``columns``, ``masses`` (k,), of how many with mass, and of what total."""

    rows: Indices
    columns: Indices
    masses: Floats
    pairs: int
    total: float


def _draw_pairs(axes: Any, problem: Problem, plan: Plan) -> list[str]:
    """Points in the plane, and lines between those that mass moves between, as wide as it is much."""
    x, y, labels = _in_the_plane(problem)
    found = _heaviest(plan)
    weight = found.masses / found.masses.max()
    ends, pairs = _pair_segments(problem, x[found.rows], y[found.columns])
    lines = require("matplotlib.collections").LineCollection(
        ends,
        linewidths=0.4 + np.clip(400 / len(weight), 0.4, 2.0) * weight[pairs],
        colors=[(0.45, 0.45, 0.45, max(0.04, part)) for part in np.clip(200 / len(weight), 0.15, 0.6) * weight[pairs]],
        zorder=1,
        rasterized=len(weight) > 1_000,
    )
    axes.add_collection(lines)
    without = 0
    for points, side, colour, name in (
        (x, problem.source, SOURCE, "source x"),
        (y, problem.target, TARGET, "target y"),
    ):
        mass = side.probabilities
        size = np.clip(3_000 / len(points), 2, 40) * mass[mass > 0] / mass[mass > 0].mean()
        axes.scatter(
            *points[mass > 0].T, s=size, color=colour, lw=0, alpha=0.85, zorder=2, rasterized=len(points) > _MANY
        )
        axes.plot([], [], "o", ms=6, color=colour, label=name)
        without += int((mass == 0).sum())
    axes.set(xlabel=labels[0], ylabel=labels[1])
    alone = len(axes.get_shared_x_axes().get_siblings(axes)) == len(axes.get_shared_y_axes().get_siblings(axes)) == 1
    axes.set_aspect("equal", adjustable="datalim" if alone else "box")
    axes.legend(loc="upper right", fontsize="small", framealpha=0.7, edgecolor="none")
    notes = [f"{without:,} points without mass are not drawn"] if without else []
    if found.pairs > len(found.masses):
        share = 100 * found.masses.sum() / found.total
        notes.append(f"{len(found.masses):,} of {found.pairs:,} pairs are drawn, with {share:.3g} % of the mass")
    return notes


def _in_the_plane(problem: Problem) -> tuple[Floats, Floats, tuple[str, str]]:
    """Both clouds in two coordinates and what these are: their own, or the principal axes of both together where they have more."""
    cost = problem.cost.clouds
    x, y = cost.x, cost.y
    if cost.metric == "great_circle":
        return x[:, ::-1], y[:, ::-1], ("longitude, radians", "latitude, radians")
    unit = f", {problem.unit}" if problem.unit else ""
    if x.shape[1] == 2:
        return x, y, (f"first coordinate{unit}", f"second coordinate{unit}")
    both = np.concatenate([x, y])
    scale = np.abs(both).max() or 1.0
    both = both / scale - (both / scale).mean(axis=0)
    spread, directions = np.linalg.eigh(both.T @ both)
    shares = 100 * np.maximum(spread[::-1], 0.0) / (max(spread.sum(), 0.0) or 1.0)
    seen = both @ directions[:, :-3:-1] * scale
    first, second = (f"principal axis {k + 1}, {shares[k]:.0f} % of the variance" for k in range(2))
    return seen[: len(x)], seen[len(x) :], (first, second)


def _pair_segments(problem: Problem, starts: Floats, ends: Floats) -> tuple[Floats, Indices]:
    """Lines (k, 2, 2) between pairs of points and the pair each is of: two of one that goes round where coordinates repeat."""
    cost = problem.cost.clouds
    lines, pairs = np.stack([starts, ends], axis=1), np.arange(len(starts))
    if isinstance(cost.metric, Circular) and cost.x.shape[1] == 2:
        periods = np.full(2, float(cost.metric.period))
    elif cost.metric == "great_circle":
        periods = np.array([2 * np.pi, 0.0])
    else:
        return lines, pairs
    turns = periods * np.rint((ends - starts) / np.where(periods > 0, periods, np.inf))
    round_it = turns.any(axis=1)
    leaving = np.stack([starts, ends - turns], axis=1)
    arriving = np.stack([starts + turns, ends], axis=1)[round_it]
    return np.concatenate([leaving, arriving]), np.concatenate([pairs, pairs[round_it]])


def _draw_quantiles(axes: Any, plan: MonotonePlan, unit: str | None) -> list[str]:
    """Both quantile functions, which the monotone coupling pairs level by level; the area between them is W_1."""
    sides = [(plan.x_sorted, _levels(plan.a, len(plan.x))), (plan.y_sorted, _levels(plan.b, len(plan.y)))]
    edges = np.union1d(sides[0][1], sides[1][1])
    notes: list[str] = []
    if len(edges) > _LEVELS:
        notes.append(f"quantiles at {_LEVELS:,} levels of {len(edges) - 1:,}")
        edges = np.union1d(np.linspace(0.0, 1.0, _LEVELS + 1), [edges[1], edges[-2]])  # the ends as they are
    middles = (edges[1:] + edges[:-1]) / 2
    steps = [np.repeat(z[np.minimum(np.searchsorted(at[1:], middles), len(z) - 1)], 2) for z, at in sides]
    levels = np.repeat(edges, 2)[1:-1]
    axes.fill_between(levels, *steps, color="0.5", alpha=0.25, lw=0, label="moved: the area is W_1")
    for heights, colour, name in zip(steps, (SOURCE, TARGET), ("source x", "target y")):
        axes.plot(levels, heights, color=colour, lw=1.6, label=name)
    axes.set(xlabel="share of the mass", ylabel=f"position, {unit}" if unit else "position", xlim=(0, 1))
    axes.legend(frameon=False, loc="upper left", fontsize="small")
    return notes


def _levels(weights: Floats | None, size: int) -> Floats:
    """The levels between which a quantile function is constant, from 0 to 1: (size + 1,)."""
    sums = np.arange(size + 1.0) if weights is None else np.concatenate([[0.0], np.cumsum(weights)])
    return sums / sums[-1]


def _moves(axes: Any, x: Floats, y: Floats, plan: Plan, unit: str | None) -> list[str]:
    """Where mass on the line goes: sources across, targets up, areas as masses; in cells where pairs are many."""
    found, notes = _heaviest(plan), []
    name = f"position, {unit}" if unit else "position"
    axes.set(xlabel=f"source {name}", ylabel=f"target {name}")
    if found.pairs > _PAIRS:
        notes.append(_in_cells(axes, x, y, plan) + f" sum up {found.pairs:,} pairs")
    else:
        size = np.clip(3_000 / found.pairs, 4, 60) * found.masses / found.masses.mean()
        axes.scatter(x[found.rows], y[found.columns], s=size, color=SOURCE, lw=0, alpha=0.8, zorder=2)
    ends = max(x.min(), y.min()), min(x.max(), y.max())
    if ends[0] < ends[1]:
        limits = dict(xlim=axes.get_xlim(), ylim=axes.get_ylim())
        axes.plot(ends, ends, color=TARGET, lw=1.0, ls="--", label="stays where it is")
        axes.set(**limits)
        axes.legend(loc="best", fontsize="small", framealpha=0.7, edgecolor="none")
    return notes


def _in_cells(axes: Any, x: Floats, y: Floats, plan: Plan) -> str:
    """Masses in cells of both positions, as many as points fill; what the cells are, in words."""
    edges, cells = [], []
    for z in (x, y):
        count = int(np.clip(len(z) / 8, 16, _CELLS))
        edges.append(np.linspace(z.min(), z.max() if z.max() > z.min() else z.min() + 1.0, count + 1))
        cells.append(np.clip(np.searchsorted(edges[-1], z, side="right") - 1, 0, count - 1))
    shape = len(edges[0]) - 1, len(edges[1]) - 1
    sums = _cell_masses(plan, cells[0], cells[1], shape)
    image = axes.pcolormesh(edges[0], edges[1], sums.T, cmap="Blues", vmin=0, rasterized=True)
    axes.figure.colorbar(image, ax=axes, label="share of the mass")
    return f"{shape[0]} x {shape[1]} cells"


def _draw_shares(axes: Any, plan: Plan) -> list[str]:
    """The plan as a matrix of colours, rows and columns taken together where there are many."""
    n, m = plan.shape
    steps = -(-n // _CELLS), -(-m // _CELLS)
    shape = -(-n // steps[0]), -(-m // steps[1])
    sums = _cell_masses(plan, np.arange(n) // steps[0], np.arange(m) // steps[1], shape)
    image = axes.imshow(
        sums,
        cmap="cividis",
        vmin=0,
        aspect="auto",
        extent=(-0.5, shape[1] * steps[1] - 0.5, shape[0] * steps[0] - 0.5, -0.5),
    )
    axes.set(xlabel="target", ylabel="source", xlim=(-0.5, m - 0.5), ylim=(n - 0.5, -0.5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(require("matplotlib.ticker").MaxNLocator("auto", integer=True))
    axes.figure.colorbar(image, ax=axes, label="share of the mass")
    return [f"a cell is the sum of {steps[0]} x {steps[1]} pairs"] if max(steps) > 1 else []


def _cell_masses(plan: Plan, row_cells: Indices, column_cells: Indices, shape: tuple[int, int]) -> Floats:
    """Masses of a plan by cells of rows and cells of columns: an array of ``shape``."""
    out = np.zeros(shape)
    if isinstance(plan, EntropicPlan):
        np.add.at(out, row_cells, plan @ np.eye(shape[1])[column_cells])
        return out
    entries = plan.matrix.tocoo()
    np.add.at(out, (row_cells[entries.row], column_cells[entries.col]), entries.data)
    return out


def _heaviest(plan: Plan) -> _Heaviest:
    """The pairs to draw, the heaviest; of pairs that weigh as much as the lightest of these, some from all over the plan."""
    parts: list[_Listed] = []
    pairs, total = 0, 0.0
    for first, block in _column_blocks(plan):
        held = block.data > 0
        pairs, total = pairs + int(held.sum()), total + float(block.data.sum())
        parts.append((block.row[held], block.col[held] + first, block.data[held]))
        if sum(len(part[2]) for part in parts) > 4 * _BLOCK:
            parts = [_heaviest_of_listed(parts)]
    return _Heaviest(*_heaviest_of_listed(parts), pairs, total)


def _column_blocks(plan: Plan) -> Any:
    """A plan as sparse matrices of some columns each, with the number of the first: an entropic one would not fit as a whole."""
    if not isinstance(plan, EntropicPlan):
        yield 0, plan.matrix.tocoo()
        return
    n, m = plan.shape
    step = max(1, _BLOCK // n)
    for first in range(0, m, step):
        some = np.arange(first, min(first + step, m))
        yield first, scipy.sparse.coo_array(plan @ np.equal.outer(np.arange(m), some).astype(np.float64))


def _heaviest_of_listed(parts: list[_Listed]) -> _Listed:
    """The heaviest of listed pairs, as many as are drawn; among equals evenly spread ones."""
    rows, columns = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    masses = np.concatenate([part[2] for part in parts])
    if len(masses) > _PAIRS:
        least = np.partition(masses, -_PAIRS)[-_PAIRS]
        above, equal = np.flatnonzero(masses > least), np.flatnonzero(masses == least)
        spread = np.linspace(0, len(equal) - 1, _PAIRS - len(above)).astype(np.int64)
        kept = np.sort(np.concatenate([above, equal[spread]]))
        rows, columns, masses = rows[kept], columns[kept], masses[kept]
    return rows, columns, masses
