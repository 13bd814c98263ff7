"""What the server of processes imports: every library that is installed, the rows, and our kernels, which take a second to load."""

import contextlib
import importlib

from . import table as table
from .runner import PRELOADED

for _module in PRELOADED:
    with contextlib.suppress(ImportError):
        importlib.import_module(_module)


def _warm() -> None:
    """Small enough that no thread is started: children of a process with threads have none of them."""
    otgen = importlib.import_module("otgen")
    x, y = [[0.0, 0.0], [1.0, 0.0], [3.0, 1.0]], [[0.0, 1.0], [1.0, 1.0], [2.0, 5.0]]
    for call in (otgen.wasserstein, otgen.transport, lambda *z, **_: otgen.sinkhorn(*z, epsilon=0.1)):
        with contextlib.suppress(otgen.OtgenError):
            call(x) if call is otgen.transport else call(x, y)
    otgen.wasserstein([0.0, 1.0], [1.0, 3.0], p=1)


_warm()
