"""How a table of text is written: what separates its cells, what its decimal point is, whether its first line is names."""

from __future__ import annotations

import csv
import itertools
import re
from dataclasses import dataclass

_SAMPLED = 1 << 16  # bytes that are looked at, or more where the first lines are long
_LINES = 3
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(e[+-]?\d+)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """``names`` is None where there are none; ``skipped`` lines come before the data."""

    separator: str
    decimal: str
    names: tuple[str, ...] | None
    skipped: int
    notes: tuple[str, ...] = ()


def beginning(content: bytes) -> bytes:
    """The first lines of a table, whole: enough of them to tell how it is written, however long they are."""
    ends = [found.end() for found in itertools.islice(re.finditer(rb"\r\n?|\n", content), _LINES)]
    if len(content) <= _SAMPLED or len(ends) < _LINES:
        return content
    last = max(content.rfind(mark, 0, _SAMPLED) for mark in (b"\n", b"\r")) + 1
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
    Dialect(separator=';', decimal=',', names=('a', 'b'), skipped=1, notes=())
    """
    lines = [line for line in head.splitlines() if line.strip()] or [""]
    separator = next((mark for mark in (";", "\t", "|", ",") if mark in _unquoted(lines[0])), ",")
    rows = list(csv.reader(lines, delimiter=separator))
    cells = [cell for row in rows[1:] or rows for cell in row]
    comma = separator != "," and any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    decimal = "," if comma and not any(re.fullmatch(r"[+-]?\d*\.\d+", cell.strip()) for cell in cells) else "."
    first = [cell.strip() for cell in rows[0]]
    if not all(is_number(cell, decimal) for cell in first):
        return Dialect(separator, decimal, tuple(first), 1)
    if _counted(first) and any(not _is_whole(cell) for row in rows[1:] for cell in row):
        note = f"its first line, {', '.join(first)}, was read as names"
        return Dialect(separator, decimal, tuple(first), 1, (note,))
    return Dialect(separator, decimal, None, 0)


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell reads as a number."""
    try:
        float(cell.strip().replace(decimal, "."))
    except ValueError:
        return False
    return True


def _counted(cells: list[str]) -> bool:
    """Whether the cells are 0, 1, 2, ...: what a data frame without names writes in its first line."""
    return len(cells) > 1 and cells == [str(k) for k in range(len(cells))]


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+\s*", cell) is not None


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def tabulated(text: str) -> str:
    r"""Cells that are apart by blanks, apart by tabs; a line that begins with # is names if it fits, else a comment.

    Examples
    --------
    >>> tabulated("# x  y\n1   2\n")
    'x\ty\n1\t2\n'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    data = [line for line in lines if not line.startswith("#")]
    if not data:
        return ""
    if any(mark in _unquoted(data[0]) for mark in ",;|\t"):
        return "\n".join([*data, ""])
    rows = [re.split(r"\s+", line) for line in data]
    names = [cells for line in comments if len(cells := line.split()) == len(rows[0]) and not is_number(cells[0])]
    return "\n".join(["\t".join(cells) for cells in [*names[-1:], *rows]] + [""])
