"""What the rows of a table are called, by the columns that are no coordinates."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from typing import Any

from ...errors import require


def row_labels(table: Any, left: Sequence[int], index: Collection[int]) -> tuple[str, ...] | None:
    """Names of rows: an index of text; texts that differ; an index; other texts; the one column that is left over, where its values differ.

    Parameters
    ----------
    table : pyarrow.Table
        All columns.
    left : sequence of int
        Those that are neither coordinates nor weights.
    index : collection of int
        Those that are an index.

    Examples
    --------
    >>> import pyarrow
    >>> table = pyarrow.table({"month": [1.0, 2.0], "mass": [0.5, 0.5]})
    >>> row_labels(table, [0], [])
    ('1', '2')
    """
    columns = {
        k: table.column(k) for k in sorted(left, key=lambda k: table.column_names[k]) if not table.column(k).null_count
    }
    own = [column for k, column in columns.items() if k in index]
    texts = [column for k, column in columns.items() if k not in index and is_text(column.type)]
    if any(is_text(column.type) for column in own):
        return _joined(own)
    called = _joined(texts)
    if not _differ(called) and own:
        return _joined(own)
    alone = _joined(list(columns.values())) if len(left) == 1 else None
    return called or (alone if _differ(alone) else None)


def is_text(kind: Any) -> bool:
    """Whether a type is of text, be it by references."""
    kinds = require("pyarrow.types")
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return kinds.is_string(kind) or kinds.is_large_string(kind)


def _differ(labels: tuple[str, ...] | None) -> bool:
    return labels is not None and len(set(labels)) == len(labels)


def _joined(columns: Sequence[Any]) -> tuple[str, ...] | None:
    return (
        None
        if not columns
        else tuple(", ".join(map(_label, row)) for row in zip(*(column.to_pylist() for column in columns)))
    )


def _label(value: Any) -> str:
    """A value in words: whole numbers alike, whether they were read as floats, and days, whether they were as their midnights."""
    if isinstance(value, datetime.datetime) and not value.tzinfo and value.time() == datetime.time():
        return str(value.date())
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
