"""Pairs of laws whose distances are known: what samplers, estimators and critics can be held to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..distances.gaussians import bures_wasserstein
from ..divergences import Estimate, Gaussian
from ..divergences.integral import BEYOND
from ..divergences.laws import line
from ..errors import InvalidInput
from ..inputs import arrays, scalars
from ..inputs.gaussians import covariance, length, mean, refuse_other_length, refuse_sizes
from ..inputs.reading import refuse_bytes
from ..inputs.types import Floats
from .line import on_the_line

Draw = Callable[[int, np.random.Generator], tuple[Floats, Floats]]
_LOG2 = math.log(2.0)
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two laws in ``dim`` dimensions, and what is known of them.

    Attributes
    ----------
    name : str
        In words.
    dim : int
        Of both laws.
    draw : callable
        ``(n, generator)`` to independent samples (n, dim) of both.
    distance : callable
        W_p, with the Euclidean distance, of an order p in [1, inf], as an :class:`~otgen.divergences.Estimate`; None where it is not known.
    divergences : mapping
        Known ones of ``kl``, ``js`` and ``tv``, in nats.

    Examples
    --------
    >>> pair = uniforms(0.25)
    >>> pair.wasserstein(3).value, pair.divergence("tv")
    (0.25, 0.25)
    """

    name: str
    dim: int
    draw: Draw
    distance: Callable[[float], Estimate | None]
    divergences: Mapping[str, float] = field(default_factory=dict)

    def sample(self, n: int, rng: Any = None) -> tuple[Floats, Floats]:
        """``n`` independent samples (n, dim) of each law, float64, by a seed or a numpy generator."""
        n, generator = scalars.count(n, "n"), scalars.generator(rng)
        refuse_bytes(16 * n * self.dim, (n, self.dim), "n")
        return self.draw(n, generator)

    def wasserstein(self, p: float = 2) -> Estimate:
        """W_p of the two laws; raises InvalidInput where this order has no known value."""
        found = self.distance(scalars.moderate_order(scalars.order(p)))
        if found is None:
            raise InvalidInput(
                f"p must be an order for which W_p of {self.name} is known; received {scalars.told(p)}; choose another one"
            )
        return found

    def divergence(self, name: str) -> float:
        """``kl``, ``js`` or ``tv`` of the two laws in nats; raises InvalidInput where it is not known."""
        if not isinstance(name, str) or name not in self.divergences:
            raise InvalidInput(
                f"name must be a divergence that is known of {self.name}; received {scalars.told(name)}; known are: {', '.join(sorted(self.divergences)) or 'none'}"
            )
        return self.divergences[name]


def uniforms(shift: float) -> Pair:
    """U[0, 1] and U[e, e + 1]: ``W_p = |e|``, ``TV = min(|e|, 1)``, ``JS = min(|e|, 1) log 2``, KL infinite unless e = 0.

    ("Lecture 9: generative models with adversaries", section 9.1, which has TV = 1 for every e.)

    Examples
    --------
    >>> uniforms(2.0).divergence("kl")
    inf
    """
    e = _finite_number(shift, "shift")
    apart = min(abs(e), 1.0)

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        return generator.random((n, 1)), generator.random((n, 1)) + e

    known = dict(kl=math.inf if e else 0.0, tv=apart, js=apart * _LOG2)
    return Pair(f"U[0, 1] and U[{e:g}, {e + 1:g}]", 1, draw, _same_at_every_order(abs(e)), known)


def segments(apart: float) -> Pair:
    """Uniform on two parallel unit segments of the plane at a distance: ``W_p = |h|``, ``JS = log 2`` unless h = 0.

    ("Deep Generative Models, Lecture 6", Wasserstein distance against KL and JSD.)

    Examples
    --------
    >>> segments(-3.0).wasserstein(1).value
    3.0
    """
    h = _finite_number(apart, "apart")

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        return _samples_of_both(lambda z: np.column_stack([np.full(n, z), generator.random(n)]), (0.0, h))

    known = dict(kl=math.inf, tv=1.0, js=_LOG2) if h else dict(kl=0.0, tv=0.0, js=0.0)
    return Pair(f"parallel segments {h:g} apart", 2, draw, _same_at_every_order(abs(h)), known)


def diracs(x: Any, y: Any) -> Pair:
    """Unit masses at two points (d,): ``W_p = |x - y|``.

    Examples
    --------
    >>> diracs([0.0, 0.0], [3.0, 4.0]).wasserstein().value
    5.0
    """
    refuse_other_length(length(x, "x"), length(y, "y"), ("x", "y"))
    one, other = mean(x, "x"), mean(y, "y")
    refuse_other_length(len(one), len(other), ("x", "y"))

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        return np.tile(one, (n, 1)), np.tile(other, (n, 1))

    apart = math.dist(one, other)
    known = dict(kl=math.inf, tv=1.0, js=_LOG2) if apart else dict(kl=0.0, tv=0.0, js=0.0)
    return Pair("two Diracs", len(one), draw, _same_at_every_order(apart), known)


def translation(draw: Callable[[int, np.random.Generator], Floats], by: Any) -> Pair:
    """Any law with finite moments, and itself moved by v (d,): ``W_p = |v|``; ``draw(n, generator)`` gives samples (n, d).

    Examples
    --------
    >>> translation(lambda n, generator: generator.exponential(size=(n, 2)), [0.6, 0.8]).wasserstein(5).value
    1.0
    """
    v = mean(by, "by")
    if not callable(draw):
        raise InvalidInput(
            f"draw must be a function of a number and a generator; received {scalars.told(draw)}; pass one that gives (n, {len(v)})"
        )

    def both(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        x, y = (arrays.points(draw(n, generator), "draw")[0].astype(np.float64) for _ in range(2))
        if x.shape != (n, len(v)) or y.shape != x.shape:
            raise InvalidInput(
                f"draw must give samples (n, {len(v)}), as long as by is; received shape {x.shape}; draw rows of that length"
            )
        return x, y + v

    return Pair("a law and its translate", len(v), both, _same_at_every_order(math.hypot(*v)))


def gaussians(source: Gaussian, target: Gaussian) -> Pair:
    """Two Gaussians: ``W_2`` by Bures, KL in closed form; ``W_p = |m_0 - m_1|`` for every p where the covariances are equal.

    In dimension 1 every finite ``W_p``, by quantiles. Raises InvalidInput for what is no Gaussian, and for two of different dimensions.

    Examples
    --------
    >>> gaussians(Gaussian(0.0, 1.0), Gaussian(1.0, 4.0)).wasserstein(2).value == 2**0.5
    True
    """
    for name, law in (("source", source), ("target", target)):
        if not isinstance(law, Gaussian):
            raise InvalidInput(
                f"{name} must be an otgen.divergences.Gaussian; received {type(law).__name__}; see line_pair"
            )
    if source.dim != target.dim:
        raise InvalidInput(
            f"source and target must have the same dimension; received {source.dim} and {target.dim}; leave out coordinates of one"
        )
    roots = [np.linalg.cholesky(law.cov) for law in (source, target)]

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        noise = [generator.standard_normal((n, source.dim)) for _ in roots]
        return noise[0] @ roots[0].T + source.mean, noise[1] @ roots[1].T + target.mean

    def distance(p: float) -> Estimate | None:
        if np.array_equal(source.cov, target.cov):
            return _same_at_every_order(float(np.linalg.norm(source.mean - target.mean)))(p)
        if source.dim == 1 and p not in (2.0, math.inf):
            return on_the_line(source, target, p)
        return _bures(source.mean, source.cov, target.mean, target.cov) if p == 2 else None

    step = np.linalg.solve(roots[1], roots[0])
    moved = np.linalg.solve(roots[1], target.mean - source.mean)
    logs = 2 * float(np.log(np.diag(roots[1]) / np.diag(roots[0])).sum())
    kl = math.fsum((float((step**2).sum()), float(moved @ moved), -float(source.dim), logs)) / 2
    return Pair("two Gaussians", source.dim, draw, distance, dict(kl=kl))


def elliptical(mean0: Any, scatter0: Any, mean1: Any, scatter1: Any, radius: Any) -> Pair:
    r"""``m + A^{1/2} R U`` with U uniform on the sphere and one law of radii R: ``W_2`` is Bures of covariances ``A E R^2 / d``.

    Parameters
    ----------
    mean0, mean1 : array_like
        (d,).
    scatter0, scatter1 : array_like
        (d, d), symmetric positive definite.
    radius : distribution
        A frozen continuous ``scipy.stats`` law of positive numbers with a second moment.

    Raises
    ------
    InvalidInput
        For shapes that do not fit, scatters that are not positive definite, and a radius that is no such law.

    References
    ----------
    Gelbrich, "On a formula for the L2 Wasserstein metric between measures on Euclidean and Hilbert spaces", 1990, theorem 2.1.

    Examples
    --------
    >>> import scipy.stats
    >>> pair = elliptical([0, 0], np.eye(2), [3, 4], np.eye(2), scipy.stats.uniform())
    >>> pair.wasserstein(2).value
    5.0
    """
    sides = ((mean0, "mean0", scatter0, "scatter0"), (mean1, "mean1", scatter1, "scatter1"))
    one, other = (refuse_sizes(side[0], side[2], (side[1], side[3]), variances=True) for side in sides)
    refuse_other_length(one, other)
    source, target = (_gaussian(*side) for side in sides)
    refuse_other_length(source.dim, target.dim)
    law_of_radii = _positive_law(radius, "radius")
    share = (float(law_of_radii.var()) + float(law_of_radii.mean()) ** 2) / source.dim
    if not 0 < share < math.inf:
        raise InvalidInput(
            f"radius must have a finite second moment; received {share * source.dim!r} for it; choose a law with lighter tails"
        )
    roots = [np.linalg.cholesky(law.cov) for law in (source, target)]

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        return _samples_of_both(
            lambda z: _isotropic(n, source.dim, law_of_radii, generator) @ z[0].T + z[1].mean,
            ((roots[0], source), (roots[1], target)),
        )

    def distance(p: float) -> Estimate | None:
        return _bures(source.mean, share * source.cov, target.mean, share * target.cov) if p == 2 else None

    return Pair("two elliptical laws", source.dim, draw, distance)


def isotropic(dim: int, radius0: Any, radius1: Any) -> Pair:
    """Laws that look alike from 0 in every direction, with laws of radii: every finite ``W_p`` of the laws is ``W_p`` of the radii.

    Parameters
    ----------
    dim : int
        Of the space.
    radius0, radius1 : distribution
        Frozen continuous ``scipy.stats`` laws of positive numbers.

    Raises
    ------
    InvalidInput
        For a law that reaches below 0, or is not continuous.

    Examples
    --------
    >>> import scipy.stats
    >>> pair = isotropic(10, scipy.stats.chi(10), scipy.stats.chi(10, scale=2))
    >>> round(pair.wasserstein(1).value, 4)
    3.0843
    """
    dim = scalars.count(dim, "dim")
    radii = [_positive_law(law, name) for name, law in (("radius0", radius0), ("radius1", radius1))]

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        return _samples_of_both(lambda radius: _isotropic(n, dim, radius, generator), (radii[0], radii[1]))

    return Pair("two isotropic laws", dim, draw, lambda p: None if math.isinf(p) else on_the_line(radius0, radius1, p))


def line_pair(p_law: Any, q_law: Any) -> Pair:
    """Two continuous laws on the line, as in :func:`on_the_line`: every finite ``W_p`` by quantiles.

    Examples
    --------
    >>> import scipy.stats
    >>> pair = line_pair(scipy.stats.expon(), scipy.stats.expon(scale=3))
    >>> round(pair.wasserstein(1).value, 9)
    2.0
    """
    first, second = line(p_law, "p_law"), line(q_law, "q_law")

    def draw(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        return _samples_of_both(lambda law: np.asarray(law.rvs(n, random_state=generator))[:, None], (first, second))

    return Pair("two laws on the line", 1, draw, lambda p: None if math.isinf(p) else on_the_line(p_law, q_law, p))


def _finite_number(value: Any, name: str) -> float:
    number = scalars.real(value, name)
    if math.isinf(number):
        raise InvalidInput(f"{name} must be finite; received {scalars.told(value)}; pass a number")
    return number


def _samples_of_both(sample: Callable[[Any], Floats], laws: tuple[Any, Any]) -> tuple[Floats, Floats]:
    """Samples of one law, then of the other."""
    return sample(laws[0]), sample(laws[1])


def _gaussian(middle: Any, its_name: str, scatter: Any, scatters_name: str) -> Gaussian:
    """A Gaussian whose parts errors call by the names under which they were passed."""
    found = mean(middle, its_name)
    return Gaussian(found, covariance(scatter, len(found), scatters_name, variances=True, definite=True))


def _positive_law(law: Any, name: str) -> Any:
    """A law of positive numbers."""
    found = line(law, name)
    if found.support()[0] < 0:
        raise InvalidInput(
            f"{name} must be a law of positive numbers; received one from {found.support()[0]:g} on; pass its absolute value's"
        )
    return found


def _same_at_every_order(value: float) -> Callable[[float], Estimate]:
    """One distance for every order."""
    found = Estimate(value, _EPS * value) if value < math.inf else Estimate(value, 0.0, BEYOND)
    return lambda p: found


def _bures(mean0: Floats, cov0: Floats, mean1: Floats, cov1: Floats) -> Estimate:
    found = bures_wasserstein(mean0, cov0, mean1, cov1)
    return Estimate(found.value, max(found.upper - found.value, found.value - found.lower))


def _isotropic(n: int, dim: int, radius: Any, generator: np.random.Generator) -> Floats:
    directions = generator.standard_normal((n, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * np.asarray(radius.rvs(n, random_state=generator))[:, None]
