"""Ask everybody, and write what came of it and the page."""

from __future__ import annotations

import argparse

from . import outcomes as stored
from .page import PAGE, page
from .row import verdict
from .runner import SECONDS, SLOW_SECONDS, context, run
from .table import ROWS


def main() -> None:
    """Run all rows, or those named; then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bad_days", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ROW", help="rows to run anew; all, if none is named")
    parser.add_argument("--page-only", action="store_true", help="write the page from the stored outcomes")
    options = parser.parse_args()
    if not options.page_only:
        _ask(options.names or list(ROWS), everything=not options.names)
    PAGE.write_text(page(stored.load()), encoding="utf-8")


def _ask(names: list[str], *, everything: bool) -> None:
    processes = context()
    found = {} if everything else stored.load()
    for name in names:
        row = ROWS[name]
        found[name] = {
            who: run(name, who, processes, seconds=SLOW_SECONDS if row.slow else SECONDS)
            for who in stored.installed(row.ask())
        }
        print(
            f"{name}: "
            + "; ".join(
                f"{who} {verdict(row.truth, out)} ({out.value if out.value is not None else out.said})"
                for who, out in found[name].items()
            ),
            flush=True,
        )
    stored.save(found)


if __name__ == "__main__":
    main()
