"""``otgen divergence``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from ...errors import require
from ..json_text import json_text
from .app import Columns, Json, Key, PathA, PathB, Quiet, Seed, app, progress, say


class DivergenceName(enum.StrEnum):
    """Divergences by name."""

    kl = "kl"
    js = "js"
    tv = "tv"
    hellinger = "hellinger"
    chi2 = "chi2"


@app.command(short_help="A divergence in nats, of samples or of masses.")
def divergence(
    a: PathA,
    b: PathB,
    kind: Annotated[
        DivergenceName, typer.Option(help="Which; hellinger and chi2 with --masses only.")
    ] = DivergenceName.kl,
    masses: Annotated[
        bool, typer.Option("--masses", help="The files hold one column of masses each, over the same atoms.")
    ] = False,
    columns: Columns = None,
    key: Key = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A divergence in nats, estimated from samples, or of masses over the same atoms."""
    with progress("estimating", shown=not (quiet or as_json)):
        work = require("otgen.app.estimating")
        work.check(kind.value, masses=masses)
        found = work.estimate(kind.value, [a, b], columns, key, masses=masses, seed=seed)
    if as_json:
        say(json_text(found.to_dict()))
        return
    say(require("otgen.inputs.numerals").in_rows(found.name, found.rows()))
