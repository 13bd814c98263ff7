"""How far a long call is, told on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ..inputs import scalars
from ..solvers.base import Progress, silent


@contextmanager
def told(progress: Any) -> Generator[Progress]:
    """What receives messages as work goes on: a line on stderr that each replaces, where that is a terminal and ``progress`` is True.

    The line is ended however the work ends.

    Raises
    ------
    InvalidInput
        Where ``progress`` is no truth value.

    Examples
    --------
    >>> with told(False) as tell:
    ...     tell("1 of 2")
    """
    if not (scalars.flag(progress, "progress") and sys.stderr.isatty()):
        yield silent
        return
    try:
        yield on_stderr
    finally:
        sys.stderr.write("\n")


def on_stderr(message: str) -> None:
    """A line that the next one replaces, on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{message}")
        sys.stderr.flush()
