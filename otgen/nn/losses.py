"""Exact and entropic transport as differentiable losses."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from ..model.cost import BuiltIn
from ..model.problem import Relative
from . import _ops
from ._divergence import divergence, entropic_cost
from ._exact import exact_cost
from ._inputs import Batch, Reduction, batch, checked_metric, checked_reduction, options, reduced


def wasserstein_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    p: float = 2,
    metric: BuiltIn = "euclidean",
    root: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Exact transport cost :math:`W_p^p`, or with ``root`` the distance :math:`W_p`, as a function of points and weights.

    Parameters
    ----------
    x, y : Tensor
        (n, d) and (m, d), or (B, n, d) and (B, m, d). Where anything is batched, what is not is that of all B problems, without
        copies of it; its gradient is summed over them. Halves are computed in float32.
    a, b : Tensor, optional
        (n,) and (m,), or (B, n) and (B, m), non-negative, of one total; None means uniform. Divided by their sums.
    x_mask, y_mask : Tensor of bool, optional
        (n,) or (B, n), and (m,) or (B, m): True where a point counts. The others are padding: whatever they hold, nothing depends
        on it and gradients there are 0. Weights None are uniform over what counts. Exact and Sinkhorn losses are those of the points
        that count to the last bit, save that sums over weights may be rounded in another order.
    p : float
        Order, in [1, inf).
    metric : str, Minkowski or Circular
        As in :func:`otgen.wasserstein`, but no callable.
    root : bool
        Whether the p-th root is taken; its gradient at 0 is 0. A distance is a float wherever points are, a cost beyond the
        range of floats is infinite, or 0.
    reduction : {"mean", "sum", "none"}
        Over a batch.

    Returns
    -------
    Tensor
        A number, or (B,), in the promoted dtype of the input. The gradient in the points is that at the optimal plan found: exact
        where the plan is unique, elsewhere the slope of one of the best plans. Second derivatives keep the plan.

    Raises
    ------
    InvalidInput, MassMismatch
        On malformed input.

    References
    ----------
    Peyre and Cuturi, "Computational optimal transport", 2019, section 9.1.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.0, 0.0]], requires_grad=True)
    >>> loss = wasserstein_loss(x, torch.tensor([[3.0, 4.0]]))
    >>> loss.backward()
    >>> loss.item(), x.grad
    (25.0, tensor([[-6., -8.]]))
    """
    p, (name, q) = scalars.finite_order(p), checked_metric(metric, p)
    reduction, root = checked_reduction(reduction), scalars.flag(root, "root")
    given = batch(x, y, a, b, x_mask, y_mask)
    out = exact_cost(given, p, name, q, root=root)
    return reduced(out.to(given.x.dtype), given.single, reduction)


def sinkhorn_loss(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    epsilon: float | Relative,
    p: float = 2,
    metric: BuiltIn = "euclidean",
    debias: bool = True,
    relax: Any = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    throw: bool = True,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sinkhorn divergence, or with ``debias=False`` the entropic transport cost, as a function of points and weights.

    Parameters
    ----------
    x, y, a, b, x_mask, y_mask, metric, reduction
        As in :func:`wasserstein_loss`. With ``relax`` weights count as received.
    epsilon : float or Relative
        Strength of the entropic term, in cost units or relative to the mean cost; then it is treated as a constant.
    p : float
        Order, in [1, inf).
    debias : bool
        Whether half of each measure's own term is subtracted.
    relax : float or (float, float), optional
        As in :func:`otgen.sinkhorn`; with ``debias`` the same on both sides.
    tol : float
        Marginal error at which iterations stop. The value is off by about its square, the gradient by about ``tol`` itself, second
        derivatives by about ``tol`` times the cost over epsilon. With ``debias`` that is meant of the divergence: where it is so
        small that its terms cancel, iterations go on to a marginal error of ``tol``, or 1e-6 if that is larger, times the root of
        the share of the terms that is left, as far as double precision goes; a warning says where that was not reached.
    max_iter : int
        Limit on iterations; those that cancelling terms take more are counted anew.
    throw : bool
        Whether the limit raises; else the value and the gradient at the potentials reached are returned.

    Returns
    -------
    Tensor
        A number, or (B,), rounded to the dtype of the input once, at the end. The gradient is that of the envelope theorem, the second derivative by implicit differentiation; nothing
        is unrolled. First derivatives need no (n, m) array, second ones do.

    Raises
    ------
    InvalidInput, MassMismatch
        On malformed input.
    NotConverged
        At the limit, and where the linear system of a second derivative cannot be solved.

    Notes
    -----
    Derivatives are of reverse mode: for Hessians use ``torch.func.jacrev(torch.func.grad(...))``, not ``torch.func.hessian``.

    References
    ----------
    Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", 2019; Genevay, Peyre, Cuturi,
    "Learning generative models with Sinkhorn divergences", 2018.

    Examples
    --------
    >>> import torch
    >>> x = torch.zeros(4, 2, requires_grad=True)
    >>> loss = sinkhorn_loss(x, torch.ones(4, 2), epsilon=0.1)
    >>> loss.backward()
    >>> round(loss.item(), 4), x.grad[0]
    (2.0, tensor([-0.5000, -0.5000]))
    """
    p, (name, q) = scalars.finite_order(p), checked_metric(metric, p)
    reduction, strengths = checked_reduction(reduction), scalars.relaxation(relax)
    debias, throw = scalars.flag(debias, "debias"), scalars.flag(throw, "throw")
    tol, max_iter = (
        scalars.positive(tol, "tol", "use a marginal error such as 1e-6"),
        scalars.count(max_iter, "max_iter"),
    )
    _check_bias(debias, strengths)
    relaxed = min(strengths) < math.inf
    given = batch(x, y, a, b, x_mask, y_mask, received=relaxed)
    strength = _strength(epsilon, given, p, name, q)

    asked: _ops.Options = (p, name, q, tol, max_iter, *strengths, False, throw)
    out = divergence(given, strength, asked, relaxed=relaxed) if debias else entropic_cost(given, strength, asked)
    return reduced(out, given.single, reduction).to(given.x.dtype)


def _check_bias(debias: bool, strengths: tuple[float, float]) -> None:
    """What is subtracted makes equal measures equal only where both marginals are held alike (Sejourne et al., 2019, definition 6)."""
    if debias and strengths[0] != strengths[1]:
        raise InvalidInput(
            f"relax must be the same on both sides where the bias is subtracted; received {strengths}; pass one number, "
            f"or debias=False"
        )


def _strength(epsilon: float | Relative, given: Batch, p: float, metric: str, q: float) -> Tensor:
    """Epsilon of every problem, float64: (B,)."""
    if isinstance(epsilon, Relative):
        mean = _ops.mean_cost(*(z.detach() for z in given.each()), given.counted, p, metric, q)
        return torch.where(mean > 0, epsilon.fraction * mean, epsilon.fraction)
    hint = "for exact transport use otgen.nn.wasserstein_loss"
    number = scalars.positive(epsilon, "epsilon", hint)
    return torch.full(given.a.shape[:-1], number, dtype=torch.float64, device=given.x.device)


class WassersteinLoss(torch.nn.Module):
    """The exact cost between clouds (n, d) or stacks (B, n, d) of them: :func:`wasserstein_loss` as a module.

    Parameters
    ----------
    p, metric, root, reduction
        As in :func:`wasserstein_loss`.

    Examples
    --------
    >>> import torch
    >>> WassersteinLoss(p=1)(torch.zeros(2, 1), torch.ones(3, 1)).item()
    1.0
    """

    def __init__(
        self, p: float = 2, metric: BuiltIn = "euclidean", root: bool = False, reduction: Reduction = "mean"
    ) -> None:
        super().__init__()
        self.p, self.root = scalars.finite_order(p), scalars.flag(root, "root")
        self.metric: BuiltIn = metric
        self.reduction: Reduction = checked_reduction(reduction)
        checked_metric(metric, self.p)

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        a: Tensor | None = None,
        b: Tensor | None = None,
        *,
        x_mask: Tensor | None = None,
        y_mask: Tensor | None = None,
    ) -> Tensor:
        """The loss between clouds x and y with weights a and b, of points that masks let count."""
        masks: dict[str, Any] = dict(x_mask=x_mask, y_mask=y_mask)
        return wasserstein_loss(
            x, y, a, b, **masks, p=self.p, metric=self.metric, root=self.root, reduction=self.reduction
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return options(p=self.p, metric=self.metric, root=self.root, reduction=self.reduction)


class SinkhornLoss(torch.nn.Module):
    """The Sinkhorn divergence between clouds (n, d) or stacks (B, n, d), zero between equal ones: :func:`sinkhorn_loss` as a module.

    Parameters
    ----------
    epsilon, p, metric, debias, relax, tol, max_iter, throw, reduction
        As in :func:`sinkhorn_loss`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    >>> abs(SinkhornLoss(epsilon=0.1)(x, x).item()) < 1e-7
    True
    """

    def __init__(
        self,
        epsilon: float | Relative,
        p: float = 2,
        metric: BuiltIn = "euclidean",
        debias: bool = True,
        relax: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        throw: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        if isinstance(epsilon, Relative):
            self.epsilon: float | Relative = epsilon
        else:
            self.epsilon = scalars.positive(epsilon, "epsilon", "for exact transport use otgen.nn.WassersteinLoss")
        self.p, self.debias = scalars.finite_order(p), scalars.flag(debias, "debias")
        self.metric: BuiltIn = metric
        self.relax, self.throw = scalars.relaxation(relax), scalars.flag(throw, "throw")
        _check_bias(self.debias, self.relax)
        self.tol = scalars.positive(tol, "tol", "use a marginal error such as 1e-6")
        self.max_iter = scalars.count(max_iter, "max_iter")
        self.reduction: Reduction = checked_reduction(reduction)
        checked_metric(metric, self.p)

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        a: Tensor | None = None,
        b: Tensor | None = None,
        *,
        x_mask: Tensor | None = None,
        y_mask: Tensor | None = None,
    ) -> Tensor:
        """The loss between clouds x and y with weights a and b, of points that masks let count."""
        return sinkhorn_loss(
            x,
            y,
            a,
            b,
            x_mask=x_mask,
            y_mask=y_mask,
            epsilon=self.epsilon,
            p=self.p,
            metric=self.metric,
            debias=self.debias,
            relax=self.relax,
            tol=self.tol,
            max_iter=self.max_iter,
            throw=self.throw,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return options(
            epsilon=self.epsilon, p=self.p, metric=self.metric, debias=self.debias, relax=self.relax, tol=self.tol
        )
