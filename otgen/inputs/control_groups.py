"""What the control groups of Linux, which containers and batch systems set, leave this process of its memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UNLIMITED = 2**62


class _Files(NamedTuple):
    """Names of a version's files: the limits, what is used, and what of that is cache of files, taken back when memory is short."""

    limits: tuple[str, ...]
    used: str
    cache: str


_FILES = {
    "cgroup2": _Files(("memory.max", "memory.high"), "memory.current", "inactive_file"),
    "cgroup": _Files(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
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
    for line in _text(process / "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options, *_) = before.split(), [*after.split(), "", "", ""]
        if kind in paths and (kind == "cgroup2" or "memory" in options.split(",")):
            root, mount = (_unescaped(field) for field in fields[3:5])
            inside = Path(paths[kind])
            inside = inside.relative_to(root) if inside.is_relative_to(root) else Path()
            for folder in (inside, *inside.parents):
                yield Path(mount, *folder.parts), _FILES[kind]


def _paths(text: str) -> dict[str, str]:
    """The path of the process in the hierarchy that limits memory, by the file system of its version."""
    paths = {}
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            paths["cgroup"] = path
        elif number == "0" and not controllers:
            paths["cgroup2"] = path
    return {kind: f"/{path.lstrip('/')}" for kind, path in paths.items() if ".." not in Path(path).parts}


def _room(folder: Path, files: _Files) -> int:
    """Bytes below the least limit of one group: at least 0."""
    limits = [_number(folder / name) for name in files.limits]
    limit, used = min(limits), _number(folder / files.used)
    if limit >= UNLIMITED or used >= UNLIMITED:
        return UNLIMITED
    cache = [
        line.split()[1] for line in _text(folder / "memory.stat").splitlines() if line.startswith(f"{files.cache} ")
    ]
    return max(0, limit - used + sum(map(int, cache)))


def _number(path: Path) -> int:
    """What a file says, UNLIMITED where it says "max" or cannot be read."""
    text = _text(path).strip()
    return min(int(text), UNLIMITED) if text.isdecimal() else UNLIMITED


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _unescaped(field: str) -> str:
    r"""A path of ``mountinfo``, where blanks stand as ``\040``."""
    return field.encode().decode("unicode_escape").encode("latin-1").decode() if "\\" in field else field
