"""How a table of text is written: what separates its cells, what its decimal point is, whether its first line is names."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..words import counted
from .heading import Heading, Unclear, is_number, judged

_SAMPLED = 1 << 16  # bytes that are looked at, or more where the first lines are long
_LINES = 8
_MARKS = (";", "\t", "|", ",")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SAID = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # a first line for Excel
_PIECE = re.compile(r'(?:"[^"]*"|\S)+')
_COMMENT = re.compile(r"\s*(?:#[# ]*|%[% ]*|//[/ ]*)")  # as numpy, Matlab and C write them
_BEFORE = re.compile(rb'(?:"?sep=."?\s*?[\r\n])?+(?>[ \t]*(?:(?:#|%|//)[^\r\n]*)?(?:\r\n?|\n))*+', re.IGNORECASE)
_ONLY_COMMENTS = Unclear(
    "have rows",
    "comments alone, lines that begin with #, % or //",
    "write one sample a line, and quotes around cells that begin so",
)


@dataclass(frozen=True)
class Dialect:
    """``names`` is None where there are none; ``skipped`` letters come before the data; ``unclear`` says why nobody can tell what is written."""

    separator: str
    decimal: str
    names: tuple[str, ...] | None
    skipped: int
    notes: tuple[str, ...] = ()
    unclear: Unclear | None = None


def beginning(content: bytes) -> bytes:
    """The first lines of a table, whole: comments and enough of what is below to tell how it is written, however long they are."""
    before = _BEFORE.match(content)
    start = before.end() if before else 0
    ends = [found.end() for found in itertools.islice(re.compile(rb"\r\n?|\n").finditer(content, start), _LINES)]
    if len(content) <= start + _SAMPLED or len(ends) < _LINES:
        return content
    last = max(content.rfind(mark, 0, start + _SAMPLED) for mark in (b"\n", b"\r")) + 1
    return content[: max(last, ends[-1])]


def dialect(head: str) -> Dialect:
    r"""Read off the first lines of a table how it is written.

    Parameters
    ----------
    head : str
        The beginning of the text, of whole lines.

    Examples
    --------
    >>> dialect("a;b\n1,5;2\n")
    Dialect(separator=';', decimal=',', names=('a', 'b'), skipped=4, notes=(), unclear=None)
    """
    lines = _LINE.findall(head)
    said, comments, lead = _lead(lines)
    if comments and lead == len(lines):
        return Dialect(",", ".", None, 0, unclear=_ONLY_COMMENTS)
    skipped = sum(map(len, lines[:lead]))
    lines = lines[lead:] or [""]
    separator = said or (";" if _are_one_column(lines) else _separator(lines))
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")
    first = _names(next(reader, [""]))
    beyond = sum(map(len, lines[: reader.line_num]))
    rows = [row for row in reader if row]
    decimal, unclear = _decimal(separator, first, rows)
    notes = _doubts(decimal, [first, *rows])
    named, names = _headed(first, rows, decimal)
    if named.is_names:
        return Dialect(separator, decimal, names, skipped + beyond, (*named.notes, *notes), unclear)
    headed, told = (None, ()) if named.unclear else _of_comments(comments, [first, *rows], separator, decimal)
    doubts = told if headed else (*told, *named.notes)
    return Dialect(separator, decimal, headed, skipped, (*doubts, *notes), unclear or named.unclear)


def is_fraction(cell: str, decimal: str) -> bool:
    """Whether a cell is a number with a decimal point."""
    return bool((_DECIMAL_COMMA if decimal == "," else _DECIMAL_POINT).fullmatch(cell.strip()))


def _lead(lines: Sequence[str]) -> tuple[str | None, list[str], int]:
    """The separator that a first line says, comments before the data, and how many lines all of that takes."""
    said = _SAID.fullmatch(lines[0]) if lines else None
    comments: list[str] = []
    for k, line in enumerate(lines[1:] if said else lines, 1 if said else 0):
        if _COMMENT.match(line):
            comments.append(line.strip())
        elif line.strip():
            return said and said[1], comments, k
    return said and said[1], comments, len(lines)


def _mark(line: str) -> str:
    """What a comment begins with."""
    return "//" if line.startswith("//") else line[0]


def _of_comments(
    comments: Sequence[str], rows: Sequence[Sequence[str]], separator: str, decimal: str
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Names from the last comment that has them, and what is to be said of the comments."""
    parted = [(line, _names(next(csv.reader([_uncommented(line)], delimiter=separator), []))) for line in comments]
    fitting = [(line, cells) for line, cells in parted if len(cells) == len(rows[0])]
    found = next((one for one in reversed(fitting) if judged(one[1], rows, decimal).is_names), None)
    lost = [line for line, cells in fitting if (line, cells) != found and _reads_like(cells, rows[0], decimal)]
    told = (
        [f"{counted(len(lost), 'line')} of numbers left out as a comment, such as {' '.join(lost[0].split())[:80]!r}"]
        if lost
        else []
    )
    if found is None:
        return None, tuple(told)
    if not found[0].startswith("#"):
        told.append(f"its names were read from the comment {' '.join(found[0].split())[:80]!r}")
    return tuple(found[1]), (*told, *judged(found[1], rows, decimal).notes)


def _reads_like(cells: Sequence[str], row: Sequence[str], decimal: str) -> bool:
    """Whether there are numbers wherever a row has them."""
    numbers = [k for k, cell in enumerate(row) if is_number(cell, decimal)]
    return bool(numbers) and all(is_number(cells[k], decimal) for k in numbers)


def _uncommented(line: str) -> str:
    """A comment without its mark, which stays where it is the name of the first column."""
    text = _COMMENT.sub("", line, 1)
    return line if text[:1] in _MARKS else text


def _separator(lines: Sequence[str]) -> str:
    """The mark of the first line that parts the lines below into as many cells; else the first one there is."""
    there = [mark for mark in _MARKS if mark in _unquoted(lines[0])] or [
        mark
        for mark in _MARKS
        if mark in "".join(lines[:3])  # a name in quotes that goes over several lines
    ]
    return next((mark for mark in there if _fits(mark, lines)), there[0] if there else ",")


def _are_one_column(lines: Sequence[str]) -> bool:
    """Whether a name stands above numbers with decimal commas, one a line."""
    name, *cells = (line.strip() for line in lines if line.strip()) if any(map(str.strip, lines)) else ("",)
    alone = not any(mark in name for mark in _MARKS) and any(map(_DECIMAL_COMMA.fullmatch, cells))
    return alone and all(_DECIMAL_COMMA.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in cells)


def _fits(mark: str, lines: Sequence[str]) -> bool:
    widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    return len(set(widths[1:])) <= 1 and widths[0] > 1 and all(width - widths[0] in (0, 1) for width in widths[1:])


def _names(cells: Sequence[str]) -> list[str]:
    """Cells of a first line, whatever blanks or ends of lines are in them."""
    return [" ".join(cell.split()) for cell in cells]


def _headed(first: list[str], rows: list[list[str]], decimal: str) -> tuple[Heading, tuple[str, ...]]:
    """Whether the first line is names, and which: where it is a cell shorter than all others, one more that is empty."""
    if len(first) > 1 and rows and all(len(row) == len(first) + 1 for row in rows):
        if not any(row[-1].strip() for row in rows):  # each line ends in a separator
            first = [*first, ""]
        elif _are_index([row[0].strip() for row in rows], decimal):  # as R writes, and pandas to a terminal
            return Heading(True), ("", *first)
    return judged(first, rows, decimal), tuple(first)


def _are_index(cells: list[str], decimal: str) -> bool:
    """Whether they are texts, or whole numbers that go up by one."""
    if all(map(str.isdecimal, cells)):
        return {int(after) - int(before) for before, after in itertools.pairwise(cells)} <= {1}
    return not any(is_number(cell, decimal) for cell in cells)


def _decimal(separator: str, first: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, Unclear | None]:
    """The decimal point, and what is wrong where columns of numbers have different ones; a first line may be names."""
    if separator == ",":
        return ".", None
    found: dict[str, str] = {}
    for k, head in enumerate(first):
        below = [row[k].strip() for row in rows if k < len(row)]
        heads = [head] if _DECIMAL_COMMA.fullmatch(head) or _DECIMAL_POINT.fullmatch(head) else []
        cells = [cell for cell in (*heads, *below) if cell]
        for mark, pattern in ((",", _DECIMAL_COMMA), (".", _DECIMAL_POINT)):
            told = [cell for cell in cells if pattern.fullmatch(cell)]
            if told and all(pattern.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in cells):
                found.setdefault(mark, told[0])
    if len(found) < 2:
        return next(iter(found), "."), None
    marks = f"{found[',']} and {found['.']}"
    return ".", Unclear(
        "have one decimal point in all of its columns", marks, "write numbers without separators of thousands"
    )


def _doubts(decimal: str, rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """That commas may be those of thousands, where all stand before three digits."""
    commas = [cell.strip() for row in rows for cell in row if _DECIMAL_COMMA.fullmatch(cell.strip())]
    if decimal != "," or not all(map(_THOUSANDS.fullmatch, commas)):
        return ()
    return (f"its commas were read as decimal points, {commas[0]} as {commas[0].replace(',', '.')}",)


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def tabulated(text: str) -> tuple[str, tuple[str, ...]]:
    r"""Cells that are apart by blanks, apart by tabs; comments are kept where they come first, and may be names, and are told where they do not.

    Examples
    --------
    >>> tabulated("# x  y\n1   2\n")
    ('# x\ty\n1\t2\n', ())
    """
    lines = [line for line in map(str.strip, _LINE.findall(text)) if line]
    data = [line for line in lines if not _COMMENT.match(line)]
    if not data:
        return "\n".join(lines), ()
    comments = lines[: next(k for k, line in enumerate(lines) if not _COMMENT.match(line))]
    below = len(lines) - len(comments) - len(data)
    notes = (
        f"{counted(below, 'line')} below the first row left out as {'a comment' if below == 1 else 'comments'}",
    ) * bool(below)
    if any(mark in _unquoted(data[0]) for mark in _MARKS) and not _are_apart_by_blanks(data[:100]):
        return "\n".join([*comments, *data, ""]), notes
    parted = [f"{_mark(line)} " + "\t".join(_COMMENT.sub("", line, 1).split()) for line in comments]
    return "\n".join([*parted, *("\t".join(_PIECE.findall(line)) for line in data), ""]), notes


def _are_apart_by_blanks(lines: Sequence[str]) -> bool:
    """Whether blanks part lines into as many cells, although there are marks: as decimal commas, or where none does as well."""
    pieces = [_PIECE.findall(line) for line in lines]
    if len(pieces[0]) < 2 or {len(row) for row in pieces} != {len(pieces[0])}:
        return False
    commas = any(map(_DECIMAL_COMMA.fullmatch, pieces[0]))
    numbers = commas and all(is_number(cell, ",") for cell in pieces[0])
    return numbers or not any(_fits(mark, [f"{line}\n" for line in lines]) for mark in _MARKS)
