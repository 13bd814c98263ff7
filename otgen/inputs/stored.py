"""Our own files: where they are, and their arrays, of which nothing is unpickled and nothing is larger than the file."""

from __future__ import annotations

import io
import math
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidInput, TooLarge, of_system
from .memory import available, readable
from .scalars import told

_JUDGED = 2**26  # bytes from which it is asked whether they fit
_COPIES = 2  # of a file's bytes: these, and the arrays
_NPY = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|][biufU](\d+))', 'fortran_order': (True|False), 'shape': \((\d*(?:, \d+)*),?\), \} *\n"
)


def placed(path: Any) -> Path:
    """The name of a file as a path.

    Raises
    ------
    InvalidInput
        For what is no name: another type, or text with a null character.

    Examples
    --------
    >>> placed("map.npz").suffix
    '.npz'
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise InvalidInput(f"path must be the name of a file; received {told(path)}; pass a string or a Path")
    if "\0" in os.fspath(path):
        raise InvalidInput("path must be the name of a file; received a null character in it; take it out")
    return Path(path)


def made(place: Path, name: str) -> None:
    """Make a folder, where it is not there; raises `InvalidInput` where the system does not let it be made, calling it by ``name``."""
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InvalidInput(
            f"{name} must be a folder that can be made, or is there; received {place}, of which the system says: {fault.strerror or fault}; choose another one"
        ) from None


def stored_bytes(path: Path, kind: str, writer: str) -> bytes:
    """All of a file, links followed.

    Parameters
    ----------
    path : Path
        Where it is.
    kind, writer : str
        What was to be read, and what writes it, for errors.

    Raises
    ------
    InvalidInput
        For what has no end, as devices and pipes.
    TooLarge
        If it does not fit in memory; nothing of it has been read then.
    OSError
        If it cannot be read, of the kind that Python's own is, in words.

    Examples
    --------
    >>> stored_bytes(Path(os.devnull), "a proof file", "save_proof")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    otgen.errors.InvalidInput: ... must be a proof file; received a device or a pipe; write one with save_proof
    """
    try:
        refuse_endless(path, kind, writer)
        return path.read_bytes()
    except OSError as fault:
        raise of_system(
            fault, f"path must be {kind} that can be read", f"check the name, or write one with {writer}"
        ) from None


def refuse_endless(path: Path, kind: str, writer: str) -> None:
    """Raise `InvalidInput` for devices and pipes, `TooLarge` for a file that does not fit in memory; folders are left to who reads."""
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise InvalidInput(f"{path} must be {kind}; received a device or a pipe; write one with {writer}")
    need = _COPIES * found.st_size
    if need >= _JUDGED and need > (free := available()):
        raise TooLarge(
            f"{path} must fit in memory; received a file of {readable(found.st_size)}, which takes {readable(need)} with "
            f"{readable(free)} free; read it on a larger machine"
        )


def stored_arrays(path: Path, data: bytes, kind: str, writer: str) -> dict[str, np.ndarray]:
    """The arrays of an npz that is not compressed, of which ``data`` are the bytes.

    Parameters
    ----------
    path : Path
        Where it is, for errors.
    data : bytes
        All of it.
    kind, writer : str
        What was to be read, and what writes it, for errors.

    Raises
    ------
    InvalidInput
        For any other file.

    Examples
    --------
    >>> stream = io.BytesIO()
    >>> np.savez(stream, x=[1.0, 2.0])
    >>> stored_arrays(Path("a.npz"), stream.getvalue(), "an archive", "savez")["x"].tolist()
    [1.0, 2.0]
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            held = archive.infolist()
            if any(info.compress_type != zipfile.ZIP_STORED for info in held):
                raise ValueError("its entries are compressed")
            if sum(info.file_size for info in held) > len(data):
                raise ValueError("its entries overlap")
            names = [info.filename.removesuffix(".npy") for info in held]
            if len(set(names)) < len(names):
                raise ValueError("two of its entries have one name")
            return {name: _array(archive.read(info)) for name, info in zip(names, held, strict=True)}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, RuntimeError, OverflowError) as fault:
        raise InvalidInput(
            f"{path} must be {kind}; received another kind of file, or a damaged one ({fault}); write it with {writer}"
        ) from None


def _array(entry: bytes) -> np.ndarray:
    """The array of an npy entry as numpy writes those of numbers and text: nothing is evaluated, and nothing larger than the entry is made."""
    start = 10 + int.from_bytes(entry[8:10], "little")
    header = _HEADER.fullmatch(entry[10:start])
    if not entry.startswith(_NPY) or header is None:
        raise ValueError("an entry is no array of numbers or text")
    kind, width, by_columns, sizes = header.groups()
    shape = tuple(int(size) for size in sizes.split(b",") if size)
    dtype = np.dtype(kind.decode()) if int(width) else None
    if (
        dtype is None
        or start + math.prod(shape) * dtype.itemsize != len(entry)
        or max(shape, default=0) > len(entry)  # beside a size of 0 all others would pass
    ):
        raise ValueError("an entry is longer or shorter than its array")
    flat = np.frombuffer(entry, dtype, offset=start)
    return flat.reshape(shape, order="F" if by_columns == b"True" else "C").copy(order="K")
