"""Carry out all runs, and write what came of them and the page."""

from __future__ import annotations

import argparse
import sys

from . import outcomes as stored
from .calls import CALLS
from .kinds import Outcome, Reference
from .page import PAGE, page
from .runner import context, reference, run
from .table import KINDS, RUNS

_SMOKE = {"memory": (0, 2), "interrupts": (1,), "clocks": (1,), "disks": (0,)}


def main() -> None:
    """Run all kinds, or those named; then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all, if none is named")
    parser.add_argument("--run", type=int, metavar="N", help="this run of each alone; nothing is written")
    parser.add_argument("--failed", action="store_true", help="what failed or is missing, anew")
    parser.add_argument("--smoke", action="store_true", help="a few quick runs; nothing is written")
    parser.add_argument("--page-only", action="store_true", help="write the page from the stored outcomes")
    options = parser.parse_args()
    names = options.names or list(KINDS)
    if options.smoke or options.run is not None:
        wanted = _SMOKE if options.smoke else dict.fromkeys(names, (options.run,))
        found = _carried_out(wanted, {})
        sys.exit(not all(one.passed for runs in found.values() for one in runs.values()))
    if not options.page_only:
        found = stored.load()
        passed = {
            name: {n for n, one in found.get(name, {}).items() if options.failed and one.passed} for name in names
        }
        wanted = {name: tuple(n for n in range(RUNS) if n not in passed[name]) for name in names}
        _carried_out(wanted, found, keep=True)
    PAGE.write_text(page(stored.load()), encoding="utf-8")


def _carried_out(wanted: dict[str, tuple[int, ...]], found: stored.Outcomes, *, keep: bool = False) -> stored.Outcomes:
    """The outcomes, those that were there among them; kept after every run, so that what was stopped goes on with ``--failed``."""
    processes, references = context(), dict[str, Reference]()
    for name, numbers in wanted.items():
        kind = KINDS[name]
        for number in numbers:
            plan = kind.drawn(number)
            needed = list(CALLS) if plan.call == "a mixture" else ["loss"] if name == "workers" else [plan.call]
            for call in needed:
                if call in CALLS and call not in references:
                    references[call] = reference(call, processes)
            outcome = run(name, number, processes, references, kind.seconds)
            if outcome.end not in (kind.ends + ("right",)) and outcome.passed:
                outcome = Outcome("stray error", outcome.said, outcome.spoiled)
            found.setdefault(name, {})[number] = outcome
            print(_line(name, number, outcome), flush=True)
            if keep:
                stored.save({**stored.load(), name: found[name]})
    return found


def _line(name: str, number: int, found: Outcome) -> str:
    plan = KINDS[name].drawn(number)
    told = "passed" if found.passed else "FAILED"
    spoiled = f"; not as before: {', '.join(found.spoiled)}" if found.spoiled else ""
    return f"{name} {number}: {plan.call}, {plan.told}: {told}, {found.end} {found.said}{spoiled}"


if __name__ == "__main__":
    main()
