"""The memory that calls take, each in a process of its own, beside what is expected of it.

A child makes its data and runs the call, so that kernels are compiled and loaded; it gives freed memory back, sets the peak of its resident memory back,
and runs the call again: what is told is that peak less what the process held before. Linux with glibc only.

::

    python -m benchmarks.memory            # all rows, some minutes
    python -m benchmarks.memory simplex    # those of a group
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.memory_rows import ROWS

PROC = Path("/proc/self")


def held(name: str) -> int:
    """Bytes of this process, by a name in its status: VmRSS, or VmHWM, the most since the peak was set back."""
    line = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def measured(number: int) -> dict[str, Any]:
    """One row, in this process."""
    row = ROWS[number]
    call, problem = row.make(row)
    call()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = held("VmRSS")
    (PROC / "clear_refs").write_text("5")
    began = time.perf_counter()
    answer = call()
    taken = held("VmHWM") - before
    return {
        "bytes": taken,
        "kept": held("VmRSS") - before,
        "seconds": time.perf_counter() - began,
        "answer": str(type(answer).__name__),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("group", nargs="?")
    parser.add_argument("--row", type=int)
    parser.add_argument("--out")
    options = parser.parse_args()
    if options.row is not None:
        print(json.dumps(measured(options.row)))
        return
    for number, row in enumerate(ROWS):
        if options.group in (None, row.group):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.memory", "--row", str(number)], capture_output=True, text=True
            )
            if done.returncode:
                print(row.group, row.n, row.m, row.d, "FAILED", done.stderr[-300:], flush=True)
                continue
            got = json.loads(done.stdout)
            print(
                f"{row.group:16s} {row.n:8d} {row.m:8d} {row.d:3d} {row.p:3.0f} {row.dtype} {row.note:8s} {got['bytes'] / 1e6:8.1f} MB kept {got['kept'] / 1e6:8.1f} {got['seconds']:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
