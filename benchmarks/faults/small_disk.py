"""A disk of a few kilobytes, in memory; only the superuser may have one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType


def possible() -> bool:
    """Whether this user may mount."""
    return os.geteuid() == 0


class Small:
    """A folder is such a disk within this, and is emptied afterwards."""

    def __init__(self, place: Path, size: int) -> None:
        self.place, self.size = place, size

    def __enter__(self) -> Small:
        self._mount("-t", "tmpfs", "-o", f"size={self.size}", "tmpfs")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True, capture_output=True)

    def read_only(self) -> None:
        """Nothing more can be written."""
        self._mount("-o", "remount,ro")

    def enlarge(self, size: int) -> None:
        """There is room now."""
        self._mount("-o", f"remount,size={size}")

    def _mount(self, *words: str) -> None:
        subprocess.run(["mount", *words, str(self.place)], check=True, capture_output=True)
