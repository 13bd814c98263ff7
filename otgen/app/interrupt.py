"""Ctrl-C: one line and exit code 130, at any moment, also while compiled code runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

STOPPED = 130  # 128 + SIGINT, as shells count
GRACE = 2.0  # seconds in which an interrupted command may put its things away


def say(message: str) -> None:
    """One line on stderr, past whatever buffers it has; progress that stands on the line is wiped."""
    wipe = "\r\x1b[2K" if sys.stderr.isatty() else ""
    os.write(2, f"{wipe}otgen: {message}\n".encode())


def watch(leave: Callable[[int], object] = os._exit) -> None:
    """From now on an interrupt that the command does not act on ends the process after a moment.

    Python acts on signals between two of its own instructions, which compiled code does not return to for as long as it runs. The
    kernels run without the GIL, so that a thread can wake up, wait, and leave.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_wait, args=(reading, leave), daemon=True, name="interrupts").start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise once; further interrupts must not disturb what is being put away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _wait(reading: int, leave: Callable[[int], object]) -> None:
    while (received := os.read(reading, 1)) and received[0] != signal.SIGINT:
        pass
    if received and not threading.Event().wait(GRACE):
        say("stopped")
        leave(STOPPED)
