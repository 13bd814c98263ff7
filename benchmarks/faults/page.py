"""The page of the docs, from the stored outcomes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from .kinds import MEMORY, OURS, RIGHT, STOPPED, SYSTEM
from .outcomes import Outcomes
from .table import KINDS, RUNS

PAGE = Path(__file__).parents[2] / "docs" / "faults.rst"
_ENDS = {RIGHT: "same bits", OURS: "error of ours", MEMORY: "MemoryError", STOPPED: "interrupted", SYSTEM: "OSError"}

HEAD = """Faults
======

What goes wrong around a program, done to ours on purpose: {runs} runs of {kinds} kinds, of {planned} that are planned, each drawn from a seed of its own and carried out in a process of its own with a limit on its time.
{passed} of {runs} passed.

A run passes where the call ends in the bits of an undisturbed run, or in an error that is documented for the fault; and where all is as it was afterwards: numpy's errstate, torch's
dtype, threads, modes and deterministic flags, denormals, signal handlers, filters of warnings, hooks, the environment, the global generators of random numbers, threads, open files, the
inputs, the files around, none left over; and where the same call, made again in the same process, returns the bits of the undisturbed run.

.. list-table::
   :header-rows: 1

{counts}
"""

TAIL = """
{failed}

``python -m benchmarks.faults`` carries all out again and writes this page; with names of kinds, those; ``--run N`` carries out one run of them and prints what came of it; ``--smoke`` takes one
of each that is quick. What came of every run is in ``benchmarks/faults/outcomes.json``. It needs Linux; full disks are small ones in memory where the user may mount, else limits on the size of files.
"""


def page(outcomes: Outcomes) -> str:
    """The page, in reStructuredText."""
    runs = sum(map(len, outcomes.values()))
    passed = sum(found.passed for kind in outcomes.values() for found in kind.values())
    head = HEAD.format(
        runs=runs, kinds=len(outcomes), planned=RUNS * len(KINDS), passed=passed, counts=_counts(outcomes)
    )
    return head + "".join(_kind(name) for name in outcomes) + TAIL.format(failed=_failed(outcomes))


def _counts(outcomes: Outcomes) -> str:
    lines = _cells(["fault", "runs", "passed", *_ENDS.values()])
    for name, runs in outcomes.items():
        ends = Counter(found.end for found in runs.values())
        passed = sum(found.passed for found in runs.values())
        lines += _cells([KINDS[name].title, str(len(runs)), str(passed), *(str(ends[end] or "") for end in _ENDS)])
    return "\n".join(lines)


def _kind(name: str) -> str:
    title = KINDS[name].title
    return f"\n{title}\n{'-' * len(title)}\n\n{KINDS[name].told}\n"


def _failed(outcomes: Outcomes) -> str:
    failed = [
        f"- {KINDS[name].title}, run {number}: {KINDS[name].drawn(number).call}, {KINDS[name].drawn(number).told}: {found.end} "
        f"{'; '.join((_plain(found.said), *map(_plain, found.spoiled)))}"
        for name, runs in outcomes.items()
        for number, found in runs.items()
        if not found.passed
    ]
    title = "What failed"
    return f"{title}\n{'-' * len(title)}\n\n" + ("\n".join(failed) if failed else "Nothing.")


def _plain(words: str) -> str:
    return (
        " ".join(words.split())
        .replace("\\", "")
        .replace("*", r"\*")
        .replace("`", "'")
        .replace("|", r"\|")
        .replace("_", r"\_")
    )


def _cells(cells: list[str]) -> list[str]:
    return [f"   {'* -' if k == 0 else '  -'} {cell}".rstrip() for k, cell in enumerate(cells)]
