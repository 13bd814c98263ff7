"""Max-sliced transport: the direction along which two clouds lie farthest apart, between bounds."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import NotConverged
from ..inputs import scalars
from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from ..kernels.outward import LEAST, moved_outward
from ..model import units
from ..model.plan import SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..solvers.base import Progress
from ..underflow import may_underflow
from .exact import wasserstein
from .makers import Makers
from .result import Result
from .sliced import with_mass
from .slices.ascent import Climbed, climb, starts
from .slices.ceiling import ceiling
from .slices.couplings import Clouds, Coupling
from .slices.plane import Found, branch_and_bound
from .solve import too_far_apart
from .splits import null_of
from .telling import told

_PAIRS = 1_000_000  # up to which W_p itself is solved for the upper end, unless one says otherwise
_ORDER = 700  # up to which powers in more than one dimension do not underflow


@may_underflow
def max_sliced_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 2,
    n_starts: int = 10,
    exact: bool | None = None,
    tol: float = 1e-6,
    max_iter: int = 100_000,
    rng: Any = None,
    throw: bool = True,
    normalize: bool = False,
    progress: bool = False,
) -> Result:
    r"""Max-sliced Wasserstein distance: the largest one-dimensional distance of projections to a line, between bounds.

    .. math:: \max_{|\theta| = 1} W_p(\theta_\# \alpha, \theta_\# \beta) \;\le\; W_p(\alpha, \beta)

    On the line it is W_p, and the result that of :func:`wasserstein`. In the plane a branch and bound over the half circle of directions closes the interval to ``tol``. In more
    dimensions the problem is not concave: the lower end is the best of several ascents, the upper one a bound by couplings, and the
    interval between them is as wide as it is.

    Parameters
    ----------
    x, y, a, b, normalize
        As in :func:`wasserstein`; the metric is euclidean.
    p : float
        Order, in [1, inf].
    n_starts : int
        In three dimensions or more: from how many directions to ascend. The first two are along the difference of the means and along
        the axis of the most different second moments (up to 256 dimensions), the others random.
    exact : bool, optional
        Whether W_p itself is solved: its upper bound, and its plan, are upper ends too, the only close ones where the clouds nearly agree.
        Unless said otherwise for up to a million pairs of points.
    tol : float
        In the plane: how wide the interval may be, relative to its upper end, beside what rounding leaves.
    max_iter : int
        In the plane: how many directions are tried at most, the first two in any case; else how many steps each ascent takes at most.
    rng : int, Generator, optional
        Seed or generator (SPEC 7) of the random starts.
    throw : bool
        Whether ``max_iter`` directions of the plane that do not close the interval raise; otherwise the status says so.
    progress : bool
        Whether to report on stderr which ascent is under way.

    Returns
    -------
    Result
        ``lower <= max-sliced W_p <= upper`` is proven, of these samples. ``value`` is the distance along ``direction``, a unit vector (d,); so
        ``lower`` is a proven lower bound of W_p as well. ``iterations`` counts the directions that were tried. The status is
        ``CONVERGED`` where the interval is as narrow as ``tol`` or rounding leave it, else ``BOUNDED``.

    Raises
    ------
    InvalidInput
        On malformed points, weights or options.
    MassMismatch
        As :func:`wasserstein` does.
    NotConverged
        In the plane, at ``max_iter``; ``.result`` holds the bounds reached.

    References
    ----------
    Deshpande et al., "Max-sliced Wasserstein distance and its use for GANs", 2019; Kolouri et al., "Generalized sliced Wasserstein distances",
    2019; Paty and Cuturi, "Subspace robust Wasserstein distances", 2019.

    Examples
    --------
    >>> import otgen
    >>> result = otgen.max_sliced_wasserstein([[0.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [4.0, 4.0]])
    >>> round(result.value, 4), abs(result.direction).round(2).tolist()
    (5.0, [0.6, 0.8])
    >>> result.lower <= 5 <= result.upper
    True
    """
    began = time.perf_counter()
    p, count, steps = scalars.order(p), scalars.count(n_starts, "n_starts"), scalars.count(max_iter, "max_iter")
    tol = scalars.positive(tol, "tol", "1e-6 is usual")
    throw, progress = scalars.flag(throw, "throw"), scalars.flag(progress, "progress")
    solved = None if exact is None else scalars.flag(exact, "exact")
    generator = scalars.generator(rng)
    problem = Problem.from_points(x, y, a, b, p=1, normalize=normalize, allow_gpu=False)
    if problem.source.dim == 1:
        return replace(
            wasserstein(x, y, a, b, p=p, throw=throw, normalize=normalize, progress=progress), direction=np.ones(1)
        )
    source, target, scale = with_mass(problem)
    clouds = Clouds(source, target, p)
    with told(progress) as tell:
        found, solver, certificate = _found(clouds, count, solved, tol, steps, generator, tell)
    seed = int(generator.integers(2**62))
    alike = partial(_alike, p=p, n_starts=n_starts, tol=tol, max_iter=max_iter, rng=seed)
    out = replace(
        _bounded(clouds, found, scale, tol, certificate),
        solver=solver,
        iterations=found.tried,
        mass=problem.mass,
        unit=problem.unit,
        of_samples=True,
        makers=Makers(null=partial(null_of, problem, alike)),
        seconds=time.perf_counter() - began,
    )
    if throw and out.status is Status.MAX_ITER:
        raise NotConverged(
            f"max_iter must be larger for an interval as narrow as tol={tol:g}; received {steps}, which left [{out.lower:.6g}, {out.upper:.6g}]; "
            f"raise max_iter or tol, or pass throw=False",
            out,
        )
    return out


def _alike(x: Floats, y: Floats, a: Floats | None, b: Floats | None, **options: Any) -> float:
    """The distance along the best direction of other samples."""
    return max_sliced_wasserstein(x, y, a, b, exact=False, throw=False, **options).value


def _found(
    clouds: Clouds, count: int, exact: bool | None, tol: float, steps: int, rng: np.random.Generator, tell: Progress
) -> tuple[Found, str, str]:
    """The best direction and the upper end, how they were found, and what proves the end."""
    n, m = len(clouds.source.points), len(clouds.target.points)
    solved = n * m <= _PAIRS if exact is None else exact
    if solved:
        tell("exact transport, for the upper end")
    upper, known = _exact(clouds) if solved else (math.inf, [])
    if clouds.dim == 2:
        tell("arcs of the plane")
        found = branch_and_bound(clouds, known, upper, tol, steps)
        return found, f"MaxSliced({found.tried} arcs)", "branch and bound"
    climbed: list[Climbed] = []
    for start in starts(clouds, count, rng):
        climbed.append(climb(clouds, start, steps))
        tell(f"{len(climbed)} of {count} starts")
    best = max(climbed, key=lambda at: at.distance)
    upper = min(upper, ceiling(clouds, [*known, *(at.coupling for at in climbed)]))
    tried = sum(at.tried for at in climbed)
    return Found(best.direction, upper, tried, True), f"MaxSliced({count} start{'s' * (count != 1)})", "couplings"


def _exact(clouds: Clouds) -> tuple[float, list[Coupling]]:
    """An upper bound of W_p that holds for the clouds before they were centred, and its plan as a coupling."""
    (x, a), (y, b) = clouds.source, clouds.target
    p = clouds.p if clouds.p <= _ORDER else math.inf  # W_p is no larger than W_inf
    found = wasserstein(x, y, a, b, p=p, normalize=True, throw=False)
    assert found.upper is not None
    upper = found.upper + clouds.rounding if found.upper else 0.0
    plan = found.plan
    if p == math.inf or not isinstance(plan, SparsePlan) or found.marginal_error is None:
        return upper, []
    lost = 4 * (found.marginal_error + 1e-25)  # mass that a coupling with the right marginals may have elsewhere
    return upper, [Coupling(clouds, plan.rows, plan.columns, np.asarray(plan.values, np.float64), lost)]


def _along(clouds: Clouds, direction: Floats) -> tuple[float, float]:
    """The distance of the projections to a line, and a lower bound that holds for exact ones."""
    (x, a), (y, b) = clouds.source, clouds.target
    found = wasserstein(x @ direction, y @ direction, a, b, p=clouds.p, normalize=True, throw=False)
    assert found.lower is not None
    lower = (found.lower - clouds.rounding) * (1 - 16 * UNIT)  # a unit vector is one to a few ulps
    return found.value, max(lower, 0.0)


def _bounded(clouds: Clouds, found: Found, scale: units.PowerOfTwo, tol: float, certificate: str) -> Result:
    """The result between its ends, in the caller's units."""
    value, lower = _along(clouds, found.direction)
    upper = max(found.upper, lower)
    value = min(max(value, lower), upper)
    narrow = upper < math.inf and upper - lower <= max(1.01 * tol * upper, 8 * clouds.rounding)
    status = Status.CONVERGED if narrow else Status.BOUNDED if found.closed else Status.MAX_ITER
    low, high = (
        moved_outward(scale.times(end), end, 0, outward) if end else 0.0 for end, outward in ((lower, -1), (upper, 1))
    )
    low, middle = max(low, 0.0), scale.times(value)
    if math.isinf(middle):
        raise too_far_apart()
    cost, cost_lower, cost_upper = _costs(low, middle, high, clouds.p)
    return Result(
        value=middle,
        lower=low,
        upper=high,
        cost=cost,
        cost_lower=cost_lower,
        cost_upper=cost_upper,
        status=status,
        certificate=certificate,
        solver="",
        iterations=0,
        marginal_error=None,
        mass=1.0,
        seconds=0.0,
        p=clouds.p,
        direction=found.direction,
    )


def _costs(low: float, value: float, high: float, p: float) -> tuple[float | None, float | None, float | None]:
    """The p-th power of a value, and of its ends past what a power is off by; None of p = inf."""
    if math.isinf(p):
        return None, None, None
    powers = [units.powered(number, p) for number in (low, high)]
    lower, upper = powers[0] * (1 - 4 * UNIT) - LEAST, powers[1] * (1 + 4 * UNIT) + (LEAST if high else 0.0)
    return units.powered(value, p), min(max(lower, 0.0), sys.float_info.max), upper
