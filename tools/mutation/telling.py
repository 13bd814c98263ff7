"""What is kept of a run: scores that must not fall, and the page of the documentation with the mutants that live."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .making import Mutant

HERE = Path(__file__).parent
SCORES = HERE / "scores.json"
EXPLAINED = HERE / "explained.toml"
PAGE = Path("docs/mutants.rst")
NOTICED = {"killed", "timeout", "died"}
KINDS = {
    "same": "the same for every input",
    "wider": "an interval is wider, and holds the truth as before",
    "choice": "another choice among good ones: a threshold, an order, a tie",
    "slower": "the same by a longer way",
}

HEAD = """Mutants
=======

What would the tests notice, were a line wrong? `mutmut <https://mutmut.readthedocs.io>`_ changes one operator, number, condition or assignment at a
time; a mutant that no test tells from the original lives. ``make mutants`` makes them all anew for the proofs and for the units, and a sample of each file
for what reads input and for solvers (drawn by the file's name); it fails where a share below falls, and writes this page.

Left out are arguments that become None or go missing, and messages that change case: nearly all raise at the first call. mutmut leaves
constants of modules and properties as they are, and makes numbers larger by 1, never smaller. What is *run* is what has been run so far: it goes on where it
was stopped. Each mutant meets the tests that enter its function, up to {few[0]} of those of its file and {few[1]} others; one that lives is tried again
(``--again``) with up to {many[0]} and {many[1]}. None takes more than a second; a mutant that never ends counts as noticed.

"""


class Score(NamedTuple):
    """Of one file: mutants that there are, that were run, that were noticed, and those that live with a reason."""

    all: int
    run: int
    noticed: int
    explained: int


def explanations() -> dict[str, dict[str, str]]:
    """By what a mutant is called while the lines around it change."""
    listed = tomllib.loads(EXPLAINED.read_text("utf-8"))["mutant"]
    return {
        "\n".join([f"{one['file']} {one['function']} {one.get('again', 0)}", one["was"], one["became"]]): one
        for one in listed
    }


def scores(every: Iterable[Mutant], chosen: Iterable[Mutant], outcomes: dict[str, str]) -> dict[str, Score]:
    """By file, of the chosen mutants that have been run so far."""
    known, counts, of_file = explanations(), defaultdict[str, int](int), defaultdict[str, list[Mutant]](list)
    for mutant in every:
        counts[mutant.file] += 1
    for mutant in chosen:
        if mutant.key in outcomes:
            of_file[mutant.file].append(mutant)
    return {
        file: Score(
            counts[file],
            len(some),
            sum(outcomes[m.key] in NOTICED for m in some),
            sum(outcomes[m.key] not in NOTICED and m.key in known for m in some),
        )
        for file, some in ((file, of_file[file]) for file in sorted(counts))
    }


def fallen(found: dict[str, Score]) -> list[str]:
    """Files whose share is below what is kept."""
    kept = (
        {file: Score(**score) for file, score in json.loads(SCORES.read_text("utf-8")).items()}
        if SCORES.exists()
        else {}
    )
    return [
        f"{file}: {found[file].noticed} of {found[file].run} noticed; {before.noticed} of {before.run} are kept"
        for file, before in kept.items()
        if file in found and found[file].run and found[file].noticed * before.run < before.noticed * found[file].run
    ]


def keep(found: dict[str, Score]) -> None:
    """Let these be the shares that must not fall."""
    kept = json.loads(SCORES.read_text("utf-8")) if SCORES.exists() else {}
    kept |= {file: score._asdict() for file, score in found.items() if score.run}
    SCORES.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", "utf-8")


def page(
    found: dict[str, Score],
    chosen: Iterable[Mutant],
    outcomes: dict[str, str],
    few: tuple[int, int],
    many: tuple[int, int],
) -> str:
    """Scores, and mutants that live, each with its reason or without."""
    known = explanations()
    out = [
        HEAD.format(few=few, many=many),
        *_table("8 2 2 2 2 2", ["file", "mutants", "run", "noticed", "explained", "open"], _rows(found)),
    ]
    out += ["Those that live", "---------------", "", *(f"- *{kind}*: {words}" for kind, words in KINDS.items()), ""]
    living = defaultdict[str, list[list[str]]](list)
    for mutant in chosen:
        if outcomes.get(mutant.key, "killed") not in NOTICED:
            why = known.get(mutant.key)
            reason = f"*{why['kind']}*: {why['why']}" if why else "open"
            living[mutant.file].append([mutant.function, _code(mutant.was), _code(mutant.became), reason])
    for file, rows in living.items():
        out += [file, "~" * len(file), "", *_table("3 8 8 6", ["function", "was", "became", "why it lives"], rows)]
    return "\n".join(out).rstrip() + "\n"


def _rows(found: dict[str, Score]) -> list[list[str]]:
    rows = [[file, *map(str, score), str(score.run - score.noticed - score.explained)] for file, score in found.items()]
    sums = [sum(column) for column in zip(*found.values(), strict=True)]
    return [*rows, ["all", *map(str, sums), str(sums[1] - sums[2] - sums[3])]]


def _table(widths: str, head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [head, *rows]:
        lines += [f"   {'* -' if not k else '  -'} {cell}" for k, cell in enumerate(row)]
    return [*lines, ""]


def _code(lines: str) -> str:
    return f"``{' '.join(lines.split())}``" if lines else "nothing"
