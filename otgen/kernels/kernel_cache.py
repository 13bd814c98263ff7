"""Where compiled kernels are kept: by what they are made of, so that an update renews them and a reinstall does not.

numba keeps a kernel by the path and the age of its file, and looks at no other: a reinstall empties its cache, and a change to what
a kernel calls in another file goes unseen. Here the key is a digest of every file that kernels are written in. The first of these
folders that can be written serves: ``NUMBA_CACHE_DIR``, the user's cache, the package's own ``__pycache__``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from numba import config
from numba.core import caching

_HERE = Path(__file__).parent


@functools.cache
def digest() -> str:
    """Of all the files in this folder, in hexadecimal."""
    whole = hashlib.sha256()
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
            tempfile.TemporaryFile(dir=path).close()
        except OSError:
            continue
        return path
    warnings.warn(
        "otgen found no folder to keep compiled kernels in and compiles them in every process, for seconds; "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        UserWarning,
        stacklevel=2,
    )
    return None


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


class _FunctionCache(caching.FunctionCache):
    _impl_class = _Impl


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
