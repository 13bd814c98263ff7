"""Tensors of torch as numpy's arrays; those that hold no numbers, or hold them in another way, are refused by what they are."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .memory import refuse_bytes
from .origin import Origin
from .scalars import told

_WRAPPERS = {  # of other tensors, by name, and what to pass in their place
    "MaskedTensor": "pass the entries that count, such as rows of {name}.get_data()",
    "DTensor": "pass {name}.full_tensor()",
}


def is_tensor(value: Any) -> bool:
    """Whether something is a tensor of torch, or of a class derived from its."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def from_torch(value: Any, name: str) -> tuple[Any, Origin]:
    """A tensor on the host as numpy's array, any other as it is, and its origin.

    Raises
    ------
    InvalidInput
        For tensors that are differentiated, or are no plain numbers in memory.
    """
    refuse_other_forms(value, name)
    if value.requires_grad or _has_tangent(value):
        kind = "with requires_grad=True" if value.requires_grad else "with a forward derivative"
        raise InvalidInput(
            f"{name} must not require gradients here; received a tensor {kind}; "
            f"use a loss from otgen.nn (nn.transport_loss for costs), or pass {name}.detach()"
        )
    dtype = str(value.dtype).removeprefix("torch.")
    where = "cuda:0" if str(value.device) == "cuda" else str(value.device)
    _refuse_without_data(value, name)
    if dtype == "bfloat16":
        refuse_bytes(4 * value.numel(), tuple(value.shape), name)
        value = value.float()
    origin = Origin("torch", where, dtype)
    if where != "cpu":
        return value, origin
    try:
        return value.resolve_conj().resolve_neg().numpy(), origin
    except TypeError:  # a dtype that numpy has not
        remedy = "pass its real part, or real and imaginary parts as two coordinates" if value.is_complex() else None
        raise InvalidInput(
            f"{name} must hold real numbers, floats of 16 bits at least; received dtype torch.{dtype}; {remedy or f'pass {name}.float()'}"
        ) from None


def refuse_other_forms(value: Any, name: str) -> None:
    """Raise for tensors that are nested, sparse, quantized or wrap others."""
    kind = type(value).__name__
    if value.is_nested:
        raise InvalidInput(
            f"{name} must be one rectangular array; received a nested tensor; pass {name}.unbind() to a function of batches, or one of these"
        )
    if value.is_quantized:
        raise InvalidInput(f"{name} must hold numbers; received a quantized tensor; pass {name}.dequantize()")
    if kind in _WRAPPERS:
        raise InvalidInput(
            f"{name} must be a plain tensor; received {told(value)}; {_WRAPPERS[kind].format(name=name)}"
        )
    if str(value.layout) != "torch.strided":
        word = "a sparse tensor" if "sparse" in str(value.layout) else f"a tensor of layout {value.layout}"
        raise InvalidInput(
            f"{name} must be dense; received {word} of shape {tuple(value.shape)}; pass {name}.to_dense()"
        )


def _refuse_without_data(value: Any, name: str) -> None:
    """Raise for what has a shape at most: meta and fake tensors, those that a transformation of functions traces, uninitialized ones."""
    try:
        there = str(value.device) != "meta" and (value.numel() == 0 or value.data_ptr() != 0)
    except Exception:
        there = False
    if not there:
        where = " on device 'meta'" if str(value.device) == "meta" else ""
        raise InvalidInput(
            f"{name} must hold numbers; received {told(value)}{where} without any: a meta, fake or uninitialized tensor, or one within torch.func or "
            f"a compiled function; make it with data on the host, and call otgen outside of these, or a loss from otgen.nn within"
        )


def _has_tangent(value: Any) -> bool:
    """Whether forward derivatives are taken of a tensor."""
    return sys.modules["torch"].autograd.forward_ad.unpack_dual(value).tangent is not None


def read_each(rows: Any, name: str) -> Any:
    """A list whose tensors are read one by one, as numpy would not read all of them; anything else as it is."""
    if not isinstance(rows, list | tuple) or not any(map(is_tensor, rows)):
        return rows
    return [np.asarray(from_torch(row, f"{name}[{k}]")[0]) if is_tensor(row) else row for k, row in enumerate(rows)]
