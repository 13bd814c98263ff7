"""Couplings for flow matching: which noise goes to which sample, of a batch or of a whole data set."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from ..distances.entropic import entropic_problem
from ..distances.exact import wasserstein
from ..distances.partial import partial_wasserstein
from ..distances.solve import run
from ..errors import InvalidInput
from ..inputs import scalars, sizes
from ..inputs.types import Floats
from ..model.cost import Metric, is_norm
from ..model.plan import EntropicPlan, Plan
from ..model.problem import Problem, Relative
from ..solvers import Sinkhorn
from . import _ops
from ._inputs import finite, real_and_dense
from ._modes import generator_from
from ._semidiscrete import SemidiscreteCoupling, Sent, semidiscrete
from ._solves import on_host

__all__ = ["Pairing", "SemidiscreteCoupling", "Sent", "pair", "semidiscrete"]

Method = Literal["exact", "sinkhorn", "unbalanced"]
MODERATE = Relative(0.05)
_TOL, _MAX_ITER = 1e-6, 10_000
_PRICE = 1.0  # of a missed marginal, for "unbalanced"


class Pairing(NamedTuple):
    """Samples x0 and x1, (k, ...) each, paired by row; the rows of the input that they are, (k,); and the plan.

    ``unmatched``: which share of each sample's mass has no partner, (n,) and (m,), float64 in [0, 1]; None where all had to have one.
    """

    x0: Tensor
    x1: Tensor
    rows: Tensor
    columns: Tensor
    plan: Any
    unmatched: tuple[Tensor, Tensor] | None = None


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
    epsilon: float | Relative = MODERATE,
    relax: float | tuple[float, float] | None = None,
    penalty: float | None = None,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = _TOL,
    max_iter: int = _MAX_ITER,
    throw: bool = True,
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
    penalty : float, optional
        For ``"exact"``: what a unit of mass costs that stays without a partner, as in :func:`otgen.partial_wasserstein`. No pair that
        costs more than twice that is made; ``unmatched`` tells who has none.
    p, metric
        As in :func:`otgen.wasserstein`.
    tol, max_iter
        As in :func:`otgen.sinkhorn`.
    throw : bool
        Whether the limit raises; else pairs are drawn from the plan reached.
    rng : seed or Generator, optional
        What decides draws: torch's global generator (``torch.manual_seed``) unless a seed or a generator of torch's or numpy's is
        given. The same seed at every step of a loop draws with the same numbers at every step.

    Returns
    -------
    Pairing
        Tensors on the device and in the dtype of the input; no gradient flows through which row went where. An exact plan between
        equally many samples of equal weights is a permutation, and is taken as it is. Where every row of the plan has the same mass
        each row of x0 comes once, in order, with a column drawn from it; else rows are drawn too, by their mass. Draws go through the
        plan some rows at a time: no array of n times m numbers is made. With ``penalty`` pairs between equally many samples without
        weights are those that are matched, each once, in order of x0; else n pairs are drawn by mass. Plans of a GPU's tensors are computed there where cupy
        is installed, but for small ones, partial ones and callable metrics.

    Raises
    ------
    InvalidInput
        On malformed input, for options that the method would ignore (``relax``, ``epsilon``, ``tol``, ``max_iter`` with ``method="exact"``, ``penalty`` without,
        ``weight`` without conditions), where no mass is left to pair, and for conditions under a
        metric that is no norm.
    NotConverged
        At the limit, of entropic plans.

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
    _check_terms(method, relax, penalty)
    if method == "exact":
        _refuse_entropic(epsilon=(epsilon, MODERATE), tol=(tol, _TOL), max_iter=(max_iter, _MAX_ITER))
    if condition0 is None and condition1 is None and not (isinstance(weight, int | float) and weight == 1):
        raise InvalidInput(
            f"weight must be left out where there are no conditions; received {scalars.told(weight)}; pass condition0 and condition1"
        )
    check_samples(x0, x1, a, b, (condition0, condition1))
    generator = None if rng is None else generator_from(rng)
    one, other = (z.detach().flatten(1).to("cpu") for z in (x0, x1))
    if condition0 is not None or condition1 is not None:
        one, other = _joined((one, other), (condition0, condition1), weight, p, metric)
    weights = [z.detach().cpu() if isinstance(z, Tensor) and not z.is_meta else z for z in (a, b)]
    home = "cpu" if callable(metric) or on_host((len(one), len(other)), _ops.home(x0)) else _ops.home(x0)
    if penalty is not None:
        return _partly(
            x0, x1, partial_wasserstein(one, other, *weights, penalty=penalty, p=p, metric=metric), weights, generator
        )
    if method == "exact":
        plan = _exact(one, other, *weights, p=p, metric=metric, home=home)
    else:
        price = _PRICE if method == "unbalanced" and relax is None else relax
        given: dict[str, Any] = dict(epsilon=epsilon, relax=price, p=p, metric=metric, normalize=False)
        problem, solver = entropic_problem(one, other, *weights, **given), Sinkhorn(tol=tol, max_iter=max_iter)
        plan = run(problem.on(home), solver, throw=throw).plan
    rows, columns = _rows_and_columns(
        plan, generator, drawn=a is not None or method == "unbalanced" or relax is not None
    )
    return _pairing(x0, x1, rows, columns, plan)


def _check_terms(method: str, relax: Any, penalty: Any) -> None:
    """Raise for prices that the method does not know."""
    if method == "exact" and relax is not None:
        raise InvalidInput(
            f"relax must be None for method='exact'; received {scalars.told(relax)}; leave it out, or pass method='unbalanced'"
        )
    if penalty is not None and method != "exact":
        raise InvalidInput(
            f"penalty must be None unless method='exact'; received {scalars.told(penalty)}; pass relax, what a missed marginal costs"
        )


def _refuse_entropic(**given: tuple[Any, Any]) -> None:
    """Raise for options of entropic plans, beside what they are where left out, that an exact one would ignore."""
    for name, (value, default) in given.items():
        if value is not default and not (isinstance(value, int | float) and value == default):
            raise InvalidInput(
                f"{name} must be left out for method='exact'; received {scalars.told(value)}; pass method='sinkhorn' for an entropic plan"
            )


def _exact(one: Tensor, other: Tensor, a: Any, b: Any, *, p: float, metric: Metric, home: str) -> Plan:
    """An exact plan, its pairs computed at ``home``."""
    if home == "cpu":
        return wasserstein(*map(_as_array, (one, other, a, b)), p=p, metric=metric).plan
    return run(Problem.from_points(one, other, a, b, p=scalars.finite_order(p), metric=metric).on(home), root=True).plan


def _partly(x0: Tensor, x1: Tensor, found: Any, weights: list[Any], generator: torch.Generator | None) -> Pairing:
    """Pairs of a partial plan, and what has no partner."""
    rounding = sum(map(len, (x0, x1))) * 2.0**-52 * (found.mass + float(found.unmatched[0].sum()))
    if not found.mass > rounding:
        raise InvalidInput("penalty must leave some mass to pair; received one below half of every cost; raise penalty")
    listed = found.plan.matrix.tocoo()
    moved = listed.data * found.mass > rounding
    rows, columns = listed.row[moved].astype(np.int64), listed.col[moved].astype(np.int64)
    alike = len(x0) == len(x1) and all(w is None for w in weights)
    if alike and len(np.unique(rows)) == len(rows) and len(np.unique(columns)) == len(columns):
        shares = [np.ones(len(z)) for z in (x0, x1)]
        for share, at in zip(shares, (rows, columns)):
            share[at] = 0.0
        order = np.argsort(rows)
        rows, columns = rows[order], columns[order]
    else:
        shares = [_share(left, w) for left, w in zip(found.unmatched, weights)]
        rows, columns = _rows_and_columns(found.plan, generator, drawn=True)
    one, other = (torch.from_numpy(share).to(z.device) for share, z in zip(shares, (x0, x1)))
    return _pairing(x0, x1, rows, columns, found.plan)._replace(unmatched=(one, other))


def _share(left: Any, weights: Any) -> Floats:
    """Masses (n,) that are left, of ``weights`` or of equal ones, as shares in [0, 1]."""
    left = np.asarray(left, np.float64)
    held = np.full(len(left), 1.0 / len(left)) if weights is None else np.asarray(weights, np.float64)
    return np.divide(left, held, out=np.zeros(len(left)), where=held > 0).clip(0.0, 1.0)


def _pairing(x0: Tensor, x1: Tensor, rows: np.ndarray, columns: np.ndarray, plan: Plan) -> Pairing:
    one, other = torch.from_numpy(rows).to(x0.device), torch.from_numpy(columns).to(x1.device)
    return Pairing(x0[one], x1[other], one, other, plan)


def _joined(samples: Any, conditions: Any, weight: float, p: float, metric: Metric) -> tuple[Tensor, Tensor]:
    """Samples (n, d) and (m, d) with conditions joined to them, in double precision, on the host."""
    if not is_norm(metric):
        raise InvalidInput(
            f"metric must be a norm where conditions are given; received {scalars.told(metric)}; use 'euclidean' or leave conditions out"
        )
    scale = scalars.positive(weight, "weight", "leave conditions out for none") ** (1 / scalars.finite_order(p))
    out: list[Tensor] = []
    for z, condition, side in zip(samples, conditions, "01"):
        finite(condition, f"condition{side}")
        out.append(torch.cat([z.double(), condition.detach().to("cpu", torch.float64).reshape(len(z), -1) * scale], 1))
    return out[0], out[1]


def _check_conditions(conditions: tuple[Any, Any], counts: tuple[int, int]) -> None:
    """Raise for what are no rows of one size, one a sample, whatever they hold."""
    for condition, count, side in zip(conditions, counts, "01"):
        if tensor := isinstance(condition, Tensor):
            real_and_dense(condition, f"condition{side}")
        if not tensor or condition.ndim == 0 or len(condition) != count:
            received = f"shape {tuple(condition.shape)}" if tensor else type(condition).__name__
            raise InvalidInput(
                f"condition{side} must be a real tensor (n, ...), one row for each of {count} samples; received {received}; pass one for both sides"
            )
    if conditions[0][0].numel() != conditions[1][0].numel():
        received = " and ".join(str(tuple(z.shape)) for z in conditions)
        raise InvalidInput(f"condition0 and condition1 must hold rows of one size; received {received}; reshape one")


def _as_array(z: Any) -> Any:
    """A tensor that numpy has a dtype for as an array, without a copy: so small problems are solved in compiled code at once."""
    plain = isinstance(z, Tensor) and z.layout is torch.strided and not z.is_nested
    plain = plain and z.device.type == "cpu" and not z.requires_grad
    return z.numpy() if plain and z.dtype in (torch.float32, torch.float64) else z


def check_samples(x0: Any, x1: Any, a: Any = None, b: Any = None, conditions: tuple[Any, Any] = (None, None)) -> None:
    """Raise for what is no two minibatches of samples of one size, with weights, and conditions, of their number; sizes are judged before contents."""
    samples = (("x0", x0), ("x1", x1))
    for name, z in samples:
        _check_shape(z, name)
    if x0[0].numel() != x1[0].numel():
        raise InvalidInput(
            f"x0 and x1 must hold samples of one size; received {tuple(x0.shape)} and {tuple(x1.shape)}; reshape one"
        )
    for (name, z), weights, called in zip(samples, (a, b), "ab"):
        if (shape := sizes.shape_of(weights)) is not None:
            sizes.refuse_count(shape, len(z), called, f"the points of {name}")
    if any(z is not None for z in conditions):
        _check_conditions(conditions, (len(x0), len(x1)))
    for name, z in samples:
        finite(z, name)


def check_cloud(z: Any, name: str) -> None:
    """Raise for what is no minibatch, maybe of none, of finite real samples."""
    _check_shape(z, name, empty=True)
    finite(z, name)


def _check_shape(z: Any, name: str, *, empty: bool = False) -> None:
    """Raise for what is no tensor of real samples, whatever they are."""
    if isinstance(z, Tensor):
        real_and_dense(z, name)
    if not isinstance(z, Tensor) or z.ndim < 2 or 0 in z.shape[1:] or not (empty or len(z)):
        received = f"shape {tuple(z.shape)}" if isinstance(z, Tensor) else type(z).__name__
        raise InvalidInput(
            f"{name} must be a tensor (n, ...), one sample a row; received {received}; use {name}[:, None] for (n,)"
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
