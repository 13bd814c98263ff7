"""Who compiles is told of it: how many kernels, of how many that are in sight.

In sight is what a call has asked for, and all that this calls: its names are read from the code. A call that goes on to another kernel
raises the number. A kernel that comes from disk is told of to nobody.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from numba.core import event
from numba.core.dispatcher import Dispatcher

Teller = Callable[[str], None]


class Progress(event.Listener):
    """Listens to numba; tells ``compiling kernels, once for this machine: 3 of 9``, and ``""`` when a kernel is ready to be called."""

    def __init__(self, tell: Teller) -> None:
        self.tell = tell
        self.depth = 0
        self.begun: set[int] = set()
        self.seen: set[int] = set()

    def on_start(self, event: Any) -> None:
        """A kernel, or a part of one, is being compiled."""
        kernel = event.data["dispatcher"]
        self.depth += 1
        if not _is_ours(kernel):
            return
        self.begun.add(id(kernel))
        self.seen |= {id(one) for one in reached(kernel)} | {id(kernel)}
        self.tell(f"compiling kernels, once for this machine: {len(self.begun)} of {len(self.seen)}")

    def on_end(self, event: Any) -> None:
        """It is done."""
        self.depth -= 1
        if not self.depth:
            self.seen = set(self.begun)  # what came from disk is not waited for
            self.tell("")


def reached(kernel: Any) -> list[Any]:
    """The kernels without a compiled variant that a kernel calls, and that these call, each once."""
    found: dict[int, Any] = {}
    left = [kernel]
    while left:
        function = left.pop().py_func
        for name in function.__code__.co_names:
            part = function.__globals__.get(name)
            if isinstance(part, Dispatcher) and _is_ours(part) and not part.overloads and id(part) not in found:
                found[id(part)] = part
                left.append(part)
    return list(found.values())


def _is_ours(kernel: Any) -> bool:
    return kernel.py_func.__module__.startswith(__package__ or "")


@contextlib.contextmanager
def told(tell: Teller) -> Iterator[None]:
    """Tell of what is compiled meanwhile, in place of whoever is told otherwise.

    Examples
    --------
    >>> said = []
    >>> with told(said.append):
    ...     pass
    >>> said
    []
    """
    before = _default.tell
    try:
        _default.tell = tell
        yield
    finally:
        _default.tell = before


def _on_terminal(text: str) -> None:
    """One line on stderr where that is a terminal, wiped when the kernel is ready."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


_default = Progress(_on_terminal)
event.register("numba:compile", _default)
