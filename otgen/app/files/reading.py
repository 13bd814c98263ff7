"""A file is read by what its name says, the standard input by what it holds."""

from __future__ import annotations

import hashlib
import os
import sys
import tokenize
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from ...errors import InvalidInput
from ...inputs.stored import refuse_endless
from . import arrays, parquet, tables
from .samples import Samples
from .unfolding import ungzipped

_TABLES = (".csv", ".tsv", ".txt", ".parquet")
_ENDINGS = (".npy", ".npz", *_TABLES)
_DAMAGED = (zipfile.BadZipFile, zlib.error, tokenize.TokenError, EOFError, UnicodeDecodeError, KeyError, SyntaxError, OSError)  # fmt: skip


def read(
    path: str | os.PathLike[str],
    *,
    columns: list[str] | None = None,
    weights: str | None = None,
    key: str | None = None,
) -> Samples:
    r"""Read a sample set.

    Parameters
    ----------
    path : path
        ``.npy`` (n, d) or (n,); ``.npz`` with one array, or ``key``; ``.csv``, ``.tsv``, ``.txt`` or ``.parquet`` with one sample
        a row; any of them with ``.gz`` behind it; ``-`` for the standard input, which is known by its first bytes, as a pipe with a name is.
    columns : list of str, optional
        Which columns of a table are coordinates; all numeric ones but the weights and an index unless said otherwise.
    weights : str, optional
        The column of a table, or the array of an npz, that holds weights.
    key : str, optional
        The array of an npz that holds the points.

    Returns
    -------
    Samples
        In the dtype of the file; tables as integers where all coordinates are, else as float64.

    Raises
    ------
    InvalidInput
        One sentence that names the file and what is wrong with it.
    MissingExtra
        For tables without pyarrow.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("name,x\nu,0.5\nv,1.5\n")
    >>> read(path).columns, read(path).left_out
    (('x',), {'name': 'text'})
    """
    name, content = _content(path)
    kind = _sniffed(content) if is_piped(path) else ending(path)
    if kind in (".npy", ".npz") and columns:
        raise InvalidInput(f"--columns must be for tables; received it for {name}; slice the array before saving it")
    if kind == ".npy" and weights:
        raise InvalidInput(
            f"{name} must be an npz to hold weights beside its array; received an npy file; save an npz with both"
        )
    digest = hashlib.sha256(content).hexdigest()[:12]
    try:
        unpacked = ungzipped(name, content) if content[:2] == b"\x1f\x8b" else content
        kind = _sniffed(unpacked) if is_piped(path) else kind
        return replace(
            _read(name, kind, unpacked, len(content), columns, weights, key), size=len(content), digest=digest
        )
    except _DAMAGED as fault:
        raise InvalidInput(
            f"{name} must be a file that can be read; received one that ends in {type(fault).__name__}: {fault}; it is damaged, or not what its name says"
        ) from None


def ending(path: str | os.PathLike[str]) -> str:
    """What kind of file a name says; raises InvalidInput for kinds that are not read, and for folders."""
    if Path(path).is_dir():
        raise InvalidInput(f"{path} must be a file; received a folder; name a file in it")
    name = Path(path).name.lower().removesuffix(".gz")
    kind = Path(name).suffix
    if kind not in _ENDINGS:
        raise InvalidInput(
            f"{path}: the name must end in {', '.join(_ENDINGS)}, or one of these and .gz; received {kind or 'no ending'}; rename or convert it"
        )
    return kind


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file may have columns: by its name, or as a pipe."""
    return is_piped(path) or ending(path) in _TABLES


def is_piped(path: str | os.PathLike[str]) -> bool:
    """Whether a file is the standard input or another pipe, such as ``<(command)`` of a shell, whose name says nothing of what it holds."""
    return str(path) == "-" or Path(path).is_fifo()


def _content(path: str | os.PathLike[str]) -> tuple[str, bytes]:
    if str(path) == "-":
        content = sys.stdin.buffer.read()
        if not content:
            raise InvalidInput(
                "- must stand for a file on the standard input; received nothing there; pipe a file into it"
            )
        return "-", content
    if not is_piped(path):
        ending(path)
    file = Path(path)
    if not file.exists():
        raise InvalidInput(f"{file} must be a file that exists; received a path to none; check it")
    if not file.is_fifo():
        refuse_endless(file, "a file of samples", "numpy.save")
    content = file.read_bytes()
    if not content:
        raise InvalidInput(f"{file} must hold samples; received an empty file; write one sample a line")
    return str(file), content


def _sniffed(content: bytes) -> str:
    """What kind of file some bytes are; text unless they say otherwise."""
    for magic, kind in ((b"\x93NUMPY", ".npy"), (b"PK\x03\x04", ".npz"), (b"PAR1", ".parquet")):
        if content.startswith(magic):
            return kind
    return ".txt"


def _read(
    name: str, kind: str, content: bytes, packed: int, columns: list[str] | None, weights: str | None, key: str | None
) -> Samples:
    if kind == ".npy":
        return Samples(name, arrays.npy(name, content))
    if kind == ".npz":
        return Samples(name, *arrays.npz(name, content, packed, key, weights))
    if kind == ".parquet":
        return tables.samples(name, parquet.from_parquet(name, content, packed), columns, weights)
    return tables.samples(name, tables.from_text(name, content, blanks=kind == ".txt"), columns, weights)
