"""How steep a critic is at points: norms of its gradients, differentiable in its weights."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor, func
from torch.nn import Module

from ...errors import InvalidInput
from ...inputs import scalars
from .._modes import differentiating
from .mixing import refuse_mixing_values, refuse_unusable_layers


def gradient_norms(network: Module, points: Tensor) -> Tensor:
    """Norms of a critic's gradient at points (n, ...), one for each: (n,), in float32 at least.

    Differentiable in the weights; under ``no_grad`` and in inference mode the norms are there all the same, as numbers.

    Parameters
    ----------
    network : Module or callable
        (n, ...) to n values, each of which depends on its own point only: a mean over the batch would make gradients n times too
        short, and attention or normalisation over the batch mixes them. At a critic's first call that is tried, by three more passes each way.
    points : Tensor
        (n, ...).

    Raises
    ------
    InvalidInput
        If anything else than n values comes back, or values that cannot be differentiated, for batch normalisation in training, weights built
        under ``torch.inference_mode``, and values that change with other points, with a derivative in them or without; the last is not tried
        under ``torch.func`` and compilation.

    References
    ----------
    Gulrajani et al., "Improved training of Wasserstein GANs", 2017, section 4: no batch normalisation in the critic.

    Examples
    --------
    >>> gradient_norms(lambda z: 3 * z[:, 0], torch.zeros(2, 5))
    tensor([3., 3.])
    """
    if not callable(network) or isinstance(network, type):
        raise InvalidInput(
            f"critic must be a module or a function of points; received {scalars.told(network)}; pass what critics.fit trains, or your own"
        )
    if not isinstance(points, Tensor) or not points.is_floating_point() or points.ndim < 1 or 0 in points.shape[1:]:
        raise InvalidInput(
            f"points must be a tensor of floats, one point a row; received {scalars.told(points)}; use torch.as_tensor"
        )
    refuse_unusable_layers(network)
    wanted = torch.is_grad_enabled()
    with differentiating():
        slopes = _slopes(network, points.detach(), wanted)
        slopes = slopes.flatten(1) if slopes.ndim > 1 else slopes[:, None]
        slopes = slopes if slopes.element_size() >= 4 else slopes.float()  # squares of halves end at 65504 and at 6e-8
        norms = _lengths(slopes)
    return norms if wanted else norms.detach()


def _lengths(slopes: Tensor) -> Tensor:
    """Of vectors (n, k), in units of their largest entries, whose squares are floats; derivatives are 0 at 0."""
    largest = slopes.detach().abs().amax(dim=1)
    unit = largest.where((largest > 0) & largest.isfinite(), 1.0)
    return (slopes / unit[:, None]).square().sum(dim=1).clamp_min(1e-24).sqrt() * unit


def _slopes(network: Module, points: Tensor, wanted: bool) -> Tensor:
    """Derivatives of each point's value, (n, ...)."""
    if torch.compiler.is_compiling() or _is_transformed(points):
        return func.grad(lambda z: _values(network, z).sum())(points)
    points = points.clone().requires_grad_()
    values = _values(network, points)
    refuse_mixing_values(network, values, points)
    found: Any = torch.autograd.grad(values.sum(), points, create_graph=wanted, allow_unused=True)
    if found[0] is None:
        _refuse_constants()
    return found[0]


def _is_transformed(points: Tensor) -> bool:
    """Whether a transform of torch.func is at work, under which no tensor may be told to require gradients."""
    try:
        points.clone().requires_grad_()
    except RuntimeError:
        return True
    return False


def _values(network: Module, points: Tensor) -> Tensor:
    """A critic's values, one a point."""
    values = network(points)
    _check_values(values, len(points))
    return values


def _check_values(values: Tensor, count: int) -> None:
    if not isinstance(values, Tensor) or values.numel() != count or (values.ndim > 0 and len(values) != count):
        received = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
        raise InvalidInput(
            f"critic must return one value a point, shape ({count},) or ({count}, 1); received {received}; take means "
            f"outside of it"
        )
    if not values.requires_grad:  # under a transform, also of values that are made of weights alone
        _refuse_constants()


def _refuse_constants() -> NoReturn:
    raise InvalidInput(
        "critic must be differentiable in its points; received values without a derivative in them; use the points in it, and neither "
        "no_grad nor detach"
    )
