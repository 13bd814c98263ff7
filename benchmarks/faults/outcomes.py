"""What came of each run, kept beside the kinds, so that the page can be written without running them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from otgen.inputs.atomic import write_atomically

from .kinds import Outcome
from .table import KINDS

STORE = Path(__file__).with_name("outcomes.json")
Outcomes = dict[str, dict[int, Outcome]]


def save(outcomes: Mapping[str, Mapping[int, Outcome]]) -> None:
    """Write all, with the plan of each in words."""
    kept = {
        name: {str(number): _told(name, number, found) for number, found in sorted(outcomes[name].items())}
        for name in KINDS
        if name in outcomes
    }
    whole = json.dumps(kept, indent=1) + "\n"
    write_atomically(STORE, lambda name: Path(name).write_text(whole, encoding="utf-8"))


def _told(name: str, number: int, found: Outcome) -> dict[str, object]:
    plan = KINDS[name].drawn(number)
    kept = {key: value for key, value in asdict(found).items() if value}
    return {"call": plan.call, "fault": plan.told, **kept}


def load() -> Outcomes:
    """Read all that is there."""
    if not STORE.exists():
        return {}
    stored = json.loads(STORE.read_text(encoding="utf-8"))
    return {name: {int(number): _read(found) for number, found in runs.items()} for name, runs in stored.items()}


def _read(found: dict) -> Outcome:
    return Outcome(found["end"], found.get("said", ""), tuple(found.get("spoiled", ())))
