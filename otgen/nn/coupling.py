"""Couplings for flow matching: which noise goes to which sample, of a batch or of a whole data set."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from ..distances.entropic import sinkhorn
from ..distances.exact import wasserstein
from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats
from ..model.cost import Metric, is_norm
from ..model.plan import EntropicPlan, Plan
from ..model.problem import Relative
from ._inputs import finite, real_and_dense
from ._modes import generator_from
from ._semidiscrete import SemidiscreteCoupling, Sent, semidiscrete

__all__ = ["Pairing", "SemidiscreteCoupling", "Sent", "pair", "semidiscrete"]

Method = Literal["exact", "sinkhorn", "unbalanced"]
_MODERATE = Relative(0.05)
_PRICE = 1.0  # of a missed marginal, for "unbalanced"


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
    a: Tensor | None = None,
    b: Tensor | None = None,
    condition0: Tensor | None = None,
    condition1: Tensor | None = None,
    weight: float = 1.0,
    method: Method = "exact",
    epsilon: float | Relative = _MODERATE,
    relax: float | tuple[float, float] | None = None,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    rng: Any = None,
) -> Pairing:
    """Pair two minibatches by a transport plan between them.

    Parameters
    ----------
    x0, x1 : Tensor
        (n, ...) and (m, ...), flattened for the cost; n pairs come out.
    a, b : Tensor, optional
        Weights (n,) and (m,); None means uniform.
    condition0, condition1 : Tensor, optional
        (n, ...) and (m, ...): what a conditional flow is told, both or neither. A pair costs ``metric(z0, z1) ** p`` between samples with
        conditions joined to them, z = (x, ``weight ** (1 / p)`` c): for the Euclidean metric and p = 2 that is
        :math:`|x_0 - x_1|^2 + w |c_0 - c_1|^2`. Classes go in as one-hot rows, or their numbers would be distances.
    weight : float
        w above, positive, in cost units a unit of the conditions' own cost; the larger, the fewer pairs of unequal conditions.
    method : {"exact", "sinkhorn", "unbalanced"}
        The plan: an exact one; an entropic one; or one that may miss marginals, Sinkhorn with ``relax``, 1 unless said otherwise.
    epsilon : float or Relative
        Strength of the entropic term, for all but ``"exact"``.
    relax : float or (float, float), optional
        Price of a missed marginal, as in :func:`otgen.sinkhorn`; outliers are then paired less often, or never.
    p, metric
        As in :func:`otgen.wasserstein`.
    tol, max_iter
        As in :func:`otgen.sinkhorn`; but at the limit pairs are drawn from the plan reached, and nothing is raised.
    rng : seed or Generator, optional
        What decides draws: torch's global generator (``torch.manual_seed``) unless a seed or a generator of torch's or numpy's is
        given. The same seed at every step of a loop draws with the same numbers at every step.

    Returns
    -------
    Pairing
        Tensors on the device and in the dtype of the input; no gradient flows through which row went where. An exact plan between
        equally many samples of equal weights is a permutation, and is taken as it is. Where every row of the plan has the same mass
        each row of x0 comes once, in order, with a column drawn from it; else rows are drawn too, by their mass. Draws go through the
        plan some rows at a time: no array of n times m numbers is made.

    Raises
    ------
    InvalidInput
        On malformed input, for ``relax`` with ``method="exact"``, and for conditions under a metric that is no norm.

    References
    ----------
    Kerrigan, Migliorini and Smyth, "Dynamic conditional optimal transport through simulation-free flows", 2024, on conditions; Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", 2024; Pooladian et
    al., "Multisample flow matching", 2023.

    Examples
    --------
    >>> import torch
    >>> pair(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.1], [0.1]])).columns
    tensor([1, 0])
    """
    scalars.one_of(method, "method", get_args(Method))
    if method == "exact" and relax is not None:
        raise InvalidInput(
            f"relax must be None for method='exact'; received {scalars.told(relax)}; leave it out, or pass method='unbalanced'"
        )
    check_samples(x0, x1)
    generator = None if rng is None else generator_from(rng)
    one, other = (z.detach().flatten(1).to("cpu") for z in (x0, x1))
    if condition0 is not None or condition1 is not None:
        one, other = _joined((one, other), (condition0, condition1), weight, p, metric)
    weights = [z.detach().cpu() if isinstance(z, Tensor) and not z.is_meta else z for z in (a, b)]
    if method == "exact":
        plan = wasserstein(*map(_as_array, (one, other, *weights)), p=p, metric=metric).plan
    else:
        price = _PRICE if method == "unbalanced" and relax is None else relax
        given: dict[str, Any] = dict(epsilon=epsilon, relax=price, p=p, metric=metric, tol=tol, max_iter=max_iter)
        plan = sinkhorn(one, other, *weights, **given, throw=False).plan
    rows, columns = _rows_and_columns(
        plan, generator, drawn=a is not None or method == "unbalanced" or relax is not None
    )
    rows, columns = torch.from_numpy(rows).to(x0.device), torch.from_numpy(columns).to(x1.device)
    return Pairing(x0[rows], x1[columns], rows, columns, plan)


def _joined(samples: Any, conditions: Any, weight: float, p: float, metric: Metric) -> tuple[Tensor, Tensor]:
    """Samples (n, d) and (m, d) with conditions joined to them, in double precision, on the host."""
    if not is_norm(metric):
        raise InvalidInput(
            f"metric must be a norm where conditions are given; received {scalars.told(metric)}; use 'euclidean' or leave conditions out"
        )
    scale = scalars.positive(weight, "weight", "leave conditions out for none") ** (1 / scalars.finite_order(p))
    out: list[Tensor] = []
    for z, condition, side in zip(samples, conditions, "01"):
        name = f"condition{side}"
        if (
            not isinstance(condition, Tensor)
            or condition.ndim == 0
            or len(condition) != len(z)
            or condition.is_complex()
        ):
            received = f"shape {tuple(condition.shape)}" if isinstance(condition, Tensor) else type(condition).__name__
            raise InvalidInput(
                f"{name} must be a real tensor (n, ...), one row for each of {len(z)} samples; received {received}; pass one for both sides"
            )
        finite(condition, name)
        out.append(torch.cat([z.double(), condition.detach().to("cpu", torch.float64).reshape(len(z), -1) * scale], 1))
    if out[0].shape[1] != out[1].shape[1]:
        received = " and ".join(str(tuple(z.shape)) for z in conditions)
        raise InvalidInput(f"condition0 and condition1 must hold rows of one size; received {received}; reshape one")
    return out[0], out[1]


def _as_array(z: Any) -> Any:
    """A tensor that numpy has a dtype for as an array, without a copy: so small problems are solved in compiled code at once."""
    plain = isinstance(z, Tensor) and z.layout is torch.strided and z.device.type == "cpu" and not z.requires_grad
    return z.numpy() if plain and z.dtype in (torch.float32, torch.float64) else z


def check_samples(x0: Any, x1: Any) -> None:
    """Raise for what is no two minibatches of samples of one size."""
    for name, z in (("x0", x0), ("x1", x1)):
        if not isinstance(z, Tensor) or z.ndim < 2 or z.numel() == 0:
            received = f"shape {tuple(z.shape)}" if isinstance(z, Tensor) else type(z).__name__
            raise InvalidInput(
                f"{name} must be a tensor (n, ...), one sample a row; received {received}; use {name}[:, None] for (n,)"
            )
        real_and_dense(z, name)
        finite(z, name)
    if x0[0].numel() != x1[0].numel():
        raise InvalidInput(
            f"x0 and x1 must hold samples of one size; received {tuple(x0.shape)} and {tuple(x1.shape)}; reshape one"
        )


def _rows_and_columns(plan: Plan, given: torch.Generator | None, *, drawn: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (n,), (n,) by a plan (n, m); rows are ``drawn`` where their masses may differ."""
    permutation = None if isinstance(plan, EntropicPlan) else plan.permutation
    if permutation is not None:
        return np.arange(len(permutation)), np.array(permutation)
    generator = given or generator_from(None)  # torch's own moves on only where something is drawn
    rows = np.arange(plan.shape[0])
    if drawn:
        mass = np.cumsum(plan.marginals()[0])
        if not mass[-1] > 0:
            raise InvalidInput("relax must leave some mass to pair; received a plan of zeros; raise relax")
        rows = np.searchsorted(mass, _levels(len(rows), generator) * mass[-1], side="right")
    return rows, plan.draw(rows, _levels(len(rows), generator))


def _levels(count: int, generator: torch.Generator) -> Floats:
    """Numbers (count,), uniform in [0, 1)."""
    return torch.rand(count, generator=generator, dtype=torch.float64).numpy()
