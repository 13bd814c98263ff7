"""Critics that have no gradient of each point's own, above all those that mix their batch: refused by what they are made of, and by what they do."""

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
from .._modes import seeded

_DEEP = 3  # callables, one in another, that are looked through for layers
_ROUNDING = 1e-6  # of values, relative
_BEYOND = 10.0  # times what values change by themselves
_tried: dict[int, ref[Any]] = {}  # critics that were seen not to mix, themselves and not what equals them


def refuse_unusable_layers(network: Any) -> None:
    """Raise for batch normalisation in training mode, before it updates its running means, and for weights that autograd does not keep."""
    for part in _layers(network, _DEEP):
        if any(z.is_inference() for z in (*part.parameters(recurse=False), *part.buffers(recurse=False))):
            raise InvalidInput(
                f"critic must have weights that can be differentiated; received {type(part).__name__} built under torch.inference_mode; build it "
                f"outside, or pass copy.deepcopy(critic), made outside"
            )
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
    """Raise where values of some points change with the others, or have a derivative in them; a critic that has none is not tried again.

    ``values`` (n,) or (n, 1) of ``points`` (n, ...) that require gradients. At a critic's first call it takes three more passes
    forwards and three backwards.
    """
    known = _tried.get(id(network))
    if len(points) < 2 or (known is not None and known() is network):
        return
    if _has_foreign_derivatives(values, points) or _moves_with_others(network, points):
        raise InvalidInput(
            "critic must treat its points one by one; received values that change with other points of the batch; leave out what "
            "looks across it, such as means, attention or normalisation over the first axis"
        )
    key = id(network)
    with contextlib.suppress(TypeError):  # what has no weak references is tried every time
        _tried[key] = ref(network, lambda _: _tried.pop(key, None))


def _has_foreign_derivatives(values: Tensor, points: Tensor) -> bool:
    """Whether a value has a derivative in another point.

    Each value is multiplied by a number of its own, drawn at random: the derivatives of their sum in a point are then multiplied by its number, but
    for rounding, where nothing is mixed. The point at which that is least so is left out of the sum, and must have no derivative at all.
    """
    factors = 0.5 + torch.rand(len(points), generator=Generator().manual_seed(0), dtype=torch.float64)
    factors = factors.to(values.device, values.dtype)
    plain, scaled = _derivatives(torch.ones_like(factors), values, points), _derivatives(factors, values, points)
    away = (scaled - factors.to(plain)[:, None] * plain).norm(dim=1) / plain.norm(dim=1)
    left_out = int(away.nan_to_num(0.0, torch.inf).argmax())  # NaN says nothing
    factors[left_out] = 0
    return bool((_derivatives(factors, values, points)[left_out].abs() > 0).any())


def _moves_with_others(network: Any, points: Tensor) -> bool:
    """Whether the values of half the points change where the other half does, more than they change by themselves, from pass to pass.

    For what is mixed without a derivative. Layers that draw at random draw the same in all passes; torch's generators and the layers' buffers, such as
    running means, are as they were.
    """
    kept = torch.zeros(len(points), dtype=torch.bool)
    kept[torch.randperm(len(points), generator=Generator().manual_seed(0))[: len(points) // 2]] = True
    kept = kept.to(points.device)
    others = points.detach().clone()
    others[~kept] = others[kept][:1] + 1
    with _buffers_kept(network):
        before, again, moved = (_values(network, batch)[kept] for batch in (points, points, others))
    spread = torch.maximum((again - before).abs().amax(), _ROUNDING * again.abs().amax())
    return bool((moved - again).abs().amax() > _BEYOND * spread)


@contextlib.contextmanager
def _buffers_kept(network: Any) -> Iterator[None]:
    """Buffers of all layers, afterwards as they were; those that nothing wrote to are left alone, as autograd may keep them."""
    parts = [part for part in _layers(network, _DEEP) if not isinstance(part, torch.jit.ScriptModule)]
    held = [(part, name, z, z.clone()) for part in parts for name, z in part.named_buffers(recurse=False)]
    try:
        yield
    finally:
        with torch.no_grad():
            for part, name, z, before in held:
                setattr(part, name, z)
                if not torch.equal(z, before):
                    z.copy_(before)


def _values(network: Any, points: Tensor) -> Tensor:
    """Values (n,) from one state of torch's generators, in double precision."""
    with seeded(0, points.device):
        return network(points.detach().requires_grad_()).detach().double().reshape(len(points))


def _derivatives(factors: Tensor, values: Tensor, points: Tensor) -> Tensor:
    """Of ``sum_i factors_i values_i``, in double precision: (n, k)."""
    along = factors.reshape(values.shape)
    found: Any = torch.autograd.grad(values, points, along, retain_graph=True, allow_unused=True)
    return (torch.zeros_like(points) if found[0] is None else found[0]).double().reshape(len(points), points[0].numel())
