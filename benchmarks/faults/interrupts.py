"""Ctrl-C at any moment of the calls that take long, and of two commands."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import otgen

from . import commands, kinds
from .calls import CALLS
from .kinds import STOPPED, Kind, Outcome, Plan, Reference
from .trial import disturbed

_CALLS = ("solve", "batch", "pairwise", "fit", "train", "sinkhorn", "two_sample", "neighbors")
_COMMANDS = ("otgen train", "otgen report")
_PACKAGE = str(Path(otgen.__file__).parent)
_HEARD = 30.0  # seconds in which a command must have ended; on an idle machine it takes 2 at most


def plan(rng: np.random.Generator, number: int) -> Plan:
    """One run in five stops a command; of the others every second one is stopped at a call, since kernels would take all the time."""
    share = rng.random()
    if number % 5 == 4:
        call = _COMMANDS[number // 5 % 2]
        return Plan(call, f"SIGINT after {share:.0%} of the time", {"share": share})
    call = _CALLS[(number - number // 5) % len(_CALLS)]
    if number % 2:
        return Plan(call, f"SIGINT at the call that is {share:.1%} of the way", {"places": share})
    return Plan(call, f"SIGINT after {share:.0%} of the time", {"share": share})


def carry_out(plan: Plan, place: Path, references: Mapping[str, Reference]) -> Outcome:
    """Calls are counted out by an undisturbed call."""
    if plan.call in _COMMANDS:
        return _command(plan, place)
    if "share" in plan.given:
        fault = _after(plan.given["share"] * references[plan.call].seconds)
    else:
        (place / "before").mkdir()
        with _at_place(0) as counted:
            CALLS[plan.call](place / "before")
        fault = _at_place(1 + int(plan.given["places"] * counted[0]))
    return disturbed(plan.call, place, references[plan.call], fault)


@contextlib.contextmanager
def _after(seconds: float) -> Generator[None]:
    """A process sends the signal; a call that ends sooner is not stopped."""
    bell = os.fork()
    if bell == 0:
        time.sleep(seconds)
        os.kill(os.getppid(), signal.SIGINT)
        os._exit(0)
    try:
        yield
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(bell, signal.SIGKILL)
            os.waitpid(bell, 0)


@contextlib.contextmanager
def _at_place(number: int) -> Generator[list[int]]:
    """The signal comes where Python acts on signals, counted within the package: as a function begins, or a call of compiled code returns."""
    counted = [0]

    def seen(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_return") and frame.f_code.co_filename.startswith(_PACKAGE):
            counted[0] += 1
            if counted[0] == number:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

    sys.setprofile(seen)
    try:
        yield counted
    finally:
        sys.setprofile(None)


def _command(plan: Plan, place: Path) -> Outcome:
    """A command that is stopped ends with 130 and one line; what it was to write is whole or absent, and it can be run again."""
    command = commands.COMMANDS[plan.call]
    whole = commands.run(command, place / "whole")
    process, folder = commands.started(command, place / "stopped")
    began = time.monotonic()
    time.sleep(plan.given["share"] * whole.seconds)
    process.send_signal(signal.SIGINT)
    code = commands.waited(process, _HEARD)
    late = time.monotonic() - began
    said = (folder / commands.SAID).read_text().strip()
    spoiled = commands.left_over(folder, command)
    if code not in (0, 130):
        return Outcome(
            kinds.HANG if code is None else kinds.STRAY, f"exit code {code} after {late:.1f} s: {said[-160:]}", spoiled
        )
    if code == 130 and (not said.startswith("otgen: stopped") or "\n" in said):
        spoiled += (f"said {said[-160:]!r}",)
    if commands.run(command, folder, again=True).digest != whole.digest:
        spoiled += ("the next run",)
    return Outcome(kinds.STOPPED if code else kinds.RIGHT, said, spoiled)


KIND = Kind(
    "interrupts",
    "Ctrl-C",
    "SIGINT at a random moment: by the clock, or at a random call within the package, since by the clock most moments are in compiled code. "
    "Right is KeyboardInterrupt, of a command exit code 130 and one line; a training that was stopped goes on to the same bits.",
    (STOPPED,),
    plan,
    carry_out,
    seconds=600.0,
)
