"""The page of the docs, from the stored outcomes."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

from .outcomes import PACKAGES, Outcomes, stored_versions
from .row import NOTHING, REFUSED, RIGHT, VERDICTS, Outcome, Row, verdict
from .runner import GIGABYTES, SECONDS, SLOW_SECONDS
from .table import KINDS, ROWS

PAGE = Path(__file__).parents[2] / "docs" / "bad-days.rst"

HEAD = """Bad days
========

What a library does with the input that should not have come. {rows} rows: {reported} name the reports that they come from, {tried} were found by trying
these libraries and ours. Each call ran in a process of its own, with {gigabytes} GiB of memory above what the imports take and {seconds} s ({slow} s for the row of more than 2\\ :sup:`31` pairs).
Versions: {versions}.

.. list-table::
   :header-rows: 1

{counts}

*Right*: within 1e-6 of the truth, unless the row says otherwise; of ours, the proven interval must hold the truth as well. *Refused*: an
error that the library raises itself. *Says nothing*: None, NaN, or an error that fell out of a line that meant something else. *Warned*: a
wrong number, with a warning of whatever kind. A row without a truth has none, since the input is malformed: there a number is wrong
and an error is right. Libraries are asked through the call that comes nearest to the question, with the root and the factor that it leaves out; GeomLoss with
``scaling=.95``. One that has no such call is not asked. Rows that fewer than all are asked say little about who is better: they were
chosen because somebody failed.

We lose {lost}. We refuse what has an answer: {declined}.

``python -m benchmarks.bad_days`` asks all again and writes this page; with the names of rows, those; with ``--page-only``, the page from
``benchmarks/bad_days/outcomes.json``. ``tests/test_bad_days.py`` holds our side of every row but those in seconds.
"""


def page(outcomes: Outcomes) -> str:
    """The page, in reStructuredText."""
    asked = [name for name in PACKAGES if any(who.split()[0] == name for calls in outcomes.values() for who in calls)]
    lost = [
        name for name, calls in outcomes.items() if verdict(ROWS[name].truth, calls["otgen"]) not in (RIGHT, REFUSED)
    ]
    declined = [
        name
        for name, calls in outcomes.items()
        if calls["otgen"].kind == "refused" and ROWS[name].truth.number is not None
    ]
    reported = sum(bool(ROWS[name].seen) for name in outcomes)
    versions = ", ".join(f"{name} {number}" for name, number in stored_versions().items())
    absent = [name for name in PACKAGES if name not in asked]
    versions += "".join(f"; {name} is not installed here" for name in absent)
    head = HEAD.format(
        rows=len(outcomes), reported=reported, tried=len(outcomes) - reported, gigabytes=GIGABYTES, seconds=SECONDS, slow=SLOW_SECONDS, versions=versions, counts=_counts(outcomes, asked),
        lost=_named(lost), declined=_named(declined),
    )  # fmt: skip
    return head + "".join(_kind(kind, rows, outcomes, asked) for kind, rows in KINDS.items())


def _named(rows: list[str]) -> str:
    return ", ".join(f"``{name}``" for name in rows) or "none"


def _counts(outcomes: Outcomes, asked: list[str]) -> str:
    tallies = {name: Counter(verdict(ROWS[row].truth, out) for row, calls in outcomes.items() for who, out in calls.items() if who.split()[0] == name) for name in asked}  # fmt: skip
    shown = [name for name in VERDICTS if any(tally[name] for tally in tallies.values())]
    lines = _cells(["", "answers", *shown])
    for name, tally in tallies.items():
        lines += _cells([name, str(tally.total()), *(str(tally[kind]) if tally[kind] else "" for kind in shown)])
    return "\n".join(lines)


def _kind(kind: str, rows: list[Row], outcomes: Outcomes, asked: list[str]) -> str:
    rows = [row for row in rows if row.name in outcomes]
    those = [name for name in asked if any(who.split()[0] == name for row in rows for who in outcomes[row.name])]
    lines = ["", kind, "-" * len(kind), "", ".. list-table::", "   :header-rows: 1", ""]
    lines += _cells(["input", "truth", *those])
    for row in rows:
        calls = outcomes[row.name]
        answers = [
            "; ".join(_answer(row, who, out) for who, out in calls.items() if who.split()[0] == name) for name in those
        ]
        reports = f" [{row.seen}]" if row.seen else ""
        lines += _cells([f"{row.input}{reports}. ``{row.name}``", _truth(row), *answers])
    return "\n".join(lines) + "\n"


def _truth(row: Row) -> str:
    number = row.truth.number
    return f"none: {row.truth.known}" if number is None else f"{_number(number)}, {row.truth.known}"


def _answer(row: Row, who: str, out: Outcome) -> str:
    """What was given, and the verdict; the function's name where it is not ours."""
    name, said = who.partition(" ")[2], verdict(row.truth, out)
    if out.kind == "number":
        assert out.value is not None
        given = f"{_number(out.value)}: {said}"
    elif out.kind == "refused":
        given = f"refused: *{_plain(out.said)}*" if who == "otgen" else f"refused: {out.said.split(':')[0]}"
    elif said == NOTHING:
        given = f"{out.said.split(':')[0]}: {said}"
    else:
        given = said if said != "crash" else f"crash, {out.said}"
    bad = said not in (RIGHT, REFUSED)
    given = given.replace(said, f"**{said}**") if bad else given
    return f"``{name}`` {given}" if name else given


def _plain(words: str) -> str:
    return words.partition(": ")[2].replace("*", r"\*").replace("`", "'").replace("|", r"\|").strip()


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:.7g}"


def _cells(cells: list[str]) -> list[str]:
    return [f"   {'* -' if k == 0 else '  -'} {cell}".rstrip() for k, cell in enumerate(cells)]
