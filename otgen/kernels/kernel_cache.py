"""Where compiled kernels are kept: by what they are made of, so that an update renews them and a reinstall does not.

numba keeps a kernel by the path and the age of its file, and looks at no other: a reinstall empties its cache, and a change to what
a kernel calls in another file goes unseen. Here the key is a digest of every file that kernels are written in, and of numba's version. The first of these
folders that can be written serves: ``NUMBA_CACHE_DIR``, the user's cache, the package's own ``__pycache__``. Each file begins with a
digest of the rest, since numba would run whatever a damaged one holds, and files of other users are not read, since these would choose what is run.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
from numba import config
from numba.core import caching, serialize

from ..errors import warn
from ..inputs.atomic import write_atomically

_HERE = Path(__file__).parent


@functools.cache
def digest() -> str:
    """Of all the files in this folder and of numba's version, whose files another one cannot read, in hexadecimal."""
    whole = hashlib.sha256(numba.__version__.encode() + b"\0")
    for path in sorted(_HERE.glob("*.py")):
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


def user_folder() -> Path:
    """The user's folder for what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "otgen"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "otgen"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otgen"


@functools.cache
def _folder(chosen: str) -> Path | None:
    """The first folder that can be written, or None with one warning; ``chosen`` is ``NUMBA_CACHE_DIR``."""
    for place in [Path(chosen)] if chosen else [user_folder(), _HERE / "__pycache__"]:
        path = place / f"kernels-{digest()}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            _owners(path)
        except OSError:
            continue
        return path
    warn(
        "otgen found no folder to keep compiled kernels in and compiles them in every process, for seconds; "
        "set NUMBA_CACHE_DIR to a folder that can be written"
    )
    return None


@functools.cache
def _owners(path: Path) -> set[int]:
    """Whose files are run: root's, and those of whom files belong to that this process makes there; raises OSError where it may make none."""
    with tempfile.TemporaryFile(dir=path) as file:
        return {0, os.fstat(file.fileno()).st_uid}


def folder() -> Path | None:
    """Where kernels are kept, if anywhere."""
    return _folder(config.CACHE_DIR)


class _Locator(caching._CacheLocator):
    """One folder for all kernels; the file's name and the digest tell what is in it."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def get_cache_path(self) -> str:
        return str(self._path)

    def get_source_stamp(self) -> str:
        return digest()

    def get_disambiguator(self) -> str:
        return self._name

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator | None:
        path = folder()
        return None if path is None else cls(path, Path(py_file).stem)


class _Impl(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012, numba's own name


class _SealedFiles(caching.IndexDataCacheFile):
    """numba's two kinds of files, an index and the kernels in it; one that is damaged counts as absent."""

    def __init__(self, cache_path: str, filename_base: str, source_stamp: str) -> None:
        super().__init__(cache_path, filename_base, source_stamp)
        self._origin = source_stamp

    def _load_index(self) -> dict[Any, str]:
        try:
            origin, kernels = _unsealed(Path(self._index_path))
        except OSError:
            return {}
        return kernels if origin == self._origin else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        _seal(Path(self._index_path), (self._origin, overloads))

    def _load_data(self, name: str) -> Any:
        return _unsealed(Path(self._data_path(name)))

    def _save_data(self, name: str, data: Any) -> None:
        _seal(Path(self._data_path(name)), data)


def _seal(path: Path, content: Any) -> None:
    whole: bytes = serialize.dumps((path.name, content))
    write_atomically(path, lambda name: Path(name).write_bytes(hashlib.sha256(whole).digest() + whole))


def _unsealed(path: Path) -> Any:
    """What a file holds; raises OSError for one that is damaged or another user's, as for one that cannot be read."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_uid not in _owners(path.parent):
            raise PermissionError(errno.EPERM, "a kernel of another user", str(path))
        whole = file.read()
    size = hashlib.sha256().digest_size
    if hashlib.sha256(whole[size:]).digest() == whole[:size]:
        name, content = pickle.loads(whole[size:])
        if name == path.name:
            return content
    raise OSError(errno.EIO, "a damaged kernel, or that of another file", str(path))


class _FunctionCache(caching.FunctionCache):
    _impl_class = _Impl

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _SealedFiles(self.cache_path, self._impl.filename_base, digest())


class KernelCache(caching._Cache):
    """numba's cache of one kernel, looked for once the kernel is called; without a place for it, none."""

    def __init__(self, function: Any) -> None:
        self._function = function

    @functools.cached_property
    def _kept(self) -> Any:
        try:
            return _FunctionCache(self._function)
        except RuntimeError:  # numba found no place
            return caching.NullCache()

    @property
    def cache_path(self) -> Any:
        """The folder."""
        return self._kept.cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """A kernel from disk, or None; what cannot be read is compiled again."""
        try:
            return self._kept.load_overload(sig, target_context)
        except (OSError, EOFError):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel; a disk that is full, or not to be written, is nothing to fail for."""
        try:
            self._kept.save_overload(sig, data)
        except OSError:
            self.__dict__["_kept"] = caching.NullCache()

    def enable(self) -> None:
        """Nothing: it is on."""

    def disable(self) -> None:
        """Look no further."""
        self.__dict__["_kept"] = caching.NullCache()

    def flush(self) -> None:
        """Forget what is kept of this kernel."""
        self._kept.flush()
