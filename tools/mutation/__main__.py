"""``python -m mutation``: what the tests make of mutants. It goes on where it was cut off."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import defaultdict
from fnmatch import fnmatch

import pytest
from mutmut.configuration import config

from .making import FOLDER, Mutant, made
from .running import FEW, MANY, Results, Runner
from .telling import PAGE, explanations, fallen, keep, page, scores

WHOLE = ["otgen/proofs/*", "otgen/model/units.py"]  # files of which every mutant is run
SAMPLED = 10  # of any other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=["*"], help="files, as otgen/proofs/*, in this order")
    parser.add_argument("--again", action="store_true", help="those that live without a reason meet more tests")
    parser.add_argument("--keep", action="store_true", help="keep the shares found, though some have fallen")
    parser.add_argument("--children", type=int, default=2, help="processes side by side")
    options = parser.parse_args()
    every = made()
    chosen = _chosen(every)
    results = run(
        [m for only in options.only for m in chosen if fnmatch(m.file, only)], options.again, options.children
    )
    outcomes = {key: result["outcome"] for key, result in results.items()}
    found = scores(every, chosen, outcomes)
    PAGE.write_text(page(found, chosen, outcomes, FEW, MANY), "utf-8")
    for stale in explanations().keys() - {m.key for m in chosen}:
        print(f"explained, but there is no such mutant:\n{stale}")
    if (fewer := fallen(found)) and not options.keep:
        raise SystemExit("\n".join(["tests notice fewer mutants than before:", *fewer]))
    keep(found)


def _chosen(every: list[Mutant]) -> list[Mutant]:
    of_file = defaultdict[str, list[Mutant]](list)
    for mutant in every:
        of_file[mutant.file].append(mutant)
    whole = {file for file in of_file if any(fnmatch(file, pattern) for pattern in WHOLE)}
    drawn = {
        mutant.key
        for file, some in of_file.items()
        for mutant in (some if file in whole else random.Random(file).sample(some, min(SAMPLED, len(some))))
    }
    return [mutant for mutant in every if mutant.key in drawn]


def run(mutants: list[Mutant], again: bool, children: int) -> Results:
    """What became of mutants, now or before."""
    kept = (FOLDER / "results.json").resolve()
    results: Results = json.loads(kept.read_text("utf-8")) if kept.exists() else {}

    def save() -> None:
        kept.with_suffix(".new").write_text(json.dumps(results, indent=1), "utf-8")
        kept.with_suffix(".new").replace(kept)

    left, known = {"survived", "no test"} if again else set(), explanations()
    todo = [m for m in mutants if m.key not in results or (results[m.key]["outcome"] in left and m.key not in known)]
    if not todo:
        return results
    options = [*config().pytest_add_cli_args_test_selection, *config().pytest_add_cli_args, "-q", "--rootdir=."]
    above = os.getcwd()
    os.chdir(FOLDER)
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if path and os.path.realpath(path) != above)]
    code = pytest.main(options, plugins=[Runner(todo, results, save, children, MANY if again else FEW)])
    os.chdir(above)
    if code != pytest.ExitCode.OK:
        raise SystemExit(int(code))
    return results


if __name__ == "__main__":
    main()
