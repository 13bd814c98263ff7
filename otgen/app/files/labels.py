"""What the rows of a table are called, by the columns that are no coordinates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ...errors import require


def row_labels(table: Any, left: Sequence[int], index: Collection[int]) -> tuple[str, ...] | None:
    """Names of rows: the index, else what is text, else the one column that is left over, where it names each row by another value.

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
    columns = {k: table.column(k) for k in left}
    texts = [k for k, column in columns.items() if is_text(column.type)]
    for chosen in ([k for k in left if k in index], texts):
        if chosen and not any(columns[k].null_count for k in chosen):
            return _joined([columns[k] for k in sorted(chosen, key=lambda k: table.column_names[k])])
    if len(columns) != 1:
        return None
    (column,) = columns.values()
    labels = None if column.null_count else _joined([column])
    return labels if labels and len(set(labels)) == len(labels) else None


def is_text(kind: Any) -> bool:
    """Whether a type is of text, be it by references."""
    kinds = require("pyarrow.types")
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return kinds.is_string(kind) or kinds.is_large_string(kind)


def _joined(columns: Sequence[Any]) -> tuple[str, ...]:
    return tuple(", ".join(map(_label, row)) for row in zip(*(column.to_pylist() for column in columns)))


def _label(value: Any) -> str:
    """A value in words; whole numbers alike, whether they were read as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
