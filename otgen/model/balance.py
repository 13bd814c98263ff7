"""Relaxed problems of unequal masses as such of equal ones: the constants that go from one potential to the other are known beforehand.

With ``f = f' + s_1, g = g' + s_2``, weights ``a' = a exp(-s_1 / rho_1), b' = b exp(-s_2 / rho_2)`` and
``(s_1 + s_2) / epsilon + s_1 / rho_1 + s_2 / rho_2 = 0`` every plan is that of f', g' and of a', b', and the value is that of a', b' with the mass
of ``a (x) b`` in its entropy, plus ``rho_1 (A - A') + rho_2 (B - B')`` for the totals A, B; ``s`` times the total in place of either where rho
is infinite. Totals A' = B' leave potentials as large as costs are, where f and g may be as large as rho.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..inputs.origin import Origin
from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from .measure import Measure

if TYPE_CHECKING:
    from .problem import Problem

Pair = tuple[float, float]

_FURTHEST = 690.0  # logarithm of a ratio of totals that is a float, and its inverse too


@dataclass(frozen=True, eq=False)
class Balance:
    """What makes the totals of a relaxed problem equal.

    ``problem`` has weights times ``factors`` and both totals ``total``; ``constants`` are what its potentials lack. Values are larger than its
    own by ``parts``, once ``whole`` is the mass that entropy is relative to. ``error`` is what weights are off by, relatively, and parts.

    Examples
    --------
    >>> from .problem import Problem
    >>> problem = Problem.from_points([0.0], [0.0], [1.0], [4.0], normalize=True)
    >>> found = Balance.of(replace(problem, epsilon=1.0, relax=(2.0, 2.0)))
    >>> found.factors, found.constants, found.parts
    ((2.0, 0.5), (-1.3862943611198906, 1.3862943611198906), (-2.0, 4.0))
    """

    problem: Problem
    factors: Pair = (1.0, 1.0)
    constants: Pair = (0.0, 0.0)
    parts: Pair = (0.0, 0.0)
    total: float = 1.0
    whole: float | None = None
    error: float = 0.0

    @classmethod
    def of(cls, problem: Problem) -> Balance:
        """Of a problem as it is where marginals are met, and where its totals are equal to rounding, or no floats make them so."""
        one, other = (math.fsum(side) for side in problem.masses) if problem.relaxed else (1.0, 1.0)
        apart = math.log(one) - math.log(other)
        if not (sum(problem.shape) + 16) * UNIT < abs(apart) < _FURTHEST:
            return cls(problem)
        rho, epsilon = problem.relax, problem.epsilon
        first, second = shares = _shares(rho, epsilon)
        logarithms = -apart * first, apart * second
        alpha, beta = factors = math.exp(logarithms[0]), math.exp(logarithms[1])
        constants = _constants(rho, epsilon, shares, apart)
        gained, left = (
            s * mass if math.isinf(r) else -r * mass * math.expm1(z)
            for r, s, z, mass in zip(rho, constants, logarithms, (one, other))
        )
        balanced = replace(problem, source=_times(problem.source, alpha), target=_times(problem.target, beta))
        error = 16 * UNIT * (1 + abs(apart))
        return cls(balanced, factors, constants, (gained, left), alpha * one, one * other, error)

    @property
    def value(self) -> float:
        """What values are larger by than those of the balanced problem."""
        return math.fsum(self.parts)

    @property
    def trivial(self) -> bool:
        """Whether the problem is itself."""
        return not self.error

    def slack(self, scale: float, marginal_error: float = 0.0) -> float:
        """What a bound of the balanced problem is off by, of potentials of that size: weights are rounded, and the parts.

        Weights that are off by delta move a dual value by ``delta (sum a |h(f)| + epsilon mass)`` a side; and the worth of a plan by as
        much and ``delta rho`` times what it misses.
        """
        missed = sum(rho for rho in self.problem.relax if rho < math.inf) * marginal_error
        mass = self.total * (1 + marginal_error)
        own = 4 * (scale + missed * mass + self.problem.epsilon * (mass + (self.whole or 0.0)))
        return self.error * (own + sum(map(abs, self.parts)))

    def lowered(self, f: Floats, g: Floats, constants: Pair = (0.0, 0.0)) -> tuple[Floats, Floats]:
        """Potentials of the balanced problem, of those that still lack ``constants``."""
        s, t = (there - own for there, own in zip(constants, self.constants))
        with np.errstate(over="ignore"):
            return f + s, g + t

    def derivative(self, found: Floats, side: int) -> Floats:
        """The derivative of the value in the weights of a side, from that of the balanced problem in its weights without the mass of the product."""
        rho, epsilon, constant = self.problem.relax[side], self.problem.epsilon, self.constants[side]
        gained = constant if math.isinf(rho) else -rho * math.expm1(-constant / rho)
        return self.factors[side] * found + (gained + epsilon * self.total / self.factors[1 - side])


def _times(measure: Measure, factor: float) -> Measure:
    """The same points with weights times a factor."""
    out = copy.copy(measure)
    for name in ("total", "probabilities"):
        vars(out).pop(name, None)
    object.__setattr__(out, "weights", measure.weights * factor)
    object.__setattr__(out, "weights_origin", measure.weights_origin or Origin())
    return out


def _shares(rho: Pair, epsilon: float) -> Pair:
    """Of the logarithm of A / B, which a and b are moved by."""
    one, other = rho
    if math.isinf(one) or math.isinf(other):
        return float(math.isinf(other)), float(math.isinf(one))
    both = one / 2 + other / 2 + epsilon
    return (other + epsilon) / 2 / both, (one + epsilon) / 2 / both


def _constants(rho: Pair, epsilon: float, shares: Pair, apart: float) -> Pair:
    """What both potentials lack, as costs."""
    one, other = rho
    if math.isinf(one):
        return apart * (other + epsilon), -apart * other
    if math.isinf(other):
        return apart * one, -apart * (one + epsilon)
    return apart * one * shares[0], -apart * other * shares[1]
