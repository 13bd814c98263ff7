"""Couplings for flow matching code that was written for torchcfm: its sampler's calls, and its matchers."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import reading, scalars, tensors
from ..inputs.memory import refuse_bytes
from ..inputs.types import Floats
from ..model.plan import Plan
from ._modes import checked_rng, generator_from
from .coupling import Method, Pairing, check_samples, pair

Matcher = TypeVar("Matcher")


class PlanSampler:
    """What ``torchcfm.OTPlanSampler`` is asked for, answered by :func:`otgen.nn.coupling.pair`: squared Euclidean costs, uniform weights.

    Parameters
    ----------
    method : {"exact", "sinkhorn", "unbalanced"}
        The plan. torchcfm's ``"partial"`` moves all mass, as ``"sinkhorn"`` does.
    reg : float
        Strength of the entropic term, in cost units.
    reg_m : float
        Price of a missed marginal, in cost units, for ``"unbalanced"``.
    normalize_cost : bool
        Whether ``reg`` and ``reg_m`` are multiples of the largest cost of a minibatch.
    tol, max_iter, rng
        As in :func:`otgen.nn.coupling.pair`.

    Notes
    -----
    A plan that could not be computed raises; no uniform plan takes its place. Draws follow ``torch.manual_seed`` or ``rng``, not numpy's global state.

    References
    ----------
    Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", 2024.

    Examples
    --------
    >>> import torch
    >>> x0, x1 = PlanSampler("exact").sample_plan(torch.zeros(3, 2), torch.ones(3, 2))
    >>> x0.shape, x1.shape
    (torch.Size([3, 2]), torch.Size([3, 2]))
    """

    def __init__(
        self,
        method: Method = "exact",
        reg: float = 0.05,
        reg_m: float = 1.0,
        normalize_cost: bool = False,
        *,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        rng: Any = None,
    ) -> None:
        scalars.one_of(method, "method", ("exact", "sinkhorn", "unbalanced"))
        self.method: Method = method
        self.reg, self.reg_m = (scalars.positive(z, name, "pass 0.05") for z, name in ((reg, "reg"), (reg_m, "reg_m")))
        self.normalize_cost = scalars.flag(normalize_cost, "normalize_cost")
        self.tol = scalars.positive(tol, "tol", "use a marginal error such as 1e-6")
        self.max_iter, self.rng = scalars.count(max_iter, "max_iter"), checked_rng(rng)

    def get_map(self, x0: Tensor, x1: Tensor) -> Floats:
        """The plan between minibatches (n, ...) and (m, ...), dense: (n, m)."""
        return self._paired(x0, x1).plan.todense()

    def sample_map(self, pi: Floats, batch_size: int, replace: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns (batch_size,) of entries of a dense plan (n, m), as often as they have mass."""
        shares, count = _shares(pi), scalars.count(batch_size, "batch_size")
        refuse_bytes(16 * count, (count,), "batch_size")
        possible = np.count_nonzero(shares)
        if not scalars.flag(replace, "replace") and count > possible:
            raise InvalidInput(
                f"batch_size must be at most the number of entries with mass where none is drawn twice; received {count} of {possible}; "
                f"pass replace=True"
            )
        seed = int(torch.randint(2**62, (), generator=generator_from(self.rng)))
        chosen = np.random.default_rng(seed).choice(shares.size, size=count, p=shares.ravel(), replace=replace)
        return np.divmod(chosen, shares.shape[1])

    def sample_plan(self, x0: Tensor, x1: Tensor, replace: bool = True) -> tuple[Tensor, Tensor]:
        """As many pairs as x0 has rows: drawn one by one from the plan, or without ``replace`` each row of x0 once, as ``pair`` has them."""
        rows, columns = self._drawn(x0, x1, replace)
        return x0[rows], x1[columns]

    def sample_plan_with_labels(
        self, x0: Tensor, x1: Tensor, y0: Any = None, y1: Any = None, replace: bool = True
    ) -> tuple[Tensor, Tensor, Any, Any]:
        """The same with labels, tensors or arrays (n, ...) and (m, ...), which stay with their samples; None stays None."""
        _check_labels(y0, x0, ("y0", "x0"))
        _check_labels(y1, x1, ("y1", "x1"))
        rows, columns = self._drawn(x0, x1, replace)
        return x0[rows], x1[columns], None if y0 is None else y0[rows], None if y1 is None else y1[columns]

    def sample_trajectory(self, X: Tensor) -> Tensor:
        """Samples at several times (n, times, ...), joined from one time to the next by rows of plans."""
        if isinstance(X, Tensor):
            tensors.refuse_other_forms(X, "X")
        if not isinstance(X, Tensor) or X.ndim < 3 or X.numel() == 0:
            received = f"shape {tuple(X.shape)}" if isinstance(X, Tensor) else scalars.told(X)
            raise InvalidInput(
                f"X must be a tensor (n, times, ...), a sample a row at each time; received {received}; stack minibatches along dim=1"
            )
        generator, at = generator_from(self.rng), torch.arange(len(X), device=X.device)
        out = [X[:, 0]]
        for time in range(1, X.shape[1]):
            plan: Plan = self._paired(X[:, time - 1], X[:, time]).plan
            columns = plan.draw(at.cpu().numpy(), torch.rand(len(X), generator=generator, dtype=torch.float64).numpy())
            at = torch.from_numpy(np.array(columns)).to(X.device)
            out.append(X[at, time])
        return torch.stack(out, 1)

    def _drawn(self, x0: Tensor, x1: Tensor, replace: bool) -> tuple[Tensor, Tensor]:
        """Rows and columns of pairs."""
        found = self._paired(x0, x1)
        if not scalars.flag(replace, "replace"):
            return found.rows, found.columns
        generator = generator_from(self.rng)
        at, levels = torch.rand(2, len(x0), generator=generator, dtype=torch.float64).numpy()
        mass = np.cumsum(found.plan.marginals()[0])
        rows = np.minimum(np.searchsorted(mass, at * mass[-1], side="right"), len(mass) - 1)
        columns = np.array(found.plan.draw(rows, levels))
        return torch.from_numpy(rows).to(x0.device), torch.from_numpy(columns).to(x1.device)

    def _paired(self, x0: Tensor, x1: Tensor) -> Pairing:
        check_samples(x0, x1)
        if self.method == "exact":
            return pair(x0, x1, rng=self.rng)
        unit = 1.0
        if self.normalize_cost:
            unit = (
                float(torch.cdist(x0.detach().flatten(1).double(), x1.detach().flatten(1).double()).max()) ** 2 or 1.0
            )
        relax = self.reg_m * unit if self.method == "unbalanced" else None
        given: dict[str, Any] = dict(method=self.method, epsilon=self.reg * unit, relax=relax)
        return pair(x0, x1, **given, tol=self.tol, max_iter=self.max_iter, rng=self.rng)


def _shares(pi: Any) -> Floats:
    """A dense plan (n, m) divided by its mass."""
    read, origin = reading.as_numpy(pi, "pi")
    plan = reading.as_float(read, origin, "pi").astype(np.float64, copy=False)
    largest = plan.max() if plan.ndim == 2 and plan.size else 0.0
    if not (np.isfinite(plan).all() and largest > 0 and (plan >= 0).all()):
        raise InvalidInput(
            f"pi must be a plan (n, m) of finite non-negative numbers, with mass to draw; received another array, of shape {plan.shape}; use "
            f"get_map"
        )
    plan = plan / largest
    return plan / plan.sum()


def _check_labels(labels: Any, samples: Tensor, names: tuple[str, str]) -> None:
    """Raise for labels of another number than samples."""
    if isinstance(labels, Tensor):
        tensors.refuse_other_forms(labels, names[0])
    rowed = isinstance(labels, Tensor | np.ndarray) and labels.ndim > 0
    if not isinstance(samples, Tensor) or samples.ndim == 0:
        return  # which pairing them tells
    if labels is not None and not (rowed and len(labels) == len(samples)):
        received = f"shape {tuple(labels.shape)}" if rowed else scalars.told(labels)
        raise InvalidInput(
            f"{names[0]} must be a tensor or an array with a label for each of {len(samples)} rows of {names[1]}; received {received}; "
            f"leave it out for none"
        )


def with_sampler(matcher: Matcher, sampler: PlanSampler) -> Matcher:
    """A copy of one of torchcfm's matchers that pairs by another sampler.

    Parameters
    ----------
    matcher : matcher
        With an attribute ``ot_sampler``: ``ExactOptimalTransportConditionalFlowMatcher``, ``SchrodingerBridgeConditionalFlowMatcher``, or one like them. The
        latter's plan is ``PlanSampler("sinkhorn", reg=2 * sigma**2)``.
    sampler : PlanSampler
        What it is to ask.

    Returns
    -------
    matcher

    Raises
    ------
    InvalidInput
        Where a matcher does not pair.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> with_sampler(SimpleNamespace(ot_sampler=None), PlanSampler()).ot_sampler.method
    'exact'
    """
    if not hasattr(matcher, "ot_sampler"):
        raise InvalidInput(
            f"matcher must pair minibatches, by an attribute ot_sampler; received {scalars.told(matcher)}; pair x0 and x1 by "
            f"otgen.nn.coupling.pair before it is called"
        )
    adapted: Any = copy.copy(matcher)
    adapted.ot_sampler = sampler
    return adapted
