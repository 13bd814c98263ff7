"""The page of the theorem lab: statements, formulas, both sides, pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import require
from ...lab.theorems import ERRATA, GROUPS, SLIPS, Outcome, Verdict
from .figures import Figure
from .page import rendered, written
from .pictures import PICTURES


class Entry(NamedTuple):
    """An outcome with its formula as MathML and its picture, if it has them."""

    outcome: Outcome
    formula: str
    picture: Figure | None


def write_theorems(path: str | os.PathLike[str], outcomes: Sequence[Outcome], seed: int) -> Path | None:
    """Write what checks found to ``path``, as one page; ``-`` is the standard output, and then None comes back."""
    convert = require("latex2mathml.converter").convert
    entries = [
        Entry(
            outcome,
            convert(outcome.check.formula, display="block") if outcome.check.formula else "",
            PICTURES[outcome.check.name].figure() if outcome.check.name in PICTURES else None,
        )
        for outcome in outcomes
    ]
    groups = [(group, [one for one in entries if one.outcome.check.group == group]) for group in GROUPS]
    held = sum(outcome.verdict is Verdict.HOLDS for outcome in outcomes)
    lead = (
        f"{held} of {len(outcomes)} checks hold, with {sum(len(outcome.counted) for outcome in outcomes)} comparisons of "
        f"what otgen computes with a second way to the same number; seed {seed}."
    )
    html = rendered(
        "theorems.html.j2",
        title="The statements of the lecture notes, run",
        lead=lead,
        groups=[(group, own) for group, own in groups if own],
        slips=SLIPS if any(outcome.check.group == ERRATA for outcome in outcomes) else (),
    )
    return written(path, html)
