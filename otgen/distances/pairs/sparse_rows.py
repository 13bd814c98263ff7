"""The rows of a sparse matrix as sets, dense one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...inputs.types import Floats


class SparseRows:
    """The rows of a ``scipy.sparse`` matrix (B, n) as a sequence: each is made dense when it is read, so that the table never is.

    Examples
    --------
    >>> import scipy.sparse
    >>> rows = SparseRows(scipy.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]]), "sets")
    >>> len(rows), rows[0]
    (2, array([0., 2.]))
    """

    def __init__(self, matrix: Any, name: str) -> None:
        if len(matrix.shape) != 2:
            raise InvalidInput(
                f"{name} must have one row a set; received a sparse array of shape {matrix.shape}; reshape it to a matrix"
            )
        self._rows = matrix.tocsr(copy=True)
        self._rows.sum_duplicates()

    def __len__(self) -> int:
        return int(self._rows.shape[0])

    def __getitem__(self, k: int) -> Floats:
        """The k-th row, (n,); IndexError beyond the last."""
        k = range(len(self))[k]
        held = slice(self._rows.indptr[k], self._rows.indptr[k + 1])
        out = np.zeros(self._rows.shape[1], self._rows.dtype)
        out[self._rows.indices[held]] = self._rows.data[held]
        return out
