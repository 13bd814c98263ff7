"""The exact loss of a whole batch whose rows live on many processes: one of them solves it for all."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from ...inputs import scalars
from ...model.cost import BuiltIn
from .. import losses
from ._shards import Given, checked_cost


def wasserstein_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    y_sharded: bool = False,
    p: float = 2,
    metric: BuiltIn = "euclidean",
    root: bool = False,
    averaged: bool = True,
    group: Any = None,
) -> Tensor:
    """:func:`otgen.nn.wasserstein_loss` between all rows of x and all of y, wherever they are.

    Parameters
    ----------
    x, y, x_mask, y_mask, y_sharded, averaged, group
        As in :func:`otgen.nn.distributed.sinkhorn_loss`.
    a, b : Tensor, optional
        Weights of these rows: (n,) for this process's x; for y (m,), the same on every process, or with ``y_sharded`` those of this process's
        rows. Non-negative, of one total over all processes, by which they are divided; they have gradients as the rows do. None means that all rows
        weigh the same, on every process or on none.
    p, metric, root
        As in :func:`otgen.nn.wasserstein_loss`.

    Returns
    -------
    Tensor
        The loss, a number, the same on every process, with gradients as in :func:`otgen.nn.distributed.sinkhorn_loss`: value and plan are those
        of one process with all rows. The first process of the group solves, on the device of its x; every process holds all points, and
        is told value and gradients, (n + m) d numbers.

    Raises
    ------
    InvalidInput
        On every process, if the input of any is malformed, or y, b or an option differs.
    MassMismatch
        On every process, if totals differ.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> import torch.distributed as dist
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
    ...     found = wasserstein_loss(torch.zeros(2, 1), torch.ones(3, 1))
    ...     dist.destroy_process_group()
    >>> found
    tensor(1.)
    """
    cost = partial(checked_cost, metric, p)
    given = Given(
        *(x, y, a, b, x_mask, y_mask, y_sharded, averaged, "wasserstein_loss"),
        lambda: (*cost(), scalars.flag(root, "root")),
        cost,
    )
    clouds, _ = given.agreed(group)
    n, m, d = clouds.x.count, clouds.y.count, clouds.y.held.shape[1]
    for side in (clouds.x, clouds.y):
        assert len(side.everyone) == side.count  # told by all, before one of them solves
    loss = partial(losses.wasserstein_loss, p=p, metric=metric, root=root)
    sizes = [1, n * d, m * d, 0 if a is None else n, 0 if b is None else m]
    found = clouds.processes.from_first(lambda: clouds.value_and_slopes(loss), (sum(sizes),))
    value, of_x, of_y, of_a, of_b = np.split(found, np.cumsum(sizes)[:-1])
    of_x, of_y = of_x.reshape(n, d)[clouds.x.own], of_y.reshape(m, d)[clouds.y.own]
    return clouds.loss(float(value[0]), of_x, of_y if clouds.of_y else None, of_a, of_b)
