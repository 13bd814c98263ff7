"""The front door: a map from noise to data, fitted until held-out noise says that it is good."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import NotConverged
from ...inputs import arrays, scalars, sizes, tables
from ...model.cost import Metric
from ...model.measure import Measure
from ...solvers.base import Progress
from ...underflow import may_underflow
from ..telling import told
from .ascent import Ascent
from .fitted import SemidiscreteMap, sample_size
from .held_out import HeldOut, checked_confidence, judged
from .noise import Noise, Source
from .targets import Targets

_FIRST = 64  # draws a point before the first check; twice as many before each further one
_LIMIT = 1024  # the same at the end
_CHECKED = 64  # draws a point that a check looks at, at most
_LEAST = 2**14, 2**20  # draws for few points: before the first check, and at the end
_CHECKED_LEAST = 2**16  # what a check may look at, however few points there are


@may_underflow
def semidiscrete(
    noise: Source,
    y: Any,
    b: Any = None,
    *,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float | None = 1e-3,
    confidence: float = 0.95,
    max_draws: int | None = None,
    rng: Any = None,
    throw: bool = True,
    progress: bool = False,
) -> SemidiscreteMap:
    r"""Optimal transport from noise that can be sampled to the points of a data set, by averaged stochastic ascent of the semi-dual.

    .. math:: \max_g \; \mathbb{E} \min_j \left( d(X, y_j)^p - g_j \right) + \sum_j b_j g_j

    Parameters
    ----------
    noise : "gaussian" or callable
        The standard normal law in the dimension of the data, or a callable from a number n and a numpy Generator to draws (n, d).
    y : array_like
        (N, d) points, or (N,) on the line.
    b : array_like, optional
        (N,) non-negative weights, divided by their sum; None means uniform.
    p, metric
        As in :func:`otgen.wasserstein`, p finite.
    tol : float, optional
        The fit ends once held-out noise shows its suboptimality to be at most this share of the mean cost between noise and data that are
        paired at random, the unit of :class:`otgen.Relative`. None: it is not asked, and ``max_draws`` are drawn.
    confidence : float
        In (0, 1), of what is shown; it is spent over all checks, so that looking again and again does not use it up.
    max_draws : int, optional
        Noise to fit on, at most; what checks look at comes beside it. 1024 draws a point and 2**20 at least unless said otherwise; 64 and 2**14
        where ``tol`` is None.
    rng : int, Generator, optional
        Seed or generator (SPEC 7): the fit is a function of it, if ``noise`` is one of its generator.
    throw : bool
        Whether an end of ``max_draws`` before ``tol`` raises.
    progress : bool
        Whether to report on stderr how far the work is.

    Returns
    -------
    SemidiscreteMap
        ``sample(noise)`` is the point for each noise; ``check`` is what held-out noise said at the end.

    Raises
    ------
    InvalidInput
        On malformed points, weights, noise or options.
    NotConverged
        If ``max_draws`` end before ``tol`` is reached; ``.result`` is the map so far.

    Notes
    -----
    Step lengths come from the data: a hundredth of the mean cost first, then, point by point, the cost by which the next best point is
    worse; both fall as ``t ** -0.5``, and what is returned is an average. A check solves exact transport between the data and fresh noise, a
    quarter as much as was drawn so far and at most 64 draws a point, or 2**16, which takes longer than the ascent where both are large.
    With p = 1 noise may be equally well off with several points (on the line it is, beyond the last of them): no map of this kind is then a transport, which ``check.misplaced`` tells.

    References
    ----------
    Genevay, Cuturi, Peyre, Bach, "Stochastic optimization for large-scale optimal transport", 2016; Peyre and Cuturi, "Computational
    optimal transport", 2019, chapter 5.

    Examples
    --------
    >>> import otgen
    >>> fitted = otgen.semidiscrete("gaussian", [[0.0, 1.0], [0.0, -1.0]], rng=0)
    >>> fitted.sample([[3.0, 2.0], [3.0, -2.0]])
    array([0, 1])
    """
    order = scalars.finite_order(p)
    sizes.as_many(b, y, "b", "the points of y")
    tables.weighed_rows(y, b, ("y", "b"))
    data = Measure(arrays.cloud(y, "y", allow_gpu=True), b, "y", "b", allow_gpu=True)
    targets = Targets.of(data, metric, order)
    tol = None if tol is None else scalars.positive(tol, "tol", "use a share of the mean cost, such as 0.001")
    limit = _limit(max_draws, len(targets), checked=tol is not None)
    throw, progress = scalars.flag(throw, "throw"), scalars.flag(progress, "progress")
    delta = 1 - checked_confidence(confidence)
    with told(progress) as tell:
        fit = _Fit(Noise(noise, data.dim), scalars.generator(rng), targets, delta, limit, tell)
        check = fit.to(limit) if tol is None else fit.until(tol)
    found = _made(data, targets, fit.ascent, metric, order, check)
    if throw and tol is not None and check is not None and check.suboptimality > tol * fit.ascent.mean_cost:
        raise NotConverged(
            f"the ascent stopped at {fit.ascent.draws} draws, at most {check.suboptimality:.2g} below a cost within "
            f"[{check.lower:.5g}, {check.upper:.5g}]; raise max_draws or tol; pass throw=False for the map",
            found,
        )
    return found


class _Fit:
    """An ascent of ``limit`` draws at most and its checks, which share one generator; ``delta`` is what all checks together may be wrong with."""

    def __init__(
        self, noise: Noise, rng: np.random.Generator, targets: Targets, delta: float, limit: int, tell: Progress
    ) -> None:
        self.noise, self.rng, self.targets, self.delta, self.limit, self.tell = noise, rng, targets, delta, limit, tell
        self.ascent = Ascent.begun(targets, noise, rng, limit)

    def to(self, draws: int) -> None:
        """Go on until so much noise was drawn."""
        self.ascent.advance(draws, lambda drawn: self.tell(f"{drawn} of {draws} draws"))

    def until(self, tol: float) -> HeldOut:
        """Go on, and ask after twice as many draws each time, until the suboptimality is at most ``tol`` of the mean cost."""
        enough = max(_CHECKED * len(self.targets), _CHECKED_LEAST)
        k, goal = 1, min(self.limit, max(_FIRST * len(self.targets), _LEAST[0]))
        while True:
            self.to(goal)
            x = self.noise.draw(min(max(goal // 4, sample_size(1)), enough), self.rng)
            share = self.delta / 2**k  # these add up to less than delta
            check = judged(self.targets, self.ascent.potential, x, confidence=1 - share)
            self.tell(
                f"{self.ascent.draws} draws, at most {check.suboptimality / check.upper:.1e} of the cost from optimal"
            )
            if check.suboptimality <= tol * check.upper or goal >= self.limit:
                return check
            k, goal = k + 1, min(2 * goal, self.limit)


def _limit(max_draws: Any, targets: int, *, checked: bool) -> int:
    if max_draws is not None:
        return scalars.count(max_draws, "max_draws")
    return max(_LIMIT * targets, _LEAST[1]) if checked else max(_FIRST * targets, _LEAST[0])


def _made(
    data: Measure, targets: Targets, ascent: Ascent, metric: Metric, p: float, check: HeldOut | None
) -> SemidiscreteMap:
    potential = np.full(len(data), -np.inf)
    potential[targets.where] = ascent.potential
    return SemidiscreteMap(data.float64(), np.array(data.probabilities), potential, metric, p, ascent.draws, check)
