"""Entropic values of clouds as torch differentiates them: functions around operators, up to the second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import _ops


class EntropicGradient(torch.autograd.Function):
    """The gradient of :class:`EntropicValue`; its own derivative is by implicit differentiation."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        a: Tensor,
        b: Tensor,
        epsilon: Tensor,
        counted: Tensor | None,
        f: Tensor,
        g: Tensor,
        options: _ops.Options,
    ) -> Any:
        """The gradients in x, y, a and b."""
        return _ops.entropic_gradient(x, y, a, b, epsilon, counted, f, g, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the Hessian needs."""
        ctx.save_for_backward(*inputs[:8])
        ctx.options = inputs[8]

    @staticmethod
    def backward(ctx: Any, *along: Any) -> Any:
        """The Hessian times a direction."""
        x, y, a, b = _ops.entropic_hessian_product(*ctx.saved_tensors, *along, *ctx.options)
        return x, y, a, b, None, None, None, None, None


class EntropicValue(torch.autograd.Function):
    """Entropic values (...,) that are known, with their potentials, as functions of points and weights."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        a: Tensor,
        b: Tensor,
        epsilon: Tensor,
        counted: Tensor | None,
        value: Tensor,
        f: Tensor,
        g: Tensor,
        options: _ops.Options,
    ) -> Tensor:
        """The values."""
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep inputs and potentials: the gradient needs one more pass over the pairs, and only if it is asked for."""
        ctx.save_for_backward(*inputs[:6], *inputs[7:9])
        ctx.options = inputs[9]

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        """The envelope gradient, times what comes in."""
        x, y, a, b = EntropicGradient.apply(*ctx.saved_tensors, ctx.options)
        points, weights = incoming[0][..., None, None], incoming[0][..., None]
        one, two, three, four = (
            (factor * z).to(z.dtype) for factor, z in ((points, x), (points, y), (weights, a), (weights, b))
        )
        return one, two, three, four, None, None, None, None, None, None


def entropic_value(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    counted: Tensor | None,
    found: tuple[Tensor, Tensor, Tensor],
    options: _ops.Options,
) -> Tensor:
    """Differentiable entropic values (...,), of values and potentials that were found."""
    apply: Callable[..., Any] = EntropicValue.apply
    return apply(x, y, a, b, epsilon, counted, *found, options)
