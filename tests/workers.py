"""How many threads a kernel ran on, counted."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from otgen.kernels import parallel
from otgen.kernels.parallel import over_rows


def count_workers(monkeypatch) -> list[int]:
    """Every split of rows from now on appends the number of threads that took part in it.

    Two threads that share a split wait for one another at their first chunk, so that one of them cannot take all chunks first; where no
    second one comes, that fails.
    """
    counts: list[int] = []
    each = parallel.each

    def counted(count: int, work: int, kernel: Any, multiple: int = 1) -> None:
        seen = set()

        def noted(start: int, stop: int) -> None:
            seen.add(threading.get_ident())
            kernel(start, stop)

        over_rows(count, work, noted, multiple)
        counts.append(len(seen))

    def met(work: Any, items: Any, workers: int) -> list[Any]:
        seen, both = set(), threading.Barrier(2)

        def waiting(item: Any) -> Any:
            if threading.get_ident() not in seen:
                seen.add(threading.get_ident())
                both.wait(60)
            return work(item)

        return each(waiting, items, workers)

    monkeypatch.setattr(parallel, "each", met)
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
