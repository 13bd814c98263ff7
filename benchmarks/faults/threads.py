"""Many threads that call at once: the same calls or different ones, each of them with modes of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from . import kinds, state
from .calls import CALLS, INPUTS, digest
from .kinds import Kind, Outcome, Plan, Reference
from .trial import ended

_CALLS = tuple(CALLS)


def plan(rng: np.random.Generator, number: int) -> Plan:
    """One call on all threads, or a mixture."""
    workers = int(rng.integers(3, 17))
    call = "a mixture" if number % 3 == 2 else _CALLS[number % len(_CALLS)]
    return Plan(call, f"{workers} threads at once", {"workers": workers, "seed": int(rng.integers(2**31))})


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """They wait for one another, so that all begin together."""
    rng, workers = np.random.default_rng(int(plan.given["seed"])), int(plan.given["workers"])
    names = [str(name) for name in rng.choice(_CALLS, workers)] if plan.call == "a mixture" else [plan.call] * workers
    before, found = state.taken(place, INPUTS, ["runs"]), dict[int, tuple[str, str]]()
    together = threading.Barrier(workers)

    def work(k: int) -> None:
        folder = place / "runs" / str(k)
        folder.mkdir(parents=True)
        together.wait(60)
        with np.errstate(all="raise" if k % 2 else "ignore"), torch.set_grad_enabled(k % 3 != 0 or names[k] == "loss"):
            errstate, modes = np.geterr(), torch.is_grad_enabled()
            end = ended(lambda: digest(CALLS[names[k]](folder)), references[names[k]].digest)
            kept = (np.geterr(), torch.is_grad_enabled()) == (errstate, modes)
        found[k] = end if kept else (kinds.WRONG, "modes of the thread")

    callers = [threading.Thread(target=work, args=(k,)) for k in range(workers)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    spoiled = state.differing(before, place, INPUTS, ["runs"])
    worst = next(((names[k], *end) for k, end in found.items() if end[0] != kinds.RIGHT), None)
    if len(found) < workers:
        return Outcome(kinds.STRAY, "a thread ended without an answer", spoiled)
    return Outcome(kinds.RIGHT, "", spoiled) if worst is None else Outcome(worst[1], f"{worst[0]}: {worst[2]}", spoiled)


KIND = Kind(
    "threads",
    "Threads at once",
    "3 to 16 threads begin at the same moment, with one call or with several, half of them where numpy raises on what it otherwise ignores. "
    "Right are the bits of a call alone, on every thread.",
    (),
    plan,
    carry_out,
)
