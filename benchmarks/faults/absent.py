"""One run of a missing extra: ``python -m benchmarks.faults.absent HOW MODULE,... CODE`` prints what came of it, as JSON."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import sys
import traceback
from collections.abc import Generator, Sequence
from types import ModuleType
from typing import Any


class _Filter:
    """A finder that does not find some packages, or finds packages that break when they are loaded."""

    def __init__(self, finder: Any, names: frozenset[str], broken: bool) -> None:
        self._finder, self._names, self._broken = finder, names, broken

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        if name.partition(".")[0] not in self._names:
            return self._finder.find_spec(name, path, target)
        if not self._broken or name not in self._names:
            return None
        return importlib.util.spec_from_loader(name, _Broken())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


class _Broken:
    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        raise ImportError("libnative.so.1: cannot open shared object file")


@contextlib.contextmanager
def hidden(how: str, names: Sequence[str]) -> Generator[None]:
    """``absent`` packages are not found, ``none`` are marked as such in sys.modules, ``broken`` ones are found and fail to load."""
    finders = list(sys.meta_path)
    if how == "none":
        sys.modules.update(dict.fromkeys(names))  # pyright: ignore[reportArgumentType, reportCallIssue]
    else:
        sys.meta_path[:] = [_Filter(finder, frozenset(names), how == "broken") for finder in finders]
    try:
        yield
    finally:
        sys.meta_path[:] = finders
        for name in names:
            if sys.modules.get(name, 0) is None:
                del sys.modules[name]
        importlib.invalidate_caches()


def tried(code: str) -> dict[str, Any]:
    """What a piece of code prints, and the error that it ends in."""
    out, err = io.StringIO(), io.StringIO()
    fault: BaseException | None = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(compile(code, "<code>", "exec"), {})
        except BaseException as found:
            fault = found
    last = "" if fault is None else "".join(traceback.format_exception_only(fault)).strip()
    kinds = [] if fault is None else [one.__name__ for one in type(fault).__mro__]
    return {"out": out.getvalue(), "err": err.getvalue(), "error": last, "kinds": kinds}


def main() -> None:
    how, names, code = sys.argv[1:]
    with hidden(how, names.split(",") if names else []):
        first = tried(code)
    print(json.dumps([first, tried(code)]))


if __name__ == "__main__":
    main()
