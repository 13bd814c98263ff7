"""What a kernel needs to know of a cost: three numbers and the data, the same on every device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats

CELL = 32  # points to a cell
PRODUCT = -1.0  # as inner power: inner products
# As inner power: squares of differences to the nearest period, which stands where other costs have their factor.
CIRCULAR = -2.0
# As inner power: the angle between (latitude, longitude) in radians, divided by what stands where other costs have their factor.
GREAT_CIRCLE = -3.0


class GroundCost(NamedTuple):
    """The cost between row ``i`` and column ``j``, as the kernels see it.

    For points: ``factor * (sum_k |x_ik - y_jk| ** inner) ** outer``, the maximum over ``k`` instead of the sum when
    ``inner`` is infinite. For a listed cost matrix ``inner`` is 0 and the entry itself is the cost. Where ``inner`` is
    ``CIRCULAR`` or ``GREAT_CIRCLE`` the sum is of squared differences the near way round, or the angle, and ``factor`` the period, or the unit of angles. Where it is
    ``PRODUCT`` the cost is ``factor * sum_k x_ik y_jk``, what is left of a squared distance without the squares.

    Fields: ``x`` (n, d) and ``yt`` (d, m), the second cloud transposed so that a row of costs is read along memory;
    ``matrix`` (n, m), or (0, 0) for points; all C-contiguous, writeable and of one float dtype. ``celled`` says that both
    clouds are in kd order, so that searches for minima may skip most cells of ``CELL`` consecutive columns.
    """

    x: Floats
    yt: Floats
    matrix: Floats
    inner: float
    outer: float
    factor: float
    celled: bool

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
        columns = self.shape[1]
        if self.celled:
            columns = min(columns, columns // CELL**2 + 8 * CELL)
        return columns * (1 + self.x.shape[1])


def point_ground(
    x: Floats, y: Floats, inner: float, outer: float, factor: float = 1.0, celled: bool = False
) -> GroundCost:
    """Ground cost between two clouds, ``x`` (n, d) and ``y`` (m, d); ``celled`` if float64 and both in kd order."""
    dtype = np.result_type(x, y)
    return GroundCost(
        own(x, dtype), own(y.T, dtype), np.empty((0, 0), dtype), float(inner), float(outer), float(factor), celled
    )


def matrix_ground(matrix: Floats) -> GroundCost:
    """Ground cost that reads an (n, m) matrix."""
    empty = np.empty((0, 0), matrix.dtype)
    return GroundCost(empty, empty, own(matrix, matrix.dtype), 0.0, 1.0, 1.0, False)


def own(array: Floats, dtype: np.dtype) -> Floats:
    """A plain, C-contiguous, writeable array: compiled kernels then exist in one layout only."""
    plain = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)
    return plain if plain.flags.writeable else plain.copy()
