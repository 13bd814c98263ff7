"""Transport between listed costs as differentiable losses, plans and potentials."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars
from ..model.problem import Relative
from . import _ops
from ._dual import Costs, dual_value, entries, potentials
from ._inputs import Reduction, checked_reduction, matrices, options, reduced


class EntropicPlan(NamedTuple):
    """A plan (n, m), or (B, n, m), and its potentials f (n,) and g (m,), or with a leading B: differentiable tensors.

    ``plan_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon)``; where no marginal is relaxed, ``a . f = b . g``.
    """

    plan: Tensor
    f: Tensor
    g: Tensor


def transport_loss(
    C: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    row_mask: Tensor | None = None,
    column_mask: Tensor | None = None,
    epsilon: float | Relative = 0,
    relax: Any = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    throw: bool = True,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Least total cost of moving mass, exact or entropic, as a function of listed costs and weights.

    Parameters
    ----------
    C : Tensor
        Costs, (n, m), or (B, n, m); with weights (B, n) or (B, m), one (n, m) is that of all problems. ``inf`` forbids a pair. Halves
        are computed in float32.
    a, b : Tensor, optional
        (n,) and (m,), or (B, n) and (B, m), non-negative, of one total; None means uniform. Divided by their sums; with ``relax`` they
        count as received.
    row_mask, column_mask : Tensor of bool, optional
        (n,) or (B, n), and (m,) or (B, m): True where a row or column of C counts. The others are padding: whatever they hold, nothing depends on it
        and gradients there are 0. Weights None are uniform over what counts.
    epsilon : float or Relative
        Strength of the entropic term :math:`\varepsilon \mathrm{KL}(P, a \otimes b)`, in the unit of the costs or relative to their mean, then
        treated as a constant; 0 for exact transport.
    relax : float or (float, float), optional
        As in :func:`otgen.transport`: strengths at which the marginals are held, for ``epsilon > 0``.
    tol, max_iter, throw
        As in :func:`sinkhorn_loss`; of entropic problems.
    reduction : {"mean", "sum", "none"}
        Over a batch.

    Returns
    -------
    Tensor
        A number, or (B,), in the promoted dtype of the input. The gradient in C is the plan, that in the weights the potentials. Exact, they are those found:
        of an optimum that is not unique, one of the supergradients, and second derivatives are 0. Entropic, second derivatives are by implicit
        differentiation: a linear system with min(n, m) unknowns.

    Raises
    ------
    Infeasible
        If forbidden pairs leave no plan.
    InvalidInput, MassMismatch
        On malformed input.
    NotConverged
        At the limit on iterations.

    References
    ----------
    Peyre and Cuturi, "Computational optimal transport", 2019, sections 3.2 and 9.1; Cuturi and others, "Optimal transport tools", 2022, on implicit
    differentiation.

    Examples
    --------
    >>> import torch
    >>> C = torch.tensor([[0.0, 2.0], [3.0, 1.0]], requires_grad=True)
    >>> loss = transport_loss(C)
    >>> loss.backward()
    >>> loss.item(), C.grad
    (0.5, tensor([[0.5000, 0.0000],
            [0.0000, 0.5000]]))
    """
    reduction = checked_reduction(reduction)
    asked = _asked(epsilon, relax, tol, max_iter, throw)
    given = matrices(C, a, b, row_mask, column_mask, received=asked.relaxed)
    if asked.exact:
        out = _exact(given)
    else:
        strength = _strength(epsilon, given)
        found = potentials(given, strength, asked.options)
        out = dual_value(given, strength, asked.strengths, *found)
    return reduced(out, given.single, reduction).to(given.dtype)


def entropic_plan(
    C: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    row_mask: Tensor | None = None,
    column_mask: Tensor | None = None,
    epsilon: float | Relative,
    relax: Any = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    throw: bool = True,
) -> EntropicPlan:
    r"""The entropic plan and its potentials as differentiable functions of listed costs and weights.

    For barycentric maps, alignment and attention: ``plan @ y`` has derivatives in the costs, by implicit differentiation, nothing unrolled. Where next to no mass passes between
    two parts of the plan (costs between them of 25 epsilon more), their potentials are known relative to each other only as well as that mass is, and so are derivatives;
    where none passes they are refused.

    Parameters
    ----------
    C, a, b, row_mask, column_mask, epsilon, relax, tol, max_iter, throw
        As in :func:`transport_loss`; ``epsilon`` must be positive. Derivatives are off by about ``tol`` times the cost over epsilon.

    Returns
    -------
    EntropicPlan
        In the promoted dtype of the input, 0 at padding. A derivative takes a linear system with min(n, m) unknowns.

    Raises
    ------
    InvalidInput, MassMismatch, NotConverged
        As in :func:`transport_loss`.

    References
    ----------
    Cuturi, "Sinkhorn distances", 2013; Eisenberger and others, "A unified framework for implicit Sinkhorn differentiation", 2022.

    Examples
    --------
    >>> import torch
    >>> C = torch.tensor([[0.0, 1.0], [1.0, 0.0]], requires_grad=True)
    >>> found = entropic_plan(C, epsilon=0.5)
    >>> found.plan.sum().item(), found.plan[0, 0].item() > found.plan[0, 1].item()
    (1.0, True)
    """
    asked = _asked(epsilon, relax, tol, max_iter, throw)
    if asked.exact:
        raise InvalidInput(
            "epsilon must be positive for an entropic plan; received 0; use otgen.transport for a plan of least cost"
        )
    given = matrices(C, a, b, row_mask, column_mask, received=asked.relaxed)
    strength = _strength(epsilon, given)
    f, g = potentials(given, strength, asked.options)
    plan = given.a[..., :, None] * given.b[..., None, :] * entries(given.C, f, g, strength)
    return EntropicPlan(*((z[0] if given.single else z).to(given.dtype) for z in (plan, f, g)))


class _Asked(NamedTuple):
    """What is asked, checked."""

    exact: bool
    strengths: tuple[float, float]
    options: _ops.Solving

    @property
    def relaxed(self) -> bool:
        """Whether a marginal may be missed."""
        return min(self.strengths) < math.inf


def _asked(epsilon: float | Relative, relax: Any, tol: float, max_iter: int, throw: bool) -> _Asked:
    strengths = scalars.relaxation(relax)
    tol = scalars.positive(tol, "tol", "use a marginal error such as 1e-6")
    solving = (tol, scalars.count(max_iter, "max_iter"), *strengths, scalars.flag(throw, "throw"))
    exact = not isinstance(epsilon, Relative) and scalars.real(epsilon, "epsilon") == 0
    if not (exact or isinstance(epsilon, Relative)):
        scalars.positive(epsilon, "epsilon", "pass 0 for exact transport")
    if exact and min(strengths) < math.inf:
        raise InvalidInput(
            "relax must be None where epsilon is 0: exact transport meets its marginals; received strengths; pass epsilon > 0"
        )
    return _Asked(exact, strengths, solving)


def _exact(given: Costs) -> Tensor:
    """Least costs (B,), linear in the costs along the plan that was found and in the weights along the potentials."""
    detached = (z.detach() for z in given[:3])
    costs, rows, columns, values, f, g = _ops.matrix_exact(*detached, given.counted)
    paid = given.C.double().flatten(-2).gather(-1, rows * given.C.shape[-1] + columns)
    moving = (values * paid).sum(-1)
    weighing = (f * given.a).sum(-1) + (g * given.b).sum(-1)
    return costs + (moving - moving.detach()) + (weighing - weighing.detach())


def _strength(epsilon: float | Relative, given: Costs) -> Tensor:
    """Epsilon of every problem, float64: (B,)."""
    if isinstance(epsilon, Relative):
        C, a, b = (z.detach().double() for z in given[:3])
        allowed = torch.where(C.isfinite(), C, 0.0)
        mean = (a[..., None, :] @ allowed @ b[..., :, None])[..., 0, 0].abs()
        return torch.where(mean > 0, epsilon.fraction * mean, epsilon.fraction)
    return torch.full(given.C.shape[:-2], float(epsilon), dtype=torch.float64, device=given.C.device)


class TransportLoss(torch.nn.Module):
    """The exact or entropic cost of matrices (n, m) or (B, n, m) of your own: :func:`transport_loss` as a module.

    Parameters
    ----------
    epsilon, relax, tol, max_iter, throw, reduction
        As in :func:`transport_loss`.

    Examples
    --------
    >>> import torch
    >>> TransportLoss()(torch.tensor([[1.0, 2.0], [2.0, 1.0]])).item()
    1.0
    """

    def __init__(
        self,
        epsilon: float | Relative = 0,
        relax: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        throw: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        _asked(epsilon, relax, tol, max_iter, throw)
        self.epsilon, self.relax, self.tol, self.max_iter, self.throw = epsilon, relax, tol, max_iter, throw
        self.reduction: Reduction = checked_reduction(reduction)

    def forward(
        self,
        C: Tensor,
        a: Tensor | None = None,
        b: Tensor | None = None,
        *,
        row_mask: Tensor | None = None,
        column_mask: Tensor | None = None,
    ) -> Tensor:
        """The loss of costs C and weights a and b."""
        return transport_loss(
            C,
            a,
            b,
            row_mask=row_mask,
            column_mask=column_mask,
            epsilon=self.epsilon,
            relax=self.relax,
            tol=self.tol,
            max_iter=self.max_iter,
            throw=self.throw,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return options(epsilon=self.epsilon, relax=self.relax, tol=self.tol)
