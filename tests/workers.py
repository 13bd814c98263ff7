"""How many threads a kernel ran on, counted."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from otgen.kernels.parallel import over_rows


def count_workers(monkeypatch) -> list[int]:
    """Every split of rows from now on appends the number of threads that took part in it.

    Two threads that share a split wait for one another at their first chunk, so that one of them cannot take all chunks first; a thread
    that is alone there fails at once where there is no second one to come.
    """
    counts: list[int] = []

    def counted(count: int, work: int, kernel: Any, multiple: int = 1) -> None:
        caller, seen, both = threading.get_ident(), set(), threading.Barrier(2)

        def met(start: int, stop: int) -> None:
            me = threading.get_ident()
            if me not in seen:
                seen.add(me)
                if me != caller:
                    both.wait(60)
            kernel(start, stop)

        over_rows(count, work, met, multiple)
        counts.append(len(seen))

    for name, module in list(sys.modules.items()):
        if name.startswith("otgen.kernels.") and vars(module).get("over_rows") is over_rows:
            monkeypatch.setattr(module, "over_rows", counted)
    return counts


def counted_threads(x, y, a, b):
    """How many threads a kernel that is worth many takes in this worker: each of them waits until the others had time to come."""
    seen = set()

    def kernel(start, stop):
        seen.add(threading.get_ident())
        time.sleep(0.02)

    over_rows(12, 10**8, kernel)
    return float(len(seen))
