"""One run in a process of its own, with a limit on its time.

The processes are forked from one that has imported everything and loaded the kernels, so that a run takes little more than its calls.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .kinds import CRASH, HANG, Outcome, Reference

_REFERENCE_SECONDS = 120.0
THREADS = "2"  # of kernels


def context() -> Any:
    """Where processes come from; threads of the libraries below are one, so that forks of the server are safe."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OTGEN_NUM_THREADS": "1"}
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([f"{__package__}.preload"])
    return made


def run(kind: str, number: int, processes: Any, references: Mapping[str, Reference], seconds: float) -> Outcome:
    """The outcome of one run of a kind."""
    answer = _asked(processes, _run, (kind, number, dict(references)), seconds)
    return answer if isinstance(answer, Outcome) else Outcome(*answer)


def reference(call: str, processes: Any) -> Reference:
    """One undisturbed call; a second one in the same process is timed."""
    answer = _asked(processes, _refer, (call,), _REFERENCE_SECONDS)
    if not isinstance(answer, Reference):
        raise RuntimeError(f"{call} fails undisturbed: {answer}")
    return answer


def _asked(processes: Any, work: Any, arguments: tuple[Any, ...], seconds: float) -> Any:
    """What a child sends, or how it ended without; nothing of it is left running."""
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    receive, send = processes.Pipe(duplex=False)
    process = processes.Process(target=_child, args=(work, arguments, place, send))
    process.start()
    send.close()
    try:
        answer = receive.recv() if receive.poll(seconds) else (HANG, f"no answer in {seconds:g} s")
    except EOFError:
        process.join()
        said = (place / "said").read_text(errors="replace").strip() if (place / "said").exists() else ""
        answer = (CRASH, f"{_signal(process.exitcode)}: {said[-200:]}")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    shutil.rmtree(place, ignore_errors=True)
    return answer


def _signal(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _child(work: Any, arguments: tuple[Any, ...], place: Path, send: Any) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    log = os.open(place / "said", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ["OTGEN_NUM_THREADS"] = THREADS
    (place / "here").mkdir()
    os.chdir(place / "here")
    send.send(work(*arguments, place / "here"))


def _run(kind: str, number: int, references: Mapping[str, Reference], place: Path) -> Outcome:
    from .table import KINDS

    chosen = KINDS[kind]
    return chosen.carry_out(chosen.drawn(number), place, references)


def _refer(call: str, place: Path) -> Reference:
    from .calls import CALLS, digest

    folders = [place / "one", place / "other"]
    found = list[str]()
    began = 0.0
    for folder in folders:
        folder.mkdir()
        began = time.perf_counter()
        found.append(digest(CALLS[call](folder)))
    if found[0] != found[1]:
        raise RuntimeError("two undisturbed calls differ")
    return Reference(found[0], time.perf_counter() - began)
