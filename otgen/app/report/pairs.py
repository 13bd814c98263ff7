"""The page of all pairs: the matrix in the order of its dendrogram, the dendrogram, and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ...distances.result_rows import OF_SAMPLES
from ...inputs import numerals
from ...inputs.types import Floats
from ..pairing import Files, Found, Pairs
from ..words import counted
from .compare import called, unit_of
from .figures import Figure
from .matrix import Tree, dendrogram, heat_map
from .page import origin, rendered, written

_KINDS = {"max_sliced_wasserstein": "max-sliced", "partial_wasserstein": "partial"}
_LISTED = 20  # notes on files that the page repeats


def write_pairs(path: str | os.PathLike[str], found: Found, sets: Files, ask: Pairs, command: str) -> Path | None:
    """Write what `Pairs` found of a folder to ``path``, as one page; ``-`` is the standard output, and then None comes back."""
    exact = ask.epsilon is None
    name = called(ask.p, ask.metric) if exact else "entropic cost"
    if ask.distance.name in _KINDS:
        name = f"{_KINDS[ask.distance.name]} {name}"
    unit = unit_of(ask.metric, 1.0 if exact else ask.p)
    told = found.to_dict()
    low, high = (numerals.number(told[end][2], 4) for end in ("nearest", "farthest"))
    spread = f"from {low} to {high}" if told["pairs"] > 1 else low
    tree = Tree.of(found.numbers[0])
    html = rendered(
        "pairs.html.j2",
        title=f"All pairs of {counted(told['sets'], 'set')}",
        lead=f"{counted(told['pairs'], 'pair')} of the sample sets in {sets.folder}: {name} is {spread}, in {unit}.",
        unit=unit,
        rows=found.rows(),
        figures=pictures(found.numbers[0], found.names, tree, f"{name}, {unit}", exact=exact),
        sets=[sets.told[k] for k in tree.order.tolist()],
        provenance=[*_read(sets), *origin(command)],
        of_samples=OF_SAMPLES,
    )
    return written(path, html)


def pictures(values: Floats, names: list[str], tree: Tree, bar: str, *, exact: bool) -> list[Figure]:
    """The heat map in the order of a tree, and the tree."""
    order, thing = tree.order, "distance" if exact else "cost"
    rows = "Rows are the sets in the order of the dendrogram below, and so are columns, from left to right."
    if not exact:
        rows += " The entropic cost of a set to itself need not be 0."
    joins = f"Two branches join at the mean {thing} between the sets of one and those of the other (average linkage)."
    return [
        heat_map([names[k] for k in order], values[np.ix_(order, order)], f"{thing.title()}s", rows, bar),
        dendrogram(tree, names, "Dendrogram", joins, bar),
    ]


def _read(sets: Files) -> list[tuple[str, str]]:
    told = [sets.told[k] for k in range(len(sets))]
    rows = [("folder", f"{counted(len(told), 'file')}, {sum(one.size for one in told)} bytes; each is listed above")]
    notes = sets.notes()
    rows += [("left out or assumed", note) for note in notes[:_LISTED]]
    if len(notes) > _LISTED:
        rows.append(("left out or assumed", f"{len(notes) - _LISTED} notes more, on other files"))
    return rows
