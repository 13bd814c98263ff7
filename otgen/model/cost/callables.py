"""Costs between points by a metric that is given as a callable: asked for blocks, never stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from ...errors import InvalidInput
from ...inputs.types import Floats, Indices
from ...kernels import GroundCost, Kernels, cpu, matrix_ground
from ...kernels.double_double import UNIT
from ..units import ONE, PowerOfTwo
from .base import refuse_device, row_blocks
from .clouds import CloudCost
from .metrics import TABLE
from .passes import GroundPasses, Passes
from .searches import GroundSearches, Searches

_ROUNDED = 1e-6  # of the largest distance: what a difference may leave below 0, in single precision too
_NOISE = 1e-3  # of the largest distance: what single precision and differences of squares leave between two calls


@final
@dataclass(frozen=True, eq=False)
class CallableCost(CloudCost):
    """``metric(x_i, y_j) ** p`` for a metric given as a callable on two blocks.

    ``metric(x, y)`` takes (k, d) and (m, d) and returns the (k, m) distances, finite and non-negative; what it returns
    is taken for exact. Asked for blocks of rows, so that nothing of size n x m is ever held.
    """

    metric: Callable[[Floats, Floats], Floats]
    flipped: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return len(self.x), len(self.y)

    @property
    def kernels(self) -> Kernels:
        """Those of the host."""
        return cpu

    def kept(self, itemsize: int) -> int:
        """None."""
        return 0

    @property
    def passes(self) -> Passes:
        """Piece by piece."""
        return GroundPasses(self.kernels, self.grounds, self.grounds)

    @property
    def pruned(self) -> bool:
        """All pairs are looked at."""
        return False

    @property
    def searches(self) -> Searches:
        """Piece by piece."""
        return GroundSearches(self.kernels, self.grounds)

    @property
    def entry(self) -> None:
        """A callable's word is not taken for anything."""

    def gibbs_slope(self, f: Floats, g: Floats, epsilon: Any, weights: Floats) -> Floats:
        """Unknown."""
        raise _without_slopes()

    def pair_slopes(self, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
        """Unknown."""
        raise _without_slopes()

    def on(self, device: str, copies: tuple[Any, Any] | None = None) -> CallableCost:
        """Asked on the host only."""
        raise refuse_device(device)

    def stored(self) -> dict[str, Any]:
        """There is no name for it."""
        raise InvalidInput(
            "metric must have a name, or be a cost matrix, for a proof file; received a callable; list its costs and call otgen.transport"
        )

    @property
    def T(self) -> CallableCost:
        """The same cost seen from the targets: the metric is still called as ``metric(x, y)``."""
        return replace(self, x=self.y, y=self.x, flipped=not self.flipped)

    def _distances(self, x: Floats, y: Floats) -> Floats:
        try:
            answer = np.asarray(self.metric(y, x) if self.flipped else self.metric(x, y))
        except Exception as fault:
            if _is_of_points(self.metric, x, y):
                raise _of_points(self.metric) from fault
            fault.add_note(
                f"raised by metric, of blocks of shapes {x.shape} and {y.shape}: it must return the distances {(len(x), len(y))} of all their pairs"
            )
            raise  # what is wrong in it is the caller's to see
        if answer.shape != (len(x), len(y)) and answer.ndim < 2 and _is_of_points(self.metric, x, y):
            raise _of_points(self.metric)
        if answer.dtype.kind not in "biuf":
            raise InvalidInput(f"metric must return real numbers; received dtype {answer.dtype}; correct the callable")
        out = answer.astype(np.float64)
        out = out.T if self.flipped and out.ndim == 2 else out
        if out.shape != (len(x), len(y)):
            raise InvalidInput(
                f"metric must return shape {(len(x), len(y))} for blocks of that many points; received {out.shape}; "
                f"correct the callable"
            )
        bad = ~(np.isfinite(out) & (out >= 0))
        if bad.any():
            rounded = bool((out >= -_ROUNDED * np.abs(out).max()).all())  # False where some are NaN
            raise InvalidInput(
                f"metric must be finite and non-negative; received {out[bad][0]} for some pair; "
                f"{'clip what rounding leaves below 0, with numpy.maximum(d, 0)' if rounded else 'correct the callable'}"
            )
        return out

    def grounds(self, rows: slice = slice(None)) -> Iterator[tuple[slice, GroundCost]]:
        """The cost of ``rows``, a few million entries at a time."""
        for piece in row_blocks(rows, *self.shape):
            distances = self.scale.divide(self._distances(self.x[piece], self.y))
            with np.errstate(over="ignore"):  # beside a cap powers may be beyond all floats
                powers = distances if self.p == 1 else distances**self.p
            yield piece, matrix_ground(powers.astype(self.dtype, copy=False))

    def restricted(self, rows: Indices, columns: Indices, *, ordered: bool = False) -> CallableCost:
        """The same cost between some of the points only; their order is of no use."""
        return self.between(self.x[rows], self.y[columns])

    def between(self, x: Floats, y: Floats) -> CallableCost:
        """The same kind of cost between other points."""
        return replace(self, x=x, y=y)

    def own(self) -> tuple[CallableCost, CallableCost]:
        """The same kind of cost between x and x, and between y and y."""
        return self.between(self.x, self.x), self.between(self.y, self.y)

    def pairs(self, rows: Indices, columns: Indices) -> Floats:
        """The costs of listed pairs: one call of the metric per row that occurs."""
        out = np.empty(len(rows), self.dtype)
        order = np.argsort(rows, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
            if len(group):
                i = rows[group[0]]
                distances = self.scale.divide(self._distances(self.x[i : i + 1], self.y[columns[group]])[0])
                with np.errstate(over="ignore"):
                    out[group] = distances**self.p
        return out

    def astype(self, dtype: Any) -> CallableCost:
        """The same cost computed in ``dtype``."""
        return replace(self, dtype=dtype)

    @property
    def line_power(self) -> None:
        """Unknown."""

    @property
    def degree(self) -> int:
        """Points stay what they are."""
        return 0

    def size(self) -> PowerOfTwo:
        """Just above the largest distance: one pass over all pairs, some of which are asked about once more, alone."""
        largest = 0.0
        for rows in row_blocks(slice(None), *self.shape):
            block = self._distances(self.x[rows], self.y)
            if rows.start == 0:
                self._refuse_mixing(block)
            largest = max(largest, float(block.max()))
        return PowerOfTwo.above(largest) / self.scale if largest else ONE

    def _refuse_mixing(self, block: Floats) -> None:
        """Raise where the distances (k, m) of the first points differ from what two of them have alone."""
        i, j = len(block) - 1, block.shape[1] - 1
        for at in {(0, 0), (0, j), (i, 0), (i, j), (i // 2, j // 2)}:
            alone = float(self._distances(self.x[at[0]][None], self.y[at[1]][None])[0, 0])
            among = float(block[at])
            if abs(alone - among) > _NOISE * max(alone, float(block.max())):
                raise InvalidInput(
                    f"metric must give two points one distance, whatever other points are in their blocks; received {among:g} among "
                    f"{block.size} pairs and {alone:g} alone; fix what it takes from its blocks, such as V= or VI= of scipy's cdist or the "
                    f"largest distance, or list its costs and call otgen.transport"
                )

    def divided(self, by: PowerOfTwo) -> CallableCost:
        """Distances are divided as the metric returns them."""
        return replace(self, scale=self.scale * by)

    @property
    def measured(self) -> CallableCost:
        """The same: its range is that of its pairs."""
        return self

    def range(self) -> tuple[float, float]:
        """0 and the largest cost, by one pass over all pairs."""
        return 0.0, max(float(ground.matrix.max()) for _, ground in self.grounds())

    @property
    def rounding(self) -> tuple[float, float]:
        """Only the power is ours."""
        return (0.0, 0.0) if self.p == 1 else ((self.p + 3) * UNIT, 1e-290)


def _is_of_points(metric: Callable[..., Any], x: Floats, y: Floats) -> bool:
    """Whether a callable makes one number of two points (d,), which it did not of blocks."""
    try:
        answer = metric(x[0], y[0])
        return np.ndim(answer) == 0 and math.isfinite(float(answer))
    except Exception:  # whatever it may raise: it is no metric of points then
        return False


def _of_points(metric: Callable[..., Any]) -> InvalidInput:
    """The refusal of a metric of two points, which says what blocks are."""
    name = getattr(metric, "__name__", "metric")
    ours = TABLE.get(name) if getattr(metric, "__module__", "").startswith("scipy.spatial") else None
    remedy = (
        f"pass metric={name!r}{' and p=1' if ours.only_p_one else ''}, which is built in"
        if ours
        else "pass lambda x, y: scipy.spatial.distance.cdist(x, y, f), where f is yours"
    )
    return InvalidInput(
        f"metric must map two blocks of points, (k, d) and (l, d), to the (k, l) distances of all their pairs; "
        f"received a callable that makes one number of two points; {remedy}"
    )


def _without_slopes() -> InvalidInput:
    """The refusal of derivatives in the points."""
    return InvalidInput(
        "metric must be a built-in metric for gradients in the points; received a callable; use those in the weights, result.potentials"
    )
