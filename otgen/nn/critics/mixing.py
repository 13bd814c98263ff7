"""Critics that mix their batch, so that no point has a gradient of its own: refused by what they are made of, and by what they do."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from weakref import ref

import torch
from torch import Generator, Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm

from ...errors import InvalidInput

_DEEP = 3  # callables, one in another, that are looked through for layers
_tried: dict[int, ref[Any]] = {}  # critics that were seen not to mix, themselves and not what equals them


def refuse_mixing_layers(network: Any) -> None:
    """Raise for batch normalisation in training mode, before it updates its running means."""
    for part in _layers(network, _DEEP):
        if isinstance(part, _BatchNorm) and part.training:
            raise InvalidInput(
                f"critic must treat its points one by one; received one with {type(part).__name__} in training mode; use "
                f"LayerNorm or GroupNorm"
            )


def _layers(network: Any, deep: int) -> Iterator[Module]:
    """All layers of a module, or of those that a function, a method, a partial call or another callable holds or names, one in another."""
    if isinstance(network, Module):
        yield from network.modules()
    elif deep:
        for inside in _held(network):
            yield from _layers(inside, deep - 1)


def _held(network: Any) -> list[Any]:
    """What a callable was made from."""
    if isinstance(network, functools.partial):
        return [network.func, *network.args, *network.keywords.values()]
    if inspect.ismethod(network):
        return [network.__self__]
    if inspect.isfunction(network):
        names = inspect.getclosurevars(network)
        return [*names.nonlocals.values(), *names.globals.values()]
    known = isinstance(network, type | ModuleType | Tensor) or not callable(network)
    return [] if known else list(getattr(network, "__dict__", {}).values())


def refuse_mixing_values(network: Any, values: Tensor, points: Tensor) -> None:
    """Raise where values of some points have a derivative in the others; a critic that has none is not tried again.

    ``values`` (n,) or (n, 1) of ``points`` (n, ...) that require gradients. Each value is multiplied by a number of its own, drawn at random:
    the derivatives of their sum in a point are then multiplied by its number, but for rounding, where nothing is mixed. The point at which
    that is least so is left out of the sum, and must have no derivative at all. Three more passes backwards, at a critic's first call.
    """
    known = _tried.get(id(network))
    if len(points) < 2 or (known is not None and known() is network):
        return
    factors = 0.5 + torch.rand(len(points), generator=Generator().manual_seed(0), dtype=torch.float64)
    factors = factors.to(values.device, values.dtype)
    plain, scaled = _derivatives(torch.ones_like(factors), values, points), _derivatives(factors, values, points)
    away = (scaled - factors.to(plain)[:, None] * plain).norm(dim=1) / plain.norm(dim=1)
    left_out = int(away.nan_to_num(0.0, torch.inf).argmax())  # NaN says nothing
    factors[left_out] = 0
    if bool((_derivatives(factors, values, points)[left_out].abs() > 0).any()):
        raise InvalidInput(
            "critic must treat its points one by one; received values that change with other points of the batch; leave out what "
            "looks across it, such as means, attention or normalisation over the first axis"
        )
    key = id(network)
    with contextlib.suppress(TypeError):  # what has no weak references is tried every time
        _tried[key] = ref(network, lambda _: _tried.pop(key, None))


def _derivatives(factors: Tensor, values: Tensor, points: Tensor) -> Tensor:
    """Of ``sum_i factors_i values_i``, in double precision: (n, k)."""
    along = factors.reshape(values.shape)
    found: Any = torch.autograd.grad(values, points, along, retain_graph=True, allow_unused=True)
    return (torch.zeros_like(points) if found[0] is None else found[0]).double().reshape(len(points), points[0].numel())
