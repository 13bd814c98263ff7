"""Two clouds whose rows live on many processes, and losses of them whose value and gradients are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.origin import Origin
from ...inputs.types import Floats
from ...model.cost import BuiltIn, Metric, point_cost, unspelt
from .._inputs import checked_metric, common_dtype, finite
from .._masks import checked_mask
from .._modes import differentiating
from .._weights import check_weights
from ._processes import Processes

ONE_CALL = "call the same function with the same options on all"
_ON_ALL_OR_NONE = "pass a, or b, on all processes or on none: torch.ones(len(x)) where rows weigh the same"


@dataclass(frozen=True, eq=False)
class Side:
    """One cloud: this process's rows (n_k, d), as tensor and in double precision on the host, and how many each process has.

    ``whole`` is the tensor of all rows where every process was given them all; the rows here are then its part of them.
    ``weights`` are those that were given for the rows here, or for all where all are here.
    """

    rows: Tensor
    held: Floats
    counts: list[int]
    processes: Processes
    whole: Tensor | None = None
    weights: Tensor | None = None

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

    @cached_property
    def _received(self) -> Floats:
        """All weights (n,) as they were given, all alike where none were, on the host."""
        if self.weights is None:
            return np.full(self.count, 1.0 / self.count)
        mine = _doubles(self.weights)
        return mine if self.whole is not None else self.processes.gathered(mine[:, None], self.counts)[:, 0]

    @cached_property
    def total(self) -> float:
        """What the given weights add up to."""
        with np.errstate(over="ignore"):  # refused later, by all
            return float(self._received.sum())

    @cached_property
    def masses(self) -> Floats:
        """The weights of all rows (n,), of total 1."""
        return self._received / self.total

    def tensor(self) -> Tensor:
        """All rows (n, d) in double precision, where those of this process are."""
        return torch.from_numpy(self.everyone).to(self.rows.device)

    def mass_tensor(self) -> Tensor | None:
        """All weights (n,), of total 1, there; None where none were given."""
        return None if self.weights is None else torch.from_numpy(self.masses.copy()).to(self.rows.device)

    def of_own(self, slope: Floats) -> tuple[Tensor, Tensor] | None:
        """The weights that were given, and the derivatives in them, from those in all of total 1 that change by a change of no total."""
        if self.weights is None:
            return None
        here = slope if self.whole is not None else slope[self.own]
        with np.errstate(over="ignore"):  # of totals near the end of the range of floats derivatives are infinite
            return self.weights, torch.from_numpy(here / self.total)


class Clouds(NamedTuple):
    """Both sides; whether gradients will be averaged over processes, and whether any process wants those of y."""

    x: Side
    y: Side
    processes: Processes
    averaged: bool
    of_y: bool

    def value_and_slopes(self, loss: Callable[..., Tensor], unit: float = 1.0) -> Floats:
        """A loss of all points in a unit and of the weights that were given, then its gradients in all rows of x and of y, and in these weights."""
        with differentiating():
            x, y = ((side.tensor() / unit).requires_grad_() for side in (self.x, self.y))
            weights = (side.mass_tensor() for side in (self.x, self.y))
            a, b = (None if w is None else w.requires_grad_() for w in weights)
            value = loss(x, y, a, b)
            value.backward()
        parts = (value.detach(), x.grad, y.grad, *(w.grad for w in (a, b) if w is not None))
        return np.concatenate([z.reshape(-1).cpu().numpy() for z in parts if z is not None])

    def loss(
        self,
        value: float,
        slope_x: Floats,
        slope_y: Floats | None,
        slope_a: Floats | None = None,
        slope_b: Floats | None = None,
    ) -> Tensor:
        """A number with these gradients in the rows of this process, (n_k, d) and (m_k, d), and in all weights, (n,) and (m,)."""
        factor = self.processes.size if self.averaged else 1
        of_x = torch.from_numpy(slope_x * factor)
        if slope_y is None:
            y, of_y = self.y.rows.detach()[:0], of_x[:0]
        elif self.y.whole is None:
            y, of_y = self.y.rows, torch.from_numpy(slope_y * factor)
        else:  # what all processes hold gets all of its gradient on each, and is averaged to that
            y, of_y = self.y.whole, torch.from_numpy(self.processes.gathered(slope_y, self.y.counts))
        pairs = [(self.x.rows, of_x), (y, of_y)]
        for side, slope in ((self.x, slope_a), (self.y, slope_b)):
            found = None if slope is None else side.of_own(slope)
            if found is not None:
                whole = side.whole is not None
                pairs.append((found[0], found[1] if whole else found[1] * factor))
        held, slopes = zip(*pairs, strict=True)
        return _Known.apply(value, len(held), *held, *slopes)


@dataclass(frozen=True, eq=False)
class Given:
    """What a loss was called with on this process.

    ``options`` returns what else was asked for, once it has been checked on this process; its ``repr`` must be the same on all.
    """

    x: Any
    y: Any
    a: Any
    b: Any
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
            lambda here: ("options", repr((self.name, here.options, here.sharded, here.averaged)).encode(), ONE_CALL),
            lambda here: ("which weights are given", repr([w is None for w in here.weights]).encode(), _ON_ALL_OR_NONE),
            lambda here: here.common,
        )
        a, b = checked.weights
        x = Side(checked.x, checked.rows, processes.counts(len(checked.rows)), processes, weights=a)
        if checked.sharded:
            y = Side(checked.y, checked.columns, processes.counts(len(checked.columns)), processes, weights=b)
        else:
            ends = np.linspace(0, len(checked.columns), processes.size + 1).astype(int).tolist()
            here = slice(ends[processes.rank], ends[processes.rank + 1])
            y = Side(checked.y[here], checked.columns[here], np.diff(ends).tolist(), processes, checked.y, b)
        for name, side in (("x", x), ("y", y)):
            if not side.count:
                raise InvalidInput(
                    f"{name} must have a row on some process; received none at all; pass at least one point"
                )
        tolerance = float(processes.largest(np.array([checked.tolerance]))[0])
        check_weights(np.array([[x.total]]), np.array([[y.total]]), tolerance if None not in (a, b) else math.inf)
        wanted = torch.is_grad_enabled() and checked.y.requires_grad
        of_y = bool(processes.largest(np.array([float(wanted)]))[0])
        return Clouds(x, y, processes, checked.averaged, of_y), checked.options

    def _checked(self) -> _Checked:
        """What one process was given."""
        averaged, sharded = scalars.flag(self.averaged, "averaged"), scalars.flag(self.y_sharded, "y_sharded")
        options = self.options()
        x, y = self.x, self.y
        weights = {name: w for name, w in (("a", self.a), ("b", self.b)) if w is not None}
        common_dtype({"x": x, "y": y} | weights)
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or y.shape[1] == 0 or not (sharded or len(y)):
            raise InvalidInput(
                f"x and y must be (n, d) and (m, d), y not empty unless it is sharded; received {tuple(x.shape)} and {tuple(y.shape)}; "
                f"use z[:, None] for numbers (n,)"
            )
        sides = (x, self.a, self.x_mask, "x", "a"), (y, self.b, self.y_mask, "y", "b")
        a, b = (_weights(w, z, mask, name, of) for z, w, mask, of, name in sides)
        x, y = (_counted(z, mask, of) for z, _, mask, of, _ in sides)
        if not (sharded or len(y)):
            raise InvalidInput("y_mask must leave a point that counts; received none; pass at least one")
        finite(x, "x")
        finite(y, "y")
        x, y = (z if z.is_floating_point() else z.double() for z in (x, y))
        rows, columns = _doubles(x), _doubles(y)
        if self.metric is not None and len(rows) + len(columns):
            some = rows if len(rows) else columns[:1]
            point_cost(some, columns if len(columns) else some[:1], *self.metric())  # what a metric asks of points
        return _Checked(x, y, rows, columns, (a, b), options, sharded, averaged)


class _Checked(NamedTuple):
    """The rows and columns of one process that count, as tensors and on the host, their weights, and the options."""

    x: Tensor
    y: Tensor
    rows: Floats
    columns: Floats
    weights: tuple[Tensor | None, Tensor | None]
    options: Any
    sharded: bool
    averaged: bool

    @property
    def common(self) -> tuple[str, bytes, str]:
        """What of y must be alike on all processes, its bytes, and what to do where they differ."""
        shape, b = repr(self.columns.shape[self.sharded :]).encode(), self.weights[1]
        if self.sharded:
            return "the dimension of y", shape, "pass (m, d) with the same d"
        name, of_b = ("y", b"") if b is None else ("y and b", _doubles(b).tobytes())
        return name, shape + self.columns.tobytes() + of_b, f"broadcast {name} first, or pass y_sharded=True"

    @property
    def tolerance(self) -> float:
        """To which totals agree that are rounded to the dtypes of the weights."""
        kinds = [str(w.dtype).removeprefix("torch.") for w in self.weights if w is not None]
        return max((Origin(dtype=kind).tolerance() for kind in kinds), default=0.0)


def checked_cost(metric: BuiltIn, p: float) -> tuple[Metric, float]:
    """A metric and an order in [1, inf)."""
    number = scalars.finite_order(p)
    return unspelt(*checked_metric(metric, number)), number


def _weights(weights: Tensor | None, cloud: Tensor, mask: Any, name: str, points: str) -> Tensor | None:
    """The weights of the rows of a cloud (n, d) that count."""
    if weights is None:
        return None
    if weights.shape != cloud.shape[:1]:
        raise InvalidInput(
            f"{name} must have one weight for each row of {points} here, shape {tuple(cloud.shape[:1])}; received {tuple(weights.shape)}; "
            f"reshape them, or pass None for uniform ones"
        )
    given = checked_mask(mask, cloud, f"{points}_mask", points)
    held = weights if given is None or given.ndim != 1 else weights[given]
    bad = ~(held.isfinite() & (held >= 0))
    if bad.any():
        raise InvalidInput(f"{name} must be finite and non-negative; received {held[bad][0].item()}; correct it")
    return held if held.is_floating_point() else held.double()


def _counted(cloud: Tensor, mask: Any, name: str) -> Tensor:
    """The rows of a cloud (n, d) that count."""
    given = checked_mask(mask, cloud, f"{name}_mask", name)
    if given is not None and given.ndim != 1:
        raise InvalidInput(f"{name}_mask must be (n,), as {name} is (n, d); received {tuple(given.shape)}; reshape it")
    return cloud if given is None else cloud[given]


def _doubles(z: Tensor) -> Floats:
    return z.detach().to("cpu", torch.float64).numpy()


class _Known(torch.autograd.Function):
    """A value that is known, with gradients that are known: ``count`` tensors, and as many gradients."""

    @staticmethod
    def forward(value: float, count: int, *tensors: Tensor) -> Tensor:
        dtype = reduce(torch.promote_types, (z.dtype for z in tensors[:count]), torch.float32)
        return torch.tensor(value, dtype=dtype, device=tensors[0].device)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs[2:])

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        saved = ctx.saved_tensors
        count = len(saved) // 2
        pairs = list(zip(saved[:count], saved[count:], strict=True))
        held = [slope.to(z.device, z.dtype) for z, slope in pairs]
        if torch.is_grad_enabled():
            held = [_Once.apply(slope, z) for slope, (z, _) in zip(held, pairs, strict=True)]
        return None, None, *(incoming[0] * slope for slope in held), *[None] * count


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
