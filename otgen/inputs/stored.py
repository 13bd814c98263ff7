"""Our own files: where they are, and their arrays, of which nothing is unpickled and nothing is larger than the file."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .scalars import told


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
            return {info.filename.removesuffix(".npy"): _array(archive, info) for info in held}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, RuntimeError, MemoryError, OverflowError) as fault:
        raise InvalidInput(
            f"{path} must be {kind}; received another kind of file, or a damaged one ({fault}); write it with {writer}"
        ) from None


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as entry, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numpy's, of headers that are not as it writes them
        found: np.ndarray = np.lib.format.read_array(entry, allow_pickle=False)
        if entry.read(1):
            raise ValueError("an entry is longer than its array")
    return found
