"""All rows, by kind, in the order of the page."""

from __future__ import annotations

from . import costs, entropic, laws, lines, losses, masses, points, runtime
from .row import Row

KINDS: dict[str, list[Row]] = {
    "Weights": masses.ROWS,
    "Costs": costs.ROWS,
    "Points": points.ROWS,
    "The line": lines.ROWS,
    "Entropic and partial transport": entropic.ROWS,
    "Laws": laws.ROWS,
    "Losses in torch": losses.ROWS,
    "Threads, processes, files": runtime.ROWS,
}
ROWS: dict[str, Row] = {row.name: row for rows in KINDS.values() for row in rows}
assert len(ROWS) == sum(map(len, KINDS.values())), "two rows of one name"
