"""Laws that divergences are taken of: mass functions, frozen distributions, Gaussians and mixtures."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

from ..errors import InvalidInput
from ..inputs import arrays, gaussians, scalars, tables, whole
from ..inputs.reading import refuse_bytes
from ..inputs.types import Floats

_NORMAL = 0.000016  # the skewness below which scipy's law of Pearson's third type is normal
_FAR = 1e6  # where the distribution function of a law on the line is 0 or 1


@dataclass(frozen=True, eq=False)
class Gaussian:
    """``N(mean, cov)`` in any dimension.

    Parameters
    ----------
    mean : array_like
        A number, or (d,); kept as (d,) in float64.
    cov : array_like
        The variance, (d,) variances, or a symmetric positive definite matrix (d, d), in units of the mean squared; kept as (d, d).

    Attributes
    ----------
    names : tuple of str or None
        Of the coordinates, where mean or cov are of a table.

    Raises
    ------
    InvalidInput
        For what is not finite, not symmetric, not positive definite or of shapes that do not fit.

    Examples
    --------
    >>> Gaussian(0.0, 4.0).dim
    1
    """

    mean: Any
    cov: Any
    names: tables.Names | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        named = gaussians.names(self.mean, self.cov)
        tables.same_names(named)
        object.__setattr__(self, "names", next(filter(tables.are_named, named.values()), None))
        gaussians.refuse_sizes(self.mean, self.cov, variances=True)
        mean = gaussians.mean(self.mean, "mean")
        cov = gaussians.covariance(self.cov, len(mean), "cov", variances=True, definite=True)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "cov", cov + (cov.T - cov) / 2)

    @property
    def dim(self) -> int:
        """The dimension."""
        return len(self.mean)


@dataclass(frozen=True, eq=False)
class Mixture:
    """``sum w_k law_k`` of laws on the line, all continuous.

    Parameters
    ----------
    weights : array_like
        (k,), positive, of sum 1 to the tolerance of their dtype; divided by it.
    laws : sequence
        k frozen continuous ``scipy.stats`` distributions, Gaussians in dimension 1, or mixtures.

    Raises
    ------
    InvalidInput
        For other weights, and for a law that is not continuous or not on the line.

    Examples
    --------
    >>> two = Mixture([0.5, 0.5], [scipy.stats.norm(-1), scipy.stats.norm(1)])
    >>> bool(abs(two.logpdf(0.0) - scipy.stats.norm(1).logpdf(0.0)) < 1e-12)
    True
    """

    weights: Any
    laws: Sequence[Any]

    def __post_init__(self) -> None:
        try:
            laws = tuple(self.laws)
        except (TypeError, NotImplementedError, RuntimeError):  # of memory in a format of others, and of nested tensors
            raise InvalidInput(
                f"laws must be a sequence of laws; received {scalars.told(self.laws)}; pass a list of them"
            ) from None
        held, origin = arrays.numbers(self.weights, "weights")
        weights, tolerance = held.astype(np.float64), origin.tolerance()
        if weights.shape != (len(laws),) or not (weights > 0).all() or not abs(weights.sum() - 1) <= tolerance:
            raise InvalidInput(
                f"weights must be positive, one a law, of sum 1 (to {tolerance:g} in {origin.dtype}); received {scalars.told(self.weights)}; "
                f"divide them by their sum, and leave out laws of weight 0"
            )
        object.__setattr__(self, "weights", weights / weights.sum())
        object.__setattr__(self, "laws", tuple(line(law, f"laws[{k}]") for k, law in enumerate(laws)))

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the density, at a point or at many."""
        x = arrays.numbers(x, "x")[0]
        logs = np.array([law.logpdf(x) for law in self.laws])
        weights = self.weights.reshape(-1, *(1,) * (logs.ndim - 1))
        found: Any = scipy.special.logsumexp(logs, b=weights, axis=0)
        return float(found) if logs.ndim == 1 else found

    def cdf(self, x: Any) -> Any:
        """The distribution function, at a point or at many."""
        x = arrays.numbers(x, "x")[0]
        found: Any = sum(w * law.cdf(x) for w, law in zip(self.weights, self.laws))
        return float(found) if np.ndim(found) == 0 else found

    def rvs(self, n: int, random_state: Any = None) -> Floats:
        """``n`` samples (n,), drawn by a seed or a numpy generator."""
        n, generator = scalars.count(n, "n", least=0), scalars.generator(random_state, "random_state")
        refuse_bytes(8 * n * len(self.laws), (n,), "n")
        which = generator.choice(len(self.laws), size=n, p=self.weights)
        draws = np.stack([law.rvs(n, random_state=generator) for law in self.laws])
        return draws[which, np.arange(n)]

    def support(self) -> tuple[float, float]:
        """The smallest interval that holds all the mass."""
        ends = [law.support() for law in self.laws]
        return min(low for low, _ in ends), max(high for _, high in ends)


class _Renamed:
    """A law of scipy's newer kind, under the names that its frozen laws have."""

    def __init__(self, law: Any) -> None:
        self._law = law
        self.pdf, self.logpdf, self.logpmf = law.pdf, law.logpdf, law.logpmf
        self.cdf, self.sf, self.logcdf, self.logsf = law.cdf, law.ccdf, law.logcdf, law.logccdf
        self.ppf, self.isf = law.icdf, law.iccdf

    def support(self) -> Any:
        """The smallest interval that holds all the mass."""
        return self._law.support()

    def rvs(self, size: Any = 1, random_state: Any = None) -> Any:
        """Samples."""
        return self._law.sample(size, rng=random_state)


def line(law: Any, name: str) -> Any:
    """A continuous law on the line."""
    if isinstance(law, Gaussian):
        if law.dim != 1:
            raise InvalidInput(
                f"{name} must be a law on the line here; received a Gaussian in dimension {law.dim}; "
                f"compare its coordinates one by one"
            )
        return scipy.stats.norm(law.mean[0], math.sqrt(law.cov[0, 0]))
    if isinstance(law, Mixture):
        return law
    if is_discrete(law):
        raise InvalidInput(
            f"{name} must be a continuous law here; received one with a mass function; list the atoms of a mixture by "
            f"scipy.stats.rv_discrete(values=(atoms, masses))"
        )
    found = one_law(law, name, ("logpdf", "ppf", "isf", "support"))
    _refuse_periodic(found, name)
    return found


def _refuse_periodic(law: Any, name: str) -> None:
    """Raise for a law on the circle, whose density goes on without end, as scipy's von Mises law does: its mass is infinite."""
    tell: Any = getattr(law, "cdf", None)
    if tell is not None and any(math.isinf(end) for end in law.support()):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scipy warns of so far out is judged by its values
            low, high = float(tell(-_FAR)), float(tell(_FAR))
        if low < -1e-6 or high > 1 + 1e-6:
            raise InvalidInput(
                f"{name} must be a law on the line; received one whose distribution function goes from {low:g} to {high:g}, as on a circle; "
                f"compare samples of it with js_samples"
            )


def one_law(law: Any, name: str, methods: Sequence[str], *, median: bool = True) -> Any:
    """A law under the names that frozen ``scipy.stats`` laws have; with one median, if that is asked for."""
    found = _Renamed(law) if _bases(law) & {"ContinuousDistribution", "DiscreteDistribution", "Mixture"} else law
    if isinstance(law, type) or not all(callable(getattr(found, method, None)) for method in methods):
        raise InvalidInput(
            f"{name} must be a mass function, a frozen scipy.stats distribution, a Gaussian or a Mixture; received "
            f"{type(law).__name__}; pass an array of masses, or a law with {', '.join(methods)}"
        )
    _refuse_rounded_place(found, name)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scipy warns of is judged by its values
            ends = found.support()
            middle = found.ppf(0.5) if median else 0.0
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as fault:  # of scipy: for want of parameters, say
        raise InvalidInput(
            f"{name} must be a frozen distribution of which scipy can tell support and median; received one that stops with {fault!r}; "
            f"call it with its parameters, give it a _ppf of its own, or list its atoms by scipy.stats.rv_discrete(values=(atoms, masses))"
        ) from None
    if np.ndim(middle) or np.ndim(ends[0]) or not math.isfinite(middle):
        raise InvalidInput(
            f"{name} must be one law with a median; received {np.asarray(middle).tolist()!r} for it, and a support from "
            f"{np.asarray(ends[0]).tolist()!r}; check its parameters"
        )
    return found


def _refuse_rounded_place(law: Any, name: str) -> None:
    """Raise for a place that is a whole number which no double is: it would be another's."""
    place = np.asarray((_arguments(law) or (None, 0.0, 1.0))[1])
    if whole.is_whole(place) and not whole.held(place).all():
        raise InvalidInput(
            f"{name} must lie at a loc that is a double, as all whole numbers up to 2**53 are; received {place.tolist()!r}; "
            f"subtract one number from the loc of both laws"
        )


def parameters(law: Any) -> tuple[list[Any], float, float] | None:
    """Shapes, location and scale of a frozen scipy law; None for laws that do not say."""
    told = _arguments(law)
    return None if told is None else (list(told[0]), float(told[1]), float(told[2]))


def _arguments(law: Any) -> tuple[Any, Any, Any] | None:
    """Shapes, location and scale of a frozen scipy law as they were given."""
    try:
        return law.dist._parse_args(*law.args, **law.kwds)
    except (AttributeError, TypeError):
        return None


def is_pearson3(law: Any) -> bool:
    """Whether a law is a gamma law that scipy says has the whole line for its support."""
    told = parameters(law) if getattr(getattr(law, "dist", None), "name", None) == "pearson3" else None
    return told is not None and abs(float(told[0][0])) >= _NORMAL


def support(law: Any) -> tuple[float, float]:
    """The smallest interval that holds all the mass."""
    low, high = (float(end) for end in law.support())
    told = parameters(law)
    if told is None or not is_pearson3(law):
        return low, high
    (skew,), loc, scale = told
    end = float(loc - 2 * scale / skew)
    return (end, high) if skew > 0 else (low, end)


def is_law(value: Any) -> bool:
    """Whether something is meant as a law rather than as an array of masses."""
    return isinstance(value, Gaussian | Mixture) or any(hasattr(value, one) for one in ("support", "cdf", "logpdf"))


def is_discrete(law: Any) -> bool:
    """Whether a law has a mass function."""
    bases = _bases(law)
    if bases & {"ContinuousDistribution", "Mixture"}:  # scipy's newer laws have methods of both kinds
        return "DiscreteDistribution" in bases
    return hasattr(law, "pmf") or (hasattr(law, "dist") and hasattr(law.dist, "pmf"))


def _bases(law: Any) -> set[str]:
    """The names of scipy's newer classes that a law is of: they are public in scipy from version 1.15 on."""
    return {kind.__name__ for kind in type(law).__mro__ if kind.__module__.startswith("scipy.stats")}
