"""Critics that mix their batch, so that no point has a gradient of its own: refused by what they are made of, and by what they do."""

from __future__ import annotations

import contextlib
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm

from ...errors import InvalidInput

_tried: dict[int, ref[Any]] = {}  # critics that were seen not to mix, themselves and not what equals them


def refuse_mixing_layers(network: Any) -> None:
    """Raise for batch normalisation in training mode, before it updates its running means."""
    for part in network.modules() if isinstance(network, Module) else ():
        if isinstance(part, _BatchNorm) and part.training:
            raise InvalidInput(
                f"critic must treat its points one by one; received one with {type(part).__name__} in training mode; use "
                f"LayerNorm or GroupNorm"
            )


def refuse_mixing_values(network: Any, values: Tensor, points: Tensor) -> None:
    """Raise where values of some points have a derivative in the others; a critic that has none is not tried again.

    ``values`` (n,) or (n, 1) of ``points`` (n, ...) that require gradients. One more pass backwards, at a critic's first call.
    """
    known = _tried.get(id(network))
    if len(points) < 2 or (known is not None and known() is network):
        return
    chosen = _chosen(len(points), points.device)
    found: Any = torch.autograd.grad(values.flatten()[chosen].sum(), points, retain_graph=True, allow_unused=True)
    if found[0] is not None and bool((found[0][~chosen].abs() > 0).any()):  # NaN says nothing
        raise InvalidInput(
            "critic must treat its points one by one; received values that change with other points of the batch; leave out what "
            "looks across it, such as means, attention or normalisation over the first axis"
        )
    key = id(network)
    with contextlib.suppress(TypeError):  # what has no weak references is tried every time
        _tried[key] = ref(network, lambda _: _tried.pop(key, None))


def _chosen(count: int, device: torch.device) -> Tensor:
    """Rows with an odd number of binary ones: neighbours, halves and groups at strides of powers of two have some on either side."""
    return torch.tensor([k.bit_count() % 2 == 1 for k in range(count)], device=device)
