"""Sliced Wasserstein losses: means over directions of transport on the line, by sorting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from ._inputs import batch, checked_reduction, options, powered, reduced


def sliced_wasserstein_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    p: float = 2,
    n_projections: int = 100,
    directions: Tensor | None = None,
    root: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""Mean over directions of :math:`W_p^p` of the projections, or with ``root`` its p-th root.

    Parameters
    ----------
    x, y, a, b, root, reduction
        As in :func:`otgen.nn.wasserstein_loss`; the sizes of x and y may differ.
    p : float
        Order, in [1, inf).
    n_projections : int
        How many directions are drawn, from torch's global generator, anew at every call.
    directions : Tensor, optional
        (L, d), to be used in place of these, as they are.

    Returns
    -------
    Tensor
        A number, or (B,), differentiable in points and weights to any order.

    Raises
    ------
    InvalidInput, MassMismatch
        On malformed input.

    References
    ----------
    Bonneel, Rabin, Peyre, Pfister, "Sliced and Radon Wasserstein barycenters of measures", 2015.

    Examples
    --------
    >>> import torch
    >>> axes = torch.eye(2)
    >>> sliced_wasserstein_loss(torch.zeros(3, 2), torch.tensor([[3.0, 4.0]]), directions=axes).item()
    12.5
    """
    p, reduction, root = scalars.finite_order(p), checked_reduction(reduction), scalars.flag(root, "root")
    given = batch(x, y, a, b)
    directions = _checked_directions(directions)
    if directions is not None and directions.shape[-1] != given.x.shape[-1]:
        raise InvalidInput(
            f"directions must be (L, {given.x.shape[-1]}), one row each; received {tuple(directions.shape)}"
        )
    lines = _drawn(n_projections, given.x) if directions is None else directions.to(given.x.dtype)
    with torch.autocast(given.x.device.type, enabled=False):
        one, other = (torch.einsum("ld,...nd->...ln", lines, z) for z in (given.x, given.y))
    if a is None and b is None and one.shape[-1] == other.shape[-1]:
        gaps = one.sort(dim=-1).values - other.sort(dim=-1).values
        costs = _powered(gaps, p).mean(-1)
    else:
        costs = _on_the_line(one, other, given.a[..., None, :], given.b[..., None, :], p)
    out = costs.mean(-1)
    return reduced(powered(out, 1 / p) if root else out, given.single, reduction)


def _checked_directions(directions: Any) -> Tensor | None:
    """Directions (L, d), if any."""
    if directions is None:
        return None
    if not isinstance(directions, Tensor) or not directions.is_floating_point():
        raise InvalidInput(
            f"directions must be a tensor of floats; received {type(directions).__name__}; use torch.as_tensor"
        )
    if directions.ndim != 2 or 0 in directions.shape:
        raise InvalidInput(f"directions must be (L, d), one row each; received {tuple(directions.shape)}")
    return directions


def _drawn(count: int, like: Tensor) -> Tensor:
    """Directions (count, d), uniform on the sphere."""
    count = scalars.count(count, "n_projections")
    normal = torch.randn(count, like.shape[-1], dtype=like.dtype, device=like.device)
    return normal / torch.linalg.vector_norm(normal, dim=-1, keepdim=True)


def _powered(gaps: Tensor, p: float) -> Tensor:
    """``|gap| ** p`` with derivatives 0 at 0."""
    return gaps * gaps if p == 2 else powered(gaps.abs(), p)


def _on_the_line(x: Tensor, y: Tensor, a: Tensor, b: Tensor, p: float) -> Tensor:
    """W_p^p of weighted points on the line, (..., n) and (..., m): the levels of both quantile functions in one order."""
    n, m = x.shape[-1], y.shape[-1]
    (x, at_x), (y, at_y) = x.sort(dim=-1, stable=True), y.sort(dim=-1, stable=True)
    of_x = a.expand(x.shape).gather(-1, at_x).cumsum(-1)
    of_y = b.expand(y.shape).gather(-1, at_y).cumsum(-1)
    levels, order = torch.cat([of_x, of_y], dim=-1).sort(dim=-1, stable=True)
    widths = torch.diff(levels, dim=-1, prepend=torch.zeros_like(levels[..., :1]))
    from_x = (order < n).to(torch.int64)
    passed = from_x.cumsum(-1) - from_x  # atoms of x that end before this level
    rest = torch.arange(n + m, device=x.device) - passed
    gaps = x.gather(-1, passed.clamp(max=n - 1)) - y.gather(-1, rest.clamp(max=m - 1))
    return (widths * _powered(gaps, p)).sum(-1)


class SlicedWassersteinLoss(torch.nn.Module):
    """:func:`sliced_wasserstein_loss` as a module.

    Parameters
    ----------
    p, n_projections, directions, root, reduction
        As in :func:`sliced_wasserstein_loss`; ``directions`` become a buffer.

    Examples
    --------
    >>> import torch
    >>> SlicedWassersteinLoss(p=1, directions=torch.ones(1, 1))(torch.zeros(2, 1), torch.ones(2, 1)).item()
    1.0
    """

    directions: Tensor | None

    def __init__(
        self,
        p: float = 2,
        n_projections: int = 100,
        directions: Tensor | None = None,
        root: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.p, self.n_projections = scalars.finite_order(p), scalars.count(n_projections, "n_projections")
        self.root, self.reduction = root, checked_reduction(reduction)
        self.register_buffer("directions", _checked_directions(directions))

    def forward(self, x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """The loss between clouds x and y with weights a and b."""
        return sliced_wasserstein_loss(
            x,
            y,
            a,
            b,
            p=self.p,
            n_projections=self.n_projections,
            directions=self.directions,
            root=self.root,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return options(p=self.p, n_projections=self.n_projections, root=self.root, reduction=self.reduction)
