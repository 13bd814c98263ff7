"""Sums over all pairs of a cost, in one pass: of exponentials, for Sinkhorn's iteration, and of the costs themselves.

Three ways: piece by piece by the kernels, by cells of points that let far terms be left out, and by a matrix product.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels, gpu

Pieces = Callable[[], Iterable[tuple[slice, GroundCost]]]  # of a cost: rows, and what kernels need to know of these


class Passes(abc.ABC):
    """Sums over the pairs of a cost (n, m). ``error``: what its costs are off by more than listed ones, relative to the largest."""

    error: float = 0.0

    @property
    @abc.abstractmethod
    def coherent(self) -> bool:
        """Whether row and column sums of a sweep are those of one matrix of exponentials, but for the rounding of sums."""

    def release(self) -> None:
        """Give back the ground that is kept for the next pass, which may hold all pairs; one that comes all the same makes it again."""
        vars(self).pop("ground", None)

    @abc.abstractmethod
    def sweep(
        self, f: Floats, g: Floats, a: Floats, b: Floats, epsilon: Any, power: float, floor: float, cut: float
    ) -> tuple[Floats, Floats]:
        """As :meth:`Cost.sweep`."""

    @abc.abstractmethod
    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float) -> Floats:
        """As :meth:`Cost.symmetric`."""

    @abc.abstractmethod
    def softmin(self, h: Floats, epsilon: Any) -> Floats:
        """As :meth:`Cost.softmin`."""

    @abc.abstractmethod
    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """As :meth:`Cost.gibbs`."""

    @abc.abstractmethod
    def sums(self, weights: Floats) -> Floats:
        """As :meth:`Cost.sums`."""


@dataclass(frozen=True, eq=False)
class GroundPasses(Passes):
    """By the kernels, piece by piece.

    ``stretched`` are the pieces for sums of exponentials, where kernels stretch points: those around the middle keep their digits.
    ``halves`` says that a symmetric cost is in one piece, of which each pair is computed once.
    """

    kernels: Kernels
    pieces: Pieces
    stretched: Pieces
    error: float = 0.0
    halves: bool = False

    @property
    def coherent(self) -> bool:
        """A device takes exponentials twice, relative to the largest of a row and of a column."""
        return self.kernels is not gpu

    def sweep(
        self, f: Floats, g: Floats, a: Floats, b: Floats, epsilon: Any, power: float, floor: float, cut: float
    ) -> tuple[Floats, Floats]:
        """Nothing is left out."""
        kernel = self.kernels.sweep
        parts = [kernel(ground, f[rows], g, a[rows], b, epsilon, power, floor) for rows, ground in self.stretched()]
        columns = parts[0][1]
        for _, more in parts[1:]:
            columns = columns + more
        return joined([log_rows for log_rows, _ in parts]), columns

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float) -> Floats:
        """Each pair computed once, or a sweep for its row sums."""
        if not self.halves:
            return self.sweep(f, f, a, a, epsilon, 0.0, -np.inf, cut)[0]
        return joined([self.kernels.symmetric(ground, f, a, epsilon) for _, ground in self.stretched()])

    def softmin(self, h: Floats, epsilon: Any) -> Floats:
        """By pieces."""
        return joined([self.kernels.softmin(ground, h, epsilon) for _, ground in self.stretched()])

    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """By pieces."""
        kernel = self.kernels.gibbs
        return joined([kernel(ground, f[rows], g, epsilon, vectors) for rows, ground in self.stretched()])

    def sums(self, weights: Floats) -> Floats:
        """By pieces."""
        return joined([self.kernels.cost_sums(ground, weights) for _, ground in self.pieces()])


class SweepPasses(Passes):
    """Of a cost whose sweeps have a way of their own; exponentials of one side go ``plain``."""

    plain: GroundPasses

    @property
    def coherent(self) -> bool:
        """As it goes plain."""
        return self.plain.coherent

    def softmin(self, h: Floats, epsilon: Any) -> Floats:
        """As it goes plain."""
        return self.plain.softmin(h, epsilon)

    def gibbs(self, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
        """As it goes plain."""
        return self.plain.gibbs(f, g, epsilon, vectors)


@dataclass(frozen=True, eq=False)
class CelledPasses(SweepPasses):
    """Of points in kd order, far cells left out of sweeps; ``rows`` and ``columns`` put them in that order."""

    plain: GroundPasses
    made: Callable[[], GroundCost]
    rows: Indices | slice
    columns: Indices | slice
    error: float

    @cached_property
    def ground(self) -> GroundCost:
        """Both clouds in that order."""
        return self.made()

    def sweep(
        self, f: Floats, g: Floats, a: Floats, b: Floats, epsilon: Any, power: float, floor: float, cut: float
    ) -> tuple[Floats, Floats]:
        """Terms below ``2 ** -cut`` are left out."""
        rows, columns = self.rows, self.columns
        log_rows, sums = np.empty(len(f)), np.empty(len(g))
        log_rows[rows], sums[columns] = self.plain.kernels.sweep(
            self.ground, f[rows], g[columns], a[rows], b[columns], epsilon, power, floor, cut
        )
        return log_rows, sums

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float) -> Floats:
        """Each pair computed once."""
        log_rows, rows = np.empty(len(f)), self.rows
        log_rows[rows] = self.plain.kernels.symmetric(self.ground, f[rows], a[rows], epsilon, cut)
        return log_rows

    def sums(self, weights: Floats) -> Floats:
        """Over all pairs."""
        return self.plain.sums(weights)


@dataclass(frozen=True, eq=False)
class ProductPasses(SweepPasses):
    """Of the squared distance as ``|x|^2 - 2 <x, y> + |y|^2``: the squares join the potentials.

    ``made`` makes ``-2 <x, y>``; ``squares`` are those of both clouds around the middle, ``centred`` is ``-2 x`` and y there.
    """

    plain: GroundPasses
    made: Callable[[], GroundCost]
    squares: tuple[Floats, Floats]
    centred: tuple[Floats, Floats]
    accurate: bool
    error: float = 1e-12

    @cached_property
    def ground(self) -> GroundCost:
        """The products, or the points that they are of."""
        return self.made()

    def sweep(
        self, f: Floats, g: Floats, a: Floats, b: Floats, epsilon: Any, power: float, floor: float, cut: float
    ) -> tuple[Floats, Floats]:
        """Nothing is left out."""
        of_x, of_y = self.squares
        return self.plain.kernels.sweep(self.ground, f - of_x, g - of_y, a, b, epsilon, power, floor)

    def symmetric(self, f: Floats, a: Floats, epsilon: float, cut: float) -> Floats:
        """A sweep, for its row sums."""
        return self.sweep(f, f, a, a, epsilon, 0.0, -np.inf, cut)[0]

    def sums(self, weights: Floats) -> Floats:
        """From sums and squares alone, where that is accurate enough."""
        if not self.accurate:
            return self.plain.sums(weights)
        (x, y), (of_x, of_y) = self.centred, self.squares
        return weights.sum() * of_x + weights @ of_y + x @ (weights @ y)


def joined(parts: list[Any]) -> Any:
    """Pieces of a row-wise answer put together again."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
