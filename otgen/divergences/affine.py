"""Two laws on the line moved and stretched alike, which changes no divergence of theirs, so that they lie where floats tell their densities."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .laws import Mixture, parameters

_FAR = 350  # binary digits: laws of scales and places within are left as they are
_SPAN = 900  # binary digits between the larger scale and the smaller one that quadrature still tells
_APART = 2.0**40  # scales apart, from which on floats may not tell both of two laws
_NARROW = 2.0**28  # a law is narrow where it lies so many of its scales away


def moderate(p: Any, q: Any) -> tuple[Any, Any]:
    """Laws of scipy's that lie at extreme places, or at extreme scales, as laws of places and scales about 1; all others as they are.

    Scales are divided by a power of two, places less that of one law; where that would round any of them nothing is changed.

    Examples
    --------
    >>> import scipy.stats
    >>> one, other = moderate(scipy.stats.norm(1e200, 1e-200), scipy.stats.norm(1e200, 2e-200))
    >>> bool(one.mean() == other.mean()), round(float(other.std() / one.std()), 12)
    (True, 2.0)
    """
    found = [parameters(law) for law in (p, q)]
    if None in found:
        return p, q
    held = [z for z in found if z is not None]
    places, scales = [z[1] for z in held], [z[2] for z in held]
    if not all(map(math.isfinite, places + scales)) or min(scales) <= 0:
        return p, q
    farthest = max(map(abs, places))
    if farthest > _NARROW * min(scales) or farthest > 2.0**_FAR:
        start = places[0]
        if any(Fraction(z - start) != Fraction(z) - Fraction(start) for z in places):
            return p, q
        places = [z - start for z in places]
    low, high = (math.frexp(z)[1] for z in (min(scales), max(scales)))
    exponent = min(high, low + _SPAN) if max(-low, high) > _FAR else 0
    if places == [z[1] for z in held] and not exponent:
        return p, q
    numbers = [_divided(z, exponent) for z in places + scales]
    if any(z is None for z in numbers):
        return p, q
    one, other = (
        law.dist(*shapes, loc=loc, scale=scale)
        for law, (shapes, _, _), loc, scale in zip((p, q), held, numbers[:2], numbers[2:])
    )
    return one, other


def refuse_far_apart(p: Any, q: Any) -> None:
    """Raise for laws of which parts lie so many of their scales apart that floats do not tell both: no rule finds the mass of each."""
    parts = [part for law in (p, q) for part in (law.laws if isinstance(law, Mixture) else (law,))]
    with np.errstate(all="ignore"):
        try:
            low, middle, high = np.array([[float(part.ppf(level)) for level in (0.25, 0.5, 0.75)] for part in parts]).T
        except (ArithmeticError, AttributeError, RuntimeError, ValueError):  # of scipy; then nothing is known
            return
        apart, width = float(np.ptp(middle)), float((high - low).min())
    if apart > _APART * width:
        raise InvalidInput(
            f"p and q must lie so near to each other that floats tell both, within some {_APART:.0e} of the narrower one's width; received laws "
            f"whose medians are {apart:.3g} apart, of which one has quartiles {width:.3g} apart; pass a Gaussian for each normal law, of which kl "
            f"has a closed form, or choose laws nearer to each other"
        )


def _divided(number: float, exponent: int) -> float | None:
    """A number divided by a power of two, exactly; None where no float holds that."""
    try:
        found = math.ldexp(number, -exponent)
    except OverflowError:
        return None
    return found if Fraction(found) == Fraction(number) / Fraction(2) ** exponent else None
