"""Costs between many pairs of small clouds at once, listed: (B, n, m).

What a :class:`~otgen.cost.Cost` answers for one problem, this answers for a stack of them, a leading axis everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats
from ...kernels import sinkhorn_small
from ...kernels.double_double import UNIT
from .metrics import Circular, Minkowski
from .points import PointCost

_EXPONENT = 120  # largest power of two in a cost, or in its inverse, that needs no scaling


@dataclass(frozen=True, eq=False)
class StackCost:
    """``metric(x_ki, y_kj) ** p`` for clouds x (B, n, d) and y (B, m, d), float64; every metric of points but the cosine."""

    x: Floats
    y: Floats
    metric: str | Minkowski | Circular
    p: float
    matrix: Floats

    @classmethod
    def between(cls, x: Floats, y: Floats, metric: str | Minkowski | Circular, p: float) -> StackCost:
        """The costs between clouds, computed."""
        form = PointCost(x[0], y[0], metric, p).form
        return cls(x, y, metric, p, sinkhorn_small.costs(x, y, *form))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets of one problem, ``(n, m)``."""
        return self.x.shape[1], self.y.shape[1]

    @property
    def T(self) -> StackCost:
        """The same costs seen from the targets."""
        return StackCost(self.y, self.x, self.metric, self.p, np.ascontiguousarray(self.matrix.transpose(0, 2, 1)))

    @cached_property
    def _model(self) -> PointCost:
        """A cost of the same form, for what depends on that alone."""
        return PointCost(self.x[0], self.y[0], self.metric, self.p)

    def range(self) -> tuple[float, Floats]:
        """0 and, per problem, the cost across the joint bounding box: (B,)."""
        return 0.0, self._largest

    @cached_property
    def _largest(self) -> Floats:
        extents, zero = extent(self.x, self.y)[:, None, :], np.zeros((len(self.x), 1, self.x.shape[2]))
        return sinkhorn_small.costs(extents, zero, *self._model.form)[:, 0, 0] * (1 + 1e-9)

    @property
    def forbids(self) -> bool:
        """Nothing is forbidden between points."""
        return False

    @property
    def rounding(self) -> tuple[float, float]:
        """``(r, t)`` with ``|computed - true| <= r |computed| + t`` for every entry."""
        return self._model.rounding

    @property
    def exponent_error(self) -> Floats:
        """Bound on ``|c used in sums of exponentials - c|`` over all pairs of a problem: (B,)."""
        relative, absolute = self.rounding
        return (relative + 8 * UNIT) * self.range()[1] + absolute

    def sweep(
        self,
        f: Floats,
        g: Floats,
        a: Floats,
        b: Floats,
        epsilon: Floats,
        power: float = 1.0,
        floor: float = -math.inf,
        cut: float = math.inf,
    ) -> tuple[Floats, Floats]:
        """Logarithms of row sums (B, n) and column sums (B, m) as :meth:`Cost.sweep` has them; nothing is left out."""
        kernel = sinkhorn_small.exponentials(self.matrix, f, g, epsilon)
        with np.errstate(divide="ignore"):
            log_rows = np.log(_matrix_vector(kernel, b))
        heights = a if power == 0.0 else a * np.exp(-power * np.maximum(log_rows, floor))
        return log_rows, np.matmul(heights[:, None, :], kernel)[:, 0]

    def softmin(self, h: Floats, epsilon: Floats) -> Floats:
        """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (B, n); -inf in h leaves a term out."""
        terms = h[:, None, :] - self.matrix
        top, strength = terms.max(axis=2), epsilon[:, None]
        return -(top + strength * np.log(np.exp((terms - top[:, :, None]) / strength[:, :, None]).sum(axis=2)))

    def gibbs_cost(self, f: Floats, g: Floats, epsilon: Floats, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij``: (B, n)."""
        kernel = sinkhorn_small.exponentials(self.matrix, f, g, epsilon)
        kernel *= self.matrix
        return _matrix_vector(kernel, weights)

    def gibbs_slope(self, f: Floats, g: Floats, epsilon: Floats, weights: Floats) -> Floats:
        """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i``: (B, n, d)."""
        return sinkhorn_small.slopes(self.x, self.y, self._model.form, f, g, epsilon, weights)

    def sums(self, weights: Floats) -> Floats:
        """``sum_j w_j c_ij``: (B, n)."""
        return _matrix_vector(self.matrix, weights)

    def column_minima(self, f: Floats) -> Floats:
        """``g_j = min_i c_ij - f_i``: (B, m)."""
        return (self.matrix - f[:, :, None]).min(axis=1)


def extent(x: Floats, y: Floats) -> Floats:
    """The largest possible difference of a point of x and one of y, coordinate by coordinate: (B, d)."""
    return np.maximum(np.abs(x.max(1) - y.min(1)), np.abs(y.max(1) - x.min(1)))


def is_plain(x: Floats, y: Floats, p: float) -> bool:
    """Whether costs of all problems can be computed as they are, far from the ends of the range of floats."""
    reach = extent(x, y).max(axis=1)
    exponents = np.frexp(reach[reach > 0])[1] * max(p, 2.0)
    return bool((np.abs(exponents) < _EXPONENT).all())


def _matrix_vector(matrix: Floats, vectors: Floats) -> Floats:
    """``sum_j M_kij w_kj``: (B, n)."""
    out: Any = np.matmul(matrix, vectors[:, :, None])
    return out[:, :, 0]
