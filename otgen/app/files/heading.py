"""Whether the first line of a table is names or a sample, by what stands below it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from ..words import listed

_GAPS = frozenset(
    ["", *["na", "nan", "n/a", "#n/a", "#na", "null", "none", "<na>", "n.a.", "nil", "missing", "?", "-", "--", "."]]
)
_MOMENT = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?")
_YEARS = range(1800, 2101)


class Unclear(NamedTuple):
    """Why nobody can tell what a table says: the rule, what was received, and what to do."""

    rule: str
    received: str
    remedy: str


class Heading(NamedTuple):
    """Whether a line is names, what is to be said where that is not plain, and why it is refused where nobody can tell."""

    is_names: bool
    notes: tuple[str, ...] = ()
    unclear: Unclear | None = None


def judged(first: Sequence[str], rows: Sequence[Sequence[str]], decimal: str = ".") -> Heading:
    """Judge the cells of a first line by those below them.

    A word above numbers is a name, and then its neighbours are names too. Without one, a line with fractions, with gaps, with what comes
    again below, or with dates or truth values above their like is a sample. Whole numbers beside words may be either: they are names where
    they count up, are years, or have an empty cell before them, as data frames write them; which it was is said. Nothing but whole numbers
    that look like names, above what is unlike them, is refused.

    Parameters
    ----------
    first : sequence of str
        The line, without blanks around its cells.
    rows : sequence of sequence of str
        Those below it.

    Examples
    --------
    >>> judged(["x", "y"], [["1", "2"]]).is_names, judged(["ann", "1.5"], [["bob", "2"]]).is_names
    (True, False)
    """
    columns = [[row[k].strip() for row in rows if k < len(row)] for k in range(len(first))]
    filled = [k for k, column in enumerate(columns) if first[k] or any(column)]
    first, below = [first[k] for k in filled], [columns[k] for k in filled]
    kinds = [_kind(cell, decimal) for cell in first]

    def held(k: int) -> set[str]:
        return {_kind(cell, decimal) for cell in below[k]} - {"gap"}

    told = f"its first line, {listed(tuple(filter(None, first)))}, was read as"
    names, sample = Heading(True, (f"{told} names",)), Heading(False, (f"{told} a sample, not as names",))
    proven = any(kind == "word" and (own := held(k)) and "word" not in own for k, kind in enumerate(kinds))
    if "number" not in kinds:
        alike = any(kind in ("moment", "truth") and held(k) == {kind} for k, kind in enumerate(kinds))
        return Heading(proven or not alike)
    if proven:
        return names
    numbers = [cell for cell, kind in zip(first, kinds) if kind == "number"]
    others = [k for k, kind in enumerate(kinds) if kind != "number"]
    if not _may_be_names(numbers) or any(kinds[k] not in ("word", "gap") or first[k] in below[k] for k in others):
        return Heading(False)
    if first[0] == "":
        return names if not _counts(numbers) else Heading(True)
    if others:
        return names if _look_like_names(numbers) else sample
    cells = [cell for column in below for cell in column]
    fractions = [cell for cell in cells if not _is_whole(cell)]
    if _counts(numbers) and len(numbers) > 1 and fractions:
        return names
    unlike = bool(cells) and (len(fractions) == len(cells) or (_are_years(numbers) and not any(map(_is_year, cells))))
    if unlike and len(numbers) > 1 and _look_like_names(numbers):
        remedy = f"write words for names, or numbers with a point for a sample, such as {first[0]}.0"
        return Heading(False, unclear=Unclear("say whether its first line is names", listed(tuple(first)), remedy))
    return sample if unlike else Heading(False)


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell reads as a number."""
    try:
        float(cell.strip().replace(decimal, "."))
    except ValueError:
        return False
    return "_" not in cell


def _kind(cell: str, decimal: str) -> str:
    cell = cell.strip()
    if cell.lower() in _GAPS:
        return "gap"
    if is_number(cell, decimal):
        return "number"
    if cell.lower() in ("true", "false"):
        return "truth"
    return "moment" if _MOMENT.fullmatch(cell) else "word"


def _may_be_names(numbers: list[str]) -> bool:
    """Whether they are whole, without signs, and differ."""
    return all(map(str.isdecimal, numbers)) and len(set(numbers)) == len(numbers)


def _counts(numbers: list[str]) -> bool:
    """Whether they are 0, 1, 2, ...: what a data frame without names writes in its first line."""
    return numbers == [str(k) for k in range(len(numbers))]


def _look_like_names(numbers: list[str]) -> bool:
    """Whether they go up by one, by the same step three times or more, or are years."""
    steps = {int(after) - int(before) for before, after in itertools.pairwise(numbers)}
    steady = len(steps) == 1 and (steps == {1} or (len(numbers) > 2 and min(steps) > 0))
    return steady or _are_years(numbers)


def _are_years(cells: Sequence[str]) -> bool:
    return all(map(_is_year, cells))


def _is_year(cell: str) -> bool:
    return cell.isdecimal() and int(cell) in _YEARS


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", cell) is not None
