"""What the marginals of an entropic plan must be, or what it costs to miss them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..inputs.types import Floats


@dataclass(frozen=True, eq=False)
class Marginals:
    """Weights a (n,) and b (m,); each met, or relaxed: ``rho KL(P 1, a)`` is paid instead. ``relax`` is rho, inf where met.

    Stacks of weights, (B, n) and (B, m), have totals (B,). ``row_mass`` is the total of all rows, where a holds a part of them only;
    ``whole`` the mass that entropy is relative to, where it is not that of ``a (x) b``.

    Examples
    --------
    >>> import numpy as np
    >>> Marginals(np.array([1.0]), np.array([2.0]), (1.0, math.inf)).damping(1.0)
    (0.5, 1.0)
    """

    a: Floats
    b: Floats
    relax: tuple[float, float] = (math.inf, math.inf)
    row_mass: float | None = None
    whole: Any = None

    @property
    def totals(self) -> tuple[Any, Any]:
        """The masses of all rows and of all columns."""
        return self.a.sum(-1) if self.row_mass is None else self.row_mass, self.b.sum(-1)

    @property
    def product_mass(self) -> Any:
        """The mass of ``a (x) b``, or what stands for it."""
        return self._own_product if self.whole is None else self.whole

    @property
    def as_posed(self) -> Any:
        """Whether entropy is relative to ``a (x) b`` itself: no divergence is negative then."""
        return self.whole is None or self.whole == self._own_product

    @property
    def _own_product(self) -> Any:
        one, other = self.totals
        with np.errstate(over="ignore"):
            return one * other

    @property
    def max_mass(self) -> Any:
        """The larger total."""
        return np.maximum(*self.totals)

    def relative_error(self, missed: Any, mass: Any) -> Any:
        """An L1 marginal error relative to the larger total, or to the plan's ``mass`` where that is larger and free to be."""
        with np.errstate(invalid="ignore"):
            return missed / (np.maximum(self.max_mass, mass) if min(self.relax) < math.inf else self.max_mass)

    def damping(self, epsilon: Any) -> tuple[Any, Any]:
        """What an update of either potential is multiplied by, ``rho / (rho + epsilon)``."""
        one, other = (1.0 if math.isinf(rho) else rho / (rho + epsilon) for rho in self.relax)
        return one, other

    def centred(self, f: Floats, g: Floats) -> tuple[Floats, Floats]:
        """Potentials with ``a.f = b.g``, the same up to a constant that moves from one side to the other, where that is free."""
        if min(self.relax) < math.inf:
            return f, g
        t = ((self.a * f).sum(-1) - (self.b * g).sum(-1)) / sum(self.totals)
        shift = np.asarray(t)[..., None]
        return f - shift, g + shift

    def dual(self, f: Floats, g: Floats, epsilon: Any, mass: Any) -> Any:
        """The dual value of potentials whose plan ``exp((f + g - c) / epsilon)`` of ``a (x) b`` has a total ``mass``."""
        return self.dual_of(self.gain(f, 0) + self.gain(g, 1), epsilon, mass)

    def dual_of(self, gained: Any, epsilon: Any, mass: Any) -> Any:
        """The dual value, of what both potentials add to it."""
        return gained - epsilon * (mass - self.product_mass)

    def gain(self, potential: Floats, side: int) -> Any:
        """What a potential adds to the dual value."""
        return ((self.b if side else self.a) * self.dual_term(potential, side)).sum(-1)

    def imbalance(self, gained: Any, left: Any, side: int) -> Any:
        """``log sum_i w_i exp(-f_i / rho)`` relative to ``log sum_i w_i``, of what a potential gains and what its :meth:`target` comes to."""
        rho, total = self.relax[side], self.totals[side]
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if math.isinf(rho):
                return 0.0 * total
            share = -gained / (rho * total)
            return np.where(np.abs(share) < 0.5, np.log1p(share), np.log(left / total))

    def best_shift(self, one: Any, other: Any) -> Any:
        """The constant to move from g to f that makes the dual value largest, of the :meth:`imbalance` of both; 0 where neither is relaxed.

        The plan stays as it is, and ``rho_1, rho_2`` times the logarithms of what the marginals are to be are equal after it: Sejourne,
        Vialard, Peyre, "Faster unbalanced optimal transport: translation invariant Sinkhorn and 1-D Frank-Wolfe", 2022, proposition 2.
        """
        if min(self.relax) == math.inf:
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = one - other + np.log(self.totals[0] / self.totals[1])
            shift = apart / sum(1 / rho for rho in self.relax)
        return np.where(np.isfinite(shift), shift, 0.0)

    def shifted_gain(self, gained: Any, shift: Any, side: int) -> Any:
        """What a potential adds to the dual value with a constant added to it."""
        rho, total = self.relax[side], self.totals[side]
        if math.isinf(rho):
            return gained + shift * total
        return gained * np.exp(-shift / rho) - rho * total * np.expm1(-shift / rho)

    def target(self, potential: Floats, side: int) -> Floats:
        """The marginal that the plan of an optimal potential has: the weights, times ``exp(-f / rho)`` where relaxed."""
        rho, weights = self.relax[side], (self.a, self.b)[side]
        with np.errstate(over="ignore"):
            return weights if math.isinf(rho) else weights * np.exp(-potential / rho)

    def dual_term(self, potential: Floats, side: int) -> Floats:
        """What a potential adds to the dual value, a unit of weight: itself, or ``rho (1 - exp(-f / rho))`` where relaxed."""
        rho = self.relax[side]
        with np.errstate(over="ignore"):
            return potential if math.isinf(rho) else -rho * np.expm1(-potential / rho)
