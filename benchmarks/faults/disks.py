"""A disk that is full under everything that writes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import otgen
from otgen.lab import training

from . import commands, kinds, state
from .calls import SETS, X, Y
from .kinds import SYSTEM, Kind, Outcome, Plan, Reference
from .small_disk import Small, possible
from .trial import ended

Writer = Callable[[Path], object]


def _train(path: Path) -> None:
    stopped = (path / "checkpoint.safetensors").exists()
    training.train("sliced", "ring", steps=8, batch_size=32, folder=path, resume=stopped)


# What each writes, and how many bytes at least: less room is a full disk.
_SOLVED = otgen.wasserstein(X[:300], Y[:300])
_MAP = otgen.semidiscrete("gaussian", Y[:60, :2], rng=0)
_WRITERS: dict[str, tuple[Writer, int]] = {
    "save_proof": (_SOLVED.save_proof, 8000),
    "a semidiscrete map": (_MAP.save, 2000),
    "pairwise's checkpoint": (lambda path: otgen.pairwise(SETS, checkpoint=path), 1500),
    "train's checkpoint": (_train, 50_000),
}
_COMMANDS = {"otgen report": 50_000, "otgen pairwise": 500, "otgen train": 50_000}
_HOWS = ("a full disk", "a limit on the size of files")


def plan(rng: np.random.Generator, number: int) -> Plan:
    """A third are commands, a fifth of these with a full stdout; half of the others would replace a file that is there."""
    share, old = float(rng.uniform(0, 0.95)), number % 2
    how = number // 2 % 2 if possible() else 1
    if number % 3 == 2:
        if number % 5 == 2:
            return Plan("otgen distance", "/dev/full as its output")
        call = list(_COMMANDS)[number // 3 % len(_COMMANDS)]
        least = _COMMANDS[call]
    else:
        call = list(_WRITERS)[number % len(_WRITERS)]
        least = _WRITERS[call][1]
    room = int(share * least)
    return Plan(call, f"{_HOWS[how]} with room for {room} bytes", {"room": room, "how": how, "old": old})


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """What is there is whole or as it was; with room again the same call writes what it would have written."""
    if not plan.given:
        return _full_output(place)
    return _command(plan, place) if plan.call in _COMMANDS else _writer(plan, place)


def _writer(plan: Plan, place: Path) -> Outcome:
    write, room = _WRITERS[plan.call][0], int(plan.given["room"])
    whole, tight = place / "whole", place / "tight"
    for folder in (whole, tight):
        folder.mkdir()
    write(whole / "out.npz")
    before = state.taken(place, [X, Y, *SETS], ["tight"])
    with _full(plan, tight, room) as (limit, relieve):
        old = _put(tight / "out.npz") if plan.given["old"] and plan.call == "save_proof" else None

        def within() -> str:
            with limit():
                write(tight / "out.npz")
            return _content(tight)

        end, said = ended(within, _content(whole))
        spoiled = state.differing(before, place, [X, Y, *SETS], ["tight"])
        if end != kinds.RIGHT and old is not None and (tight / "out.npz").read_bytes() != old:
            spoiled += ("the file that was there",)
        relieve()
        after, words = ended(lambda: (write(tight / "out.npz"), _content(tight))[1], _content(whole))
    return Outcome(end, said, spoiled if after == kinds.RIGHT else (*spoiled, f"the next call: {after} {words}"))


def _put(path: Path) -> bytes:
    path.write_bytes(b"an older file")
    return path.read_bytes()


def _content(folder: Path) -> str:
    """Of all files but times."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "scores.json":
            content = path.read_bytes()
            whole.update(str(path.relative_to(folder)).encode() + b"\0" + content)
    return whole.hexdigest()


@contextlib.contextmanager
def _full(plan: Plan, folder: Path, room: int) -> Generator[tuple[Any, Callable[[], None]]]:
    """What makes writing fail, and what ends that."""
    if plan.given["how"]:
        yield lambda: _limited(room), lambda: None
        return
    with Small(folder, 4 << 20) as small:

        def filled() -> contextlib.AbstractContextManager[None]:
            filler = folder / "filler"
            with filler.open("wb") as file:
                file.write(bytes(_free(folder) - room // 4096 * 4096))
            return contextlib.nullcontext()

        yield filled, lambda: _emptied(folder / "filler", small)


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _emptied(filler: Path, small: Small) -> None:
    filler.unlink()
    small.enlarge(16 << 20)


@contextlib.contextmanager
def _limited(size: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _command(plan: Plan, place: Path) -> Outcome:
    """It ends with 2 and one line that says what is wrong."""
    command, room = commands.COMMANDS[plan.call], int(plan.given["room"])
    whole, tight = commands.run(command, place / "whole"), place / "tight"
    tight.mkdir()
    with _full(plan, tight, room) as (limit, relieve):
        commands.prepared(tight)
        for name in (commands.SAID, commands.TOLD):  # these have room: what is tried is what the command writes itself
            (place / name).write_text("")
            (tight / name).symlink_to(place / name)
        with limit():
            process, _ = commands.started(command, tight)
        code = commands.waited(process, 280.0)
        said = _printed(place)
        if (tight / "filler").exists():
            relieve()
        spoiled = commands.left_over(tight, command)
        after = commands.run(command, tight, again=True)
        if after.digest != whole.digest:
            spoiled += (f"the next run: {_printed(place)[-160:]}",)
    if code == 0:
        return Outcome(kinds.RIGHT, said, spoiled)
    plain = code == 2 and said.startswith(("otgen: ", '{"error": ')) and "\n" not in said
    return Outcome(SYSTEM if plain else kinds.STRAY, f"exit code {code}: {said[-160:]}", spoiled)


def _printed(place: Path) -> str:
    """Under --json errors stand where answers do."""
    return (place / commands.SAID).read_text().strip() or (place / commands.TOLD).read_text().strip()


def _full_output(place: Path) -> Outcome:
    """`otgen ... > /dev/full`."""
    command = commands.COMMANDS["otgen distance"]
    commands.prepared(place / "here")
    words = [sys.executable, "-c", "from otgen.app import cli; cli.main()", *command.arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            words, cwd=place / "here", stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=280
        )
    said, spoiled = done.stderr.strip(), commands.left_over(place / "here", command)
    plain = done.returncode == 2 and said.startswith("otgen: ") and "\n" not in said
    return Outcome(SYSTEM if plain else kinds.STRAY, f"exit code {done.returncode}: {said[-160:]}", spoiled)


KIND = Kind(
    "disks",
    "A full disk",
    "Under proof files, the checkpoints of pairwise and of training, maps, the files of three commands, and /dev/full as an output. Right is OSError with the file's name, of "
    "a command exit code 2 and one line; what is there is whole, or as it was.",
    (SYSTEM, kinds.OURS),
    plan,
    carry_out,
    seconds=600.0,
)
