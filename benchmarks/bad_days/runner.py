"""Run one call in a process of its own, with limits, and say what came of it.

The processes are forked from one that has imported everything, so that a row takes milliseconds; each sets its own limits. What a library
prints is not heard.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import re
import resource
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .row import Outcome

SECONDS, SLOW_SECONDS = 20, 240
GIGABYTES = 4  # above what the imports hold
PRELOADED = ("otgen", "ot", "scipy.stats", "scipy.optimize", "torch", "geomloss")
_HERE = str(Path(__file__).parent)


def context() -> Any:
    """Where processes come from: a server that imports what is installed of the libraries, once."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([f"{__package__}.preload"])
    return made


def run(name: str, who: str, processes: Any, *, seconds: float = SECONDS) -> Outcome:
    """The outcome of one call of one row."""
    receive, send = processes.Pipe(duplex=False)
    process = processes.Process(target=_child, args=(name, who, send))
    process.start()
    send.close()
    try:
        answered = receive.poll(seconds)
        outcome = receive.recv() if answered else Outcome("hang", said=f"no answer in {seconds:g} s")
    except EOFError:
        process.join()
        outcome = _ended(process.exitcode)
    process.kill()
    process.join()
    return outcome


def _ended(code: int) -> Outcome:
    """Of a process that said nothing: killed, which is what a system does that has no memory left, or broken."""
    if code == -signal.SIGKILL:
        return Outcome("memory", said="killed")
    return Outcome("crash", said=signal.Signals(-code).name if code < 0 else f"exit code {code}")


def _child(name: str, who: str, send: Any) -> None:
    from .table import ROWS  # what a row asks for cannot be sent

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (held + (GIGABYTES << 30),) * 2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    send.send(outcome(ROWS[name].ask()[who], who))


def outcome(call: Callable[[], Any], who: str) -> Outcome:
    """What came of a call, in this process."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            answer = call()
        except MemoryError as fault:
            ours = _is_ours(fault)
            return Outcome("refused" if ours else "memory", said=first_words(fault))
        except Exception as fault:
            return Outcome(
                "refused" if _raised_by_itself(fault, who) else "stray", said=first_words(fault), warned=bool(heard)
            )
    return _answer(answer, warned=bool(heard))


def _answer(answer: Any, *, warned: bool) -> Outcome:
    if answer is None:
        return Outcome("nothing", said="None", warned=warned)
    lower, upper = getattr(answer, "lower", None), getattr(answer, "upper", None)
    with contextlib.suppress(TypeError, ValueError):
        value = float(answer.value if hasattr(answer, "value") else answer)
        bounds = (None, None) if lower is None or upper is None else (float(lower), float(upper))
        return Outcome("number", value, *bounds, warned=warned)
    return Outcome("nothing", said=f"a {type(answer).__name__}", warned=warned)


def _is_ours(fault: BaseException) -> bool:
    errors = importlib.import_module("otgen").OtgenError
    return isinstance(fault, errors)


def _raised_by_itself(fault: Exception, who: str) -> bool:
    """Whether the library looked and said no. Of ours, only its own errors count.

    Of others, whatever a line of theirs raises or asserts, numpy's assertions where they check with these, and a ValueError of compiled code of theirs that is
    called from here. What falls out of a line that meant something else is an accident.
    """
    if who == "otgen":
        return _is_ours(fault)
    if not str(fault):
        return False
    last = traceback.extract_tb(fault.__traceback__)[-1]
    package = {"POT": "ot", "GeomLoss": "geomloss", "OTT-JAX": "ott"}.get(who.split()[0], who.split()[0])
    on_purpose = (last.line or "").startswith(("raise", "assert"))
    if last.filename.startswith(_HERE):
        return on_purpose or isinstance(fault, ValueError)
    compiled = last.filename.endswith(".pyx")
    return "/numpy/testing/" in last.filename or (f"/{package}/" in last.filename and (on_purpose or compiled))


def first_words(fault: BaseException) -> str:
    """The error's name and its first words, without numbers of addresses or paths."""
    words = " ".join(str(fault).split())
    words = re.sub(r"/\S+/", "", words)
    return f"{type(fault).__name__}: {words[:90]}{'...' if len(words) > 90 else ''}" if words else type(fault).__name__
