"""A worker that is killed: of joblib's processes, of torch.distributed, of a Dask cluster on this machine where Dask is installed.

Threads die with the process that they are of.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
import torch.distributed as dist

import otgen
from otgen.nn import distributed

from . import kinds, state
from .calls import CALLS, digest
from .kinds import OURS, Kind, Outcome, Plan, Reference
from .slow import SETS, slow
from .trial import ended, told

_POOLS = ("loky", "torch.distributed", "loky", "torch.distributed", "dask")
_SECONDS = 200.0
_TILES = 8  # of ten: a worker that has nothing left to do is missed by nobody


def plan(rng: np.random.Generator, number: int) -> Plan:
    """Of pairs, the first or second worker is killed once so many tiles are there; of a group, its second process after some time."""
    pool = _POOLS[number % len(_POOLS)]
    if pool == "dask" and importlib.util.find_spec("distributed") is None:
        pool = "loky"
    tiles, which, wait = int(rng.integers(1, _TILES + 1)), int(rng.integers(2)), float(rng.uniform(0, 1.5))
    when = f"after {wait:.2f} s" if pool == "torch.distributed" else f"after {tiles} tiles"
    return Plan(pool, f"SIGKILL of a worker {when}", {"tiles": tiles, "which": which, "wait": wait})


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """The workers' own signal handlers have no say in it."""
    ways = {"loky": _loky, "torch.distributed": _group, "dask": _dask}
    return ways[plan.call](plan, place, references)


def _loky(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    folder, whole = place / "run", digest(otgen.pairwise(SETS))
    killer = threading.Thread(target=_kill_worker, args=(folder, plan))
    before = state.taken(place, SETS, ["run"])

    def measured() -> str:
        with joblib.parallel_config(backend="loky"):
            return digest(otgen.pairwise(SETS, distance=slow, n_jobs=2, checkpoint=folder))

    killer.start()
    end, said = ended(measured, whole)
    killer.join()
    kept = len(list(folder.glob("tile-*")))
    after, words = ended(measured, whole)
    joblib.externals.loky.get_reusable_executor().shutdown(kill_workers=True)
    spoiled = tuple(name for name in state.differing(before, place, SETS, ["run"]) if name not in _OF_LOKY)
    if after != kinds.RIGHT:
        spoiled += (f"the next call: {after} {words}",)
    return Outcome(end, f"{said} ({kept} tiles kept)", spoiled)


_OF_LOKY = ("open files", "environment", "threads")  # its pool is kept for the next call, by design


def _kill_worker(folder: Path, plan: Plan) -> None:
    until = time.monotonic() + _SECONDS
    while len(list(folder.glob("tile-*.npz"))) < plan.given["tiles"] and time.monotonic() < until:
        time.sleep(0.002)
    workers = sorted(_workers())
    if workers:
        os.kill(workers[int(plan.given["which"]) % len(workers)], signal.SIGKILL)


def _workers() -> list[int]:
    """loky's, which are children of this process."""
    found = list[int]()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            words = (path / "stat").read_text().rpartition(")")[2].split()
            if int(words[1]) == os.getpid() and b"popen_loky" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def _group(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """Two processes that share a loss, again and again; the first one must hear that the second has gone."""
    reading, writing = os.pipe()
    members = [_member(rank, place / "store", reading, writing) for rank in range(2)]
    os.close(writing)
    os.read(reading, 1)  # one loss has been shared
    time.sleep(plan.given["wait"])
    os.kill(members[1], signal.SIGKILL)
    ready, _, _ = select.select([reading], [], [], _SECONDS)
    answer = os.read(reading, 4096).decode() if ready else ""
    for member in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
        os.waitpid(member, 0)
    os.close(reading)
    end, _, said = answer.partition("\n")
    if not answer:
        return Outcome(kinds.HANG if not ready else kinds.CRASH, "the other process says nothing")
    said, _, after = said.partition("\n")
    return Outcome(end, said, () if after == references["loss"].digest else ("the next call",))


def _member(rank: int, store: Path, reading: int, writing: int) -> int:
    member = os.fork()
    if member:
        return member
    os.close(reading)
    with contextlib.suppress(BaseException):
        dist.init_process_group(
            "gloo", init_method=f"file://{store}", rank=rank, world_size=2, timeout=timedelta(seconds=_SECONDS)
        )
        answer = _shared_until_it_fails(rank, writing)
        dist.destroy_process_group()
        os.write(writing, "\n".join((*answer, digest(CALLS["loss"](store.parent)))).encode())
    os._exit(0)


def _shared_until_it_fails(rank: int, writing: int) -> tuple[str, str]:
    """How the loss ends: as torch's own error with our note of what it means, as is documented."""
    x, y = torch.rand(40, 2, generator=torch.Generator().manual_seed(rank), requires_grad=True), torch.ones(30, 2)
    first = True
    while True:
        try:
            distributed.sinkhorn_loss(x, y, epsilon=0.1).backward()
        except BaseException as fault:
            noted = any("otgen.nn.distributed" in note for note in getattr(fault, "__notes__", ()))
            return (OURS if noted or isinstance(fault, otgen.OtgenError) else kinds.STRAY), told(fault)[:100]
        if first and rank == 0:
            os.write(writing, b".")
        first = False


_DASK = """
import os, signal, sys, threading, time
import joblib
from distributed import Client, LocalCluster
from benchmarks.faults.slow import SETS, slow
import otgen

def main(place, tiles, which):
    os.mkdir(place)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        process = list(client.run(os.getpid).values())[which]

        def kill():
            while sum(name.startswith("tile-") for name in os.listdir(place)) < tiles:
                time.sleep(0.002)
            os.kill(process, signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()
        with joblib.parallel_config(backend="dask"):
            found = otgen.pairwise(SETS, distance=slow, n_jobs=-1, checkpoint=place)
    print("same" if (found == otgen.pairwise(SETS)).all() else "other", flush=True)

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""


def _dask(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    (place / "run.py").write_text(_DASK)
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    words = [sys.executable, "run.py", "kept", str(int(plan.given["tiles"])), str(int(plan.given["which"]))]
    done: Any = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=280)
    said = done.stdout.strip()
    if done.returncode or said != "same":
        return Outcome(kinds.WRONG if said else kinds.STRAY, done.stderr.strip()[-160:])
    left = tuple(f"left over: {path.name}" for path in (place / "kept").glob(".*"))
    return Outcome(kinds.RIGHT, "measured by the other one", left)


KIND = Kind(
    "workers",
    "A killed worker",
    "One of two workers is killed: of joblib's processes in pairwise (an error of ours; the next call goes on from the checkpoint), of a group of torch "
    "(an error on the other one, with a note of what it means), of a Dask cluster (another one takes over).",
    (OURS,),
    plan,
    carry_out,
)
