"""The commands that faults are done to, each in a fresh process with the files that it reads."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAID, TOLD = "said.txt", "told.txt"  # what is written on stderr and stdout
_START = "from otgen.app import cli; cli.main()"


@dataclass(frozen=True)
class Command:
    """Arguments, what they write, and what is added to go on after a stop."""

    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    again: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code, the digest of what it wrote, and its time."""

    code: int | None
    digest: str
    seconds: float


_TRAIN = ("train", "sliced", "--out", "run", "--steps", "16", "--batch-size", "32", "--json")
COMMANDS: dict[str, Command] = {
    "otgen train": Command(_TRAIN, ("run",), ("--resume",)),
    "otgen report": Command(
        ("report", "a.npy", "b.npy", "--out", "page.html", "--quiet"), ("page.html",), ("--force",)
    ),
    "otgen pairwise": Command(("pairwise", "sets", "--out", "D.npz", "--quiet"), ("D.npz",), ("--force",)),
    "otgen distance": Command(("distance", "a.npy", "b.npy", "--json"), ()),
}


def prepared(folder: Path) -> None:
    """The files that commands read."""
    rng = np.random.default_rng(0)
    (folder / "sets").mkdir(parents=True, exist_ok=True)
    for name in ("a.npy", "b.npy", "sets/a.npy", "sets/b.npy", "sets/c.npy"):
        np.save(folder / name, rng.normal(size=(80, 2)))


def started(command: Command, folder: Path, *, extra: Sequence[str] = ()) -> tuple[subprocess.Popen, Path]:
    """The command at work in a folder."""
    if not (folder / "a.npy").exists():
        prepared(folder)
    environment = {**os.environ, "OTGEN_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    with (folder / SAID).open("w") as said, (folder / TOLD).open("w") as told:
        return subprocess.Popen(
            [sys.executable, "-c", _START, *command.arguments, *extra],
            cwd=folder, stdout=told, stderr=said, env=environment,
        ), folder  # fmt: skip


def waited(process: subprocess.Popen, seconds: float) -> int | None:
    """Its exit code, None where it goes on and is killed."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def run(command: Command, folder: Path, *, again: bool = False, seconds: float = 280.0) -> Done:
    """The command to its end; ``again`` where it has been begun in this folder."""
    begun = again and any((folder / name).exists() for name in command.outputs)
    resumes = begun and ("--resume" not in command.again or (folder / "run" / "checkpoint.safetensors").exists())
    began = time.monotonic()
    process, _ = started(command, folder, extra=command.again if resumes else ())
    code = waited(process, seconds)
    return Done(code, digest(folder, command), time.monotonic() - began)


def digest(folder: Path, command: Command) -> str:
    """Of all that a command writes, but for times and how it was called."""
    whole = hashlib.sha256()
    for name in command.outputs:
        paths = sorted((folder / name).rglob("*")) if (folder / name).is_dir() else [folder / name]
        for path in paths:
            whole.update(path.name.encode() + _content(path) if path.is_file() else b"absent")
    whole.update(timeless((folder / TOLD).read_text()).encode())
    return whole.hexdigest()


def _content(path: Path) -> bytes:
    if path.suffix in (".json", ".html"):
        return timeless(path.read_text()).encode()
    if path.suffix == ".npz":
        with np.load(path) as file:
            return b"".join(file[name].tobytes() for name in file.files)
    return path.read_bytes()


def timeless(text: str) -> str:
    """What a command printed, without its times and how it was called."""
    text = re.sub(r'otgen report[^<]*|\d+ s\b|(?<=data-label="seconds">)[^<]*|\d{4}-\d\d-\d\d \d\d:\d\d', "", text)
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return (
        json.dumps({key: value for key, value in found.items() if key != "seconds"})
        if isinstance(found, dict)
        else text
    )


def left_over(folder: Path, command: Command) -> tuple[str, ...]:
    """Files that are there and should not be, and inputs that are not as they were."""
    own = {SAID, TOLD, "sets", "a.npy", "b.npy", *command.outputs}
    stray = [path for path in folder.rglob("*") if path.name.startswith(".") or ".tmp" in path.name]
    stray += [path for path in folder.iterdir() if path.name not in own]
    prepared(folder.parent / "inputs")
    changed = [
        name
        for name in ("a.npy", "b.npy")
        if (folder / name).read_bytes() != (folder.parent / "inputs" / name).read_bytes()
    ]
    return tuple(f"left over: {path.name}" for path in stray) + tuple(f"changed: {name}" for name in changed)
