"""The sliced loss of a whole batch whose rows live on many processes, which share the directions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.types import Design, Floats
from .. import sliced
from .._directions import drawn
from ._shards import Clouds, Given


def sliced_wasserstein_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    y_sharded: bool = False,
    p: float = 2,
    n_projections: int = 100,
    directions: Tensor | Design | None = None,
    root: bool = False,
    averaged: bool = True,
    group: Any = None,
) -> Tensor:
    """:func:`otgen.nn.sliced_wasserstein_loss` between all rows of x and all of y, wherever they are.

    Parameters
    ----------
    x, y, x_mask, y_mask, y_sharded, averaged, group
        As in :func:`otgen.nn.distributed.sinkhorn_loss`.
    a, b : Tensor, optional
        Weights of these rows: (n,) for this process's x; for y (m,), the same on every process, or with ``y_sharded`` those of this process's
        rows. Non-negative, of one total over all processes, by which they are divided; they have gradients as the rows do. None means that all rows
        weigh the same, on every process or on none.
    p, n_projections, directions, root
        As in :func:`otgen.nn.sliced_wasserstein_loss`. What is drawn is drawn by the first process of the group, from torch's global generator
        there; a tensor must be the same on every process.

    Returns
    -------
    Tensor
        The loss, a number, the same on every process, with gradients as in :func:`otgen.nn.distributed.sinkhorn_loss`. Every process holds all
        points, and sorts along its share of the directions, in double precision.

    Raises
    ------
    InvalidInput
        On every process, if the input of any is malformed, or y, b, an option or a direction differs.
    MassMismatch
        On every process, if totals differ.

    References
    ----------
    Bonneel, Rabin, Peyre, Pfister, "Sliced and Radon Wasserstein barycenters of measures", 2015.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> import torch.distributed as dist
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
    ...     found = sliced_wasserstein_loss(torch.zeros(3, 2), torch.tensor([[3.0, 4.0]]), directions=torch.eye(2))
    ...     dist.destroy_process_group()
    >>> found
    tensor(12.5000)
    """

    def options() -> tuple[Any, ...]:
        checked = sliced.checked_directions(directions)
        lines = checked.detach().cpu().double() if isinstance(checked, Tensor) else None
        if lines is not None and isinstance(y, Tensor) and lines.shape[1:] != y.shape[1:]:
            raise InvalidInput(
                f"directions must be (L, {y.shape[-1]}), one row each; received {tuple(lines.shape)}; transpose or reshape it"
            )
        told = checked if lines is None else lines.numpy().tobytes()
        count = scalars.count(n_projections, "n_projections") if lines is None else len(lines)
        return scalars.finite_order(p), count, told, scalars.flag(root, "root")

    clouds, (order, count, told, rooted) = Given(
        *(x, y, a, b, x_mask, y_mask, y_sharded, averaged, "sliced_wasserstein_loss"), options
    ).agreed(group)
    lines = _lines(told, count, clouds)
    both = np.concatenate([clouds.x.everyone, clouds.y.everyone])
    unit = float(np.ptp(both, axis=0).max()) or 1.0 if rooted else 1.0  # in which powers of distances are floats
    found = clouds.processes.summed(clouds.processes.together(lambda: _part(lines, clouds, order, unit)))
    cost, slopes = float(found[0]) / count, found[1:] / count
    n, m, d = clouds.x.count, clouds.y.count, lines.shape[1]
    of_points, of_a, of_b = np.split(slopes, [(n + m) * d, (n + m) * d + (0 if a is None else n)])
    value, factor = cost, 1.0
    if rooted:
        value = cost ** (1 / order) * unit
        factor = 0.0 if cost == 0 else value / (order * cost)
    of_x, of_y = np.split(of_points.reshape(-1, d) * (factor / unit), [n])
    return clouds.loss(
        value, of_x[clouds.x.own], of_y[clouds.y.own] if clouds.of_y else None, of_a * factor, of_b * factor
    )


def _lines(told: str | bytes, count: int, clouds: Clouds) -> Floats:
    """All directions (L, d)."""
    shape = count, clouds.y.held.shape[1]
    if isinstance(told, bytes):
        return np.frombuffer(told).reshape(shape)
    like = torch.empty(0, shape[1], dtype=torch.float64, device="cpu")
    return clouds.processes.from_first(lambda: drawn(told, count, like).numpy(), shape)


def _part(lines: Floats, clouds: Clouds, p: float, unit: float) -> Floats:
    """The sum of costs along this process's share of the directions, and its gradients in all rows of x and of y, and in weights given."""
    mine = lines[clouds.processes.rank :: clouds.processes.size]
    sides = clouds.x, clouds.y
    if not len(mine):
        weights = (0 if side.weights is None else side.count for side in sides)
        return np.zeros(1 + sum(side.everyone.size for side in sides) + sum(weights))
    directions = torch.from_numpy(mine.copy()).to(clouds.x.rows.device)
    loss = partial(sliced.sliced_wasserstein_loss, p=p, directions=directions)
    return clouds.value_and_slopes(lambda *given: len(mine) * loss(*given), unit)
