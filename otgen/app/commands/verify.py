"""``otgen verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...distances.proof_file import load_proof
from ...errors import InvalidInput
from .app import Json, app

Files = Annotated[list[Path], typer.Argument(metavar="PROOF...", help="Proof files, as result.save_proof writes them.")]


@app.command()
def verify(proofs: Files, as_json: Json = False) -> None:
    """Prove the intervals of proof files again; exit 1 if one does not hold."""
    found: list[dict[str, object]] = []
    for path in proofs:
        try:
            proof = load_proof(path)
            lower, upper = proof.verify()
            found.append({"file": str(path), "verified": True, "kind": proof.kind, "lower": lower, "upper": upper})
        except InvalidInput as fault:
            found.append({"file": str(path), "verified": False, "reason": str(fault)})
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for row in found:
            held = f"verified: the truth lies within [{row.get('lower')!r}, {row.get('upper')!r}] ({row.get('kind')})"
            typer.echo(f"{row['file']}: {held if row['verified'] else 'refused: ' + str(row['reason'])}")
    if not all(row["verified"] for row in found):
        raise typer.Exit(1)
