"""A fork after threads have run: of kernels, of the caller's own, or while some still work."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from . import kinds, state
from .calls import CALLS, INPUTS, digest
from .kinds import Kind, Outcome, Plan, Reference
from .trial import ended

_CALLS = tuple(CALLS)
_BEFORE = ("after the same call", "after calls on four threads", "while a call is at work on another thread")
_SECONDS = 60.0


def plan(rng: np.random.Generator, number: int) -> Plan:
    """What has run before differs; the child makes one call, as does its parent."""
    before, other = number % len(_BEFORE), str(rng.choice(_CALLS))
    return Plan(
        _CALLS[number % len(_CALLS)],
        f"a fork {_BEFORE[before]}, {other}",
        {"before": before, "other": _CALLS.index(other)},
    )


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """The child tells its digest through a pipe, or is killed after a minute."""
    folders = [place / "runs" / name for name in ("child", "parent", "before")]
    for folder in folders:
        folder.mkdir(parents=True)
    other = _CALLS[int(plan.given["other"])]
    before = state.taken(place, INPUTS, ["runs"])
    at_work = threading.Thread(target=lambda: CALLS[other](folders[2]))
    if plan.given["before"] == 0:
        CALLS[plan.call](folders[2])
    elif plan.given["before"] == 1:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda k: CALLS[other](_made(folders[2] / str(k))), range(4)))
    else:
        at_work.start()
    end, said = _of_child(plan.call, folders[0], references[plan.call].digest)
    own, words = ended(lambda: digest(CALLS[plan.call](folders[1])), references[plan.call].digest)
    if at_work.ident is not None:
        at_work.join()
    spoiled = state.differing(before, place, INPUTS, ["runs"])
    return Outcome(end, said, spoiled if own == kinds.RIGHT else (*spoiled, f"the parent: {own} {words}"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _of_child(call: str, folder: Path, reference: str) -> tuple[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, "\n".join(ended(lambda: digest(CALLS[call](folder)), reference)).encode())
        os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], _SECONDS)
    answer = os.read(reading, 4096).decode() if ready else ""
    os.close(reading)
    if not ready:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not ready:
        return kinds.HANG, f"the child says nothing for {_SECONDS:g} s"
    end, _, said = answer.partition("\n")
    return (end, said) if answer else (kinds.CRASH, f"the child ended with {code}")


KIND = Kind(
    "forks",
    "A fork after threads",
    "A process forks after kernels have run on threads, or while one does, and calls in the child and in the parent. Right are the bits, in both.",
    (),
    plan,
    carry_out,
)
