"""How much memory is free, and sizes in words: what would not fit is refused before it is allocated."""

from __future__ import annotations

import os
from pathlib import Path


def available() -> int:
    """Bytes that this process may still take: what the system calls available, within the limit of its control group."""
    free = _system()
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return free if limit == "max" else max(0, min(free, int(limit) - int(used)))
    except (OSError, ValueError):
        return free


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
        return 2**62


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
