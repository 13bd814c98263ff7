"""Plans on the line, which pair the masses of both sides in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import monotone
from ...kernels.outward import LEAST
from ...kernels.parallel import each, threads
from ...kernels.sorting import argsort, sort_with
from ...underflow import may_underflow
from ..measure import Measure
from ..units import ONE, PowerOfTwo
from .base import Plan
from .sparse import SparsePlan

_QUICK = 10_000  # points whose staircase in whole numbers takes no time to speak of
_ONE_THREAD = 20_000  # points that are sorted sooner than a thread starts


@may_underflow
@dataclass(frozen=True, eq=False, repr=False)
class MonotonePlan(Plan):
    """The monotone coupling of two measures on the line; entries are listed when first asked for, in O(n log n).

    ``x, y`` (n,), (m,) as received and ``x_sorted, y_sorted``; ``a, b`` the weights in sorted order, None where uniform;
    ``x_order, y_order`` the arg sorts, None where nobody has needed them yet;
    ``totals`` the sums of the weights as pairs.
    """

    x: Floats
    y: Floats
    x_sorted: Floats
    y_sorted: Floats
    a: Floats | None
    b: Floats | None
    x_order: Indices | None = None
    y_order: Indices | None = None
    totals: tuple[tuple[float, float], tuple[float, float]] | None = None

    @classmethod
    def between(cls, x: Floats, y: Floats, source: Measure, target: Measure) -> MonotonePlan:
        """Both clouds (n,), (m,) in order, each on its own thread; where weights do not matter, values are sorted alone."""
        plain = source.uniform and target.uniform

        def arranged(side: tuple[Floats, Measure]) -> tuple[Floats, Floats | None, Any]:
            values, measure = side
            if plain:
                return np.sort(values), None, None
            ordered = sort_with(values, measure.weights)
            return ordered.values, None if measure.uniform else ordered.weights, ordered.order

        sides = ((x, source), (y, target))
        if len(x) + len(y) < _ONE_THREAD:
            one, other = map(arranged, sides)
        else:
            one, other = each(arranged, sides, min(2, threads()))
        return cls(x, y, one[0], other[0], one[1], other[1], one[2], other[2], (source.total, target.total))

    @property
    def largest(self) -> float:
        """The largest distance that is travelled."""
        return monotone.walk(self.masses, self.x_sorted, self.y_sorted, 1.0).largest

    @cached_property
    def masses(self) -> monotone.Masses:
        """Both sides' masses in sorted order."""
        return monotone.masses(self.a, self.b, *self.shape, self.totals)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return len(self.x), len(self.y)

    @property
    def T(self) -> SparsePlan:
        """The plan from targets to sources."""
        return self.sparse.T

    @cached_property
    def orders(self) -> tuple[Indices, Indices]:
        """Arg sorts of the two clouds: (n,), (m,)."""
        return (
            argsort(self.x) if self.x_order is None else self.x_order,
            argsort(self.y) if self.y_order is None else self.y_order,
        )

    @cached_property
    def steps(self) -> monotone.Steps:
        """The staircase in sorted order; flows of total 1."""
        both = self.masses
        if (
            both.lightest <= 4 * both.tie and len(self.x) + len(self.y) < _QUICK
        ):  # pairs of doubles lose the lightest points
            exact = monotone.exact_steps(both.a, both.b)
            return monotone.Steps(exact.rows, exact.columns, np.maximum(exact.shares, LEAST), exact.rests, False)
        found = monotone.steps(both)
        return found._replace(high=found.high / both.total, low=found.low / both.total)

    @cached_property
    def sparse(self) -> SparsePlan:
        """The plan by its entries, at most n + m - 1."""
        one, other = self.orders
        return SparsePlan(one[self.steps.rows], other[self.steps.columns], self.steps.high, self.shape)

    @property
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m)."""
        return self.sparse.matrix

    def _multiply(self, vectors: Floats) -> Floats:
        return self.matrix @ vectors

    def todense(self) -> Floats:
        """The plan as an (n, m) array."""
        return self.sparse.todense()

    @property
    def reach(self) -> float:
        """The largest distance of a point of one side from one of the other."""
        (low, high), (least, most) = (z[[0, -1]] for z in (self.x_sorted, self.y_sorted))
        return max(abs(high - least), abs(most - low))

    def potentials(self, power: float, unit: PowerOfTwo = ONE) -> tuple[Floats, Floats]:
        """Kantorovich potentials of the cost ``|x - y| ** power``, feasible for every pair, of points over a ``unit``: (n,), (m,)."""
        f, g = np.empty(len(self.x)), np.empty(len(self.y))
        (one, other), (x, y) = self.orders, (unit.divide(z) for z in (self.x_sorted, self.y_sorted))
        f[one], g[other] = monotone.potentials(self.steps.rows, self.steps.columns, x, y, power)
        return f, g
