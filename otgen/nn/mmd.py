"""Maximum mean discrepancies: the penalty of Wasserstein auto-encoders, and the limit of Sinkhorn divergences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from ._inputs import batch, checked_reduction, options, powered, reduced

KERNELS = ("energy", "imq", "gaussian")


def mmd_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    kernel: str = "energy",
    scale: float | Sequence[float] = 1.0,
    unbiased: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""Squared maximum mean discrepancy :math:`E k(x, x') - 2 E k(x, y) + E k(y, y')`.

    Parameters
    ----------
    x, y, a, b, reduction
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
        A number, or (B,), differentiable to any order; holds a few arrays (B, n, m, d).

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
    scalars.one_of(kernel, "kernel", KERNELS)
    reduction = checked_reduction(reduction)
    sizes = _sizes(scale)
    given = batch(x, y, a, b)
    if unbiased and min(given.x.shape[-2], given.y.shape[-2]) < 2:
        raise InvalidInput("unbiased estimates need two points a cloud; received one; pass unbiased=False")
    own = _mean(given.x, given.x, given.a, given.a, kernel, sizes, apart=unbiased)
    others = _mean(given.y, given.y, given.b, given.b, kernel, sizes, apart=unbiased)
    across = _mean(given.x, given.y, given.a, given.b, kernel, sizes, apart=False)
    return reduced(own - 2 * across + others, given.single, reduction)


def _sizes(scale: Any) -> list[float]:
    """One scale or several."""
    scales = tuple(scale) if isinstance(scale, Sequence) and not isinstance(scale, str) else (scale,)
    if not scales:
        raise InvalidInput("scale must hold at least one number; received none")
    return [scalars.positive(s, "scale", "use the size of typical distances") for s in scales]


def _mean(x: Tensor, y: Tensor, a: Tensor, b: Tensor, kernel: str, scales: Sequence[float], *, apart: bool) -> Tensor:
    """``sum a_i b_j k(x_i, y_j)``, (B,); with ``apart`` over pairs of two different points."""
    steps = x[..., :, None, :] - y[..., None, :, :]
    squares, weights = (steps * steps).sum(-1), a[..., :, None] * b[..., None, :]
    values = _kernel(
        squares.where((weights != 0) | squares.isfinite(), 0.0), kernel, scales
    )  # padding may lie anywhere
    if apart:
        weights = weights * (1.0 - torch.eye(a.shape[-1], dtype=a.dtype, device=a.device))
        weights = weights / weights.sum((-2, -1), keepdim=True)
    return (weights * values).sum((-2, -1))


def _kernel(squares: Tensor, kernel: str, scales: Sequence[float]) -> Tensor:
    """Kernel values of squared distances."""
    if kernel == "energy":
        return -powered(squares, 0.5)
    if kernel == "imq":
        return sum((s / (s + squares) for s in scales), torch.zeros_like(squares))
    return sum((torch.exp(-squares / (2 * s * s)) for s in scales), torch.zeros_like(squares))


class MMDLoss(torch.nn.Module):
    """:func:`mmd_loss` as a module.

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
        kernel: str = "energy",
        scale: float | Sequence[float] = 1.0,
        unbiased: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.kernel, self.scale, self.unbiased = scalars.one_of(kernel, "kernel", KERNELS), scale, unbiased
        self.reduction = checked_reduction(reduction)
        _sizes(scale)

    def forward(self, x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """The loss between clouds x and y with weights a and b."""
        return mmd_loss(
            x, y, a, b, kernel=self.kernel, scale=self.scale, unbiased=self.unbiased, reduction=self.reduction
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return options(kernel=self.kernel, scale=self.scale, unbiased=self.unbiased, reduction=self.reduction)
