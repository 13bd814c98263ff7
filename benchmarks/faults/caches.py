"""The cache of compiled kernels: damaged in many ways, or in a place that cannot be written. Each run is a fresh interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import otgen
from otgen.kernels import kernel_cache

from . import kinds
from .kinds import Kind, Outcome, Plan, Reference
from .small_disk import Small

_CODE = (
    "import numpy as np, otgen; x, y = np.random.default_rng(0).random((2, 30))\n"
    "found = otgen.wasserstein(x, y); print(found.value.hex(), found.lower.hex(), found.upper.hex())"
)
_WARNING = "otgen found no folder to keep compiled kernels in"
_SECONDS = 280.0
Damage = Callable[[list[Path], np.random.Generator], None]


def _each(change: Callable[[bytes, np.random.Generator], bytes]) -> Damage:
    def damage(files: list[Path], rng: np.random.Generator) -> None:
        for path in files:
            path.write_bytes(change(path.read_bytes(), rng))

    return damage


def _flipped(whole: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(whole)
    for k in rng.integers(len(whole), size=int(rng.integers(1, 20))):
        changed[k] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _exchanged(files: list[Path], rng: np.random.Generator) -> None:
    """Whole kernels, under one another's names."""
    contents = [path.read_bytes() for path in files]
    for path, content in zip(files, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)


def _as_folders(files: list[Path], rng: np.random.Generator) -> None:
    for path in files:
        path.unlink()
        path.mkdir()


def _removed(files: list[Path], rng: np.random.Generator) -> None:
    for path in files:
        path.unlink()


def _linked_to_itself(files: list[Path], rng: np.random.Generator) -> None:
    for path in files:
        path.unlink()
        path.symlink_to(path.name)


_DAMAGES: dict[str, Damage] = {
    "bits flipped": _each(_flipped),
    "cut short": _each(lambda whole, rng: whole[: int(rng.integers(len(whole)))]),
    "emptied": _each(lambda whole, rng: b""),
    "overwritten by noise": _each(lambda whole, rng: rng.bytes(len(whole))),
    "made longer": _each(lambda whole, rng: whole + rng.bytes(50)),
    "exchanged": _exchanged,
    "made folders": _as_folders,
    "removed": _removed,
    "made links to themselves": _linked_to_itself,
}
_PLACES = ("below a file", "on a read-only disk", "on a full disk")


def plan(rng: np.random.Generator, number: int) -> Plan:
    """Of five runs four have damaged files."""
    share, seed = float(rng.uniform(0.1, 1.0)), int(rng.integers(2**31))
    if number % 5 == 4:
        where = number // 5 % len(_PLACES)
        return Plan("a fresh process", f"a cache {_PLACES[where]}", {"where": where})
    kind = number % len(_DAMAGES)
    told = f"{share:.0%} of the files {list(_DAMAGES)[kind]}"
    return Plan("a fresh process", told, {"damage": kind, "share": share, "seed": seed})


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """A process with the fault, and another one after it, compared with this one, whose kernels were loaded before."""
    known, home = kernel_cache.folder(), place / "home"
    assert known is not None, "there is no cache to damage"
    found = otgen.wasserstein(*np.random.default_rng(0).random((2, 30)))
    whole = f"{found.value.hex()} {found.lower.hex()} {found.upper.hex()}\n"
    if "where" in plan.given:
        return _judged(_unwritable(int(plan.given["where"]), place), whole, home)
    copied = _copied(known, home)
    rng = np.random.default_rng(int(plan.given["seed"]))
    files = [path for path in sorted(copied.iterdir()) if rng.random() < plan.given["share"]]
    list(_DAMAGES.values())[int(plan.given["damage"])](files, rng)
    first = _judged(_asked(home), whole, home)
    after = _judged(_asked(home), whole, home)
    return (
        first
        if after.passed
        else Outcome(first.end, first.said, (*first.spoiled, f"the next process: {after.end} {after.said}"))
    )


def _copied(known: Path, home: Path) -> Path:
    """The kernels that the calls need, as the cache of another user."""
    place = home / "otgen" / known.name
    shutil.copytree(known, place, ignore=lambda _, names: [name for name in names if name.startswith(".")])
    return place


def _asked(home: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", _CODE], capture_output=True, text=True, check=False, env=environment, timeout=_SECONDS
    )


def _unwritable(where: int, place: Path) -> subprocess.CompletedProcess[str]:
    """Its own folder is no second choice here: the package lies where it cannot be written either."""
    nowhere = place / "nowhere"
    if where == 0:
        nowhere.write_text("")
        return _without_choice(nowhere)
    nowhere.mkdir()
    with Small(nowhere, 16 << 10) as small:
        if where == 1:
            small.read_only()
        return _without_choice(nowhere)


def _without_choice(home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", _CODE], capture_output=True, text=True, check=False, env=environment, timeout=_SECONDS
    )


def _judged(done: subprocess.CompletedProcess[str], whole: str, home: Path) -> Outcome:
    """Nothing but the one warning may be said."""
    left = tuple(f"left over: {path.name}" for path in home.rglob(".*") if path.is_file())
    if done.returncode:
        end = kinds.CRASH if done.returncode < 0 else kinds.STRAY
        return Outcome(end, done.stderr.strip()[-160:] or f"signal {-done.returncode}", left)
    noise = [line for line in done.stderr.splitlines() if line.strip() and _WARNING not in line]
    left += tuple(f"said: {line[:80]}" for line in noise[:1])
    return Outcome(kinds.RIGHT if done.stdout == whole else kinds.WRONG, done.stderr.strip()[:80], left)


KIND = Kind(
    "caches",
    "The cache of kernels",
    "Of the files of compiled kernels a tenth to all are flipped, cut, emptied, exchanged, removed or made something else; or the cache lies below a file, on "
    "a read-only disk, on a full one. A fresh process calls, and another one after it. Right are the bits, and at most the one warning.",
    (),
    plan,
    carry_out,
    seconds=600.0,
)
