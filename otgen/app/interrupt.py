"""Ctrl-C: one line and exit code 130, at any moment from when this is loaded, also while compiled code runs."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Generator
from types import FrameType
from typing import NoReturn

from .._threads import begin

STOPPED = 130  # 128 + SIGINT, as shells count
GRACE = 2.0  # seconds in which an interrupted command may put its things away
_said, _received = threading.Event(), threading.Event()


def say(message: str) -> None:
    """One line on stderr, past whatever buffers it has; progress that stands on the line is wiped."""
    _said.set()
    wipe = "\r\x1b[2K" if sys.stderr.isatty() else ""
    os.write(2, f"{wipe}otgen: {message}\n".encode())


def leave(message: str) -> NoReturn:
    """End the command after an interrupt: at once after a signal, so that nothing can wait for threads or raise it again."""
    say(message)
    if _received.is_set():
        sys.stdout.flush()
        os._exit(STOPPED)
    raise SystemExit(STOPPED)


@contextlib.contextmanager
def watched() -> Generator[None]:
    """Within this, an interrupt that the command does not act on ends the process after a moment.

    Python acts on signals between two of its own instructions, which compiled code does not return to for as long as it runs. The
    kernels run without the GIL, so that a thread can wake up, wait, and leave. After an interrupt it stays, until the process ends.
    Where the system gives no thread, an interrupt is acted on once compiled code returns.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        """Raise once; further interrupts must not disturb what is being put away."""
        _received.set()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.unraisablehook = lambda fault: None  # what is put away half made complains, line by line
        raise KeyboardInterrupt

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handler = signal.signal(signal.SIGINT, interrupt)
    unread, at_work = [reading], _thread.allocate_lock()
    with contextlib.suppress(RuntimeError, MemoryError):
        begin(lambda: _wait(unread), at_work)
    try:
        yield
    finally:
        if not _received.is_set():
            signal.signal(signal.SIGINT, handler)
            signal.set_wakeup_fd(before)
            os.close(writing)
            with contextlib.suppress(IndexError):  # a thread has taken it
                os.close(unread.pop())
            with at_work:
                pass


def _wait(unread: list[int]) -> None:
    """Wait for an interrupt, then for the command to end; end it where it does not. A thread that comes late finds nothing to read."""
    try:
        reading = unread.pop()  # which no interrupt can cut in two
    except IndexError:
        return
    while (received := os.read(reading, 1)) and received[0] != signal.SIGINT:
        pass
    if received:
        threading.Event().wait(GRACE)
        if not _said.is_set():
            say("stopped")
        os._exit(STOPPED)
    os.close(reading)
