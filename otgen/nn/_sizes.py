"""Sizes of tensors, judged before what they hold."""

from __future__ import annotations

import torch
from torch import Tensor

from ..inputs.reading import refuse_bytes


def refuse_expanded(z: Tensor, name: str) -> None:
    """Raise `TooLarge` for a tensor on the host that shows its entries so often, as ``expand`` does, that they would not fit in memory."""
    if z.device.type != "cpu" or torch.compiler.is_compiling():
        return
    held = 1 + sum((size - 1) * stride for size, stride in zip(z.shape, z.stride()))
    if held < z.numel():
        refuse_bytes(8 * z.numel(), tuple(z.shape), name, held=8 * held)
