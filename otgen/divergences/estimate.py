"""A number and how far off it may be."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars


class Estimate(NamedTuple):
    """``value``, and ``error``: a bound on rounding and quadrature, or for samples a standard error; ``note`` says of what kind.

    Both are floats, or arrays (k,) where k pairs of mass functions were compared at once.

    Examples
    --------
    >>> Estimate(0.5, 1e-12).value
    0.5
    """

    value: Any
    error: Any
    note: str = "rounding and quadrature"

    def within(self, low: float, high: float) -> Estimate:
        """The nearest value in an interval that holds the truth: never farther from it."""
        if isinstance(self.value, float):
            return self._replace(value=min(max(self.value, low), high))
        return self._replace(value=np.clip(self.value, low, high))

    def in_base(self, base: float | None) -> Estimate:
        """Nats in units of ``log base``; None keeps them."""
        if base is None:
            return self
        unit = math.log(base)
        return self._replace(value=self.value / unit, error=self.error / unit + 2e-16 * abs(self.value / unit))

    def root(self) -> Estimate:
        """The square root, with an error that holds down to a value of 0."""
        value = np.sqrt(np.maximum(self.value, 0.0))
        bound = np.sqrt(self.error)
        # |sqrt(v) - sqrt(t)| = |v - t| / (sqrt v + sqrt t), at most error / sqrt v and at most sqrt(error).
        error = np.where(value > bound, self.error / np.where(value > bound, value, 1.0), bound) + 2e-16 * value
        single = np.ndim(value) == 0
        return self._replace(value=float(value) if single else value, error=float(error) if single else error)


def logarithm_base(base: Any) -> float | None:
    """A base of logarithms, above 1 and finite; None means e."""
    if base is None:
        return None
    number = scalars.real(base, "base")
    if not 1 < number < math.inf:
        raise InvalidInput(
            f"base must be above 1 and finite, or None for nats; received {scalars.told(base)}; pass base=2 for bits"
        )
    return number
