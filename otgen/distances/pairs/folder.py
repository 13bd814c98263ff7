"""A folder of sample sets as a sequence: one npy file a set, read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from ...errors import InvalidInput, words_of


class Folder(Sequence[np.ndarray]):
    """The npy files of a folder in the order of their names, each mapped into memory when it is asked for; never a pickle.

    Parameters
    ----------
    path : path
        The folder; files in it that are called otherwise than ``*.npy`` are left out.
    name : str
        How errors call it.

    Raises
    ------
    InvalidInput
        For what is no folder, or has no such files in it.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> np.save(place / "b.npy", np.ones((3, 2)))
    >>> np.save(place / "a.npy", np.zeros((2, 2)))
    >>> folder = Folder(place)
    >>> folder.names, folder[1].shape
    (['a', 'b'], (3, 2))
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "sets") -> None:
        place = Path(path)
        if not place.is_dir():
            raise InvalidInput(
                f"{name} must be a collection of clouds, or a folder of npy files; received {place}, which is no folder; check the path"
            )
        self.files = sorted(place.glob("*.npy"))
        if not self.files:
            raise InvalidInput(
                f"{name} must be a folder of npy files; received {place}, which has none in it; save clouds with numpy.save, or use the "
                f"command line for tables: otgen pairwise"
            )

    @property
    def names(self) -> list[str]:
        """What the files are called, without their endings."""
        return [file.stem for file in self.files]

    def __getstate__(self) -> dict[str, Any]:
        """What a worker needs to read the files, wherever it was started."""
        return {"files": [file.absolute() for file in self.files]}

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        file = self.files[index]
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError) as fault:
            raise InvalidInput(
                f"{file} must be an npy file of numbers; received one of which numpy says: {words_of(fault)}; save it again with numpy.save"
            ) from None
