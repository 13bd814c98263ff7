"""What losses accept: clouds (n, d) or (B, n, d) and weights, promoted to one dtype on one device."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import origin, scalars, tensors
from ..model.cost import COSTS, BuiltIn, Circular, Minkowski, metric_name, spelt
from . import _ops
from ._dual import Costs
from ._masks import both, checked_mask, filled, uniform
from ._modes import usable
from ._sizes import refuse_expanded

_FAR = 1e36  # of padding, which floats of either precision hold, and so do the squares of doubles
_EXACT = 2**53  # whole numbers up to here are doubles

Reduction = Literal["mean", "sum", "none"]


class Batch(NamedTuple):
    """Clouds x (B, n, d), y (B, m, d), each also (1, ...) where it is that of all problems, and weights a (B, n), b (B, m), float64.

    ``counted`` (B, n + m) tells points from padding, None where all count; ``single``: the caller gave single clouds.
    """

    x: Tensor
    y: Tensor
    a: Tensor
    b: Tensor
    counted: Tensor | None
    single: bool

    def each(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Clouds, one of each a problem, without copies, and weights."""
        x, y = (z.expand(len(w), *z.shape[1:]) for z, w in ((self.x, self.a), (self.y, self.b)))
        return x, y, self.a, self.b

    def in_doubles(self) -> Batch:
        """The same in double precision; derivatives are rounded to the dtype that was given once they are complete."""
        return self._replace(x=self.x.double(), y=self.y.double())


def batch(
    x: Tensor,
    y: Tensor,
    a: Tensor | None,
    b: Tensor | None,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    *,
    received: bool = False,
) -> Batch:
    """Check shapes, devices and dtypes; halves are promoted to float32.

    Weights are divided by their sums, which must agree to the tolerance of the coarser dtype, unless they count as ``received``; in double precision:
    totals that single precision rounds would not cancel between unequal sizes. Padding is moved onto points that count, and weighs nothing.
    """
    dtype = common_dtype({"x": x, "y": y} | {name: z for name, z in (("a", a), ("b", b)) if z is not None})
    if not {x.ndim, y.ndim} <= {2, 3} or x.shape[-1] != y.shape[-1] or 0 in (*x.shape[-2:], *y.shape[-2:]):
        raise InvalidInput(
            f"x and y must be (n, d) and (m, d), or (B, n, d) and (B, m, d), not empty; received {tuple(x.shape)} and "
            f"{tuple(y.shape)}; use {'z.flatten(1) for images, each a point' if max(x.ndim, y.ndim) > 3 else 'z[:, None] for numbers (n,)'}"
        )
    here, there = checked_mask(x_mask, x, "x_mask", "x"), checked_mask(y_mask, y, "y_mask", "y")
    one_each = {"x": (x, 3), "y": (y, 3), "a": (a, 2), "b": (b, 2), "x_mask": (here, 2), "y_mask": (there, 2)}
    lead = _lead({name: z for name, (z, ndim) in one_each.items() if z is not None and z.ndim == ndim})
    size = 1 if lead is None else lead
    one, other = (_cloud(z, mask, dtype) for z, mask in ((x, here), (y, there)))
    sides = ((a, x, here, ("a", "x_mask", "point")), (b, y, there, ("b", "y_mask", "point")))
    of_one, of_other = (_weights(w, mask, (size, z.shape[-2]), names, z) for w, z, mask, names in sides)
    if not received:
        of_one, of_other = _probabilities(of_one, of_other, (a, b))
    counted = both(here, there, (of_one.shape, of_other.shape))
    return Batch(one, other, of_one, of_other, counted, lead is None)


def _lead(given: dict[str, Tensor]) -> int | None:
    """How many problems tensors hold, one of each a problem; None where none does."""
    leads = {name: len(z) for name, z in given.items()}
    if len(set(leads.values())) > 1:
        told = ", ".join(f"{count} of {name}" for name, count in leads.items())
        raise InvalidInput(
            f"{', '.join(leads)} must hold equally many problems; received {told}; pass one of each a problem, or one without a batch "
            f"dimension for all"
        )
    return next(iter(leads.values()), None)


def _cloud(points: Tensor, mask: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Points (B, n, d), or (1, n, d), without what padding holds."""
    held = usable(points).to(dtype)
    held = held if mask is None else filled(held, mask)
    return held[None] if held.ndim == 2 else held


def _weights(
    weights: Tensor | None, mask: Tensor | None, shape: tuple[int, int], names: tuple[str, str, str], like: Tensor
) -> Tensor:
    """Weights (B, n), float64, where ``like`` lives, 0 at padding; uniform over what counts, of total 1, where none are given."""
    name, of_mask, each = names
    if weights is None:
        alike = like.new_full(shape, 1.0 / shape[-1], dtype=torch.float64)
        return alike if mask is None else uniform(mask, of_mask).expand(shape)
    if weights.shape not in (shape, shape[1:]):
        raise InvalidInput(
            f"{name} must have one weight per {each}, shape {tuple(shape[1:])} or {tuple(shape)}; received {tuple(weights.shape)}; "
            f"reshape them, or pass None for uniform ones"
        )
    held = usable(weights).double()
    if mask is not None:
        _ops.counted(mask, of_mask)  # refuses a mask that leaves nothing
        held = held.where(mask, 0.0)
    return held.expand(shape)


def matrices(
    C: Tensor,
    a: Tensor | None,
    b: Tensor | None,
    row_mask: Tensor | None = None,
    column_mask: Tensor | None = None,
    *,
    received: bool = False,
) -> Costs:
    """The same of listed costs: one matrix, one a problem, or one for all problems of a batch of weights; padding has infinite costs."""
    dtype = common_dtype({"C": C} | {name: z for name, z in (("a", a), ("b", b)) if z is not None})
    if C.ndim not in (2, 3) or 0 in C.shape[-2:]:
        raise InvalidInput(f"C must be (n, m), or (B, n, m), not empty; received {tuple(C.shape)}; list all costs")
    given = usable(C).to(dtype)
    rows = checked_mask(row_mask, given, "row_mask", "the rows of C")
    columns = checked_mask(column_mask, given.mT, "column_mask", "the columns of C")
    one_each = {"C": (C, 3), "a": (a, 2), "b": (b, 2), "row_mask": (rows, 2), "column_mask": (columns, 2)}
    lead = _lead({name: z for name, (z, ndim) in one_each.items() if z is not None and z.ndim == ndim})
    size = 1 if lead is None else lead
    of_rows = _weights(a, rows, (size, C.shape[-2]), ("a", "row_mask", "row of C"), C)
    of_columns = _weights(b, columns, (size, C.shape[-1]), ("b", "column_mask", "column of C"), C)
    if not received:
        of_rows, of_columns = _probabilities(of_rows, of_columns, (a, b))
    for mask, axis in ((rows, -1), (columns, -2)):
        given = given if mask is None else given.where(mask.unsqueeze(axis), math.inf)
    counted = both(rows, columns, (of_rows.shape, of_columns.shape))
    return Costs(given.expand(size, *C.shape[-2:]), of_rows, of_columns, counted, lead is None, dtype)


def finite(z: Tensor, name: str) -> None:
    """Raise for a tensor that holds NaN or infinity, or nothing at all as those on meta do, and for a sparse one."""
    if z.layout is not torch.strided:
        raise InvalidInput(f"{name} must be dense; received layout {z.layout}; pass {name}.to_dense()")
    refuse_expanded(z, name)
    if z.is_meta or not _is_finite(z.detach()):
        received = "a tensor on meta" if z.is_meta else "NaN or infinity in it"
        raise InvalidInput(f"{name} must have data, all of it finite; received {received}; drop or impute what is not")


def _is_finite(z: Tensor) -> bool:
    """Whether all entries are: a finite sum says so, in a fifth of the time that it takes to ask each."""
    return bool(z.sum().isfinite()) or bool(z.isfinite().all())


def real_and_dense(z: Tensor, name: str) -> None:
    """Raise for a tensor that torch does not compute with: sparse, nested, quantized, without data, complex, of a float of 8 bits."""
    tensors.refuse_other_forms(z, name)
    if z.is_meta:
        raise InvalidInput(
            f"{name} must hold numbers; received a tensor on device 'meta', which has a shape alone; make it with data, such as with "
            f"torch.empty_like({name}, device='cpu')"
        )
    if z.is_complex() or (z.is_floating_point() and z.element_size() == 1):
        raise InvalidInput(
            f"{name} must be dense and hold real numbers, floats of 16 bits at least; received dtype {z.dtype}; convert it"
        )
    refuse_expanded(z, name)


def common_dtype(given: dict[str, Tensor]) -> torch.dtype:
    """What all are computed in, once they are real tensors on one device."""
    dtype, first = torch.float32, next(iter(given))
    for name, z in given.items():
        if not isinstance(z, torch.Tensor):
            raise InvalidInput(f"{name} must be a tensor; received {type(z).__name__}; use torch.as_tensor({name})")
        real_and_dense(z, name)
        if z.device != given[first].device:
            raise InvalidInput(
                f"{name} must live on one device with {first}; received {name} on {z.device} and {first} on "
                f"{given[first].device}; move one of them"
            )
        if z.dtype in (torch.int64, torch.uint64) and (z.double().abs() > _EXACT).any():
            raise InvalidInput(
                f"{name} must hold whole numbers up to 2**53, which doubles hold; received larger ones; subtract one number from both clouds"
            )
        dtype = torch.promote_types(dtype, z.dtype if z.is_floating_point() else torch.float64)
    return dtype


def _probabilities(a: Tensor, b: Tensor, given: tuple[Tensor | None, Tensor | None]) -> tuple[Tensor, Tensor]:
    """Weights divided by their sums, which are checked first; uniform ones of both sides are what they are."""
    kinds = [str(z.dtype).removeprefix("torch.") for z in given if z is not None]
    if not kinds:
        return a, b
    tolerance = max(origin.Origin(dtype=kind).tolerance() for kind in kinds) if len(kinds) == 2 else math.inf
    totals = _ops.checked_totals(a.detach(), b.detach(), tolerance)
    one, other = (z.sum(-1, keepdim=True) for z in (a, b))
    one, other = (z + (found[..., None] - z.detach()) for z, found in zip((one, other), totals))
    return a / one, b / other


def powered(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent`` of what is not negative, with derivatives 0 at 0; NaN stays NaN."""
    if exponent == 1:
        return base
    zero = base <= 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, base) ** exponent)


def within_reach(points: Tensor, weights: Tensor) -> Tensor:
    """Points (..., n, d), those of no weight (..., n) drawn in where powers of their distances would be infinite, and 0 times that NaN."""
    return torch.where(weights[..., None] > 0, points, points.clamp(-_FAR, _FAR))


def not_negative(values: Tensor) -> Tensor:
    """Values that only rounding makes negative, 0 there; their derivatives are left as they are."""
    return values + (-values).clamp_min(0).detach()


def common(weights: Tensor, points: Tensor) -> Tensor:
    """Weights (B, n) as points (B, n, d) have them; their mean, (1, n), where points (1, n, d) are those of all problems."""
    return weights if len(points) == len(weights) else weights.mean(0, keepdim=True)


def reduced(values: Tensor, single: bool, reduction: Reduction) -> Tensor:
    """Values (B,) as the caller wants them: ``mean``, ``sum`` or ``none``."""
    if reduction == "none":
        return values[0] if single else values
    return values.sum() if reduction == "sum" else values.mean()


def checked_reduction(reduction: Reduction) -> Reduction:
    """A known reduction."""
    scalars.one_of(reduction, "reduction", get_args(Reduction))
    return reduction


def checked_metric(metric: BuiltIn, p: float) -> tuple[str, float]:
    """A built-in metric as a name and the exponent of Minkowski's."""
    if isinstance(metric, Minkowski | Circular):
        return spelt(metric)
    if callable(metric):
        raise InvalidInput(
            "metric must be a built-in one: the derivative of a callable is not known here; received one; use otgen.sinkhorn for a value without gradients"
        )
    name = metric_name(metric)
    if name in COSTS and p != 1:
        raise InvalidInput(
            f'p must be 1 for metric={name!r}, which is a cost and no metric; received p={p:g}; use metric="euclidean", p=2'
        )
    return name, 2.0


def options(**given: Any) -> str:
    """Arguments as a module's representation shows them."""
    return ", ".join(f"{name}={value!r}" for name, value in given.items())
