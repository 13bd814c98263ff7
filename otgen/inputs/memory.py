"""How much memory is free, and sizes in words: what would not fit is refused before it is allocated."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import TooLarge
from . import control_groups
from .control_groups import UNLIMITED

try:
    import resource
except ImportError:  # no such limits on Windows
    resource = None

JUDGED = 2**26  # bytes from which it is asked whether they fit


def available() -> int:
    """Bytes that this process may still take: what the system calls available, within the limits of its control groups and of its own.

    The limits of a process are RLIMIT_AS (``ulimit -v``), of all addresses, and RLIMIT_DATA (``ulimit -d``), of those that hold data.
    """
    return max(0, min(_system(), control_groups.left(), _own()))


def _system() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # a system that does not say
        return UNLIMITED


def _own() -> int:
    """Bytes below the limits of the process; what it has taken counts as nothing where the system does not say."""
    if resource is None:
        return UNLIMITED
    soft = [resource.getrlimit(name)[0] for name in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    if set(soft) == {resource.RLIM_INFINITY}:
        return UNLIMITED
    try:
        pages = Path("/proc/self/statm").read_text().split()
        taken = [
            int(pages[field]) * os.sysconf("SC_PAGE_SIZE") for field in (0, 5)
        ]  # all of them, and data with the stack
    except (OSError, IndexError):
        taken = [0, 0]
    return min(limit - used for limit, used in zip(soft, taken) if limit != resource.RLIM_INFINITY)


def readable(size: float) -> str:
    """Bytes in words.

    Examples
    --------
    >>> readable(3.2e9)
    '3.2 GB'
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{max(size, 0) / 1e3:.3g} kB"


def refuse_bytes(need: int, shape: tuple[int, ...], name: str, *, held: int = 0) -> None:
    """Raise `TooLarge` for what needs more bytes than are free, beside those that are ``held`` already."""
    if need >= JUDGED and need - held > (free := available()):
        raise TooLarge(
            f"{name} must fit in memory; received shape {shape}, which is {readable(need)} with {readable(free)} free; "
            f"pass fewer points, or points in place of a matrix of their costs"
        )
