"""Runs examples one after the other, counts how they end, keeps the seeds of those that end badly, and goes on where it was stopped."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import messages
import numpy as np

from otgen.errors import Infeasible, NotConverged, OtgenError

from .draws import Draw
from .judges import ANSWER, ENDED, REFUSAL, REFUSED, Trial, Wrong
from .table import CALLS

LIMIT = 60.0  # seconds that a call may take
SLOW = 5.0  # of CPU: told, though no fault
FAULT = "FAULT"
CHUNK = 500  # examples between two writings of the state


class Hang(BaseException):
    """A call has taken longer than it may."""


@dataclass
class Found:
    """What a run found: how many examples ended how, and which of them ended badly."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, str]] = field(default_factory=list)
    slow: list[tuple[float, str]] = field(default_factory=list)

    def add(self, example: str, outcome: str, why: str, seconds: float) -> None:
        """Count one."""
        name = example.partition(":")[0]
        self.outcomes[f"{name} | {outcome}"] += 1
        if outcome == FAULT:
            self.faults.append({"example": example, "why": why, "repeat": f"python -m tests.fuzz --repeat {example}"})
        if seconds > SLOW:
            self.slow = sorted([*self.slow, (round(seconds, 1), example)], reverse=True)[:20]

    def per_outcome(self) -> Counter[str]:
        """Counts over all calls."""
        out: Counter[str] = Counter()
        for key, count in self.outcomes.items():
            out[key.partition(" | ")[2]] += count
        return out


@contextlib.contextmanager
def limited(seconds: float) -> Generator[None]:
    """Raise `Hang` where what is within takes longer; end the process where compiled code takes three times as long."""

    def stop(*_: Any) -> None:
        raise Hang(f"took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def strict() -> Generator[None]:
    """Warnings are errors, of numpy's too; nothing is written on the terminal."""
    with warnings.catch_warnings(), np.errstate(all="warn"), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=". holds rows more than once")  # the tables of critics do
        np.seterr(under="ignore")
        yield


def chosen(number: int) -> str:
    """The example of a number: which call it is of is a function of it."""
    names = sorted(CALLS)
    shares = np.array([CALLS[name].share for name in names])
    return f"{names[int(np.random.default_rng(number).choice(len(names), p=shares / shares.sum()))]}:{number}"


def made(example: str) -> Trial:
    """The trial of an example."""
    name, _, seed = example.rpartition(":")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return CALLS[name].make(Draw(name, int(seed)))


def tried(example: str, heard: messages.Heard) -> tuple[str, str]:
    """How an example ends, and where that is badly, why."""
    heard.faults()
    try:
        outcome, why = _ended(made(example))
    except (Hang, Exception) as fault:
        return FAULT, f"{type(fault).__name__}: {fault} | {_place(fault)}"
    told = heard.faults()
    if told and outcome != FAULT:
        return FAULT, f"ill told: {told[0]}"
    return outcome, why


def _ended(trial: Trial) -> tuple[str, str]:
    try:
        with strict(), limited(LIMIT):
            answer = trial.ask()
    except (NotConverged, Infeasible) as error:
        return ENDED, str(error)
    except OtgenError as error:
        if trial.due == ANSWER:
            return FAULT, f"refused what is right: {error} | {trial.told}"
        return REFUSED, str(error)
    except Exception as error:
        if (
            trial.words_of
            and isinstance(error, ValueError | TypeError | RuntimeError)
            and trial.words_of in _last(error)
        ):
            return REFUSED, str(error)
        return FAULT, f"{type(error).__name__}: {error} | {_place(error)} | {trial.told}"
    if trial.due == REFUSAL:
        return FAULT, f"answered what must be refused: {answer!r} | {trial.told}"
    try:
        with strict(), limited(LIMIT):
            return trial.judge(answer), ""
    except Wrong as error:
        return FAULT, f"{error} | {trial.told}"
    except OtgenError as error:
        return FAULT, f"the answer refuses: {error} | {_place(error)} | {trial.told}"
    except Exception as error:
        return FAULT, f"judging: {type(error).__name__}: {error} | {_place(error)} | {trial.told}"


def _last(error: BaseException) -> str:
    return traceback.extract_tb(error.__traceback__)[-1].filename


def _place(error: BaseException) -> str:
    """Where it was raised: the last places in ours, and the very last."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "otgen/" in f.filename][-2:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed([*ours, frames[-1]]))


def listening() -> messages.Heard:
    """Hears every error that the library makes from now on."""
    heard = messages.Heard()
    heard.install()
    return heard


def run(examples: Iterable[str], heard: messages.Heard, found: Found | None = None) -> Found:
    """Try them all."""
    found = Found() if found is None else found
    for example in examples:
        began = time.process_time()
        outcome, why = tried(example, heard)
        found.add(example, outcome, why, time.process_time() - began)
    return found


def work(first: int, last: int, stride: int, path: Path, left_out: Iterable[int] = ()) -> None:
    """A process of its own: examples first, first + stride, ... below last, but for some; its state is written after each chunk, each example before it."""
    heard, found, began = listening(), Found(), time.monotonic()
    flying = os.open(path.with_suffix(".flying"), os.O_CREAT | os.O_WRONLY)
    for done, number in enumerate(sorted({*range(first, last, stride)} - {*left_out})):
        example = chosen(number)
        os.pwrite(flying, f"{number} {example}".ljust(80).encode(), 0)
        faulthandler.dump_traceback_later(3 * LIMIT, exit=True)
        run([example], heard, found)
        faulthandler.cancel_dump_traceback_later()
        if done % CHUNK == CHUNK - 1:
            _write(path, found, number + stride, time.monotonic() - began)
    _write(path, found, last, time.monotonic() - began)


def _write(path: Path, found: Found, next_one: int, seconds: float) -> None:
    state = {
        "next": next_one,
        "seconds": seconds,
        "outcomes": found.outcomes,
        "faults": found.faults,
        "slow": found.slow,
    }
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(state, indent=1))
    beside.replace(path)


def merged(state: dict[str, Any], part: dict[str, Any]) -> None:
    """Add what a process has found to the state of all."""
    state["outcomes"] = dict(Counter(state["outcomes"]) + Counter(part["outcomes"]))
    state["faults"] += part["faults"]
    state["slow"] = sorted([*state["slow"], *part["slow"]], reverse=True)[:20]


def many(count: int, path: Path, processes: int) -> dict[str, Any]:
    """Run up to ``count`` examples in all, from where the state stands; a process that dies costs its example, which is a fault."""
    state = (
        json.loads(path.read_text())
        if path.exists()
        else {"next": 0, "outcomes": {}, "faults": [], "slow": [], "seconds": 0.0}
    )
    while state["next"] < count:
        first, last = state["next"], min(state["next"] + CHUNK * processes * 4, count)
        began = time.monotonic()
        parts = [_Worker(first + k, last, processes, path.with_name(f"{path.stem}.{k}.json")) for k in range(processes)]
        for part in parts:
            part.finish(state)
        state["next"], state["seconds"] = last, state["seconds"] + time.monotonic() - began
        path.write_text(json.dumps(state, indent=1))
        print(told(state), flush=True)
    return state


class _Worker:
    """A process, started again from where its state was written, without the example that it died of."""

    def __init__(self, first: int, last: int, stride: int, path: Path) -> None:
        self.first, self.last, self.stride, self.path = first, last, stride, path
        self.died: list[int] = []
        self._start()

    def _start(self) -> None:
        self.path.unlink(missing_ok=True)
        arguments = map(str, (self.first, self.last, self.stride, self.path, *self.died))
        self.process = subprocess.Popen([sys.executable, "-m", "tests.fuzz", "--work", *arguments])

    def finish(self, state: dict[str, Any]) -> None:
        """Wait for it; what it found goes into the state."""
        while code := self.process.wait():
            if code in (130, -signal.SIGINT):
                raise KeyboardInterrupt
            number, example = self.path.with_suffix(".flying").read_text().strip().split(" ", 1)  # names hold spaces
            if self.path.exists():
                part = json.loads(self.path.read_text())
                merged(state, part)
                self.first = part["next"]
            state["faults"].append(
                {
                    "example": example,
                    "why": f"the process ended with {code}",
                    "repeat": f"python -m tests.fuzz --repeat {example}",
                }
            )
            self.died.append(int(number))
            self._start()
        merged(state, json.loads(self.path.read_text()))
        for name in (self.path, self.path.with_suffix(".flying")):
            name.unlink(missing_ok=True)


def told(state: dict[str, Any]) -> str:
    """A line: how many, how they ended, how fast."""
    found = Found(Counter(state["outcomes"]))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.per_outcome().most_common())
    return f"{state['next']} examples: {counts}; {state['next'] / max(state['seconds'], 1e-9):.0f} a second"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=1_000_000, help="examples in all, those of earlier runs among them"
    )
    parser.add_argument(
        "--state", type=Path, default=Path("fuzz.json"), help="what was found so far; the run goes on from it"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--repeat", nargs="*", help="run these examples, and tell of each")
    parser.add_argument("--only", help="run --count examples of this call, and keep no state")
    parser.add_argument("--from", dest="first", type=int, default=0, help="with --only: the first seed")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        first, last, stride, path, *left_out = asked.work
        work(int(first), int(last), int(stride), Path(path), map(int, left_out))
    elif asked.repeat:
        heard = listening()
        for example in asked.repeat:
            print(example, *tried(example, heard))
    elif asked.only:
        found = run((f"{asked.only}:{k}" for k in range(asked.first, asked.first + asked.count)), listening())
        print(*(f"{fault['example']}  {fault['why']}" for fault in found.faults), sep="\n")
        print(dict(found.per_outcome()), "slow:", found.slow)
    else:
        state = many(asked.count, asked.state, asked.processes)
        print(*(f"{fault['why']}\n    {fault['repeat']}" for fault in state["faults"]), sep="\n")
        sys.exit(bool(state["faults"]))
