"""Two clouds whose rows live on many processes, and losses of them whose value and gradients are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Floats
from ...model.cost import BuiltIn, Metric, point_cost, unspelt
from .._inputs import checked_metric, common_dtype, finite
from .._masks import checked_mask
from ._processes import Processes


@dataclass(frozen=True, eq=False)
class Side:
    """One cloud: this process's rows (n_k, d), as tensor and in double precision on the host, and how many each process has.

    ``whole`` is the tensor of all rows where every process was given them all; the rows here are then its part of them.
    """

    rows: Tensor
    held: Floats
    counts: list[int]
    processes: Processes
    whole: Tensor | None = None

    @property
    def count(self) -> int:
        """Rows of all processes."""
        return sum(self.counts)

    @property
    def own(self) -> slice:
        """Which of all rows are here."""
        start = sum(self.counts[: self.processes.rank])
        return slice(start, start + len(self.held))

    @cached_property
    def everyone(self) -> Floats:
        """All rows (n, d), on the host."""
        if self.whole is not None:
            return _doubles(self.whole)
        return self.processes.gathered(self.held, self.counts)

    def tensor(self) -> Tensor:
        """All rows (n, d) in double precision, where those of this process are."""
        return torch.from_numpy(self.everyone).to(self.rows.device)


class Clouds(NamedTuple):
    """Both sides; whether gradients will be averaged over processes, and whether any process wants those of y."""

    x: Side
    y: Side
    processes: Processes
    averaged: bool
    of_y: bool

    def loss(self, value: float, slope_x: Floats, slope_y: Floats | None) -> Tensor:
        """A number with these gradients in the rows of this process, (n_k, d) and (m_k, d)."""
        factor = self.processes.size if self.averaged else 1
        of_x = torch.from_numpy(slope_x * factor)
        if slope_y is None:
            y, of_y = self.y.rows.detach()[:0], of_x[:0]
        elif self.y.whole is None:
            y, of_y = self.y.rows, torch.from_numpy(slope_y * factor)
        else:  # what all processes hold gets all of its gradient on each, and is averaged to that
            y, of_y = self.y.whole, torch.from_numpy(self.processes.gathered(slope_y, self.y.counts))
        return _Known.apply(self.x.rows, y, of_x, of_y, value)


@dataclass(frozen=True, eq=False)
class Given:
    """What a loss was called with on this process.

    ``options`` returns what else was asked for, once it has been checked on this process; its ``repr`` must be the same on all.
    """

    x: Any
    y: Any
    x_mask: Any
    y_mask: Any
    y_sharded: Any
    averaged: Any
    name: str
    options: Callable[[], Any]
    metric: Callable[[], tuple[Metric, float]] | None = None

    def agreed(self, group: Any) -> tuple[Clouds, Any]:
        """The clouds and the options, once all processes agree that they are well formed and fit together."""
        processes = Processes(group)
        checked = processes.agreed(
            self._checked,
            lambda here: ("options", repr((self.name, here.options, here.sharded, here.averaged)).encode()),
            lambda here: here.common,
        )
        x = Side(checked.x, checked.rows, processes.counts(len(checked.rows)), processes)
        if checked.sharded:
            y = Side(checked.y, checked.columns, processes.counts(len(checked.columns)), processes)
        else:
            ends = np.linspace(0, len(checked.columns), processes.size + 1).astype(int).tolist()
            here = slice(ends[processes.rank], ends[processes.rank + 1])
            y = Side(checked.y[here], checked.columns[here], np.diff(ends).tolist(), processes, checked.y)
        for name, side in (("x", x), ("y", y)):
            if not side.count:
                raise InvalidInput(
                    f"{name} must have a row on some process; received none at all; pass at least one point"
                )
        wanted = torch.is_grad_enabled() and checked.y.requires_grad
        of_y = bool(processes.largest(np.array([float(wanted)]))[0])
        return Clouds(x, y, processes, checked.averaged, of_y), checked.options

    def _checked(self) -> _Checked:
        """What one process was given."""
        averaged, sharded = scalars.flag(self.averaged, "averaged"), scalars.flag(self.y_sharded, "y_sharded")
        options = self.options()
        x, y = self.x, self.y
        common_dtype({"x": x, "y": y})
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or y.shape[1] == 0 or not (sharded or len(y)):
            raise InvalidInput(
                f"x and y must be (n, d) and (m, d), y not empty unless it is sharded; received {tuple(x.shape)} and {tuple(y.shape)}; "
                f"use z[:, None] for numbers (n,)"
            )
        x, y = (_counted(z, mask, name) for z, mask, name in ((x, self.x_mask, "x"), (y, self.y_mask, "y")))
        if not (sharded or len(y)):
            raise InvalidInput("y_mask must leave a point that counts; received none; pass at least one")
        finite(x, "x")
        finite(y, "y")
        x, y = (z if z.is_floating_point() else z.double() for z in (x, y))
        rows, columns = _doubles(x), _doubles(y)
        if self.metric is not None and len(rows) + len(columns):
            some = rows if len(rows) else columns[:1]
            point_cost(some, columns if len(columns) else some[:1], *self.metric())  # what a metric asks of points
        return _Checked(x, y, rows, columns, options, sharded, averaged)


class _Checked(NamedTuple):
    """The rows and columns of one process that count, as tensors and on the host, and the options."""

    x: Tensor
    y: Tensor
    rows: Floats
    columns: Floats
    options: Any
    sharded: bool
    averaged: bool

    @property
    def common(self) -> tuple[str, bytes]:
        """What of y must be alike on all processes, and its bytes."""
        shape = repr(self.columns.shape[self.sharded :]).encode()
        return ("the dimension of y", shape) if self.sharded else ("y", shape + self.columns.tobytes())


def checked_cost(metric: BuiltIn, p: float) -> tuple[Metric, float]:
    """A metric and an order in [1, inf)."""
    number = scalars.finite_order(p)
    return unspelt(*checked_metric(metric, number)), number


def _counted(cloud: Tensor, mask: Any, name: str) -> Tensor:
    """The rows of a cloud (n, d) that count."""
    given = checked_mask(mask, cloud, f"{name}_mask", name)
    if given is not None and given.ndim != 1:
        raise InvalidInput(f"{name}_mask must be (n,), as {name} is (n, d); received {tuple(given.shape)}; reshape it")
    return cloud if given is None else cloud[given]


def _doubles(z: Tensor) -> Floats:
    return z.detach().to("cpu", torch.float64).numpy()


class _Known(torch.autograd.Function):
    """A value that is known, with gradients that are known."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor, value: float) -> Tensor:
        dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
        return torch.tensor(value, dtype=dtype, device=x.device)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs[:4])

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        x, y, *slopes = ctx.saved_tensors
        held = [slope.to(z.device, z.dtype) for z, slope in zip((x, y), slopes)]
        if torch.is_grad_enabled():
            held = [_Once.apply(slope, z) for z, slope in zip((x, y), held)]
        return incoming[0] * held[0], incoming[0] * held[1], None, None, None


class _Once(torch.autograd.Function):
    """A gradient at some rows, whose own derivative in them is not known, and none where it is asked for."""

    @staticmethod
    def forward(slope: Tensor, rows: Tensor) -> Tensor:
        return slope.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        raise InvalidInput(
            "derivatives must be of first order where rows live on many processes; received a second one; use the loss of that name in otgen.nn"
        )
