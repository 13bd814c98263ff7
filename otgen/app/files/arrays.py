"""Arrays from npy and npz: never a pickle, and nothing is read that its header does not bear out."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import IO

import numpy as np

from ...errors import InvalidInput, words_of
from ...inputs.types import Floats
from ..words import listed
from .unfolding import refuse_bombs


def npy(name: str, content: bytes) -> Floats:
    """The array of an npy file."""
    stream = io.BytesIO(content)
    _check_header(stream, name, len(content))
    stream.seek(0)
    with _old_headers():
        return np.load(stream, allow_pickle=False)


def npz(name: str, content: bytes, packed: int, key: str | None, weights: str | None) -> tuple[Floats, Floats | None]:
    """The points of an npz, and its weights where they are asked for; the file has ``packed`` bytes, which are fewer where it was zipped again."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise InvalidInput(f"{name} must be an npz archive; received another kind of file; save it with numpy.savez")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {Path(info.filename).stem: info for info in archive.infolist()}
        others = [one for one in members if one != weights]
        if key is None and len(others) != 1:
            raise InvalidInput(
                f"{name} must hold one array where --key is left out; received {listed(tuple(others)) or 'none'}; choose one with --key"
            )
        arrays: list[Floats] = []
        for wanted in (key or others[0], weights):
            if wanted is None:
                continue
            if wanted not in members:
                raise InvalidInput(
                    f"{name} must hold an array {wanted!r}; received {listed(tuple(members))}; choose one of them"
                )
            info = members[wanted]
            size = min(info.compress_size, packed)
            refuse_bombs(f"{name}: {wanted!r}", size, info.file_size, "save it as npy if that is meant")
            arrays.append(_entry(archive, info, f"{name}[{wanted}]"))
    return arrays[0], arrays[1] if weights else None


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Floats:
    """An array of an archive, read once its header is known to keep what it promises."""
    try:
        with archive.open(info) as stream:
            _check_header(stream, name, info.file_size)
        with archive.open(info) as stream, _old_headers():
            return np.lib.format.read_array(stream, allow_pickle=False)
    except InvalidInput:
        raise
    except (
        ValueError,
        RuntimeError,
    ) as fault:  # zipfile's of entries that lie elsewhere, are encrypted, or packed in another way
        raise InvalidInput(
            f"{name} must be an entry that can be read; received one that ends in {type(fault).__name__}: {fault}; it is damaged, save it again"
        ) from None


@contextlib.contextmanager
def _old_headers() -> Generator[None]:
    """Headers as Python 2 wrote them are read as others are; numpy warns that they take longer."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Reading `.npy` or `.npz` file required additional header parsing")
        yield


def _check_header(stream: IO[bytes], name: str, size: int) -> None:
    """Refuse an array whose header asks for a pickle or for more than the file holds."""
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with _old_headers():
            shape, _, dtype = read_header(stream)
    except ValueError as fault:
        raise InvalidInput(
            f"{name} must be an npy array; received a file of which numpy says: {words_of(fault)}; save it with numpy.save"
        ) from None
    if dtype.hasobject:
        raise InvalidInput(
            f"{name} must hold numbers; received Python objects, which only a pickle could restore; save a numeric array"
        )
    if dtype.itemsize == 0 or dtype.subdtype is not None or any(k < 0 for k in shape):
        raise InvalidInput(
            f"{name} must hold numbers in a shape; received {shape} items of {dtype}; save an array of numbers with numpy.save"
        )
    if len(shape) not in (1, 2):
        raise InvalidInput(f"{name} must be an array (n, d) or (n,); received shape {shape}; reshape it")
    wanted = math.prod(shape) * dtype.itemsize
    if stream.tell() + wanted != size:
        raise InvalidInput(
            f"{name} must hold the {wanted} bytes of data that its header promises; received {size - stream.tell()}; it is damaged, save it again"
        )
