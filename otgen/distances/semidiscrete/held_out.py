r"""What noise that the fit has not seen says of a potential: between what the transport cost of the law itself lies.

Let T be the least cost of sending the law of the noise to the data, g any potential, ``l(x) = min_j c(x, y_j) - g_j``, and
``x_1, ..., x_n`` held-out draws.

Below, by weak duality, ``T >= E l(X) + b.g``: a mean of independent draws.

Above, let U be the least cost of sending the n draws, of mass ``1/n`` each, to the data: what the assignment costs once the mass that it
misplaces in the sample is put right in the cheapest way. With optimal potentials f*, g* of the law, ``T = E f*(X) + b.g*``; they are
feasible for the sample too, so that

.. math:: T \;\le\; U + \mathbb{E} f^*(X) - \frac{1}{n} \sum_i f^*(x_i)

where f* is one fixed function, though unknown: again a mean of independent draws, and that the masses of a sample are multinomial
around those of the law is all in U. In the same way ``T - (E l(X) + b.g)`` is at most U less the sample's own semi-dual, but for the
deviation of the mean of ``f* - l``, which is small where g is good.

How far means deviate is one of two things:

=============  ====================================================================================================================
guaranteed     for every n, where a box is known that holds all noise: empirical Bernstein below, Hoeffding above, since all
               c-transforms vary over the box by at most ``max_j (max c(x, y_j) - min c(x, y_j))``
asymptotic     as n grows, by the central limit theorem (Student's quantiles), for noise of any support whose costs have a variance.
               Above, the spread of f* is taken from that of the sample's own optimal potentials, which tend to it
=============  ====================================================================================================================

The mass that the map misplaces, ``sum_j |P(j(X) = j) - b_j| / 2``, is at most its mean over samples, by convexity, and one draw moves
that of a sample by ``1/n`` at most: that bound is guaranteed in both cases.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...inputs import numerals, scalars
from ...inputs.types import Floats
from ..deviations import bernstein, hoeffding, student
from ..exact import wasserstein
from .support import cost_ranges
from .targets import Targets

LEAST = 30  # draws, below which a variance is not worth the name


@dataclass(frozen=True, eq=False, repr=False)
class HeldOut:
    """What held-out noise says of a semidiscrete map. Costs are ``metric ** p``; each bound holds with ``confidence`` by itself.

    Attributes
    ----------
    lower, upper : float
        The transport cost between the law of the noise and the data lies between them.
    suboptimality : float
        By how much the potential's semi-dual may lie below that cost, at most.
    misplaced : float
        The share of all noise that the map sends to other points than their masses ask for, at most.
    dual, assigned, corrected : float
        Of the sample: its semi-dual; the mean cost of the assignment as it is; and with the mass that it misplaces put right.
    draws : int
        How much noise was looked at.
    confidence : float
        With which probability, over the held-out noise.
    guaranteed : bool
        Whether that is so for every number of draws; else ``lower``, ``upper`` and ``suboptimality`` are asymptotic.
    p : float
        The order.

    Examples
    --------
    >>> import otgen
    >>> fitted = otgen.semidiscrete("gaussian", [-1.0, 1.0], rng=0)
    >>> found = fitted.held_out(rng=1)
    >>> truth = 2 * (1 - (2 / math.pi) ** 0.5)  # by hand: E(|X| - 1)^2
    >>> found.lower <= truth <= found.upper, found.suboptimality < 0.1, found.misplaced < 0.1
    (True, True, True)
    """

    lower: float
    upper: float
    suboptimality: float
    misplaced: float
    dual: float
    assigned: float
    corrected: float
    draws: int
    confidence: float
    guaranteed: bool
    p: float

    @property
    def distance(self) -> tuple[float, float]:
        """The interval of the distance, ``cost ** (1/p)``."""
        return max(self.lower, 0.0) ** (1 / self.p), max(self.upper, 0.0) ** (1 / self.p)

    def to_dict(self) -> dict[str, Any]:
        """As plain Python values that json can write."""
        return {**asdict(self), "distance": list(self.distance)}

    def __repr__(self) -> str:
        kind = "guaranteed" if self.guaranteed else "asymptotic"
        rows = (
            ("cost", f"{numerals.interval(self.lower, self.upper)} at {100 * self.confidence:g} %, {kind}"),
            ("suboptimality", f"at most {self.suboptimality:.2g}"),
            ("misplaced", f"at most {100 * self.misplaced:.2g} % of the mass"),
            ("draws", str(self.draws)),
        )
        return numerals.in_rows("HeldOut", rows)


def judged(targets: Targets, g: Floats, x: Floats, *, confidence: float, support: Any = None) -> HeldOut:
    """What noise x (n, d) says of potentials g (k,) of the targets."""
    n, delta = len(x), 1 - checked_confidence(confidence)
    if n < LEAST:
        raise InvalidInput(f"n must be at least {LEAST}, to judge by; received {n}; draw more noise")
    values, columns = targets.assigned(x, g)
    ranges = None if support is None else cost_ranges(targets, support, x)
    start = None if x.shape[1] == 1 else (values, g)  # on the line nothing is started from
    result = wasserstein(
        x, targets.points, None, targets.masses, p=targets.p, metric=targets.metric, normalize=True, init=start
    )
    corrected, optimal = result.cost_upper, np.asarray(result.potentials[0])
    assert corrected is not None
    mean, constant = float(values.mean()), float(g @ targets.masses)
    paid = max(corrected - (mean + constant), 0.0)
    if ranges is None:
        below, above, of_both = (
            student(values, delta / 2),
            student(optimal, delta / 2),
            student(optimal - values, delta),
        )
    else:
        width = ranges.width(g)
        spread = partial(hoeffding, n=n)
        below = bernstein(values, width, delta / 2)
        above, of_both = spread(ranges.widest, delta=delta / 2), spread(ranges.widest + width, delta=delta)
    shares = np.bincount(columns, minlength=len(targets)) / n
    misplaced = float(np.abs(shares - targets.masses).sum()) / 2 + hoeffding(1.0, n, delta)
    return HeldOut(
        lower=mean + constant - below,
        upper=corrected + above,
        suboptimality=paid + of_both,
        misplaced=min(misplaced, 1.0),
        dual=mean + constant,
        assigned=math.fsum(values + g[columns]) / n,
        corrected=corrected,
        draws=n,
        confidence=1 - delta,
        guaranteed=ranges is not None,
        p=targets.p,
    )


def checked_confidence(value: Any) -> float:
    """A probability strictly between 0 and 1."""
    confidence = scalars.real(value, "confidence")
    if not 0 < confidence < 1:
        raise InvalidInput(f"confidence must lie in (0, 1); received {confidence:g}; 0.95 is usual")
    return confidence
