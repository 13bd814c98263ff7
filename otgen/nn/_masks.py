"""Masks: which points of a cloud count. The others are padding, which nothing depends on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from . import _ops
from ._sizes import refuse_expanded


def checked_mask(mask: Any, cloud: Tensor, name: str, points: str) -> Tensor | None:
    """A mask (n,) or (B, n) of the rows of a tensor (..., n, d), if any."""
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.dtype is not torch.bool:
        received = str(mask.dtype) if isinstance(mask, Tensor) else type(mask).__name__
        raise InvalidInput(
            f"{name} must be a tensor of bool, True where a point counts; received {received}; compare lengths, as in "
            f"torch.arange(n) < lengths[:, None]"
        )
    if mask.device != cloud.device:
        raise InvalidInput(
            f"{name} must live on one device with {points}; received {mask.device} and {cloud.device}; move one of them"
        )
    if mask.ndim not in (1, 2) or mask.shape[-1] != cloud.shape[-2]:
        raise InvalidInput(
            f"{name} must say of each point whether it counts, shape (n,) or (B, n) for {points} with n = {cloud.shape[-2]}; received "
            f"{tuple(mask.shape)}; reshape it"
        )
    refuse_expanded(mask, name)
    return mask


def filled(points: Tensor, mask: Tensor) -> Tensor:
    """Points (..., n, d) with padding moved onto the first that counts, a constant; it has no derivatives there."""
    shape = torch.broadcast_shapes(mask.shape, points.shape[:-1])
    first = mask.expand(shape).to(torch.int8).argmax(-1, keepdim=True)[..., None]
    whole = points.detach().expand(*shape, points.shape[-1])
    return points.where(mask[..., None], whole.gather(-2, first.expand(*first.shape[:-1], points.shape[-1])))


def uniform(mask: Tensor, name: str) -> Tensor:
    """Weights (..., n), float64, alike over what counts and of total 1."""
    return mask.double() / _ops.counted(mask, name)[..., None]


def both(here: Tensor | None, there: Tensor | None, shapes: tuple[Any, Any]) -> Tensor | None:
    """Which points of both sides count, (B, n + m); None where all do."""
    if here is None and there is None:
        return None
    device = next(mask.device for mask in (here, there) if mask is not None)
    whole = [
        torch.ones(shape, dtype=torch.bool, device=device) if mask is None else mask.expand(shape)
        for mask, shape in zip((here, there), shapes)
    ]
    return torch.cat(whole, -1)
