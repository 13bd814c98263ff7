"""The form of every error: what is held to it, in messages as they are raised and in the source."""

import ast
import functools
import re
import sys
from pathlib import Path

import otgen
from otgen.errors import Infeasible, NotConverged, OtgenError

SOURCE = Path(otgen.__file__).parent
RULE = re.compile(r"(?s)(.+?\bmust\b.+?); received (.+); ([^;]+)")
OUTCOME = re.compile(r"(?s)([^;]+); (.+)")  # no argument is at fault: how it ended, and what to do
NOT_OURS = re.compile(
    r"\bnp\.|numpy\.(float|int)|\barray\(|\btensor\(|dtype\('|\bNone of\b|\)\)\)| at 0x|<function|<class"
)
ERRORS = {"InvalidInput", "TooLarge", "MassMismatch", "MissingExtra"}
OUTCOMES = {"Infeasible", "NotConverged"}


def amiss(error):
    """What is wrong with the words of an error; None where nothing is."""
    outcome = isinstance(error, Infeasible | NotConverged)
    found = (OUTCOME if outcome else RULE).fullmatch(str(error))
    if not found:
        return "lacks how it ended or the remedy" if outcome else "lacks the rule, what was received or the remedy"
    strange = NOT_OURS.search(found[1] if outcome else found[2])
    return f"shows {strange[0]!r}" if strange else None


class Heard:
    """The errors that the library makes while the suite runs, each with the place in the source where it does."""

    def __init__(self):
        self.errors = []

    def install(self):
        """Listen from now on."""
        plain = OtgenError.__init__

        def hearing(error, *arguments):
            plain(error, *arguments)
            frame = sys._getframe(1)
            while frame.f_code.co_name == "__init__":  # of subclasses
                frame = frame.f_back
            self.hear(error, Path(frame.f_code.co_filename), frame.f_lineno)

        OtgenError.__init__ = hearing

    def hear(self, error, path, line):
        """Take note of an error, unless a test made it."""
        if path.is_relative_to(SOURCE):
            self.errors.append((error, path, line))

    def faults(self):
        """What is wrong with those that were heard since the last call."""
        heard, self.errors = self.errors, []
        return [f"{error} ({path.name}, line {line}): {why}" for error, path, line in heard if (why := amiss(error))]


def template(node):
    """The text of an f-string, with {} for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return template(node.left) + template(node.right) if isinstance(node, ast.BinOp) else "{}"


@functools.cache
def errors_in(source):
    """(name, template) of each error that a source makes; (name, None) where it has no words."""
    if not any(name in source for name in ERRORS | OUTCOMES):
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ERRORS | OUTCOMES:
                found.append((name, template(node.args[0]) if node.args else None))
    return found
