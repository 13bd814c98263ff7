"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, of_system


def write_atomically(path: Path, write: Callable[[str], Any]) -> None:
    """Write a file under another name first, then rename it: an interrupted write leaves the old one.

    Raises
    ------
    OSError
        Of ``path``, in words and of the kind that Python's own is, where its folder is missing or cannot be written.
    """
    if not path.name:
        raise InvalidInput(f"path must be the name of a file; received {str(path)!r}; add a name to it")
    # Chosen before there is a file, so that an interrupt at any place finds it.
    name = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    try:
        name.touch(exist_ok=False)
        write(str(name))
        if path.exists():
            name.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(name, path)
    except OSError as fault:
        _forget(name)
        fault.filename = str(path)
        raise of_system(fault, "path must be a file that can be written", "choose another place") from None
    except BaseException:
        _forget(name)
        raise


def _forget(name: Path) -> None:
    with contextlib.suppress(OSError):
        name.unlink()
