"""A package that is not installed, or breaks when it is loaded: an error that says which extra brings it, and nothing half loaded after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import commands, kinds
from .kinds import OURS, Kind, Outcome, Plan, Reference

_HOWS = {"absent": "not installed", "none": "marked as absent", "broken": "that fails to load"}
_POINTS = "import numpy as np, otgen; x = np.random.default_rng(0).random((9, 2)); "
_CLI = "import sys; sys.argv = ['otgen', {}]; from otgen.app import cli; cli.main()"

# What is missing, and what is called then; where the last is True the answer is to come all the same.
CASES: list[tuple[str, str, bool]] = [
    ("torch", "from otgen import nn; print(nn.SinkhornLoss.__name__)", False),
    ("torch", "from otgen.lab import training; print(training.train.__name__)", False),
    ("joblib", _POINTS + "print(otgen.pairwise([x, x + 1], n_jobs=2).tolist())", False),
    ("sklearn", "from otgen import estimators; print(len(dir(estimators)) > 0)", False),
    ("matplotlib", _POINTS + "print(type(otgen.wasserstein(x, x + 1).plan).__name__)", True),
    ("pyarrow", "from otgen.app.files.reading import read; print(len(read('a.parquet').points))", False),
    ("typer", _CLI.format("'distance', 'a.npy', 'b.npy', '--json'"), False),
    ("rich", _CLI.format("'distance', 'a.npy', 'b.npy', '--json'"), False),
    ("jinja2", _CLI.format("'report', 'a.npy', 'b.npy', '--out', '-', '--quiet'"), False),
    ("matplotlib", _CLI.format("'report', 'a.npy', 'b.npy', '--out', '-', '--quiet'"), False),
    ("safetensors", _CLI.format("'train', 'sliced', '--out', 'run', '--steps', '4', '--json'"), False),
    ("pandas", _POINTS + "print(otgen.wasserstein(x, x + 1).value.hex())", True),
    ("pandas", _CLI.format("'distance', 'a.csv', 'a.csv', '--json'"), True),
    ("cupy", _POINTS + "print(otgen.sinkhorn(x, x + 1, epsilon=0.1).value.hex())", True),
    (
        "torch,joblib,sklearn,matplotlib,pyarrow,typer,rich,jinja2,latex2mathml,safetensors,pandas,polars,cupy,ot",
        _POINTS + "print(otgen.wasserstein(x, x + 1).value.hex(), otgen.pairwise([x, x + 1]).tolist())",
        True,
    ),
    ("ot,geomloss", _POINTS + "print(otgen.wasserstein(x, x + 1).value.hex())", True),
    ("torch", _CLI.format("'distance', 'a.npy', 'b.npy', '--json'"), True),
]


def plan(rng: np.random.Generator, number: int) -> Plan:
    """Each case in three ways."""
    case, how = number % len(CASES), list(_HOWS)[number // len(CASES) % len(_HOWS)]
    names = CASES[case][0]
    what = names if names.count(",") < 3 else "all extras"
    return Plan(_called(CASES[case][1]), f"{what} {_HOWS[how]}", {"case": case, "how": list(_HOWS).index(how)})


def _called(code: str) -> str:
    return (
        code.removeprefix(_POINTS).partition("; from otgen.app import cli")[0].removeprefix("import sys; sys.argv = ")
    )


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """In a fresh interpreter: the code with the package away, and then with it; a third one has it from the start."""
    names, code, answered = CASES[int(plan.given["case"])]
    how = list(_HOWS)[int(plan.given["how"])]
    if how == "none" and answered:
        names = names.removeprefix("torch,")  # scipy itself fails where torch is marked so
    first, after = _asked(place / "hidden", how, names, code)
    whole = _asked(place / "whole", "absent", "", code)[0]
    spoiled = () if _same(after, whole) else (f"the next call: {after['error'] or after['out'][:80]}",)
    made = sorted(path.name for path in (place / "hidden").rglob(".*"))
    spoiled += tuple(f"left over: {name}" for name in made)
    if _same(first, whole):
        return Outcome(kinds.RIGHT, "", spoiled)
    said, printed = (
        str(first["error"]),
        str(first["err"]) or str(first["out"]),
    )  # under --json errors are printed as answers are
    command = first["kinds"][:1] == ["SystemExit"] and said.endswith("2") and printed.count("\n") <= 1
    good = (
        not answered
        and ("must be installed" in said + printed or "must be whole" in said + printed)
        and (command or "OtgenError" in first["kinds"])
    )
    return Outcome(OURS if good else kinds.STRAY, printed.strip()[-160:] if command else said[:160], spoiled)


def _same(one: dict, other: dict) -> bool:
    """But for times."""
    if one["error"] or other["error"]:
        return False
    return commands.timeless(one["out"]) == commands.timeless(other["out"])


def _asked(folder: Path, how: str, names: str, code: str) -> list[dict]:
    commands.prepared(folder)
    (folder / "a.csv").write_text("x,y\n0,1\n2,3\n4,5.5\n")
    if "parquet" in code:
        _parquet(folder / "a.parquet")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults.absent", how, names, code],
        capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=280,
    )  # fmt: skip
    if done.returncode:
        fault = {
            "out": "",
            "err": done.stderr,
            "error": f"exit code {done.returncode}: {done.stderr[-160:]}",
            "kinds": [],
        }
        return [fault, fault]
    return json.loads(done.stdout.splitlines()[-1])


def _parquet(path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"x": [0.0, 1.0], "y": [2.0, 3.0]}), path)


KIND = Kind(
    "extras",
    "A missing extra",
    "A package is not installed, is marked as absent, or fails to load. Right is the answer where it needs none of it, else MissingExtra, which names what to install (of a command exit "
    "code 2 and one line); once the package is there the same process goes on.",
    (OURS,),
    plan,
    carry_out,
    seconds=600.0,
)
