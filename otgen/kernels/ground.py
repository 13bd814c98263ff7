"""What a kernel needs to know of a cost: three numbers and the data, the same on every device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


class Ground(NamedTuple):
    """The cost between row ``i`` and column ``j``, as the kernels see it.

    For points: ``factor * (sum_k |x_ik - y_jk| ** inner) ** outer``, the maximum over ``k`` instead of the sum when
    ``inner`` is infinite. For a listed cost matrix ``inner`` is 0 and the entry itself is the cost.

    Fields: ``x`` (n, d) and ``yt`` (d, m), the second cloud transposed so that a row of costs is read along memory;
    ``matrix`` (n, m), or (0, 0) for points; all C-contiguous, writeable and of one float dtype.
    """

    x: Array
    yt: Array
    matrix: Array
    inner: float
    outer: float
    factor: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, ``(n, m)``."""
        if self.inner == 0.0:
            return (self.matrix.shape[0], self.matrix.shape[1])
        return (self.x.shape[0], self.yt.shape[1])

    @property
    def dtype(self) -> np.dtype:
        """The float dtype in which costs are computed."""
        return self.matrix.dtype

    def work(self) -> int:
        """Roughly how many nanoseconds one row costs; decides how rows are split into chunks."""
        return self.shape[1] * (1 + self.x.shape[1])


def point_ground(x: Array, y: Array, inner: float, outer: float, factor: float = 1.0) -> Ground:
    """Ground cost between two clouds, ``x`` (n, d) and ``y`` (m, d)."""
    dtype = np.result_type(x, y)
    return Ground(
        own(x, dtype),
        own(y.T, dtype),
        np.empty((0, 0), dtype),
        float(inner),
        float(outer),
        float(factor),
    )


def matrix_ground(matrix: Array) -> Ground:
    """Ground cost that reads an (n, m) matrix."""
    empty = np.empty((0, 0), matrix.dtype)
    return Ground(empty, empty, own(matrix, matrix.dtype), 0.0, 1.0, 1.0)


def own(array: Array, dtype: np.dtype) -> Array:
    """A plain, C-contiguous, writeable array: compiled kernels then exist in one layout only."""
    plain = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)
    return plain if plain.flags.writeable else plain.copy()
