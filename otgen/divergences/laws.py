"""Laws that divergences are taken of: mass functions, frozen distributions, Gaussians and mixtures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

from ..errors import InvalidInput
from ..inputs import arrays, scalars
from ..inputs.types import Floats

_TAIL = 1e-18  # mass of a discrete law that may be left out on either side
_ATOMS = 10_000_000


@dataclass(frozen=True, eq=False)
class Gaussian:
    """``N(mean, cov)`` in any dimension, cov positive definite: the variance, (d,) variances, or a matrix (d, d).

    Examples
    --------
    >>> Gaussian(0.0, 4.0).dim
    1
    """

    mean: Any
    cov: Any

    def __post_init__(self) -> None:
        mean = np.atleast_1d(np.asarray(self.mean, np.float64))
        cov = np.asarray(self.cov, np.float64)
        cov = np.diag(np.broadcast_to(cov, mean.shape)) if cov.ndim < 2 else cov
        if (
            mean.ndim != 1
            or cov.shape != (len(mean), len(mean))
            or not (np.isfinite(mean).all() and np.isfinite(cov).all())
        ):
            raise InvalidInput(
                f"mean must be (d,) and cov (d, d), finite; received shapes {mean.shape} and {cov.shape}"
            )
        if not np.allclose(cov, cov.T, rtol=1e-9, atol=0.0) or (np.linalg.eigvalsh(cov) <= 0).any():
            raise InvalidInput("cov must be symmetric and positive definite; received one that is not; regularise it")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "cov", (cov + cov.T) / 2)

    @property
    def dim(self) -> int:
        """The dimension."""
        return len(self.mean)


@dataclass(frozen=True, eq=False)
class Mixture:
    """``sum w_k law_k`` of laws on the line, all continuous; weights are positive and add up to 1.

    Examples
    --------
    >>> two = Mixture([0.5, 0.5], [scipy.stats.norm(-1), scipy.stats.norm(1)])
    >>> bool(abs(two.logpdf(0.0) - scipy.stats.norm(1).logpdf(0.0)) < 1e-12)
    True
    """

    weights: Any
    laws: Sequence[Any]

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, np.float64)
        if (
            weights.shape != (len(self.laws),)
            or not len(weights)
            or (weights <= 0).any()
            or abs(weights.sum() - 1) > 1e-9
        ):
            raise InvalidInput(f"weights must be positive, one a law, of sum 1; received {self.weights!r}")
        object.__setattr__(self, "weights", weights / weights.sum())
        object.__setattr__(self, "laws", tuple(line(law, "law") for law in self.laws))

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the density, at a point or at many."""
        logs = np.array([law.logpdf(x) for law in self.laws])
        weights = self.weights.reshape(-1, *(1,) * (logs.ndim - 1))
        found: Any = scipy.special.logsumexp(logs, b=weights, axis=0)
        return float(found) if logs.ndim == 1 else found

    def cdf(self, x: Any) -> Any:
        """The distribution function, at a point or at many."""
        found: Any = sum(w * law.cdf(x) for w, law in zip(self.weights, self.laws))
        return float(found) if np.ndim(found) == 0 else found

    def rvs(self, n: int, random_state: Any = None) -> Floats:
        """``n`` samples (n,)."""
        generator = scalars.generator(random_state)
        which = generator.choice(len(self.laws), size=n, p=self.weights)
        draws = np.stack([law.rvs(n, random_state=generator) for law in self.laws])
        return draws[which, np.arange(n)]

    def corners(self) -> list[float]:
        """Ends of supports, and points between which the density is tame."""
        return [point for law in self.laws for point in corners(law)]

    def support(self) -> tuple[float, float]:
        """The smallest interval that holds all the mass."""
        ends = [law.support() for law in self.laws]
        return min(low for low, _ in ends), max(high for _, high in ends)


def line(law: Any, name: str) -> Any:
    """A continuous law on the line."""
    if isinstance(law, Gaussian):
        if law.dim != 1:
            raise InvalidInput(f"{name} must be a law on the line here; received a Gaussian in dimension {law.dim}")
        return scipy.stats.norm(law.mean[0], math.sqrt(law.cov[0, 0]))
    if isinstance(law, Mixture) or (hasattr(law, "logpdf") and hasattr(law, "ppf") and hasattr(law, "support")):
        return law
    raise InvalidInput(
        f"{name} must be a mass function, a frozen scipy.stats distribution, a Gaussian or a Mixture; received "
        f"{type(law).__name__}"
    )


def is_discrete(law: Any) -> bool:
    """Whether a law has a mass function."""
    return hasattr(law, "pmf") or (hasattr(law, "dist") and hasattr(law.dist, "pmf"))


def corners(law: Any) -> list[float]:
    """Points that cut the line into pieces on which a density is tame."""
    if isinstance(law, Mixture):
        return law.corners()
    levels = (1e-300, 1e-100, 1e-30, 1e-12, 1e-6, 1e-3, 0.05, 0.25, 0.5)
    inner = [float(z) for level in levels for z in (law.ppf(level), law.isf(level))]
    return [float(end) for end in law.support()] + [z for z in inner if math.isfinite(z)]


def mass_function(value: Any, name: str) -> Floats:
    """A pmf (n,) from an array: non-negative, of sum 1 to 1e-9."""
    p, _ = arrays.weights(value, np.size(value), name, "atoms")
    if abs(math.fsum(p) - 1) > 1e-9:
        raise InvalidInput(f"{name} must sum to 1 (to 1e-9); received a sum of {math.fsum(p)!r}; divide it by that")
    return np.array(p)


def _reach(law: Any) -> tuple[float, float]:
    """Where a discrete law has nearly all of its mass."""
    low, high = (float(end) for end in law.support())
    middle = float(law.ppf(0.5))
    if math.isinf(high):
        high = max(middle, 1.0)
        while law.sf(high) > _TAIL and high < middle + _ATOMS:
            high = 2 * high
    if math.isinf(low):
        low = min(middle, -1.0)
        while law.cdf(low) > _TAIL and low > middle - _ATOMS:
            low = 2 * low
    return low, high


def atoms(p: Any, q: Any) -> tuple[Floats, Floats, float]:
    """Two discrete laws on the whole numbers as mass functions over all that either reaches, and what is left out."""
    ends = [_reach(law) for law in (p, q)]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if not high - low < _ATOMS:
        raise InvalidInput(f"p and q must reach fewer than {_ATOMS} atoms; received laws from {low:g} to {high:g}")
    k = np.arange(int(low), int(high) + 1)
    return p.pmf(k), q.pmf(k), 4 * _TAIL
