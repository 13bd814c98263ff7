"""The maximum mean discrepancy of a whole batch whose rows live on many processes, which share the pairs by rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Floats
from .._modes import differentiating
from ..mmd import Kernel, checked_scales, kernel_values, squared_distances
from ._shards import Given, Side

_HELD = 2**22  # pairs at once


def mmd_loss(
    x: Tensor,
    y: Tensor,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    y_sharded: bool = False,
    kernel: Kernel = "energy",
    scale: float | Sequence[float] = 1.0,
    unbiased: bool = False,
    averaged: bool = True,
    group: Any = None,
) -> Tensor:
    """:func:`otgen.nn.mmd_loss` between all rows of x and all of y, wherever they are.

    Parameters
    ----------
    x, y, x_mask, y_mask, y_sharded, averaged, group
        As in :func:`otgen.nn.distributed.sinkhorn_loss`.
    kernel, scale, unbiased
        As in :func:`otgen.nn.mmd_loss`.

    Returns
    -------
    Tensor
        The loss, a number, the same on every process, with gradients as in :func:`otgen.nn.distributed.sinkhorn_loss`. Every process holds all
        points, and computes its rows of the pairs, some at a time.

    Raises
    ------
    InvalidInput
        On every process, if the input of any is malformed, or y or an option differs.

    References
    ----------
    Gretton et al., "A kernel two-sample test", 2012, lemma 6.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> import torch.distributed as dist
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
    ...     found = mmd_loss(torch.zeros(2, 1), torch.ones(3, 1))
    ...     dist.destroy_process_group()
    >>> found
    tensor(2.)
    """

    def options() -> tuple[Any, ...]:
        scalars.one_of(kernel, "kernel", get_args(Kernel))
        return kernel, checked_scales(scale), scalars.flag(unbiased, "unbiased")

    clouds, (_, scales, apart) = Given(*(x, y, x_mask, y_mask, y_sharded, averaged, "mmd_loss"), options).agreed(group)
    one, other, n, m = clouds.x, clouds.y, clouds.x.count, clouds.y.count
    if apart and min(n, m) < 2:
        raise InvalidInput(
            f"x and y must each have two points for an unbiased estimate; received {n} and {m}; pass unbiased=False"
        )
    middle = (one.everyone.mean(0) + other.everyone.mean(0)) / 2
    shares = [1.0 / (n * (n - apart)), 1.0 / (m * (m - apart)), -2.0 / (n * m)]

    def rows() -> tuple[Floats, Floats, Floats]:
        kernels = kernel, scales, middle
        (of_one, in_one), (of_other, in_other) = (_sums(side, side, *kernels, apart=apart) for side in (one, other))
        across, in_x = _sums(one, other, *kernels)
        in_y = _sums(other, one, *kernels)[1] if clouds.of_y else np.zeros(other.held.shape)
        values = np.array([of_one, of_other, across])
        return values, 2 * shares[0] * in_one + shares[2] * in_x, 2 * shares[1] * in_other + shares[2] * in_y

    values, of_x, of_y = clouds.processes.together(rows)
    value = float(clouds.processes.summed(values) @ shares)
    return clouds.loss(value if apart else max(value, 0.0), of_x, of_y if clouds.of_y else None)


def _sums(
    side: Side, other: Side, kernel: Kernel, scales: Sequence[float], middle: Floats, *, apart: bool = False
) -> tuple[float, Floats]:
    """``sum_ij k(x_i, y_j)`` over this process's rows i and all j, and its gradient in these rows; ``apart`` leaves a point and itself out."""
    device = side.rows.device
    total, slopes = 0.0, np.empty(side.held.shape)
    with differentiating():
        columns = torch.from_numpy(other.everyone - middle).to(device)
        step = max(1, _HELD // len(columns))
        for start in range(0, len(side.held), step):
            some = slice(start, start + step)
            rows = torch.from_numpy(side.held[some] - middle).to(device).requires_grad_()
            values = kernel_values(squared_distances(rows, columns), kernel, scales)
            if apart:
                at = torch.arange(len(rows), device=device)
                values = values.index_put((at, at + side.own.start + start), values.new_zeros(()))
            part = values.sum()
            (slope,) = torch.autograd.grad(part, rows)
            total += float(part.detach())
            slopes[some] = slope.cpu().numpy()
    return total, slopes
