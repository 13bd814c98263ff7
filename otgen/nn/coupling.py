"""Minibatch couplings for flow matching: which noise goes to which sample."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..distances.entropic import sinkhorn
from ..distances.exact import wasserstein
from ..errors import InvalidInput
from ..inputs import scalars
from ..model.cost import Metric
from ..model.problem import Relative

_MODERATE = Relative(0.05)


class Pairing(NamedTuple):
    """Samples x0 and x1, (n, ...) each, paired by row; the rows of the input that they are, (n,); and the plan."""

    x0: Tensor
    x1: Tensor
    rows: Tensor
    columns: Tensor
    plan: Any


def pair(
    x0: Tensor,
    x1: Tensor,
    *,
    method: str = "exact",
    epsilon: float | Relative = _MODERATE,
    p: float = 2,
    metric: Metric = "euclidean",
    rng: Any = None,
) -> Pairing:
    """Pair two minibatches by a transport plan between them.

    Parameters
    ----------
    x0, x1 : Tensor
        (n, ...) and (m, ...), flattened for the cost; as many rows as x0 has come out.
    method : {"exact", "sinkhorn"}
        The plan. An exact one between equally many samples is a permutation, and is taken as it is; from any other, one
        column is drawn for each row.
    epsilon : float or Relative
        Strength of the entropic term for ``"sinkhorn"``.
    p, metric
        As in :func:`otgen.wasserstein`.
    rng : seed or Generator
        For drawing columns.

    Returns
    -------
    Pairing
        Tensors on the device and in the dtype of the input; no gradient flows through which row went where.

    Raises
    ------
    InvalidInput
        On malformed input.

    References
    ----------
    Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", 2024; Pooladian et
    al., "Multisample flow matching", 2023.

    Examples
    --------
    >>> import torch
    >>> pair(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.1], [0.1]])).columns
    tensor([1, 0])
    """
    scalars.one_of(method, "method", ("exact", "sinkhorn"))
    generator = scalars.generator(rng)
    for name, z in (("x0", x0), ("x1", x1)):
        if not isinstance(z, Tensor) or z.ndim < 2:
            received = f"shape {tuple(z.shape)}" if isinstance(z, Tensor) else type(z).__name__
            raise InvalidInput(f"{name} must be a tensor (n, ...), one sample a row; received {received}")
    one, other = (z.detach().flatten(1).to("cpu") for z in (x0, x1))
    if method == "exact":
        plan = wasserstein(one, other, p=p, metric=metric).plan
    else:
        plan = sinkhorn(one, other, epsilon=epsilon, p=p, metric=metric).plan
    columns = getattr(plan, "permutation", None)
    if columns is None:
        columns = _drawn(plan, generator)
    to = torch.from_numpy(np.asarray(columns)).to(x1.device)
    return Pairing(x0, x1[to], torch.arange(len(x0), device=x0.device), to, plan)


def _drawn(plan: Any, generator: np.random.Generator) -> np.ndarray:
    """One column for every row, with the row's probabilities."""
    cumulative = np.cumsum(plan.todense(), axis=1)
    levels = generator.random(len(cumulative))[:, None] * cumulative[:, -1:]
    return np.minimum((cumulative <= levels).sum(axis=1), cumulative.shape[1] - 1)
