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
from .._inputs import within_reach
from .._modes import differentiating
from ..mmd import Kernel, checked_scales, far_unit, kernel_values, squared_distances
from ._shards import Given, Side

_HELD = 2**22  # pairs at once


def mmd_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
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
    a, b : Tensor, optional
        Weights of these rows: (n,) for this process's x; for y (m,), the same on every process, or with ``y_sharded`` those of this process's
        rows. Non-negative, of one total over all processes, by which they are divided; they have gradients as the rows do. None means that all rows
        weigh the same, on every process or on none.
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
        On every process, if the input of any is malformed, or y, b or an option differs.
    MassMismatch
        On every process, if totals differ.

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

    clouds, (_, scales, apart) = Given(*(x, y, a, b, x_mask, y_mask, y_sharded, averaged, "mmd_loss"), options).agreed(
        group
    )
    one, other = _Cloud(clouds.x), _Cloud(clouds.y)
    if apart and min(one.present, other.present) < 2:
        raise InvalidInput(
            f"x and y must each have two points of positive weight for an unbiased estimate; received {one.present} and {other.present}; "
            "pass unbiased=False"
        )
    middle = one.centre / 2 + other.centre / 2
    both = clouds.of_y or b is not None

    def rows() -> tuple[_Rows, _Rows, _Rows, _Rows]:
        kernels = kernel, scales, middle
        none = np.zeros(len(other.own)), np.zeros(other.own.shape)
        return (
            _sums(one, one, *kernels, apart=apart),
            _sums(other, other, *kernels, apart=apart),
            _sums(one, other, *kernels),
            _sums(other, one, *kernels) if both else none,
        )

    within_x, within_y, across_x, across_y = clouds.processes.together(rows)
    shares = (one.of_pairs, other.of_pairs, 1.0) if apart else (1.0, 1.0, 1.0)
    parts = [one.mine @ within_x[0], other.mine @ within_y[0], one.mine @ across_x[0]]
    own, others, between = (float(v) for v in clouds.processes.summed(np.array(parts)) / shares)
    value = own - 2 * between + others
    of_x = 2 * one.mine[:, None] * (within_x[1] / shares[0] - across_x[1])
    of_y = 2 * other.mine[:, None] * (within_y[1] / shares[1] - across_y[1])
    sides = (
        (one, a, within_x[0] / shares[0] - apart * own * one.others / shares[0] - across_x[0]),
        (other, b, within_y[0] / shares[1] - apart * others * other.others / shares[1] - across_y[0]),
    )
    of_a, of_b = (None if given is None else cloud.of_weights(2 * slope) for cloud, given, slope in sides)
    return clouds.loss(value if apart else max(value, 0.0), of_x, of_y if clouds.of_y else None, of_a, of_b)


class _Cloud:
    """One cloud and its weights, on the host."""

    def __init__(self, side: Side) -> None:
        self.side, self.masses = side, side.masses
        self.mine = self.masses[side.own]
        reached = within_reach(torch.from_numpy(side.everyone), torch.from_numpy(self.masses))
        self.everyone: Floats = reached.numpy()
        self.own = self.everyone[side.own]
        self.centre: Floats = self.masses @ self.everyone
        self.present = int((self.masses > 0).sum())
        before = np.concatenate([[0.0], np.cumsum(self.masses)[:-1]])
        after = np.concatenate([np.cumsum(self.masses[::-1])[::-1][1:], [0.0]])
        self._others: Floats = before + after  # no digit is lost where one point has nearly all
        self.others: Floats = self._others[side.own]

    @property
    def of_pairs(self) -> float:
        """What pairs of two different points weigh."""
        return float(self.masses @ self._others)

    def of_weights(self, slope: Floats) -> Floats:
        """Derivatives in all weights (n,) of total 1 from those in the weights here, along changes of no total."""
        whole = self.side.processes.gathered(slope[:, None], self.side.counts)[:, 0]
        return whole - self.masses @ whole


_Rows = tuple[Floats, Floats]


def _sums(
    cloud: _Cloud, other: _Cloud, kernel: Kernel, scales: Sequence[float], middle: Floats, *, apart: bool = False
) -> _Rows:
    """``sum_j b_j k(x_i, y_j)`` for this process's rows i, over all j, and their derivatives; ``apart`` leaves a point and itself out."""
    device = cloud.side.rows.device
    sums, slopes = np.empty(len(cloud.own)), np.empty(cloud.own.shape)
    with differentiating():
        one, every = torch.from_numpy(cloud.everyone), torch.from_numpy(other.everyone)
        unit = float(far_unit(one[None], every[None])) if kernel == "energy" else 1.0
        columns = torch.from_numpy(other.everyone / unit - middle / unit).to(device)
        weights = torch.from_numpy(other.masses.copy()).to(device)
        step = max(1, _HELD // len(columns))
        for start in range(0, len(cloud.own), step):
            some = slice(start, start + step)
            rows = torch.from_numpy(cloud.own[some] / unit - middle / unit).to(device).requires_grad_()
            values = kernel_values(squared_distances(rows, columns), kernel, scales)
            if apart:
                at = torch.arange(len(rows), device=device)
                values = values.index_put((at, at + cloud.side.own.start + start), values.new_zeros(()))
            part = values @ weights
            (slope,) = torch.autograd.grad(part.sum(), rows)
            sums[some] = part.detach().cpu().numpy() * unit  # an energy is of the points' unit, its slopes of none
            slopes[some] = slope.cpu().numpy()
    return sums, slopes
