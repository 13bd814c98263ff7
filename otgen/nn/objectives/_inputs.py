"""What objectives accept: tensors of real numbers that belong together one by one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...errors import InvalidInput
from .._inputs import real_and_dense
from .._modes import usable


def tensors(**given: Any) -> tuple[Tensor, ...]:
    """The arguments as floating tensors on one device: halves and whole numbers become float32.

    Raises
    ------
    InvalidInput
        For what is no dense tensor of real numbers, holds nothing, or lives elsewhere than the first.
    """
    out: list[Tensor] = []
    for name, z in given.items():
        if not isinstance(z, Tensor):
            raise InvalidInput(f"{name} must be a tensor; received {type(z).__name__}; use torch.as_tensor({name})")
        real_and_dense(z, name)
        if z.numel() == 0:
            raise InvalidInput(f"{name} must hold something; received shape {tuple(z.shape)}; pass at least one entry")
        if out and z.device != out[0].device:
            raise InvalidInput(
                f"{name} must live where {next(iter(given))} does, on {out[0].device}; received {z.device}; move one"
            )
        out.append(usable(z if z.dtype in (torch.float32, torch.float64) else z.float()))
    return tuple(out)


def paired(**given: Any) -> tuple[Tensor, ...]:
    """Tensors of which one has the shape that all are stretched to.

    (n,) beside (n, 1) would be stretched to (n, n), every entry of one against every entry of the other: that is refused.
    """
    out = tensors(**given)
    shapes = [z.shape for z in out]
    if not _is_one_of(shapes):
        raise InvalidInput(
            f"{' and '.join(given)} must belong together one by one; received shapes "
            f"{' and '.join(str(tuple(shape)) for shape in shapes)}; give them the same shape"
        )
    return out


def _is_one_of(shapes: list[torch.Size]) -> bool:
    try:
        return torch.broadcast_shapes(*shapes) in shapes
    except RuntimeError:
        return False


def each(**given: Any) -> tuple[Tensor, ...]:
    """Numbers of one shape, one of each a sample; or one for all samples, of which there may be many.

    (n,) beside (n, n) would be stretched as well, where there are as many coordinates as samples: that is refused.
    """
    out = paired(**given)
    shape = torch.broadcast_shapes(*(z.shape for z in out))
    if any(z.shape != shape and z.numel() != 1 for z in out):
        raise InvalidInput(
            f"{' and '.join(given)} must each hold one number a sample; received shapes "
            f"{' and '.join(str(tuple(z.shape)) for z in out)}; add up the coordinates first, with z.flatten(1).sum(1)"
        )
    return out


def alike(**given: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape."""
    out = tensors(**given)
    if len({z.shape for z in out}) > 1:
        raise InvalidInput(
            f"{' and '.join(given)} must have the same shape; received "
            f"{' and '.join(str(tuple(z.shape)) for z in out)}; reshape or cut one of them"
        )
    return out


def samples(**given: Any) -> tuple[Tensor, ...]:
    """Tensors (n, ...) that hold samples of one shape; n may be 1 in some of them."""
    out = paired(**given)
    if out[0].ndim < 2 or len({z.shape[1:] for z in out}) > 1:
        raise InvalidInput(
            f"{' and '.join(given)} must be (n, ...), one sample a row, of the same shape; received "
            f"{' and '.join(str(tuple(z.shape)) for z in out)}; use z[:, None] for numbers (n,)"
        )
    return out
