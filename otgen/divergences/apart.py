"""Laws that a point of the line tells apart, and what that proves: divergences that have a largest value are as far below it as mass lies amiss.

So laws that lie too far apart for any rule of quadrature have such divergences all the same. Of two normal laws Kullback and Leibler's has a closed form.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import scipy.stats

from .affine import parts
from .estimate import Estimate
from .integral import BEYOND
from .laws import parameters
from .terms import KL, Term

ROUGH = 1e-6  # an error that is worth another attempt, and the largest that counts as told
_ROUNDED = 1e-15  # what distribution functions near 0 and 1 may be off by: scipy's may be differences to 1
_LEVELS = (1e-300, 1e-100, 1e-50, 1e-30, 1e-18, 1e-12, 1e-7)


def told_apart(p: Any, q: Any, term: Term) -> Estimate | None:
    """A divergence by one point between both laws, or by its closed form for normal laws; None where neither tells it to 1e-6."""
    if term is KL:
        return _normal_kl(p, q)
    if term.short is None or not all(_has_own_distribution(part) for law in (p, q) for part in parts(law)):
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scipy warns of is judged by its values
        amiss = min(_masses_amiss(p, q), _masses_amiss(q, p), key=sum)
    short = term.short(*(mass + _ROUNDED for mass in amiss))
    return Estimate(term.most, short) if short <= ROUGH else None


def _masses_amiss(low: Any, high: Any) -> tuple[float, float]:
    """The masses of one law above a point and of the other below it, for the point that leaves least."""
    tops = [float(part.isf(level)) for part in parts(low) for level in _LEVELS]
    bottoms = [float(part.ppf(level)) for part in parts(high) for level in _LEVELS]
    ends = [float(part.support()[side]) for side, law in ((1, low), (0, high)) for part in parts(law)]
    middle = (
        max(float(part.ppf(0.5)) for part in parts(low)) / 2 + min(float(part.ppf(0.5)) for part in parts(high)) / 2
    )
    points = [z for z in (*tops, *bottoms, *ends, middle) if math.isfinite(z)]
    return min(((_mass(low, "sf", z), _mass(high, "cdf", z)) for z in points), key=sum, default=(1.0, 1.0))


def _mass(law: Any, name: str, at: float) -> float:
    """The mass above or below a point; 1 where scipy has none."""
    weights = getattr(law, "weights", (1.0,))
    of = [_mass(part, name, at) for part in law.laws] if hasattr(law, "laws") else [float(getattr(law, name)(at))]
    found = sum(w * mass for w, mass in zip(weights, of))
    return found if 0 <= found <= 1 else 1.0


def _has_own_distribution(law: Any) -> bool:
    """Whether a distribution function is a formula of scipy's: what it integrates of a density may miss mass far away."""
    family, generic = type(getattr(law, "dist", None)), (scipy.stats.rv_continuous, scipy.stats.rv_discrete)
    # scipy has no public name for whether a family has its own formula, and its stubs leave these methods out.
    return issubclass(family, generic) and all(family._cdf is not each._cdf for each in generic)  # pyright: ignore[reportAttributeAccessIssue]


def _normal_kl(p: Any, q: Any) -> Estimate | None:
    """``log t/s + ((s/t)^2 + (m/t)^2 - 1) / 2`` for deviations s of p and t of q, means m apart."""
    if any(getattr(getattr(law, "dist", None), "name", None) != "norm" for law in (p, q)):
        return None
    (_, one, s), (_, other, t) = (z for z in map(parameters, (p, q)) if z is not None)
    with np.errstate(over="ignore"):
        ratio, way = np.float64(s) / t, np.float64(one - other) / t
        summands = math.log(t) - math.log(s), float(ratio**2) / 2, float(way**2) / 2, -0.5
    size = sum(map(abs, summands))
    if not math.isfinite(size):
        return Estimate(math.inf, 0.0, BEYOND)
    return Estimate(math.fsum(summands), 4 * 2.0**-52 * (size + abs(math.log(t)) + abs(math.log(s))))
