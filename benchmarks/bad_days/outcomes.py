"""What came of each call, kept beside the rows, so that the page can be written where the other libraries are not installed."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from .row import Outcome
from .table import ROWS

STORE = Path(__file__).with_name("outcomes.json")
PACKAGES = {
    "otgen": ("otgen", "otgen"),
    "POT": ("ot", "POT"),
    "scipy": ("scipy", "scipy"),
    "GeomLoss": ("geomloss", "geomloss"),
    "OTT-JAX": ("ott", "ott-jax"),
}
Outcomes = dict[str, dict[str, Outcome]]


def installed(calls: Iterable[str]) -> list[str]:
    """Those whose library is there."""
    return [who for who in calls if importlib.util.find_spec(PACKAGES[who.split()[0]][0])]


def versions() -> dict[str, str]:
    """Of the libraries that are installed, as the page names them; ours is the tree itself."""
    there = {
        name: package
        for name, (module, package) in PACKAGES.items()
        if name != "otgen" and importlib.util.find_spec(module)
    }
    return {name: version(package) for name, package in there.items()}


def save(outcomes: Mapping[str, Mapping[str, Outcome]]) -> None:
    """Write all; infinities and NaN as Python's JSON has them, what is not there left out."""
    kept = {
        name: {who: {key: value for key, value in asdict(out).items() if value is not None and value is not False and value != ""} for who, out in outcomes[name].items()}
        for name in ROWS if name in outcomes
    }  # fmt: skip
    STORE.write_text(json.dumps({"versions": versions(), "outcomes": kept}, indent=1) + "\n", encoding="utf-8")


def load() -> Outcomes:
    """Read all."""
    stored = json.loads(STORE.read_text(encoding="utf-8"))["outcomes"]
    return {name: {who: Outcome(**found) for who, found in calls.items()} for name, calls in stored.items()}


def stored_versions() -> dict[str, str]:
    """Of the libraries that were asked."""
    return json.loads(STORE.read_text(encoding="utf-8"))["versions"]
