"""Threads that never start, or late: nobody waits for them, wherever the library starts one."""

import _thread
import ast
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from syntax import nodes

import otgen
from otgen.app import interrupt
from otgen.app.commands.app import progress

STARVED = """
import resource, signal
from pathlib import Path
from otgen.app import interrupt

def held():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

with interrupt.watched():
    pass
before = resource.getrlimit(resource.RLIMIT_AS)
for room in range(0, 2**16, 2**12):
    resource.setrlimit(resource.RLIMIT_AS, (held() + room, before[1]))
    try:
        with interrupt.watched():
            pass
    except MemoryError:
        pass
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such limits are not kept")
def test_a_command_without_memory_does_not_wait_without_end():
    ran = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, timeout=120)
    assert ran.stdout == "done\n", ran.stderr


def refused(*given):
    raise RuntimeError("can't start new thread")


@pytest.fixture(params=["on time", "late", "refused"])
def late(request, monkeypatch):
    """Threads that come when they are to, after all is over, or not at all; those that come late."""
    come = []
    if request.param != "on time":
        start = refused if request.param == "refused" else lambda *given: come.append(given)
        monkeypatch.setattr(_thread, "start_new_thread", start)  # no input makes the system do so each time
    return come


def open_files():
    return sorted(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere open files are not listed so")
def test_interrupts_are_watched_for(late):
    before, handler = open_files(), signal.getsignal(signal.SIGINT)
    with interrupt.watched():
        assert signal.getsignal(signal.SIGINT) is not handler
    for work, given in late:
        work(*given)
    assert open_files() == before
    assert signal.getsignal(signal.SIGINT) is handler


class Terminal(io.StringIO):
    """A terminal that keeps what is written on it."""

    def isatty(self):
        return True


def test_what_a_terminal_shows(late, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress("loading", shown=True) as tell:
        first = screen.getvalue()
        tell("working")
        until = time.monotonic() + 30
        while _thread.start_new_thread is STARTED and "working" not in screen.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    for work, given in late:
        work(*given)
    assert "loading" in first
    assert "working" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")  # wiped


STARTED = _thread.start_new_thread


def test_there_is_one_way_of_starting_threads():
    package = Path(otgen.__file__).parent
    starts = {"Thread", "Timer", "start_new_thread", "ThreadPoolExecutor"}
    found = {
        (str(path.relative_to(package)), node.attr)
        for path in package.rglob("*.py")
        for node in nodes(path, starts)
        if isinstance(node, ast.Attribute) and node.attr in starts
    }
    assert found == {("_threads.py", "start_new_thread")}
