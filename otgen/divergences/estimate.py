"""A number and how far off it may be."""

from __future__ import annotations

from typing import NamedTuple


class Estimate(NamedTuple):
    """``value``, and ``error``: a bound on rounding and quadrature, or for samples a standard error; ``note`` says of what kind.

    Examples
    --------
    >>> Estimate(0.5, 1e-12).value
    0.5
    """

    value: float
    error: float
    note: str = "rounding and quadrature"
