"""Sliced Wasserstein losses: means over directions of transport on the line, by sorting.

Points are moved to around 0 before they are projected, and weights are added up in double precision, or as whole numbers
where they are uniform: what the points' dtype rounds would be mass that travels from one end to the other.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Design
from ._directions import DESIGNS, drawn
from ._inputs import Reduction, batch, checked_reduction, common, options, powered, real_and_dense, reduced
from ._masks import filled
from ._modes import keeping_dtype, spared

_FEW = 100  # points whose median is the centre


def sliced_wasserstein_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    p: float = 2,
    n_projections: int = 100,
    directions: Tensor | Design | None = None,
    root: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Mean over directions of :math:`W_p^p` of the projections, or with ``root`` its p-th root.

    Parameters
    ----------
    x, y, a, b, x_mask, y_mask, root, reduction
        As in :func:`otgen.nn.wasserstein_loss`; the sizes of x and y may differ.
    p : float
        Order, in [1, inf).
    n_projections : int
        How many directions are drawn, from torch's global generator, anew at every call.
    directions : Tensor or {"independent", "orthogonal", "quasi-random"}, optional
        (L, d), to be used in place of these, as they are; or how they are drawn, independently unless said otherwise: in orthogonal
        blocks of d, or as a scrambled Sobol sequence, which make the loss vary less between calls, with the same mean.

    Returns
    -------
    Tensor
        A number, or (B,), differentiable in points and weights to any order. Points without mass change nothing, wherever
        they lie.

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
    given = batch(x, y, a, b, x_mask, y_mask)
    checked = checked_directions(directions)
    if isinstance(checked, Tensor) and checked.shape[-1] != given.x.shape[-1]:
        raise InvalidInput(
            f"directions must be (L, {given.x.shape[-1]}), one row each; received {tuple(checked.shape)}; transpose or reshape it"
        )
    lines = checked.to(given.x.dtype) if isinstance(checked, Tensor) else drawn(checked, n_projections, given.x)
    of_x, of_y = (_shares(w, mask, held) for w, mask, held in ((a, x_mask, given.a), (b, y_mask, given.b)))
    shared = len(given.x) > len(given.y)  # one y for all problems stays one
    centre = _centre(given.y, of_y) if shared else _centre(given.x, of_x)
    one, other = (_projected(z - centre, lines) for z in (given.x, given.y))
    gaps, widths = _steps(one, other, of_x, of_y, p)
    unit = _largest(gaps, widths) if root else None
    powers = _powered(gaps if unit is None else gaps / unit, p)
    costs = powers.mean(-1) if widths is None else (widths.to(powers.dtype) * powers).sum(-1)
    out = costs.mean(-1)
    return reduced(out if unit is None else powered(out, 1 / p) * unit[..., 0, 0], given.single, reduction)


def checked_directions(directions: Any) -> Tensor | str:
    """Directions (L, d), or how they are to be drawn."""
    if directions is None:
        return "independent"
    if isinstance(directions, str):
        return scalars.one_of(directions, "directions", DESIGNS)
    if not isinstance(directions, Tensor) or not directions.is_floating_point():
        raise InvalidInput(
            f"directions must be a tensor of floats; received {type(directions).__name__}; use torch.as_tensor"
        )
    real_and_dense(directions, "directions")
    if directions.ndim != 2 or 0 in directions.shape:
        raise InvalidInput(
            f"directions must be (L, d), one row each; received {tuple(directions.shape)}; transpose or reshape it"
        )
    return directions


def _projected(points: Tensor, lines: Tensor) -> Tensor:
    """Points (B, n, d) along directions (L, d): (B, L, n)."""
    return torch.einsum("ld,...nd->...ln", spared(lines), spared(points)).to(points.dtype)


def _powered(gaps: Tensor, p: float) -> Tensor:
    """``|gap| ** p`` with derivatives 0 at 0."""
    return gaps * gaps if p == 2 else powered(gaps.abs(), p)


def _shares(weights: Tensor | None, mask: Tensor | None, like: Tensor) -> Tensor | None:
    """Weights (B, n) divided by their sums, in double precision and 0 at padding; None where uniform."""
    if weights is None and mask is None:
        return None
    held = torch.ones_like(like, dtype=torch.float64) if weights is None else weights.double().expand(like.shape)
    held = held if mask is None else held.where(mask, 0.0)
    return held / held.sum(-1, keepdim=True)


def _centre(x: Tensor, shares: Tensor | None) -> Tensor:
    """Where most of some points with mass are: (B, 1, d), a constant."""
    held = x.detach() if shares is None else filled(x.detach(), common(shares.detach(), x) > 0)
    held = held[..., :: 1 + x.shape[-2] // _FEW, :]
    return held.nanmedian(dim=-2, keepdim=True).values.nan_to_num(0.0, 0.0, 0.0) if len(x) else held[..., :1, :]


def _largest(gaps: Tensor, widths: Tensor | None) -> Tensor:
    """The largest gap that mass crosses, of each cloud: (B, 1, 1), a constant; 1 where it is no positive number."""
    held = gaps.detach().abs() if widths is None else gaps.detach().abs().where(widths.detach() > 0, 0.0)
    largest = held.amax((-2, -1), keepdim=True) if len(held) else held[..., :1, :1]
    return largest.where((largest > 0) & largest.isfinite(), 1.0)


def _steps(x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None, p: float) -> tuple[Tensor, Tensor | None]:
    """Gaps (B, L, k) of the monotone coupling of points on lines, (B, L, n) and (B, L, m), and the shares that cross them.

    Shares are None where all are alike. Breakpoints of the two sides that agree but for rounding do agree.
    """
    n, m = x.shape[-1], y.shape[-1]
    if a is not None or b is not None:
        return _weighted_steps(x, y, a, b, p)
    x, y = x.sort(dim=-1).values, y.sort(dim=-1).values
    if n == m:
        return x - y, None
    each = (torch.arange(1, size + 1, device="cpu") * other for size, other in ((n, m), (m, n)))
    levels = torch.cat(list(each)).unique()  # of whole numbers, in order
    below = torch.cat([levels.new_zeros(1), levels[:-1]])
    at, to = (below // m).to(x.device), (below // n).to(x.device)
    return x[..., at] - y[..., to], ((levels - below).double() / (n * m)).to(x.device)


def _weighted_steps(x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None, p: float) -> tuple[Tensor, Tensor]:
    """The same of weights (B, n) and (B, m): the levels of both quantile functions in one order."""
    n, m = x.shape[-1], y.shape[-1]
    sizes = [len(z) for z in (x, y, a, b) if z is not None]
    size = max(sizes) if all(sizes) else 0
    (x, of_x), (y, of_y) = _quantiles(x, a, size), _quantiles(y, b, size)
    levels, order = torch.cat([of_x, of_y], dim=-1).sort(dim=-1, stable=True)
    widths = torch.diff(levels, dim=-1, prepend=torch.zeros_like(levels[..., :1]))
    rounding = widths.detach() <= (n + m + 4) * 2.0**-53
    widths = torch.where(rounding, widths - widths.detach(), widths)  # no mass, but derivatives
    from_x = (order < n).to(torch.int64)
    passed = from_x.cumsum(-1) - from_x  # atoms of x that end before this level
    rest = torch.arange(n + m, device=x.device) - passed
    x, y = (z.expand(*levels.shape[:-1], z.shape[-1]) for z in (x, y))
    gaps = x.gather(-1, passed.clamp(max=n - 1)) - y.gather(-1, rest.clamp(max=m - 1))
    beyond = rounding & ~(gaps.detach().abs() < torch.finfo(gaps.dtype).max ** (1 / p) / 2)
    return gaps.where(~beyond, 0.0), widths


def _quantiles(points: Tensor, shares: Tensor | None, size: int) -> tuple[Tensor, Tensor]:
    """Points (B, L, n) or (1, L, n) in order, and the mass up to and with each, (B, L, n) for B = ``size``."""
    shape = (size, *points.shape[1:])
    if shares is None:
        n = points.shape[-1]
        levels = torch.arange(1, n + 1, dtype=torch.float64, device=points.device) / n
        return points.sort(dim=-1).values, levels.expand(shape)
    held, at = points.sort(dim=-1, stable=True)
    return held, shares[..., None, :].expand(shape).gather(-1, at.expand(shape)).cumsum(-1)


class SlicedWassersteinLoss(torch.nn.Module):
    """The mean cost along random lines between clouds (n, d) or stacks (B, n, d): :func:`sliced_wasserstein_loss` as a module.

    Parameters
    ----------
    p, n_projections, directions, root, reduction
        As in :func:`sliced_wasserstein_loss`; a tensor of ``directions`` becomes a buffer, which keeps its dtype.

    Examples
    --------
    >>> import torch
    >>> SlicedWassersteinLoss(p=1, directions=torch.ones(1, 1))(torch.zeros(2, 1), torch.ones(2, 1)).item()
    1.0
    """

    directions: Tensor | None
    design: Design

    def __init__(
        self,
        p: float = 2,
        n_projections: int = 100,
        directions: Tensor | Design | None = None,
        root: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        self.p, self.n_projections = scalars.finite_order(p), scalars.count(n_projections, "n_projections")
        self.root = scalars.flag(root, "root")
        self.reduction: Reduction = checked_reduction(reduction)
        checked = checked_directions(directions)
        self.register_buffer("directions", checked if isinstance(checked, Tensor) else None)
        self.design = cast(Design, "independent" if isinstance(checked, Tensor) else checked)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Move directions, which stay what they are: those of halves would be longer or shorter than 1."""
        return super()._apply(keeping_dtype(fn), recurse)

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        a: Tensor | None = None,
        b: Tensor | None = None,
        *,
        x_mask: Tensor | None = None,
        y_mask: Tensor | None = None,
    ) -> Tensor:
        """The loss between clouds x and y with weights a and b, of points that masks let count."""
        return sliced_wasserstein_loss(
            x,
            y,
            a,
            b,
            x_mask=x_mask,
            y_mask=y_mask,
            p=self.p,
            n_projections=self.n_projections,
            directions=self.design if self.directions is None else self.directions,
            root=self.root,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        design = {} if self.design == "independent" else {"directions": self.design}
        return options(p=self.p, n_projections=self.n_projections, **design, root=self.root, reduction=self.reduction)
