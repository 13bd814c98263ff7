"""What weights must be; arrays in."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInput, MassMismatch
from ..inputs.types import Floats


def check_weights(a: Floats, b: Floats, tolerance: float) -> None:
    """Raise unless weights (B, n), (B, m) are finite and non-negative with positive totals that agree, relatively."""
    for name, weights in (("a", a), ("b", b)):
        bad = ~(np.isfinite(weights) & (weights >= 0))
        if bad.any():
            raise InvalidInput(f"{name} must be finite and non-negative; received {weights[bad][0]}; correct it")
        if weights.size and not (weights > 0).any(-1).all():
            raise InvalidInput(f"{name} must carry some mass; received zeros only; pass None for uniform weights")
    with np.errstate(over="ignore"):
        one, other = a.sum(-1), b.sum(-1)
    for name, totals in (("a", one), ("b", other)):
        if not np.isfinite(totals).all():
            raise InvalidInput(
                f"{name} must have a total that is a float; received inf; divide it by its largest entry"
            )
    apart = np.abs(one - other) > tolerance * np.maximum(one, other)
    if apart.any():
        k = int(apart.argmax())
        raise MassMismatch(
            f"a and b must carry the same total mass (to {tolerance:g} relative); received {float(one[k])!r} and "
            f"{float(other[k])!r}; divide each by its sum, in the dtype that you pass"
        )
