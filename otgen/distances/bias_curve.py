"""How the distance between samples falls with their size, and where it would end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np
from scipy.special import stdtrit

from ..errors import InvalidInput
from ..inputs import numerals, scalars
from ..inputs.types import Floats, Indices
from ..underflow import may_underflow
from .chosen import DistanceName, chosen
from .distance_options import DistanceOptions
from .drawing import SOURCE, TARGET, given_or_new_axes
from .permutation_null import samples
from .sampling_rates import known_order, worst_rate
from .splits import Measure, measured
from .telling import told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZES = 4  # halvings, the largest size included
_LEAST = 5  # points in a sample


@dataclass(frozen=True, eq=False, repr=False)
class BiasCurve:
    """Mean distances between samples of several sizes, and their extrapolation to infinitely many points.

    Attributes
    ----------
    sizes : ndarray
        (k,), ascending: how many points the samples of either side have.
    values, standard_errors : ndarray
        (k,), means over independent groups, and their errors.
    groups : ndarray
        (G, k): the means of each group, which share no point with another.
    rate : float
        r of the model ``W(n) = limit + slope * n ** -r``.
    reason : str
        Where the rate is from.
    limit, standard_error : float
        The fitted limit, and its error from how the groups vary; whether the model holds is not in it.
    slope : float
        Of the fit.

    Examples
    --------
    >>> curve = BiasCurve.fitted([4, 16], [[3.0, 2.0], [3.5, 2.5]], 0.5, "as given")
    >>> round(curve.limit, 9), round(curve.standard_error, 9), round(curve.slope, 9)
    (1.25, 0.25, 4.0)
    """

    sizes: Indices
    values: Floats
    standard_errors: Floats
    groups: Floats
    rate: float
    reason: str
    limit: float
    standard_error: float
    slope: float

    @classmethod
    def fitted(cls, sizes: Any, groups: Any, rate: float, reason: str) -> BiasCurve:
        """By least squares in each group alone, so that the groups' limits are independent."""
        sizes, groups = np.asarray(sizes), np.asarray(groups, np.float64)
        if groups.ndim != 2 or len(groups) < 2 or sizes.shape != groups.shape[1:]:
            raise InvalidInput(
                f"groups must have shape (G, k), two groups at least, a column for each of k sizes; received {groups.shape} and sizes of shape "
                f"{sizes.shape}; pass one row a group"
            )
        model = np.stack([np.ones(len(sizes)), sizes**-rate], axis=1)
        limits, slopes = np.linalg.lstsq(model, groups.T, rcond=None)[0]
        root = math.sqrt(len(groups))
        errors = groups.std(axis=0, ddof=1) / root
        error = float(limits.std(ddof=1)) / root
        return cls(
            sizes, groups.mean(axis=0), errors, groups, rate, reason, float(limits.mean()), error, float(slopes.mean())
        )

    def at(self, n: float) -> float:
        """What the model says of samples of n points."""
        return self.limit + self.slope * scalars.positive(n, "n", "pass a number of points") ** -self.rate

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student's confidence interval of the fitted limit, if the model holds; by ``G - 1`` degrees of freedom.

        Examples
        --------
        >>> low, high = BiasCurve.fitted([4, 16], [[3.0, 2.0], [3.5, 2.5]], 0.5, "as given").interval()
        >>> round(low, 2), round(high, 2)
        (-1.93, 4.43)
        """
        level = confidence_level(level)
        reach = float(stdtrit(len(self.groups) - 1, (1 + level) / 2)) * self.standard_error
        return self.limit - reach, self.limit + reach

    @property
    def verdict(self) -> str:
        """In a sentence: between what numbers the distance of the laws is likely to lie."""
        low, high = (numerals.number(float(end), 4) for end in (max(self.interval()[0], 0.0), self.values[-1]))
        return (
            f"at the rate {self.reason} the distance of the laws would be {numerals.number(max(self.limit, 0.0), 4)}; bias that falls "
            f"faster puts it nearer to {high}, the mean at {self.sizes[-1]} points; so between about {low} and {high}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the means with their standard errors over ``n ** -rate``, where the model is a straight line, and where that ends.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure unless given.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, for titles and limits of your own.

        Raises
        ------
        MissingExtra
            Where matplotlib is not installed.
        InvalidInput
            Where ``ax`` is no axes.

        Examples
        --------
        >>> axes = BiasCurve.fitted([4, 16], [[3.0, 2.0], [3.5, 2.5]], 0.5, "as given").plot()
        >>> axes.get_title(loc="left")
        'limit 1.25, at the rate as given'
        """
        axes, places = given_or_new_axes(ax), np.append(self.sizes**-self.rate, 0.0)
        axes.plot(places, self.limit + self.slope * places, color=SOURCE)
        means, errors = np.append(self.values, self.limit), np.append(self.standard_errors, self.standard_error)
        axes.errorbar(places[:-1], means[:-1], errors[:-1], fmt="o", color=SOURCE, capsize=3)
        axes.errorbar(places[-1:], means[-1:], errors[-1:], fmt="s", color=TARGET, capsize=3)
        axes.set_xticks(places, [*map(str, self.sizes.tolist()), "∞"])
        axes.set_xlabel(f"points of a sample, n, at n ** -{self.rate:.3g}")
        axes.set_ylabel("mean distance")
        told = numerals.beside_error(self.limit, self.standard_error)
        axes.set_title(f"limit {told}, at the rate {self.reason}", loc="left", fontsize="medium")
        return axes

    def to_dict(self) -> dict[str, Any]:
        """As plain Python values that json can write."""
        return {
            "sizes": self.sizes.tolist(),
            "values": self.values.tolist(),
            "standard_errors": self.standard_errors.tolist(),
            "rate": self.rate,
            "reason": self.reason,
            "limit": self.limit,
            "standard_error": self.standard_error,
            "slope": self.slope,
            "verdict": self.verdict,
        }

    def __repr__(self) -> str:
        rows = [
            (
                f"n = {n}",
                f"{numerals.beside_error(float(value), float(error))}, fitted {numerals.number(self.at(n), 4)}",
            )
            for n, value, error in zip(self.sizes.tolist(), self.values, self.standard_errors)
        ]
        rows.append(
            ("limit", f"{numerals.beside_error(self.limit, self.standard_error)}, if bias falls as {self.reason}")
        )
        return numerals.in_rows("BiasCurve", rows)


def confidence_level(level: Any) -> float:
    """A level in (0, 1)."""
    level = scalars.real(level, "level")
    if not 0 < level < 1:
        raise InvalidInput(f"level must lie in (0, 1); received {level:g}; 0.95 is usual")
    return level


@overload
def bias_curve(
    x: Any,
    y: Any,
    *,
    distance: DistanceName = ...,
    rate: float | None = ...,
    n_groups: int = ...,
    rng: Any = ...,
    progress: bool = ...,
    **options: Unpack[DistanceOptions],
) -> BiasCurve: ...
@overload
def bias_curve(
    x: Any,
    y: Any,
    *,
    distance: Measure,
    rate: float | None = ...,
    n_groups: int = ...,
    rng: Any = ...,
    progress: bool = ...,
    **options: Any,
) -> BiasCurve: ...
@may_underflow
def bias_curve(
    x: Any,
    y: Any,
    *,
    distance: DistanceName | Measure = "wasserstein",
    rate: float | None = None,
    n_groups: int = 10,
    rng: Any = None,
    progress: bool = False,
    **options: Any,
) -> BiasCurve:
    r"""The mean distance between samples of n points against n, and its extrapolation to the laws.

    .. math:: W(n) = W_\infty + c\, n^{-r}, \qquad r = 1 / \max(2p, d)

    Distances between samples are too large on average, by what falls with their size (:doc:`/samples-and-laws`). The samples are dealt
    into groups that share no point, each group into halves, quarters and eighths; what the groups say is independent, so that errors are those of
    independent means, sampling error included. The price is that no curve reaches beyond ``min(n, m) // n_groups`` points.

    Parameters
    ----------
    x, y
        Samples (n, d) and (m, d), or (n,) and (m,), drawn independently, all of one weight.
    distance : {"wasserstein", "sliced_wasserstein"} or callable
        What is measured; a callable of two sets and two None needs a ``rate``.
    rate : float, optional
        r. Unless given the one that theory guarantees: by Fournier and Guillin's theorem 1 and the triangle inequality the bias is at most of
        order ``n ** (-1 / max(2p, d))``, with a logarithm where ``d = 2p``, for laws with enough moments. It is sharp for samples of one law in
        ``d > 2p`` dimensions. Where the laws differ, or lie on fewer dimensions, bias falls faster, and the limit comes out too low.
    n_groups : int
        G, how many groups; at least 2.
    rng : int, Generator, optional
        Seed or generator (SPEC 7).
    progress : bool
        Whether a terminal is told how far it is.
    **options
        Handed to the distance.

    Returns
    -------
    BiasCurve
        ``limit`` with its ``standard_error`` and ``interval``, the curve, and a ``verdict`` in words. The limit is an extrapolation by a model,
        nothing is proven of it; negative ones say that bias falls faster than the model has it.

    Raises
    ------
    InvalidInput
        For samples of fewer than ``10 n_groups`` points, for distances without a known rate where none is given, and as the distance does.

    References
    ----------
    Fournier and Guillin, "On the rate of convergence in Wasserstein distance of the empirical measure", 2015, theorem 1; Nadjahi et al.,
    "Statistical and topological properties of sliced probability divergences", 2020.

    Examples
    --------
    Two samples of one law in 8 dimensions lie 1.8 apart, and their laws not at all:

    >>> import numpy as np, otgen
    >>> x, y = np.random.default_rng(0).normal(size=(2, 800, 8))
    >>> curve = otgen.bias_curve(x, y, rng=0)
    >>> bool(otgen.wasserstein(x, y).value > 1.6), abs(curve.limit) < 0.3
    (True, True)
    """
    count = scalars.count(n_groups, "n_groups", least=2)
    generator = scalars.generator(rng)
    one, other = samples(x, y, None, None, options)[:2]
    if rate is None:
        name, p = known_order(distance, options, "pass rate=, such as 0.5")
        power, reason = worst_rate(name, p, 1 if one.ndim == 1 else one.shape[1])
    else:
        power = scalars.positive(rate, "rate", "0.5 is that of means")
        reason = f"n ** -{power:g}, as given"
    measure = chosen(distance, options, generator)
    sizes = _sizes(min(len(one), len(other)), count)
    orders = [generator.permutation(len(z)) for z in (one, other)]
    sets = [
        z[order[: count * sizes[-1]]].reshape(count, sizes[-1], *z.shape[1:]) for z, order in zip((one, other), orders)
    ]
    groups: list[list[float]] = []
    with told(progress) as tell:
        for u, v in zip(*sets):
            groups.append([_mean(measure, u, v, size) for size in sizes])
            tell(f"{len(groups)} of {count} groups")
    return BiasCurve.fitted(sizes, groups, power, reason)


def _sizes(points: int, groups: int) -> list[int]:
    """Sizes of samples, ascending, each twice the one before: a group has the last one."""
    largest = points // groups
    halvings = min(_SIZES - 1, (largest // _LEAST).bit_length() - 1) if largest >= 2 * _LEAST else 0
    if halvings < 1:
        raise InvalidInput(
            f"x and y must have {2 * _LEAST} points a group at least; received {points} for n_groups={groups}; pass more points or fewer groups"
        )
    least = largest >> halvings
    return [least << k for k in range(halvings + 1)]


def _mean(measure: Callable[..., Any], x: Floats, y: Floats, size: int) -> float:
    """The mean distance between disjoint samples of a size, of one group."""
    starts = range(0, len(x) - size + 1, size)
    return float(np.mean([measured(measure(x[k : k + size], y[k : k + size])).value for k in starts]))
