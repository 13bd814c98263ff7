"""A number and how far off it may be."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars

_ROUNDING = 2.0**-51  # of a logarithm and a quotient, or of a root, relative


class Estimate(NamedTuple):
    """``value``, and ``error``: a bound on rounding and quadrature, or for samples a standard error; ``note`` says of what kind.

    Both are floats, or arrays (k,) where k pairs of mass functions were compared at once. The error of an infinite value is 0.

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
        low, high = scalars.real(low, "low"), scalars.real(high, "high")
        if isinstance(self.value, float):
            return self._replace(value=min(max(self.value, low), high))
        return self._replace(value=np.clip(self.value, low, high))

    def in_base(self, base: float | None) -> Estimate:
        """Nats in units of ``log base``, above 1; None keeps them."""
        if (base := logarithm_base(base)) is None:
            return self
        unit = math.log(base)
        value = self.value / unit
        return self._replace(value=value, error=self.error / unit + _rounding(value))

    def root(self) -> Estimate:
        """The square root, with an error that holds down to a value of 0."""
        value = np.sqrt(np.maximum(self.value, 0.0))
        bound = np.sqrt(self.error)
        # |sqrt(v) - sqrt(t)| = |v - t| / (sqrt v + sqrt t), at most error / sqrt v and at most sqrt(error).
        error = np.where(value > bound, self.error / np.where(value > bound, value, 1.0), bound) + _rounding(value)
        single = np.ndim(value) == 0
        return self._replace(value=float(value) if single else value, error=float(error) if single else error)


def _rounding(value: Any) -> Any:
    """What one more step rounds a value by; of an infinite one nothing."""
    found = _ROUNDING * np.abs(np.where(np.isinf(value), 0.0, value))
    return found if np.ndim(found) else float(found)


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
