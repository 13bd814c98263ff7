"""What the control groups of Linux, which containers and batch systems set, leave this process of its memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UNLIMITED = 2**62


class _Files(NamedTuple):
    """Names of a version's files: the limits, what is used; and in ``memory.stat`` the cache of files, taken back when memory is short, and the
    least limit of all groups above, seen or not.
    """

    limits: tuple[str, ...]
    used: str
    cache: str
    above: str


_FILES = {
    "cgroup2": _Files(("memory.max", "memory.high"), "memory.current", "inactive_file", "none"),
    "cgroup": _Files(
        ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file", "hierarchical_memory_limit"
    ),
}


def left(process: Path = Path("/proc/self")) -> int:
    """Bytes that a process may still take within the limits of its group and of all groups above, of either version; 2**62 without any.

    Notes
    -----
    A group is where the mount of its hierarchy (``mountinfo``) and its path in that (``cgroup``) meet; in a container the mount may begin
    below the path's root, or the path be another namespace's, of which only the mount itself can be seen.
    """
    return min((_room(folder, files) for folder, files in _groups(process)), default=UNLIMITED)


def _groups(process: Path) -> Iterator[tuple[Path, _Files]]:
    """The folders of all groups that limit the process, each with the names of its files."""
    paths = _paths(_text(process / "cgroup"))
    for line in _text(process / "mountinfo").split("\n"):
        before, _, after = line.partition(" - ")
        fields, (kind, _, options, *_) = before.split(" "), [*after.split(" "), "", "", ""]
        if kind in paths and (kind == "cgroup2" or "memory" in options.split(",")):
            root, mount = (_unescaped(field) for field in (*fields, *5 * [""])[3:5])
            inside = Path(paths[kind])
            inside = inside.relative_to(root) if inside.is_relative_to(root) else Path()
            for folder in (inside, *inside.parents):
                yield Path(mount, *folder.parts), _FILES[kind]


def _paths(text: str) -> dict[str, str]:
    """The path of the process in the hierarchy that limits memory, by the file system of its version."""
    paths = {}
    for line in text.split("\n"):
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if "memory" in controllers.split(","):
            paths["cgroup"] = path
        elif number == "0" and not controllers:
            paths["cgroup2"] = path
    return {kind: f"/{path.lstrip('/')}" for kind, path in paths.items() if ".." not in Path(path).parts}


def _room(folder: Path, files: _Files) -> int:
    """Bytes below the least limit of one group: at least 0, and at most the limit; what it uses counts as nothing where the system does not say."""
    stat: dict[str, str] = {}
    for line in _text(folder / "memory.stat").splitlines():
        name, _, number = line.partition(" ")
        stat[name] = number
    limit = min(_number(text) for text in (*(_text(folder / name) for name in files.limits), stat.get(files.above, "")))
    if limit >= UNLIMITED:
        return UNLIMITED
    used, cache = (_number(text, otherwise=0) for text in (_text(folder / files.used), stat.get(files.cache, "")))
    return max(0, limit - max(0, used - cache))


def _number(text: str, otherwise: int = UNLIMITED) -> int:
    """A whole number of at most 2**62; what else a file says, such as "max", or none where it cannot be read, is ``otherwise``."""
    text = text.strip()
    return min(int(text[:20]), UNLIMITED) if text.isdecimal() else otherwise


def _text(path: Path) -> str:
    """What a file says, nothing where it cannot be read; names in it may be in any encoding."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    r"""A path of ``mountinfo``, where blanks stand as ``\040``."""
    whole = re.sub(rb"\\([0-3][0-7]{2})", lambda found: bytes([int(found[1], 8)]), os.fsencode(field))
    return os.fsdecode(whole)
