"""``otgen verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import InvalidInput, require
from ..json_text import json_text
from .app import Json, app, say

Files = Annotated[list[Path], typer.Argument(metavar="PROOF", help="Proof files, as result.save_proof writes them.")]


@app.command(short_help="Prove the intervals of proof files again.")
def verify(proofs: Files, as_json: Json = False) -> None:
    """Prove the intervals of proof files again; exit 1 if one does not hold."""
    load_proof, lies = require("otgen").load_proof, require("otgen.inputs.numerals").lies
    of_samples = require("otgen.distances.result_rows").OF_SAMPLES
    missing = next((path for path in proofs if not path.is_file()), None)
    if missing is not None:
        held = "a folder" if missing.is_dir() else "no regular file" if missing.exists() else "a path to none"
        raise InvalidInput(f"{missing} must be a proof file that exists; received {held}; check it")
    found: list[dict[str, object]] = []
    for path in proofs:
        try:
            proof = load_proof(path)
            lower, upper = proof.verify()
            whose = f", {of_samples}" * proof.of_samples
            told = f"verified: the truth {lies(lower, upper)}{whose} ({proof.kind})"
            row: dict[str, object] = {"verified": True, "kind": proof.kind, "lower": lower, "upper": upper}
        except InvalidInput as fault:
            told = f"refused: {fault}"
            row = {"verified": False, "reason": str(fault)}
        found.append({"file": str(path), **row})
        if not as_json:
            say(f"{path}: {told}")
    if as_json:
        say(json_text(found, indent=2))
    if not all(row["verified"] for row in found):
        raise typer.Exit(1)
