"""Sample sets from tables: which columns are coordinates, and which are not and why."""

from __future__ import annotations

import codecs
import csv as csv_of_python
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import InvalidInput, require
from ...inputs import whole
from ...inputs.types import Floats
from ..words import counted
from . import digits
from .labels import is_text, row_labels
from .names import option, tidy
from .samples import Samples
from .text import beginning, dialect, is_fraction, tabulated

_UNNAMED = re.compile(r"|unnamed: \d+|__index_level_\d+__", re.IGNORECASE)
_COUNTERS = frozenset(
    [
        "index",
        "idx",
        "id",
        "ids",
        "row",
        "rowid",
        "row_id",
        "rownames",
        "row_names",
        "rownum",
        "row_number",
        "rownumber",
        "row_nr",
        "nr",
        "no",
        "no.",
        "num",
        "number",
        "#",
        "level_0",
        "sample",
        "sample_id",
        "obs",
        "observation",
        "observation_id",
        "record",
        "record_id",
        "key",
        "pk",
        "serial",
    ]
)
# Why columns are left out that call the rows by a name.
_INDEX = "the index of a data frame", "an index without a name"
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
# What a person reads as a number.
_MEANT = re.compile(r"\s*[-+\u2212]?\s*[$€£]?\s*\d[\d.,_'\u2019\s]*([eEdD][-+]?\d+)?\s*[%$€£]?\s*")
_MARKS = {  # that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_UNMARKED = ("UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE")


@dataclass(frozen=True)
class Table:
    """A pyarrow table, whether it has names, what was assumed in reading it, which columns it says are its index, numbers that
    were rounded in reading, one a column, columns that were not read, with their types, and an index that is a range of numbers.
    """

    columns: Any
    named: bool = True
    notes: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    rounded: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    counted: range | None = None


def from_text(name: str, content: bytes, *, blanks: bool) -> Table:
    """A table of text: commas, semicolons or tabs between cells, or ``blanks``."""
    arrow, csv = require("pyarrow"), require("pyarrow.csv")
    content = _to_its_end(content.removeprefix(b"\xef\xbb\xbf"))
    text, told = tabulated(_utf8(name, content)) if blanks else ("", ())
    content = text.encode() if blanks else content
    if not content.strip():
        raise InvalidInput(f"{name} must have rows; received none; write one sample a line")
    head = _utf8(name, beginning(content))
    try:
        how = dialect(head)
    except csv_of_python.Error as fault:
        raise InvalidInput(
            f"{name} must be a table of short cells; received one of which csv says: {fault}; close its quotes, or leave long texts out"
        ) from None
    if how.unclear:
        rule, received, remedy = how.unclear
        raise InvalidInput(f"{name} must {rule}; received {received}; {remedy}")
    content = content[len(head[: how.skipped].encode()) :]
    cells = next(filter(None, csv_of_python.reader(io.StringIO(head[how.skipped :], ""), delimiter=how.separator)), [])
    width = len(how.names) if how.names else None
    names = [str(k) for k in range(1, width + 1)] if width else None
    generated = names or [f"f{k}" for k in range(len(cells))]  # as pyarrow calls them
    fractions = [name for name, cell in zip(generated, cells) if is_fraction(cell, how.decimal)]  # need not be guessed

    def parsed(kinds: Mapping[str, Any]) -> Any:
        return csv.read_csv(
            arrow.BufferReader(content + b"\n"),  # pyarrow finds no block in one line without an end
            read_options=csv.ReadOptions(
                autogenerate_column_names=names is None,
                column_names=names,
                block_size=max(1 << 20, 2 * len(head)),  # no line may be longer
            ),
            parse_options=csv.ParseOptions(delimiter=how.separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(decimal_point=how.decimal, column_types=kinds),
        )

    try:
        try:
            table = parsed(dict.fromkeys(fractions, arrow.float64()))
        except arrow.ArrowInvalid:  # below are cells that are none
            table = parsed({})
    except arrow.ArrowInvalid as fault:
        if "Empty CSV" in str(fault):
            raise InvalidInput(f"{name} must have rows; received none; write one sample a line") from None
        raise InvalidInput(
            f"{name} must be a rectangular table; received one of which pyarrow says: {' '.join(str(fault).split())}; write the same number of cells in every line"
        ) from None
    called = how.names or tuple(str(k) for k in range(1, table.num_columns + 1))
    rounded = {called[k]: cell for k, cell in _rounded(table, parsed, how.decimal).items()}
    return Table(table.rename_columns(list(called)), how.names is not None, (*told, *how.notes), rounded=rounded)


def _to_its_end(content: bytes) -> bytes:
    """Without the Ctrl-Z that ends a text of DOS."""
    text = content.rstrip(b"\x1a\r\n")
    return text if b"\x1a" in content[len(text) :] else content


def _utf8(name: str, content: bytes) -> str:
    """Text, perhaps cut within its last letter; UTF-16 and UTF-32 of plain letters are UTF-8 as well, with NULs between."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        held, remedy = _seen(content)
        raise InvalidInput(f"{name} must be text in UTF-8; received {held}; {remedy}")
    return text


def _seen(content: bytes) -> tuple[str, str]:
    """What bytes that are no UTF-8 are instead, and what to do about it."""
    if content.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PAR1")):
        kind = {b"\x93": "an npy array", b"PK": "an npz or another archive", b"PA": "a parquet table"}
        found = next(said for magic, said in kind.items() if content.startswith(magic))
        return found, "rename the file"
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding, f"save it as UTF-8, such as with iconv -f {encoding.lower()} -t utf-8"
    if b"\0" not in content:
        return "bytes that are none", "save it as UTF-8, such as with iconv -f latin1 -t utf-8"
    encoding = max(_UNMARKED, key=lambda one: _letters(content[:4096], one))
    if not _letters(content[:4096], encoding):
        return "NUL bytes, which no text has", "write its numbers as text, or rename the file to what it is"
    return f"{encoding} without a mark", f"save it as UTF-8, such as with iconv -f {encoding.lower()} -t utf-8"


def _letters(content: bytes, encoding: str) -> int:
    """How many plain letters bytes are in an encoding, none if they aren't in it or hardly are; perhaps cut within the last letter."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(content)
    except UnicodeDecodeError:
        return 0
    plain = sum(map(str.isascii, text))
    return 0 if "\0" in text or 4 * plain < len(text) else plain


def _rounded(table: Any, parsed: Callable[[Mapping[str, Any]], Any], point: str) -> dict[int, str]:
    """By column, a number that is another one as a float, where that matters."""
    arrow, kinds = require("pyarrow"), require("pyarrow.types")
    judged = [
        k
        for k, column in enumerate(table.columns)
        if kinds.is_floating(column.type) and digits.may_matter(column.drop_null().to_numpy())
    ]
    if not judged:
        return {}
    texts = parsed({table.column_names[k]: arrow.string() for k in judged})
    numbers = table.select(judged).columns
    found: dict[int, str] = {}
    for k, column in zip(judged, numbers):
        cells = zip(texts.column(k).to_pylist(), column.is_valid().to_pylist())
        first = digits.lost(cell.strip().replace(point, ".") for cell, held in cells if held)
        if first is not None:
            found[k] = first
    return found


def samples(name: str, table: Table, columns: list[str] | None, weights: str | None) -> Samples:
    """Rows as points: the columns that are asked for, or all that are numbers and no index."""
    table = _tidied(table)
    names = list(table.columns.column_names)
    repeated = [one for one, times in Counter(names).items() if one and times > 1]
    if repeated:
        raise InvalidInput(
            f"{name} must call its columns by different names; received several called {', '.join(repeated)}; rename them"
        )
    for wanted in [*(columns or []), *([weights] if weights else [])]:
        if wanted in table.unread:
            raise InvalidInput(
                f"column {wanted!r} of {name} must hold numbers; received {table.unread[wanted]}; choose others with --columns"
            )
        if wanted not in names:
            raise InvalidInput(
                f"{name} must have a column {wanted!r}; received {', '.join(map(_shown, names)) or 'none'}; choose among them"
            )
    if table.columns.num_rows == 0:
        raise InvalidInput(f"{name} must have rows; received none; write one sample a line")
    left_out = _left_out(table, weights)
    chosen = columns or [one for one in names if one != weights and _shown(one) not in left_out]
    if not chosen:
        raise InvalidInput(
            f"{name} must have a column of numbers for coordinates; received {told_left_out(left_out) or 'weights only'}; {_instead(table, left_out)}"
        )
    for one in chosen:
        if one in table.rounded:
            raise _not_exact(name, one, table.rounded[one])
    points = _stacked(name, chosen, [_numbers(name, table.columns, one) for one in chosen])
    mass = _masses(name, table, weights) if weights else None
    called = tuple(chosen) if table.named else None
    notes = (*table.notes, *([] if columns else _doubts(table, chosen)))
    used = {*chosen, weights}
    left = [k for k, one in enumerate(names) if one not in used]
    labels = row_labels(table.columns, left, [k for k in left if left_out.get(_shown(names[k])) in _INDEX])
    labels = tuple(map(str, table.counted)) if labels is None and table.counted is not None else labels
    return Samples(name, points, mass, called, {} if columns else left_out, labels, notes)


def _tidied(table: Table) -> Table:
    """The table with names as they are compared."""
    return replace(
        table,
        columns=table.columns.rename_columns(list(map(tidy, table.columns.column_names))),
        index=tuple(map(tidy, table.index)),
        rounded={tidy(name): cell for name, cell in table.rounded.items()},
        unread={tidy(name): kind for name, kind in table.unread.items()},
    )


def _instead(table: Table, left_out: dict[str, str]) -> str:
    """What to do where no column is a coordinate: one that is left out can be asked for where it holds numbers."""
    numbers = [
        one for one in table.columns.column_names if one in left_out and _is_number(table.columns.column(one).type)
    ]
    if numbers:
        return f"choose with --columns, such as {option(numbers[:1])}"
    if "(unnamed)" in left_out:
        return "give names to columns that count"
    if "dates or times" in left_out.values():
        return "write moments as numbers, such as seconds, or as an npy of datetime64"
    return "write cells as numbers"


def told_left_out(left_out: dict[str, str]) -> str:
    """Columns and why they were left out, in words."""
    return ", ".join(f"{name} ({why})" for name, why in left_out.items())


def _doubts(table: Table, chosen: list[str]) -> list[str]:
    """That coordinates may be an index: the first one where it counts the rows, and those that are called like a counter."""
    first, *others = chosen
    if others and table.columns.num_rows >= 3 and _counts_rows(table.columns.column(first)):
        return [f"column {first!r} counts the rows; if it is an index, leave it out with {option(others)}"]
    counters = [one for one in chosen if table.named and one.lower() in _COUNTERS]
    others = [one for one in chosen if one not in counters]
    if not counters or not others:
        return []
    told = ", ".join(map(repr, counters))
    return [f"column {told} counts as a coordinate; if it is an index, leave it out with {option(others)}"]


def _left_out(table: Table, weights: str | None) -> dict[str, str]:
    """Columns that are no coordinates."""
    found: dict[str, str] = dict(table.unread)
    for k, (name, column) in enumerate(zip(table.columns.column_names, table.columns.columns)):
        if name == weights:
            continue
        if name in table.index:
            found[_shown(name)] = _INDEX[0]
        elif table.named and _UNNAMED.fullmatch(name.strip()):
            found[_shown(name)] = _INDEX[1] if k == 0 else "without a name"
        elif not _is_number(column.type):
            found[name] = _kind(column)
        elif table.named and name.strip().lower() in _COUNTERS and _counts_rows(column):
            found[name] = "it counts the rows"
    return found


def _shown(name: str) -> str:
    return name.strip() or "(unnamed)"


def _counts_rows(column: Any) -> bool:
    """Whether a column of whole numbers goes up by one from row to row."""
    if column.null_count or not require("pyarrow.types").is_integer(column.type):
        return False
    values = column.to_numpy()
    return bool((np.diff(values) == 1).all())


def _is_number(kind: Any) -> bool:
    kinds = require("pyarrow.types")
    return kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)


def _kind(column: Any) -> str:
    """What a column holds that is not numbers, in a word."""
    kinds = require("pyarrow.types")
    if kinds.is_null(column.type) or column.null_count == len(column):
        return "empty"
    if kinds.is_temporal(column.type):
        return "dates or times"
    if kinds.is_boolean(column.type):
        return "true or false"
    if is_text(column.type):
        return _told_text(column)
    return str(column.type.value_type if kinds.is_dictionary(column.type) else column.type)


def _told_text(column: Any) -> str:
    """That a column is text; where cells are numbers, or numbers written in another way, the first one that is none."""
    compute = require("pyarrow.compute")
    column = column.cast("large_string").drop_null()
    numbers = compute.match_substring_regex(column, _NUMBER)
    first = next(iter(column.filter(compute.invert(numbers)).slice(0, 1).to_pylist()), None)
    if first is None:
        return "numbers written as text"
    meant = compute.any(numbers).as_py() or _MEANT.fullmatch(first)
    return f"text: {first[:40]!r} is no number" if meant else "text"


def _numbers(file: str, table: Any, name: str) -> Floats:
    """A column as an array, whole numbers as such."""
    column = table.column(name)
    if not _is_number(column.type):
        raise InvalidInput(
            f"column {name!r} of {file} must hold numbers; received {_kind(column)}; choose others with --columns"
        )
    if column.null_count:
        first = require("pyarrow.compute").index(column.is_null(), True).as_py()
        raise InvalidInput(
            f"column {name!r} of {file} must be filled; received {counted(column.null_count, 'empty cell')}, the first in row {first}; fill or drop those rows, or choose others with --columns"
        )
    if require("pyarrow.types").is_decimal(column.type):
        return _decimals(file, column, name)
    return column.to_numpy()


def _masses(file: str, table: Table, name: str) -> Floats:
    """A column of weights, none of them rounded: they are not moved as coordinates are."""
    found = _numbers(file, table.columns, name)
    lost = [str(number) for number in found[~whole.held(found)]] if found.dtype.kind in "iu" else []
    if name in table.rounded:
        lost = [table.rounded[name]]
    if lost:
        raise InvalidInput(
            f"column {name!r} of {file} must hold weights that are doubles, as all whole numbers up to 2**53 are; received {lost[0]}, which is read as "
            f"{float(lost[0])!r}; divide all of them by one number"
        )
    return found.astype(np.float64)


def _decimals(file: str, column: Any, name: str) -> Floats:
    """Decimals as whole numbers where none has a fraction, else as floats."""
    arrow = require("pyarrow")
    if column.type.scale <= 0:
        try:
            return column.cast(arrow.int64()).to_numpy()
        except arrow.ArrowInvalid:
            raise _not_exact(file, name, str(max(column.to_pylist(), key=abs))) from None
    found = column.cast(arrow.float64()).to_numpy()
    first = digits.lost(column.to_pylist()) if digits.may_matter(found) else None
    if first is not None:
        raise _not_exact(file, name, first)
    return found


def _not_exact(file: str, name: str, number: str) -> InvalidInput:
    return InvalidInput(
        f"column {name!r} of {file} must hold whole numbers from -2**63 to 2**63 - 1, or numbers that doubles tell apart; received {number}, which is "
        f"read as {float(number)!r}; subtract a constant from it in all files, or choose others with --columns"
    )


def _stacked(file: str, names: list[str], arrays: list[Floats]) -> Floats:
    """Columns side by side (n, d): whole numbers where all are, else floats that hold every number."""
    if all(values.dtype.kind in "iu" for values in arrays):
        same = np.result_type(*arrays).kind in "iu"
        return np.column_stack(arrays) if same else whole.narrowed(np.column_stack([v.astype(object) for v in arrays]))
    for name, values in zip(names, arrays):
        if values.dtype.kind in "iu" and (values.min() < -whole.EXACT or values.max() > whole.EXACT):
            raise InvalidInput(
                f"column {name!r} of {file} must hold whole numbers up to 2**53 beside columns of fractions; received up to "
                f"{max(abs(int(values.min())), int(values.max()))}; subtract a constant from it in all files"
            )
    return np.column_stack([values.astype(np.float64) for values in arrays])
