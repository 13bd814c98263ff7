"""The page of the house: rooms on their floors and the imports between them, drawn from the imports themselves."""

import ast
import tomllib
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

import otgen

PACKAGE = Path(otgen.__file__).parent
ROOMS = {
    "app": "files, command line, report",
    "lab": "theorems, training runs",
    "nn": "the torch adapter",
    "laws": "pairs with known distances",
    "estimators": "for scikit-learn",
    "distances": "the front door: exact, entropic, sliced, batch, audit",
    "solvers": "line, simplex, bottleneck, Sinkhorn, HiGHS",
    "proofs": "dual, monotone, cut, entropic, no plan; audit",
    "model": "what is asked and what is claimed",
    "divergences": "KL, JS, TV",
    "kernels": "the arithmetic that costs time",
    "inputs": "the only door: arrays, options, memory",
    "errors": "what went wrong, and the remedy",
    "_threads": "how threads are started",
}
HEIGHT, GAP, WIDTH = 0.62, 1.0, 12.0


def floors(pyproject):
    """The floors as the import contract lists them, from the top."""
    contracts = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[room.strip() for room in layer.replace(":", "|").split("|")] for layer in layers]


def imports():
    """How many imports lead from room to room: {(from, to): count}."""
    found = Counter()
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        package = parts[:-1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = package[: len(package) - node.level + 1]
            targets = (
                [(*base, *(node.module or "").split("."))]
                if node.module
                else [(*base, name.name) for name in node.names]
            )
            found.update((parts[0], target[0]) for target in targets if target)
    return {pair: count for pair, count in found.items() if pair[0] != pair[1] and set(pair) <= set(ROOMS)}


def draw(levels, arrows, path):
    """Rooms as boxes, floor above floor; an arrow as thick as the number of imports."""
    figure, axes = plt.subplots(figsize=(9, 7.5))
    places = {}
    for at, level in enumerate(reversed(levels)):
        width = WIDTH / len(level)
        for k, room in enumerate(level):
            places[room] = (width * (k + 0.5), at * GAP, width - 0.5)
    for (start, end), count in sorted(arrows.items()):
        (x, y, _), (u, v, _) = places[start], places[end]
        shift = 0.35 * ((hash_of(start) + hash_of(end)) % 7 - 3)
        axes.annotate(
            "",
            xy=(u + shift, v + HEIGHT / 2),
            xytext=(x + shift, y - HEIGHT / 2),
            arrowprops=dict(
                arrowstyle="-|>", lw=0.4 + 0.05 * min(count, 40), color="#7a8ca3", alpha=0.8, shrinkA=0, shrinkB=0
            ),
            zorder=1,
        )
    for room, (x, y, width) in places.items():
        box = FancyBboxPatch(
            (x - width / 2, y - HEIGHT / 2), width, HEIGHT, boxstyle="round,pad=0.04", fc="#eef3f8", ec="#34506e"
        )
        axes.add_patch(box)
        axes.text(x, y + 0.1, room, ha="center", va="center", weight="bold", zorder=3)
        axes.text(x, y - 0.16, ROOMS[room], ha="center", va="center", fontsize=7.5, color="#34506e", zorder=3)
    axes.set(xlim=(-0.2, WIDTH + 0.2), ylim=(-0.6, GAP * len(levels) - 0.3))
    axes.axis("off")
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


def hash_of(room):
    """A small number for a name, the same in every run."""
    return sum(map(ord, room))


def write(folder, pyproject):
    """The page and its picture."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    levels, arrows = floors(pyproject), imports()
    draw(levels, arrows, folder / "house.png")
    height = {room: -k for k, level in enumerate(levels) for room in level}
    upward = [pair for pair in arrows if height[pair[0]] < height[pair[1]]]
    lines = [
        "The house",
        "=========",
        "",
        f"{len(ROOMS)} rooms on {len(levels)} floors. A room imports rooms below it, never above; solvers and proofs are neighbours that never meet: what a",
        "solver hands over is a claim, numbers only, and the proof takes cost, weights and epsilon from the problem as posed. The picture is",
        "drawn from the imports when these pages are built, and CI holds them to it.",
        "",
        ".. image:: house.png",
        "   :alt: The rooms of otgen on their floors, with the imports between them",
        "",
        f"{sum(arrows.values())} imports lead from room to room, {len(upward)} of them up"
        + (f": {upward}." if upward else "."),
        "",
        ".. code-block:: text",
        "",
        "   arrays -> inputs -> Problem (as posed) -> units: scaled -> solver -> Claim (numbers only)",
        "                           |                                              |",
        "                           +------------> prove(problem, claim) <---------+ -> units: back -> Result",
        "",
    ]
    (folder / "house.rst").write_text("\n".join(lines), encoding="utf-8")
