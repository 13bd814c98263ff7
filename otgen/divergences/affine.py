"""Two laws on the line moved and stretched alike, which changes no divergence of theirs, so that they lie where floats tell their densities."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .laws import Mixture, parameters

_SPAN = 900  # binary digits between the larger scale and the smaller one that quadrature still tells
_APART = 2.0**40  # scales apart, from which on floats may not tell both of two laws


def moderate(p: Any, q: Any) -> tuple[Any, Any]:
    """Laws of scipy's, and mixtures of them, as laws of places and scales about 1; as they are where that would round any of either.

    Scales are divided by a power of two, places less that of one law: where that is 0, floats tell distances from it.

    Examples
    --------
    >>> import scipy.stats
    >>> one, other = moderate(scipy.stats.norm(1e200, 1e-200), scipy.stats.norm(1e200, 2e-200))
    >>> bool(one.mean() == other.mean()), round(float(other.std() / one.std()), 12)
    (True, 2.0)
    """
    found = [parameters(part) for law in (p, q) for part in parts(law)]
    held = [z for z in found if z is not None]
    places, scales = [z[1] for z in held], [z[2] for z in held]
    if len(held) < len(found) or not all(map(math.isfinite, places + scales)) or min(scales) <= 0:
        return p, q
    moved = [z - places[0] for z in places]
    if all(Fraction(z) == Fraction(place) - Fraction(places[0]) for z, place in zip(moved, places)):
        places = moved
    low, high = (math.frexp(z)[1] - 1 for z in (min(scales), max(scales)))
    numbers = [_divided(z, min(high, low + _SPAN)) for z in places + scales]
    if any(z is None for z in numbers) or numbers == [z[1] for z in held] + [z[2] for z in held]:
        return p, q
    pairs = iter(zip(held, numbers[: len(held)], numbers[len(held) :]))

    def moved_law(law: Any) -> Any:
        if isinstance(law, Mixture):
            return replace(law, laws=[moved_law(part) for part in law.laws])
        (shapes, _, _), loc, scale = next(pairs)
        return law.dist(*shapes, loc=loc, scale=scale)

    return moved_law(p), moved_law(q)


def parts(law: Any) -> list[Any]:
    """The laws that a mixture mixes, in their order, and those of mixtures in it; a law that is none is its own part."""
    return [one for part in law.laws for one in parts(part)] if isinstance(law, Mixture) else [law]


def refuse_far_apart(p: Any, q: Any) -> None:
    """Raise for laws of which parts lie so many of their scales apart that floats do not tell both: no rule finds the mass of each."""
    with np.errstate(all="ignore"):
        try:
            low, middle, high = np.array(
                [[float(part.ppf(level)) for level in (0.25, 0.5, 0.75)] for law in (p, q) for part in parts(law)]
            ).T
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
