"""Maximum mean discrepancies: the penalty of Wasserstein auto-encoders, and the limit of Sinkhorn divergences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from ._inputs import (
    Batch,
    Reduction,
    batch,
    checked_reduction,
    common,
    not_negative,
    options,
    reduced,
    within_reach,
)
from ._modes import holds

Kernel = Literal["energy", "imq", "gaussian"]
_FAR = 2.0**500  # squares of coordinates up to here, and sums of many, are floats
_FAR_UNIT = 2.0**600  # of all floats in this unit, too


def mmd_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    kernel: Kernel = "energy",
    scale: float | Sequence[float] = 1.0,
    unbiased: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared maximum mean discrepancy :math:`E k(x, x') - 2 E k(x, y) + E k(y, y')`.

    Parameters
    ----------
    x, y, a, b, x_mask, y_mask, reduction
        As in :func:`otgen.nn.wasserstein_loss`.
    kernel : {"energy", "imq", "gaussian"}
        ``-|x - y|`` (then this is the energy distance), ``s / (s + |x - y|^2)``, or ``exp(-|x - y|^2 / (2 s^2))``.
    scale : float or sequence of float
        s, above; kernels of several scales are added. The energy kernel has none.
    unbiased : bool
        Whether pairs of a point with itself are left out: the mean over samples is then the discrepancy of the laws, but a
        value may be negative, and each cloud needs two points of positive weight.

    Returns
    -------
    Tensor
        A number, or (B,), differentiable backwards to any order. Computed in double precision, and without ``unbiased`` never negative; holds
        a few arrays (B, n, m).

    Raises
    ------
    InvalidInput, MassMismatch
        On malformed input.

    References
    ----------
    Gretton et al., "A kernel two-sample test", 2012, lemma 6; Tolstikhin et al., "Wasserstein auto-encoders", 2018, section 3;
    "From OT to generative modeling: the VEGAN cookbook", the MMD penalty.

    Examples
    --------
    >>> import torch
    >>> mmd_loss(torch.zeros(2, 1), torch.ones(3, 1)).item()
    2.0
    """
    scalars.one_of(kernel, "kernel", get_args(Kernel))
    reduction = checked_reduction(reduction)
    sizes, unbiased = checked_scales(scale), scalars.flag(unbiased, "unbiased")
    given = batch(x, y, a, b, x_mask, y_mask)
    if unbiased and not all(holds((weights > 0).sum(-1) > 1) for weights in (given.a, given.b)):
        raise InvalidInput(
            "x and y must each have two points of positive weight for an unbiased estimate; received one; pass unbiased=False"
        )
    one, other, of_one, of_other, unit = _centred(given, kernel)
    own = _mean(one, one, of_one, of_one, kernel, sizes, apart=unbiased)
    others = _mean(other, other, of_other, of_other, kernel, sizes, apart=unbiased)
    across = _mean(one, other, of_one, of_other, kernel, sizes, apart=False)
    out = own - 2 * across + others
    out = unit * out if kernel == "energy" else out  # others are 0 where squares are no floats
    return reduced(out if unbiased else not_negative(out), given.single, reduction).to(given.x.dtype)


def _centred(given: Batch, kernel: Kernel) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Clouds around their common middle, weights, and the unit of the clouds, in double precision: no digit is lost to the origin.

    Where one cloud is that of all problems, so is the middle, and pairs of its points are computed once.
    """
    of_one, of_other = given.a, given.b
    shared = [common(w, z) for z, w in ((given.x, of_one), (given.y, of_other))]
    one, other = (within_reach(z, w).double() for z, w in zip((given.x, given.y), shared))
    unit = far_unit(one.detach(), other.detach())
    one, other = (one / unit, other / unit) if kernel == "energy" else (one, other)
    sides = [(w[..., None] * z).detach().sum(-2, keepdim=True) for z, w in zip((one, other), shared)]
    fewest = [side for side in sides if len(side) == min(map(len, sides))]
    middle = sum(fewest[1:], fewest[0]) / len(fewest)
    middle = middle if kernel == "energy" else torch.where(unit > 1, 0.0, middle)
    return one - middle, other - middle, of_one, of_other, unit


def far_unit(*clouds: Tensor) -> Tensor:
    """What clouds (B, n, d) are divided by so that sums of squares are floats: 1 nearly always."""
    each = [z.abs().amax((-2, -1)) for z in clouds]  # of no problem at all there is none
    largest = torch.cat([each[0].new_zeros(1), *each]).amax()
    return torch.where(largest > _FAR, torch.full_like(largest, _FAR_UNIT), torch.ones_like(largest))


def checked_scales(scale: Any) -> list[float]:
    """One scale or several."""
    scales = tuple(scale) if isinstance(scale, Sequence) and not isinstance(scale, str) else (scale,)
    if not scales:
        raise InvalidInput("scale must hold at least one number; received none; use the size of typical distances")
    return [scalars.positive(s, "scale", "use the size of typical distances") for s in scales]


def _mean(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, kernel: Kernel, scales: Sequence[float], *, apart: bool
) -> Tensor:
    """``sum a_i b_j k(x_i, y_j)``, (B,); with ``apart`` over pairs of two different points."""
    squares = squared_distances(x, y.clone() if y is x else y)  # compilers do not take one tensor twice
    values = kernel_values(squares, kernel, scales)
    if not apart:
        return (a * _applied(values, b)).sum(-1)
    others = 1.0 - torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    whole = (a * _applied(others[None], b)).sum(-1)
    return (a * _applied(others * values, b)).sum(-1) / whole


def _applied(values: Tensor, b: Tensor) -> Tensor:
    """``sum_j values_ij b_j``, (B, n), of values (B, n, m), or (1, n, m) of which no copies are made."""
    return b @ values[0].mT if len(values) == 1 else (values @ b[..., None])[..., 0]


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared distances (..., n, m) of points (..., n, d) and (..., m, d), differentiable backwards to any order."""
    apply: Callable[..., Any] = _Squares.apply
    return apply(x, y)


class _Squares(torch.autograd.Function):
    """Squared distances (..., n, m) of points (..., n, d) and (..., m, d), by differences, without an array of all of them."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        """Distances, squared: exact to two roundings, 0 between equal points."""
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep the points alone."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        """``2 sum_j g_ij (x_i - y_j)``, as products, which can be differentiated again."""
        (x, y), g = ctx.saved_tensors, incoming[0]
        in_x = 2 * (g.sum(-1)[..., None] * x - g @ y)
        return in_x, 2 * (g.sum(-2)[..., None] * y - g.mT @ x)


def kernel_values(squares: Tensor, kernel: Kernel, scales: Sequence[float]) -> Tensor:
    """Kernel values of squared distances."""
    if kernel == "energy":
        zero = squares == 0
        return -torch.where(zero, 0.0, torch.where(zero, 1.0, squares).sqrt())
    if kernel == "imq":
        return sum((s / (s + squares) for s in scales), torch.zeros_like(squares))
    return sum((torch.exp(-squares / (2 * s * s)) for s in scales), torch.zeros_like(squares))


class MMDLoss(torch.nn.Module):
    """The squared maximum mean discrepancy of a kernel between clouds (n, d) or stacks (B, n, d): :func:`mmd_loss` as a module.

    Parameters
    ----------
    kernel, scale, unbiased, reduction
        As in :func:`mmd_loss`.

    Examples
    --------
    >>> import torch
    >>> round(MMDLoss("gaussian")(torch.zeros(2, 1), torch.ones(3, 1)).item(), 4)
    0.7869
    """

    def __init__(
        self,
        kernel: Kernel = "energy",
        scale: float | Sequence[float] = 1.0,
        unbiased: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        scalars.one_of(kernel, "kernel", get_args(Kernel))
        self.kernel: Kernel = kernel
        self.scale, self.unbiased = scale, scalars.flag(unbiased, "unbiased")
        self.reduction: Reduction = checked_reduction(reduction)
        checked_scales(scale)

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
        return mmd_loss(
            x,
            y,
            a,
            b,
            x_mask=x_mask,
            y_mask=y_mask,
            kernel=self.kernel,
            scale=self.scale,
            unbiased=self.unbiased,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return options(kernel=self.kernel, scale=self.scale, unbiased=self.unbiased, reduction=self.reduction)
