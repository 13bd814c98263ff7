"""What a proof consists of, whichever argument made it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..inputs.types import Floats
from ..model.plan import Plan
from ..model.units import Units


@dataclass(frozen=True, eq=False)
class Certificate:
    """A proven interval for the optimum of a problem, in the units of its cost.

    ``kind`` names the argument: ``dual`` (potentials feasible for all pairs), ``monotone`` (on the line), ``cut`` (for
    p = inf), ``entropic``. ``cost`` is what the plan costs, ``scale`` what the gap is compared with (the largest of
    the cost, ``a.|f| + b.|g|`` with both sides of the potentials balanced, and 1e-7 of the spread of the cost; of masses that had to be rounded, what pairs usually cost), ``marginal_error`` the larger L1 error of the
    plan's marginals. Costs are in the unit ``unit ** (p * degree)``, if there is one: the largest distance that is travelled on the line, where a square is of degree 2. ``plan`` is the plan of the claim, None where there was none; ``potentials`` are those that prove the lower bound,
    None on the line, where the plan makes them when asked.

    Examples
    --------
    >>> Certificate("dual", 1.0, 1.0 - 1e-15, 1.0 + 1e-15, 2.0, 0.0).optimal
    True
    """

    kind: str
    cost: float
    lower: float
    upper: float
    scale: float
    marginal_error: float
    plan: Plan | None = None
    potentials: tuple[Floats, Floats] | None = None
    objective: float | None = None
    exact_bounds: tuple[float, float] | None = None
    unit: float | None = None
    degree: int = 1

    @property
    def optimal(self) -> bool:
        """Whether the interval is as narrow as rounding lets it: 1e-10 of the scale (or nothing but underflow)."""
        return math.isfinite(self.upper) and self.upper - self.lower <= 1e-10 * self.scale + 1e-280

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.upper - self.lower


def way_back(found: Certificate, back: Units) -> Units:
    """The way back from what a proof says, where ``back`` is that from the problem that it is about."""
    return replace(back, unit=found.unit, degree=found.degree)


def below(value: float, margin: float) -> float:
    """``value - margin``, and past the rounding of that; a margin of 0 means that the value is exact. Nothing is known of what is NaN."""
    least = value if margin == 0 else math.nextafter(value - margin, -math.inf)
    return -math.inf if math.isnan(least) else least


def above(value: float, margin: float) -> float:
    """``value + margin``, and past the rounding of that; a margin of 0 means that the value is exact. Nothing is known of what is NaN."""
    most = value if margin == 0 else math.nextafter(value + margin, math.inf)
    return math.inf if math.isnan(most) else most
