"""Derivatives of an exact transport cost in the points and in the weights.

The cost is convex in the weights, with the potentials as a subgradient; in the points, moving x_i changes each
``P_ij c(x_i, y_j)`` only, and a plan that stays feasible bounds the new optimum from above. What is
returned is the slope of that bound, the gradient where the optimal plan is unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.origin import device_of
from ..inputs.types import Floats
from ..kernels.outward import LEAST_NORMAL
from ..model.cost import CloudCost, Cost
from ..model.marginals import Marginals
from ..model.plan import SparsePlan


@dataclass(frozen=True, eq=False)
class Gradients:
    """Derivatives in x (n, d), y (m, d), a (n,) and b (m,); in x and y of the shapes in which these came, (n,) on a line.

    ``x`` and ``y`` are None for a cost matrix. ``a`` and ``b`` are the potentials: derivatives in the probabilities, known up
    to a constant, since both sides keep their mass. Of a distance of high order potentials may leave the range of floats; ``a`` and ``b`` are
    None then. Derivatives of a cost that does are infinite.

    ``residual`` is the marginal error of the potentials that an entropic gradient was taken at: it is that far from the
    gradient at the optimum, times the size of the potentials. ``C`` (n, m) is only what :meth:`otgen.Result.vjp` gives for a
    cost matrix.

    Of partial transport ``a`` and ``b`` are derivatives in the masses as received, with no constant left open, and ``mass`` is that in the
    amount moved, where it was given.

    Examples
    --------
    >>> import otgen
    >>> otgen.wasserstein([[0.0, 0.0]], [[3.0, 4.0]]).gradients(of="cost").x
    array([[-6., -8.]])
    """

    x: Any
    y: Any
    a: Any
    b: Any
    residual: float | None = None
    C: Any = None
    mass: float | None = None

    def minus(self, other: Gradients) -> Gradients:
        """Differences of all derivatives; the larger residual."""
        scalars.instance(other, Gradients, "other", "an otgen.Gradients", "pass what result.gradients() gives")
        pairs = list(zip((self.x, self.y, self.a, self.b), (other.x, other.y, other.a, other.b)))
        if any(np.shape(one) != np.shape(two) for one, two in pairs if not one is two is None):
            raise InvalidInput(
                "other must be derivatives in as many points and weights; received others; take both of problems of one size"
            )
        with device_of(self.a):
            differences = [None if one is None else one - two for one, two in pairs]
        return Gradients(*differences, residual=max(self.residual or 0.0, other.residual or 0.0))


Pair = tuple[Any, Any]


def envelope(
    cost: Cost,
    goal: Marginals,
    epsilon: Any,
    f: Floats,
    g: Floats,
    *,
    symmetric: bool = False,
    totals: tuple[Any, Any] | None = None,
) -> tuple[Pair, Pair]:
    """Derivatives of an entropic value in the points, None for listed costs, and in the weights, at potentials (n,), (m,).

    At the optimum potentials and plan may be held fixed: ``sum_j a_i b_j K_ij dc_ij/dx_i`` for the points. For the weights the
    derivative of the dual value, ``f_i - epsilon (sum_j b_j K_ij - sum b)``, with ``rho (1 - exp(-f/rho))`` for f where relaxed.
    (Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", 2019, section 3.) Of a stack
    of problems all come with a leading axis. ``symmetric`` says that both sides are the same measure;
    ``totals`` are theirs in the mass of the product, if others.
    """
    a, b, strength = goal.a, goal.b, np.asarray(epsilon)[..., None]
    points: Pair = (None, None)
    if cost.entry is not None:
        clouds = cost.clouds
        at_x = a[..., None] * clouds.gibbs_slope(f, g, epsilon, b)
        points = at_x, at_x if symmetric else b[..., None] * clouds.T.gibbs_slope(g, f, epsilon, a)
    log_rows, columns = cost.sweep(f, g, a, b, epsilon, 0.0)
    of_a, of_b = (np.asarray(total)[..., None] for total in totals or (a.sum(-1), b.sum(-1)))
    in_a = goal.dual_term(f, 0) - strength * (np.exp(log_rows) - of_b)
    return points, (in_a, goal.dual_term(g, 1) - strength * (columns - of_a))


def point_gradients(cost: CloudCost, plan: SparsePlan) -> tuple[Floats, Floats]:
    """``sum_j P_ij grad_x c(x_i, y_j)`` and the same for y: (n, d), (m, d), in the units in which the cost is held.

    Where the cost has a kink (coincident points, equal coordinates) the zero of its subdifferential is taken.

    Raises
    ------
    InvalidInput
        For a callable metric, whose derivative is not known.
    """
    return _gathered(cost, plan, plan.values, cost.pair_slopes(plan.rows, plan.columns))


def distance_gradients(cost: CloudCost, plan: SparsePlan, length: float) -> tuple[Floats, Floats]:
    """Derivatives in the points, (n, d) and (m, d), of a distance ``length = (sum_ij P_ij d_ij ** p) ** (1/p)``.

    ``sum_j P_ij (d_ij / length) ** (p - 1) grad d_ij``, of no unit: no power of a distance leaves the range of floats, as those of
    the cost do at high orders. 0 where the distance is; NaN for points with a share of a plan that is no normal float, and that has few digits.

    Raises
    ------
    InvalidInput
        As :func:`point_gradients`.
    """
    ground = cost.distances
    distances = ground.pairs(plan.rows, plan.columns)
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):  # of shares that are no normal floats
        shares = plan.values * (distances / length if length > 0 else np.zeros_like(distances)) ** (cost.p - 1)
    if length > 0:
        shares[(plan.values > 0) & (plan.values < LEAST_NORMAL) & (distances > 0)] = np.nan
    return _gathered(cost, plan, shares, ground.pair_slopes(plan.rows, plan.columns))


def _gathered(
    cost: CloudCost, plan: SparsePlan, shares: Floats, slopes: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Slopes of pairs (k, d), times shares (k,), added up point by point."""
    out = np.zeros_like(cost.x), np.zeros_like(cost.y)
    for sums, numbers, slope in zip(out, (plan.rows, plan.columns), slopes):
        np.add.at(sums, numbers, slope * shares[:, None])
    return out
