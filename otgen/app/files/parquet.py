"""Tables from parquet, whose few bytes may stand for many: what they would unfold to is known before they are."""

from __future__ import annotations

from typing import Any

from ...errors import InvalidInput, require
from .tables import Table
from .unfolding import refuse_bombs

_REMEDY = "write it as csv if that is meant"


def from_parquet(name: str, content: bytes, packed: int) -> Table:
    """A table of a parquet file of ``packed`` bytes, fewer than its content where it was zipped; lists and other nests are no coordinates, and not read.

    Texts are read as references to those that differ. One thread reads, so that pages that are larger than the file says are held one at a time.
    """
    arrow, parquet = require("pyarrow"), require("pyarrow.parquet")
    try:
        schema = parquet.read_schema(arrow.BufferReader(content))
        flat = [field.name for field in schema if not arrow.types.is_nested(field.type)]
        texts = [field.name for field in schema if _is_text(field.type)]
        file = parquet.ParquetFile(arrow.BufferReader(content), read_dictionary=texts)
        groups = range(file.metadata.num_row_groups)
        refuse_bombs(name, packed, sum(file.metadata.row_group(k).total_byte_size for k in groups), _REMEDY)
        for k in groups:  # what is damaged raises here; the process ends where columns are asked for it
            next(file.iter_batches(1, row_groups=[k], columns=flat, use_threads=False), None)
        refuse_bombs(name, packed, _unfolded(file, schema, flat), _REMEDY)
        table = file.read(columns=flat, use_threads=False)
        letters = sum(map(_letters, table.columns))
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, IndexError, OSError) as fault:
        raise InvalidInput(
            f"{name} must be a parquet table; received a file of which pyarrow says: {' '.join(str(fault).split())}; save it again"
        ) from None
    refuse_bombs(name, packed, letters, _REMEDY)
    held = (schema.pandas_metadata or {}).get("index_columns", [])
    index = tuple(name for name in held if isinstance(name, str))
    unread = {field.name: str(field.type) for field in schema if arrow.types.is_nested(field.type)}
    ranges = [range(*(one[end] for end in ("start", "stop", "step"))) for one in held if isinstance(one, dict)]
    return Table(
        table, index=index, unread=unread, counted=ranges[0] if ranges and len(ranges[0]) == table.num_rows else None
    )


def _unfolded(file: Any, schema: Any, flat: list[str]) -> int:
    """Bytes of all that is read, texts by their references: of numbers that repeat, a file holds one and how often it comes."""
    widths = {field.name: _width(field.type) for field in schema}
    total, metadata = 0, file.metadata
    wanted = frozenset(flat)
    read = [j for j in range(metadata.num_columns) if file.schema.column(j).path in wanted]
    for k in range(metadata.num_row_groups):
        group = metadata.row_group(k)
        for chunk in (group.column(j) for j in read):
            width = widths.get(chunk.path_in_schema, 0)
            total += max(chunk.total_uncompressed_size, width * max(chunk.num_values, group.num_rows))
    return total


def _width(kind: Any) -> int:
    try:
        return -(-kind.bit_width // 8)
    except ValueError:  # pyarrow's, of types of no fixed width
        return 4


def _is_text(kind: Any) -> bool:
    types = require("pyarrow.types")
    return any(
        check(kind) for check in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


def _letters(column: Any) -> int:
    """Bytes that a column of text would take, were each written out."""
    arrow, compute = require("pyarrow"), require("pyarrow.compute")
    if not arrow.types.is_dictionary(column.type):
        return 0
    lengths = (compute.binary_length(chunk.dictionary).take(chunk.indices) for chunk in column.chunks)
    return sum(compute.sum(each).as_py() or 0 for each in lengths)
