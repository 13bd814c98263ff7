"""What an objective stands for, on the minibatch at hand, exactly: transport between samples, Jensen-Shannon between codes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...distances.exact import wasserstein
from ...distances.result import Result
from ...errors import InvalidInput
from ...inputs import scalars
from ...inputs.reading import refuse_bytes
from ...model.cost import Metric
from .._inputs import finite
from ._inputs import tensors


def transport(real: Tensor, fake: Tensor, *, p: float = 2, metric: Metric = "euclidean") -> Result:
    """Exact transport between two minibatches (n, ...) and (m, ...), flattened, with its proof; no gradient.

    Raises
    ------
    InvalidInput
        For what is no batch of samples of one shape.

    Examples
    --------
    >>> transport(torch.zeros(2, 1), torch.ones(3, 1)).value
    1.0
    """
    for name, z in (("real", real), ("fake", fake)):
        tensors(**{name: z})
        if z.ndim < 2 or z.shape[1:] != real.shape[1:]:
            raise InvalidInput(
                f"{name} must be (n, ...), one sample a row, of the other's shape; received {tuple(z.shape)} beside "
                f"{tuple(real.shape)}; use z[:, None] for numbers (n,)"
            )
    for name, z in (("real", real), ("fake", fake)):
        finite(z, name)
    one, other = (z.detach().flatten(1).to("cpu") for z in (real, fake))
    return wasserstein(one, other, p=p, metric=metric)


def js(real: Tensor, fake: Tensor, codes: int) -> float:
    """Jensen-Shannon divergence, in nats and with its halves, between the counts of codes (n,) and (m,), integers below ``codes``.

    Of two samples of a continuous law it would be log 2, always: the reason why this asks for codes.

    Raises
    ------
    InvalidInput
        For codes that are not whole numbers in range; truth values are none.

    Examples
    --------
    >>> round(js(torch.tensor([0, 0]), torch.tensor([1, 1]), 2), 6)
    0.693147
    """
    codes = scalars.count(codes, "codes")
    refuse_bytes(32 * codes, (codes,), "codes")
    for name, z in (("real", real), ("fake", fake)):
        tensors(**{name: z})
        finite(z, name)
        whole = not z.is_floating_point() and z.dtype != torch.bool
        if not whole or not bool(((z >= 0) & (z < codes)).all()):
            span = f"[{z.min().item()}, {z.max().item()}]"
            remedy = "count them from 0, and pass codes as many as there are" if whole else f"use {name}.long()"
            raise InvalidInput(
                f"{name} must hold whole numbers in [0, {codes}); received dtype {z.dtype}, entries in {span}; {remedy}"
            )
    p, q = (torch.bincount(z.flatten(), minlength=codes).double() / z.numel() for z in (real, fake))
    m = (p + q) / 2
    halves = (torch.special.xlogy(z, z).sum() - torch.special.xlogy(z, m).sum() for z in (p, q))
    return sum(half.item() for half in halves) / 2
