"""Sample sets from files: npy, npz, csv and parquet; never a pickle, and nothing is read that its header does not bear out."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ..errors import InvalidInput, require
from ..inputs.types import Floats

_LARGE = 64_000_000  # bytes below which a compressed array may unfold as it likes
_RATIO = 100


class Samples(NamedTuple):
    """Points (n, d) and their weights (n,), or None for uniform ones."""

    points: Floats
    weights: Floats | None


def read(
    path: str | os.PathLike[str],
    *,
    columns: list[str] | None = None,
    weights: str | None = None,
    key: str | None = None,
) -> Samples:
    """Read a sample set.

    Parameters
    ----------
    path : path
        ``.npy`` (n, d) or (n,); ``.npz`` with one array, or ``key``; ``.csv`` or ``.parquet`` with one sample a row.
    columns : list of str, optional
        Which columns of a table are coordinates; all numeric ones but the weights unless said otherwise.
    weights : str, optional
        The column of a table, or the array of an npz, that holds weights.
    key : str, optional
        The array of an npz that holds the points.

    Returns
    -------
    Samples
        As float64 (or the dtype of the array file).

    Raises
    ------
    InvalidInput
        One sentence that names the file and what is wrong with it.
    MissingExtra
        For tables without pyarrow.
    """
    file = Path(path)
    if not file.is_file():
        raise InvalidInput(f"{file}: there is no such file; check the path")
    if file.stat().st_size == 0:
        raise InvalidInput(f"{file}: the file is empty")
    readers: dict[str, Callable[[], Samples]] = {
        ".npy": lambda: Samples(_npy(file), None),
        ".npz": lambda: _npz(file, key, weights),
        ".csv": lambda: _table(file, _csv(file), columns, weights),
        ".parquet": lambda: _table(file, _parquet(file), columns, weights),
    }
    kind = file.suffix.lower()
    if kind not in readers:
        raise InvalidInput(f"{file}: the name must end in {', '.join(readers)}; received {kind or 'no ending'}")
    if kind in (".npy", ".npz") and columns:
        raise InvalidInput(f"{file}: columns are chosen in tables only; slice the array before saving it")
    if kind == ".npy" and weights:
        raise InvalidInput(f"{file}: an npy file holds one array and no weights; save an npz with both")
    try:
        return readers[kind]()
    except (
        zipfile.BadZipFile,
        zlib.error,
        tokenize.TokenError,
        EOFError,
        UnicodeDecodeError,
        KeyError,
        SyntaxError,
    ) as fault:
        raise InvalidInput(
            f"{file}: cannot be read ({type(fault).__name__}: {fault}); it is damaged or not what its name says"
        ) from None


def _header(stream: IO[bytes], name: str, size: int) -> None:
    """Refuse an array whose header asks for a pickle or for more than the file holds."""
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    except ValueError as fault:
        raise InvalidInput(f"{name}: not an npy array ({fault})") from None
    if dtype.hasobject:
        raise InvalidInput(f"{name}: holds Python objects, which only a pickle could restore; save a numeric array")
    wanted = math.prod(shape) * dtype.itemsize
    if stream.tell() + wanted != size:
        raise InvalidInput(
            f"{name}: its header promises {wanted} bytes of data, the file holds {size - stream.tell()}; it is damaged"
        )


def _npy(file: Path) -> Floats:
    with file.open("rb") as stream:
        _header(stream, str(file), file.stat().st_size)
    return np.load(file, allow_pickle=False)


def _npz(file: Path, key: str | None, weights: str | None) -> Samples:
    if not zipfile.is_zipfile(file):
        raise InvalidInput(f"{file}: not an npz archive")
    with zipfile.ZipFile(file) as archive:
        names = {Path(info.filename).stem: info for info in archive.infolist()}
        others = [name for name in names if name != weights]
        if key is None and len(others) != 1:
            raise InvalidInput(f"{file}: holds {len(others)} arrays ({', '.join(others)}); choose one with --key")
        arrays: list[Floats] = []
        for name in (key or others[0], weights):
            if name is None:
                continue
            if name not in names:
                raise InvalidInput(f"{file}: has no array {name!r}; it holds {', '.join(names)}")
            info = names[name]
            if info.file_size > _LARGE and info.file_size > _RATIO * info.compress_size:
                raise InvalidInput(
                    f"{file}: {name!r} would unfold from {info.compress_size} to {info.file_size} bytes; save it as npy if that is meant"
                )
            with archive.open(info) as stream:
                _header(stream, f"{file}[{name}]", info.file_size)
            with archive.open(info) as stream:
                arrays.append(np.lib.format.read_array(stream, allow_pickle=False))
    return Samples(arrays[0], arrays[1] if weights else None)


def _csv(file: Path) -> Any:
    arrow, csv = require("pyarrow"), require("pyarrow.csv")
    with file.open("rb") as stream:
        first = stream.readline(1 << 20).decode("utf-8", "replace").strip().split(",")
    numeric = all(_is_number(cell) for cell in first)
    try:
        return csv.read_csv(file, read_options=csv.ReadOptions(autogenerate_column_names=numeric))
    except arrow.ArrowInvalid as fault:
        raise InvalidInput(f"{file}: not a rectangular table ({' '.join(str(fault).split())})") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return False
    return True


def _parquet(file: Path) -> Any:
    arrow, parquet = require("pyarrow"), require("pyarrow.parquet")
    try:
        return parquet.read_table(file)
    except arrow.ArrowInvalid as fault:
        raise InvalidInput(f"{file}: not a parquet table ({' '.join(str(fault).split())})") from None


def _table(file: Path, table: Any, columns: list[str] | None, weights: str | None) -> Samples:
    names = list(table.column_names)
    if len(set(names)) < len(names):
        raise InvalidInput(f"{file}: has several columns of one name; rename them")
    chosen = columns or [name for name in names if name != weights]
    for name in [*chosen, *([weights] if weights else [])]:
        if name not in names:
            raise InvalidInput(f"{file}: has no column {name!r}; it has {', '.join(names)}")
    if table.num_rows == 0:
        raise InvalidInput(f"{file}: has no rows")
    points = np.column_stack([_numbers(file, table, name) for name in chosen])
    return Samples(points, _numbers(file, table, weights) if weights else None)


def _numbers(file: Path, table: Any, name: str) -> Floats:
    column = table.column(name)
    kinds = require("pyarrow.types")
    if not (kinds.is_integer(column.type) or kinds.is_floating(column.type)):
        raise InvalidInput(f"{file}: column {name!r} holds {column.type}, not numbers; choose others with --columns")
    if column.null_count:
        raise InvalidInput(f"{file}: column {name!r} has {column.null_count} empty cells; fill or drop those rows")
    return column.to_numpy().astype(np.float64)
