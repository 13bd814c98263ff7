"""The memory that calls take, each in a process of its own, beside what is expected of it.

A child makes its data and runs the call, so that kernels are compiled and loaded; it gives freed memory back, sets the peak of its resident memory back,
and runs the call again: what is told is that peak less what the process held before. Linux with glibc only.

::

    python -m benchmarks.memory --out docs/memory.csv    # all rows, some minutes
    python -m benchmarks.memory simplex                  # those of a group
    python -m benchmarks.memory --fresh --out docs/memory-fresh.csv    # rows that the model was not fitted to
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import gc
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.memory_rows import FRESH, ROWS, Row

PROC = Path("/proc/self")
FLOOR = 30e6  # bytes below which both may lie as they like
NEAR = 0.2
HEAD = ("call", "n", "m", "d", "p", "data", "measured, MB", "expected, MB", "within 20 %")


def held(name: str) -> int:
    """Bytes of this process, by a name in its status: VmRSS, or VmHWM, the most since the peak was set back."""
    line = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def measured(row: Row) -> dict[str, float]:
    """One row, in this process."""
    call, problem = row.make(row)
    call()
    expected = row.expected(problem)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = held("VmRSS")
    (PROC / "clear_refs").write_text("5")
    answer = call()
    taken = held("VmHWM") - before
    del answer
    return {"measured": taken, "expected": expected}


def told(row: Row, measured: float, expected: float) -> list[str]:
    """A line of the table."""
    near = max(measured, expected) < FLOOR or abs(expected - measured) <= NEAR * measured
    data = ", ".join(filter(None, [row.dtype if row.dtype != "float64" else "", row.note]))
    sizes = [str(z) for z in (row.n, row.m, row.d)]
    return [
        row.group,
        *sizes,
        f"{row.p:g}",
        data,
        *(f"{z / 1e6:.0f}" for z in (measured, expected)),
        "yes" if near else "no",
    ]


def main() -> None:
    """Measure the rows asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("group", nargs="?")
    parser.add_argument("--row", type=int, help="in this process, as JSON")
    parser.add_argument("--fresh", action="store_true", help="rows that the model was not fitted to")
    parser.add_argument("--out", help="the table as CSV")
    options = parser.parse_args()
    rows = FRESH if options.fresh else ROWS
    if options.row is not None:
        print(json.dumps(measured(rows[options.row])))
        return
    lines = [list(HEAD)]
    for number, row in enumerate(rows):
        if options.group in (None, row.group):
            command = [sys.executable, "-m", "benchmarks.memory", "--row", str(number), *["--fresh"] * options.fresh]
            got = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            lines.append(told(row, **got))
            print(*lines[-1], sep="\t", flush=True)
    if options.out:
        with open(options.out, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
