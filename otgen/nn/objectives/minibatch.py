"""What an objective stands for, on the minibatch at hand, exactly: transport between samples, Jensen-Shannon between codes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...distances.exact import wasserstein
from ...distances.result import Result
from ...errors import InvalidInput
from ...model.cost import Metric


def transport(real: Tensor, fake: Tensor, *, p: float = 2, metric: Metric = "euclidean") -> Result:
    """Exact transport between two minibatches (n, ...) and (m, ...), flattened, with its proof; no gradient.

    Examples
    --------
    >>> transport(torch.zeros(2, 1), torch.ones(3, 1)).value
    1.0
    """
    one, other = (z.detach().flatten(1).to("cpu") for z in (real, fake))
    return wasserstein(one, other, p=p, metric=metric)


def js(real: Tensor, fake: Tensor, codes: int) -> float:
    """Jensen-Shannon divergence, in nats and with its halves, between the counts of codes (n,) and (m,), integers below ``codes``.

    Of two samples of a continuous law it would be log 2, always: the reason why this asks for codes.

    Raises
    ------
    InvalidInput
        For codes that are not whole numbers in range.

    Examples
    --------
    >>> round(js(torch.tensor([0, 0]), torch.tensor([1, 1]), 2), 6)
    0.693147
    """
    for name, z in (("real", real), ("fake", fake)):
        if z.is_floating_point() or z.numel() == 0 or not bool(((z >= 0) & (z < codes)).all()):
            raise InvalidInput(f"{name} must hold whole numbers in [0, {codes}); received dtype {z.dtype}")
    p, q = (torch.bincount(z.flatten(), minlength=codes).double() / z.numel() for z in (real, fake))
    m = (p + q) / 2
    halves = (torch.special.xlogy(z, z).sum() - torch.special.xlogy(z, m).sum() for z in (p, q))
    return sum(half.item() for half in halves) / 2
