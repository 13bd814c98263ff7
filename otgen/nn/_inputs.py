"""What losses accept: clouds (n, d) or (B, n, d) and weights, promoted to one dtype on one device."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import origin, scalars
from ..model.cost import COSTS, BuiltIn, Circular, Minkowski, metric_name, spelt
from . import _ops
from ._dual import Costs
from ._modes import usable

_FAR = 1e36  # of padding, which floats of either precision hold, and so do the squares of doubles
_EXACT = 2**53  # whole numbers up to here are doubles

Reduction = Literal["mean", "sum", "none"]


class Batch(NamedTuple):
    """Clouds x (B, n, d), y (B, m, d), weights a (B, n), b (B, m), and whether the caller gave single clouds."""

    x: Tensor
    y: Tensor
    a: Tensor
    b: Tensor
    single: bool


def batch(x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None, *, received: bool = False) -> Batch:
    """Check shapes, devices and dtypes; halves are promoted to float32.

    Weights are divided by their sums, which must agree to the tolerance of the coarser dtype, unless they count as ``received``.
    """
    dtype = common_dtype({"x": x, "y": y} | {name: z for name, z in (("a", a), ("b", b)) if z is not None})
    single = x.ndim == 2
    if x.ndim not in (2, 3) or y.ndim != x.ndim or x.shape[-1] != y.shape[-1] or 0 in (*x.shape[-2:], *y.shape[-2:]):
        raise InvalidInput(
            f"x and y must be (n, d) and (m, d), or (B, n, d) and (B, m, d), not empty; received {tuple(x.shape)} and "
            f"{tuple(y.shape)}; use z[:, None] for numbers (n,)"
        )
    if not single and x.shape[0] != y.shape[0]:
        raise InvalidInput(
            f"x and y must hold equally many clouds; received {x.shape[0]} and {y.shape[0]}; pass one of each a problem"
        )
    x, y = usable(x), usable(y)
    a, b = (None if z is None else usable(z) for z in (a, b))
    one, other = (z.to(dtype)[None] if single else z.to(dtype) for z in (x, y))
    of_one, of_other = _weights(a, one, "a", single, dtype), _weights(b, other, "b", single, dtype)
    if not received:
        of_one, of_other = _probabilities(of_one, of_other, [z.dtype for z in (a, b) if z is not None])
    return Batch(one, other, of_one, of_other, single)


def matrices(C: Tensor, a: Tensor | None, b: Tensor | None, *, received: bool = False) -> Costs:
    """The same of listed costs: one matrix, one a problem, or one for all problems of a batch of weights."""
    dtype = common_dtype({"C": C} | {name: z for name, z in (("a", a), ("b", b)) if z is not None})
    if C.ndim not in (2, 3) or 0 in C.shape[-2:]:
        raise InvalidInput(f"C must be (n, m), or (B, n, m), not empty; received {tuple(C.shape)}; list all costs")
    given, (a, b) = usable(C), (None if z is None else usable(z) for z in (a, b))
    batches = {len(z) for z in (a, b) if z is not None and z.ndim == 2} | ({len(given)} if given.ndim == 3 else set())
    if len(batches) > 1:
        raise InvalidInput(
            f"C, a and b must hold equally many problems; received {sorted(batches)}; pass one of each a problem, or one for all"
        )
    lead = tuple(batches) or (1,)
    costs = given.to(dtype).expand(*lead, *given.shape[-2:])
    of_rows, of_columns = _masses(a, costs, "a"), _masses(b, costs.mT, "b")
    if not received:
        of_rows, of_columns = _probabilities(of_rows, of_columns, [z.dtype for z in (a, b) if z is not None])
    return Costs(costs, of_rows, of_columns, not batches, dtype)


def _masses(weights: Tensor | None, costs: Tensor, name: str) -> Tensor:
    """Weights of the rows of costs (B, n, m), (B, n), float64; uniform, of total 1, where none are given."""
    shape = costs.shape[:-1]
    if weights is None:
        return costs.new_full(shape, 1.0 / shape[-1], dtype=torch.float64)
    if weights.shape not in (shape, shape[1:]):
        raise InvalidInput(
            f"{name} must have one weight per {'row' if name == 'a' else 'column'} of C, shape {tuple(shape[1:])} or {tuple(shape)}; received "
            f"{tuple(weights.shape)}; reshape them, or pass None for uniform ones"
        )
    return weights.double().expand(shape)


def finite(z: Tensor, name: str) -> None:
    """Raise for a tensor that holds NaN or infinity, or nothing at all as those on meta do."""
    if z.is_meta or not bool(z.isfinite().all()):
        received = "a tensor on meta" if z.is_meta else "NaN or infinity in it"
        raise InvalidInput(f"{name} must have data, all of it finite; received {received}; drop or impute what is not")


def common_dtype(given: dict[str, Tensor]) -> torch.dtype:
    """What all are computed in, once they are real tensors on one device."""
    dtype, first = torch.float32, next(iter(given))
    for name, z in given.items():
        if not isinstance(z, torch.Tensor):
            raise InvalidInput(f"{name} must be a tensor; received {type(z).__name__}; use torch.as_tensor({name})")
        if z.is_complex() or z.layout != torch.strided:
            raise InvalidInput(
                f"{name} must be dense and hold real numbers; received dtype {z.dtype}, layout {z.layout}; convert it"
            )
        if z.device != given[first].device or z.is_meta:
            raise InvalidInput(
                f"{name} must live on one device with {first}, and have data; received {name} on {z.device} and {first} on "
                f"{given[first].device}; move one of them"
            )
        if z.dtype in (torch.int64, torch.uint64) and (z.double().abs() > _EXACT).any():
            raise InvalidInput(
                f"{name} must hold whole numbers up to 2**53, which doubles hold; received larger ones; subtract one number from both clouds"
            )
        dtype = torch.promote_types(dtype, z.dtype if z.is_floating_point() else torch.float64)
    return dtype


def _weights(weights: Tensor | None, cloud: Tensor, name: str, single: bool, dtype: torch.dtype) -> Tensor:
    """Weights (B, n) of a cloud (B, n, d); uniform, of total 1, where none are given."""
    shape = cloud.shape[:-1]
    if weights is None:
        return cloud.new_full(shape, 1.0 / shape[-1])
    wanted = shape[1:] if single else shape
    if weights.shape != wanted:
        raise InvalidInput(
            f"{name} must have one weight per point, shape {tuple(wanted)}; received {tuple(weights.shape)}; reshape them, or pass None for uniform ones"
        )
    return weights.to(dtype)[None] if single else weights.to(dtype)


def _probabilities(a: Tensor, b: Tensor, given: list[torch.dtype]) -> tuple[Tensor, Tensor]:
    """Weights divided by their sums; where any were given, in these dtypes, they are checked first."""
    one, other = a.sum(-1, keepdim=True), b.sum(-1, keepdim=True)
    if given:
        names = [str(dtype).removeprefix("torch.") for dtype in given]
        tolerance = max(origin.Origin(dtype=name).tolerance() for name in names) if len(given) == 2 else math.inf
        checked = _ops.checked_total(a.detach(), b.detach(), tolerance)[..., None]
        one = one + (checked - one.detach())
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
    return values + (values.clamp_min(0) - values).detach()


def holds(condition: Tensor) -> bool:
    """Whether a condition holds everywhere, as far as it can be seen: inside torch's transforms values cannot, and pass."""
    if torch.compiler.is_compiling():
        return True
    try:
        return bool(condition.all())
    except RuntimeError:  # of vmap, and of tensors without data
        return True


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
