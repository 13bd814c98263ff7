"""Sliced Wasserstein losses: means over directions of transport on the line, by sorting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from . import _ops
from ._inputs import Batch, batch, checked_reduction, options, powered, reduced, within_reach


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
        A number, or (B,), differentiable in points and weights to any order. Computed in double precision, around the middle of the
        clouds and in the scale of the largest step; masses that end together are seen to, as in :func:`otgen.wasserstein`.

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
    lines = _drawn(n_projections, given.x) if directions is None else directions
    one, other = _projected(given, lines.double())
    if a is None and b is None and one.shape[-1] == other.shape[-1]:
        gaps = one.sort(dim=-1).values - other.sort(dim=-1).values
        widths = torch.full_like(gaps[..., :1], 1.0 / gaps.shape[-1])
    else:
        gaps, widths = _on_the_line(one, other, given, a, b)
    out = _mean_power(gaps, widths, p, root=root)
    return reduced(out, given.single, reduction).to(given.x.dtype)


def _projected(given: Batch, lines: Tensor) -> tuple[Tensor, Tensor]:
    """Clouds (B, n, d) around their middle, along lines (L, d): (B, L, n), in double precision, so that no origin costs a digit."""
    one, other = within_reach(given.x, given.a).double(), within_reach(given.y, given.b).double()
    middle = sum(
        (w.detach().double()[..., None] * z.detach()).sum(-2, keepdim=True)
        for z, w in ((one, given.a), (other, given.b))
    )
    with torch.autocast(given.x.device.type, enabled=False):
        first, second = (torch.einsum("ld,...nd->...ln", lines, z - middle / 2) for z in (one, other))
    return first, second


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


def _on_the_line(x: Tensor, y: Tensor, given: Batch, a: Tensor | None, b: Tensor | None) -> tuple[Tensor, Tensor]:
    """Steps between weighted points (B, L, n) and (B, L, m) of lines, and their widths: (B, L, n + m) each.

    Which masses meet, and the widths, are exact; their derivatives are those of the two cumulative sums, in the order that was found.
    """
    n, m = x.shape[-1], y.shape[-1]
    (x, at_x), (y, at_y) = x.sort(dim=-1, stable=True), y.sort(dim=-1, stable=True)
    of_x, of_y = (
        w.double()[..., None, :].expand(at.shape).gather(-1, at) for w, at in ((given.a, at_x), (given.b, at_y))
    )
    if a is None and b is None:
        passed, widths = _ops.stairs(x.new_ones(n), y.new_ones(m))
        passed, widths = (z.expand(*x.shape[:-1], n + m) for z in (passed, widths))
    else:
        received = (  # not yet divided by their sums, which would round them
            torch.ones_like(at, dtype=torch.float64)
            if w is None
            else w.detach().double().reshape(like.shape)[..., None, :].expand(at.shape).gather(-1, at)
            for w, at, like in ((a, at_x, given.a), (b, at_y, given.b))
        )
        passed, widths = _ops.stairs(*received)
    rest = torch.arange(n + m, device=x.device) - passed
    row, column = passed.clamp(max=n - 1), rest.clamp(max=m - 1)
    ends_x = torch.diff(passed, dim=-1, append=passed.new_full((*passed.shape[:-1], 1), n)) > 0
    levels = torch.where(ends_x, of_x.cumsum(-1).gather(-1, row), of_y.cumsum(-1).gather(-1, column))
    moving = torch.diff(levels, dim=-1, prepend=torch.zeros_like(levels[..., :1]))
    return x.gather(-1, row) - y.gather(-1, column), widths + (moving - moving.detach())


def _mean_power(gaps: Tensor, widths: Tensor, p: float, *, root: bool) -> Tensor:
    """The mean over lines of ``sum widths |gaps|^p``, or its p-th root: (B, L, k) to (B,).

    In units of the largest gap that has mass, a power of two: what is small beside it may vanish, what is large does not.
    """
    sizes = torch.where(widths > 0, gaps, 0.0).detach().abs().amax((-2, -1), keepdim=True)
    mantissa = torch.frexp(sizes).mantissa
    unit = torch.where((sizes > 0) & (sizes < torch.inf), sizes / mantissa, 1.0)
    steps = (gaps / unit).abs()
    steps = torch.where(widths > 0, steps, steps.clamp(max=1e300 ** (1 / p)))  # 0 times infinity would be NaN
    mean = (widths * (steps * steps if p == 2 else powered(steps, p))).sum(-1).mean(-1)
    unit = unit[..., 0, 0]
    return unit * powered(mean, 1 / p) if root else unit**p * mean


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
