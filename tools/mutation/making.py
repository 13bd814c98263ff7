"""Mutants of the source, made by mutmut: one function holds all of its own, and a name in the environment picks one."""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import mutmut.mutation.file_mutation
from mutmut.__main__ import create_mutants
from mutmut.mutation import mutators
from mutmut.mutation.data import MutantLineSpans
from mutmut.mutation.diff_apply import generated_function_names
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

_MANGLED = re.compile(r"x\S*?__mutmut_(orig|\d+)")
FOLDER = Path("mutants")  # where mutmut puts them
# An argument that is None or missing, and a message in capitals, raise at the first call: they tell who runs a line, not who checks it.
LEFT_OUT = {mutators.operator_arg_removal, mutators.operator_dict_arguments, mutators.operator_string}


class Mutant(NamedTuple):
    """One change: what mutmut calls it, and what it is called while the lines around it change."""

    name: str
    file: str
    function: str
    was: str
    became: str
    again: int  # how many the function has before it that read the same

    @property
    def key(self) -> str:
        return "\n".join([f"{self.file} {self.function} {self.again}", self.was, self.became])


def made() -> list[Mutant]:
    """All mutants of the files that pyproject.toml names, made anew where those have changed."""
    mutmut.mutation.file_mutation.mutation_operators = [
        (node, operator) for node, operator in mutators.mutation_operators if operator not in LEFT_OUT
    ]
    FOLDER.mkdir(exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(1)
    return [mutant for meta in sorted(FOLDER.rglob("*.py.meta")) for mutant in _of_file(meta)]


def _of_file(meta: Path) -> list[Mutant]:
    path = meta.relative_to(FOLDER).with_suffix("")
    names = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    spans = MutantLineSpans.load(path)
    found, seen = [], Counter[tuple[str, str, str]]()
    for name in names:
        assert spans is not None
        original, changed = spans.read_function_sources(list(generated_function_names(name)))
        function = (
            name.partition("__mutmut_")[0].rpartition(".")[2].removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        )
        was, became = _difference(original, changed)
        same = function, was, became
        found.append(Mutant(name, path.as_posix(), *same, seen[same]))
        seen[same] += 1
    return found


def _difference(original: str, changed: str) -> tuple[str, str]:
    """The lines that differ, but for the name of the function."""
    lines = [[line.strip() for line in _MANGLED.sub("", code).splitlines()] for code in (original, changed)]
    out: tuple[list[str], list[str]] = [], []
    for tag, start, end, start_changed, end_changed in difflib.SequenceMatcher(
        None, *lines, autojunk=False
    ).get_opcodes():
        if tag != "equal":
            out[0].extend(lines[0][start:end])
            out[1].extend(lines[1][start_changed:end_changed])
    return "\n".join(out[0]), "\n".join(out[1])
